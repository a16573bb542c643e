//! Floor 3: the one decision.

mod settings;

pub use settings::{From, PathRule, RouteRule};
