//! HAProxy with a few lines of Lua: the `X-Forwarded-` family, which they write.
//!
//! Takes 2xx for yes; the rest goes to the browser as far as those lines pass it on. Asks by `HEAD`
//! or `GET`.

use http::request::Parts;

use super::described::{Described, Undescribed, by_forwarded_headers};
use super::{Cookies, Dialect};

pub(super) const DIALECT: Dialect = Dialect {
    name: "haproxy",
    describe,
    has_rest: false,
    redirects: true,
    cookies: Cookies::Returned,
};

fn describe(head: &Parts, _rest: &str) -> Result<Described, Undescribed> {
    by_forwarded_headers(&head.headers)
}
