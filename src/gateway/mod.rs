//! Floor 4: the road of a request. [`pipeline`] is the road itself, read from top to bottom; its
//! neighbours each do one thing on it.
//!
//! *Invariant:* only [`forward::relay`] sends to an application, and it takes an admission to do so.

mod answer;
mod decide;
mod endpoints;
mod external_auth;
mod forward;
pub mod paths;
mod pipeline;
mod request;
mod service;
mod sign_in;
mod state;
mod trusted_peers;

#[cfg(any(test, fuzzing))]
pub(crate) use external_auth::grpc::fuzz;

pub use answer::body::AnswerBody;
pub use answer::refusal::{ROBOTS, status_of};
pub use forward::assertion;
pub use paths::is_reserved;
pub use request::{Malformed, check};
pub use service::{EnvoyAuthorization, Gateway};
pub use state::plan::{COOKIE_PREFIX, Ingredients, Plan, PlanProblem};
pub use state::settings::{
    DecisionLogSettings, ExternalAuthSettings, HeaderValue, ListenerSettings, RouteService,
    Settings, SigningKeySource, TemplatePart,
};
pub use state::shadow_counts::ShadowCount;
pub use state::shared::{NeedsRestart, Outgoing, Shared};
pub use state::worker::Worker;
