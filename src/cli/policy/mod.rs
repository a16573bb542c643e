//! `russet policy ...`: writing and trying policies without serving.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;

use super::check::ConfigurationFile;
use super::exit::Exit;
use crate::base::diagnostic::{Diagnostic, Severity, Sources};
use crate::base::time::Clock;
use crate::config::{self, LoadedRules};
use crate::decision::Rules;
use crate::policy::Groups;

pub mod explain;
pub mod lint;
pub mod matrix;
mod reading;
pub mod replay;
pub mod shadow_report;
pub mod test;

/// What was typed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what one request would meet, and why
    Explain(explain::Arguments),
    /// Judge the decisions of a log again, and say what comes out otherwise
    Replay(replay::Arguments),
    /// Run tests of policies
    Test(test::Arguments),
    /// Say who can reach what, and who gains and loses what between two configurations
    Matrix(matrix::Arguments),
    /// Say what is probably not meant, and what the decision log never shows
    Lint(lint::Arguments),
    /// Say what the shadow policies would have decided otherwise, and whether they are safe
    ShadowReport(shadow_report::Arguments),
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Exit {
    match &arguments.command {
        Command::Explain(arguments) => explain::run(arguments),
        Command::Replay(arguments) => replay::run(arguments),
        Command::Test(arguments) => test::run(arguments),
        Command::Matrix(arguments) => matrix::run(arguments),
        Command::Lint(arguments) => lint::run(arguments),
        Command::ShadowReport(arguments) => shadow_report::run(arguments),
    }
}

/// What `explain` and `test` read of a configuration.
struct Configured {
    rules: Rules,
    /// The texts that the places of the rules point into.
    sources: Sources,
    /// Every file that was asked for.
    files: Vec<PathBuf>,
    /// `decision_log.path`, where it is written.
    decision_log: Option<PathBuf>,
    /// Who is in which group, where a policy asks for one.
    groups: Option<Arc<Groups>>,
}

impl Configured {
    /// Reads it. What is wrong elsewhere in the file is reported on standard error and changes
    /// nothing.
    fn load(configuration: &ConfigurationFile) -> Result<Self, Exit> {
        let now = Clock::system().now();
        Self::of(config::load_rules(&configuration.path, &config::process_environment, now))
    }

    /// The same, with the members of every group, whether a policy names one or not.
    fn load_with_groups(configuration: &ConfigurationFile) -> Result<Self, Exit> {
        let (now, environment) = (Clock::system().now(), &config::process_environment);
        Self::of(config::load_rules_and_groups(&configuration.path, environment, now))
    }

    fn of(loaded: LoadedRules) -> Result<Self, Exit> {
        report(&loaded);
        let LoadedRules { rules, decision_log, files, sources, groups, .. } = loaded;
        let rules = rules.ok_or(Exit::Configuration)?;
        if rules.routes().is_empty() {
            anstream::eprintln!("{NO_ROUTES}");
        }
        Ok(Self { rules, sources, files, decision_log, groups })
    }
}

/// What is missing in a new file.
const NO_ROUTES: &str = "\
warning: the configuration has no routes, so nobody reaches anything
   help: routes:
           - from: https://wiki.example.com
             to: http://127.0.0.1:3000
             allowed_domains: [corp.example]
";

/// Longest text that is read in addition to the configuration, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The text of a file; or what is wrong with it, in a sentence.
fn read_text(path: &Path) -> Result<String, String> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
    bounded(file, &name)
}

/// The text of what is called `name`.
fn bounded(source: impl Read, name: &str) -> Result<String, String> {
    let mut text = String::new();
    let read = source.take(MAX_BYTES + 1).read_to_string(&mut text);
    let read = read.map_err(|error| format!("{name}: {error}"))?;
    match read as u64 > MAX_BYTES {
        true => Err(format!("{name} is longer than {} KiB", MAX_BYTES / 1024)),
        false => Ok(text),
    }
}

/// Everything there is to say about the configuration. What is not there at all and no rule needs
/// is counted alone: a file of routes is enough to try policies.
fn report(loaded: &LoadedRules) {
    let sorted = loaded.diagnostics.sorted();
    let concerns =
        |message: &&&Diagnostic| message.place.is_some() || message.severity == Severity::Error;
    let shown: Vec<String> =
        sorted.iter().filter(concerns).map(|message| message.render(&loaded.sources)).collect();
    if !shown.is_empty() {
        anstream::eprintln!("{}", shown.join("\n"));
    }
    let absent = sorted.len() - shown.len();
    if absent > 0 && loaded.rules.is_some() {
        let things = if absent == 1 { "setting" } else { "settings" };
        anstream::eprintln!(
            "note: {absent} {things} that `russet run` needs are not there; `russet check` names them"
        );
    }
}
