//! `russet policy ...`: writing and trying policies without serving.

use std::path::PathBuf;

use clap::Subcommand;

use super::Outcome;
use super::check::ConfigurationFile;
use crate::base::diagnostic::Sources;
use crate::base::time::Clock;
use crate::config::{self, LoadedRules};
use crate::decision::Rules;

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
pub fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        Command::Explain(arguments) => explain::run(arguments),
        Command::Replay(arguments) => replay::run(arguments),
        Command::Test(arguments) => test::run(arguments),
        Command::Matrix(arguments) => matrix::run(arguments),
        Command::Lint(arguments) => lint::run(arguments),
        Command::ShadowReport(arguments) => shadow_report::run(arguments),
    }
}

/// What the policy commands read of a configuration.
struct Configured {
    rules: Rules,
    /// The texts that the places of the rules point into.
    sources: Sources,
    /// Every file that was asked for.
    files: Vec<PathBuf>,
    /// `decision_log.path`, where it is written.
    decision_log: Option<PathBuf>,
}

impl Configured {
    /// Reads it. What is wrong elsewhere in the file is told on standard error and changes
    /// nothing.
    fn load(configuration: &ConfigurationFile) -> Result<Self, Outcome> {
        let now = Clock::system().now();
        let loaded = config::load_rules(&configuration.path, &config::process_environment, now);
        let told = loaded.render();
        if !told.is_empty() {
            anstream::eprintln!("{told}");
        }
        let LoadedRules { rules, decision_log, files, sources, .. } = loaded;
        let rules = rules.ok_or(Outcome::Configuration)?;
        Ok(Self { rules, sources, files, decision_log })
    }
}
