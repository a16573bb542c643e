//! `source_ip`: where the request comes from.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

use crate::base::diagnostic::Diagnostics;
use crate::base::node::{Kind, Node};
use crate::policy::answer::Answer;
use crate::policy::codes;
use crate::policy::criterion::{Data, OfRequest, Reads, Row, Test, answer};
use crate::policy::missing::What;
use crate::policy::question::Question;
use crate::policy::reason::Reason;
use crate::policy::written::Written;

pub(super) static ROW: Row = Row {
    name: "source_ip",
    takes_path: false,
    data: Data::Networks,
    sentence: "Holds where the client's address, after the trusted hops, is one of these or in one \
               of these ranges.",
    reasons: &[Reason::SourceIpOk, Reason::SourceIpUnauthorized],
    reads: Reads::SourceIp,
    example: "source_ip: [10.0.0.0/8, 192.0.2.7]",
    compile: |written, diagnostics| {
        Some(Test::request(SourceIp { networks: read(written, diagnostics)? }))
    },
};

#[derive(Debug)]
struct SourceIp {
    /// IPv4 ranges written as IPv6 are IPv4 ranges here.
    networks: Vec<IpNet>,
}

impl OfRequest for SourceIp {
    fn judge(&self, question: &Question<'_>) -> (Answer, Reason) {
        let address = question.source_ip.to_canonical();
        let holds = self.networks.iter().any(|network| network.contains(&address));
        answer(holds, Reason::SourceIpOk, Reason::SourceIpUnauthorized)
    }

    fn wanted(&self) -> String {
        let networks: Vec<String> = self.networks.iter().map(ToString::to_string).collect();
        format!("one of {}", networks.join(", "))
    }

    fn seen(&self, question: &Question<'_>) -> Option<String> {
        Some(question.source_ip.to_canonical().to_string())
    }

    fn different(&self) -> Option<What> {
        Some(What::SourceIp)
    }
}

fn read(written: &Written<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<IpNet>> {
    let networks: Vec<Option<IpNet>> = match &written.data.kind {
        Kind::List(items) if items.is_empty() => {
            let message = "`source_ip` with an empty list never holds";
            diagnostics.warning(
                codes::NEVER_EQUAL,
                written.data.place,
                message,
                "write an address",
            );
            Vec::new()
        }
        Kind::List(items) => items.iter().map(|item| network(item, diagnostics)).collect(),
        Kind::Scalar(_) | Kind::Map(_) => vec![network(written.data, diagnostics)],
    };
    networks.into_iter().collect()
}

fn network(node: &Node, diagnostics: &mut Diagnostics) -> Option<IpNet> {
    let parsed = node.text().and_then(|text| {
        text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
    });
    let Some(network) = parsed else {
        let message = match node.text() {
            Some(text) => format!("`{text}` is no IP address and no range of them"),
            None => {
                format!("`source_ip` wants an IP address or a range, and this is {}", node.what())
            }
        };
        let help = "write for instance 192.0.2.7, 10.0.0.0/8 or \"2001:db8::/32\"; names are not \
                    looked up";
        diagnostics.error(codes::DATA, node.place, message, help);
        return None;
    };
    if network.trunc() != network {
        diagnostics.warning(
            codes::TOO_OPEN,
            node.place,
            format!("`{network}` means the whole range {}", network.trunc()),
            format!(
                "write {} for the range, {} for the one address",
                network.trunc(),
                network.addr()
            ),
        );
    }
    Some(canonical(network.trunc()))
}

/// A range inside ::ffff:0:0/96 is the IPv4 range it maps.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(six) = network else { return network };
    let Some(four) = Ipv6Addr::to_ipv4_mapped(&six.network()) else { return network };
    let length = six.prefix_len().checked_sub(96);
    length.and_then(|length| Ipv4Net::new(four, length).ok()).map_or(network, IpNet::V4)
}
