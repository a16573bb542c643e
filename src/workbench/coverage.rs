//! What no test ever made true or false: routes, rules, criteria.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

use super::trial::{Found, Trial};
use crate::base::diagnostic::Sources;
use crate::base::node::Place;
use crate::base::time::Timestamp;
use crate::decision::Rules;
use crate::policy::{Answer, Explanation, Outcome, Question};

/// The parts of all policies, and how each was met.
#[derive(Debug)]
pub struct Coverage {
    routes: Vec<Route>,
}

#[derive(Debug)]
struct Route {
    name: String,
    allowed: bool,
    refused: bool,
    parts: Vec<Part>,
}

/// A rule or a criterion.
#[derive(Debug)]
struct Part {
    kind: &'static str,
    rule: String,
    name: String,
    place: Option<Place>,
    was_true: bool,
    was_false: bool,
}

/// Something that the tests leave open.
#[derive(Debug, PartialEq, Eq)]
pub struct Gap {
    /// `route`, `rule` or `criterion`.
    pub kind: &'static str,
    /// The name of the route.
    pub route: String,
    /// What it is: `policy[0].allow.or[1] domain`; empty for the route itself.
    pub name: String,
    /// Where it is written.
    pub place: Option<Place>,
    /// What never happened: "never tried", "never true", "never false".
    pub never: &'static str,
}

impl Coverage {
    /// Of nothing yet.
    pub fn of(rules: &Rules) -> Self {
        // Any question shows the whole tree.
        let question = Question {
            method: "GET",
            path: "/",
            source_ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            cors_preflight: false,
            now: Timestamp(0),
            client_certificate: None,
            identity: None,
            supposed: None,
        };
        let routes = rules.routes().iter().map(|route| {
            let mut parts = Vec::new();
            each_part(&route.policy.explain(&question), |part, _| parts.push(part));
            Route { name: route.id.to_string(), allowed: false, refused: false, parts }
        });
        Self { routes: routes.collect() }
    }

    /// Takes in what one request met.
    pub fn note(&mut self, trial: &Trial) {
        let Found::Decided { route, explanation } = &trial.found else { return };
        let Some(route) = self.routes.get_mut(route.0) else { return };
        match explanation.outcome {
            Outcome::Allow => route.allowed = true,
            Outcome::SignIn | Outcome::Deny => route.refused = true,
        }
        let mut parts = route.parts.iter_mut();
        each_part(explanation, |_, answer| {
            let Some(part) = parts.next() else { return };
            part.was_true |= answer == Answer::Yes;
            part.was_false |= answer == Answer::No;
        });
    }

    /// Everything that is open, in the order of the configuration.
    pub fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for route in &self.routes {
            let mut gap = |kind, name: String, place, never| {
                gaps.push(Gap { kind, route: route.name.clone(), name, place, never });
            };
            match (route.allowed, route.refused) {
                (false, false) => {
                    gap("route", String::new(), None, "never tried");
                    continue;
                }
                (false, true) => gap("route", String::new(), None, "never allowed"),
                (true, false) => gap("route", String::new(), None, "never refused"),
                (true, true) => {}
            }
            for part in &route.parts {
                let name = [part.rule.as_str(), part.name.as_str()];
                let name = name.join(" ").trim_end().to_owned();
                match (part.was_true, part.was_false) {
                    (true, true) => {}
                    (false, false) => gap(part.kind, name, part.place, "never true, never false"),
                    (false, true) => gap(part.kind, name, part.place, "never true"),
                    (true, false) => gap(part.kind, name, part.place, "never false"),
                }
            }
        }
        gaps
    }

    /// How many parts were met both ways, and how many there are.
    pub fn counts(&self) -> (usize, usize) {
        let routes = self.routes.iter();
        let total: usize = routes.map(|route| 1 + route.parts.len()).sum();
        let open: usize = self
            .routes
            .iter()
            .map(|route| {
                let open = |part: &&Part| !(part.was_true && part.was_false);
                usize::from(!(route.allowed && route.refused))
                    + route.parts.iter().filter(open).count()
            })
            .sum();
        (total - open, total)
    }

    /// For programs.
    pub fn as_json(&self, sources: &Sources) -> Value {
        let (met, total) = self.counts();
        let gaps = self.gaps();
        let gap = |gap: &Gap| {
            json!({
                "kind": gap.kind, "route": gap.route, "name": gap.name, "never": gap.never,
                "at": gap.place.map(|place| sources.position(place)),
            })
        };
        json!({"met": met, "total": total, "gaps": gaps.iter().map(gap).collect::<Vec<_>>()})
    }
}

/// Every rule and criterion of a policy with its answer, in an order that the policy alone
/// decides.
fn each_part(explanation: &Explanation, mut take: impl FnMut(Part, Answer)) {
    for rule in explanation.deny_rules.iter().chain(&explanation.allow_rules) {
        let part = |kind, rule: &str, name: &str, place| Part {
            kind,
            rule: rule.to_owned(),
            name: name.to_owned(),
            place,
            was_true: false,
            was_false: false,
        };
        // The shortcut keys make one rule of several; their criteria say it all.
        if rule.place.is_some() {
            take(part("rule", &rule.rule, "", rule.place), rule.answer);
        }
        for criterion in rule.operators.iter().flat_map(|operator| &operator.criteria) {
            let name = match criterion.place {
                Some(_) => criterion.criterion.as_str(),
                None => "",
            };
            let part = part("criterion", &criterion.rule, name, criterion.place);
            take(part, criterion.answer);
        }
    }
}
