//! `/.pomerium/callback/` on a route host: a ticket becomes this host's own cookie, once, in the
//! browser that asked.

use http::StatusCode;

use super::Call;
use super::sign_in::arrive;
use crate::accounts::NotRedeemed;
use crate::gateway::answer::refusal::store_unanswered;
use crate::gateway::answer::{Answered, Refused};
use crate::gateway::decide::live::live_session;
use crate::gateway::sign_in::cookies as ours;
use crate::pages::{Href, StoreTask, View};
use crate::session::lifecycle::{self, Dead};
use crate::telemetry::Code;
use crate::wire::cookies;
use crate::wire::form::Form;
use crate::wire::host::Authority;

/// Serves the endpoint.
pub(super) async fn serve(Call { request, worker, .. }: Call<'_>) -> Answered {
    let plan = &request.plan;
    let query = Form::query(request.head.uri.query()).unwrap_or_default();
    let Some(ticket) = query.get("ticket") else {
        return Err(Refused::page(Code::NoTicket, View::BadRequest));
    };
    let browsers: Vec<&str> = cookies::values(request.headers(), ours::BROWSER).collect();
    if browsers.is_empty() {
        let view = View::NoCookies { start_again: Href::new("/") };
        return Err(Refused::page(Code::NoBrowserCookie, view));
    }
    let is_ours = |authority: &Authority<'_>| plan.is_ours(authority);
    let host = request.authority.host();
    let opened = plan.tickets.open(ticket, host, &browsers, &is_ours, request.now);
    let Some(ticket) = opened else {
        let view = View::LinkInvalid { start_again: Href::new("/") };
        return Err(Refused::page(Code::TicketNotOpened, view));
    };
    let invalid = |code| {
        let start_again = Href::new(ticket.return_to.url());
        Err(Refused::page(code, View::LinkInvalid { start_again }))
    };
    let before = live_session(request, worker).ok();
    let accounts = &worker.shared.accounts;
    let session = &ticket.session;
    // Before the ticket is used up: it counts again once sessions can be checked.
    let lives = lifecycle::check(session, accounts.revocations(), request.now);
    if lives == Err(Dead::FeedStale) {
        return Err(store_unanswered(StoreTask::SignIn));
    }
    match accounts.redeem(ticket.id, ticket.expires_at, request.now).await {
        Ok(()) => {}
        Err(NotRedeemed::Again) if before.is_some() => {
            let answer = arrive(request, &ticket.return_to, StatusCode::FOUND);
            return Ok(answer.with_code(Code::TicketReplayed));
        }
        Err(NotRedeemed::Again | NotRedeemed::Full) => return invalid(Code::TicketReplayed),
        Err(NotRedeemed::Store(_)) => return Err(store_unanswered(StoreTask::SignIn)),
    }
    if lives.is_err() {
        return invalid(Code::TicketSessionEnded);
    }
    // Nothing from before a sign-in lives on after it (T22).
    if let Some(before) = before.filter(|before| before.session().id != session.id) {
        let before = before.session();
        if accounts.end(before.id, before.expires_at, request.now).await.is_err() {
            return Err(store_unanswered(StoreTask::SignIn));
        }
    }
    let mut answer = arrive(request, &ticket.return_to, StatusCode::FOUND);
    match ours::set_session(answer.headers_mut(), request, session) {
        Some(()) => Ok(answer.about(&session.identity)),
        None => {
            Err(Refused::page(Code::SessionNotSealed, View::Internal)
                .about(Some(&session.identity)))
        }
    }
}
