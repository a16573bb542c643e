//! The road of a request, in the order things happen: read, answer what is ours, find the session,
//! decide, relay or refuse, log. One linear function; every other file of the gateway is a step.

use std::borrow::Cow;
use std::net::IpAddr;

use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;

use super::edge::ConnectionInfo;
use super::inbound::{self, Inbound, Malformed};
use super::respond::{self, Visitor};
use super::world::{HeldPlan, Worker};
use super::{endpoints, headers, refusal, relay};
use crate::base::ids::RequestId;
use crate::base::time::{self, Timestamp};
use crate::decision::{Facts, admission};
use crate::session::lifecycle::{self, Dead, LiveSession};
use crate::telemetry::{Decision, Record};
use crate::wire::accept::{self, Preference};
use crate::wire::body::Body;
use crate::wire::cookies;
use crate::wire::forwarded::Chain;

/// Handles one request from its first byte to the answer's head; the answer's body streams on and
/// the log line follows when it ends.
pub async fn handle(request: Request<Incoming>, from: &ConnectionInfo, worker: &Worker) -> Response<Body> {
    let (head, body) = request.into_parts();
    let plan = worker.plan();
    let now = worker.shared.clock.now();
    let chain = Chain::read(from.peer.ip(), &head.headers, plan.trusted_hops);
    let mut record = new_record(&head, chain.client());
    let checked = inbound::check(&head);
    let (authority, path) = match checked {
        Ok(checked) => checked,
        Err(malformed) => {
            let response = refuse_malformed(&plan, &record, malformed, accept::prefers(&head.headers));
            record.reasons.push(malformed.code());
            return logged(response, record, worker);
        }
    };
    record.host = Cow::Owned(authority.to_string());
    let mut inbound = Inbound { id: record.id, now, plan, authority, path, chain, head };
    let (response, own) = match endpoints::find(&inbound) {
        Some(endpoint) => {
            record.decision = Decision::Own;
            (endpoints::serve(endpoint, &inbound, body, worker, &mut record).await, true)
        }
        None => travel(&mut inbound, body, worker, &mut record).await,
    };
    let mut response = response;
    headers::on_every_answer(response.headers_mut(), &inbound, own);
    logged(response, record, worker)
}

/// The road proper: session, decision, relay. Says whether the answer is ours.
async fn travel(
    inbound: &mut Inbound,
    body: Incoming,
    worker: &Worker,
    record: &mut Record,
) -> (Response<Body>, bool) {
    let live = live_session(inbound, worker);
    record.subject = live.as_ref().ok().map(|live| live.session().identity.subject.clone());
    let facts = Facts {
        authority: &inbound.authority,
        method: inbound.head.method.as_str(),
        path: &inbound.path,
        source_ip: inbound.source_ip(),
        cors_preflight: accept::is_preflight(inbound.method(), inbound.headers()),
    };
    let (live, why_not) = match live {
        Ok(live) => (Some(live), None),
        Err(why_not) => (None, Some(why_not)),
    };
    let admission = match admission(&inbound.plan.rules, &facts, live) {
        Ok(admission) => admission,
        Err(refused) => {
            let why_not = why_not.unwrap_or(NotSignedIn::NoCookie);
            return (refusal::answer(refused, why_not, inbound, record), true);
        }
    };
    record.decision = Decision::Allow;
    record.route = inbound.plan.rules.route(admission.route()).map(|route| route.id.clone());
    record.upstream =
        inbound.plan.service(admission.route()).map(|service| service.upstream_name.clone());
    let preference = inbound.preference();
    match relay::relay(admission, inbound, body, worker).await {
        Ok(response) => (response, false),
        Err(error) => (refusal::upstream(&error, preference, inbound, record), true),
    }
}

/// Why a request has no live session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotSignedIn {
    /// It carries no cookie of our name.
    NoCookie,
    /// It carries one that does not open here, or several that do.
    NotOpened,
    /// The session is over.
    Dead(Dead),
}

/// The live session of a request, from its cookie alone.
pub(super) fn live_session(inbound: &Inbound, worker: &Worker) -> Result<LiveSession, NotSignedIn> {
    let plan = &inbound.plan;
    let mut values = cookies::values(inbound.headers(), &plan.cookie.name).peekable();
    if values.peek().is_none() {
        return Err(NotSignedIn::NoCookie);
    }
    let opened = plan.sessions.open_only(values, inbound.authority.host());
    let opened = opened.ok_or(NotSignedIn::NotOpened)?;
    lifecycle::live(opened, &worker.shared.ended, inbound.now).map_err(NotSignedIn::Dead)
}

fn new_record(head: &http::request::Parts, source_ip: IpAddr) -> Record {
    Record {
        id: RequestId::fresh(),
        begun: time::monotonic(),
        source_ip,
        method: head.method.clone(),
        host: Cow::Borrowed(""),
        path: head.uri.path().to_owned(),
        route: None,
        upstream: None,
        decision: Decision::Malformed,
        reasons: Vec::new(),
        evidence: Vec::new(),
        detail: None,
        subject: None,
        status: 0,
        bytes: 0,
    }
}

fn refuse_malformed(
    plan: &HeldPlan,
    record: &Record,
    malformed: Malformed,
    preference: Preference,
) -> Response<Body> {
    let visitor = Visitor { plan, id: record.id, host: "", preference };
    let mut response = refusal::malformed(malformed, &visitor);
    // What a malformed request leaves in the connection is not to be read as the next one.
    response.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
    response
}

/// The answer, with its log line tied to the end of its body.
fn logged(response: Response<Body>, mut record: Record, worker: &Worker) -> Response<Body> {
    record.status = response.status().as_u16();
    let logs = worker.shared.logs.clone();
    response.map(|body| {
        body.on_end(move |bytes| {
            record.bytes = bytes;
            logs.request(&record);
        })
    })
}
