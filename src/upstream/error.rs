//! Why an application did not answer: one reason for each status, log word and metric.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http::StatusCode;
use rustls::CertificateError;

use crate::telemetry::Code;

/// Why a request got no answer from its application. The text is for operators, never for visitors.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The name of the application does not resolve.
    #[error("the name {host} does not resolve")]
    Name {
        /// Host of `to`.
        host: String,
        /// What the resolver said; nothing where it gave no address.
        source: Option<io::Error>,
    },
    /// Nobody listens there.
    #[error("{0} refuses the connection: nothing listens there")]
    Refused(SocketAddr),
    /// No way there.
    #[error("{address} cannot be reached")]
    Unreachable {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Connecting, TLS included, took too long.
    #[error("no connection to {host} within {} s", within.as_secs_f32())]
    ConnectTimeout {
        /// Host of `to`.
        host: String,
        /// The time it had.
        within: Duration,
    },
    /// Its certificate does not convince.
    #[error("the certificate of {host} {defect}")]
    Certificate {
        /// The name that it should be for.
        host: String,
        /// What is wrong with it.
        defect: CertificateDefect,
    },
    /// TLS failed in another way.
    #[error("TLS with {host} failed")]
    Tls {
        /// Host of `to`.
        host: String,
        /// What the TLS library said.
        source: io::Error,
    },
    /// No answer began in time.
    #[error("no answer began within {} s", .0.as_secs_f32())]
    HeadTimeout(Duration),
    /// The head of the answer is longer than we read.
    #[error("the head of the answer is too long")]
    HeadTooLong,
    /// The answer is not HTTP, or can be read in two ways.
    #[error("the answer is malformed: {0}")]
    Malformed(&'static str),
    /// The HTTP library says that the answer is not HTTP.
    #[error("the answer is malformed")]
    Unparsable(#[source] hyper::Error),
    /// The connection ended before an answer began.
    #[error("the connection ended before an answer began")]
    Reset(#[source] hyper::Error),
    /// The client did not send its whole request.
    #[error("the client did not send its whole request")]
    RequestBody(#[source] hyper::Error),
    /// `CONNECT` is not for applications.
    #[error("CONNECT is not sent to applications")]
    Connect,
}

impl SendError {
    /// The status that tells a visitor whose fault it is: 502, 503 or 504; 400 and 405 where it is
    /// the client's own.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Name { .. } | Self::Refused(_) | Self::Unreachable { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::ConnectTimeout { .. }
            | Self::Certificate { .. }
            | Self::Tls { .. }
            | Self::HeadTooLong
            | Self::Malformed(_)
            | Self::Unparsable(_)
            | Self::Reset(_) => StatusCode::BAD_GATEWAY,
            Self::HeadTimeout(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::RequestBody(_) => StatusCode::BAD_REQUEST,
            Self::Connect => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// One word for logs and metrics, from a closed set.
    pub fn code(&self) -> Code {
        match self {
            Self::Name { .. } => Code::UpstreamName,
            Self::Refused(_) => Code::UpstreamRefused,
            Self::Unreachable { .. } => Code::UpstreamUnreachable,
            Self::ConnectTimeout { .. } => Code::UpstreamConnectTimeout,
            Self::Certificate { .. } => Code::UpstreamCertificate,
            Self::Tls { .. } => Code::UpstreamTls,
            Self::HeadTimeout(_) => Code::UpstreamHeadTimeout,
            Self::HeadTooLong => Code::UpstreamHeadTooLong,
            Self::Malformed(_) | Self::Unparsable(_) => Code::UpstreamMalformed,
            Self::Reset(_) => Code::UpstreamReset,
            Self::RequestBody(_) => Code::RequestBody,
            Self::Connect => Code::ConnectMethod,
        }
    }

    pub(super) fn from_connecting(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused(address),
            _ => Self::Unreachable { address, source },
        }
    }

    pub(super) fn from_tls(host: &str, source: io::Error) -> Self {
        let host = host.to_owned();
        let inner = source.get_ref().and_then(|inner| inner.downcast_ref());
        match inner {
            Some(rustls::Error::InvalidCertificate(error)) => {
                Self::Certificate { host, defect: CertificateDefect::of(error) }
            }
            _ => Self::Tls { host, source },
        }
    }

    pub(super) fn from_hyper(error: hyper::Error) -> Self {
        if error.is_user() {
            Self::RequestBody(error)
        } else if error.is_parse_too_large() {
            Self::HeadTooLong
        } else if error.is_parse() {
            Self::Unparsable(error)
        } else {
            Self::Reset(error)
        }
    }
}

/// What is wrong with an application's certificate (T63).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateDefect {
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It is for other names.
    WrongName,
    /// It is signed by itself and not among the trusted ones.
    SelfSigned,
    /// Who signed it is not trusted here.
    UnknownIssuer,
    /// It has been revoked.
    Revoked,
    /// Something else, in the words of the TLS library.
    Other(String),
}

impl CertificateDefect {
    fn of(error: &CertificateError) -> Self {
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotYetValid
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongName
            }
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::Revoked => Self::Revoked,
            CertificateError::Other(other) if other.0.is::<SelfSigned>() => Self::SelfSigned,
            other => Self::Other(other.to_string()),
        }
    }
}

impl fmt::Display for CertificateDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "has expired",
            Self::NotYetValid => "is not valid yet; are the clocks right?",
            Self::WrongName => "is for other names, not for this one",
            Self::SelfSigned => {
                "is self-signed; to trust it, name it in the route's tls_custom_ca_file"
            }
            Self::UnknownIssuer => {
                "is signed by an authority that is not trusted here; name that in the route's \
                 tls_custom_ca_file"
            }
            Self::Revoked => "has been revoked",
            Self::Other(text) => return write!(f, "is not accepted: {text}"),
        })
    }
}

/// Marks the refusal of a certificate that is signed by itself.
#[derive(Debug, thiserror::Error)]
#[error("self-signed certificate")]
pub(super) struct SelfSigned;
