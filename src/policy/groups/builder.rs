//! Gathers groups member by member, as a file is read, and tells what is wrong with them.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use super::member::{Problem, Who};
use super::{Group, GroupId, Groups, Index, Member, Reach};
use crate::base::diagnostic::Diagnostics;
use crate::base::node::Place;
use crate::policy::codes;

/// Groups in the making.
#[derive(Debug, Default)]
pub struct GroupsBuilder {
    /// Where each group is first named.
    groups: BTreeMap<Box<str>, Place>,
    members: Vec<Member>,
    /// Where each member is first written.
    seen: HashMap<(Box<str>, Who), Place>,
}

impl GroupsBuilder {
    /// Adds a group. `None` after an error: the name cannot be one.
    pub fn group(&mut self, name: &str, place: Place, diagnostics: &mut Diagnostics) -> Option<()> {
        let name = name.trim();
        if name.is_empty() || name.chars().any(char::is_control) {
            let message = "this group has no name that can be read";
            diagnostics.error(codes::GROUP, place, message, "name it, for instance: engineering");
            return None;
        }
        self.groups.entry(name.into()).or_insert(place);
        Some(())
    }

    /// Adds a member to a group, and the group if it is new.
    pub fn member(
        &mut self,
        (group, group_place): (&str, Place),
        (written, place): (&str, Place),
        diagnostics: &mut Diagnostics,
    ) {
        if self.group(group, group_place, diagnostics).is_none() {
            return;
        }
        let group: Box<str> = group.trim().into();
        let who = match Who::read(written) {
            Ok(who) => who,
            Err(Problem { message, help }) => {
                diagnostics.error(codes::GROUP, place, message, help);
                return;
            }
        };
        if Who::looks_like_a_domain(written) {
            let written = written.trim();
            diagnostics.warning(
                codes::ODD_GROUP,
                place,
                format!("`{written}` has no `@`, so it is taken for Apple's id of a person"),
                format!("write `domain:{written}`, or `sub:{written}` if that is what it is"),
            );
        }
        match self.seen.entry((group.clone(), who.clone())) {
            Entry::Occupied(first) => {
                let message = format!("`{who}` is in `{group}` twice");
                diagnostics.warning(codes::ODD_GROUP, place, message, "remove one of the two");
                diagnostics.note(*first.get(), "the first one is here");
            }
            Entry::Vacant(vacant) => {
                vacant.insert(place);
                self.members.push(Member { group, who, place: Some(place) });
            }
        }
    }

    /// The groups, made ready for looking people up.
    pub fn finish(self, diagnostics: &mut Diagnostics) -> Groups {
        let ids: HashMap<Box<str>, GroupId> =
            self.groups.keys().cloned().zip((0..).map(GroupId)).collect();
        let named =
            self.groups.keys().map(|name| Group { name: name.clone(), reach: Reach::default() });
        let mut groups: Vec<Group> = named.collect();
        let mut sizes = vec![0_usize; groups.len()];
        let [mut subjects, mut addresses, mut domains] = [(); 3].map(|()| BTreeMap::new());
        for member in &self.members {
            let Some(id) = ids.get(&member.group).copied() else { continue };
            let at = id.0 as usize;
            let (Some(group), Some(size)) = (groups.get_mut(at), sizes.get_mut(at)) else {
                continue;
            };
            *size += 1;
            let (index, key): (&mut BTreeMap<_, Vec<_>>, _) = match &member.who {
                Who::Subject(key) => (&mut subjects, key),
                Who::Address(key) => {
                    group.reach.address = true;
                    (&mut addresses, key)
                }
                Who::Domain(key) => {
                    group.reach.domain = true;
                    (&mut domains, key)
                }
            };
            index.entry(key.clone()).or_default().push(id);
        }
        for ((name, place), size) in self.groups.iter().zip(sizes) {
            if size == 0 && !diagnostics.has_errors() {
                let message = format!("nobody is in the group `{name}`");
                diagnostics.warning(
                    codes::ODD_GROUP,
                    *place,
                    message,
                    "add somebody, or remove it",
                );
            }
        }
        let index = |map: BTreeMap<Box<str>, Vec<GroupId>>| {
            Index(map.into_iter().map(|(key, ids)| (key, ids.into())).collect())
        };
        Groups {
            groups,
            subjects: index(subjects),
            addresses: index(addresses),
            domains: index(domains),
            members: self.members,
        }
    }
}
