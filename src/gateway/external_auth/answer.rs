//! The decision on what was described, and the answer to it.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, COOKIE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;

use super::dialect::{Cookies, SignInShape};
use crate::base::ids::RequestId;
use crate::decision::record::Outcome;
use crate::decision::{Admission, Constraint, Face, Refusal, WhySignIn, judge};
use crate::gateway::answer::{Refused, Shown, refusal};
use crate::gateway::decide::{self, live::live_session};
use crate::gateway::forward::{headers, relay};
use crate::gateway::paths::is_in_own_tree;
use crate::gateway::request::CheckedRequest;
use crate::gateway::sign_in::begin::return_address;
use crate::gateway::state::worker::Worker;
use crate::pages::{Href, SignIn, StoreTask, View};
use crate::telemetry::{Code, Handled, Record};
use crate::wire::accept::Format;

/// Takes headers of the request away, at Envoy.
const TO_REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");

/// What a proxy is told that asks while no session can be checked.
const UNCHECKED: &str = "Sessions cannot be checked right now.\n";

/// How a question wants to be answered.
pub(super) struct Manner<'a> {
    /// The status of a yes.
    pub(super) allowed: StatusCode,
    /// How somebody who has to sign in is told so.
    pub(super) sign_in: SignInShape,
    /// What the question asks of a person in addition to the policy.
    pub(super) constraint: Option<&'a dyn Constraint>,
}

/// Decides as the road does, and answers in the proxy's own way.
///
/// # Errors
/// The refusal, as a browser may see it.
pub(super) fn decide(
    request: &CheckedRequest,
    manner: &Manner<'_>,
    worker: &Worker,
    record: &mut Record,
) -> Result<(Allow, Admission), Box<Refused>> {
    // No application gets what is ours, and whoever sent it to us would go in circles.
    if is_in_own_tree(&request.path) {
        let reasons = vec![Code::RouteNotFound.word()];
        return Err(no_route().with_decision(Outcome::NoRoute, reasons));
    }
    let facts = request.facts(Face::ExternalAuth);
    let mut judgement = judge(&request.plan.rules, &facts, live_session(request, worker));
    if let Some(constraint) = manner.constraint {
        judgement = judgement.restricted_by(constraint);
    }
    let line = decide::log_decision(&judgement, request, worker, record);
    let answered = match judgement.admit() {
        Ok(admission) => allow(&admission, request, worker, record).map(|yes| (yes, admission)),
        Err(refusal) => Err(refused(&refusal, request, manner.sign_in)),
    };
    line.finish_with_status(
        answered.as_ref().map_or_else(|refused| refused.status(), |_| manner.allowed),
    );
    answered
}

fn refused(refusal: &Refusal, request: &CheckedRequest, shape: SignInShape) -> Box<Refused> {
    match refusal {
        Refusal::NoRoute(_) => refusal::noted(no_route(), refusal, request),
        Refusal::SignIn { cause, .. } => {
            refusal::noted(sign_in(*cause, request, shape), refusal, request)
        }
        Refusal::Denied { .. } | Refusal::Constraint { .. } => refusal::page(refusal, request),
    }
}

/// No proxy is told 404: to some of them that is an error and not an answer.
fn no_route() -> Box<Refused> {
    Refused::shown(Shown::Page(View::NotFound)).with_status(StatusCode::FORBIDDEN)
}

/// Yes, and what the request is to carry.
#[derive(Debug)]
pub(super) struct Allow {
    /// Every header that was configured, because a proxy only replaces what it is given: one that
    /// were missing would leave the client's own. Empty where there is nothing to say.
    pub(super) identity: HeaderMap,
    /// Whether the client sent cookies.
    pub(super) had_cookies: bool,
    /// The client's cookies but ours.
    pub(super) cookies: Option<HeaderValue>,
    /// Whether the decision depends on the method, so that no header may change it afterwards.
    pub(super) method_matters: bool,
}

impl Allow {
    /// The answer over HTTP.
    pub(super) fn into_response(self, id: RequestId, cookies: Cookies) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        let headers = response.headers_mut();
        *headers = self.identity;
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let (name, value) = headers::request_id(id);
        headers.insert(name, value);
        match (cookies, self.cookies) {
            (Cookies::Untouched, _) => {}
            (Cookies::Returned | Cookies::Removed, Some(rest)) => {
                headers.insert(COOKIE, rest);
            }
            (Cookies::Removed, None) if self.had_cookies => {
                headers.insert(TO_REMOVE, HeaderValue::from_static("cookie"));
            }
            (Cookies::Returned | Cookies::Removed, None) => {}
        }
        response
    }
}

/// Yes, for whoever was admitted.
fn allow(
    admission: &Admission,
    request: &CheckedRequest,
    worker: &Worker,
    record: &mut Record,
) -> Result<Allow, Box<Refused>> {
    let internal = || Refused::page(Code::Internal, View::Internal);
    record.route = refusal::route_id(request, admission.route());
    let service = request.plan.route_plan(admission.route()).ok_or_else(internal)?;
    let session =
        relay::session_to_tell(admission, request, service).filter(|_| service.pass_identity);
    let identity = headers::every_identity(request, worker, session).ok_or_else(internal)?;
    let sent = request.headers().get_all(COOKIE).iter();
    let mut cookies: HeaderMap = sent.map(|value| (COOKIE, value.clone())).collect();
    let had_cookies = !cookies.is_empty();
    request.plan.our_cookies.remove_from_request(&mut cookies);
    record.handled = Handled::Decided(Outcome::Allow.word());
    let (cookies, method_matters) = (cookies.remove(COOKIE), service.method_matters);
    Ok(Allow { identity, had_cookies, cookies, method_matters })
}

/// No, not before somebody has signed in. A page load is taken there; all else is told so. The
/// link names no browser: the answer may not reach the browser with its cookie.
fn sign_in(cause: WhySignIn, request: &CheckedRequest, shape: SignInShape) -> Box<Refused> {
    if cause.is_unchecked() {
        return match shape {
            SignInShape::Text => {
                Refused::shown(Shown::Text(StatusCode::SERVICE_UNAVAILABLE, UNCHECKED))
            }
            SignInShape::Redirect | SignInShape::Location => {
                Refused::shown(Shown::Page(View::StoreUnanswered(StoreTask::CheckSession)))
            }
        };
    }
    if shape == SignInShape::Text {
        let text = Shown::Text(StatusCode::UNAUTHORIZED, "Sign in first.\n");
        return Refused::shown(text);
    }
    let Some(address) = return_address(request) else {
        return Refused::page(Code::BadReturnAddress, View::BadRequest);
    };
    let link = request.plan.starts.url(&address, refusal::since(cause), request.now);
    let page_load = request.is_page_load();
    if page_load && shape == SignInShape::Redirect {
        return Refused::shown(Shown::Redirect(StatusCode::FOUND, link));
    }
    let location = HeaderValue::from_str(&link).ok().filter(|_| page_load);
    let view = View::SignIn(SignIn { cause: refusal::page_cause(cause), url: Href::new(link) });
    let format = request.prefers(Format::Json);
    let mut refused = Refused::shown(Shown::Page(view)).with_format(format);
    if let Some(location) = location {
        refused.headers_mut().insert(LOCATION, location);
    }
    refused
}
