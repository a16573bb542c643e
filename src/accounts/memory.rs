//! The store of today: the memory of this process.

use std::sync::atomic::{AtomicBool, Ordering};

/// The store did not answer: nothing was written, and what was asked is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store did not answer")]
pub struct StoreUnanswered;

/// Stands for the store wherever one will be asked. Memory always answers, unless a test says
/// otherwise.
#[derive(Debug, Default)]
pub(super) struct Memory {
    is_out: AtomicBool,
}

/// The store does not answer for as long as this lives.
#[derive(Debug)]
#[must_use = "the outage ends when this is dropped"]
pub struct Outage<'a> {
    memory: &'a Memory,
}

impl Memory {
    /// Waits for the store's answer.
    // A store waits here; memory does not, and its callers are written for one that does.
    #[expect(clippy::unused_async, reason = "a store is asked over a connection")]
    pub(super) async fn answer(&self) -> Result<(), StoreUnanswered> {
        match self.is_out.load(Ordering::Relaxed) {
            true => Err(StoreUnanswered),
            false => Ok(()),
        }
    }

    pub(super) fn suppose_outage(&self) -> Outage<'_> {
        self.is_out.store(true, Ordering::Relaxed);
        Outage { memory: self }
    }
}

impl Drop for Outage<'_> {
    fn drop(&mut self) {
        self.memory.is_out.store(false, Ordering::Relaxed);
    }
}
