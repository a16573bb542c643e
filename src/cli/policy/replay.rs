//! `russet policy replay`: what would have been decided otherwise.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::Configured;
use super::reading::{self, Format};
use crate::cli::check::ConfigurationFile;
use crate::cli::exit::Exit;
use crate::workbench::log::{Reader, Scanned};
use crate::workbench::replay::{Kind, Replay, Report, human};

/// What was typed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The decision log: files, with those rotated away from them, a directory, or `-` for
    /// standard input [default: `decision_log.path` of the configuration]
    #[arg(value_name = "LOG")]
    logs: Vec<PathBuf>,
    #[command(flatten)]
    configuration: ConfigurationFile,
    /// Tell also what has the same outcome by another route or for other reasons
    #[arg(long)]
    all: bool,
    /// Exit with 4 where anything is decided otherwise
    #[arg(long)]
    fail_on_change: bool,
    /// Exit with 4 where the log did not keep what decides
    #[arg(long)]
    fail_on_unknown: bool,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Exit {
    replay(arguments).unwrap_or_else(|exit| exit)
}

fn replay(arguments: &Arguments) -> Result<Exit, Exit> {
    let configured = Configured::load(&arguments.configuration)?;
    let inputs = reading::log(&arguments.logs, configured.decision_log.as_ref())?;
    let mut replay = Replay::new(&configured.rules, arguments.all);
    let mut reader = Reader::default();
    let scanned = reading::read(&inputs, &mut reader, |recorded, _| replay.line(recorded))?;
    let report = replay.report(&reader.people);
    reading::print(&match arguments.format {
        Format::Human => human(&report, &scanned),
        Format::Json => format!("{:#}\n", as_json(&report, &scanned)),
    })?;
    let changed = arguments.fail_on_change && report.changes();
    let unknown = arguments.fail_on_unknown && report.unknown_count() > 0;
    Ok(if changed || unknown { Exit::PolicyTest } else { Exit::Fine })
}

fn as_json(report: &Report, scanned: &Scanned) -> Value {
    let (first, last) = scanned.between.unzip();
    json!({
        "decisions": scanned.decisions,
        "first": first.map(|at| at.to_string()),
        "last": last.map(|at| at.to_string()),
        "not_recorded": scanned.dropped,
        "broken": scanned.broken,
        "truncated": scanned.truncated,
        "same": report.same,
        "newly_allowed": report.count(Kind::NewlyAllowed),
        "newly_denied": report.count(Kind::NewlyDenied),
        "newly_asked_to_sign_in": report.count(Kind::NewlyAskedToSignIn),
        "other": report.count(Kind::Other),
        "unknown": report.unknown_count(),
        "differences": report.differences,
        "unknown_lines": report.unknown,
    })
}
