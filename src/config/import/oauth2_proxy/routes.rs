//! Applications and public paths become routes, in an order in which the first that fits is right.

use regex::Regex;
use url::Url;

use super::Options;
use super::access::Access;
use super::read::{Read, Upstream};
use super::report::Findings;
use super::table::Fate;
use super::words::{duration, quoted};

/// One route, line by line without its indent.
#[derive(Debug, Default)]
pub(super) struct Route {
    pub(super) lines: Vec<String>,
}

impl Route {
    fn same_paths(&self, other: &Self) -> bool {
        let of = |route: &Self, key: &str| {
            route.lines.iter().find(|line| line.starts_with(key)).cloned()
        };
        ["from:", "regex:", "path:", "prefix:"].iter().all(|key| of(self, key) == of(other, key))
    }
}

/// Which paths a route has.
#[derive(Clone, Debug)]
enum Paths {
    All,
    Below(String),
    Exactly(String),
    Matching(String),
}

/// An application, or another proxy in its place.
#[derive(Clone, Debug)]
struct Application {
    paths: Paths,
    to: Option<String>,
    pass_host: bool,
    skip_verify: bool,
    timeout: Option<String>,
}

impl Application {
    /// Behind another proxy, which knows it.
    fn of_another() -> Self {
        Self { paths: Paths::All, to: None, pass_host: false, skip_verify: false, timeout: None }
    }
}

/// A rule that opens paths.
#[derive(Clone, Debug)]
struct Opening {
    method: Option<String>,
    pattern: String,
    /// Whether everything else is open.
    others: bool,
}

/// Whether there are applications, and not only answers to another proxy.
pub(super) fn proxies(options: &Options<'_>, read: &Read) -> bool {
    let plain = options.all("upstreams").iter().any(|upstream| !upstream.starts_with("static:"));
    plain || read.upstreams.iter().any(|upstream| !upstream.answers_itself)
}

/// The routes for `hosts`.
pub(super) fn routes(
    hosts: &[String],
    options: &Options<'_>,
    read: &Read,
    access: &Access,
    findings: &mut Findings,
) -> Vec<Route> {
    let mut applications = match proxies(options, read) {
        true => applications(options, read, findings),
        false if !options.all("upstreams").is_empty() => {
            findings.value(
                "upstreams",
                Fate::Changed,
                "needs no answer of its own: `/oauth2/auth` says 202",
            );
            vec![Application::of_another()]
        }
        false => vec![Application::of_another()],
    };
    // oauth2-proxy takes the longest path that fits.
    applications.sort_by_key(|one| std::cmp::Reverse(one.paths.length()));
    let openings = openings(options, findings);
    let preflight = options.is("skip_auth_preflight", false);
    let mut routes = Vec::new();
    for host in hosts {
        for application in &applications {
            of_one(host, application, &openings, access, preflight, &mut routes);
        }
    }
    for opening in &openings {
        for closed in applications.iter().filter(|one| within(&one.paths, opening).is_none()) {
            findings.also(format!(
                "{} stays closed where {} would open a part of it: write that route by hand",
                closed.paths.shown(),
                quoted(&opening.pattern)
            ));
        }
    }
    routes
}

/// The routes of one application: its public paths, then itself. They stand before those of shorter
/// paths, so that a public path reaches the application that has it.
fn of_one(
    host: &str,
    application: &Application,
    openings: &[Opening],
    access: &Access,
    preflight: bool,
    routes: &mut Vec<Route>,
) {
    let mut last_word = false;
    for opening in openings {
        let Some(paths) = within(&application.paths, opening) else { continue };
        let public = match &opening.method {
            None => vec!["allow_public_unauthenticated_access: true".to_owned()],
            Some(method) => access.keys(Some(method)),
        };
        if opening.others {
            routes.push(route(host, application, paths, access.keys(None), preflight));
            routes.push(route(host, application, application.paths.clone(), public, preflight));
            last_word = true;
        } else {
            let public = route(host, application, paths, public, preflight);
            // A longer application has these paths already.
            if !routes.iter().any(|other| other.same_paths(&public)) {
                routes.push(public);
            }
        }
    }
    if !last_word {
        let paths = application.paths.clone();
        routes.push(route(host, application, paths, access.keys(None), preflight));
    }
}

/// The paths of one application that an opening means; `None` where that cannot be written, which
/// leaves them closed: there is no "and" in a pattern.
fn within(paths: &Paths, opening: &Opening) -> Option<Paths> {
    let pattern = &opening.pattern;
    match paths {
        Paths::All => Some(Paths::Matching(whole(pattern))),
        Paths::Below(prefix) => {
            let begins = pattern
                .strip_prefix('^')
                .is_some_and(|rest| !rest.contains('|') && rest.starts_with(prefix.as_str()));
            begins.then(|| Paths::Matching(whole(pattern)))
        }
        Paths::Exactly(path) => {
            let meant = Regex::new(pattern).is_ok_and(|regex| regex.is_match(path));
            meant.then(|| Paths::Exactly(path.clone()))
        }
        Paths::Matching(_) => None,
    }
}

/// A pattern for whole paths out of one that may match in the middle.
fn whole(pattern: &str) -> String {
    if pattern.contains('|') {
        return format!(".*(?:{pattern}).*");
    }
    let (begun, rest) = pattern.strip_prefix('^').map_or((false, pattern), |rest| (true, rest));
    let ended = rest.ends_with('$') && !rest.ends_with("\\$");
    let middle = if ended { rest.strip_suffix('$').unwrap_or(rest) } else { rest };
    let (before, after) = (if begun { "" } else { ".*" }, if ended { "" } else { ".*" });
    format!("{before}{middle}{after}")
}

impl Paths {
    fn shown(&self) -> String {
        match self {
            Self::All => "the application".to_owned(),
            Self::Below(path) | Self::Exactly(path) | Self::Matching(path) => {
                format!("the application at {}", quoted(path))
            }
        }
    }

    fn length(&self) -> usize {
        match self {
            Self::All => 0,
            Self::Below(path) | Self::Matching(path) => path.len(),
            // Exactly this one goes before what only begins so.
            Self::Exactly(path) => path.len() + 1,
        }
    }
}

fn route(
    host: &str,
    application: &Application,
    paths: Paths,
    keys: Vec<String>,
    preflight: bool,
) -> Route {
    let mut lines = vec![format!("from: https://{host}")];
    if let Some(to) = &application.to {
        lines.push(format!("to: {to}"));
    }
    match paths {
        Paths::All => {}
        Paths::Below(prefix) => lines.push(format!("prefix: {}", quoted(&prefix))),
        Paths::Exactly(path) => lines.push(format!("path: {}", quoted(&path))),
        Paths::Matching(pattern) => lines.push(format!("regex: {}", quoted(&pattern))),
    }
    if application.pass_host {
        lines.push("preserve_host_header: true".to_owned());
    }
    if application.skip_verify {
        lines.push("tls_skip_verify: true".to_owned());
    }
    if let Some(timeout) = &application.timeout {
        lines.push(format!("timeout: {timeout}"));
    }
    let public = keys.iter().any(|key| key.starts_with("allow_public"));
    if preflight && !public {
        lines.push("cors_allow_preflight: true".to_owned());
    }
    lines.extend(keys);
    Route { lines }
}

fn applications(options: &Options<'_>, read: &Read, findings: &mut Findings) -> Vec<Application> {
    let pass_host = options.is("pass_host_header", true);
    let skip_verify = options.is("ssl_upstream_insecure_skip_verify", false);
    let timeout = options.one("upstream_timeout");
    let legacy = options.all("upstreams").iter().map(|uri| Upstream {
        uri: uri.trim().to_owned(),
        path: String::new(),
        pass_host: Some(pass_host),
        skip_verify,
        timeout: timeout.map(str::to_owned),
        rewrites: false,
        answers_itself: uri.starts_with("static:"),
        place: "upstreams".to_owned(),
    });
    let all: Vec<Upstream> = legacy.chain(read.upstreams.iter().cloned()).collect();
    all.iter().filter_map(|upstream| application(upstream, findings)).collect()
}

fn application(upstream: &Upstream, findings: &mut Findings) -> Option<Application> {
    let place = &upstream.place;
    let url = Url::parse(&upstream.uri).ok();
    let scheme = url.as_ref().map_or_else(String::new, |url| url.scheme().to_owned());
    let refuse = |findings: &mut Findings, sentence: &str| match place.as_str() {
        "upstreams" => {
            findings.value("upstreams", Fate::Changed, format!("one is left out: {sentence}"));
        }
        _ => findings.also(format!("{place}: one application is left out: {sentence}")),
    };
    match scheme.as_str() {
        "http" | "https" => {}
        "file" => refuse(findings, "Russet serves no files; let a web server do it and name that"),
        "unix" => refuse(findings, "Russet reaches applications over TCP; let it listen there"),
        _ if upstream.answers_itself => {
            refuse(findings, "Russet answers nothing in an application's place");
        }
        _ => refuse(findings, "its address begins with neither http:// nor https://"),
    }
    let url = url.filter(|_| matches!(scheme.as_str(), "http" | "https"))?;
    let host = url.host_str()?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    if upstream.rewrites {
        findings.also(format!(
            "{place}: `rewriteTarget` is left out: paths reach the application as people ask for them"
        ));
    }
    // In the older form the path of the address is the path that people ask for.
    let path = if upstream.path.is_empty() { url.path() } else { &upstream.path };
    let paths = match path {
        "" | "/" => Paths::All,
        _ if path.starts_with('^') => Paths::Matching(whole(path)),
        _ if path.ends_with('/') => Paths::Below(path.to_owned()),
        _ => Paths::Exactly(path.to_owned()),
    };
    Some(Application {
        paths,
        to: Some(format!("{scheme}://{host}{port}")),
        pass_host: upstream.pass_host.unwrap_or(true),
        skip_verify: upstream.skip_verify,
        timeout: upstream.timeout.as_deref().and_then(duration),
    })
}

fn openings(options: &Options<'_>, findings: &mut Findings) -> Vec<Opening> {
    let mut openings: Vec<Opening> = Vec::new();
    for name in ["skip_auth_routes", "skip_auth_regex"] {
        for written in options.all(name) {
            let opening = match name {
                "skip_auth_routes" => Opening::read(written),
                _ => Opening { method: None, pattern: written.clone(), others: false },
            };
            let known =
                if name == "skip_auth_routes" { "skip_auth_routes" } else { "skip_auth_regex" };
            if Regex::new(&opening.pattern).is_err() {
                let sentence = format!("left out, so closed: {} is not a pattern", quoted(written));
                findings.value(known, Fate::Dropped, sentence);
                continue;
            }
            if opening.others && openings.iter().any(|other| other.others) {
                let sentence = format!(
                    "left out, so closed: {} opens all but some, and another does too",
                    quoted(written)
                );
                findings.value(known, Fate::Dropped, sentence);
                continue;
            }
            if !opening.pattern.starts_with('^') {
                let sentence = format!(
                    "carried over as it was: {} has no `^`, so it opens every path that contains it",
                    quoted(written)
                );
                findings.value(known, Fate::Changed, sentence);
            }
            openings.push(opening);
        }
    }
    // What opens all but some comes last: it has the last word on every path.
    openings.sort_by_key(|opening| opening.others);
    openings
}

impl Opening {
    /// `PATTERN`, `METHOD=PATTERN` or `METHOD!=PATTERN`.
    fn read(written: &str) -> Self {
        let (method, rest) = match written.split_once('=') {
            Some((before, rest)) => {
                let bare = before.trim_end_matches('!');
                match bare.chars().all(|c| c.is_ascii_uppercase()) {
                    true => (Some(before), rest),
                    false => (None, written),
                }
            }
            None => (None, written),
        };
        let others = method.is_some_and(|method| method.ends_with('!'));
        let method = method.map(|method| method.trim_end_matches('!').to_owned());
        Self {
            method: method.filter(|method| !method.is_empty()),
            pattern: rest.to_owned(),
            others,
        }
    }
}
