//! A replay for people: newly allowed first, each with who, how often, since when, and a few ids to
//! go on with.

use std::fmt::Write as _;

use super::report::{Difference, Kind, Report};
use crate::base::log_text::for_log;
use crate::workbench::log::Scanned;
use crate::workbench::occurrences::{self, ids};
use crate::workbench::text::{counted, grouped};

/// The report as text.
pub fn human(report: &Report, scanned: &Scanned) -> String {
    let mut text = String::new();
    for kind in Kind::TOLD.into_iter().chain([Kind::Other]) {
        let found: Vec<_> = report.differences.iter().filter(|found| found.kind == kind).collect();
        if found.is_empty() {
            continue;
        }
        let _ = writeln!(text, "{}: {}", kind.words(), grouped(report.count(kind)));
        let mut route = None;
        for difference in found {
            if route != Some(&difference.route) {
                let _ = writeln!(text, "  {}", for_log(&difference.route));
                route = Some(&difference.route);
            }
            tell(difference, &mut text);
        }
        text.push('\n');
    }
    if !report.unknown.is_empty() {
        let _ = writeln!(
            text,
            "unknown, because the log did not keep what decides: {}",
            grouped(report.unknown_count())
        );
        for lines in &report.unknown {
            let rule = lines.rule.as_deref().unwrap_or("every rule");
            let _ = writeln!(
                text,
                "  {}: {rule} reads `{}`: {}{}",
                for_log(&lines.route),
                lines.missing,
                counted(lines.count, "line"),
                ids(&lines.ids)
            );
        }
        text.push('\n');
    }
    for remark in scanned.remarks() {
        let _ = writeln!(text, "{remark}");
    }
    text + &verdict(report, scanned)
}

fn tell(difference: &Difference, text: &mut String) {
    let rule = match (&difference.rule, &difference.criterion) {
        (Some(rule), Some(criterion)) if rule.ends_with(criterion.as_str()) => rule.clone(),
        (Some(rule), Some(criterion)) => format!("{rule}, {criterion}"),
        _ if difference.now == crate::decision::Outcome::NoRoute => {
            "no route has it any more".to_owned()
        }
        _ => "no rule".to_owned(),
    };
    let (was, now) = (difference.was.word(), difference.now.word());
    let _ = writeln!(text, "    {rule}: was {was}, is {now}: {}", grouped(difference.count));
    occurrences::tell(&difference.people, "      ", text);
}

fn verdict(report: &Report, scanned: &Scanned) -> String {
    let parts: Vec<String> = Kind::TOLD
        .into_iter()
        .chain([Kind::Other])
        .map(|kind| (report.count(kind), kind.words()))
        .chain([(report.unknown_count(), "unknown")])
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{} {words}", grouped(count)))
        .chain([format!("{} as before", grouped(report.same))])
        .collect();
    let between =
        scanned.between.map_or(String::new(), |(first, last)| format!(" from {first} to {last}"));
    format!("{}{between}: {}\n", counted(scanned.decisions, "decision"), parts.join(", "))
}
