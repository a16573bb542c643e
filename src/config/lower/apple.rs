//! Fills Apple's settings: who we are there, and by which secret.

use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use url::Url;

use super::Context;
use super::client_secret;
use super::hosts::{self, Hosts};
use crate::apple::shape::is_ten_characters;
use crate::apple::{APPLE, OWN_PARAMETERS, Settings};
use crate::config::codes;
use crate::config::keys::{self, Key, Link, Text, Texts};
use crate::config::section::Section;
use crate::config::value::Located;

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
    let client_secret = client_secret::lower(top, client_id.as_deref(), context);
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
    const KEY: &Key<Link> = &keys::apple::IDP_PROVIDER_URL;
    let Some(url) = top.get(KEY) else { return (!top.has(KEY)).then(|| APPLE.to_owned()) };
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
    const KEY: &Key<Text> = &keys::apple::IDP_CLIENT_ID;
    let Some(id) = top.get(KEY) else {
        let help = "add `idp_client_id: ` and the Services ID from Apple's portal (not the App ID)";
        context.error(codes::MISSING, None, format!("`{KEY}` is missing"), help);
        return None;
    };
    if context.is_placeholder(KEY.row.name, id) {
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

fn scopes(top: &Section, context: &mut Context<'_>) -> Option<Vec<String>> {
    const KEY: &Key<Texts> = &keys::apple::IDP_SCOPES;
    let Some(scopes) = top.get(KEY) else {
        return Some(keys::apple::SCOPES.map(str::to_owned).to_vec());
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
    for (name, value) in top.get(&keys::apple::IDP_REQUEST_PARAMS).unwrap_or_default() {
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
