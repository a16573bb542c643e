//! Floor 1: logs, and one record for each request.

mod code;
pub mod line_file;
mod logs;
mod record;

pub use code::{Code, codes_page};
pub use logs::{Format, Guard, Logs};
pub use record::{Evidence, Handled, Record, ShadowNote};
