//! Fields that are kept as they are in the line until somebody asks: most readers never do.

use std::borrow::Cow;

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Text;
use crate::identity;
use crate::policy::ReasonSet;

/// A list of words. Reading it does not look into it.
#[derive(Clone, Debug)]
pub struct Words<'a>(Kind<'a>);

#[derive(Clone, Debug)]
enum Kind<'a> {
    Reasons(ReasonSet),
    List(Cow<'a, [&'a str]>),
    Read(&'a RawValue),
}

impl<'a> Words<'a> {
    /// The words, in their order. What is not a list of texts is empty.
    pub fn to_vec(&self) -> Vec<Cow<'a, str>> {
        match &self.0 {
            Kind::Reasons(set) => set.iter().map(|reason| Cow::Borrowed(reason.word())).collect(),
            Kind::List(list) => list.iter().map(|word| Cow::Borrowed(*word)).collect(),
            Kind::Read(raw) => {
                let words: Vec<Text<'a>> = serde_json::from_str(raw.get()).unwrap_or_default();
                words.into_iter().map(|word| word.0).collect()
            }
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Kind::Reasons(set) => set.is_empty(),
            Kind::List(list) => list.is_empty(),
            Kind::Read(raw) => raw.get() == "[]",
        }
    }
}

impl From<ReasonSet> for Words<'_> {
    fn from(reasons: ReasonSet) -> Self {
        Self(Kind::Reasons(reasons))
    }
}

impl<'a> From<&'a [&'a str]> for Words<'a> {
    fn from(words: &'a [&'a str]) -> Self {
        Self(Kind::List(Cow::Borrowed(words)))
    }
}

impl<'a> From<Vec<&'a str>> for Words<'a> {
    fn from(words: Vec<&'a str>) -> Self {
        Self(Kind::List(Cow::Owned(words)))
    }
}

impl Serialize for Words<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Kind::Reasons(set) => set.serialize(serializer),
            Kind::List(list) => list.serialize(serializer),
            Kind::Read(raw) => raw.serialize(serializer),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Words<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|raw| Self(Kind::Read(raw)))
    }
}

/// The claims of a line: all of the session's but `sub`, `email` and those that redaction keeps
/// out. Reading them does not look into them.
#[derive(Clone, Debug)]
pub struct Claims<'a>(Source<'a>);

#[derive(Clone, Debug)]
enum Source<'a> {
    Session { claims: &'a identity::Claims, without: Vec<&'a str> },
    Read(&'a RawValue),
}

/// Claims that have a field of their own.
pub(super) const ELSEWHERE: [&str; 2] = ["sub", "email"];

impl<'a> Claims<'a> {
    /// Those of a session, without the ones named and those that have a field of their own.
    pub(super) fn of(claims: &'a identity::Claims, without: Vec<&'a str>) -> Self {
        Self(Source::Session { claims, without })
    }

    /// The JSON object as it stands in the line; `None` for a line that was not read. The same
    /// person's claims are the same text from line to line, which saves reading them again.
    pub fn raw(&self) -> Option<&'a str> {
        match &self.0 {
            Source::Session { .. } => None,
            Source::Read(raw) => Some(raw.get()),
        }
    }

    /// The claims by name; what is not an object is empty.
    pub fn to_map(&self) -> Map<String, Value> {
        match &self.0 {
            Source::Session { .. } => {
                self.kept().map(|(name, value)| (name.to_owned(), value.clone())).collect()
            }
            Source::Read(raw) => serde_json::from_str(raw.get()).unwrap_or_default(),
        }
    }

    fn kept(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let (claims, without) = match &self.0 {
            Source::Session { claims, without } => (Some(*claims), without.as_slice()),
            Source::Read(_) => (None, [].as_slice()),
        };
        let all = claims.into_iter().flat_map(identity::Claims::iter);
        all.filter(move |(name, _)| !ELSEWHERE.contains(name) && !without.contains(name))
    }
}

impl Serialize for Claims<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Source::Read(raw) => raw.serialize(serializer),
            Source::Session { .. } => {
                let mut map = serializer.serialize_map(None)?;
                for (name, value) in self.kept() {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Claims<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|raw| Self(Source::Read(raw)))
    }
}
