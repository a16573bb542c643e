//! A file of lines that never holds up whoever writes to it: what is sent is kept in a bounded
//! buffer of the sender's own, and a thread writes it out, rotates the file and has old ones
//! compressed. What does not fit is counted, told, and noted in the file itself.
//!
//! *Invariant:* a sender waits for nobody: its lock is its own, and the writer holds it only to
//! take the buffer away.

mod buffers;
mod output;
mod rotated;
mod settings;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;

pub use buffers::Sender;
pub use rotated::rotated;
pub use settings::{Destination, Rotation, Settings};

use crate::base::lock::lock;
use crate::base::tasks;
use crate::base::time::Clock;
use buffers::Common;
use output::Output;

/// How long lines may wait for others, so that one write serves many.
const LINGER: Duration = Duration::from_millis(50);

/// How often the age of a file is looked at while nothing is written.
const IDLE: Duration = Duration::from_secs(60);

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
