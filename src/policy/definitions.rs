//! What policies refer to other than themselves: the groups of a file, and named policies.

use std::collections::{HashMap, HashSet};

use super::compiled::Compiled;
use super::groups::GroupsFile;
use super::parse::{self, Parsed, Use};
use super::{codes, criteria};
use crate::base::diagnostic::Diagnostics;
use crate::base::near::nearest;
use crate::base::node::{Kind, Node, Place};

/// Most rules that named policies may grow into, all routes together: so that a page of text does
/// not become a gigabyte (T59).
const MOST_RULES: usize = 100_000;

/// What policies may refer to.
#[derive(Debug, Default)]
pub struct Definitions {
    groups: GroupsFile,
    named: Vec<Named>,
    by_name: HashMap<Box<str>, usize>,
    /// Whether something is wrong with a named policy, so that those that use one are not to be
    /// relied on. It was told.
    broken: bool,
    /// How many rules were taken over so far.
    taken: usize,
}

/// One named policy.
#[derive(Debug)]
struct Named {
    name: Box<str>,
    place: Place,
    parsed: Parsed,
    used: bool,
}

impl Definitions {
    /// Reads the map of named policies; whatever is wrong with them is told here, once.
    pub fn new(groups: GroupsFile, named: Option<&Node>, diagnostics: &mut Diagnostics) -> Self {
        let mut definitions = Self { groups, ..Self::default() };
        let Some(node) = named else { return definitions };
        let mut own = Diagnostics::default();
        match &node.kind {
            Kind::Map(entries) => {
                for (name, policy) in entries.iter() {
                    definitions.define(name, policy, &mut own);
                }
                definitions.check_uses(&mut own);
            }
            Kind::Scalar(_) | Kind::List(_) => own.error(
                codes::SHAPE,
                node.place,
                format!("`named_policies` is {}; it must be a map", node.what()),
                "write below it: staff: {allow: {or: [{domain: corp.example}]}}",
            ),
        }
        definitions.broken =
            own.has_errors() || definitions.named.iter().any(|named| named.parsed.incomplete);
        diagnostics.append(own);
        definitions
    }

    /// The groups that policies may name.
    pub fn groups(&self) -> &GroupsFile {
        &self.groups
    }

    fn define(&mut self, name: &Node, policy: &Node, diagnostics: &mut Diagnostics) {
        let text = name.text().unwrap_or_default();
        if text.trim().is_empty() {
            let help = "name it, for instance: staff";
            diagnostics.error(codes::NAMED, name.place, "this policy has no name", help);
            return;
        }
        let parsed =
            parse::policy(policy, &format!("named_policies.{text}"), &self.groups, diagnostics);
        self.by_name.insert(text.into(), self.named.len());
        self.named.push(Named { name: text.into(), place: name.place, parsed, used: false });
    }

    /// Marks what is used by others, and refuses names that are not there and circles.
    fn check_uses(&mut self, diagnostics: &mut Diagnostics) {
        let mut uses: Vec<Vec<(usize, Place)>> = Vec::new();
        for named in &self.named {
            let found = named
                .parsed
                .uses
                .iter()
                .filter_map(|used| Some((self.find(used, diagnostics)?, used.place)));
            uses.push(found.collect());
        }
        for (target, _) in uses.iter().flatten() {
            if let Some(named) = self.named.get_mut(*target) {
                named.used = true;
            }
        }
        Circles { named: &self.named, uses: &uses, diagnostics }.refuse();
    }

    /// The named policy that is meant. `None` after an error.
    fn find(&self, used: &Use, diagnostics: &mut Diagnostics) -> Option<usize> {
        if let Some(at) = self.by_name.get(&used.name) {
            return Some(*at);
        }
        let name = &used.name;
        let help = match nearest(name, self.named.iter().map(|named| &*named.name)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if self.named.is_empty() => {
                format!(
                    "add at the top level: named_policies: {{{name}: {{allow: {{or: [...]}}}}}}"
                )
            }
            None => {
                let names: Vec<_> = self.named.iter().take(20).map(|n| &*n.name).collect();
                format!("those there are: {}", names.join(", "))
            }
        };
        let message = format!("there is no named policy `{name}`");
        diagnostics.error(codes::NAMED, used.place, message, help);
        None
    }

    /// Adds to `into` the rules of every policy in `uses`, and of those that they use, each once.
    /// `None` where one cannot be relied on; the diagnostics say why.
    pub(super) fn take(
        &mut self,
        uses: &[Use],
        into: &mut Compiled,
        diagnostics: &mut Diagnostics,
    ) -> Option<()> {
        let mut waiting = Vec::new();
        for used in uses.iter().rev() {
            waiting.push((self.find(used, diagnostics), used.place));
        }
        let mut seen = HashSet::new();
        let mut complete = !self.broken;
        while let Some((at, place)) = waiting.pop() {
            let Some(named) = at.and_then(|at| self.named.get_mut(at)) else {
                complete = false;
                continue;
            };
            if !seen.insert(at) {
                continue;
            }
            named.used = true;
            let rules = &named.parsed.compiled;
            self.taken += rules.allow.len() + rules.deny.len();
            if self.taken > MOST_RULES {
                let message = format!("named policies grow into more than {MOST_RULES} rules");
                diagnostics.error(
                    codes::NAMED,
                    place,
                    message,
                    "let fewer routes use fewer of them",
                );
                return None;
            }
            into.allow.extend(rules.allow.iter().cloned());
            into.deny.extend(rules.deny.iter().cloned());
            let nested = named.parsed.uses.iter().rev();
            let nested = nested.map(|used| (self.by_name.get(&used.name).copied(), used.place));
            waiting.extend(nested);
        }
        complete.then_some(())
    }

    /// Warns of named policies that nothing uses.
    pub fn doubt_unused(&self, diagnostics: &mut Diagnostics) {
        for named in self.named.iter().filter(|named| !named.used) {
            let name = &named.name;
            diagnostics.warning(
                codes::UNUSED,
                named.place,
                format!("nothing uses the named policy `{name}`"),
                format!("write `policy: {{use: {name}}}` in a route, or remove it"),
            );
        }
    }
}

/// Looks for named policies that use themselves.
struct Circles<'a> {
    named: &'a [Named],
    uses: &'a [Vec<(usize, Place)>],
    diagnostics: &'a mut Diagnostics,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    Not,
    Open,
    Done,
}

impl Circles<'_> {
    /// Tells every circle once, by the way on which it was found. Keeps its own stack, so that no
    /// chain of names is too long for it.
    fn refuse(&mut self) {
        let mut visits = vec![Visit::Not; self.named.len()];
        for start in 0..self.named.len() {
            // Each step: a policy, how many of its uses were followed, and where it was used.
            let mut way: Vec<(usize, usize, Place)> = vec![(start, 0, Place::default())];
            while let Some((at, followed, _)) = way.last().copied() {
                let Some(visit) = visits.get_mut(at).filter(|visit| **visit != Visit::Done) else {
                    way.pop();
                    continue;
                };
                *visit = Visit::Open;
                let Some((next, place)) = self.uses.get(at).and_then(|uses| uses.get(followed))
                else {
                    *visit = Visit::Done;
                    way.pop();
                    continue;
                };
                if let Some((_, followed, _)) = way.last_mut() {
                    *followed += 1;
                }
                if visits.get(*next) == Some(&Visit::Open) {
                    self.tell(*next, *place, &way);
                } else {
                    way.push((*next, 0, *place));
                }
            }
        }
    }

    /// `way` leads to the policy that uses `first` at `place`, by way of `first` itself.
    fn tell(&mut self, first: usize, place: Place, way: &[(usize, usize, Place)]) {
        let name = |at: usize| self.named.get(at).map(|named| &*named.name).unwrap_or_default();
        let circle: Vec<_> = way.iter().skip_while(|(at, ..)| *at != first).collect();
        let mut names: Vec<&str> = circle.iter().map(|(at, ..)| name(*at)).collect();
        names.push(name(first));
        let notes: Vec<_> = circle
            .windows(2)
            .filter_map(|pair| match pair {
                [(from, ..), (to, _, place)] => {
                    Some((*place, format!("`{}` uses `{}` here", name(*from), name(*to))))
                }
                _ => None,
            })
            .collect();
        let message =
            format!("the named policy `{}` uses itself: {}", name(first), names.join(" -> "));
        self.diagnostics.error(codes::NAMED, place, message, "take one of these out of the circle");
        for (place, note) in notes {
            self.diagnostics.note(place, note);
        }
    }
}

/// Whether a criterion of the name of groups stands somewhere in `node`: whether the file is needed.
pub fn names_a_group(node: &Node) -> bool {
    match &node.kind {
        Kind::Scalar(_) => false,
        Kind::List(items) => items.iter().any(names_a_group),
        Kind::Map(entries) => entries
            .iter()
            .any(|(key, value)| key.text() == Some(criteria::GROUPS) || names_a_group(value)),
    }
}
