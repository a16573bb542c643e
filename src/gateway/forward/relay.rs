//! Sends an admitted request to its application and hands back the answer. Nothing else sends.

use http::{Request, Response};

use crate::decision::Admission;
use crate::edge::RequestBody;
use crate::gateway::forward::headers::{self, Unwritable};
use crate::gateway::request::CheckedRequest;
use crate::gateway::state::plan::RoutePlan;
use crate::gateway::state::worker::Worker;
use crate::session::Session;
use crate::session::lifecycle::LiveSession;
use crate::upstream::{SendError, UpstreamBody};

/// Why an admitted request has no answer of its application's.
#[derive(Debug)]
pub(crate) enum RelayError {
    /// The request could not be written for the application.
    Unwritable(Unwritable),
    /// The application did not answer.
    Upstream(SendError),
}

/// Relays one request. Invariant: the [`Admission`] is consumed, so one decision sends one
/// request, to the route that was decided on.
pub(crate) async fn relay(
    admission: Admission,
    request: &mut CheckedRequest,
    body: RequestBody,
    worker: &Worker,
) -> Result<Response<UpstreamBody<RequestBody>>, RelayError> {
    let plan = request.plan.clone();
    let service =
        plan.route_plan(admission.route()).ok_or(RelayError::Unwritable(Unwritable::Head))?;
    let upstream = service.upstream.as_ref().ok_or(RelayError::Unwritable(Unwritable::Head))?;
    let session = session_to_tell(&admission, request, service);
    let head = headers::to_upstream(request, worker, service, upstream, session)
        .map_err(RelayError::Unwritable)?;
    let (parts, ()) = head.into_parts();
    let outgoing = Request::from_parts(parts, body);
    let answer = worker.pool.send(admission, upstream, outgoing).await;
    let mut response = answer.map_err(RelayError::Upstream)?;
    headers::to_client(response.headers_mut(), request, service);
    Ok(response)
}

/// The session that an application may be told of.
pub(crate) fn session_to_tell<'a>(
    admission: &'a Admission,
    request: &CheckedRequest,
    service: &RoutePlan,
) -> Option<&'a Session> {
    let live = admission.live().map(LiveSession::session);
    live.filter(|_| !is_preflight(request, service.cors_allow_preflight))
}

/// A preflight that a route lets through carries no identity (T48).
fn is_preflight(request: &CheckedRequest, allowed: bool) -> bool {
    allowed && crate::wire::accept::is_preflight(request.method(), request.headers())
}
