//! `russet policy ...`: writing and trying policies without serving.

use clap::Subcommand;

use super::Outcome;
use super::check::ConfigurationFile;
use crate::base::diagnostic::Sources;
use crate::decision::Rules;

pub mod explain;
mod reading;
pub mod replay;

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
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        Command::Explain(arguments) => explain::run(arguments),
        Command::Replay(arguments) => replay::run(arguments),
    }
}

/// The rules of a configuration, and the text that its places point into.
struct Configured {
    rules: Rules,
    sources: Sources,
}

impl Configured {
    /// Reads it. What is wrong elsewhere in the file is told on standard error and changes
    /// nothing.
    fn load(configuration: &ConfigurationFile) -> Result<Self, Outcome> {
        let loaded = configuration.load();
        let told = loaded.render();
        if !told.is_empty() {
            anstream::eprintln!("{told}");
        }
        let settings = loaded.settings.ok_or(Outcome::Configuration)?;
        Ok(Self { rules: Rules::new(settings.rules), sources: loaded.sources })
    }
}
