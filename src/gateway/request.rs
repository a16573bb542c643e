//! One request as the road sees it: its host and path in the one form that is decided on and sent.

use std::net::IpAddr;

use http::request::Parts;
use http::{HeaderMap, Method, Uri};

use crate::base::ids::RequestId;
use crate::base::time::Timestamp;
use crate::decision::{Face, Facts};
use crate::gateway::state::worker::HeldPlan;
use crate::telemetry::Code;
use crate::wire::accept::{self, Format, Wants};
use crate::wire::forwarded::Chain;
use crate::wire::host::{Authority, HostProblem, request_authority};
use crate::wire::path::{PathProblem, normalise};
use crate::wire::{header_spelling, method};

/// Longest request target, in bytes; longer ones are 414.
pub(crate) const TARGET_BYTES: usize = 16 * 1024;

/// A request that is well formed and means one thing only.
#[derive(Debug)]
pub(crate) struct CheckedRequest {
    pub(crate) id: RequestId,
    pub(crate) now: Timestamp,
    pub(crate) plan: HeldPlan,
    pub(crate) authority: Authority<'static>,
    /// Normalised, without the query.
    pub(crate) path: String,
    pub(crate) chain: Chain,
    pub(crate) head: Parts,
    /// What kind of answer is wanted, as far as anybody has asked.
    pub(crate) wants: Wants,
}

/// Why a request is refused before anything is decided. All of them leave the upstream untouched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The method is none that we serve: 405 or 501.
    Method(method::MethodProblem),
    /// No usable host: 400.
    Host(HostProblem),
    /// An ambiguous path: 400.
    Path(PathProblem),
    /// The connection was made for names of another certificate: 421 (RFC 9110 §15.5.20).
    Misdirected,
    /// The target is too long: 414.
    TargetTooLong,
    /// A header name with an underscore, which applications confuse with a hyphen: 400.
    Underscore,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Method(problem) => problem.fmt(f),
            Self::Host(problem) => problem.fmt(f),
            Self::Path(problem) => problem.fmt(f),
            Self::Misdirected => f.write_str("the connection was made for another host"),
            Self::TargetTooLong => f.write_str("the path and query are too long"),
            Self::Underscore => f.write_str("the name of a header holds an underscore"),
        }
    }
}

impl Malformed {
    /// The word for the log.
    pub fn code(self) -> Code {
        match self {
            Self::Method(_) => Code::BadMethod,
            Self::Host(_) => Code::BadHost,
            Self::Path(_) => Code::BadPath,
            Self::Misdirected => Code::Misdirected,
            Self::TargetTooLong => Code::TargetTooLong,
            Self::Underscore => Code::UnderscoreInHeader,
        }
    }
}

/// The parts of a request that are checked before anything else looks at it: the host asked for,
/// and the path in its one spelling.
///
/// # Errors
/// Says why the request is refused before anything is decided; [`status_of`] has the answer.
///
/// [`status_of`]: super::status_of
pub fn check(head: &Parts) -> Result<(Authority<'static>, String), Malformed> {
    method::check(&head.method).map_err(Malformed::Method)?;
    let authority = authority_of(head).map_err(Malformed::Host)?;
    if target_length(&head.uri) > TARGET_BYTES {
        return Err(Malformed::TargetTooLong);
    }
    let path = normalise(head.uri.path()).map_err(Malformed::Path)?.into_owned();
    if head.headers.keys().any(header_spelling::has_underscore) {
        return Err(Malformed::Underscore);
    }
    Ok((authority, path))
}

/// The host that a request asks for, whatever else is wrong with it.
pub(crate) fn authority_of(head: &Parts) -> Result<Authority<'static>, HostProblem> {
    let uri_authority = head.uri.authority().map(http::uri::Authority::as_str);
    let hosts = head.headers.get_all(http::header::HOST).iter().map(http::HeaderValue::as_bytes);
    request_authority(uri_authority, hosts, head.version).map(Authority::into_owned)
}

fn target_length(uri: &Uri) -> usize {
    uri.path_and_query().map_or(0, |target| target.as_str().len())
}

impl CheckedRequest {
    /// What is decided on.
    pub(crate) fn facts(&self, face: Face) -> Facts<'_> {
        Facts {
            face,
            now: self.now,
            authority: &self.authority,
            method: self.head.method.as_str(),
            path: &self.path,
            source_ip: self.source_ip(),
            cors_preflight: accept::is_preflight(self.method(), self.headers()),
            client_certificate: None,
            supposed: None,
        }
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    pub(crate) fn method(&self) -> &Method {
        &self.head.method
    }

    /// Path and query as the browser sent them.
    pub(crate) fn target(&self) -> &str {
        self.head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
    }

    pub(crate) fn source_ip(&self) -> IpAddr {
        self.chain.client()
    }

    pub(crate) fn is_page_load(&self) -> bool {
        self.wants.page_load(self.method(), self.headers())
    }

    /// The format of an answer of ours; `otherwise` where the request does not choose.
    pub(crate) fn prefers(&self, otherwise: Format) -> Format {
        self.wants.format(self.headers(), otherwise)
    }

    /// Takes the headers along for the application. What an error page needs of them is kept.
    pub(crate) fn take_headers(&mut self) -> HeaderMap {
        self.wants.keep(&self.head.headers);
        std::mem::take(&mut self.head.headers)
    }
}
