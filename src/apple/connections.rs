//! What outlives one configuration of Apple: its keys, and the HTTP client that fetches them and
//! redeems codes. Two providers that are reached alike share both.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use rustls_pki_types::CertificateDer;
use url::Url;

use super::client::{Client, ClientError, Timeouts};
use super::keys::KeyCache;
use crate::base::lock::lock;
use crate::base::tasks::Tasks;

/// The ways to Apple that are in use. One for the process; every
/// [`AppleProvider`](super::AppleProvider) is made from it.
#[derive(Debug, Default)]
pub struct Connections {
    in_use: Mutex<Vec<Weak<Connection>>>,
}

/// One way to Apple.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) keys: KeyCache,
    is_kept_fresh: AtomicBool,
    reached: Reached,
}

/// How Apple is reached: what has to agree for a connection to be shared.
#[derive(Debug, PartialEq)]
struct Reached {
    keys_url: Url,
    extra_roots: Arc<[CertificateDer<'static>]>,
    timeouts: Timeouts,
}

impl Connections {
    /// The way to the keys at `keys_url`: the one that is in use, or a new one.
    ///
    /// # Errors
    /// The machine has no certificate authorities.
    pub(super) fn connection(
        &self,
        keys_url: Url,
        extra_roots: &Arc<[CertificateDer<'static>]>,
        timeouts: Timeouts,
    ) -> Result<Arc<Connection>, ClientError> {
        let reached = Reached { keys_url, extra_roots: Arc::clone(extra_roots), timeouts };
        let mut in_use = lock(&self.in_use);
        in_use.retain(|known| known.strong_count() > 0);
        let mut known = in_use.iter().filter_map(Weak::upgrade);
        if let Some(known) = known.find(|known| known.reached == reached) {
            return Ok(known);
        }
        let client = Client::new(extra_roots, timeouts)?;
        let keys = KeyCache::new(client.clone(), reached.keys_url.clone());
        let is_kept_fresh = AtomicBool::new(false);
        let connection = Arc::new(Connection { client, keys, is_kept_fresh, reached });
        in_use.push(Arc::downgrade(&connection));
        Ok(connection)
    }
}

impl Connection {
    /// Fetches the keys now and every hour from now on, for as long as a provider has this
    /// connection and `tasks` lives. Only the first call does anything.
    pub(super) fn keep_keys_fresh(self: &Arc<Self>, tasks: &Tasks) {
        if self.is_kept_fresh.swap(true, Ordering::Relaxed) {
            return;
        }
        let connection = Arc::downgrade(self);
        tasks.run_until_stopped("apple keys", async move {
            while let Some(used) = connection.upgrade() {
                let wait = used.keys.freshen().await;
                drop(used);
                tokio::time::sleep(wait).await;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apple::testing::timeouts;

    #[test]
    fn providers_that_are_reached_alike_share_keys_and_unused_ones_go() {
        let connections = Connections::default();
        let to = |url: &str| {
            connections.connection(url.parse().unwrap(), &Arc::from([]), timeouts()).unwrap()
        };
        let first = to("https://appleid.apple.com/auth/keys");
        assert!(Arc::ptr_eq(&first, &to("https://appleid.apple.com/auth/keys")));
        let other = to("https://other.example/auth/keys");
        assert!(!Arc::ptr_eq(&first, &other));
        drop(other);
        assert!(Arc::ptr_eq(&first, &to("https://appleid.apple.com/auth/keys")));
        assert_eq!(connections.in_use.lock().unwrap().len(), 1);
    }
}
