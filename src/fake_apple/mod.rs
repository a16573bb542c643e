//! Floor 6: a whole Apple for tests, the demo and staging: discovery, authorize, token, keys and
//! revoke over real HTTP, as strict as the real one, with faults on request.
//!
//! It deliberately sends no notifications and migrates no users, and it is nobody's identity
//! provider: whoever reaches it can be anybody, so off loopback it asks for a password first.
//!
//! *Invariant:* nothing here imports the room `apple`. The two ends of the protocol are written
//! twice, from Apple's description and not from each other, so that a shared mistake cannot hide.

mod authorize;
mod books;
mod certificate;
mod client_secret;
mod control;
mod faults;
mod form;
mod id_token;
mod keys;
mod pages;
mod people;
mod reply;
mod server;
mod settings;
mod sign_in;
mod state;
#[cfg(test)]
mod tests;
mod token;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::runtime::Handle;

pub use faults::{AnswerFault, Endpoint, Faults, IdTokenFault};
pub use people::{PeopleError, Person, prepared, read_people};
pub use settings::{Client, ClientKey, MIN_PASSWORD_BYTES, PlusSign, Settings, StartError, Tls};
pub use state::{RecordedRequest, Report};

use crate::base::tasks::Tasks;

/// A fake Apple that is serving. It stops when this value is dropped.
pub struct FakeApple {
    address: SocketAddr,
    apple: Arc<state::Apple>,
    authority_pem: Option<String>,
    tasks: Tasks,
}

impl FakeApple {
    /// Listens and serves on the current tokio runtime until [`FakeApple::stop`] or drop.
    ///
    /// # Errors
    /// Settings that make no sense, an address that cannot be listened on, a certificate that
    /// cannot be used.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        settings.check_listener()?;
        let listener = TcpListener::bind(settings.listen).await;
        let listener =
            listener.map_err(|source| StartError::Listen { address: settings.listen, source })?;
        let address = listener.local_addr();
        let address =
            address.map_err(|source| StartError::Listen { address: settings.listen, source })?;
        let base_url = settings.base_url_at(address)?;
        let served = certificate::serve(&settings.tls, &base_url, settings.clock.now())?;
        let apple = Arc::new(state::Apple::new(settings, base_url)?);
        let tasks = Tasks::on(Handle::current());
        let accepting =
            server::accept(listener, served.tls.map(Arc::new), Arc::clone(&apple), tasks.clone());
        tasks.run_until_stopped("fake apple", accepting);
        Ok(Self { address, apple, authority_pem: served.authority_pem, tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its own name for itself, without a trailing slash: `iss` of its tokens, `aud` of client
    /// secrets, and what Russet takes as `idp_provider_url`.
    pub fn base_url(&self) -> &str {
        &self.apple.base_url
    }

    /// The certificate authority that was made at start, as PEM, for whoever shall trust this
    /// server; `None` when a certificate was given or it serves plain HTTP.
    pub fn authority_pem(&self) -> Option<&str> {
        self.authority_pem.as_deref()
    }

    /// What shall go wrong next.
    pub fn faults(&self) -> &Faults {
        &self.apple.faults
    }

    /// How often `endpoint` was called, faults included.
    pub fn calls(&self, endpoint: Endpoint) -> u64 {
        self.apple.meter.calls(endpoint)
    }

    /// The last request that token or revoke got, as it came, for assertions.
    pub fn last_request(&self, endpoint: Endpoint) -> Option<RecordedRequest> {
        self.apple.meter.last_request(endpoint)
    }

    /// Counters, faults that wait, key ids and the reason of the last refusal; nothing secret.
    pub fn report(&self) -> Report {
        self.apple.report()
    }

    /// Signs with a new key from now on. The key before it stays published, older ones do not.
    ///
    /// # Errors
    /// When the machine makes no RSA key.
    pub fn rotate_keys(&self) -> Result<(), StartError> {
        self.apple.rotate_keys()
    }

    /// Does what a person does who removes the app in the account settings: the tokens of `subject`
    /// for `client_id` end, and the next sign-in is a first consent again.
    pub fn stop_using(&self, client_id: &str, subject: &str) {
        self.apple.books().forget(client_id, subject);
    }

    /// Stops listening and closes every connection.
    pub fn stop(&self) {
        self.tasks.stop();
    }
}

impl std::fmt::Debug for FakeApple {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FakeApple").field("base_url", &self.apple.base_url).finish_non_exhaustive()
    }
}

impl Drop for FakeApple {
    fn drop(&mut self) {
        self.stop();
    }
}
