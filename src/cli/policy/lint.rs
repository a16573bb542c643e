//! `russet policy lint`: what is probably not meant.

use std::path::PathBuf;

use serde_json::json;

use super::reading::{self, Format};
use crate::base::diagnostic::Severity;
use crate::base::time::Clock;
use crate::cli::check::{ConfigurationFile, diagnostic_json};
use crate::cli::exit::Exit;
use crate::config;
use crate::workbench::lint;
use crate::workbench::log::Reader;

/// What was typed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationFile,
    /// Tell also what this decision log, with what was rotated away from it, never shows
    #[arg(long = "log", value_name = "LOG")]
    logs: Vec<PathBuf>,
    /// Take warnings for errors
    #[arg(long)]
    deny_warnings: bool,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Exit {
    lint(arguments).unwrap_or_else(|exit| exit)
}

fn lint(arguments: &Arguments) -> Result<Exit, Exit> {
    let path = &arguments.configuration.path;
    let now = Clock::system().now();
    let mut loaded = config::load_rules_and_groups(path, &config::process_environment, now);
    // `check` tells the rest.
    loaded
        .diagnostics
        .retain(|found| found.severity == Severity::Error || is_of_policies(found.code));
    let mut remarks = Vec::new();
    if let Some(rules) = &loaded.rules {
        lint::shape(rules, &mut loaded.diagnostics);
        if !arguments.logs.is_empty() {
            let inputs = reading::log(&arguments.logs, None)?;
            let (mut reader, mut shown) = (Reader::default(), lint::Shown::new(rules));
            let scanned = reading::read(&inputs, &mut reader, |recorded, _| shown.line(recorded))?;
            remarks = scanned.remarks();
            shown.tell(&mut loaded.diagnostics);
            if let Some(groups) = &loaded.groups {
                lint::members(groups, &reader.people, &mut loaded.diagnostics);
            }
        }
    }
    let (errors, warnings) = (loaded.diagnostics.errors(), loaded.diagnostics.warnings());
    reading::print(&match arguments.format {
        Format::Json => {
            let items = loaded.diagnostics.sorted().into_iter();
            let items: Vec<_> = items.map(|item| diagnostic_json(item, &loaded.sources)).collect();
            format!(
                "{:#}\n",
                json!({"errors": errors, "warnings": warnings, "diagnostics": items,
                "remarks": remarks})
            )
        }
        Format::Human => {
            let mut text = loaded.render();
            if !text.is_empty() {
                text.push('\n');
            }
            for remark in remarks {
                text += &format!("{remark}\n");
            }
            text + &format!("{}: {}\n", path.display(), verdict(errors, warnings))
        }
    })?;
    let refused = errors > 0 || loaded.rules.is_none() || (arguments.deny_warnings && warnings > 0);
    Ok(if refused { Exit::Configuration } else { Exit::Fine })
}

/// Whether a code concerns routes, who may pass them, or tests of that.
fn is_of_policies(code: &str) -> bool {
    ["R05", "R09", "R3"].iter().any(|family| code.starts_with(family))
}

fn verdict(errors: usize, warnings: usize) -> String {
    let counted = |number: usize, what: &str| match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    };
    match (errors, warnings) {
        (0, 0) => "nothing to say".to_owned(),
        (0, _) => counted(warnings, "warning"),
        (_, 0) => counted(errors, "error"),
        _ => format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")),
    }
}
