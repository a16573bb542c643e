//! Bodies that come from outside, read whole and within bounds. What is relayed is never read here.

use std::error::Error as StdError;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use thiserror::Error;

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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use http::{Request, Response};
    use http_body::Frame;
    use http_body_util::Full;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    const SOON: Duration = Duration::from_millis(50);
    const LATE: Duration = Duration::from_secs(20);

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
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_not_a_whole_one() {
        let (client, server) = tokio::io::duplex(1024);
        let reading = service_fn(|request: Request<hyper::body::Incoming>| async {
            let read = read_limited(request.into_body(), 100, LATE).await;
            assert!(matches!(read, Err(ReadProblem::Broken(_))));
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
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
