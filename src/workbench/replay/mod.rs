//! Yesterday's decisions under tomorrow's policy: every line of a decision log is judged again, at
//! the moment at which it was judged, and what comes out otherwise is told.
//!
//! A line without what the policy asks for is *unknown*: where the outcome is the same whatever
//! the missing facts were, it is that; where it depends on them, nothing is guessed.

mod human;
mod report;

#[cfg(test)]
mod tests;

pub use human::human;
pub use report::{Difference, Kind, Report, UnknownLines};

pub(super) use report::word;

use crate::decision::{Face, Facts, NoRoute, NotSignedIn, Outcome, RouteIndex, Rules, judge};
use crate::policy::{CriterionRef, Outcome as Said, Reads, Verdict};
use crate::wire::host::Authority;
use crate::workbench::asker::Asker;
use report::{Collected, Key, Place};

use super::log::{People, Recorded};

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
    /// It depends on what was not recorded.
    Unknown { route: Option<RouteIndex>, missing: NotRecorded<'r> },
}

/// What a line does not hold and the policy asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::workbench) enum NotRecorded<'r> {
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
    pub fn line(&mut self, recorded: &Recorded<'_>) {
        let now = self.judge(recorded);
        let person = recorded.somebody.as_ref().map(|somebody| somebody.person);
        match now {
            Now::Unknown { route, missing } => {
                let place = self.place(route, recorded);
                self.collected.unknown(place, missing, recorded.at, &recorded.id);
            }
            Now::Decided { outcome, route, verdict, criterion } => {
                let was = recorded.decision.outcome;
                let kind = match Kind::of(was, outcome) {
                    Some(kind) => kind,
                    None if self.every_difference
                        && self.is_otherwise(recorded, route, verdict) =>
                    {
                        Kind::Other
                    }
                    None => return self.collected.same(),
                };
                let place = self.place(route, recorded);
                let key = Key { kind, place, criterion, was, now: outcome, person };
                self.collected.different(key, recorded.at, &recorded.id);
            }
        }
    }

    /// What was found, with the names of `people`.
    pub fn report(self, people: &People) -> Report {
        self.collected.report(self.rules, people)
    }

    fn judge(&mut self, recorded: &Recorded<'_>) -> Now<'r> {
        let Some(path) = recorded.path.as_deref() else {
            return Now::Unknown { route: None, missing: NotRecorded::Path };
        };
        let known = self.host(&recorded.host).and_then(|known| self.hosts.get(known));
        let Some((_, authority)) = known else {
            return Now::Unknown { route: None, missing: NotRecorded::Host };
        };
        let asker = recorded.somebody.as_ref().map(|somebody| &*somebody.asker);
        let facts = Facts {
            face: Face::PolicyTool,
            now: recorded.at,
            authority,
            method: &recorded.method,
            path,
            source_ip: recorded.ip,
            cors_preflight: recorded.cors_preflight,
            client_certificate: recorded.certificate.as_deref(),
            supposed: asker.and_then(|asker| asker.supposed.as_ref()),
        };
        let identity = asker.map(|asker| &asker.identity);
        let judgement = judge(self.rules, &facts, identity.ok_or(NotSignedIn::NoCookie));
        let judged = match judgement.judged() {
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
        if recorded.certificate_cut && policy.is_some_and(|p| p.reads(Reads::ClientCertificate)) {
            return Now::Unknown { route, missing: NotRecorded::Certificate };
        }
        let outcome = match judged.verdict.outcome().into() {
            // What that proxy asked for in addition to the policy would refuse again.
            Outcome::Allow if recorded.decision.by_question => Outcome::Deny,
            outcome => outcome,
        };
        let incomplete = asker.is_some_and(Asker::is_incomplete);
        if !incomplete && outcome == recorded.decision.outcome {
            return Now::Decided { outcome, route, verdict, criterion: None };
        }
        let question = facts.question(identity);
        if incomplete
            && let Some(policy) = policy
            && policy.certain(&question).is_none()
            && let Some(criterion) = policy.first_unrecorded(&question)
        {
            return Now::Unknown { route, missing: NotRecorded::Criterion(criterion) };
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

    fn place(&mut self, route: Option<RouteIndex>, recorded: &Recorded<'_>) -> Place {
        match (route, &recorded.route) {
            (Some(route), _) => Place::Now(route),
            (None, Some(id)) => self.collected.former(id),
            (None, None) => Place::Nowhere,
        }
    }

    /// Whether a line with the same outcome came to it otherwise.
    fn is_otherwise(
        &self,
        recorded: &Recorded<'_>,
        route: Option<RouteIndex>,
        verdict: Option<Verdict>,
    ) -> bool {
        let id = route.and_then(|route| self.rules.route(route)).map(|route| &*route.id);
        let reasons = verdict.map(|verdict| verdict.reasons());
        // Why nobody was signed in is not a reason of a policy, and is not judged again.
        let comparable = verdict.is_some_and(|verdict| verdict.outcome() != Said::SignIn);
        let differ = recorded.decision.reasons.is_some_and(|was| Some(was) != reasons);
        id != recorded.route.as_deref() || (comparable && differ)
    }
}
