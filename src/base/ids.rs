//! Ids that appear in logs and on pages.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::random;

/// A number that no other call in this process returns: tells one generation of something from the
/// next. Never 0.
pub fn generation() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed).saturating_add(1)
}

/// Names one sign-in; every cookie that grew from it carries this id, so ending it ends them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// A new id that nobody can guess.
    pub fn fresh() -> Self {
        Self(random::bytes())
    }

    /// The id with these bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes of the id.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads what [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// Names one request in every log line, answer and page that belongs to it. Not a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(u128);

impl RequestId {
    /// A new id; unique in practice, no secret, so the cheap dice do.
    pub fn fresh() -> Self {
        Self(fastrand::u128(..))
    }

    /// What a person reads out to an administrator: eight characters of the id.
    pub fn short(self) -> ShortId {
        ShortId(self.0)
    }
}

impl fmt::Display for RequestId {
    /// As a version 4 UUID (RFC 9562 §5.4), the form that Pomerium's users know.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = (self.0 & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            bits >> 96,
            (bits >> 80) & 0xffff,
            (bits >> 64) & 0xffff,
            (bits >> 48) & 0xffff,
            bits & 0xffff_ffff_ffff
        )
    }
}

/// The short form of a [`RequestId`]: `7KQ2-M9TD`, in Crockford's alphabet, which has no letters
/// that sound or look alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortId(u128);

impl fmt::Display for ShortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        for place in 0..8u32 {
            if place == 4 {
                f.write_str("-")?;
            }
            let index = usize::try_from((self.0 >> (123 - 5 * place)) & 31).unwrap_or(0);
            let letter = ALPHABET.get(index).copied().unwrap_or(b'0');
            fmt::Write::write_char(f, char::from(letter))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_look_like_uuids_and_give_a_short_id() {
        let id = RequestId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        assert_eq!(id.to_string(), "01234567-89ab-4def-8123-456789abcdef");
        assert_eq!(id.short().to_string(), "04HM-ASW9");
    }

    #[test]
    fn session_ids_survive_text() {
        let id = SessionId::fresh();
        assert_eq!(SessionId::parse(&id.to_string()), Some(id));
        assert_eq!(SessionId::parse("short"), None);
    }
}
