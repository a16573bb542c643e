//! The evidence for an answer: the policy as a tree with what each node wanted and saw, and what
//! would have to be different.

use serde::Serialize;

use super::answer::{Answer, Finding, Outcome, Verdict};
use super::compiled::{Compiled, Leaf, Operator, Rule, Term};
use super::criterion::Test;
use super::missing::Missing;
use super::question::Question;
use super::reason::{Reason, ReasonSet};
use crate::base::node::Place;

/// Why a policy answered as it did.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// What is done with the request.
    pub outcome: Outcome,
    /// Whether an allow holds.
    pub allow: Answer,
    /// Whether a deny holds.
    pub deny: Answer,
    /// The reasons of the side that decided.
    pub reasons: ReasonSet,
    /// The allow rules; none at all admits nobody.
    pub allow_rules: Vec<RuleEvidence>,
    /// The deny rules.
    pub deny_rules: Vec<RuleEvidence>,
    /// What would have to be different, what a person can change first. Security: names no other
    /// person and no value of the policy, so it may be shown to whoever was refused.
    pub missing: Vec<Missing>,
}

/// One `allow` or `deny`.
#[derive(Clone, Debug, Serialize)]
pub struct RuleEvidence {
    /// Its path: `policy[0].allow`, or `route` for the shortcut keys.
    pub rule: String,
    /// Where it is written; `None` for the shortcut keys.
    #[serde(skip)]
    pub place: Option<Place>,
    /// Whether it holds.
    pub answer: Answer,
    /// Why.
    pub reasons: ReasonSet,
    /// Its operators; one that holds is enough.
    pub operators: Vec<OperatorEvidence>,
}

/// One operator.
#[derive(Clone, Debug, Serialize)]
pub struct OperatorEvidence {
    /// Which one.
    pub operator: Operator,
    /// Where it is written.
    #[serde(skip)]
    pub place: Option<Place>,
    /// Whether it holds.
    pub answer: Answer,
    /// Why.
    pub reasons: ReasonSet,
    /// What it joins.
    pub criteria: Vec<CriterionEvidence>,
}

/// One criterion.
#[derive(Clone, Debug, Serialize)]
pub struct CriterionEvidence {
    /// Its path: `policy[0].allow.or[1]`, or the shortcut key.
    pub rule: String,
    /// Its key as written: `claim/org_id`.
    pub criterion: String,
    /// Where it is written; `None` for the shortcut keys.
    #[serde(skip)]
    pub place: Option<Place>,
    /// What it answered, before `not` or `nor` turned it round.
    pub answer: Answer,
    /// Why.
    pub reason: Reason,
    /// What the policy asks for. Security: may name other people; for logs and operators only.
    pub wanted: String,
    /// What was there; `None` where nothing was.
    pub seen: Option<String>,
    /// Whether it decided the outcome: it stood in the way of a refused request, or it
    /// admitted an allowed one.
    pub decisive: bool,
}

impl Explanation {
    /// The criteria that decided the outcome, in the order of the policy; the first is the one for a
    /// log line that has room for one.
    pub fn deciding_criteria(&self) -> impl Iterator<Item = &CriterionEvidence> {
        let rules = self.deny_rules.iter().chain(&self.allow_rules);
        rules
            .flat_map(|rule| &rule.operators)
            .flat_map(|operator| &operator.criteria)
            .filter(|criterion| criterion.decisive)
    }
}

/// Answers again and writes down everything on the way.
pub(super) fn explain(policy: &Compiled, question: &Question<'_>) -> Explanation {
    let verdict = policy.evaluate(question);
    let mut scribe = Scribe { question, verdict, missing: Vec::new() };
    let deny_rules = policy.deny.iter().map(|rule| scribe.rule(rule, Side::Deny)).collect();
    let allow_rules = policy.allow.iter().map(|rule| scribe.rule(rule, Side::Allow)).collect();
    let mut missing = scribe.missing;
    missing.sort_unstable();
    missing.dedup();
    Explanation {
        outcome: verdict.outcome(),
        allow: verdict.allow,
        deny: verdict.deny,
        reasons: verdict.reasons(),
        allow_rules,
        deny_rules,
        missing,
    }
}

/// The two halves of a policy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Allow,
    Deny,
}

/// Whether an answer decided the outcome. `towards` is the answer as it counts for the
/// operator, `joined` the answer of the operator.
pub(super) fn is_decisive(
    verdict: &Verdict,
    towards: Answer,
    joined: Answer,
    reason: Reason,
    side: Side,
) -> bool {
    let denied = verdict.deny != Answer::No;
    if verdict.lacks_certificate() {
        return side == Side::Deny && Reason::BAD_CERTIFICATE.contains(&reason);
    }
    match (verdict.outcome(), side) {
        (Outcome::SignIn, _) => Reason::TO_SIGN_IN.contains(&reason),
        (Outcome::Allow, Side::Allow) => joined == Answer::Yes && towards == Answer::Yes,
        (Outcome::Allow, Side::Deny) => false,
        (Outcome::Deny, Side::Deny) => denied && joined != Answer::No && towards != Answer::No,
        (Outcome::Deny, Side::Allow) => !denied && towards != Answer::Yes,
    }
}

struct Scribe<'a> {
    question: &'a Question<'a>,
    verdict: Verdict,
    missing: Vec<Missing>,
}

impl Scribe<'_> {
    fn rule(&mut self, rule: &Rule, side: Side) -> RuleEvidence {
        let Finding { answer, reasons, .. } = rule.find(self.question);
        RuleEvidence {
            rule: rule.at.clone(),
            place: rule.place,
            answer,
            reasons,
            operators: rule.terms.iter().map(|term| self.operator(term, side)).collect(),
        }
    }

    fn operator(&mut self, term: &Term, side: Side) -> OperatorEvidence {
        let Finding { answer, reasons, .. } = term.find(self.question);
        let criteria =
            term.leaves.iter().map(|leaf| self.criterion(leaf, term, answer, side)).collect();
        OperatorEvidence { operator: term.operator, place: term.place, answer, reasons, criteria }
    }

    fn criterion(
        &mut self,
        leaf: &Leaf,
        term: &Term,
        joined: Answer,
        side: Side,
    ) -> CriterionEvidence {
        let (answer, reason) = leaf.judge(self.question);
        let towards = if term.operator.inverts() { answer.negated() } else { answer };
        let decisive = is_decisive(&self.verdict, towards, joined, reason, side);
        if decisive && self.verdict.outcome() != Outcome::Allow {
            self.missing.extend(self.missing_for(leaf, reason));
        }
        let (wanted, seen) = match &leaf.test {
            Test::Request(criterion) => (criterion.wanted(), criterion.seen(self.question)),
            Test::Person(criterion) => {
                let seen =
                    self.question.identity.and_then(|who| criterion.seen(who, self.question));
                (criterion.wanted(), seen)
            }
        };
        // What stands in for a fact that a record did not keep was never seen.
        let seen = seen.filter(|_| reason != Reason::NotRecorded);
        CriterionEvidence {
            rule: leaf.at.clone(),
            criterion: leaf.key.clone(),
            place: leaf.place,
            answer,
            reason,
            wanted,
            seen,
            decisive,
        }
    }

    fn missing_for(&self, leaf: &Leaf, reason: Reason) -> Option<Missing> {
        if Reason::TO_SIGN_IN.contains(&reason) {
            return Some(Missing::SignIn);
        }
        match &leaf.test {
            Test::Request(criterion) => {
                criterion.different().map(|what| Missing::Different { what })
            }
            Test::Person(criterion) => criterion.missing(self.question.identity?),
        }
    }
}
