//! The assertion that tells an application who asks: a JWT signed by us, as Pomerium documents it
//! (`X-Pomerium-Jwt-Assertion`), and the key set to check it with.
//!
//! Signing costs more than the rest of handling a request, so a token serves one session and
//! host for a minute before a new one is signed.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use aws_lc_rs::{agreement, digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::base::bounded_map::{BoundedMap, WhenFull};
use crate::base::ids::{self, RequestId, SessionId};
use crate::base::lock::lock;
use crate::base::seal::Ring;
use crate::base::time::Timestamp;
use crate::gateway::state::settings::SigningKeySource;
use crate::identity::Identity;
use crate::policy::Groups;
use crate::session::Session;

/// How long an assertion is good, as in Pomerium.
const LIFETIME_SECONDS: i64 = 300;
/// How long one token is given out again.
const REUSED: Duration = Duration::from_secs(60);
/// Most tokens that one worker keeps.
const CACHED: usize = 4_096;

/// Claims that the configuration cannot override.
const BASE_CLAIMS: [&str; 11] =
    ["iss", "aud", "jti", "iat", "exp", "sub", "user", "email", "groups", "sid", "name"];

/// A signing key could not be used.
#[derive(Debug, thiserror::Error)]
#[error("a signing key is not usable: {0}")]
pub struct KeyProblem(&'static str);

/// The signing keys: the first signs, all are published.
#[derive(Debug)]
pub struct SigningKeys {
    first: Key,
    jwks: String,
    /// Tells the keys of one plan from those of the next.
    generation: u64,
}

#[derive(Debug)]
struct Key {
    pair: Pair,
    /// `header` part of every token, encoded.
    header: String,
    jwk: Value,
}

#[derive(Debug)]
enum Pair {
    Ec(EcdsaKeyPair),
    Rsa(Box<RsaKeyPair>),
}

impl SigningKeys {
    /// The configured keys, or one derived from `shared_secret`, so that replicas publish the same.
    ///
    /// # Errors
    /// When a key is not one that we can sign with.
    pub fn new(configured: &[SigningKeySource], shared_secret: &Ring) -> Result<Self, KeyProblem> {
        let mut keys = configured.iter().map(Key::configured).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            keys.push(Key::derived(shared_secret)?);
        }
        let jwks = json!({"keys": keys.iter().map(|key| &key.jwk).collect::<Vec<_>>()});
        let first = keys.into_iter().next().ok_or(KeyProblem("none"))?;
        Ok(Self { first, jwks: jwks.to_string(), generation: ids::generation() })
    }

    /// The published key set.
    pub fn jwks(&self) -> &str {
        &self.jwks
    }

    /// Signs an assertion for the route host.
    fn sign(&self, claims: &Map<String, Value>) -> Option<String> {
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).ok()?);
        let message = format!("{}.{payload}", self.first.header);
        let signature = match &self.first.pair {
            Pair::Ec(pair) => {
                let signed = pair.sign(&rand::SystemRandom::new(), message.as_bytes()).ok()?;
                URL_SAFE_NO_PAD.encode(signed)
            }
            Pair::Rsa(pair) => {
                let mut signed = vec![0; pair.public_modulus_len()];
                let random = rand::SystemRandom::new();
                pair.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signed).ok()?;
                URL_SAFE_NO_PAD.encode(signed)
            }
        };
        Some(format!("{message}.{signature}"))
    }
}

impl Key {
    fn configured(source: &SigningKeySource) -> Result<Self, KeyProblem> {
        match source {
            SigningKeySource::Ec(der) => {
                EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der.expose())
                    .map_err(|_| KeyProblem("not an EC P-256 key"))
                    .and_then(Self::ec)
            }
            SigningKeySource::Rsa(der) => {
                let pair = RsaKeyPair::from_der(der.expose())
                    .or_else(|_| RsaKeyPair::from_pkcs8(der.expose()))
                    .map_err(|_| KeyProblem("not an RSA key"))?;
                Self::rsa(pair)
            }
        }
    }

    fn derived(shared_secret: &Ring) -> Result<Self, KeyProblem> {
        // A scalar out of range has a chance of 2^-32; the next counter gives another.
        for counter in 0..8 {
            let scalar = shared_secret.derived("assertion signing key", counter);
            let private =
                agreement::PrivateKey::from_private_key(&agreement::ECDH_P256, scalar.expose());
            let public = private.ok().and_then(|key| key.compute_public_key().ok());
            let Some(public) = public else { continue };
            let pair = EcdsaKeyPair::from_private_key_and_public_key(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                scalar.expose(),
                public.as_ref(),
            );
            return pair.map_err(|_| KeyProblem("derivation failed")).and_then(Self::ec);
        }
        Err(KeyProblem("derivation failed"))
    }

    fn ec(pair: EcdsaKeyPair) -> Result<Self, KeyProblem> {
        let point = pair.public_key().as_ref().to_vec();
        let (x, y) = match point.get(1..65).map(|rest| rest.split_at(32)) {
            Some(halves) if point.first() == Some(&4) => halves,
            _ => return Err(KeyProblem("not an uncompressed P-256 point")),
        };
        let members = json!({
            "crv": "P-256", "kty": "EC",
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        });
        Ok(Self::new(Pair::Ec(pair), "ES256", members))
    }

    fn rsa(pair: RsaKeyPair) -> Result<Self, KeyProblem> {
        if pair.public_modulus_len() < 256 {
            return Err(KeyProblem("an RSA key needs 2048 bits"));
        }
        let public = pair.public_key();
        let members = json!({
            "e": URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
            "kty": "RSA",
            "n": URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
        });
        Ok(Self::new(Pair::Rsa(Box::new(pair)), "RS256", members))
    }

    /// `kid` is the hexadecimal thumbprint of the key (RFC 7638), as in Pomerium. The thumbprint
    /// wants the members in alphabetical order, which is how `serde_json` keeps them.
    fn new(pair: Pair, algorithm: &str, members: Value) -> Self {
        let thumbprint = digest::digest(&digest::SHA256, members.to_string().as_bytes());
        let mut key_id = String::new();
        for byte in thumbprint.as_ref() {
            let _ = write!(key_id, "{byte:02x}");
        }
        let header = json!({"alg": algorithm, "kid": key_id, "typ": "JWT"}).to_string();
        let mut jwk = members;
        if let Some(jwk) = jwk.as_object_mut() {
            jwk.insert("use".to_owned(), "sig".into());
            jwk.insert("alg".to_owned(), algorithm.into());
            jwk.insert("kid".to_owned(), key_id.into());
        }
        Self { pair, header: URL_SAFE_NO_PAD.encode(header), jwk }
    }
}

/// What the assertion and `/.pomerium/user` say of a person: the base claims, then those named in
/// `jwt_claims_headers`, with their JSON types kept.
pub fn person<'a>(
    session: &Session,
    groups: &Groups,
    configured: impl Iterator<Item = &'a str>,
) -> Map<String, Value> {
    let identity = &session.identity;
    let mut claims = Map::new();
    for name in configured.filter(|name| !BASE_CLAIMS.contains(name)) {
        if let Some(value) = identity.claims.get(name) {
            claims.insert(name.to_owned(), value.clone());
        }
    }
    claims.insert("sub".to_owned(), Value::from(&*identity.subject));
    claims.insert("user".to_owned(), Value::from(&*identity.subject));
    claims.insert("email".to_owned(), verified_email(identity).into());
    claims.insert("groups".to_owned(), groups.of(identity).into());
    claims.insert("sid".to_owned(), session.id.to_string().into());
    claims.insert("name".to_owned(), identity.display_name.as_deref().unwrap_or_default().into());
    claims
}

/// The address for an application. Security: one that Apple does not vouch for is not passed on,
/// because applications take it for the account.
pub fn verified_email(identity: &Identity) -> &str {
    identity.address.verified().unwrap_or_default()
}

/// One worker's assertions, by session and route host. A full cache forgets its oldest.
#[derive(Debug)]
pub struct AssertionCache {
    signed: Mutex<BoundedMap<Place, Signed>>,
}

/// What an assertion is for. What goes into it follows from the plan, too: another plan has keys of
/// another generation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    session: SessionId,
    claims: u64,
    keys: u64,
    host: Arc<str>,
}

/// An assertion that was signed.
#[derive(Clone, Debug)]
struct Signed {
    at: Timestamp,
    token: Arc<str>,
}

impl Default for AssertionCache {
    fn default() -> Self {
        Self { signed: Mutex::new(BoundedMap::new(CACHED, WhenFull::ForgetOldest)) }
    }
}

impl AssertionCache {
    /// The assertion for a session at a route host: a kept one if it is young, else a new one that
    /// says what `person` does.
    pub fn get(
        &self,
        keys: &SigningKeys,
        session: &Session,
        host: &str,
        now: Timestamp,
        person: impl FnOnce() -> Map<String, Value>,
    ) -> Option<Arc<str>> {
        let place = Place {
            session: session.id,
            claims: session.identity.claims_generation,
            keys: keys.generation,
            host: Arc::from(host),
        };
        let mut cache = lock(&self.signed);
        // A clock that went backwards has a new one signed: none is given out before its `iat`.
        if let Some(signed) = cache.find(&place, now).filter(|signed| signed.at <= now) {
            return Some(Arc::clone(&signed.token));
        }
        let mut claims = person();
        claims.insert("iss".to_owned(), host.into());
        claims.insert("aud".to_owned(), host.into());
        claims.insert("jti".to_owned(), RequestId::fresh().to_string().into());
        claims.insert("iat".to_owned(), now.0.into());
        claims.insert("exp".to_owned(), now.0.saturating_add(LIFETIME_SECONDS).into());
        let token: Arc<str> = keys.sign(&claims)?.into();
        cache.insert(place, Signed { at: now, token: Arc::clone(&token) }, now.plus(REUSED), now);
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;
    use crate::identity::Claims;

    fn ring() -> Ring {
        Ring::new(vec![Secret::new([9; 32])]).unwrap()
    }

    fn session() -> Session {
        let claims = json!({"sub": "001", "email": "ann@corp.example", "email_verified": true,
            "is_private_email": false, "exp": 1});
        let claims = Claims::new(claims.as_object().unwrap().clone());
        Session {
            id: SessionId::from_bytes([1; 16]),
            identity: Identity::new("001", claims, Timestamp(0)),
            begun_at: Timestamp(0),
            expires_at: Timestamp(1_000),
        }
    }

    fn decoded(keys: &SigningKeys, token: &str) -> Value {
        let jwks: jsonwebtoken::jwk::JwkSet = serde_json::from_str(keys.jwks()).unwrap();
        let header = jsonwebtoken::decode_header(token).unwrap();
        let jwk = jwks.find(header.kid.as_deref().unwrap()).unwrap();
        let mut validation = jsonwebtoken::Validation::new(header.alg);
        validation.set_audience(&["app.example.com"]);
        validation.validate_exp = false;
        let key = jsonwebtoken::DecodingKey::from_jwk(jwk).unwrap();
        jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap().claims
    }

    /// A reload may change keys, groups and claims headers.
    #[test]
    fn an_assertion_of_another_plan_or_of_former_claims_is_not_given_out() {
        let cache = AssertionCache::default();
        let [one, other] = [(); 2].map(|()| SigningKeys::new(&[], &ring()).unwrap());
        let get = |keys: &SigningKeys, session: &Session| {
            cache.get(keys, session, "app.example.com", Timestamp(100), Map::new).unwrap()
        };
        let before = session();
        let mut changed = session();
        changed.identity.claims_generation = ids::generation();
        let first = get(&one, &before);
        assert_eq!(first, get(&one, &before));
        assert_ne!(first, get(&other, &before));
        assert_ne!(first, get(&one, &changed));
    }

    #[test]
    fn another_library_verifies_the_assertion_and_types_are_kept() {
        let keys = SigningKeys::new(&[], &ring()).unwrap();
        let cache = AssertionCache::default();
        let get = |now| {
            let named = ["is_private_email", "exp", "absent"].into_iter();
            let groups = Groups::default();
            let (session, host) = (session(), "app.example.com");
            let said = || person(&session, &groups, named);
            cache.get(&keys, &session, host, Timestamp(now), said).unwrap()
        };
        let token = get(100);
        let claims = decoded(&keys, &token);
        assert_eq!(claims["is_private_email"], json!(false));
        assert_eq!((&claims["exp"], &claims["aud"]), (&json!(400), &json!("app.example.com")));
        assert_eq!(claims["email"], "ann@corp.example");
        assert_eq!(claims["groups"], json!([]));
        assert!(claims.get("absent").is_none());
        assert_eq!(get(159), token);
        assert_ne!(get(160), token);
        // The clock went backwards.
        assert_eq!(decoded(&keys, &get(150))["iat"], json!(150));
    }

    #[test]
    fn a_full_cache_forgets_its_oldest_and_keeps_the_new_one() {
        let keys = SigningKeys::new(&[], &ring()).unwrap();
        let cache =
            AssertionCache { signed: Mutex::new(BoundedMap::new(2, WhenFull::ForgetOldest)) };
        let get =
            |host: &str| cache.get(&keys, &session(), host, Timestamp(100), Map::new).unwrap();
        let first = get("a.example.com");
        let kept = ["b.example.com", "c.example.com"].map(|host| (host, get(host)));
        for (host, token) in kept {
            assert_eq!(get(host), token);
        }
        assert_ne!(get("a.example.com"), first);
    }

    #[test]
    fn groups_are_those_of_the_file_whatever_the_token_says() {
        let mut told = crate::base::diagnostic::Diagnostics::default();
        let mut builder = crate::policy::GroupsBuilder::default();
        let at = crate::base::node::Place::default();
        for (group, member) in
            [("b", "ANN@corp.example"), ("a", "domain:corp.example"), ("c", "sub:002")]
        {
            builder.member((group, at), (member, at), &mut told);
        }
        let groups = builder.finish(&mut told);
        let mut session = session();
        let said =
            |session: &Session| person(session, &groups, ["groups"].into_iter())["groups"].clone();
        assert_eq!(said(&session), json!(["a", "b"]));
        let claims = json!({"sub": "001", "email": "ann@corp.example", "email_verified": false,
            "groups": ["c"]});
        let claims = Claims::new(claims.as_object().unwrap().clone());
        session.identity = Identity::new("001", claims, Timestamp(0));
        assert_eq!(said(&session), json!([]));
    }

    #[test]
    fn the_derived_key_is_the_same_for_every_replica() {
        let one = SigningKeys::new(&[], &ring()).unwrap();
        assert_eq!(one.jwks(), SigningKeys::new(&[], &ring()).unwrap().jwks());
    }

    #[test]
    fn rsa_keys_sign_rs256_and_all_keys_are_published() {
        let rsa = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let der = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&rsa);
        let rsa = SigningKeySource::Rsa(Secret::new(der.unwrap().as_ref()));
        let ec = rcgen::KeyPair::generate().unwrap();
        let ec = SigningKeySource::Ec(Secret::new(ec.serialize_der()));
        let keys = SigningKeys::new(&[rsa, ec], &ring()).unwrap();
        let cache = AssertionCache::default();
        let token = cache
            .get(&keys, &session(), "app.example.com", Timestamp(1), || {
                person(&session(), &Groups::default(), std::iter::empty())
            })
            .unwrap();
        assert_eq!(decoded(&keys, &token)["sub"], "001");
        assert_eq!(keys.jwks().matches("\"kid\"").count(), 2);
    }
}
