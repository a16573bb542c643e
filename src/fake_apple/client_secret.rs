//! The client secret, verified as Apple does. Written from Apple's description with aws-lc alone,
//! so that nothing is shared with the side that mints it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::settings::Client;
use crate::base::time::Timestamp;

/// Apple's longest lifetime of a client secret, counted from now: six months.
const MAX_LIFETIME_SECONDS: i64 = 15_777_000;

/// Checks `secret` in full; every failure is `invalid_client`. The reason is for the log, Apple
/// itself gives none.
pub(super) fn verify(
    secret: &str,
    client: &Client,
    base_url: &str,
    now: Timestamp,
) -> Result<(), &'static str> {
    let mut parts = secret.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("the client secret is not a JWT of three parts");
    };
    let signed = format!("{header}.{claims}");
    let header = object(header).ok_or("the header of the client secret is not JSON")?;
    let claims = object(claims).ok_or("the claims of the client secret are not JSON")?;
    let signature =
        URL_SAFE_NO_PAD.decode(signature).map_err(|_| "the signature is not base64url")?;

    if text(&header, "alg") != Some("ES256") {
        return Err("`alg` of the client secret is not ES256");
    }
    let kid = text(&header, "kid").ok_or("the client secret has no `kid`")?;
    let key = client.keys.iter().find(|key| key.key_id == kid);
    let key = key.ok_or("`kid` of the client secret names no key of this client")?;
    if signature.len() != 64 {
        return Err("the signature is not the 64 bytes of r and s: is it DER?");
    }
    key.public
        .verify_sig(signed.as_bytes(), &signature)
        .map_err(|_| "the signature of the client secret does not verify with that key")?;

    if text(&claims, "iss") != Some(&client.team_id) {
        return Err("`iss` of the client secret is not the Team ID");
    }
    if text(&claims, "sub") != Some(&client.client_id) {
        return Err("`sub` of the client secret is not the client_id");
    }
    if text(&claims, "aud") != Some(base_url) {
        return Err("`aud` of the client secret is not exactly Apple's base URL, as text");
    }
    let seconds = |name| claims.get(name).and_then(Value::as_i64);
    let issued = seconds("iat").ok_or("`iat` of the client secret is not a whole number")?;
    let expires = seconds("exp").ok_or("`exp` of the client secret is not a whole number")?;
    if issued > now.0 {
        return Err("`iat` of the client secret is in the future: is the clock ahead?");
    }
    if expires <= now.0 {
        return Err("the client secret has expired");
    }
    if expires > now.0.saturating_add(MAX_LIFETIME_SECONDS) {
        return Err("`exp` of the client secret is more than 15777000 seconds ahead");
    }
    Ok(())
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str()
}
