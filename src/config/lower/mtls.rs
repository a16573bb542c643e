//! `downstream_mtls`, as far as it decides: with an authority for clients' certificates, every route
//! refuses whoever shows none of it, unless policies are to say so themselves. The authority itself
//! is not looked at here.

use super::Context;
use crate::base::node::Node;
use crate::config::keys::downstream_mtls::{CA, CA_FILE, ENFORCEMENT, Enforcement};
use crate::config::keys::route::{TLS_DOWNSTREAM_CLIENT_CA, TLS_DOWNSTREAM_CLIENT_CA_FILE};
use crate::config::keys::{Scope, tls::DOWNSTREAM_MTLS};
use crate::config::section::Section;

/// Whether every route refuses clients without a valid certificate.
pub(super) fn certificate_required(
    top: &Section,
    routes: &[Section],
    context: &mut Context<'_>,
) -> bool {
    let written = top.get(&DOWNSTREAM_MTLS).filter(|node| !node.is_null());
    let mut read = |node: &Node| {
        context.section(Scope::DownstreamMtls, top.purpose, node, DOWNSTREAM_MTLS.row.name)
    };
    let section = written.and_then(&mut read);
    // Pomerium's deprecated key of one route asks for certificates on all of them, too.
    let of_a_route = |route: &Section| {
        route.get(&TLS_DOWNSTREAM_CLIENT_CA).is_some()
            || route.get(&TLS_DOWNSTREAM_CLIENT_CA_FILE).is_some()
    };
    let given = |mtls: &Section| mtls.get(&CA).is_some() || mtls.get(&CA_FILE).is_some();
    let asked = section.as_ref().is_some_and(given) || routes.iter().any(of_a_route);
    let enforcement = section.map_or(ENFORCEMENT.read.default, |mtls| mtls.get(&ENFORCEMENT));
    asked && enforcement == Enforcement::Refuse
}
