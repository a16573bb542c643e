//! Routes: which requests, who may pass, and how they are served.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use regex::{Regex, RegexBuilder};
use rustls_pki_types::CertificateDer;
use serde_json::Value;

use super::headers::ResponseHeaders;
use super::targets::{self, LocatedFrom};
use super::{Context, certificates, headers, route_sections};
use crate::base::diagnostic::Diagnostics;
use crate::base::node::{Kind, Node, Place, Plain};
use crate::config::section::Section;
use crate::config::value::Located;
use crate::config::{codes, yaml};
use crate::decision::{PathRule, RouteRule};
use crate::gateway::RouteService;
use crate::policy::{Policy, Shortcuts};
use crate::upstream;

/// `timeout` where it is not written, as in Pomerium.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Largest program of a `regex`, in bytes.
const REGEX_BYTES: usize = 1 << 20;

/// A route, as far as it could be read.
pub(super) struct Route {
    pub(super) from: Option<LocatedFrom>,
    /// Where the route stands.
    pub(super) place: Place,
    /// The path rule as written, for comparing routes; `None` where it cannot be used.
    pub(super) path: Option<WrittenPath>,
    /// The application, for comparing routes; `None` where it cannot be used.
    pub(super) to: Option<upstream::Target>,
    pub(super) openness: Openness,
    /// `None` where something is wrong with it.
    pub(super) lowered: Option<(RouteRule, RouteService)>,
}

/// The path rule as written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum WrittenPath {
    Any,
    Prefix(String),
    Exact(String),
    Regex(String),
}

/// How many people a route admits, as far as its shape tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Openness {
    /// Nobody.
    Nobody,
    /// People who meet a condition.
    Some,
    /// Everybody with an Apple account.
    AnyAccount,
    /// Everybody.
    Everybody,
}

pub(super) fn lower(
    top: &Section,
    extra_roots: &Arc<[CertificateDer<'static>]>,
    context: &mut Context<'_>,
) -> Vec<Route> {
    let sections = route_sections(top, context);
    let pass_identity = top.flag("pass_identity_headers");
    let mut ids = HashSet::new();
    sections
        .iter()
        .map(|section| lower_one(section, pass_identity, extra_roots, &mut ids, context))
        .collect()
}

fn lower_one(
    route: &Section,
    pass_identity: bool,
    extra_roots: &Arc<[CertificateDer<'static>]>,
    ids: &mut HashSet<String>,
    context: &mut Context<'_>,
) -> Route {
    let from = targets::from(route, context);
    let path = path(route, context);
    let (policy, openness) = policy(route, context);
    let service = service(route, pass_identity, extra_roots, context);
    let to = service.as_ref().map(|service| service.upstream.target.clone());
    let (written, rule) = path.unzip();
    let lowered = from.as_ref().zip(rule).zip(service).map(|((from, path), service)| {
        let id = id(route, from, written.as_ref(), ids);
        (RouteRule { id: id.into(), from: from.from.clone(), path, policy }, service)
    });
    Route { from, place: route.place, path: written, to, openness, lowered }
}

/// `name`, or host and path; numbered where several routes would have the same.
fn id(
    route: &Section,
    from: &LocatedFrom,
    path: Option<&WrittenPath>,
    ids: &mut HashSet<String>,
) -> String {
    let wanted = route.text("name").map_or_else(
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
    let written: Vec<(&str, &Located)> = ["prefix", "path", "regex"]
        .into_iter()
        .filter_map(|key| Some((key, route.text(key)?)))
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

fn policy(route: &Section, context: &mut Context<'_>) -> (Policy, Openness) {
    let mut shortcuts = Shortcuts {
        public: route.flag("allow_public_unauthenticated_access"),
        any_authenticated: route.flag("allow_any_authenticated_user"),
        users: texts(route, "allowed_users"),
        domains: texts(route, "allowed_domains"),
        idp_claims: idp_claims(route, context),
        cors_preflight: route.flag("cors_allow_preflight"),
    };
    if !check_exclusive(route, context) {
        shortcuts = Shortcuts::default();
    }
    if shortcuts.any_authenticated {
        let message = "everybody who has an Apple account may pass here";
        let help = "anybody can make one: name people in `allowed_users` or `allowed_domains`";
        context.warning(codes::ANYBODY, route.place("allow_any_authenticated_user"), message, help);
    }
    let ppl = route.tree("policy");
    check_somebody(route, context);
    let mut told = Diagnostics::default();
    let policy = Policy::compile(&shortcuts, ppl, &mut told);
    // The shortcuts carry no places of their own.
    let at = ["allowed_users", "allowed_domains", "allowed_idp_claims"];
    let at = at.iter().find_map(|key| route.place(key)).unwrap_or(route.place);
    context.told.append(told.placed(at));
    (policy, openness(&shortcuts, ppl))
}

fn texts(route: &Section, key: &str) -> Vec<String> {
    route.texts(key).unwrap_or_default().iter().map(|item| item.text.clone()).collect()
}

const LISTS: [&str; 3] = ["allowed_users", "allowed_domains", "allowed_idp_claims"];

/// Keys that let everybody in leave nothing for the others to say.
fn check_exclusive(route: &Section, context: &mut Context<'_>) -> bool {
    let mut fine = true;
    for open in ["allow_public_unauthenticated_access", "allow_any_authenticated_user"] {
        if !route.flag(open) {
            continue;
        }
        let place = route.place(open);
        let mut others: Vec<_> =
            LISTS.iter().filter_map(|key| Some((*key, route.place(key)?))).collect();
        if open == "allow_public_unauthenticated_access"
            && route.flag("allow_any_authenticated_user")
            && let Some(at) = route.place("allow_any_authenticated_user")
        {
            others.push(("allow_any_authenticated_user", at));
        }
        for (key, at) in others {
            let message = format!("`{open}` lets everybody pass, so `{key}` would say nothing");
            context.error(codes::ACCESS, at, message, "keep the one that you mean");
            if let Some(place) = place {
                context.told.note(place, "everybody passes by this");
            }
            fine = false;
        }
    }
    fine
}

/// Nobody is what a route admits that says nothing (T71).
fn check_somebody(route: &Section, context: &mut Context<'_>) {
    for key in LISTS {
        let empty = route.texts(key).is_some_and(<[_]>::is_empty)
            || route.tree(key).is_some_and(|node| {
                node.map().is_some_and(<[_]>::is_empty) || node.list().is_some_and(<[_]>::is_empty)
            });
        if empty {
            let message = format!("`{key}` is empty, so it admits nobody");
            context.warning(codes::NOBODY, route.place(key), message, "fill it, or remove it");
        }
    }
    let open = ["allow_public_unauthenticated_access", "allow_any_authenticated_user"];
    let says = open.iter().any(|key| route.flag(key))
        || LISTS.iter().chain(&["policy"]).any(|key| route.has(key));
    if !says {
        let message = "this route does not say who may pass, so nobody does";
        let help = "add `allowed_users`, `allowed_domains` or `policy`";
        context.warning(codes::NOBODY, route.place, message, help);
    }
}

fn idp_claims(route: &Section, context: &mut Context<'_>) -> Vec<(String, Vec<Value>)> {
    const KEY: &str = "allowed_idp_claims";
    let Some(written) = route.tree(KEY) else { return Vec::new() };
    let embedded = written
        .text()
        .filter(|text| text.trim_start().starts_with('{'))
        .and_then(|text| yaml::read_embedded(text, written.place, context.told));
    let node = embedded.as_ref().unwrap_or(written);
    let Some(entries) = node.map() else {
        let message = format!("`{KEY}` is {}; it must be a map of claim to values", node.what());
        context.error(codes::SHAPE, node.place, message, "write `org_id: [A1B2]` below it");
        return Vec::new();
    };
    let mut claims = Vec::new();
    for (name, values) in entries {
        let single = std::slice::from_ref(values);
        let items = values.list().unwrap_or(single);
        let values: Vec<Value> = items.iter().filter_map(|item| json(item, context)).collect();
        claims.push((name.text().unwrap_or_default().to_owned(), values));
    }
    claims
}

fn json(node: &Node, context: &mut Context<'_>) -> Option<Value> {
    let Kind::Scalar(scalar) = &node.kind else {
        let message =
            format!("a claim is compared with text, numbers or booleans, not with {}", node.what());
        context.error(codes::SHAPE, node.place, message, "");
        return None;
    };
    Some(match scalar.plain() {
        Plain::Null => Value::Null,
        Plain::Bool(value) => value.into(),
        Plain::Integer(value) => value.into(),
        Plain::Float(value) => value.into(),
        Plain::Text(value) => value.into(),
    })
}

/// As far as the shape of a policy tells: a criterion that everybody meets, alone under `allow`.
fn openness(shortcuts: &Shortcuts, ppl: Option<&Node>) -> Openness {
    if shortcuts.public {
        return Openness::Everybody;
    }
    let listed = !shortcuts.users.is_empty()
        || !shortcuts.domains.is_empty()
        || !shortcuts.idp_claims.is_empty();
    let by_keys = match (shortcuts.any_authenticated, listed) {
        (true, _) => Openness::AnyAccount,
        (false, true) => Openness::Some,
        (false, false) => Openness::Nobody,
    };
    let Some(ppl) = ppl else { return by_keys };
    let single = std::slice::from_ref(ppl);
    let by_policy = ppl.list().unwrap_or(single).iter().map(rules_openness).max();
    by_keys.max(by_policy.unwrap_or(Openness::Nobody))
}

fn rules_openness(rules: &Node) -> Openness {
    let bodies = rules.get("allow").and_then(Node::map).unwrap_or_default();
    let mut open = Openness::Nobody;
    for (operator, criteria) in bodies {
        let criteria = criteria.list().unwrap_or_default();
        let alone = operator.text() == Some("or") || criteria.len() == 1;
        for name in
            criteria.iter().filter_map(Node::map).flatten().filter_map(|(name, _)| name.text())
        {
            open = open.max(match name {
                "accept" if alone => Openness::Everybody,
                "authenticated_user" if alone => Openness::AnyAccount,
                _ => Openness::Some,
            });
        }
    }
    open
}

fn service(
    route: &Section,
    pass_identity: bool,
    extra_roots: &Arc<[CertificateDer<'static>]>,
    context: &mut Context<'_>,
) -> Option<RouteService> {
    let target = targets::to(route, context);
    let custom_roots = certificates::authorities(route, "tls_custom_ca", context);
    let skip_verify = route.flag("tls_skip_verify");
    if skip_verify {
        let message =
            "the certificate of this application is not checked: whoever is on the way can be it";
        let help = "name its authority in `tls_custom_ca_file` and remove `tls_skip_verify`";
        context.warning(codes::SKIP_VERIFY, route.place("tls_skip_verify"), message, help);
    }
    let set_request_headers = headers::request_headers(route, context);
    let remove_request_headers = headers::removed_headers(route, context);
    let response_headers = headers::response_headers(route, context);
    let response_headers_disabled = response_headers == Some(ResponseHeaders::Disabled);
    let timeout = route.duration("timeout").unwrap_or(TIMEOUT);
    Some(RouteService {
        upstream: upstream::Settings {
            target: target?,
            tls: upstream::TlsSettings {
                skip_verify,
                custom_roots: custom_roots?,
                extra_roots: extra_roots.clone(),
            },
            timeout: (!timeout.is_zero()).then_some(timeout),
        },
        pass_identity: route.boolean("pass_identity_headers").unwrap_or(pass_identity),
        preserve_host: route.flag("preserve_host_header"),
        cors_allow_preflight: route.flag("cors_allow_preflight"),
        set_request_headers: set_request_headers?,
        remove_request_headers: remove_request_headers?,
        response_headers: match response_headers? {
            ResponseHeaders::Set(headers) => headers,
            ResponseHeaders::Unset | ResponseHeaders::Disabled => Vec::new(),
        },
        response_headers_disabled,
    })
}
