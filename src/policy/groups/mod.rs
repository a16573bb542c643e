//! Groups of people. Apple has none, so a file of the operator's names their members: by `sub`, by
//! address or by domain.
//!
//! Security: by an address or a domain somebody is in a group only where the provider vouches for
//! the address. Where it does not, their membership is unknown, unless their `sub` is listed.

mod builder;
mod file;
mod member;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;

pub use builder::GroupsBuilder;
pub use file::GroupsFile;
pub use member::Who;

use crate::base::near::nearest;
use crate::base::node::Place;
use crate::identity::{Address, Identity, domain_of};
use crate::policy::answer::Answer;
use crate::policy::supposed::Unrecorded;

/// Who is in which group. Immutable; looking somebody up allocates nothing.
#[derive(Debug, Default)]
pub struct Groups {
    /// Every group, in the order of their names.
    groups: Vec<Group>,
    subjects: Index,
    addresses: Index,
    domains: Index,
    members: Vec<Member>,
}

#[derive(Debug)]
struct Group {
    name: Box<str>,
    /// Whether somebody is in it by an address, and by a domain.
    reach: Reach,
}

/// One entry of the file.
#[derive(Clone, Debug)]
pub struct Member {
    /// The name of the group.
    pub group: Box<str>,
    /// Whom it means.
    pub who: Who,
    /// Where it is written.
    pub place: Option<Place>,
}

/// A group by its place in the order of the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::policy) struct GroupId(u32);

/// What membership may depend on in addition to the `sub`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Reach {
    address: bool,
    domain: bool,
}

impl Reach {
    fn and(self, other: Self) -> Self {
        Self { address: self.address || other.address, domain: self.domain || other.domain }
    }

    fn meets(self, other: Self) -> bool {
        (self.address && other.address) || (self.domain && other.domain)
    }
}

/// What is listed under one kind of name, sorted, and the groups that list it.
#[derive(Debug, Default)]
struct Index(Vec<(Box<str>, Box<[GroupId]>)>);

impl Index {
    fn find(&self, compare: impl Fn(&str) -> Ordering) -> &[GroupId] {
        let found = self.0.binary_search_by(|(key, _)| compare(key)).ok();
        found.and_then(|at| self.0.get(at)).map(|(_, groups)| &**groups).unwrap_or_default()
    }

    fn exactly(&self, text: &str) -> &[GroupId] {
        self.find(|key| key.cmp(text))
    }

    /// Keys are lower case; `text` may be anything.
    fn in_any_case(&self, text: &str) -> &[GroupId] {
        self.find(|key| key.bytes().cmp(text.bytes().map(|byte| byte.to_ascii_lowercase())))
    }
}

/// Some of the groups, chosen when a policy is compiled.
#[derive(Debug)]
pub(in crate::policy) struct Choice {
    which: Which,
    reach: Reach,
}

#[derive(Debug)]
enum Which {
    /// These, sorted.
    These(Box<[GroupId]>),
    /// Every group but this one.
    AllBut(GroupId),
}

impl Choice {
    fn contains(&self, id: GroupId) -> bool {
        match &self.which {
            Which::These(ids) => ids.binary_search(&id).is_ok(),
            Which::AllBut(other) => id != *other,
        }
    }

    /// Whether what is not recorded of somebody could make them a member of one of them.
    pub(in crate::policy) fn depends_on(&self, missing: &Unrecorded) -> bool {
        missing.subject
            || (missing.mailbox && self.reach.address)
            || (missing.domain && (self.reach.address || self.reach.domain))
    }

    /// Whether no group at all is meant.
    pub(in crate::policy) fn is_empty(&self) -> bool {
        matches!(&self.which, Which::These(ids) if ids.is_empty())
    }

    /// Whether addresses or domains count for one of them.
    pub(in crate::policy) fn asks_for_an_address(&self) -> bool {
        self.reach.address || self.reach.domain
    }
}

/// The groups of one person.
pub(in crate::policy) struct Membership<'a> {
    groups: &'a Groups,
    /// By `sub`, by address, by domain.
    sure: [&'a [GroupId]; 3],
    /// By what may also be a member, for all that is known.
    unsure: Reach,
    /// What a test case says, in place of all that.
    supposed: Option<&'a [Box<str>]>,
}

impl Membership<'_> {
    /// Whether the person is in at least one of the groups. Allocates nothing.
    pub(in crate::policy) fn any(&self, choice: &Choice) -> Answer {
        let holds = match self.supposed {
            Some(names) => {
                let mut ids = names.iter().filter_map(|name| self.groups.id(name));
                ids.any(|id| choice.contains(id))
            }
            None => self.sure.iter().copied().flatten().any(|id| choice.contains(*id)),
        };
        match holds {
            true => Answer::Yes,
            false if self.unsure.meets(choice.reach) => Answer::Unknown,
            false => Answer::No,
        }
    }
}

impl Groups {
    /// The names of all groups, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(|group| &*group.name)
    }

    /// Whether there is a group of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.id(name).is_some()
    }

    /// The group whose name is most like `name`, for hints.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.names())
    }

    /// Every member as it is written, in the order of the file, those written twice once.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The names of the groups that somebody is certainly in, sorted: what applications are told.
    pub fn of(&self, who: &Identity) -> Vec<&str> {
        self.names_of(&self.membership(who, None))
    }

    /// The names of the groups that somebody is certainly in, sorted.
    pub(in crate::policy) fn names_of(&self, membership: &Membership<'_>) -> Vec<&str> {
        let mut ids: Vec<GroupId> = match membership.supposed {
            Some(names) => names.iter().filter_map(|name| self.id(name)).collect(),
            None => membership.sure.iter().copied().flatten().copied().collect(),
        };
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().filter_map(|id| Some(&*self.group(id)?.name)).collect()
    }

    /// What is known of somebody's groups; what a test case supposes takes the place of the file.
    /// Allocates nothing.
    pub(in crate::policy) fn membership<'a>(
        &'a self,
        who: &Identity,
        supposed: Option<&'a [Box<str>]>,
    ) -> Membership<'a> {
        let mut sure = [self.subjects.exactly(&who.subject), &[], &[]];
        let mut unsure = Reach::default();
        match &who.address {
            _ if supposed.is_some() => {}
            Address::Absent => {}
            Address::Unverified(_) => unsure = Reach { address: true, domain: true },
            Address::Verified { address, .. } => match domain_of(address) {
                Some(domain) => {
                    sure[1] = self.addresses.in_any_case(address);
                    sure[2] = self.domains.in_any_case(domain);
                }
                // Security: whose address it is cannot be told (T36), and it has no domain.
                None => unsure.address = true,
            },
        }
        Membership { groups: self, sure, unsure, supposed }
    }

    /// The group of this name, and every other one.
    pub(in crate::policy) fn choose(&self, name: &str) -> Option<(Choice, Choice)> {
        let id = self.id(name)?;
        let own = self.group(id)?.reach;
        let others = self.groups.iter().filter(|group| &*group.name != name);
        let reach = others.map(|group| group.reach).fold(Reach::default(), Reach::and);
        Some((
            Choice { which: Which::These(Box::new([id])), reach: own },
            Choice { which: Which::AllBut(id), reach },
        ))
    }

    /// The groups with names that `wanted` takes.
    pub(in crate::policy) fn choose_all(&self, wanted: impl Fn(&str) -> bool) -> Choice {
        let mut reach = Reach::default();
        let mut ids = Vec::new();
        for (id, group) in (0..).map(GroupId).zip(&self.groups) {
            if wanted(&group.name) {
                ids.push(id);
                reach = reach.and(group.reach);
            }
        }
        Choice { which: Which::These(ids.into()), reach }
    }

    fn id(&self, name: &str) -> Option<GroupId> {
        let at = self.groups.binary_search_by(|group| (*group.name).cmp(name)).ok()?;
        u32::try_from(at).ok().map(GroupId)
    }

    fn group(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(id.0 as usize)
    }
}
