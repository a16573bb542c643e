//! What waits for the writer: a buffer for each sender, bounded in bytes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::base::lock::lock;
use crate::base::time::{self, Instant};

/// From how many waiting bytes on the writer is called at once.
const URGENT: usize = 64 * 1024;

/// How often the loss of lines is logged, in seconds.
const WARN_EVERY: u64 = 10;

/// Capacity that an empty buffer keeps.
const KEPT_CAPACITY: usize = 256 * 1024;

/// The way into a [`super::LineFile`] for one worker.
#[derive(Clone, Debug)]
pub struct Sender {
    own: Arc<Mutex<Buffer>>,
    common: Arc<Common>,
}

#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    lines: u64,
    dropped: u64,
}

/// What the writer takes from one buffer.
#[derive(Debug)]
pub(super) struct Taken<'a> {
    /// Whole lines, each with its line feed.
    pub(super) bytes: &'a [u8],
    /// How many lines that is.
    pub(super) lines: u64,
    /// How many did not fit, since the last time.
    pub(super) dropped: u64,
}

/// What the writer is asked to do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Orders {
    waiting: bool,
    urgent: bool,
    pub(super) reopen: bool,
    pub(super) stop: bool,
}

#[derive(Debug)]
pub(super) struct Common {
    name: &'static str,
    room: usize,
    orders: Mutex<Orders>,
    called: Condvar,
    buffers: Mutex<Vec<Arc<Mutex<Buffer>>>>,
    begun: Instant,
    /// When the loss of lines may be logged again, in seconds since `begun`.
    warn_again: AtomicU64,
}

impl Sender {
    /// Sends one line, without its line feed. Where there is no room it is dropped and counted.
    pub fn send(&self, line: &[u8]) {
        let mut own = lock(&self.own);
        if own.bytes.len() + line.len() >= self.common.room {
            own.dropped = own.dropped.saturating_add(1);
            let first = own.dropped == 1;
            drop(own);
            self.common.warn_of_loss();
            if first {
                self.common.order(|orders| orders.waiting = true);
            }
            return;
        }
        let before = own.bytes.len();
        own.bytes.extend_from_slice(line);
        own.bytes.push(b'\n');
        own.lines += 1;
        let after = own.bytes.len();
        drop(own);
        if before == 0 {
            self.common.order(|orders| orders.waiting = true);
        } else if before < URGENT && after >= URGENT {
            self.common.order(|orders| orders.urgent = true);
        }
    }
}

impl Common {
    pub(super) fn new(name: &'static str, room: usize) -> Self {
        Self {
            name,
            room,
            orders: Mutex::default(),
            called: Condvar::new(),
            buffers: Mutex::default(),
            begun: time::monotonic(),
            warn_again: AtomicU64::new(0),
        }
    }

    pub(super) fn sender(common: &Arc<Self>) -> Sender {
        let own = Arc::new(Mutex::new(Buffer::default()));
        lock(&common.buffers).push(Arc::clone(&own));
        Sender { own, common: Arc::clone(common) }
    }

    /// Asks the writer to do something.
    pub(super) fn order(&self, tell: impl FnOnce(&mut Orders)) {
        tell(&mut lock(&self.orders));
        self.called.notify_one();
    }

    /// Waits until there is something to do, for `idle` at most, and then for `linger` more so that
    /// lines come together; unless there is haste.
    pub(super) fn wait(&self, idle: Duration, linger: Duration) -> Orders {
        let hasty = |orders: &Orders| orders.urgent || orders.reopen || orders.stop;
        let waited = self.called.wait_timeout_while(lock(&self.orders), idle, |orders| {
            !orders.waiting && !hasty(orders)
        });
        let (orders, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let mut orders = if orders.waiting && !hasty(&orders) {
            let waited = self.called.wait_timeout_while(orders, linger, |orders| !hasty(orders));
            waited.unwrap_or_else(PoisonError::into_inner).0
        } else {
            orders
        };
        // An order to stop stays; every other is carried out once.
        let given = *orders;
        *orders = Orders { stop: given.stop, ..Orders::default() };
        given
    }

    /// Takes what waits in every buffer. Buffers whose sender is gone are forgotten.
    pub(super) fn take_all(&self, mut write: impl FnMut(Taken<'_>)) {
        let buffers = lock(&self.buffers).clone();
        for buffer in &buffers {
            let Buffer { mut bytes, lines, dropped } = std::mem::take(&mut *lock(buffer));
            if lines > 0 || dropped > 0 {
                write(Taken { bytes: &bytes, lines, dropped });
            }
            bytes.clear();
            bytes.shrink_to(KEPT_CAPACITY);
            let mut own = lock(buffer);
            if own.bytes.is_empty() {
                own.bytes = bytes;
            }
        }
        drop(buffers);
        // A sender that is gone may have left something since.
        lock(&self.buffers).retain(|buffer| {
            Arc::strong_count(buffer) > 1 || {
                let left = lock(buffer);
                left.lines > 0 || left.dropped > 0
            }
        });
    }

    /// Whether nothing is asked of the writer and nothing waits for it.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        let orders = *lock(&self.orders);
        let asked = orders.waiting || orders.urgent || orders.reopen;
        !asked && lock(&self.buffers).iter().all(|buffer| lock(buffer).lines == 0)
    }

    /// Says in the log that lines are lost, now and then.
    fn warn_of_loss(&self) {
        let seconds = time::monotonic().duration_since(self.begun).as_secs();
        let again = self.warn_again.load(Ordering::Relaxed);
        let next = seconds + WARN_EVERY;
        let swap = |again| {
            self.warn_again.compare_exchange(again, next, Ordering::Relaxed, Ordering::Relaxed)
        };
        if seconds >= again && swap(again).is_ok() {
            tracing::warn!(
                "the {} is not written as fast as lines come; some are dropped and counted",
                self.name
            );
        }
    }
}
