//! Russet, an identity-aware access proxy for Sign in with Apple.
//!
//! The house has eight floors; a module imports lower floors only, and rooms on one floor do not
//! import each other. `ARCHITECTURE.md` draws it, `tests/tidy.rs` holds it.

// 7: what a person types
pub mod cli;

// 6: assembly; a whole Apple for staging, which never imports `apple`; a browser for the demo and
// tests; trying policies
pub mod app;
pub mod fake_apple;
pub mod fake_browser;
pub mod workbench;

// 5: the operator's language
pub mod config;

// 4: the road of a request
pub mod gateway;

// 3: the one decision; what happens once or is ended
pub mod accounts;
pub mod decision;

// 2: connections, Apple, sessions, policies, upstreams, pages
pub mod apple;
pub mod edge;
pub mod pages;
pub mod policy;
pub mod session;
pub mod upstream;

// 1: people, HTTP manners, logs
pub mod identity;
pub mod telemetry;
pub mod wire;

// 0: what everything may use
pub mod base;

// Not shipped: what tries the readers above
#[cfg(any(test, fuzzing))]
pub mod fuzz;
