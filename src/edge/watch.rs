//! What one connection is doing and how long it may go on doing it.
//!
//! The HTTP library has one timer for the head of an HTTP/1 request and none for a silent client, a
//! missing HTTP/2 preface or a peer that takes nothing. So the bytes of every connection are seen and
//! its requests counted here; [`super::drive`] closes a connection that exceeds a deadline.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::framing::HeadScan;
use super::limits::Limits;
use crate::base::lock::lock;
use crate::base::time::{Instant, monotonic};

/// What happens on one connection, shared by its bytes, its requests and its driver.
#[derive(Debug)]
pub(super) struct Watch {
    limits: Arc<Limits>,
    protocol: Protocol,
    state: Mutex<State>,
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

#[derive(Debug)]
struct State {
    /// What we wait for while no request is being answered, and since when.
    phase: Phase,
    since: Instant,
    in_flight: usize,
    /// Since when the peer takes nothing although we have bytes for it.
    blocked_since: Option<Instant>,
    draining_since: Option<Instant>,
    /// Since when the connection has been told to end.
    closing_since: Option<Instant>,
    cancelled: u32,
    cancelled_since: Instant,
    scan: HeadScan,
    speaks_http10: bool,
    peer_ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    FirstByte,
    Head,
    Idle,
}

/// Which deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// Not one byte came.
    FirstByte,
    /// A head began and did not end.
    Head,
    /// No request for long, or none during shutdown.
    Idle,
    /// We have bytes for the peer and it takes none.
    Stalled,
    /// It was told to end and did not.
    Lingering,
}

impl Watch {
    pub(super) fn new(limits: Arc<Limits>, protocol: Protocol) -> Arc<Self> {
        let now = monotonic();
        let phase = match protocol {
            Protocol::Http1 => Phase::FirstByte,
            // Its preface has been read when this begins.
            Protocol::Http2 => Phase::Idle,
        };
        let state = Mutex::new(State {
            phase,
            since: now,
            in_flight: 0,
            blocked_since: None,
            draining_since: None,
            closing_since: None,
            cancelled: 0,
            cancelled_since: now,
            scan: HeadScan::default(),
            speaks_http10: false,
            peer_ended: false,
        });
        Arc::new(Self { limits, protocol, state })
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// A request has come: nothing is awaited from here on. Returns what its raw head looked like.
    pub(super) fn begin(&self, version: http::Version) -> HeadScan {
        let mut state = self.state();
        state.in_flight += 1;
        state.speaks_http10 = version == http::Version::HTTP_10;
        std::mem::take(&mut state.scan)
    }

    /// One more part of a request, its body, is on its way.
    pub(super) fn hold(&self) {
        self.state().in_flight += 1;
    }

    /// What [`Watch::begin`] or [`Watch::hold`] counted is over.
    pub(super) fn release(&self) {
        let mut state = self.state();
        state.in_flight = state.in_flight.saturating_sub(1);
        if state.in_flight == 0 {
            state.phase = Phase::Idle;
            state.since = monotonic();
        }
    }

    /// The client gave up a request, which costs it no more than a few bytes over HTTP/2.
    pub(super) fn cancelled(&self) {
        if self.protocol == Protocol::Http1 {
            return;
        }
        let now = monotonic();
        let mut state = self.state();
        if now.duration_since(state.cancelled_since) > CANCELLATION_WINDOW {
            state.cancelled_since = now;
            state.cancelled = 0;
        }
        state.cancelled += 1;
    }

    pub(super) fn is_draining(&self) -> bool {
        self.state().draining_since.is_some()
    }

    pub(super) fn speaks_http10(&self) -> bool {
        self.state().speaks_http10
    }

    pub(super) fn peer_ended(&self) -> bool {
        self.state().peer_ended
    }

    /// Whether everything that we wrote was taken, so that one more answer can be written.
    pub(super) fn is_blocked(&self) -> bool {
        self.state().blocked_since.is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Bytes came; none: the other side has ended.
    pub(super) fn was_read(&self, bytes: &[u8]) {
        let mut state = self.state();
        if bytes.is_empty() {
            state.peer_ended = true;
        } else if state.in_flight == 0 && self.protocol == Protocol::Http1 {
            if state.phase != Phase::Head {
                state.phase = Phase::Head;
                state.since = monotonic();
                state.scan = HeadScan::default();
            }
            state.scan.feed(bytes);
        }
    }

    /// We wanted to write, and the other side took it or not.
    pub(super) fn was_written(&self, taken: bool) {
        let mut state = self.state();
        match (taken, state.blocked_since) {
            (true, Some(_)) => state.blocked_since = None,
            (false, None) => state.blocked_since = Some(monotonic()),
            _ => {}
        }
    }

    /// Whether the client gave up more requests than it may.
    pub(super) fn gives_up_too_much(&self) -> bool {
        self.state().cancelled > self.limits.cancellations
    }

    /// Shutdown has begun. Whether the connection must be told now, because it has requests in
    /// flight or can be told without losing one.
    pub(super) fn drain(&self) -> bool {
        let mut state = self.state();
        state.draining_since = Some(monotonic());
        state.in_flight > 0 || self.protocol == Protocol::Http2
    }

    /// The connection has been told to end.
    pub(super) fn close(&self) {
        self.state().closing_since.get_or_insert_with(monotonic);
    }

    /// The next deadline, and what has happened when it passes.
    pub(super) fn deadline(&self) -> Option<(Instant, Expiry)> {
        let state = self.state();
        let limits = &self.limits;
        let stalled = state.blocked_since.map(|since| (since + limits.stall, Expiry::Stalled));
        let waiting = if state.in_flight > 0 {
            None
        } else if let Some(since) = state.closing_since {
            Some((since.max(state.since) + CLOSING, Expiry::Lingering))
        } else {
            let ordinary = match state.phase {
                Phase::FirstByte => (state.since + limits.first_byte, Expiry::FirstByte),
                Phase::Head => (state.since + limits.head, Expiry::Head),
                Phase::Idle => (state.since + limits.idle, Expiry::Idle),
            };
            match state.draining_since {
                Some(since) if state.phase != Phase::Head => {
                    Some(ordinary.min_by_time((since + limits.drain_grace, Expiry::Idle)))
                }
                _ => Some(ordinary),
            }
        };
        match (stalled, waiting) {
            (Some(one), Some(other)) => Some(one.min_by_time(other)),
            (one, other) => one.or(other),
        }
    }
}

trait MinByTime {
    fn min_by_time(self, other: Self) -> Self;
}

impl MinByTime for (Instant, Expiry) {
    fn min_by_time(self, other: Self) -> Self {
        if other.0 < self.0 { other } else { self }
    }
}

/// Over how long given-up requests are counted.
const CANCELLATION_WINDOW: Duration = Duration::from_secs(30);
/// How long a connection that was told to end and has no request left may take to do so.
const CLOSING: Duration = Duration::from_secs(10);
