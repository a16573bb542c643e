//! The report: what became of each option, and what is still to be given. Values of secrets are not
//! in it, and neither are those of other options, which may hold some.

use std::fmt::Write as _;

use super::Options;
use super::read::{Given, Read, near};
use super::table::Fate;

/// What the translation found out in addition to the words of the table.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Options whose value says something else than the table: name, fate, sentence.
    pub(super) of_values: Vec<(&'static str, Fate, String)>,
    /// What only the operator can give.
    pub(super) to_give: Vec<String>,
    /// What is not an option and still differs.
    pub(super) also: Vec<String>,
}

impl Findings {
    pub(super) fn value(&mut self, name: &'static str, fate: Fate, sentence: impl Into<String>) {
        self.of_values.push((name, fate, sentence.into()));
    }

    pub(super) fn give(&mut self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        if !self.to_give.contains(&sentence) {
            self.to_give.push(sentence);
        }
    }

    pub(super) fn also(&mut self, sentence: impl Into<String>) {
        self.also.push(sentence.into());
    }

    fn of<'a>(&'a self, given: &Given) -> Vec<(Fate, &'a str)> {
        let all = self.of_values.iter().filter(|(name, ..)| *name == given.row.name);
        all.map(|(_, fate, sentence)| (*fate, sentence.as_str())).collect()
    }
}

pub(super) fn report(options: &Options<'_>, read: &Read, findings: &Findings) -> String {
    let mut text = String::new();
    let mut lines: Vec<(Fate, String)> = Vec::new();
    for given in &options.winners {
        let of_values = findings.of(given);
        if of_values.is_empty() {
            lines.push((given.row.fate, line(given, given.row.sentence)));
        }
        for (fate, sentence) in of_values {
            lines.push((fate, line(given, sentence)));
        }
    }
    for (given, place) in &options.beaten {
        lines.push((Fate::Dropped, line(given, &format!("{place} says it again, and wins"))));
    }
    for (fate, title) in
        [(Fate::Carried, "Carried over"), (Fate::Changed, "Changed"), (Fate::Dropped, "Dropped")]
    {
        section(&mut text, title, lines.iter().filter(|(of, _)| *of == fate).map(|(_, line)| line));
    }
    let unknown: Vec<String> = read
        .unknown
        .iter()
        .map(|(name, place)| match near(name) {
            Some(near) => format!("{place}: {name}: did you mean `{near}`?"),
            None => format!("{place}: {name}: oauth2-proxy has no such option"),
        })
        .collect();
    section(&mut text, "Not known, and left out", unknown.iter());
    section(&mut text, "Not read", read.broken.iter());
    section(&mut text, "Different without an option", findings.also.iter());
    section(&mut text, "Still to be given", findings.to_give.iter());
    text
}

fn line(given: &Given, sentence: &str) -> String {
    format!("{}: {}: {sentence}", given.place, given.row.name)
}

fn section<'a>(text: &mut String, title: &str, lines: impl Iterator<Item = &'a String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return;
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "{title}");
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
}
