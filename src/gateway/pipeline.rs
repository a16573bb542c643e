//! The road of a request, in the order things happen: read, answer what is ours, find the session,
//! decide, relay or refuse, log. One linear function; every other file of the gateway is a step.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use http::header::CONNECTION;
use http::request::Parts;
use http::{HeaderValue, Request, Response};

use super::answer::body::{AnswerBody, Source};
use super::answer::respond::Visitor;
use super::answer::{Answered, Refused, refusal, render};
use super::decide::live::live_session;
use super::forward::{headers, relay};
use super::request::{self, CheckedRequest, Malformed};
use super::state::worker::Worker;
use super::{decide, endpoints, external_auth};
use crate::base::ids::RequestId;
use crate::base::time;
use crate::decision::record::Outcome;
use crate::decision::{Admission, Face, judge};
use crate::edge::{ConnectionInfo, RequestBody};
use crate::telemetry::{Handled, Record};
use crate::upstream::UpstreamBody;
use crate::wire::accept::{self, Format, Wants};
use crate::wire::forwarded::Chain;

/// The application's answer, or why there is none.
type RelayResult = Result<Response<UpstreamBody<RequestBody>>, Box<Refused>>;

/// Handles one request from its first byte to the answer's head; the answer's body streams on and
/// the log line follows when it ends.
pub(super) async fn handle(
    request: Request<RequestBody>,
    from: &ConnectionInfo,
    worker: &Worker,
) -> Response<AnswerBody> {
    let (head, body) = request.into_parts();
    let plan = worker.plan();
    let now = worker.shared.clock.now();
    let chain = Chain::read(from.peer.ip(), &head.headers, plan.trusted_hops);
    let mut record = new_record(&head, chain.client());
    // Security: external auth is matched on the raw path, before it is normalised, and on any host
    // (T25, T70).
    if external_auth::is_asked(&plan, head.uri.path()) {
        let peer = from.peer.ip();
        // Until a trusted peer describes a client, the peer is who asks.
        record.source_ip = peer;
        let asking = external_auth::Asking { peer, plan, now, worker };
        let response = external_auth::serve(head, asking, &mut record);
        return log_at_end(response.map(Source::Ours), record, worker);
    }
    let checked = request::check(&head).and_then(|(authority, path)| {
        // Security: a connection made for one certificate's names asks for no other's (T14).
        let same_certificate = plan.may_carry(from, authority.host());
        if same_certificate { Ok((authority, path)) } else { Err(Malformed::Misdirected) }
    });
    let (authority, path) = match checked {
        Ok(checked) => checked,
        Err(malformed) => {
            if let Ok(authority) = request::authority_of(&head) {
                record.host = Cow::Owned(authority.to_string());
            }
            let preference = accept::prefers(&head.headers, Format::Html);
            let visitor = Visitor { plan: &plan, id: record.id, host: "", preference };
            let response = refuse_and_close(refusal::malformed(malformed), &visitor, &mut record);
            return log_at_end(response.map(Source::Ours), record, worker);
        }
    };
    record.host = Cow::Owned(authority.to_string());
    let mut request = CheckedRequest {
        id: record.id,
        now,
        plan,
        authority,
        path,
        chain,
        head,
        wants: Wants::default(),
    };
    let ours: Answered = match endpoints::find(&request) {
        Some(endpoint) => {
            record.handled = Handled::Own;
            endpoints::serve(endpoint, &request, body, worker).await
        }
        None => match decide_and_relay(&mut request, body, worker, &mut record).await {
            Ok(relayed) => return log_at_end(relayed.map(Source::Application), record, worker),
            Err(refused) => Err(refused),
        },
    };
    let mut response = render(ours, &Visitor::of(&request), &mut record);
    headers::on_ours(&mut response, &request.plan, request.id);
    log_at_end(response.map(Source::Ours), record, worker)
}

/// Finds the session, decides, and relays or refuses.
async fn decide_and_relay(
    request: &mut CheckedRequest,
    body: RequestBody,
    worker: &Worker,
    record: &mut Record,
) -> RelayResult {
    let live = live_session(request, worker);
    let plan = Arc::clone(&request.plan);
    // The facts borrow the request, which relaying changes: the judgement ends here.
    let (admitted, line) = {
        let facts = request.facts(Face::Gateway);
        let judgement = judge(&plan.rules, &facts, live);
        let line = decide::log_decision(&judgement, request, worker, record);
        (judgement.admit(), line)
    };
    let relayed = match admitted {
        Ok(admission) => forward(admission, request, body, worker, record).await,
        Err(refusal) => Err(refusal::decided(&refusal, request)),
    };
    line.finish_with_status(match &relayed {
        Ok(answer) => answer.status(),
        Err(refused) => refused.status(),
    });
    relayed
}

/// Sends what was admitted to its application.
async fn forward(
    admission: Admission,
    request: &mut CheckedRequest,
    body: RequestBody,
    worker: &Worker,
    record: &mut Record,
) -> RelayResult {
    record.handled = Handled::Decided(Outcome::Allow.word());
    record.route = refusal::route_id(request, admission.route());
    record.upstream = request
        .plan
        .route_plan(admission.route())
        .and_then(|service| service.upstream_name.clone());
    let relayed = relay::relay(admission, request, body, worker).await;
    relayed.map_err(|error| refusal::upstream(&error))
}

pub(super) fn new_record(head: &Parts, source_ip: IpAddr) -> Record {
    Record {
        method: head.method.clone(),
        path: head.uri.path().to_owned(),
        ..empty_record(source_ip)
    }
}

/// The record of a request of which nothing could be read.
pub(super) fn empty_record(source_ip: IpAddr) -> Record {
    Record {
        id: RequestId::fresh(),
        begun: time::monotonic(),
        source_ip,
        method: http::Method::default(),
        host: Cow::Borrowed(""),
        path: String::new(),
        route: None,
        upstream: None,
        handled: Handled::Malformed,
        reasons: Vec::new(),
        evidence: Vec::new(),
        detail: None,
        shadow: None,
        subject: None,
        status: 0,
        bytes: 0,
    }
}

/// Renders a refusal and closes the connection: unread bytes of this request must not be read as
/// the next one.
pub(super) fn refuse_and_close(
    refused: Box<Refused>,
    visitor: &Visitor<'_>,
    record: &mut Record,
) -> Response<http_body_util::Full<bytes::Bytes>> {
    let mut response = render(Err(refused), visitor, record);
    headers::on_ours(&mut response, visitor.plan, record.id);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Attaches the record to the answer's body: its line is written when the body ends or is dropped.
pub(super) fn log_at_end(
    response: Response<Source>,
    mut record: Record,
    worker: &Worker,
) -> Response<AnswerBody> {
    record.status = response.status().as_u16();
    response.map(|source| AnswerBody::new(source, record, worker.shared.logs.clone()))
}
