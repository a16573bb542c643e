//! Text from outside on its way into a log line or an error.

/// Characters of foreign text that a log line gets.
pub(super) const SHORT: usize = 200;

/// The first [`SHORT`] bytes of `text`, with everything escaped that could look like something else.
pub(super) fn shown(text: impl AsRef<[u8]>) -> String {
    let text = text.as_ref();
    let (start, cut) = match text.get(..SHORT) {
        Some(start) if text.len() > SHORT => (start, "..."),
        _ => (text, ""),
    };
    // The last character may be half a one: lossy reading takes care of it.
    let start = String::from_utf8_lossy(start);
    format!("{}{cut}", start.escape_debug())
}

/// [`shown`], with every occurrence of `secrets` taken out first, because an answer may repeat what
/// it was asked.
pub(super) fn shown_without(text: &[u8], secrets: &[&str]) -> String {
    let mut text = String::from_utf8_lossy(text).into_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "[removed]");
    }
    shown(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_cut_and_escaped() {
        assert_eq!(shown("plain"), "plain");
        assert_eq!(shown("a\nb\u{1b}[31m\"\u{202e}"), "a\\nb\\u{1b}[31m\\\"\\u{202e}");
        assert_eq!(shown(b"\xff"), "\u{fffd}");
        let long = shown("\u{e4}".repeat(300));
        assert_eq!(long.chars().count(), 103);
        assert!(long.ends_with("..."));
    }

    #[test]
    fn secrets_are_taken_out_before_the_cut() {
        let text = format!("{}c0de.and.more", "x".repeat(195));
        assert!(!shown_without(text.as_bytes(), &["c0de.and.more", ""]).contains("c0de"));
    }
}
