//! Floor 2: Pomerium's policy language (PPL): who may pass, and why not.
//!
//! A policy is compiled once, when a plan is built. [`Policy::evaluate`] then answers without
//! allocating; [`Policy::explain`] asks the same question again and keeps the evidence, for
//! refusals and for people who test policies. A criterion answers yes, no or unknown: unknown
//! where what it reads is there but cannot be relied on, or where nobody is signed in. An allow
//! needs a yes; a deny fires on yes and on unknown.
//!
//! *Invariant:* nothing here reads a clock, a store or a header; the answer follows from the policy
//! and the [`Question`] alone.

mod answer;
mod apple_claims;
mod certain_outcome;
mod codes;
mod compiled;
mod criteria;
mod criterion;
mod deciding;
mod definitions;
mod explain;
mod groups;
mod language_page;
mod matchers;
mod missing;
mod openness;
mod parse;
mod question;
mod reason;
mod shortcuts;
mod supposed;
mod value_lints;
mod warning;
mod written;

#[cfg(test)]
mod reference_evaluator;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use answer::{Answer, Outcome, Verdict, sign_in_status};
pub use compiled::Operator;
pub use criteria::{criteria, fingerprint, spki_hash};
pub use criterion::{Data, Reads, Row};
pub use deciding::{CriterionRef, Tally};
pub use definitions::{Definitions, names_a_group};
pub use explain::{CriterionEvidence, Explanation, OperatorEvidence, RuleEvidence};
pub use groups::{Groups, GroupsBuilder, GroupsFile, Member, Who};
pub use language_page::language_page;
pub use missing::{Missing, What};
pub use openness::Openness;
pub use question::Question;
pub use reason::{Reason, ReasonSet};
pub use shortcuts::{EXCLUSIVE, Parts, Shortcuts, SubPolicy};
pub use supposed::{Supposed, Unrecorded};

use crate::base::diagnostic::Diagnostics;
use crate::base::node::{Node, Place};
use crate::base::time::Timestamp;
use compiled::Compiled;

/// A compiled policy. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Policy(Arc<Compiled>);

impl Policy {
    /// A policy that admits nobody: what a route without one has.
    pub fn nobody() -> Self {
        Self(Arc::new(Compiled::default()))
    }

    /// Compiles shortcuts and the `policy` key of a route into one policy that refers to nothing
    /// else. On an error the diagnostics say so and the policy admits nobody.
    pub fn compile(
        shortcuts: &Shortcuts,
        ppl: Option<&Node>,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let parts = Parts { shortcuts, ppl, ..Parts::default() };
        Self::assemble(&parts, &mut Definitions::default(), diagnostics)
    }

    /// Compiles everything that a route says about who may pass into one policy. On an error the
    /// diagnostics say so and the policy admits nobody.
    pub fn assemble(
        parts: &Parts<'_>,
        definitions: &mut Definitions,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut own = Diagnostics::default();
        let mut policy = Compiled::default();
        parts.shortcuts.compile("", &mut policy, &mut own);
        let mut broken = false;
        let mut add = |ppl: &Node, at: &str, policy: &mut Compiled, own: &mut Diagnostics| {
            let mut parsed = parse::policy(ppl, at, definitions.groups(), own);
            policy.allow.append(&mut parsed.compiled.allow);
            policy.deny.append(&mut parsed.compiled.deny);
            let taken = definitions.take(&parsed.uses, policy, own);
            broken |= parsed.incomplete || (taken.is_none() && !parsed.uses.is_empty());
        };
        for (index, part) in parts.sub_policies.iter().enumerate() {
            let at = format!("sub_policies[{index}].");
            let mut found = Diagnostics::default();
            part.shortcuts.compile(&at, &mut policy, &mut found);
            own.append(found.placed(part.place));
            if let Some(ppl) = part.ppl {
                add(ppl, &format!("{at}policy"), &mut policy, &mut own);
            }
        }
        if let Some(ppl) = parts.ppl {
            add(ppl, "policy", &mut policy, &mut own);
            if !broken && !own.has_errors() && policy.admits_nobody() {
                own.warning(
                    codes::ADMITS_NOBODY,
                    ppl.place,
                    "this policy admits nobody: nothing stands under an `allow`",
                    "say who may pass, for instance: allow: {or: [{domain: corp.example}]}",
                );
            }
        }
        if parts.certificate_required {
            shortcuts::refuse_without_certificate(&mut policy);
        }
        broken |= own.has_errors();
        diagnostics.append(own);
        if broken { Self::nobody() } else { Self(Arc::new(policy)) }
    }

    /// How many people it admits, as far as its shape tells. The one place that knows: `check`, the
    /// importers and `lint` ask here.
    pub fn openness(&self) -> Openness {
        self.0.openness()
    }

    /// The criteria that alone, under an `allow`, admit everybody or every Apple account, with where
    /// they are written; `None` for a shortcut key.
    pub fn open_criteria(
        &self,
    ) -> impl Iterator<Item = (CriterionRef<'_>, Option<Place>, Openness)> {
        let open = |(_, openness): &(_, Openness)| *openness >= Openness::AnyAccount;
        let found = self.0.allowing().filter(open);
        found.map(|(leaf, openness)| (CriterionRef::of(leaf), leaf.place, openness))
    }

    /// Decides. Allocates nothing.
    pub fn evaluate(&self, question: &Question<'_>) -> Verdict {
        self.0.evaluate(question)
    }

    /// Decides and keeps the evidence. Allocates; for refusals and the explain command.
    pub fn explain(&self, question: &Question<'_>) -> Explanation {
        explain::explain(&self.0, question)
    }

    /// What is done with a request of which not everything was recorded: the outcome that is the
    /// same whatever the missing facts are, `None` where it depends on them. Allocates nothing.
    pub fn certain(&self, question: &Question<'_>) -> Option<Outcome> {
        certain_outcome::certain(&self.0, question)
    }

    /// The first criterion that decided `verdict`, the answer to `question`; `None` where there is no
    /// criterion at all. Allocates nothing.
    pub fn first_deciding(
        &self,
        verdict: &Verdict,
        question: &Question<'_>,
    ) -> Option<CriterionRef<'_>> {
        deciding::first(&self.0, verdict, question)
    }

    /// The first criterion that reads what the decision log did not keep, if one does.
    pub fn first_unrecorded(&self, question: &Question<'_>) -> Option<CriterionRef<'_>> {
        deciding::first_unrecorded(&self.0, question)
    }

    /// Every criterion there is and where it is written, allows first.
    pub fn all_criteria(&self) -> impl Iterator<Item = (CriterionRef<'_>, Option<Place>)> {
        deciding::all(&self.0)
    }

    /// Adds to `into`, which has a place for each of [`Policy::all_criteria`], what each criterion says.
    pub fn tally(&self, verdict: &Verdict, question: &Question<'_>, into: &mut [Tally]) {
        deciding::tally(&self.0, verdict, question, into);
    }

    /// Whether no request at all can be admitted, because nothing stands under an `allow`.
    pub fn admits_nobody(&self) -> bool {
        self.0.admits_nobody()
    }

    /// Since when somebody must have signed in, as seen at `now`, for every `auth_age` here; `None`
    /// where there is none. Leaves a minute for the way back from the sign-in.
    pub fn signed_in_since(&self, now: Timestamp) -> Option<Timestamp> {
        self.0.leaves().filter_map(|leaf| leaf.test.signed_in_since(now)).max()
    }

    /// Whether some criterion looks at `what`; for instance, a road that must not let a header
    /// change the method asks for [`Reads::Method`] (T46).
    pub fn reads(&self, what: Reads) -> bool {
        self.0.leaves().any(|leaf| leaf.row.reads == what)
    }
}
