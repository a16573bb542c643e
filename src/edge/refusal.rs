//! Why the edge refuses a request before a service has seen it, and what is known of that request.

use http::header::HOST;
use http::{HeaderValue, Method, Request, StatusCode, Uri};

use crate::wire::host::Authority;

/// Why the edge refuses a request.
///
/// A service learns of each refusal exactly once: by [`super::Service::refuse`] where it makes the
/// answer, by [`super::Service::refused`] where the edge or the HTTP library has answered already, or
/// where the connection is closed without an answer. Connections on which nothing was asked, such as
/// a silent one or a failed TLS handshake, are not refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EarlyRefusal {
    /// It can be read in two ways where the body ends (RFC 9112 §6.3); the connection is closed.
    BadFraming,
    /// It is not HTTP/1, as the HTTP library reads it; the connection is closed.
    Malformed,
    /// An HTTP/2 connection does not begin with the preface, or an HTTP/1 one does
    /// (RFC 9113 §3.4); the connection is closed.
    WrongPreface,
    /// The request target is longer than [`super::Limits::target_bytes`].
    TargetTooLong,
    /// The head is longer than [`super::Limits::head_bytes`], or has more fields over HTTP/1 than
    /// [`super::Limits::head_fields`]; the connection is closed.
    HeaderTooLarge,
    /// The head has more fields over HTTP/2 than [`super::Limits::head_fields`].
    TooManyFields,
    /// The head took longer than [`super::Limits::head`]; the connection is closed.
    HeadDeadline,
    /// The client's address has as many connections as it may; this one is closed.
    TooManyConnections,
    /// The client gave up more HTTP/2 requests than [`super::Limits::cancellations`]; the
    /// connection is closed.
    TooManyCancellations,
    /// The service panicked while it answered.
    Panic,
}

impl EarlyRefusal {
    /// The status of the answer; where the connection is closed without one
    /// ([`EarlyRefusal::is_answered`]), the status that says the same.
    pub fn status(self) -> StatusCode {
        match self {
            Self::BadFraming | Self::Malformed | Self::WrongPreface => StatusCode::BAD_REQUEST,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::HeaderTooLarge | Self::TooManyFields => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Self::HeadDeadline => StatusCode::REQUEST_TIMEOUT,
            Self::TooManyConnections | Self::TooManyCancellations => StatusCode::TOO_MANY_REQUESTS,
            Self::Panic => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether the client gets an answer with that status. If not, its connection is closed.
    pub fn is_answered(self) -> bool {
        match self {
            Self::WrongPreface | Self::TooManyConnections | Self::TooManyCancellations => false,
            Self::BadFraming
            | Self::Malformed
            | Self::TargetTooLong
            | Self::HeaderTooLarge
            | Self::TooManyFields
            | Self::HeadDeadline
            | Self::Panic => true,
        }
    }

    /// What is wrong, for people: for the log and for plain answers.
    pub fn text(self) -> &'static str {
        match self {
            Self::BadFraming => "the length of the request body is ambiguous",
            Self::Malformed => "the request is not valid HTTP",
            Self::WrongPreface => "the connection begins in another protocol than was agreed",
            Self::TargetTooLong => "the request target is too long",
            Self::HeaderTooLarge => "the request header is too large",
            Self::TooManyFields => "the request has too many header fields",
            Self::HeadDeadline => "the request header did not arrive in time",
            Self::TooManyConnections => "there are too many connections from this address",
            Self::TooManyCancellations => "the client cancels too many requests",
            Self::Panic => "the request could not be answered because of a defect",
        }
    }

    /// What the HTTP library has refused and answered by itself when an HTTP/1 connection ends with
    /// `error`; `None` where that is not what happened.
    pub(super) fn of_http1(error: &hyper::Error) -> Option<Self> {
        if error.is_parse_version_h2() {
            Some(Self::WrongPreface)
        } else if error.is_parse_too_large() {
            Some(Self::HeaderTooLarge)
        } else {
            error.is_parse().then_some(Self::Malformed)
        }
    }
}

/// What is known of a request that the edge refuses. Method and path are what the client sent:
/// nothing of them has been checked.
#[derive(Clone, Debug)]
pub struct RefusedHead {
    method: Method,
    target: Uri,
    host: Option<HeaderValue>,
}

impl RefusedHead {
    /// Shares the bytes of the head, so that it can be kept while the request is answered.
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self {
            method: request.method().clone(),
            target: request.uri().clone(),
            host: request.headers().get(HOST).cloned(),
        }
    }

    /// Its method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The host in its target, else in its first `Host` field, with the port if one was sent. Security:
    /// `None` for what is not a host and a port, because it goes into the log, and a user name and a
    /// password may be in it.
    pub fn host(&self) -> Option<&str> {
        let of_target = self.target.authority().map(http::uri::Authority::as_str);
        let host = of_target.or_else(|| self.host.as_ref()?.to_str().ok())?;
        Authority::parse(host).is_ok().then_some(host)
    }

    /// The path in its target, without the query.
    pub fn path(&self) -> &str {
        self.target.path()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_names_the_host_of_its_target_before_the_header() {
        let request = Request::get("/a?b").header(HOST, "a.example:1").body(()).unwrap();
        let head = RefusedHead::of(&request);
        assert_eq!((head.host(), head.path()), (Some("a.example:1"), "/a"));
        let request = Request::post("http://b.example/").header(HOST, "a.example").body(());
        assert_eq!(RefusedHead::of(&request.unwrap()).host(), Some("b.example"));
        assert_eq!(RefusedHead::of(&Request::new(())).host(), None);
    }

    #[test]
    fn a_name_and_a_password_in_place_of_a_host_are_not_told() {
        let request = Request::get("/").header(HOST, "user:s3cret@a.example").body(()).unwrap();
        assert_eq!(RefusedHead::of(&request).host(), None);
        let request = Request::get("http://user:s3cret@a.example/").body(()).unwrap();
        assert_eq!(RefusedHead::of(&request).host(), None);
    }
}
