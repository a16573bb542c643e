//! `/.pomerium/` and `/.pomerium/user`: who the session says one is.

use http::StatusCode;

use crate::gateway::answer::respond::Visitor;
use crate::gateway::answer::{Answer, Answered, refusal, respond};
use crate::gateway::decide::live::live_session;
use crate::gateway::forward::assertion::person;
use crate::gateway::request::CheckedRequest;
use crate::gateway::sign_in::forms;
use crate::gateway::state::shared::Worker;
use crate::pages::{UserPage, View};

/// The page for people.
pub(super) fn page(request: &CheckedRequest, worker: &Worker) -> Answered {
    let live = live_session(request, worker)
        .map_err(|why_not| refusal::not_signed_in(request, why_not))?;
    let session = live.session();
    let form = forms::sign_out(request, session.id, None);
    let page = UserPage::new(&session.identity, session.expires_at, request.now, form);
    let page = Visitor::of(request).page(&View::User(Box::new(page)));
    Ok(Answer::new(page).about(&session.identity))
}

/// `/.pomerium` leads to the page, under the name that was asked for.
pub(super) fn add_slash(request: &CheckedRequest, _: &Worker) -> Answered {
    let page = format!("{}/", request.path);
    Ok(Answer::new(respond::redirect(StatusCode::MOVED_PERMANENTLY, &page)))
}

/// The same for programs, in Pomerium's shape.
pub(super) fn json(request: &CheckedRequest, worker: &Worker) -> Answered {
    let live = live_session(request, worker)
        .map_err(|why_not| refusal::not_signed_in(request, why_not))?;
    let session = live.session();
    let configured = request.plan.claims_headers.iter().map(|(_, claim)| claim.as_str());
    let claims = serde_json::Value::Object(person(session, &request.plan.groups, configured));
    let response = respond::own(StatusCode::OK, "application/json", claims.to_string());
    Ok(Answer::new(response).about(&session.identity))
}
