//! `user`: one person, by the id that Apple gave them for this team.

use crate::identity::Identity;
use crate::policy::answer::Answer;
use crate::policy::criterion::{Data, OfPerson, Reads, Row, Test, answer};
use crate::policy::matchers::{Letters, TextMatcher};
use crate::policy::missing::{Missing, What};
use crate::policy::question::Question;
use crate::policy::reason::Reason;
use crate::policy::supposed::Unrecorded;
use crate::policy::value_lints;

pub(super) static ROW: Row = Row {
    name: "user",
    takes_path: false,
    data: Data::Text,
    sentence: "Holds where Apple's id of the person (`sub`) matches; it never changes within a team.",
    reasons: &[Reason::UserOk, Reason::UserUnauthorized, Reason::UserUnauthenticated],
    reads: Reads::Identity,
    example: "user: 001234.5d1f0c2a8be94e6f.0901",
    compile: |written, diagnostics| {
        let matcher = TextMatcher::read(written, Letters::Exact, value_lints::user, diagnostics)?;
        Some(Test::person(User { matcher }))
    },
};

#[derive(Debug)]
pub(super) struct User {
    matcher: TextMatcher,
}

impl User {
    pub(super) fn one_of(subjects: &[String]) -> Self {
        Self { matcher: TextMatcher::one_of(subjects, Letters::Exact) }
    }
}

impl OfPerson for User {
    fn judge(&self, who: &Identity, _: &Question<'_>) -> (Answer, Reason) {
        let holds = self.matcher.matches(&who.subject);
        answer(holds, Reason::UserOk, Reason::UserUnauthorized)
    }

    fn wanted(&self) -> String {
        self.matcher.wanted()
    }

    fn seen(&self, who: &Identity, _: &Question<'_>) -> Option<String> {
        Some(format!("{:?}", who.subject))
    }

    fn missing(&self, _: &Identity) -> Option<Missing> {
        Some(Missing::Different { what: What::User })
    }

    fn needs(&self, missing: &Unrecorded, _: &Identity) -> bool {
        missing.subject
    }
}
