//! How the client secret comes about: the private key and its names, or a secret made elsewhere.

use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::Context;
use crate::apple::key_file::SigningKey;
use crate::apple::shape::is_ten_characters;
use crate::apple::{ClientSecretSource, KeyIdentity};
use crate::base::secret::Secret;
use crate::base::time::Timestamp;
use crate::config::codes;
use crate::config::keys::apple::{
    IDP_CLIENT_SECRET, IDP_CLIENT_SECRET_FILE, IDP_KEY_ID, IDP_PRIVATE_KEY, IDP_PRIVATE_KEY_FILE,
    IDP_TEAM_ID,
};
use crate::config::keys::{Key, Text};
use crate::config::section::{Section, Unreadable};
use crate::config::value::Located;

/// SHA-256 of the private key in `config.example.yaml`, PKCS#8, base64url.
const EXAMPLE_KEY: &str = "aun1NvhY4IucTQzWMS3Zr5LgIcKW_CXpuwAeA5cxfbM";

/// An expiry that is nearer than this is worth a warning.
const SOON_SECONDS: i64 = 45 * 86_400;

/// The source of client secrets: the key, or one made elsewhere.
pub(super) fn lower(
    top: &Section,
    client_id: Option<&str>,
    context: &mut Context<'_>,
) -> Option<ClientSecretSource> {
    let key = top.inline_or_file(
        &IDP_PRIVATE_KEY,
        &IDP_PRIVATE_KEY_FILE,
        &mut context.files,
        context.problems,
    );
    let ready = top.inline_or_file(
        &IDP_CLIENT_SECRET,
        &IDP_CLIENT_SECRET_FILE,
        &mut context.files,
        context.problems,
    );
    match (key, ready) {
        (Ok(None), Ok(None)) => {
            let help = "add the key that you downloaded from Apple, and its names:\n\
                        idp_private_key_file: /etc/russet/AuthKey_ABC123DEFG.p8\n\
                        idp_key_id: ABC123DEFG\n\
                        idp_team_id: DEF123GHIJ";
            context.error(codes::MISSING, None, "there is no key to sign in to Apple with", help);
            None
        }
        (Ok(None), Err(Unreadable)) => None,
        (Ok(None), Ok(Some(ready))) => ready_secret(&ready, client_id, context),
        (key, ready) => {
            if let (Ok(Some(_)), Ok(Some(ready))) = (&key, &ready) {
                let message =
                    "`idp_client_secret` is not used: `idp_private_key` is there and wins";
                context.warning(
                    codes::CLIENT_SECRET,
                    ready.place,
                    message,
                    "remove `idp_client_secret`",
                );
            }
            let ids = (team_id(top, context), key_id(top, context));
            let key = key.and_then(|key| key.ok_or(Unreadable)).ok()?;
            let key = private_key(&key, context);
            Some(ClientSecretSource::Key(KeyIdentity {
                team_id: ids.0?,
                key_id: ids.1?,
                key: key?,
            }))
        }
    }
}

fn private_key(content: &Located, context: &mut Context<'_>) -> Option<SigningKey> {
    match SigningKey::read(content.text.as_bytes()) {
        Ok(key) => {
            if fingerprint(key.pkcs8()) == EXAMPLE_KEY {
                let message = "this is the private key of config.example.yaml, which everybody has";
                let help = "use the `.p8` file that Apple gave you; this one is good for `russet check` alone";
                context.warning(codes::EXAMPLE_KEY, content.place, message, help);
            }
            Some(key)
        }
        Err(error) => {
            let message = format!("Apple's private key cannot be used: {error}");
            let help = "it is the file AuthKey_XXXXXXXXXX.p8 that Apple gave you, unchanged";
            context.error(codes::PRIVATE_KEY, content.place, message, help);
            None
        }
    }
}

fn fingerprint(der: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, der))
}

fn team_id(top: &Section, context: &mut Context<'_>) -> Option<String> {
    let whence = "it is on the membership page of your developer account";
    apple_id(top, &IDP_TEAM_ID, ("Team ID", whence), context)
}

/// An id of ten characters; `name` is Apple's word for it, `whence` says where it stands.
fn apple_id(
    top: &Section,
    key: &Key<Text>,
    (name, whence): (&str, &str),
    context: &mut Context<'_>,
) -> Option<String> {
    let Some(id) = top.get(key) else {
        let help = format!("add `{key}: ` and the {name}; {whence}");
        context.error(codes::MISSING, None, format!("`{key}` is missing"), help);
        return None;
    };
    if context.is_placeholder(key.row.name, id) {
        return None;
    }
    if is_ten_characters(&id.text) {
        return Some(id.text.clone());
    }
    let length = id.text.chars().count();
    let message = if length != 10 {
        format!("`{key}` has {length} characters; Apple's {name}s have 10")
    } else {
        format!("`{key}` is not made of capital letters and digits, as Apple's {name}s are")
    };
    context.error(codes::APPLE_ID, id.place, message, whence);
    None
}

/// The Key ID, compared with the file's name where that has Apple's form.
fn key_id(top: &Section, context: &mut Context<'_>) -> Option<String> {
    let named = top.get(&IDP_PRIVATE_KEY_FILE).and_then(|file| {
        let name = Path::new(&file.text).file_name()?.to_str()?;
        let id = name.strip_prefix("AuthKey_")?.strip_suffix(".p8")?;
        is_ten_characters(id).then(|| id.to_owned())
    });
    let Some(place) = top.place(&IDP_KEY_ID) else {
        let help = match &named {
            Some(id) => format!("add `idp_key_id: {id}`, which the file's name says"),
            None => {
                "add `idp_key_id: ` and the Key ID from the keys page of Apple's portal".to_owned()
            }
        };
        context.error(codes::MISSING, None, "`idp_key_id` is missing", help);
        return None;
    };
    let whence = "it is in the name of the file that Apple gave you: AuthKey_XXXXXXXXXX.p8";
    let id = apple_id(top, &IDP_KEY_ID, ("Key ID", whence), context)?;
    if let Some(named) = named.filter(|named| *named != id) {
        let message = format!("`idp_key_id` is {id}, and the key file's name says {named}");
        let help = "Apple answers invalid_client to a secret signed by another key than it names";
        context.warning(codes::KEY_NAME, place, message, help);
    }
    Some(id)
}

/// A secret made elsewhere: taken as it is, but looked into, because it dies silently.
fn ready_secret(
    secret: &Located,
    client_id: Option<&str>,
    context: &mut Context<'_>,
) -> Option<ClientSecretSource> {
    if context.is_placeholder("idp_client_secret", secret) {
        return None;
    }
    let help = "write `idp_private_key_file`, `idp_key_id` and `idp_team_id` instead: then nothing expires";
    let Some(claims) = claims_of(secret.text.as_bytes()) else {
        let message = "`idp_client_secret` is not a JWT, and Apple takes nothing else";
        context.error(codes::CLIENT_SECRET, secret.place, message, help);
        return None;
    };
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    if client_id.is_some_and(|id| id != subject) {
        let message =
            format!("`idp_client_secret` was made for `{subject}`, which is not `idp_client_id`");
        context.warning(codes::CLIENT_SECRET, secret.place, message, help);
    }
    let secret_value = Secret::new(secret.text.as_bytes());
    match expiry_of(&secret_value).map(|at| (at, at.seconds_since(context.now))) {
        None => {
            let message = "`idp_client_secret` has no expiry, which Apple does not accept";
            context.warning(codes::CLIENT_SECRET, secret.place, message, help);
        }
        Some((at, left)) if left <= 0 => {
            let message = format!("`idp_client_secret` expired at {at}: nobody can sign in");
            context.warning(codes::CLIENT_SECRET, secret.place, message, help);
        }
        Some((at, left)) if left <= SOON_SECONDS => {
            let message = format!(
                "`idp_client_secret` expires at {at}, in {} days; nobody can sign in after that",
                left / 86_400
            );
            context.warning(codes::CLIENT_SECRET, secret.place, message, help);
        }
        Some(_) => {}
    }
    Some(ClientSecretSource::Ready(secret_value))
}

/// When a client secret made elsewhere expires; not verified, for telling the operator alone.
pub(in crate::config) fn expiry_of(secret: &Secret) -> Option<Timestamp> {
    claims_of(secret.expose())?.get("exp")?.as_i64().map(Timestamp)
}

fn claims_of(jwt: &[u8]) -> Option<Value> {
    let mut parts = std::str::from_utf8(jwt).ok()?.split('.');
    let payload = parts.nth(1)?;
    (parts.count() == 1).then_some(())?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}
