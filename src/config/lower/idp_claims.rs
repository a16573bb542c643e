//! `allowed_idp_claims`: claims of the id_token and the values that admit somebody.

use serde_json::Value;

use super::Context;
use crate::base::node::{Kind, Node, Plain};
use crate::config::{codes, yaml};

const KEY: &str = "allowed_idp_claims";

/// `allowed_idp_claims`, of a route or of one of its `sub_policies`.
pub(super) fn idp_claims(
    written: Option<&Node>,
    context: &mut Context<'_>,
) -> Vec<(String, Vec<Value>)> {
    let Some(written) = written else { return Vec::new() };
    let embedded = written
        .text()
        .filter(|text| text.trim_start().starts_with('{'))
        .and_then(|text| yaml::read_embedded(text, written.place, context.problems));
    let node = embedded.as_ref().unwrap_or(written);
    let Some(entries) = node.map() else {
        let message = format!("`{KEY}` is {}; it must be a map of claim to values", node.what());
        context.error(codes::SHAPE, node.place, message, "write `org_id: [A1B2]` below it");
        return Vec::new();
    };
    let mut claims = Vec::new();
    for (name, values) in entries {
        let single = std::slice::from_ref(values);
        let items = values.list().unwrap_or(single);
        let values: Vec<Value> = items.iter().filter_map(|item| json(item, context)).collect();
        claims.push((name.text().unwrap_or_default().to_owned(), values));
    }
    claims
}

fn json(node: &Node, context: &mut Context<'_>) -> Option<Value> {
    let Kind::Scalar(scalar) = &node.kind else {
        let message =
            format!("a claim is compared with text, numbers or booleans, not with {}", node.what());
        context.error(codes::SHAPE, node.place, message, "");
        return None;
    };
    Some(match scalar.plain() {
        Plain::Null => Value::Null,
        Plain::Bool(value) => value.into(),
        Plain::Integer(value) => value.into(),
        Plain::Float(value) => value.into(),
        Plain::Text(value) => value.into(),
    })
}
