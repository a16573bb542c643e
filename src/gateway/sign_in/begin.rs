//! The first step of every sign-in: where to come back to, and the link that leads to the
//! authenticate host.

use crate::base::time::Timestamp;
use crate::gateway::request::CheckedRequest;
use crate::gateway::sign_in::browser;
use crate::session::link::BrowserHash;
use crate::session::return_address::ReturnAddress;
use crate::wire::host::Authority;

/// A sign-in that begins.
#[derive(Debug)]
pub(crate) struct Begun {
    /// The signed link to the authenticate host.
    pub(crate) link: String,
    /// The value of the cookie that the browser is given with the answer.
    pub(crate) browser: String,
}

/// Begins a sign-in that leads back to `return_to`; `since` as in
/// [`crate::session::link::SignInLink`].
pub(crate) fn begin(
    request: &CheckedRequest,
    return_to: &ReturnAddress,
    since: Option<Timestamp>,
) -> Begun {
    let browser = browser::kept_or_new(request.headers());
    let host = request.plan.authenticate.to_string();
    let hash = BrowserHash::of(&browser);
    Begun { link: request.plan.links.url(&host, return_to, &hash, since, request.now), browser }
}

/// The address to come back to: the one asked for, byte for byte; where no link can hold that
/// spelling (`//`, say), the path that it means; else the front page. The port that was asked is
/// kept where it is one of ours.
pub(crate) fn return_address(request: &CheckedRequest) -> Option<ReturnAddress> {
    let ours = |authority: &Authority<'_>| request.plan.is_ours(authority);
    let query = request.head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let meant = format!("{}{query}", request.path);
    let configured = Authority::parse(request.authority.host()).ok()?;
    [&request.authority, &configured].into_iter().find_map(|authority| {
        [request.target(), &meant, "/"]
            .into_iter()
            .find_map(|target| ReturnAddress::of_request(authority, target, &ours))
    })
}
