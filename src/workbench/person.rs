//! A supposed person: claims as Apple's id_token would have them, read by the same code.

use serde_json::{Map, Value, json};

use super::asker::Asker;
use crate::base::time::Timestamp;
use crate::identity::{Claims, Identity};
use crate::policy::Supposed;

/// Members of a supposed person that are not claims of Apple's.
pub const OWN: [&str; 2] = ["groups", "signed_in_at"];

/// Somebody who is signed in, or would be.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// What the id_token would say.
    pub claims: Map<String, Value>,
    /// When they signed in (the id_token's `iat`); `None` means a moment ago.
    pub signed_in_at: Option<Timestamp>,
    /// The groups they are in, in place of the groups file's.
    pub groups: Option<Vec<String>>,
}

/// Why something cannot be a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersonProblem {
    /// No `sub`.
    #[error("a person needs `sub`, the name that Apple gives them: text that is not empty")]
    NoSubject,
    /// A claim of another kind than Apple's.
    #[error("`{0}` must be {1}")]
    Kind(&'static str, &'static str),
    /// A moment that cannot be read.
    #[error("`signed_in_at` must be a moment such as 2026-01-05T10:00:00Z")]
    SignedInAt,
}

impl Person {
    /// Puts somebody together from the members of a JSON object or a case.
    ///
    /// # Errors
    /// Where Apple could not have said so.
    pub fn from_members(mut members: Map<String, Value>) -> Result<Self, PersonProblem> {
        let groups = match members.remove("groups") {
            None | Some(Value::Null) => None,
            Some(Value::Array(names)) => {
                let names = names.iter().map(|name| name.as_str().map(str::to_owned));
                let names: Option<Vec<String>> = names.collect();
                Some(names.ok_or(PersonProblem::Kind("groups", "a list of names"))?)
            }
            Some(_) => return Err(PersonProblem::Kind("groups", "a list of names")),
        };
        let signed_in_at = match members.remove("signed_in_at") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(moment(&text).ok_or(PersonProblem::SignedInAt)?),
            Some(Value::Number(number)) => {
                Some(Timestamp(number.as_i64().ok_or(PersonProblem::SignedInAt)?))
            }
            Some(_) => return Err(PersonProblem::SignedInAt),
        };
        let subject = members.get("sub").and_then(Value::as_str).unwrap_or_default();
        if subject.is_empty() {
            return Err(PersonProblem::NoSubject);
        }
        for name in ["email", "org_id"] {
            if members.get(name).is_some_and(|value| !value.is_string()) {
                return Err(PersonProblem::Kind(name, "text"));
            }
        }
        for name in ["email_verified", "is_private_email"] {
            let fits = |value: &Value| {
                value.is_boolean() || matches!(value.as_str(), Some("true" | "false"))
            };
            if members.get(name).is_some_and(|value| !fits(value)) {
                return Err(PersonProblem::Kind(name, "true or false"));
            }
        }
        if members.contains_key("email") {
            members.entry("email_verified").or_insert(json!(false));
        }
        Ok(Self { claims: members, signed_in_at, groups })
    }

    /// The name that Apple gives them.
    pub fn subject(&self) -> &str {
        self.claims.get("sub").and_then(Value::as_str).unwrap_or_default()
    }

    /// What to call them in messages: their address, else their `sub`.
    pub fn name(&self) -> &str {
        self.claims.get("email").and_then(Value::as_str).unwrap_or_else(|| self.subject())
    }

    /// Who that is to a policy that is asked at `now`.
    pub fn asker(&self, now: Timestamp) -> Asker {
        let claims = Claims::new(self.claims.clone());
        let identity = Identity::new(self.subject(), claims, self.signed_in_at.unwrap_or(now));
        let groups = self.groups.as_ref();
        let supposed =
            groups.map(|names| Supposed::in_groups(names.iter().map(|name| name.as_str().into())));
        Asker { identity, supposed }
    }
}

/// Reads a moment: RFC 3339 with a zone, or a day alone, which begins in UTC.
pub fn moment(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp(at.as_second()));
    }
    let day: jiff::civil::Date = text.parse().ok().filter(|_| text.len() == 10)?;
    let at = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp(at.timestamp().as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    fn person(value: Value) -> Result<Person, PersonProblem> {
        Person::from_members(value.as_object().cloned().unwrap())
    }

    #[test]
    fn a_person_is_read_as_apples_claims_are() {
        let ann = person(json!({"sub": "001", "email": "ann@corp.example",
            "email_verified": "true", "signed_in_at": "2026-01-05T10:00:00Z", "groups": ["a"]}));
        let ann = ann.unwrap();
        let Asker { identity, supposed } = ann.asker(NOW);
        assert!(identity.claims.is_true("email_verified"));
        assert_eq!(identity.issued_at, Timestamp(1_767_607_200));
        assert_eq!(identity.claims.get("groups"), None);
        assert_eq!(ann.groups, Some(vec!["a".to_owned()]));
        assert_eq!(supposed, Some(Supposed::in_groups(["a".into()])));
        let ben = person(json!({"sub": "002", "email": "ben@corp.example"})).unwrap();
        let Asker { identity, supposed } = ben.asker(NOW);
        assert_eq!(supposed, None);
        assert!(!identity.claims.is_true("email_verified"));
        assert_eq!(identity.issued_at, NOW);
    }

    #[test]
    fn what_apple_cannot_say_is_refused() {
        for (value, expected) in [
            (json!({}), "needs `sub`"),
            (json!({"sub": ""}), "needs `sub`"),
            (json!({"sub": 1}), "needs `sub`"),
            (json!({"sub": "a", "email": 1}), "`email` must be text"),
            (json!({"sub": "a", "email_verified": 1}), "`email_verified` must be true or false"),
            (json!({"sub": "a", "groups": "x"}), "`groups` must be a list"),
            (json!({"sub": "a", "groups": [1]}), "`groups` must be a list"),
            (json!({"sub": "a", "signed_in_at": "yesterday"}), "`signed_in_at` must be"),
        ] {
            let said = person(value).unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
        }
    }

    #[test]
    fn moments_have_a_zone_and_days_begin_in_utc() {
        assert_eq!(moment("2026-01-05T10:00:00Z"), Some(Timestamp(1_767_607_200)));
        assert_eq!(moment("2026-01-05T11:00:00+01:00"), Some(Timestamp(1_767_607_200)));
        assert_eq!(moment("2026-01-05"), Some(Timestamp(1_767_571_200)));
        assert_eq!(moment("2026-01-05T10:00:00"), None);
        assert_eq!(moment("tomorrow"), None);
    }
}
