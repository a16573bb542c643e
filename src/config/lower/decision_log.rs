//! `decision_log`: where decisions are written, for how long, and how people appear there.

use std::path::PathBuf;

use super::Context;
use crate::base::node::Node;
use crate::config::codes;
use crate::config::keys::{Scope, decision_log as fields, logging::DECISION_LOG};
use crate::config::section::Section;
use crate::gateway::DecisionLogSettings;
use crate::telemetry::line_file::{Destination, Rotation};

/// The settings; `None` where they are wrong, `Some(None)` where there is no such log.
pub(super) fn lower(
    top: &Section,
    context: &mut Context<'_>,
) -> Option<Option<DecisionLogSettings>> {
    let Some(written) = top.get(&DECISION_LOG) else {
        return (!top.has(&DECISION_LOG)).then_some(None);
    };
    // A text alone is the path, and all else is as where nothing is written.
    let path = written.text().map(destination);
    let empty = Node::empty_map(written.place);
    let map = if path.is_some() { &empty } else { written };
    let before = context.problems.errors();
    let section = context.section(Scope::DecisionLog, top.purpose, map, DECISION_LOG.row.name)?;
    let path = path.or_else(|| Some(destination(&section.get(&fields::PATH)?.text)));
    if path.is_none() && !section.is_broken(&fields::PATH) {
        let message = format!("`{DECISION_LOG}` does not say where decisions are written");
        let help = "write `path: /var/log/russet/decisions.log` below it";
        context.error(codes::MISSING, written.place, message, help);
    }
    let rotation = rotation(&section, context);
    if context.problems.errors() > before {
        return None;
    }
    Some(Some(DecisionLogSettings {
        path: path?,
        rotation: rotation?,
        redact: section.get(&fields::REDACT),
    }))
}

/// Where the log is, for those who read it; `None` for standard output.
pub(super) fn path(top: &Section) -> Option<PathBuf> {
    let written = top.get(&DECISION_LOG)?;
    // Names of keys are read whatever their case, here as by `Section`.
    let inner = |(name, value): &'_ (Node, Node)| {
        let is_path = name.text()?.eq_ignore_ascii_case(fields::PATH.row.name);
        value.text().filter(|_| is_path).map(str::to_owned)
    };
    let path = match written.text() {
        Some(path) => path.to_owned(),
        None => written.map()?.iter().find_map(inner)?,
    };
    let path = path.as_str();
    match destination(path) {
        Destination::File(path) => Some(path),
        Destination::StandardOutput => None,
    }
}

fn destination(path: &str) -> Destination {
    match path.trim() {
        "-" => Destination::StandardOutput,
        path => Destination::File(path.into()),
    }
}

fn rotation(log: &Section, context: &mut Context<'_>) -> Option<Rotation> {
    let written = log.get(&fields::ROTATE);
    let empty = Node::empty_map(log.place);
    let node = written.unwrap_or(&empty);
    let rotate = context.section(Scope::Rotation, log.purpose, node, fields::ROTATE.row.name)?;
    Some(Rotation {
        size: rotate.get(&fields::SIZE),
        age: rotate.get(&fields::AGE),
        keep: rotate.get(&fields::KEEP),
        compress: rotate.get(&fields::COMPRESS),
    })
}
