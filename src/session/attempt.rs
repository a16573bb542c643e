//! One attempt to sign in, from the authenticate host to Apple and back. Everything that the
//! callback needs is sealed in a cookie of its own (SameSite=None, because Apple's form comes from
//! another site), so several tabs never overwrite each other and nothing is stored here.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Session;
use super::link::{BrowserHash, SignInLink};
use super::return_address::{OurHosts, ReturnAddress, Written as WrittenAddress};
use crate::base::ids::SessionId;
use crate::base::random;
use crate::base::seal::{Ring, Sealer, digest};
use crate::base::secret;
use crate::base::time::Timestamp;

/// How long Apple's answer is waited for.
pub const LIFETIME: Duration = Duration::from_secs(600);

/// How long the cookie stays, so that a late or repeated answer still finds its address.
pub const REMEMBERED: Duration = Duration::from_secs(3_600);

/// Names of attempt cookies begin with this; a short digest of `state` follows.
pub const COOKIE_PREFIX: &str = "__Host-russet_attempt_";

/// Most attempts of one browser, and most bytes of their cookies together: with the session cookie
/// they must stay under the 8 KiB that nginx takes for a header line.
const MOST: usize = 8;
const MOST_BYTES: usize = 3_584;

/// An attempt under way.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Goes to Apple and comes back; binds the answer to this browser.
    pub state: String,
    /// Goes to Apple and comes back inside the id_token.
    pub nonce: String,
    /// Where the person wanted to go.
    pub return_to: ReturnAddress,
    /// The browser that asked, for the ticket.
    pub browser: BrowserHash,
    /// When it began.
    pub begun_at: Timestamp,
    /// Whether its answer has come already.
    pub used: bool,
    /// The session that its answer led to.
    pub led_to: Option<LedTo>,
}

/// Names a session that an attempt led to. The session cookie itself does not come along with
/// Apple's form, and this does: it says who this browser is signed in as already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedTo {
    /// The session's id.
    pub id: SessionId,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

impl From<&Session> for LedTo {
    fn from(session: &Session) -> Self {
        Self { id: session.id, expires_at: session.expires_at }
    }
}

#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(rename = "s")]
    state: String,
    #[serde(rename = "n")]
    nonce: String,
    #[serde(rename = "r")]
    return_to: WrittenAddress,
    #[serde(rename = "b")]
    browser: String,
    #[serde(rename = "t")]
    begun_at: i64,
    #[serde(rename = "u", default, skip_serializing_if = "std::ops::Not::not")]
    used: bool,
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    led_to: Option<([u8; 16], i64)>,
}

impl Attempt {
    /// A new attempt on behalf of a checked link.
    pub fn begin(link: SignInLink, now: Timestamp) -> Self {
        Self {
            state: random::token(),
            nonce: random::token(),
            return_to: link.return_to,
            browser: link.browser,
            begun_at: now,
            used: false,
            led_to: None,
        }
    }

    /// Whether Apple's answer still counts.
    pub fn is_open(&self, now: Timestamp) -> bool {
        !self.used && now < self.begun_at.plus(LIFETIME) && self.begun_at <= now.plus(LIFETIME)
    }

    /// The name of the cookie of the attempt with this `state`.
    pub fn cookie_name(state: &str) -> String {
        let name: String = digest(state).chars().take(10).collect();
        format!("{COOKIE_PREFIX}{name}")
    }
}

/// Seals and opens attempts.
#[derive(Debug)]
pub struct Attempts {
    sealer: Sealer,
}

impl Attempts {
    /// Seals with `ring` (`cookie_secret`).
    pub fn new(ring: &Ring) -> Self {
        Self { sealer: ring.sealer("attempt") }
    }

    /// The cookie value of an attempt at `host` (the authenticate host, without port).
    pub fn seal(&self, attempt: &Attempt, host: &str) -> Option<String> {
        let written = Written {
            state: attempt.state.clone(),
            nonce: attempt.nonce.clone(),
            return_to: attempt.return_to.written(),
            browser: attempt.browser.0.clone(),
            begun_at: attempt.begun_at.0,
            used: attempt.used,
            led_to: attempt.led_to.map(|led_to| (*led_to.id.as_bytes(), led_to.expires_at.0)),
        };
        let plain = serde_json::to_vec(&written).ok()?;
        self.sealer.seal(&[&Attempt::cookie_name(&attempt.state), host], &plain)
    }

    /// Opens the cookie `name` that came to `host`.
    pub fn open(
        &self,
        name: &str,
        value: &str,
        host: &str,
        is_ours: OurHosts<'_>,
    ) -> Option<Attempt> {
        let plain = self.sealer.open(&[name, host], value)?;
        let written: Written = serde_json::from_slice(&plain).ok()?;
        Some(Attempt {
            return_to: written.return_to.read(is_ours)?,
            state: written.state,
            nonce: written.nonce,
            browser: BrowserHash(written.browser),
            begun_at: Timestamp(written.begun_at),
            used: written.used,
            led_to: written.led_to.map(|(id, expires_at)| LedTo {
                id: SessionId::from_bytes(id),
                expires_at: Timestamp(expires_at),
            }),
        })
    }

    /// The attempt that Apple's answer with this `state` is for, among a browser's cookies.
    pub fn matching<'a>(
        &self,
        state: &str,
        cookies: impl Iterator<Item = (&'a str, &'a str)>,
        host: &str,
        is_ours: OurHosts<'_>,
    ) -> Option<Attempt> {
        let name = Attempt::cookie_name(state);
        cookies
            .filter(|(cookie, _)| *cookie == name)
            .filter_map(|(cookie, value)| self.open(cookie, value, host, is_ours))
            .find(|attempt| secret::same(&attempt.state, state))
    }
}

/// An attempt cookie that a browser holds.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its name.
    pub name: String,
    /// Bytes of its name and value.
    pub bytes: usize,
    /// What it holds; `None` where it does not open.
    pub attempt: Option<Attempt>,
}

/// Which of the cookies must go so that a new one of `new_bytes` fits: those that do not open
/// first, then used ones, then the oldest.
pub fn to_drop(mut held: Vec<Held>, new_bytes: usize) -> Vec<Held> {
    held.sort_by_key(|cookie| {
        cookie.attempt.as_ref().map(|attempt| (!attempt.used, attempt.begun_at))
    });
    let mut bytes = new_bytes + held.iter().map(|cookie| cookie.bytes).sum::<usize>();
    let mut count = 1 + held.len();
    let mut out = Vec::new();
    for cookie in held {
        if count <= MOST && bytes <= MOST_BYTES {
            break;
        }
        count -= 1;
        bytes -= cookie.bytes;
        out.push(cookie);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sealed_cookie::tests::ring;
    use super::*;
    use crate::wire::host::Authority;

    const NOW: Timestamp = Timestamp(1_800_000_000);
    const OURS: OurHosts<'static> = &|_| true;

    fn attempt(path: &str, begun_at: i64) -> Attempt {
        let app = Authority::parse("app.example.com").unwrap();
        let return_to = ReturnAddress::of_request(&app, path, OURS).unwrap();
        let link = SignInLink { return_to, browser: BrowserHash::of("b"), since: None };
        Attempt::begin(link, Timestamp(begun_at))
    }

    #[test]
    fn t19_an_attempt_is_found_by_its_state_in_its_own_cookie_alone() {
        let attempts = Attempts::new(&ring(1));
        let (one, two) = (attempt("/1", NOW.0), attempt("/2", NOW.0));
        let name = |a: &Attempt| Attempt::cookie_name(&a.state);
        let value = |a: &Attempt| attempts.seal(a, "auth").unwrap();
        let jar = [(name(&one), value(&one)), (name(&two), value(&two))];
        let cookies = || jar.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let found = attempts.matching(&two.state, cookies(), "auth", OURS).unwrap();
        assert_eq!(found.return_to.path_and_query, "/2");
        assert!(attempts.matching("other", cookies(), "auth", OURS).is_none());
        assert!(attempts.matching(&two.state, cookies(), "elsewhere", OURS).is_none());
        // A cookie moved under another name does not open.
        let moved = [(name(&two), value(&one))];
        let moved = moved.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        assert!(attempts.matching(&two.state, moved, "auth", OURS).is_none());
    }

    #[test]
    fn an_answer_counts_for_ten_minutes_and_once() {
        let mut attempt = attempt("/", NOW.0);
        assert!(attempt.is_open(NOW.plus(Duration::from_secs(599))));
        assert!(!attempt.is_open(NOW.plus(LIFETIME)));
        attempt.used = true;
        assert!(!attempt.is_open(NOW));
    }

    #[test]
    fn a_used_attempt_names_the_session_that_it_led_to() {
        let mut used = attempt("/", NOW.0);
        used.used = true;
        used.led_to = Some(LedTo { id: SessionId::fresh(), expires_at: NOW });
        let attempts = Attempts::new(&ring(1));
        let (name, value) = (Attempt::cookie_name(&used.state), attempts.seal(&used, "a").unwrap());
        let opened = attempts.open(&name, &value, "a", OURS).unwrap();
        assert!(opened.used);
        assert_eq!(opened.led_to, used.led_to);
    }

    #[test]
    fn a_cookie_with_the_longest_address_is_about_three_kib() {
        let long = attempt(&format!("/{}", "a".repeat(2_024)), NOW.0);
        let value = Attempts::new(&ring(1)).seal(&long, "auth.example.com").unwrap();
        assert!(value.len() < 3_200, "{}", value.len());
    }

    #[test]
    fn unreadable_used_and_old_attempts_make_room_in_this_order() {
        let held = |name: &str, bytes, attempt| Held { name: name.into(), bytes, attempt };
        let mut used = attempt("/used", 50);
        used.used = true;
        let mut cookies: Vec<Held> =
            (0..6).map(|n| held(&format!("a{n}"), 100, Some(attempt("/", 10 + n)))).collect();
        cookies.push(held("used", 100, Some(used)));
        cookies.push(held("junk", 100, None));
        let names = |out: Vec<Held>| out.into_iter().map(|c| c.name).collect::<Vec<_>>();
        assert_eq!(names(to_drop(cookies.clone(), 100)), ["junk"]);
        assert_eq!(names(to_drop(cookies.clone(), 3_000)), ["junk", "used", "a0"]);
        cookies.truncate(3);
        assert!(to_drop(cookies, 100).is_empty());
    }
}
