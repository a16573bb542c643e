//! Who may ask for others, and whom they ask for.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use crate::base::secret::{Secret, same};
use crate::gateway::state::settings::ExternalAuthSettings;
use crate::wire::forwarded::newest_first;
use crate::wire::occurrence::of_header;

/// The peers that may describe requests of others.
#[derive(Debug)]
pub(crate) struct TrustedPeers {
    networks: Vec<IpNet>,
    secrets: Vec<(HeaderName, Secret)>,
    /// Whether oauth2-proxy's endpoints are served.
    pub(crate) oauth2_proxy: bool,
}

impl TrustedPeers {
    /// # Errors
    /// The name that is not a header's.
    pub(crate) fn new(settings: &ExternalAuthSettings) -> Result<Self, String> {
        let secret = |(name, secret): &(String, Secret)| {
            let header = name.parse::<HeaderName>().map_err(|_| name.clone())?;
            Ok::<_, String>((header, secret.clone()))
        };
        Ok(Self {
            oauth2_proxy: settings.oauth2_proxy_compat,
            networks: settings.networks.clone(),
            secrets: settings.secrets.iter().map(secret).collect::<Result<_, _>>()?,
        })
    }

    /// Whether `peer` may ask: by where it is, or by what it knows. A header that comes twice
    /// proves nothing, because one of the two may be a client's.
    pub(crate) fn trusts(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        self.includes(peer)
            || self.secrets.iter().any(|(name, secret)| {
                let only = of_header(headers, name).once();
                only.is_some_and(|sent| same(sent.as_bytes(), secret.expose()))
            })
    }

    /// Security: a secret that has done its work is nothing for what comes after.
    pub(crate) fn remove_secrets(&self, headers: &mut HeaderMap) {
        for (name, _) in &self.secrets {
            headers.remove(name);
        }
    }

    /// The client of a trusted peer: the rightmost entry of `X-Forwarded-For` that is not a trusted
    /// peer itself; where all are, the leftmost; where there is none, the peer. What stands left of
    /// it is the client's own word, and is not looked at. `None` where an entry that must be read is
    /// not an address.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let mut client = peer;
        for entry in newest_first(headers) {
            client = entry?;
            if !self.includes(client) {
                break;
            }
        }
        Some(client)
    }

    fn includes(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }
}
