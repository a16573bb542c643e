//! For people: what failed, expected against got, the tree, a summary.

use std::fmt::Write as _;

use super::{Report, evidence};
use crate::workbench::evidence_tree::{BAD, GOOD, LOUD, QUIET, UNSURE};
use crate::workbench::run::Ran;

/// The report for people, with colours, which whoever prints it takes away where they are not
/// wanted.
pub fn human(report: &Report<'_>) -> String {
    let mut out = String::new();
    for ran in &report.results.ran {
        if !ran.passed() {
            failure(&mut out, report, ran);
        } else if report.verbose {
            let _ = writeln!(out, "{GOOD}pass{GOOD:#}  {}", ran.case.name);
        }
    }
    if report.coverage {
        coverage(&mut out, report);
    }
    let total = report.results.ran.len();
    let failed = report.results.failed();
    let passed = total - failed;
    let style = if failed == 0 { GOOD } else { BAD };
    let tests = if total == 1 { "test" } else { "tests" };
    let milliseconds = report.took.as_micros().div_ceil(1000);
    let _ = write!(out, "{style}{total} {tests}: {passed} passed");
    if failed > 0 {
        let _ = write!(out, ", {failed} failed");
    }
    let _ = writeln!(out, "{style:#} in {milliseconds} ms");
    out
}

fn failure(out: &mut String, report: &Report<'_>, ran: &Ran) {
    let (name, at) = (&ran.case.name, report.place(ran));
    let _ = writeln!(out, "{BAD}FAIL{BAD:#}  {LOUD}{name}{LOUD:#}  {QUIET}{at}{QUIET:#}");
    let word = ran.trial.outcome().word();
    let (status, reasons) = (ran.trial.status.as_u16(), ran.trial.reasons().join(", "));
    let because =
        if reasons.is_empty() { String::new() } else { format!(", because of {reasons}") };
    let _ = writeln!(out, "  expected  {GOOD}{}{GOOD:#}", ran.case.expect);
    let _ = writeln!(out, "  got       {BAD}{word}{BAD:#}{because}, status {status}");
    let _ = writeln!(out, "\n{}", evidence(report, ran, "    "));
}

fn coverage(out: &mut String, report: &Report<'_>) {
    let gaps = report.results.coverage.gaps();
    let (met, total) = report.results.coverage.counts();
    let _ =
        writeln!(out, "coverage: {met} of {total} routes, rules and criteria were met both ways");
    let mut route = "";
    for gap in &gaps {
        if gap.route != route {
            route = &gap.route;
            let _ = writeln!(out, "  {LOUD}{route}{LOUD:#}");
        }
        let at = gap.place.map(|place| report.sources.position(place)).unwrap_or_default();
        let name = match gap.kind {
            "route" => "the route itself".to_owned(),
            kind => format!("{kind} {}", gap.name),
        };
        let never = gap.never;
        let line = format!("    {UNSURE}{never}{UNSURE:#}: {name}  {QUIET}{at}{QUIET:#}");
        let _ = writeln!(out, "{line}");
    }
    out.push('\n');
}
