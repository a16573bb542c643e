//! What a supposed request would meet, from its first look to the HTTP answer.

use http::StatusCode;
use serde_json::{Value, json};

use super::evidence_tree;
use super::person::Person;
use super::request::Supposed;
use crate::base::diagnostic::Sources;
use crate::base::time::Timestamp;
use crate::decision::{Facts, Judged, NoRoute, NotSignedIn, Outcome, RouteIndex, Rules, judge};
use crate::gateway::{self, Malformed};
use crate::identity::Identity;
use crate::policy::{Explanation, Missing, Policy};

/// How far a request gets, and what it finds there.
#[derive(Debug)]
pub enum Found {
    /// It is refused before anything is decided.
    Malformed(Malformed),
    /// It is for an endpoint of Russet's own.
    OwnEndpoint,
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
    /// How far it got.
    pub found: Found,
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

impl Trial {
    /// Asks the rules, as the gateway would.
    pub fn run(rules: &Rules, request: &Supposed, person: Option<&Person>, now: Timestamp) -> Self {
        let now = request.time.unwrap_or(now);
        let read = match request.read() {
            Ok(read) => read,
            Err(malformed) => {
                return Self {
                    found: Found::Malformed(malformed),
                    status: gateway::status_of(malformed),
                };
            }
        };
        if rules.knows_host(read.authority.host()) && gateway::is_reserved(&read.path) {
            return Self { found: Found::OwnEndpoint, status: StatusCode::OK };
        }
        let asker = person.map(|person| person.asker(now));
        let supposed = asker.as_ref().and_then(|asker| asker.supposed.as_ref());
        let facts = Facts { supposed, ..read.facts(now) };
        let identity = asker.as_ref().map(|asker| &asker.identity);
        Self::decide(rules, &facts, identity, request.is_page_load())
    }

    /// Asks the policies about a request that is read already.
    pub fn decide(
        rules: &Rules,
        facts: &Facts<'_>,
        identity: Option<&Identity>,
        page_load: bool,
    ) -> Self {
        let judgement = judge(rules, facts, identity.ok_or(NotSignedIn::NoCookie));
        let explanation = judgement.explanation().ok_or(NoRoute { known_host: true });
        match judgement.judged().and_then(|judged| Ok((judged, explanation?))) {
            Err(no_route) => {
                Self { found: Found::NoRoute(no_route), status: StatusCode::NOT_FOUND }
            }
            Ok((Judged { route, verdict }, explanation)) => {
                let status = match verdict.status(page_load) {
                    _ if facts.path == gateway::ROBOTS => StatusCode::OK,
                    status => StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN),
                };
                Self { found: Found::Decided { route, explanation: Box::new(explanation) }, status }
            }
        }
    }

    /// What comes out. What is refused before a policy is asked is denied; our own endpoints are open.
    pub fn outcome(&self) -> Outcome {
        match &self.found {
            Found::Malformed(_) => Outcome::Deny,
            Found::NoRoute(_) => Outcome::NoRoute,
            Found::OwnEndpoint => Outcome::Allow,
            Found::Decided { explanation, .. } => explanation.outcome.into(),
        }
    }

    /// The reason codes.
    pub fn reasons(&self) -> Vec<&'static str> {
        match &self.found {
            Found::Malformed(malformed) => vec![malformed.code().word()],
            Found::OwnEndpoint => vec!["pomerium-route"],
            Found::NoRoute(NoRoute { known_host: true }) => vec!["route-not-found"],
            Found::NoRoute(NoRoute { known_host: false }) => vec!["unknown-host"],
            Found::Decided { explanation, .. } => {
                explanation.reasons.iter().map(|reason| reason.word()).collect()
            }
        }
    }

    /// The claims that are absent, or that nothing can be decided on, and that stand in the way.
    pub fn missing(&self) -> Vec<String> {
        let Found::Decided { explanation, .. } = &self.found else { return Vec::new() };
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
        match &self.found {
            Found::Decided { explanation, .. } => Some(explanation),
            Found::Malformed(_) | Found::OwnEndpoint | Found::NoRoute(_) => None,
        }
    }

    /// The name of the route, where there is one.
    pub fn route<'r>(&self, rules: &'r Rules) -> Option<&'r str> {
        match self.found {
            Found::Decided { route, .. } => rules.route(route).map(|route| &*route.id),
            Found::Malformed(_) | Found::OwnEndpoint | Found::NoRoute(_) => None,
        }
    }

    /// The policy that was asked.
    pub(super) fn policy<'r>(&self, rules: &'r Rules) -> Option<&'r Policy> {
        match self.found {
            Found::Decided { route, .. } => rules.route(route).map(|route| &route.policy),
            Found::Malformed(_) | Found::OwnEndpoint | Found::NoRoute(_) => None,
        }
    }

    /// For people: why there is no tree, where there is none.
    pub fn instead(&self) -> Option<String> {
        Some(match &self.found {
            Found::Malformed(malformed) => {
                format!("refused before anything is decided: {malformed}")
            }
            Found::OwnEndpoint => "an address of Russet's own; no policy is asked".to_owned(),
            Found::NoRoute(NoRoute { known_host: true }) => {
                "no route of this host has the path".to_owned()
            }
            Found::NoRoute(NoRoute { known_host: false }) => "no route has the host".to_owned(),
            Found::Decided { .. } => return None,
        })
    }

    /// For programs: `{route, outcome, status, reasons, missing, tree}`.
    pub fn as_json(&self, rules: &Rules, sources: &Sources) -> Value {
        json!({
            "route": self.route(rules),
            "outcome": self.outcome().word(),
            "status": self.status.as_u16(),
            "reasons": self.reasons(),
            "missing": self.missing(),
            "tree": self.explanation().map(|explanation| evidence_tree::as_json(explanation, sources)),
        })
    }
}
