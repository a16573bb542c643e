//! Floor 3: the one decision. A pure function of the rules, the facts of a request and the live
//! session; every way to ask (the gateway, another proxy, a policy test) asks here.

mod admission;
mod outcome;
pub mod record;
mod rules;
mod settings;

pub use admission::{
    Admission, Facts, Judged, NoRoute, Refusal, admission, admission_heard, explain, judge,
    question, verdict,
};
pub use outcome::Outcome;
pub use rules::{RouteIndex, RouteMatch, Rules};
pub use settings::{From, PathRule, RouteRule};
