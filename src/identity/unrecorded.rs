//! What is not known of a person because a record of the past did not keep it.

/// What a line of the decision log left out. Nothing for everybody who asks; replay alone sets it,
/// and a criterion that reads what is missing answers *unknown* with the reason `not-recorded`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unrecorded {
    /// Whether the part of the address before its `@` is missing.
    pub mailbox: bool,
    /// Whether the domain of the address is missing.
    pub domain: bool,
    /// The names of the claims that are missing; [`super::Identity::EVERY_OTHER`] stands for every
    /// claim that is not there.
    pub claims: Vec<Box<str>>,
}

impl Unrecorded {
    /// Everything is known.
    pub const NOTHING: Self = Self { mailbox: false, domain: false, claims: Vec::new() };

    /// Whether something is missing.
    pub fn any(&self) -> bool {
        self.mailbox || self.domain || !self.claims.is_empty()
    }
}
