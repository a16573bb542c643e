//! The client secret: a short-lived ES256 token by which Apple knows us, minted when it is needed
//! and looked into when Apple does not like it.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use serde_json::{Map, Value};

use super::settings::{ClientSecretSource, KeyIdentity, Settings};
use super::shown::shown;
use super::{json, shape};
use crate::base::lock::lock;
use crate::base::secret::Secret;
use crate::base::time::Timestamp;

/// The longest time that Apple lets a client secret live, counted from Apple's present.
pub const LONGEST: Duration = Duration::from_secs(15_777_000);

/// A secret of our own is dated back, because one from Apple's future is refused.
const BACKDATED: Duration = Duration::from_secs(60);
const LIFETIME: Duration = Duration::from_secs(300);
/// How long one secret serves further calls.
const KEPT: Duration = Duration::from_secs(120);

/// The key does not sign.
#[derive(Debug, thiserror::Error)]
#[error("the client secret cannot be signed")]
pub struct MintError(#[from] jsonwebtoken::errors::Error);

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
    exp: i64,
    aud: &'a str,
    sub: &'a str,
}

/// Mints a client secret of `client_id` for the provider at `audience`, good from a minute before
/// `now` (clocks differ) until `expires_at`.
///
/// # Errors
/// When the key does not sign, which a key that was read as one always does.
pub fn mint(
    identity: &KeyIdentity,
    client_id: &str,
    audience: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<Secret, MintError> {
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(identity.key_id.clone());
    let claims = Claims {
        iss: &identity.team_id,
        iat: now.minus(BACKDATED).0,
        exp: expires_at.0,
        aud: audience,
        sub: client_id,
    };
    let key = EncodingKey::from_ec_der(identity.key.pkcs8());
    Ok(Secret::new(jsonwebtoken::encode(&header, &claims, &key)?))
}

/// Gives the client secret of one configuration, a new one whenever the last is two minutes old.
#[derive(Debug)]
pub(super) struct ClientSecrets {
    source: ClientSecretSource,
    client_id: String,
    audience: String,
    last: Mutex<Option<(Timestamp, Secret)>>,
}

impl ClientSecrets {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            source: settings.client_secret.clone(),
            client_id: settings.client_id.clone(),
            audience: settings.provider_url.clone(),
            last: Mutex::new(None),
        }
    }

    pub(super) fn current(&self, now: Timestamp) -> Result<Secret, MintError> {
        let identity = match &self.source {
            ClientSecretSource::Ready(secret) => return Ok(secret.clone()),
            ClientSecretSource::Key(identity) => identity,
        };
        let mut last = lock(&self.last);
        // A clock that went backwards makes a new one, too.
        if let Some((minted_at, secret)) = &*last
            && (*minted_at..minted_at.plus(KEPT)).contains(&now)
        {
            return Ok(secret.clone());
        }
        let secret = mint(identity, &self.client_id, &self.audience, now, now.plus(LIFETIME))?;
        *last = Some((now, secret.clone()));
        Ok(secret)
    }
}

/// What stands in a client secret; nothing in here is secret, for the signature is left out.
#[derive(Debug)]
pub struct Inspection {
    /// The members of the header; empty where it cannot be read.
    pub header: Map<String, Value>,
    /// The claims; empty where they cannot be read.
    pub claims: Map<String, Value>,
    /// `iat`, where it is a whole number.
    pub issued_at: Option<Timestamp>,
    /// `exp`, where it is a whole number.
    pub expires_at: Option<Timestamp>,
    /// What Apple would not like about it; empty when all is well.
    pub problems: Vec<Problem>,
}

/// Something that makes Apple answer `invalid_client`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No three parts of base64url, or no JSON in them.
    #[error("it is not a client secret: that is three parts of base64url with dots between them")]
    NotAToken,
    /// A sample value.
    #[error("it is a placeholder")]
    Placeholder,
    /// Another algorithm.
    #[error("`alg` is {0}; Apple wants ES256")]
    Algorithm(String),
    /// A missing or odd Key ID.
    #[error("`kid` is {0}; a Key ID is ten capital letters and digits")]
    KeyId(String),
    /// A missing or odd Team ID.
    #[error("`iss` is {0}; a Team ID is ten capital letters and digits")]
    TeamId(String),
    /// A missing or odd Services ID.
    #[error("`sub` is {0}; it must be the Services ID, like com.example.wiki")]
    ClientId(String),
    /// For somebody else.
    #[error("`aud` is {actual}; it must be the text \"{expected}\" and nothing else")]
    Audience {
        /// What Apple wants.
        expected: String,
        /// What is there.
        actual: String,
    },
    /// A time that is missing or no whole number.
    #[error("`{name}` is {actual}; it must be a whole number of seconds since 1970")]
    Time {
        /// `iat` or `exp`.
        name: &'static str,
        /// What is there.
        actual: String,
    },
    /// Past its end.
    #[error("it expired at {0}; mint a new one")]
    Expired(Timestamp),
    /// Not begun yet, which Apple takes amiss by the second.
    #[error("`iat` is {0}, which is still to come: the clock that minted it was ahead")]
    FromTheFuture(Timestamp),
    /// Good for too long.
    #[error("it is good until {0}; Apple allows 15777000 s (six months) from now")]
    TooLong(Timestamp),
    /// A signature in the form of X.509 instead of JOSE.
    #[error("its signature is in DER form; JOSE wants the two numbers alone, 64 bytes")]
    DerSignature,
    /// A signature of another size.
    #[error("its signature has {0} bytes; one of ES256 has 64")]
    SignatureLength(usize),
}

/// Looks into a client secret meant for the provider at `audience`. The signature is measured, not
/// checked: that takes the key.
pub fn inspect(token: &str, audience: &str, now: Timestamp) -> Inspection {
    let token = token.trim();
    let unreadable = |problem| Inspection {
        header: Map::new(),
        claims: Map::new(),
        issued_at: None,
        expires_at: None,
        problems: vec![problem],
    };
    if shape::is_placeholder(token) {
        return unreadable(Problem::Placeholder);
    }
    let Some(Parts { header, claims, signature }) = Parts::of(token) else {
        return unreadable(Problem::NotAToken);
    };
    let time = |name: &str| claims.get(name).and_then(Value::as_i64).map(Timestamp);
    let mut found = Inspection {
        issued_at: time("iat"),
        expires_at: time("exp"),
        header,
        claims,
        problems: Vec::new(),
    };
    found.problems.extend(found.problems_of_names(audience));
    found.problems.extend(found.problems_of_times(now));
    found.problems.extend(problem_of_signature(&signature));
    found
}

struct Parts {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    signature: Vec<u8>,
}

impl Parts {
    fn of(token: &str) -> Option<Self> {
        let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let (header, claims, signature) = (parts.next()??, parts.next()??, parts.next()??);
        let (header, claims) = (json::read_object(&header)?, json::read_object(&claims)?);
        parts.next().is_none().then_some(Self { header, claims, signature })
    }
}

impl Inspection {
    fn problems_of_names(&self, audience: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let header = |name| self.header.get(name);
        let claim = |name| self.claims.get(name);
        if text(header("alg")) != Some("ES256") {
            problems.push(Problem::Algorithm(written(header("alg"))));
        }
        if !text(header("kid")).is_some_and(shape::is_ten_characters) {
            problems.push(Problem::KeyId(written(header("kid"))));
        }
        if !text(claim("iss")).is_some_and(shape::is_ten_characters) {
            problems.push(Problem::TeamId(written(claim("iss"))));
        }
        if !text(claim("sub")).is_some_and(shape::is_services_id) {
            problems.push(Problem::ClientId(written(claim("sub"))));
        }
        if text(claim("aud")) != Some(audience) {
            let actual = written(claim("aud"));
            problems.push(Problem::Audience { expected: audience.to_owned(), actual });
        }
        problems
    }

    fn problems_of_times(&self, now: Timestamp) -> Vec<Problem> {
        let mut problems = Vec::new();
        let missing = |name| Problem::Time { name, actual: written(self.claims.get(name)) };
        match self.issued_at {
            None => problems.push(missing("iat")),
            Some(at) if at > now => problems.push(Problem::FromTheFuture(at)),
            Some(_) => {}
        }
        match self.expires_at {
            None => problems.push(missing("exp")),
            Some(at) if at <= now => problems.push(Problem::Expired(at)),
            Some(at) if at > now.plus(LONGEST) => problems.push(Problem::TooLong(at)),
            Some(_) => {}
        }
        problems
    }
}

impl fmt::Display for Inspection {
    /// `kid ABC123DEFG, iss TEAM123456, ...`: for one log line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kid {}", written(self.header.get("kid")))?;
        for name in ["iss", "sub", "aud"] {
            write!(f, ", {name} {}", written(self.claims.get(name)))?;
        }
        for (name, at) in [("iat", self.issued_at), ("exp", self.expires_at)] {
            match at {
                Some(at) => write!(f, ", {name} {at}")?,
                None => write!(f, ", {name} {}", written(self.claims.get(name)))?,
            }
        }
        Ok(())
    }
}

fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str)
}

/// A value as an operator may read it.
fn written(value: Option<&Value>) -> String {
    match value {
        None => "missing".to_owned(),
        Some(Value::String(text)) => shown(text),
        Some(other) => shown(other.to_string()),
    }
}

fn problem_of_signature(signature: &[u8]) -> Option<Problem> {
    match signature {
        [0x30, rest @ ..] if (67..=71).contains(&rest.len()) => Some(Problem::DerSignature),
        other if other.len() != 64 => Some(Problem::SignatureLength(other.len())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apple::testing::{
        CLIENT_ID, ISSUER, NOW, key_identity, part, public_point, settings,
    };
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED, EcdsaKeyPair, UnparsedPublicKey,
    };
    use serde_json::json;

    fn day(days: i64) -> Timestamp {
        Timestamp(NOW.0 + days * 86_400)
    }

    #[test]
    fn a_minted_secret_is_what_apple_wants() {
        let identity = key_identity();
        let secret = mint(&identity, CLIENT_ID, ISSUER, NOW, day(180)).unwrap();
        let token = secret.expose_str().unwrap();
        let Parts { header, claims, signature } = Parts::of(token).unwrap();
        assert_eq!(
            Value::Object(header),
            json!({"typ": "JWT", "alg": "ES256", "kid": "ABC123DEFG"})
        );
        let expected = json!({
            "iss": "TEAM123456", "iat": NOW.0 - 60, "exp": day(180).0, "aud": ISSUER,
            "sub": CLIENT_ID,
        });
        assert_eq!(Value::Object(claims), expected);
        let message = token.rsplit_once('.').unwrap().0;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public_point(&identity.key))
            .verify(message.as_bytes(), &signature)
            .unwrap();
        assert_eq!(inspect(token, ISSUER, NOW).problems, []);
    }

    #[test]
    fn a_secret_serves_two_minutes_and_lives_five() {
        let secrets = ClientSecrets::new(&settings(ISSUER));
        let at = |seconds: i64| {
            let secret = secrets.current(Timestamp(NOW.0 + seconds)).unwrap();
            let found = inspect(secret.expose_str().unwrap(), ISSUER, NOW);
            (found.issued_at.unwrap().0 - NOW.0, found.expires_at.unwrap().0 - NOW.0)
        };
        assert_eq!(at(0), (-60, 300));
        assert_eq!(at(119), (-60, 300));
        assert_eq!(at(120), (60, 420));
        // T45: the clock jumps back a day.
        assert_eq!(at(-86_400), (-86_460, -86_100));
    }

    #[test]
    fn a_ready_made_secret_is_given_as_it_is() {
        let mut settings = settings(ISSUER);
        settings.client_secret = ClientSecretSource::Ready(Secret::new("a.b.c"));
        assert_eq!(ClientSecrets::new(&settings).current(NOW).unwrap().expose(), b"a.b.c");
    }

    /// A secret with one thing changed, and what is said about it.
    fn problems(change: impl Fn(&mut Value, &mut Value, &mut Vec<u8>)) -> Vec<Problem> {
        let mut header = json!({"alg": "ES256", "kid": "ABC123DEFG"});
        let mut claims = json!({
            "iss": "TEAM123456", "iat": NOW.0, "exp": NOW.0 + 300, "aud": ISSUER, "sub": CLIENT_ID,
        });
        let mut signature = vec![1; 64];
        change(&mut header, &mut claims, &mut signature);
        let signature = URL_SAFE_NO_PAD.encode(signature);
        let token =
            format!("{}.{}.{signature}", part(&header.to_string()), part(&claims.to_string()));
        inspect(&format!(" {token}\n"), ISSUER, NOW).problems
    }

    #[test]
    fn whatever_is_wrong_with_a_secret_is_named() {
        assert_eq!(problems(|_, _, _| ()), []);
        let text = str::to_owned;
        type Change = fn(&mut Value, &mut Value, &mut Vec<u8>);
        let cases: Vec<(Change, Problem)> = vec![
            (|h, _, _| h["alg"] = json!("HS256"), Problem::Algorithm(text("HS256"))),
            (|h, _, _| h["alg"] = Value::Null, Problem::Algorithm(text("null"))),
            (|h, _, _| h["kid"] = json!("abc\n"), Problem::KeyId(text("abc\\n"))),
            (|_, c, _| c["iss"] = json!(ISSUER), Problem::TeamId(text(ISSUER))),
            (|_, c, _| c["sub"] = json!("YOUR"), Problem::ClientId(text("YOUR"))),
            (
                |_, c, _| c["aud"] = json!("https://appleid.apple.com/"),
                Problem::Audience { expected: text(ISSUER), actual: format!("{ISSUER}/") },
            ),
            (
                |_, c, _| c["aud"] = json!([ISSUER]),
                Problem::Audience {
                    expected: text(ISSUER),
                    actual: text("[\\\"https://appleid.apple.com\\\"]"),
                },
            ),
            (|_, c, _| c["exp"] = json!(NOW.0), Problem::Expired(NOW)),
            (
                |_, c, _| c["exp"] = json!(NOW.0 + 15_777_001),
                Problem::TooLong(Timestamp(NOW.0 + 15_777_001)),
            ),
            (|_, c, _| c["iat"] = json!(NOW.0 + 1), Problem::FromTheFuture(Timestamp(NOW.0 + 1))),
            (
                |_, c, _| c["exp"] = json!("soon"),
                Problem::Time { name: "exp", actual: text("soon") },
            ),
            (|_, c, _| c["iat"] = json!(1.5), Problem::Time { name: "iat", actual: text("1.5") }),
            (|_, _, s| s.truncate(63), Problem::SignatureLength(63)),
            (
                |_, _, s| {
                    let alg = &ECDSA_P256_SHA256_ASN1_SIGNING;
                    let pair = EcdsaKeyPair::generate(alg).unwrap();
                    *s = pair.sign(&SystemRandom::new(), b"x").unwrap().as_ref().to_vec();
                },
                Problem::DerSignature,
            ),
        ];
        for (change, expected) in cases {
            assert_eq!(problems(change), [expected]);
        }
        assert_eq!(problems(|_, c, _| c["exp"] = json!(NOW.0 + 15_777_000)), []);
        for (token, expected) in [
            ("YOUR_CLIENT_SECRET", Problem::Placeholder),
            ("", Problem::NotAToken),
            ("a.b", Problem::NotAToken),
            ("e30.e30.AA.AA", Problem::NotAToken),
            ("e30=.e30.AA", Problem::NotAToken),
            ("W10.e30.AA", Problem::NotAToken),
        ] {
            assert_eq!(inspect(token, ISSUER, NOW).problems, [expected], "{token}");
        }
    }

    #[test]
    fn the_log_form_names_everything_but_the_signature() {
        let secret = mint(&key_identity(), CLIENT_ID, ISSUER, NOW, day(1)).unwrap();
        let token = secret.expose_str().unwrap();
        assert_eq!(
            inspect(token, ISSUER, NOW).to_string(),
            "kid ABC123DEFG, iss TEAM123456, sub com.example.wiki, aud https://appleid.apple.com, \
             iat 2027-01-15T07:59:00Z, exp 2027-01-16T08:00:00Z"
        );
    }
}
