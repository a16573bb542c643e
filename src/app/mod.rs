//! Floor 6: assembly. Bind, build, serve, drain.

mod assemble;
mod health;
mod run;
mod state_dir;

pub use run::{Running, Start, StartProblem, start};
