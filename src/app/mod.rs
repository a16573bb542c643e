//! Floor 6: assembly. Bind, build, serve, drain.

mod assemble;
mod health;
mod problem;
mod run;
mod state_dir;

pub use problem::StartProblem;
pub use run::{DRAIN_TIME, Running, Start, start};
pub use state_dir::StateProblem;
