//! What would have to be different for a refused request to pass.

use serde::Serialize;

/// Something that would have to be different before an allow holds or a deny does not. In the order
/// in which it is worth telling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Missing {
    /// Nobody is signed in, or somebody who has to sign in again.
    SignIn,
    /// The provider gave no address.
    Address,
    /// Nobody vouches for the address.
    AddressUnverified,
    /// The address cannot be read as one person at one domain.
    AddressUnusable,
    /// The address is a private relay address, and the policy asks for a domain.
    PrivateRelayForDomain,
    /// The address is a private relay address, and the policy asks for another address.
    PrivateRelayForAddress,
    /// The claim is absent.
    Claim {
        /// Its name as the policy has it.
        name: String,
    },
    /// The claim was too large for the session, so nothing can be decided on it.
    ClaimLeftOut {
        /// Its name as the policy has it.
        name: String,
    },
    /// It is there and is not what the policy asks for.
    Different {
        /// What is.
        what: What,
    },
}

/// What a policy may find different.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The person, by `sub`.
    User,
    /// The address.
    Address,
    /// The domain of the address.
    Domain,
    /// A claim, by the name that the policy has.
    Claim(String),
    /// The groups that the person is in.
    Group,
    /// The client's network address.
    SourceIp,
    /// The method of the request.
    Method,
    /// The path of the request.
    Path,
    /// Whether the request is a CORS preflight.
    Preflight,
    /// The client's certificate.
    ClientCertificate,
    /// When the request came.
    Time,
}

impl Missing {
    /// The claim it is about, if it is about one: `email` for what concerns the address.
    pub fn claim(&self) -> Option<&str> {
        match self {
            Self::Address
            | Self::AddressUnusable
            | Self::PrivateRelayForDomain
            | Self::PrivateRelayForAddress
            | Self::Different { what: What::Address | What::Domain } => Some("email"),
            Self::AddressUnverified => Some("email_verified"),
            Self::Different { what: What::User } => Some("sub"),
            Self::Different { what: What::Group } => Some("groups"),
            Self::Claim { name }
            | Self::ClaimLeftOut { name }
            | Self::Different { what: What::Claim(name) } => Some(name),
            Self::SignIn
            | Self::Different {
                what:
                    What::SourceIp
                    | What::Method
                    | What::Path
                    | What::Preflight
                    | What::ClientCertificate
                    | What::Time,
            } => None,
        }
    }
}
