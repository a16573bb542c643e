//! Fills the gateway's settings: listeners, headers, routes as they are served.

use std::net::SocketAddr;
use std::sync::Arc;

use super::headers::ResponseHeaders;
use super::hosts::Hosts;
use super::targets::LocatedFrom;
use super::{Context, certificates, decision_log, external_auth, headers, signing_key};
use crate::base::node::Place;
use crate::config::codes;
use crate::config::keys;
use crate::config::keys::listener::{
    ADDRESS, HEALTH_CHECK_ADDR, HTTP_REDIRECT_ADDR, INSECURE_SERVER, XFF_NUM_TRUSTED_HOPS,
};
use crate::config::section::Section;
use crate::gateway::{ListenerSettings, Settings};

/// Everything but the routes.
pub(super) fn lower(
    top: &Section,
    hosts: Option<&Hosts>,
    froms: &[LocatedFrom],
    context: &mut Context<'_>,
) -> Option<Settings> {
    let names: Vec<_> = froms
        .iter()
        .map(|from| (from.from.host.as_str(), Some(from.place)))
        .chain(hosts.map(|hosts| (hosts.host.as_str(), hosts.place)))
        .collect();
    let listener = listener(top, &names, context);
    let signing_keys = signing_key::lower(top, context);
    let claims_headers = headers::claims_headers(top, context);
    let response_headers =
        headers::response_headers(top, &keys::headers::SET_RESPONSE_HEADERS, context);
    let domain_association = domain_association(top, context);
    let external_auth = external_auth::lower(top, context);
    let trusted_hops = top.get(&XFF_NUM_TRUSTED_HOPS);
    let decision_log = decision_log::lower(top, context);
    let listener = listener?;
    if let Some(grpc) = external_auth.iter().flatten().find_map(|auth| auth.grpc_address) {
        check_grpc_address(grpc, &listener, top, context);
    }
    let has_certificate = !listener.certificates.is_empty();
    let hosts = hosts?;
    Some(Settings {
        decision_log: decision_log?,
        listener,
        authenticate_host: hosts.authenticate_host.clone(),
        callback_path: hosts.callback_path.clone(),
        signout_redirect_url: top
            .get(&keys::session::SIGNOUT_REDIRECT_URL)
            .map(|url| url.as_str().to_owned()),
        signing_keys: signing_keys?,
        claims_headers: claims_headers?,
        response_headers: match response_headers? {
            ResponseHeaders::Unset => headers::default_response_headers(has_certificate),
            ResponseHeaders::Disabled => Vec::new(),
            ResponseHeaders::Set(headers) => headers,
        },
        domain_association: domain_association?,
        trusted_hops,
        external_auth: external_auth?,
        routes: Vec::new(),
    })
}

fn listener(
    top: &Section,
    names: &[(&str, Option<Place>)],
    context: &mut Context<'_>,
) -> Option<ListenerSettings> {
    let plain = top.get(&INSECURE_SERVER);
    let certificates = certificates::own(top, names, context);
    let unsure = top.is_broken(&INSECURE_SERVER);
    if !plain && !unsure && certificates.as_ref().is_some_and(Vec::is_empty) {
        let help = "add `certificates: [{cert: FILE, key: FILE}]`,\n\
                    or `insecure_server: true` where TLS ends before Russet";
        context.error(
            codes::NO_CERTIFICATE,
            None,
            "there is no certificate to speak TLS with",
            help,
        );
    }
    let address = top.get(&ADDRESS);
    let redirect_address = top.get(&HTTP_REDIRECT_ADDR);
    let health_address = top.get(&HEALTH_CHECK_ADDR);
    let named = [
        (&ADDRESS.row, Some(address)),
        (&HTTP_REDIRECT_ADDR.row, redirect_address),
        (&HEALTH_CHECK_ADDR.row, Some(health_address)),
    ];
    for (index, (key, one)) in named.iter().enumerate() {
        let same = named.iter().take(index).find(|(_, other)| other.is_some() && other == one);
        // Port 0 is a different one each time.
        if let Some((other, _)) = same.filter(|_| one.is_some_and(|one| one.port() != 0)) {
            let message = format!("`{}` and `{}` are the same address", key.name, other.name);
            let place = top.place(*key).or_else(|| top.place(*other));
            context.error(codes::CONFLICT, place, message, "give each its own port");
        }
    }
    Some(ListenerSettings {
        address,
        plain,
        redirect_address,
        health_address,
        health_address_written: top.place(&HEALTH_CHECK_ADDR).is_some(),
        certificates: certificates?,
        idle_timeout: top.get(&keys::timeouts::TIMEOUT_IDLE),
    })
}

fn check_grpc_address(
    grpc: SocketAddr,
    listener: &ListenerSettings,
    top: &Section,
    context: &mut Context<'_>,
) {
    let others = [Some(listener.address), listener.redirect_address, Some(listener.health_address)];
    if grpc.port() != 0 && others.contains(&Some(grpc)) {
        let message = "`grpc_address` is the address of another listener";
        context.error(
            codes::CONFLICT,
            top.place(&keys::external_auth::EXTERNAL_AUTH),
            message,
            "give each its own port",
        );
    }
}

fn domain_association(top: &Section, context: &mut Context<'_>) -> Option<Option<Arc<str>>> {
    let text = top.inline_or_file(
        &keys::apple::APPLE_DOMAIN_ASSOCIATION,
        &keys::apple::APPLE_DOMAIN_ASSOCIATION_FILE,
        &mut context.files,
        context.problems,
    );
    Some(text.ok()?.map(|text| text.text.into()))
}
