//! Somebody who asks, with what is supposed about them.

use crate::identity::Identity;
use crate::policy::Supposed;

/// A person of a test case, a log or a file of groups, as a policy sees them.
#[derive(Clone, Debug)]
pub struct Asker {
    /// Who they are.
    pub identity: Identity,
    /// The groups that a test case puts them into, or what a log did not keep of them. `None` where
    /// there is nothing of the kind.
    pub supposed: Option<Supposed>,
}

impl Asker {
    /// Whether something is not known of them.
    pub fn is_incomplete(&self) -> bool {
        self.supposed.as_ref().is_some_and(|supposed| supposed.unrecorded.any())
    }
}
