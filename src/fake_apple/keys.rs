//! The RSA keys that sign id_tokens, and the set that `/auth/keys` publishes.

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::settings::StartError;
use crate::base::random;

/// One key and its name.
pub(super) struct SigningKey {
    pub kid: String,
    pair: KeyPair,
}

impl SigningKey {
    /// A new 2048-bit key under a random name of ten characters.
    fn generate() -> Result<Self, StartError> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| StartError::NoKey)?;
        Ok(Self { kid: unknown_kid(), pair })
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256 over `message`; empty if the machine cannot sign.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let random = rand::SystemRandom::new();
        match self.pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature) {
            Ok(()) => signature,
            Err(_) => Vec::new(),
        }
    }

    /// What somebody signs who only knows the public key: HMAC with its PEM text for a secret.
    pub(super) fn forge(&self, message: &[u8]) -> Vec<u8> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.public_pem().as_bytes());
        hmac::sign(&key, message).as_ref().to_vec()
    }

    fn public_pem(&self) -> String {
        let der = AsDer::<PublicKeyX509Der<'static>>::as_der(self.pair.public_key());
        let der = der.map(|der| STANDARD.encode(der.as_ref())).unwrap_or_default();
        let lines: Vec<_> =
            der.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    fn jwk(&self) -> Value {
        let public = self.pair.public_key();
        json!({
            "kty": "RSA",
            "kid": self.kid,
            "use": "sig",
            "alg": "RS256",
            "n": URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
            "e": URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
        })
    }
}

/// The name of a key that no set has.
pub(super) fn unknown_kid() -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let letter = |byte: u8| ALPHABET.get(usize::from(byte % 32)).copied().map_or('A', char::from);
    random::bytes::<10>().into_iter().map(letter).collect()
}

/// Two keys: one that signs, and a second one, published first, so that a client that takes the
/// first key of the set fails at once.
pub(super) struct Keys {
    second: Arc<SigningKey>,
    signing: Arc<SigningKey>,
}

impl Keys {
    pub(super) fn generate() -> Result<Self, StartError> {
        Ok(Self {
            second: Arc::new(SigningKey::generate()?),
            signing: Arc::new(SigningKey::generate()?),
        })
    }

    /// Signs with a new key; the one before stays in the set, the one before that leaves it.
    pub(super) fn rotate(&mut self) -> Result<(), StartError> {
        let fresh = Arc::new(SigningKey::generate()?);
        self.second = std::mem::replace(&mut self.signing, fresh);
        Ok(())
    }

    pub(super) fn signing(&self) -> Arc<SigningKey> {
        Arc::clone(&self.signing)
    }

    pub(super) fn published(&self) -> Value {
        json!({"keys": [self.second.jwk(), self.signing.jwk()]})
    }

    pub(super) fn ids(&self) -> Vec<String> {
        vec![self.second.kid.clone(), self.signing.kid.clone()]
    }
}
