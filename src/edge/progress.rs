//! Whether the client of an HTTP/2 stream takes what we have for it (T51, T54). The library waits for
//! a window that never opens without end.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// Whether the HTTP/2 library holds a part of an answer that it cannot get rid of.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Odd while a part was handed over and no other has been asked for.
    steps: AtomicU64,
}

impl Progress {
    /// Runs one HTTP/2 stream to its end, or until its client has taken nothing of a part of the
    /// answer for `stall`; dropping it resets the stream with CANCEL.
    pub(super) async fn run_stream<F: Future<Output = ()>>(stream: F, stall: Duration) {
        let progress = Arc::new(Self::default());
        let watched = reap_stalled(stream, Arc::clone(&progress), stall);
        PROGRESS.scope(progress, watched).await;
    }

    /// The one of the stream that runs now, if it is one of HTTP/2.
    pub(super) fn of_this_stream() -> Option<Arc<Self>> {
        PROGRESS.try_with(Arc::clone).ok()
    }

    /// A part of the answer was handed over.
    pub(super) fn handed_over(&self) {
        self.steps.fetch_or(1, Ordering::Relaxed);
    }

    /// The next part is asked for: the one before is on its way.
    pub(super) fn asked(&self) {
        let steps = self.steps.load(Ordering::Relaxed);
        self.steps.store(steps.wrapping_add(steps & 1), Ordering::Relaxed);
    }
}

async fn reap_stalled<F>(stream: F, progress: Arc<Progress>, stall: Duration)
where
    F: Future<Output = ()>,
{
    let mut stream = pin!(stream);
    let mut timer: Option<(u64, Pin<Box<Sleep>>)> = None;
    poll_fn(|cx| {
        if stream.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let steps = progress.steps.load(Ordering::Relaxed);
        if steps & 1 == 0 {
            timer = None;
            return Poll::Pending;
        }
        let since_this_step = timer.take().filter(|(step, _)| *step == steps);
        let (_, sleep) =
            timer.insert(since_this_step.unwrap_or_else(|| (steps, Box::pin(sleep(stall)))));
        ready!(sleep.as_mut().poll(cx));
        tracing::debug!("stream reset: the client takes nothing");
        Poll::Ready(())
    })
    .await;
}

tokio::task_local! {
    static PROGRESS: Arc<Progress>;
}
