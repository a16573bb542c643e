//! The decision on what was described, and the answer to it.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, COOKIE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;

use crate::base::ids::RequestId;
use crate::decision::record::QUESTION_CONSTRAINT;
use crate::decision::{Admission, NoRoute, Refusal};
use crate::gateway::answer::refusal;
use crate::gateway::answer::respond::{self, Visitor};
use crate::gateway::decide::signed_in::{NotSignedIn, live_session};
use crate::gateway::decide::{self, Asked};
use crate::gateway::forward::headers;
use crate::gateway::forward::relay;
use crate::gateway::request::{CheckedRequest, begins_as_ours};
use crate::gateway::state::worker::Worker;
use crate::pages::{Href, SignIn, StoreTask, View};
use crate::session::Session;
use crate::telemetry::{Decision, Record};
use crate::wire::accept;

/// Takes headers of the request away, at Envoy.
const TO_REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");

/// The answer to what is not allowed. Boxed, because it is much larger than leave to go on.
pub(super) type Refused = Box<Response<Full<Bytes>>>;

/// Decides as the road does, and answers in the proxy's own way.
///
/// # Errors
/// The refusal, as a browser may see it.
pub(super) fn decide(
    request: &CheckedRequest,
    redirects: bool,
    worker: &Worker,
    record: &mut Record,
) -> Result<Allow, Refused> {
    decide_with(
        request,
        worker,
        record,
        (StatusCode::OK, &|_| true),
        |admission, record| allow(admission, request, worker, record),
        |why_not, record| sign_in(why_not, request, redirects, record),
    )
}

/// The decision as the road makes it; a no is the same for everybody. `yes` is the status of one
/// that is allowed, for the decision log, and `fits` what the question asks of a session beside the
/// policy.
///
/// # Errors
/// The refusal, as a browser may see it.
pub(super) fn decide_with<T>(
    request: &CheckedRequest,
    worker: &Worker,
    record: &mut Record,
    (yes, fits): (StatusCode, &dyn Fn(&Session) -> bool),
    allow: impl FnOnce(&Admission, &mut Record) -> Result<T, Refused>,
    sign_in: impl FnOnce(NotSignedIn, &mut Record) -> Response<Full<Bytes>>,
) -> Result<T, Refused> {
    // No application gets what is ours, and whoever was to send it to us would go in circles.
    if begins_as_ours(&request.path) {
        refusal::note_no_route(NoRoute { known_host: true }, record);
        let page = Visitor::of(request).page_with(&View::NotFound, StatusCode::FORBIDDEN);
        return Err(Box::new(page));
    }
    let live = live_session(request, worker);
    let why_not = live.as_ref().err().copied().unwrap_or(NotSignedIn::NoCookie);
    record.subject = live.as_ref().ok().map(|live| live.session().identity.subject.clone());
    let facts = request.facts();
    let asked = Asked::of(request, &facts);
    let (decided, told) = decide::decide(&asked, live, worker, record, fits);
    let answered = match decided {
        Ok(admission) if admission.live().is_some_and(|live| !fits(live.session())) => {
            refusal::note_route(request, admission.route(), record);
            record.decision = Decision::Deny;
            record.reasons.push(QUESTION_CONSTRAINT);
            let told = "You are signed in, but this is for others.\n";
            Err(Box::new(respond::text(StatusCode::FORBIDDEN, told)))
        }
        Ok(admission) => allow(&admission, record),
        Err(Refusal::SignIn { judged, since }) => {
            let why_not = since.map_or(why_not, NotSignedIn::TooLongAgo);
            refusal::note_route(request, judged.route, record);
            Err(Box::new(sign_in(why_not, record)))
        }
        // No proxy is told 404: to some of them that is an error and no answer.
        Err(Refusal::NoRoute(no_route)) => {
            refusal::note_no_route(no_route, record);
            let page = Visitor::of(request).page_with(&View::NotFound, StatusCode::FORBIDDEN);
            Err(Box::new(page))
        }
        Err(Refusal::Denied { judged, explanation, live }) => {
            refusal::note_route(request, judged.route, record);
            refusal::note_denial(&explanation, record);
            let page = refusal::denied(&judged.verdict, &explanation, live.as_deref(), request);
            Err(Box::new(page))
        }
    };
    told.answered(match &answered {
        Ok(_) => yes,
        Err(refused) => refused.status(),
    });
    answered
}

/// What a proxy can do about our cookies, which no application should see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookies {
    /// Nothing by an answer of ours.
    Untouched,
    /// It takes a `Cookie` of the answer, and none, in place of the client's.
    Returned,
    /// The same, and it can be told to take the header away.
    Removed,
}

/// Yes, and what the request is to carry.
#[derive(Debug)]
pub(super) struct Allow {
    /// Every header that was configured, because a proxy only takes the place of what it is given:
    /// one that were missing would leave the client's own. Empty where there is nothing to say.
    pub(super) identity: HeaderMap,
    /// Whether the client sent cookies.
    pub(super) had_cookies: bool,
    /// The client's cookies but ours.
    pub(super) cookies: Option<HeaderValue>,
    /// How those are told over HTTP.
    pub(super) shape: Cookies,
}

impl Allow {
    /// The answer over HTTP.
    pub(super) fn into_response(self, id: RequestId) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        let headers = response.headers_mut();
        *headers = self.identity;
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let (name, value) = headers::request_id(id);
        headers.insert(name, value);
        match (self.shape, self.cookies) {
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
pub(super) fn allow(
    admission: &Admission,
    request: &CheckedRequest,
    worker: &Worker,
    record: &mut Record,
) -> Result<Allow, Refused> {
    let internal = || Box::new(Visitor::of(request).page(&View::Internal));
    refusal::note_route(request, admission.route(), record);
    let service = request.plan.service(admission.route()).ok_or_else(internal)?;
    let session =
        relay::session_to_tell(admission, request, service).filter(|_| service.pass_identity);
    let identity = headers::every_identity(request, worker, session).ok_or_else(internal)?;
    let sent = request.headers().get_all(COOKIE).iter();
    let mut cookies: HeaderMap = sent.map(|value| (COOKIE, value.clone())).collect();
    let had_cookies = !cookies.is_empty();
    request.plan.our_cookies.remove_from_request(&mut cookies);
    record.decision = Decision::Allow;
    Ok(Allow { identity, had_cookies, cookies: cookies.remove(COOKIE), shape: Cookies::Untouched })
}

/// No, not before somebody has signed in. A page load is taken there; all else is told so. The
/// link names no browser: the answer may reach none with its cookie.
fn sign_in(
    why_not: NotSignedIn,
    request: &CheckedRequest,
    redirects: bool,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    refusal::note_sign_in(why_not, record);
    let visitor = Visitor::of(request);
    if why_not.is_unchecked() {
        return visitor.page(&View::StoreUnanswered(StoreTask::CheckSession));
    }
    let Some(address) = refusal::return_address(request) else {
        return visitor.page(&View::BadRequest);
    };
    let (cause, since) = why_not.asks_for();
    let link = request.plan.starts.url(&address, since, request.now);
    let page_load = request.is_page_load();
    if page_load && redirects {
        return respond::redirect(StatusCode::FOUND, &link);
    }
    let location = HeaderValue::from_str(&link).ok().filter(|_| page_load);
    let view = View::SignIn(SignIn { cause, url: Href::new(link) });
    let format = accept::prefers(request.headers(), accept::Format::Json);
    let mut response = Visitor { preference: format, ..visitor }.page(&view);
    if let Some(location) = location {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
