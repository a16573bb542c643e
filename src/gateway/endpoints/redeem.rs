//! `/.pomerium/callback/` on a route host: a ticket becomes this host's own cookie, once, in the
//! browser that asked.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;

use super::sign_in::arrive;
use crate::accounts::NotRedeemed;
use crate::gateway::answer::refusal::store_unanswered;
use crate::gateway::answer::respond::Visitor;
use crate::gateway::decide::signed_in::live_session;
use crate::gateway::request::CheckedRequest;
use crate::gateway::sign_in::cookies as ours;
use crate::gateway::state::worker::Worker;
use crate::pages::{Href, StoreTask, View};
use crate::session::lifecycle::{self, Dead};
use crate::telemetry::Record;
use crate::wire::cookies;
use crate::wire::form::Form;
use crate::wire::host::Authority;

/// Serves the endpoint.
pub(super) async fn serve(
    request: &CheckedRequest,
    worker: &Worker,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    let plan = &request.plan;
    let visitor = Visitor::of(request);
    let query = Form::query(request.head.uri.query()).unwrap_or_default();
    let Some(ticket) = query.get("ticket") else {
        record.reasons.push("no_ticket");
        return visitor.page(&View::BadRequest);
    };
    let browsers: Vec<&str> = cookies::values(request.headers(), ours::BROWSER).collect();
    if browsers.is_empty() {
        record.reasons.push("no_browser_cookie");
        return visitor.page(&View::NoCookies { start_again: Href::new("/") });
    }
    let is_ours = |authority: &Authority<'_>| plan.is_ours(authority);
    let host = request.authority.host();
    let opened = plan.tickets.open(ticket, host, &browsers, &is_ours, request.now);
    let Some(ticket) = opened else {
        record.reasons.push("ticket_not_opened");
        return visitor.page(&View::LinkInvalid { start_again: Href::new("/") });
    };
    let start_again = Href::new(ticket.return_to.url());
    let before = live_session(request, worker).ok();
    let accounts = &worker.shared.accounts;
    match accounts.redeem(ticket.id, ticket.expires_at, request.now).await {
        Ok(()) => {}
        Err(NotRedeemed::Again) if before.is_some() => {
            record.reasons.push("ticket_replayed");
            return arrive(request, &ticket.return_to, StatusCode::FOUND);
        }
        Err(NotRedeemed::Again | NotRedeemed::Full) => {
            record.reasons.push("ticket_replayed");
            return visitor.page(&View::LinkInvalid { start_again });
        }
        Err(NotRedeemed::Store(_)) => return store_unanswered(StoreTask::SignIn, request, record),
    }
    let session = ticket.session;
    match lifecycle::check(&session, accounts.revocations(), request.now) {
        Ok(()) => {}
        Err(Dead::Expired | Dead::Ended) => {
            record.reasons.push("session_ended");
            return visitor.page(&View::LinkInvalid { start_again });
        }
        Err(Dead::FeedStale) => return store_unanswered(StoreTask::SignIn, request, record),
    }
    // Nothing from before a sign-in lives on beside it (T22).
    if let Some(before) = before.filter(|before| before.session().id != session.id) {
        let before = before.session();
        if accounts.end(before.id, before.expires_at, request.now).await.is_err() {
            return store_unanswered(StoreTask::SignIn, request, record);
        }
    }
    record.subject = Some(session.identity.subject.clone());
    let mut response = arrive(request, &ticket.return_to, StatusCode::FOUND);
    match ours::set_session(&mut response, request, &session) {
        Some(()) => response,
        None => visitor.page(&View::Internal),
    }
}
