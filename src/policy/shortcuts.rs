//! The shortcut keys of a route, compiled into one `allow: or:`.

use super::codes;
use super::compiled::{Compiled, Leaf, Operator, Rule, Term};
use super::criteria::shortcut;
use super::criterion::{Row, Test};
use crate::base::diagnostic::Diagnostics;
use crate::base::node::{Node, Place};

/// The shortcut keys that admit everybody, each with the keys that cannot stand next to it: they name
/// people whom it admits anyway, so whoever writes both means something else than they say.
pub const EXCLUSIVE: [(&str, &[&str]); 2] = [
    (
        "allow_public_unauthenticated_access",
        &["allow_any_authenticated_user", "allowed_users", "allowed_domains", "allowed_idp_claims"],
    ),
    ("allow_any_authenticated_user", &["allowed_users", "allowed_domains", "allowed_idp_claims"]),
];

/// The shortcut keys of a route; all of them together make one `allow: or:` rule.
#[derive(Clone, Debug, Default)]
pub struct Shortcuts {
    /// `allow_public_unauthenticated_access`.
    pub public: bool,
    /// `allow_any_authenticated_user`.
    pub any_authenticated: bool,
    /// `allowed_users`: `sub` or address.
    pub users: Vec<String>,
    /// `allowed_domains`.
    pub domains: Vec<String>,
    /// `allowed_idp_claims`: claim and the values that admit.
    pub idp_claims: Vec<(String, Vec<serde_json::Value>)>,
    /// `cors_allow_preflight`.
    pub cors_preflight: bool,
}

/// Everything that a route says about who may pass. All of it is or-ed.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// The shortcut keys.
    pub shortcuts: &'a Shortcuts,
    /// `sub_policies`.
    pub sub_policies: &'a [SubPolicy<'a>],
    /// `policy`.
    pub ppl: Option<&'a Node>,
    /// Whether clients must show a valid certificate whatever the rest says.
    pub certificate_required: bool,
}

/// One of `sub_policies`.
#[derive(Clone, Debug)]
pub struct SubPolicy<'a> {
    /// Where it stands.
    pub place: Place,
    /// Its shortcut keys: users, domains and claims.
    pub shortcuts: Shortcuts,
    /// Its `policy`.
    pub ppl: Option<&'a Node>,
}

impl Default for Parts<'_> {
    fn default() -> Self {
        const NONE: &Shortcuts = &Shortcuts {
            public: false,
            any_authenticated: false,
            users: Vec::new(),
            domains: Vec::new(),
            idp_claims: Vec::new(),
            cors_preflight: false,
        };
        Self { shortcuts: NONE, sub_policies: &[], ppl: None, certificate_required: false }
    }
}

/// The rule that Pomerium adds to every route where certificates of clients are asked for.
pub(super) fn refuse_without_certificate(into: &mut Compiled) {
    let (row, test) = shortcut::invalid_client_certificate();
    let at = "downstream_mtls".to_owned();
    let leaf = Leaf { row, key: row.name.to_owned(), at: at.clone(), place: None, test };
    let term = Term { operator: Operator::Or, place: None, leaves: vec![leaf] };
    into.deny.push(Rule { at, place: None, terms: [term].into() });
}

impl Shortcuts {
    /// Adds the rule, if any key is set. `at` is where the keys stand, with the dot that follows;
    /// empty for those of the route itself.
    pub(super) fn compile(&self, at: &str, into: &mut Compiled, diagnostics: &mut Diagnostics) {
        if let Some((one, other)) = self.conflict() {
            diagnostics.error(
                codes::CONFLICT,
                None,
                format!("`{one}` and `{other}` cannot both be set on one route"),
                format!(
                    "`{one}` already admits everybody whom `{other}` names; remove one of them"
                ),
            );
        }
        let mut leaves = Vec::new();
        let mut add = |name: &str, key: String, (row, test): (&'static Row, Test)| {
            leaves.push(Leaf { row, key, at: format!("{at}{name}"), place: None, test });
        };
        if self.public {
            add("allow_public_unauthenticated_access", "accept".to_owned(), shortcut::accept());
        }
        if self.cors_preflight {
            add("cors_allow_preflight", "cors_preflight".to_owned(), shortcut::cors_preflight());
        }
        if self.any_authenticated {
            let test = shortcut::authenticated_user();
            add("allow_any_authenticated_user", "authenticated_user".to_owned(), test);
        }
        for (name, values) in &self.idp_claims {
            for value in values {
                if let Some(test) = shortcut::claim(name, value, diagnostics) {
                    add("allowed_idp_claims", format!("claim/{name}"), test);
                }
            }
        }
        if !self.domains.is_empty() {
            add(
                "allowed_domains",
                "domain".to_owned(),
                shortcut::domains(&self.domains, diagnostics),
            );
        }
        if !self.users.is_empty() {
            add("allowed_users", "user".to_owned(), shortcut::users(&self.users));
            add("allowed_users", "email".to_owned(), shortcut::addresses(&self.users));
        }
        if !leaves.is_empty() {
            let term = Term { operator: Operator::Or, place: None, leaves };
            let at = match at.trim_end_matches('.') {
                "" => "route",
                at => at,
            };
            into.allow.push(Rule { at: at.to_owned(), place: None, terms: [term].into() });
        }
    }

    /// Two keys that exclude each other, if there are such.
    fn conflict(&self) -> Option<(&'static str, &'static str)> {
        let open = EXCLUSIVE.iter().filter(|(open, _)| self.has(open));
        let mut pairs = open.flat_map(|(open, others)| others.iter().map(|other| (*open, *other)));
        pairs.find(|(_, other)| self.has(other))
    }

    /// Whether a key is set.
    fn has(&self, key: &str) -> bool {
        match key {
            "allow_public_unauthenticated_access" => self.public,
            "allow_any_authenticated_user" => self.any_authenticated,
            "allowed_users" => !self.users.is_empty(),
            "allowed_domains" => !self.domains.is_empty(),
            "allowed_idp_claims" => !self.idp_claims.is_empty(),
            _ => false,
        }
    }
}
