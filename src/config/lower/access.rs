//! Who may pass a route: the shortcut keys and the policy, compiled into one.

use super::idp_claims::idp_claims;
use super::{Context, sub_policies};
use crate::base::diagnostic::Diagnostics;
use crate::config::section::{Purpose, Section};
use crate::config::codes;
use crate::policy::{Definitions, Parts, Policy, Shortcuts, names_a_group};

/// The policy of a route.
pub(super) fn policy(
    route: &Section,
    certificate_required: bool,
    definitions: &mut Definitions,
    context: &mut Context<'_>,
) -> Policy {
    let mut shortcuts = Shortcuts {
        public: route.flag("allow_public_unauthenticated_access"),
        any_authenticated: route.flag("allow_any_authenticated_user"),
        users: texts(route, "allowed_users"),
        domains: texts(route, "allowed_domains"),
        idp_claims: idp_claims(route.tree(CLAIMS), context),
        cors_preflight: route.flag("cors_allow_preflight"),
    };
    if !check_exclusive(route, context) {
        shortcuts = Shortcuts::default();
    }
    if shortcuts.any_authenticated {
        let message = "everybody who has an Apple account may pass here";
        let help = "anybody can make one: name people in `allowed_users` or `allowed_domains`";
        context.warning(codes::ANYBODY, route.place("allow_any_authenticated_user"), message, help);
    }
    check_somebody(route, context);
    let sub_policies = sub_policies::lower(route, context);
    let parts = Parts {
        shortcuts: &shortcuts,
        sub_policies: &sub_policies,
        ppl: route.tree("policy"),
        certificate_required,
    };
    let mut told = Diagnostics::default();
    let policy = Policy::assemble(&parts, definitions, &mut told);
    // The shortcuts carry no places of their own.
    let at = ["allowed_users", "allowed_domains", CLAIMS];
    let at = at.iter().find_map(|key| route.place(key)).unwrap_or(route.place);
    context.told.append(told.placed(at));
    policy
}

/// The policy that is asked beside the route's own, where there is one.
pub(super) fn shadow_policy(
    route: &Section,
    definitions: &mut Definitions,
    context: &mut Context<'_>,
) -> Option<Policy> {
    let ppl = route.tree("shadow_policy")?;
    if route.purpose == Purpose::Decide && names_a_group(ppl) {
        // Nothing is decided by it, so the file of the groups need not be there.
        return None;
    }
    let mut found = Diagnostics::default();
    let parts = Parts { ppl: Some(ppl), ..Parts::default() };
    let policy = Policy::assemble(&parts, definitions, &mut found);
    route.purpose.tell(found, false, context.told);
    Some(policy)
}

fn texts(route: &Section, key: &str) -> Vec<String> {
    route.texts(key).unwrap_or_default().iter().map(|item| item.text.clone()).collect()
}

const CLAIMS: &str = "allowed_idp_claims";

const LISTS: [&str; 3] = ["allowed_users", "allowed_domains", CLAIMS];

/// Keys that let everybody in leave nothing for the others to say.
fn check_exclusive(route: &Section, context: &mut Context<'_>) -> bool {
    let mut fine = true;
    for open in ["allow_public_unauthenticated_access", "allow_any_authenticated_user"] {
        if !route.flag(open) {
            continue;
        }
        let place = route.place(open);
        let mut others: Vec<_> =
            LISTS.iter().filter_map(|key| Some((*key, route.place(key)?))).collect();
        if open == "allow_public_unauthenticated_access"
            && route.flag("allow_any_authenticated_user")
            && let Some(at) = route.place("allow_any_authenticated_user")
        {
            others.push(("allow_any_authenticated_user", at));
        }
        for (key, at) in others {
            let message = format!("`{open}` lets everybody pass, so `{key}` would say nothing");
            context.error(codes::ACCESS, at, message, "keep the one that you mean");
            if let Some(place) = place {
                context.told.note(place, "everybody passes by this");
            }
            fine = false;
        }
    }
    fine
}

/// Nobody is what a route admits that says nothing (T71).
fn check_somebody(route: &Section, context: &mut Context<'_>) {
    for key in LISTS {
        let empty = route.texts(key).is_some_and(<[_]>::is_empty)
            || route.tree(key).is_some_and(|node| {
                node.map().is_some_and(<[_]>::is_empty) || node.list().is_some_and(<[_]>::is_empty)
            });
        if empty {
            let message = format!("`{key}` is empty, so it admits nobody");
            context.warning(codes::NOBODY, route.place(key), message, "fill it, or remove it");
        }
    }
    let open = ["allow_public_unauthenticated_access", "allow_any_authenticated_user"];
    let says = open.iter().any(|key| route.flag(key))
        || LISTS.iter().chain(&["policy", "sub_policies"]).any(|key| route.has(key));
    if !says {
        let message = "this route does not say who may pass, so nobody does";
        let help = "add `allowed_users`, `allowed_domains` or `policy`";
        context.warning(codes::NOBODY, route.place, message, help);
    }
}
