//! Admission or refusal. The value [`Admission`] is made here and nowhere else; the relay consumes
//! it, so what was not admitted cannot be sent.

use std::net::IpAddr;

use super::rules::{RouteIndex, RouteMatch, Rules};
use super::settings::RouteRule;
use crate::base::time::Timestamp;
use crate::identity::{ClientCertificate, Identity};
use crate::policy::{Explanation, Outcome, Policy, Question, Supposed, Verdict};
use crate::session::Session;
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
    /// The client's certificate; `None` where none was shown.
    pub client_certificate: Option<&'a ClientCertificate>,
    /// What a test case or a replay supposes about the person; `None` for every live request.
    pub supposed: Option<&'a Supposed>,
}

/// What the rules say of a request, before anything is done about it.
#[derive(Clone, Copy, Debug)]
pub struct Judged {
    /// The route that the request belongs to.
    pub route: RouteIndex,
    /// What its policy says.
    pub verdict: Verdict,
}

/// Nothing is decided on a request that no route has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoute {
    /// Whether the host at least is ours; for the log.
    pub known_host: bool,
}

impl NoRoute {
    /// The word for logs.
    pub fn word(self) -> &'static str {
        if self.known_host { "route-not-found" } else { "unknown-host" }
    }
}

/// Leave to send one request to the application of one route.
#[derive(Debug)]
pub struct Admission {
    judged: Judged,
    live: Option<LiveSession>,
}

impl Admission {
    /// The route that was decided on and that is to be used.
    pub fn route(&self) -> RouteIndex {
        self.judged.route
    }

    /// What was decided, for the record.
    pub fn judged(&self) -> &Judged {
        &self.judged
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
    NoRoute(NoRoute),
    /// The policy asks for somebody to be signed in, and nobody is; or for somebody who signed in
    /// more recently.
    SignIn {
        /// The route asked for, and what its policy says.
        judged: Judged,
        /// Since when somebody must have signed in, where whoever is signed in did so too long ago.
        since: Option<Timestamp>,
    },
    /// The policy says no.
    Denied {
        /// The route asked for, and what its policy says.
        judged: Judged,
        /// The evidence: which rule, which criterion, wanted and seen.
        explanation: Box<Explanation>,
        /// The session of whoever was refused, where there is one.
        live: Option<Box<LiveSession>>,
    },
}

impl Refusal {
    /// What was decided, for the record; `None` where no route was found.
    pub fn judged(&self) -> Option<&Judged> {
        match self {
            Self::NoRoute(_) => None,
            Self::SignIn { judged, .. } | Self::Denied { judged, .. } => Some(judged),
        }
    }
}

/// Decides on a request. Pure: no clock, no I/O.
///
/// # Errors
/// The refusal, with its evidence.
pub fn admission(
    rules: &Rules,
    facts: &Facts<'_>,
    live: Option<LiveSession>,
    now: Timestamp,
) -> Result<Admission, Refusal> {
    admission_heard(rules, facts, live, now, |_, _| {})
}

/// The same, for whoever keeps a record: `heard` is told what was judged, and of whom, before
/// anything is done about it.
///
/// # Errors
/// The refusal, with its evidence.
pub fn admission_heard(
    rules: &Rules,
    facts: &Facts<'_>,
    live: Option<LiveSession>,
    now: Timestamp,
    heard: impl FnOnce(Result<&Judged, &NoRoute>, Option<&Session>),
) -> Result<Admission, Refusal> {
    let session = live.as_ref().map(LiveSession::session);
    let identity = session.map(|session| &session.identity);
    let judged = judge(rules, facts, identity, now);
    heard(judged.as_ref(), session);
    let judged = judged.map_err(Refusal::NoRoute)?;
    match judged.verdict.outcome() {
        Outcome::Allow => Ok(Admission { judged, live }),
        Outcome::SignIn => {
            let too_long_ago = judged.verdict.asks_again();
            let policy = rules.route(judged.route).map(|route| &route.policy);
            let since = policy.filter(|_| too_long_ago).and_then(|p| p.signed_in_since(now));
            Err(Refusal::SignIn { judged, since })
        }
        Outcome::Deny => match explain(rules, facts, identity, now) {
            Ok((_, explanation)) => {
                let (explanation, live) = (Box::new(explanation), live.map(Box::new));
                Err(Refusal::Denied { judged, explanation, live })
            }
            Err(no_route) => Err(Refusal::NoRoute(no_route)),
        },
    }
}

/// What the rules say of a request. [`admission`] asks here, and so does everything that tries
/// rules without serving. Allocates nothing.
///
/// # Errors
/// No route has the request.
pub fn judge(
    rules: &Rules,
    facts: &Facts<'_>,
    identity: Option<&Identity>,
    now: Timestamp,
) -> Result<Judged, NoRoute> {
    let (index, route) = route(rules, facts)?;
    let verdict = route.policy.evaluate(&question(facts, identity, now));
    Ok(Judged { route: index, verdict })
}

/// What another policy than the route's says of a request. Allocates nothing.
pub fn verdict(
    policy: &Policy,
    facts: &Facts<'_>,
    identity: Option<&Identity>,
    now: Timestamp,
) -> Verdict {
    policy.evaluate(&question(facts, identity, now))
}

/// The same with its evidence: the policy as a tree, with what each node wanted and saw.
///
/// # Errors
/// No route has the request.
pub fn explain(
    rules: &Rules,
    facts: &Facts<'_>,
    identity: Option<&Identity>,
    now: Timestamp,
) -> Result<(RouteIndex, Explanation), NoRoute> {
    let (index, route) = route(rules, facts)?;
    Ok((index, route.policy.explain(&question(facts, identity, now))))
}

fn route<'r>(rules: &'r Rules, facts: &Facts<'_>) -> Result<(RouteIndex, &'r RouteRule), NoRoute> {
    let index = match rules.find(facts.authority, facts.path) {
        RouteMatch::Route(index) => index,
        RouteMatch::NoRoute => return Err(NoRoute { known_host: true }),
        RouteMatch::UnknownHost => return Err(NoRoute { known_host: false }),
    };
    rules.route(index).map(|route| (index, route)).ok_or(NoRoute { known_host: true })
}

/// What a policy is asked about a request.
pub fn question<'a>(
    facts: &'a Facts<'a>,
    identity: Option<&'a Identity>,
    now: Timestamp,
) -> Question<'a> {
    Question {
        method: facts.method,
        path: facts.path,
        source_ip: facts.source_ip,
        cors_preflight: facts.cors_preflight,
        now,
        client_certificate: facts.client_certificate,
        identity,
        supposed: facts.supposed,
    }
}
