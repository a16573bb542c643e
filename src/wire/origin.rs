//! Whether a POST to one of our own endpoints comes from a page of ours (T81).

use http::header::{HeaderMap, ORIGIN};
use http::{HeaderName, HeaderValue};

use super::occurrence::of_header;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether the request comes from `own_origin` (`https://host[:port]` as
/// [`super::host::Authority::origin`] writes it).
///
/// `Origin` decides where it names an origin. Where there is none, or `null`, the browser's
/// `Sec-Fetch-Site: same-origin` must vouch: a form on a page with `Referrer-Policy: no-referrer`
/// sends `null` even to its own origin (Fetch standard, "append a request Origin header"), while a
/// sandboxed frame that sends `null` is `cross-site`. Neither header: refused.
pub fn is_same_origin(headers: &HeaderMap, own_origin: &str) -> bool {
    let vouched = || only(headers, &SEC_FETCH_SITE) == Some(b"same-origin");
    match only(headers, &ORIGIN) {
        Some(b"null") => vouched(),
        Some(origin) => origin == own_origin.as_bytes(),
        None => !headers.contains_key(ORIGIN) && vouched(),
    }
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    of_header(headers, name).once().map(HeaderValue::as_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t81_only_our_own_pages_may_post_to_us() {
        for (origins, sites, expected) in [
            (&["https://auth.example"][..], &[][..], true),
            (&["https://auth.example"], &["same-origin"], true),
            (&[], &["same-origin"], true),
            (&["null"], &["same-origin"], true),
            (&["null"], &[], false),
            (&["null"], &["cross-site"], false),
            (&["null"], &["same-site"], false),
            (&["null"], &["none"], false),
            (&[], &[], false),
            (&[], &["same-site"], false),
            (&[], &["cross-site"], false),
            (&[], &["none"], false),
            (&[], &["Same-Origin"], false),
            (&[], &["same-origin", "same-origin"], false),
            (&[""], &["same-origin"], false),
            (&["https://evil.example"], &["same-origin"], false),
            (&["https://evil.example"], &[], false),
            (&["http://auth.example"], &[], false),
            (&["https://auth.example:8443"], &[], false),
            (&["https://auth.example:443"], &[], false),
            (&["https://auth.example/"], &[], false),
            (&["https://AUTH.example"], &[], false),
            (&["https://auth.example.evil.example"], &[], false),
            (&["https://wiki.auth.example"], &["same-site"], false),
            (&["https://auth.example", "https://auth.example"], &["same-origin"], false),
            (&["https://auth.example", "null"], &["same-origin"], false),
            (&["https://auth.example https://evil.example"], &[], false),
        ] {
            let mut headers = HeaderMap::new();
            for origin in origins {
                headers.append(ORIGIN, HeaderValue::from_static(origin));
            }
            for site in sites {
                headers.append(SEC_FETCH_SITE, HeaderValue::from_static(site));
            }
            let same = is_same_origin(&headers, "https://auth.example");
            assert_eq!(same, expected, "{origins:?} {sites:?}");
        }
    }
}
