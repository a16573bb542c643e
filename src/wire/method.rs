//! Which request methods are served, and headers that would turn one into another (T46, T26).

use http::header::HeaderMap;
use http::{HeaderName, Method, StatusCode};
use thiserror::Error;

use super::fold;

/// Why a method is refused. Case matters in methods (RFC 9110 §9.1): `get` is not `GET`.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum MethodProblem {
    /// TRACE and TRACK would echo headers, CONNECT would make an open proxy: 405.
    #[error("this method is never allowed here")]
    Never,
    /// A method that nobody has registered, wrong case included: 501.
    #[error("this method is not known here; methods are written in capitals")]
    Unknown,
}

impl MethodProblem {
    /// The status of the answer.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Never => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unknown => StatusCode::NOT_IMPLEMENTED,
        }
    }
}

/// Methods that are served beside those of RFC 9110: IANA's registry (WebDAV and its kin, QUERY)
/// without CONNECT, TRACE and PRI.
const REGISTERED: [&str; 31] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "ORDERPATCH",
    "PROPFIND",
    "PROPPATCH",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
    "PATCH",
];

/// Headers by which some frameworks let a POST pass for another method.
const OVERRIDES: [&str; 4] =
    ["x-http-method-override", "x-http-method", "x-method-override", "x-method"];

/// Whether requests with this method are looked at at all.
///
/// # Errors
/// TRACE, TRACK and CONNECT; everything unknown, `PRI` and `get` among it.
pub fn check(method: &Method) -> Result<(), MethodProblem> {
    match method.as_str() {
        "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" => Ok(()),
        "TRACE" | "TRACK" | "CONNECT" => Err(MethodProblem::Never),
        other if REGISTERED.contains(&other) => Ok(()),
        _ => Err(MethodProblem::Unknown),
    }
}

/// Removes the headers that would make an application see another method than the one that was
/// decided on, in every spelling: for routes whose policy names methods.
pub fn remove_overrides(headers: &mut HeaderMap) {
    let is_override = |name: &&HeaderName| {
        OVERRIDES.iter().any(|override_name| fold::same(name.as_str(), override_name))
    };
    let names: Vec<HeaderName> = headers.keys().filter(is_override).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn asked(method: &str) -> Result<(), u16> {
        check(&Method::from_bytes(method.as_bytes()).unwrap()).map_err(|why| why.status().as_u16())
    }

    #[test]
    fn t46_methods_are_compared_exactly() {
        for method in [
            "GET",
            "HEAD",
            "POST",
            "PUT",
            "PATCH",
            "DELETE",
            "OPTIONS",
            "PROPFIND",
            "MKCOL",
            "REPORT",
            "QUERY",
            "VERSION-CONTROL",
        ] {
            assert_eq!(asked(method), Ok(()), "{method}");
        }
        for method in [
            "get", "Get", "gET", "post", "options", "propfind", "PRI", "FOO", "GETX", "GE", "G",
            "GET_", "*", "PURGE", "SOURCE", "M-SEARCH", "DEBUG", "trace", "connect",
        ] {
            assert_eq!(asked(method), Err(501), "{method}");
        }
    }

    #[test]
    fn t26_nobody_tunnels_or_traces() {
        for method in ["CONNECT", "TRACE", "TRACK"] {
            assert_eq!(asked(method), Err(405), "{method}");
        }
    }

    #[test]
    fn t46_headers_that_override_the_method_go() {
        let mut headers = HeaderMap::new();
        for name in [
            "x-http-method-override",
            "x-http-method",
            "x-method-override",
            "x_http_method_override",
            "x.http.method",
            "X-HTTP_Method.Override",
        ] {
            let name = HeaderName::try_from(name).unwrap();
            headers.append(name, HeaderValue::from_static("DELETE"));
        }
        headers.append("x-http-methods", HeaderValue::from_static("stays"));
        remove_overrides(&mut headers);
        assert_eq!(headers.len(), 1);
    }
}
