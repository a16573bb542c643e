//! What is known of a request when it is decided, and of whoever sends it.

use std::net::IpAddr;

use crate::base::time::Timestamp;
use crate::identity::{ClientCertificate, Identity};
use crate::policy::{Question, Supposed};
use crate::session::lifecycle::{Dead, LiveSession};
use crate::telemetry::Code;
use crate::wire::host::Authority;

/// What is known of a request when it is decided.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Which way the request came: some routes exist for one way only.
    pub face: Face,
    /// When it is decided. Read from the clock once a request.
    pub now: Timestamp,
    /// Host and port asked for.
    pub authority: &'a Authority<'a>,
    /// The method, exactly as sent.
    pub method: &'a str,
    /// The normalised path, without its query: the one that goes upstream.
    pub path: &'a str,
    /// The client's address, after the trusted proxies.
    pub source_ip: IpAddr,
    /// Whether it is a true CORS preflight (`OPTIONS` with `Origin` and
    /// `Access-Control-Request-Method`).
    pub cors_preflight: bool,
    /// The client's certificate; `None` where none was shown.
    pub client_certificate: Option<&'a ClientCertificate>,
    /// What a test case or a replay supposes about the person; `None` for every live request.
    pub supposed: Option<&'a Supposed>,
}

/// A way to ask for a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// The request itself came to us and is to be relayed. A route without an application of its
    /// own does not exist here.
    Gateway,
    /// Another proxy asks whether it may let a request through.
    ExternalAuth,
    /// A policy tool tries a request that nobody sent. Every route exists here.
    PolicyTool,
}

impl Facts<'_> {
    /// What a policy is asked about this request.
    pub fn question<'q>(&'q self, identity: Option<&'q Identity>) -> Question<'q> {
        Question {
            method: self.method,
            path: self.path,
            source_ip: self.source_ip,
            cors_preflight: self.cors_preflight,
            now: self.now,
            client_certificate: self.client_certificate,
            identity,
            supposed: self.supposed,
        }
    }
}

/// Whoever a decision is about. The gateway decides about live sessions, and only about those can
/// an admission be had; a policy tool decides about a person whom somebody described.
pub trait Asker {
    /// Who it is.
    fn identity(&self) -> &Identity;
}

impl Asker for LiveSession {
    fn identity(&self) -> &Identity {
        &self.session().identity
    }
}

impl Asker for Identity {
    fn identity(&self) -> &Identity {
        self
    }
}

impl<A: Asker> Asker for &A {
    fn identity(&self) -> &Identity {
        A::identity(self)
    }
}

/// Why a request has no live session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSignedIn {
    /// It carries no session cookie.
    NoCookie,
    /// It carries one that does not open here, or several that do.
    NotOpened,
    /// The session is over.
    Dead(Dead),
}

impl NotSignedIn {
    /// Whether there may well be a live session, which cannot be known right now. Whoever has it is
    /// not sent to sign in: that would not help.
    pub fn is_unchecked(self) -> bool {
        self == Self::Dead(Dead::FeedStale)
    }

    /// The word for logs.
    pub fn code(self) -> Code {
        match self {
            Self::NoCookie => Code::UserUnauthenticated,
            Self::NotOpened => Code::CookieNotOpened,
            Self::Dead(Dead::Expired) => Code::SessionExpired,
            Self::Dead(Dead::Ended) => Code::SessionEnded,
            Self::Dead(Dead::FeedStale) => Code::SessionUnchecked,
        }
    }
}
