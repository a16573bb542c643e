//! `/.pomerium/sign_in`. On the authenticate host: from a signed link to Apple, or, for somebody
//! who is signed in there already, straight to the host that asked. On any host: from a signed
//! start, which another proxy has sent the browser to, to that link.

use http::StatusCode;

use crate::base::seal::digest;
use crate::base::time::Timestamp;
use crate::decision::{NotSignedIn, WhySignIn};
use crate::gateway::answer::respond::{self, Visitor};
use crate::gateway::answer::{Answer, Answered, Refused, refusal};
use crate::gateway::decide::live::live_session;
use crate::gateway::request::CheckedRequest;
use crate::gateway::sign_in::begin::{Begun, begin};
use crate::gateway::sign_in::browser;
use crate::gateway::sign_in::cookies as ours;
use crate::gateway::state::worker::Worker;
use crate::pages::{Href, SignIn, SignInCause, StoreTask, View};
use crate::session::Session;
use crate::session::attempt::{self, Attempt, Held};
use crate::session::lifecycle::LiveSession;
use crate::session::link::{BrowserHash, LinkProblem, Start, is_recent_enough};
use crate::session::return_address::ReturnAddress;
use crate::telemetry::Code;
use crate::wire::cookies;
use crate::wire::form::Form;
use crate::wire::host::Authority;

/// Serves the endpoint.
pub(super) fn serve(request: &CheckedRequest, worker: &Worker) -> Answered {
    let plan = &request.plan;
    let ours = |authority: &Authority<'_>| plan.is_ours(authority);
    let query = Form::query(request.head.uri.query()).unwrap_or_default();
    let names_a_browser = query.get("russet_browser").is_some();
    if !names_a_browser || !plan.is_authenticate_host(request.authority.host()) {
        return start(request, worker, &query);
    }
    let host = plan.authenticate.to_string();
    let link = plan
        .links
        .check(&host, &query, &ours, request.now)
        .map_err(|problem| invalid(problem, request, &query))?;
    only_page_loads(request)?;
    let live = checked_session(request, worker)?.ok();
    if let Some(live) = live.filter(|live| is_recent_enough(link.since, live.session())) {
        let session = live.session();
        let answer = deliver(request, session, &link.return_to, &link.browser, StatusCode::FOUND)?;
        return Ok(answer.about(&session.identity));
    }
    let attempt = Attempt::begin(link, request.now);
    let location = plan.apple.authorize_url(&attempt.state, &attempt.nonce);
    let mut answer = Answer::new(respond::redirect(StatusCode::FOUND, &location));
    let name = Attempt::cookie_name(&attempt.state);
    let Some(value) = plan.attempts.seal(&attempt, request.authority.host()) else {
        return Err(Refused::page(Code::Internal, View::Internal));
    };
    for gone in attempt::to_drop(held(request), name.len() + value.len()) {
        if let Some(old) = gone.attempt.filter(|old| old.is_open(request.now)) {
            let accounts = &worker.shared.accounts;
            accounts.remember_address(digest(&old.state), old.return_to, request.now);
        }
        ours::delete_attempt(answer.headers_mut(), &gone.name);
    }
    ours::set_attempt(answer.headers_mut(), &name, &value);
    Ok(answer)
}

/// The first step of a sign-in that another proxy sent the browser to: gives it the cookie that the
/// proxy's answer could not carry, and sends it on.
fn start(request: &CheckedRequest, worker: &Worker, query: &Form<'_>) -> Answered {
    let plan = &request.plan;
    let ours = |authority: &Authority<'_>| plan.is_ours(authority);
    let host = request.authority.host();
    let Start { return_to, since } = plan
        .starts
        .check(host, query, &ours, request.now)
        .map_err(|problem| invalid(problem, request, query))?;
    begin_here(request, worker, &return_to, since)
}

/// Begins a sign-in at this very host, for a page of it; with `since`, whoever signed in before it
/// signs in again.
pub(super) fn begin_here(
    request: &CheckedRequest,
    worker: &Worker,
    return_to: &ReturnAddress,
    since: Option<Timestamp>,
) -> Answered {
    only_page_loads(request)?;
    let live = checked_session(request, worker)?;
    if browser::goes_round(request) {
        // Perhaps the proxy does not pass the cookie on; the browser does keep it.
        let why_not = live.err().unwrap_or(NotSignedIn::NotOpened);
        return Err(refusal::going_round(WhySignIn::NotSignedIn(why_not)));
    }
    if let Some(live) = live.ok().filter(|live| is_recent_enough(since, live.session())) {
        let identity = &live.session().identity;
        return Ok(arrive(request, return_to, StatusCode::FOUND).about(identity));
    }
    let Begun { link, browser } = begin(request, return_to, since);
    let mut answer = Answer::new(respond::redirect(StatusCode::FOUND, &link));
    browser::remember(answer.headers_mut(), &browser);
    Ok(answer)
}

/// Prefetchers, scanners and scripts begin nothing (T89).
fn only_page_loads(request: &CheckedRequest) -> Result<(), Box<Refused>> {
    if request.is_page_load() {
        return Ok(());
    }
    let url = Href::new(request.target());
    let view = View::SignIn(SignIn { cause: SignInCause::NothingWasSent, url });
    Err(Refused::page(Code::NotAPageLoad, view))
}

/// The session of a browser. Nobody is sent to Apple whose session cannot be checked: a new one
/// could not be either.
fn checked_session(
    request: &CheckedRequest,
    worker: &Worker,
) -> Result<Result<LiveSession, NotSignedIn>, Box<Refused>> {
    match live_session(request, worker) {
        Err(why_not) if why_not.is_unchecked() => {
            Err(refusal::store_unanswered(StoreTask::CheckSession))
        }
        live => Ok(live),
    }
}

fn invalid(problem: LinkProblem, request: &CheckedRequest, query: &Form<'_>) -> Box<Refused> {
    let code = match problem {
        LinkProblem::Forged => Code::LinkForged,
        LinkProblem::Stale => Code::LinkStale,
        LinkProblem::ForeignHost => Code::LinkForeignHost,
    };
    let address = query.get("pomerium_redirect_uri");
    let ours = |authority: &Authority<'_>| request.plan.is_ours(authority);
    let address = address.and_then(|url| ReturnAddress::parse(url, &ours));
    let start_again = address.map_or(Href::new("/"), |address| Href::new(address.url()));
    Refused::page(code, View::LinkInvalid { start_again })
}

/// The attempts that a browser holds.
pub(super) fn held(request: &CheckedRequest) -> Vec<Held> {
    let plan = &request.plan;
    let ours = |authority: &Authority<'_>| plan.is_ours(authority);
    let host = request.authority.host();
    cookies::names_with_prefix(request.headers(), attempt::COOKIE_PREFIX)
        .filter_map(|name| {
            let value = cookies::values(request.headers(), name).next()?;
            Some(Held {
                name: name.to_owned(),
                bytes: name.len() + value.len(),
                attempt: plan.attempts.open(name, value, host, &ours),
            })
        })
        .collect()
}

/// Takes a signed-in person on: to an address of this host, or with a ticket to another.
pub(super) fn deliver(
    request: &CheckedRequest,
    session: &Session,
    return_to: &ReturnAddress,
    browser: &BrowserHash,
    status: StatusCode,
) -> Answered {
    let plan = &request.plan;
    if return_to.authority.host() == request.authority.host() {
        return Ok(arrive(request, return_to, status));
    }
    let Some(ticket) = plan.tickets.mint(session, return_to, browser, request.now) else {
        return Err(Refused::page(Code::Internal, View::Internal));
    };
    let location = format!("https://{}/.pomerium/callback/?ticket={ticket}", return_to.authority);
    Ok(Answer::new(respond::redirect(status, &location)))
}

/// The last step, on the host that was asked first: on to the address, or, where it was too long
/// to keep, a page that says so.
pub(super) fn arrive(request: &CheckedRequest, to: &ReturnAddress, status: StatusCode) -> Answer {
    let visitor = Visitor::of(request);
    if to.shortened {
        let path = Href::new(to.path_and_query.as_str());
        return Answer::new(visitor.page(&View::AddressTooLong { path }));
    }
    let strict = request.plan.cookie.same_site == crate::session::SameSite::Strict;
    let mut answer = Answer::new(match strict {
        // A Strict cookie is not sent on a redirect that began at Apple's page; a page of our own
        // begins anew.
        true => visitor.page(&View::Moved { to: Href::new(to.url()) }),
        false => respond::redirect(status, &to.url()),
    });
    browser::count_round(answer.headers_mut(), request);
    answer
}
