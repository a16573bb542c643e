//! What a shadow policy would have decided otherwise, read from the decision log: who would have
//! lost or gained access, where, since when; and whether it is safe to promote.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use serde::Serialize;

use super::log::{People, Recorded, Scanned};
use super::occurrences::{self, Occurrences, PersonCount};
use super::replay::{Kind, word};
use super::text::{counted, grouped};
use crate::base::log_text::for_log;
use crate::base::time::Timestamp;
use crate::decision::Outcome;
use crate::policy::{Reason, ReasonSet};

/// Counts what a shadow said, line by line.
#[derive(Debug, Default)]
pub struct Shadows {
    since: Option<Timestamp>,
    asked: u64,
    between: Option<(Timestamp, Timestamp)>,
    people: BTreeSet<usize>,
    /// Routes by their ids, so that a key is small.
    routes: Vec<String>,
    different: HashMap<Key, Occurrences>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    kind: Kind,
    route: usize,
    was: Outcome,
    would: Outcome,
    reasons: ReasonSet,
    person: Option<usize>,
}

/// What the shadow would have changed.
#[derive(Clone, Debug, Serialize)]
pub struct ShadowReport {
    /// Whether it may be promoted.
    pub verdict: Promotion,
    /// Decisions at which a shadow was asked.
    pub asked: u64,
    /// The first of them.
    pub first: Option<String>,
    /// The last of them.
    pub last: Option<String>,
    /// How many different people these were.
    pub people: usize,
    /// Where a shadow was asked.
    pub routes: Vec<String>,
    /// What it would have decided otherwise, those who would have gained access first.
    pub differences: Vec<ShadowDifference>,
}

/// Whether a shadow may be promoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Promotion {
    /// It decided everything as the real policy did.
    Safe,
    /// It would have decided something otherwise.
    Changes,
    /// The log cannot tell: no shadow was asked, or decisions are missing from the log.
    Unsure,
}

/// Decisions that would have come out otherwise in the same way.
#[derive(Clone, Debug, Serialize)]
pub struct ShadowDifference {
    /// In which way.
    pub kind: Kind,
    /// On which route.
    pub route: String,
    /// What was decided.
    #[serde(serialize_with = "word")]
    pub was: Outcome,
    /// What the shadow would have decided.
    #[serde(serialize_with = "word")]
    pub would_be: Outcome,
    /// Why.
    pub reasons: Vec<&'static str>,
    /// How often.
    pub count: u64,
    /// Whose requests, who asked most first.
    pub people: Vec<PersonCount>,
}

impl Shadows {
    /// Counts what happened at `since` or later; everything where it is `None`.
    pub fn new(since: Option<Timestamp>) -> Self {
        Self { since, ..Self::default() }
    }

    /// Takes one line in.
    pub fn line(&mut self, recorded: &Recorded<'_>) {
        if self.since.is_some_and(|since| recorded.at < since) {
            return;
        }
        let Some(shadow) = recorded.decision.shadow else { return };
        self.asked += 1;
        let (first, last) = self.between.unwrap_or((recorded.at, recorded.at));
        self.between = Some((first.min(recorded.at), last.max(recorded.at)));
        let person = recorded.somebody.as_ref().map(|somebody| somebody.person);
        self.people.extend(person);
        let id = recorded.route.as_deref().unwrap_or("no route");
        let known = self.routes.iter().position(|route| route == id);
        let route = known.unwrap_or_else(|| {
            self.routes.push(id.to_owned());
            self.routes.len() - 1
        });
        let (was, would) = (recorded.decision.outcome, shadow.outcome);
        let Some(kind) = Kind::of(was, would) else { return };
        let reasons = shadow.reasons.unwrap_or(ReasonSet::EMPTY);
        let key = Key { kind, route, was, would, reasons, person };
        self.different.entry(key).or_default().add(recorded.at, &recorded.id);
    }

    /// What was found, with the names of `people`.
    pub fn report(self, people: &People, scanned: &Scanned) -> ShadowReport {
        let mut differences: Vec<ShadowDifference> = Vec::new();
        let mut lines: Vec<_> = self.different.into_iter().collect();
        let route = |key: &Key| self.routes.get(key.route).cloned().unwrap_or_default();
        lines.sort_by_key(|(key, _)| {
            let reasons: Vec<Reason> = key.reasons.iter().collect();
            (key.kind, route(key), key.was, key.would, reasons, key.person)
        });
        for (key, lines) in lines {
            let reasons: Vec<_> = key.reasons.iter().map(Reason::word).collect();
            let same = |found: &ShadowDifference| {
                (found.kind, found.was, found.would_be) == (key.kind, key.was, key.would)
                    && found.route == route(&key)
                    && found.reasons == reasons
            };
            let person = key.person.and_then(|person| people.get(person));
            if !differences.last().is_some_and(same) {
                differences.push(ShadowDifference {
                    kind: key.kind,
                    route: route(&key),
                    was: key.was,
                    would_be: key.would,
                    reasons,
                    count: 0,
                    people: Vec::new(),
                });
            }
            if let Some(found) = differences.last_mut() {
                found.count += lines.count;
                found.people.push(PersonCount::of(person, lines));
            }
        }
        for found in &mut differences {
            occurrences::sort(&mut found.people);
        }
        let incomplete = scanned.dropped > 0 || scanned.broken > 0;
        let verdict = match (differences.is_empty(), self.asked) {
            (false, _) => Promotion::Changes,
            (true, 0) => Promotion::Unsure,
            (true, _) if incomplete => Promotion::Unsure,
            (true, _) => Promotion::Safe,
        };
        let (first, last) = self.between.unzip();
        ShadowReport {
            verdict,
            asked: self.asked,
            first: first.map(|at| at.to_string()),
            last: last.map(|at| at.to_string()),
            people: self.people.len(),
            routes: self.routes,
            differences,
        }
    }
}

/// The report as text.
pub fn human(report: &ShadowReport, scanned: &Scanned) -> String {
    let mut text = String::new();
    for kind in Kind::TOLD {
        let found: Vec<_> = report.differences.iter().filter(|found| found.kind == kind).collect();
        if found.is_empty() {
            continue;
        }
        let _ = writeln!(text, "{}: {}", would_have(kind), grouped(count(report, kind)));
        let mut route = None;
        for difference in found {
            if route != Some(&difference.route) {
                let _ = writeln!(text, "  {}", for_log(&difference.route));
                route = Some(&difference.route);
            }
            let _ = writeln!(
                text,
                "    was {}, would be {} ({}): {}",
                difference.was.word(),
                difference.would_be.word(),
                difference.reasons.join(" "),
                grouped(difference.count)
            );
            occurrences::tell(&difference.people, "      ", &mut text);
        }
        text.push('\n');
    }
    for remark in scanned.remarks() {
        let _ = writeln!(text, "{remark}");
    }
    text + &verdict(report)
}

fn would_have(kind: Kind) -> &'static str {
    match kind {
        Kind::NewlyAllowed => "would have gained access",
        Kind::NewlyDenied => "would have lost access",
        Kind::NewlyAskedToSignIn => "would have been asked to sign in",
        Kind::Other => "the same by another way",
    }
}

fn count(report: &ShadowReport, kind: Kind) -> u64 {
    report.differences.iter().filter(|found| found.kind == kind).map(|found| found.count).sum()
}

/// The one line that everybody reads.
fn verdict(report: &ShadowReport) -> String {
    let decisions = counted(report.asked, "decision");
    let people = if report.people == 1 { "1 person" } else { &format!("{} people", report.people) };
    let since = report.first.as_deref().map_or(String::new(), |first| format!(" since {first}"));
    let asked = format!("{decisions} of {people}{since}");
    match report.verdict {
        Promotion::Safe => format!("safe to promote: {asked}, and none would have differed\n"),
        Promotion::Changes => {
            let parts: Vec<String> = Kind::TOLD
                .into_iter()
                .map(|kind| (count(report, kind), would_have(kind)))
                .filter(|(count, _)| *count > 0)
                .map(|(count, words)| format!("{} {words}", grouped(count)))
                .collect();
            format!("not safe to promote: of {asked}, {}\n", parts.join(", "))
        }
        Promotion::Unsure if report.asked == 0 => {
            "nothing to go by: no shadow was asked at any decision of this log; a route has one by \
             `shadow_policy`\n"
                .to_owned()
        }
        Promotion::Unsure => {
            format!("cannot tell: none of {asked} would have differed, but the log is not whole\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::workbench::log::tests::{Written, allowed, session};
    use crate::workbench::log::{Read, Reader};

    fn report(lines: &[Written<'_>], since: Option<i64>, scanned: &Scanned) -> ShadowReport {
        let (mut reader, mut shadows) = (Reader::default(), Shadows::new(since.map(Timestamp)));
        for line in lines {
            let text = line.line();
            let Ok(Read::Decision(recorded)) = reader.read(text.trim_end()) else {
                panic!("{text}")
            };
            shadows.line(&recorded);
        }
        shadows.report(&reader.people, scanned)
    }

    #[test]
    fn who_would_have_lost_or_gained_is_told_and_the_verdict_follows() {
        let ann =
            session(&json!({"sub": "001", "email": "ann@corp.example", "email_verified": true}));
        let same = Written { shadow: Some(Outcome::Allow), ..allowed(Some(&ann)) };
        let lost =
            Written { shadow: Some(Outcome::Deny), at: 1_800_000_900, ..allowed(Some(&ann)) };
        let gained =
            Written { outcome: Outcome::SignIn, shadow: Some(Outcome::Allow), ..allowed(None) };
        let lines = [same.clone(), lost.clone(), lost, gained, allowed(Some(&ann))];
        let whole = Scanned::default();
        let found = report(&lines, None, &whole);
        assert_eq!((found.asked, found.people, found.verdict), (4, 1, Promotion::Changes));
        let kinds: Vec<_> =
            found.differences.iter().map(|found| (found.kind, found.count)).collect();
        assert_eq!(kinds, [(Kind::NewlyAllowed, 1), (Kind::NewlyDenied, 2)]);
        let text = human(&found, &whole);
        assert!(text.contains("would have lost access: 2\n  wiki\n    was allow, would be deny (reject): 2\n      ann@corp.example (001): 2 times, "), "{text}");
        assert!(text.ends_with("not safe to promote: of 4 decisions of 1 person since 2027-01-15T08:00:00Z, 1 would have gained access, 2 would have lost access\n"), "{text}");

        let later = report(&lines, Some(1_800_000_900), &whole);
        assert_eq!((later.asked, later.differences.len()), (2, 1));
        let safe = report(std::slice::from_ref(&same), None, &whole);
        assert_eq!(safe.verdict, Promotion::Safe);
        assert!(human(&safe, &whole).starts_with("safe to promote: 1 decision of 1 person"));
    }

    #[test]
    fn a_log_that_cannot_tell_promises_nothing() {
        let whole = Scanned::default();
        let nothing = report(&[allowed(None)], None, &whole);
        assert_eq!(nothing.verdict, Promotion::Unsure);
        assert!(human(&nothing, &whole).starts_with("nothing to go by"));
        let dropped = Scanned { dropped: 3, ..Scanned::default() };
        let same = Written { shadow: Some(Outcome::Allow), ..allowed(None) };
        let unsure = report(&[same], None, &dropped);
        assert_eq!(unsure.verdict, Promotion::Unsure);
        let text = human(&unsure, &dropped);
        assert!(
            text.contains("3 decisions were not recorded") && text.contains("cannot tell"),
            "{text}"
        );
    }
}
