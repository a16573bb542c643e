//! The id_token: what a proper one says, and every way in which one can be wrong.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::books::Account;
use super::faults::IdTokenFault;
use super::keys::{SigningKey, unknown_kid};
use crate::base::random;
use crate::base::time::Timestamp;

/// How long an id_token is good for, as samples since 2022 have it.
const LIFETIME_SECONDS: i64 = 86_400;

/// What one id_token is made for.
pub(super) struct IdToken<'a> {
    pub issuer: &'a str,
    pub account: &'a Account,
    pub now: Timestamp,
    pub nonce: Option<&'a str>,
    /// When the person was asked; absent after a refresh.
    pub auth_time: Option<Timestamp>,
    /// `at_hash` or `c_hash`, and what it is a hash of.
    pub bound_to: (&'static str, &'a str),
}

impl IdToken<'_> {
    /// The signed token, with what `faults` make of it.
    pub(super) fn sign(&self, key: &SigningKey, faults: &[IdTokenFault]) -> String {
        let mut header = json!({"kid": key.kid, "alg": "RS256"});
        let mut claims = Value::Object(self.claims());
        let mut signature = Signature::Proper;
        for fault in faults {
            match fault {
                IdTokenFault::Header { members } => merge(&mut header, members),
                IdTokenFault::UnknownKid => set(&mut header, "kid", json!(unknown_kid())),
                IdTokenFault::AlgNone => {
                    set(&mut header, "alg", json!("none"));
                    signature = Signature::Absent;
                }
                IdTokenFault::HmacWithPublicKey => {
                    set(&mut header, "alg", json!("HS256"));
                    signature = Signature::Forged;
                }
                IdTokenFault::BadSignature => signature = Signature::Damaged,
                IdTokenFault::Verbatim { id_token } => return id_token.clone(),
                of_claims => self.bend(&mut claims, of_claims),
            }
        }
        let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", encode(&header), encode(&claims));
        let signature = signature.over(message.as_bytes(), key);
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn claims(&self) -> Map<String, Value> {
        let mut claims = self.account.claims.as_ref().clone();
        if !self.account.email_granted {
            for claim in ["email", "email_verified", "is_private_email"] {
                claims.remove(claim);
            }
        }
        let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        put("iss", json!(self.issuer));
        put("aud", json!(self.account.client_id));
        put("iat", json!(self.now.0));
        put("exp", json!(self.now.0.saturating_add(LIFETIME_SECONDS)));
        put(self.bound_to.0, json!(left_half_hash(self.bound_to.1)));
        if let Some(nonce) = self.nonce {
            put("nonce", json!(nonce));
        }
        put("nonce_supported", json!(true));
        if let Some(at) = self.auth_time {
            // A person may have one of their own, for tests of its age.
            claims.entry("auth_time").or_insert(json!(at.0));
        }
        claims
    }

    fn bend(&self, claims: &mut Value, fault: &IdTokenFault) {
        let seconds = |from_now: i64| json!(self.now.0.saturating_add(from_now));
        match fault {
            IdTokenFault::Set { claims: others } => {
                for (name, value) in others {
                    set(claims, name, value.clone());
                }
            }
            IdTokenFault::Remove { claims: names } => {
                for name in names {
                    remove(claims, name);
                }
            }
            IdTokenFault::WrongAudience => set(claims, "aud", json!("com.example.somebody-else")),
            IdTokenFault::WrongIssuer => set(claims, "iss", json!("https://account.apple.com")),
            IdTokenFault::OtherNonce => set(claims, "nonce", json!(random::token())),
            IdTokenFault::WrongAccessTokenHash => {
                set(claims, "at_hash", json!(left_half_hash("another access token")));
            }
            IdTokenFault::Expired => {
                set(claims, "iat", seconds(-LIFETIME_SECONDS - 3_600));
                set(claims, "exp", seconds(-3_600));
            }
            IdTokenFault::FromTheFuture => {
                set(claims, "iat", seconds(3_600));
                set(claims, "exp", seconds(LIFETIME_SECONDS + 3_600));
            }
            // Those of header and signature: `sign` has seen to them.
            IdTokenFault::Header { .. }
            | IdTokenFault::UnknownKid
            | IdTokenFault::AlgNone
            | IdTokenFault::HmacWithPublicKey
            | IdTokenFault::BadSignature
            | IdTokenFault::Verbatim { .. } => {}
        }
    }
}

enum Signature {
    Proper,
    Absent,
    Forged,
    Damaged,
}

impl Signature {
    fn over(&self, message: &[u8], key: &SigningKey) -> Vec<u8> {
        match self {
            Self::Proper => key.sign(message),
            Self::Absent => Vec::new(),
            Self::Forged => key.forge(message),
            Self::Damaged => {
                let mut signature = key.sign(message);
                if let Some(byte) = signature.last_mut() {
                    *byte ^= 1;
                }
                signature
            }
        }
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(members) = object {
        members.insert(name.to_owned(), value);
    }
}

fn remove(object: &mut Value, name: &str) {
    if let Value::Object(members) = object {
        members.remove(name);
    }
}

fn merge(object: &mut Value, members: &Map<String, Value>) {
    for (name, value) in members {
        match value {
            Value::Null => remove(object, name),
            value => set(object, name, value.clone()),
        }
    }
}

/// `at_hash` and `c_hash` (OpenID Connect Core §3.1.3.6): the left half of SHA-256, base64url.
fn left_half_hash(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    let half = hash.as_ref().first_chunk::<16>().copied().unwrap_or_default();
    URL_SAFE_NO_PAD.encode(half)
}
