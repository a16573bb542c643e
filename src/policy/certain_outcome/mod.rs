//! What a policy says although a record of the past did not keep everything: the outcome where it
//! is the same whatever the missing facts were, and nothing where it depends on them.
//!
//! Each node is worked out for every answer that its missing facts allow. Two evaluations, one with
//! everything missing taken for and one against, are not enough: being asked to sign in does not
//! lie between admitted and refused.

use crate::policy::answer::{Answer, Finding, Merge, Outcome, Verdict};
use crate::policy::compiled::{Compiled, Leaf, Operator, Rule, Term};
use crate::policy::question::Question;
use crate::policy::reason::Reason;

/// The outcome, whatever the facts were that are not recorded. Allocates nothing.
pub(super) fn certain(policy: &Compiled, question: &Question<'_>) -> Option<Outcome> {
    let side =
        |rules: &[Rule]| joined(rules.iter().map(|rule| find_rule(rule, question)), Merge::any);
    let (allow, deny) = (side(&policy.allow), side(&policy.deny));
    let mut outcomes = allow.iter().flat_map(|allow| {
        deny.iter().map(move |deny| {
            let verdict = Verdict {
                allow: allow.answer,
                deny: deny.answer,
                allow_reasons: allow.reasons,
                deny_reasons: deny.reasons,
            };
            verdict.outcome()
        })
    });
    let first = outcomes.next()?;
    outcomes.all(|other| other == first).then_some(first)
}

fn find_rule(rule: &Rule, question: &Question<'_>) -> Findings {
    joined(rule.terms.iter().map(|term| find_term(term, question)), Merge::any)
}

fn find_term(term: &Term, question: &Question<'_>) -> Findings {
    let leaves = term.leaves.iter().map(|leaf| find_leaf(leaf, term.operator, question));
    match term.operator {
        Operator::And | Operator::Not => joined(leaves, Merge::all),
        Operator::Or | Operator::Nor => joined(leaves, Merge::any),
    }
}

fn find_leaf(leaf: &Leaf, operator: Operator, question: &Question<'_>) -> Findings {
    let (answer, reason) = leaf.judge(question);
    let any = [Answer::Yes, Answer::No, Answer::Unknown];
    let answers = if reason == Reason::NotRecorded { &any[..] } else { &[answer][..] };
    answers.iter().fold(Findings::NONE, |findings, answer| {
        let finding = Finding::of((*answer, reason));
        findings.with(if operator.inverts() { finding.negated() } else { finding })
    })
}

/// Every way in which findings can be put together. What [`Merge`] says of three findings it also
/// says of the first two put together and the third, so two at a time will do.
fn joined(mut parts: impl Iterator<Item = Findings>, finish: fn(Merge) -> Finding) -> Findings {
    let Some(first) = parts.next() else {
        return Findings::NONE.with(finish(Merge::default()));
    };
    parts.fold(first, |joined, part| {
        let pairs = joined.iter().flat_map(|one| part.iter().map(move |other| (one, other)));
        pairs.fold(Findings::NONE, |findings, (one, other)| {
            let mut merge = Merge::default();
            merge.add(one);
            merge.add(other);
            findings.with(finish(merge))
        })
    })
}

/// A set of findings, as far as an outcome follows from them: of the reasons only that somebody is
/// asked to sign in, and that a certificate is lacking. One bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Findings(u32);

impl Findings {
    const NONE: Self = Self(0);
    /// Bits that are used: three answers, held or not, with or without each of the two reasons.
    const BITS: u32 = 24;

    fn with(self, finding: Finding) -> Self {
        let answer = match finding.answer {
            Answer::Yes => 0,
            Answer::No => 1,
            Answer::Unknown => 2,
        };
        let gives = |reasons: [Reason; 2]| {
            u32::from(reasons.into_iter().any(|reason| finding.reasons.contains(reason)))
        };
        let (sign_in, certificate) = (gives(Reason::TO_SIGN_IN), gives(Reason::BAD_CERTIFICATE));
        let bit = answer + 3 * u32::from(finding.held) + 6 * sign_in + 12 * certificate;
        Self(self.0 | 1 << bit)
    }

    fn iter(self) -> impl Iterator<Item = Finding> + Clone {
        (0..Self::BITS).filter(move |bit| self.0 & (1 << bit) != 0).map(|bit| Finding {
            answer: match bit % 3 {
                0 => Answer::Yes,
                1 => Answer::No,
                _ => Answer::Unknown,
            },
            held: bit / 3 % 2 == 1,
            reasons: [
                (bit / 6 % 2 == 1).then_some(Reason::UserUnauthenticated),
                (bit >= 12).then_some(Reason::ClientCertificateRequired),
            ]
            .into_iter()
            .flatten()
            .collect(),
        })
    }
}

#[cfg(test)]
mod tests;
