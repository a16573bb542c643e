//! A warning about a value of a policy that is allowed and probably not meant.

use crate::base::diagnostic::Diagnostics;
use crate::base::node::Place;

/// A warning before it has a place.
#[derive(Debug)]
pub(super) struct Warning {
    code: &'static str,
    message: String,
    help: String,
}

impl Warning {
    pub(super) fn new(
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self { code, message: message.into(), help: help.into() }
    }

    /// Adds it to the messages for the operator; `None` where the configuration has no place for it.
    pub(super) fn report(self, place: Option<Place>, diagnostics: &mut Diagnostics) {
        diagnostics.warning(self.code, place, self.message, self.help);
    }
}
