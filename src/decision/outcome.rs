//! What is done with a request: the words that the decision log, the request log, the policy tools and
//! the test cases share.

use serde::{Deserialize, Serialize};

/// What is decided about a request. A policy alone says a [`crate::policy::Outcome`], which knows no
/// routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It passes.
    Allow,
    /// It is refused.
    Deny,
    /// The person is asked to sign in first. Read as `login` too, which older logs and test files say.
    #[serde(alias = "login")]
    SignIn,
    /// No route has it. Read as `no-route` too, which older logs say.
    #[serde(alias = "no-route")]
    NoRoute,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Allow, Self::Deny, Self::SignIn, Self::NoRoute];

    /// The word in logs, reports and test cases.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::SignIn => "sign_in",
            Self::NoRoute => "no_route",
        }
    }

    /// The outcome with this word; the words of older logs and test files are understood.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "login" => Some(Self::SignIn),
            "no-route" => Some(Self::NoRoute),
            _ => Self::ALL.into_iter().find(|outcome| outcome.word() == word),
        }
    }
}

impl From<crate::policy::Outcome> for Outcome {
    fn from(outcome: crate::policy::Outcome) -> Self {
        match outcome {
            crate::policy::Outcome::Allow => Self::Allow,
            crate::policy::Outcome::SignIn => Self::SignIn,
            crate::policy::Outcome::Deny => Self::Deny,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_written_and_read_alike_and_old_ones_are_still_read() {
        for outcome in Outcome::ALL {
            let written = serde_json::to_value(outcome).unwrap();
            assert_eq!(written, outcome.word());
            assert_eq!(serde_json::from_value::<Outcome>(written).unwrap(), outcome);
            assert_eq!(Outcome::parse(outcome.word()), Some(outcome));
        }
        for (old, outcome) in [("login", Outcome::SignIn), ("no-route", Outcome::NoRoute)] {
            assert_eq!(Outcome::parse(old), Some(outcome));
            assert_eq!(serde_json::from_value::<Outcome>(old.into()).unwrap(), outcome);
        }
        assert_eq!(Outcome::parse("logn"), None);
    }
}
