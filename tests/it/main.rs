//! Integration tests: real sockets, the shipped `start`, the fake Apple, a browser-like client.
//! No mock of our own code stands anywhere here.

#![expect(unreachable_pub, reason = "a test program has no readers outside")]

mod support;

mod smoke;
