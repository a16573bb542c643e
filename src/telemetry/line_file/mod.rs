//! A file of lines that never holds up whoever writes to it: what is sent is kept in a bounded
//! buffer of the sender's own, and a thread writes it out, rotates the file and has old ones
//! compressed. What does not fit is counted, told, and noted in the file itself.
//!
//! *Invariant:* a sender waits for nobody: its lock is its own, and the writer holds it only to
//! take the buffer away.

mod buffers;
mod output;
mod rotated;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;

pub use buffers::Sender;
pub use rotated::rotated;

use crate::base::lock::lock;
use crate::base::tasks;
use crate::base::time::Clock;
use buffers::Common;
use output::Output;

/// How long lines may wait for others, so that one write serves many.
const LINGER: Duration = Duration::from_millis(50);

/// How often the age of a file is looked at while nothing is written.
const IDLE: Duration = Duration::from_secs(60);

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
    /// To this file, made with mode 0600. What is no regular file (a pipe, a device) is written to
    /// and never rotated.
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
    /// The size of a full file, in bytes; a file may be larger by what was waiting. 0 is no limit.
    pub size: u64,
    /// How long a file is written to; zero is no limit.
    pub age: Duration,
    /// How many old files are kept; 0 is all of them.
    pub keep: usize,
    /// Whether old files are compressed with gzip.
    pub compress: bool,
}

/// A file of lines. Dropping it ends the writer; [`LineFile::finish`] waits until everything is
/// written.
#[derive(Debug)]
pub struct LineFile {
    common: Arc<Common>,
    finished: Mutex<Option<oneshot::Receiver<()>>>,
}

impl LineFile {
    /// Opens the file and starts its writer.
    ///
    /// # Errors
    /// The file cannot be opened, or the system gives no thread.
    pub fn start(settings: Settings, clock: Clock) -> io::Result<Self> {
        let common = Arc::new(Common::new(settings.name, settings.room));
        let output = Output::open(settings, clock)?;
        let (done, finished) = oneshot::channel();
        let for_thread = Arc::clone(&common);
        tasks::thread("line file", move || {
            write_out(&for_thread, output);
            // Nobody may be waiting.
            let _waiting = done.send(());
        })?;
        Ok(Self { common, finished: Mutex::new(Some(finished)) })
    }

    /// A way in, for one worker.
    pub fn sender(&self) -> Sender {
        Common::sender(&self.common)
    }

    /// Opens the file anew, because somebody moved it away.
    pub fn reopen(&self) {
        self.common.order(|orders| orders.reopen = true);
    }

    /// Writes out what is waiting and closes the file. `false` where that takes longer than
    /// `deadline`: what is left is lost.
    pub async fn finish(&self, deadline: Duration) -> bool {
        self.common.order(|orders| orders.stop = true);
        let finished = lock(&self.finished).take();
        match finished {
            Some(finished) => tokio::time::timeout(deadline, finished).await.is_ok(),
            None => true,
        }
    }
}

impl Drop for LineFile {
    fn drop(&mut self) {
        self.common.order(|orders| orders.stop = true);
    }
}

/// The life of the writer's thread.
fn write_out(common: &Common, mut output: Output) {
    loop {
        let orders = common.wait(IDLE, LINGER);
        if orders.reopen {
            output.reopen();
        }
        common.take_all(|taken| output.write(taken));
        output.rotate_when_old();
        if orders.stop {
            return;
        }
    }
}
