//! The compiled form of a policy and its evaluation.

use std::sync::Arc;

use serde::Serialize;

use super::answer::{Answer, Finding, Merge, Verdict};
use super::criterion::{Row, Test};
use super::openness::Openness;
use super::question::Question;
use super::reason::Reason;
use crate::base::node::Place;

/// What joins the criteria of one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Operator {
    /// All hold.
    And,
    /// At least one holds.
    Or,
    /// None holds.
    Not,
    /// At least one does not hold. The name misleads; it is Pomerium's.
    Nor,
}

impl Operator {
    /// All of them, in the order in which messages list them.
    pub(super) const ALL: [Self; 4] = [Self::And, Self::Or, Self::Not, Self::Nor];

    /// The word in the policy.
    pub fn word(self) -> &'static str {
        match self {
            Self::And => "and",
            Self::Or => "or",
            Self::Not => "not",
            Self::Nor => "nor",
        }
    }

    /// Whether it turns the answers of its criteria around.
    pub(super) fn inverts(self) -> bool {
        matches!(self, Self::Not | Self::Nor)
    }
}

/// A policy. All allows are or-ed, and all denies; a deny beats every allow.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    pub(super) allow: Vec<Rule>,
    pub(super) deny: Vec<Rule>,
}

/// The body of one `allow` or `deny`: operators, or-ed. Routes share those of a named policy.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// Its path in the route: `policy[0].allow`; of a named policy: `named_policies.staff.allow`.
    pub(super) at: String,
    /// Where it is written; `None` for the shortcut keys.
    pub(super) place: Option<Place>,
    pub(super) terms: Arc<[Term]>,
}

/// One operator and its criteria; never empty.
#[derive(Debug)]
pub(super) struct Term {
    pub(super) operator: Operator,
    pub(super) place: Option<Place>,
    pub(super) leaves: Vec<Leaf>,
}

/// One criterion.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) row: &'static Row,
    /// The key as written: `claim/org_id`.
    pub(super) key: String,
    /// Its path in the route: `policy[0].allow.or[2]`, or the shortcut key.
    pub(super) at: String,
    pub(super) place: Option<Place>,
    pub(super) test: Test,
}

impl Compiled {
    pub(super) fn evaluate(&self, question: &Question<'_>) -> Verdict {
        let allow = any(&self.allow, |rule| rule.find(question));
        let deny = any(&self.deny, |rule| rule.find(question));
        Verdict {
            allow: allow.answer,
            deny: deny.answer,
            allow_reasons: allow.reasons,
            deny_reasons: deny.reasons,
        }
    }

    pub(super) fn admits_nobody(&self) -> bool {
        self.allow.iter().all(|rule| rule.terms.is_empty())
    }

    /// As far as the shape tells. A criterion under `not` or `nor`, or one of several under `and`, sets
    /// a condition whatever it is.
    pub(super) fn openness(&self) -> Openness {
        self.allowing().map(|(_, openness)| openness).max().unwrap_or(Openness::Nobody)
    }

    /// The criteria under `allow`, and how many people each admits by itself.
    pub(super) fn allowing(&self) -> impl Iterator<Item = (&Leaf, Openness)> {
        let terms = self.allow.iter().flat_map(|rule| rule.terms.iter());
        terms.flat_map(|term| {
            let enough = term.operator == Operator::Or || term.leaves.len() == 1;
            let alone = enough && !term.operator.inverts();
            let of = move |leaf: &Leaf| if alone { leaf.test.openness() } else { Openness::Some };
            term.leaves.iter().map(move |leaf| (leaf, of(leaf)))
        })
    }

    pub(super) fn leaves(&self) -> impl Iterator<Item = &Leaf> {
        let rules = self.allow.iter().chain(&self.deny);
        rules.flat_map(|rule| rule.terms.iter()).flat_map(|term| &term.leaves)
    }
}

impl Rule {
    pub(super) fn find(&self, question: &Question<'_>) -> Finding {
        any(&self.terms, |term| term.find(question))
    }
}

impl Term {
    pub(super) fn find(&self, question: &Question<'_>) -> Finding {
        let mut merge = Merge::default();
        for leaf in &self.leaves {
            let finding = Finding::of(leaf.judge(question));
            merge.add(if self.operator.inverts() { finding.negated() } else { finding });
        }
        match self.operator {
            Operator::And | Operator::Not => merge.all(),
            Operator::Or | Operator::Nor => merge.any(),
        }
    }
}

impl Leaf {
    pub(super) fn judge(&self, question: &Question<'_>) -> (Answer, Reason) {
        let (criterion, who) = match (&self.test, question.identity) {
            (Test::Request(criterion), _) => return criterion.judge(question),
            // Security: nobody is unknown and not "no", so that a deny on somebody does not let
            // strangers pass.
            (Test::Person(_), None) => return (Answer::Unknown, Reason::UserUnauthenticated),
            (Test::Person(criterion), Some(who)) => (criterion, who),
        };
        match question.unrecorded() {
            Some(missing) if criterion.needs(missing, who) => {
                (Answer::Unknown, Reason::NotRecorded)
            }
            _ => criterion.judge(who, question),
        }
    }
}

fn any<T>(parts: &[T], find: impl Fn(&T) -> Finding) -> Finding {
    let mut merge = Merge::default();
    for part in parts {
        merge.add(find(part));
    }
    merge.any()
}
