//! The request that another proxy tells of, checked as strictly as one of our own.

use std::net::IpAddr;

use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, Method, Uri};

use crate::base::ids::RequestId;
use crate::base::time::Timestamp;
use crate::gateway::answer::Refused;
use crate::gateway::request::{CheckedRequest, TARGET_BYTES};
use crate::gateway::state::worker::HeldPlan;
use crate::pages::View;
use crate::telemetry::Code;
use crate::wire::accept::Wants;
use crate::wire::forwarded::Chain;
use crate::wire::host::Authority;
use crate::wire::occurrence::{Occurrence, of_header};
use crate::wire::{method, path};

/// What was asked of the other proxy.
#[derive(Debug)]
pub(super) struct Described {
    method: Method,
    authority: Authority<'static>,
    /// Normalised, without the query.
    path: String,
    target: PathAndQuery,
}

/// Why a description is none. All of them are 400: nothing is guessed, nothing has a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undescribed {
    /// A header that describes is missing, or no text.
    Missing,
    /// A header that there can be only one of came twice.
    Twice,
    /// A header in a spelling that applications take for another.
    Spelling,
    /// No method that is served.
    Method,
    /// Neither http nor https.
    Scheme,
    /// No usable host.
    Host,
    /// Not a path and a query, or one that can be read in two ways.
    Path,
    /// An entry of `X-Forwarded-For` that is not an address.
    Client,
}

impl Undescribed {
    /// The answer to such a question.
    pub(super) fn refused(self) -> Box<Refused> {
        Refused::page(self.code(), View::BadRequest).malformed()
    }

    /// The word for the log.
    pub(crate) fn code(self) -> Code {
        match self {
            Self::Missing => Code::DescriptionMissing,
            Self::Twice => Code::DescriptionTwice,
            Self::Spelling => Code::HeaderSpelling,
            Self::Method => Code::DescribedMethod,
            Self::Scheme => Code::DescribedScheme,
            Self::Host => Code::DescribedHost,
            Self::Path => Code::DescribedPath,
            Self::Client => Code::DescribedClient,
        }
    }
}

impl Described {
    /// Checks a description. `target` is path and query, as the client sent them.
    pub(super) fn new(method: &str, authority: &str, target: &str) -> Result<Self, Undescribed> {
        let method: Method = method.parse().map_err(|_| Undescribed::Method)?;
        method::check(&method).map_err(|_| Undescribed::Method)?;
        let authority = Authority::parse(authority).map_err(|_| Undescribed::Host)?.into_owned();
        // Security: the library cuts what follows `#`, and the other proxy may not.
        let plain = target.chars().all(|c| !c.is_ascii_control() && c != ' ' && c != '#');
        if !plain || !target.starts_with('/') || target.len() > TARGET_BYTES {
            return Err(Undescribed::Path);
        }
        let raw = target.split('?').next().unwrap_or_default();
        let path = path::normalise(raw).map_err(|_| Undescribed::Path)?.into_owned();
        // The other proxy sends its own form on, never ours.
        if !path::is_resolved(raw) {
            return Err(Undescribed::Path);
        }
        let target = target.parse().map_err(|_| Undescribed::Path)?;
        Ok(Self { method, authority, path, target })
    }

    /// The request as the road sees one: `head` has the client's headers.
    pub(super) fn into_request(
        self,
        mut head: Parts,
        client: IpAddr,
        id: RequestId,
        now: Timestamp,
        plan: HeldPlan,
    ) -> CheckedRequest {
        head.method = self.method;
        head.uri = Uri::from(self.target);
        let chain = Chain::told(client);
        let (authority, path, wants) = (self.authority, self.path, Wants::default());
        CheckedRequest { id, now, plan, authority, path, chain, head, wants }
    }
}

/// The one value of a header that describes.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, Undescribed> {
    match of_header(headers, name) {
        Occurrence::Absent => Err(Undescribed::Missing),
        Occurrence::Repeated => Err(Undescribed::Twice),
        Occurrence::Once(value) => {
            std::str::from_utf8(value.as_bytes()).map_err(|_| Undescribed::Missing)
        }
    }
}

/// Whether people came over HTTP at all. Which of the two decides nothing: addresses of ours are
/// https, and WebSockets begin as HTTP.
pub(super) fn check_scheme(scheme: &str) -> Result<(), Undescribed> {
    let known = matches!(scheme, "http" | "https" | "ws" | "wss");
    if known { Ok(()) } else { Err(Undescribed::Scheme) }
}
