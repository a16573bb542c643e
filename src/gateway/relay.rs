//! Sends an admitted request to its application and hands back the answer. Nothing else sends.

use http::{Request, Response};

use super::edge::RequestBody;
use super::headers::{self, Unwritable};
use super::inbound::Inbound;
use super::plan::Service;
use super::world::Worker;
use crate::decision::Admission;
use crate::session::Session;
use crate::session::lifecycle::LiveSession;
use crate::upstream::{SendError, UpstreamBody};

/// Why an admitted request has no answer of its application's.
#[derive(Debug)]
pub(super) enum RelayError {
    /// The request could not be written for the application.
    Unwritable(Unwritable),
    /// The application did not answer.
    Upstream(SendError),
}

/// Relays one request. Invariant: the [`Admission`] is consumed, so one decision sends one
/// request, to the route that was decided on.
pub(super) async fn relay(
    admission: Admission,
    inbound: &mut Inbound,
    body: RequestBody,
    worker: &Worker,
) -> Result<Response<UpstreamBody<RequestBody>>, RelayError> {
    let plan = inbound.plan.clone();
    let service =
        plan.service(admission.route()).ok_or(RelayError::Unwritable(Unwritable::Head))?;
    let upstream = service.upstream.as_ref().ok_or(RelayError::Unwritable(Unwritable::Head))?;
    let session = session_to_tell(&admission, inbound, service);
    let head = headers::to_upstream(inbound, worker, service, upstream, session)
        .map_err(RelayError::Unwritable)?;
    let (parts, ()) = head.into_parts();
    let request = Request::from_parts(parts, body);
    let answer = worker.pool.send(admission, upstream, request).await;
    let mut response = answer.map_err(RelayError::Upstream)?;
    headers::to_client(response.headers_mut(), inbound, service);
    Ok(response)
}

/// The session that an application may be told of.
pub(super) fn session_to_tell<'a>(
    admission: &'a Admission,
    inbound: &Inbound,
    service: &Service,
) -> Option<&'a Session> {
    let live = admission.live().map(LiveSession::session);
    live.filter(|_| !is_preflight(inbound, service.cors_allow_preflight))
}

/// A preflight that a route lets through carries no identity (T48).
fn is_preflight(inbound: &Inbound, allowed: bool) -> bool {
    allowed && crate::wire::accept::is_preflight(inbound.method(), inbound.headers())
}
