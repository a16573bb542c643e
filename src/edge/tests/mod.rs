//! The edge on real sockets: a small service behind it, raw bytes and real HTTP/2 in front.

mod deadlines;
mod harness;
mod shutdown;
mod tls;
mod wire;
