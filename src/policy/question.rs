//! What is asked of a policy.

use std::net::IpAddr;

use super::supposed::{Supposed, Unrecorded};
use crate::base::time::Timestamp;
use crate::identity::{ClientCertificate, Identity};

/// All that a policy may look at.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The method as it was sent; compared exactly.
    pub method: &'a str,
    /// The normalised path, without the query.
    pub path: &'a str,
    /// The client's address, after the trusted hops.
    pub source_ip: IpAddr,
    /// Whether this is a true preflight: `OPTIONS` with `Origin` and
    /// `Access-Control-Request-Method`.
    pub cors_preflight: bool,
    /// When it is decided.
    pub now: Timestamp,
    /// The client's certificate; `None` where none was shown.
    pub client_certificate: Option<&'a ClientCertificate>,
    /// Who is asking, where a live session says so.
    pub identity: Option<&'a Identity>,
    /// What a test case or a replay supposes about them; `None` for every live request.
    pub supposed: Option<&'a Supposed>,
}

impl<'a> Question<'a> {
    /// The groups that a test case says the person is in, where it says so.
    pub(super) fn supposed_groups(&self) -> Option<&'a [Box<str>]> {
        self.supposed.and_then(|supposed| supposed.groups.as_deref())
    }

    /// What is not recorded of the person, where something is not.
    pub(super) fn unrecorded(&self) -> Option<&'a Unrecorded> {
        self.supposed.map(|supposed| &supposed.unrecorded).filter(|missing| missing.any())
    }
}
