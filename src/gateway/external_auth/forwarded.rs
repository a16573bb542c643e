//! The `X-Forwarded-` family, which Traefik's `ForwardAuth`, Caddy's `forward_auth` and a few lines of
//! Lua in HAProxy write themselves: `X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri`.
//!
//! All three take 2xx for yes; everything else goes to the browser as it is, redirects and pages
//! too (with HAProxy as far as those lines pass it on; it asks by `HEAD` or `GET`).

use http::HeaderName;
use http::request::Parts;

use super::described::{Described, Undescribed, check_scheme, only};
use super::dialect::{Cookies, Dialect, SignInShape};

/// A proxy of this family.
pub(super) const fn dialect(name: &'static str) -> Dialect {
    let (sign_in, cookies) = (SignInShape::Redirect, Cookies::Returned);
    Dialect { name, describe, has_rest: false, sign_in, cookies }
}

fn describe(head: &Parts, _rest: &str) -> Result<Described, Undescribed> {
    const METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
    const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
    const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
    const TARGET: HeaderName = HeaderName::from_static("x-forwarded-uri");
    let headers = &head.headers;
    check_scheme(only(headers, &PROTO)?)?;
    let (method, host) = (only(headers, &METHOD)?, only(headers, &HOST)?);
    Described::new(method, host, only(headers, &TARGET)?)
}
