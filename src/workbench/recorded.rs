//! A decision of the past, found in the log by its short id and decided again.

use super::log::{Recorded, Somebody};
use super::trial::Trial;
use crate::base::time::Timestamp;
use crate::decision::{Face, Facts, Outcome, Rules};
use crate::identity::ClientCertificate;
use crate::policy::{Reads, ReasonSet};
use crate::wire::host::Authority;

/// A request that was decided once, no longer borrowed from its log.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
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
    page_load: bool,
    certificate: Option<Box<ClientCertificate>>,
    certificate_cut: bool,
    /// Who asked.
    pub somebody: Option<Somebody>,
    /// What was decided then.
    pub outcome: Outcome,
    /// Why, where the reasons were a policy's.
    pub reasons: Option<ReasonSet>,
}

impl RecordedRequest {
    /// Takes a line of the log out of it.
    pub fn of(recorded: &Recorded<'_>) -> Self {
        Self {
            at: recorded.at,
            method: recorded.method.to_string(),
            host: recorded.host.to_string(),
            path: recorded.path.as_ref().map(ToString::to_string),
            ip: recorded.ip,
            cors_preflight: recorded.cors_preflight,
            page_load: recorded.page_load.unwrap_or(true),
            certificate: recorded.certificate.clone(),
            certificate_cut: recorded.certificate_cut,
            somebody: recorded.somebody.clone(),
            outcome: recorded.decision.outcome,
            reasons: recorded.decision.reasons,
        }
    }

    /// Decides it again, at the time it had. `None` where the log does not hold all of the
    /// request.
    pub fn again(&self, rules: &Rules) -> Option<Again> {
        let authority = Authority::parse(&self.host).ok()?;
        let asker = self.somebody.as_ref().map(|somebody| &*somebody.asker);
        let facts = Facts {
            face: Face::PolicyTool,
            now: self.at,
            authority: &authority,
            method: &self.method,
            path: self.path.as_deref()?,
            source_ip: self.ip,
            cors_preflight: self.cors_preflight,
            client_certificate: self.certificate.as_deref(),
            supposed: asker.and_then(|asker| asker.supposed.as_ref()),
        };
        let identity = asker.map(|asker| &asker.identity);
        let trial = Trial::decide(rules, &facts, identity, self.page_load);
        let policy = trial.policy(rules);
        let question = facts.question(identity);
        let not_recorded = policy.and_then(|policy| {
            if self.certificate_cut && policy.reads(Reads::ClientCertificate) {
                return Some("client_certificate".to_owned());
            }
            // Security: what the log did not keep is not guessed.
            let open = policy.certain(&question).is_none();
            let criterion = open.then(|| policy.first_unrecorded(&question)).flatten()?;
            Some(criterion.criterion.to_owned())
        });
        Some(Again { trial, not_recorded })
    }
}

/// What comes out when a decision of the past is made again.
#[derive(Debug)]
pub struct Again {
    /// The request under the policies as they are now.
    pub trial: Trial,
    /// The criterion on which the outcome depends, if the log did not keep what it reads: then the
    /// outcome is unknown.
    pub not_recorded: Option<String>,
}

impl Again {
    /// What comes out now; `None` where the log did not keep what decides.
    pub fn outcome(&self) -> Option<Outcome> {
        if self.not_recorded.is_some() {
            return None;
        }
        Some(self.trial.outcome())
    }
}
