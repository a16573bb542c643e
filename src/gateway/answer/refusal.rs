//! Refusals, each with its page, its status and what the log says. Nothing a stranger should not
//! know is shown; what the operator needs is in the log line.

use std::error::Error as _;
use std::sync::Arc;

use http::StatusCode;
use http::header::{ALLOW, HeaderValue};

use super::evidence;
use super::{Refused, Shown};
use crate::decision::{NotSignedIn, Refusal, RouteIndex, WhySignIn};
use crate::edge::{BodyError, EarlyRefusal};
use crate::gateway::forward::headers::Unwritable;
use crate::gateway::forward::relay::RelayError;
use crate::gateway::request::{CheckedRequest, Malformed};
use crate::gateway::sign_in::begin::{Begun, begin, return_address};
use crate::gateway::sign_in::{browser, forms};
use crate::pages::{Denied, Href, LoopCause, Person, SignIn, SignInCause, StoreTask, View};
use crate::policy::{Explanation, Reason, Verdict, sign_in_status};
use crate::session::lifecycle::LiveSession;
use crate::telemetry::Code;
use crate::upstream::SendError;
use crate::wire::accept::Format;

/// Where crawlers look first: whoever is refused there is told to stay away, with 200.
pub const ROBOTS: &str = "/robots.txt";

/// A refusal of the decision, as the client that sent the request sees it.
pub(crate) fn decided(refusal: &Refusal, request: &CheckedRequest) -> Box<Refused> {
    match refusal {
        // A crawler does not sign in.
        Refusal::SignIn { .. } | Refusal::Denied { .. } if request.path == ROBOTS => {
            noted(Refused::shown(Shown::Robots), refusal, request)
        }
        _ => page(refusal, request),
    }
}

/// The same without an exception for crawlers.
pub(crate) fn page(refusal: &Refusal, request: &CheckedRequest) -> Box<Refused> {
    let refused = match refusal {
        Refusal::NoRoute(_) => Refused::shown(Shown::Page(View::NotFound)),
        Refusal::SignIn { cause, .. } => sign_in(request, *cause),
        Refusal::Denied { verdict, explanation, live, .. } => {
            denied(verdict, explanation, live.as_deref(), request)
        }
        Refusal::Constraint { .. } => constraint(),
    };
    noted(refused, refusal, request)
}

/// The refusal with what the log says of the decision.
pub(crate) fn noted(
    refused: Box<Refused>,
    refusal: &Refusal,
    request: &CheckedRequest,
) -> Box<Refused> {
    let evidence = match refusal {
        Refusal::Denied { explanation, .. } => evidence::for_log(explanation),
        Refusal::NoRoute(_) | Refusal::SignIn { .. } | Refusal::Constraint { .. } => Vec::new(),
    };
    refused
        .with_decision(refusal.outcome(), refusal.reasons())
        .with_evidence(evidence)
        .on_route(refusal.route().and_then(|route| route_id(request, route)))
}

/// The name of a route, for the log.
pub(crate) fn route_id(request: &CheckedRequest, route: RouteIndex) -> Option<Arc<str>> {
    request.plan.rules.route(route).map(|route| Arc::clone(&route.id))
}

/// What somebody is told who has to sign in: page loads are taken to Apple, everything else is
/// told so, because a redirect there could only fail.
pub(crate) fn sign_in(request: &CheckedRequest, cause: WhySignIn) -> Box<Refused> {
    if cause.is_unchecked() {
        return Refused::shown(Shown::Page(View::StoreUnanswered(StoreTask::CheckSession)));
    }
    let page_load = request.is_page_load();
    if page_load && browser::goes_round(request) {
        return going_round(cause);
    }
    // A posted form or a script's request is not repeated; its page is loaded anew.
    let Some(address) = return_address(request) else {
        return Refused::page(Code::BadReturnAddress, View::BadRequest);
    };
    let Begun { link, browser } = begin(request, &address, since(cause));
    let status = status(sign_in_status(page_load));
    let mut refused = match page_load {
        true => Refused::shown(Shown::Redirect(status, link)),
        false => {
            let view = View::SignIn(SignIn { cause: page_cause(cause), url: Href::new(link) });
            // Only somebody who asks for a page gets one; a program reads JSON.
            let format = request.prefers(Format::Json);
            Refused::shown(Shown::Page(view)).with_format(format).with_status(status)
        }
    };
    browser::remember(refused.headers_mut(), &browser);
    refused
}

/// The refusal to somebody who asks an endpoint of ours without being signed in.
pub(crate) fn not_signed_in(request: &CheckedRequest, why_not: NotSignedIn) -> Box<Refused> {
    let cause = WhySignIn::NotSignedIn(why_not);
    sign_in(request, cause).with_sign_in(cause)
}

/// The refusal where the store, or the feed of revocations, is needed and does not answer. Fails
/// closed: nothing was done.
pub(crate) fn store_unanswered(task: StoreTask) -> Box<Refused> {
    Refused::page(Code::StoreUnanswered, View::StoreUnanswered(task))
}

/// Why a page with Apple's button is shown.
pub(crate) fn page_cause(cause: WhySignIn) -> SignInCause {
    match cause {
        WhySignIn::TooLongAgo { .. } => SignInCause::TooLongAgo,
        WhySignIn::NotSignedIn(_) => SignInCause::NothingWasSent,
    }
}

/// Since when somebody must have signed in.
pub(crate) fn since(cause: WhySignIn) -> Option<crate::base::time::Timestamp> {
    match cause {
        WhySignIn::TooLongAgo { since } => since,
        WhySignIn::NotSignedIn(_) => None,
    }
}

/// The page that stops a browser that signs in again and again.
pub(crate) fn going_round(cause: WhySignIn) -> Box<Refused> {
    let cause = match cause {
        WhySignIn::NotSignedIn(NotSignedIn::NoCookie) => LoopCause::CookieNotKept,
        WhySignIn::NotSignedIn(NotSignedIn::NotOpened | NotSignedIn::Dead(_))
        | WhySignIn::TooLongAgo { .. } => LoopCause::CookieNotAccepted,
    };
    let view = View::Loop { cause, start_again: Href::here() };
    let mut refused = Refused::page(Code::SignInLoop, view);
    browser::forget_rounds(refused.headers_mut());
    refused
}

/// The 403 that explains itself.
fn denied(
    verdict: &Verdict,
    explanation: &Explanation,
    live: Option<&LiveSession>,
    request: &CheckedRequest,
) -> Box<Refused> {
    let status = status(verdict.status(request.is_page_load()));
    if verdict.lacks_certificate() {
        // The connection has to show a certificate; who the person is does not matter.
        let shown = verdict.deny_reasons.contains(Reason::InvalidClientCertificate);
        return Refused::shown(Shown::Page(View::Certificate { shown })).with_status(status);
    }
    let session = live.map(LiveSession::session);
    let address = return_address(request);
    let another_account = session.map(|session| {
        let return_to = address
            .map_or_else(|| format!("https://{}/", request.authority), |address| address.url());
        forms::sign_out(request, session.id, Some(return_to))
    });
    let person =
        session.map(|session| Person::from_identity(&session.identity)).unwrap_or_default();
    let view = View::Denied(Box::new(Denied {
        person,
        reasons: evidence::for_page(explanation, session.map(|session| &session.identity)),
        another_account,
    }));
    Refused::shown(Shown::Page(view)).with_status(status)
}

/// What somebody is told whom the policy admits and the question's own constraint does not.
fn constraint() -> Box<Refused> {
    let text = "You are signed in, but this is for others.\n";
    Refused::shown(Shown::Text(StatusCode::FORBIDDEN, text))
}

/// A status that the policy gave.
fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::FORBIDDEN)
}

/// The refusal of a request that is malformed or ambiguous; nothing was decided on it.
pub(crate) fn malformed(malformed: Malformed) -> Box<Refused> {
    let (view, status) = malformed_view(malformed);
    let mut refused = Refused::page(malformed.code(), view).with_status(status).malformed();
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let allowed = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        refused.headers_mut().insert(ALLOW, allowed);
    }
    refused
}

/// The status with which a malformed request is answered.
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

/// The refusal of what the edge did not let in, or of a request whose answer ended in a panic.
pub(crate) fn early(refused: EarlyRefusal) -> Box<Refused> {
    let view = match refused {
        EarlyRefusal::TargetTooLong => View::UriTooLong,
        EarlyRefusal::HeaderTooLarge | EarlyRefusal::TooManyFields => View::HeaderTooLarge,
        EarlyRefusal::Panic => View::Internal,
        // Of these the gateway answers the first alone.
        EarlyRefusal::BadFraming
        | EarlyRefusal::Malformed
        | EarlyRefusal::WrongPreface
        | EarlyRefusal::HeadDeadline
        | EarlyRefusal::TooManyConnections
        | EarlyRefusal::TooManyCancellations => View::BadRequest,
    };
    Refused::page(early_code(refused), view).malformed()
}

/// The word for the log.
pub(crate) fn early_code(refused: EarlyRefusal) -> Code {
    match refused {
        EarlyRefusal::BadFraming => Code::BadFraming,
        EarlyRefusal::Malformed => Code::NotHttp,
        EarlyRefusal::WrongPreface => Code::WrongPreface,
        EarlyRefusal::TargetTooLong => Code::TargetTooLong,
        EarlyRefusal::HeaderTooLarge => Code::HeaderTooLarge,
        EarlyRefusal::TooManyFields => Code::TooManyFields,
        EarlyRefusal::HeadDeadline => Code::HeadDeadline,
        EarlyRefusal::TooManyConnections => Code::TooManyConnections,
        EarlyRefusal::TooManyCancellations => Code::TooManyCancellations,
        EarlyRefusal::Panic => Code::Panic,
    }
}

/// The answer when an application has none. The id alone is shown; what happened is in the log.
pub(crate) fn upstream(error: &RelayError) -> Box<Refused> {
    let error = match error {
        RelayError::Unwritable(Unwritable::Path) => {
            return Refused::page(Code::BadPath, View::BadRequest).malformed();
        }
        RelayError::Unwritable(Unwritable::Head) => {
            return Refused::page(Code::RequestUnwritable, View::Internal);
        }
        RelayError::Upstream(error) => error,
    };
    let late = matches!(error, SendError::RequestBody(source) if BodyError::is_timeout(source));
    let refused = match late {
        true => {
            Refused::shown(Shown::Page(View::BadRequest)).with_status(StatusCode::REQUEST_TIMEOUT)
        }
        false => Refused::shown(Shown::Page(upstream_view(error))),
    };
    refused.with_code(error.code()).with_detail(with_causes(error))
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
