//! What a test case or a replay supposes about the person it asks for. A live request supposes
//! nothing: it has no [`Supposed`] at all.

/// What is supposed about a person, in addition to their [`crate::identity::Identity`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supposed {
    /// The groups that a test case says the person is in. `None`: they follow from `groups_file`.
    pub groups: Option<Box<[Box<str>]>>,
    /// What a line of the decision log did not keep; default nothing.
    pub unrecorded: Unrecorded,
}

impl Supposed {
    /// A person of whom `unrecorded` is not known; `None` where everything is known.
    pub fn without(unrecorded: Unrecorded) -> Option<Self> {
        unrecorded.any().then_some(Self { groups: None, unrecorded })
    }

    /// A person whom a test case puts into `groups`.
    pub fn in_groups(groups: impl IntoIterator<Item = Box<str>>) -> Self {
        Self { groups: Some(groups.into_iter().collect()), unrecorded: Unrecorded::NOTHING }
    }
}

/// What a line of the decision log, or a file of groups, does not say about a person. A criterion that
/// reads what is missing answers *unknown* with the reason `not-recorded`.
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
    /// The names of the claims that are missing; [`crate::identity::Identity::EVERY_OTHER`] stands for every
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
