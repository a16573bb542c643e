//! `russet health`.

use super::Outcome;

/// What was typed.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Runs the command.
pub fn run(_arguments: &Arguments) -> Outcome {
    Outcome::Failed
}
