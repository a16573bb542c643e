//! Caddy's `forward_auth`: the `X-Forwarded-` family, which it writes itself.
//!
//! Takes 2xx for yes; everything else goes to the browser as it is, redirects and pages too.

use http::request::Parts;

use super::described::{Described, Undescribed, by_forwarded_headers};
use super::{Cookies, Dialect};

pub(super) const DIALECT: Dialect = Dialect {
    name: "caddy",
    describe,
    has_rest: false,
    redirects: true,
    cookies: Cookies::Returned,
};

fn describe(head: &Parts, _rest: &str) -> Result<Described, Undescribed> {
    by_forwarded_headers(&head.headers)
}
