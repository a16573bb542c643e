//! The cookies that we set, each with the attributes that it needs.

use std::time::Duration;

use http::HeaderMap;
use http::header::SET_COOKIE;

use crate::gateway::request::CheckedRequest;
use crate::session::{self, Session, attempt};
use crate::wire::cookies::{self, Attributes};

/// Names a browser while it signs in.
pub(crate) const BROWSER: &str = "__Host-russet_browser";
/// Counts sign-ins that led to another one.
pub(crate) const ROUNDS: &str = "__Host-russet_rounds";

/// Sets a cookie of this host alone.
pub(crate) fn set_own(
    headers: &mut HeaderMap,
    name: &str,
    value: &str,
    same_site: cookies::SameSite,
    lifetime: Duration,
) {
    let attributes =
        Attributes { domain: None, http_only: true, same_site, max_age: Some(lifetime) };
    // Invariant: our names and values fit; one that did not would end in the page that says that
    // the browser kept no cookie.
    if let Ok(cookie) = cookies::set_cookie(name, value, &attributes) {
        headers.append(SET_COOKIE, cookie);
    }
}

/// Sets the cookie of an attempt: `SameSite=None`, because Apple's form comes from another site.
pub(crate) fn set_attempt(headers: &mut HeaderMap, name: &str, value: &str) {
    set_own(headers, name, value, cookies::SameSite::None, attempt::REMEMBERED);
}

/// Takes the cookie of an attempt away.
pub(crate) fn delete_attempt(headers: &mut HeaderMap, name: &str) {
    set_own(headers, name, "", cookies::SameSite::None, Duration::ZERO);
}

/// Sets the session cookie of this host. `None` where the session cannot be sealed.
pub(crate) fn set_session(
    headers: &mut HeaderMap,
    request: &CheckedRequest,
    session: &Session,
) -> Option<()> {
    let plan = &request.plan;
    let value = plan.sessions.seal(session, request.authority.host())?;
    // A session of this very request began after it came: Apple was asked in between.
    let left = session.expires_at.seconds_since(request.now.max(session.begun_at));
    let lifetime = Duration::from_secs(u64::try_from(left).unwrap_or(0));
    let cookie =
        cookies::set_cookie(&plan.cookie.name, &value, &session_attributes(request, lifetime));
    headers.append(SET_COOKIE, cookie.ok()?);
    Some(())
}

/// Takes the session cookie of this host away.
pub(crate) fn delete_session(headers: &mut HeaderMap, request: &CheckedRequest) {
    let attributes = session_attributes(request, Duration::ZERO);
    if let Ok(cookie) = cookies::delete_cookie(&request.plan.cookie.name, &attributes) {
        headers.append(SET_COOKIE, cookie);
    }
}

fn session_attributes(request: &CheckedRequest, lifetime: Duration) -> Attributes<'_> {
    let cookie = &request.plan.cookie;
    Attributes {
        domain: cookie.domain.as_deref(),
        http_only: cookie.http_only,
        same_site: match cookie.same_site {
            session::SameSite::Lax => cookies::SameSite::Lax,
            session::SameSite::Strict => cookies::SameSite::Strict,
            session::SameSite::None => cookies::SameSite::None,
        },
        max_age: Some(lifetime),
    }
}
