//! Yesterday's decisions under tomorrow's policy: every line of a decision log is judged again, at
//! the moment at which it was judged, and what comes out otherwise is told.
//!
//! A line that lacks what the policy asks for is *unknown*: where the outcome is the same whatever
//! the missing facts were, it is that; where it hangs on them, nothing is guessed.

mod human;
mod report;

#[cfg(test)]
mod tests;

pub use human::human;
pub use report::{Difference, Kind, Lacking, Report};

pub(super) use report::word;

use crate::decision::{self, Facts, NoRoute, Outcome, RouteIndex, Rules};
use crate::policy::{CriterionRef, Outcome as Said, Reads, Verdict};
use crate::wire::host::Authority;
use crate::workbench::asker::Asker;
use report::{Collected, Key, Place};

use super::log::{Past, People};

/// Most hosts that are kept.
const HOSTS: usize = 64;

/// Judges lines again and keeps what differs. Allocates nothing for a line that does not.
#[derive(Debug)]
pub struct Replay<'r> {
    rules: &'r Rules,
    /// Hosts as they were written, and what they are.
    hosts: Vec<(Box<str>, Authority<'static>)>,
    every_difference: bool,
    collected: Collected<'r>,
}

/// What a line comes to now.
enum Now<'r> {
    /// It is decided.
    Decided {
        outcome: Outcome,
        route: Option<RouteIndex>,
        verdict: Option<Verdict>,
        criterion: Option<CriterionRef<'r>>,
    },
    /// It hangs on what was not recorded.
    Unknown { route: Option<RouteIndex>, lacks: Lacks<'r> },
}

/// What a line lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::workbench) enum Lacks<'r> {
    /// What a criterion reads.
    Criterion(CriterionRef<'r>),
    /// The whole path.
    Path,
    /// A host that can be one.
    Host,
    /// All of the certificate that was shown.
    Certificate,
}

impl<'r> Replay<'r> {
    /// Judges under `rules`. With `every_difference`, lines with the same outcome on another route
    /// or for other reasons are told, too.
    pub fn new(rules: &'r Rules, every_difference: bool) -> Self {
        Self { rules, hosts: Vec::new(), every_difference, collected: Collected::default() }
    }

    /// Judges one line again.
    pub fn line(&mut self, past: &Past<'_>) {
        let now = self.judge(past);
        let person = past.somebody.as_ref().map(|somebody| somebody.person);
        match now {
            Now::Unknown { route, lacks } => {
                let place = self.place(route, past);
                self.collected.unknown(place, lacks, past.at, &past.id);
            }
            Now::Decided { outcome, route, verdict, criterion } => {
                let was = past.tail.outcome;
                let kind = match Kind::of(was, outcome) {
                    Some(kind) => kind,
                    None if self.every_difference && self.is_otherwise(past, route, verdict) => {
                        Kind::Other
                    }
                    None => return self.collected.same(),
                };
                let place = self.place(route, past);
                let key = Key { kind, place, criterion, was, now: outcome, person };
                self.collected.different(key, past.at, &past.id);
            }
        }
    }

    /// What was found, with the names of `people`.
    pub fn report(self, people: &People) -> Report {
        self.collected.report(self.rules, people)
    }

    fn judge(&mut self, past: &Past<'_>) -> Now<'r> {
        let Some(path) = past.path.as_deref() else {
            return Now::Unknown { route: None, lacks: Lacks::Path };
        };
        let known = self.host(&past.host).and_then(|known| self.hosts.get(known));
        let Some((_, authority)) = known else {
            return Now::Unknown { route: None, lacks: Lacks::Host };
        };
        let asker = past.somebody.as_ref().map(|somebody| &*somebody.asker);
        let facts = Facts {
            authority,
            method: &past.method,
            path,
            source_ip: past.ip,
            cors_preflight: past.cors_preflight,
            client_certificate: past.certificate.as_deref(),
            supposed: asker.and_then(|asker| asker.supposed.as_ref()),
        };
        let identity = asker.map(|asker| &asker.identity);
        let judged = match decision::judge(self.rules, &facts, identity, past.at) {
            Ok(judged) => judged,
            Err(NoRoute { .. }) => {
                return Now::Decided {
                    outcome: Outcome::NoRoute,
                    route: None,
                    verdict: None,
                    criterion: None,
                };
            }
        };
        let (route, verdict) = (Some(judged.route), Some(judged.verdict));
        let policy = self.rules.route(judged.route).map(|route| &route.policy);
        if past.certificate_cut && policy.is_some_and(|p| p.reads(Reads::ClientCertificate)) {
            return Now::Unknown { route, lacks: Lacks::Certificate };
        }
        let outcome = match judged.verdict.outcome().into() {
            // What that proxy asked for beside the policy would refuse again.
            Outcome::Allow if past.tail.by_question => Outcome::Deny,
            outcome => outcome,
        };
        let lacking = asker.is_some_and(Asker::is_incomplete);
        if !lacking && outcome == past.tail.outcome {
            return Now::Decided { outcome, route, verdict, criterion: None };
        }
        let question = decision::question(&facts, identity, past.at);
        if lacking
            && let Some(policy) = policy
            && policy.certain(&question).is_none()
            && let Some(criterion) = policy.first_unrecorded(&question)
        {
            return Now::Unknown { route, lacks: Lacks::Criterion(criterion) };
        }
        let criterion = policy.and_then(|policy| policy.first_deciding(&judged.verdict, &question));
        Now::Decided { outcome, route, verdict, criterion }
    }

    /// The place of a host among those that are known.
    fn host(&mut self, written: &str) -> Option<usize> {
        let known = self.hosts.iter().position(|(known, _)| &**known == written);
        if known.is_some() {
            return known;
        }
        let authority = Authority::parse(written).ok()?.into_owned();
        self.hosts.truncate(HOSTS - 1);
        self.hosts.push((written.into(), authority));
        Some(self.hosts.len() - 1)
    }

    fn place(&mut self, route: Option<RouteIndex>, past: &Past<'_>) -> Place {
        match (route, &past.route) {
            (Some(route), _) => Place::Now(route),
            (None, Some(id)) => self.collected.former(id),
            (None, None) => Place::Nowhere,
        }
    }

    /// Whether a line with the same outcome came to it otherwise.
    fn is_otherwise(
        &self,
        past: &Past<'_>,
        route: Option<RouteIndex>,
        verdict: Option<Verdict>,
    ) -> bool {
        let id = route.and_then(|route| self.rules.route(route)).map(|route| &*route.id);
        let reasons = verdict.map(|verdict| verdict.reasons());
        // Why nobody was signed in is no reason of a policy, and is not judged again.
        let comparable = verdict.is_some_and(|verdict| verdict.outcome() != Said::SignIn);
        let differ = past.tail.reasons.is_some_and(|was| Some(was) != reasons);
        id != past.route.as_deref() || (comparable && differ)
    }
}
