//! Every refusal and its answer: status, page or redirect, and what the log says. Nothing a
//! stranger should not know is in an answer; what the operator needs is in the record.

use bytes::Bytes;
use http_body_util::Full;
use std::error::Error as _;

use http::{Response, StatusCode};

use crate::decision::{NoRoute, Refusal, RouteIndex};
use crate::edge::{BodyError, EarlyRefusal};
use crate::gateway::answer::evidence;
use crate::gateway::answer::respond::{self, Visitor};
use crate::gateway::decide::signed_in::NotSignedIn;
use crate::gateway::endpoints::{begin_sign_in, robots, sign_out_form};
use crate::gateway::forward::headers::Unwritable;
use crate::gateway::forward::relay::RelayError;
use crate::gateway::request::{CheckedRequest, Malformed};
use crate::gateway::sign_in::browser;
use crate::pages::{Denied, Href, LoopCause, Person, SignIn, View};
use crate::policy::{Explanation, Reason, Verdict, sign_in_status};
use crate::session::lifecycle::LiveSession;
use crate::session::return_address::ReturnAddress;
use crate::telemetry::{Decision, Record};
use crate::upstream::SendError;
use crate::wire::accept::Format;
use crate::wire::host::Authority;

/// Where crawlers look first: whoever is refused there is told to stay away, with 200.
pub const ROBOTS: &str = "/robots.txt";

/// The answer to a request that the decision refused.
pub(crate) fn answer(
    refusal: Refusal,
    why_not: NotSignedIn,
    request: &CheckedRequest,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    match refusal {
        Refusal::NoRoute(no_route) => {
            note_no_route(no_route, record);
            Visitor::of(request).page(&View::NotFound)
        }
        Refusal::SignIn { judged, since } => {
            let why_not = since.map_or(why_not, NotSignedIn::TooLongAgo);
            note_route(request, judged.route, record);
            if request.path == ROBOTS {
                record.decision = Decision::SignIn;
                return robots();
            }
            sign_in(request, why_not, record)
        }
        Refusal::Denied { judged, explanation, live } => {
            note_route(request, judged.route, record);
            note_denial(&explanation, record);
            if request.path == ROBOTS {
                return robots();
            }
            denied(&judged.verdict, &explanation, live.as_deref(), request)
        }
    }
}

pub(crate) fn note_no_route(no_route: NoRoute, record: &mut Record) {
    record.decision = Decision::NoRoute;
    record.reasons.push(no_route.word());
}

pub(crate) fn note_denial(explanation: &Explanation, record: &mut Record) {
    record.decision = Decision::Deny;
    record.reasons = explanation.reasons.iter().map(|reason| reason.word()).collect();
    record.evidence = evidence::for_log(explanation);
}

pub(crate) fn note_sign_in(why_not: NotSignedIn, record: &mut Record) {
    record.decision = Decision::SignIn;
    record.reasons.push(why_not.word());
}

pub(crate) fn note_route(request: &CheckedRequest, route: RouteIndex, record: &mut Record) {
    record.route = request.plan.rules.route(route).map(|route| route.id.clone());
}

/// The answer to somebody who has to sign in: page loads are taken to Apple, everything else is
/// told so, because a redirect there could only fail.
pub(crate) fn sign_in(
    request: &CheckedRequest,
    why_not: NotSignedIn,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    note_sign_in(why_not, record);
    let visitor = Visitor::of(request);
    let page_load = request.is_page_load();
    if page_load && browser::goes_round(request) {
        record.reasons.push("sign-in-loop");
        return going_round(&visitor, why_not);
    }
    // A posted form or a script's request is not repeated; its page is loaded anew.
    let address = return_address(request);
    let Some(address) = address else { return visitor.page(&View::BadRequest) };
    let (cause, since) = why_not.asks_for();
    let (link, cookie) = begin_sign_in(request, &address, since);
    let status = status(sign_in_status(page_load));
    let mut response = match page_load {
        true => respond::redirect(status, &link),
        false => {
            let url = Href::new(link);
            let view = View::SignIn(SignIn { cause, url });
            // Only somebody who asks for a page gets one; a program reads JSON (`design.md` §5).
            let format = crate::wire::accept::prefers(request.headers(), Format::Json);
            Visitor { preference: format, ..visitor }.page_with(&view, status)
        }
    };
    browser::remember(&mut response, &cookie);
    response
}

/// The address to come back to: the one asked for, byte for byte; where that is spelt as no link is
/// (`//`, say), the one it means; else the front page. The port that was asked is kept where it is
/// one of ours.
pub(crate) fn return_address(request: &CheckedRequest) -> Option<ReturnAddress> {
    let ours = |authority: &Authority<'_>| request.plan.is_ours(authority);
    let query = request.head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let meant = format!("{}{query}", request.path);
    let configured = Authority::parse(request.authority.host()).ok()?;
    [&request.authority, &configured].into_iter().find_map(|authority| {
        [request.target(), &meant, "/"]
            .into_iter()
            .find_map(|target| ReturnAddress::of_request(authority, target, &ours))
    })
}

pub(crate) fn going_round(visitor: &Visitor<'_>, why_not: NotSignedIn) -> Response<Full<Bytes>> {
    let cause = match why_not {
        NotSignedIn::NoCookie => LoopCause::CookieNotKept,
        NotSignedIn::NotOpened | NotSignedIn::Dead(_) | NotSignedIn::TooLongAgo(_) => {
            LoopCause::CookieNotAccepted
        }
    };
    let mut response = visitor.page(&View::Loop { cause, start_again: Href::here() });
    browser::forget_rounds(&mut response);
    response
}

/// The 403 that explains itself.
pub(crate) fn denied(
    verdict: &Verdict,
    explanation: &Explanation,
    live: Option<&LiveSession>,
    request: &CheckedRequest,
) -> Response<Full<Bytes>> {
    if verdict.lacks_certificate() {
        return no_certificate(verdict, request);
    }
    let session = live.map(LiveSession::session);
    let address = return_address(request);
    let another_account = session.map(|session| {
        let return_to = address
            .map_or_else(|| format!("https://{}/", request.authority), |address| address.url());
        sign_out_form(request, session.id, Some(return_to))
    });
    let person =
        session.map(|session| Person::from_identity(&session.identity)).unwrap_or_default();
    let view = View::Denied(Box::new(Denied {
        person,
        reasons: evidence::for_page(explanation, session.map(|session| &session.identity)),
        another_account,
    }));
    Visitor::of(request).page_with(&view, status(verdict.status(request.is_page_load())))
}

/// The answer to a connection that has to show a certificate; who it is does not matter.
fn no_certificate(verdict: &Verdict, request: &CheckedRequest) -> Response<Full<Bytes>> {
    let shown = verdict.deny_reasons.contains(Reason::InvalidClientCertificate);
    let status = status(verdict.status(request.is_page_load()));
    Visitor::of(request).page_with(&View::Certificate { shown }, status)
}

/// A status that the policy gave.
fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::FORBIDDEN)
}

/// The answer to a request that never was one.
pub(crate) fn malformed(malformed: Malformed, visitor: &Visitor<'_>) -> Response<Full<Bytes>> {
    let (view, status) = malformed_view(malformed);
    let mut response = visitor.page_with(&view, status);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let allowed =
            http::HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        response.headers_mut().insert(http::header::ALLOW, allowed);
    }
    response
}

/// The status with which a request that never was one is answered.
pub fn status_of(malformed: Malformed) -> StatusCode {
    malformed_view(malformed).1
}

fn malformed_view(malformed: Malformed) -> (View, StatusCode) {
    let view = match malformed {
        Malformed::Method(problem) => {
            return (View::MethodNotAllowed { start_again: None }, problem.status());
        }
        Malformed::Host(_) | Malformed::Path(_) | Malformed::Underscore => View::BadRequest,
        Malformed::Misdirected => View::Misdirected,
        Malformed::TargetTooLong => View::UriTooLong,
    };
    let status = view.status();
    (view, status)
}

/// The answer to what the edge did not let in, or to a request that ended in a panic.
pub(crate) fn at_the_edge(refused: EarlyRefusal, visitor: &Visitor<'_>) -> Response<Full<Bytes>> {
    visitor.page(&match refused {
        EarlyRefusal::TargetTooLong => View::UriTooLong,
        EarlyRefusal::HeaderTooLarge | EarlyRefusal::TooManyFields => View::HeaderTooLarge,
        EarlyRefusal::Panic => View::Internal,
        // All but the first are answered by the edge itself, or not at all.
        EarlyRefusal::BadFraming
        | EarlyRefusal::Malformed
        | EarlyRefusal::WrongPreface
        | EarlyRefusal::HeadDeadline
        | EarlyRefusal::TooManyConnections
        | EarlyRefusal::TooManyCancellations => View::BadRequest,
    })
}

/// The answer when an application has none. The id alone is shown; what happened is in the log.
pub(crate) fn upstream(
    error: &RelayError,
    preference: Format,
    request: &CheckedRequest,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    let visitor =
        Visitor { plan: &request.plan, id: request.id, host: request.authority.host(), preference };
    let error = match error {
        RelayError::Unwritable(Unwritable::Path) => {
            record.decision = Decision::Malformed;
            record.reasons.push("bad_path");
            return visitor.page(&View::BadRequest);
        }
        RelayError::Unwritable(Unwritable::Head) => {
            record.reasons.push("request_unwritable");
            return visitor.page(&View::Internal);
        }
        RelayError::Upstream(error) => error,
    };
    record.reasons.push(error.label());
    record.detail = Some(with_causes(error));
    let late = matches!(error, SendError::RequestBody(source) if BodyError::is_timeout(source));
    match late {
        true => visitor.page_with(&View::BadRequest, StatusCode::REQUEST_TIMEOUT),
        false => visitor.page(&upstream_view(error)),
    }
}

/// An error and what led to it, for the log.
fn with_causes(error: &SendError) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn upstream_view(error: &SendError) -> View {
    match error.status() {
        StatusCode::GATEWAY_TIMEOUT => View::UpstreamTimeout,
        StatusCode::SERVICE_UNAVAILABLE => View::UpstreamUnavailable,
        StatusCode::BAD_REQUEST => View::BadRequest,
        StatusCode::METHOD_NOT_ALLOWED => View::MethodNotAllowed { start_again: None },
        _ => View::UpstreamUnreachable,
    }
}
