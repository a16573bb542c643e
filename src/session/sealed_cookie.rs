//! The session cookie: sealed, self-contained, four KiB at most whatever the claims hold. It binds
//! its name and its host, so a cookie of one host is worth nothing on another.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Session, Settings};
use crate::base::ids::SessionId;
use crate::base::seal::{Ring, Sealer, sealed_length};
use crate::base::time::Timestamp;
use crate::identity::{Claims, Identity};

/// Longest sealed value: with name and attributes a cookie stays under 4 096 bytes, the most that
/// every browser keeps (RFC 6265 §6.1).
pub const VALUE_BYTES: usize = 3_584;

/// Claims that policies rest on: never left out.
const KEPT: [&str; 5] = ["sub", "email", "email_verified", "is_private_email", "org_id"];

/// Longest list of names of claims left out, in bytes; beyond it, every absent claim is unknown.
const OMITTED_BYTES: usize = 512;

/// Seals and opens session cookies.
#[derive(Debug)]
pub struct SessionSeal {
    sealer: Sealer,
    cookie_name: String,
    cookie_domain: Option<String>,
    lifetime: Duration,
}

/// Proof that a cookie of this host opened. Says nothing yet about whether the session is alive:
/// [`super::lifecycle`] does.
#[derive(Debug)]
pub struct OpenedCookie {
    pub(super) session: Session,
}

/// The person's claims cannot be sealed: those that must be kept are too long by themselves.
#[derive(Debug, thiserror::Error)]
#[error("the claims that must be kept (sub, email, org_id) are too long for a cookie")]
pub struct TooLong;

/// The sealed form. Short names, because every byte counts.
#[derive(Serialize, Deserialize)]
pub(super) struct Written {
    #[serde(rename = "i")]
    id: [u8; 16],
    #[serde(rename = "b")]
    begun_at: i64,
    #[serde(rename = "e")]
    expires_at: i64,
    #[serde(rename = "t")]
    issued_at: i64,
    #[serde(rename = "c")]
    claims: Map<String, Value>,
    #[serde(rename = "o", default, skip_serializing_if = "Vec::is_empty")]
    omitted: Vec<Box<str>>,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    display_name: Option<Box<str>>,
}

impl SessionSeal {
    /// Seals with `ring`, as `settings` say.
    pub fn new(ring: &Ring, settings: &Settings) -> Self {
        Self {
            sealer: ring.sealer("session"),
            cookie_name: settings.cookie.name.clone(),
            cookie_domain: settings.cookie.domain.clone(),
            lifetime: settings.lifetime,
        }
    }

    /// Begins a session for somebody who has just signed in. Claims that do not fit are left out,
    /// largest first, and their names noted.
    ///
    /// # Errors
    /// [`TooLong`] when even the claims that must be kept do not fit.
    pub fn begin(&self, mut identity: Identity, now: Timestamp) -> Result<Session, TooLong> {
        shrink(&mut identity)?;
        identity.signed_in_at = identity.issued_at.max(now);
        Ok(Session {
            id: SessionId::fresh(),
            identity,
            begun_at: now,
            expires_at: now.plus(self.lifetime),
        })
    }

    /// The cookie value for `host` (without port).
    pub fn seal(&self, session: &Session, host: &str) -> Option<String> {
        let plain = serde_json::to_vec(&Written::of(session)).ok()?;
        self.sealer.seal(&[&self.cookie_name, self.bound_host(host)], &plain)
    }

    /// Opens a cookie value that came to `host` (without port).
    pub fn open(&self, value: &str, host: &str) -> Option<OpenedCookie> {
        if value.len() > VALUE_BYTES {
            return None;
        }
        let plain = self.sealer.open(&[&self.cookie_name, self.bound_host(host)], value)?;
        let written: Written = serde_json::from_slice(&plain).ok()?;
        Some(OpenedCookie { session: written.into_session() })
    }

    /// Opens whichever of several cookies of our name does. Security: if more than one session
    /// opens, nobody is signed in, because one of them was planted (T39).
    pub fn open_only<'a>(
        &self,
        values: impl Iterator<Item = &'a str>,
        host: &str,
    ) -> Option<OpenedCookie> {
        let mut opened: Option<OpenedCookie> = None;
        for value in values {
            let Some(next) = self.open(value, host) else { continue };
            match &opened {
                Some(first) if first.session.id != next.session.id => return None,
                _ => opened = Some(next),
            }
        }
        opened
    }

    fn bound_host<'a>(&'a self, host: &'a str) -> &'a str {
        self.cookie_domain.as_deref().unwrap_or(host)
    }
}

impl Written {
    pub(super) fn of(session: &Session) -> Self {
        let identity = &session.identity;
        Self {
            id: *session.id.as_bytes(),
            begun_at: session.begun_at.0,
            expires_at: session.expires_at.0,
            issued_at: identity.issued_at.0,
            claims: identity.claims.as_map().clone(),
            omitted: identity.omitted.clone(),
            display_name: identity.display_name.clone(),
        }
    }

    pub(super) fn into_session(self) -> Session {
        let claims = Claims::new(self.claims);
        let subject = claims.text("sub").unwrap_or_default().to_owned();
        let mut identity = Identity::new(&subject, claims, Timestamp(self.issued_at));
        identity.omitted = self.omitted;
        identity.display_name = self.display_name;
        identity.signed_in_at = identity.issued_at.max(Timestamp(self.begun_at));
        Session {
            id: SessionId::from_bytes(self.id),
            identity,
            begun_at: Timestamp(self.begun_at),
            expires_at: Timestamp(self.expires_at),
        }
    }
}

/// Leaves claims out, largest first, until the session fits its cookie.
fn shrink(identity: &mut Identity) -> Result<(), TooLong> {
    while sealed_length(written_length(identity)) > VALUE_BYTES {
        let largest = identity
            .claims
            .iter()
            .filter(|(name, _)| !KEPT.contains(name))
            .max_by_key(|(name, value)| name.len() + value.to_string().len())
            .map(|(name, _)| name.to_owned());
        let Some(name) = largest else { return Err(TooLong) };
        identity.claims.remove(&name);
        identity.omitted.push(name.into());
        if identity.omitted.iter().map(|name| name.len()).sum::<usize>() > OMITTED_BYTES {
            identity.omitted = vec![Identity::EVERY_OTHER.into()];
        }
    }
    Ok(())
}

fn written_length(identity: &Identity) -> usize {
    let session = Session {
        id: SessionId::from_bytes([255; 16]),
        identity: identity.clone(),
        begun_at: Timestamp(i64::MAX),
        expires_at: Timestamp(i64::MAX),
    };
    serde_json::to_vec(&Written::of(&session)).map_or(usize::MAX, |plain| plain.len())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::base::secret::Secret;
    use crate::session::CookieSettings;
    use serde_json::json;

    pub(in crate::session) fn ring(byte: u8) -> Ring {
        Ring::new(vec![Secret::new([byte; 32])]).unwrap()
    }

    pub(in crate::session) fn settings(domain: Option<&str>) -> Settings {
        let domain = domain.map(str::to_owned);
        Settings {
            cookie: CookieSettings { domain, ..CookieSettings::default() },
            ..Settings::default()
        }
    }

    pub(in crate::session) fn identity(extra: Value) -> Identity {
        let mut members = json!({"sub": "001.ab", "email": "ann@corp.example",
            "email_verified": true});
        members.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        Identity::new("001.ab", Claims::new(members.as_object().unwrap().clone()), Timestamp(5))
    }

    fn seal(byte: u8) -> SessionSeal {
        SessionSeal::new(&ring(byte), &settings(None))
    }

    const NOW: Timestamp = Timestamp(1_800_000_000);

    #[test]
    fn w3_a_cookie_opens_on_its_own_host_alone() {
        let seal = seal(1);
        let session = seal.begin(identity(json!({})), NOW).unwrap();
        let value = seal.seal(&session, "app.example.com").unwrap();
        let opened = seal.open(&value, "app.example.com").unwrap().session;
        assert_eq!(opened.id, session.id);
        assert_eq!(opened.identity.address.verified(), Some("ann@corp.example"));
        assert_eq!(opened.expires_at, NOW.plus(Duration::from_secs(50_400)));
        assert!(seal.open(&value, "other.example.com").is_none());
        assert!(
            SessionSeal::new(&ring(2), &settings(None)).open(&value, "app.example.com").is_none()
        );
    }

    #[test]
    fn t45_somebody_signed_in_when_the_later_of_the_two_clocks_says() {
        let seal = seal(1);
        for (issued_at, signed_in_at) in [
            (NOW.minus(Duration::from_secs(3_600)), NOW),
            (NOW.plus(Duration::from_secs(50)), NOW.plus(Duration::from_secs(50))),
        ] {
            let claims = identity(json!({})).claims;
            let session = seal.begin(Identity::new("001.ab", claims, issued_at), NOW).unwrap();
            let value = seal.seal(&session, "a").unwrap();
            let opened = seal.open(&value, "a").unwrap().session.identity;
            assert_eq!((opened.issued_at, opened.signed_in_at), (issued_at, signed_in_at));
            assert_eq!(session.identity.signed_in_at, signed_in_at);
        }
    }

    #[test]
    fn with_a_cookie_domain_it_opens_on_every_host_of_it() {
        let seal = SessionSeal::new(&ring(1), &settings(Some("example.com")));
        let session = seal.begin(identity(json!({})), NOW).unwrap();
        let value = seal.seal(&session, "a.example.com").unwrap();
        assert!(seal.open(&value, "b.example.com").is_some());
    }

    #[test]
    fn t40_whatever_the_claims_hold_the_cookie_fits_and_says_what_it_left_out() {
        let seal = seal(1);
        let huge = json!({"big": "x".repeat(9_000), "small": "y", "list": vec!["z"; 2_000]});
        let session = seal.begin(identity(huge), NOW).unwrap();
        let value = seal.seal(&session, "a").unwrap();
        assert!(value.len() <= VALUE_BYTES, "{}", value.len());
        let opened = seal.open(&value, "a").unwrap().session.identity;
        assert_eq!(opened.claims.text("small"), Some("y"));
        assert!(opened.is_omitted("big") && opened.is_omitted("list"));
        assert!(!opened.is_omitted("small") && !opened.is_omitted("absent"));
    }

    #[test]
    fn t40_thousands_of_claims_end_as_one_mark() {
        let many: Map<String, Value> =
            (0..5_000).map(|n| (format!("claim_number_{n}"), json!(n))).collect();
        let seal = seal(1);
        let session = seal.begin(identity(Value::Object(many)), NOW).unwrap();
        assert!(seal.seal(&session, "a").unwrap().len() <= VALUE_BYTES);
        assert!(session.identity.is_omitted("claim_number_4999"));
        assert!(!session.identity.is_omitted("email"));
    }

    #[test]
    fn t40_an_address_too_long_to_keep_is_an_error_and_no_silent_loss() {
        let long = json!({"email": format!("{}@corp.example", "a".repeat(4_000))});
        assert!(seal(1).begin(identity(long), NOW).is_err());
    }

    #[test]
    fn t39_of_several_cookies_one_that_opens_wins_only_if_it_is_the_only_one() {
        let seal = seal(1);
        let value = |seal: &SessionSeal| {
            let session = seal.begin(identity(json!({})), NOW).unwrap();
            seal.seal(&session, "a").unwrap()
        };
        let (mine, planted) = (value(&seal), value(&seal));
        let open = |values: &[&str]| seal.open_only(values.iter().copied(), "a").is_some();
        assert!(open(&["garbage", &mine]));
        assert!(open(&[&mine, ""]));
        assert!(open(&[&mine, &mine]));
        assert!(!open(&[&mine, &planted]));
        assert!(!open(&[&planted, "garbage", &mine]));
    }
}
