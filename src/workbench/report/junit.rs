//! JUnit's XML, as CI systems read it: a suite for each file, a case for each test.

use std::fmt::Write as _;

use super::{Report, evidence, plain};

/// The report as JUnit's XML.
pub fn junit(report: &Report<'_>) -> String {
    let (total, failed) = (report.results.ran.len(), report.results.failed());
    let seconds = report.took.as_secs_f64();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"russet policy test\" tests=\"{total}\" failures=\"{failed}\" \
         errors=\"0\" time=\"{seconds:.3}\">"
    );
    for (index, file) in report.files.iter().enumerate() {
        let ran: Vec<_> = report.results.ran.iter().filter(|ran| ran.file == index).collect();
        let failed = ran.iter().filter(|ran| !ran.passed()).count();
        let name = escaped(&file.name);
        let _ = writeln!(
            out,
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" \
             skipped=\"0\">",
            ran.len()
        );
        for ran in ran {
            let case = escaped(&ran.case.name);
            let (_, position) = report.sources.locate(ran.case.place).unzip();
            let line = position.flatten().map_or(0, |(line, _)| line);
            let head = format!(
                "    <testcase name=\"{case}\" classname=\"{name}\" file=\"{name}\" line=\"{line}\""
            );
            if ran.passed() {
                let _ = writeln!(out, "{head}/>");
                continue;
            }
            let message = escaped(&ran.wrong.join("; "));
            let told = escaped(&plain(&evidence(report, ran, "")));
            let _ = writeln!(
                out,
                "{head}>\n      <failure type=\"policy\" message=\"{message}\">{told}</failure>\n    \
                 </testcase>"
            );
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// Text for XML, in an element or an attribute; what XML 1.0 §2.2 cannot hold becomes a mark.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(character),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            control if control < ' ' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}
