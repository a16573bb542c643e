//! The evidence of a policy as a tree: a mark at each node, wanted against seen, reason codes.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use crate::base::diagnostic::Sources;
use crate::base::node::Place;
use crate::policy::{
    Answer, CriterionEvidence, Explanation, OperatorEvidence, Reason, RuleEvidence,
};

/// What holds.
pub const GOOD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green)));
/// What does not.
pub const BAD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red)));
/// What cannot be told.
pub const UNSURE: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow)));
/// What matters less.
pub const QUIET: Style = Style::new().dimmed();
/// What matters more.
pub const LOUD: Style = Style::new().bold();

/// The tree for people, each line after `indent`; with colours, which whoever prints it takes away
/// where they are not wanted.
pub fn human(explanation: &Explanation, sources: &Sources, indent: &str) -> String {
    let mut out = String::new();
    for rule in &explanation.deny_rules {
        write_rule(&mut out, "deny", rule, sources, indent);
    }
    for rule in &explanation.allow_rules {
        write_rule(&mut out, "allow", rule, sources, indent);
    }
    if explanation.allow_rules.is_empty() {
        let _ = writeln!(out, "{indent}{BAD}\u{2717}{BAD:#} allow  nothing stands under it");
    }
    out
}

fn write_rule(out: &mut String, side: &str, rule: &RuleEvidence, sources: &Sources, indent: &str) {
    let at = rule.place.map_or_else(|| rule.rule.clone(), |place| sources.position(place));
    let mark = mark(rule.answer);
    let _ = writeln!(out, "{indent}{mark} {LOUD}{side}{LOUD:#}  {QUIET}{at}{QUIET:#}");
    for operator in &rule.operators {
        let mark = self::mark(operator.answer);
        let _ = writeln!(out, "{indent}  {mark} {}", operator.operator.word());
        for criterion in &operator.criteria {
            write_criterion(out, criterion, indent);
        }
    }
}

fn write_criterion(out: &mut String, criterion: &CriterionEvidence, indent: &str) {
    let mark = mark(criterion.answer);
    let (key, wanted) = (&criterion.criterion, &criterion.wanted);
    let seen = match criterion.reason {
        Reason::NotRecorded => "what the log did not keep".to_owned(),
        _ => criterion.seen.as_deref().map_or_else(|| "nothing".to_owned(), one_line),
    };
    let reason = criterion.reason.word();
    let style = if criterion.decisive { LOUD } else { Style::new() };
    let _ = writeln!(
        out,
        "{indent}    {mark} {style}{key}{style:#}  wanted {}, saw {seen}  {QUIET}{reason}{QUIET:#}",
        one_line(wanted),
    );
}

/// Text as one line that tells a terminal nothing.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn mark(answer: Answer) -> String {
    match answer {
        Answer::Yes => format!("{GOOD}\u{2713}{GOOD:#}"),
        Answer::No => format!("{BAD}\u{2717}{BAD:#}"),
        Answer::Unknown => format!("{UNSURE}?{UNSURE:#}"),
    }
}

/// The tree for programs.
pub fn as_json(explanation: &Explanation, sources: &Sources) -> Value {
    let rules = |rules: &[RuleEvidence]| {
        rules.iter().map(|rule| rule_json(rule, sources)).collect::<Vec<_>>()
    };
    json!({
        "allow": explanation.allow.word(),
        "deny": explanation.deny.word(),
        "deny_rules": rules(&explanation.deny_rules),
        "allow_rules": rules(&explanation.allow_rules),
    })
}

fn rule_json(rule: &RuleEvidence, sources: &Sources) -> Value {
    json!({
        "rule": rule.rule,
        "at": position(rule.place, sources),
        "answer": rule.answer.word(),
        "reasons": rule.reasons,
        "operators": rule.operators.iter().map(|it| operator_json(it, sources)).collect::<Vec<_>>(),
    })
}

fn operator_json(operator: &OperatorEvidence, sources: &Sources) -> Value {
    let criteria = operator.criteria.iter();
    json!({
        "operator": operator.operator.word(),
        "at": position(operator.place, sources),
        "answer": operator.answer.word(),
        "reasons": operator.reasons,
        "criteria": criteria.map(|it| criterion_json(it, sources)).collect::<Vec<_>>(),
    })
}

fn criterion_json(criterion: &CriterionEvidence, sources: &Sources) -> Value {
    json!({
        "rule": criterion.rule,
        "criterion": criterion.criterion,
        "at": position(criterion.place, sources),
        "answer": criterion.answer.word(),
        "reason": criterion.reason.word(),
        "wanted": criterion.wanted,
        "seen": criterion.seen,
        "decisive": criterion.decisive,
    })
}

fn position(place: Option<Place>, sources: &Sources) -> Option<String> {
    place.map(|place| sources.position(place))
}
