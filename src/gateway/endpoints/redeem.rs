//! `/.pomerium/callback/` on a route host: a ticket becomes this host's own cookie, once, in the
//! browser that asked.

use http::StatusCode;

use super::Call;
use super::sign_in::arrive;
use crate::gateway::answer::{Answered, Refused};
use crate::gateway::decide::live::live_session;
use crate::gateway::sign_in::cookies as ours;
use crate::pages::{Href, View};
use crate::session::once::Entered;
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
    match worker.shared.tickets.enter(ticket.id, ticket.expires_at, request.now, || ()) {
        Entered::First(()) => {}
        Entered::Again(()) if before.is_some() => {
            let answer = arrive(request, &ticket.return_to, StatusCode::FOUND);
            return Ok(answer.with_code(Code::TicketReplayed));
        }
        Entered::Again(()) | Entered::Full => return invalid(Code::TicketReplayed),
    }
    let session = &ticket.session;
    if worker.shared.ended.contains(session.id) || request.now >= session.expires_at {
        return invalid(Code::TicketSessionEnded);
    }
    // Nothing from before a sign-in lives on after it (T22).
    if let Some(before) = before.filter(|before| before.session().id != session.id) {
        worker.shared.ended.end(before.session(), request.now);
    }
    let mut answer = arrive(request, &ticket.return_to, StatusCode::FOUND);
    match ours::set_session(answer.headers_mut(), request, session) {
        Some(()) => Ok(answer.about(&session.identity)),
        None => Err(Refused::page(Code::SessionNotSealed, View::Internal)),
    }
}
