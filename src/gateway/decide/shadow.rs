//! What the shadow says of a request: other rules or another policy, asked in addition to the real
//! one and never obeyed.

use std::sync::Arc;

use crate::decision::record::{self, Outcome, Text, Words};
use crate::decision::{Asker, Judgement};
use crate::gateway::state::plan::Plan;
use crate::policy::{Reason, ReasonSet};
use crate::telemetry::{Code, ShadowNote};

/// What a shadow said.
pub(super) struct Shadow {
    /// What it would have decided, the question's own constraint included.
    pub(super) outcome: Outcome,
    reasons: Reasons,
    /// The route of the shadow configuration, where one was asked.
    route: Option<Arc<str>>,
}

enum Reasons {
    Policy(ReasonSet),
    Own([&'static str; 1]),
}

impl Shadow {
    /// Asks the shadow configuration, else the shadow policy of the route. `None` where there is
    /// neither.
    pub(super) fn ask<A: Asker>(plan: &Plan, judgement: &Judgement<'_, A>) -> Option<Self> {
        if let Some(rules) = &plan.shadow_rules {
            let shadow = judgement.under_rules(rules);
            let route = shadow.route().map(|route| Arc::clone(&route.id));
            return Some(Self { route, ..Self::of(&shadow) });
        }
        let service = plan.route_plan(judgement.judged().ok()?.route)?;
        let shadow = judgement.under_policy(service.shadow_policy.as_ref()?)?;
        Some(Self::of(&shadow))
    }

    fn of<A: Asker>(judgement: &Judgement<'_, A>) -> Self {
        // Why nobody is signed in is the same for both, and says nothing of a policy.
        let reasons = match judgement.non_policy_reason() {
            Some(code @ (Code::RouteNotFound | Code::UnknownHost | Code::QuestionConstraint)) => {
                Reasons::Own([code.word()])
            }
            _ => Reasons::Policy(judgement.policy_reasons()),
        };
        Self { outcome: judgement.outcome(), reasons, route: None }
    }

    /// What the line of the request says of it: something only where the outcomes differ.
    pub(super) fn note(&self, real: Outcome) -> Option<ShadowNote> {
        let reasons = match &self.reasons {
            Reasons::Policy(reasons) => reasons.iter().map(Reason::word).collect(),
            Reasons::Own(reason) => reason.to_vec(),
        };
        (real != self.outcome).then(|| ShadowNote { outcome: self.outcome.word(), reasons })
    }

    /// The field of the decision log. The route is named where it is another than the real one.
    pub(super) fn into_field<'a>(self, real_route: Option<&str>) -> record::Shadow<'a> {
        record::Shadow {
            outcome: self.outcome,
            reasons: match self.reasons {
                Reasons::Policy(reasons) => Words::from(reasons),
                Reasons::Own(reason) => Words::from(reason.to_vec()),
            },
            route_id: self
                .route
                .filter(|route| real_route != Some(&**route))
                .map(|route| Text::from(route.to_string())),
        }
    }
}
