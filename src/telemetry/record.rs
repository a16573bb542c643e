//! The one line that every request leaves: what was asked, what was decided and why, what was
//! answered. Never a query, a cookie, a token or an address in clear.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;
use tracing::Level;

use crate::base::ids::RequestId;
use crate::base::log_text::for_log as safe;
use crate::base::time::Instant;

/// How a request was handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// It was decided on, with this outcome: a word of `decision::Outcome`.
    Decided(&'static str),
    /// An endpoint of ours answered it.
    Own,
    /// It was refused before any decision: malformed, ambiguous, too large.
    Malformed,
}

impl Handled {
    /// The word in the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Decided(outcome) => outcome,
            Self::Own => "own",
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

/// What the shadow would have decided.
#[derive(Clone, Debug)]
pub struct ShadowNote {
    /// The word of the outcome.
    pub outcome: &'static str,
    /// The reasons, in words of the policy.
    pub reasons: Vec<&'static str>,
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
    /// How it was handled.
    pub handled: Handled,
    /// Reason words of the policy, or the code of what went wrong.
    pub reasons: Vec<&'static str>,
    /// The evidence of a refusal.
    pub evidence: Vec<Evidence>,
    /// Something for the operator, free of secrets.
    pub detail: Option<String>,
    /// What the shadow would have decided, where that is something else.
    pub shadow: Option<ShadowNote>,
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
    method: Cow<'a, str>,
    #[serde(skip_serializing_if = "str::is_empty")]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) shadow: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) shadow_reasons: Option<&'a [&'static str]>,
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
    /// How much it concerns the operator: an error where nobody gets in, because Apple or we
    /// failed; a warning where an application did; else nothing is wrong but perhaps the request.
    pub(super) fn level(&self) -> Level {
        match (self.handled, self.status) {
            (_, 500) | (Handled::Own, 502..=504) => Level::ERROR,
            (_, 502..=504) => Level::WARN,
            _ => Level::INFO,
        }
    }

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
            level: self.level().as_str(),
            message: "request",
            request_id: self.id.to_string(),
            id: self.id.short().to_string(),
            ip: self.source_ip,
            method: safe(self.method.as_str()),
            host: safe(&self.host),
            path: safe(&self.path),
            route: self.route.as_deref(),
            upstream: self.upstream.as_deref(),
            decision: self.handled.word(),
            reasons: &self.reasons,
            evidence: evidence.collect(),
            detail: self.detail.as_deref().map(safe),
            shadow: self.shadow.as_ref().map(|shadow| shadow.outcome),
            shadow_reasons: self.shadow.as_ref().map(|shadow| shadow.reasons.as_slice()),
            subject: self.subject.as_deref().map(safe),
            status: self.status,
            bytes: self.bytes,
            duration_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::level_filters::LevelFilter;

    use super::*;
    use crate::telemetry::{Format, Logs};

    fn record(handled: Handled, status: u16) -> Record {
        Record {
            id: RequestId::fresh(),
            begun: crate::base::time::monotonic(),
            source_ip: IpAddr::from([127, 0, 0, 1]),
            method: http::Method::GET,
            host: Cow::Borrowed(""),
            path: "/".to_owned(),
            route: None,
            upstream: None,
            handled,
            reasons: Vec::new(),
            evidence: Vec::new(),
            detail: None,
            shadow: None,
            subject: None,
            status,
            bytes: 0,
        }
    }

    /// An operator who logs warnings alone still learns that nobody can sign in.
    #[test]
    fn what_the_operator_has_to_mend_is_above_info() {
        for (handled, status, level) in [
            (Handled::Own, 502, "ERROR"),
            (Handled::Own, 503, "ERROR"),
            (Handled::Decided("allow"), 500, "ERROR"),
            (Handled::Decided("allow"), 502, "WARN"),
            (Handled::Decided("allow"), 504, "WARN"),
            (Handled::Own, 501, "INFO"),
            (Handled::Own, 400, "INFO"),
            (Handled::Decided("deny"), 403, "INFO"),
            (Handled::Decided("allow"), 200, "INFO"),
        ] {
            assert_eq!(record(handled, status).level().as_str(), level, "{handled:?} {status}");
        }
    }

    #[test]
    fn the_level_picks_lines_and_what_is_empty_is_left_out() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (level, lines) in
            [(LevelFilter::INFO, 3), (LevelFilter::WARN, 2), (LevelFilter::OFF, 0)]
        {
            file.as_file().set_len(0).unwrap();
            let output = std::fs::OpenOptions::new().append(true).open(file.path()).unwrap();
            let (logs, guard) = Logs::to(output, Format::Json, level);
            for (handled, status) in [
                (Handled::Own, 502),
                (Handled::Decided("allow"), 503),
                (Handled::Decided("deny"), 403),
            ] {
                logs.request(&record(handled, status));
            }
            drop((logs, guard));
            let text = std::fs::read_to_string(file.path()).unwrap();
            assert_eq!(text.lines().count(), lines, "{level}: {text}");
            assert!(!text.contains("\"host\""), "{text}");
        }
    }
}
