//! Runs cases against rules.

use std::sync::Arc;

use super::cases::{Case, CaseFile};
use super::coverage::Coverage;
use super::trial::Trial;
use crate::base::time::Timestamp;
use crate::decision::{Outcome, Rules};

/// One case and what came of it.
#[derive(Debug)]
pub struct Ran {
    /// In which file, by its place among those given.
    pub file: usize,
    /// The case.
    pub case: Arc<Case>,
    /// What the request met.
    pub trial: Trial,
    /// What is not as expected; empty where the test passed.
    pub wrong: Vec<String>,
}

impl Ran {
    /// Whether everything is as expected.
    pub fn passed(&self) -> bool {
        self.wrong.is_empty()
    }
}

/// Every case that ran, in order.
#[derive(Debug)]
pub struct Results {
    /// One for each case.
    pub ran: Vec<Ran>,
    /// What no case ever made true or false.
    pub coverage: Coverage,
}

impl Results {
    /// How many cases failed.
    pub fn failed(&self) -> usize {
        self.ran.iter().filter(|ran| !ran.passed()).count()
    }
}

/// Runs the cases of `files` whose name contains `filter`.
pub fn run(rules: &Rules, files: &[CaseFile], filter: &str, now: Timestamp) -> Results {
    let mut coverage = Coverage::of(rules);
    let mut all = Vec::new();
    for (file, cases) in files.iter().enumerate() {
        for case in cases.cases.iter().filter(|case| case.name.contains(filter)) {
            let trial = Trial::run(rules, &case.request, case.person.as_deref(), now);
            coverage.note(&trial);
            let wrong = wrong(case, &trial);
            all.push(Ran { file, case: Arc::new(case.clone()), trial, wrong });
        }
    }
    Results { ran: all, coverage }
}

/// Whether `got` is what was expected. What no route has is refused, so `deny` is right for it too.
fn is_met(expected: Outcome, got: Outcome) -> bool {
    expected == got || (expected == Outcome::Deny && got == Outcome::NoRoute)
}

fn wrong(case: &Case, trial: &Trial) -> Vec<String> {
    let mut wrong = Vec::new();
    let got = trial.outcome();
    if let Some(expected) = case.expect.outcome.filter(|expected| !is_met(*expected, got)) {
        wrong.push(format!("expected {}, got {}", expected.word(), got.word()));
    }
    let reasons = trial.reasons();
    for expected in case.expect.reasons.iter().filter(|name| !reasons.contains(&name.as_str())) {
        let got = if reasons.is_empty() { "none".to_owned() } else { reasons.join(", ") };
        wrong.push(format!("expected the reason {expected}, got {got}"));
    }
    let status = trial.status.as_u16();
    if let Some(expected) = case.expect.status.filter(|expected| *expected != status) {
        wrong.push(format!("expected status {expected}, got {status}"));
    }
    wrong
}
