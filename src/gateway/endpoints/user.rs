//! `/.pomerium/` and `/.pomerium/user`: who the session says one is.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;

use super::super::assertion::person;
use super::super::inbound::Inbound;
use super::super::refusal;
use super::super::respond::{self, Visitor};
use super::super::signed_in::{NotSignedIn, live_session};
use super::super::world::Worker;
use super::sign_out::form;
use crate::pages::{UserPage, View};
use crate::session::lifecycle::LiveSession;
use crate::telemetry::Record;

/// The page for people.
pub(super) fn page(
    inbound: &Inbound,
    worker: &Worker,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    let live = match signed_in(inbound, worker, record) {
        Ok(live) => live,
        Err(why_not) => return refusal::sign_in(inbound, why_not, record),
    };
    let session = live.session();
    let page = UserPage::new(
        &session.identity,
        session.expires_at,
        inbound.now,
        form(inbound, session.id, None),
    );
    Visitor::of(inbound).page(&View::User(Box::new(page)))
}

/// The same for programs, in Pomerium's shape.
pub(super) fn json(
    inbound: &Inbound,
    worker: &Worker,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    let live = match signed_in(inbound, worker, record) {
        Ok(live) => live,
        Err(why_not) => return refusal::sign_in(inbound, why_not, record),
    };
    let configured = inbound.plan.claims_headers.iter().map(|(_, claim)| claim.as_str());
    let claims =
        serde_json::Value::Object(person(live.session(), &inbound.plan.groups, configured));
    respond::own(StatusCode::OK, "application/json", claims.to_string())
}

fn signed_in(
    inbound: &Inbound,
    worker: &Worker,
    record: &mut Record,
) -> Result<LiveSession, NotSignedIn> {
    let live = live_session(inbound, worker)?;
    record.subject = Some(live.session().identity.subject.clone());
    Ok(live)
}
