//! Bind, build, serve, drain: the life of one process.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::assemble::{self, Secrets};
use super::health::{self, Health};
use super::problem::StartProblem;
use crate::base::tasks::Tasks;
use crate::base::time::Clock;
use crate::config::Settings;
use crate::decision::Rules;
use crate::edge::{self, BindError, Drained, Limits, Redirect, Slots, Workers};
use crate::gateway::{EnvoyAuthorization, Gateway, Outgoing, Shared, Worker};
use crate::telemetry::Logs;
use crate::telemetry::line_file::LineFile;

/// How long requests in flight may take to finish after SIGTERM.
pub const DRAIN_TIME: Duration = Duration::from_secs(20);

/// How long the decision log may take to write what is left.
const FLUSH_TIME: Duration = Duration::from_secs(5);

/// What a process is started with.
#[derive(Debug)]
pub struct Start {
    /// The configuration, as it was lowered.
    pub settings: Settings,
    /// Where request lines go.
    pub logs: Logs,
    /// Tells the time.
    pub clock: Clock,
    /// How many workers serve; one for each core is right.
    pub workers: usize,
    /// The rules of a shadow configuration, asked in addition to the real ones and never obeyed.
    pub shadow_rules: Option<Rules>,
}

/// A process that serves.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    redirect_address: Option<SocketAddr>,
    grpc_address: Option<SocketAddr>,
    health_address: Option<SocketAddr>,
    shared: Arc<Shared>,
    health: Health,
    workers: Vec<Workers>,
    tasks: Tasks,
}

/// Starts to serve. Runs on the control runtime, which everything that is not the road uses from
/// then on.
///
/// # Errors
/// What stands in the way, in an operator's words.
pub fn start(start: Start) -> Result<Running, StartProblem> {
    let Start { mut settings, logs, clock, workers, shadow_rules } = start;
    if settings.shadow {
        return Err(StartProblem::Shadow);
    }
    // Sockets first: addresses are facts when everything else is made.
    let listeners = edge::bind(settings.gateway.listener.address, workers.max(1))?;
    let address = address_of(&listeners, settings.gateway.listener.address);
    settings.gateway.listener.address = address;
    let listener = &settings.gateway.listener;
    let redirect = listener.redirect_address.map(|at| edge::bind(at, 1)).transpose()?;
    let redirect_address =
        redirect.as_deref().zip(listener.redirect_address).map(|(bound, at)| address_of(bound, at));
    let grpc = settings.gateway.external_auth.as_ref().and_then(|auth| auth.grpc_address);
    let grpc_listeners = grpc.map(|at| edge::bind(at, workers.max(1))).transpose()?;
    let grpc_address = grpc_listeners.as_deref().zip(grpc).map(|(bound, at)| address_of(bound, at));
    let health_listener = bind_health(listener.health_address, listener.health_address_written)?;
    let limits = Arc::new(Limits::with_idle(listener.idle_timeout));

    let secrets = Secrets::find(&settings)?;
    let outgoing = Outgoing::default();
    let plan = assemble::plan(&settings, &secrets, shadow_rules, &outgoing, &clock)?;
    let tasks = Tasks::on(Handle::current());
    let shared = assemble::shared(&settings, plan, outgoing, tasks.clone(), logs, clock)?;
    let tls = shared.acceptor()?;
    let health = Health::new(&settings.apple);
    let health_address = health_listener.as_ref().and_then(|listener| listener.local_addr().ok());
    if let Some(listener) = health_listener {
        health::serve(listener, health.clone(), &tasks)?;
    }

    let slots = Slots::from_system();
    let for_workers = Arc::clone(&shared);
    let service = move |worker: edge::WorkerThread| {
        Gateway::new(Arc::new(Worker::new(Arc::clone(&for_workers), worker.tasks)))
    };
    let mut running = vec![Workers::start(listeners, tls.as_ref(), &limits, &slots, service)?];
    if let Some(listeners) = redirect {
        let to = Redirect { port: address.port() };
        running.push(Workers::start(
            listeners,
            None,
            &limits,
            &slots,
            move |_: edge::WorkerThread| to,
        )?);
    }
    if let Some((listeners, address)) = grpc_listeners.zip(grpc_address) {
        let for_workers = Arc::clone(&shared);
        let service = move |worker: edge::WorkerThread| {
            let worker = Worker::new(Arc::clone(&for_workers), worker.tasks);
            EnvoyAuthorization::new(Arc::new(worker))
        };
        // On loopback it is plain: nobody stands between a proxy of this machine and Russet.
        let tls = tls.as_ref().filter(|_| !address.ip().is_loopback());
        running.push(Workers::start(listeners, tls, &limits, &slots, service)?);
    }
    shared.begin();
    Ok(Running {
        address,
        redirect_address,
        grpc_address,
        health_address,
        shared,
        health,
        workers: running,
        tasks,
    })
}

/// Where a set of listeners really is: port 0 has become a port.
fn address_of(listeners: &[TcpListener], wanted: SocketAddr) -> SocketAddr {
    listeners.first().and_then(|listener| listener.local_addr().ok()).unwrap_or(wanted)
}

/// A health address that nobody wrote may be taken: several can run on one machine.
fn bind_health(at: SocketAddr, written: bool) -> Result<Option<TcpListener>, BindError> {
    match edge::bind(at, 1) {
        Ok(listeners) => Ok(listeners.into_iter().next()),
        Err(error) if written => Err(error),
        Err(error) => {
            tracing::warn!(%error, "no health address; set `health_check_addr` to have one");
            Ok(None)
        }
    }
}

impl Running {
    /// Where requests are served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where plain requests are redirected.
    pub fn redirect_address(&self) -> Option<SocketAddr> {
        self.redirect_address
    }

    /// Where Envoy asks over gRPC.
    pub fn grpc_address(&self) -> Option<SocketAddr> {
        self.grpc_address
    }

    /// Where health is asked.
    pub fn health_address(&self) -> Option<SocketAddr> {
        self.health_address
    }

    /// What all workers share.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Puts other settings in force from the next request on: routes, policies, keys, certificates,
    /// the way to Apple and how the decision log is redacted. Connections are kept. What only the
    /// start reads (addresses, files of logs, timeouts of connections) stays as it is.
    ///
    /// # Errors
    /// The settings make no plan; the old ones stay in force.
    pub fn replace(&self, mut settings: Settings) -> Result<(), StartProblem> {
        if settings.shadow {
            return Err(StartProblem::Shadow);
        }
        if self.shared.has_shadow_configuration() {
            return Err(StartProblem::ShadowStays);
        }
        settings.gateway.listener.address = self.address;
        let secrets = Secrets::find(&settings)?;
        let (outgoing, clock) = (self.shared.outgoing(), &self.shared.clock);
        let plan = assemble::plan(&settings, &secrets, None, outgoing, clock)?;
        Ok(self.shared.replace_plan(plan)?)
    }

    /// Opens the decision log anew, because somebody moved it away. `false` where there is none.
    pub fn reopen_decision_log(&self) -> bool {
        self.shared.decision_log().map(LineFile::reopen).is_some()
    }

    /// Stops accepting, lets what is in flight finish within `deadline`, and ends.
    ///
    /// # Errors
    /// When a worker could not serve its listener, or died.
    pub async fn drain(self, deadline: Duration) -> io::Result<Drained> {
        self.health.draining();
        let mut all = Drained::default();
        for workers in self.workers {
            let one = workers.drain(deadline).await?;
            all.finished += one.finished;
            all.aborted += one.aborted;
        }
        self.shared.tell_shadow();
        if let Some(log) = self.shared.decision_log()
            && !log.finish(FLUSH_TIME).await
        {
            tracing::error!("the decision log takes no more lines; the last ones are lost");
        }
        self.tasks.stop();
        Ok(all)
    }
}
