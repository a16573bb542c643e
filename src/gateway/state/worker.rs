//! What each worker has for itself, and how it holds the plan in force.

use std::sync::{Arc, Mutex};

use crate::base::lock::lock;
use crate::base::tasks::Tasks;
use crate::decision::Admission;
use crate::edge::RequestBody;
use crate::gateway::forward::assertion::AssertionCache;
use crate::gateway::state::plan::Plan;
use crate::gateway::state::shadow_counts::ShadowCounts;
use crate::gateway::state::shared::Shared;
use crate::telemetry::line_file::{LineFile, Sender};
use crate::upstream::{Pool, PoolLimits};

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
    /// The way into the decision log, where there is one.
    pub(crate) decisions: Option<Sender>,
    pub(crate) shadows: Arc<ShadowCounts>,
}

impl Worker {
    /// A worker with connections of its own, whose tasks run on `tasks`.
    pub fn new(shared: Arc<Shared>, tasks: Tasks) -> Self {
        let plan = Mutex::new(Arc::new(shared.plan.load_full()));
        let pool = Pool::new(PoolLimits::default(), tasks);
        let decisions = shared.decision_log().map(LineFile::sender);
        let shadows = shared.new_shadow_counts();
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
