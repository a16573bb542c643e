//! What kind of answer a request wants: a page load that may be sent to sign in, a program that
//! wants JSON, a CORS preflight.

use std::sync::OnceLock;

use http::header::{ACCEPT, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, ORIGIN, UPGRADE};
use http::{HeaderName, HeaderValue, Method};

use super::occurrence::of_header;

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");
const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// Whether a person waits for a document to appear in a tab, so that a redirect to sign-in would
/// be followed and seen. Prefetches, frames, scripts, programs and previews are not that (T89).
pub fn is_page_load(method: &Method, headers: &HeaderMap) -> bool {
    if !matches!(*method, Method::GET | Method::HEAD) || headers.contains_key(SEC_PURPOSE) {
        return false;
    }
    if headers.contains_key(SEC_FETCH_MODE) {
        return only(headers, &SEC_FETCH_MODE) == Some("navigate")
            && only(headers, &SEC_FETCH_DEST) == Some("document");
    }
    let script = headers
        .get_all(REQUESTED_WITH)
        .iter()
        .any(|value| value.as_bytes().eq_ignore_ascii_case(b"XMLHttpRequest"));
    let page = ranges(headers.get_all(ACCEPT))
        .any(|range| range.names("text", "html") && range.weight > 0);
    page && !script && !headers.contains_key(UPGRADE)
}

/// Whether this is a true CORS preflight, which never changes anything at an application that
/// knows CORS: OPTIONS with one `Origin` and one `Access-Control-Request-Method` (T48).
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    let filled = |name| only(headers, name).is_some_and(|value| !value.is_empty());
    *method == Method::OPTIONS && filled(&ORIGIN) && filled(&ACCESS_CONTROL_REQUEST_METHOD)
}

/// The forms that our own answers come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A page for people.
    Html,
    /// For programs.
    Json,
    /// One line.
    Text,
}

/// The format that `Accept` prefers (RFC 9110 §12.5.1): highest weight, then the one that is
/// named most exactly, then the one that is named first. `otherwise` is for requests that do not
/// choose: no `Accept`, `*/*` alone, nothing that we have.
pub fn prefers(headers: &HeaderMap, otherwise: Format) -> Format {
    Preferences::read(headers.get_all(ACCEPT)).best(otherwise)
}

/// What kind of answer a request wants. Each question is worked out when it is first asked, because
/// a request that its application answers asks none of them.
#[derive(Debug, Default)]
pub struct Wants {
    page_load: OnceLock<bool>,
    preferences: OnceLock<Preferences>,
    /// The values of `Accept`, once the headers have been taken away.
    kept: Option<(HeaderValue, Vec<HeaderValue>)>,
}

impl Wants {
    /// [`is_page_load`]. Ask before the headers are taken away.
    pub fn page_load(&self, method: &Method, headers: &HeaderMap) -> bool {
        *self.page_load.get_or_init(|| is_page_load(method, headers))
    }

    /// [`prefers`].
    pub fn format(&self, headers: &HeaderMap, otherwise: Format) -> Format {
        let read = || match &self.kept {
            Some((first, rest)) => Preferences::read(std::iter::once(first).chain(rest)),
            None => Preferences::read(headers.get_all(ACCEPT)),
        };
        self.preferences.get_or_init(read).best(otherwise)
    }

    /// Keeps what [`Self::format`] reads of `headers`, which are taken away from the request: copies
    /// of values share their bytes.
    pub fn keep(&mut self, headers: &HeaderMap) {
        let mut values = headers.get_all(ACCEPT).iter().cloned();
        self.kept = values.next().map(|first| (first, values.collect()));
    }
}

/// How `Accept` speaks of each format.
#[derive(Clone, Copy, Debug, Default)]
struct Preferences {
    html: Option<Choice>,
    json: Option<Choice>,
    text: Option<Choice>,
}

impl Preferences {
    /// Walks `Accept` once.
    fn read<'a>(values: impl IntoIterator<Item = &'a HeaderValue>) -> Self {
        let mut preferences = Self::default();
        for (position, range) in ranges(values).enumerate() {
            for format in [Format::Html, Format::Json, Format::Text] {
                let Some(exactness) = range.exactness(format) else { continue };
                let known = preferences.of_mut(format);
                // The range that speaks of a format most exactly alone decides its weight.
                if known.is_none_or(|known| exactness > known.exactness) {
                    *known = Some(Choice { weight: range.weight, exactness, position });
                }
            }
        }
        preferences
    }

    fn best(&self, otherwise: Format) -> Format {
        let mut best: Option<(Choice, Format)> = None;
        for format in [otherwise, Format::Html, Format::Json, Format::Text] {
            let Some(choice) = self.of(format).filter(|choice| choice.weight > 0) else {
                continue;
            };
            // The first of equals stays: `otherwise` is asked first.
            if best.is_none_or(|(other, _)| choice.rank() > other.rank()) {
                best = Some((choice, format));
            }
        }
        best.map_or(otherwise, |(_, format)| format)
    }

    fn of(&self, format: Format) -> Option<Choice> {
        match format {
            Format::Html => self.html,
            Format::Json => self.json,
            Format::Text => self.text,
        }
    }

    fn of_mut(&mut self, format: Format) -> &mut Option<Choice> {
        match format {
            Format::Html => &mut self.html,
            Format::Json => &mut self.json,
            Format::Text => &mut self.text,
        }
    }
}

/// How `Accept` speaks of one format.
#[derive(Clone, Copy, Debug)]
struct Choice {
    weight: u16,
    exactness: u8,
    position: usize,
}

impl Choice {
    fn rank(self) -> impl Ord {
        (self.weight, self.exactness, std::cmp::Reverse(self.position))
    }
}

/// One element of `Accept`.
struct Range<'a> {
    main: &'a str,
    sub: &'a str,
    /// In thousandths.
    weight: u16,
}

impl Range<'_> {
    /// How exactly this names a format; `None` where it does not speak of it.
    fn exactness(&self, format: Format) -> Option<u8> {
        let (main, sub) = match format {
            Format::Html => ("text", "html"),
            Format::Json => ("application", "json"),
            Format::Text => ("text", "plain"),
        };
        let structured = || {
            let suffix = self.sub.rsplit_once('+').map(|(_, suffix)| suffix);
            suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case("json"))
        };
        if self.names(main, sub) {
            Some(3)
        } else if format == Format::Json && self.main_is("application") && structured() {
            Some(2)
        } else if self.names(main, "*") {
            Some(1)
        } else {
            self.names("*", "*").then_some(0)
        }
    }

    fn names(&self, main: &str, sub: &str) -> bool {
        self.main_is(main) && self.sub.eq_ignore_ascii_case(sub)
    }

    fn main_is(&self, main: &str) -> bool {
        self.main.eq_ignore_ascii_case(main)
    }
}

/// The elements of `Accept` that can be read; the others say nothing.
fn ranges<'a>(
    values: impl IntoIterator<Item = &'a HeaderValue>,
) -> impl Iterator<Item = Range<'a>> {
    values
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .filter_map(|element| {
            let mut parts = element.split(';').map(str::trim_ascii);
            let (main, sub) = parts.next()?.split_once('/')?;
            let mut weight = 1000;
            for part in parts {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                if name.eq_ignore_ascii_case("q") {
                    weight = thousandths(value)?;
                }
            }
            Some(Range { main, sub, weight })
        })
}

/// A weight as RFC 9110 §12.4.2 writes it, in thousandths.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    if digits.len() > 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let padded = digits.bytes().chain(std::iter::repeat(b'0')).take(3);
    let fraction = padded.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match (whole, fraction) {
        ("0", _) => Some(fraction),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

/// The value of a header that is there exactly once, where it is plain text.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    of_header(headers, name).once()?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in entries {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    const CHROME: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,\
                          image/webp,image/apng,*/*;q=0.8";

    #[test]
    fn t89_only_navigations_to_a_document_are_page_loads() {
        let html = ("accept", CHROME);
        let (navigate, document) = (("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"));
        for (method, headers, expected) in [
            // Where Sec-Fetch-Mode is sent, it and Sec-Fetch-Dest decide.
            ("GET", &[navigate, document, html][..], true),
            ("HEAD", &[navigate, document, html], true),
            ("GET", &[navigate, document], true),
            ("GET", &[navigate, document, ("accept", "*/*")], true),
            ("GET", &[navigate, document, html, ("sec-purpose", "prefetch")], false),
            ("GET", &[navigate, document, html, ("sec-purpose", "prefetch;prerender")], false),
            ("GET", &[navigate, document, html, ("sec-purpose", "")], false),
            ("GET", &[navigate, html], false),
            ("GET", &[navigate, ("sec-fetch-dest", "iframe"), html], false),
            ("GET", &[navigate, ("sec-fetch-dest", "frame"), html], false),
            ("GET", &[navigate, ("sec-fetch-dest", "embed"), html], false),
            ("GET", &[navigate, ("sec-fetch-dest", "Document"), html], false),
            ("GET", &[navigate, document, ("sec-fetch-dest", "iframe"), html], false),
            ("GET", &[navigate, ("sec-fetch-mode", "cors"), document, html], false),
            ("GET", &[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty"), html], false),
            ("GET", &[("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image"), html], false),
            ("GET", &[("sec-fetch-mode", "same-origin"), document, html], false),
            ("GET", &[("sec-fetch-mode", "websocket"), document, html], false),
            ("GET", &[("sec-fetch-mode", ""), document, html], false),
            ("POST", &[navigate, document, html], false),
            ("OPTIONS", &[navigate, document, html], false),
            ("get", &[navigate, document, html], false),
            // Where it is not, Accept does.
            ("GET", &[html], true),
            ("HEAD", &[html], true),
            ("GET", &[("accept", "TEXT/HTML")], true),
            ("GET", &[("accept", "application/json, text/html;q=0.1")], true),
            ("GET", &[("accept", "application/json"), ("accept", "text/html")], true),
            ("GET", &[], false),
            ("GET", &[("accept", "")], false),
            ("GET", &[("accept", "*/*")], false),
            ("GET", &[("accept", "text/*")], false),
            ("GET", &[("accept", "text/html;q=0, */*")], false),
            ("GET", &[("accept", "application/json")], false),
            ("GET", &[("accept", "text/htmlx")], false),
            ("GET", &[document, ("accept", "*/*")], false),
            ("GET", &[html, ("sec-purpose", "prefetch")], false),
            ("GET", &[html, ("upgrade", "websocket")], false),
            ("GET", &[html, ("upgrade", "h2c")], false),
            ("GET", &[html, ("x-requested-with", "XMLHttpRequest")], false),
            ("GET", &[html, ("x-requested-with", "xmlhttprequest")], false),
            ("GET", &[html, ("x-requested-with", "com.example.app")], true),
            ("POST", &[html], false),
            ("PUT", &[html], false),
            ("DELETE", &[html], false),
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(is_page_load(&method, &map(headers)), expected, "{method} {headers:?}");
        }
    }

    #[test]
    fn the_preferred_format_is_the_one_the_client_named() {
        use Format::*;
        for (accept, expected) in [
            (CHROME, Html),
            ("text/html", Html),
            ("text/html;level=1", Html),
            ("application/json", Json),
            ("application/json, text/plain, */*", Json),
            ("application/json, text/javascript, */*; q=0.01", Json),
            ("text/plain", Text),
            ("text/plain, application/json;q=0.9", Text),
            ("application/json;q=0.5, text/html;q=0.6", Html),
            ("application/json;q=0.5, text/html;Q=0.4", Json),
            ("application/json, text/html", Json),
            ("text/html, application/json", Html),
            ("*/*, text/html", Html),
            ("text/html;q=0, */*", Text),
            ("text/*", Text),
            ("text/*, application/json", Json),
            ("text/*;q=0.9, text/plain;q=0, application/json;q=0.8", Html),
            ("application/vnd.api+json", Json),
            ("application/problem+JSON, text/html;q=0.9", Json),
            ("text/html;q=1.0, application/json;q=1.000", Html),
            ("text/html;q=nonsense, application/json;q=0.1", Json),
            ("text/html;q=1.5, application/json;q=0.1", Json),
            ("text/html;q=0.1234, application/json;q=0.1", Json),
            ("text/html;q=, application/json;q=0.1", Json),
        ] {
            let headers = map(&[("accept", accept)]);
            assert_eq!(prefers(&headers, Text), expected, "{accept}");
        }
        for undecided in
            ["", "*/*", "image/png", "nonsense", "*/*;q=0.1", ",,,", "*/*;q=0", "text/html;q=0"]
        {
            for otherwise in [Html, Json, Text] {
                let headers = map(&[("accept", undecided)]);
                assert_eq!(prefers(&headers, otherwise), otherwise, "{undecided}");
                assert_eq!(prefers(&HeaderMap::new(), otherwise), otherwise);
            }
        }
    }

    #[test]
    fn t48_only_true_preflights_are_preflights() {
        let (origin, asks) =
            (("origin", "https://a.example"), ("access-control-request-method", "PUT"));
        for (method, headers, expected) in [
            ("OPTIONS", &[origin, asks][..], true),
            ("OPTIONS", &[origin, asks, ("access-control-request-headers", "x-a")], true),
            ("OPTIONS", &[("origin", "null"), asks], true),
            ("OPTIONS", &[origin], false),
            ("OPTIONS", &[asks], false),
            ("OPTIONS", &[], false),
            ("OPTIONS", &[("origin", ""), asks], false),
            ("OPTIONS", &[origin, ("access-control-request-method", "")], false),
            ("OPTIONS", &[origin, origin, asks], false),
            ("OPTIONS", &[origin, asks, asks], false),
            ("options", &[origin, asks], false),
            ("GET", &[origin, asks], false),
            ("POST", &[origin, asks], false),
            ("HEAD", &[origin, asks], false),
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(is_preflight(&method, &map(headers)), expected, "{method} {headers:?}");
        }
    }

    #[test]
    fn what_is_wanted_is_known_after_the_headers_are_gone() {
        let none = HeaderMap::new();
        for (accept, expected) in [
            (&[][..], Format::Text),
            (&["application/json"], Format::Json),
            (&["image/png", "text/html"], Format::Html),
        ] {
            let entries: Vec<_> = accept.iter().map(|value| ("accept", *value)).collect();
            let mut headers = map(&entries);
            let mut wants = Wants::default();
            wants.keep(&headers);
            headers.clear();
            assert_eq!(wants.format(&headers, Format::Text), expected, "{accept:?}");
        }
        // Worked out once, whatever is asked afterwards.
        let wants = Wants::default();
        let page = map(&[("accept", "text/html")]);
        assert_eq!(wants.format(&page, Format::Json), Format::Html);
        assert!(wants.page_load(&Method::GET, &page));
        assert_eq!(wants.format(&none, Format::Json), Format::Html);
        assert!(wants.page_load(&Method::GET, &none));
    }
}
