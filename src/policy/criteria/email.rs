//! `email`: the address that the provider vouches for. The case of ASCII letters does not count.

use crate::identity::{Address, Identity, domain_of};
use crate::policy::answer::Answer;
use crate::policy::criterion::{Data, OfPerson, Reads, Row, Test, answer};
use crate::policy::matchers::{Letters, TextMatcher};
use crate::policy::missing::{Missing, What};
use crate::policy::question::Question;
use crate::policy::reason::Reason;
use crate::policy::supposed::Unrecorded;
use crate::policy::value_lints;

pub(super) static ROW: Row = Row {
    name: "email",
    takes_path: false,
    data: Data::Text,
    sentence: "Holds where the verified address matches; without an address nothing matches.",
    reasons: &[
        Reason::EmailOk,
        Reason::EmailUnauthorized,
        Reason::EmailUnverified,
        Reason::UserUnauthenticated,
    ],
    reads: Reads::Identity,
    example: "email: {in: [ann@corp.example, bob@corp.example]}",
    compile: |written, diagnostics| {
        let matcher =
            TextMatcher::read(written, Letters::AnyCase, value_lints::email, diagnostics)?;
        if let Some(warning) = value_lints::absent_address(written, matcher.is_negative()) {
            warning.report(Some(written.place), diagnostics);
        }
        Some(Test::person(Email { matcher }))
    },
};

#[derive(Debug)]
pub(super) struct Email {
    matcher: TextMatcher,
}

impl Email {
    pub(super) fn one_of(addresses: &[String]) -> Self {
        Self { matcher: TextMatcher::one_of(addresses, Letters::AnyCase) }
    }
}

impl OfPerson for Email {
    fn judge(&self, who: &Identity, _: &Question<'_>) -> (Answer, Reason) {
        match &who.address {
            // Security: negative matchers, too; having no address admits nobody but where that is
            // what is asked.
            Address::Absent => {
                let holds = self.matcher.matches_absence();
                answer(holds, Reason::EmailOk, Reason::EmailUnauthorized)
            }
            Address::Unverified(_) => (Answer::Unknown, Reason::EmailUnverified),
            // Security: whose address it is cannot be told (T36), so it neither admits nor spares.
            Address::Verified { address, .. } if domain_of(address).is_none() => {
                (Answer::Unknown, Reason::EmailUnauthorized)
            }
            Address::Verified { address, .. } => {
                let holds = self.matcher.matches(address);
                answer(holds, Reason::EmailOk, Reason::EmailUnauthorized)
            }
        }
    }

    fn wanted(&self) -> String {
        self.matcher.wanted()
    }

    fn seen(&self, who: &Identity, question: &Question<'_>) -> Option<String> {
        seen(who, question)
    }

    fn missing(&self, who: &Identity) -> Option<Missing> {
        // `allowed_users` may hold nothing but ids; then no address would help.
        if !self.matcher.could_contain('@') {
            return None;
        }
        Some(missing(who, What::Address))
    }

    fn needs(&self, missing: &Unrecorded, _: &Identity) -> bool {
        needs(missing)
    }
}

/// Whether a record of the past did not keep the whole address.
pub(super) fn needs(missing: &Unrecorded) -> bool {
    missing.mailbox || missing.domain
}

/// The address with what is to be known about it.
pub(super) fn seen(who: &Identity, question: &Question<'_>) -> Option<String> {
    if let Some(missing) = question.unrecorded().filter(|missing| needs(missing)) {
        let domain = who.address.shown().and_then(domain_of).filter(|_| !missing.domain);
        return domain.map(|domain| format!("an address at {domain:?}"));
    }
    match &who.address {
        Address::Absent => None,
        Address::Unverified(address) => Some(format!("{address:?} (not verified)")),
        Address::Verified { address, private_relay: true } => {
            Some(format!("{address:?} (private relay)"))
        }
        Address::Verified { address, private_relay: false } => Some(format!("{address:?}")),
    }
}

/// What is missing for a criterion that looks at `what` of the address.
pub(super) fn missing(who: &Identity, what: What) -> Missing {
    match &who.address {
        Address::Absent => Missing::Address,
        Address::Unverified(_) => Missing::AddressUnverified,
        Address::Verified { address, .. } if domain_of(address).is_none() => {
            Missing::AddressUnusable
        }
        Address::Verified { private_relay: true, .. } if what == What::Domain => {
            Missing::PrivateRelayForDomain
        }
        Address::Verified { private_relay: true, .. } => Missing::PrivateRelayForAddress,
        Address::Verified { private_relay: false, .. } => Missing::Different { what },
    }
}
