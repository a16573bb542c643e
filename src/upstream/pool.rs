//! Connections that wait for the next request to the same application.
//!
//! *Invariant:* a connection is in here only while nothing is in flight on it, and is taken out only
//! if the application has neither closed it nor sent a byte too many since (T11, T12).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use super::connect::Connection;
use super::key::Key;
use super::settings::PoolLimits;
use crate::base::lock::lock;
use crate::base::time::{Instant, monotonic};

/// The idle connections of one worker.
#[derive(Debug)]
pub(super) struct Idle<B> {
    limits: PoolLimits,
    /// By application; the one that was used last is at the back.
    kept: Mutex<HashMap<Key, VecDeque<Kept<B>>>>,
}

#[derive(Debug)]
struct Kept<B> {
    connection: Connection<B>,
    since: Instant,
}

impl<B> Idle<B> {
    pub(super) fn new(limits: PoolLimits) -> Arc<Self> {
        Arc::new(Self { limits, kept: Mutex::default() })
    }

    pub(super) fn limits(&self) -> &PoolLimits {
        &self.limits
    }

    /// The connection that was used last and is still good. The others stay; they age at the front.
    pub(super) fn take(&self, key: &Key) -> Option<Connection<B>> {
        let mut all = self.kept();
        let kept = all.get_mut(key)?;
        while let Some(last) = kept.pop_back() {
            if self.is_good(&last, monotonic()) {
                return Some(last.connection);
            }
        }
        None
    }

    /// Keeps a connection whose request and answer have both ended.
    pub(super) fn put(&self, key: &Key, connection: Connection<B>) {
        if connection.sender.is_closed() {
            return;
        }
        let kept = Kept { connection, since: monotonic() };
        let mut all = self.kept();
        match all.get_mut(key) {
            Some(others) => {
                if others.len() >= self.limits.per_target {
                    others.pop_front();
                }
                others.push_back(kept);
            }
            None => {
                all.insert(key.clone(), VecDeque::from([kept]));
            }
        }
    }

    /// Closes what has waited too long.
    pub(super) fn sweep(&self) {
        let now = monotonic();
        self.kept().retain(|_, kept| {
            kept.retain(|one| self.is_good(one, now));
            !kept.is_empty()
        });
    }

    fn is_good(&self, kept: &Kept<B>, now: Instant) -> bool {
        let sender = &kept.connection.sender;
        now.duration_since(kept.since) < self.limits.idle
            && sender.is_ready()
            && !sender.is_closed()
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Key, VecDeque<Kept<B>>>> {
        lock(&self.kept)
    }
}
