//! The Test Anything Protocol, version 14.

use std::fmt::Write as _;

use super::{Report, evidence, plain};

/// The report as TAP, failures with a YAML block.
pub fn tap(report: &Report<'_>) -> String {
    let mut out = format!("TAP version 14\n1..{}\n", report.results.ran.len());
    for (index, ran) in report.results.ran.iter().enumerate() {
        let (number, name) = (index + 1, described(&ran.case.name));
        if ran.passed() {
            let _ = writeln!(out, "ok {number} - {name}");
            continue;
        }
        let _ = writeln!(out, "not ok {number} - {name}\n  ---");
        // JSON strings are YAML.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let _ = writeln!(out, "  message: {}", quoted(&ran.wrong.join("; ")));
        let _ = writeln!(out, "  at: {}", quoted(&report.place(ran)));
        let _ = writeln!(out, "  why: |");
        for line in plain(&evidence(report, ran, "")).lines() {
            let _ = writeln!(out, "    {line}");
        }
        out.push_str("  ...\n");
    }
    out
}

/// A description: one line, in which `#` begins no directive.
fn described(name: &str) -> String {
    name.replace('\\', "\\\\").replace('#', "\\#").replace(['\n', '\r'], " ")
}
