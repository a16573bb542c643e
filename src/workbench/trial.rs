//! What a supposed request would meet, from its first look to the HTTP answer.

use http::StatusCode;
use serde_json::{Value, json};

use super::person::Person;
use super::request::Supposed;
use super::tree;
use crate::base::diagnostic::Sources;
use crate::base::time::Timestamp;
use crate::decision::{self, Facts, NoRoute, RouteIndex, Rules};
use crate::gateway::{self, Malformed};
use crate::identity::Identity;
use crate::policy::{Explanation, Missing, Outcome, Policy};

/// What a request would meet.
#[derive(Debug)]
pub enum Met {
    /// It is refused before anything is decided.
    Malformed(Malformed),
    /// It is for an endpoint of Russet's own.
    Ours,
    /// No route has it.
    NoRoute(NoRoute),
    /// A policy decides.
    Decided {
        /// Of which route.
        route: RouteIndex,
        /// What it says, and why.
        explanation: Box<Explanation>,
    },
}

/// A request that was tried.
#[derive(Debug)]
pub struct Trial {
    /// What it met.
    pub met: Met,
    /// The status of the answer; for what is allowed 200, where the application has its own say.
    pub status: StatusCode,
}

/// The reasons that no policy gives, for what is refused before one is asked.
pub const OWN_REASONS: [&str; 9] = [
    "bad_host",
    "bad_method",
    "bad_path",
    "misdirected",
    "pomerium-route",
    "route-not-found",
    "target_too_long",
    "underscore_in_header",
    "unknown-host",
];

/// What comes out, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It passes.
    Allow,
    /// It is refused.
    Deny,
    /// The person is asked to sign in first.
    Login,
}

impl Word {
    /// The word that cases and JSON use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Login => "login",
        }
    }
}

impl Trial {
    /// Asks the rules, as the gateway would.
    pub fn run(rules: &Rules, request: &Supposed, person: Option<&Person>, now: Timestamp) -> Self {
        let now = request.time.unwrap_or(now);
        let read = match request.read() {
            Ok(read) => read,
            Err(malformed) => {
                return Self {
                    met: Met::Malformed(malformed),
                    status: gateway::status_of(malformed),
                };
            }
        };
        if rules.knows_host(read.authority.host()) && gateway::is_reserved(&read.path) {
            return Self { met: Met::Ours, status: StatusCode::OK };
        }
        let asker = person.map(|person| person.asker(now));
        let supposed = asker.as_ref().and_then(|asker| asker.supposed.as_ref());
        let facts = Facts { supposed, ..read.facts() };
        let identity = asker.as_ref().map(|asker| &asker.identity);
        Self::decide(rules, &facts, identity, request.is_page_load(), now)
    }

    /// Asks the policies about a request that is read already.
    pub fn decide(
        rules: &Rules,
        facts: &Facts<'_>,
        identity: Option<&Identity>,
        page_load: bool,
        now: Timestamp,
    ) -> Self {
        let judged = decision::judge(rules, facts, identity, now);
        let explained = decision::explain(rules, facts, identity, now);
        match judged.and_then(|judged| Ok((judged, explained?))) {
            Err(no_route) => Self { met: Met::NoRoute(no_route), status: StatusCode::NOT_FOUND },
            Ok((judged, (route, explanation))) => {
                let status = match judged.verdict.status(page_load) {
                    _ if facts.path == gateway::ROBOTS => StatusCode::OK,
                    status => StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN),
                };
                Self { met: Met::Decided { route, explanation: Box::new(explanation) }, status }
            }
        }
    }

    /// The outcome in one word. What no policy decides on is refused, but for our own endpoints.
    pub fn word(&self) -> Word {
        match &self.met {
            Met::Malformed(_) | Met::NoRoute(_) => Word::Deny,
            Met::Ours => Word::Allow,
            Met::Decided { explanation, .. } => match explanation.outcome {
                Outcome::Allow => Word::Allow,
                Outcome::SignIn => Word::Login,
                Outcome::Deny => Word::Deny,
            },
        }
    }

    /// The reason codes.
    pub fn reasons(&self) -> Vec<&'static str> {
        match &self.met {
            Met::Malformed(malformed) => vec![malformed.code()],
            Met::Ours => vec!["pomerium-route"],
            Met::NoRoute(NoRoute { known_host: true }) => vec!["route-not-found"],
            Met::NoRoute(NoRoute { known_host: false }) => vec!["unknown-host"],
            Met::Decided { explanation, .. } => {
                explanation.reasons.iter().map(|reason| reason.word()).collect()
            }
        }
    }

    /// The claims that are absent, or that nothing can be decided on, and that stand in the way.
    pub fn missing(&self) -> Vec<String> {
        let Met::Decided { explanation, .. } = &self.met else { return Vec::new() };
        let mut names: Vec<String> = Vec::new();
        for missing in &explanation.missing {
            let name = match missing {
                Missing::Different { .. } => None,
                other => other.claim().map(str::to_owned),
            };
            if let Some(name) = name.filter(|name| !names.contains(name)) {
                names.push(name);
            }
        }
        names
    }

    /// The evidence, where a policy decided.
    pub fn explanation(&self) -> Option<&Explanation> {
        match &self.met {
            Met::Decided { explanation, .. } => Some(explanation),
            Met::Malformed(_) | Met::Ours | Met::NoRoute(_) => None,
        }
    }

    /// The name of the route, where there is one.
    pub fn route<'r>(&self, rules: &'r Rules) -> Option<&'r str> {
        match self.met {
            Met::Decided { route, .. } => rules.route(route).map(|route| &*route.id),
            Met::Malformed(_) | Met::Ours | Met::NoRoute(_) => None,
        }
    }

    /// The policy that was asked.
    pub(super) fn policy<'r>(&self, rules: &'r Rules) -> Option<&'r Policy> {
        match self.met {
            Met::Decided { route, .. } => rules.route(route).map(|route| &route.policy),
            Met::Malformed(_) | Met::Ours | Met::NoRoute(_) => None,
        }
    }

    /// For people: why there is no tree, where there is none.
    pub fn instead(&self) -> Option<String> {
        Some(match &self.met {
            Met::Malformed(malformed) => {
                format!("refused before anything is decided: {malformed}")
            }
            Met::Ours => "an address of Russet's own; no policy is asked".to_owned(),
            Met::NoRoute(NoRoute { known_host: true }) => {
                "no route of this host has the path".to_owned()
            }
            Met::NoRoute(NoRoute { known_host: false }) => "no route has the host".to_owned(),
            Met::Decided { .. } => return None,
        })
    }

    /// For programs: `{route, outcome, status, reasons, missing, tree}`.
    pub fn as_json(&self, rules: &Rules, sources: &Sources) -> Value {
        json!({
            "route": self.route(rules),
            "outcome": self.word().as_str(),
            "status": self.status.as_u16(),
            "reasons": self.reasons(),
            "missing": self.missing(),
            "tree": self.explanation().map(|explanation| tree::as_json(explanation, sources)),
        })
    }
}
