//! `russet policy matrix`: who can reach what, and what two configurations differ in.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Configured, read_text, reading};
use crate::base::diagnostic::{Diagnostics, Sources};
use crate::base::time::{Clock, Timestamp};
use crate::cli::check::ConfigurationFile;
use crate::cli::exit::Exit;
use crate::workbench::log::Reader;
use crate::workbench::matrix::{
    Matrix, Someone, changes, changes_csv, changes_html, changes_human, csv, html, human,
};
use crate::workbench::{cases, person};

/// What was typed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationFile,
    /// The people: a file of policy tests, of which the identities are taken
    /// [default: the members of `groups_file`]
    #[arg(long, value_name = "FILE", conflicts_with = "logs")]
    people: Option<PathBuf>,
    /// The people of a decision log, with what was rotated away from it
    #[arg(long = "log", value_name = "LOG")]
    logs: Vec<PathBuf>,
    /// Two configurations: who gains and who loses what, from the first to the second
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"])]
    diff: Option<Vec<PathBuf>>,
    /// When they ask, such as 2026-01-05T10:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    time: Option<Timestamp>,
    /// Exit with 4 where somebody gains or loses something
    #[arg(long, requires = "diff")]
    fail_on_change: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// How to print it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A table for people
    Human,
    /// For a spreadsheet
    Csv,
    /// One page that needs nothing else
    Html,
    /// One JSON object
    Json,
}

fn parse_moment(text: &str) -> Result<Timestamp, String> {
    person::moment(text).ok_or_else(|| "write it like 2026-01-05T10:00:00Z".to_owned())
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Exit {
    matrix(arguments).unwrap_or_else(|exit| exit)
}

fn matrix(arguments: &Arguments) -> Result<Exit, Exit> {
    let now = arguments.time.unwrap_or_else(|| Clock::system().now());
    if let Some([old, new]) = arguments.diff.as_deref() {
        let load = |path: &PathBuf| load(arguments, &ConfigurationFile { path: path.clone() });
        let (old, new) = (load(old)?, load(new)?);
        let people = people(arguments, &[&old, &new], now)?;
        let found =
            changes(&Matrix::of(&old.rules, &people, now), &Matrix::of(&new.rules, &people, now));
        reading::print(&match arguments.format {
            Format::Human => changes_human(&found),
            Format::Csv => changes_csv(&found),
            Format::Html => changes_html(&found, now),
            Format::Json => format!("{:#}\n", json!({ "changes": found })),
        })?;
        let changed = arguments.fail_on_change && !found.is_empty();
        return Ok(if changed { Exit::PolicyTest } else { Exit::Fine });
    }
    let configured = load(arguments, &arguments.configuration)?;
    let people = people(arguments, &[&configured], now)?;
    let matrix = Matrix::of(&configured.rules, &people, now);
    reading::print(&match arguments.format {
        Format::Human => human(&matrix, None),
        Format::Csv => csv(&matrix),
        Format::Html => html(&matrix, now),
        Format::Json => format!("{:#}\n", json!(matrix)),
    })?;
    Ok(Exit::Fine)
}

/// Whether the people are those of the groups.
fn of_groups(arguments: &Arguments) -> bool {
    arguments.people.is_none() && arguments.logs.is_empty()
}

fn load(arguments: &Arguments, file: &ConfigurationFile) -> Result<Configured, Exit> {
    if of_groups(arguments) { Configured::load_with_groups(file) } else { Configured::load(file) }
}

/// Whose rows there are to be; whoever is not signed in comes first.
fn people(
    arguments: &Arguments,
    configured: &[&Configured],
    now: Timestamp,
) -> Result<Vec<Someone>, Exit> {
    let mut everybody = vec![Someone::nobody()];
    if let Some(path) = &arguments.people {
        everybody.extend(of_file(path, now)?);
    } else if of_groups(arguments) {
        everybody.extend(Someone::of_groups(configured.iter().filter_map(|c| c.groups.as_deref())));
    } else {
        let inputs = reading::log(&arguments.logs, None)?;
        let mut reader = Reader::default();
        let scanned = reading::read(&inputs, &mut reader, |_, _| {})?;
        for remark in scanned.remarks() {
            anstream::eprintln!("{remark}");
        }
        everybody.extend(Someone::of_log(&reader.people));
    }
    if everybody.len() == 1 {
        anstream::eprintln!(
            "note: there is nobody to ask about: name people by `--people FILE` (a file of policy \
             tests), `--log LOG`, or `groups_file` in the configuration"
        );
    }
    Ok(everybody)
}

/// The people of a file of policy tests.
fn of_file(path: &Path, now: Timestamp) -> Result<Vec<Someone>, Exit> {
    let name = path.display().to_string();
    let text = read_text(path).map_err(|problem| reading::failed(format!("--people {problem}")))?;
    let (mut diagnostics, mut sources) = (Diagnostics::default(), Sources::default());
    let file = cases::read(&name, &text, &mut sources, &mut diagnostics);
    let people = file.people();
    // A file of people alone has no tests, which is not an error here.
    let faults = diagnostics.errors()
        - usize::from(file.cases.is_empty() && !people.is_empty()).min(diagnostics.errors());
    if faults > 0 || people.is_empty() {
        for message in diagnostics.sorted() {
            anstream::eprintln!("{}", message.render(&sources));
        }
        return Err(Exit::Usage);
    }
    let someone = |(name, person): (String, std::sync::Arc<person::Person>)| Someone {
        name,
        asker: Some(person.asker(now)),
    };
    Ok(people.into_iter().map(someone).collect())
}
