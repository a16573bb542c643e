//! Integration tests: real sockets, the shipped `start`, the fake Apple, a browser-like client.
//! No mock of our own code stands anywhere here.
#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::large_futures,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and its servers are not part of Russet"
)]

mod support;

mod auth_age;
mod callback;
mod connections;
mod decision_log;
mod endpoints;
mod external_auth;
mod failures;
mod floods;
mod headers;
mod hosts;
mod language;
mod limits;
mod markup;
mod methods;
mod pages;
mod panics;
mod paths;
mod policies;
mod privacy;
mod redirects;
mod refusals;
mod reload;
mod replay;
mod request_log;
mod session;
mod shadow;
mod sign_in;
mod sign_out;
mod smoke;
mod store_outage;
mod tickets;
mod upstreams;
