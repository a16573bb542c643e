//! The only dice: the operating system's cryptographic random numbers, through aws-lc.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// `N` random bytes, fit for keys, nonces and session ids.
///
/// # Panics
/// When the machine has no random numbers to give; going on would be unsafe.
#[expect(clippy::disallowed_methods, reason = "this is the one place that throws the dice")]
#[expect(clippy::panic, reason = "a machine without random numbers must not serve")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0u8; N];
    if aws_lc_rs::rand::fill(&mut out).is_err() {
        panic!("the operating system gave no random numbers");
    }
    out
}

/// 32 random bytes in base64url without padding: 43 characters, for `state`, `nonce` and tickets.
pub fn token() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<32>())
}
