//! How texts, lists and durations are written in the YAML of Russet's configuration.

use std::time::Duration;

use crate::base::duration as durations;

/// A duration in Russet's words; `None` for none, zero or one that is not a duration.
pub(super) fn duration(written: &str) -> Option<String> {
    let time = durations::parse(written.trim()).ok()?;
    let (hours, minutes) = (time.as_secs() / 3600, time.as_secs() % 3600 / 60);
    let (seconds, millis) = (time.as_secs() % 60, time.subsec_millis());
    let parts = [(hours, "h"), (minutes, "m"), (seconds, "s"), (u64::from(millis), "ms")];
    let shown: String = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| format!("{number}{unit}"))
        .collect();
    (time > Duration::ZERO && !shown.is_empty()).then_some(shown)
}

/// A scalar of YAML: bare where nothing in it could mean anything else.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/@-".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    if begins && !word && text.chars().all(plain) {
        return text.to_owned();
    }
    // JSON's strings are YAML's.
    serde_json::Value::from(text).to_string()
}

/// A list on one line.
pub(super) fn flow(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    format!("[{}]", items.join(", "))
}
