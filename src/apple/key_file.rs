//! The `.p8` key file: every shape that people paste it in, and the defect of every other.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// An EC P-256 private key that signs client secrets. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct SigningKey {
    /// PKCS#8 DER.
    pkcs8: Arc<Zeroizing<Vec<u8>>>,
}

impl SigningKey {
    /// The key as PKCS#8 DER.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// What is wrong with a key file, in words for the operator.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct KeyFileError(pub &'static str);

impl SigningKey {
    /// Reads the content of a `.p8` in any shape that people paste it in (`apple.md` §5).
    ///
    /// # Errors
    /// Names the defect: another kind of key, another curve, encrypted, a path instead of content.
    pub fn read(_content: &[u8]) -> Result<Self, KeyFileError> {
        Err(KeyFileError("being built"))
    }
}
