//! Sealing (AES-256-GCM-SIV), signing (HMAC-SHA-256) and key derivation (HKDF-SHA-256), all by
//! aws-lc. A [`Ring`] holds the keys of one configured secret: the first one seals, every one
//! opens, so that a new key never signs anybody out.
//!
//! Security: each use has its own derived key and its own associated data. What was sealed for one
//! purpose, cookie name or host does not open under another (T17, T23).

use aws_lc_rs::aead::{self, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hkdf, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::secret::Secret;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// Goes into every derivation and every seal: a later format opens nothing of this one.
const FORMAT: &str = "russet/1";

/// The keys of one secret, newest first.
#[derive(Clone, Debug)]
pub struct Ring {
    keys: Vec<Secret>,
}

impl Ring {
    /// A ring of at least one key, each of [`KEY_BYTES`] bytes; `None` for anything else.
    pub fn new(keys: Vec<Secret>) -> Option<Self> {
        let usable = !keys.is_empty() && keys.iter().all(|key| key.expose().len() == KEY_BYTES);
        usable.then_some(Self { keys })
    }

    /// What seals and opens values of one purpose, such as `session`.
    pub fn sealer(&self, purpose: &'static str) -> Sealer {
        let keys = self
            .keys
            .iter()
            .filter_map(|key| {
                let derived = derive(key, &["seal", purpose]);
                RandomizedNonceKey::new(&aead::AES_256_GCM_SIV, derived.as_slice()).ok()
            })
            .collect();
        Sealer { purpose, keys }
    }

    /// What signs and checks values of one purpose, such as `sign-in link`.
    pub fn signer(&self, purpose: &'static str) -> Signer {
        let key = |key: &Secret| {
            hmac::Key::new(hmac::HMAC_SHA256, derive(key, &["sign", purpose]).as_slice())
        };
        Signer { purpose, keys: self.keys.iter().map(key).collect() }
    }

    /// 32 bytes derived from the newest key for one purpose; `counter` gives further ones where a
    /// use may refuse some (a private scalar out of range).
    pub fn derived(&self, purpose: &'static str, counter: u32) -> Secret {
        let first = self.keys.first();
        first.map_or_else(
            || Secret::new(Vec::new()),
            |key| Secret::new(derive(key, &["derive", purpose, &counter.to_string()]).as_slice()),
        )
    }
}

/// Seals and opens values of one purpose.
#[derive(Debug)]
pub struct Sealer {
    purpose: &'static str,
    keys: Vec<RandomizedNonceKey>,
}

impl Sealer {
    /// Seals `plain` for `bound_to` (a cookie name and a host, say): base64url without padding,
    /// [`sealed_length`] characters. `None` only when the cipher itself fails.
    pub fn seal(&self, bound_to: &[&str], plain: &[u8]) -> Option<String> {
        let key = self.keys.first()?;
        let mut body = plain.to_vec();
        let nonce =
            key.seal_in_place_append_tag(Aad::from(self.context(bound_to)), &mut body).ok()?;
        let mut whole = Vec::with_capacity(NONCE_BYTES + body.len());
        whole.extend_from_slice(nonce.as_ref());
        whole.append(&mut body);
        Some(URL_SAFE_NO_PAD.encode(whole))
    }

    /// Opens what [`Sealer::seal`] made for the same purpose and the same `bound_to`. Whatever is
    /// wrong gives `None` and no hint what it was.
    pub fn open(&self, bound_to: &[&str], sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        let whole = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, body) = whole.split_first_chunk::<NONCE_BYTES>()?;
        let context = self.context(bound_to);
        self.keys.iter().find_map(|key| {
            let mut body = Zeroizing::new(body.to_vec());
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let length = key.open_in_place(nonce, Aad::from(&context), &mut body).ok()?.len();
            body.truncate(length);
            Some(body)
        })
    }

    fn context(&self, bound_to: &[&str]) -> Vec<u8> {
        framed(&[&[FORMAT, self.purpose], bound_to].concat())
    }
}

/// Characters that a sealed value of `plain_bytes` takes.
pub fn sealed_length(plain_bytes: usize) -> usize {
    (NONCE_BYTES + plain_bytes + TAG_BYTES).saturating_mul(4).div_ceil(3)
}

/// Signs and checks values of one purpose.
#[derive(Debug)]
pub struct Signer {
    purpose: &'static str,
    keys: Vec<hmac::Key>,
}

impl Signer {
    /// The signature of `parts`, base64url without padding; empty (and so never valid) without keys.
    pub fn sign(&self, parts: &[&str]) -> String {
        let Some(key) = self.keys.first() else { return String::new() };
        URL_SAFE_NO_PAD.encode(hmac::sign(key, &self.message(parts)))
    }

    /// Whether `signature` is one of `parts`, by any key; in constant time per key.
    pub fn verify(&self, parts: &[&str], signature: &str) -> bool {
        let Ok(tag) = URL_SAFE_NO_PAD.decode(signature) else { return false };
        let message = self.message(parts);
        self.keys.iter().any(|key| hmac::verify(key, &message, &tag).is_ok())
    }

    fn message(&self, parts: &[&str]) -> Vec<u8> {
        framed(&[&[FORMAT, self.purpose], parts].concat())
    }
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    // Invariant: SHA-256 has 32 bytes.
    digest.as_ref().try_into().unwrap_or_default()
}

/// SHA-256 of `value`, base64url without padding: how a secret is named without being told.
pub fn digest(value: &str) -> String {
    URL_SAFE_NO_PAD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, value.as_bytes()))
}

/// Joins parts so that no two lists of parts give the same bytes.
fn framed(parts: &[&str]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        out.extend_from_slice(&part.len().to_be_bytes());
        out.extend_from_slice(part.as_bytes());
    }
    out
}

fn derive(key: &Secret, labels: &[&str]) -> Zeroizing<[u8; KEY_BYTES]> {
    let mut out = Zeroizing::new([0u8; KEY_BYTES]);
    let info = framed(labels);
    let pseudo_random = hkdf::Salt::new(hkdf::HKDF_SHA256, FORMAT.as_bytes()).extract(key.expose());
    let filled = pseudo_random
        .expand(&[&info], hkdf::HKDF_SHA256)
        .and_then(|material| material.fill(out.as_mut_slice()));
    // Invariant: one block of SHA-256 is asked for, which HKDF always gives (RFC 5869 §2.3).
    debug_assert!(filled.is_ok());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(first_bytes: &[u8]) -> Ring {
        Ring::new(first_bytes.iter().map(|b| Secret::new([*b; 32])).collect()).unwrap()
    }

    #[test]
    fn opens_what_it_sealed_and_says_how_long_that_is() {
        let sealer = ring(&[1]).sealer("session");
        let sealed = sealer.seal(&["a", "b"], b"hello").unwrap();
        assert_eq!(sealed.len(), sealed_length(5));
        assert_eq!(sealer.open(&["a", "b"], &sealed).unwrap().as_slice(), b"hello");
    }

    #[test]
    fn t23_every_flipped_bit_is_refused() {
        let sealer = ring(&[1]).sealer("session");
        let sealed = sealer.seal(&["name", "host"], b"some claims").unwrap();
        let raw = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        for bit in 0..raw.len() * 8 {
            let mut bad = raw.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(sealer.open(&["name", "host"], &URL_SAFE_NO_PAD.encode(bad)).is_none());
        }
        for length in 0..sealed.len() {
            assert!(sealer.open(&["name", "host"], sealed.get(..length).unwrap()).is_none());
        }
    }

    #[test]
    fn t17_purpose_binding_and_key_must_all_agree() {
        let ring_one = ring(&[1]);
        let sealed = ring_one.sealer("session").seal(&["ab", "c"], b"x").unwrap();
        assert!(ring_one.sealer("ticket").open(&["ab", "c"], &sealed).is_none());
        assert!(ring_one.sealer("session").open(&["a", "bc"], &sealed).is_none());
        assert!(ring_one.sealer("session").open(&["ab"], &sealed).is_none());
        assert!(ring(&[2]).sealer("session").open(&["ab", "c"], &sealed).is_none());
    }

    #[test]
    fn a_new_key_seals_and_the_old_one_still_opens() {
        let old = ring(&[1]).sealer("session").seal(&[], b"x").unwrap();
        let both = ring(&[2, 1]).sealer("session");
        assert!(both.open(&[], &old).is_some());
        let new = both.seal(&[], b"y").unwrap();
        assert!(ring(&[1]).sealer("session").open(&[], &new).is_none());
        assert!(ring(&[2]).sealer("session").open(&[], &new).is_some());
    }

    #[test]
    fn signatures_hold_for_their_parts_and_purpose_alone() {
        let signer = ring(&[1]).signer("link");
        let signature = signer.sign(&["a", "b"]);
        assert!(signer.verify(&["a", "b"], &signature));
        assert!(!signer.verify(&["ab"], &signature));
        assert!(!signer.verify(&["a", "b"], ""));
        assert!(!ring(&[1]).signer("csrf").verify(&["a", "b"], &signature));
        assert!(ring(&[3, 1]).signer("link").verify(&["a", "b"], &signature));
    }
}
