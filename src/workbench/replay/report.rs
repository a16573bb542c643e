//! What a replay found, put together by route, rule and person.

use std::collections::HashMap;

use serde::{Serialize, Serializer};

use super::{NotRecorded, People};
use crate::base::time::Timestamp;
use crate::decision::{Outcome, RouteIndex, Rules};
use crate::policy::CriterionRef;
use crate::workbench::occurrences::{self, Occurrences, PersonCount};

/// How an outcome differs from the one before. In the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It passes, and did not.
    NewlyAllowed,
    /// It is refused, and was not; or no route has it any more.
    NewlyDenied,
    /// The person is asked to sign in, and was not.
    NewlyAskedToSignIn,
    /// The outcome is the same, by another route or for other reasons.
    Other,
}

impl Kind {
    /// The kinds that are always told.
    pub const TOLD: [Self; 3] = [Self::NewlyAllowed, Self::NewlyDenied, Self::NewlyAskedToSignIn];

    /// How `now` differs from `was`; `None` where nobody would notice.
    pub fn of(was: Outcome, now: Outcome) -> Option<Self> {
        match (was, now) {
            (Outcome::Allow, Outcome::Allow)
            | (Outcome::SignIn, Outcome::SignIn)
            | (Outcome::Deny | Outcome::NoRoute, Outcome::Deny | Outcome::NoRoute) => None,
            (_, Outcome::Allow) => Some(Self::NewlyAllowed),
            (_, Outcome::SignIn) => Some(Self::NewlyAskedToSignIn),
            (_, Outcome::Deny | Outcome::NoRoute) => Some(Self::NewlyDenied),
        }
    }

    /// The words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::NewlyAllowed => "newly allowed",
            Self::NewlyDenied => "newly denied",
            Self::NewlyAskedToSignIn => "newly asked to sign in",
            Self::Other => "the same by another way",
        }
    }
}

/// What a replay found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Lines that came out as before.
    pub same: u64,
    /// Lines that came out otherwise, newly allowed first.
    pub differences: Vec<Difference>,
    /// Lines that depend on what was not recorded.
    pub unknown: Vec<UnknownLines>,
}

/// Lines that came out otherwise in the same way.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// In which way.
    pub kind: Kind,
    /// The route that decides now; the one that decided then where none does.
    pub route: String,
    /// The rule on which it rests now; `None` where there is no route or no rule.
    pub rule: Option<String>,
    /// The criterion on which it rests now.
    pub criterion: Option<String>,
    /// What was decided then.
    #[serde(serialize_with = "word")]
    pub was: Outcome,
    /// What is decided now.
    #[serde(serialize_with = "word")]
    pub now: Outcome,
    /// How many lines.
    pub count: u64,
    /// Whose they are, who asked most first.
    pub people: Vec<PersonCount>,
}

/// Lines whose outcome depends on the same missing fact.
#[derive(Clone, Debug, Serialize)]
pub struct UnknownLines {
    /// The route that would decide.
    pub route: String,
    /// The rule that asks for it.
    pub rule: Option<String>,
    /// What is missing: the criterion that reads it, or `path`, `host`.
    #[serde(rename = "lacks")]
    pub missing: String,
    /// How many lines.
    pub count: u64,
    /// The first few requests.
    pub ids: Vec<String>,
}

impl Report {
    /// Lines of this kind.
    pub fn count(&self, kind: Kind) -> u64 {
        self.differences.iter().filter(|found| found.kind == kind).map(|found| found.count).sum()
    }

    /// Lines that depend on what was not recorded.
    pub fn unknown_count(&self) -> u64 {
        self.unknown.iter().map(|lines| lines.count).sum()
    }

    /// Whether somebody would notice.
    pub fn changes(&self) -> bool {
        self.differences.iter().any(|found| found.kind != Kind::Other)
    }
}

/// Where a line belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Place {
    /// A route of the new configuration.
    Now(RouteIndex),
    /// A route that only the log knows.
    Former(usize),
    /// No route, then or now.
    Nowhere,
}

/// Lines that differ alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key<'r> {
    pub(super) kind: Kind,
    pub(super) place: Place,
    pub(super) criterion: Option<CriterionRef<'r>>,
    pub(super) was: Outcome,
    pub(super) now: Outcome,
    pub(super) person: Option<usize>,
}

/// Counts of a replay that is running.
#[derive(Debug, Default)]
pub(super) struct Collected<'r> {
    same: u64,
    different: HashMap<Key<'r>, Occurrences>,
    unknown: HashMap<(Place, NotRecorded<'r>), Occurrences>,
    former: Vec<String>,
}

impl<'r> Collected<'r> {
    pub(super) fn same(&mut self) {
        self.same += 1;
    }

    /// A route that the rules do not have.
    pub(super) fn former(&mut self, id: &str) -> Place {
        let known = self.former.iter().position(|known| known == id);
        Place::Former(known.unwrap_or_else(|| {
            self.former.push(id.to_owned());
            self.former.len() - 1
        }))
    }

    pub(super) fn different(&mut self, key: Key<'r>, at: Timestamp, id: &str) {
        self.different.entry(key).or_default().add(at, id);
    }

    pub(super) fn unknown(
        &mut self,
        place: Place,
        missing: NotRecorded<'r>,
        at: Timestamp,
        id: &str,
    ) {
        self.unknown.entry((place, missing)).or_default().add(at, id);
    }

    pub(super) fn report(self, rules: &Rules, people: &People) -> Report {
        let name = |place: Place| match place {
            Place::Now(route) => rules.route(route).map(|route| route.id.to_string()),
            Place::Former(index) => self.former.get(index).cloned(),
            Place::Nowhere => None,
        };
        let name = |place| name(place).unwrap_or_else(|| "no route".to_owned());
        let mut sorted: Vec<_> = self.different.into_iter().collect();
        sorted.sort_by_key(|(key, _)| *key);
        let mut differences: Vec<(Key<'_>, Difference)> = Vec::new();
        for (key, lines) in sorted {
            let group = Key { person: None, ..key };
            if differences.last().is_none_or(|(last, _)| *last != group) {
                let (rule, criterion) =
                    key.criterion.map(|g| (g.rule.to_owned(), g.criterion.to_owned())).unzip();
                let Key { kind, was, now, .. } = key;
                let (route, count, people) = (name(key.place), 0, Vec::new());
                let found = Difference { kind, route, rule, criterion, was, now, count, people };
                differences.push((group, found));
            }
            if let Some((_, found)) = differences.last_mut() {
                found.count += lines.count;
                let known = key.person.and_then(|person| people.get(person));
                found.people.push(PersonCount::of(known, lines));
            }
        }
        for (_, found) in &mut differences {
            occurrences::sort(&mut found.people);
        }
        let mut unknown: Vec<_> = self.unknown.into_iter().collect();
        unknown.sort_by_key(|(key, _)| *key);
        let unknown = unknown.into_iter().map(|((place, missing), lines)| {
            let (rule, missing) = match missing {
                NotRecorded::Criterion(criterion) => {
                    (Some(criterion.rule.to_owned()), criterion.criterion)
                }
                NotRecorded::Path => (None, "path"),
                NotRecorded::Host => (None, "host"),
                NotRecorded::Certificate => (None, "client_certificate"),
            };
            let Occurrences { count, ids, .. } = lines;
            UnknownLines { route: name(place), rule, missing: missing.to_owned(), count, ids }
        });
        Report {
            same: self.same,
            unknown: unknown.collect(),
            differences: differences.into_iter().map(|(_, found)| found).collect(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub(in crate::workbench) fn word<S: Serializer>(
    outcome: &Outcome,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(outcome.word())
}
