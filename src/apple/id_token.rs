//! Checking an id_token, in full and before any claim of it is used (`apple.md` §7).
//!
//! Security: the algorithm is fixed here, the key is one of Apple's by its exact id, and no member
//! of the header can change either (T15). A claim that is read has its one type or the token is
//! refused; a claim that is not read may be anything (T16).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::json;
use super::keys::KeySet;
use super::shown::shown;
use crate::base::secret::{Secret, same};
use crate::base::time::Timestamp;
use crate::identity::{Claims, Identity};
use crate::telemetry::Code;

/// How far our clock and Apple's may differ.
const LEEWAY: Duration = Duration::from_secs(60);

const TOKEN_LIMIT_BYTES: usize = 16 * 1024;
/// Bytes of `sub` (OpenID Connect Core §2).
const SUBJECT_LIMIT_BYTES: usize = 255;

/// What the token must say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expectations<'a> {
    /// The one issuer, `idp_provider_url`.
    pub(super) issuer: &'a str,
    /// Our Services ID.
    pub(super) client_id: &'a str,
    /// The nonce of the attempt.
    pub(super) nonce: &'a str,
    /// The access token that came along.
    pub(super) access_token: &'a Secret,
}

/// Proof that an id_token was checked. There is one way to get one, [`verify`], and it is used up
/// when it becomes an [`Identity`].
#[derive(Debug)]
pub struct VerifiedIdToken {
    subject: String,
    issued_at: Timestamp,
    claims: Map<String, Value>,
}

impl VerifiedIdToken {
    /// The person whom the token describes.
    pub fn into_identity(self) -> Identity {
        Identity::new(&self.subject, Claims::new(self.claims), self.issued_at)
    }
}

/// Why an id_token is refused, with what an operator needs to see; never the token or the nonce.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// It is not a signed token at all.
    #[error("it is not a signed token: {0}")]
    Malformed(&'static str),
    /// Another algorithm than RS256.
    #[error("it is signed by {alg}, not RS256")]
    Algorithm {
        /// What the header says.
        alg: String,
    },
    /// Its key is not among Apple's.
    #[error("its key {kid} is not among the known ones ({})", known.join(", "))]
    UnknownKey {
        /// As the token names it; not for showing.
        raw_kid: String,
        /// The same, escaped.
        kid: String,
        /// The ids that are known.
        known: Vec<String>,
    },
    /// The signature is not by that key.
    #[error("its signature is not by key {kid} (RS256)")]
    Signature {
        /// As the token names it; not for showing.
        raw_kid: String,
        /// The same, escaped.
        kid: String,
    },
    /// It is signed, but meant for something else.
    #[error("it is a notification, not an id_token")]
    Notification,
    /// A claim that is missing, of another type, or out of bounds.
    #[error("its claim `{name}` {problem}")]
    Claim {
        /// Which one.
        name: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// By another issuer.
    #[error("its issuer is {actual}, only {expected} is accepted")]
    Issuer {
        /// What is accepted.
        expected: String,
        /// What it says.
        actual: String,
    },
    /// For another client.
    #[error("it is meant for {actual}, not for {expected}")]
    Audience {
        /// Our Services ID.
        expected: String,
        /// What it says.
        actual: String,
    },
    /// Past its end.
    #[error("it expired {seconds} s ago by this machine's clock; check the clock")]
    Expired {
        /// Since when.
        seconds: i64,
    },
    /// Not begun yet.
    #[error("it begins in {seconds} s by this machine's clock; check the clock")]
    FromTheFuture {
        /// Until when.
        seconds: i64,
    },
    /// Not of this attempt.
    #[error("its nonce is not the one of this attempt")]
    Nonce,
    /// Not of this access token.
    #[error("its `at_hash` does not fit the access token")]
    AccessTokenHash,
}

impl IdTokenError {
    /// The stable word for it in log lines.
    pub fn code(&self) -> Code {
        match self {
            Self::Malformed(_) => Code::IdTokenMalformed,
            Self::Algorithm { .. } => Code::AlgorithmRefused,
            Self::UnknownKey { .. } => Code::UnknownKey,
            Self::Signature { .. } => Code::SignatureBad,
            Self::Notification => Code::NotAnIdToken,
            Self::Claim { .. } => Code::ClaimInvalid,
            Self::Issuer { .. } => Code::IssuerMismatch,
            Self::Audience { .. } => Code::AudienceMismatch,
            Self::Expired { .. } => Code::IdTokenExpired,
            Self::FromTheFuture { .. } => Code::IdTokenFromTheFuture,
            Self::Nonce => Code::NonceMismatch,
            Self::AccessTokenHash => Code::AccessTokenHashMismatch,
        }
    }

    /// The id of the key, where newer keys might change the answer.
    pub(super) fn kid_to_look_for(&self) -> Option<&str> {
        match self {
            Self::UnknownKey { raw_kid, .. } | Self::Signature { raw_kid, .. } => Some(raw_kid),
            _ => None,
        }
    }
}

/// Checks everything about `token` that can be checked at the moment `now`.
///
/// # Errors
/// With the first thing that is wrong.
pub(super) fn verify(
    token: &str,
    keys: &KeySet,
    expected: Expectations<'_>,
    now: Timestamp,
) -> Result<VerifiedIdToken, IdTokenError> {
    let parts = Parts::of(token)?;
    check_signature(&parts, keys)?;
    let claims = json::read_object(&parts.payload)
        .ok_or(IdTokenError::Malformed("the payload is not a plain JSON object"))?;
    // Invariant: nothing above reads a claim, nothing below trusts one that was not checked.
    if claims.contains_key("events") {
        return Err(IdTokenError::Notification);
    }
    check_issuer(&claims, expected.issuer)?;
    check_audience(&claims, expected.client_id)?;
    let issued_at = check_times(&claims, now)?;
    // Missing is different, whatever `nonce_supported` says (T21).
    let nonce = claims.get("nonce").and_then(Value::as_str).unwrap_or_default();
    if expected.nonce.is_empty() || !same(nonce, expected.nonce) {
        return Err(IdTokenError::Nonce);
    }
    check_access_token_hash(&claims, expected.access_token)?;
    let subject = check_subject(&claims)?;
    Ok(VerifiedIdToken { subject, issued_at, claims })
}

/// A compact JWS (RFC 7515 §7.1), taken apart and decoded.
struct Parts<'a> {
    header: Map<String, Value>,
    payload: Vec<u8>,
    signature: Vec<u8>,
    /// Header and payload as they were signed.
    message: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(token: &'a str) -> Result<Self, IdTokenError> {
        let malformed = IdTokenError::Malformed;
        if token.len() > TOKEN_LIMIT_BYTES {
            return Err(malformed("it is longer than 16 KiB"));
        }
        let three = "it has not exactly three parts";
        let (message, signature) = token.rsplit_once('.').ok_or(malformed(three))?;
        let (header, payload) = message.split_once('.').ok_or(malformed(three))?;
        // A fourth part would leave a dot in the payload, which is not base64url.
        let decode = |part: &str| {
            URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed("a part is not base64url"))
        };
        let header = json::read_object(&decode(header)?)
            .ok_or(malformed("the header is not a plain JSON object"))?;
        Ok(Self {
            header,
            payload: decode(payload)?,
            signature: decode(signature)?,
            message: message.as_bytes(),
        })
    }
}

fn check_signature(parts: &Parts<'_>, keys: &KeySet) -> Result<(), IdTokenError> {
    let text = |name: &str| parts.header.get(name).and_then(Value::as_str);
    if text("alg") != Some("RS256") {
        return Err(IdTokenError::Algorithm { alg: written(parts.header.get("alg")) });
    }
    // What these ask for we do not do, and RFC 7515 §4.1.11 wants it refused then. Members that
    // bring or name a key (`jwk`, `jku`, `x5c`, `x5u`) are simply not read.
    if ["crit", "b64", "enc", "zip"].iter().any(|name| parts.header.contains_key(*name)) {
        return Err(IdTokenError::Malformed("its header asks for something that we do not do"));
    }
    let raw_kid = text("kid").filter(|kid| !kid.is_empty());
    let raw_kid = raw_kid.ok_or(IdTokenError::Malformed("its header names no key"))?.to_owned();
    let kid = shown(&raw_kid);
    if !keys.contains(&raw_kid) {
        return Err(IdTokenError::UnknownKey { raw_kid, kid, known: keys.kids() });
    }
    if !keys.verifies(&raw_kid, parts.message, &parts.signature) {
        return Err(IdTokenError::Signature { raw_kid, kid });
    }
    Ok(())
}

fn check_issuer(claims: &Map<String, Value>, expected: &str) -> Result<(), IdTokenError> {
    let actual = required_text(claims, "iss")?;
    if actual != expected {
        return Err(IdTokenError::Issuer { expected: expected.to_owned(), actual: shown(actual) });
    }
    Ok(())
}

fn check_audience(claims: &Map<String, Value>, expected: &str) -> Result<(), IdTokenError> {
    let wrong = |actual: &Value| IdTokenError::Audience {
        expected: expected.to_owned(),
        actual: written(Some(actual)),
    };
    let audience = claims.get("aud").ok_or(missing("aud"))?;
    let only = match audience {
        Value::String(only) => Some(only),
        Value::Array(several) => match several.as_slice() {
            [Value::String(only)] => Some(only),
            _ => None,
        },
        _ => None,
    };
    if only.is_none_or(|only| only != expected) {
        return Err(wrong(audience));
    }
    // Apple sends no `azp`; whoever does must mean us (OpenID Connect Core §3.1.3.7).
    match claims.get("azp") {
        Some(party) if party.as_str() != Some(expected) => Err(wrong(party)),
        _ => Ok(()),
    }
}

/// Checks `exp`, `iat` and `nbf`; gives back `iat`.
fn check_times(claims: &Map<String, Value>, now: Timestamp) -> Result<Timestamp, IdTokenError> {
    let expires_at = required_time(claims, "exp")?;
    let issued_at = required_time(claims, "iat")?;
    let not_before = match claims.get("nbf") {
        None => issued_at,
        Some(_) => required_time(claims, "nbf")?,
    };
    if expires_at <= now.minus(LEEWAY) {
        return Err(IdTokenError::Expired { seconds: now.seconds_since(expires_at) });
    }
    let begins_at = issued_at.max(not_before);
    if begins_at > now.plus(LEEWAY) {
        return Err(IdTokenError::FromTheFuture { seconds: begins_at.seconds_since(now) });
    }
    Ok(issued_at)
}

/// OpenID Connect Core §3.1.3.6, for RS256: the left half of SHA-256.
fn check_access_token_hash(
    claims: &Map<String, Value>,
    access_token: &Secret,
) -> Result<(), IdTokenError> {
    if !claims.contains_key("at_hash") {
        return Ok(());
    }
    let hash = required_text(claims, "at_hash")?;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, access_token.expose());
    let half = digest.as_ref().first_chunk::<16>().ok_or(IdTokenError::AccessTokenHash)?;
    if same(hash, URL_SAFE_NO_PAD.encode(half)) {
        Ok(())
    } else {
        Err(IdTokenError::AccessTokenHash)
    }
}

fn check_subject(claims: &Map<String, Value>) -> Result<String, IdTokenError> {
    let subject = required_text(claims, "sub")?;
    let problem = if subject.is_empty() {
        "is empty"
    } else if subject.len() > SUBJECT_LIMIT_BYTES {
        "is longer than 255 bytes"
    } else if !subject.bytes().all(|byte| byte.is_ascii_graphic()) {
        "has characters other than visible ASCII"
    } else {
        return Ok(subject.to_owned());
    };
    Err(IdTokenError::Claim { name: "sub", problem })
}

fn missing(name: &'static str) -> IdTokenError {
    IdTokenError::Claim { name, problem: "is missing" }
}

fn required_text<'a>(
    claims: &'a Map<String, Value>,
    name: &'static str,
) -> Result<&'a str, IdTokenError> {
    let value = claims.get(name).ok_or(missing(name))?;
    value.as_str().ok_or(IdTokenError::Claim { name, problem: "is not text" })
}

/// Whole seconds since 1970. A fraction, an exponent, text or null is not a time here, and never "no
/// time given".
fn required_time(
    claims: &Map<String, Value>,
    name: &'static str,
) -> Result<Timestamp, IdTokenError> {
    let value = claims.get(name).ok_or(missing(name))?;
    let seconds = value.as_i64().filter(|seconds| *seconds >= 0);
    let problem = "is not a whole number of seconds since 1970";
    seconds.map(Timestamp).ok_or(IdTokenError::Claim { name, problem })
}

fn written(value: Option<&Value>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(Value::String(text)) => shown(text),
        Some(other) => shown(other.to_string()),
    }
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "tokens are ASCII")]
mod tests;
