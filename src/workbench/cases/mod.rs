//! Case files: what somebody expects of their policies, in YAML.
//!
//! A file has `tests`, and may name people (`identities`) and requests (`requests`) once and use
//! them by name; `tables` are identities times requests, so that a whole access matrix is a page.

mod fields;
mod read;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::person::Person;
use super::request::Supposed;
use crate::base::node::Place;
use crate::decision::Outcome;

pub use read::{read, read_person};

/// Nobody is signed in: what a row, or a case without `identity`, says.
pub const NOBODY: &str = "nobody";

/// Everything that one file says.
#[derive(Debug, Default)]
pub struct CaseFile {
    /// Its name as it was given.
    pub name: String,
    /// Its people by name, in order.
    pub identities: Vec<(String, Arc<Person>)>,
    /// Its cases in order, tables spread out.
    pub cases: Vec<Case>,
    /// Every group that it says somebody is in, and where.
    pub groups: Vec<(String, Place)>,
}

/// One thing that somebody expects.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it is called; a cell of a table is called after table, row and column.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// Who asks; `None` where nobody is signed in.
    pub person: Option<Arc<Person>>,
    /// What is asked for.
    pub request: Arc<Supposed>,
    /// What should come of it.
    pub expect: Expect,
}

/// What should come of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// The outcome.
    pub outcome: Option<Outcome>,
    /// These reasons; others may come in addition.
    pub reasons: Vec<String>,
    /// The status of the answer.
    pub status: Option<u16>,
}

impl CaseFile {
    /// The people that appear anywhere in it, each once: those with a name under it, the others
    /// under their address or `sub`, numbered where that is taken.
    pub fn people(&self) -> Vec<(String, Arc<Person>)> {
        let mut people = self.identities.clone();
        for person in self.cases.iter().filter_map(|case| case.person.as_ref()) {
            if people.iter().any(|(_, known)| known == person) {
                continue;
            }
            let taken = |name: &str| people.iter().any(|(other, _)| other == name);
            let mut name = person.name().to_owned();
            let mut number = 2;
            while taken(&name) {
                name = format!("{}, {number}", person.name());
                number += 1;
            }
            people.push((name, person.clone()));
        }
        people
    }
}

impl std::fmt::Display for Expect {
    /// `deny (email-unauthorized), status 403`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        if let Some(outcome) = self.outcome {
            parts.push(outcome.word().to_owned());
        }
        if !self.reasons.is_empty() {
            parts.push(format!("because of {}", self.reasons.join(", ")));
        }
        if let Some(status) = self.status {
            parts.push(format!("status {status}"));
        }
        f.write_str(&parts.join(", "))
    }
}
