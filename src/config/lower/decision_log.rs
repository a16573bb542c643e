//! `decision_log`: where decisions are written, for how long, and how people appear there.

use std::path::PathBuf;
use std::time::Duration;

use super::Context;
use crate::base::duration;
use crate::base::near;
use crate::base::node::{Node, Plain};
use crate::config::codes;
use crate::config::section::Section;
use crate::decision::record::Redact;
use crate::gateway::DecisionLogSettings;
use crate::telemetry::line_file::{Destination, Rotation};

const KEY: &str = "decision_log";

/// What holds where nothing is written.
const ROTATION: Rotation =
    Rotation { size: 128 << 20, age: Duration::from_secs(24 * 3_600), keep: 14, compress: true };

/// The smallest file and the shortest time that are worth a rotation.
const LEAST_SIZE: u64 = 64 << 10;
const LEAST_AGE: Duration = Duration::from_secs(60);
const MOST_KEPT: i64 = 100_000;

/// The settings; `None` where they are wrong, `Some(None)` where there is no such log.
pub(super) fn lower(
    top: &Section,
    context: &mut Context<'_>,
) -> Option<Option<DecisionLogSettings>> {
    let Some(written) = top.tree(KEY) else { return (!top.has(KEY)).then_some(None) };
    let mut settings = DecisionLogSettings {
        path: Destination::StandardOutput,
        rotation: ROTATION,
        redact: Redact::default(),
    };
    if let Some(path) = written.text() {
        settings.path = destination(path);
        return Some(Some(settings));
    }
    let mut fine = known(written, KEY, &["path", "rotate", "redact"], context);
    match written.get("path").map(|node| (node, node.text())) {
        Some((_, Some(path))) if !path.trim().is_empty() => settings.path = destination(path),
        found => {
            let place = found.map_or(written.place, |(node, _)| node.place);
            let message = format!("`{KEY}` does not say where decisions are written");
            let help = "write `path: /var/log/russet/decisions.log` below it";
            context.error(codes::MISSING, place, message, help);
            fine = false;
        }
    }
    if let Some(node) = written.get("redact") {
        match redact(node, context) {
            Some(redact) => settings.redact = redact,
            None => fine = false,
        }
    }
    if let Some(node) = written.get("rotate") {
        match rotation(node, context) {
            Some(rotation) => settings.rotation = rotation,
            None => fine = false,
        }
    }
    fine.then_some(Some(settings))
}

/// Where the log is, for those who read it; `None` for standard output.
pub(super) fn path(top: &Section) -> Option<PathBuf> {
    let written = top.tree(KEY)?;
    match destination(written.text().or_else(|| written.get("path")?.text())?) {
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

fn redact(node: &Node, context: &mut Context<'_>) -> Option<Redact> {
    const WORDS: [(&str, Redact); 3] =
        [("none", Redact::Nothing), ("hash", Redact::Hash), ("omit", Redact::LeaveOut)];
    let text = node.text().unwrap_or_default().trim();
    let found = WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
    if found.is_none() {
        let help = "`none` writes people's addresses in clear, `hash` their SHA-256 and domain, \
                    `omit` nothing of them";
        let message = format!("`redact` is {}", shown(node));
        context.error(codes::VALUE, node.place, message, help);
    }
    found.map(|(_, redact)| *redact)
}

fn rotation(node: &Node, context: &mut Context<'_>) -> Option<Rotation> {
    let mut rotation = ROTATION;
    let mut fine = known(node, "rotate", &["size", "age", "keep", "compress"], context);
    let mut read = |key: &str, help: &str, take: &mut dyn FnMut(&Node) -> bool| {
        let Some(value) = node.get(key) else { return };
        if !take(value) {
            let message = format!("`{key}` is {}", shown(value));
            context.error(codes::VALUE, value.place, message, help);
            fine = false;
        }
    };
    read("size", "write a size from `64KiB` on, or `0` for no limit", &mut |value| {
        let size = size(value.text().unwrap_or_default());
        rotation.size = size.unwrap_or(0);
        size.is_some_and(|size| size == 0 || size >= LEAST_SIZE)
    });
    read("age", "write a time from `1m` on, such as `24h`, or `0` for no limit", &mut |value| {
        let age = duration::parse(value.text().unwrap_or_default().trim());
        rotation.age = age.as_ref().copied().unwrap_or_default();
        age.is_ok_and(|age| age.is_zero() || age >= LEAST_AGE)
    });
    read("keep", "write how many old files to keep, or `0` for all of them", &mut |value| {
        let keep = match value.scalar().map(|scalar| scalar.plain()) {
            Some(Plain::Integer(keep)) if (0..=MOST_KEPT).contains(&keep) => {
                usize::try_from(keep).ok()
            }
            _ => None,
        };
        rotation.keep = keep.unwrap_or(0);
        keep.is_some()
    });
    read("compress", "write `true` or `false`", &mut |value| {
        let compress = match value.scalar().map(|scalar| scalar.plain()) {
            Some(Plain::Bool(compress)) => Some(compress),
            _ => None,
        };
        rotation.compress = compress.unwrap_or(true);
        compress.is_some()
    });
    fine.then_some(rotation)
}

/// `128MiB`, `1GB`; without a unit only 0, because whoever writes a bare number meant some unit.
fn size(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 6] = [
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("kb", 1_000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
    ];
    let text = text.trim().to_ascii_lowercase();
    if text == "0" {
        return Some(0);
    }
    let (number, unit) = UNITS
        .iter()
        .find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?.trim_end(), *bytes)))?;
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// Whether only known keys stand in a map, each once.
fn known(node: &Node, of: &str, names: &[&'static str], context: &mut Context<'_>) -> bool {
    let Some(entries) = node.map() else {
        let message = format!("`{of}` is {}; it must be a map", node.what());
        let help = format!("its keys are `{}`", names.join("`, `"));
        context.error(codes::SHAPE, node.place, message, help);
        return false;
    };
    let mut fine = true;
    for (name, _) in entries {
        let written = name.text().unwrap_or_default();
        if names.contains(&written) {
            continue;
        }
        let help = near::nearest(written, names.iter().copied()).map_or_else(
            || format!("its keys are `{}`", names.join("`, `")),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("there is no key `{written}` in `{of}`");
        context.error(codes::UNKNOWN, name.place, message, help);
        fine = false;
    }
    fine
}

fn shown(node: &Node) -> String {
    match node.text() {
        Some(text) => format!("`{}`", text.chars().take(60).collect::<String>()),
        None => node.what().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("128MiB", Some(128 << 20)),
            ("1 GB", Some(1_000_000_000)),
            ("64kib", Some(65_536)),
            ("0", Some(0)),
            ("100", None),
            ("1.5GiB", None),
            ("-1MiB", None),
            ("MiB", None),
            ("99999999999GiB", None),
            ("", None),
        ] {
            assert_eq!(size(text), bytes, "{text}");
        }
    }
}
