//! Signing out: a page with a button, a POST with a token from that page, a page that says it is
//! done. Nothing that another site can send ends a session (T81, W6).

use bytes::Bytes;
use http_body_util::Full;
use std::time::Duration;

use http::{Method, Response, StatusCode};

use crate::base::ids::SessionId;
use crate::base::secret::Secret;
use crate::gateway::answer::refusal::store_unanswered;
use crate::gateway::answer::respond::{self, Visitor};
use crate::gateway::decide::signed_in::live_session;
use crate::gateway::request::CheckedRequest;
use crate::gateway::sign_in::browser;
use crate::gateway::sign_in::cookies as ours;
use crate::gateway::state::worker::Worker;
use crate::pages::{self, CSRF_FIELD, Href, RETURN_FIELD, SignIn, SignInCause, StoreTask, View};
use crate::session::return_address::ReturnAddress;
use crate::telemetry::Record;
use crate::wire::body::{self, Incoming, ReadProblem};
use crate::wire::form::{self as wire_form, Form};
use crate::wire::host::Scheme;
use crate::wire::origin::is_same_origin;

/// Largest form of ours.
const FORM_BYTES: usize = 8 * 1024;
/// How long a form may take to arrive.
const FORM_TIME: Duration = Duration::from_secs(10);

const HERE: &str = "/.pomerium/sign_out";

/// The form that ends this session; with an address, it asks for another account for it.
pub(crate) fn form(
    request: &CheckedRequest,
    session: SessionId,
    return_to: Option<String>,
) -> pages::Form {
    let token = request.plan.forms.sign(&[&session.to_string(), request.authority.host()]);
    pages::Form { action: Href::new(HERE), csrf: Secret::new(token), return_to }
}

/// Serves the endpoint.
pub(super) async fn serve(
    request: &CheckedRequest,
    body: impl Incoming,
    worker: &Worker,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    serve_at(HERE, None, request, body, worker, record).await
}

/// The same under another address, whose form is sent to `action`, and which leads on to `to`.
pub(super) async fn serve_at(
    action: &str,
    to: Option<ReturnAddress>,
    request: &CheckedRequest,
    body: impl Incoming,
    worker: &Worker,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    let visitor = Visitor::of(request);
    let live = live_session(request, worker);
    // Whether there is a session to end cannot be known: nobody is called signed out.
    if live.as_ref().is_err_and(|why_not| why_not.is_unchecked()) {
        return store_unanswered(StoreTask::SignOut, request, record);
    }
    let live = live.ok();
    record.subject = live.as_ref().map(|live| live.session().identity.subject.clone());
    if *request.method() != Method::POST {
        return match &live {
            Some(live) => {
                let form = form(request, live.session().id, None);
                visitor.page(&View::SignOut(pages::Form { action: Href::new(action), ..form }))
            }
            None => {
                let to = to.map_or(Href::new("/"), |to| Href::new(to.url()));
                visitor.page(&signed_out_page(to))
            }
        };
    }
    // Security: before anything else. A form of another site comes without our cookie, and an
    // answer that takes the cookie away would sign the person out all the same (T81).
    let own = is_same_origin(request.headers(), &request.authority.origin(Scheme::Https));
    if !own && live.is_none() {
        record.reasons.push("forged_form");
        return visitor.page_with(&View::BadRequest, StatusCode::FORBIDDEN);
    }
    let fields = match read_form(request, body).await {
        Ok(fields) => fields,
        Err(view) => return visitor.page(&view),
    };
    let Ok(fields) = Form::parse(&fields) else { return visitor.page(&View::BadRequest) };
    let return_to = fields
        .get(RETURN_FIELD)
        .and_then(|url| ReturnAddress::parse(url, &|authority| request.plan.is_ours(authority)));
    if let Some(live) = live {
        let session = live.session();
        let expected = [&*session.id.to_string(), request.authority.host()];
        let token = fields.get(CSRF_FIELD).unwrap_or_default();
        if !own || !request.plan.forms.verify(&expected, token) {
            record.reasons.push("forged_form");
            let page = View::SignOut(form(request, session.id, return_to.map(|to| to.url())));
            return visitor.page_with(&page, StatusCode::FORBIDDEN);
        }
        // Security: written before it is answered, so that a copied cookie is dead at once (T38).
        let (accounts, until) = (&worker.shared.accounts, session.expires_at);
        if accounts.end(session.id, until, request.now).await.is_err() {
            return store_unanswered(StoreTask::SignOut, request, record);
        }
        record.reasons.push("signed_out");
    }
    let mut response = match return_to {
        Some(address) => {
            let url = Href::new(address.url());
            visitor.page(&View::SignIn(SignIn { cause: SignInCause::AnotherAccount, url }))
        }
        None => {
            let to = to.map_or_else(|| after(request), |to| to.url());
            respond::redirect(StatusCode::SEE_OTHER, &to)
        }
    };
    ours::delete_session(&mut response, request);
    // Whoever signs out on purpose goes round in no circle.
    browser::forget_rounds(&mut response);
    response
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
pub(super) fn signed_out(request: &CheckedRequest, worker: &Worker) -> Response<Full<Bytes>> {
    let plan = &request.plan;
    if live_session(request, worker).is_ok() {
        return respond::redirect(StatusCode::FOUND, "/.pomerium/");
    }
    let query = Form::query(request.head.uri.query()).unwrap_or_default();
    let address = query
        .get(RETURN_FIELD)
        .and_then(|url| ReturnAddress::parse(url, &|authority| plan.is_ours(authority)));
    let url = address.map_or(Href::new("/"), |address| Href::new(address.url()));
    Visitor::of(request).page(&signed_out_page(url))
}

fn signed_out_page(url: Href) -> View {
    View::SignIn(SignIn { cause: SignInCause::SignedOut, url })
}

async fn read_form(request: &CheckedRequest, body: impl Incoming) -> Result<Bytes, View> {
    wire_form::check_headers(request.headers())
        .map_err(|_| View::UnsupportedMediaType { start_again: None })?;
    body::read_limited(body, FORM_BYTES, FORM_TIME).await.map_err(|problem| match problem {
        ReadProblem::TooLarge { .. } => View::TooLarge,
        ReadProblem::Timeout | ReadProblem::Broken(_) => View::BadRequest,
    })
}
