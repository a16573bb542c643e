//! What must hold for any answer that comes from Apple, or from somebody who plays Apple.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a body fails by panicking")]

use std::sync::LazyLock;

use serde_json::Value;

use super::callback::{Callback, CallbackError};
use super::id_token::{Expectations, verify};
use super::keys::KeySet;
use super::testing::{CLIENT_ID, ISSUER, KEY, NONCE, NOW, good_claims, jwks};
use crate::base::fuzz::edited;
use crate::base::secret::Secret;

/// A callback that is accepted names one attempt, and has one outcome. The bytes are a form.
pub(crate) fn callback(bytes: &[u8]) {
    let fields: Vec<(String, String)> = form_urlencoded::parse(bytes).into_owned().collect();
    let all = |name: &str| -> Vec<&str> {
        fields.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str()).collect()
    };
    let callback = match Callback::read(&fields, ISSUER) {
        Ok(callback) => callback,
        Err(CallbackError::Doubled) => {
            let names = ["iss", "state", "user", "code", "error"];
            assert!(names.iter().any(|name| all(name).len() > 1), "{fields:?}");
            return;
        }
        Err(_) => return,
    };
    let state = callback.state();
    assert_eq!(all("state"), [state]);
    assert!(!state.is_empty() && state.len() <= 256, "{state:?}");
    assert!(state.bytes().all(|byte| byte.is_ascii_graphic()), "{state:?}");
    assert!(all("iss").iter().all(|issuer| *issuer == ISSUER));
    match &callback {
        Callback::Agreed { code, display_name, .. } => {
            assert_eq!(
                all("code").iter().map(|code| code.as_bytes()).collect::<Vec<_>>(),
                [code.expose()]
            );
            assert!(all("error").is_empty());
            let name = display_name.as_deref().unwrap_or("x");
            assert!(!name.is_empty() && name.len() <= 256 && name.trim() == name, "{name:?}");
            let odd = |c: char| {
                c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            };
            assert!(!name.contains(odd), "{name:?}");
        }
        Callback::Cancelled { .. } => assert!(all("code").is_empty() && all("error").len() == 1),
        Callback::Failed { error, .. } => {
            assert!(all("code").is_empty() && all("error").len() == 1);
            assert!(!error.contains(char::is_control), "{error:?}");
        }
    }
}

static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    KeySet::read(jwks(&[&KEY]).to_string().as_bytes()).expect("the tests' own key set")
});
static TOKEN: LazyLock<String> = LazyLock::new(|| KEY.token(&good_claims()));

/// Whether the token is accepted for the sign-in of the tests.
fn verifies(token: &str) -> bool {
    let access_token = Secret::new("access");
    let expected = Expectations {
        issuer: ISSUER,
        client_id: CLIENT_ID,
        nonce: NONCE,
        access_token: &access_token,
    };
    verify(token, &KEYS, expected, NOW).is_ok()
}

/// A token verifies only as it was signed, and only if it says what is expected. The bytes are a
/// token, changes to a valid one, or (where they begin with a brace) a payload that Apple signed.
pub(crate) fn id_token(bytes: &[u8]) {
    assert!(verifies(&TOKEN), "the valid token is refused");
    let Ok(text) = std::str::from_utf8(bytes) else { return edited_token(bytes) };
    assert!(!verifies(text) || text == *TOKEN, "{text:?}");
    if !text.starts_with('{') {
        return edited_token(bytes);
    }
    let header = format!(r#"{{"kid":"{}","alg":"RS256"}}"#, KEY.kid);
    if !verifies(&KEY.token_of(&header, text)) {
        return;
    }
    let claims: Value = serde_json::from_str(text).expect("what verifies is JSON");
    let audience = claims["aud"].as_str().or_else(|| claims["aud"][0].as_str());
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(audience, Some(CLIENT_ID));
    assert_eq!(claims["nonce"], NONCE);
    assert!(
        claims.get("events").is_none() && claims.get("azp").is_none_or(|party| party == CLIENT_ID)
    );
    assert!(claims["exp"].as_i64().is_some_and(|end| end > NOW.0 - 60), "{claims}");
    assert!(
        claims["iat"].as_i64().is_some_and(|begin| (0..=NOW.0 + 60).contains(&begin)),
        "{claims}"
    );
    let subject = claims["sub"].as_str().unwrap_or_default();
    assert!((1..=255).contains(&subject.len()), "{claims}");
    assert!(subject.bytes().all(|byte| byte.is_ascii_graphic()), "{claims}");
}

fn edited_token(script: &[u8]) {
    let Some(token) = edited(&TOKEN, script) else { return };
    assert!(!verifies(&token) || token == *TOKEN, "{token:?}");
}

/// A set that is accepted has one key at least, and only RSA keys for RS256 signatures.
pub(crate) fn key_set(bytes: &[u8]) {
    let Ok(set) = KeySet::read(bytes) else { return };
    let count = set.kids().len();
    assert!((1..=64).contains(&count));
    let document: Value = serde_json::from_slice(bytes).expect("a set that is accepted is JSON");
    let keys = document["keys"].as_array().expect("a set that is accepted has a list");
    let mut fine: Vec<&str> = keys
        .iter()
        .filter(|key| key["kty"] == "RSA" && key["use"] == "sig" && key["alg"] == "RS256")
        // 2048 bits are 342 characters.
        .filter(|key| key["n"].as_str().is_some_and(|modulus| modulus.len() >= 342))
        .filter(|key| !matches!(key["e"].as_str(), None | Some("AQ" | "Aw" | "AA")))
        .filter_map(|key| key["kid"].as_str())
        .filter(|kid| set.contains(kid))
        .collect();
    fine.sort_unstable();
    fine.dedup();
    assert_eq!(fine.len(), count, "a key of another kind is used: {document}");
    assert!(!set.contains(""));
    assert!(fine.iter().all(|kid| !set.verifies(kid, b"message", &[0; 256])));
}
