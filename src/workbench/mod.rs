//! Floor 6: trying policies without serving: what a request would meet, cases like unit tests.
//!
//! Everything here asks `decision` with supposed facts: the request is read by the very code with
//! which the gateway reads one, the person is put together as Apple's claims are.
//!
//! *Invariant:* nothing here needs a key, a certificate, a secret, a store, a socket or the
//! network, and nothing prints.

pub mod asker;
pub mod cases;
pub mod coverage;
pub mod curl;
pub mod evidence_tree;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub mod lint;
pub mod log;
pub mod matrix;
pub mod occurrences;
pub mod person;
pub mod recorded;
pub mod replay;
pub mod report;
pub mod request;
pub mod run;
pub mod shadow_report;
pub mod starter_tests;
pub mod text;
pub mod trial;
