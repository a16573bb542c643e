//! What is not known of a person because a record of the past did not keep it.

/// What a line of the decision log or of a file of groups left out. Nothing for everybody who asks;
/// and a criterion that reads what is missing answers *unknown* with the reason `not-recorded`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unrecorded {
    /// Whether `sub` is missing.
    pub subject: bool,
    /// Whether the part of the address before its `@` is missing.
    pub mailbox: bool,
    /// Whether the domain of the address is missing.
    pub domain: bool,
    /// Whether it is missing when the id_token was issued.
    pub issued_at: bool,
    /// The names of the claims that are missing; [`super::Identity::EVERY_OTHER`] stands for every
    /// claim that is not there.
    pub claims: Vec<Box<str>>,
}

impl Unrecorded {
    /// Everything is known.
    pub const NOTHING: Self = Self {
        subject: false,
        mailbox: false,
        domain: false,
        issued_at: false,
        claims: Vec::new(),
    };

    /// Whether something is missing.
    pub fn any(&self) -> bool {
        self.subject || self.mailbox || self.domain || self.issued_at || !self.claims.is_empty()
    }
}
