//! The bodies of a request and its answer, as a service sees them: streams that buffer nothing and
//! end when the client is silent for too long.

use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};

use super::progress::Progress;
use super::watch::Watch;
use crate::base::time::{Instant, monotonic};

/// Why the rest of a request's body cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The client owes a part and sends nothing, or too little: 408.
    #[error("the client did not send the rest of its request in time")]
    TimedOut,
    /// The client went away, reset the stream, or framed it wrongly: 400, if it still listens.
    #[error("the client did not send its whole request")]
    Broken(#[from] hyper::Error),
    /// Reading on failed before.
    #[error("the request was given up")]
    GivenUp,
}

impl BodyError {
    /// Whether `error`, or a cause of it, is a client that did not send in time.
    pub fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
        let mut next = Some(error);
        while let Some(error) = next {
            if matches!(error.downcast_ref(), Some(Self::TimedOut)) {
                return true;
            }
            next = error.source();
        }
        false
    }
}

/// The body of a request. Ends with [`BodyError::TimedOut`] where the client lets us wait; time in
/// which the service does not ask for the next part does not count.
#[derive(Debug)]
pub struct RequestBody {
    source: Source,
    /// Keeps the connection from counting as idle.
    held: Option<Held>,
    timer: Option<Pin<Box<Sleep>>>,
    waiting_since: Option<Instant>,
    waited: Duration,
    received: u64,
    failed: bool,
}

/// Who reads the body from the connection. HTTP/3 joins here.
#[derive(Debug)]
enum Source {
    /// hyper, which reads HTTP/1 and HTTP/2.
    Hyper(Incoming),
}

impl Source {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        match self {
            Self::Hyper(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Hyper(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Hyper(body) => body.size_hint(),
        }
    }
}

impl RequestBody {
    pub(super) fn new(body: Incoming, watch: &Arc<Watch>) -> Self {
        let held = (!body.is_end_stream()).then(|| Held::new(watch));
        Self {
            source: Source::Hyper(body),
            held,
            timer: None,
            waiting_since: None,
            waited: Duration::ZERO,
            received: 0,
            failed: false,
        }
    }

    fn fail(&mut self, error: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.failed = true;
        self.held = None;
        Poll::Ready(Some(Err(error)))
    }

    /// Whether the client is too late, measured when it has been silent or sent something.
    fn too_slow(&self) -> bool {
        let Some(held) = &self.held else { return false };
        let limits = held.0.limits();
        let beyond = self.waited.saturating_sub(limits.body_idle).as_secs();
        self.received < beyond.saturating_mul(limits.body_bytes_per_second)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.failed {
            return Poll::Ready(Some(Err(BodyError::GivenUp)));
        }
        let Poll::Ready(frame) = self.source.poll_frame(cx) else {
            let Some(held) = &self.held else { return Poll::Pending };
            let idle = held.0.limits().body_idle;
            self.waiting_since.get_or_insert_with(monotonic);
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(idle)));
            ready!(timer.as_mut().poll(cx));
            return self.fail(BodyError::TimedOut);
        };
        if let Some(since) = self.waiting_since.take() {
            self.waited += monotonic().duration_since(since);
            self.timer = None;
        }
        match frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.received = self.received.saturating_add(bytes as u64);
                if self.source.is_end_stream() {
                    self.held = None;
                } else if self.too_slow() {
                    return self.fail(BodyError::TimedOut);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => self.fail(error.into()),
            None => {
                self.held = None;
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        !self.failed && self.source.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.source.size_hint()
    }
}

/// The body of an answer, on its way to the client. A panic while it is made ends it as an error, so
/// that the client sees it cut.
#[derive(Debug)]
pub struct ResponseBody<B> {
    inner: B,
    exchange: Exchange,
    progress: Option<Arc<Progress>>,
    /// Whether it answers HEAD, and so ends before it begins (RFC 9110 §9.3.2).
    head_only: bool,
}

impl<B: Body> ResponseBody<B> {
    pub(super) fn new(inner: B, mut exchange: Exchange, to_head: bool) -> Self {
        if to_head || inner.is_end_stream() {
            exchange.finished();
        }
        Self { inner, exchange, progress: Progress::of_this_stream(), head_only: to_head }
    }
}

impl<B> Body for ResponseBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn StdError + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        if this.head_only {
            return Poll::Ready(None);
        }
        if let Some(progress) = &this.progress {
            progress.asked();
        }
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut this.inner).poll_frame(cx)));
        let Ok(polled) = polled else {
            tracing::error!("a panic while an answer was sent; it was cut off");
            this.exchange.finished();
            return Poll::Ready(Some(Err("the answer could not be completed".into())));
        };
        let frame = ready!(polled).map(|frame| frame.map_err(Into::into));
        match &frame {
            Some(Ok(_)) => {
                if let Some(progress) = &this.progress {
                    progress.handed_over();
                }
            }
            // The end or an error: in neither case did the client give up the request.
            Some(Err(_)) | None => this.exchange.finished(),
        }
        if this.inner.is_end_stream() {
            this.exchange.finished();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.head_only || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// One request from its head to the last byte of its answer; counts as given up by the client when
/// it is dropped before that.
#[derive(Debug)]
pub(super) struct Exchange {
    watch: Arc<Watch>,
    finished: bool,
}

impl Exchange {
    /// Takes over what [`Watch::begin`] counted.
    pub(super) fn of(watch: &Arc<Watch>) -> Self {
        Self { watch: Arc::clone(watch), finished: false }
    }

    pub(super) fn finished(&mut self) {
        self.finished = true;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.finished {
            self.watch.cancelled();
        }
        self.watch.release();
    }
}

/// Something that keeps a connection from being idle.
#[derive(Debug)]
struct Held(Arc<Watch>);

impl Held {
    fn new(watch: &Arc<Watch>) -> Self {
        watch.hold();
        Self(Arc::clone(watch))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.release();
    }
}
