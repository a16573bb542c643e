//! Cookies: reading ours, keeping ours from applications, writing ours (RFC 6265).
//!
//! The `cookie` crate writes. Reading is ours: the crate wants text where headers are bytes, trims
//! names, and would let us see one reading only, while an application behind us may have another
//! (T34, T39).

use std::time::Duration;

use bytes::Bytes;
use cookie::Cookie;
pub use cookie::SameSite;
use http::HeaderValue;
use http::header::{COOKIE, HeaderMap, SET_COOKIE};
use thiserror::Error;

/// More cookies of one name than this, and none of them is looked at: somebody tosses cookies, and
/// each would cost an attempt to open it.
pub const MAX_SAME_NAME: usize = 16;

/// Longest cookie that browsers keep, name, value and attributes together, in bytes
/// (RFC 6265 §6.1).
pub const MAX_COOKIE_BYTES: usize = 4096;

/// The values of all cookies called exactly `name`, in the order sent, byte for byte: no quotes
/// are taken away, no escapes decoded, `$Version` means nothing. A value longer than a browser
/// keeps is skipped; more than [`MAX_SAME_NAME`] of them give nothing at all.
pub fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let found = move || {
        pieces(headers)
            .filter_map(move |piece| piece.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
            .filter(|value| value.len() <= MAX_COOKIE_BYTES)
            .filter_map(|value| std::str::from_utf8(value).ok())
    };
    let few = found().nth(MAX_SAME_NAME).is_none();
    found().take(if few { MAX_SAME_NAME } else { 0 })
}

/// The names of all cookies sent that begin with `prefix`, in the order sent, repeated ones
/// included: for cookies that are numbered or named after an attempt. Those of no use are skipped
/// as in [`values`]; more than four times [`MAX_SAME_NAME`] give nothing.
pub fn names_with_prefix<'a>(
    headers: &'a HeaderMap,
    prefix: &'a str,
) -> impl Iterator<Item = &'a str> {
    const MAX: usize = 4 * MAX_SAME_NAME;
    let found = move || {
        pieces(headers)
            .filter(move |piece| piece.starts_with(prefix.as_bytes()))
            .filter_map(|piece| std::str::from_utf8(cut(piece, b'=').0).ok())
    };
    let few = found().nth(MAX).is_none();
    found().take(if few { MAX } else { 0 })
}

/// Gives what is between the semicolons of every `Cookie` header (HTTP/2 sends crumbs), without the
/// blanks around it. Blanks are space and tab alone.
fn pieces(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|value| split(value.as_bytes(), b';'))
        .map(<[u8]>::trim_ascii)
        .filter(|piece| !piece.is_empty())
}

/// The parts between separators. Cookies are long: a quick search is worth its name here.
fn split(bytes: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let (part, behind) = cut(bytes, separator);
        rest = behind;
        Some(part)
    })
}

/// What is before and, where there is one, behind the first separator.
fn cut(bytes: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    let found = memchr::memchr(separator, bytes);
    let halves = found.and_then(|at| Some((bytes.get(..at)?, bytes.get(at + 1..)?)));
    halves.map_or((bytes, None), |(before, behind)| (before, Some(behind)))
}

/// The names of our cookies, by which they are kept from applications. Made once for each plan.
#[derive(Clone, Debug)]
pub struct OurCookies {
    names: Box<[Box<[u8]>]>,
    prefixes: Box<[Box<[u8]>]>,
}

impl OurCookies {
    /// Cookies called one of `names`, and those whose name begins with one of `prefixes`.
    pub fn new<'a>(
        names: impl IntoIterator<Item = &'a str>,
        prefixes: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let fold = |name: &'a str| folded(name.as_bytes()).collect::<Box<[u8]>>();
        Self {
            names: names.into_iter().map(fold).filter(|name| !name.is_empty()).collect(),
            prefixes: prefixes.into_iter().map(fold).filter(|name| !name.is_empty()).collect(),
        }
    }

    /// Takes our cookies out of a request and leaves the others, joined into one header as HTTP/1
    /// wants it (RFC 9113 §8.2.3). What any parser could read as one of ours goes, whatever the
    /// quotes, blanks, commas, escapes and separators; next to one of ours, the `$Version` that
    /// switches parsers to another grammar goes too.
    pub fn remove_from_request(&self, headers: &mut HeaderMap) {
        let any_ours = pieces(headers).any(|piece| self.is_ours(piece));
        let several = headers.get_all(COOKIE).iter().nth(1).is_some();
        if !any_ours && !several {
            return;
        }
        let mut rest = Vec::new();
        for piece in pieces(headers) {
            if any_ours && (self.is_ours(piece) || is_legacy_attribute(piece)) {
                continue;
            }
            if !rest.is_empty() {
                rest.extend_from_slice(b"; ");
            }
            rest.extend_from_slice(piece);
        }
        headers.remove(COOKIE);
        // What came out of header values always fits into one again; if not, nothing is sent.
        if !rest.is_empty()
            && let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(rest))
        {
            headers.insert(COOKIE, value);
        }
    }

    /// Drops each `Set-Cookie` of an upstream that would set or delete a cookie of ours; says how
    /// many there were.
    pub fn remove_from_response(&self, headers: &mut HeaderMap) -> usize {
        let ours = headers.get_all(SET_COOKIE).iter().filter(|value| self.sets_ours(value)).count();
        if ours > 0 {
            let values = headers.get_all(SET_COOKIE).iter();
            let kept: Vec<_> = values.filter(|value| !self.sets_ours(value)).cloned().collect();
            headers.remove(SET_COOKIE);
            for value in kept {
                headers.append(SET_COOKIE, value);
            }
        }
        ours
    }

    /// Whether a `Set-Cookie` value names one of our cookies.
    pub fn sets_ours(&self, set_cookie: &HeaderValue) -> bool {
        self.is_ours(cut(set_cookie.as_bytes(), b';').0)
    }

    /// Whether some parser could find one of our names in a piece of a cookie header: in front,
    /// after a comma, or after the `=` of a cookie without a name.
    fn is_ours(&self, piece: &[u8]) -> bool {
        // A comma may be a part of the name too, to whoever does not split there.
        let whole = memchr::memchr(b',', piece).map(|_| piece);
        split(piece, b',').chain(whole).any(|part| {
            let name = split(part, b'=').find(|word| folded(word).next().is_some());
            name.is_some_and(|name| self.is_name(name))
        })
    }

    fn is_name(&self, name: &[u8]) -> bool {
        self.names.iter().any(|ours| folded(name).eq(ours.iter().copied()))
            || self.prefixes.iter().any(|prefix| {
                let mut name = folded(name);
                prefix.iter().all(|byte| name.next() == Some(*byte))
            })
    }
}

/// Whether a piece is `$Version`, `$Path`, `$Domain` or `$Port` of RFC 2965.
fn is_legacy_attribute(piece: &[u8]) -> bool {
    let name = piece.strip_prefix(b"$").map(|rest| cut(rest, b'=').0.trim_ascii());
    let known: [&[u8]; 4] = [b"version", b"path", b"domain", b"port"];
    name.is_some_and(|name| known.iter().any(|known| name.eq_ignore_ascii_case(known)))
}

/// A cookie name as the most careless parser might compare it: percent-escapes decoded, quotes,
/// blanks, controls and bytes outside ASCII gone, lower case, every separator a `-`.
fn folded(name: &[u8]) -> impl Iterator<Item = u8> + '_ {
    percent_encoding::percent_decode(name).filter_map(|byte| match byte {
        b'"' | b'\'' | b'$' | b'%' => None,
        _ if byte.is_ascii_alphanumeric() => Some(byte.to_ascii_lowercase()),
        _ if byte.is_ascii_graphic() => Some(b'-'),
        _ => None,
    })
}

/// How a cookie of ours is kept. Always `Secure` and with `Path=/`.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// `Domain`; `None` is a cookie of this host alone, as `__Host-` names demand.
    pub domain: Option<&'a str>,
    /// `HttpOnly`: hidden from scripts.
    pub http_only: bool,
    /// `SameSite`.
    pub same_site: SameSite,
    /// `Max-Age`, in whole seconds; `None` ends with the browser.
    pub max_age: Option<Duration>,
}

/// Why a cookie was not written. Ours always can be; an error is a fault of Russet.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum CookieProblem {
    /// Name, value or domain would break the header or the name's prefix.
    #[error("the cookie holds a character or an attribute that it must not have")]
    Malformed,
    /// Longer than browsers keep.
    #[error("the cookie is longer than 4096 bytes")]
    TooLong,
}

/// A `Set-Cookie` value.
///
/// # Errors
/// A name that is not a token, a value beyond RFC 6265 §4.1.1, a `Domain` that is not a host name or
/// comes with a `__Host-` name, or more than [`MAX_COOKIE_BYTES`].
pub fn set_cookie(
    name: &str,
    value: &str,
    attributes: &Attributes<'_>,
) -> Result<HeaderValue, CookieProblem> {
    let name_fits = http::HeaderName::from_bytes(name.as_bytes()).is_ok();
    let domain_fits = attributes.domain.is_none_or(|domain| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        !domain.is_empty() && domain.bytes().all(plain) && !name.starts_with("__Host-")
    });
    if !name_fits || !domain_fits || !value.bytes().all(is_cookie_octet) {
        return Err(CookieProblem::Malformed);
    }
    let mut cookie = Cookie::build((name, value))
        .path("/")
        .secure(true)
        .http_only(attributes.http_only)
        .same_site(attributes.same_site);
    if let Some(domain) = attributes.domain {
        cookie = cookie.domain(domain);
    }
    if let Some(max_age) = attributes.max_age {
        let seconds = i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX);
        cookie = cookie.max_age(cookie::time::Duration::seconds(seconds));
    }
    let text = cookie.build().to_string();
    if text.len() > MAX_COOKIE_BYTES {
        return Err(CookieProblem::TooLong);
    }
    HeaderValue::try_from(text).map_err(|_| CookieProblem::Malformed)
}

/// A `Set-Cookie` value that deletes the cookie; `attributes` as when it was set.
///
/// # Errors
/// As [`set_cookie`].
pub fn delete_cookie(
    name: &str,
    attributes: &Attributes<'_>,
) -> Result<HeaderValue, CookieProblem> {
    set_cookie(name, "", &Attributes { max_age: Some(Duration::ZERO), ..*attributes })
}

/// RFC 6265 §4.1.1.
fn is_cookie_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\')
}

#[cfg(test)]
mod tests;
