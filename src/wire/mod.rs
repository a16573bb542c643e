//! Floor 1: HTTP manners. Reads what clients send and says yes or no to it; knows no route, no
//! session and no Apple.
//!
//! *Invariant:* everything but [`body`] is a pure function of its arguments. What is odd is
//! refused here, so that the rooms above never see two readings of one request.

pub mod accept;
pub mod body;
pub mod cookies;
pub mod form;
pub mod forwarded;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub mod header_spelling;
pub mod hop;
pub mod host;
pub mod loopback;
pub mod method;
pub mod occurrence;
pub mod origin;
pub mod path;
pub mod protected_names;
pub mod target;
