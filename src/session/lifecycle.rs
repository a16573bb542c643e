//! Whether a session still lives. Only this module makes a [`LiveSession`], and nothing is
//! admitted on less.

use papaya::HashMap;

use super::Session;
use super::sealed_cookie::OpenedCookie;
use crate::base::ids::SessionId;
use crate::base::time::Timestamp;

/// A session that opened, is in time and has not ended. Invariant: [`live`] alone makes one of a
/// request; a test case says [`LiveSession::supposed`].
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
    /// It was ended: signed out, or replaced by a newer sign-in.
    Ended,
}

/// Checks an opened cookie against the clock and the list of ended sessions.
///
/// # Errors
/// Says why the session is dead.
pub fn live(
    opened: OpenedCookie,
    ended: &EndedSessions,
    now: Timestamp,
) -> Result<LiveSession, Dead> {
    let session = opened.session;
    if now >= session.expires_at {
        return Err(Dead::Expired);
    }
    if ended.contains(session.id) {
        return Err(Dead::Ended);
    }
    Ok(LiveSession { session })
}

/// The sessions that were ended before their time. Every request looks here, so reading takes no
/// lock; entries leave once the session would have expired anyway. Kept in memory: a restart
/// forgets it.
#[derive(Debug, Default)]
pub struct EndedSessions {
    until: HashMap<SessionId, Timestamp>,
}

impl EndedSessions {
    /// Ends a session. Effective before this returns.
    pub fn end(&self, session: &Session, now: Timestamp) {
        self.end_id(session.id, session.expires_at, now);
    }

    /// Ends the session `id`, which would have ended by itself at `expires_at`.
    pub fn end_id(&self, id: SessionId, expires_at: Timestamp, now: Timestamp) {
        let map = self.until.pin();
        map.insert(id, expires_at);
        // Ending is rare and looking is not: the sweep is paid for here.
        if map.len().is_multiple_of(256) {
            map.retain(|_, until| *until > now);
        }
    }

    /// Whether the session was ended.
    pub fn contains(&self, id: SessionId) -> bool {
        !self.until.is_empty() && self.until.pin().contains_key(&id)
    }
}

#[cfg(test)]
mod tests {
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
        let ended = EndedSessions::default();
        assert!(live(opened(&seal, &value), &ended, NOW).is_ok());
        let later = NOW.plus(Duration::from_secs(50_400));
        assert_eq!(live(opened(&seal, &value), &ended, later).unwrap_err(), Dead::Expired);
        ended.end(&session, NOW);
        assert_eq!(live(opened(&seal, &value), &ended, NOW).unwrap_err(), Dead::Ended);
    }

    #[test]
    fn the_list_forgets_only_what_has_expired() {
        let seal = SessionSeal::new(&given::ring(1), &given::settings(None));
        let ended = EndedSessions::default();
        let first = seal.begin(given::identity(json!({})), NOW).unwrap();
        ended.end(&first, NOW);
        let later = NOW.plus(Duration::from_secs(60_000));
        let mut last = None;
        for _ in 0..600 {
            let session = seal.begin(given::identity(json!({})), later).unwrap();
            ended.end(&session, later);
            last = Some(session.id);
        }
        assert!(!ended.contains(first.id));
        assert!(ended.contains(last.unwrap()));
    }
}
