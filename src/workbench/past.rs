//! A decision of the past, found in the log by its short id and decided again.

use super::log::{Past, Somebody};
use super::trial::Trial;
use crate::base::time::Timestamp;
use crate::decision::record::Outcome;
use crate::decision::{Facts, Rules};
use crate::identity::ClientCertificate;
use crate::policy::ReasonSet;
use crate::wire::host::Authority;

/// A request that was decided once, no longer borrowed from its log.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// When.
    pub at: Timestamp,
    /// The method.
    pub method: String,
    /// The host, with its port where there was one.
    pub host: String,
    /// The path; `None` where the log does not hold all of it.
    pub path: Option<String>,
    ip: std::net::IpAddr,
    cors_preflight: bool,
    certificate: Option<Box<ClientCertificate>>,
    /// Who asked.
    pub somebody: Option<Somebody>,
    /// What was decided then.
    pub outcome: Outcome,
    /// Why, where the reasons were a policy's.
    pub reasons: Option<ReasonSet>,
}

impl Remembered {
    /// Takes a line of the log out of it.
    pub fn of(past: &Past<'_>) -> Self {
        Self {
            at: past.at,
            method: past.method.to_string(),
            host: past.host.to_string(),
            path: past.path.as_ref().map(ToString::to_string),
            ip: past.ip,
            cors_preflight: past.cors_preflight,
            certificate: past.certificate.clone(),
            somebody: past.somebody.clone(),
            outcome: past.tail.outcome,
            reasons: past.tail.reasons,
        }
    }

    /// Decides it again, at the time it had. `None` where the log does not hold all of the
    /// request.
    pub fn again(&self, rules: &Rules) -> Option<Trial> {
        let authority = Authority::parse(&self.host).ok()?;
        let facts = Facts {
            authority: &authority,
            method: &self.method,
            path: self.path.as_deref()?,
            source_ip: self.ip,
            cors_preflight: self.cors_preflight,
            client_certificate: self.certificate.as_deref(),
        };
        let identity = self.somebody.as_ref().map(|somebody| &*somebody.identity);
        Some(Trial::decide(rules, &facts, identity, true, self.at))
    }
}
