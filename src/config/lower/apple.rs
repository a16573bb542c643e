//! Fills Apple's settings: who we are there, and by which secret.

use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::CertificateDer;
use serde_json::Value;
use url::Url;

use super::Context;
use super::hosts::{self, Hosts};
use crate::apple::key_file::SigningKey;
use crate::apple::{APPLE, ClientSecretSource, KeyIdentity, Settings};
use crate::base::secret::Secret;
use crate::base::time::Timestamp;
use crate::config::codes;
use crate::config::files::Content;
use crate::config::section::{Section, Told};
use crate::config::value::Located;

/// Parameters of the authorize request that are Russet's to set; `code_challenge` among them,
/// because Apple would ask for its verifier.
const OWN_PARAMETERS: [&str; 9] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "state",
    "nonce",
    "scope",
    "code_challenge",
    "code_challenge_method",
];

/// SHA-256 of the private key in `config.example.yaml`, PKCS#8, base64url.
const EXAMPLE_KEY: &str = "aun1NvhY4IucTQzWMS3Zr5LgIcKW_CXpuwAeA5cxfbM";

/// An expiry that is nearer than this is worth a warning.
const SOON_SECONDS: i64 = 45 * 86_400;

pub(super) fn lower(
    top: &Section,
    hosts: Option<&Hosts>,
    extra_roots: Arc<[CertificateDer<'static>]>,
    context: &mut Context<'_>,
) -> Option<Settings> {
    let provider_url = provider_url(top, context);
    let is_apple = provider_url.as_deref().is_none_or(|url| url == APPLE);
    if let Some(hosts) = hosts.filter(|_| is_apple) {
        hosts::check_for_apple(hosts, context);
    }
    let client_id = client_id(top, context);
    let client_secret = client_secret(top, client_id.as_deref(), context);
    let scopes = scopes(top, context);
    let request_params = request_params(top, context);
    Some(Settings {
        provider_url: provider_url?,
        client_id: client_id?,
        client_secret: client_secret?,
        scopes: scopes?,
        request_params: request_params?,
        redirect_uri: hosts?.redirect_uri(),
        extra_roots,
    })
}

fn provider_url(top: &Section, context: &mut Context<'_>) -> Option<String> {
    const KEY: &str = "idp_provider_url";
    let Some(url) = top.url(KEY) else { return (!top.has(KEY)).then(|| APPLE.to_owned()) };
    let place = top.place(KEY);
    let plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !plain {
        let help = "endpoints are this URL and a path, so nothing may follow the path";
        context.error(
            codes::NOT_APPLE,
            place,
            format!("`{KEY}` is more than scheme, host and path"),
            help,
        );
        return None;
    }
    match url.scheme() {
        "https" => {}
        "http" if hosts::is_loopback(url) => {}
        "http" => {
            let help = "write `https://`; plain http is for a fake Apple on this machine alone";
            context.error(
                codes::NOT_APPLE,
                place,
                format!("`{KEY}` is plain http to another machine"),
                help,
            );
            return None;
        }
        other => {
            context.error(
                codes::NOT_APPLE,
                place,
                format!("`{KEY}` begins with `{other}://`"),
                "write `https://`",
            );
            return None;
        }
    }
    let text = trimmed(url);
    if text != APPLE {
        let message = format!(
            "the identity provider is {text}, which is not Apple: whoever runs it decides who people are"
        );
        let help = format!("for tests alone; in production remove `{KEY}` (Apple is {APPLE})");
        context.warning(codes::NOT_APPLE, place, message, help);
    }
    Some(text)
}

fn trimmed(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

fn client_id(top: &Section, context: &mut Context<'_>) -> Option<String> {
    const KEY: &str = "idp_client_id";
    let Some(id) = top.text(KEY) else {
        let help = "add `idp_client_id: ` and the Services ID from Apple's portal (not the App ID)";
        context.error(codes::MISSING, None, format!("`{KEY}` is missing"), help);
        return None;
    };
    if context.is_placeholder(KEY, id) {
        return None;
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if !id.text.bytes().all(plain) || id.text.len() > 255 {
        let help =
            "a Services ID is a reversed domain such as com.example.wiki; it is not an address";
        context.error(
            codes::CLIENT_ID,
            id.place,
            format!("`{KEY}: {}` cannot be a Services ID", id.text),
            help,
        );
        return None;
    }
    let first = id.text.split('.').next().unwrap_or_default();
    if !id.text.contains('.') {
        let help = "Apple's Services IDs are reversed domains such as com.example.wiki";
        context.warning(
            codes::CLIENT_ID,
            id.place,
            format!("`{KEY}: {}` does not look like a Services ID", id.text),
            help,
        );
    } else if is_ten_characters(first) {
        let message = format!("`{KEY}` begins with what looks like a Team ID, as App IDs do");
        context.warning(
            codes::CLIENT_ID,
            id.place,
            message,
            "use the Services ID; it has no such prefix",
        );
    }
    Some(id.text.clone())
}

/// Whether a text can be a Team ID or a Key ID.
fn is_ten_characters(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn client_secret(
    top: &Section,
    client_id: Option<&str>,
    context: &mut Context<'_>,
) -> Option<ClientSecretSource> {
    let key =
        top.inline_or_file("idp_private_key", Content::Secret, &mut context.files, context.told);
    let ready =
        top.inline_or_file("idp_client_secret", Content::Secret, &mut context.files, context.told);
    match (key, ready) {
        (Ok(None), Ok(None)) => {
            let help = "add the key that you downloaded from Apple, and its names:\n\
                        idp_private_key_file: /etc/russet/AuthKey_ABC123DEFG.p8\n\
                        idp_key_id: ABC123DEFG\n\
                        idp_team_id: DEF123GHIJ";
            context.error(codes::MISSING, None, "there is no key to sign in to Apple with", help);
            None
        }
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
            let ids = (apple_id(top, "idp_team_id", context), key_id(top, context));
            let key = key.and_then(|key| key.ok_or(Told)).ok()?;
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

fn apple_id(top: &Section, key: &'static str, context: &mut Context<'_>) -> Option<String> {
    let (name, whence) = match key {
        "idp_team_id" => ("Team ID", "it is on the membership page of your developer account"),
        _ => ("Key ID", "it is in the name of the file that Apple gave you: AuthKey_XXXXXXXXXX.p8"),
    };
    let Some(id) = top.text(key) else {
        let help = format!("add `{key}: ` and the {name}; {whence}");
        context.error(codes::MISSING, None, format!("`{key}` is missing"), help);
        return None;
    };
    if context.is_placeholder(key, id) {
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
    let named = top.text("idp_private_key_file").and_then(|file| {
        let name = Path::new(&file.text).file_name()?.to_str()?;
        let id = name.strip_prefix("AuthKey_")?.strip_suffix(".p8")?;
        is_ten_characters(id).then(|| id.to_owned())
    });
    let Some(place) = top.place("idp_key_id") else {
        let help = match &named {
            Some(id) => format!("add `idp_key_id: {id}`, which the file's name says"),
            None => {
                "add `idp_key_id: ` and the Key ID from the keys page of Apple's portal".to_owned()
            }
        };
        context.error(codes::MISSING, None, "`idp_key_id` is missing", help);
        return None;
    };
    let id = apple_id(top, "idp_key_id", context)?;
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
        let message = "`idp_client_secret` is no JWT, and Apple takes nothing else";
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

fn scopes(top: &Section, context: &mut Context<'_>) -> Option<Vec<String>> {
    const KEY: &str = "idp_scopes";
    let Some(scopes) = top.texts(KEY) else {
        return Some(vec!["name".to_owned(), "email".to_owned()]);
    };
    let mut asked: Vec<String> = Vec::new();
    let mut fine = true;
    for scope in scopes.iter().flat_map(|item| {
        item.text
            .split_whitespace()
            .map(|word| Located { text: word.to_owned(), place: item.place })
    }) {
        if !matches!(scope.text.as_str(), "name" | "email" | "openid") {
            let message = format!("Apple has no scope `{}`", scope.text);
            context.error(
                codes::PARAMETERS,
                scope.place,
                message,
                "its scopes are `name` and `email`",
            );
            fine = false;
        } else if !asked.contains(&scope.text) {
            asked.push(scope.text);
        }
    }
    if fine && !asked.iter().any(|scope| scope == "email") {
        let message = "without the scope `email` no rule on addresses or domains can match";
        context.warning(
            codes::PARAMETERS,
            top.place(KEY),
            message,
            "write `idp_scopes: [name, email]`",
        );
    }
    fine.then_some(asked)
}

fn request_params(top: &Section, context: &mut Context<'_>) -> Option<Vec<(String, String)>> {
    let mut kept = Vec::new();
    let mut fine = true;
    for (name, value) in top.map("idp_request_params").unwrap_or_default() {
        // Pomerium's files say what it sends anyway; so do we.
        let same = matches!(
            (name.text.as_str(), value.text.as_str()),
            ("response_mode", "form_post") | ("response_type", "code")
        );
        if same {
            continue;
        }
        if OWN_PARAMETERS.contains(&name.text.to_ascii_lowercase().as_str()) {
            let message = format!("`idp_request_params` cannot set `{}`", name.text);
            let help = match name.text.as_str() {
                "scope" => "write `idp_scopes`",
                "redirect_uri" => {
                    "it follows from `authenticate_service_url` and `authenticate_callback_path`"
                }
                "client_id" => "write `idp_client_id`",
                "response_mode" => {
                    "Apple insists on form_post as soon as a name or an address is asked for"
                }
                _ => "Russet sets it for each sign-in; remove it",
            };
            context.error(codes::PARAMETERS, name.place, message, help);
            fine = false;
        } else {
            kept.push((name.text.clone(), value.text.clone()));
        }
    }
    fine.then_some(kept)
}
