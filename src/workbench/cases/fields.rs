//! Reads maps of known keys: every mistake with its place, near names for slips.

use crate::base::diagnostic::Diagnostics;
use crate::base::near::nearest;
use crate::base::node::{Kind, Node, Place, Plain};
use crate::config::codes;

/// The map of `node`, every key one of `known`; others are reported. `None`, with an error
/// reported, where it is not a map.
pub(super) fn map<'n>(
    node: &'n Node,
    what: &str,
    known: &[&str],
    diagnostics: &mut Diagnostics,
) -> Option<&'n Node> {
    map_with(node, what, known, known, diagnostics)
}

/// The same; messages name only those keys of `known` that are `shown`, and no old spellings.
pub(super) fn map_with<'n>(
    node: &'n Node,
    what: &str,
    known: &[&str],
    shown: &[&str],
    diagnostics: &mut Diagnostics,
) -> Option<&'n Node> {
    let Some(entries) = node.map() else {
        let message = format!("{what} is a map, not {}", node.what());
        diagnostics.error(
            codes::SHAPE,
            node.place,
            message,
            format!("its keys are {}", listed(shown)),
        );
        return None;
    };
    for (key, _) in entries {
        let name = key.text().unwrap_or_default();
        if !known.contains(&name) {
            let help = match nearest(name, shown.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its keys are {}", listed(shown)),
            };
            let message = format!("{what} has no key `{name}`");
            diagnostics.error(codes::UNKNOWN, key.place, message, help);
        }
    }
    Some(node)
}

/// Names in backticks, with commas.
pub(super) fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The text of a scalar that is not nothing.
pub(super) fn text<'n>(
    node: &'n Node,
    what: &str,
    diagnostics: &mut Diagnostics,
) -> Option<&'n str> {
    let text = node.text().filter(|_| !node.is_null());
    if text.is_none() {
        let message = format!("{what} is text, not {}", node.what());
        diagnostics.error(codes::SHAPE, node.place, message, "");
    }
    text
}

/// One text, or a list of them.
pub(super) fn texts(
    node: &Node,
    what: &str,
    diagnostics: &mut Diagnostics,
) -> Vec<(String, Place)> {
    let items = node.list().unwrap_or(std::slice::from_ref(node));
    let texts =
        items.iter().filter_map(|item| Some((text(item, what, diagnostics)?.into(), item.place)));
    texts.collect()
}

/// The value as JSON, typed as YAML's core schema says.
pub(super) fn json(node: &Node) -> serde_json::Value {
    use serde_json::Value;
    match &node.kind {
        Kind::List(items) => Value::Array(items.iter().map(json).collect()),
        Kind::Map(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, value)| (key.text().unwrap_or_default().to_owned(), json(value)))
                .collect(),
        ),
        Kind::Scalar(scalar) => match scalar.plain() {
            Plain::Null => Value::Null,
            Plain::Bool(value) => Value::Bool(value),
            Plain::Integer(number) => Value::Number(number.into()),
            Plain::Float(number) => {
                serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number)
            }
            Plain::Text(text) => Value::String(text.to_owned()),
        },
    }
}
