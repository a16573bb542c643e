//! Which request methods are served (T46, T26).

use http::{Method, StatusCode};
use thiserror::Error;

/// Why a method is refused. Case matters in methods (RFC 9110 §9.1): `get` is not `GET`.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum MethodProblem {
    /// TRACE and TRACK would echo headers, CONNECT would make an open proxy: 405.
    #[error("this method is never allowed here")]
    Never,
    /// A method that is not in IANA's registry, also a registered one in another case: 501.
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

/// Methods that are served in addition to those of RFC 9110: IANA's registry (WebDAV and its kin, QUERY)
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

#[cfg(test)]
mod tests {
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
}
