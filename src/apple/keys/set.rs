//! A JWK set (RFC 7517 §5) as Apple publishes it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::apple::json;
use crate::apple::shown::shown;

/// Keys of a set; Apple publishes three or so.
const KEYS_LIMIT: usize = 64;
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Apple's public keys by their ids; at least one.
#[derive(Debug)]
pub(in crate::apple) struct KeySet {
    keys: BTreeMap<String, Key>,
}

#[derive(Debug)]
struct Key {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    /// RS256 and nothing else.
    public: ParsedPublicKey,
}

/// Why a document is refused as a key set.
#[derive(Debug, thiserror::Error)]
pub enum KeySetError {
    /// No JSON object, or a member named twice.
    #[error("the answer is not a key set, it begins with \"{0}\"")]
    Malformed(String),
    /// Too many keys.
    #[error("the set has {0} keys, more than 64")]
    TooMany(usize),
    /// Two keys of one name.
    #[error("two different keys are called {0}")]
    Ambiguous(String),
    /// Nothing in it that could have signed an id_token.
    #[error("none of the {0} keys is an RSA key for RS256 signatures")]
    NoneUsable(usize),
}

impl KeySet {
    /// Reads a set. Keys that are of no use for RS256 are skipped, whatever they are.
    ///
    /// # Errors
    /// When it is not a set, too big, ambiguous, or has no usable key.
    pub(in crate::apple) fn read(document: &[u8]) -> Result<Self, KeySetError> {
        let malformed = || KeySetError::Malformed(shown(document));
        let members = json::read_object(document).ok_or_else(malformed)?;
        let list = members.get("keys").and_then(Value::as_array).ok_or_else(malformed)?;
        if list.len() > KEYS_LIMIT {
            return Err(KeySetError::TooMany(list.len()));
        }
        let mut keys: BTreeMap<String, Key> = BTreeMap::new();
        for (kid, key) in list.iter().filter_map(Value::as_object).filter_map(usable) {
            match keys.entry(kid) {
                Entry::Vacant(place) => {
                    place.insert(key);
                }
                Entry::Occupied(there) if there.get().is(&key) => {}
                Entry::Occupied(there) => return Err(KeySetError::Ambiguous(shown(there.key()))),
            }
        }
        if keys.is_empty() {
            return Err(KeySetError::NoneUsable(list.len()));
        }
        Ok(Self { keys })
    }

    /// The ids, escaped for log lines.
    pub(in crate::apple) fn kids(&self) -> Vec<String> {
        self.keys.keys().map(shown).collect()
    }

    /// Whether there is a key of this id.
    pub(in crate::apple) fn contains(&self, kid: &str) -> bool {
        self.keys.contains_key(kid)
    }

    /// Whether `signature` over `message` is RS256 by the key of this id.
    pub(in crate::apple) fn verifies(&self, kid: &str, message: &[u8], signature: &[u8]) -> bool {
        self.keys.get(kid).is_some_and(|key| key.public.verify_sig(message, signature).is_ok())
    }
}

impl Key {
    fn is(&self, other: &Self) -> bool {
        self.modulus == other.modulus && self.exponent == other.exponent
    }
}

/// The id and the key, if it is an RSA key for RS256 signatures with a sane modulus and exponent.
fn usable(jwk: &Map<String, Value>) -> Option<(String, Key)> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let number = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
    let kid = text("kid").filter(|kid| !kid.is_empty())?;
    let right =
        text("kty") == Some("RSA") && text("use") == Some("sig") && text("alg") == Some("RS256");
    let (modulus, exponent) = (number("n")?, number("e")?);
    if !right || !MODULUS_BITS.contains(&bits(&modulus)) || !is_sane_exponent(&exponent) {
        return None;
    }
    let public = RsaPublicKeyComponents { n: &modulus, e: &exponent }
        .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
        .ok()?;
    Some((kid.to_owned(), Key { modulus, exponent, public }))
}

/// Bits of a number without leading zero bytes; 0 for one with.
fn bits(number: &[u8]) -> usize {
    match number.first() {
        Some(first) if *first != 0 => number.len() * 8 - first.leading_zeros() as usize,
        _ => 0,
    }
}

/// Odd, at least 65537 (FIPS 186-5 §A.1.1), and at most 32 bits long.
fn is_sane_exponent(exponent: &[u8]) -> bool {
    let value = exponent.iter().try_fold(0u32, |value, byte| {
        value.checked_mul(256).map(|shifted| shifted | u32::from(*byte))
    });
    value.is_some_and(|value| value >= 65_537 && value % 2 == 1)
}
