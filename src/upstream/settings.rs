//! What the upstream floor wants to know about one route's application.

use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::CertificateDer;

/// How one route reaches its application.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `to`.
    pub target: Target,
    /// How its certificate is checked; of no use to a plain target.
    pub tls: TlsSettings,
    /// `timeout`: until the head of the answer is there. `None` is without end. Default 30 s.
    pub timeout: Option<Duration>,
}

/// Where the application listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// Plain or over TLS.
    pub scheme: Scheme,
    /// Name or address, lower case; IPv6 without brackets.
    pub host: String,
    /// Port, the scheme's own where none was written.
    pub port: u16,
    /// `host` or `host:port` as it stands in the `Host` header by default (the port only where it
    /// is not the scheme's own; IPv6 in brackets).
    pub authority: String,
    /// Path of `to` where it has one: takes the place of the matched prefix, as text.
    pub path: Option<String>,
}

/// How we speak to the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

/// How the application's certificate is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// `tls_skip_verify`: not at all. Loud in `check` and at start.
    pub skip_verify: bool,
    /// `tls_custom_ca`: these roots instead of the system's. Empty: the system's.
    pub custom_roots: Arc<[CertificateDer<'static>]>,
    /// `certificate_authority`: trusted in addition to whichever roots apply.
    pub extra_roots: Arc<[CertificateDer<'static>]>,
}

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
