//! Floor 3: the one decision. A pure function of the rules, the facts of a request and whoever
//! asks; every way to ask (the gateway, another proxy, a policy tool) asks [`judge`].

mod facts;
mod judgement;
mod outcome;
pub mod record;
mod rules;
mod settings;

pub use facts::{Asker, Face, Facts, NotSignedIn};
pub use judgement::{Admission, Constraint, Judged, Judgement, NoRoute, Refusal, WhySignIn, judge};
pub use outcome::Outcome;
pub use rules::{RouteIndex, RouteMatch, Rules};
pub use settings::{PathRule, RouteHost, RouteRule};
