//! Where Apple's form goes: the answer to one attempt, for one browser, once (`apple.md` §4).
//!
//! Security: nothing of the form is believed before its `state` has been matched with an attempt
//! that this very browser holds, and the code is spent only then (T19).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::Call;
use super::completion;
use super::sign_in::{deliver, held};
use crate::accounts::{Completed, CompletionFailure, NotCompleted, SignIn};
use crate::apple::Callback;
use crate::base::ids::SessionId;
use crate::base::seal::digest;
use crate::gateway::answer::refusal::store_unanswered;
use crate::gateway::answer::{Answer, Answered, Refused, Shown, respond};
use crate::gateway::decide::live::live_session;
use crate::gateway::request::CheckedRequest;
use crate::gateway::sign_in::cookies as ours;
use crate::gateway::state::worker::Worker;
use crate::pages::{Href, StoreTask, View};
use crate::session::Session;
use crate::session::attempt::{self, Attempt, LedTo};
use crate::session::lifecycle::{self, Dead};
use crate::telemetry::Code;
use crate::wire::body::{self, Incoming, ReadProblem};
use crate::wire::cookies;
use crate::wire::form::{self, Form};
use crate::wire::host::Authority;

/// Largest form that is read.
const FORM_BYTES: usize = 64 * 1024;
/// How long it may take to arrive.
const FORM_TIME: Duration = Duration::from_secs(10);

/// Serves the endpoint.
pub(super) async fn serve(Call { request, worker, body }: Call<'_>) -> Answered {
    let bad_form = || Refused::page(Code::BadForm, View::BadRequest);
    let bytes = read_form(request, body).await?;
    let form = Form::parse(&bytes).map_err(|_| bad_form())?;
    let fields: Vec<(String, String)> =
        form.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let callback = Callback::read(&fields, request.plan.apple.issuer())
        .map_err(|problem| bad_form().with_detail(problem.to_string()))?;
    match find_attempt(request, callback.state()) {
        Some(attempt) => answer(request, worker, attempt, callback).await,
        None => Err(not_matched(request, worker, callback.state())),
    }
}

async fn read_form(request: &CheckedRequest, body: impl Incoming) -> Result<Bytes, Box<Refused>> {
    if form::check_headers(request.headers()).is_err() {
        let view = View::UnsupportedMediaType { start_again: Some(Href::new("/")) };
        return Err(Refused::page(Code::BadContentType, view));
    }
    // A form of Apple's has its fields in the body; the same in the query would be a second reading.
    let query = Form::query(request.head.uri.query());
    let doubled = query.map_or(true, |query| {
        ["code", "state", "error", "id_token", "user", "iss"]
            .iter()
            .any(|name| query.get(name).is_some())
    });
    if doubled {
        return Err(Refused::page(Code::FieldsInQuery, View::BadRequest));
    }
    body::read_limited(body, FORM_BYTES, FORM_TIME).await.map_err(|problem| {
        let view = match problem {
            ReadProblem::TooLarge { .. } => View::TooLarge,
            ReadProblem::Timeout | ReadProblem::Broken(_) => View::BadRequest,
        };
        Refused::page(Code::BodyNotRead, view)
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
fn not_matched(request: &CheckedRequest, worker: &Worker, state: &str) -> Box<Refused> {
    let any = cookies::names_with_prefix(request.headers(), attempt::COOKIE_PREFIX).next();
    let code = if any.is_some() { Code::StateMismatch } else { Code::NoTransaction };
    let address = worker.shared.accounts.address_of(&digest(state), request.now);
    let start_again = address.map_or(Href::new("/"), |address| Href::new(address.url()));
    Refused::page(code, View::NotMatched { start_again })
}

/// The answer to an attempt that this browser holds.
async fn answer(
    request: &CheckedRequest,
    worker: &Worker,
    attempt: Attempt,
    callback: Callback,
) -> Answered {
    let state_digest = digest(&attempt.state);
    if attempt.used {
        return repeated(request, worker, &attempt, &state_digest).await;
    }
    // Security: also where the answer is known already, or a copy of the cookie from before it came
    // would sign in for as long as we remember it.
    if !attempt.is_open(request.now) {
        let view = View::ExpiredAttempt { start_again: start_again(&attempt) };
        return on_or(request, worker, &attempt, Refused::page(Code::AttemptExpired, view));
    }
    let sign_in = SignIn {
        state_digest,
        nonce: attempt.nonce.clone(),
        callback,
        provider: Arc::clone(&request.plan.apple),
        sessions: Arc::clone(&request.plan.sessions),
    };
    let completed = worker.shared.accounts.complete(sign_in, request.now).await;
    let Completed { repeated, outcome } = completed.map_err(|why| match why {
        NotCompleted::TooMany => too_busy(&attempt),
        NotCompleted::Store(_) => store_unanswered(StoreTask::SignIn),
    })?;
    let answered = match outcome {
        Ok(session) => begun(request, worker, attempt, &session, repeated).await,
        Err(failure) => {
            let mut refused = failed(failure, &attempt);
            mark_used(refused.headers_mut(), request, attempt);
            Err(refused)
        }
    };
    match repeated {
        true => answered
            .map(|answer| answer.with_earlier_code(Code::ReplayedCallback))
            .map_err(|refused| refused.with_earlier_code(Code::ReplayedCallback)),
        false => answered,
    }
}

/// The answer where a session has begun, by this answer or by the same one before.
async fn begun(
    request: &CheckedRequest,
    worker: &Worker,
    attempt: Attempt,
    session: &Session,
    repeated: bool,
) -> Answered {
    let accounts = &worker.shared.accounts;
    let others = others(request, worker, session.id);
    let gone = match lifecycle::check(session, accounts.revocations(), request.now) {
        Ok(()) => false,
        Err(Dead::Expired | Dead::Ended) => true,
        Err(Dead::FeedStale) => return Err(store_unanswered(StoreTask::SignIn)),
    };
    if gone || (repeated && !others.is_empty()) {
        let view = View::CodeUsed { start_again: start_again(&attempt) };
        return on_or(request, worker, &attempt, Refused::shown(Shown::Page(view)));
    }
    // Security: no session from before a sign-in outlives it (T22).
    for other in others {
        if accounts.end(other.id, other.expires_at, request.now).await.is_err() {
            return Err(store_unanswered(StoreTask::SignIn));
        }
    }
    signed_in(request, attempt, session)
}

fn start_again(attempt: &Attempt) -> Href {
    Href::new(attempt.return_to.url())
}

/// Nothing of the attempt is used up: the same answer counts when it is sent again.
fn too_busy(attempt: &Attempt) -> Box<Refused> {
    let view = View::AppleUnavailable { start_again: start_again(attempt) };
    Refused::page(Code::TooManySignIns, view).with_status(StatusCode::SERVICE_UNAVAILABLE)
}

fn failed(failure: CompletionFailure, attempt: &Attempt) -> Box<Refused> {
    let view = completion::page(failure.cause, start_again(attempt));
    Refused::page(failure.code, view).with_detail(failure.detail)
}

/// The answer to an attempt that has had its answer: nobody is signed in by it, but a browser that
/// is signed in finds its way, and a failure stays the same failure.
async fn repeated(
    request: &CheckedRequest,
    worker: &Worker,
    attempt: &Attempt,
    state_digest: &str,
) -> Answered {
    let earlier = worker.shared.accounts.earlier_failure(state_digest, request.now).await;
    let refused = match earlier.map_err(|_| store_unanswered(StoreTask::SignIn))? {
        Some(failure) => failed(failure, attempt),
        None => Refused::shown(Shown::Page(View::CodeUsed { start_again: start_again(attempt) })),
    };
    on_or(request, worker, attempt, refused.with_earlier_code(Code::ReplayedCallback))
}

/// On to the address of the attempt for a browser that is signed in already, else the refusal.
fn on_or(
    request: &CheckedRequest,
    worker: &Worker,
    attempt: &Attempt,
    refused: Box<Refused>,
) -> Answered {
    if sessions(request, worker).is_empty() {
        return Err(refused);
    }
    // The redirect ends the trip that another site began: its cookies come along again.
    let redirect = respond::redirect(StatusCode::SEE_OTHER, &attempt.return_to.url());
    Ok(Answer::new(redirect).with_reasons(refused.into_reasons()))
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

fn signed_in(request: &CheckedRequest, mut attempt: Attempt, session: &Session) -> Answered {
    let to = &attempt.return_to;
    let mut answer = deliver(request, session, to, &attempt.browser, StatusCode::SEE_OTHER)?;
    if ours::set_session(answer.headers_mut(), request, session).is_none() {
        return Err(Refused::page(Code::SignedIn, View::Internal)
            .with_code(Code::SessionNotSealed)
            .about(Some(&session.identity)));
    }
    attempt.led_to = Some(LedTo::from(session));
    mark_used(answer.headers_mut(), request, attempt);
    Ok(answer.about(&session.identity).with_code(Code::SignedIn))
}

/// The attempt stays in its cookie for an hour, marked, so that a repeated answer finds its way.
fn mark_used(headers: &mut HeaderMap, request: &CheckedRequest, attempt: Attempt) {
    let used = Attempt { used: true, ..attempt };
    if let Some(value) = request.plan.attempts.seal(&used, request.authority.host()) {
        ours::set_attempt(headers, &Attempt::cookie_name(&used.state), &value);
    }
}
