//! Envoy's `ext_authz` over HTTP: the request itself, with a `path_prefix` of ours in front of its
//! path.
//!
//! Takes 200 for yes; everything else goes to the browser as it is, redirects and pages too.

use http::request::Parts;

use super::described::{Described, Undescribed};
use super::dialect::{Cookies, Dialect, SignInShape};
use crate::gateway::request;

pub(super) const DIALECT: Dialect = Dialect {
    name: "envoy",
    describe,
    has_rest: true,
    sign_in: SignInShape::Redirect,
    cookies: Cookies::Removed,
};

fn describe(head: &Parts, rest: &str) -> Result<Described, Undescribed> {
    let authority = request::authority_of(head).map_err(|_| Undescribed::Host)?;
    let target = match head.uri.query() {
        Some(query) => format!("{rest}?{query}"),
        None => rest.to_owned(),
    };
    Described::new(head.method.as_str(), &authority.to_string(), &target)
}
