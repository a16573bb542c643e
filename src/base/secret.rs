//! Bytes that must not leave: no `Display`, a masked `Debug`, wiped on drop, compared in constant
//! time.

use std::fmt;

use zeroize::Zeroizing;

/// A secret value: a key, a token, a code. Only [`Secret::expose`] gives it out, so that every
/// place that does can be found.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes over `bytes`; they are wiped when the value is dropped.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes themselves. Security: never format, log or put into a URL what this returns.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The secret as text, where it is UTF-8.
    pub fn expose_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Compares two secrets in time that depends on their lengths alone.
///
/// Security: the one comparison for `state`, `nonce`, tickets, signatures and tokens (T82).
pub fn same(left: impl AsRef<[u8]>, right: impl AsRef<[u8]>) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(left.as_ref(), right.as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_bytes() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(..)");
    }

    #[test]
    fn same_compares_content_and_length() {
        assert!(same("abc", "abc"));
        assert!(!same("abc", "abd"));
        assert!(!same("abc", "abcd"));
    }
}
