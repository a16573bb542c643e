//! Connections that wait for the next request to the same application.
//!
//! *Invariant:* a connection is in here only while nothing is in flight on it, and is taken out only
//! if the application has neither closed it nor sent a byte too many since (T11, T12).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustls::ClientConfig;

use super::connect::Connection;
use super::settings::{Scheme, Target};
use crate::base::lock::lock;
use crate::base::time::{Instant, monotonic};

/// How connections to applications are made and kept.
#[derive(Clone, Debug)]
pub struct PoolLimits {
    /// For name, TCP and TLS together. Default 10 s.
    pub connect: Duration,
    /// How long a connection waits for its next request. Default 60 s.
    pub idle: Duration,
    /// How many wait for one application, on each worker. Default 64.
    pub per_target: usize,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), idle: Duration::from_secs(60), per_target: 64 }
    }
}

/// What must agree for a connection to be shared: where it goes and how its certificate was checked.
#[derive(Clone, Debug)]
pub(super) struct Key(Arc<Identity>);

#[derive(Debug)]
struct Identity {
    scheme: Scheme,
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
}

impl Key {
    pub(super) fn new(target: &Target, tls: Option<&Arc<ClientConfig>>) -> Self {
        let (scheme, port) = (target.scheme, target.port);
        Self(Arc::new(Identity { scheme, host: target.host.clone(), port, tls: tls.cloned() }))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (&*self.0, &*other.0);
        let same_tls = match (&one.tls, &other.tls) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        same_tls && one.port == other.port && one.scheme == other.scheme && one.host == other.host
    }
}

impl Eq for Key {}

impl std::hash::Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.host.hash(state);
        self.0.port.hash(state);
    }
}

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
