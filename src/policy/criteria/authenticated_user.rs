//! `authenticated_user`: whoever is signed in. Anybody with an Apple account can be.

use crate::identity::Identity;
use crate::policy::answer::Answer;
use crate::policy::criterion::{Data, OfPerson, Reads, Row, Test, answer};
use crate::policy::missing::{Missing, What};
use crate::policy::openness::Openness;
use crate::policy::question::Question;
use crate::policy::reason::Reason;
use crate::policy::supposed::Unrecorded;

pub(super) static ROW: Row = Row {
    name: "authenticated_user",
    takes_path: false,
    data: Data::Ignored,
    sentence: "Holds for everybody who is signed in; anybody can make an Apple account.",
    reasons: &[Reason::UserOk, Reason::UserUnauthorized, Reason::UserUnauthenticated],
    reads: Reads::Identity,
    example: "authenticated_user: true",
    compile: |_, _| Some(Test::person(AuthenticatedUser)),
};

#[derive(Debug)]
pub(super) struct AuthenticatedUser;

impl OfPerson for AuthenticatedUser {
    fn judge(&self, who: &Identity, _: &Question<'_>) -> (Answer, Reason) {
        answer(!who.subject.is_empty(), Reason::UserOk, Reason::UserUnauthorized)
    }

    fn wanted(&self) -> String {
        "anybody who is signed in".to_owned()
    }

    fn seen(&self, who: &Identity, _: &Question<'_>) -> Option<String> {
        Some(format!("{:?}", who.subject))
    }

    fn missing(&self, _: &Identity) -> Option<Missing> {
        Some(Missing::Different { what: What::User })
    }

    fn needs(&self, _: &Unrecorded, _: &Identity) -> bool {
        false
    }

    fn openness(&self) -> Openness {
        Openness::AnyAccount
    }
}
