//! `private_relay`: whether the verified address is one of Apple's that hides the real one.

use super::email;
use crate::identity::{Address, Identity, domain_of};
use crate::policy::answer::Answer;
use crate::policy::criterion::{Data, OfPerson, Reads, Row, Test, answer};
use crate::policy::missing::{Missing, What};
use crate::policy::question::Question;
use crate::policy::reason::Reason;
use crate::policy::supposed::Unrecorded;
use crate::policy::written::truth;

pub(super) static ROW: Row = Row {
    name: "private_relay",
    takes_path: false,
    data: Data::Truth,
    sentence: "Holds where the verified address is a relay address of Apple's; with `false`: where \
               it is a real one. Without an address neither holds.",
    reasons: &[
        Reason::EmailUnverified,
        Reason::PrivateRelayOk,
        Reason::PrivateRelayUnauthorized,
        Reason::UserUnauthenticated,
    ],
    reads: Reads::Identity,
    example: "private_relay: false",
    compile: |written, diagnostics| {
        Some(Test::person(PrivateRelay { wanted: truth(written, diagnostics)? }))
    },
};

#[derive(Debug)]
struct PrivateRelay {
    wanted: bool,
}

impl OfPerson for PrivateRelay {
    fn judge(&self, who: &Identity, _: &Question<'_>) -> (Answer, Reason) {
        match &who.address {
            Address::Absent => (Answer::No, Reason::PrivateRelayUnauthorized),
            Address::Unverified(_) => (Answer::Unknown, Reason::EmailUnverified),
            // Security: whose address it is cannot be told (T36).
            Address::Verified { address, .. } if domain_of(address).is_none() => {
                (Answer::Unknown, Reason::PrivateRelayUnauthorized)
            }
            Address::Verified { private_relay, .. } => {
                let holds = *private_relay == self.wanted;
                answer(holds, Reason::PrivateRelayOk, Reason::PrivateRelayUnauthorized)
            }
        }
    }

    fn wanted(&self) -> String {
        if self.wanted { "a relay address" } else { "a real address" }.to_owned()
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
