//! Floor 0: what everything else may use and what uses nothing of ours.
//!
//! *Invariant:* nothing here knows HTTP, Apple, YAML or a configuration key.

pub mod bounded_map;
pub mod diagnostic;
pub mod duration;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub mod ids;
pub mod lock;
pub mod log_text;
pub mod near;
pub mod node;
pub mod random;
pub mod seal;
pub mod secret;
pub mod tasks;
pub mod time;
