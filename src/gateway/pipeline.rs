//! The road of a request, in the order things happen: read, answer what is ours, find the session,
//! decide, relay or refuse, log. One linear function; every other file of the gateway is a step.

use bytes::Bytes;
use http_body_util::Full;
use std::borrow::Cow;
use std::net::IpAddr;

use http::header::CONNECTION;
use http::{HeaderMap, HeaderValue, Request, Response};

use crate::base::ids::RequestId;
use crate::base::time;
use crate::decision::Admission;
use crate::edge::{ConnectionInfo, RequestBody};
use crate::gateway::answer::body::{AnswerBody, From};
use crate::gateway::answer::refusal;
use crate::gateway::answer::respond::Visitor;
use crate::gateway::decide::signed_in::{NotSignedIn, live_session};
use crate::gateway::decide::{Asked, decide_for_relay};
use crate::gateway::endpoints;
use crate::gateway::external_auth;
use crate::gateway::forward::headers;
use crate::gateway::forward::relay;
use crate::gateway::request::{self, CheckedRequest, Malformed};
use crate::gateway::state::plan::Plan;
use crate::gateway::state::worker::Worker;
use crate::telemetry::{Decision, Record};
use crate::upstream::UpstreamBody;
use crate::wire::accept::{self, Format};
use crate::wire::forwarded::Chain;

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
        return logged(response.map(From::Us), record, worker);
    }
    let checked = request::check(&head).and_then(|(authority, path)| {
        // Security: a connection made for one certificate's names asks for no other's (T14).
        let together = plan.may_carry(from, authority.host());
        if together { Ok((authority, path)) } else { Err(Malformed::Misdirected) }
    });
    let (authority, path) = match checked {
        Ok(checked) => checked,
        Err(malformed) => {
            record.reasons.push(malformed.code());
            if let Ok(authority) = request::authority_of(&head) {
                record.host = Cow::Owned(authority.to_string());
            }
            let response = refuse_malformed(&plan, &record, malformed, &head.headers);
            return logged(response.map(From::Us), record, worker);
        }
    };
    record.host = Cow::Owned(authority.to_string());
    let mut request = CheckedRequest { id: record.id, now, plan, authority, path, chain, head };
    let answered = match endpoints::find(&request) {
        Some(endpoint) => {
            record.decision = Decision::Own;
            Err(endpoints::serve(endpoint, &request, body, worker, &mut record).await)
        }
        None => travel(&mut request, body, worker, &mut record).await,
    };
    let response =
        answered.map(|relayed| relayed.map(From::Application)).unwrap_or_else(|mut ours| {
            headers::on_ours(&mut ours, &request.plan, request.id);
            ours.map(From::Us)
        });
    logged(response, record, worker)
}

/// The road proper: session, decision, relay. The application's answer, or one of ours instead.
async fn travel(
    request: &mut CheckedRequest,
    body: RequestBody,
    worker: &Worker,
    record: &mut Record,
) -> Result<Response<UpstreamBody<RequestBody>>, Response<Full<Bytes>>> {
    let live = live_session(request, worker);
    let why_not = live.as_ref().err().copied().unwrap_or(NotSignedIn::NoCookie);
    record.subject = live.as_ref().ok().map(|live| live.session().identity.subject.clone());
    let facts = request.facts();
    let asked = Asked::of(request, &facts);
    let (decided, told) = decide_for_relay(&asked, live, worker, record);
    let answered = match decided {
        Ok(admission) => admitted(admission, request, body, worker, record).await,
        Err(refused) => Err(refusal::answer(refused, why_not, request, record)),
    };
    told.answered(match &answered {
        Ok(theirs) => theirs.status(),
        Err(ours) => ours.status(),
    });
    answered
}

/// What was admitted goes to its application.
async fn admitted(
    admission: Admission,
    request: &mut CheckedRequest,
    body: RequestBody,
    worker: &Worker,
    record: &mut Record,
) -> Result<Response<UpstreamBody<RequestBody>>, Response<Full<Bytes>>> {
    record.decision = Decision::Allow;
    record.route = request.plan.rules.route(admission.route()).map(|route| route.id.clone());
    record.upstream =
        request.plan.service(admission.route()).and_then(|service| service.upstream_name.clone());
    // The relay takes the client's headers along; what an error page needs of them is kept.
    let preference = request.preference();
    let relayed = relay::relay(admission, request, body, worker).await;
    relayed.map_err(|error| refusal::upstream(&error, preference, request, record))
}

pub(super) fn new_record(head: &http::request::Parts, source_ip: IpAddr) -> Record {
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
        shadow: None,
        subject: None,
        status: 0,
        bytes: 0,
    }
}

fn refuse_malformed(
    plan: &Plan,
    record: &Record,
    malformed: Malformed,
    headers: &HeaderMap,
) -> Response<Full<Bytes>> {
    let preference = accept::prefers(headers, Format::Html);
    let visitor = Visitor { plan, id: record.id, host: "", preference };
    let mut response = refusal::malformed(malformed, &visitor);
    headers::on_ours(&mut response, plan, record.id);
    // What a malformed request leaves in the connection is not to be read as the next one.
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The answer, with its log line tied to the end of its body.
fn logged(response: Response<From>, mut record: Record, worker: &Worker) -> Response<AnswerBody> {
    record.status = response.status().as_u16();
    response.map(|from| AnswerBody::new(from, record, worker.shared.logs.clone()))
}
