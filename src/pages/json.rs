//! The same facts for programs.

use serde_json::{Map, Value, json as value};

use super::denial::{explain, relevant};
use super::message::{Message, message};
use super::{Chrome, DenialReason, Denied, Href, UserPage, View};

/// `view` as one JSON object: always `error` (a stable word; absent where nothing is wrong),
/// `message` and `request_id`, and what else there is to know.
pub fn json(view: &View, chrome: &Chrome<'_>) -> String {
    let words = message(view, chrome);
    let mut object = Map::new();
    if !view.status().is_success() {
        object.insert("error".into(), words.code.into());
    }
    object.insert("message".into(), sentences(&words).into());
    object.insert("request_id".into(), chrome.request_id.to_string().into());
    match view {
        View::SignIn(page) => {
            object.insert("sign_in_url".into(), page.url.as_str().into());
        }
        View::Denied(denied) => denial(&mut object, denied, chrome),
        View::User(page) => user(&mut object, page),
        _ => {}
    }
    if let Some(action) = words.action.filter(|action| action.href != Href::here()) {
        object.insert("next_url".into(), action.href.as_str().into());
    }
    Value::Object(object).to_string()
}

fn sentences(words: &Message) -> String {
    let end = if words.title.ends_with('?') { "" } else { "." };
    let mut text = format!("{}{end}", words.title);
    for sentence in &words.body {
        text.push(' ');
        text.push_str(sentence);
    }
    text
}

fn denial(object: &mut Map<String, Value>, denied: &Denied, chrome: &Chrome<'_>) {
    let mut missing: Vec<&str> = Vec::new();
    let mut different: Vec<&str> = Vec::new();
    for reason in relevant(&denied.reasons) {
        match reason {
            DenialReason::AddressAbsent => missing.push("email"),
            DenialReason::ClaimMissing { name } => missing.push(name),
            DenialReason::AddressHidden
            | DenialReason::AddressNotListed
            | DenialReason::DomainNotListed => different.push("email"),
            DenialReason::AddressUnverified => different.push("email_verified"),
            DenialReason::AccountNotListed => different.push("sub"),
            DenialReason::GroupNotListed => different.push("groups"),
            DenialReason::ClaimDifferent { name, .. } | DenialReason::ClaimNotKept { name } => {
                different.push(name);
            }
            DenialReason::Method
            | DenialReason::Path
            | DenialReason::Network
            | DenialReason::Certificate
            | DenialReason::Time
            | DenialReason::Rule => {}
        }
    }
    missing.dedup();
    different.dedup();
    let reasons: Vec<Value> = explain(denied, chrome)
        .into_iter()
        .map(|reason| value!({"reason": reason.code, "message": reason.text()}))
        .collect();
    object.insert("reasons".into(), reasons.into());
    object.insert("missing".into(), missing.into());
    object.insert("different".into(), different.into());
    object.insert(
        "signed_in_as".into(),
        value!({"email": denied.person.address, "sub": denied.person.subject}),
    );
}

fn user(object: &mut Map<String, Value>, page: &UserPage) {
    let claims: Map<String, Value> =
        page.claims.iter().map(|(name, text)| (name.clone(), text.as_str().into())).collect();
    object.insert(
        "signed_in_as".into(),
        value!({
            "email": page.person.address,
            "sub": page.person.subject,
            "name": page.person.name,
        }),
    );
    object.insert("claims".into(), claims.into());
    object.insert("expires_at".into(), page.expires_at.to_string().into());
}
