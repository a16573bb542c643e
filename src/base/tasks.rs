//! The only place that spawns. A task has a name and an owner, a [`Tasks`], which ends what runs
//! "until stopped" when it is stopped or dropped.

use std::future::Future;
use std::io;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

/// Runs `work` on a thread of its own, for what waits for disks and pipes. It ends with `work`, or
/// with the process.
///
/// # Errors
/// The system gives no thread.
pub fn thread(name: &'static str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    // Nobody joins the thread: `work` itself reports its end to whoever must know.
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

/// Owns background tasks on one runtime and stops them together.
#[derive(Clone, Debug)]
pub struct Tasks {
    runtime: Handle,
    stop: Arc<watch::Sender<bool>>,
}

impl Tasks {
    /// An owner whose tasks run on `runtime`.
    pub fn on(runtime: Handle) -> Self {
        Self { runtime, stop: Arc::new(watch::Sender::new(false)) }
    }

    /// Runs `work` in the background until it ends or the owner is stopped, whichever comes first.
    /// For what may be cut off anywhere: accept loops, connections, timers.
    pub fn run_until_stopped<F>(&self, name: &'static str, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut stopped = self.stop.subscribe();
        let task = async move {
            tokio::select! {
                () = work => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        };
        drop(self.runtime.spawn(task.instrument(tracing::debug_span!("task", name))));
    }

    /// Runs `work` to its end on this owner's runtime, from whichever runtime it is called, and hands
    /// back its result. Neither [`Self::stop`] nor a caller that waits no longer cuts it off.
    pub fn run_to_end<F>(&self, name: &'static str, work: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.runtime.spawn(work.instrument(tracing::debug_span!("task", name)))
    }

    /// Ends every task of [`Self::run_until_stopped`].
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}
