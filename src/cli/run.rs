//! `russet run`: serve until told to stop.

use std::io::IsTerminal as _;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Outcome;
use super::check::ConfigurationFile;
use crate::app::{self, Start};
use crate::base::time::Clock;
use crate::config::{LogFormat, Settings};
use crate::telemetry::{Format, Logs};

/// What was typed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationFile,
    /// How many workers serve; one for each core unless given
    #[arg(long, env = "RUSSET_WORKERS", value_name = "COUNT")]
    workers: Option<usize>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    let loaded = arguments.configuration.load();
    anstream::eprint!("{}", loaded.render());
    let Some(settings) = loaded.settings else { return Outcome::Configuration };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("control")
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(serve(settings, arguments.workers)),
        Err(error) => {
            anstream::eprintln!("error: the system gives no threads: {error}");
            Outcome::Failed
        }
    }
}

async fn serve(settings: Settings, workers: Option<usize>) -> Outcome {
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
    announce(&settings);
    // Before anything can be asked, so that a signal never finds the process unprepared.
    let signals = match Signals::watch() {
        Ok(signals) => signals,
        Err(error) => {
            tracing::error!(%error, "signals cannot be watched");
            return Outcome::Failed;
        }
    };
    let start = Start { settings, logs, clock: Clock::system(), workers: workers.unwrap_or(1) };
    let running = match app::start(start) {
        Ok(running) => running,
        Err(problem) => {
            tracing::error!(%problem, "did not start");
            anstream::eprintln!("error: {problem}");
            return Outcome::Failed;
        }
    };
    tracing::info!(address = %running.address(), "serving");
    signals.until_told_to_stop().await;
    tracing::info!("stopping: no new connections, requests in flight finish");
    match running.drain(app::DRAIN_TIME).await {
        Ok(drained) => {
            tracing::info!(finished = drained.finished, aborted = drained.aborted, "stopped");
            Outcome::Fine
        }
        Err(error) => {
            tracing::error!(%error, "a worker did not end well");
            Outcome::Failed
        }
    }
}

/// What an operator compares with Apple's portal when a sign-in fails there.
fn announce(settings: &Settings) {
    let apple = &settings.apple;
    tracing::info!(
        client_id = apple.client_id,
        redirect_uri = apple.redirect_uri,
        routes = settings.rules.len(),
        "register this client_id (Services ID) and redirect_uri with Apple"
    );
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

    /// Waits for SIGTERM or SIGINT. SIGHUP is told that it does not reload.
    async fn until_told_to_stop(mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => tracing::warn!(
                    "SIGHUP: a changed configuration needs a restart; the one in force goes on"
                ),
            }
        }
    }
}
