//! How many people a policy admits.

/// How many people a policy admits, as far as its shape tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Openness {
    /// Nobody.
    Nobody,
    /// People who meet a condition.
    Some,
    /// Everybody with an Apple account.
    AnyAccount,
    /// Everybody.
    Everybody,
}
