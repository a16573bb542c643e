//! `russet policy test`: runs case files against a configuration, without serving.

use std::path::PathBuf;

use super::Configured;
use crate::base::diagnostic::{Diagnostics, Sources};
use crate::base::time::{self, Clock};
use crate::cli::Outcome;
use crate::cli::check::ConfigurationFile;
use crate::workbench::cases::{self, CaseFile};
use crate::workbench::report::{self, Report};
use crate::workbench::run;

/// What was typed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The files of tests
    #[arg(value_name = "TESTS", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    configuration: ConfigurationFile,
    /// How to print what came of it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Only tests with this in their name
    #[arg(long, value_name = "NAME", default_value = "")]
    filter: String,
    /// Tell which routes, rules and criteria no test ever made true or false
    #[arg(long)]
    coverage: bool,
    /// Name the tests that passed, too
    #[arg(long, short)]
    verbose: bool,
}

/// How to print what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Human,
    /// One JSON object
    Json,
    /// JUnit's XML, for CI
    Junit,
    /// The Test Anything Protocol
    Tap,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    once(arguments).unwrap_or_else(|outcome| outcome)
}

fn once(arguments: &Arguments) -> Result<Outcome, Outcome> {
    let mut configured = Configured::load(&arguments.configuration)?;
    let files = read(arguments, &mut configured.sources)?;
    let begun = time::monotonic();
    let now = Clock::system().now();
    let results = run::run(&configured.rules, &files, &arguments.filter, now);
    if results.ran.is_empty() {
        anstream::eprintln!("error: no test has `{}` in its name", arguments.filter);
        return Err(Outcome::Usage);
    }
    let report = Report {
        rules: &configured.rules,
        sources: &configured.sources,
        files: &files,
        results: &results,
        took: begun.elapsed(),
        coverage: arguments.coverage,
        verbose: arguments.verbose,
    };
    let text = match arguments.format {
        Format::Human => report::human(&report),
        Format::Json => format!("{:#}\n", report::json(&report)),
        Format::Junit => report::junit(&report),
        Format::Tap => report::tap(&report),
    };
    anstream::print!("{text}");
    Ok(if results.failed() == 0 { Outcome::Fine } else { Outcome::PolicyTest })
}

fn read(arguments: &Arguments, sources: &mut Sources) -> Result<Vec<CaseFile>, Outcome> {
    let mut told = Diagnostics::default();
    let mut files = Vec::new();
    for path in &arguments.files {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => files.push(cases::read(&name, &text, sources, &mut told)),
            Err(error) => {
                anstream::eprintln!("error: {name}: {error}");
                anstream::eprintln!(
                    "   help: `russet policy test --init {name}` writes a first one"
                );
                return Err(Outcome::Configuration);
            }
        }
    }
    for message in told.sorted() {
        anstream::eprintln!("{}", message.render(sources));
    }
    if told.has_errors() { Err(Outcome::Configuration) } else { Ok(files) }
}
