//! `groups`: the groups of the operator's file that somebody is in.

use std::sync::Arc;

use super::email;
use crate::base::diagnostic::Diagnostics;
use crate::base::node::Node;
use crate::identity::{Address, Identity};
use crate::policy::answer::Answer;
use crate::policy::codes;
use crate::policy::criterion::{Data, OfPerson, Reads, Row, Test};
use crate::policy::groups::GroupsFile;
use crate::policy::groups::{Choice, Groups};
use crate::policy::matchers::{ListMatcher, ListOperator, ListTest, Single};
use crate::policy::missing::{Missing, What};
use crate::policy::question::Question;
use crate::policy::reason::Reason;
use crate::policy::supposed::Unrecorded;
use crate::policy::written::Written;

pub(super) static ROW: Row = Row {
    name: super::GROUPS,
    takes_path: false,
    data: Data::List,
    example: "groups: engineering",
    sentence: "Holds where the groups of `groups_file` that the person is in match; an address \
               counts only if it is verified.",
    reasons: &[
        Reason::GroupsOk,
        Reason::GroupsUnauthorized,
        Reason::EmailUnverified,
        Reason::UserUnauthenticated,
    ],
    reads: Reads::Identity,
    compile: |written, diagnostics| Some(Test::person(InGroups::read(written, diagnostics)?)),
};

#[derive(Debug)]
struct InGroups {
    groups: Arc<Groups>,
    /// For showing what is wanted.
    matcher: ListMatcher,
    /// What must hold, all of it.
    tests: Vec<Condition>,
}

/// Whether the person must be in one of the groups, or in none of them.
#[derive(Debug)]
struct Condition {
    choice: Choice,
    member: bool,
}

impl InGroups {
    fn read(written: &Written<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let groups = match written.groups {
            GroupsFile::Read(groups) => groups,
            GroupsFile::Broken => return None,
            GroupsFile::Unset => {
                diagnostics.error(
                    codes::GROUP,
                    written.place,
                    "this asks for a group, and no file says who is in it",
                    "add at the top level: groups_file: /etc/russet/groups.yaml, with lines such as\n\
                     engineering: [ann@corp.example, \"sub:001234.ab\", \"domain:corp.example\"]",
                );
                return None;
            }
        };
        let known = |data: &Node, operator, value: Single, diagnostics: &mut Diagnostics| {
            if operator != ListOperator::Matches {
                check_name(data, &value, groups, diagnostics);
            }
            value
        };
        let before = diagnostics.errors();
        let matcher = ListMatcher::read(written, &known, diagnostics)?;
        if diagnostics.errors() > before {
            return None;
        }
        let tests = matcher.tests().iter().map(|test| conditions(groups, test));
        let tests: Vec<_> = tests.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect();
        if tests.iter().any(|test| test.choice.is_empty()) {
            let message = "no group of `groups_file` is meant by this";
            let names: Vec<&str> = groups.names().take(20).collect();
            let help = format!("its groups are {}", names.join(", "));
            diagnostics.error(codes::GROUP, written.data.place, message, help);
            return None;
        }
        Some(Self { groups: Arc::clone(groups), matcher, tests })
    }

    /// Whether an address could change the answer.
    fn asks_for_an_address(&self) -> bool {
        self.tests.iter().any(|test| test.choice.asks_for_an_address())
    }
}

fn check_name(data: &Node, value: &Single, groups: &Groups, diagnostics: &mut Diagnostics) {
    let Single::Text(name) = value else {
        let message = format!("a group has a name, and this is {}", data.what());
        diagnostics.error(codes::DATA, data.place, message, "put the name into quotes");
        return;
    };
    if groups.contains(name) {
        return;
    }
    let help = match groups.nearest(name) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let names: Vec<&str> = groups.names().take(20).collect();
            match names.is_empty() {
                true => "the file names no group at all".to_owned(),
                false => format!("its groups are {}", names.join(", ")),
            }
        }
    };
    let message = format!("there is no group `{name}` in `groups_file`");
    diagnostics.error(codes::GROUP, data.place, message, help);
}

fn conditions(groups: &Groups, test: &ListTest) -> Option<Vec<Condition>> {
    let named = |single: &Single| match single {
        Single::Text(name) => groups.choose(name),
        Single::Bool(_) | Single::Integer(_) | Single::Float(_) => None,
    };
    Some(match test {
        ListTest::Has(single) => vec![Condition { choice: named(single)?.0, member: true }],
        ListTest::Exclude(single) => vec![Condition { choice: named(single)?.0, member: false }],
        ListTest::Is(single) => {
            let (choice, others) = named(single)?;
            vec![Condition { choice, member: true }, Condition { choice: others, member: false }]
        }
        ListTest::Matches(pattern) => {
            let choice = groups.choose_all(|name| pattern.matches(name));
            vec![Condition { choice, member: true }]
        }
        ListTest::Exists(wanted) => {
            vec![Condition { choice: groups.choose_all(|_| true), member: *wanted }]
        }
    })
}

impl OfPerson for InGroups {
    fn judge(&self, who: &Identity, question: &Question<'_>) -> (Answer, Reason) {
        let membership = self.groups.membership(who, question.supposed_groups());
        let mut joined = Answer::Yes;
        for test in &self.tests {
            let any = membership.any(&test.choice);
            match if test.member { any } else { any.negated() } {
                Answer::No => return (Answer::No, Reason::GroupsUnauthorized),
                Answer::Unknown => joined = Answer::Unknown,
                Answer::Yes => {}
            }
        }
        let reason = match (joined, &who.address) {
            (Answer::Yes, _) => Reason::GroupsOk,
            (_, Address::Unverified(_)) => Reason::EmailUnverified,
            _ => Reason::GroupsUnauthorized,
        };
        (joined, reason)
    }

    fn wanted(&self) -> String {
        self.matcher.wanted()
    }

    fn seen(&self, who: &Identity, question: &Question<'_>) -> Option<String> {
        let names = self.groups.names_of(&self.groups.membership(who, question.supposed_groups()));
        if names.is_empty() { email::seen(who, question) } else { Some(names.join(", ")) }
    }

    fn needs(&self, missing: &Unrecorded, who: &Identity) -> bool {
        // A test case supposes groups, and only a replay misses facts: never both.
        let membership = self.groups.membership(who, None);
        let mut needs = false;
        for test in &self.tests {
            // Whoever is known to be in a group is in it, whatever else is missing.
            let is_in = membership.any(&test.choice) == Answer::Yes;
            let open = !is_in && test.choice.depends_on(missing);
            if !open && is_in != test.member {
                return false;
            }
            needs |= open;
        }
        needs
    }

    fn missing(&self, who: &Identity) -> Option<Missing> {
        if self.asks_for_an_address() {
            return Some(email::missing(who, What::Group));
        }
        Some(Missing::Different { what: What::Group })
    }
}
