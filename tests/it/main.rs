//! Integration tests: real sockets, the shipped `start`, the fake Apple, a browser-like client.
//! No mock of our own code stands anywhere here.

mod support;

mod smoke;
