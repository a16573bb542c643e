//! `/.pomerium/` and `/.pomerium/user`: who the session says one is.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;

use super::sign_out::form;
use crate::gateway::answer::refusal;
use crate::gateway::answer::respond::{self, Visitor};
use crate::gateway::decide::signed_in::{NotSignedIn, live_session};
use crate::gateway::forward::assertion::person;
use crate::gateway::request::CheckedRequest;
use crate::gateway::state::worker::Worker;
use crate::pages::{UserPage, View};
use crate::session::lifecycle::LiveSession;
use crate::telemetry::Record;

/// The page for people.
pub(super) fn page(
    request: &CheckedRequest,
    worker: &Worker,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    let live = match signed_in(request, worker, record) {
        Ok(live) => live,
        Err(why_not) => return refusal::sign_in(request, why_not, record),
    };
    let session = live.session();
    let page = UserPage::new(
        &session.identity,
        session.expires_at,
        request.now,
        form(request, session.id, None),
    );
    Visitor::of(request).page(&View::User(Box::new(page)))
}

/// The same for programs, in Pomerium's shape.
pub(super) fn json(
    request: &CheckedRequest,
    worker: &Worker,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    let live = match signed_in(request, worker, record) {
        Ok(live) => live,
        Err(why_not) => return refusal::sign_in(request, why_not, record),
    };
    let configured = request.plan.claims_headers.iter().map(|(_, claim)| claim.as_str());
    let claims =
        serde_json::Value::Object(person(live.session(), &request.plan.groups, configured));
    respond::own(StatusCode::OK, "application/json", claims.to_string())
}

fn signed_in(
    request: &CheckedRequest,
    worker: &Worker,
    record: &mut Record,
) -> Result<LiveSession, NotSignedIn> {
    let live = live_session(request, worker)?;
    record.subject = Some(live.session().identity.subject.clone());
    Ok(live)
}
