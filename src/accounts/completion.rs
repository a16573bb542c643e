//! Completing a sign-in: the code is redeemed once, and everybody who sent the same answer learns
//! the same outcome (T20).

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, watch};

use super::memory::StoreUnanswered;
use super::{Accounts, lock};
use crate::apple::{AppleProvider, Callback, CompletionError, Remedy};
use crate::base::bounded_map::Entered;
use crate::base::secret::Secret;
use crate::base::time::{Clock, Timestamp};
use crate::identity::Identity;
use crate::session::sealed_cookie::SessionSeal;
use crate::session::{Session, attempt};
use crate::telemetry::Code;

/// An answer of Apple's to an attempt of the browser that sent it, and what completes it.
#[derive(Debug)]
pub struct SignIn {
    /// The digest of the attempt's `state`, by which the answer is known again.
    pub state_digest: String,
    /// The attempt's `nonce`, which the id_token has to name.
    pub nonce: String,
    /// What Apple's form said.
    pub callback: Callback,
    /// Redeems the code.
    pub provider: Arc<AppleProvider>,
    /// Begins the session.
    pub sessions: Arc<SessionSeal>,
}

/// A sign-in that came to its end, whichever it was.
#[derive(Debug)]
pub struct Completed {
    /// Whether the same answer had come before.
    pub repeated: bool,
    /// The session that began, or why none did.
    pub outcome: Result<Arc<Session>, CompletionFailure>,
}

/// Why a sign-in was not even tried. Nothing of the attempt is used up: the same answer counts when
/// it is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCompleted {
    /// Too many codes are being redeemed at this moment.
    #[error("too many sign-ins at once")]
    TooMany,
    /// Whether the answer had come before cannot be known.
    #[error(transparent)]
    Store(#[from] StoreUnanswered),
}

/// Why a sign-in began no session.
#[derive(Clone, Debug)]
pub struct CompletionFailure {
    /// The word for the log.
    pub code: Code,
    /// More for the log, free of secrets.
    pub detail: String,
    /// How it is explained to the person.
    pub cause: FailureCause,
}

/// How the failure of a sign-in is explained to the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureCause {
    /// The person cancelled at Apple.
    Cancelled,
    /// Apple, or we, refused.
    Refused,
    /// The code was used or too old.
    CodeUsed,
    /// Apple did not answer as it should.
    AppleUnavailable,
    /// Apple's keys are not available.
    KeysUnavailable,
}

type Outcome = Result<Arc<Session>, CompletionFailure>;

/// The outcome of one answer, once it is there.
#[derive(Debug)]
pub(super) struct Completion {
    outcome: watch::Sender<Option<Outcome>>,
}

impl Accounts {
    /// Completes a sign-in: redeems the code, once whoever repeats the answer, and begins the
    /// session. Waits for Apple.
    ///
    /// # Errors
    /// The sign-in was not tried, and may be tried again. A sign-in that failed is not an error here.
    pub async fn complete(
        &self,
        sign_in: SignIn,
        now: Timestamp,
    ) -> Result<Completed, NotCompleted> {
        self.memory.answer().await?;
        let (completion, repeated) = self.begin(sign_in, now)?;
        let outcome = completion.wait().await;
        Ok(Completed { repeated, outcome })
    }

    /// Why an answer that came before failed, where it did and that is known.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn earlier_failure(
        &self,
        state_digest: &str,
        now: Timestamp,
    ) -> Result<Option<CompletionFailure>, StoreUnanswered> {
        self.memory.answer().await?;
        let known = lock(&self.completions).find(state_digest, now).map(Arc::clone);
        let outcome = known.and_then(|completion| completion.outcome.borrow().clone());
        Ok(outcome.and_then(Result::err))
    }

    /// Begins to complete the sign-in, or finds that somebody has.
    fn begin(
        &self,
        sign_in: SignIn,
        now: Timestamp,
    ) -> Result<(Arc<Completion>, bool), NotCompleted> {
        let until = now.plus(attempt::REMEMBERED);
        let (completion, turn) = {
            let mut completions = lock(&self.completions);
            if let Some(known) = completions.find(&sign_in.state_digest, now) {
                return Ok((Arc::clone(known), true));
            }
            let turn = Arc::clone(&self.calls_to_apple).try_acquire_owned();
            let turn = turn.map_err(|_| NotCompleted::TooMany)?;
            let key = sign_in.state_digest.clone();
            match completions.enter(key, until, now, Completion::new) {
                Entered::First(completion) => (completion, turn),
                Entered::Again(completion) => return Ok((completion, true)),
                Entered::Full => return Err(NotCompleted::TooMany),
            }
        };
        self.work(&completion, sign_in, turn);
        Ok((completion, false))
    }

    /// Does what is done once for an answer. It goes on to its end on the control runtime, whoever
    /// still waits: a code that was sent to Apple is spent. `turn` is the permission to call Apple.
    fn work(&self, completion: &Arc<Completion>, sign_in: SignIn, turn: OwnedSemaphorePermit) {
        let SignIn { nonce, callback, provider, sessions, .. } = sign_in;
        let (code, display_name) = match callback {
            Callback::Agreed { code, display_name, .. } => (code, display_name),
            Callback::Cancelled { .. } => {
                return completion.end(Err(CompletionFailure::cancelled()));
            }
            Callback::Failed { error, .. } => {
                return completion.end(Err(CompletionFailure::refused(error)));
            }
        };
        let clock: Clock = self.clock.clone();
        let promise = Promise(Arc::clone(completion));
        let work = async move {
            let outcome = redeem(&provider, &code, &nonce).await;
            drop(turn);
            promise.0.end(outcome.and_then(|mut identity| {
                identity.display_name = display_name;
                let begun = sessions.begin(identity, clock.now());
                begun.map(Arc::new).map_err(|_| CompletionFailure::too_long())
            }));
        };
        drop(self.control.run_to_end("complete sign-in", work));
    }
}

impl Completion {
    fn new() -> Arc<Self> {
        Arc::new(Self { outcome: watch::Sender::new(None) })
    }

    fn end(&self, outcome: Outcome) {
        self.outcome.send_replace(Some(outcome));
    }

    /// The outcome, once it is there.
    async fn wait(&self) -> Outcome {
        let mut watched = self.outcome.subscribe();
        match watched.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or_else(|| Err(CompletionFailure::broken())),
            Err(_) => Err(CompletionFailure::broken()),
        }
    }
}

/// Whatever becomes of the work, its completion ends: nobody waits for ever for work that panicked.
struct Promise(Arc<Completion>);

impl Drop for Promise {
    fn drop(&mut self) {
        self.0.outcome.send_if_modified(|outcome| {
            let broken = outcome.is_none();
            if broken {
                *outcome = Some(Err(CompletionFailure::broken()));
            }
            broken
        });
    }
}

impl CompletionFailure {
    fn cancelled() -> Self {
        let cause = FailureCause::Cancelled;
        Self { code: Code::UserCancelled, detail: String::new(), cause }
    }

    fn refused(error: String) -> Self {
        Self { code: Code::AppleError, detail: error, cause: FailureCause::Refused }
    }

    fn broken() -> Self {
        let detail = "the sign-in ended unfinished".to_owned();
        Self { code: Code::SignInUnfinished, detail, cause: FailureCause::AppleUnavailable }
    }

    fn too_long() -> Self {
        let detail = "the claims that must be kept do not fit a cookie".to_owned();
        Self { code: Code::ClaimsTooLong, detail, cause: FailureCause::Refused }
    }

    fn of(error: &CompletionError) -> Self {
        let cause = match error.remedy() {
            Remedy::StartAgain => FailureCause::CodeUsed,
            Remedy::BadGateway => FailureCause::AppleUnavailable,
            Remedy::Unavailable => FailureCause::KeysUnavailable,
        };
        Self { code: error.code(), detail: error.to_string(), cause }
    }
}

async fn redeem(
    provider: &AppleProvider,
    code: &Secret,
    nonce: &str,
) -> Result<Identity, CompletionFailure> {
    match provider.complete(code, nonce).await {
        Ok(signed_in) => Ok(signed_in.token.into_identity()),
        Err(error) => Err(CompletionFailure::of(&error)),
    }
}
