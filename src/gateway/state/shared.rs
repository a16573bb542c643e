//! What all workers share and what outlives a plan.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::accounts::Accounts;
use crate::apple::AppleProvider;
use crate::base::tasks::Tasks;
use crate::base::time::{Clock, JumpWatch};
use crate::decision::record::Redact;
use crate::edge::{Certificates, ConnectionInfo};
use crate::gateway::state::plan::Plan;
use crate::gateway::state::shadow_counts::{self, ShadowCount, ShadowCounts};
use crate::telemetry::Logs;
use crate::telemetry::line_file::LineFile;

/// How often the clock is looked after.
const CLOCK_WATCH: Duration = Duration::from_secs(30);

/// How often the log says what the shadow said.
const SHADOW_REPORT: Duration = Duration::from_secs(3_600);

/// What must outlive a reload. Nothing here is locked by an ordinary request.
#[derive(Debug)]
pub struct Shared {
    /// The plan in force.
    pub(super) plan: ArcSwap<Plan>,
    /// Which names are served together; none where TLS ends before us.
    certificates: Option<Certificates>,
    /// Tells the time.
    pub clock: Clock,
    /// What happens once, and what was ended.
    pub accounts: Accounts,
    /// The way to Apple.
    pub(crate) apple: Arc<AppleProvider>,
    /// The runtime of everything that is not the road.
    pub(crate) control: Tasks,
    /// Where request lines go.
    pub(crate) logs: Logs,
    /// Where decisions are written, where they are.
    decisions: Option<DecisionLog>,
    /// What the workers counted of the shadow.
    shadows: Mutex<Vec<Arc<ShadowCounts>>>,
}

/// Where decisions are written, and how.
#[derive(Debug)]
pub struct DecisionLog {
    /// The file.
    pub file: LineFile,
    /// How people's addresses are written.
    pub redact: Redact,
}

impl Shared {
    /// The shared part of a process that begins with `plan`.
    pub fn new(
        plan: Plan,
        certificates: Option<Certificates>,
        apple: Arc<AppleProvider>,
        control: Tasks,
        logs: Logs,
        clock: Clock,
    ) -> Self {
        Self {
            plan: ArcSwap::from_pointee(plan),
            certificates,
            accounts: Accounts::new(control.clone(), clock.clone()),
            clock,
            apple,
            control,
            logs,
            decisions: None,
            shadows: Mutex::default(),
        }
    }

    /// Has every decision written.
    #[must_use]
    pub fn with_decision_log(self, decisions: DecisionLog) -> Self {
        Self { decisions: Some(decisions), ..self }
    }

    /// Where decisions are written, where they are.
    pub fn decision_log(&self) -> Option<&DecisionLog> {
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

    /// Whether a connection may carry requests for `host`.
    pub(crate) fn may_carry(&self, connection: &ConnectionInfo, host: &str) -> bool {
        self.certificates
            .as_ref()
            .is_none_or(|known| known.serve_together(connection.server_name.as_deref(), host))
    }

    /// Says in the log what the shadow said so far, where there is one.
    pub fn tell_shadow(&self) {
        if self.plan.load().has_shadow() {
            shadow_counts::tell(&self.shadow_counts());
        }
    }

    /// Starts what goes on in the background for as long as the control runtime lives.
    pub fn begin(self: &Arc<Self>) {
        let shared = Arc::downgrade(self);
        self.control.start("shadow report", async move {
            loop {
                tokio::time::sleep(SHADOW_REPORT).await;
                let Some(shared) = shared.upgrade() else { return };
                shared.tell_shadow();
            }
        });
        self.apple.keep_keys_fresh(&self.control);
        let mut watch = JumpWatch::new(self.clock.clone());
        self.control.start("clock watch", async move {
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

    /// Puts another plan in force; requests under way keep theirs.
    pub fn replace_plan(&self, plan: Plan) {
        self.plan.store(Arc::new(plan));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
