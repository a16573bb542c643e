//! The one decision, told as a value. [`judge`] works it out, restrictions are applied to it, logs
//! read it, and [`Judgement::admit`] consumes it.

use super::facts::{Asker, Facts, NotSignedIn};
use super::outcome::Outcome;
use super::rules::{RouteIndex, RouteMatch, Rules};
use super::settings::RouteRule;
use crate::base::time::Timestamp;
use crate::identity::Identity;
use crate::policy::{self, Explanation, Policy, Reason, ReasonSet, Verdict};
use crate::session::lifecycle::LiveSession;
use crate::telemetry::Code;

/// What a question asks of a person in addition to the policy, such as oauth2-proxy's
/// `allowed_groups`.
pub trait Constraint {
    /// Whether the person meets it.
    fn is_met_by(&self, identity: &Identity) -> bool;
}

/// Which route a request belongs to, and what its policy says.
#[derive(Clone, Copy, Debug)]
pub struct Judged {
    /// The route.
    pub route: RouteIndex,
    /// What its policy says.
    pub verdict: Verdict,
}

/// No route matches the request, so there is no policy to evaluate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoute {
    /// Whether the host at least is ours; for the log.
    pub known_host: bool,
}

impl NoRoute {
    /// The word for logs.
    pub fn code(self) -> Code {
        if self.known_host { Code::RouteNotFound } else { Code::UnknownHost }
    }
}

/// A decision before it is acted on. It owns the session, or the reason why there is none.
#[derive(Clone, Copy, Debug)]
#[must_use = "a judgement is logged and then acted on"]
pub struct Judgement<'a, A> {
    rules: &'a Rules,
    facts: &'a Facts<'a>,
    asker: Result<A, NotSignedIn>,
    judged: Result<Judged, NoRoute>,
    /// Whether the asker fails the question's constraint; matters only where the policy allows.
    fails_constraint: bool,
}

/// Decides on a request. Pure: no clock, no I/O. Allocates nothing.
pub fn judge<'a, A: Asker>(
    rules: &'a Rules,
    facts: &'a Facts<'a>,
    asker: Result<A, NotSignedIn>,
) -> Judgement<'a, A> {
    let identity = asker.as_ref().ok().map(Asker::identity);
    let judged = find_route(rules, facts).map(|(route, rule)| Judged {
        route,
        verdict: rule.policy.evaluate(&facts.question(identity)),
    });
    Judgement { rules, facts, asker, judged, fails_constraint: false }
}

fn find_route<'r>(
    rules: &'r Rules,
    facts: &Facts<'_>,
) -> Result<(RouteIndex, &'r RouteRule), NoRoute> {
    let index = match rules.find(facts.authority, facts.path) {
        RouteMatch::Route(index) => index,
        RouteMatch::NoRoute => return Err(NoRoute { known_host: true }),
        RouteMatch::UnknownHost => return Err(NoRoute { known_host: false }),
    };
    let rule = rules.route(index).filter(|rule| rule.exists_for(facts.face));
    rule.map(|rule| (index, rule)).ok_or(NoRoute { known_host: true })
}

impl<'a, A: Asker> Judgement<'a, A> {
    /// The same decision for a question that asks more of a person than the policy does. A request
    /// that the policy admits without a person is not restricted.
    pub fn restricted_by(self, constraint: &dyn Constraint) -> Self {
        let met = self.identity().is_none_or(|identity| constraint.is_met_by(identity));
        Self { fails_constraint: self.fails_constraint || !met, ..self }
    }

    /// What is decided.
    pub fn outcome(&self) -> Outcome {
        match self.judged {
            Err(_) => Outcome::NoRoute,
            Ok(_) if self.is_refused_by_constraint() => Outcome::Deny,
            Ok(judged) => judged.verdict.outcome().into(),
        }
    }

    /// Why, where the reasons are not the policy's own: there is no route, nobody is signed in, or
    /// the question's constraint refuses.
    pub fn non_policy_reason(&self) -> Option<Code> {
        match &self.judged {
            Err(no_route) => Some(no_route.code()),
            Ok(_) if self.is_refused_by_constraint() => Some(Code::QuestionConstraint),
            Ok(judged) if judged.verdict.outcome() == policy::Outcome::SignIn => {
                self.asker.as_ref().err().map(|not_signed_in| not_signed_in.code())
            }
            Ok(_) => None,
        }
    }

    /// The reasons of the policy's side that decided, allow or deny; empty where there is no route.
    pub fn policy_reasons(&self) -> ReasonSet {
        self.judged.map(|judged| judged.verdict.reasons()).unwrap_or_default()
    }

    /// The route and its policy's verdict.
    ///
    /// # Errors
    /// No route has the request.
    pub fn judged(&self) -> Result<Judged, NoRoute> {
        self.judged
    }

    /// The route that the request belongs to.
    pub fn route(&self) -> Option<&'a RouteRule> {
        self.rules.route(self.judged.ok()?.route)
    }

    /// Whoever asks.
    pub fn asker(&self) -> Option<&A> {
        self.asker.as_ref().ok()
    }

    /// What the decision is about.
    pub fn facts(&self) -> &'a Facts<'a> {
        self.facts
    }

    /// The policy as a tree, with what each node wanted and saw. `None` where there is no route.
    pub fn explanation(&self) -> Option<Explanation> {
        Some(self.route()?.policy.explain(&self.facts.question(self.identity())))
    }

    /// What other rules say of the same request, the question's constraint included.
    pub fn under_rules<'b>(&'b self, rules: &'b Rules) -> Judgement<'b, &'b A> {
        let asker = self.asker.as_ref().map_err(|not_signed_in| *not_signed_in);
        Judgement { fails_constraint: self.fails_constraint, ..judge(rules, self.facts, asker) }
    }

    /// What another policy of the same route says of it; `None` where there is no route.
    pub fn under_policy<'b>(&'b self, policy: &Policy) -> Option<Judgement<'b, &'b A>> {
        let verdict = policy.evaluate(&self.facts.question(self.identity()));
        Some(Judgement {
            rules: self.rules,
            facts: self.facts,
            asker: self.asker.as_ref().map_err(|not_signed_in| *not_signed_in),
            judged: Ok(Judged { verdict, ..self.judged.ok()? }),
            fails_constraint: self.fails_constraint,
        })
    }

    fn identity(&self) -> Option<&Identity> {
        self.asker.as_ref().ok().map(Asker::identity)
    }

    fn is_refused_by_constraint(&self) -> bool {
        let allowed = |judged: Judged| judged.verdict.outcome() == policy::Outcome::Allow;
        self.fails_constraint && self.judged.is_ok_and(allowed)
    }
}

impl Judgement<'_, LiveSession> {
    /// Acts on the decision. Moves the session, so it is inlined rather than copied once more.
    ///
    /// # Errors
    /// The refusal, which knows its own reasons.
    #[inline]
    pub fn admit(self) -> Result<Admission, Refusal> {
        let constrained = self.is_refused_by_constraint();
        let Judged { route, verdict } = self.judged.map_err(Refusal::NoRoute)?;
        let policy = self.rules.route(route).map(|rule| &rule.policy);
        match verdict.outcome() {
            policy::Outcome::Allow if constrained => Err(Refusal::Constraint { route }),
            policy::Outcome::Allow => Ok(Admission { route, live: self.asker.ok() }),
            policy::Outcome::SignIn => {
                let cause = match self.asker {
                    Err(not_signed_in) => WhySignIn::NotSignedIn(not_signed_in),
                    Ok(_) => WhySignIn::TooLongAgo {
                        since: policy.and_then(|policy| policy.signed_in_since(self.facts.now)),
                    },
                };
                Err(Refusal::SignIn { route, cause })
            }
            policy::Outcome::Deny => match self.explanation() {
                Some(explanation) => Err(Refusal::Denied {
                    route,
                    verdict,
                    explanation: Box::new(explanation),
                    live: self.asker.ok().map(Box::new),
                }),
                // A verdict exists for a route alone, so this cannot happen; it fails closed.
                None => Err(Refusal::NoRoute(NoRoute { known_host: true })),
            },
        }
    }
}

/// Permission to send one request to the application of one route. Invariant: [`Judgement::admit`]
/// alone makes one, and the relay consumes it, so what was not admitted cannot be sent.
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
    /// No route has this host and path. An unknown host and an unknown path are answered alike
    /// (T91).
    NoRoute(NoRoute),
    /// The policy needs a person, or one who has signed in more recently.
    SignIn {
        /// The route asked for.
        route: RouteIndex,
        /// Why.
        cause: WhySignIn,
    },
    /// The policy says no.
    Denied {
        /// The route asked for.
        route: RouteIndex,
        /// What its policy says.
        verdict: Verdict,
        /// The evidence: which rule, which criterion, wanted and seen.
        explanation: Box<Explanation>,
        /// The session of whoever was refused, where there is one.
        live: Option<Box<LiveSession>>,
    },
    /// The policy says yes, and the question's own constraint says no.
    Constraint {
        /// The route asked for.
        route: RouteIndex,
    },
}

/// Why somebody has to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhySignIn {
    /// Nobody is signed in.
    NotSignedIn(NotSignedIn),
    /// Whoever is signed in did so too long ago for this policy.
    TooLongAgo {
        /// Since when somebody must have signed in; `None` where only a new sign-in will do.
        since: Option<Timestamp>,
    },
}

impl WhySignIn {
    /// Whether signing in would not help, because no session can be checked right now.
    pub fn is_unchecked(self) -> bool {
        matches!(self, Self::NotSignedIn(not_signed_in) if not_signed_in.is_unchecked())
    }

    /// The word for logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotSignedIn(not_signed_in) => not_signed_in.code().word(),
            Self::TooLongAgo { .. } => Reason::AuthAgeExceeded.word(),
        }
    }
}

impl Refusal {
    /// The outcome, in the words of every log.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::NoRoute(_) => Outcome::NoRoute,
            Self::SignIn { .. } => Outcome::SignIn,
            Self::Denied { .. } | Self::Constraint { .. } => Outcome::Deny,
        }
    }

    /// The route asked for.
    pub fn route(&self) -> Option<RouteIndex> {
        match self {
            Self::NoRoute(_) => None,
            Self::SignIn { route, .. }
            | Self::Denied { route, .. }
            | Self::Constraint { route } => Some(*route),
        }
    }

    /// Why, in words for logs.
    pub fn reasons(&self) -> Vec<&'static str> {
        match self {
            Self::NoRoute(no_route) => vec![no_route.code().word()],
            Self::SignIn { cause, .. } => vec![cause.word()],
            Self::Denied { explanation, .. } => {
                explanation.reasons.iter().map(|reason| reason.word()).collect()
            }
            Self::Constraint { .. } => vec![Code::QuestionConstraint.word()],
        }
    }
}
