//! The body of a request on its way to an application. It streams; trailers end here (T06).

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::base::lock::lock;
use crate::base::time::{Instant, monotonic};

/// How far the body of a request has come on its way to the application.
#[derive(Debug)]
pub(super) struct Sending {
    ended: AtomicBool,
    moved: Mutex<Instant>,
}

impl Sending {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { ended: AtomicBool::new(false), moved: Mutex::new(monotonic()) })
    }

    /// Whether the last byte was handed over.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// When the last part was handed over.
    pub(super) fn last_moved(&self) -> Instant {
        *lock(&self.moved)
    }

    fn moved(&self) {
        *lock(&self.moved) = monotonic();
    }

    fn end(&self) {
        self.moved();
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// The body of a request, watched on its way.
#[derive(Debug)]
pub(super) struct SentBody<B> {
    inner: B,
    sending: Option<Arc<Sending>>,
}

impl<B> SentBody<B> {
    /// `sending` is `None` where there is no body.
    pub(super) fn new(inner: B, sending: Option<Arc<Sending>>) -> Self {
        Self { inner, sending }
    }

    fn end(&mut self) {
        if let Some(sending) = self.sending.take() {
            sending.end();
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for SentBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        loop {
            match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) if frame.is_data() => {
                    if self.inner.is_end_stream() {
                        self.end();
                    } else if let Some(sending) = &self.sending {
                        sending.moved();
                    }
                    return Poll::Ready(Some(Ok(frame)));
                }
                // Trailers.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    self.end();
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
