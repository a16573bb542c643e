//! Whether a session is still alive. Only this module makes a [`LiveSession`], and nothing is
//! admitted on less.

use super::Session;
use super::revocations::{Feed, Revocations};
use super::sealed_cookie::OpenedCookie;
use crate::base::time::Timestamp;

/// A session that opened, is in time and has not ended, as far as is known. Invariant: a request has
/// one from [`live`] alone; a test case says [`LiveSession::supposed`].
#[derive(Debug)]
pub struct LiveSession {
    session: Session,
}

impl LiveSession {
    /// A session that nobody signed in to, for policy tests and benchmarks.
    pub fn supposed(session: Session) -> Self {
        Self { session }
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }
}

/// Why an opened session is not alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dead {
    /// Its time is over.
    Expired,
    /// It was ended: signed out, replaced by a newer sign-in, or ended with its account.
    Ended,
    /// Whether it was ended cannot be known right now, because the feed of revocations is stale.
    /// The session may well be alive: signing in again does not help.
    FeedStale,
}

/// Checks an opened cookie against the clock and the revocations. The live session has the claims
/// that its account has by now.
///
/// # Errors
/// Says why the session is dead.
pub fn live(
    opened: OpenedCookie,
    revocations: &Revocations,
    now: Timestamp,
) -> Result<LiveSession, Dead> {
    let mut session = opened.session;
    check(&session, revocations, now)?;
    revocations.renew(&mut session.identity);
    Ok(LiveSession { session })
}

/// Checks a session of which no cookie was opened: one that has just begun, or that a ticket hands
/// over. Admits nobody.
///
/// # Errors
/// Says why the session is dead.
pub fn check(session: &Session, revocations: &Revocations, now: Timestamp) -> Result<(), Dead> {
    if now >= session.expires_at {
        return Err(Dead::Expired);
    }
    if revocations.has_ended(session) {
        return Err(Dead::Ended);
    }
    match revocations.feed() {
        Feed::Fresh => Ok(()),
        Feed::Stale => Err(Dead::FeedStale),
    }
}

#[cfg(test)]
mod tests {
    use super::super::revocations::Revocation;
    use super::super::sealed_cookie::{SessionSeal, tests as given};
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    fn opened(seal: &SessionSeal, value: &str) -> OpenedCookie {
        seal.open(value, "a").unwrap()
    }

    #[test]
    fn t38_expiry_is_sealed_inside_and_an_ended_session_is_dead_at_once() {
        let seal = SessionSeal::new(&given::ring(1), &given::settings(None));
        let session = seal.begin(given::identity(json!({})), NOW).unwrap();
        let value = seal.seal(&session, "a").unwrap();
        let revocations = Revocations::default();
        assert!(live(opened(&seal, &value), &revocations, NOW).is_ok());
        let later = NOW.plus(Duration::from_secs(50_400));
        assert_eq!(live(opened(&seal, &value), &revocations, later).unwrap_err(), Dead::Expired);
        let (id, until) = (session.id, session.expires_at);
        revocations.apply(Revocation::SessionEnded { id, until }, NOW);
        assert_eq!(live(opened(&seal, &value), &revocations, NOW).unwrap_err(), Dead::Ended);
    }
}
