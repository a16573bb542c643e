//! Which criteria decided, without the rest of the evidence and without allocating: a replay sorts a
//! million lines by the first of them, and `lint` counts them all.

use super::answer::{Answer, Verdict};
use super::compiled::{Compiled, Leaf};
use super::explain::{Side, is_decisive};
use super::question::Question;
use super::reason::Reason;
use crate::base::node::Place;

/// One criterion of a policy, by where it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CriterionRef<'p> {
    /// Its path in the route: `policy[0].allow.or[1]`, or the shortcut key.
    pub rule: &'p str,
    /// Its key as written: `claim/org_id`.
    pub criterion: &'p str,
}

impl<'p> CriterionRef<'p> {
    pub(super) fn of(leaf: &'p Leaf) -> Self {
        Self { rule: &leaf.at, criterion: &leaf.key }
    }
}

/// What `explain` marks first as decisive.
pub(super) fn first<'p>(
    policy: &'p Compiled,
    verdict: &Verdict,
    question: &Question<'_>,
) -> Option<CriterionRef<'p>> {
    let denies = policy.deny.iter().map(|rule| (rule, Side::Deny));
    let allows = policy.allow.iter().map(|rule| (rule, Side::Allow));
    let found = denies.chain(allows).find_map(|(rule, side)| {
        rule.terms.iter().find_map(|term| {
            let joined = term.find(question).answer;
            let decides = |leaf: &&Leaf| {
                let (answer, reason) = leaf.judge(question);
                let towards = if term.operator.inverts() { answer.negated() } else { answer };
                is_decisive(verdict, towards, joined, reason, side)
            };
            term.leaves.iter().find(decides)
        })
    });
    found.map(CriterionRef::of)
}

/// The first criterion that reads what was not recorded.
pub(super) fn first_unrecorded<'p>(
    policy: &'p Compiled,
    question: &Question<'_>,
) -> Option<CriterionRef<'p>> {
    let unrecorded = |leaf: &&Leaf| leaf.judge(question).1 == Reason::NotRecorded;
    policy.leaves().find(unrecorded).map(CriterionRef::of)
}

/// How often each criterion of a policy has said yes, no and unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// It held.
    pub yes: u64,
    /// It did not hold.
    pub no: u64,
    /// It could not tell.
    pub unknown: u64,
    /// It decided the outcome.
    pub decided: u64,
}

impl Tally {
    fn count(&mut self, answer: Answer, decisive: bool) {
        match answer {
            Answer::Yes => self.yes += 1,
            Answer::No => self.no += 1,
            Answer::Unknown => self.unknown += 1,
        }
        self.decided += u64::from(decisive);
    }
}

/// Counts what every criterion says, in the order of [`all`]; `into` has one place for each.
pub(super) fn tally(
    policy: &Compiled,
    verdict: &Verdict,
    question: &Question<'_>,
    into: &mut [Tally],
) {
    let mut places = into.iter_mut();
    let sides = [(&policy.allow, Side::Allow), (&policy.deny, Side::Deny)];
    for (rules, side) in sides {
        for term in rules.iter().flat_map(|rule| rule.terms.iter()) {
            let joined = term.find(question).answer;
            for (leaf, place) in term.leaves.iter().zip(places.by_ref()) {
                let (answer, reason) = leaf.judge(question);
                let towards = if term.operator.inverts() { answer.negated() } else { answer };
                place.count(answer, is_decisive(verdict, towards, joined, reason, side));
            }
        }
    }
}

/// Every criterion of a policy: the allows, then the denies.
pub(super) fn all(policy: &Compiled) -> impl Iterator<Item = (CriterionRef<'_>, Option<Place>)> {
    policy.leaves().map(|leaf| (CriterionRef::of(leaf), leaf.place))
}
