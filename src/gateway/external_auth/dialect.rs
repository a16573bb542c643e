//! How one kind of proxy asks, and what it can do with an answer.

use http::request::Parts;

use super::described::{Described, Undescribed};

/// One kind of proxy.
pub(super) struct Dialect {
    /// The part of the path that names it.
    pub(super) name: &'static str,
    /// Reads the description: the request, and what follows the name in its path.
    pub(super) describe: fn(&Parts, &str) -> Result<Described, Undescribed>,
    /// Whether what follows the name belongs to the description; otherwise nothing may follow.
    pub(super) has_rest: bool,
    /// How the proxy takes somebody to sign in.
    pub(super) sign_in: SignInShape,
    /// What it can do about our cookies in the request that it sends on.
    pub(super) cookies: Cookies,
}

/// How somebody who has to sign in is told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignInShape {
    /// By a redirect, which the proxy passes on to the browser.
    Redirect,
    /// By a 401 whose `Location` is the address of the sign-in: the proxy passes no redirect on.
    Location,
    /// By a 401 with a short text.
    Text,
}

/// What a proxy can do about our cookies, which no application should see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookies {
    /// Nothing by an answer of ours.
    Untouched,
    /// It takes a `Cookie` of the answer, and none, in place of the client's.
    Returned,
    /// The same, and it can be told to take the header away.
    Removed,
}
