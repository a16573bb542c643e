//! What carries HTTP over a TCP connection.

use std::fmt;

use tokio_rustls::TlsAcceptor;

/// What carries HTTP over TCP.
#[derive(Clone)]
pub enum Transport {
    /// TCP alone.
    Plain,
    /// TLS, which ends here.
    Tls(TlsAcceptor),
}

impl Transport {
    /// Whether TLS ends here.
    pub(super) fn is_tls(&self) -> bool {
        match self {
            Self::Plain => false,
            Self::Tls(_) => true,
        }
    }
}

impl From<Option<TlsAcceptor>> for Transport {
    fn from(tls: Option<TlsAcceptor>) -> Self {
        tls.map_or(Self::Plain, Self::Tls)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_tls() { "Tls" } else { "Plain" })
    }
}
