//! `email_verified`: whether the provider vouches for the address.

use super::email;
use crate::identity::{Address, Identity};
use crate::policy::answer::Answer;
use crate::policy::criterion::{Data, OfPerson, Reads, Row, Test, answer};
use crate::policy::missing::{Missing, What};
use crate::policy::question::Question;
use crate::policy::reason::Reason;
use crate::policy::supposed::Unrecorded;
use crate::policy::written::truth;

pub(super) static ROW: Row = Row {
    name: "email_verified",
    takes_path: false,
    data: Data::Truth,
    sentence: "Holds where Apple vouches for the address; with `false`: where there is one and it \
               does not. `email` and `domain` ask for a verified address by themselves.",
    reasons: &[
        Reason::EmailVerifiedOk,
        Reason::EmailVerifiedUnauthorized,
        Reason::UserUnauthenticated,
    ],
    reads: Reads::Identity,
    example: "email_verified: true",
    compile: |written, diagnostics| {
        Some(Test::person(EmailVerified { wanted: truth(written, diagnostics)? }))
    },
};

#[derive(Debug)]
struct EmailVerified {
    wanted: bool,
}

impl OfPerson for EmailVerified {
    fn judge(&self, who: &Identity, _: &Question<'_>) -> (Answer, Reason) {
        let holds = match &who.address {
            Address::Absent => false,
            Address::Unverified(_) => !self.wanted,
            Address::Verified { .. } => self.wanted,
        };
        answer(holds, Reason::EmailVerifiedOk, Reason::EmailVerifiedUnauthorized)
    }

    fn wanted(&self) -> String {
        if self.wanted { "a verified address" } else { "an address that is not verified" }
            .to_owned()
    }

    fn seen(&self, who: &Identity, question: &Question<'_>) -> Option<String> {
        email::seen(who, question)
    }

    fn missing(&self, who: &Identity) -> Option<Missing> {
        Some(email::missing(who, What::Address))
    }

    fn needs(&self, missing: &Unrecorded, _: &Identity) -> bool {
        email::needs(missing)
    }
}
