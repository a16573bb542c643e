//! Floor 1: logs, and one record for each request.

pub mod line_file;
mod logs;
mod record;

pub use logs::{Format, Guard, Logs};
pub use record::{Decision, Evidence, Record, ShadowNote};
