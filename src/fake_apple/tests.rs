//! Over real sockets: TLS, HTTP/1.1, and the forms that a browser would post.

mod authorize;
mod browser;
mod control;
mod faults;
mod token;
