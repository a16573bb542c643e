//! `russet policy shadow-report`: what the shadow policies would have decided otherwise.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::reading::{self, Format};
use crate::base::duration;
use crate::base::time::{Clock, Timestamp};
use crate::cli::check::ConfigurationFile;
use crate::cli::exit::Exit;
use crate::cli::policy::Configured;
use crate::workbench::log::{Reader, Scanned};
use crate::workbench::person::moment;
use crate::workbench::shadow_report::{Promotion, ShadowReport, Shadows, human};

/// What was typed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The decision log, with what was rotated away from it; may be given several times
    /// [default: `decision_log.path` of the configuration]
    #[arg(long = "log", value_name = "LOG")]
    logs: Vec<PathBuf>,
    /// Only what was decided since then: 2026-11-01, 2026-11-01T08:00:00Z, or so long ago: 7d
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    since: Option<Since>,
    #[command(flatten)]
    configuration: ConfigurationFile,
    /// Exit with 4 unless it is safe to promote
    #[arg(long)]
    fail_on_change: bool,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Since when.
#[derive(Clone, Copy, Debug)]
enum Since {
    Moment(Timestamp),
    Ago(std::time::Duration),
}

fn parse_since(text: &str) -> Result<Since, String> {
    let ago = || duration::parse(text).ok().map(Since::Ago);
    let since = moment(text).map(Since::Moment).or_else(ago);
    since.ok_or_else(|| "write it like 2026-11-01, 2026-11-01T08:00:00Z or 36h".to_owned())
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Exit {
    report(arguments).unwrap_or_else(|exit| exit)
}

fn report(arguments: &Arguments) -> Result<Exit, Exit> {
    // A configuration is needed only to say where the log is.
    let configured = match arguments.logs.is_empty() {
        true => Configured::load(&arguments.configuration)?.decision_log,
        false => None,
    };
    let inputs = reading::log(&arguments.logs, configured.as_ref())?;
    let since = arguments.since.map(|since| match since {
        Since::Moment(at) => at,
        Since::Ago(ago) => Clock::system().now().minus(ago),
    });
    let (mut reader, mut shadows) = (Reader::default(), Shadows::new(since));
    let scanned = reading::read(&inputs, &mut reader, |recorded, _| shadows.line(recorded))?;
    let report = shadows.report(&reader.people, &scanned);
    reading::print(&match arguments.format {
        Format::Human => human(&report, &scanned),
        Format::Json => format!("{:#}\n", as_json(&report, &scanned)),
    })?;
    let unsafe_ = arguments.fail_on_change && report.verdict != Promotion::Safe;
    Ok(if unsafe_ { Exit::PolicyTest } else { Exit::Fine })
}

fn as_json(report: &ShadowReport, scanned: &Scanned) -> Value {
    json!({
        "decisions": scanned.decisions,
        "not_recorded": scanned.dropped,
        "broken": scanned.broken,
        "truncated": scanned.truncated,
        "report": report,
    })
}
