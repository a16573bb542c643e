//! `sub_policies` of a route: more ways in, as Pomerium keeps them in its paid editions.

use super::Context;
use super::idp_claims::idp_claims;
use crate::base::node::Node;
use crate::config::codes;
use crate::config::keys::route::SUB_POLICIES as KEY;
use crate::config::keys::sub_policies::{
    ALLOWED_DOMAINS, ALLOWED_IDP_CLAIMS, ALLOWED_USERS, POLICY,
};
use crate::config::keys::{Key, Row, Scope, Texts};
use crate::config::section::Section;
use crate::policy::{Shortcuts, SubPolicy};

/// The keys that say whom a sub policy admits.
const WAYS_IN: [Row; 4] =
    [ALLOWED_USERS.row, ALLOWED_DOMAINS.row, ALLOWED_IDP_CLAIMS.row, POLICY.row];

/// The maps of `sub_policies`; those that cannot be read are reported and left out.
pub(super) fn sections(route: &Section, context: &mut Context<'_>) -> Vec<Section> {
    let Some(written) = route.get(&KEY) else { return Vec::new() };
    let Some(items) = written.list() else {
        let message = format!("`{KEY}` is {}; it must be a list", written.what());
        let help = "write each as an item: - {name: staff, allowed_domains: [corp.example]}";
        context.error(codes::SHAPE, written.place, message, help);
        return Vec::new();
    };
    items.iter().filter_map(|item| section(item, route, context)).collect()
}

fn section(item: &Node, route: &Section, context: &mut Context<'_>) -> Option<Section> {
    if item.map().is_none() {
        let message = format!("this is {}; one of `{KEY}` is a map", item.what());
        context.error(codes::SHAPE, item.place, message, "write `- name: ` and who may pass below");
        return None;
    }
    context.section(Scope::SubPolicy, route.purpose, item, KEY.row.name)
}

/// What one of `sub_policies` says.
pub(super) fn lower<'a>(section: &'a Section, context: &mut Context<'_>) -> SubPolicy<'a> {
    for key in &section.ignored {
        let message = format!("`{}` of a sub policy is not shown to anybody", key.text);
        let help = "the page of a refusal says why itself";
        context.warning(codes::REFUSED, key.place, message, help);
    }
    if !WAYS_IN.iter().any(|key| section.has(key)) {
        let message = "this sub policy does not say whom it admits, so it admits nobody";
        let help = "add `allowed_users`, `allowed_domains` or `policy`, or remove it";
        context.warning(codes::NOBODY, section.place, message, help);
    }
    let shortcuts = Shortcuts {
        users: texts(section, &ALLOWED_USERS),
        domains: texts(section, &ALLOWED_DOMAINS),
        idp_claims: idp_claims(section.get(&ALLOWED_IDP_CLAIMS), context),
        ..Shortcuts::default()
    };
    SubPolicy { place: section.place, shortcuts, ppl: section.get(&POLICY) }
}

/// The texts of one key.
pub(super) fn texts(section: &Section, key: &Key<Texts>) -> Vec<String> {
    section.get(key).unwrap_or_default().iter().map(|item| item.text.clone()).collect()
}
