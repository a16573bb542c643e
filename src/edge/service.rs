//! What answers requests, and how the edge calls it: bounded, counted, and so that a panic in one
//! request hurts no other.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Request, Response};
use http_body::Body;
use hyper::body::Incoming;

use super::body::{Exchange, RequestBody, ResponseBody};
use super::framing::HeadScan;
use super::refusal::{EarlyRefusal, RefusedHead};
use super::watch::{Protocol, Watch};
use crate::wire::path::FragmentCut;

/// What answers requests.
pub trait Service: Send + Sync + 'static {
    /// The body of its answers.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>>
        + Send
        + Unpin
        + 'static;

    /// Answers one request. Dropped at any await when the client goes away.
    fn call(
        &self,
        request: Request<RequestBody>,
        connection: ConnectionInfo,
    ) -> impl Future<Output = Response<Self::Body>> + Send;

    /// Answers a request that the edge refuses, or that ended in a panic. `head` is what the client
    /// sent.
    fn refuse(
        &self,
        refusal: EarlyRefusal,
        head: &RefusedHead,
        connection: &ConnectionInfo,
    ) -> Response<Self::Body>;

    /// Learns of a refusal that needs no answer any more, of which nothing but the connection is
    /// known: the edge or the HTTP library has answered, or the connection is closed without an
    /// answer. No refusal is given to [`Service::refuse`] as well.
    fn refused(&self, refusal: EarlyRefusal, connection: &ConnectionInfo);
}

/// What is known about the connection that a request came on.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    /// The other end; an IPv4 address also where it came in over IPv6.
    pub peer: SocketAddr,
    /// Whether TLS ends here.
    pub tls: bool,
    /// The name that the client asked for in TLS, lower case; `None` if it sent none.
    pub server_name: Option<Arc<str>>,
}

/// One connection's way to the service.
pub(super) struct Caller<S> {
    service: Arc<S>,
    connection: ConnectionInfo,
    watch: Arc<Watch>,
}

impl<S> Clone for Caller<S> {
    fn clone(&self) -> Self {
        Self {
            service: Arc::clone(&self.service),
            connection: self.connection.clone(),
            watch: Arc::clone(&self.watch),
        }
    }
}

impl<S: Service> Caller<S> {
    pub(super) fn new(service: Arc<S>, connection: ConnectionInfo, watch: Arc<Watch>) -> Self {
        Self { service, connection, watch }
    }

    /// Answers one request. What is counted begins now, not when the future is first polled.
    pub(super) fn call(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<ResponseBody<S::Body>>, Infallible>> + Send + use<S>
    {
        let scan = self.watch.begin(request.version());
        let exchange = Exchange::of(&self.watch);
        let caller = self.clone();
        async move {
            let to_head = *request.method() == Method::HEAD;
            let mut response = caller.answer(request, &scan).await;
            if to_head {
                announce_length(&mut response);
            }
            Ok(response.map(|body| ResponseBody::new(body, exchange, to_head)))
        }
    }

    async fn answer(&self, request: Request<Incoming>, scan: &HeadScan) -> Response<S::Body> {
        // Kept for the record of a panic, because the service takes the request.
        let head = RefusedHead::of(&request);
        let mut response = match self.refusal(&request, scan) {
            Some(refusal) => self.refuse(refusal, &head),
            None => {
                let mut request = request.map(|body| RequestBody::new(body, &self.watch));
                if scan.had_fragment() {
                    request.extensions_mut().insert(FragmentCut);
                }
                let call = self.service.call(request, self.connection.clone());
                match catch_panic(call).await {
                    Some(response) => response,
                    None => self.refuse(EarlyRefusal::Panic, &head),
                }
            }
        };
        if self.watch.protocol() == Protocol::Http1 && self.watch.is_draining() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    fn refusal(&self, request: &Request<Incoming>, scan: &HeadScan) -> Option<EarlyRefusal> {
        let limits = self.watch.limits();
        if self.watch.protocol() == Protocol::Http1 && !well_framed(request, scan) {
            return Some(EarlyRefusal::BadFraming);
        }
        let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
        if target > limits.target_bytes {
            return Some(EarlyRefusal::TargetTooLong);
        }
        // HTTP/2 knows a limit of bytes only; its cookie crumbs count one by one.
        (request.headers().len() > limits.head_fields).then_some(EarlyRefusal::TooManyFields)
    }

    fn refuse(&self, refusal: EarlyRefusal, head: &RefusedHead) -> Response<S::Body> {
        let mut response = self.service.refuse(refusal, head, &self.connection);
        if refusal == EarlyRefusal::BadFraming {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// An answer to HEAD is as long as the one to GET would be, though nothing of it is sent; the HTTP
/// library knows neither.
fn announce_length(response: &mut Response<impl Body>) {
    let length = response.body().size_hint().exact().filter(|length| *length > 0);
    if let Some(length) = length {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| length.into());
    }
}

/// Whether there is one way only to read where the body of an HTTP/1 request ends (RFC 9112 §6.3,
/// and stricter: no encoding but `chunked`, and once).
fn well_framed(request: &Request<Incoming>, scan: &HeadScan) -> bool {
    let mut encodings = request.headers().get_all(TRANSFER_ENCODING).iter();
    let encoding = encodings.next();
    let chunked_once = match encoding {
        Some(value) => {
            value.as_bytes().eq_ignore_ascii_case(b"chunked") && encodings.next().is_none()
        }
        None => true,
    };
    chunked_once && !scan.ambiguous(encoding.is_some(), request.headers().len())
}

/// The output of `future`; `None` if it panicked (T86).
async fn catch_panic<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let caught = poll_fn(|cx| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Some(output)),
            // Security: what a panic says may hold a secret (T27); it goes nowhere from here.
            Err(_) => Poll::Ready(None),
        }
    })
    .await;
    if caught.is_none() {
        tracing::error!("a panic while a request was answered; it got 500");
    }
    caught
}
