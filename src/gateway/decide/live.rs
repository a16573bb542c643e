//! Whose session a request carries: from the cookie alone, and only a live one.

use crate::decision::NotSignedIn;
use crate::gateway::request::CheckedRequest;
use crate::gateway::state::shared::Worker;
use crate::session::lifecycle::{self, LiveSession};
use crate::wire::cookies;

/// The live session of a request.
pub(crate) fn live_session(
    request: &CheckedRequest,
    worker: &Worker,
) -> Result<LiveSession, NotSignedIn> {
    live_session_at(request.authority.host(), request, worker)
}

/// The same for a request that a trusted peer makes for another host.
pub(crate) fn live_session_at(
    host: &str,
    request: &CheckedRequest,
    worker: &Worker,
) -> Result<LiveSession, NotSignedIn> {
    let plan = &request.plan;
    let mut values = cookies::values(request.headers(), &plan.cookie.name).peekable();
    if values.peek().is_none() {
        return Err(NotSignedIn::NoCookie);
    }
    let opened = plan.sessions.open_only(values, host);
    let opened = opened.ok_or(NotSignedIn::NotOpened)?;
    lifecycle::live(opened, &worker.shared.ended, request.now).map_err(NotSignedIn::Dead)
}
