//! Whose session a request carries: from the cookie alone, and only a live one.

use crate::base::time::Timestamp;
use crate::gateway::request::CheckedRequest;
use crate::gateway::state::worker::Worker;
use crate::pages::SignInCause;
use crate::policy::Reason;
use crate::session::lifecycle::{self, Dead, LiveSession};
use crate::wire::cookies;

/// Why a request has no live session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotSignedIn {
    /// It carries no cookie of our name.
    NoCookie,
    /// It carries one that does not open here, or several that do.
    NotOpened,
    /// The session is over.
    Dead(Dead),
    /// It has one, but the policy wants somebody who signed in since this moment.
    TooLongAgo(Timestamp),
}

impl NotSignedIn {
    /// Why a page with Apple's button is shown, and since when somebody must have signed in.
    pub(crate) fn asks_for(self) -> (SignInCause, Option<Timestamp>) {
        match self {
            Self::TooLongAgo(since) => (SignInCause::TooLongAgo, Some(since)),
            Self::NoCookie | Self::NotOpened | Self::Dead(_) => (SignInCause::NothingWasSent, None),
        }
    }

    /// Whether there may well be a live session, which cannot be known right now. Whoever has it is
    /// not sent to sign in: that would not help.
    pub(crate) fn is_unchecked(self) -> bool {
        self == Self::Dead(Dead::FeedStale)
    }

    /// The word for logs.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::NoCookie => "user-unauthenticated",
            Self::NotOpened => "cookie-not-opened",
            Self::Dead(Dead::Expired) => "session-expired",
            Self::Dead(Dead::Ended) => "session-ended",
            Self::Dead(Dead::FeedStale) => "session-unchecked",
            Self::TooLongAgo(_) => Reason::AuthAgeExceeded.word(),
        }
    }
}

/// The live session of a request.
pub(crate) fn live_session(
    request: &CheckedRequest,
    worker: &Worker,
) -> Result<LiveSession, NotSignedIn> {
    live_session_at(request.authority.host(), request, worker)
}

/// The same for a request that a trusted peer makes for another host.
pub(crate) fn live_session_at(
    host: &str,
    request: &CheckedRequest,
    worker: &Worker,
) -> Result<LiveSession, NotSignedIn> {
    let plan = &request.plan;
    let mut values = cookies::values(request.headers(), &plan.cookie.name).peekable();
    if values.peek().is_none() {
        return Err(NotSignedIn::NoCookie);
    }
    let opened = plan.sessions.open_only(values, host);
    let opened = opened.ok_or(NotSignedIn::NotOpened)?;
    let revocations = worker.shared.accounts.revocations();
    lifecycle::live(opened, revocations, request.now).map_err(NotSignedIn::Dead)
}
