//! Floor 4: the road of a request. [`pipeline`] is the road itself, read from top to bottom; its
//! neighbours each do one thing on it.
//!
//! *Invariant:* only [`relay`] sends to an application, and it takes an admission to do so.

mod answer;
pub mod assertion;
mod browser;
mod cookies;
mod decide;
pub mod edge;
mod endpoints;
mod evidence;
mod external_auth;
mod headers;
mod inbound;
mod pipeline;
mod plan;
mod refusal;
mod relay;
mod respond;
mod service;
mod settings;
mod shadows;
mod signed_in;
mod world;

pub use answer::AnswerBody;
pub use endpoints::is_reserved;
pub use inbound::{Malformed, check};
pub use plan::{COOKIE_PREFIX, Ingredients, Plan, PlanProblem};
pub use refusal::{ROBOTS, status_of};
pub use service::{EnvoyAuthorization, Gateway};
pub use settings::{
    DecisionLogSettings, ExternalAuthSettings, HeaderValue, ListenerSettings, RouteService,
    Settings, SigningKeySource, TemplatePart,
};
pub use shadows::ShadowCount;
pub use world::{DecisionLog, Shared, Worker};
