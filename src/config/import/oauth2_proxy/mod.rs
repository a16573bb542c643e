//! `russet import oauth2-proxy`: a configuration of oauth2-proxy becomes one of Russet, and a report
//! says of each option what became of it.
//!
//! Security: nothing is let in that was not let in before. What cannot be translated closes (a group
//! that Apple does not have lets nobody in) or is asked for; secrets are neither copied nor shown.

mod access;
mod read;
mod report;
mod routes;
pub mod table;
mod words;
mod write;

use read::{Given, Read};
use table::Row;

/// A file of oauth2-proxy's: TOML, alpha YAML, or lines with flags and variables.
#[derive(Clone, Debug)]
pub struct Input {
    /// What the report calls it.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// The configuration of Russet's, YAML.
    pub configuration: String,
    /// What became of each option, for people.
    pub report: String,
    /// Options that oauth2-proxy does not have.
    pub unknown: usize,
    /// Texts that could not be read.
    pub broken: usize,
}

/// Reads a file that the options name; `None` where it cannot be read.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Translates files and arguments; arguments beat variables, and those beat files.
pub fn translate(inputs: &[Input], arguments: &[String], file: ReadFile<'_>) -> Translation {
    let mut read = Read::default();
    for Input { name, text } in inputs {
        read.text(name, text);
    }
    read.arguments(arguments);
    let options = Options::new(&read.given);
    let mut findings = report::Findings::default();
    let configuration = write::configuration(&options, &read, file, &mut findings);
    let report = report::report(&options, &read, &findings);
    Translation { configuration, report, unknown: read.unknown.len(), broken: read.broken.len() }
}

/// The options that count: of several places the strongest.
#[derive(Debug)]
pub(super) struct Options<'a> {
    winners: Vec<&'a Given>,
    /// Written, and beaten by the place that stands with it.
    beaten: Vec<(&'a Given, &'a str)>,
}

impl<'a> Options<'a> {
    fn new(given: &'a [Given]) -> Self {
        let mut options = Self { winners: Vec::new(), beaten: Vec::new() };
        for (index, one) in given.iter().enumerate() {
            let stronger = given.iter().enumerate().find(|(at, other)| {
                other.row.name == one.row.name && (other.rank, *at) > (one.rank, index)
            });
            match stronger {
                Some((_, stronger)) => options.beaten.push((one, &stronger.place)),
                None => options.winners.push(one),
            }
        }
        options
    }

    /// All values of an option; empty where it is not written.
    fn all(&self, name: &str) -> &'a [String] {
        self.winners.iter().find(|given| given.row.name == name).map_or(&[], |given| &given.values)
    }

    /// The value of an option, unless it is empty.
    fn one(&self, name: &str) -> Option<&'a str> {
        self.all(name).first().map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    /// Whether a switch is on, which is `default` where it is not written.
    fn is(&self, name: &str, default: bool) -> bool {
        self.one(name).map_or(default, |text| matches!(text, "true" | "True" | "TRUE" | "1" | "t"))
    }

    fn row(&self, name: &str) -> Option<&'static Row> {
        self.winners.iter().find(|given| given.row.name == name).map(|given| given.row)
    }
}

#[cfg(test)]
mod tests;
