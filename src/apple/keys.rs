//! Apple's public keys: reading the published set, and keeping the last good one at hand.
//!
//! Security: what is not an RSA key of 2048 bits or more for RS256 signatures is never used (T42).
//! Fetches go one at a time; the ones that a token asks for come from a bucket of three that gets
//! one back every 60 s, so that a flood of made-up key ids costs Apple hardly anything and a real
//! rotation still works at once (T43).

mod bucket;
mod set;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::StatusCode;
use tokio::sync::Mutex;
use url::Url;

pub(super) use set::KeySet;
pub use set::KeySetError;

use super::client::{CallError, Client};
use super::shown::shown;
use crate::base::bounded_map::{BoundedMap, WhenFull};
use crate::base::time::{Instant, monotonic};
use bucket::Bucket;

/// How old the set may get before it is fetched anew in the background.
const REFRESH_EVERY: Duration = Duration::from_secs(3600);
/// How long until the next try in the background after one that failed.
const RETRY_AFTER: Duration = Duration::from_secs(60);
/// How long a key id that was asked for in vain is not asked for again.
const MISS_REMEMBERED: Duration = Duration::from_secs(60);
/// How many of those are remembered.
const MISSES: usize = 64;

/// Why a fetch brought no usable set.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Another status than 200.
    #[error("status {status}, the answer begins with \"{start}\"")]
    Status {
        /// What came instead.
        status: StatusCode,
        /// The first 200 bytes, escaped.
        start: String,
    },
    /// An answer that is not a usable key set.
    #[error(transparent)]
    Set(#[from] KeySetError),
}

/// There is no key set and none can be fetched now.
#[derive(Clone, Debug, thiserror::Error)]
#[error("Apple's keys are not available{}", .0.as_ref().map(|e| format!(": {e}")).unwrap_or_default())]
pub struct KeysUnavailable(Option<Arc<FetchError>>);

/// A set and when it came.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) keys: KeySet,
    at: Instant,
}

impl Fetched {
    /// How old the set is.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.at)
    }
}

/// The last good set, and the only way to a newer one.
#[derive(Debug)]
pub(super) struct KeyCache {
    client: Client,
    url: Url,
    current: ArcSwapOption<Fetched>,
    /// Counts fetches that ended, so that those who waited for one share what it brought.
    ended: AtomicU64,
    demand: Mutex<Demand>,
}

/// Held by whoever fetches.
#[derive(Debug)]
struct Demand {
    /// For fetches because there is no set at all.
    first: Bucket,
    /// For fetches because a token does not fit the set.
    forced: Bucket,
    /// Key ids that were asked for in vain.
    misses: BoundedMap<Box<str>, (), Instant>,
    last_failure: Option<Arc<FetchError>>,
}

impl KeyCache {
    pub(super) fn new(client: Client, url: Url) -> Self {
        let demand = Demand {
            first: Bucket::full(),
            forced: Bucket::full(),
            misses: BoundedMap::new(MISSES, WhenFull::ForgetOldest),
            last_failure: None,
        };
        Self {
            client,
            url,
            current: ArcSwapOption::empty(),
            ended: AtomicU64::new(0),
            demand: Mutex::new(demand),
        }
    }

    /// The set at hand, or, where there is none, a fetched one. Waits for at most the fetch that
    /// runs already or one of its own.
    pub(super) async fn current(&self, now: Instant) -> Result<Arc<Fetched>, KeysUnavailable> {
        if let Some(fetched) = self.current.load_full() {
            return Ok(fetched);
        }
        let ended = self.ended.load(Ordering::Acquire);
        let mut demand = self.demand.lock().await;
        if let Some(fetched) = self.current.load_full() {
            return Ok(fetched);
        }
        let shared = self.ended.load(Ordering::Acquire) != ended;
        if shared || !demand.first.take(now) {
            return Err(KeysUnavailable(demand.last_failure.clone()));
        }
        self.fetch(&mut demand).await.map_err(|error| KeysUnavailable(Some(error)))
    }

    /// A set newer than `old`, because `kid` is not in it or did not fit; `None` where there is
    /// none, or too many were asked for.
    pub(super) async fn newer_than(
        &self,
        old: &Arc<Fetched>,
        kid: &str,
        now: Instant,
    ) -> Option<Arc<Fetched>> {
        let newer = || self.current.load_full().filter(|current| !Arc::ptr_eq(current, old));
        let ended = self.ended.load(Ordering::Acquire);
        let mut demand = self.demand.lock().await;
        if let Some(newer) = newer() {
            return Some(newer);
        }
        let shared = self.ended.load(Ordering::Acquire) != ended;
        if shared || demand.is_known_miss(kid, now) || !demand.forced.take(now) {
            return None;
        }
        let fetched = self.fetch(&mut demand).await.ok()?;
        demand.remember(kid, now);
        Some(fetched)
    }

    /// Fetches the set where it is missing or an hour old. Says how long to wait until the next call.
    pub(super) async fn freshen(&self) -> Duration {
        let mut demand = self.demand.lock().await;
        let age = self.current.load().as_ref().map(|last| last.age(monotonic()));
        match age.and_then(|age| REFRESH_EVERY.checked_sub(age)) {
            Some(still_fresh) if !still_fresh.is_zero() => still_fresh,
            _ if self.fetch(&mut demand).await.is_ok() => REFRESH_EVERY,
            _ => RETRY_AFTER,
        }
    }

    /// Fetches and stores; on failure the last good set stays.
    async fn fetch(&self, demand: &mut Demand) -> Result<Arc<Fetched>, Arc<FetchError>> {
        let result = match self.fetch_once().await {
            // One more try: nothing is spent by asking for keys.
            Err(error) if error.is_passing() => self.fetch_once().await,
            result => result,
        };
        let result = match result {
            Ok(keys) => {
                let fetched = Arc::new(Fetched { keys, at: monotonic() });
                tracing::debug!(kids = ?fetched.keys.kids(), "keys fetched");
                self.current.store(Some(fetched.clone()));
                demand.last_failure = None;
                Ok(fetched)
            }
            Err(error) => {
                let error = Arc::new(error);
                match self.current.load().as_ref().map(|last| last.age(monotonic())) {
                    Some(age) => {
                        let age_seconds = age.as_secs();
                        tracing::warn!(%error, age_seconds, "keys not fetched, last good set kept");
                    }
                    None => tracing::error!(%error, "keys not fetched, nobody can sign in"),
                }
                demand.last_failure = Some(error.clone());
                Err(error)
            }
        };
        self.ended.fetch_add(1, Ordering::Release);
        result
    }

    async fn fetch_once(&self) -> Result<KeySet, FetchError> {
        let answer = self.client.get(self.url.clone()).await?;
        if answer.status != StatusCode::OK {
            let start = shown(&answer.body);
            return Err(FetchError::Status { status: answer.status, start });
        }
        Ok(KeySet::read(&answer.body)?)
    }
}

impl FetchError {
    /// Whether the next moment may bring something better; a timeout has taken long enough.
    fn is_passing(&self) -> bool {
        match self {
            Self::Call(error) => matches!(error, CallError::Broken(_) | CallError::Connect(_)),
            Self::Status { status, .. } => status.is_server_error(),
            Self::Set(_) => false,
        }
    }
}

impl Demand {
    fn is_known_miss(&self, kid: &str, now: Instant) -> bool {
        self.misses.find(kid, now).is_some()
    }

    fn remember(&mut self, kid: &str, now: Instant) {
        self.misses.insert(kid.into(), (), now + MISS_REMEMBERED, now);
    }
}

#[cfg(test)]
mod tests;
