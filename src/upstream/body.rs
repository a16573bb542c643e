//! The body of an application's answer, with the connection that it comes on.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::connect::Connection;
use super::key::Key;
use super::pool::Idle;
use super::sent_body::Sending;

/// The answer of an application was cut off: what came of it must not look complete.
#[derive(Debug, thiserror::Error)]
#[error("the answer of the application was cut off")]
pub struct CutOff(#[from] hyper::Error);

/// The body of an application's answer. Its connection is kept for the next request only if this is
/// read to its end; dropping it before closes the connection.
#[derive(Debug)]
pub struct UpstreamBody<B> {
    inner: Incoming,
    lease: Option<Lease<B>>,
}

/// A connection with an exchange in flight.
#[derive(Debug)]
pub(super) struct Lease<B> {
    pub(super) connection: Connection<B>,
    /// Where it goes afterwards; `None` if it must not be used again.
    pub(super) home: Option<(Arc<Idle<B>>, Key)>,
    pub(super) sending: Option<Arc<Sending>>,
}

impl<B> Lease<B> {
    /// The answer has ended. What was not yet sent of the request will never be: then the connection
    /// is closed (T12).
    fn end(self) {
        let sent = self.sending.is_none_or(|sending| sending.has_ended());
        if let Some((idle, key)) = self.home
            && sent
        {
            idle.put(&key, self.connection);
        }
    }
}

impl<B> UpstreamBody<B> {
    pub(super) fn new(inner: Incoming, lease: Lease<B>) -> Self {
        let mut body = Self { inner, lease: Some(lease) };
        if body.inner.is_end_stream() {
            body.end();
        }
        body
    }

    fn end(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.end();
        }
    }
}

impl<B> Body for UpstreamBody<B> {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        let this = self.get_mut();
        loop {
            match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                Some(Ok(frame)) if frame.is_data() => {
                    if this.inner.is_end_stream() {
                        this.end();
                    }
                    return Poll::Ready(Some(Ok(frame)));
                }
                // Trailers.
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    this.lease = None;
                    return Poll::Ready(Some(Err(error.into())));
                }
                None => {
                    this.end();
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
