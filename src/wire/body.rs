//! The one body type of the program: what is relayed streams, what we say ourselves is at hand.

use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use thiserror::Error;

/// A body of a request or an answer.
///
/// Trailers of a streamed body are not passed on, neither way: nothing that was not decided on may
/// follow a body (T06).
#[derive(Debug, Default)]
pub struct Body(Kind);

#[derive(Debug, Default)]
enum Kind {
    #[default]
    Empty,
    Full(Bytes),
    Streamed(hyper::body::Incoming),
}

impl Body {
    /// No bytes.
    pub fn empty() -> Self {
        Self(Kind::Empty)
    }

    /// Passes on what a peer sends, as it comes, without its trailers.
    pub fn streamed(incoming: hyper::body::Incoming) -> Self {
        Self(Kind::Streamed(incoming))
    }
}

impl<B: Into<Bytes>> From<B> for Body {
    /// All bytes at hand.
    fn from(bytes: B) -> Self {
        let bytes = bytes.into();
        Self(if bytes.is_empty() { Kind::Empty } else { Kind::Full(bytes) })
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Kind::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Kind::Streamed(incoming) => loop {
                let frame = match Pin::new(&mut *incoming).poll_frame(context) {
                    Poll::Ready(Some(Ok(frame))) => frame,
                    other => return other,
                };
                if !frame.is_trailers() {
                    return Poll::Ready(Some(Ok(frame)));
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Full(_) => false,
            Kind::Streamed(incoming) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Full(bytes) => {
                SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
            }
            Kind::Streamed(incoming) => incoming.size_hint(),
        }
    }
}

/// A body that comes from outside, whichever connection it comes on.
pub trait Incoming:
    http_body::Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>> + Send
{
}

impl<B> Incoming for B where
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>> + Send
{
}

/// Why a body could not be read to its end.
#[derive(Debug, Error)]
pub enum ReadProblem {
    /// More bytes than allowed were announced or came: 413.
    #[error("the body is longer than {max_bytes} bytes")]
    TooLarge {
        /// What is allowed.
        max_bytes: usize,
    },
    /// It did not end in time: 408.
    #[error("the body did not arrive in time")]
    Timeout,
    /// The connection or the framing broke; there is nobody left to answer.
    #[error("the body broke off")]
    Broken(#[source] Box<dyn StdError + Send + Sync>),
}

/// Reads a whole body of at most `max_bytes` within `time`, both for the whole of it. Keeps no more
/// than that in memory. Dropping the future drops the body.
///
/// # Errors
/// Too long, too slow, or broken.
pub async fn read_limited<B>(
    body: B,
    max_bytes: usize,
    time: Duration,
) -> Result<Bytes, ReadProblem>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let announced = body.size_hint().lower();
    if usize::try_from(announced).map_or(true, |bytes| bytes > max_bytes) {
        return Err(ReadProblem::TooLarge { max_bytes });
    }
    let whole = Limited::new(body, max_bytes).collect();
    match tokio::time::timeout(time, whole).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(ReadProblem::TooLarge { max_bytes })
        }
        Ok(Err(error)) => Err(ReadProblem::Broken(error)),
        Err(_) => Err(ReadProblem::Timeout),
    }
}

/// How a body that nobody wants came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// It ended; the connection can be used again.
    Whole,
    /// It was too long, too slow or broke off; the connection must be closed.
    Unfinished,
}

/// Reads and forgets a body, of at most `max_bytes` within `time`.
pub async fn drain<B>(body: B, max_bytes: usize, time: Duration) -> Drained
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let announced = usize::try_from(body.size_hint().lower());
    if announced.map_or(true, |bytes| bytes > max_bytes) {
        return Drained::Unfinished;
    }
    let mut body = std::pin::pin!(Limited::new(body, max_bytes));
    let to_the_end = async {
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return Drained::Unfinished;
            }
        }
        Drained::Whole
    };
    tokio::time::timeout(time, to_the_end).await.unwrap_or(Drained::Unfinished)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{Request, Response};
    use http_body::Body as _;
    use http_body_util::Full;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const SOON: Duration = Duration::from_millis(50);
    const LATE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn what_is_at_hand_comes_once_and_says_its_length() {
        let body = Body::from("hello");
        assert_eq!(body.size_hint().exact(), Some(5));
        assert!(!body.is_end_stream());
        assert_eq!(body.collect().await.unwrap().to_bytes(), "hello");
        for empty in [Body::empty(), Body::from(""), Body::default()] {
            assert!(empty.is_end_stream());
            assert_eq!(empty.size_hint().exact(), Some(0));
            assert!(empty.collect().await.unwrap().to_bytes().is_empty());
        }
    }

    /// A body that announces no length, and then ends or hangs.
    struct Unannounced {
        frames: std::vec::IntoIter<&'static str>,
        hangs: bool,
    }

    impl http_body::Body for Unannounced {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            match (self.frames.next(), self.hangs) {
                (None, true) => Poll::Pending,
                (text, _) => Poll::Ready(text.map(|text| Ok(Frame::data(Bytes::from(text))))),
            }
        }
    }

    fn unannounced(frames: Vec<&'static str>, hangs: bool) -> Unannounced {
        Unannounced { frames: frames.into_iter(), hangs }
    }

    #[tokio::test]
    async fn t55_bodies_are_read_up_to_their_limit() {
        let read = |max| read_limited(Full::new(Bytes::from_static(b"12345")), max, LATE);
        assert_eq!(read(5).await.unwrap(), "12345");
        assert!(matches!(read(4).await, Err(ReadProblem::TooLarge { max_bytes: 4 })));
        let read = |max| read_limited(unannounced(vec!["123", "45"], false), max, LATE);
        assert_eq!(read(5).await.unwrap(), "12345");
        assert!(matches!(read(4).await, Err(ReadProblem::TooLarge { max_bytes: 4 })));
    }

    #[tokio::test]
    async fn t54_bodies_that_do_not_end_are_given_up() {
        let slow = read_limited(unannounced(vec!["1"], true), 10, SOON).await;
        assert!(matches!(slow, Err(ReadProblem::Timeout)));
        assert_eq!(drain(unannounced(vec!["1"], true), 10, SOON).await, Drained::Unfinished);
        assert_eq!(drain(unannounced(vec!["1", "2"], false), 2, LATE).await, Drained::Whole);
        assert_eq!(drain(unannounced(vec!["1", "2"], false), 1, LATE).await, Drained::Unfinished);
        assert_eq!(drain(Full::new(Bytes::from_static(b"12")), 1, LATE).await, Drained::Unfinished);
    }

    /// Serves `raw` as a request over HTTP/1.1, echoes its body, and gives all bytes of the answer.
    async fn echoed(raw: &[u8]) -> String {
        let (mut client, server) = tokio::io::duplex(65_536);
        let echo = service_fn(|request: Request<hyper::body::Incoming>| async {
            // The server writes trailers only where the answer announces them.
            let answer = Response::builder().header("trailer", "x-pomerium-jwt-assertion");
            answer.body(Body::streamed(request.into_body()))
        });
        let serving =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), echo);
        client.write_all(raw).await.unwrap();
        let mut answer = Vec::new();
        let (served, read) = tokio::join!(serving, client.read_to_end(&mut answer));
        served.unwrap();
        read.unwrap();
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn t06_streamed_bodies_pass_without_their_trailers() {
        let raw = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nte: trailers\r\n\
            trailer: x-pomerium-jwt-assertion\r\ntransfer-encoding: chunked\r\n\r\n\
            5;x=y\r\nhello\r\n0\r\nx-pomerium-jwt-assertion: forged\r\n\r\n";
        let answer = echoed(raw).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("hello"), "{answer}");
        assert!(!answer.contains("forged") && !answer.contains("x=y"), "{answer}");
    }

    #[tokio::test]
    async fn a_streamed_body_keeps_its_announced_length() {
        let raw =
            b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello";
        let answer = echoed(raw).await.to_lowercase();
        assert!(answer.contains("content-length: 5") && answer.ends_with("hello"), "{answer}");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_not_a_whole_one() {
        let (client, server) = tokio::io::duplex(1024);
        let reading = service_fn(|request: Request<hyper::body::Incoming>| async {
            let read = read_limited(request.into_body(), 100, LATE).await;
            assert!(matches!(read, Err(ReadProblem::Broken(_))));
            Ok::<_, Infallible>(Response::new(Body::empty()))
        });
        let serving = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(server), reading);
        let sending = async {
            let mut client = client;
            client
                .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf")
                .await
                .unwrap();
        };
        let (_, ()) = tokio::join!(serving, sending);
    }
}
