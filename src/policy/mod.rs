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
mod codes;
mod compiled;
mod criteria;
mod definitions;
mod doubts;
mod explain;
mod ground;
mod groups;
mod matchers;
mod parse;
mod possible;
mod reason;
mod reference;
mod shortcuts;

#[cfg(test)]
mod slow;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

pub use answer::{Answer, Outcome, Verdict, sign_in_status};
pub use compiled::{Openness, Operator};
pub use criteria::{Data, Reads, Row, criteria, fingerprint, spki_hash};
pub use definitions::{Definitions, GroupsFile, names_a_group};
pub use explain::{CriterionEvidence, Explanation, Missing, OperatorEvidence, RuleEvidence, What};
pub use ground::{Ground, Tally};
pub use groups::{Groups, GroupsBuilder, Member, Who};
pub use reason::{Reason, ReasonSet};
pub use reference::language_page;
pub use shortcuts::{EXCLUSIVE, Parts, Shortcuts, SubPolicy};

use crate::base::diagnostic::Diagnostics;
use crate::base::node::{Node, Place};
use crate::base::time::Timestamp;
use crate::identity::{ClientCertificate, Identity};
use compiled::Compiled;

/// A compiled policy. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Policy(Arc<Compiled>);

/// All that a policy may look at.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The method as it was sent; compared exactly.
    pub method: &'a str,
    /// The normalised path, without the query.
    pub path: &'a str,
    /// The client's address, after the trusted hops.
    pub source_ip: IpAddr,
    /// Whether this is a true preflight: `OPTIONS` with `Origin` and
    /// `Access-Control-Request-Method`.
    pub cors_preflight: bool,
    /// When it is decided.
    pub now: Timestamp,
    /// The client's certificate; `None` where none was shown.
    pub client_certificate: Option<&'a ClientCertificate>,
    /// Who is asking, where a live session says so.
    pub identity: Option<&'a Identity>,
}

impl Policy {
    /// A policy that admits nobody: what a route without one has.
    pub fn nobody() -> Self {
        Self(Arc::new(Compiled::default()))
    }

    /// Compiles shortcuts and the `policy` key of a route into one policy that refers to nothing
    /// else. On an error the diagnostics say so and the policy admits nobody.
    pub fn compile(shortcuts: &Shortcuts, ppl: Option<&Node>, told: &mut Diagnostics) -> Self {
        let parts = Parts { shortcuts, ppl, ..Parts::default() };
        Self::assemble(&parts, &mut Definitions::default(), told)
    }

    /// Compiles everything that a route says about who may pass into one policy. On an error the
    /// diagnostics say so and the policy admits nobody.
    pub fn assemble(
        parts: &Parts<'_>,
        definitions: &mut Definitions,
        told: &mut Diagnostics,
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
        told.append(own);
        if broken { Self::nobody() } else { Self(Arc::new(policy)) }
    }

    /// How many people it admits, as far as its shape tells.
    pub fn openness(&self) -> Openness {
        self.0.openness()
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
    /// same whatever the missing facts were, `None` where it hangs on them. Allocates nothing.
    pub fn certain(&self, question: &Question<'_>) -> Option<Outcome> {
        possible::certain(&self.0, question)
    }

    /// The first criterion on which `verdict`, the answer to `question`, rests; `None` where there
    /// is no criterion at all. Allocates nothing.
    pub fn ground(&self, verdict: &Verdict, question: &Question<'_>) -> Option<Ground<'_>> {
        ground::first(&self.0, verdict, question)
    }

    /// The first criterion that reads what the decision log did not keep, if one does.
    pub fn lacking(&self, question: &Question<'_>) -> Option<Ground<'_>> {
        ground::lacking(&self.0, question)
    }

    /// Every criterion there is and where it is written, allows first.
    pub fn grounds(&self) -> impl Iterator<Item = (Ground<'_>, Option<Place>)> {
        ground::names(&self.0)
    }

    /// Adds to `into`, which has a place for each of [`Policy::grounds`], what each criterion says.
    pub fn tally(&self, verdict: &Verdict, question: &Question<'_>, into: &mut [Tally]) {
        ground::tally(&self.0, verdict, question, into);
    }

    /// Whether no request at all can be admitted, because nothing stands under an `allow`.
    pub fn admits_nobody(&self) -> bool {
        self.0.admits_nobody()
    }

    /// Since when somebody must have signed in, as seen at `now`, for every `auth_age` here; `None`
    /// where there is none. Leaves a minute for the way back from the sign-in.
    pub fn signed_in_since(&self, now: Timestamp) -> Option<Timestamp> {
        let ages = self.0.leaves().filter_map(|leaf| match &leaf.test {
            criteria::Test::Age(age) => Some(age.since(now)),
            criteria::Test::Request(_) | criteria::Test::Person(_) => None,
        });
        ages.max()
    }

    /// Whether some criterion looks at `what`; for instance, a road that must not let a header
    /// change the method asks for [`Reads::Method`] (T46).
    pub fn reads(&self, what: Reads) -> bool {
        self.0.leaves().any(|leaf| leaf.row.reads == what)
    }
}
