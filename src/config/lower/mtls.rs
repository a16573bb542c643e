//! `downstream_mtls`, as far as it decides: with an authority for clients' certificates, every route
//! refuses whoever shows none of it, unless policies are to say so themselves. The authority itself
//! is not looked at here.

use super::Context;
use crate::base::near;
use crate::base::node::Node;
use crate::config::codes;
use crate::config::section::Section;

const KEY: &str = "downstream_mtls";

const KEYS: [&str; 7] = [
    "ca",
    "ca_file",
    "crl",
    "crl_file",
    "enforcement",
    "match_subject_alt_names",
    "max_verify_depth",
];

const ENFORCEMENTS: [&str; 3] = ["policy", "policy_with_default_deny", "reject_connection"];

/// Whether every route refuses clients without a valid certificate.
pub(super) fn certificate_required(
    top: &Section,
    routes: &[Section],
    context: &mut Context<'_>,
) -> bool {
    let written = top.tree(KEY).filter(|node| !node.is_null());
    let entries = written.map(|node| entries(node, context)).unwrap_or_default();
    for (name, value) in entries {
        check_key(name, value, context);
    }
    let given = |key: &str| {
        let value = written.and_then(|node| node.get(key));
        value.is_some_and(|value| !value.is_null() && value.text() != Some(""))
    };
    // Pomerium's deprecated key of one route asks for certificates on all of them, too.
    let of_a_route = |route: &Section| {
        ["tls_downstream_client_ca", "tls_downstream_client_ca_file"]
            .iter()
            .any(|key| route.text(key).is_some())
    };
    let asked = given("ca") || given("ca_file") || routes.iter().any(of_a_route);
    let enforcement = written.and_then(|node| node.get("enforcement")).and_then(Node::text);
    asked && enforcement.is_none_or(|word| !word.eq_ignore_ascii_case("policy"))
}

fn entries<'n>(written: &'n Node, context: &mut Context<'_>) -> &'n [(Node, Node)] {
    written.map().unwrap_or_else(|| {
        let message = format!("`{KEY}` is {}; it must be a map", written.what());
        context.error(codes::SHAPE, written.place, message, "write `ca_file: FILE` below it");
        &[]
    })
}

fn check_key(name: &Node, value: &Node, context: &mut Context<'_>) {
    let text = name.text().unwrap_or_default();
    if !KEYS.contains(&text) {
        let help = near::nearest(text, KEYS).map_or_else(
            || format!("its keys are {}", KEYS.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("there is no key `{text}` in `{KEY}`");
        context.error(codes::UNKNOWN, name.place, message, help);
        return;
    }
    let word = value.text().filter(|_| text == "enforcement" && !value.is_null());
    if let Some(word) = word
        && !ENFORCEMENTS.iter().any(|known| known.eq_ignore_ascii_case(word))
    {
        let help = format!("write one of {}", ENFORCEMENTS.join(", "));
        let message = format!("`enforcement: {word}` says nothing about certificates");
        context.error(codes::VALUE, value.place, message, help);
    }
}
