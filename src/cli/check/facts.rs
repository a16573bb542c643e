//! What the snippets for other proxies are filled in with, out of one configuration.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::config::Settings;
use crate::gateway::{self, COOKIE_PREFIX, paths};
use crate::upstream::{Scheme, Target};
use crate::wire::protected_names::{WRITTEN_ANEW, exact_names, known_names, prefixes};

/// Why there is no snippet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnippetProblem {
    /// A name that one of the proxies would read as something else.
    #[error(
        "`{0}` cannot be written into another program's configuration: rename it, or write that \
         part by hand"
    )]
    Name(String),
    /// A pattern of hosts that other proxies do not know.
    #[error(
        "`{0}` is a pattern that other proxies do not know: list the hosts, or write `*.` in \
         front alone"
    )]
    Pattern(String),
    /// The template did not render.
    #[error("the snippet cannot be written: {0}")]
    Render(String),
}

/// The assertion, which goes to applications in addition to the configured headers.
const ASSERTION: &str = "X-Pomerium-Jwt-Assertion";

/// What of the client's request a decision reads, and Envoy passes on only where it is listed.
const ASKED_WITH: &[&str] = &[
    "accept",
    "access-control-request-method",
    "cookie",
    "origin",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-purpose",
    "upgrade",
    "user-agent",
    "x-forwarded-for",
    "x-requested-with",
];

/// The headers of a refusal that are for the client.
const PASSED_ON_REFUSAL: &[&str] = &[
    "cache-control",
    "content-security-policy",
    "content-type",
    "location",
    "referrer-policy",
    "retry-after",
    "set-cookie",
    "x-content-type-options",
    "x-frame-options",
    "x-request-id",
];

/// What nginx writes in the snippet, of the names that no client may send.
const NGINX_WRITES: &[&str] = &["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"];

/// What Traefik writes by itself, of the same.
const TRAEFIK_WRITES: &[&str] = &[
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
    "X-Forwarded-Server",
    "X-Real-IP",
];

/// What Envoy writes by itself or takes from clients, of the same.
const ENVOY_WRITES: &[&str] = &["x-forwarded-client-cert", "x-forwarded-for", "x-forwarded-proto"];

/// Where an application stands in a snippet that knows of none.
const SOME_APPLICATION: &str = "127.0.0.1";
const SOME_PORT: u16 = 3000;

/// Everything that a template fills in. The names of the fields are the words of the templates.
#[derive(Debug)]
pub(super) struct Facts {
    /// `host:port` at which the other proxy reaches Russet.
    pub(super) russet: String,
    pub(super) russet_host: String,
    pub(super) russet_port: u16,
    pub(super) russet_scheme: &'static str,
    pub(super) russet_tls: bool,
    pub(super) russet_url: String,
    /// The host that people sign in at, without its port.
    pub(super) authenticate: String,
    /// The same where no route has that host.
    pub(super) signing_in: Vec<Host>,
    /// The hosts of the routes.
    pub(super) hosts: Vec<Host>,
    /// All of them by port.
    pub(super) ports: Vec<Port>,
    /// Headers that applications are given.
    pub(super) headers: Vec<Header>,
    /// Their names with commas between; `-` for none.
    pub(super) header_list: String,
    /// A regular expression for the names of Russet's cookies.
    pub(super) cookies: String,
    pub(super) cookie_steps: Vec<CookieStep>,
    pub(super) cookie_left: &'static str,
    pub(super) asked_with: &'static [&'static str],
    /// What of a refusal is for the client.
    pub(super) passed_on_refusal: &'static [&'static str],
    /// Headers that no client may send, without those that are set anyway.
    pub(super) forbidden: Forbidden,
    /// Where Envoy asks over gRPC: one address or none.
    pub(super) grpc: Vec<GrpcAddress>,
    /// What the operator still has to do.
    pub(super) notes: Vec<String>,
}

/// Headers that no client may send, as each proxy can name them. A proxy that removes by prefix is
/// given the single names and the prefixes; one that does not, every name that is known.
#[derive(Debug)]
pub(super) struct Forbidden {
    pub(super) single: Vec<&'static str>,
    /// In lower case, each with a hyphen at its end.
    pub(super) prefixes: Vec<String>,
    pub(super) known_to_nginx: Vec<&'static str>,
    pub(super) known_to_traefik: Vec<&'static str>,
    /// What a prefix must not take from Envoy, in lower case.
    pub(super) written_by_envoy: &'static [&'static str],
    /// A regular expression for the names that Traefik removes and takes from Russet's answer.
    pub(super) traefik_pattern: String,
}

impl Forbidden {
    /// `set` says which names the snippet gives the application anyway.
    fn new(set: impl Fn(&str) -> bool) -> Self {
        let known = known_names().map(|(name, _)| name).chain(WRITTEN_ANEW);
        let mut known: Vec<&str> = known.filter(|name| !set(name)).collect();
        known.sort_unstable();
        let without = |written: &[&str]| {
            known.iter().copied().filter(|name| !written.contains(name)).collect()
        };
        let prefixes: Vec<String> = prefixes().map(str::to_ascii_lowercase).collect();
        // The rest of the `X-Forwarded-` family is Traefik's own.
        let whole = prefixes.iter().filter(|prefix| *prefix != "x-forwarded-");
        let whole: Vec<&str> = whole.map(String::as_str).collect();
        Self {
            single: exact_names().map(|(name, _)| name).filter(|name| !set(name)).collect(),
            traefik_pattern: format!("(?i)^({})", whole.join("|")),
            prefixes,
            known_to_nginx: without(NGINX_WRITES),
            known_to_traefik: without(TRAEFIK_WRITES),
            written_by_envoy: ENVOY_WRITES,
        }
    }
}

/// A host that the other proxy serves.
#[derive(Clone, Debug)]
pub(super) struct Host {
    /// As in `from`: exact, or with `*.` in front.
    pub(super) name: String,
    pub(super) port: u16,
    /// `:8443` where the port is not 443, else nothing.
    pub(super) shown_port: String,
    /// A word of letters, digits and underscores, unique.
    pub(super) id: String,
    /// Paths that go to Russet as they are.
    pub(super) direct: Vec<Direct>,
    /// The application: a URL without a path, and its parts.
    pub(super) application: String,
    pub(super) application_address: String,
    pub(super) application_host: String,
    pub(super) application_port: u16,
    pub(super) application_tls: bool,
    /// The matcher in the words of these proxies.
    pub(super) traefik: String,
    pub(super) haproxy: String,
}

/// The hosts of one port.
#[derive(Clone, Debug)]
pub(super) struct Port {
    pub(super) port: u16,
    pub(super) signing_in: Vec<Host>,
    pub(super) hosts: Vec<Host>,
}

/// A path that goes to Russet as it is, in the words of each proxy.
#[derive(Clone, Debug)]
pub(super) struct Direct {
    /// What the path begins with.
    prefix: String,
    pub(super) nginx: String,
    pub(super) caddy: String,
    pub(super) traefik: String,
    pub(super) haproxy: String,
    pub(super) envoy: String,
}

/// A header that applications are given.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) lower: String,
    /// The name as nginx has it in `$upstream_http_...`.
    pub(super) folded: String,
    /// A variable of nginx that holds the value.
    pub(super) variable: String,
}

/// One of nginx's maps, which takes one cookie away.
#[derive(Clone, Debug)]
pub(super) struct CookieStep {
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    pub(super) before: &'static str,
    pub(super) after: &'static str,
}

/// Where the gRPC questions are answered.
#[derive(Clone, Debug)]
pub(super) struct GrpcAddress {
    pub(super) host: String,
    pub(super) port: u16,
    /// Whether it speaks TLS.
    pub(super) tls: bool,
}

/// A browser holds at most the session and two short cookies of a sign-in on a route host.
const COOKIE_STEPS: [CookieStep; 3] = [
    CookieStep { from: "$http_cookie", to: "$russet_rest_1", before: "rb1", after: "ra1" },
    CookieStep { from: "$russet_rest_1", to: "$russet_rest_2", before: "rb2", after: "ra2" },
    CookieStep { from: "$russet_rest_2", to: "$russet_rest_3", before: "rb3", after: "ra3" },
];

impl Facts {
    pub(super) fn new(settings: &Settings) -> Result<Self, SnippetProblem> {
        let gateway = &settings.gateway;
        let address = reachable(gateway.listener.address);
        let russet_tls = !gateway.listener.plain;
        let russet_scheme = if russet_tls { "https" } else { "http" };
        let mut notes = Vec::new();
        if gateway.external_auth.is_none() {
            notes.push(
                "Russet answers no other proxy yet: add `external_auth: {trusted_peers: \
                 [127.0.0.1]}`, with the address that yours asks from"
                    .to_owned(),
            );
        }
        let hosts = hosts(settings, &mut notes)?;
        let (authenticate, port) = split(&gateway.authenticate_host);
        let mut signing_in = Vec::new();
        if !hosts.iter().any(|host| host.name == authenticate) {
            signing_in.push(Host::new(&authenticate, port, None, Vec::new())?);
        }
        let mut headers = vec![Header::new(ASSERTION, 0)?];
        for (name, _) in &gateway.claims_headers {
            headers.push(Header::new(name, headers.len())?);
        }
        let names: Vec<&str> = headers.iter().map(|header| header.name.as_str()).collect();
        let set = |name: &str| names.iter().any(|set| set.eq_ignore_ascii_case(name));
        let forbidden = Forbidden::new(set);
        let header_list = names.join(",");
        let cookie_name = plain_word(&settings.session.cookie.name)?;
        Ok(Self {
            russet: address.to_string(),
            russet_host: address.ip().to_string(),
            russet_port: address.port(),
            russet_scheme,
            russet_tls,
            russet_url: format!("{russet_scheme}://{address}"),
            authenticate,
            ports: by_port(&signing_in, &hosts),
            signing_in,
            hosts,
            header_list,
            headers,
            cookies: format!("{cookie_name}|{COOKIE_PREFIX}[A-Za-z0-9_-]*"),
            cookie_steps: COOKIE_STEPS.to_vec(),
            cookie_left: "$russet_rest_3",
            asked_with: ASKED_WITH,
            passed_on_refusal: PASSED_ON_REFUSAL,
            forbidden,
            grpc: grpc_address(gateway),
            notes,
        })
    }
}

/// Where Envoy may ask over gRPC: one address or none.
fn grpc_address(gateway: &gateway::Settings) -> Vec<GrpcAddress> {
    let address = gateway.external_auth.as_ref().and_then(|settings| settings.grpc_address);
    let reached = address.map(reachable);
    // As the listener has it: none on loopback, and the certificates of `address` elsewhere.
    let tls = !gateway.listener.plain && address.is_some_and(|at| !at.ip().is_loopback());
    let address = |at: SocketAddr| GrpcAddress { host: at.ip().to_string(), port: at.port(), tls };
    reached.map(address).into_iter().collect()
}

/// The address at which a neighbour reaches a listener.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        return SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port());
    }
    address
}

fn split(host: &str) -> (String, u16) {
    let port = host.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    match port {
        Some(port) => (host.rsplit_once(':').map_or(host, |(name, _)| name).to_owned(), port),
        None => (host.to_owned(), 443),
    }
}

/// The hosts of the routes, each once, in the order of the file.
fn hosts(settings: &Settings, notes: &mut Vec<String>) -> Result<Vec<Host>, SnippetProblem> {
    let gateway = &settings.gateway;
    let (authenticate, _) = split(&gateway.authenticate_host);
    let mut hosts: Vec<Host> = Vec::new();
    for (rule, service) in settings.rules.iter().zip(&gateway.routes) {
        let (name, port) = (&rule.from.host, rule.from.port.unwrap_or(443));
        let target = service.upstream.as_ref().map(|upstream| &upstream.target);
        if let Some(known) = hosts.iter().find(|host| host.name == *name && host.port == port) {
            let other = target.is_some_and(|target| known.application != url_of(target));
            if other {
                notes.push(format!(
                    "{name} has several applications: the snippet names the first, so add the \
                     others, each behind the same question to Russet"
                ));
            }
            continue;
        }
        // Not `/.russet`: the questions below it are for the proxy in front alone.
        let trees = [paths::POMERIUM, paths::WELL_KNOWN];
        let mut direct = trees.map(|tree| Direct::below(&format!("{tree}/"))).to_vec();
        if gateway.external_auth.as_ref().is_some_and(|asked| asked.oauth2_proxy_compat) {
            direct.extend(paths::OAUTH2_PAGES.map(Direct::exactly));
        }
        let covered = direct.iter().any(|one| gateway.callback_path.starts_with(&one.prefix));
        if *name == authenticate && !covered {
            direct.push(Direct::exactly(&gateway.callback_path));
        }
        if target.is_none() {
            notes.push(format!(
                "{name} has no `to`: put its application in place of \
                 {SOME_APPLICATION}:{SOME_PORT}"
            ));
        }
        hosts.push(Host::new(name, port, target, direct)?);
    }
    Ok(hosts)
}

fn by_port(signing_in: &[Host], hosts: &[Host]) -> Vec<Port> {
    let mut ports: Vec<u16> = signing_in.iter().chain(hosts).map(|host| host.port).collect();
    ports.sort_unstable();
    ports.dedup();
    let of = |hosts: &[Host], port: u16| -> Vec<Host> {
        hosts.iter().filter(|host| host.port == port).cloned().collect()
    };
    let port = |port| Port { port, signing_in: of(signing_in, port), hosts: of(hosts, port) };
    ports.into_iter().map(port).collect()
}

impl Host {
    fn new(
        name: &str,
        port: u16,
        target: Option<&Target>,
        direct: Vec<Direct>,
    ) -> Result<Self, SnippetProblem> {
        let wildcard = name.strip_prefix("*.");
        let bare = wildcard.unwrap_or(name);
        if bare.contains('*') {
            return Err(SnippetProblem::Pattern(name.to_owned()));
        }
        let bare = host_name(bare)?;
        let word: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let shown_port = if port == 443 { String::new() } else { format!(":{port}") };
        let application_host = match target {
            Some(target) => host_name(&target.host)?,
            None => SOME_APPLICATION.to_owned(),
        };
        let application_port = target.map_or(SOME_PORT, |target| target.port);
        let tls = target.is_some_and(|target| target.scheme == Scheme::Https);
        let address = match application_host.contains(':') {
            true => format!("[{application_host}]:{application_port}"),
            false => format!("{application_host}:{application_port}"),
        };
        let scheme = if tls { "https" } else { "http" };
        Ok(Self {
            traefik: match wildcard {
                Some(domain) => {
                    format!("HostRegexp(`^.+\\.{}$`)", domain.replace('.', "\\."))
                }
                None => format!("Host(`{bare}`)"),
            },
            haproxy: match wildcard {
                Some(domain) => format!("-i -m end .{domain}"),
                None => format!("-i {bare}"),
            },
            name: name.to_owned(),
            port,
            id: format!("{word}{}", shown_port.replace(':', "_")),
            shown_port,
            direct,
            application: format!("{scheme}://{address}"),
            application_address: address,
            application_host,
            application_port,
            application_tls: tls,
        })
    }
}

fn url_of(target: &Target) -> String {
    let scheme = if target.scheme == Scheme::Https { "https" } else { "http" };
    match target.host.contains(':') {
        true => format!("{scheme}://[{}]:{}", target.host, target.port),
        false => format!("{scheme}://{}:{}", target.host, target.port),
    }
}

impl Direct {
    fn below(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            nginx: format!("^~ {prefix}"),
            caddy: format!("{prefix}*"),
            traefik: format!("PathPrefix(`{prefix}`)"),
            haproxy: format!("path_beg {prefix}"),
            envoy: format!("prefix: {prefix}"),
        }
    }

    /// A path of plain characters, as the configuration has checked for the callback.
    fn exactly(path: &str) -> Self {
        Self {
            prefix: path.to_owned(),
            nginx: format!("= {path}"),
            caddy: path.to_owned(),
            traefik: format!("Path(`{path}`)"),
            haproxy: format!("path {path}"),
            envoy: format!("path: {path}"),
        }
    }
}

impl Header {
    fn new(name: &str, number: usize) -> Result<Self, SnippetProblem> {
        let name = plain_word(name)?;
        let lower = name.to_ascii_lowercase();
        let folded = lower.replace('-', "_");
        Ok(Self { name, lower, folded, variable: format!("russet_header_{number}") })
    }
}

/// A name of letters, digits, hyphens and underscores, which means itself everywhere.
fn plain_word(name: &str) -> Result<String, SnippetProblem> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match !name.is_empty() && name.chars().all(plain) {
        true => Ok(name.to_owned()),
        false => Err(SnippetProblem::Name(name.to_owned())),
    }
}

/// The same for a host or an address.
fn host_name(name: &str) -> Result<String, SnippetProblem> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    match !name.is_empty() && name.chars().all(plain) {
        true => Ok(name.to_owned()),
        false => Err(SnippetProblem::Name(name.to_owned())),
    }
}
