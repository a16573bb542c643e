//! Which hosts are this machine alone, by name or by address.

use std::net::IpAddr;

/// Whether a name is this machine: `localhost` and every name under it, whatever the resolver
/// thinks (RFC 6761 §6.3). Case and one trailing dot do not matter.
pub fn is_loopback_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether a host without a port is this machine: such a name, or a loopback address. An IPv6
/// address may stand in brackets, as in a URL.
pub fn is_loopback_host(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    is_loopback_name(host) || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_this_machine_are_known_and_similar_ones_are_not() {
        for host in ["localhost", "localhost.", "wiki.localhost", "a.b.LOCALHOST"] {
            assert!(is_loopback_name(host) && is_loopback_host(host), "{host}");
        }
        for host in ["127.0.0.1", "127.9.9.9", "::1", "[::1]"] {
            assert!(is_loopback_host(host) && !is_loopback_name(host), "{host}");
        }
        for host in ["", ".", "notlocalhost", "localhost.example", "128.0.0.1", "[::2]", "0.0.0.0"]
        {
            assert!(!is_loopback_host(host), "{host}");
        }
    }
}
