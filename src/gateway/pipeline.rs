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
use super::answer::{Refused, refusal, render};
use super::decide::live::live_session;
use super::forward::{headers, relay};
use super::request::{self, CheckedRequest, Malformed};
use super::state::shared::Worker;
use super::{decide, endpoints, external_auth};
use crate::base::ids::RequestId;
use crate::base::time;
use crate::decision::record::Outcome;
use crate::decision::{Admission, Face, judge};
use crate::edge::{ConnectionInfo, RequestBody};
use crate::telemetry::{Handled, Record};
use crate::upstream::UpstreamBody;
use crate::wire::accept::{self, Format};
use crate::wire::forwarded::Chain;

/// What comes of a request: the application's answer, or why there is none.
type Relayed = Result<Response<UpstreamBody<RequestBody>>, Box<Refused>>;

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
    // Security: before the path is brought into another form, and on any host (T25, T70).
    if external_auth::is_asked(&plan, head.uri.path()) {
        let peer = from.peer.ip();
        record.source_ip = peer;
        let asking = external_auth::Asking { peer, plan, now, worker };
        let response = external_auth::serve(head, asking, &mut record);
        return logged(response.map(Source::Ours), record, worker);
    }
    let checked = request::check(&head).and_then(|(authority, path)| {
        // Security: a connection made for one certificate's names asks for no other's (T14).
        let together = worker.shared.may_carry(from, authority.host());
        if together { Ok((authority, path)) } else { Err(Malformed::Misdirected) }
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
            return logged(response.map(Source::Ours), record, worker);
        }
    };
    record.host = Cow::Owned(authority.to_string());
    let mut request = CheckedRequest { id: record.id, now, plan, authority, path, chain, head };
    let answered = match endpoints::find(&request) {
        Some(endpoint) => {
            record.handled = Handled::Own;
            Err(endpoints::serve(endpoint, &request, body, worker).await)
        }
        None => travel(&mut request, body, worker, &mut record).await.map_err(Err),
    };
    let response = match answered {
        Ok(relayed) => relayed.map(Source::Application),
        Err(ours) => {
            let mut ours = render(ours, &Visitor::of(&request), &mut record);
            headers::on_ours(&mut ours, &request.plan, request.id);
            ours.map(Source::Ours)
        }
    };
    logged(response, record, worker)
}

/// The road proper: session, decision, relay.
async fn travel(
    request: &mut CheckedRequest,
    body: RequestBody,
    worker: &Worker,
    record: &mut Record,
) -> Relayed {
    let live = live_session(request, worker);
    let plan = Arc::clone(&request.plan);
    let (admitted, line) = {
        let facts = request.facts(Face::Gateway);
        let judgement = judge(&plan.rules, &facts, live);
        let line = decide::log(&judgement, request, worker, record);
        (judgement.admit(), line)
    };
    let relayed = match admitted {
        Ok(admission) => forward(admission, request, body, worker, record).await,
        Err(refusal) => Err(refusal::decided(&refusal, request)),
    };
    line.answered(match &relayed {
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
) -> Relayed {
    record.handled = Handled::Decided(Outcome::Allow.word());
    record.route = refusal::route_id(request, admission.route());
    record.upstream =
        request.plan.service(admission.route()).and_then(|service| service.upstream_name.clone());
    // The relay takes the client's headers along; what an error page needs of them is kept.
    let preference = request.preference();
    let relayed = relay::relay(admission, request, body, worker).await;
    relayed.map_err(|error| refusal::upstream(&error).with_format(preference))
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

/// The answer to a request on whose connection nothing more is read: what it left there must not
/// be taken for the next request.
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

/// The answer, with its log line tied to the end of its body.
pub(super) fn logged(
    response: Response<Source>,
    mut record: Record,
    worker: &Worker,
) -> Response<AnswerBody> {
    record.status = response.status().as_u16();
    response.map(|source| AnswerBody::new(source, record, worker.shared.logs.clone()))
}
