//! The people that can be picked on the fake Apple's page.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Claims that belong to one sign-in and not to a person.
const NOT_A_PERSONS: [&str; 8] =
    ["iss", "aud", "iat", "exp", "nonce", "nonce_supported", "at_hash", "c_hash"];

/// Somebody with an Apple account. As JSON (`--people FILE`) a list of objects with these members:
/// `id` and `claims` (with `sub`) must be there, the others default to nothing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Short and stable, unique: what a form sends to pick this person.
    pub id: String,
    /// Who this is and what is special about them, in a few words for the page.
    #[serde(default)]
    pub about: String,
    /// Sent in `user` on the first consent.
    #[serde(default)]
    pub first_name: String,
    /// Sent in `user` on the first consent.
    #[serde(default)]
    pub last_name: String,
    /// What the id_token says of them, value for value: `sub`, and `email`, `email_verified`,
    /// `is_private_email`, `org_id` or whatever else. The address goes out only if the `email` scope
    /// was granted.
    pub claims: Map<String, Value>,
}

impl Person {
    /// The stable id of the account; empty if the claims have none.
    pub fn subject(&self) -> &str {
        self.text("sub")
    }

    /// First and last name, or the id where there are none.
    pub fn display_name(&self) -> String {
        let name = format!("{} {}", self.first_name, self.last_name);
        match name.trim() {
            "" => self.id.clone(),
            name => name.to_owned(),
        }
    }

    /// The address; empty if there is none.
    pub(super) fn email(&self) -> &str {
        self.text("email")
    }

    fn text(&self, claim: &str) -> &str {
        self.claims.get(claim).and_then(Value::as_str).unwrap_or_default()
    }

    /// Refuses claims that no person can have.
    pub(super) fn check(&self) -> Result<(), PeopleError> {
        if self.subject().is_empty() {
            return Err(PeopleError::NoSubject(self.id.clone()));
        }
        match NOT_A_PERSONS.iter().find(|name| self.claims.contains_key(**name)) {
            Some(claim) => Err(PeopleError::Claim { id: self.id.clone(), claim }),
            None => Ok(()),
        }
    }
}

/// What is wrong with a list of people.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// Not the JSON of a list of people.
    #[error("the people cannot be read as a JSON list of people")]
    Json(#[from] serde_json::Error),
    /// Somebody without `sub`.
    #[error("the person `{0}` has no `sub` in `claims`; it must be text that is not empty")]
    NoSubject(String),
    /// A claim that a sign-in has and a person has not.
    #[error("the person `{id}` cannot bring the claim `{claim}`; to send a wrong one, set a fault")]
    Claim {
        /// Who.
        id: String,
        /// Which claim.
        claim: &'static str,
    },
    /// An id that is missing or taken.
    #[error("the id `{0}` of a person is empty or used twice")]
    Id(String),
}

/// Reads the JSON form of a list of people.
///
/// # Errors
/// When it is not one, or somebody in it cannot be (no `sub`, an id used twice).
pub fn read_people(json: &[u8]) -> Result<Vec<Person>, PeopleError> {
    let people: Vec<Person> = serde_json::from_slice(json)?;
    check_people(&people)?;
    Ok(people)
}

pub(super) fn check_people(people: &[Person]) -> Result<(), PeopleError> {
    let mut ids = HashSet::new();
    for person in people {
        if person.id.is_empty() || !ids.insert(&person.id) {
            return Err(PeopleError::Id(person.id.clone()));
        }
        person.check()?;
    }
    Ok(())
}

/// The people that are always there: `ann`, `ben`, `rae`, `max`, `uma`.
pub fn prepared() -> Vec<Person> {
    vec![
        person(
            "ann",
            ["Ann", "Archer"],
            "A colleague",
            json!({
                "sub": "000401.5d1f0c2a8be94e6f9a37c1e2b4d60a11.0901",
                "email": "ann@corp.example",
                "email_verified": true,
            }),
        ),
        person(
            "ben",
            ["Ben", "Baker"],
            "A colleague whose booleans come as text",
            json!({
                "sub": "000402.0a94be77c3d24b1c8f5e6d7a89b0c122.0902",
                "email": "ben@corp.example",
                "email_verified": "true",
                "is_private_email": "false",
            }),
        ),
        person(
            "rae",
            ["Rae", "Rivers"],
            "Hides her address",
            json!({
                "sub": "000403.7be1d5a0429f4c3e8d6b5a4f3c2e1d33.0903",
                "email": "r8k2m4x9qd@privaterelay.appleid.com",
                "email_verified": true,
                "is_private_email": true,
            }),
        ),
        person(
            "max",
            ["Max", "Moore"],
            "A managed account without an address",
            json!({
                "sub": "000404.91c8e7d6b5a443f2817f6e5d4c3b2a44.0904",
                "org_id": "corp-example-school",
            }),
        ),
        person(
            "uma",
            ["Uma", "Underwood"],
            "A managed account whose address is not verified",
            json!({
                "sub": "000405.c2d3e4f5a6b74788990a1b2c3d4e5f55.0905",
                "email": "uma@corp.example",
                "email_verified": false,
                "org_id": "corp-example",
            }),
        ),
    ]
}

fn person(id: &str, [first, last]: [&str; 2], about: &str, claims: Value) -> Person {
    let claims = if let Value::Object(members) = claims { members } else { Map::new() };
    Person {
        id: id.to_owned(),
        about: about.to_owned(),
        first_name: first.to_owned(),
        last_name: last.to_owned(),
        claims,
    }
}
