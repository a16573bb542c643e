//! `external_auth`: which proxies may ask, and how.

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderName;
use ipnet::{IpNet, Ipv4Net};

use super::Context;
use crate::base::node::Node;
use crate::base::secret::Secret;
use crate::config::codes;
use crate::config::keys::Scope;
use crate::config::keys::external_auth::{self as fields, EXTERNAL_AUTH};
use crate::config::section::{Purpose, Section};
use crate::config::value::Located;
use crate::gateway::ExternalAuthSettings as Settings;

/// Shortest secret of a proxy, in bytes: it stands for the right to speak for every client.
const SECRET_BYTES: usize = 16;

const EXAMPLE: &str = "write `trusted_peers: [127.0.0.1]`, the address that your proxy asks from, \
                       or `- {header: X-Proxy-Secret, secret_file: FILE}`";

/// The settings; `Some(None)` where it is not written, `None` where it cannot be used.
pub(super) fn lower(top: &Section, context: &mut Context<'_>) -> Option<Option<Settings>> {
    let Some(node) = top.get(&EXTERNAL_AUTH) else {
        return (!top.has(&EXTERNAL_AUTH)).then_some(None);
    };
    if node.map().is_none() {
        let message = format!("`external_auth` is {}; it must be a map", node.what());
        context.error(codes::SHAPE, node.place, message, EXAMPLE);
        return None;
    }
    let section =
        Section::read(Scope::ExternalAuth, top.purpose, node, context.sources, context.problems);
    let mut settings = Settings {
        networks: Vec::new(),
        secrets: Vec::new(),
        oauth2_proxy_compat: section.get(&fields::OAUTH2_PROXY_COMPAT),
        grpc_address: section.get(&fields::GRPC_ADDRESS),
    };
    let Some(peers) = section.get(&fields::TRUSTED_PEERS).filter(|peers| !is_empty(peers)) else {
        let message = "`external_auth` without `trusted_peers`: whoever reaches Russet could say \
                       that a request is another one";
        context.error(codes::MISSING, section.place, message, EXAMPLE);
        return None;
    };
    let Some(items) = peers.list() else {
        let message = format!("`trusted_peers` is {}; it must be a list", peers.what());
        context.error(codes::SHAPE, peers.place, message, EXAMPLE);
        return None;
    };
    let mut fine = true;
    for item in items {
        fine &= match item.map() {
            Some(_) => header(item, top.purpose, &mut settings, context),
            None => network(item, context).map(|network| settings.networks.push(network)),
        }
        .is_some();
    }
    fine.then_some(Some(settings))
}

fn is_empty(peers: &Node) -> bool {
    peers.is_null() || peers.list().is_some_and(<[Node]>::is_empty)
}

/// An address or a network. Host bits that are set are a slip, and a network of everybody
/// would mean trusting everyone; both are errors.
fn network(node: &Node, context: &mut Context<'_>) -> Option<IpNet> {
    const HELP: &str = "write for instance 127.0.0.1, 10.1.2.0/24 or \"2001:db8::/64\"; names are \
                        not looked up";
    let mut problem = |message: String, help: &str| {
        context.error(codes::VALUE, node.place, message, help);
        None
    };
    let Some(text) = node.text().map(str::trim) else {
        return problem(format!("a trusted peer is {}; it must be an address", node.what()), HELP);
    };
    let parsed: Option<IpNet> =
        text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let Some(network) = parsed else {
        return problem(format!("`{text}` is not an address or a network"), HELP);
    };
    if network.trunc() != network {
        let help = format!(
            "write {} for the network, {} for the one address",
            network.trunc(),
            network.addr()
        );
        return problem(format!("`{text}` is an address inside of a network"), &help);
    }
    let network = canonical(network);
    // Security: after that, because `::ffff:0:0/96` is everybody who comes over IPv4.
    if network.prefix_len() == 0 {
        return problem(format!("`{text}` trusts everybody"), EXAMPLE);
    }
    Some(network)
}

/// A network inside ::ffff:0:0/96 is the IPv4 network it maps; peers are compared as IPv4.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(six) = network else { return network };
    let Some(four) = Ipv6Addr::to_ipv4_mapped(&six.network()) else { return network };
    let length = six.prefix_len().checked_sub(96);
    length.and_then(|length| Ipv4Net::new(four, length).ok()).map_or(network, IpNet::V4)
}

/// `{header: NAME, secret_file: FILE}`.
fn header(
    item: &Node,
    purpose: Purpose,
    settings: &mut Settings,
    context: &mut Context<'_>,
) -> Option<()> {
    let before = context.problems.errors();
    let section = context.section(Scope::TrustedPeer, purpose, item, "trusted_peers")?;
    if context.problems.errors() > before {
        return None;
    }
    for key in [&fields::HEADER.row, &fields::SECRET_FILE.row] {
        if !section.has(key) {
            let message = format!("a trusted peer by header without `{}`", key.name);
            context.error(codes::MISSING, item.place, message, EXAMPLE);
        }
    }
    let (name, file) = (section.get(&fields::HEADER)?, section.get(&fields::SECRET_FILE)?);
    let header = header_name(name, context)?;
    let secret = context.files.read(&fields::SECRET_FILE, file, context.problems)?;
    let plain = secret.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain || secret.len() < SECRET_BYTES {
        let message = "`secret_file` must hold one line of at least 16 visible characters";
        let help = "make one by: openssl rand -hex 32";
        context.error(codes::KEY_FILE, file.place, message, help);
        return None;
    }
    settings.secrets.push((header, Secret::new(secret.as_bytes())));
    Some(())
}

/// A name that nothing else uses: a header that clients or proxies write for another purpose proves
/// nothing.
fn header_name(name: &Located, context: &mut Context<'_>) -> Option<String> {
    const USED: [&str; 9] = [
        "accept",
        "authorization",
        "cookie",
        "connection",
        "content-length",
        "host",
        "origin",
        "forwarded",
        "te",
    ];
    const FAMILIES: [&str; 4] = ["x-forwarded-", "x-original-", "sec-", "access-control-"];
    let lower = name.text.to_ascii_lowercase();
    let used = USED.contains(&lower.as_str())
        || FAMILIES.iter().any(|family| lower.starts_with(family))
        || lower.contains('_');
    if lower.parse::<HeaderName>().is_err() || used {
        let message = format!("`header: {}` cannot carry a secret of your proxy", name.text);
        let help = "use a name that nothing else uses, such as X-Proxy-Secret";
        context.error(codes::VALUE, name.place, message, help);
        return None;
    }
    Some(lower)
}
