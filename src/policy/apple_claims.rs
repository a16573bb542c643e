//! The claims of Apple's id_tokens, as far as policies are warned about the others.

use super::codes;
use super::matchers::{ListOperator, Single};
use super::warning::Warning;
use crate::base::near::nearest;

/// The JSON type in which Apple sends a claim, once [`crate::identity::Claims`] has read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Text,
    Number,
    Bool,
    Unsure,
}

/// What Apple sends about a person (its page "Authenticating users with Sign in with Apple").
const SENT: [(&str, Type); 13] = [
    ("iss", Type::Text),
    ("sub", Type::Text),
    ("aud", Type::Text),
    ("iat", Type::Number),
    ("exp", Type::Number),
    ("auth_time", Type::Number),
    ("email", Type::Text),
    ("email_verified", Type::Bool),
    ("is_private_email", Type::Bool),
    ("real_user_status", Type::Number),
    ("transfer_sub", Type::Text),
    ("org_id", Type::Text),
    ("scopes", Type::Unsure),
];

/// What Apple sends for the protocol's sake; no session keeps it.
const PROTOCOL: [&str; 4] = ["nonce", "nonce_supported", "at_hash", "c_hash"];

/// What is odd about a rule on the claim at `path`.
pub(super) fn warning_for_name(path: &str) -> Option<Warning> {
    let name = path.split(['.', '/']).next().unwrap_or_default();
    if SENT.iter().any(|(sent, _)| *sent == name || *sent == path) {
        return None;
    }
    let message = if PROTOCOL.contains(&name) {
        format!("the claim `{name}` belongs to the protocol and is not kept in sessions")
    } else {
        format!("Apple never sends a claim `{name}`, so this can only see it absent")
    };
    let near = nearest(name, SENT.iter().map(|(sent, _)| *sent));
    let help = match (name, near) {
        (_, Some(near)) => format!("did you mean `claim/{near}`?"),
        ("groups" | "group" | "roles" | "role", _) => {
            "Apple knows no groups and no roles; name the people: allowed_users, `email` or `user`, \
             or a file with `groups_file` and ask for `groups`"
                .to_owned()
        }
        ("hd" | "tid" | "hosted_domain", _) => {
            "for people of a company: domain: corp.example, or claim/org_id for its managed accounts"
                .to_owned()
        }
        ("name" | "given_name" | "family_name" | "preferred_username", _) => {
            "names are not in Apple's id_token; use `email` or `user`".to_owned()
        }
        _ => {
            let names: Vec<&str> = SENT.iter().map(|(sent, _)| *sent).collect();
            format!("Apple sends {}", names.join(", "))
        }
    };
    Some(Warning::new(codes::NEVER_SENT, message, help))
}

/// What is odd about comparing the claim at `path` with `value`.
pub(super) fn warning_for_value(
    path: &str,
    operator: ListOperator,
    value: &Single,
) -> Option<Warning> {
    let (_, expected) = SENT.iter().find(|(name, _)| *name == path)?;
    let (fits, what) = match expected {
        Type::Unsure => return None,
        Type::Text => (matches!(value, Single::Text(_)), "text"),
        Type::Number => (matches!(value, Single::Integer(_) | Single::Float(_)), "a number"),
        Type::Bool => (matches!(value, Single::Bool(_)), "true or false"),
    };
    if !fits {
        return Some(Warning::new(
            codes::NEVER_EQUAL,
            format!("`{path}` is {what} when Apple sends it, so this never equals it"),
            match expected {
                Type::Text => "put it in quotes if the text is meant",
                Type::Number => "write the number without quotes",
                Type::Bool | Type::Unsure => "write true or false",
            },
        ));
    }
    let absent_instead = path == "is_private_email" && *value == Single::Bool(false);
    (absent_instead && operator != ListOperator::Exclude).then(|| {
        Warning::new(
            codes::NEVER_EQUAL,
            "Apple leaves `is_private_email` out for most people who share their real address",
            "to ask that the address is not a relay write: claim/is_private_email: {exclude: true}",
        )
    })
}

/// Apple sends these as booleans or as text, and they become booleans when they are read; so a
/// policy may write either.
pub(super) fn as_apple_means(path: &str, value: Single) -> Single {
    if !SENT.iter().any(|(name, kind)| *name == path && *kind == Type::Bool) {
        return value;
    }
    match value {
        Single::Text(text) if &*text == "true" => Single::Bool(true),
        Single::Text(text) if &*text == "false" => Single::Bool(false),
        other => other,
    }
}
