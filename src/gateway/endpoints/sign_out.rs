//! Signing out: a page with a button, a POST with a token from that page, a page that says it is
//! done. Nothing that another site can send ends a session (T81, W6).

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};

use super::Call;
use crate::gateway::answer::respond::{self, Visitor};
use crate::gateway::answer::{Answer, Answered, Refused};
use crate::gateway::decide::live::live_session;
use crate::gateway::request::CheckedRequest;
use crate::gateway::sign_in::cookies as ours;
use crate::gateway::sign_in::{browser, forms};
use crate::gateway::state::shared::Worker;
use crate::pages::{self, CSRF_FIELD, Href, RETURN_FIELD, SignIn, SignInCause, View};
use crate::session::lifecycle::LiveSession;
use crate::session::return_address::ReturnAddress;
use crate::telemetry::Code;
use crate::wire::body::{self, Incoming, ReadProblem};
use crate::wire::form::{self as wire_form, Form};
use crate::wire::host::Scheme;
use crate::wire::origin::is_same_origin;

/// Largest form of ours.
const FORM_BYTES: usize = 8 * 1024;
/// How long a form may take to arrive.
const FORM_TIME: Duration = Duration::from_secs(10);

/// Serves the endpoint.
pub(super) async fn serve(call: Call<'_>) -> Answered {
    serve_at(forms::SIGN_OUT, None, call).await
}

/// The same under another address, whose form is sent to `action`, and which leads on to `to`.
pub(super) async fn serve_at(
    action: &str,
    to: Option<ReturnAddress>,
    Call { request, worker, body }: Call<'_>,
) -> Answered {
    let live = live_session(request, worker).ok();
    let identity = live.as_ref().map(|live| live.session().identity.clone());
    let answered = match *request.method() {
        Method::POST => end(to, live, request, worker, body).await,
        _ => Ok(Answer::new(Visitor::of(request).page(&ask(action, to, live.as_ref(), request)))),
    };
    match (answered, identity) {
        (Ok(answer), Some(identity)) => Ok(answer.about(&identity)),
        (Err(refused), identity) => Err(refused.about(identity.as_ref())),
        (answered, None) => answered,
    }
}

/// The page with the button, or, for somebody who is not signed in, the one that says so.
fn ask(
    action: &str,
    to: Option<ReturnAddress>,
    live: Option<&LiveSession>,
    request: &CheckedRequest,
) -> View {
    match live {
        Some(live) => {
            let form = forms::sign_out(request, live.session().id, None);
            View::SignOut(pages::Form { action: Href::new(action), ..form })
        }
        None => signed_out_page(to.map_or(Href::new("/"), |to| Href::new(to.url()))),
    }
}

/// Ends the session, where the form is our own.
async fn end(
    to: Option<ReturnAddress>,
    live: Option<LiveSession>,
    request: &CheckedRequest,
    worker: &Worker,
    body: impl Incoming,
) -> Answered {
    // Security: before anything else. A form of another site comes without our cookie, and an
    // answer that takes the cookie away would sign the person out all the same (T81).
    let own = is_same_origin(request.headers(), &request.authority.origin(Scheme::Https));
    if !own && live.is_none() {
        let refused = Refused::page(Code::ForgedForm, View::BadRequest);
        return Err(refused.with_status(StatusCode::FORBIDDEN));
    }
    let fields = read_form(request, body).await?;
    let fields =
        Form::parse(&fields).map_err(|_| Refused::page(Code::BadForm, View::BadRequest))?;
    let return_to = fields
        .get(RETURN_FIELD)
        .and_then(|url| ReturnAddress::parse(url, &|authority| request.plan.is_ours(authority)));
    let code = match &live {
        None => None,
        Some(live) => {
            let session = live.session();
            let token = fields.get(CSRF_FIELD).unwrap_or_default();
            if !own || !forms::is_sign_out(request, session.id, token) {
                let return_to = return_to.map(|to| to.url());
                let page = View::SignOut(forms::sign_out(request, session.id, return_to));
                let refused = Refused::page(Code::ForgedForm, page);
                return Err(refused.with_status(StatusCode::FORBIDDEN));
            }
            // Security: written before it is answered, so that a copied cookie is dead at once (T38).
            worker.shared.ended.end(session, request.now);
            Some(Code::SignedOut)
        }
    };
    let answer = Answer::new(match return_to {
        Some(address) => {
            let url = Href::new(address.url());
            let view = View::SignIn(SignIn { cause: SignInCause::AnotherAccount, url });
            Visitor::of(request).page(&view)
        }
        None => {
            let to = to.map_or_else(|| after(request), |to| to.url());
            respond::redirect(StatusCode::SEE_OTHER, &to)
        }
    });
    let mut answer = match code {
        Some(code) => answer.with_code(code),
        None => answer,
    };
    ours::delete_session(answer.headers_mut(), request);
    // Whoever signs out on purpose is not in a sign-in loop.
    browser::forget_rounds(answer.headers_mut());
    Ok(answer)
}

/// Where people land after signing out. The address tells the page where a new sign-in may lead.
fn after(request: &CheckedRequest) -> String {
    let plan = &request.plan;
    match &plan.signout_redirect_url {
        Some(url) => url.clone(),
        None => {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair(RETURN_FIELD, &format!("https://{}/", request.authority))
                .finish();
            format!("https://{}/.pomerium/signed_out?{query}", plan.authenticate)
        }
    }
}

/// `/.pomerium/signed_out`: says so, and does not sign in again by itself. Whoever is signed in and
/// follows a link to it is told who they are instead.
pub(super) fn signed_out(request: &CheckedRequest, worker: &Worker) -> Answered {
    let plan = &request.plan;
    if live_session(request, worker).is_ok() {
        return Ok(Answer::new(respond::redirect(StatusCode::FOUND, "/.pomerium/")));
    }
    let query = Form::query(request.head.uri.query()).unwrap_or_default();
    let address = query
        .get(RETURN_FIELD)
        .and_then(|url| ReturnAddress::parse(url, &|authority| plan.is_ours(authority)));
    let url = address.map_or(Href::new("/"), |address| Href::new(address.url()));
    Ok(Answer::new(Visitor::of(request).page(&signed_out_page(url))))
}

fn signed_out_page(url: Href) -> View {
    View::SignIn(SignIn { cause: SignInCause::SignedOut, url })
}

async fn read_form(request: &CheckedRequest, body: impl Incoming) -> Result<Bytes, Box<Refused>> {
    wire_form::check_headers(request.headers()).map_err(|_| {
        Refused::page(Code::BadContentType, View::UnsupportedMediaType { start_again: None })
    })?;
    body::read_limited(body, FORM_BYTES, FORM_TIME).await.map_err(|problem| {
        let view = match problem {
            ReadProblem::TooLarge { .. } => View::TooLarge,
            ReadProblem::Timeout | ReadProblem::Broken(_) => View::BadRequest,
        };
        Refused::page(Code::BodyNotRead, view)
    })
}
