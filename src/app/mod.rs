//! Floor 6: assembly. Bind, build, serve, drain.

mod assemble;
mod health;
mod run;
mod state_dir;

pub use run::{DRAIN_TIME, Running, Start, StartProblem, start};
pub use state_dir::StateProblem;
