//! `claim/NAME`: a claim of the id_token, as a list of values.
//!
//! The whole name is looked up first, dots and slashes included; only then is it taken apart, into
//! five segments at most. An absent claim is an empty list.

use serde_json::{Map, Value};

use super::email;
use crate::base::diagnostic::Diagnostics;
use crate::identity::{Address, Identity};
use crate::policy::answer::Answer;
use crate::policy::criterion::{Data, OfPerson, Reads, Row, Test, answer};
use crate::policy::matchers::{ListMatcher, ListOperator, Single};
use crate::policy::missing::{Missing, What};
use crate::policy::question::Question;
use crate::policy::reason::Reason;
use crate::policy::supposed::Unrecorded;
use crate::policy::written::Written;
use crate::policy::{apple_claims, codes};

pub(super) static ROW: Row = Row {
    name: "claim",
    takes_path: true,
    data: Data::List,
    sentence: "Holds where the values of the claim match; an absent claim has none. Names keep \
               their case.",
    reasons: &[
        Reason::ClaimOk,
        Reason::ClaimUnauthorized,
        Reason::EmailUnverified,
        Reason::UserUnauthenticated,
    ],
    reads: Reads::Identity,
    example: "claim/real_user_status: 2",
    compile: |written, diagnostics| Some(Test::person(Claim::read(written, diagnostics)?)),
};

/// Most segments that a name is taken apart into.
const MOST_SEGMENTS: usize = 5;

/// Longest value that evidence shows, in characters.
const SHOWN_CHARACTERS: usize = 256;

#[derive(Debug)]
pub(super) struct Claim {
    name: Box<str>,
    /// The name taken apart; empty where it is one segment or too many.
    segments: Vec<Box<str>>,
    matcher: ListMatcher,
}

/// What a claim is found to be.
enum Found<'a> {
    Values(&'a [Value]),
    /// It is a map: something is there, and no value to compare.
    Map,
    /// It was too large for the session.
    LeftOut,
    /// It is the address, and nobody vouches for it.
    Unverified,
}

impl Claim {
    fn read(written: &Written<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let Some(name) = written.path.filter(|path| !path.is_empty()) else {
            diagnostics.error(
                codes::DATA,
                written.place,
                "`claim` needs the name of a claim",
                "write for instance: claim/org_id: \"...\"",
            );
            return None;
        };
        if let Some(warning) = apple_claims::warning_for_name(name) {
            warning.report(Some(written.place), diagnostics);
        }
        let matcher = ListMatcher::read(
            written,
            &|data, operator, value, diagnostics| {
                let value = apple_claims::as_apple_means(name, value);
                if let Some(warning) = apple_claims::warning_for_value(name, operator, &value) {
                    warning.report(Some(data.place), diagnostics);
                }
                value
            },
            diagnostics,
        )?;
        Some(Self::new(name, matcher))
    }

    /// One that holds where the claim has `value`; `None` where that is not a single value.
    pub(super) fn has(name: &str, value: &Value, diagnostics: &mut Diagnostics) -> Option<Self> {
        if let Some(warning) = apple_claims::warning_for_name(name) {
            warning.report(None, diagnostics);
        }
        let value = apple_claims::as_apple_means(name, Single::from_json(value)?);
        if let Some(warning) = apple_claims::warning_for_value(name, ListOperator::Has, &value) {
            warning.report(None, diagnostics);
        }
        Some(Self::new(name, ListMatcher::has(value)))
    }

    fn new(name: &str, matcher: ListMatcher) -> Self {
        let segments: Vec<Box<str>> = name.split(['.', '/']).map(Box::from).collect();
        let usable = (2..=MOST_SEGMENTS).contains(&segments.len());
        Self { name: name.into(), segments: if usable { segments } else { Vec::new() }, matcher }
    }

    fn find<'a>(&self, who: &'a Identity) -> Found<'a> {
        // Security: a rule on an address wants one that somebody vouches for, by this name, too.
        if &*self.name == "email" && matches!(who.address, Address::Unverified(_)) {
            return Found::Unverified;
        }
        if let Some(value) = who.claims.get(&self.name) {
            return found(value);
        }
        if who.omitted.iter().any(|omitted| self.is_at_or_below(omitted)) {
            return Found::LeftOut;
        }
        let claims = who.claims.as_map();
        let value = flattened(claims, &self.name).or_else(|| walked(claims, &self.segments));
        match value {
            Some(value) => found(value),
            // Too many were left out to name them: what is not there may have been among them.
            None if who.is_omitted(&self.name) => Found::LeftOut,
            None => Found::Values(&[]),
        }
    }

    fn is_at_or_below(&self, omitted: &str) -> bool {
        let rest = self.name.strip_prefix(omitted);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
    }
}

impl OfPerson for Claim {
    fn judge(&self, who: &Identity, _: &Question<'_>) -> (Answer, Reason) {
        match self.find(who) {
            // Security: what is a map is neither there nor absent, so it neither admits nor spares.
            Found::LeftOut | Found::Map => (Answer::Unknown, Reason::ClaimUnauthorized),
            Found::Unverified => (Answer::Unknown, Reason::EmailUnverified),
            Found::Values(values) => {
                let holds = self.matcher.matches(values);
                answer(holds, Reason::ClaimOk, Reason::ClaimUnauthorized)
            }
        }
    }

    fn wanted(&self) -> String {
        self.matcher.wanted()
    }

    fn seen(&self, who: &Identity, question: &Question<'_>) -> Option<String> {
        match self.find(who) {
            Found::LeftOut => Some("too large for the session".to_owned()),
            Found::Map => Some("a map, whose members have names of their own".to_owned()),
            Found::Unverified => email::seen(who, question),
            Found::Values([]) => None,
            Found::Values(values) => {
                let shown: Vec<String> = values.iter().map(ToString::to_string).collect();
                Some(shown.join(", ").chars().take(SHOWN_CHARACTERS).collect())
            }
        }
    }

    fn missing(&self, who: &Identity) -> Option<Missing> {
        let name = self.name.to_string();
        Some(match self.find(who) {
            Found::LeftOut => Missing::ClaimLeftOut { name },
            Found::Unverified => Missing::AddressUnverified,
            Found::Values([]) => Missing::Claim { name },
            Found::Values(_) | Found::Map => Missing::Different { what: What::Claim(name) },
        })
    }

    fn needs(&self, missing: &Unrecorded, who: &Identity) -> bool {
        if &*self.name == "email" {
            return email::needs(missing);
        }
        if &*self.name == "sub" {
            return missing.subject;
        }
        let concerns = |name: &str| name == Identity::EVERY_OTHER || self.is_at_or_below(name);
        who.claims.get(&self.name).is_none() && missing.claims.iter().any(|name| concerns(name))
    }
}

/// A claim as a list.
fn found(value: &Value) -> Found<'_> {
    match value {
        Value::Array(values) => Found::Values(values),
        Value::Null => Found::Values(&[]),
        Value::Object(_) => Found::Map,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Found::Values(std::slice::from_ref(value))
        }
    }
}

/// The member whose path, joined by dots, is `name`.
fn flattened<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = object.get(name) {
        return Some(value);
    }
    object.iter().find_map(|(key, value)| {
        let rest = name.strip_prefix(key.as_str())?.strip_prefix('.')?;
        flattened(value.as_object()?, rest)
    })
}

/// The member at the end of `segments`.
fn walked<'a>(object: &'a Map<String, Value>, segments: &[Box<str>]) -> Option<&'a Value> {
    let (first, rest) = segments.split_first()?;
    let value = object.get(&**first)?;
    if rest.is_empty() { Some(value) } else { walked(value.as_object()?, rest) }
}
