//! Routes: which requests, who may pass, and how they are served.

use std::collections::HashSet;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use rustls_pki_types::CertificateDer;

use super::access;
use super::headers::ResponseHeaders;
use super::targets::{self, LocatedFrom};
use super::{Context, certificates, headers};
use crate::base::node::Place;
use crate::config::codes;
use crate::config::keys::{self, route as route_keys, route_upstream as upstream_keys};
use crate::config::section::Section;
use crate::config::value::Located;
use crate::decision::{PathRule, RouteRule};
use crate::gateway::RouteService;
use crate::policy::{Definitions, Openness, Policy};
use crate::upstream;

/// Largest program of a `regex`, in bytes.
const REGEX_BYTES: usize = 1 << 20;

/// A route, as far as it could be read.
pub(super) struct Route {
    /// All that is written of it.
    pub(super) section: Section,
    pub(super) from: Option<LocatedFrom>,
    /// The path rule as written, for comparing routes; `None` where it cannot be used.
    pub(super) path: Option<WrittenPath>,
    /// The application, for comparing routes; `None` until it is known, `Some(None)` where it has
    /// none.
    pub(super) to: Option<Option<upstream::Target>>,
    pub(super) openness: Openness,
    /// The shadow policy: it is asked in addition to the route's own.
    pub(super) shadow_policy: Option<Policy>,
    /// What is decided on its requests; `None` where something is wrong with that.
    pub(super) rule: Option<RouteRule>,
}

impl Route {
    /// Where the route stands.
    pub(super) fn place(&self) -> Place {
        self.section.place
    }
}

/// The path rule as written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum WrittenPath {
    Any,
    Prefix(String),
    Exact(String),
    Regex(String),
}

/// What is decided on each route's requests. Needs nothing of how they are served.
pub(super) fn rules(
    sections: Vec<Section>,
    certificate_required: bool,
    definitions: &mut Definitions,
    context: &mut Context<'_>,
) -> Vec<Route> {
    let mut ids = HashSet::new();
    let one = |section| rule(section, certificate_required, definitions, &mut ids, context);
    sections.into_iter().map(one).collect()
}

fn rule(
    section: Section,
    certificate_required: bool,
    definitions: &mut Definitions,
    ids: &mut HashSet<String>,
    context: &mut Context<'_>,
) -> Route {
    let from = targets::from(&section, context);
    let path = path(&section, context);
    let policy = access::policy(&section, certificate_required, definitions, context);
    let openness = policy.openness();
    let shadow_policy = access::shadow_policy(&section, definitions, context);
    let (written, path) = path.unzip();
    let rule = from.as_ref().zip(path).map(|(from, path)| {
        let id = id(&section, from, written.as_ref(), ids);
        RouteRule {
            id: id.into(),
            from: from.from.clone(),
            path,
            policy,
            for_other_proxies_alone: targets::is_left_to_others(&section),
        }
    });
    Route { section, from, path: written, to: None, openness, shadow_policy, rule }
}

/// How each route is served; `None` where something is wrong with one.
pub(super) fn services(
    top: &Section,
    routes: &mut [Route],
    extra_roots: &Arc<[CertificateDer<'static>]>,
    context: &mut Context<'_>,
) -> Option<Vec<RouteService>> {
    let pass_identity = top.get(&keys::headers::PASS_IDENTITY_HEADERS);
    let external_auth = top.has(&keys::external_auth::EXTERNAL_AUTH);
    let one = |route: &mut Route| {
        let service = service(&route.section, pass_identity, extra_roots, external_auth, context);
        let shadow_policy = route.shadow_policy.take();
        let service = service.map(|service| RouteService { shadow_policy, ..service });
        route.to = service
            .as_ref()
            .map(|service| service.upstream.as_ref().map(|upstream| upstream.target.clone()));
        service
    };
    let services: Vec<_> = routes.iter_mut().map(one).collect();
    services.into_iter().collect()
}

/// `name`, or host and path; numbered where several routes would have the same.
fn id(
    route: &Section,
    from: &LocatedFrom,
    path: Option<&WrittenPath>,
    ids: &mut HashSet<String>,
) -> String {
    let wanted = route.get(&route_keys::NAME).map_or_else(
        || {
            let port = from.from.port.map_or_else(String::new, |port| format!(":{port}"));
            let path = match path {
                None | Some(WrittenPath::Any) => "",
                Some(WrittenPath::Prefix(text) | WrittenPath::Exact(text)) => text,
                Some(WrittenPath::Regex(text)) => &format!("~{text}"),
            };
            format!("{}{port}{path}", from.from.host)
        },
        |name| name.text.clone(),
    );
    let mut id = wanted.clone();
    let mut number = 1u32;
    while !ids.insert(id.clone()) {
        number += 1;
        id = format!("{wanted}#{number}");
    }
    id
}

fn path(route: &Section, context: &mut Context<'_>) -> Option<(WrittenPath, PathRule)> {
    let written: Vec<(&str, &Located)> = [route_keys::PREFIX, route_keys::PATH, route_keys::REGEX]
        .iter()
        .filter_map(|key| Some((key.row.name, route.get(key)?)))
        .collect();
    match written.as_slice() {
        [] => Some((WrittenPath::Any, PathRule::Any)),
        [("regex", regex)] => {
            let rule = compiled(regex, context)?;
            Some((WrittenPath::Regex(regex.text.clone()), PathRule::Regex(rule)))
        }
        [(key, path)] => {
            check_path(key, path, context)?;
            let text = path.text.clone();
            Some(if *key == "prefix" {
                (WrittenPath::Prefix(text.clone()), PathRule::Prefix(text))
            } else {
                (WrittenPath::Exact(text.clone()), PathRule::Exact(text))
            })
        }
        [(one, _), (other, at), ..] => {
            let message = format!("`{one}` and `{other}` are both written");
            context.error(codes::PATH, at.place, message, "keep one; two routes may have one each");
            None
        }
    }
}

/// Paths are compared after they were brought into one form; a rule that is not in that form would
/// never match, and the route after it would.
fn check_path(key: &str, path: &Located, context: &mut Context<'_>) -> Option<()> {
    let text = path.text.as_str();
    let problem = if !text.starts_with('/') {
        Some(("does not begin with `/`", "write it from the root of the host"))
    } else if text.contains(['?', '#']) {
        Some(("holds a query", "queries are not looked at; write the path alone"))
    } else if text.contains("//") {
        Some(("holds `//`, which becomes `/` before routes are tried", "write `/`"))
    } else if text.split('/').any(|segment| matches!(segment, "." | "..")) {
        Some((
            "holds `.` or `..`, which are resolved before routes are tried",
            "write the path itself",
        ))
    } else if text.split('%').skip(1).any(|rest| !is_kept_escape(rest)) {
        Some((
            "holds an escape that is decoded or refused before routes are tried",
            "write letters, digits and `-._~` as themselves, other bytes as `%` and two capitals",
        ))
    } else if text.chars().any(|c| !c.is_ascii_graphic() || c == '\\') {
        Some((
            "holds a character that no address has",
            "write its UTF-8 as `%` and two capital hex digits",
        ))
    } else {
        None
    };
    let Some((what, help)) = problem else { return Some(()) };
    context.error(codes::PATH, path.place, format!("`{key}: {text}` {what}"), help);
    None
}

/// Whether what follows a `%` is an escape that the one form of paths keeps.
fn is_kept_escape(rest: &str) -> bool {
    let digits = rest.get(..2).filter(|digits| !digits.bytes().any(|b| b.is_ascii_lowercase()));
    let Some(Ok(byte)) = digits.map(|digits| u8::from_str_radix(digits, 16)) else { return false };
    let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !unreserved && !byte.is_ascii_control() && !b"/\\".contains(&byte)
}

/// The expression must match the whole path, whatever stands in it.
fn compiled(regex: &Located, context: &mut Context<'_>) -> Option<Regex> {
    let text = regex.text.as_str();
    // Alone first: `a)|(b` is only balanced inside our own group.
    let build = |pattern: &str| RegexBuilder::new(pattern).size_limit(REGEX_BYTES).build();
    let whole = build(text).and_then(|_| build(&format!("\\A(?:{text})\\z")));
    match whole {
        Ok(compiled) => Some(compiled),
        Err(regex::Error::CompiledTooBig(_)) => {
            let message = "`regex` is too large to match quickly";
            context.error(codes::PATH, regex.place, message, "repeat less, or use `prefix`");
            None
        }
        Err(error) => {
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let message = format!("`regex` cannot be read: {reason}");
            let help = "the syntax is RE2's: no look-around, no back-references";
            context.error(codes::PATH, regex.place, message, help);
            None
        }
    }
}

fn service(
    route: &Section,
    pass_identity: bool,
    extra_roots: &Arc<[CertificateDer<'static>]>,
    external_auth: bool,
    context: &mut Context<'_>,
) -> Option<RouteService> {
    let target = match targets::is_left_to_others(route) && external_auth {
        true => Some(None),
        false => targets::to(route, context).map(Some),
    };
    let custom_roots = certificates::authorities(
        route,
        &upstream_keys::TLS_CUSTOM_CA,
        &upstream_keys::TLS_CUSTOM_CA_FILE,
        context,
    );
    let skip_verify = route.get(&upstream_keys::TLS_SKIP_VERIFY);
    if skip_verify {
        let message =
            "the certificate of this application is not checked: whoever is on the way can be it";
        let help = "name its authority in `tls_custom_ca_file` and remove `tls_skip_verify`";
        context.warning(
            codes::SKIP_VERIFY,
            route.place(&upstream_keys::TLS_SKIP_VERIFY),
            message,
            help,
        );
    }
    let set_request_headers = headers::request_headers(route, context);
    let remove_request_headers = headers::removed_headers(route, context);
    let response_headers =
        headers::response_headers(route, &upstream_keys::SET_RESPONSE_HEADERS, context);
    let response_headers_disabled = response_headers == Some(ResponseHeaders::Disabled);
    let timeout = route.get(&upstream_keys::TIMEOUT);
    Some(RouteService {
        upstream: match target? {
            None => None,
            Some(target) => Some(upstream::Settings {
                target,
                tls: upstream::TlsSettings {
                    skip_verify,
                    custom_roots: custom_roots?,
                    extra_roots: extra_roots.clone(),
                },
                timeout: (!timeout.is_zero()).then_some(timeout),
            }),
        },
        pass_identity: route.get(&upstream_keys::PASS_IDENTITY_HEADERS).unwrap_or(pass_identity),
        preserve_host: route.get(&route_keys::PRESERVE_HOST_HEADER),
        cors_allow_preflight: route.get(&route_keys::CORS_ALLOW_PREFLIGHT),
        set_request_headers: set_request_headers?,
        remove_request_headers: remove_request_headers?,
        response_headers: match response_headers? {
            ResponseHeaders::Set(headers) => headers,
            ResponseHeaders::Unset | ResponseHeaders::Disabled => Vec::new(),
        },
        response_headers_disabled,
        shadow_policy: None,
    })
}
