//! The address of the client, and the `X-Forwarded-*` family that tells an application about it.
//!
//! Only the right end of `X-Forwarded-For` is believed: every proxy in front of us appends the
//! address it was asked from, and everything left of those is the client's own word.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::header::HeaderMap;
use http::{HeaderName, HeaderValue};

use super::host::{Authority, Scheme};

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// The way a request came, as far as it can be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The believed entries, from the client on; without the peer.
    entries: Vec<IpAddr>,
    /// Who is connected to us.
    peer: IpAddr,
}

impl Chain {
    /// Reads `X-Forwarded-For` for `trusted_hops` proxies in front of us (`xff_num_trusted_hops`;
    /// 0 believes nobody, and the peer is the client). Fewer entries than hops, or one among them
    /// that is not an address: the request did not come that way, and only the peer is believed.
    ///
    /// Looks at no more entries than there are hops, however many were sent.
    pub fn read(peer: IpAddr, headers: &HeaderMap, trusted_hops: usize) -> Self {
        let peer = peer.to_canonical();
        if trusted_hops == 0 {
            return Self { entries: Vec::new(), peer };
        }
        let mut entries: Vec<_> =
            newest_first(headers).take(trusted_hops).map_while(|entry| entry).collect();
        if entries.len() < trusted_hops {
            entries.clear();
        }
        entries.reverse();
        Self { entries, peer }
    }

    /// Who is connected to us.
    pub fn peer(&self) -> IpAddr {
        self.peer
    }

    /// The way of a request whose client another proxy has told, and that goes no further.
    pub fn told(client: IpAddr) -> Self {
        Self { entries: Vec::new(), peer: client.to_canonical() }
    }

    /// The client's address: canonical, so an IPv4-mapped one is IPv4.
    pub fn client(&self) -> IpAddr {
        self.entries.first().copied().unwrap_or(self.peer)
    }

    /// Writes `X-Forwarded-For` (the believed entries, then the peer), `-Proto`, `-Host` and
    /// `-Port` in place of what the client sent under these names. `authority` and `scheme` are
    /// what the client's address bar shows.
    pub fn write(&self, headers: &mut HeaderMap, scheme: Scheme, authority: &Authority<'_>) {
        let mut list = String::with_capacity(16 * (self.entries.len() + 1));
        for entry in &self.entries {
            // Writing to a String cannot fail.
            let _ = write!(list, "{entry},");
        }
        let _ = write!(list, "{}", self.peer);
        set(headers, FOR, &list);
        headers.insert(PROTO, HeaderValue::from_static(scheme.as_str()));
        match authority.port() {
            None => set(headers, HOST, authority.host()),
            Some(_) => set(headers, HOST, &authority.to_string()),
        }
        headers.insert(PORT, HeaderValue::from(authority.port_or_default(scheme)));
    }
}

/// Security: the client's own value never stays, even if ours could not be written.
fn set(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    match HeaderValue::from_str(text) {
        Ok(value) => drop(headers.insert(name, value)),
        Err(_) => drop(headers.remove(name)),
    }
}

/// All entries of `X-Forwarded-For`, the newest first; those that are not addresses are `None`.
pub fn newest_first(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let values = headers.get_all(FOR).iter().rev();
    values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b',')).map(read_address)
}

/// An entry: an address, which some proxies write with a port. No zones: they mean nothing here.
pub fn read_address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry.trim_ascii()).ok()?;
    if text.contains('%') {
        return None;
    }
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok();
    text.parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| bracketed().map(IpAddr::V6))
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PEER: &str = "10.0.0.1";

    fn chain(values: &[&str], hops: usize) -> Chain {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(FOR, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Chain::read(PEER.parse().unwrap(), &headers, hops)
    }

    fn written(chain: &Chain) -> String {
        let mut headers = HeaderMap::new();
        chain.write(&mut headers, Scheme::Https, &Authority::parse("a.example").unwrap());
        headers[FOR].to_str().unwrap().to_owned()
    }

    #[test]
    fn t61_only_as_many_hops_are_believed_as_there_are() {
        for (values, hops, client, list) in [
            (&[][..], 0, PEER, "10.0.0.1"),
            (&["192.0.2.1"], 0, PEER, "10.0.0.1"),
            (&[], 1, PEER, "10.0.0.1"),
            (&["192.0.2.1"], 1, "192.0.2.1", "192.0.2.1,10.0.0.1"),
            (&["6.6.6.6, 192.0.2.1"], 1, "192.0.2.1", "192.0.2.1,10.0.0.1"),
            (&["6.6.6.6", "192.0.2.1"], 1, "192.0.2.1", "192.0.2.1,10.0.0.1"),
            (&["6.6.6.6,,192.0.2.1"], 1, "192.0.2.1", "192.0.2.1,10.0.0.1"),
            (&["192.0.2.1, 10.0.0.2"], 2, "192.0.2.1", "192.0.2.1,10.0.0.2,10.0.0.1"),
            (&["6.6.6.6, 192.0.2.1", "10.0.0.2"], 2, "192.0.2.1", "192.0.2.1,10.0.0.2,10.0.0.1"),
            (&["192.0.2.1"], 2, PEER, "10.0.0.1"),
            (&["1.1.1.1, 2.2.2.2, 3.3.3.3"], 3, "1.1.1.1", "1.1.1.1,2.2.2.2,3.3.3.3,10.0.0.1"),
            (&["2.2.2.2, 3.3.3.3"], 3, PEER, "10.0.0.1"),
            (&["192.0.2.1"], usize::MAX, PEER, "10.0.0.1"),
            (&["::ffff:192.0.2.1"], 1, "192.0.2.1", "192.0.2.1,10.0.0.1"),
            (&["2001:DB8::0001"], 1, "2001:db8::1", "2001:db8::1,10.0.0.1"),
            (&["[2001:db8::1]"], 1, "2001:db8::1", "2001:db8::1,10.0.0.1"),
            (&["[2001:db8::1]:4711"], 1, "2001:db8::1", "2001:db8::1,10.0.0.1"),
            (&["192.0.2.1:4711"], 1, "192.0.2.1", "192.0.2.1,10.0.0.1"),
        ] {
            let chain = chain(values, hops);
            assert_eq!(chain.client().to_string(), client, "{values:?} {hops}");
            assert_eq!(written(&chain), list, "{values:?} {hops}");
        }
    }

    #[test]
    fn t61_garbage_means_the_peer() {
        for garbage in [
            "",
            " ",
            ",",
            "unknown",
            "_hidden",
            "localhost",
            "192.0.2",
            "192.0.2.256",
            "192.0.2.01",
            "0x7f.0.0.1",
            "192.0.2.1/32",
            "192.0.2.1 1.1.1.1",
            "\"192.0.2.1\"",
            "for=192.0.2.1",
            "fe80::1%eth0",
            "[fe80::1%1]:80",
            "[::1",
            "::1]",
            "192.0.2.1,",
            "\u{e4}",
            "%00",
            "192.0.2.1;x",
            "[192.0.2.1]",
        ] {
            let chain = chain(&[garbage], 1);
            assert_eq!(chain.client().to_string(), PEER, "{garbage:?}");
            assert_eq!(written(&chain), PEER, "{garbage:?}");
        }
        assert_eq!(chain(&["192.0.2.1, unknown"], 2).client().to_string(), PEER);
    }

    #[test]
    fn t61_ten_thousand_entries_change_nothing() {
        let many = format!("{}192.0.2.1", "6.6.6.6,".repeat(10_000));
        assert_eq!(chain(&[&many], 1).client().to_string(), "192.0.2.1");
        let lines: Vec<_> = std::iter::repeat_n("6.6.6.6", 10_000).chain(["192.0.2.1"]).collect();
        assert_eq!(written(&chain(&lines, 1)), "192.0.2.1,10.0.0.1");
        assert_eq!(written(&chain(&lines, 0)), "10.0.0.1");
    }

    #[test]
    fn t61_a_mapped_peer_is_an_ipv4_peer() {
        let peer = "::ffff:192.0.2.7".parse().unwrap();
        assert_eq!(Chain::read(peer, &HeaderMap::new(), 0).client().to_string(), "192.0.2.7");
    }

    #[test]
    fn the_family_is_ours_whatever_the_client_sent() {
        let mut headers = HeaderMap::new();
        for name in [FOR, PROTO, HOST, PORT] {
            headers.append(&name, HeaderValue::from_static("forged"));
            headers.append(&name, HeaderValue::from_static("twice"));
        }
        let chain = Chain::read(PEER.parse().unwrap(), &headers, 0);
        chain.write(&mut headers, Scheme::Https, &Authority::parse("Wiki.example:8443").unwrap());
        assert_eq!(headers.len(), 4);
        assert_eq!(headers[PROTO], "https");
        assert_eq!(headers[HOST], "wiki.example:8443");
        assert_eq!(headers[PORT], "8443");
        chain.write(&mut headers, Scheme::Http, &Authority::parse("wiki.example").unwrap());
        assert_eq!(headers[HOST], "wiki.example");
        assert_eq!(headers[PORT], "80");
    }

    proptest! {
        #[test]
        fn t61_no_header_moves_the_client_when_nobody_is_trusted(value in "[ -~]{0,60}", hops in 0usize..4) {
            let short = chain(&[&value], hops);
            if hops == 0 {
                prop_assert_eq!(short.client().to_string(), PEER);
            }
            let prefixed = format!("6.6.6.6,{value}");
            let longer = chain(&[&prefixed], hops);
            if short.client().to_string() != PEER {
                prop_assert_eq!(longer.client(), short.client());
            }
        }
    }
}
