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
    source: Source,
    line: Option<Box<(Record, Logs)>>,
}

/// Who made a body.
#[derive(Debug)]
pub(crate) enum Source {
    Ours(Full<Bytes>),
    Application(UpstreamBody<RequestBody>),
}

impl AnswerBody {
    pub(crate) fn new(source: Source, record: Record, logs: Logs) -> Self {
        Self { source, line: Some(Box::new((record, logs))) }
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
        let polled = match &mut self.source {
            Source::Ours(body) => {
                Pin::new(body).poll_frame(context).map(|frame| frame.map(|f| f.map_err(Into::into)))
            }
            Source::Application(body) => {
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
        match &self.source {
            Source::Ours(body) => body.is_end_stream(),
            Source::Application(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Ours(body) => body.size_hint(),
            Source::Application(body) => body.size_hint(),
        }
    }
}
