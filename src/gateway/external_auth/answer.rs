//! The decision on what was described, and the answer to it.

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;

use super::super::inbound::Inbound;
use super::super::respond::{self, Visitor};
use super::super::signed_in::{NotSignedIn, live_session};
use super::super::world::Worker;
use super::super::{headers, refusal, relay};
use super::Dialect;
use crate::decision::{Admission, Facts, Refusal, admission};
use crate::pages::{Href, SignIn, View};
use crate::telemetry::{Decision, Record};
use crate::wire::accept;

/// Decides as the road does, and answers in the proxy's own way.
pub(super) fn decide(
    inbound: &Inbound,
    dialect: &Dialect,
    worker: &Worker,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    decide_with(
        inbound,
        worker,
        record,
        |admission, record| allow(admission, inbound, worker, record),
        |why_not, record| sign_in(why_not, inbound, dialect, record),
    )
}

/// The decision as the road makes it; a no is the same for everybody.
pub(super) fn decide_with(
    inbound: &Inbound,
    worker: &Worker,
    record: &mut Record,
    allow: impl FnOnce(&Admission, &mut Record) -> Response<Full<Bytes>>,
    sign_in: impl FnOnce(NotSignedIn, &mut Record) -> Response<Full<Bytes>>,
) -> Response<Full<Bytes>> {
    let (live, why_not) = match live_session(inbound, worker) {
        Ok(live) => (Some(live), NotSignedIn::NoCookie),
        Err(why_not) => (None, why_not),
    };
    record.subject = live.as_ref().map(|live| live.session().identity.subject.clone());
    let facts = Facts {
        authority: &inbound.authority,
        method: inbound.head.method.as_str(),
        path: &inbound.path,
        source_ip: inbound.source_ip(),
        cors_preflight: accept::is_preflight(inbound.method(), inbound.headers()),
        client_certificate: None,
    };
    match admission(&inbound.plan.rules, &facts, live, inbound.now) {
        Ok(admission) => allow(&admission, record),
        Err(Refusal::SignIn { judged, since }) => {
            let why_not = since.map_or(why_not, NotSignedIn::TooLongAgo);
            refusal::note_route(inbound, judged.route, record);
            sign_in(why_not, record)
        }
        // No proxy is told 404: to some of them that is an error and no answer.
        Err(Refusal::NoRoute(no_route)) => {
            refusal::note_no_route(no_route, record);
            Visitor::of(inbound).page_with(&View::NotFound, StatusCode::FORBIDDEN)
        }
        Err(Refusal::Denied { judged, explanation, live }) => {
            refusal::note_route(inbound, judged.route, record);
            refusal::note_denial(&explanation, record);
            refusal::denied(&judged.verdict, &explanation, live.as_deref(), inbound)
        }
    }
}

/// Yes, and who it is: every header that was configured, because a proxy only takes the place of
/// what it is given. One that were missing would leave the client's own (`docs/attacks.md`).
pub(super) fn allow(
    admission: &Admission,
    inbound: &Inbound,
    worker: &Worker,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    refusal::note_route(inbound, admission.route(), record);
    let Some(service) = inbound.plan.service(admission.route()) else {
        return Visitor::of(inbound).page(&View::Internal);
    };
    let session =
        relay::session_to_tell(admission, inbound, service).filter(|_| service.pass_identity);
    let Some(identity) = headers::every_identity(inbound, worker, session) else {
        return Visitor::of(inbound).page(&View::Internal);
    };
    record.decision = Decision::Allow;
    let mut response = respond::own(StatusCode::OK, "text/plain; charset=utf-8", Bytes::new());
    response.headers_mut().extend(identity);
    response
}

/// No, not before somebody has signed in. A page load is taken there; all else is told so. The
/// link names no browser: the answer may reach none with its cookie.
fn sign_in(
    why_not: NotSignedIn,
    inbound: &Inbound,
    dialect: &Dialect,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    refusal::note_sign_in(why_not, record);
    let visitor = Visitor::of(inbound);
    let Some(address) = refusal::return_address(inbound) else {
        return visitor.page(&View::BadRequest);
    };
    let (cause, since) = why_not.asks_for();
    let link = inbound.plan.starts.url(&address, since, inbound.now);
    let page_load = inbound.is_page_load();
    if page_load && dialect.redirects {
        return respond::redirect(StatusCode::FOUND, &link);
    }
    let location = HeaderValue::from_str(&link).ok().filter(|_| page_load);
    let view = View::SignIn(SignIn { cause, url: Href::new(link) });
    let format = accept::prefers(inbound.headers(), accept::Format::Json);
    let mut response = Visitor { preference: format, ..visitor }.page(&view);
    if let Some(location) = location {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
