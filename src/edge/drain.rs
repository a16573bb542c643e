//! Carries the start of the shutdown from the process to every connection.

use std::time::Duration;

use tokio::sync::watch;

/// Begins the shutdown of everything that listens to its [`Drain`]s. Dropping it begins one without
/// patience.
#[derive(Debug)]
pub struct DrainStart(watch::Sender<Option<Duration>>);

/// Learns when shutdown begins.
#[derive(Clone, Debug)]
pub struct Drain(watch::Receiver<Option<Duration>>);

impl DrainStart {
    /// A shutdown that has not begun.
    pub fn new() -> (Self, Drain) {
        let (sender, receiver) = watch::channel(None);
        (Self(sender), Drain(receiver))
    }

    /// No more requests; what is in flight has `patience` to finish.
    pub fn begin(&self, patience: Duration) {
        self.0.send_replace(Some(patience));
    }
}

impl Drain {
    /// Waits until shutdown begins; how long what is in flight may take then. Cancel-safe.
    pub(super) async fn begun(&mut self) -> Duration {
        let begun = self.0.wait_for(Option::is_some).await;
        begun.ok().and_then(|patience| *patience).unwrap_or(Duration::ZERO)
    }
}
