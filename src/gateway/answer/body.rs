//! The body of an answer, whoever made it, with the request's log line tied to its end.

use bytes::Bytes;
use http_body_util::Full;
use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::edge::RequestBody;
use crate::telemetry::{Logs, Record};
use crate::upstream::UpstreamBody;

/// A body on its way to the client. When it ends, or is dropped because the client went away, the
/// request's line is written.
#[derive(Debug)]
pub struct AnswerBody {
    from: From,
    line: Option<Box<(Record, Logs)>>,
}

#[derive(Debug)]
pub(crate) enum From {
    Us(Full<Bytes>),
    Application(UpstreamBody<RequestBody>),
}

impl AnswerBody {
    pub(crate) fn new(from: From, record: Record, logs: Logs) -> Self {
        Self { from, line: Some(Box::new((record, logs))) }
    }

    /// An answer that has no line of its own: the edge refused what never became a request.
    pub(crate) fn unlogged(body: Full<Bytes>) -> Self {
        Self { from: From::Us(body), line: None }
    }

    fn count(&mut self, bytes: usize) {
        if let Some(line) = &mut self.line {
            line.0.bytes = line.0.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        if let Some(line) = &self.line {
            line.1.request(&line.0);
        }
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = Box<dyn StdError + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = match &mut self.from {
            From::Us(body) => {
                Pin::new(body).poll_frame(context).map(|frame| frame.map(|f| f.map_err(Into::into)))
            }
            From::Application(body) => {
                Pin::new(body).poll_frame(context).map(|frame| frame.map(|f| f.map_err(Into::into)))
            }
        };
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.count(data.len());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.from {
            From::Us(body) => body.is_end_stream(),
            From::Application(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.from {
            From::Us(body) => body.size_hint(),
            From::Application(body) => body.size_hint(),
        }
    }
}
