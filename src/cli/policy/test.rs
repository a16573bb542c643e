//! `russet policy test`: runs case files against a configuration, without serving.

use std::fs::OpenOptions;
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::reading::print;
use super::{Configured, read_text};

use crate::base::diagnostic::Diagnostics;
use crate::base::time::{self, Clock};
use crate::cli::check::ConfigurationFile;
use crate::cli::exit::Exit;
use crate::config::codes;
use crate::workbench::cases::{self, CaseFile};
use crate::workbench::report::{self, Report};
use crate::workbench::run;
use crate::workbench::starter_tests;

/// What was typed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The files of tests
    #[arg(value_name = "TESTS", required_unless_present = "init")]
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
    /// Run again whenever a file is saved, until Ctrl-C
    #[arg(long, conflicts_with = "init")]
    watch: bool,
    /// Write a first file of tests from the configuration: to TESTS, else policy-tests.yaml
    #[arg(long)]
    init: bool,
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

/// Where a first file of tests is written, unless a name is given.
const FIRST_FILE: &str = "policy-tests.yaml";

/// How often the files are looked at with `--watch`.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Runs the command.
pub fn run(arguments: &Arguments) -> Exit {
    let exit = if arguments.init {
        init(arguments)
    } else if arguments.watch {
        watch(arguments)
    } else {
        Configured::load(&arguments.configuration)
            .and_then(|configured| once(arguments, configured))
    };
    exit.unwrap_or_else(|exit| exit)
}

fn init(arguments: &Arguments) -> Result<Exit, Exit> {
    let default = [PathBuf::from(FIRST_FILE)];
    let given = if arguments.files.is_empty() { &default[..] } else { &arguments.files };
    let [path] = given else {
        anstream::eprintln!("error: --init writes one file; name one");
        return Err(Exit::Usage);
    };
    let configured = Configured::load(&arguments.configuration)?;
    let text = starter_tests::write(&configured.rules, Clock::system().now());
    let name = path.display();
    let created = OpenOptions::new().write(true).create_new(true).open(path);
    match created.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => {
            anstream::println!("wrote {name}; run it: russet policy test {name}");
            Ok(Exit::Fine)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            anstream::eprintln!("error: {name} is there already, and nothing is overwritten");
            Err(Exit::Failed)
        }
        Err(error) => {
            anstream::eprintln!("error: {name}: {error}");
            Err(Exit::Failed)
        }
    }
}

fn watch(arguments: &Arguments) -> Result<Exit, Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        anstream::eprintln!("error: the runtime does not start: {error}");
        Exit::Failed
    })?;
    let mut files = arguments.files.clone();
    files.push(arguments.configuration.path.clone());
    runtime.block_on(async {
        // Listens from here on: an interrupt may come before anything waits for it.
        let mut interrupts = signal(SignalKind::interrupt()).map_err(|error| {
            anstream::eprintln!("error: interrupts cannot be caught: {error}");
            Exit::Failed
        })?;
        loop {
            let before = states(&files);
            if std::io::stdout().is_terminal() {
                anstream::print!("\x1b[2J\x1b[H");
            }
            if let Ok(configured) = Configured::load(&arguments.configuration) {
                let new = configured.files.iter().filter(|file| !files.contains(file));
                let new: Vec<PathBuf> = new.cloned().collect();
                files.extend(new);
                // Told already; the next save may be better.
                let _told = once(arguments, configured);
            }
            anstream::println!("Waiting for a file to be saved; Ctrl-C ends it.");
            let before = if before.len() == files.len() { before } else { states(&files) };
            while states(&files) == before {
                tokio::select! {
                    _ = interrupts.recv() => return Ok(Exit::Fine),
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            }
        }
    })
}

/// What tells one state of a file from another. A file that is being replaced has none.
fn states(files: &[PathBuf]) -> Vec<Option<(u64, i64, i64, u64)>> {
    let state = |path: &PathBuf| {
        let found = std::fs::metadata(path).ok()?;
        Some((found.ino(), found.mtime(), found.mtime_nsec(), found.len()))
    };
    files.iter().map(state).collect()
}

fn once(arguments: &Arguments, mut configured: Configured) -> Result<Exit, Exit> {
    let files = read(arguments, &mut configured)?;
    let begun = time::monotonic();
    let now = Clock::system().now();
    let results = run::run(&configured.rules, &files, &arguments.filter, now);
    if files.iter().all(|file| file.cases.is_empty()) {
        anstream::eprintln!("error: these files name people and have no `tests` and no `tables`");
        return Err(Exit::Configuration);
    }
    if results.ran.is_empty() {
        anstream::eprintln!("error: no test has `{}` in its name", arguments.filter);
        return Err(Exit::Usage);
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
    print(&text)?;
    Ok(if results.failed() == 0 { Exit::Fine } else { Exit::PolicyTest })
}

fn read(arguments: &Arguments, configured: &mut Configured) -> Result<Vec<CaseFile>, Exit> {
    let sources = &mut configured.sources;
    let mut diagnostics = Diagnostics::default();
    let mut files = Vec::new();
    for path in &arguments.files {
        let name = path.display().to_string();
        match read_text(path) {
            Ok(text) => files.push(cases::read(&name, &text, sources, &mut diagnostics)),
            Err(problem) => {
                anstream::eprintln!("error: {problem}");
                if !path.exists() {
                    let help = format!("`russet policy test --init {name}` writes a first one");
                    anstream::eprintln!("   help: {help}");
                }
                return Err(Exit::Configuration);
            }
        }
    }
    for (name, place) in files.iter().flat_map(|file| &file.groups) {
        if let Some(groups) = configured.groups.as_deref().filter(|known| !known.contains(name)) {
            let help = match groups.nearest(name) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "add it to `groups_file`, or leave it out".to_owned(),
            };
            let message = format!("there is no group `{name}` in `groups_file`");
            diagnostics.warning(codes::TEST_GROUP, *place, message, help);
        }
    }
    for message in diagnostics.sorted() {
        anstream::eprintln!("{}", message.render(sources));
    }
    if diagnostics.has_errors() { Err(Exit::Configuration) } else { Ok(files) }
}
