//! `domain`: what follows the only `@` of the verified address. The case of ASCII letters does not
//! count.

use super::email;
use crate::base::diagnostic::Diagnostics;
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
    name: "domain",
    takes_path: false,
    data: Data::Text,
    sentence: "Holds where the domain of the verified address matches as a whole; private relay \
               addresses never have a company's domain.",
    reasons: &[
        Reason::DomainOk,
        Reason::DomainUnauthorized,
        Reason::EmailUnverified,
        Reason::UserUnauthenticated,
    ],
    reads: Reads::Identity,
    example: "domain: corp.example",
    compile: |written, diagnostics| {
        let matcher =
            TextMatcher::read(written, Letters::AnyCase, value_lints::domain, diagnostics)?;
        if let Some(warning) = value_lints::absent_address(written, matcher.is_negative()) {
            warning.report(Some(written.place), diagnostics);
        }
        Some(Test::person(Domain { matcher }))
    },
};

#[derive(Debug)]
pub(super) struct Domain {
    matcher: TextMatcher,
}

impl Domain {
    pub(super) fn one_of(domains: &[String], diagnostics: &mut Diagnostics) -> Self {
        for domain in domains {
            if let Some(warning) = value_lints::listed_domain(domain) {
                warning.report(None, diagnostics);
            }
        }
        Self { matcher: TextMatcher::one_of(domains, Letters::AnyCase) }
    }
}

impl OfPerson for Domain {
    fn judge(&self, who: &Identity, _: &Question<'_>) -> (Answer, Reason) {
        match &who.address {
            Address::Unverified(_) => (Answer::Unknown, Reason::EmailUnverified),
            // Security: without an address negative matchers do not hold either.
            Address::Absent => {
                let holds = self.matcher.matches_absence();
                answer(holds, Reason::DomainOk, Reason::DomainUnauthorized)
            }
            Address::Verified { address, .. } => {
                let holds = domain_of(address).is_some_and(|domain| self.matcher.matches(domain));
                answer(holds, Reason::DomainOk, Reason::DomainUnauthorized)
            }
        }
    }

    fn wanted(&self) -> String {
        self.matcher.wanted()
    }

    fn seen(&self, who: &Identity, question: &Question<'_>) -> Option<String> {
        email::seen(who, question)
    }

    fn missing(&self, who: &Identity) -> Option<Missing> {
        Some(email::missing(who, What::Domain))
    }

    fn needs(&self, missing: &Unrecorded, _: &Identity) -> bool {
        missing.domain
    }
}
