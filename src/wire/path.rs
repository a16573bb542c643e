//! One spelling for one path, before anything is matched or decided; that spelling goes upstream.
//!
//! Follows RFC 3986 §6.2.2 (case, escapes, dot segments) and refuses what two readers could read
//! in two ways. The query is not touched here.

use std::borrow::Cow;
use std::iter;

use percent_encoding::percent_decode_str;
use thiserror::Error;

/// Why a path is refused with 400.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PathProblem {
    /// `*`, an empty path, anything else that has no `/` in front.
    #[error("the path does not begin with a slash")]
    NotAbsolute,
    /// `?` or `#` where a path was handed in.
    #[error("the path holds `?` or `#`")]
    Delimiter,
    /// `\` or `%5C`, which some servers read as a slash.
    #[error("the path holds a backslash, plain or as %5C")]
    Backslash,
    /// A control character or a blank, raw; a control character, escaped.
    #[error("the path holds a control character or a raw blank")]
    Control,
    /// A byte above 0x7F that is not percent-encoded.
    #[error("the path holds a byte outside ASCII; it must be percent-encoded")]
    NotAscii,
    /// `%` without two hexadecimal digits.
    #[error("the path holds a `%` that is not followed by two hexadecimal digits")]
    BadEscape,
    /// Escapes that do not decode to UTF-8, overlong forms among them.
    #[error("the escapes in the path do not decode to UTF-8")]
    NotUtf8,
    /// `%2F`.
    #[error("the path holds an encoded slash (%2F)")]
    EncodedSlash,
    /// `%252E`, `%252F`, `%255C`, however often the percent sign is encoded again.
    #[error("the path holds a dot, slash or backslash that is encoded twice")]
    EncodedTwice,
    /// `..` that leads above `/`.
    #[error("the path leads above the root")]
    AboveRoot,
    /// `%2e%2e`, `..;x`, `..%20`, `/;/` and their kind.
    #[error(
        "a segment of the path is `.`, `..` or empty once it is decoded or its parameters and blanks are cut"
    )]
    HiddenDots,
}

/// Gives `raw_path` its one spelling: unreserved characters decoded, hexadecimal digits in upper
/// case, `//` merged, literal `.` and `..` resolved with the trailing slash kept. A path that is
/// spelt so already is borrowed.
///
/// # Errors
/// A [`PathProblem`] for everything that client, Russet and application might read differently.
pub fn normalise(raw_path: &str) -> Result<Cow<'_, str>, PathProblem> {
    let segments = raw_path.strip_prefix('/').ok_or(PathProblem::NotAbsolute)?;
    if is_plain(raw_path) {
        return Ok(Cow::Borrowed(raw_path));
    }
    let mut path = String::with_capacity(raw_path.len());
    let mut open_end = false;
    let mut segments = segments.split('/').peekable();
    while let Some(segment) = segments.next() {
        open_end = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => {
                let parent = path.rfind('/').ok_or(PathProblem::AboveRoot)?;
                path.truncate(parent);
            }
            _ => {
                check(segment, segments.peek().is_none())?;
                path.push('/');
                push_normal(&mut path, segment);
            }
        }
    }
    if open_end {
        path.push('/');
    }
    // Whoever escapes nothing but what must be escaped writes the same bytes: no copy is kept.
    Ok(if path == raw_path { Cow::Borrowed(raw_path) } else { Cow::Owned(path) })
}

/// Says of a request that its target had a `#`: the HTTP library cuts there, and nobody above the
/// edge sees it.
#[derive(Clone, Copy, Debug)]
pub struct FragmentCut;

/// Whether [`normalise`] changes nothing of `raw_path` but the spelling of single characters: where
/// somebody else sends the path on as it came, `//`, `.` and `..` would mean what they mean there.
pub fn is_resolved(raw_path: &str) -> bool {
    let mut segments = raw_path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        if matches!(segment, "." | "..") || (segment.is_empty() && !is_last) {
            return false;
        }
    }
    true
}

/// Whether one look is enough: no escapes, no empty segments, none that begin with a dot, no odd
/// characters. Nearly every request is like that.
fn is_plain(raw_path: &str) -> bool {
    let follows_slash = iter::once(false).chain(raw_path.bytes().map(|byte| byte == b'/'));
    raw_path.bytes().zip(follows_slash).all(|(byte, after_slash)| match byte {
        b'%' | b'\\' | b'?' | b'#' => false,
        b'/' | b'.' => !after_slash,
        // A parameter may hide what it follows; the slow road looks at it.
        b';' => false,
        _ => byte.is_ascii_graphic(),
    })
}

/// Refuses a segment, not literally empty, `.` or `..`, that could be read in two ways.
fn check(segment: &str, is_last: bool) -> Result<(), PathProblem> {
    for byte in segment.bytes() {
        match byte {
            b'\\' => return Err(PathProblem::Backslash),
            b'?' | b'#' => return Err(PathProblem::Delimiter),
            0x80.. => return Err(PathProblem::NotAscii),
            _ if !byte.is_ascii_graphic() => return Err(PathProblem::Control),
            _ => {}
        }
    }
    let escapes = segment.split('%').skip(1);
    for escape in escapes {
        let digits = escape.as_bytes().first_chunk::<2>().ok_or(PathProblem::BadEscape)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(PathProblem::BadEscape);
        }
    }
    let decoded = percent_decode_str(segment).decode_utf8().map_err(|_| PathProblem::NotUtf8)?;
    for character in decoded.chars() {
        match character {
            '/' => return Err(PathProblem::EncodedSlash),
            '\\' => return Err(PathProblem::Backslash),
            _ if character.is_control() => return Err(PathProblem::Control),
            _ => {}
        }
    }
    // Security: Tomcat and its kin cut `;parameters` before they look for dots and empty segments,
    // servers on Windows blanks. `/;jsessionid=x` at the end is what such servers write themselves.
    let name = decoded.split(';').next().unwrap_or_default().trim();
    if matches!(name, "." | "..") || (name.is_empty() && !is_last) {
        return Err(PathProblem::HiddenDots);
    }
    if decoded.split('%').skip(1).any(is_encoded_twice) {
        return Err(PathProblem::EncodedTwice);
    }
    Ok(())
}

/// Whether what follows a decoded `%` would become a dot, a slash or a backslash if somebody
/// decoded once more, or several times more.
fn is_encoded_twice(mut rest: &str) -> bool {
    while let Some(deeper) = rest.strip_prefix("25") {
        rest = deeper;
    }
    let Some(digits) = rest.as_bytes().first_chunk::<2>() else { return false };
    matches!(digits.to_ascii_lowercase().as_slice(), b"2e" | b"2f" | b"5c")
}

/// Appends a checked segment in its one spelling.
fn push_normal(path: &mut String, segment: &str) {
    let mut pieces = segment.split('%');
    path.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        // Invariant: `check` saw two hexadecimal digits here.
        let Some((digits, rest)) = piece.split_at_checked(2) else { continue };
        match u8::from_str_radix(digits, 16) {
            Ok(byte) if is_unreserved(byte) => path.push(char::from(byte)),
            _ => {
                path.push('%');
                path.extend(digits.chars().map(|digit| digit.to_ascii_uppercase()));
            }
        }
        path.push_str(rest);
    }
}

/// RFC 3986 §2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests;
