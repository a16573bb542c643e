//! `russet run`: serve until told to stop.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::check::ConfigurationFile;
use super::exit::Exit;
use crate::app::{self, Running, Start};
use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::time::Clock;
use crate::config::{self, LogFormat, Settings};
use crate::decision::Rules;
use crate::telemetry::{Format, Logs};

/// What was typed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationFile,
    /// A configuration whose policies are asked in addition to the real ones, counted, never obeyed; it
    /// says `shadow: true`
    #[arg(long, value_name = "FILE")]
    shadow_config: Option<PathBuf>,
    /// How many workers serve; one for each core unless given
    #[arg(long, env = "RUSSET_WORKERS", value_name = "COUNT")]
    workers: Option<usize>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Exit {
    let loaded = arguments.configuration.load();
    anstream::eprint!("{}", loaded.render());
    let Some(settings) = loaded.settings else { return Exit::Configuration };
    let Ok(shadow_rules) = arguments.shadow_config.as_deref().map(shadow_rules).transpose() else {
        return Exit::Configuration;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("control")
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(serve(settings, shadow_rules, arguments.workers)),
        Err(error) => {
            anstream::eprintln!("error: the system gives no threads: {error}");
            Exit::Failed
        }
    }
}

async fn serve(settings: Settings, shadow_rules: Option<Rules>, workers: Option<usize>) -> Exit {
    let format = match settings.log.format {
        LogFormat::Json => Format::Json,
        LogFormat::Human => Format::Human,
        LogFormat::Auto if std::io::stdout().is_terminal() => Format::Human,
        LogFormat::Auto => Format::Json,
    };
    let level = settings.log.level;
    let (logs, _written_out_at_the_end) = Logs::to(std::io::stdout(), format, level);
    logs.install(level);
    let workers = workers.or_else(|| std::thread::available_parallelism().ok().map(usize::from));
    announce(&settings, shadow_rules.as_ref());
    // Before anything can be asked, so that a signal never finds the process unprepared.
    let signals = match Signals::watch() {
        Ok(signals) => signals,
        Err(error) => {
            tracing::error!(%error, "signals cannot be watched");
            return Exit::Failed;
        }
    };
    let workers = workers.unwrap_or(1);
    let start = Start { settings, logs, clock: Clock::system(), workers, shadow_rules };
    let running = match app::start(start) {
        Ok(running) => running,
        Err(problem) => {
            tracing::error!(%problem, "did not start");
            anstream::eprintln!("error: {problem}");
            return Exit::Failed;
        }
    };
    tracing::info!(address = %running.address(), "serving");
    signals.until_told_to_stop(&running).await;
    tracing::info!("stopping: no new connections, requests in flight finish");
    match running.drain(app::DRAIN_TIME).await {
        Ok(drained) => {
            tracing::info!(finished = drained.finished, aborted = drained.aborted, "stopped");
            Exit::Fine
        }
        Err(error) => {
            tracing::error!(%error, "a worker did not end well");
            Exit::Failed
        }
    }
}

/// The rules of a shadow configuration. What is wrong with it is printed.
fn shadow_rules(path: &Path) -> Result<Rules, ()> {
    let environment = config::process_environment;
    let loaded = config::load_rules(path, &environment, Clock::system().now());
    // A shadow file needs no key or certificate. A warning without a place in the file is about
    // such keys, which only serving needs.
    let concerns =
        |message: &&&Diagnostic| message.place.is_some() || message.severity == Severity::Error;
    for message in loaded.diagnostics.sorted().iter().filter(concerns) {
        anstream::eprintln!("{}", message.render(&loaded.sources));
    }
    let rules = loaded.rules.ok_or(())?;
    if !loaded.shadow {
        anstream::eprintln!(
            "error: {} does not say `shadow: true`\nhelp: write it at its top level, so that nobody \
             serves it by mistake",
            path.display()
        );
        return Err(());
    }
    Ok(rules)
}

/// What an operator compares with Apple's portal when a sign-in fails there.
fn announce(settings: &Settings, shadow: Option<&Rules>) {
    let apple = &settings.apple;
    tracing::info!(
        client_id = apple.client_id,
        redirect_uri = apple.redirect_uri,
        routes = settings.rules.len(),
        "register this client_id (Services ID) and redirect_uri with Apple"
    );
    if let Some(shadow) = shadow {
        tracing::info!(
            routes = shadow.routes().len(),
            "a shadow configuration is asked in addition to this one; a route's `shadow_policy` is not"
        );
    }
    if !apple.is_apple() {
        tracing::warn!(
            provider = apple.provider_url,
            "NOT APPLE: `idp_provider_url` names another provider; whoever runs it can be anybody"
        );
    }
}

/// The signals that a process is told things with.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn watch() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for SIGTERM or SIGINT. SIGHUP opens the decision log anew; it does not reload.
    async fn until_told_to_stop(mut self, running: &Running) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => {
                    if running.reopen_decision_log() {
                        tracing::info!("SIGHUP: the decision log is opened anew");
                    }
                    tracing::warn!(
                        "SIGHUP: a changed configuration needs a restart; the one in force goes on"
                    );
                }
            }
        }
    }
}
