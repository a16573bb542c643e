//! TLS in front: which certificate a client gets, and the one policy that all names share.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Why certificates cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// There is not one.
    #[error("TLS needs at least one certificate")]
    NoCertificate,
    /// One cannot be read.
    #[error("certificate number {0} cannot be read; is it a PEM file of X.509?")]
    Unreadable(usize),
    /// The TLS library refused the policy.
    #[error("TLS cannot be set up")]
    Library(#[from] rustls::Error),
}

/// The certificates that are served, behind one atomic pointer, so that they can be replaced.
#[derive(Clone, Debug)]
pub struct Certificates {
    current: Arc<ArcSwap<CertificateSet>>,
}

/// Certificates by the names that they are for. Immutable.
#[derive(Debug)]
pub struct CertificateSet {
    /// Lower-case names; `*.` in front of those that stand for one label.
    names: HashMap<String, Vec<Arc<CertifiedKey>>>,
    first: Vec<Arc<CertifiedKey>>,
}

impl CertificateSet {
    /// Serves each certificate to clients that ask for one of its names. The first one also serves
    /// clients that name no server, or one that no certificate has.
    ///
    /// # Errors
    /// When there is none, or one cannot be read.
    pub fn new(certificates: &[Arc<CertifiedKey>]) -> Result<Self, TlsError> {
        let first = certificates.first().ok_or(TlsError::NoCertificate)?;
        let mut names = HashMap::<String, Vec<_>>::new();
        for (number, certificate) in (1..).zip(certificates) {
            for name in dns_names(certificate).ok_or(TlsError::Unreadable(number))? {
                names.entry(name).or_default().push(Arc::clone(certificate));
            }
        }
        Ok(Self { names, first: vec![Arc::clone(first)] })
    }

    /// Whether a connection that was opened for `server_name` (`None`: the client sent none) may
    /// carry requests for `host`, a lower-case name without port: the same name, or one that the
    /// same certificate serves. If not, the answer is 421 (RFC 9110 §15.5.20).
    pub fn serve_together(&self, server_name: Option<&str>, host: &str) -> bool {
        match server_name {
            Some(name) if name == host => true,
            // Security: an unknown name and an unknown host share the first certificate, which is
            // right, because no route has either of them.
            Some(name) => same(self.of(name), self.of(host)),
            // Proxies that send no name speak for every host that they are in front of.
            None => true,
        }
    }

    /// The exact name, else the wildcard of its parent, else the first of all.
    fn of(&self, name: &str) -> &[Arc<CertifiedKey>] {
        let wildcard = || {
            let (_, parent) = name.split_once('.')?;
            self.names.get(&format!("*.{parent}"))
        };
        self.names.get(name).or_else(wildcard).unwrap_or(&self.first)
    }
}

fn same(left: &[Arc<CertifiedKey>], right: &[Arc<CertifiedKey>]) -> bool {
    left.iter().any(|one| right.iter().any(|other| Arc::ptr_eq(one, other)))
}

impl Certificates {
    /// Serves `certificates`, until others are.
    pub fn serving(certificates: Arc<CertificateSet>) -> Self {
        Self { current: Arc::new(ArcSwap::new(certificates)) }
    }

    /// Serves a set that is made here.
    ///
    /// # Errors
    /// As [`CertificateSet::new`].
    pub fn new(certificates: &[Arc<CertifiedKey>]) -> Result<Self, TlsError> {
        Ok(Self::serving(Arc::new(CertificateSet::new(certificates)?)))
    }

    /// Serves other certificates from the next handshake on.
    pub fn replace(&self, certificates: Arc<CertificateSet>) {
        self.current.store(certificates);
    }

    /// The one policy of every name: TLS 1.2 and 1.3, HTTP/2 preferred, no early data, resumption by
    /// stateless tickets.
    ///
    /// # Errors
    /// When the TLS library has no random numbers for its ticket keys.
    pub fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        // A client that offers names and gets none of them back ends the handshake, so what is
        // served is named too.
        config.alpn_protocols = [&b"h2"[..], b"http/1.1", b"http/1.0"].map(<[u8]>::to_vec).into();
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = aws_lc_rs::Ticketer::new()?;
        // Security: early data can be replayed (T65).
        config.max_early_data_size = 0;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.load();
        let candidates = current.of(hello.server_name().unwrap_or_default());
        let schemes = hello.signature_schemes();
        // A name may have an ECDSA and an RSA certificate: the first that the client understands.
        let understood = candidates.iter().find(|key| key.key.choose_scheme(schemes).is_some());
        understood.or(candidates.first()).map(Arc::clone)
    }
}

/// The names that a certificate is for (RFC 6125: alternative names only, never the common name).
fn dns_names(certificate: &CertifiedKey) -> Option<Vec<String>> {
    let (_, leaf) = X509Certificate::from_der(certificate.cert.first()?).ok()?;
    let names = match leaf.subject_alternative_name().ok()? {
        Some(extension) => &extension.value.general_names,
        None => return Some(Vec::new()),
    };
    let dns = names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    Some(dns.collect())
}
