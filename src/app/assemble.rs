//! From settings to a plan and the things that all workers share.

use std::sync::Arc;

use super::problem::StartProblem;
use super::state_dir::StateDir;
use crate::apple::{AppleProvider, Timeouts};
use crate::base::seal::Ring;
use crate::base::tasks::Tasks;
use crate::base::time::Clock;
use crate::config::Settings;
use crate::decision::Rules;
use crate::decision::record::Line;
use crate::gateway::{Ingredients, Outgoing, Plan, Shared};
use crate::telemetry::Logs;
use crate::telemetry::line_file::{self, LineFile};

/// The secrets in force: configured ones, or those kept in `state_dir`.
pub(super) struct Secrets {
    pub(super) cookie: Ring,
    pub(super) shared: Ring,
}

impl Secrets {
    pub(super) fn find(settings: &Settings) -> Result<Self, StartProblem> {
        let session = &settings.session;
        if let (Some(cookie), Some(shared)) = (&session.cookie_secret, &session.shared_secret) {
            return Ok(Self { cookie: cookie.clone(), shared: shared.clone() });
        }
        let kept = StateDir::open(settings.state_dir.as_deref())?;
        let either = |configured: &Option<Ring>, name| match configured {
            Some(ring) => Ok(ring.clone()),
            None => kept.keys(name),
        };
        Ok(Self {
            cookie: either(&session.cookie_secret, "cookie_secret")?,
            shared: either(&session.shared_secret, "shared_secret")?,
        })
    }
}

/// The plan of these settings, which shares connections with the plans that `outgoing` served before.
pub(super) fn plan(
    settings: &Settings,
    secrets: &Secrets,
    shadow_rules: Option<Rules>,
    outgoing: &Outgoing,
    clock: &Clock,
) -> Result<Plan, StartProblem> {
    let apple = &settings.apple;
    let (timeouts, connections) = (Timeouts::default(), &outgoing.apple);
    let provider = AppleProvider::new(apple.clone(), timeouts, clock.clone(), connections)?;
    let plan = Plan::new(Ingredients {
        gateway: &settings.gateway,
        session: &settings.session,
        cookie_secret: &secrets.cookie,
        shared_secret: &secrets.shared,
        rules: settings.rules.clone(),
        groups: settings.groups.clone().unwrap_or_default(),
        shadow_rules,
        not_apple: (!apple.is_apple()).then(|| apple.provider_url.clone()),
        provider_origin: apple.provider_url.clone(),
        apple: Arc::new(provider),
        upstreams: &outgoing.upstreams,
    })?;
    Ok(plan)
}

/// The decision log, opened, where there is one.
pub(super) fn decision_log(
    settings: &Settings,
    clock: &Clock,
) -> Result<Option<LineFile>, StartProblem> {
    /// Most bytes that may wait to be written, for each worker: some thousand lines.
    const ROOM: usize = 4 << 20;
    let Some(log) = &settings.gateway.decision_log else { return Ok(None) };
    let lines = line_file::Settings {
        name: "decision log",
        path: log.path.clone(),
        rotation: log.rotation,
        dropped: |timestamp, count| {
            let mut line = Vec::new();
            Line::dropped(timestamp, count).write(&mut line);
            line
        },
        room: ROOM,
    };
    let file = LineFile::start(lines, clock.clone())
        .map_err(|cause| StartProblem::DecisionLog { path: log.path.clone(), cause })?;
    Ok(Some(file))
}

/// What all workers share.
pub(super) fn shared(
    settings: &Settings,
    plan: Plan,
    outgoing: Outgoing,
    control: Tasks,
    logs: Logs,
    clock: Clock,
) -> Result<Arc<Shared>, StartProblem> {
    let decisions = decision_log(settings, &clock)?;
    let shared = Shared::new(plan, outgoing, control, logs, clock);
    Ok(Arc::new(match decisions {
        Some(decisions) => shared.with_decision_log(decisions),
        None => shared,
    }))
}
