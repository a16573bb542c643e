//! What has happened to sessions since their cookies were sealed: a session was ended, all sessions
//! of an account were ended, the claims of an account changed. Every request looks here, so reading
//! takes no lock. Kept in memory: a restart forgets it.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use papaya::HashMap;

use super::Session;
use crate::base::ids::{SessionId, generation};
use crate::base::time::Timestamp;
use crate::identity::{Claims, Identity};

/// How many entries a map takes before those that are of no more use are looked for.
const SWEEP_EVERY: usize = 256;

/// One entry. `until` is the moment at which the last session that it concerns has expired by
/// itself; the entry is forgotten then.
#[derive(Clone, Debug)]
pub enum Revocation {
    /// One session ended.
    SessionEnded {
        /// Its id.
        id: SessionId,
        /// When it would have expired.
        until: Timestamp,
    },
    /// Every session of an account that began at `at` or before ended. A session begins when its
    /// id_token was issued (`iat`), so that Apple's times are compared with Apple's own clock.
    AccountEnded {
        /// `sub` of the account.
        subject: Arc<str>,
        /// The last moment whose sessions end.
        at: Timestamp,
        /// When they have all expired.
        until: Timestamp,
    },
    /// The claims of an account changed: a session that began at `at` or before is decided on with
    /// the new ones.
    ClaimsChanged {
        /// `sub` of the account.
        subject: Arc<str>,
        /// When they changed.
        at: Timestamp,
        /// All claims of the account from then on, `sub` among them.
        claims: Claims,
        /// When the sessions that began before have all expired.
        until: Timestamp,
    },
}

/// Whether the revocations are complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// Everything that was revoked is known here.
    Fresh,
    /// Something may have been revoked that is not known here: no session is taken for alive.
    Stale,
}

/// All revocations that still matter.
#[derive(Debug, Default)]
pub struct Revocations {
    sessions: HashMap<SessionId, Timestamp>,
    accounts: HashMap<Arc<str>, Account>,
    is_stale: AtomicBool,
}

/// What is known of one account.
#[derive(Clone, Debug)]
struct Account {
    ended_at: Option<Timestamp>,
    changed: Option<Changed>,
    until: Timestamp,
}

#[derive(Clone, Debug)]
struct Changed {
    at: Timestamp,
    claims: Arc<Claims>,
    generation: u64,
}

impl Revocations {
    /// Takes an entry in. Effective before this returns.
    pub fn apply(&self, revocation: Revocation, now: Timestamp) {
        match revocation {
            Revocation::SessionEnded { id, until } => {
                self.sessions.pin().insert(id, until);
                sweep(&self.sessions, |until| *until > now);
            }
            Revocation::AccountEnded { subject, at, until } => {
                self.add(subject, Account { ended_at: Some(at), changed: None, until }, now);
            }
            Revocation::ClaimsChanged { subject, at, claims, until } => {
                // Security: claims of another account admit nobody to this one.
                let account = match claims.text("sub") == Some(&*subject) {
                    true => {
                        let changed = Some(Changed {
                            at,
                            claims: Arc::new(claims),
                            generation: generation(),
                        });
                        Account { ended_at: None, changed, until }
                    }
                    false => Account { ended_at: Some(at), changed: None, until },
                };
                self.add(subject, account, now);
            }
        }
    }

    /// Says whether the revocations are complete. They are at first.
    pub fn set_feed(&self, feed: Feed) {
        self.is_stale.store(feed == Feed::Stale, Ordering::Release);
    }

    /// Whether the revocations are complete.
    pub fn feed(&self) -> Feed {
        match self.is_stale.load(Ordering::Acquire) {
            true => Feed::Stale,
            false => Feed::Fresh,
        }
    }

    /// Whether this session was ended by its id. What happened to its account is not known by it.
    pub fn has_ended_id(&self, id: SessionId) -> bool {
        !self.sessions.is_empty() && self.sessions.pin().contains_key(&id)
    }

    /// Whether the session was ended, by its id or with its account.
    pub fn has_ended(&self, session: &Session) -> bool {
        self.has_ended_id(session.id) || self.has_ended_with_account(&session.identity)
    }

    fn has_ended_with_account(&self, identity: &Identity) -> bool {
        if self.accounts.is_empty() {
            return false;
        }
        let accounts = self.accounts.pin();
        let ended_at = accounts.get(&identity.subject).and_then(|account| account.ended_at);
        ended_at.is_some_and(|at| identity.issued_at <= at)
    }

    /// Gives `identity` the claims that its account has by now.
    pub(super) fn renew(&self, identity: &mut Identity) {
        if self.accounts.is_empty() {
            return;
        }
        let accounts = self.accounts.pin();
        let changed = accounts.get(&identity.subject).and_then(|account| account.changed.as_ref());
        let Some(changed) = changed.filter(|changed| identity.issued_at <= changed.at) else {
            return;
        };
        let claims = Claims::clone(&changed.claims);
        let renewed = Identity::new(&identity.subject, claims, identity.issued_at);
        *identity = Identity {
            display_name: identity.display_name.take(),
            signed_in_at: identity.signed_in_at,
            claims_generation: changed.generation,
            ..renewed
        };
    }

    /// Adds to what is known of an account. The feed may bring entries in any order.
    fn add(&self, subject: Arc<str>, new: Account, now: Timestamp) {
        let merged = |known: &Account| Account {
            ended_at: known.ended_at.max(new.ended_at),
            changed: [&known.changed, &new.changed]
                .into_iter()
                .flatten()
                .max_by_key(|changed| changed.at)
                .cloned(),
            until: known.until.max(new.until),
        };
        self.accounts.pin().update_or_insert_with(subject, merged, || new.clone());
        sweep(&self.accounts, |account| account.until > now);
    }
}

/// Forgets what is of no more use, now and then: revoking is rare and looking is not, so the sweep is
/// paid for by those who revoke.
fn sweep<K: Hash + Eq, V>(map: &HashMap<K, V>, matters: impl Fn(&V) -> bool) {
    let map = map.pin();
    if map.len().is_multiple_of(SWEEP_EVERY) {
        map.retain(|_, value| matters(value));
    }
}

#[cfg(test)]
mod tests {
    use super::super::lifecycle::{Dead, live};
    use super::super::sealed_cookie::{OpenedCookie, SessionSeal, tests as given};
    use super::*;
    use serde_json::{Value, json};

    const NOW: Timestamp = Timestamp(1_800_000_000);
    const UNTIL: Timestamp = Timestamp(1_800_050_400);
    /// When the id_token of [`session`] was issued.
    const BEGUN: Timestamp = Timestamp(1_799_999_990);

    fn seal() -> SessionSeal {
        SessionSeal::new(&given::ring(1), &given::settings(None))
    }

    fn session() -> Session {
        let mut identity = given::identity(json!({"org_id": "old"}));
        identity.issued_at = BEGUN;
        identity.display_name = Some("Ann".into());
        seal().begin(identity, NOW).unwrap()
    }

    fn opened(session: &Session) -> OpenedCookie {
        seal().open(&seal().seal(session, "a").unwrap(), "a").unwrap()
    }

    fn state(revocations: &Revocations, session: &Session) -> Result<(), Dead> {
        live(opened(session), revocations, NOW).map(drop)
    }

    fn ended_at(subject: &str, at: Timestamp) -> Revocation {
        Revocation::AccountEnded { subject: subject.into(), at, until: UNTIL }
    }

    fn changed(at: Timestamp, claims: &Value) -> Revocation {
        let claims = Claims::new(claims.as_object().unwrap().clone());
        Revocation::ClaimsChanged { subject: "001.ab".into(), at, claims, until: UNTIL }
    }

    #[test]
    fn a_session_ends_alone() {
        let (revocations, one, other) = (Revocations::default(), session(), session());
        revocations.apply(Revocation::SessionEnded { id: one.id, until: UNTIL }, NOW);
        assert_eq!(state(&revocations, &one), Err(Dead::Ended));
        assert_eq!(state(&revocations, &other), Ok(()));
    }

    #[test]
    fn an_account_ends_with_every_session_that_began_by_then() {
        let session = session();
        for (at, expected) in [
            (BEGUN.0 - 1, Ok(())),
            // The id_token's own `iat` counts, not when we saw it; the same second ends.
            (BEGUN.0, Err(Dead::Ended)),
            (BEGUN.0 + 1, Err(Dead::Ended)),
        ] {
            let revocations = Revocations::default();
            revocations.apply(ended_at("001.ab", Timestamp(at)), NOW);
            assert_eq!(state(&revocations, &session), expected, "{at}");
        }
        let revocations = Revocations::default();
        revocations.apply(ended_at("002", NOW), NOW);
        assert_eq!(state(&revocations, &session), Ok(()));
    }

    #[test]
    fn changed_claims_are_decided_on_at_once() {
        let revocations = Revocations::default();
        let session = session();
        let claims = json!({"sub": "001.ab", "email": "ann@new.example", "email_verified": true});
        revocations.apply(changed(Timestamp(BEGUN.0 - 1), &claims), NOW);
        let before = live(opened(&session), &revocations, NOW).unwrap();
        assert_eq!(before.session().identity.claims, session.identity.claims);
        revocations.apply(changed(BEGUN, &claims), NOW);
        let live = live(opened(&session), &revocations, NOW).unwrap();
        let identity = &live.session().identity;
        assert_eq!(identity.address.verified(), Some("ann@new.example"));
        assert_eq!(identity.claims.get("org_id"), None);
        // Who signed in, and when, is as it was.
        assert_eq!(identity.display_name.as_deref(), Some("Ann"));
        assert_eq!((identity.issued_at, identity.signed_in_at), (BEGUN, NOW));
        assert_ne!(identity.claims_generation, 0);
        assert_eq!(live.session().id, session.id);
    }

    #[test]
    fn entries_of_one_account_add_up_in_any_order() {
        let revocations = Revocations::default();
        let session = session();
        let claims = |org: &str| json!({"sub": "001.ab", "org_id": org});
        revocations.apply(changed(NOW, &claims("newest")), NOW);
        revocations.apply(changed(BEGUN, &claims("older")), NOW);
        revocations.apply(ended_at("001.ab", Timestamp(BEGUN.0 - 1)), NOW);
        let alive = live(opened(&session), &revocations, NOW).unwrap();
        assert_eq!(alive.session().identity.claims.text("org_id"), Some("newest"));
        revocations.apply(ended_at("001.ab", BEGUN), NOW);
        revocations.apply(ended_at("001.ab", Timestamp(BEGUN.0 - 5)), NOW);
        assert_eq!(state(&revocations, &session), Err(Dead::Ended));
    }

    #[test]
    fn claims_of_another_account_end_the_session_instead_of_changing_it() {
        let revocations = Revocations::default();
        revocations.apply(changed(NOW, &json!({"sub": "002", "org_id": "x"})), NOW);
        assert_eq!(state(&revocations, &session()), Err(Dead::Ended));
    }

    #[test]
    fn a_stale_feed_takes_no_session_for_alive() {
        let (revocations, one, other) = (Revocations::default(), session(), session());
        revocations.apply(Revocation::SessionEnded { id: one.id, until: UNTIL }, NOW);
        revocations.set_feed(Feed::Stale);
        assert_eq!(state(&revocations, &one), Err(Dead::Ended));
        assert_eq!(state(&revocations, &other), Err(Dead::FeedStale));
        revocations.set_feed(Feed::Fresh);
        assert_eq!(state(&revocations, &other), Ok(()));
    }

    #[test]
    fn only_what_has_expired_is_forgotten() {
        let revocations = Revocations::default();
        let first = session();
        let end = |id, until, now| {
            revocations.apply(Revocation::SessionEnded { id, until }, now);
        };
        end(first.id, UNTIL, NOW);
        revocations.apply(ended_at("first", NOW), NOW);
        let mut last = first.clone();
        for number in 0..600 {
            last = session();
            let later = Timestamp(UNTIL.0 + 1);
            end(last.id, Timestamp(UNTIL.0 + 2), later);
            let subject = number.to_string().into();
            let until = Timestamp(UNTIL.0 + 2);
            revocations.apply(Revocation::AccountEnded { subject, at: NOW, until }, later);
        }
        assert!(!revocations.has_ended_id(first.id));
        assert!(revocations.has_ended_id(last.id));
        let accounts = revocations.accounts.pin();
        assert_eq!((accounts.contains_key("first"), accounts.contains_key("599")), (false, true));
    }
}
