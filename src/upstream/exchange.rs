//! One request to an application and its answer.

use std::error::Error as StdError;
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::{Parts, PathAndQuery};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;
use tokio::time::{sleep, sleep_until};

use super::body::{Lease, UpstreamBody};
use super::connect::{Connection, Upstream};
use super::error::SendError;
use super::pool::Idle;
use super::sent_body::{Sending, SentBody};
use super::settings::PoolLimits;
use crate::base::tasks::Tasks;
use crate::base::time::monotonic;

/// The way to all applications, for one worker: keeps its idle connections.
///
/// `B` is the body of requests. `P` is the permit that each request costs: a value that only the
/// decision to admit it can make, so that nothing else can reach an application.
#[derive(Debug)]
pub struct Pool<B, P> {
    idle: Arc<Idle<B>>,
    tasks: Tasks,
    permit: PhantomData<fn(P)>,
}

impl<B, P> Clone for Pool<B, P> {
    fn clone(&self) -> Self {
        Self { idle: Arc::clone(&self.idle), tasks: self.tasks.clone(), permit: PhantomData }
    }
}

impl<B, P> Pool<B, P>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    /// A pool whose connections are tasks of `tasks`, which is the owner on the worker that uses it.
    pub fn new(limits: PoolLimits, tasks: Tasks) -> Self {
        let idle = Idle::new(limits);
        let weak = Arc::downgrade(&idle);
        let pause = idle.limits().idle;
        tasks.run_until_stopped("idle upstream connections", async move {
            loop {
                sleep(pause).await;
                match weak.upgrade() {
                    Some(idle) => idle.sweep(),
                    None => return,
                }
            }
        });
        Self { idle, tasks, permit: PhantomData }
    }

    /// Sends `request` to `upstream` and returns its answer as soon as the head of it is there; both
    /// bodies stream. Only path and query of the request's address are used; `Host` is the
    /// upstream's own where there is none. Framing is ours in both directions, trailers and 1xx end
    /// here. Dropping the future or the body of the answer closes the connection.
    ///
    /// # Errors
    /// Where no usable answer begins; [`SendError::status`] says what to answer then.
    pub async fn send(
        &self,
        _permit: P,
        upstream: &Upstream,
        request: Request<B>,
    ) -> Result<Response<UpstreamBody<B>>, SendError> {
        if request.method() == Method::CONNECT {
            return Err(SendError::Connect);
        }
        let (mut request, sending) = prepare(request, upstream);
        let timeout = upstream.timeout();
        if let Some(connection) = self.idle.take(upstream.key()) {
            match exchange(connection, request, sending.as_ref(), timeout).await {
                Ok(answer) => return self.accept(answer, upstream, sending),
                // The application had closed it: not a byte of the request was written.
                Err(Failure::Unsent(unsent, _)) => request = *unsent,
                Err(Failure::Sent(error)) => return Err(error),
            }
        }
        let connection = upstream.connect(self.idle.limits(), &self.tasks).await?;
        match exchange(connection, request, sending.as_ref(), timeout).await {
            Ok(answer) => self.accept(answer, upstream, sending),
            Err(Failure::Unsent(_, error)) => Err(SendError::Reset(error)),
            Err(Failure::Sent(error)) => Err(error),
        }
    }

    fn accept(
        &self,
        (response, connection): (Response<Incoming>, Connection<B>),
        upstream: &Upstream,
        sending: Option<Arc<Sending>>,
    ) -> Result<Response<UpstreamBody<B>>, SendError> {
        let (mut head, body) = response.into_parts();
        well_framed(&head)?;
        head.headers.remove(TRANSFER_ENCODING);
        head.headers.remove(TRAILER);
        // A server that speaks HTTP/1.0 cannot be trusted to keep to HTTP/1.1's ends of messages.
        let reusable = head.version == Version::HTTP_11;
        let home = reusable.then(|| (Arc::clone(&self.idle), upstream.key().clone()));
        let body = UpstreamBody::new(body, Lease { connection, home, sending });
        Ok(Response::from_parts(head, body))
    }
}

enum Failure<B> {
    /// Nothing was written; the request is as it was.
    Unsent(Box<Request<SentBody<B>>>, hyper::Error),
    Sent(SendError),
}

/// Sends and waits for the head of the answer: no longer than `timeout` since the last part of the
/// request went out.
async fn exchange<B>(
    mut connection: Connection<B>,
    request: Request<SentBody<B>>,
    sending: Option<&Arc<Sending>>,
    timeout: Option<Duration>,
) -> Result<(Response<Incoming>, Connection<B>), Failure<B>>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let started = monotonic();
    let answered = match timeout {
        None => connection.sender.try_send_request(request).await,
        Some(timeout) => {
            let mut answer = pin!(connection.sender.try_send_request(request));
            let mut deadline = pin!(sleep_until(started + timeout));
            loop {
                tokio::select! {
                    biased;
                    answered = &mut answer => break answered,
                    () = &mut deadline => {
                        let moved = sending.map_or(started, |sending| sending.last_moved().max(started));
                        if moved + timeout <= monotonic() {
                            return Err(Failure::Sent(SendError::HeadTimeout(timeout)));
                        }
                        deadline.as_mut().reset(moved + timeout);
                    }
                }
            }
        }
    };
    match answered {
        Ok(response) => Ok((response, connection)),
        Err(mut error) => Err(match error.take_message() {
            Some(request) => Failure::Unsent(Box::new(request), error.into_error()),
            None => Failure::Sent(SendError::from_hyper(error.into_error())),
        }),
    }
}

/// Makes the request ours: origin form, HTTP/1.1, framed by what its body is and by nothing that
/// its client said about it (T07).
fn prepare<B: Body>(
    request: Request<B>,
    upstream: &Upstream,
) -> (Request<SentBody<B>>, Option<Arc<Sending>>) {
    let (mut head, body) = request.into_parts();
    head.version = Version::HTTP_11;
    head.uri = origin_form(head.uri);
    for name in [CONNECTION, CONTENT_LENGTH, EXPECT, TE, TRAILER, TRANSFER_ENCODING, UPGRADE] {
        head.headers.remove(name);
    }
    head.headers.entry(HOST).or_insert_with(|| upstream.authority().clone());
    let sending = (!body.is_end_stream()).then(Sending::new);
    if sending.is_none() {
        // RFC 9110 §8.6: a method that may have a body says that it has none.
        if matches!(head.method, Method::POST | Method::PUT | Method::PATCH) {
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
    } else if body.size_hint().exact().is_none() {
        // Said aloud, because the library would leave out the body of a GET otherwise.
        head.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    let body = SentBody::new(body, sending.clone());
    (Request::from_parts(head, body), sending)
}

fn origin_form(uri: Uri) -> Uri {
    if uri.authority().is_none() && uri.scheme().is_none() {
        return uri;
    }
    let mut parts = Parts::default();
    let path_and_query = uri.into_parts().path_and_query;
    parts.path_and_query = Some(path_and_query.unwrap_or(PathAndQuery::from_static("/")));
    // Path and query alone always make an address.
    Uri::from_parts(parts).unwrap_or_default()
}

/// Whether there is one way only to read where the answer ends (RFC 9112 §6.3, and stricter).
fn well_framed(head: &http::response::Parts) -> Result<(), SendError> {
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(SendError::Malformed("it switches protocols, and nobody asked for that"));
    }
    let lengths = head.headers.get_all(CONTENT_LENGTH).iter().count();
    let mut encodings = head.headers.get_all(TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next(), lengths) {
        (None, _, 0 | 1) => Ok(()),
        (None, _, _) => Err(SendError::Malformed("it has more than one Content-Length")),
        (Some(_), _, 1..) => {
            Err(SendError::Malformed("it has both Content-Length and Transfer-Encoding"))
        }
        (Some(one), None, 0) if one.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(SendError::Malformed("its Transfer-Encoding is not chunked")),
    }
}
