//! `application/x-www-form-urlencoded`, read strictly: for the callback, sign-out and the queries
//! of our own endpoints (T88). What two parsers could read differently is refused.

use std::borrow::Cow;
use std::fmt;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use percent_encoding::percent_decode_str;
use thiserror::Error;

/// Most parameters in one form or query.
pub const MAX_PARAMETERS: usize = 64;

/// Why a form or a query is refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FormProblem {
    /// Another content type, or a parameter of it other than `charset=utf-8`.
    #[error("the body is not declared as application/x-www-form-urlencoded in UTF-8")]
    ContentType,
    /// `Content-Encoding` is there.
    #[error("the body is compressed; send it as it is")]
    Compressed,
    /// A raw byte that must be percent-encoded, or a `%` without two digits.
    #[error("a form parameter is not percent-encoded correctly")]
    Encoding,
    /// Escapes that do not decode to UTF-8.
    #[error("a form parameter is not UTF-8")]
    NotUtf8,
    /// Two parameters with one name.
    #[error("a form parameter is there twice")]
    Doubled,
    /// More than [`MAX_PARAMETERS`].
    #[error("the form has more than 64 parameters")]
    TooMany,
}

/// Parameters, each there once. Holds codes and tokens: `Debug` shows none of them.
#[derive(Clone, Default)]
pub struct Form<'a> {
    parameters: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Form<'a> {
    /// Reads a body or a query (without its `?`).
    ///
    /// # Errors
    /// Bad escapes, raw bytes outside visible ASCII, text that is not UTF-8, a name that is there
    /// twice, too many parameters.
    pub fn parse(encoded: &'a [u8]) -> Result<Self, FormProblem> {
        if !encoded.iter().all(u8::is_ascii_graphic) {
            return Err(FormProblem::Encoding);
        }
        let text = std::str::from_utf8(encoded).map_err(|_| FormProblem::NotUtf8)?;
        let mut parameters: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        for piece in text.split('&').filter(|piece| !piece.is_empty()) {
            if parameters.len() == MAX_PARAMETERS {
                return Err(FormProblem::TooMany);
            }
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if parameters.iter().any(|(other, _)| *other == name) {
                return Err(FormProblem::Doubled);
            }
            parameters.push((name, value));
        }
        Ok(Self { parameters })
    }

    /// Reads the query of a request target; `None` is an empty one.
    ///
    /// # Errors
    /// As [`Form::parse`].
    pub fn query(query: Option<&'a str>) -> Result<Self, FormProblem> {
        Self::parse(query.unwrap_or_default().as_bytes())
    }

    /// The value of the parameter with exactly this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find_map(|(other, value)| (other == name).then_some(value))
    }

    /// All parameters, in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (&**name, &**value))
    }
}

impl fmt::Debug for Form<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Form({} parameters)", self.parameters.len())
    }
}

/// Whether the headers of a request announce a form that [`Form::parse`] may read.
///
/// # Errors
/// No, several or other content types; any parameter but `charset=utf-8`; compression.
pub fn check_headers(headers: &HeaderMap) -> Result<(), FormProblem> {
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(FormProblem::Compressed);
    }
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else {
        return Err(FormProblem::ContentType);
    };
    let text = only.to_str().map_err(|_| FormProblem::ContentType)?;
    let (essence, parameter) = text.split_once(';').unwrap_or((text, "charset=utf-8"));
    let form = essence.trim_ascii().eq_ignore_ascii_case("application/x-www-form-urlencoded");
    let parameter = parameter.trim_ascii();
    let utf8 = ["charset=utf-8", "charset=\"utf-8\""]
        .iter()
        .any(|fine| parameter.eq_ignore_ascii_case(fine));
    if form && utf8 { Ok(()) } else { Err(FormProblem::ContentType) }
}

/// Decodes `+` and escapes; copies only where there are any.
fn decode(text: &str) -> Result<Cow<'_, str>, FormProblem> {
    if !text.contains(['+', '%']) {
        return Ok(Cow::Borrowed(text));
    }
    for escape in text.split('%').skip(1) {
        let digits = escape.as_bytes().first_chunk::<2>().ok_or(FormProblem::Encoding)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(FormProblem::Encoding);
        }
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| FormProblem::NotUtf8)?;
    Ok(Cow::Owned(decoded.into_owned()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Result<Vec<(String, String)>, FormProblem> {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Form::parse(text.as_bytes()).map(|form| form.iter().map(owned).collect())
    }

    #[test]
    fn t88_good_forms_are_read() {
        for (text, expected) in [
            ("", &[][..]),
            ("a=1", &[("a", "1")]),
            ("a=1&b=2", &[("a", "1"), ("b", "2")]),
            ("&&a=1&", &[("a", "1")]),
            ("a", &[("a", "")]),
            ("a=", &[("a", "")]),
            ("=b", &[("", "b")]),
            ("a=b=c", &[("a", "b=c")]),
            ("a+b=c+d", &[("a b", "c d")]),
            ("a%2Bb=%26%3d", &[("a+b", "&=")]),
            ("user=%7B%22name%22%3A%22J%C3%B6rg%22%7D", &[("user", "{\"name\":\"Jörg\"}")]),
            ("a=1&A=2", &[("a", "1"), ("A", "2")]),
            ("a=%00", &[("a", "\0")]),
            ("a;b=1;c=2", &[("a;b", "1;c=2")]),
        ] {
            let expected: Vec<_> =
                expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            assert_eq!(parsed(text), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn t88_odd_forms_are_refused() {
        use FormProblem::*;
        for (text, expected) in [
            ("state=a&state=b", Doubled),
            ("state=a&code=c&state=a", Doubled),
            ("state=a&st%61te=b", Doubled),
            ("state&state", Doubled),
            ("a=%", Encoding),
            ("a=%2", Encoding),
            ("a=%zz", Encoding),
            ("a=%+1", Encoding),
            ("a=%u0061", Encoding),
            ("a=b c", Encoding),
            ("a=b\r\n", Encoding),
            ("a=\0", Encoding),
            ("a=é", Encoding),
            ("a=%ff", NotUtf8),
            ("a=%c3", NotUtf8),
            ("a=%c0%80", NotUtf8),
            ("a=%ed%a0%80", NotUtf8),
            ("%fe=1", NotUtf8),
        ] {
            assert_eq!(parsed(text), Err(expected), "{text:?}");
        }
        let many: Vec<String> = (0..=MAX_PARAMETERS).map(|n| format!("p{n}=1")).collect();
        assert_eq!(parsed(&many.join("&")), Err(TooMany));
        assert_eq!(parsed(&many[1..].join("&")).map(|form| form.len()), Ok(MAX_PARAMETERS));
    }

    #[test]
    fn t88_only_plain_forms_in_utf8_are_announced() {
        use FormProblem::*;
        for (types, expected) in [
            (&["application/x-www-form-urlencoded"][..], Ok(())),
            (&["Application/X-WWW-Form-Urlencoded"], Ok(())),
            (&["application/x-www-form-urlencoded; charset=UTF-8"], Ok(())),
            (&["application/x-www-form-urlencoded;charset=utf-8"], Ok(())),
            (&["application/x-www-form-urlencoded;charset=\"utf-8\""], Ok(())),
            (&[], Err(ContentType)),
            (&[""], Err(ContentType)),
            (&["application/x-www-form-urlencoded;charset=utf-7"], Err(ContentType)),
            (&["application/x-www-form-urlencoded; charset=iso-8859-1"], Err(ContentType)),
            (&["application/x-www-form-urlencoded; a=b"], Err(ContentType)),
            (
                &["application/x-www-form-urlencoded; charset=utf-8; charset=utf-7"],
                Err(ContentType),
            ),
            (&["application/x-www-form-urlencoded;"], Err(ContentType)),
            (&["application/x-www-form-urlencoded, text/plain"], Err(ContentType)),
            (&["application/x-www-form-urlencoded", "text/plain"], Err(ContentType)),
            (&["multipart/form-data; boundary=x"], Err(ContentType)),
            (&["text/plain"], Err(ContentType)),
            (&["application/json"], Err(ContentType)),
        ] {
            let mut headers = HeaderMap::new();
            for value in types {
                headers.append(CONTENT_TYPE, HeaderValue::from_static(value));
            }
            assert_eq!(check_headers(&headers), expected, "{types:?}");
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            assert_eq!(check_headers(&headers), Err(Compressed));
        }
    }

    #[test]
    fn t27_debug_shows_no_parameter() {
        let form = Form::query(Some("code=hunter2")).unwrap();
        assert_eq!(form.get("code"), Some("hunter2"));
        assert_eq!(form.get("Code"), None);
        assert_eq!(format!("{form:?}"), "Form(1 parameters)");
        assert_eq!(Form::query(None).unwrap().iter().count(), 0);
    }

    proptest! {
        #[test]
        fn t88_what_is_accepted_is_read_alike_by_the_url_standard(text in "[a-c%0-9=&+;]{0,24}") {
            if let Ok(mine) = parsed(&text) {
                let theirs: Vec<_> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
                prop_assert_eq!(mine, theirs);
            }
        }
    }
}
