//! nginx's `auth_request`, and ingress-nginx: `X-Original-Method` and `X-Original-URL`.
//!
//! Takes 2xx for yes, 401 and 403 for no; anything else is an error of its own. It passes no body
//! on, and no header but those it is told to. Its room for an answer's head is small, so that the
//! client's cookies are not sent back: its own `map` takes ours out.

use http::HeaderName;
use http::request::Parts;

use super::described::{Described, Undescribed, check_scheme, only};
use super::dialect::{Cookies, Dialect, SignInShape};

pub(super) const DIALECT: Dialect = Dialect {
    name: "nginx",
    describe,
    has_rest: false,
    sign_in: SignInShape::Location,
    cookies: Cookies::Untouched,
};

const METHOD: HeaderName = HeaderName::from_static("x-original-method");
const URL: HeaderName = HeaderName::from_static("x-original-url");

fn describe(head: &Parts, _rest: &str) -> Result<Described, Undescribed> {
    let (method, url) = (only(&head.headers, &METHOD)?, only(&head.headers, &URL)?);
    let (scheme, rest) = url.split_once("://").ok_or(Undescribed::Path)?;
    check_scheme(scheme)?;
    let (authority, target) = rest.split_at(rest.find('/').ok_or(Undescribed::Path)?);
    Described::new(method, authority, target)
}
