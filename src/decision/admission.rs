//! Admission or refusal. The value [`Admission`] is made here and nowhere else; the relay consumes
//! it, so what was not admitted cannot be sent.

use std::net::IpAddr;

use super::rules::{RouteIndex, RouteMatch, Rules};
use crate::policy::{Explanation, Outcome, Question};
use crate::session::lifecycle::LiveSession;
use crate::wire::host::Authority;

/// What is known of a request when it is decided.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Host and port asked for.
    pub authority: &'a Authority<'a>,
    /// The method, exactly as sent.
    pub method: &'a str,
    /// The normalised path, without its query: the one that goes upstream.
    pub path: &'a str,
    /// The client's address, after the trusted proxies.
    pub source_ip: IpAddr,
    /// Whether it is a true CORS preflight (`OPTIONS` with `Origin` and
    /// `Access-Control-Request-Method`).
    pub cors_preflight: bool,
}

/// Leave to send one request to the application of one route.
#[derive(Debug)]
pub struct Admission {
    route: RouteIndex,
    live: Option<LiveSession>,
}

impl Admission {
    /// The route that was decided on and that is to be used.
    pub fn route(&self) -> RouteIndex {
        self.route
    }

    /// The session of whoever was admitted, where there is one.
    pub fn live(&self) -> Option<&LiveSession> {
        self.live.as_ref()
    }
}

/// Why a request goes no further.
#[derive(Debug)]
pub enum Refusal {
    /// No route has this host and path. Both cases are answered alike (T91).
    NoRoute {
        /// Whether the host at least is ours; for the log.
        known_host: bool,
    },
    /// The policy asks for somebody to be signed in, and nobody is.
    SignIn {
        /// The route asked for.
        route: RouteIndex,
    },
    /// The policy says no.
    Denied {
        /// The route asked for.
        route: RouteIndex,
        /// The evidence: which rule, which criterion, wanted and seen.
        explanation: Box<Explanation>,
        /// The session of whoever was refused, where there is one.
        live: Option<Box<LiveSession>>,
    },
}

/// Decides on a request. Pure: no clock, no I/O.
///
/// # Errors
/// The refusal, with its evidence.
pub fn admission(
    rules: &Rules,
    facts: &Facts<'_>,
    live: Option<LiveSession>,
) -> Result<Admission, Refusal> {
    let (index, route) = match rules.find(facts.authority, facts.path) {
        RouteMatch::Route(index) => match rules.route(index) {
            Some(route) => (index, route),
            None => return Err(Refusal::NoRoute { known_host: true }),
        },
        RouteMatch::NoRoute => return Err(Refusal::NoRoute { known_host: true }),
        RouteMatch::UnknownHost => return Err(Refusal::NoRoute { known_host: false }),
    };
    let question = Question {
        method: facts.method,
        path: facts.path,
        source_ip: facts.source_ip,
        cors_preflight: facts.cors_preflight,
        identity: live.as_ref().map(|live| &live.session().identity),
    };
    match route.policy.evaluate(&question).outcome() {
        Outcome::Allow => Ok(Admission { route: index, live }),
        Outcome::SignIn => Err(Refusal::SignIn { route: index }),
        Outcome::Deny => {
            let explanation = Box::new(route.policy.explain(&question));
            Err(Refusal::Denied { route: index, explanation, live: live.map(Box::new) })
        }
    }
}
