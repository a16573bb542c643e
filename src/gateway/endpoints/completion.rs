//! The one redemption of a code, and how it ends for everybody who sent the same answer (T20).

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::apple::{AppleProvider, Callback, CompletionError, Remedy};
use crate::base::secret::Secret;
use crate::gateway::request::CheckedRequest;
use crate::gateway::state::shared::Worker;
use crate::identity::Identity;
use crate::pages::{Href, View};
use crate::session::Session;

/// How the redemption of one code ends; known to everybody who sent the same answer.
#[derive(Debug)]
pub(crate) struct Completion {
    outcome: watch::Sender<Option<Outcome>>,
}

/// How it ended.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// With a session.
    SignedIn(Arc<Session>),
    /// With a page that says why not.
    Failed(Failure),
}

/// What the browser is told when signing in failed; the log says more.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// The word for the log.
    pub(super) code: &'static str,
    /// More for the log, free of secrets.
    pub(super) detail: String,
    page: FailurePage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FailurePage {
    Cancelled,
    Refused,
    CodeUsed,
    Unavailable,
    NoKeys,
}

impl Completion {
    /// One that is still open.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { outcome: watch::Sender::new(None) })
    }

    /// Begins what is done once for an answer. It goes on to its end on the control runtime, whoever
    /// still waits: a code that was sent to Apple is spent. `turn` is the leave to call Apple.
    pub(super) fn begin(
        self: &Arc<Self>,
        request: &CheckedRequest,
        worker: &Worker,
        nonce: &str,
        callback: Callback,
        turn: Option<OwnedSemaphorePermit>,
    ) {
        let (code, display_name) = match callback {
            Callback::Agreed { code, display_name, .. } => (code, display_name),
            Callback::Cancelled { .. } => return self.end(Outcome::Failed(Failure::cancelled())),
            Callback::Failed { error, .. } => {
                return self.end(Outcome::Failed(Failure::refused(error)));
            }
        };
        let shared = Arc::clone(&worker.shared);
        let plan = Arc::clone(&request.plan);
        let promise = Promise(Arc::clone(self));
        let nonce = nonce.to_owned();
        let work = async move {
            let outcome = redeem(&shared.apple, &code, &nonce).await;
            drop(turn);
            let outcome = outcome.and_then(|mut identity| {
                identity.display_name = display_name;
                plan.sessions.begin(identity, shared.clock.now()).map_err(|_| Failure::too_long())
            });
            promise.0.end(match outcome {
                Ok(session) => Outcome::SignedIn(Arc::new(session)),
                Err(failure) => Outcome::Failed(failure),
            });
        };
        drop(worker.shared.control.run_to_end("complete sign-in", work));
    }

    fn end(&self, outcome: Outcome) {
        self.outcome.send_replace(Some(outcome));
    }

    /// How it ended, if it has.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.outcome.borrow().clone()
    }

    /// How it ends.
    pub(super) async fn wait(&self) -> Option<Outcome> {
        let mut watched = self.outcome.subscribe();
        let outcome = watched.wait_for(Option::is_some).await.ok()?;
        outcome.clone()
    }
}

/// Whatever becomes of the work, its completion ends: nobody waits for ever on one that panicked.
struct Promise(Arc<Completion>);

impl Drop for Promise {
    fn drop(&mut self) {
        self.0.outcome.send_if_modified(|outcome| {
            let broken = outcome.is_none();
            if broken {
                *outcome = Some(Outcome::Failed(Failure::broken()));
            }
            broken
        });
    }
}

impl Failure {
    /// The page for the browser.
    pub(super) fn view(&self, start_again: Href) -> View {
        match self.page {
            FailurePage::Cancelled => View::Cancelled { retry: start_again },
            FailurePage::Refused => View::AppleRefused { start_again },
            FailurePage::CodeUsed => View::CodeUsed { start_again },
            FailurePage::Unavailable => View::AppleUnavailable { start_again },
            FailurePage::NoKeys => View::KeysUnavailable { start_again },
        }
    }

    fn cancelled() -> Self {
        Self { code: "user_cancelled", detail: String::new(), page: FailurePage::Cancelled }
    }

    fn refused(error: String) -> Self {
        Self { code: "apple_error", detail: error, page: FailurePage::Refused }
    }

    fn broken() -> Self {
        let detail = "the sign-in ended unfinished".to_owned();
        Self { code: "sign_in_unfinished", detail, page: FailurePage::Unavailable }
    }

    fn too_long() -> Self {
        let detail = "the claims that must be kept do not fit a cookie".to_owned();
        Self { code: "claims_too_long", detail, page: FailurePage::Refused }
    }

    fn of(error: &CompletionError) -> Self {
        let page = match error.remedy() {
            Remedy::StartAgain => FailurePage::CodeUsed,
            Remedy::BadGateway => FailurePage::Unavailable,
            Remedy::Unavailable => FailurePage::NoKeys,
        };
        Self { code: error.code(), detail: error.to_string(), page }
    }
}

async fn redeem(apple: &AppleProvider, code: &Secret, nonce: &str) -> Result<Identity, Failure> {
    match apple.complete(code, nonce).await {
        Ok(signed_in) => Ok(signed_in.token.into_identity()),
        Err(error) => Err(Failure::of(&error)),
    }
}
