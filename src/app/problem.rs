//! Why a process does not start, in an operator's words.

use std::io;

use super::state_dir::StateProblem;
use crate::apple::ProviderError;
use crate::edge::{BindError, TlsError};
use crate::gateway::{NeedsRestart, PlanProblem};
use crate::telemetry::line_file::Destination;

/// Why a process does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartProblem {
    /// A socket cannot be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The secrets have nowhere to be.
    #[error(transparent)]
    State(#[from] StateProblem),
    /// The settings do not make a plan.
    #[error(transparent)]
    Plan(#[from] PlanProblem),
    /// Certificates cannot be served.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The way to Apple cannot be prepared.
    #[error(transparent)]
    Apple(#[from] ProviderError),
    /// The decision log cannot be opened.
    #[error(
        "the decision log {path} cannot be opened: {cause}\nhelp: make its folder, let the user that Russet runs as write there, or name another file as `decision_log.path`"
    )]
    DecisionLog {
        /// Where it is.
        path: Destination,
        /// What the system says.
        cause: io::Error,
    },
    /// There is a shadow configuration, which another plan would be without.
    #[error(
        "a shadow configuration is tried out together with this one, and cannot be put in force anew without a restart\nhelp: restart Russet"
    )]
    ShadowStays,
    /// The configuration is a shadow.
    #[error(
        "this configuration says `shadow: true`: it is tried out together with another and never served\nhelp: russet run --config SERVED --shadow-config THIS; or remove `shadow` to serve it"
    )]
    Shadow,
    /// The settings differ in what cannot change while the process runs.
    #[error(transparent)]
    Restart(#[from] NeedsRestart),
    /// The system gives no thread or runtime.
    #[error("the system gives no thread: {0}")]
    Thread(#[from] io::Error),
}
