//! Who may pass a route: the shortcut keys and the policy, compiled into one.

use super::Context;
use super::idp_claims::idp_claims;
use super::sub_policies::{self, texts};
use crate::base::diagnostic::Diagnostics;
use crate::base::node::Place;
use crate::config::codes;
use crate::config::keys::route::{
    ALLOW_ANY_AUTHENTICATED_USER as ANY_ACCOUNT, ALLOW_PUBLIC_UNAUTHENTICATED_ACCESS as PUBLIC,
    ALLOWED_DOMAINS, ALLOWED_IDP_CLAIMS, ALLOWED_USERS, CORS_ALLOW_PREFLIGHT, POLICY,
    SHADOW_POLICY, SUB_POLICIES,
};
use crate::config::keys::{self, Row, Scope};
use crate::config::section::{Purpose, Section};
use crate::policy::{Definitions, EXCLUSIVE, Parts, Policy, Shortcuts, names_a_group};

/// The policy of a route.
pub(super) fn policy(
    route: &Section,
    certificate_required: bool,
    definitions: &mut Definitions,
    context: &mut Context<'_>,
) -> Policy {
    let mut shortcuts = Shortcuts {
        public: route.get(&PUBLIC),
        any_authenticated: route.get(&ANY_ACCOUNT),
        users: texts(route, &ALLOWED_USERS),
        domains: texts(route, &ALLOWED_DOMAINS),
        idp_claims: idp_claims(route.get(&ALLOWED_IDP_CLAIMS), context),
        cors_preflight: route.get(&CORS_ALLOW_PREFLIGHT),
    };
    if !check_exclusive(route, context) {
        shortcuts = Shortcuts::default();
    }
    if shortcuts.any_authenticated {
        let message = "everybody who has an Apple account may pass here";
        let help = "anybody can make one: name people in `allowed_users` or `allowed_domains`";
        context.warning(codes::ANYBODY, route.place(&ANY_ACCOUNT), message, help);
    }
    check_somebody(route, context);
    let sections = sub_policies::sections(route, context);
    let sub_policies: Vec<_> =
        sections.iter().map(|section| sub_policies::lower(section, context)).collect();
    let parts = Parts {
        shortcuts: &shortcuts,
        sub_policies: &sub_policies,
        ppl: route.get(&POLICY),
        certificate_required,
    };
    let mut problems = Diagnostics::default();
    let policy = Policy::assemble(&parts, definitions, &mut problems);
    // The shortcuts carry no places of their own.
    let at = LISTS.iter().find_map(|key| route.place(key)).unwrap_or(route.place);
    context.problems.append(problems.placed(at));
    policy
}

/// The policy that is asked in addition to the route's own, where there is one.
pub(super) fn shadow_policy(
    route: &Section,
    definitions: &mut Definitions,
    context: &mut Context<'_>,
) -> Option<Policy> {
    let ppl = route.get(&SHADOW_POLICY)?;
    if route.purpose == Purpose::Decide && names_a_group(ppl) {
        // Nothing is decided by it, so the file of the groups need not be there.
        return None;
    }
    let mut found = Diagnostics::default();
    let parts = Parts { ppl: Some(ppl), ..Parts::default() };
    let policy = Policy::assemble(&parts, definitions, &mut found);
    route.purpose.report(found, false, context.problems);
    Some(policy)
}

/// The keys that list people.
const LISTS: [Row; 3] = [ALLOWED_USERS.row, ALLOWED_DOMAINS.row, ALLOWED_IDP_CLAIMS.row];

/// Reports every two keys that exclude each other; the policy says which do. Both places are known
/// here, and there only the values.
fn check_exclusive(route: &Section, context: &mut Context<'_>) -> bool {
    let mut fine = true;
    for (open, others) in EXCLUSIVE {
        let Some(place) = place_of(route, open) else { continue };
        for key in others {
            let Some(at) = place_of(route, key) else { continue };
            let message = format!("`{open}` lets everybody pass, so `{key}` has no effect");
            context.error(codes::ACCESS, at, message, "keep the one that you mean");
            context.problems.note(place, "everybody passes by this");
            fine = false;
        }
    }
    fine
}

/// Where a shortcut key is written; a switch that is off does not count.
fn place_of(route: &Section, name: &str) -> Option<Place> {
    match [PUBLIC, ANY_ACCOUNT].iter().find(|switch| switch.row.name == name) {
        Some(switch) => route.place(switch).filter(|_| route.get(switch)),
        None => route.place(keys::find(Scope::Route, name)?),
    }
}

/// A route that says nothing admits nobody (T71), and neither does an empty list: both are probably
/// not meant.
fn check_somebody(route: &Section, context: &mut Context<'_>) {
    for key in &LISTS {
        if route.is_empty(key) {
            let message = format!("`{}` is empty, so it admits nobody", key.name);
            context.warning(codes::NOBODY, route.place(key), message, "fill it, or remove it");
        }
    }
    let open = [PUBLIC, ANY_ACCOUNT].iter().any(|key| route.get(key));
    let policies = [POLICY.row, SUB_POLICIES.row];
    let listed = LISTS.iter().chain(&policies).any(|key| route.has(key));
    if !open && !listed {
        let message = "this route does not say who may pass, so nobody does";
        let help = "add `allowed_users`, `allowed_domains` or `policy`";
        context.warning(codes::NOBODY, route.place, message, help);
    }
}
