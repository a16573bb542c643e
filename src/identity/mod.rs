//! Floor 1: who somebody is, whoever said so. Every other floor speaks of people in these types
//! alone; a second identity provider would yield the same.

mod address;
mod claims;
mod client_certificate;

use std::sync::Arc;

pub use address::{Address, domain_of};
pub use claims::Claims;
pub use client_certificate::ClientCertificate;

use crate::base::time::Timestamp;

/// A person as the identity provider described them at sign-in. Immutable; shared by reference.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The provider's stable name for the person, `sub`. The only stable key (with the issuer).
    pub subject: Arc<str>,
    /// Every claim of the id_token but the protocol's own.
    pub claims: Claims,
    /// The names of claims that did not fit the sealed session: there, but not to be relied on. A
    /// criterion on one of them is *unknown*, never absent.
    pub omitted: Vec<Box<str>>,
    /// What the email claims say, read once.
    pub address: Address,
    /// The name from Apple's first consent. Security: unsigned, so it is for display and for the
    /// assertion's `name` alone; no policy sees it (T18).
    pub display_name: Option<Box<str>>,
    /// When the provider issued the id_token, by its own clock (`iat`).
    pub issued_at: Timestamp,
    /// Tells one state of an account's claims from the next: 0 for those of the sign-in, another
    /// number for each change since.
    pub claims_generation: u64,
    /// When the person signed in: the later of `issued_at` and the begin of the session by our own
    /// clock, so that a sign-in that is just over is never old. [`Identity::new`] takes `issued_at`
    /// for it; the session sets it right.
    pub signed_in_at: Timestamp,
}

impl Identity {
    /// Stands in [`Identity::omitted`] for every claim that is not there, when too many were left
    /// out to name them.
    pub const EVERY_OTHER: &'static str = "*";

    /// Whether the claim was left out of the sealed session, so that nothing is known of it.
    pub fn is_omitted(&self, name: &str) -> bool {
        let named = |omitted: &str| {
            omitted == name || (omitted == Self::EVERY_OTHER && self.claims.get(name).is_none())
        };
        self.omitted.iter().any(|omitted| named(omitted))
    }

    /// Puts together what the id_token said.
    pub fn new(subject: &str, claims: Claims, issued_at: Timestamp) -> Self {
        let address = Address::from_claims(&claims);
        Self {
            subject: subject.into(),
            claims,
            omitted: Vec::new(),
            address,
            display_name: None,
            issued_at,
            claims_generation: 0,
            signed_in_at: issued_at,
        }
    }
}
