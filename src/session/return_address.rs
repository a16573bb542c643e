//! Where a person wanted to go before signing in. Checked against the configured hosts when it is
//! written and again when it is used; never taken from the browser unsealed (T35).

use serde::{Deserialize, Serialize};

use crate::wire::host::Authority;
use crate::wire::target;

/// Longest address that is remembered whole, in bytes.
pub const LONGEST: usize = 2_048;

/// Says whether a host, with the port as written, is one of ours.
pub type OurHosts<'a> = &'a dyn Fn(&Authority<'_>) -> bool;

/// An address on one of our hosts, always https. Path and query are kept byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnAddress {
    /// Host and port as written.
    pub authority: Authority<'static>,
    /// Path and query as the browser sent them.
    pub path_and_query: String,
    /// Whether what was asked for was too long and this is the nearest that is not.
    pub shortened: bool,
}

impl ReturnAddress {
    /// The address that a request asked for: `None` where it is not a safe address at all. One that
    /// is too long loses its query, then its path.
    pub fn of_request(
        authority: &Authority<'_>,
        path_and_query: &str,
        is_ours: OurHosts<'_>,
    ) -> Option<Self> {
        let whole = format!("https://{authority}{path_and_query}");
        // A backslash takes two bytes where the address is written down.
        if whole.len() + whole.matches('\\').count() <= LONGEST {
            return Self::parse(&whole, is_ours);
        }
        let path = path_and_query.split('?').next().unwrap_or("/");
        let path = if path.len() + authority.host().len() + 16 <= LONGEST { path } else { "/" };
        let short = Self::parse(&format!("https://{authority}{path}"), is_ours)?;
        Some(Self { shortened: true, ..short })
    }

    /// Reads an address that was written down before.
    pub fn parse(text: &str, is_ours: OurHosts<'_>) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let found = target::local_url(text).ok()?;
        is_ours(found.authority()).then(|| Self {
            authority: found.authority().clone(),
            path_and_query: found.path_and_query().to_owned(),
            shortened: false,
        })
    }

    /// The whole address.
    pub fn url(&self) -> String {
        format!("https://{}{}", self.authority, self.path_and_query)
    }

    pub(super) fn written(&self) -> Written {
        Written { url: self.url(), shortened: self.shortened }
    }
}

/// The sealed form; checked again when it is read.
#[derive(Serialize, Deserialize)]
pub(super) struct Written {
    #[serde(rename = "u")]
    url: String,
    #[serde(rename = "s", default, skip_serializing_if = "std::ops::Not::not")]
    shortened: bool,
}

impl Written {
    pub(super) fn read(&self, is_ours: OurHosts<'_>) -> Option<ReturnAddress> {
        let address = ReturnAddress::parse(&self.url, is_ours)?;
        Some(ReturnAddress { shortened: self.shortened, ..address })
    }
}
