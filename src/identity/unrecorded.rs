//! What is not known of a person because a record of the past did not keep it.

/// What a line of the decision log left out. Nothing for everybody who asks; replay alone sets it,
/// and a criterion that reads what is missing answers *unknown* with the reason `not-recorded`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unrecorded {
    /// The part of the address before its `@`.
    pub mailbox: bool,
    /// The domain of the address.
    pub domain: bool,
    /// The claims; those that are there are known nevertheless.
    pub claims: bool,
}

impl Unrecorded {
    /// Everything is known.
    pub const NOTHING: Self = Self { mailbox: false, domain: false, claims: false };

    /// Whether something is missing.
    pub fn any(self) -> bool {
        self != Self::NOTHING
    }
}
