//! The claims of an id_token. Apple sends booleans as `true` or as `"true"`; they become booleans
//! here, once, so that nobody further on meets the difference.

use serde_json::{Map, Value};

/// Claims that Apple sends as boolean or as text, whichever it likes (February 2024).
const BOOLEANS: [&str; 2] = ["email_verified", "is_private_email"];

/// Claims that belong to the protocol and say nothing about the person.
const PROTOCOL: [&str; 4] = ["nonce", "nonce_supported", "at_hash", "c_hash"];

/// Named values about a person. Names keep their case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// Takes over the members of an id_token's payload, without the protocol's own.
    pub fn new(mut members: Map<String, Value>) -> Self {
        for name in PROTOCOL {
            members.remove(name);
        }
        for name in BOOLEANS {
            if let Some(value) = members.get_mut(name) {
                *value = Value::Bool(is_true(value));
            }
        }
        Self(members)
    }

    /// The claim with exactly this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The claim with exactly this name, where it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Whether the claim is true.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(is_true)
    }

    /// Takes a claim out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// All claims by name, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The claims as one JSON object.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }
}

/// True only for JSON `true` or the text `"true"`; anything else, absence included, is false.
fn is_true(value: &Value) -> bool {
    matches!(value, Value::Bool(true)) || value.as_str() == Some("true")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(value: Value) -> Claims {
        Claims::new(value.as_object().cloned().unwrap())
    }

    #[test]
    fn booleans_become_booleans_whatever_apple_sent() {
        for (sent, expected) in
            [(json!(true), true), (json!("true"), true), (json!("false"), false), (json!(1), false)]
        {
            let claims = claims(json!({"email_verified": sent}));
            assert_eq!(claims.get("email_verified"), Some(&json!(expected)));
        }
        assert!(!claims(json!({})).is_true("email_verified"));
    }

    #[test]
    fn the_protocols_own_claims_are_left_behind() {
        let claims = claims(json!({"nonce": "n", "at_hash": "a", "sub": "s"}));
        assert_eq!(claims.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["sub"]);
    }
}
