//! `russet policy ...`: writing and trying policies without serving.

use std::path::PathBuf;

use clap::Subcommand;

use super::Outcome;
use super::check::ConfigurationFile;
use crate::base::diagnostic::Sources;
use crate::config::LoadedRules;
use crate::decision::Rules;

pub mod explain;
mod reading;
pub mod replay;
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
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        Command::Explain(arguments) => explain::run(arguments),
        Command::Replay(arguments) => replay::run(arguments),
        Command::Test(arguments) => test::run(arguments),
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
}

impl Configured {
    /// Reads it. What is wrong elsewhere in the file is told on standard error and changes
    /// nothing.
    fn load(configuration: &ConfigurationFile) -> Result<Self, Outcome> {
        let (rules, loaded) = reading::rules(configuration)?;
        let LoadedRules { decision_log, files, sources, .. } = loaded;
        Ok(Self { rules, sources, files, decision_log })
    }
}
