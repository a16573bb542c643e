//! What all workers share and what outlives a plan.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_rustls::TlsAcceptor;

use crate::accounts::Accounts;
use crate::apple;
use crate::base::lock::lock;
use crate::base::tasks::Tasks;
use crate::base::time::{Clock, JumpWatch};
use crate::edge::{Certificates, TlsError};
use crate::gateway::state::plan::Plan;
use crate::gateway::state::shadow_counts::{self, ShadowCount, ShadowCounts};
use crate::telemetry::Logs;
use crate::telemetry::line_file::LineFile;
use crate::upstream::Upstreams;

/// How often the clock is checked for jumps.
const CLOCK_WATCH: Duration = Duration::from_secs(30);

/// How often the log says what the shadow would have decided.
const SHADOW_REPORT: Duration = Duration::from_secs(3_600);

/// What must outlive a reload. Nothing here is locked by an ordinary request.
#[derive(Debug)]
pub struct Shared {
    /// The plan in force.
    pub(super) plan: ArcSwap<Plan>,
    /// The certificates of the plan in force, as handshakes find them; `None` where TLS ends before
    /// us.
    certificates: Option<Certificates>,
    /// Tells the time.
    pub clock: Clock,
    /// What happens once, and what was ended.
    pub accounts: Accounts,
    /// Connections that outlive the plan which opened them.
    outgoing: Outgoing,
    /// The runtime of everything that is not the handling of a request.
    pub(crate) control: Tasks,
    /// Where request lines go.
    pub(crate) logs: Logs,
    /// Where decisions are written, where they are.
    decisions: Option<LineFile>,
    /// What the workers counted of the shadow.
    shadows: Mutex<Vec<Arc<ShadowCounts>>>,
}

/// Connections to Apple and to applications that outlive the plan which opened them.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// Apple's keys and the way to them.
    pub apple: apple::Connections,
    /// TLS configurations for applications, by their content.
    pub upstreams: Upstreams,
}

/// Why a plan cannot take the place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("whether Russet serves TLS (`insecure_server`) cannot change without a restart")]
pub struct NeedsRestart;

impl Shared {
    /// The shared part of a process that begins with `plan`.
    pub fn new(plan: Plan, outgoing: Outgoing, control: Tasks, logs: Logs, clock: Clock) -> Self {
        Self {
            certificates: plan.certificates.clone().map(Certificates::serving),
            plan: ArcSwap::from_pointee(plan),
            outgoing,
            accounts: Accounts::new(control.clone(), clock.clone()),
            clock,
            control,
            logs,
            decisions: None,
            shadows: Mutex::default(),
        }
    }

    /// Has every decision written.
    #[must_use]
    pub fn with_decision_log(self, decisions: LineFile) -> Self {
        Self { decisions: Some(decisions), ..self }
    }

    /// Where decisions are written, where they are.
    pub fn decision_log(&self) -> Option<&LineFile> {
        self.decisions.as_ref()
    }

    /// Counts of the shadow for one more worker.
    pub(super) fn new_shadow_counts(&self) -> Arc<ShadowCounts> {
        let counts = Arc::<ShadowCounts>::default();
        lock(&self.shadows).push(Arc::clone(&counts));
        counts
    }

    /// What the shadow said so far, by route and outcomes; empty where there is none.
    pub fn shadow_counts(&self) -> Vec<ShadowCount> {
        shadow_counts::sum(lock(&self.shadows).iter())
    }

    /// Says in the log what the shadow said so far, where there is one.
    pub fn tell_shadow(&self) {
        if self.plan.load().has_shadow() {
            shadow_counts::tell(&self.shadow_counts());
        }
    }

    /// Starts what goes on in the background for as long as the control runtime runs.
    pub fn begin(self: &Arc<Self>) {
        let shared = Arc::downgrade(self);
        self.control.run_until_stopped("shadow report", async move {
            loop {
                tokio::time::sleep(SHADOW_REPORT).await;
                let Some(shared) = shared.upgrade() else { return };
                shared.tell_shadow();
            }
        });
        self.plan.load().apple.keep_keys_fresh(&self.control);
        let mut watch = JumpWatch::new(self.clock.clone());
        self.control.run_until_stopped("clock watch", async move {
            loop {
                tokio::time::sleep(CLOCK_WATCH).await;
                let seconds = watch.jumped_seconds();
                if seconds != 0 {
                    tracing::warn!(
                        seconds,
                        "this machine's clock jumped; sign-ins under way may fail"
                    );
                }
            }
        });
    }

    /// Whether a shadow configuration is asked in addition to the plan in force.
    pub fn has_shadow_configuration(&self) -> bool {
        self.plan.load().shadow_rules.is_some()
    }

    /// Puts another plan in force, made with what [`Shared::outgoing`] has. Requests under way keep
    /// the plan that they began with.
    ///
    /// # Errors
    /// The plan serves TLS and this process does not, or the other way round; the old one stays.
    pub fn replace_plan(&self, plan: Plan) -> Result<(), NeedsRestart> {
        match (&self.certificates, &plan.certificates) {
            // Before the plan: whoever asks for a new host finds its certificate.
            (Some(served), Some(new)) => served.replace(Arc::clone(new)),
            (None, None) => {}
            (Some(_), None) | (None, Some(_)) => return Err(NeedsRestart),
        }
        plan.apple.keep_keys_fresh(&self.control);
        self.plan.store(Arc::new(plan));
        Ok(())
    }

    /// What another plan is to be made with, so that it goes on with the connections of this one.
    pub fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }

    /// How TLS is served, with the certificates of whichever plan is in force; `None` where TLS ends
    /// before us.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn acceptor(&self) -> Result<Option<TlsAcceptor>, TlsError> {
        self.certificates.as_ref().map(Certificates::acceptor).transpose()
    }
}
