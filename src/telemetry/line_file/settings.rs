//! Where a file of lines is, and when a new one is begun.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Where lines go, and for how long they are kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What it is called in messages: `decision log`.
    pub name: &'static str,
    /// Where it is.
    pub path: Destination,
    /// When a new file is begun.
    pub rotation: Rotation,
    /// Writes the line (without line feed) that says that lines are missing: given the time in
    /// RFC 3339 and their number.
    pub dropped: fn(&str, u64) -> Vec<u8>,
    /// Most bytes that may wait for the writer, for each sender. A line that does not fit is
    /// dropped and counted.
    pub room: usize,
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To this file, made with mode 0600. What is not a regular file (a pipe, a device) is written
    /// to and never rotated.
    File(PathBuf),
    /// To standard output, among the lines of the log.
    StandardOutput,
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::StandardOutput => f.write_str("standard output"),
        }
    }
}

/// When a new file is begun, and what becomes of the old ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The size of a full file, in bytes; a file may be larger by what was waiting. 0 means no limit.
    pub size: u64,
    /// How long a file is written to; zero means no limit.
    pub age: Duration,
    /// How many old files are kept; 0 is all of them.
    pub keep: usize,
    /// Whether old files are compressed with gzip.
    pub compress: bool,
}
