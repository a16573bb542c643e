//! What the email claims say about a person's address.

use super::Claims;

/// Suffix of the relay addresses that Apple gives people who hide theirs.
const RELAY_SUFFIX: &str = "@privaterelay.appleid.com";

/// A person's address, and how far it can be relied on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// The provider sent none, or an empty one.
    Absent,
    /// There is one, but the provider does not vouch for it: nothing may be decided on it.
    Unverified(Box<str>),
    /// The provider vouches for it.
    Verified {
        /// As the provider wrote it.
        address: Box<str>,
        /// Whether it is a relay address that hides the real one.
        private_relay: bool,
    },
}

impl Address {
    /// Reads `email`, `email_verified` and `is_private_email`.
    pub fn from_claims(claims: &Claims) -> Self {
        let Some(address) = claims.text("email").filter(|address| !address.is_empty()) else {
            return Self::Absent;
        };
        if !claims.is_true("email_verified") {
            return Self::Unverified(address.into());
        }
        let relay = address.to_ascii_lowercase().ends_with(RELAY_SUFFIX);
        Self::Verified {
            address: address.into(),
            private_relay: relay || claims.is_true("is_private_email"),
        }
    }

    /// The address as written, reliable or not: for showing to its owner.
    pub fn shown(&self) -> Option<&str> {
        match self {
            Self::Absent => None,
            Self::Unverified(address) | Self::Verified { address, .. } => Some(address),
        }
    }

    /// The address, where the provider vouches for it.
    pub fn verified(&self) -> Option<&str> {
        match self {
            Self::Verified { address, .. } => Some(address),
            Self::Absent | Self::Unverified(_) => None,
        }
    }

    /// Whether it is a relay address.
    pub fn is_private_relay(&self) -> bool {
        matches!(self, Self::Verified { private_relay: true, .. })
    }
}

/// The part after the only `@`. An address with none or several, or with an empty half, has no
/// domain (T36): nobody can be let in by the wrong half.
pub fn domain_of(address: &str) -> Option<&str> {
    let (local, domain) = address.split_once('@')?;
    let one = !local.is_empty() && !domain.is_empty() && !domain.contains('@');
    let special = |c| matches!(c, '"' | '(' | ')' | ',' | ':' | ';' | '<' | '>' | '[' | '\\' | ']');
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !special(c);
    (one && address.chars().all(plain)).then_some(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t36_an_address_has_a_domain_only_if_it_has_one_at_sign() {
        assert_eq!(domain_of("ann@corp.example"), Some("corp.example"));
        for odd in [
            "ann",
            "@corp.example",
            "ann@",
            "a@allowed.example@evil.test",
            "a@@b",
            "",
            "\"a@b\"@corp.example",
            "a(b)@corp.example",
            "a @corp.example",
            "a@corp.example\n",
            "a@[127.0.0.1]",
            "<a@corp.example>",
        ] {
            assert_eq!(domain_of(odd), None, "{odd:?}");
        }
    }
}
