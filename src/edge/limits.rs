//! How much of everything one connection may take. The defaults are the table of limits that
//! `docs/attacks.md` explains.

use std::time::Duration;

/// Limits and deadlines of client connections.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From accept until the TLS handshake is done; then the connection is closed. Default 10 s.
    pub handshake: Duration,
    /// Until the first byte, the whole HTTP/2 preface included; then closed. Default 10 s.
    pub first_byte: Duration,
    /// From the first byte of an HTTP/1 head to its last; then 408. Default 10 s.
    pub head: Duration,
    /// How long a connection without a request is kept. Default 5 min.
    pub idle: Duration,
    /// How long a client that still owes part of its request may be silent; then 408. Default 30 s.
    pub body_idle: Duration,
    /// What a client must send on average, in bytes for each second that we waited for it beyond
    /// `body_idle`. Default 1 KiB.
    pub body_bytes_per_second: u64,
    /// How long a client may take nothing while we have bytes for it; then closed. Default 30 s.
    pub stall: Duration,
    /// Longest head of a request; more is 431. Default 64 KiB.
    pub head_bytes: u32,
    /// Most fields in a head; more is 431. Default 128.
    pub head_fields: usize,
    /// Longest request target; more is 414. Default 16 KiB.
    pub target_bytes: usize,
    /// HTTP/2 streams open at once on one connection; more are refused. Default 100.
    pub streams: u32,
    /// HTTP/2 requests given up by the client within 30 s; more end the connection. Default 200.
    pub cancellations: u32,
    /// How long a kept-alive HTTP/1 connection may send one more request while we shut down.
    /// Default 500 ms.
    pub drain_grace: Duration,
    /// How long a closed connection is read on, so that the answer is not lost with what the client
    /// was still sending. Default 2 s.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            first_byte: Duration::from_secs(10),
            head: Duration::from_secs(10),
            idle: Duration::from_secs(300),
            body_idle: Duration::from_secs(30),
            body_bytes_per_second: 1024,
            stall: Duration::from_secs(30),
            head_bytes: 64 * 1024,
            head_fields: 128,
            target_bytes: 16 * 1024,
            streams: 100,
            cancellations: 200,
            drain_grace: Duration::from_millis(500),
            linger: Duration::from_secs(2),
        }
    }
}

impl Limits {
    /// The defaults with another idle time (`timeout_idle`).
    pub fn with_idle(idle: Duration) -> Self {
        Self { idle, ..Self::default() }
    }
}
