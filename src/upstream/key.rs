//! What tells one application from another, as far as connections go.

use std::sync::Arc;

use rustls::ClientConfig;

use super::settings::{Scheme, Target};

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
