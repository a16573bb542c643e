//! Where Apple's form goes: the answer to one attempt, for one browser, once (`apple.md` §4).
//!
//! Security: nothing of the form is believed before its `state` has been matched with an attempt
//! that this very browser holds, and the code is spent only then (T19).

use bytes::Bytes;
use http_body_util::Full;
use std::sync::Arc;
use std::time::Duration;

use http::{Response, StatusCode};

use super::completion;
use super::sign_in::{deliver, held};
use crate::accounts::{Completed, CompletionFailure, NotCompleted, SignIn};
use crate::apple::Callback;
use crate::base::ids::SessionId;
use crate::base::seal::digest;
use crate::gateway::answer::refusal::store_unanswered;
use crate::gateway::answer::respond::{self, Visitor};
use crate::gateway::decide::signed_in::live_session;
use crate::gateway::request::CheckedRequest;
use crate::gateway::sign_in::cookies as ours;
use crate::gateway::state::worker::Worker;
use crate::pages::{Href, StoreTask, View};
use crate::session::Session;
use crate::session::attempt::{self, Attempt, LedTo};
use crate::session::lifecycle::{self, Dead};
use crate::telemetry::Record;
use crate::wire::body::{self, Incoming, ReadProblem};
use crate::wire::cookies;
use crate::wire::form::{self, Form};
use crate::wire::host::Authority;

/// Largest form that is read.
const FORM_BYTES: usize = 64 * 1024;
/// How long it may take to arrive.
const FORM_TIME: Duration = Duration::from_secs(10);

/// Serves the endpoint.
pub(super) async fn serve(
    request: &CheckedRequest,
    body: impl Incoming,
    worker: &Worker,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    let visitor = Visitor::of(request);
    let bytes = match read_form(request, body, record).await {
        Ok(bytes) => bytes,
        Err(view) => return visitor.page(&view),
    };
    let Ok(form) = Form::parse(&bytes) else {
        record.reasons.push("bad_form");
        return visitor.page(&View::BadRequest);
    };
    let fields: Vec<(String, String)> =
        form.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let callback = match Callback::read(&fields, request.plan.apple.issuer()) {
        Ok(callback) => callback,
        Err(problem) => {
            record.reasons.push("bad_form");
            record.detail = Some(problem.to_string());
            return visitor.page(&View::BadRequest);
        }
    };
    match find_attempt(request, callback.state()) {
        Some(attempt) => answer(request, worker, record, attempt, callback).await,
        None => not_matched(request, worker, record, callback.state()),
    }
}

async fn read_form(
    request: &CheckedRequest,
    body: impl Incoming,
    record: &mut Record,
) -> Result<Bytes, View> {
    let start_again = Some(Href::new("/"));
    if form::check_headers(request.headers()).is_err() {
        record.reasons.push("bad_content_type");
        return Err(View::UnsupportedMediaType { start_again });
    }
    // A form of Apple's has its fields in the body; the same in the query would be a second reading.
    let query = Form::query(request.head.uri.query());
    let doubled = query.map_or(true, |query| {
        ["code", "state", "error", "id_token", "user", "iss"]
            .iter()
            .any(|name| query.get(name).is_some())
    });
    if doubled {
        record.reasons.push("fields_in_query");
        return Err(View::BadRequest);
    }
    body::read_limited(body, FORM_BYTES, FORM_TIME).await.map_err(|problem| {
        record.reasons.push("body_not_read");
        match problem {
            ReadProblem::TooLarge { .. } => View::TooLarge,
            ReadProblem::Timeout | ReadProblem::Broken(_) => View::BadRequest,
        }
    })
}

fn find_attempt(request: &CheckedRequest, state: &str) -> Option<Attempt> {
    let plan = &request.plan;
    let name = Attempt::cookie_name(state);
    let held = cookies::values(request.headers(), &name).map(|value| (name.as_str(), value));
    let ours = |authority: &Authority<'_>| plan.is_ours(authority);
    plan.attempts.matching(state, held, request.authority.host(), &ours)
}

/// No attempt of this browser has this `state`: another browser's, a forged one, one that made
/// room for newer ones, or a browser that kept no cookie. Nothing was spent.
fn not_matched(
    request: &CheckedRequest,
    worker: &Worker,
    record: &mut Record,
    state: &str,
) -> Response<Full<Bytes>> {
    let any = cookies::names_with_prefix(request.headers(), attempt::COOKIE_PREFIX).next();
    record.reasons.push(if any.is_some() { "state_mismatch" } else { "no_transaction" });
    let address = worker.shared.accounts.address_of(&digest(state), request.now);
    let start_again = address.map_or(Href::new("/"), |address| Href::new(address.url()));
    Visitor::of(request).page(&View::NotMatched { start_again })
}

/// The answer to an attempt that this browser holds.
async fn answer(
    request: &CheckedRequest,
    worker: &Worker,
    record: &mut Record,
    attempt: Attempt,
    callback: Callback,
) -> Response<Full<Bytes>> {
    let visitor = Visitor::of(request);
    let start_again = Href::new(attempt.return_to.url());
    let state_digest = digest(&attempt.state);
    if attempt.used {
        record.reasons.push("replayed_callback");
        return repeated(request, worker, record, &attempt, &state_digest).await;
    }
    // Security: also where the answer is known already, or a copy of the cookie from before it came
    // would sign in for as long as we remember it.
    if !attempt.is_open(request.now) {
        record.reasons.push("attempt_expired");
        let view = View::ExpiredAttempt { start_again };
        return on_or(request, worker, &attempt, || visitor.page(&view));
    }
    let sign_in = SignIn {
        state_digest,
        nonce: attempt.nonce.clone(),
        callback,
        provider: Arc::clone(&request.plan.apple),
        sessions: Arc::clone(&request.plan.sessions),
    };
    let Completed { repeated, outcome } =
        match worker.shared.accounts.complete(sign_in, request.now).await {
            Ok(completed) => completed,
            Err(NotCompleted::TooMany) => {
                record.reasons.push("too_many_sign_ins");
                return too_busy(&visitor, start_again);
            }
            Err(NotCompleted::Store(_)) => {
                return store_unanswered(StoreTask::SignIn, request, record);
            }
        };
    if repeated {
        record.reasons.push("replayed_callback");
    }
    match outcome {
        Ok(session) => begun(request, worker, record, attempt, &session, repeated).await,
        Err(failure) => {
            let mut response = failed(request, record, failure, start_again);
            mark_used(&mut response, request, attempt);
            response
        }
    }
}

/// The answer where a session has begun, by this answer or by the same one before.
async fn begun(
    request: &CheckedRequest,
    worker: &Worker,
    record: &mut Record,
    attempt: Attempt,
    session: &Session,
    repeated: bool,
) -> Response<Full<Bytes>> {
    let accounts = &worker.shared.accounts;
    let others = others(request, worker, session.id);
    let gone = match lifecycle::check(session, accounts.revocations(), request.now) {
        Ok(()) => false,
        Err(Dead::Expired | Dead::Ended) => true,
        Err(Dead::FeedStale) => return store_unanswered(StoreTask::SignIn, request, record),
    };
    if gone || (repeated && !others.is_empty()) {
        let view = View::CodeUsed { start_again: Href::new(attempt.return_to.url()) };
        return on_or(request, worker, &attempt, || Visitor::of(request).page(&view));
    }
    // Security: no session from before a sign-in outlives it (T22).
    for other in others {
        if accounts.end(other.id, other.expires_at, request.now).await.is_err() {
            return store_unanswered(StoreTask::SignIn, request, record);
        }
    }
    signed_in(request, record, attempt, session)
}

/// Nothing of the attempt is used up: the same answer counts when it is sent again.
fn too_busy(visitor: &Visitor<'_>, start_again: Href) -> Response<Full<Bytes>> {
    let view = View::AppleUnavailable { start_again };
    visitor.page_with(&view, StatusCode::SERVICE_UNAVAILABLE)
}

fn failed(
    request: &CheckedRequest,
    record: &mut Record,
    failure: CompletionFailure,
    start_again: Href,
) -> Response<Full<Bytes>> {
    let view = completion::page(failure.cause, start_again);
    record.reasons.push(failure.code);
    record.detail = Some(failure.detail);
    Visitor::of(request).page(&view)
}

/// The answer to an attempt that has had its answer: nobody is signed in by it, but a browser that
/// is signed in finds its way, and a failure stays the same failure.
async fn repeated(
    request: &CheckedRequest,
    worker: &Worker,
    record: &mut Record,
    attempt: &Attempt,
    state_digest: &str,
) -> Response<Full<Bytes>> {
    let earlier = worker.shared.accounts.earlier_failure(state_digest, request.now).await;
    let Ok(earlier) = earlier else {
        return store_unanswered(StoreTask::SignIn, request, record);
    };
    on_or(request, worker, attempt, || {
        let start_again = Href::new(attempt.return_to.url());
        match earlier {
            Some(failure) => failed(request, record, failure, start_again),
            None => Visitor::of(request).page(&View::CodeUsed { start_again }),
        }
    })
}

/// On to the address of the attempt for a browser that is signed in already, else `page`.
fn on_or(
    request: &CheckedRequest,
    worker: &Worker,
    attempt: &Attempt,
    page: impl FnOnce() -> Response<Full<Bytes>>,
) -> Response<Full<Bytes>> {
    if sessions(request, worker).is_empty() {
        return page();
    }
    // The redirect ends the trip that another site began: its cookies come along again.
    respond::redirect(StatusCode::SEE_OTHER, &attempt.return_to.url())
}

/// The sessions of this browser that live: what its attempts led to, and the session cookie where
/// that comes along with Apple's form at all.
fn sessions(request: &CheckedRequest, worker: &Worker) -> Vec<LedTo> {
    let led_to = held(request).into_iter().filter_map(|held| held.attempt?.led_to);
    let lives = |led_to: &LedTo| {
        request.now < led_to.expires_at
            && !worker.shared.accounts.revocations().has_ended_id(led_to.id)
    };
    let mut all: Vec<LedTo> = led_to.filter(lives).collect();
    all.extend(live_session(request, worker).ok().map(|live| LedTo::from(live.session())));
    all
}

fn others(request: &CheckedRequest, worker: &Worker, than: SessionId) -> Vec<LedTo> {
    sessions(request, worker).into_iter().filter(|session| session.id != than).collect()
}

fn signed_in(
    request: &CheckedRequest,
    record: &mut Record,
    mut attempt: Attempt,
    session: &Session,
) -> Response<Full<Bytes>> {
    record.subject = Some(session.identity.subject.clone());
    record.reasons.push("signed_in");
    let to = &attempt.return_to;
    let mut response = deliver(request, session, to, &attempt.browser, StatusCode::SEE_OTHER);
    if ours::set_session(&mut response, request, session).is_none() {
        record.reasons.push("session_not_sealed");
        return Visitor::of(request).page(&View::Internal);
    }
    attempt.led_to = Some(LedTo::from(session));
    mark_used(&mut response, request, attempt);
    response
}

/// The attempt stays in its cookie for an hour, marked, so that a repeated answer finds its way.
fn mark_used(response: &mut Response<Full<Bytes>>, request: &CheckedRequest, attempt: Attempt) {
    let used = Attempt { used: true, ..attempt };
    if let Some(value) = request.plan.attempts.seal(&used, request.authority.host()) {
        ours::set_attempt(response, &Attempt::cookie_name(&used.state), &value);
    }
}
