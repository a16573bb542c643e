//! `from` and `to` of a route: which host, which application.

use url::{Host, Url};

use super::Context;
use crate::base::node::{Node, Place};
use crate::config::codes;
use crate::config::keys::route::FROM;
use crate::config::keys::route_upstream::{REDIRECT, RESPONSE, TO};
use crate::config::section::Section;
use crate::decision::RouteHost;
use crate::upstream::{Scheme, Target};

/// A route's `from` and where it was written.
#[derive(Clone, Debug)]
pub(super) struct LocatedFrom {
    pub(super) from: RouteHost,
    pub(super) place: Place,
}

pub(super) fn from(route: &Section, context: &mut Context<'_>) -> Option<LocatedFrom> {
    let Some(written) = route.get(&FROM) else {
        if !route.has(&FROM) {
            let help = "add `from: https://wiki.example.com`, the address that people type";
            context.error(codes::MISSING, route.place, "a route without `from`", help);
        }
        return None;
    };
    let text = written.text.as_str();
    let mut problem = |message: String, help: &str| {
        context.error(codes::FROM, written.place, message, help);
        None
    };
    match text.split_once("://") {
        Some(("https", _)) => {}
        Some(("http", rest)) => {
            let help = format!(
                "write `https://{rest}`, also where TLS ends before Russet (`insecure_server`)"
            );
            return problem(format!("`from: {text}` is plain http"), &help);
        }
        Some((scheme @ ("tcp+https" | "udp+https" | "ssh"), _)) => {
            let message = format!("`{scheme}://` is not yet done");
            let help = "meanwhile: reach such services without Russet; it guards web applications";
            context.error(codes::NOT_YET, written.place, message, help);
            return None;
        }
        _ => {
            return problem(
                format!("`from: {text}` is not an https address"),
                "write it like `https://wiki.example.com`",
            );
        }
    }
    let Ok(url) = Url::parse(text) else {
        return problem(
            format!("`from: {text}` is not an address"),
            "write it like `https://wiki.example.com`",
        );
    };
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        let help = "keep the host here and put the path into `prefix` or `path`";
        return problem(format!("`from: {text}` is more than a host"), help);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return problem("`from` holds a user name".to_owned(), "write the host alone");
    }
    let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    if host.is_empty() || host.split('.').any(str::is_empty) {
        return problem(
            format!("`from: {text}` names no host"),
            "write it like `https://wiki.example.com`",
        );
    }
    Some(LocatedFrom { from: RouteHost { host, port: url.port() }, place: written.place })
}

/// Whether a route names no application: then it decides for other proxies alone.
pub(super) fn is_left_to_others(route: &Section) -> bool {
    !route.has(&TO) && !stands_in(route)
}

/// Whether something else is to answer in the application's place.
fn stands_in(route: &Section) -> bool {
    route.has(&REDIRECT) || route.has(&RESPONSE)
}

pub(super) fn to(route: &Section, context: &mut Context<'_>) -> Option<Target> {
    let Some(written) = route.get(&TO) else {
        // Whoever writes one of these has been told that it is not yet done.
        if stands_in(route) {
            return None;
        }
        let help = "add `to: http://127.0.0.1:8080`, the application behind Russet; only with \
                    `external_auth` a route may decide for another proxy alone";
        context.error(codes::MISSING, route.place, "a route without `to`", help);
        return None;
    };
    let node = match written.list() {
        None => written,
        Some([only]) => only,
        Some(several) => {
            let message = format!("`to` with {} applications is not yet done", several.len());
            let help = "meanwhile: name one; a balancer may stand behind it";
            context.error(codes::NOT_YET, written.place, message, help);
            return None;
        }
    };
    target(node, context)
}

fn target(node: &Node, context: &mut Context<'_>) -> Option<Target> {
    const HELP: &str = "write it like `http://127.0.0.1:8080` or `https://wiki.internal`";
    let Some(text) = node.text().map(str::trim) else {
        let message = format!("`to` is {}; it must be an address", node.what());
        context.error(codes::SHAPE, node.place, message, HELP);
        return None;
    };
    let not_yet = |what: &str, meanwhile: &str, context: &mut Context<'_>| {
        let help = format!("meanwhile: {meanwhile}");
        context.error(codes::NOT_YET, node.place, format!("{what} in `to` is not yet done"), help);
    };
    let weighted =
        text.rsplit_once(',').is_some_and(|(_, weight)| weight.trim().parse::<u64>().is_ok());
    if weighted {
        not_yet("a weight", "leave the comma and the number out", context);
        return None;
    }
    let scheme = match text.split_once("://").map(|(scheme, _)| scheme) {
        Some("http") => Scheme::Http,
        Some("https") => Scheme::Https,
        Some("h2c") => {
            not_yet("HTTP/2 without TLS (`h2c://`)", "write `http://`", context);
            return None;
        }
        Some(scheme @ ("unix" | "http+unix" | "https+unix" | "tcp" | "udp" | "ssh")) => {
            let what = format!("`{scheme}://`");
            not_yet(&what, "let the application listen on 127.0.0.1 and write `http://`", context);
            return None;
        }
        _ => {
            context.error(
                codes::TO,
                node.place,
                format!("`to: {text}` is not an http or https address"),
                HELP,
            );
            return None;
        }
    };
    if text.contains('@') {
        // It may be a password.
        context.sources.mask(node.place);
    }
    let mut problem = |what: &str, help: &str| {
        let shown = if text.contains('@') { "`to`" } else { &format!("`to: {text}`") };
        context.error(codes::TO, node.place, format!("{shown} {what}"), help);
        None
    };
    let Ok(url) = Url::parse(text) else { return problem("is not an address", HELP) };
    if !url.username().is_empty() || url.password().is_some() {
        return problem(
            "holds a user name",
            "put it into `set_request_headers: {Authorization: ...}`",
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return problem("holds a query", "an application is reached by host, port and path alone");
    }
    let host = match url.host() {
        Some(Host::Domain(name)) if name.contains('*') => return problem("holds `*`", HELP),
        Some(Host::Domain(name)) => name.trim_end_matches('.').to_ascii_lowercase(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => return problem("names no host", HELP),
    };
    let Some(port) = url.port_or_known_default().filter(|port| *port > 0) else {
        return problem("has no port", HELP);
    };
    let name = url.host_str().unwrap_or_default().trim_end_matches('.');
    let authority = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
    // The parser turns no path into `/`; only a written one takes the prefix's place.
    let has_path = text.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    let path = has_path.then(|| url.path().to_owned());
    Some(Target { scheme, host, port, authority, path })
}
