//! The grammar of PPL: rules, bodies, operators, criteria.
//!
//! ```text
//! policy    := rules | [ rules, ... ]
//! rules     := { "allow" | "deny" : body, "use": NAME of a named policy, ... }
//! body      := { "and" | "or" | "not" | "nor" : [ criterion, ... ], "action": ignored }
//! criterion := { NAME[/PATH] : DATA }
//! ```

use super::codes;
use super::compiled::{Compiled, Leaf, Operator, Rule, Term};
use super::criteria::{criteria, unsupported};
use super::criterion::{Row, Test};
use super::groups::GroupsFile;
use super::written::Written;
use crate::base::diagnostic::Diagnostics;
use crate::base::near::nearest;
use crate::base::node::{Kind, Node, Place};

/// A policy as it was read.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// Its own rules.
    pub(super) compiled: Compiled,
    /// The named policies whose rules it takes over.
    pub(super) uses: Vec<Use>,
    /// Whether a rule of it depends on something that is broken, which was reported elsewhere.
    pub(super) incomplete: bool,
}

/// `use: NAME`.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) name: Box<str>,
    pub(super) place: Place,
}

/// Reads a policy; `at` is the path of its key. Where nothing is written there is no rule.
pub(super) fn policy(
    node: &Node,
    at: &str,
    groups: &GroupsFile,
    diagnostics: &mut Diagnostics,
) -> Parsed {
    let mut parser = Parser { into: Parsed::default(), groups, diagnostics };
    match &node.kind {
        Kind::Map(_) => parser.rules(node, at),
        Kind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                parser.rules(item, &format!("{at}[{index}]"));
            }
        }
        Kind::Scalar(_) if node.is_null() => {}
        Kind::Scalar(_) => parser.diagnostics.error(
            codes::SHAPE,
            node.place,
            format!("a policy is a map or a list of maps, and this is {}", node.what()),
            match node.text().filter(|text| !text.contains(char::is_whitespace)) {
                Some(name) => format!("for a policy of `named_policies` write: {{use: {name}}}"),
                None => RULE_HELP.to_owned(),
            },
        ),
    }
    parser.into
}

const RULE_HELP: &str = "write for instance: {allow: {or: [{domain: corp.example}]}}";

/// Takes over the rules of a named policy.
const USE: &str = "use";
const USE_HELP: &str = "a named policy is taken over as a whole, next to `allow` and `deny`: policy: [{use: ...}, \
     {allow: ...}]";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Allow,
    Deny,
}

struct Parser<'a> {
    into: Parsed,
    groups: &'a GroupsFile,
    diagnostics: &'a mut Diagnostics,
}

impl Parser<'_> {
    fn rules(&mut self, node: &Node, at: &str) {
        let Some(entries) = node.map() else {
            let message = format!("a rule is a map with `allow` or `deny`, not {}", node.what());
            self.diagnostics.error(codes::SHAPE, node.place, message, RULE_HELP);
            return;
        };
        for (key, body) in entries {
            match key.text() {
                Some("allow") => self.body(Action::Allow, key, body, format!("{at}.allow")),
                Some("deny") => self.body(Action::Deny, key, body, format!("{at}.deny")),
                Some(USE) => self.use_named(body),
                other => {
                    let name = other.unwrap_or_default();
                    let help = match nearest(name, ["allow", "deny", USE]) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None if Operator::ALL.iter().any(|o| o.word() == name) => {
                            format!("an operator stands under an action: allow: {{{name}: [...]}}")
                        }
                        None => {
                            "a rule has `allow`, `deny` or both, or `use` and the name of a policy"
                                .to_owned()
                        }
                    };
                    let message = format!("there is no action `{name}`");
                    self.diagnostics.error(codes::UNKNOWN_KEY, key.place, message, help);
                }
            }
        }
    }

    fn use_named(&mut self, name: &Node) {
        let text = name.text().filter(|text| !text.is_empty() && !name.is_null());
        let Some(text) = text else {
            self.diagnostics.error(
                codes::SHAPE,
                name.place,
                format!("`use` wants the name of a policy, and this is {}", name.what()),
                "write `use: NAME`; for several give each an item of the list: [{use: a}, {use: b}]",
            );
            return;
        };
        self.into.uses.push(Use { name: text.into(), place: name.place });
    }

    fn body(&mut self, action: Action, key: &Node, body: &Node, at: String) {
        let Some(entries) = body.map() else {
            let word = key.text().unwrap_or_default();
            self.diagnostics.error(
                codes::SHAPE,
                if body.is_null() { key.place } else { body.place },
                format!("`{word}` wants a map of operators, and this is {}", body.what()),
                format!("write for instance: {word}: {{or: [{{domain: corp.example}}]}}"),
            );
            return;
        };
        let mut terms = Vec::new();
        for (key, list) in entries {
            terms.extend(self.term(action, key, list, &at));
        }
        self.warn_of_mixed_operators(action, key, &terms);
        let rule = Rule { at, place: Some(key.place), terms: terms.into() };
        match action {
            Action::Allow => self.into.compiled.allow.push(rule),
            Action::Deny => self.into.compiled.deny.push(rule),
        }
    }

    fn term(&mut self, action: Action, key: &Node, list: &Node, at: &str) -> Option<Term> {
        let name = key.text().unwrap_or_default();
        if name == "action" {
            return None;
        }
        let Some(operator) = Operator::ALL.into_iter().find(|known| known.word() == name) else {
            let help = match nearest(name, Operator::ALL.map(Operator::word)) {
                _ if name == USE => USE_HELP.to_owned(),
                Some(near) => format!("did you mean `{near}`?"),
                None if criteria().iter().any(|row| row.name == name) => {
                    format!("a criterion stands in the list of an operator: or: [{{{name}: ...}}]")
                }
                None => "the operators are and, or, not, nor".to_owned(),
            };
            let message = format!("there is no operator `{name}`");
            self.diagnostics.error(codes::UNKNOWN_KEY, key.place, message, help);
            return None;
        };
        let Some(items) = list.list() else {
            self.diagnostics.error(
                codes::SHAPE,
                if list.is_null() { key.place } else { list.place },
                format!("`{name}` wants a list of criteria, and this is {}", list.what()),
                format!("put a dash before each criterion, or write: {name}: [{{...}}]"),
            );
            return None;
        };
        if items.is_empty() {
            self.diagnostics.warning(
                codes::ADMITS_NOBODY,
                list.place,
                format!("`{name}` with an empty list is as if it were not there"),
                "remove it, or say what it should ask for",
            );
            return None;
        }
        let admits = (action == Action::Allow) != operator.inverts();
        let mut leaves = Vec::new();
        for (index, item) in items.iter().enumerate() {
            leaves.extend(self.criterion(item, admits, format!("{at}.{name}[{index}]")));
        }
        if operator == Operator::Nor && leaves.len() > 1 {
            self.diagnostics.warning(
                codes::NOR,
                key.place,
                "`nor` holds as soon as one of these does not hold",
                "for \"none of these\" write `not`; if \"not all of these\" is meant, all is well",
            );
        }
        Some(Term { operator, place: Some(key.place), leaves })
    }

    fn criterion(&mut self, node: &Node, admits: bool, at: String) -> Option<Leaf> {
        let Some([(key, data)]) = node.map() else {
            let message = match (node.map(), node.text()) {
                (Some([]), _) => "a criterion has a name, and this has none".to_owned(),
                (Some(_), _) => "a criterion has exactly one key, and this has several".to_owned(),
                (None, _) => format!("a criterion is a map with one key, not {}", node.what()),
            };
            let help = match node.text() {
                Some(name) if criteria().iter().any(|row| row.name == name) => {
                    format!("write: {name}: ...  (`{name}: true` where it takes no data)")
                }
                _ => "give each criterion a list item of its own, for instance: - email: \
                      ann@corp.example"
                    .to_owned(),
            };
            self.diagnostics.error(codes::SHAPE, node.place, message, help);
            return None;
        };
        let written_key = key.text().unwrap_or_default();
        let (name, path) = match written_key.split_once('/') {
            Some((name, path)) => (name, Some(path)),
            None => (written_key, None),
        };
        let row = self.row(name, key)?;
        let groups = self.groups;
        let written = Written { key: written_key, path, place: key.place, data, admits, groups };
        if path.is_some() && !row.takes_path {
            self.diagnostics.error(
                codes::UNKNOWN_CRITERION,
                key.place,
                format!("`{name}` takes nothing after a `/`"),
                format!("write: {name}: ..."),
            );
            return None;
        }
        let compiled: Option<Test> = row.compile(&written, self.diagnostics);
        self.into.incomplete |= compiled.is_none();
        let test = compiled?;
        Some(Leaf { row, key: written_key.to_owned(), at, place: Some(key.place), test })
    }

    fn row(&mut self, name: &str, key: &Node) -> Option<&'static Row> {
        if let Some(row) = criteria().iter().copied().find(|row| row.name == name) {
            return Some(row);
        }
        if let Some((message, help)) = unsupported::refusal(name) {
            self.diagnostics.error(codes::NOT_HERE, key.place, message, help);
            return None;
        }
        let names = criteria().iter().map(|row| row.name);
        let help = match nearest(name, names.clone().chain(unsupported::names())) {
            _ if name == USE => USE_HELP.to_owned(),
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the criteria are {}", names.collect::<Vec<_>>().join(", ")),
        };
        let message = format!("there is no criterion `{name}`");
        self.diagnostics.error(codes::UNKNOWN_CRITERION, key.place, message, help);
        None
    }

    /// Operators side by side are or-ed, which is not how people read them.
    fn warn_of_mixed_operators(&mut self, action: Action, key: &Node, terms: &[Term]) {
        let [first, rest @ ..] = terms else { return };
        let Some(other) = rest.iter().find(|term| term.operator != first.operator) else { return };
        let (first, other) = (first.operator.word(), other.operator.word());
        let (what, help) = match action {
            Action::Allow => (
                "one of them is enough to admit",
                "to ask for both, keep one here and put what must not hold under `deny: {or: [...]}`",
            ),
            Action::Deny => (
                "one of them is enough to refuse",
                "to refuse only where both hold, turn one of them round and put it into the other",
            ),
        };
        self.diagnostics.warning(
            codes::MIXED,
            key.place,
            format!("`{first}` and `{other}` side by side are joined by OR: {what}"),
            help,
        );
    }
}
