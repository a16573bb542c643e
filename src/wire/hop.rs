//! Headers that are meant for one connection and go no further (RFC 9110 §7.6.1), both ways.

use http::HeaderName;
use http::header::{self, HeaderMap};

use super::protected_names::Protected;

/// Never forwarded, named in `Connection` or not.
const HOP_BY_HOP: [HeaderName; 11] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    HeaderName::from_static("proxy-authentication-info"),
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

/// Never dropped because a peer's `Connection` says so: who asks, for what, from where, how long
/// the body is, what makes a preflight one, and what protects the answer.
const END_TO_END: [HeaderName; 26] = [
    header::HOST,
    header::COOKIE,
    header::AUTHORIZATION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_RANGE,
    header::RANGE,
    header::EXPECT,
    header::ORIGIN,
    header::ACCESS_CONTROL_REQUEST_METHOD,
    header::ACCESS_CONTROL_REQUEST_HEADERS,
    header::VIA,
    header::SET_COOKIE,
    header::LOCATION,
    header::CACHE_CONTROL,
    header::VARY,
    header::WWW_AUTHENTICATE,
    header::CONTENT_DISPOSITION,
    header::CONTENT_SECURITY_POLICY,
    header::STRICT_TRANSPORT_SECURITY,
    header::X_CONTENT_TYPE_OPTIONS,
    header::X_FRAME_OPTIONS,
    header::REFERRER_POLICY,
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
];

/// Removes what a client meant for us alone. Run it before our headers are added; even after, it
/// would leave them (T05).
pub fn remove_from_request(headers: &mut HeaderMap, protected: &Protected) {
    remove_listed(headers, |name| is_kept(name) || protected.is_protected(name));
    remove_fixed(headers);
}

/// Removes what an upstream meant for us alone, and its `Alt-Svc`, which would lead clients past
/// us.
pub fn remove_from_response(headers: &mut HeaderMap) {
    remove_listed(headers, is_kept);
    remove_fixed(headers);
    headers.remove(header::ALT_SVC);
}

fn is_kept(name: &HeaderName) -> bool {
    let text = name.as_str();
    END_TO_END.contains(name) || text.starts_with("x-forwarded-") || text.starts_with("sec-")
}

/// Removes the headers that `Connection` names, but for those that `kept` keeps.
fn remove_listed(headers: &mut HeaderMap, kept: impl Fn(&HeaderName) -> bool) {
    let values = headers.get_all(header::CONNECTION).iter();
    let names: Vec<HeaderName> = values
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|token| HeaderName::from_bytes(token.trim_ascii()).ok())
        .filter(|name| headers.contains_key(name) && !kept(name))
        .collect();
    for name in names {
        headers.remove(name);
    }
}

fn remove_fixed(headers: &mut HeaderMap) {
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn map(entries: &[(&'static str, &'static str)]) -> HeaderMap {
        let entry = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in entries.iter().map(entry) {
            headers.append(name, value);
        }
        headers
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn t05_what_the_client_lists_goes_and_what_we_rely_on_stays() {
        let protected = Protected::new(["x-employee"]);
        for listed in [
            "host",
            "cookie",
            "authorization",
            "content-length",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-forwarded-port",
            "x-pomerium-jwt-assertion",
            "x-pomerium-claim-email",
            "x-russet-email",
            "x-auth-request-email",
            "remote-user",
            "x-employee",
            "origin",
            "sec-fetch-site",
            "content-type",
            "expect",
        ] {
            for spelling in
                [listed.to_owned(), listed.to_uppercase(), format!("close,\t {listed} ,")]
            {
                let mut headers = HeaderMap::new();
                headers.insert(HeaderName::from_static(listed), HeaderValue::from_static("v"));
                headers.insert("connection", HeaderValue::try_from(&spelling).unwrap());
                remove_from_request(&mut headers, &protected);
                assert_eq!(names(&headers), [listed], "{spelling}");
            }
        }
        let mut headers = map(&[
            ("connection", "close, X-Custom"),
            ("connection", "x-second,, not a name"),
            ("x-custom", "1"),
            ("x-custom", "2"),
            ("x-second", "1"),
            ("accept", "*/*"),
        ]);
        remove_from_request(&mut headers, &protected);
        assert_eq!(names(&headers), ["accept"]);
    }

    #[test]
    fn t92_connection_headers_go_no_further_either_way() {
        let all = [
            ("connection", "keep-alive, x-custom"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("proxy-authenticate", "Basic"),
            ("proxy-authentication-info", "x"),
            ("proxy-authorization", "Basic x"),
            ("te", "trailers"),
            ("trailer", "x-pomerium-jwt-assertion"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("http2-settings", "AAMAAABkAAQ"),
            ("x-custom", "1"),
            ("content-type", "text/plain"),
        ];
        let mut request = map(&all);
        remove_from_request(&mut request, &Protected::new([]));
        assert_eq!(names(&request), ["content-type"]);

        let mut response = map(&all);
        response.insert("alt-svc", HeaderValue::from_static("h3=\":443\""));
        response.insert("set-cookie", HeaderValue::from_static("a=b"));
        response.insert("location", HeaderValue::from_static("/"));
        response.append("connection", HeaderValue::from_static("set-cookie, location"));
        remove_from_response(&mut response);
        assert_eq!(names(&response), ["content-type", "location", "set-cookie"]);
    }
}
