//! What came of running cases, in the forms that people and CI systems read.

mod human;
mod junit;
mod tap;

use std::time::Duration;

use serde_json::{Value, json};

use super::cases::CaseFile;
use super::evidence_tree;
use super::run::{Ran, Results};
use crate::base::diagnostic::Sources;
use crate::decision::Rules;

pub use human::human;
pub use junit::junit;
pub use tap::tap;

/// All that a report tells.
#[derive(Debug)]
pub struct Report<'a> {
    /// What the cases ran against.
    pub rules: &'a Rules,
    /// The texts that places point into.
    pub sources: &'a Sources,
    /// The files, in the order given.
    pub files: &'a [CaseFile],
    /// What came of their cases.
    pub results: &'a Results,
    /// How long it took.
    pub took: Duration,
    /// Whether to tell what no case met.
    pub coverage: bool,
    /// Whether to name what passed.
    pub verbose: bool,
}

impl Report<'_> {
    /// The name of a case's file.
    fn file(&self, ran: &Ran) -> &str {
        self.files.get(ran.file).map_or("", |file| &file.name)
    }

    /// Where a case is written.
    fn place(&self, ran: &Ran) -> String {
        self.sources.position(ran.case.place)
    }
}

/// What a failing case met, for people, with colours: the request, who asks, and the tree.
fn evidence(report: &Report<'_>, ran: &Ran, indent: &str) -> String {
    let request = &ran.case.request;
    let who = ran.case.person.as_deref().map_or("nobody", |person| person.name());
    let mut text = format!("{indent}{} {} as {who}\n", request.method(), request.url());
    if let Some(route) = ran.trial.route(report.rules) {
        text += &format!("{indent}route {route}\n");
    }
    match ran.trial.explanation() {
        Some(explanation) => text += &evidence_tree::human(explanation, report.sources, indent),
        None => text += &format!("{indent}{}\n", ran.trial.instead().unwrap_or_default()),
    }
    text
}

/// Without colours.
fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// For programs.
pub fn json(report: &Report<'_>) -> Value {
    let test = |ran: &Ran| {
        let (_, position) = report.sources.locate(ran.case.place).unzip();
        let line = position.flatten().map(|(line, _)| line);
        json!({
            "name": ran.case.name,
            "file": report.file(ran),
            "line": line,
            "passed": ran.passed(),
            "expected": ran.case.expect.to_string(),
            "wrong": ran.wrong,
            "got": ran.trial.as_json(report.rules, report.sources),
        })
    };
    let (total, failed) = (report.results.ran.len(), report.results.failed());
    let mut value = json!({
        "tests": report.results.ran.iter().map(test).collect::<Vec<_>>(),
        "passed": total - failed,
        "failed": failed,
        "seconds": report.took.as_secs_f64(),
    });
    if report.coverage
        && let Some(members) = value.as_object_mut()
    {
        let coverage = report.results.coverage.as_json(report.sources);
        members.insert("coverage".to_owned(), coverage);
    }
    value
}

#[cfg(test)]
mod tests;
