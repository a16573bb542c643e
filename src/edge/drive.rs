//! Runs a connection of the HTTP library under the deadlines of its [`Watch`].

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, Write};
use tokio::time::{Sleep, sleep_until};

use super::drain::Drain;
use super::watch::{Expiry, Watch};
use crate::base::time::{Instant, monotonic};

/// How the life of a connection ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The HTTP library is done with it.
    Closed(hyper::Result<()>),
    /// A deadline passed.
    Expired(Expiry),
    /// The client gave up too many requests.
    Cancelling,
}

/// A connection of the HTTP library, of either version.
pub(super) trait HttpConnection: Future<Output = hyper::Result<()>> {
    /// Ends it as soon as what is in flight has been answered.
    fn shut_down(self: Pin<&mut Self>);
}

/// Runs `connection` until it ends, a deadline of `watch` passes, or its client misbehaves. When
/// `drain` begins it is brought to its end without losing a request.
pub(super) async fn drive<C: HttpConnection>(
    mut connection: Pin<&mut C>,
    watch: &Watch,
    mut drain: Drain,
) -> Outcome {
    let mut begun = pin!(drain.begun());
    let mut draining = false;
    let mut timer = Timer::new();
    poll_fn(|cx| {
        if !draining && begun.as_mut().poll(cx).is_ready() {
            draining = true;
            if watch.drain() {
                connection.as_mut().shut_down();
                watch.close();
            }
        }
        loop {
            if let Poll::Ready(result) = connection.as_mut().poll(cx) {
                return Poll::Ready(Outcome::Closed(result));
            }
            if watch.gives_up_too_much() {
                return Poll::Ready(Outcome::Cancelling);
            }
            match ready!(timer.poll_expired(cx, watch)) {
                Expiry::Idle => {
                    connection.as_mut().shut_down();
                    watch.close();
                }
                expiry => return Poll::Ready(Outcome::Expired(expiry)),
            }
        }
    })
    .await
}

/// A timer that is set anew only where a deadline came nearer, or has passed and moved: a busy
/// connection touches it a few times a minute.
struct Timer {
    sleep: Pin<Box<Sleep>>,
    set_to: Instant,
}

impl Timer {
    fn new() -> Self {
        let set_to = monotonic() + FAR;
        Self { sleep: Box::pin(sleep_until(set_to)), set_to }
    }

    fn poll_expired(&mut self, cx: &mut Context<'_>, watch: &Watch) -> Poll<Expiry> {
        loop {
            let deadline = watch.deadline();
            if let Some((at, _)) = deadline
                && at < self.set_to
            {
                self.set(at);
            }
            ready!(self.sleep.as_mut().poll(cx));
            let now = monotonic();
            match deadline {
                Some((at, expiry)) if at <= now => {
                    self.set(now + FAR);
                    return Poll::Ready(expiry);
                }
                Some((at, _)) => self.set(at),
                None => self.set(now + FAR),
            }
        }
    }

    fn set(&mut self, at: Instant) {
        self.set_to = at;
        self.sleep.as_mut().reset(at);
    }
}

impl<I, S, B> HttpConnection for hyper::server::conn::http1::Connection<I, S>
where
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: Read + Write + Unpin,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn shut_down(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S, B, E> HttpConnection for hyper::server::conn::http2::Connection<I, S, E>
where
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: Read + Write + Unpin,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    E: hyper::rt::bounds::Http2ServerConnExec<S::Future, B>,
{
    fn shut_down(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// A timer that nothing waits for.
const FAR: Duration = Duration::from_secs(3600);
