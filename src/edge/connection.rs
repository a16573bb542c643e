//! One client connection, from accept to its last byte: TLS, the choice of HTTP/1 or HTTP/2, the
//! deadlines, and an end that does not lose an answer.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::server::TlsStream;

use super::drain::Drain;
use super::drive::{Outcome, drive};
use super::io::WatchedIo;
use super::limits::Limits;
use super::progress::Progress;
use super::refusal::EarlyRefusal;
use super::service::{Caller, ConnectionInfo, Service};
use super::transport::Transport;
use super::watch::{Expiry, Protocol, Watch};
use crate::base::tasks::Tasks;

/// Everything that the connections of one listener share.
pub(super) struct Connections<S> {
    pub(super) service: Arc<S>,
    pub(super) transport: Transport,
    pub(super) limits: Arc<Limits>,
    pub(super) tasks: Tasks,
    pub(super) drain: Drain,
}

impl<S: Service> Connections<S> {
    /// Serves one connection until it ends.
    pub(super) async fn serve<T: Stream>(&self, stream: T, peer: SocketAddr) {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        match &self.transport {
            Transport::Plain => {
                let connection = ConnectionInfo { peer, tls: false, server_name: None };
                self.serve_plain(stream, connection).await;
            }
            Transport::Tls(acceptor) => {
                match self.beginning(self.limits.handshake, acceptor.accept(stream)).await {
                    Some(Ok(stream)) => self.serve_tls(stream, peer).await,
                    Some(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake failed"),
                    None => tracing::debug!(%peer, "TLS handshake took too long"),
                }
            }
        }
    }

    /// Tells the service of a refusal for which no answer of its own is needed.
    fn refused(&self, refusal: EarlyRefusal, connection: &ConnectionInfo) {
        tracing::debug!(peer = %connection.peer, reason = refusal.text(), "refused");
        self.service.refused(refusal, connection);
    }

    /// A connection is closed at once, because its address has too many.
    pub(super) fn too_many_from(&self, peer: SocketAddr) {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let connection = ConnectionInfo { peer, tls: self.transport.is_tls(), server_name: None };
        self.refused(EarlyRefusal::TooManyConnections, &connection);
    }

    /// What happens before a client has said anything of use: `None` if it takes longer than
    /// `limit`, or longer than a moment once shutdown has begun.
    async fn beginning<F: Future>(&self, limit: Duration, first: F) -> Option<F::Output> {
        let mut drain = self.drain.clone();
        let hurry = async {
            drain.begun().await;
            sleep(self.limits.drain_grace).await;
        };
        tokio::select! {
            biased;
            done = timeout(limit, first) => done.ok(),
            () = hurry => None,
        }
    }

    async fn serve_plain<T: Stream>(&self, mut stream: T, connection: ConnectionInfo) {
        let preface = self.beginning(self.limits.first_byte, read_preface(&mut stream)).await;
        let Some(Ok((is_preface, replay))) = preface else { return };
        if is_preface {
            self.serve_http2(stream, replay, connection).await;
        } else if !replay.is_empty() {
            self.serve_http1(stream, replay, connection).await;
        }
    }

    async fn serve_tls<T: Stream>(&self, mut stream: TlsStream<T>, peer: SocketAddr) {
        let (_, session) = stream.get_ref();
        let server_name = session.server_name().map(Arc::from);
        let connection = ConnectionInfo { peer, tls: true, server_name };
        if session.alpn_protocol() != Some(b"h2") {
            return self.serve_http1(stream, Bytes::new(), connection).await;
        }
        let preface = self.beginning(self.limits.first_byte, read_preface(&mut stream)).await;
        match preface {
            Some(Ok((true, replay))) => self.serve_http2(stream, replay, connection).await,
            Some(Ok((false, _))) => {
                // RFC 9113 §3.4: a wrong preface is a connection error.
                self.refused(EarlyRefusal::WrongPreface, &connection);
                let told = timeout(self.limits.linger, stream.write_all(GOAWAY_PROTOCOL_ERROR));
                if let Ok(Ok(())) = told.await {
                    linger(&mut stream, self.limits.linger).await;
                }
            }
            _ => {}
        }
    }

    async fn serve_http1<T: Stream>(&self, stream: T, replay: Bytes, client: ConnectionInfo) {
        let watch = Watch::new(Arc::clone(&self.limits), Protocol::Http1);
        let caller = Caller::new(Arc::clone(&self.service), client.clone(), Arc::clone(&watch));
        let io = TokioIo::new(WatchedIo::new(stream, replay, Arc::clone(&watch)));
        let head_bytes = usize::try_from(self.limits.head_bytes).unwrap_or(usize::MAX);
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // The timers of `Watch` distinguish a slow head from an idle connection; this one does not.
            .header_read_timeout(None)
            .max_headers(self.limits.head_fields)
            .max_header_size(head_bytes)
            .max_buf_size(head_bytes.max(SMALLEST_BUFFER))
            .serve_connection(io, service_fn(|request| caller.call(request)));
        let outcome = drive(Pin::new(&mut connection), &watch, self.drain.clone()).await;
        let mut stream = connection.into_parts().io.into_inner().into_inner();
        let refusal = match &outcome {
            Outcome::Expired(Expiry::Head) => Some(EarlyRefusal::HeadDeadline),
            Outcome::Closed(Err(error)) => EarlyRefusal::of_http1(error),
            Outcome::Closed(Ok(())) | Outcome::Expired(_) | Outcome::Cancelling => None,
        };
        if let Some(refusal) = refusal {
            self.refused(refusal, &client);
        }
        match outcome {
            Outcome::Expired(Expiry::Head) if !watch.is_blocked() => {
                let told = timeout(self.limits.linger, stream.write_all(REQUEST_TIMEOUT)).await;
                if let Ok(Ok(())) = told {
                    linger(&mut stream, self.limits.linger).await;
                }
            }
            Outcome::Expired(Expiry::Stalled) => stream.reset_on_drop(),
            Outcome::Expired(_) | Outcome::Cancelling => {}
            Outcome::Closed(result) => {
                // An answer to HTTP/1.0 may end with the connection: only a reset shows that it was
                // cut (T78).
                if result.is_err_and(|error| error.is_user()) && watch.speaks_http10() {
                    stream.reset_on_drop();
                } else if !watch.peer_ended() {
                    linger(&mut stream, self.limits.linger).await;
                }
            }
        }
    }

    async fn serve_http2<T: Stream>(&self, stream: T, replay: Bytes, client: ConnectionInfo) {
        let watch = Watch::new(Arc::clone(&self.limits), Protocol::Http2);
        let caller = Caller::new(Arc::clone(&self.service), client.clone(), Arc::clone(&watch));
        let io = TokioIo::new(WatchedIo::new(stream, replay, Arc::clone(&watch)));
        let streams = Streams { tasks: self.tasks.clone(), stall: self.limits.stall };
        let mut connection = http2::Builder::new(streams)
            .timer(TokioTimer::new())
            .max_header_list_size(self.limits.head_bytes)
            .max_concurrent_streams(self.limits.streams)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .max_local_error_reset_streams(RESETS_FOR_ERRORS)
            .serve_connection(io, service_fn(move |request| caller.call(request)));
        let outcome = drive(Pin::new(&mut connection), &watch, self.drain.clone()).await;
        if let Outcome::Cancelling = outcome {
            self.refused(EarlyRefusal::TooManyCancellations, &client);
        }
    }
}

/// A byte stream that can end with a reset.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Makes the end of the connection a TCP reset, which no client takes for a clean end; bytes
    /// that were not yet sent are dropped.
    fn reset_on_drop(&self);
}

impl Stream for TcpStream {
    fn reset_on_drop(&self) {
        if let Err(error) = self.set_zero_linger() {
            tracing::debug!(%error, "a connection could not be reset");
        }
    }
}

impl<T: Stream> Stream for TlsStream<T> {
    fn reset_on_drop(&self) {
        self.get_ref().0.reset_on_drop();
    }
}

/// Runs HTTP/2 streams as tasks of the worker.
#[derive(Clone)]
struct Streams {
    tasks: Tasks,
    stall: Duration,
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        drop(self.tasks.run_to_end("stream", Progress::run_stream(stream, self.stall)));
    }
}

/// Reads on until it is certain whether the client begins with the HTTP/2 preface (RFC 9113 §3.4);
/// hands back what was read. Empty: the client closed at once.
async fn read_preface<T: AsyncRead + Unpin>(stream: &mut T) -> io::Result<(bool, Bytes)> {
    let mut read = Vec::with_capacity(PREFACE.len());
    while read.len() < PREFACE.len() && PREFACE.starts_with(&read) {
        let mut room = [0; PREFACE.len()];
        let wanted = room.get_mut(read.len()..).unwrap_or_default();
        let count = stream.read(wanted).await?;
        if count == 0 {
            break;
        }
        read.extend_from_slice(wanted.get(..count).unwrap_or_default());
    }
    Ok((read == PREFACE, read.into()))
}

/// Closes our side, then reads on for a moment: a socket that is closed while bytes wait in it is
/// reset, and the reset may overtake the answer.
async fn linger<T: AsyncRead + AsyncWrite + Unpin>(stream: &mut T, time: Duration) {
    let discard = async {
        stream.shutdown().await?;
        let mut scratch = [0; 4096];
        let mut left = LINGER_BYTES;
        while left > 0 {
            match stream.read(&mut scratch).await? {
                0 => break,
                count => left = left.saturating_sub(count),
            }
        }
        io::Result::Ok(())
    };
    // An error changes nothing: the connection ends here.
    if let Ok(Err(error)) = timeout(time, discard).await {
        tracing::trace!(%error, "connection closed");
    }
}

const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Frame of type 7, 8 bytes long: last stream 0, error 1 (RFC 9113 §6.8).
const GOAWAY_PROTOCOL_ERROR: &[u8] = b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x01";
const REQUEST_TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
/// What the HTTP library insists on.
const SMALLEST_BUFFER: usize = 8192;
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
const SEND_BUFFER: usize = 64 * 1024;
/// Streams that we had to reset because of the client's errors, before the connection ends.
const RESETS_FOR_ERRORS: usize = 200;
const LINGER_BYTES: usize = 512 * 1024;
