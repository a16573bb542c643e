//! The way out to Apple, and the only user of `reqwest`.
//!
//! Security: no redirect is followed, no proxy is taken from the environment, nothing is
//! decompressed, nothing is sent a second time; every answer is bounded in time and size (T57, T62,
//! T69, T77).

use std::error::Error as StdError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_ENCODING, DATE, HeaderMap};
use reqwest::{Certificate, RequestBuilder, StatusCode, Url, redirect, retry};
use rustls_pki_types::CertificateDer;

use crate::base::time::Timestamp;
use crate::wire::loopback::is_loopback_name;

/// Bytes of an answer that are read; anything longer is refused.
const BODY_LIMIT_BYTES: usize = 256 * 1024;

/// How long a call to Apple may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands, TLS included. Default 5 s.
    pub connect: Duration,
    /// From the first step to the last byte of the answer. Default 15 s.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(15) }
    }
}

/// Why the machine cannot talk to anybody.
#[derive(Debug, thiserror::Error)]
#[error("cannot prepare TLS: {}; is the package `ca-certificates` installed?", root_cause(.0))]
pub struct ClientError(#[source] reqwest::Error);

/// Why a call brought no answer that could be read.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Too slow: at connecting, or until the last byte.
    #[error("no answer in time")]
    Timeout,
    /// No such name, nobody there, no way.
    #[error("no connection: {}", root_cause(.0))]
    Connect(#[source] reqwest::Error),
    /// The other side could not prove who it is, or speaks no TLS that we do.
    #[error("TLS failed: {}", root_cause(.0))]
    Tls(#[source] reqwest::Error),
    /// The connection broke, or what came over it was no HTTP.
    #[error("the connection broke: {}", root_cause(.0))]
    Broken(#[source] reqwest::Error),
    /// More than 256 KiB.
    #[error("the answer is longer than 256 KiB")]
    TooLong,
    /// Compressed, although nobody asked for that.
    #[error("the answer is compressed")]
    Compressed,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The other side's clock, where the answer has it.
    pub(super) date: Option<Timestamp>,
    /// At most [`BODY_LIMIT_BYTES`].
    pub(super) body: Vec<u8>,
}

/// Calls one provider.
#[derive(Clone, Debug)]
pub(super) struct Client {
    http: reqwest::Client,
}

impl Client {
    /// A client that trusts the system's roots and `extra_roots`.
    pub(super) fn new(
        extra_roots: &[CertificateDer<'static>],
        timeouts: Timeouts,
    ) -> Result<Self, ClientError> {
        let roots: Result<Vec<_>, _> =
            extra_roots.iter().map(|root| Certificate::from_der(root)).collect();
        let http = reqwest::Client::builder()
            .user_agent("russet")
            .tls_backend_rustls()
            .tls_certs_merge(roots.map_err(ClientError)?)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .referer(false)
            // A code is spent once: no connection that idled is trusted with it.
            .pool_max_idle_per_host(0)
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.total)
            .dns_resolver(Names)
            .build()
            .map_err(ClientError)?;
        Ok(Self { http })
    }

    pub(super) async fn get(&self, url: Url) -> Result<Answer, CallError> {
        send(self.http.get(url)).await
    }

    /// Posts `application/x-www-form-urlencoded`. Credentials go into `fields` alone: Apple takes
    /// no Authorization header.
    pub(super) async fn post_form(
        &self,
        url: Url,
        fields: &[(&str, &str)],
    ) -> Result<Answer, CallError> {
        send(self.http.post(url).form(fields)).await
    }
}

async fn send(request: RequestBuilder) -> Result<Answer, CallError> {
    let mut response = request.send().await.map_err(CallError::of)?;
    if response.headers().contains_key(CONTENT_ENCODING) {
        return Err(CallError::Compressed);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(CallError::of)? {
        if body.len() + chunk.len() > BODY_LIMIT_BYTES {
            return Err(CallError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status: response.status(), date: date_of(response.headers()), body })
}

fn date_of(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get(DATE)?.to_str().ok()?;
    let date = rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(Timestamp(date.as_second()))
}

impl CallError {
    fn of(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_timeout() {
            Self::Timeout
        } else if causes(&error).any(|cause| cause.is::<rustls::Error>()) {
            Self::Tls(error)
        } else if error.is_connect() {
            Self::Connect(error)
        } else {
            Self::Broken(error)
        }
    }
}

/// The error and everything below it. `std::io::Error` hides what it wraps from
/// [`StdError::source`], so that is looked at as well.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        wrapped.map(|inner| inner as &(dyn StdError + 'static)).or_else(|| error.source())
    })
}

/// The innermost cause, which is the one that says something.
fn root_cause(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

/// Looks names up with the system, except those that RFC 6761 §6.3 keeps on this machine and that
/// not every libc knows.
struct Names;

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses: Addrs = if is_loopback_name(name.as_str()) {
                let loopback: [IpAddr; 2] =
                    [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
                Box::new(loopback.map(|address| SocketAddr::new(address, 0)).into_iter())
            } else {
                let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
                Box::new(found.into_iter())
            };
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apple::testing::{Reply, Server, timeouts};

    fn client() -> Client {
        Client::new(&[], timeouts()).unwrap()
    }

    async fn get(client: &Client, url: &str) -> Result<Answer, CallError> {
        client.get(url.parse().unwrap()).await
    }

    #[tokio::test]
    async fn an_answer_has_status_date_and_body() {
        let server = Server::start(|_| {
            Reply::new(418, "text/plain", "short").header("Date", "Sun, 06 Nov 1994 08:49:37 GMT")
        })
        .await;
        let answer = get(&client(), &server.url("/x")).await.unwrap();
        assert_eq!((answer.status.as_u16(), &*answer.body), (418, &b"short"[..]));
        assert_eq!(answer.date, Some(Timestamp(784_111_777)));
        let request = server.requests().remove(0);
        assert_eq!(request.header("user-agent"), Some("russet"));
        for absent in ["accept-encoding", "authorization", "referer", "cookie"] {
            assert_eq!(request.header(absent), None, "{absent}");
        }
    }

    #[tokio::test]
    async fn names_under_localhost_are_this_machine() {
        let server = Server::start(|_| Reply::new(200, "text/plain", "here")).await;
        for host in ["apple.localhost", "localhost", "a.b.LOCALHOST", "127.0.0.1"] {
            let url = format!("http://{host}:{}/", server.port());
            assert_eq!(get(&client(), &url).await.unwrap().body, b"here", "{host}");
        }
        assert!(!is_loopback_name("localhost.example"));
        assert!(!is_loopback_name("notlocalhost"));
    }

    #[tokio::test]
    async fn t57_an_answer_is_never_inflated() {
        for encoding in ["gzip", "br", "deflate", "zstd"] {
            let server = Server::start(move |_| {
                Reply::new(200, "application/json", "\x1f").header("Content-Encoding", encoding)
            })
            .await;
            let error = get(&client(), &server.url("/")).await.unwrap_err();
            assert!(matches!(error, CallError::Compressed), "{encoding}: {error:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_is_bounded() {
        let length = |bytes: usize| async move {
            let server =
                Server::start(move |_| Reply::new(200, "text/plain", "x".repeat(bytes))).await;
            get(&client(), &server.url("/")).await.map(|answer| answer.body.len())
        };
        assert_eq!(length(BODY_LIMIT_BYTES).await.unwrap(), BODY_LIMIT_BYTES);
        assert!(matches!(length(BODY_LIMIT_BYTES + 1).await, Err(CallError::TooLong)));
        assert!(matches!(length(10 * 1024 * 1024).await, Err(CallError::TooLong)));
    }

    #[tokio::test]
    async fn t77_slow_broken_and_absent_are_told_apart() {
        let silent = Server::start(|_| Reply::Silence).await;
        let error = get(&client(), &silent.url("/")).await.unwrap_err();
        assert!(matches!(error, CallError::Timeout), "{error:?}");

        let dripping = Server::start(|_| Reply::Stall).await;
        let error = get(&client(), &dripping.url("/")).await.unwrap_err();
        assert!(matches!(error, CallError::Timeout), "{error:?}");

        let broken = Server::start(|_| Reply::Reset).await;
        let error = get(&client(), &broken.url("/")).await.unwrap_err();
        assert!(matches!(error, CallError::Broken(_)), "{error:?}");

        let half = Server::start(|_| Reply::Half).await;
        let error = get(&client(), &half.url("/")).await.unwrap_err();
        assert!(matches!(error, CallError::Broken(_)), "{error:?}");

        let gone = Server::start(|_| Reply::Reset).await;
        let url = gone.url("/");
        gone.stop().await;
        let error = get(&client(), &url).await.unwrap_err();
        assert!(matches!(error, CallError::Connect(_)), "{error:?}");
        assert!(error.to_string().contains("refused"), "{error}");
    }

    #[tokio::test]
    async fn tls_is_checked_against_the_roots_given() {
        let (server, root) = Server::start_tls(|_| Reply::new(200, "text/plain", "safe")).await;
        let url = format!("https://apple.localhost:{}/", server.port());
        let trusting = Client::new(&[root], timeouts()).unwrap();
        assert_eq!(get(&trusting, &url).await.unwrap().body, b"safe");
        let error = get(&client(), &url).await.unwrap_err();
        assert!(matches!(error, CallError::Tls(_)), "{error:?}");
        let other_name = format!("https://other.localhost:{}/", server.port());
        let error = get(&trusting, &other_name).await.unwrap_err();
        assert!(matches!(error, CallError::Tls(_)), "{error:?}");
        assert_eq!(server.requests().len(), 1);
    }

    #[tokio::test]
    async fn http_2_is_spoken_where_it_is_offered() {
        let (server, root) = Server::start_h2().await;
        let trusting = Client::new(&[root], timeouts()).unwrap();
        let url = format!("https://apple.localhost:{}/", server.port());
        for _ in 0..2 {
            assert_eq!(get(&trusting, &url).await.unwrap().body, b"HTTP/2.0");
        }
    }

    #[tokio::test]
    async fn t62_redirects_are_not_followed() {
        let second = Server::start(|_| Reply::new(200, "text/plain", "metadata")).await;
        for status in [301, 302, 303, 307, 308] {
            let target = second.url("/latest");
            let first = Server::start(move |_| {
                Reply::new(status, "text/plain", "").header("Location", &target)
            })
            .await;
            let answer = get(&client(), &first.url("/")).await.unwrap();
            assert_eq!(answer.status.as_u16(), status);
        }
        assert_eq!(second.requests().len(), 0);
    }
}
