//! The one line that every request leaves: what was asked, what was decided and why, what was
//! answered. Never a query, a cookie, a token or an address in clear.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use crate::base::ids::RequestId;
use crate::base::log_text::for_log as safe;

/// What was decided on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Sent to the application.
    Allow,
    /// Refused by the policy.
    Deny,
    /// Sent to sign in, or told to.
    SignIn,
    /// Answered by an endpoint of ours.
    Own,
    /// No route.
    NoRoute,
    /// Refused before any decision: malformed, ambiguous, too large.
    Malformed,
}

impl Decision {
    /// The word in the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::SignIn => "sign_in",
            Self::Own => "own",
            Self::NoRoute => "no_route",
            Self::Malformed => "malformed",
        }
    }
}

/// Why the policy decided as it did: the criterion that mattered, what it wanted and what it saw.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Where the rule stands, or which shortcut it is.
    pub rule: String,
    /// The criterion's name.
    pub criterion: String,
    /// What it wanted.
    pub wanted: String,
    /// What it saw; addresses with their local part hashed.
    pub seen: String,
}

/// What is told of one request.
#[derive(Clone, Debug)]
pub struct Record {
    /// The request's id; the short one of a page is its beginning.
    pub id: RequestId,
    /// When it came, for its duration.
    pub begun: Instant,
    /// The client's address, after the trusted proxies.
    pub source_ip: IpAddr,
    /// The method.
    pub method: http::Method,
    /// The host asked for (not the one sent upstream).
    pub host: Cow<'static, str>,
    /// The path, without its query.
    pub path: String,
    /// The route, where there is one.
    pub route: Option<Arc<str>>,
    /// The application asked, as `host:port`.
    pub upstream: Option<Arc<str>>,
    /// What was decided.
    pub decision: Decision,
    /// Reason words of the policy, or the code of what went wrong.
    pub reasons: Vec<&'static str>,
    /// The evidence of a refusal.
    pub evidence: Vec<Evidence>,
    /// Something for the operator, free of secrets.
    pub detail: Option<String>,
    /// `sub` of the person, where one is signed in.
    pub subject: Option<Arc<str>>,
    /// The status answered.
    pub status: u16,
    /// Bytes of the answer's body that were sent.
    pub bytes: u64,
}

/// The record as it is written: safe texts, in the order they are read.
#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    timestamp: String,
    level: &'static str,
    message: &'static str,
    request_id: String,
    pub(super) id: String,
    pub(super) ip: IpAddr,
    method: &'a str,
    host: Cow<'a, str>,
    path: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) route: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) upstream: Option<&'a str>,
    decision: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) reasons: &'a [&'static str],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evidence: Vec<EvidenceLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<Cow<'a, str>>,
    #[serde(rename = "sub", skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<Cow<'a, str>>,
    status: u16,
    bytes: u64,
    duration_ms: f64,
}

#[derive(Debug, Serialize)]
struct EvidenceLine<'a> {
    rule: Cow<'a, str>,
    criterion: Cow<'a, str>,
    wanted: Cow<'a, str>,
    seen: Cow<'a, str>,
}

impl Record {
    /// The line of this record. Controls and bidirectional marks are escaped and long fields cut
    /// (T83).
    pub(super) fn line(&self, timestamp: String, duration_ms: f64) -> Line<'_> {
        let evidence = self.evidence.iter().map(|evidence| EvidenceLine {
            rule: safe(&evidence.rule),
            criterion: safe(&evidence.criterion),
            wanted: safe(&evidence.wanted),
            seen: safe(&evidence.seen),
        });
        Line {
            timestamp,
            level: "INFO",
            message: "request",
            request_id: self.id.to_string(),
            id: self.id.short().to_string(),
            ip: self.source_ip,
            method: self.method.as_str(),
            host: safe(&self.host),
            path: safe(&self.path),
            route: self.route.as_deref(),
            upstream: self.upstream.as_deref(),
            decision: self.decision.word(),
            reasons: &self.reasons,
            evidence: evidence.collect(),
            detail: self.detail.as_deref().map(safe),
            subject: self.subject.as_deref().map(safe),
            status: self.status,
            bytes: self.bytes,
            duration_ms,
        }
    }
}
