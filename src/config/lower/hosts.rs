//! The host that people sign in at, and the return URL that follows from it.

use std::net::Ipv4Addr;

use url::Url;

use super::Context;
use super::targets::LocatedFrom;
use crate::base::node::Place;
use crate::config::codes;
use crate::config::keys::session::{AUTHENTICATE_CALLBACK_PATH, AUTHENTICATE_SERVICE_URL};
use crate::config::keys::{self, Key, Link, Text};
use crate::config::section::Section;
use crate::decision::RouteHost;
use crate::gateway::paths;
use crate::wire::loopback::{is_loopback_host, is_loopback_name};

/// Where people sign in.
#[derive(Debug)]
pub(super) struct Hosts {
    /// `host` or `host:port`, lower case.
    pub(super) authenticate_host: String,
    /// Its host alone.
    pub(super) host: String,
    /// `authenticate_callback_path`.
    pub(super) callback_path: String,
    /// Where the host was written, for problems with it.
    pub(super) place: Option<Place>,
}

impl Hosts {
    /// The return URL to register with Apple.
    pub(super) fn redirect_uri(&self) -> String {
        format!("https://{}{}", self.authenticate_host, self.callback_path)
    }
}

/// Paths of Russet's own that a callback cannot have.
const TAKEN: [&str; 4] = ["/", paths::PING, paths::HEALTHZ, "/robots.txt"];
const TAKEN_BELOW: [&str; 3] = [paths::POMERIUM, paths::RUSSET, "/.well-known"];

pub(super) fn lower(
    top: &Section,
    froms: &[LocatedFrom],
    context: &mut Context<'_>,
) -> Option<Hosts> {
    let callback_path = callback_path(top, context);
    let (from, place) = match top.get(&AUTHENTICATE_SERVICE_URL) {
        Some(url) => {
            let place = top.place(&AUTHENTICATE_SERVICE_URL);
            (service_host(url, place, context), place)
        }
        None if top.has(&AUTHENTICATE_SERVICE_URL) => (None, None),
        None => only_route_host(top, froms, context).unzip(),
    };
    let from = from?;
    let authenticate_host = match from.port {
        Some(port) => format!("{}:{port}", from.host),
        None => from.host.clone(),
    };
    Some(Hosts { authenticate_host, host: from.host, callback_path: callback_path?, place })
}

fn service_host(url: &Url, place: Option<Place>, context: &mut Context<'_>) -> Option<RouteHost> {
    const KEY: &Key<Link> = &AUTHENTICATE_SERVICE_URL;
    if url.host_str() == Some("authenticate.pomerium.app") {
        let message =
            format!("`{KEY}` is the hosted service of Pomerium, which Russet does not use");
        let help =
            "name a host of your own that leads to this Russet, such as https://auth.example.com";
        context.error(codes::AUTHENTICATE, place, message, help);
        return None;
    }
    if url.scheme() != "https" {
        let message = format!(
            "`{KEY}` begins with `{}://`; Apple returns people to https alone",
            url.scheme()
        );
        let help = "write `https://`, also where TLS ends before Russet (`insecure_server`)";
        context.error(codes::AUTHENTICATE, place, message, help);
        return None;
    }
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        let help = "write `https://` and the host alone; the path of the callback is `authenticate_callback_path`";
        context.error(codes::AUTHENTICATE, place, format!("`{KEY}` is more than a host"), help);
        return None;
    }
    let host = url.host_str()?.trim_end_matches('.').to_owned();
    if host.contains('*') {
        let help = "name one host, such as https://auth.example.com";
        context.error(codes::AUTHENTICATE, place, format!("`{KEY}` cannot hold `*`"), help);
        return None;
    }
    Some(RouteHost { host, port: url.port() })
}

/// Without `authenticate_service_url` the only route host signs in for itself.
fn only_route_host(
    top: &Section,
    froms: &[LocatedFrom],
    context: &mut Context<'_>,
) -> Option<(RouteHost, Place)> {
    let first = froms.first();
    let second = first.and_then(|first| froms.iter().find(|other| other.from != first.from));
    let missing = "`authenticate_service_url` is missing: where do people sign in?";
    match (first, second) {
        (Some(only), None) if !only.from.host.contains('*') => {
            Some((only.from.clone(), only.place))
        }
        (Some(only), None) => {
            let help =
                format!("add `authenticate_service_url: https://auth.{}`", below(&only.from.host));
            context.error(codes::AUTHENTICATE, only.place, missing, help);
            None
        }
        (None, _) if top.has(&keys::routes::ROUTES) || top.has(&keys::routes::POLICY) => None,
        (None, _) => {
            let help = "add a route, or `authenticate_service_url: https://auth.example.com`";
            context.error(codes::AUTHENTICATE, None, missing, help);
            None
        }
        (Some(first), Some(second)) => {
            let help = format!(
                "several hosts share one sign-in: add `authenticate_service_url: https://auth.{}`",
                below(&first.from.host)
            );
            context.error(codes::AUTHENTICATE, second.place, missing, help);
            context.problems.note(first.place, "one host could have signed in for itself");
            None
        }
    }
}

/// The domain that a host is in, for a suggestion.
fn below(host: &str) -> &str {
    match host.split_once('.') {
        Some((_, domain)) if domain.contains('.') => domain,
        _ => host.trim_start_matches("*."),
    }
}

fn callback_path(top: &Section, context: &mut Context<'_>) -> Option<String> {
    const KEY: &Key<Text> = &AUTHENTICATE_CALLBACK_PATH;
    let Some(path) = top.get(KEY) else { return Some(KEY.row.default.to_string()) };
    let text = &path.text;
    // What the one form of paths would change, Apple would not send back.
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
    let odd = !text.starts_with('/')
        || !text.chars().all(plain)
        || text.split('/').skip(1).any(|segment| matches!(segment, "." | ".."))
        || text.contains("//");
    if odd {
        let message = format!("`{KEY}: {text}` is not a plain path");
        let help = "begin with `/`; letters, digits and `-._~` may follow, no query";
        context.error(codes::CALLBACK, path.place, message, help);
        return None;
    }
    if TAKEN.contains(&text.as_str()) || paths::is_below(text, &TAKEN_BELOW) {
        let message = format!("`{KEY}: {text}` is a path that Russet needs itself");
        context.error(codes::CALLBACK, path.place, message, "use the default, /oauth2/callback");
        return None;
    }
    Some(text.clone())
}

/// Says which part of the return URL Apple will not accept (`apple.md` §13).
pub(super) fn check_for_apple(hosts: &Hosts, context: &mut Context<'_>) {
    let host = hosts.host.as_str();
    let problem = if host.parse::<Ipv4Addr>().is_ok() || host.starts_with('[') {
        "an IP address"
    } else if is_loopback_name(host) {
        "a name of this machine alone"
    } else if !host.contains('.') {
        "a name without a domain"
    } else {
        return;
    };
    let message =
        format!("Apple refuses the return URL {}: its host is {problem}", hosts.redirect_uri());
    let help = "sign in under a public name that you may register with Apple (it need not be \
                reachable from outside), or use `russet fake-apple` for tests";
    context.error(codes::REDIRECT_URI, hosts.place, message, help);
}

/// Whether a URL leads to this machine alone.
pub(super) fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(is_loopback_host)
}
