//! The edge over streams in memory, for tests of deadlines: with `start_paused` Tokio's clock jumps
//! to the next timer whenever everybody waits, so that no test waits on real time and every
//! deadline can be tested at the value that is shipped.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, duplex};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::super::connection::{Connections, Stream};
use super::super::*;
use super::harness::*;
use crate::base::tasks::Tasks;
use crate::base::time::{Instant, monotonic};

/// What one side may send before the other one reads: about what a socket takes.
const BUFFER: usize = 64 * 1024;

/// An edge that serves streams in memory, and no listener.
pub(super) struct MemoryEdge {
    pub(super) service: TestService,
    pub(super) drain: DrainStart,
    connections: Arc<Connections<TestService>>,
    tasks: Tasks,
    trusted: TestClients,
}

/// One connection to a [`MemoryEdge`].
pub(super) struct Connected {
    /// The client's end.
    pub(super) stream: DuplexStream,
    /// Ends when the edge is done with the connection.
    pub(super) served: JoinHandle<()>,
}

impl MemoryEdge {
    pub(super) fn plain() -> Self {
        Self::start(Limits::default(), false)
    }

    pub(super) fn tls() -> Self {
        Self::start(Limits::default(), true)
    }

    pub(super) fn start(limits: Limits, tls: bool) -> Self {
        let key = certificate(&["a.example"]);
        let tls = tls.then(|| Certificates::new(&[Arc::clone(&key)]).unwrap().acceptor().unwrap());
        let tasks = Tasks::on(Handle::current());
        let service = TestService::default();
        let (drain, begun) = DrainStart::new();
        let connections = Arc::new(Connections {
            service: Arc::new(service.clone()),
            transport: tls.into(),
            limits: Arc::new(limits),
            tasks: tasks.clone(),
            drain: begun,
        });
        Self { service, drain, connections, tasks, trusted: TestClients::of(&[key]) }
    }

    pub(super) fn connect(&self) -> Connected {
        let (stream, edge) = duplex(BUFFER);
        let connections = Arc::clone(&self.connections);
        let served = self.tasks.run_to_end("connection", async move {
            connections.serve(edge, SocketAddr::from((Ipv4Addr::LOCALHOST, 4000))).await;
        });
        Connected { stream, served }
    }

    /// The client's end after the handshake, and when the edge is done.
    pub(super) async fn connect_tls(
        &self,
        protocol: &str,
    ) -> (impl AsyncRead + AsyncWrite + Unpin + use<>, JoinHandle<()>) {
        let Connected { stream, served } = self.connect();
        let stream = self.trusted.connect(stream, "a.example", &[protocol], true).await.unwrap();
        (stream, served)
    }

    /// Waits until `count` requests are being answered.
    pub(super) async fn until_busy(&self, count: usize) {
        until_busy(&self.service, count).await;
    }
}

impl Stream for DuplexStream {
    /// A stream in memory ends in one way only.
    fn reset_on_drop(&self) {}
}

/// Measures the time that passes on the paused clock.
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self(monotonic())
    }

    /// Asserts that the time since the start is `expected`, and what timers and polling in the test
    /// add to it: a few milliseconds.
    pub(super) fn assert_passed(&self, expected: Duration) {
        let passed = monotonic().duration_since(self.0);
        let within = expected..expected + Duration::from_millis(50);
        assert!(within.contains(&passed), "{passed:?} passed, not {expected:?}");
    }
}
