//! `/.pomerium/sign_in`. On the authenticate host: from a signed link to Apple, or, for somebody
//! who is signed in there already, straight to the host that asked. On any host: from a signed
//! start, which another proxy has sent the browser to, to that link.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;

use crate::base::seal::digest;
use crate::base::time::Timestamp;
use crate::gateway::answer::refusal;
use crate::gateway::answer::respond::{self, Visitor};
use crate::gateway::decide::signed_in::{NotSignedIn, live_session};
use crate::gateway::request::CheckedRequest;
use crate::gateway::sign_in::browser;
use crate::gateway::sign_in::cookies as ours;
use crate::gateway::state::worker::Worker;
use crate::pages::{Href, SignIn, SignInCause, StoreTask, View};
use crate::session::Session;
use crate::session::attempt::{self, Attempt, Held};
use crate::session::link::{BrowserHash, LinkProblem, Start, is_recent_enough};
use crate::session::return_address::ReturnAddress;
use crate::telemetry::Record;
use crate::wire::cookies;
use crate::wire::form::Form;
use crate::wire::host::Authority;

/// Serves the endpoint.
pub(super) fn serve(
    request: &CheckedRequest,
    worker: &Worker,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    let plan = &request.plan;
    let visitor = Visitor::of(request);
    let ours = |authority: &Authority<'_>| plan.is_ours(authority);
    let query = Form::query(request.head.uri.query()).unwrap_or_default();
    let names_a_browser = query.get("russet_browser").is_some();
    if !names_a_browser || !plan.is_authenticate_host(request.authority.host()) {
        return start(request, worker, &query, record);
    }
    let host = plan.authenticate.to_string();
    let link = match plan.links.check(&host, &query, &ours, request.now) {
        Ok(link) => link,
        Err(problem) => return invalid(problem, request, &query, record),
    };
    // Prefetchers, scanners and scripts begin nothing (T89).
    if !request.is_page_load() {
        let url = Href::new(request.target());
        let view = View::SignIn(SignIn { cause: SignInCause::NothingWasSent, url });
        return visitor.page(&view);
    }
    let live = match live_session(request, worker) {
        Err(why_not) if why_not.is_unchecked() => return unchecked(request, record),
        live => live.ok(),
    };
    if let Some(live) = live.filter(|live| is_recent_enough(link.since, live.session())) {
        record.subject = Some(live.session().identity.subject.clone());
        return deliver(request, live.session(), &link.return_to, &link.browser, StatusCode::FOUND);
    }
    let attempt = Attempt::begin(link, request.now);
    let location = plan.apple.authorize_url(&attempt.state, &attempt.nonce);
    let mut response = respond::redirect(StatusCode::FOUND, &location);
    let name = Attempt::cookie_name(&attempt.state);
    let Some(value) = plan.attempts.seal(&attempt, request.authority.host()) else {
        return visitor.page(&View::Internal);
    };
    for gone in attempt::pushed_out(held(request), name.len() + value.len()) {
        if let Some(old) = gone.attempt.filter(|old| old.is_open(request.now)) {
            let accounts = &worker.shared.accounts;
            accounts.remember_address(digest(&old.state), old.return_to, request.now);
        }
        ours::delete_attempt(&mut response, &gone.name);
    }
    ours::set_attempt(&mut response, &name, &value);
    response
}

/// The first step of a sign-in that another proxy sent the browser to: gives it the cookie that the
/// proxy's answer could not carry, and sends it on.
fn start(
    request: &CheckedRequest,
    worker: &Worker,
    query: &Form<'_>,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    let plan = &request.plan;
    let ours = |authority: &Authority<'_>| plan.is_ours(authority);
    let host = request.authority.host();
    let Start { return_to, since } = match plan.starts.check(host, query, &ours, request.now) {
        Ok(start) => start,
        Err(problem) => return invalid(problem, request, query, record),
    };
    begin_here(request, worker, &return_to, since, record)
}

/// Begins a sign-in at this very host, for a page of it; with `since`, whoever signed in before it
/// signs in again.
pub(super) fn begin_here(
    request: &CheckedRequest,
    worker: &Worker,
    return_to: &ReturnAddress,
    since: Option<Timestamp>,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    let visitor = Visitor::of(request);
    if !request.is_page_load() {
        let url = Href::new(request.target());
        let view = View::SignIn(SignIn { cause: SignInCause::NothingWasSent, url });
        return visitor.page(&view);
    }
    let live = live_session(request, worker);
    if live.as_ref().is_err_and(|why_not| why_not.is_unchecked()) {
        return unchecked(request, record);
    }
    if browser::goes_round(request) {
        // The proxy does not pass the cookie on, perhaps; the browser does keep it.
        record.reasons.push("sign-in-loop");
        return refusal::going_round(&visitor, live.err().unwrap_or(NotSignedIn::NotOpened));
    }
    if let Some(live) = live.ok().filter(|live| is_recent_enough(since, live.session())) {
        record.subject = Some(live.session().identity.subject.clone());
        return arrive(request, return_to, StatusCode::FOUND);
    }
    let (link, cookie) = begin(request, return_to, since);
    let mut response = respond::redirect(StatusCode::FOUND, &link);
    browser::remember(&mut response, &cookie);
    response
}

/// Nobody is sent to Apple whose session cannot be checked: a new one could not be either.
fn unchecked(request: &CheckedRequest, record: &mut Record) -> Response<Full<Bytes>> {
    refusal::store_unanswered(StoreTask::CheckSession, request, record)
}

fn invalid(
    problem: LinkProblem,
    request: &CheckedRequest,
    query: &Form<'_>,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    record.reasons.push(match problem {
        LinkProblem::Forged => "link_forged",
        LinkProblem::Stale => "link_stale",
        LinkProblem::ForeignHost => "link_foreign_host",
    });
    let address = query.get("pomerium_redirect_uri");
    let ours = |authority: &Authority<'_>| request.plan.is_ours(authority);
    let address = address.and_then(|url| ReturnAddress::parse(url, &ours));
    let start_again = address.map_or(Href::new("/"), |address| Href::new(address.url()));
    Visitor::of(request).page(&View::LinkInvalid { start_again })
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
) -> Response<Full<Bytes>> {
    let plan = &request.plan;
    if return_to.authority.host() == request.authority.host() {
        return arrive(request, return_to, status);
    }
    let Some(ticket) = plan.tickets.mint(session, return_to, browser, request.now) else {
        return Visitor::of(request).page(&View::Internal);
    };
    let location = format!("https://{}/.pomerium/callback/?ticket={ticket}", return_to.authority);
    respond::redirect(status, &location)
}

/// The last step, on the host that was asked first: on to the address, or, where it was too long
/// to keep, a page that says so.
pub(super) fn arrive(
    request: &CheckedRequest,
    to: &ReturnAddress,
    status: StatusCode,
) -> Response<Full<Bytes>> {
    let visitor = Visitor::of(request);
    if to.shortened {
        return visitor.page(&View::AddressTooLong { path: Href::new(to.path_and_query.as_str()) });
    }
    let strict = request.plan.cookie.same_site == crate::session::SameSite::Strict;
    let mut response = match strict {
        // A Strict cookie is not sent on a redirect that began at Apple's page; a page of our own
        // begins anew.
        true => visitor.page(&View::Moved { to: Href::new(to.url()) }),
        false => respond::redirect(status, &to.url()),
    };
    browser::count_round(&mut response, request);
    response
}

/// The link that signs a person in and leads back to `return_to`, for a browser that is given its
/// cookie with the answer; `since` as in [`crate::session::link::SignInLink`].
pub(crate) fn begin(
    request: &CheckedRequest,
    return_to: &ReturnAddress,
    since: Option<Timestamp>,
) -> (String, String) {
    let cookie = browser::kept_or_new(request.headers());
    let host = request.plan.authenticate.to_string();
    let hash = BrowserHash::of(&cookie);
    (request.plan.links.url(&host, return_to, &hash, since, request.now), cookie)
}
