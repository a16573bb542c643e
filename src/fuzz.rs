//! The readers that strangers reach, as plain functions from bytes to assertions.
//!
//! Compiled for tests and for `cargo fuzz` (`--cfg fuzzing`) alone. A body stands in the `fuzz.rs`
//! of the room whose reader it tries; [`BODIES`] is the only list. `tests/corpus/NAME/` holds the
//! inputs of a body, which the test of this module replays and changes; `make fuzz` looks for new
//! ones.

use crate::{apple, config, gateway, session, wire, workbench};

/// A reader to try.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    /// The name of the body and of its folder in `tests/corpus`.
    pub name: &'static str,
    /// Reads any bytes; panics where an invariant of the reader does not hold.
    pub run: fn(&[u8]),
}

/// Every body.
pub const BODIES: &[Body] = &[
    Body { name: "path", run: wire::fuzz::path },
    Body { name: "host", run: wire::fuzz::host },
    Body { name: "cookies", run: wire::fuzz::cookies },
    Body { name: "forwarded", run: wire::fuzz::forwarded },
    Body { name: "form", run: wire::fuzz::form },
    Body { name: "accept", run: wire::fuzz::accept },
    Body { name: "callback", run: apple::fuzz::callback },
    Body { name: "id_token", run: apple::fuzz::id_token },
    Body { name: "key_set", run: apple::fuzz::key_set },
    Body { name: "link", run: session::fuzz::link },
    Body { name: "ticket", run: session::fuzz::ticket },
    Body { name: "yaml", run: config::fuzz::yaml },
    Body { name: "policy", run: config::fuzz::policy },
    Body { name: "curl_line", run: workbench::fuzz::curl_line },
    Body { name: "decision_log", run: workbench::fuzz::decision_log },
    Body { name: "check_request", run: gateway::fuzz::check_request },
];

/// The body with this name.
pub fn body(name: &str) -> Option<Body> {
    BODIES.iter().copied().find(|body| body.name == name)
}

#[cfg(test)]
mod tests;
