//! Text from outside, made safe for one line of a log or a terminal (T83).

use std::borrow::Cow;
use std::fmt::Write as _;

/// Longest text that goes into a log field, in bytes, its mark included.
pub const MAX_BYTES: usize = 2048;

/// Stands where something was cut off.
const CUT: &str = "…";

/// `text` with controls, line separators and characters that turn or hide text escaped as
/// `\u{..}`, backslashes doubled, cut to [`MAX_BYTES`]. Text without any of these is borrowed.
pub fn for_log(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_BYTES && !text.chars().any(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(MAX_BYTES));
    for character in text.chars() {
        let before = out.len();
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if is_escaped(character) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
            }
            _ => out.push(character),
        }
        if out.len() > MAX_BYTES - CUT.len() {
            out.truncate(before);
            out.push_str(CUT);
            break;
        }
    }
    Cow::Owned(out)
}

/// As [`for_log`], for bytes that may be no UTF-8: what is not becomes U+FFFD.
pub fn bytes_for_log(bytes: &[u8]) -> Cow<'_, str> {
    // One byte more than fits is enough to see that it does not fit.
    let bytes = bytes.get(..=MAX_BYTES).unwrap_or(bytes);
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => for_log(text),
        Cow::Owned(text) => Cow::Owned(for_log(&text).into_owned()),
    }
}

/// Whether a character may break a line, drive a terminal, turn the direction of text or be
/// invisible.
pub fn is_escaped(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\\'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn t83_nothing_breaks_the_line_or_turns_the_text() {
        for (text, expected) in [
            ("/wiki/Café?q=1", "/wiki/Café?q=1"),
            ("a\r\nlevel=error", "a\\r\\nlevel=error"),
            ("a\tb", "a\\tb"),
            ("\x1b[31mred", "\\u{1b}[31mred"),
            ("a\0b\x7f", "a\\u{0}b\\u{7f}"),
            ("a\u{85}b\u{9b}31m", "a\\u{85}b\\u{9b}31m"),
            ("user\u{202e}nimda", "user\\u{202e}nimda"),
            ("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}"),
            ("\u{200e}\u{200f}\u{61c}", "\\u{200e}\\u{200f}\\u{61c}"),
            ("a\u{2028}b\u{2029}c", "a\\u{2028}b\\u{2029}c"),
            ("pay\u{200b}pal\u{feff}", "pay\\u{200b}pal\\u{feff}"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
            ("back\\slash", "back\\\\slash"),
            ("\\n", "\\\\n"),
            ("", ""),
        ] {
            assert_eq!(for_log(text), expected);
        }
        assert!(matches!(for_log("plain"), Cow::Borrowed(_)));
        assert_eq!(bytes_for_log(b"a\xff\nb"), "a\u{fffd}\\nb");
    }

    #[test]
    fn t83_long_text_is_cut_between_characters() {
        assert_eq!(for_log(&"a".repeat(MAX_BYTES)).len(), MAX_BYTES);
        for text in ["a".repeat(65_536), "é".repeat(65_536), "\n".repeat(65_536), "🍎".repeat(9999)]
        {
            let cut = for_log(&text);
            assert!(cut.len() <= MAX_BYTES && cut.len() > MAX_BYTES - 16 && cut.ends_with('…'));
            assert_eq!(bytes_for_log(text.as_bytes()).len(), cut.len());
        }
        assert!(bytes_for_log(&[0xff; 65_536]).len() <= MAX_BYTES);
    }

    proptest! {
        #[test]
        fn t83_any_text_gives_one_bounded_line(text in any::<String>(), bytes in any::<Vec<u8>>()) {
            for safe in [for_log(&text), bytes_for_log(&bytes)] {
                prop_assert!(safe.len() <= MAX_BYTES);
                let safe_all = safe.chars().all(|c| !c.is_control() && !"\u{202e}\u{2028}".contains(c));
                prop_assert!(safe_all);
            }
        }
    }
}
