//! The edge with a small service behind it, and raw bytes or real HTTP/2 in front: on real sockets,
//! or, where a deadline is what is tested, in memory and under a paused clock.

mod deadlines;
mod harness;
mod memory;
mod refusals;
mod shutdown;
mod tls;
mod wire;
