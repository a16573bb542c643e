//! What outlives a request: what all workers share, and what each has for itself.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;

use crate::apple::AppleProvider;
use crate::base::lock::lock;
use crate::base::tasks::Tasks;
use crate::base::time::{Clock, JumpWatch};
use crate::decision::Admission;
use crate::decision::record::Redact;
use crate::edge::{Certificates, ConnectionInfo, RequestBody};
use crate::gateway::endpoints::Completion;
use crate::gateway::forward::assertion::AssertionCache;
use crate::gateway::state::plan::Plan;
use crate::gateway::state::shadow_counts::{self, ShadowCount, ShadowCounts};
use crate::session::lifecycle::EndedSessions;
use crate::session::once::{Once, WhenFull};
use crate::session::return_address::ReturnAddress;
use crate::session::ticket::TicketId;
use crate::telemetry::Logs;
use crate::telemetry::line_file::{LineFile, Sender};
use crate::upstream::{Pool, PoolLimits};

/// Most sign-ins that may be under way or remembered at once, for each of the lists below.
const REMEMBERED: usize = 100_000;

/// Most codes that are redeemed at once: each is a connection to Apple, and whoever makes codes up
/// must not use up the files of the process (T56).
const CALLS_TO_APPLE: usize = 128;

/// How often the clock is looked after.
const CLOCK_WATCH: Duration = Duration::from_secs(30);

/// How often the log says what the shadow said.
const SHADOW_REPORT: Duration = Duration::from_secs(3_600);

/// What must outlive a reload. Nothing here is locked by an ordinary request.
#[derive(Debug)]
pub struct Shared {
    /// The plan in force.
    plan: ArcSwap<Plan>,
    /// Which names are served together; none where TLS ends before us.
    certificates: Option<Certificates>,
    /// Tells the time.
    pub clock: Clock,
    /// Sessions that were ended before their time. A restart forgets them.
    pub ended: EndedSessions,
    /// Tickets that were redeemed.
    pub(crate) tickets: Once<TicketId, ()>,
    /// Answers of Apple that came, by the digest of their `state`.
    pub(crate) callbacks: Once<String, Arc<Completion>>,
    /// Leave to redeem one more code.
    pub(crate) calls_to_apple: Arc<Semaphore>,
    /// Addresses of attempts whose cookies made room for others.
    pub(crate) pushed_out: PushedOut,
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
            clock,
            ended: EndedSessions::default(),
            // Security: a ticket that were forgotten could be redeemed again; a code could not,
            // because Apple remembers it, and a full list would lock everybody out (T56).
            tickets: Once::new(REMEMBERED, WhenFull::Refuse),
            callbacks: Once::new(REMEMBERED, WhenFull::ForgetOldest),
            calls_to_apple: Arc::new(Semaphore::new(CALLS_TO_APPLE)),
            pushed_out: PushedOut::default(),
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
        self.control.run_until_stopped("shadow report", async move {
            loop {
                tokio::time::sleep(SHADOW_REPORT).await;
                let Some(shared) = shared.upgrade() else { return };
                shared.tell_shadow();
            }
        });
        self.apple.keep_keys_fresh(&self.control);
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

    /// Puts another plan in force; requests under way keep theirs.
    pub fn replace_plan(&self, plan: Plan) {
        self.plan.store(Arc::new(plan));
    }
}

/// A plan held by one worker: the outer count is the worker's own, so that workers do not wear
/// out one shared counter.
pub(crate) type HeldPlan = Arc<Arc<Plan>>;

/// What one worker has for itself.
#[derive(Debug)]
pub struct Worker {
    pub(crate) shared: Arc<Shared>,
    plan: Mutex<HeldPlan>,
    /// Connections to applications; only an admission opens the way to them.
    pub(crate) pool: Pool<RequestBody, Admission>,
    pub(crate) assertions: AssertionCache,
    /// The way into the decision log, and how addresses are written there.
    pub(crate) decisions: Option<(Sender, Redact)>,
    pub(crate) shadows: Arc<ShadowCounts>,
}

impl Worker {
    /// A worker with connections of its own, whose tasks run on `tasks`.
    pub fn new(shared: Arc<Shared>, tasks: Tasks) -> Self {
        let plan = Mutex::new(Arc::new(shared.plan.load_full()));
        let pool = Pool::new(PoolLimits::default(), tasks);
        let decisions = shared.decisions.as_ref().map(|log| (log.file.sender(), log.redact));
        let shadows = Arc::<ShadowCounts>::default();
        lock(&shared.shadows).push(Arc::clone(&shadows));
        let assertions = AssertionCache::default();
        Self { shared, plan, pool, assertions, decisions, shadows }
    }

    /// The plan in force. The lock is this worker's own and never waited for.
    pub(crate) fn plan(&self) -> HeldPlan {
        let current = self.shared.plan.load();
        let mut held = lock(&self.plan);
        if !Arc::ptr_eq(&**held, &*current) {
            *held = Arc::new(Arc::clone(&current));
        }
        Arc::clone(&held)
    }
}

/// Addresses of attempts that were pushed out of a browser by newer ones, so that their tab can
/// still be told where it was going. Bounded; the oldest goes first.
#[derive(Debug, Default)]
pub(crate) struct PushedOut {
    addresses: Mutex<(HashMap<String, ReturnAddress>, VecDeque<String>)>,
}

impl PushedOut {
    const MOST: usize = 4_096;

    /// Remembers where the attempt named by the digest of its `state` was going.
    pub(crate) fn remember(&self, state_digest: String, address: ReturnAddress) {
        let mut guard = lock(&self.addresses);
        let (addresses, order) = &mut *guard;
        if addresses.insert(state_digest.clone(), address).is_none() {
            order.push_back(state_digest);
        }
        if order.len() > Self::MOST
            && let Some(oldest) = order.pop_front()
        {
            addresses.remove(&oldest);
        }
    }

    /// Where it was going.
    pub(crate) fn find(&self, state_digest: &str) -> Option<ReturnAddress> {
        let guard = lock(&self.addresses);
        guard.0.get(state_digest).cloned()
    }
}
