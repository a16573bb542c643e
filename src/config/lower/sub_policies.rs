//! `sub_policies` of a route: more ways in, as Pomerium keeps them in its paid editions.

use super::Context;
use super::idp_claims::idp_claims;
use crate::base::near;
use crate::base::node::Node;
use crate::config::section::Section;
use crate::config::{codes, yaml};
use crate::policy::{Shortcuts, SubPolicy};

const KEY: &str = "sub_policies";

const KEYS: [&str; 6] =
    ["id", "name", "allowed_users", "allowed_domains", "allowed_idp_claims", "policy"];

/// Keys of Pomerium's that say nothing about who may pass.
const WORDS: [&str; 2] = ["explanation", "remediation"];

/// The sub policies of a route; those that cannot be read are told and left out.
pub(super) fn lower<'a>(route: &'a Section, context: &mut Context<'_>) -> Vec<SubPolicy<'a>> {
    let Some(written) = route.tree(KEY) else { return Vec::new() };
    let Some(items) = written.list() else {
        let message = format!("`{KEY}` is {}; it must be a list", written.what());
        let help = "write each as an item: - {name: staff, allowed_domains: [corp.example]}";
        context.error(codes::SHAPE, written.place, message, help);
        return Vec::new();
    };
    items.iter().filter_map(|item| one(item, context)).collect()
}

fn one<'a>(item: &'a Node, context: &mut Context<'_>) -> Option<SubPolicy<'a>> {
    let Some(entries) = item.map() else {
        let message = format!("this is {}; one of `{KEY}` is a map", item.what());
        context.error(codes::SHAPE, item.place, message, "write `- name: ` and who may pass below");
        return None;
    };
    for (key, value) in entries {
        check_key(key, value, context);
    }
    let says = ["allowed_users", "allowed_domains", "allowed_idp_claims", "policy"];
    if !says.iter().any(|key| item.get(key).is_some_and(|value| !value.is_null())) {
        let message = "this sub policy does not say whom it admits, so it admits nobody";
        let help = "add `allowed_users`, `allowed_domains` or `policy`, or remove it";
        context.warning(codes::NOBODY, item.place, message, help);
    }
    let shortcuts = Shortcuts {
        users: texts(item, "allowed_users", context),
        domains: texts(item, "allowed_domains", context),
        idp_claims: idp_claims(item.get("allowed_idp_claims"), context),
        ..Shortcuts::default()
    };
    Some(SubPolicy { place: item.place, shortcuts, ppl: item.get("policy") })
}

fn check_key(key: &Node, value: &Node, context: &mut Context<'_>) {
    let name = key.text().unwrap_or_default();
    if KEYS.contains(&name) || value.is_null() {
        return;
    }
    if WORDS.contains(&name) {
        let message = format!("`{name}` of a sub policy is not shown to anybody");
        context.warning(
            codes::REFUSED,
            key.place,
            message,
            "the page of a refusal says why itself",
        );
        return;
    }
    if name == "rego" {
        let message = "`rego` is not accepted: Russet runs no Rego";
        let help = "write the rule into `policy`, with the criteria there are";
        context.error(codes::REFUSED, key.place, message, help);
        return;
    }
    if name == "allowed_groups" {
        let message = "`allowed_groups` is not accepted";
        let help = "write a policy that names the group: policy: {allow: {or: [{groups: staff}]}}";
        context.error(codes::REFUSED, key.place, message, help);
        return;
    }
    let help = near::nearest(name, KEYS).map_or_else(
        || format!("a sub policy has {}", KEYS.join(", ")),
        |near| format!("did you mean `{near}`?"),
    );
    context.error(codes::UNKNOWN, key.place, format!("there is no key `{name}` in `{KEY}`"), help);
}

/// A list of texts, or one text with commas, as everywhere.
fn texts(item: &Node, key: &str, context: &mut Context<'_>) -> Vec<String> {
    let Some(value) = item.get(key).filter(|value| !value.is_null()) else { return Vec::new() };
    if let Some(text) = value.text().filter(|text| text.trim_start().starts_with('[')) {
        let list = yaml::read_embedded(text, value.place, context.told);
        return list.map(|list| listed(&list, key, context)).unwrap_or_default();
    }
    match value.text() {
        Some(text) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            items.map(str::to_owned).collect()
        }
        None => listed(value, key, context),
    }
}

fn listed(value: &Node, key: &str, context: &mut Context<'_>) -> Vec<String> {
    let single = std::slice::from_ref(value);
    let items = value.list().unwrap_or(single);
    let mut texts = Vec::new();
    for item in items {
        match item.text().filter(|_| !item.is_null()) {
            Some(text) => texts.push(text.to_owned()),
            None => {
                let message = format!("`{key}` holds {} where text is needed", item.what());
                context.error(codes::SHAPE, item.place, message, "");
            }
        }
    }
    texts
}
