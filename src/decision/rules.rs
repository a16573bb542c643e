//! Which route a request belongs to, in Pomerium's order: an exact host wins over wildcards
//! absolutely; inside a host the first match in the order of the file; prefixes are raw text.
//!
//! The cost of a look-up does not grow with the number of hosts, and inside a host only with the
//! number of *different lengths* of prefixes and with the regular expressions before the match.

use std::collections::{BTreeMap, HashMap};

use regex::Regex;

use super::settings::{PathRule, RouteRule};
use crate::wire::host::Authority;

/// A route's place in the order of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteIndex(pub usize);

/// What a look-up found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteMatch {
    /// This route.
    Route(RouteIndex),
    /// The host is ours, but no route of it has the path.
    NoRoute,
    /// The host is none of ours.
    UnknownHost,
}

/// All routes, compiled for look-up. Immutable.
#[derive(Debug)]
pub struct Rules {
    routes: Vec<RouteRule>,
    exact: HashMap<String, HostRules>,
    wildcards: Vec<Wildcard>,
}

#[derive(Debug)]
struct Wildcard {
    pattern: Regex,
    rules: HostRules,
}

impl Rules {
    /// Compiles the routes, which stay in their order.
    pub fn new(routes: Vec<RouteRule>) -> Self {
        let mut exact: HashMap<String, HostRules> = HashMap::new();
        let mut wildcards: Vec<(String, HostRules)> = Vec::new();
        for (index, route) in routes.iter().enumerate() {
            let host = &route.from.host;
            let rules = if host.contains('*') {
                let known = wildcards.iter().position(|(pattern, _)| pattern == host);
                let at = known.unwrap_or_else(|| {
                    wildcards.push((host.clone(), HostRules::default()));
                    wildcards.len() - 1
                });
                wildcards.get_mut(at).map(|(_, rules)| rules)
            } else {
                Some(exact.entry(host.clone()).or_default())
            };
            if let Some(rules) = rules {
                rules.add(route, RouteIndex(index));
            }
        }
        let wildcards = wildcards.into_iter().filter_map(|(host, rules)| {
            let pattern = format!("^{}$", regex::escape(&host).replace(r"\*", ".*"));
            Some(Wildcard { pattern: Regex::new(&pattern).ok()?, rules })
        });
        Self { wildcards: wildcards.collect(), exact, routes }
    }

    /// The route with this index.
    pub fn route(&self, index: RouteIndex) -> Option<&RouteRule> {
        self.routes.get(index.0)
    }

    /// All routes in order.
    pub fn routes(&self) -> &[RouteRule] {
        &self.routes
    }

    /// Whether some route answers for the host, whatever the port and path.
    pub fn knows_host(&self, host: &str) -> bool {
        self.exact.contains_key(host) || self.wildcards.iter().any(|w| w.pattern.is_match(host))
    }

    /// Whether an address may lead to `authority`: its host is a route's and its port is the one
    /// that route was written with, or for a route without a port that of https or our own
    /// listener's (T35).
    pub fn is_origin(&self, authority: &Authority<'_>, listener_port: u16) -> bool {
        let port = authority.port().filter(|port| *port != 443);
        let fits = |rules: &HostRules| {
            rules.by_port.iter().any(|(written, _)| match written {
                Some(written) => port == Some(*written),
                None => port.is_none() || port == Some(listener_port),
            })
        };
        match self.exact.get(authority.host()) {
            Some(rules) => fits(rules),
            None => self.wildcards.iter().any(|wildcard| {
                wildcard.pattern.is_match(authority.host()) && fits(&wildcard.rules)
            }),
        }
    }

    /// The one route of a host whose paths all belong to it: what is asked there needs no path to
    /// be decided. `None` where there is another, so that paths matter.
    pub fn of_whole_host(&self, authority: &Authority<'_>) -> Option<RouteIndex> {
        let rules = match self.exact.get(authority.host()) {
            Some(rules) => rules,
            None => {
                let mut fitting =
                    self.wildcards.iter().filter(|one| one.pattern.is_match(authority.host()));
                let one = fitting.next()?;
                fitting.next().is_none().then_some(&one.rules)?
            }
        };
        let port = authority.port().filter(|port| *port != 443);
        let mut fitting =
            rules.by_port.iter().filter(|(written, _)| written.is_none() || *written == port);
        let (_, paths) = fitting.next()?;
        let alone = fitting.next().is_none()
            && paths.exact.is_empty()
            && paths.prefixes.is_empty()
            && paths.patterns.is_empty();
        paths.any.filter(|_| alone)
    }

    /// The route of a request. `path` is normalised and without its query.
    pub fn find(&self, authority: &Authority<'_>, path: &str) -> RouteMatch {
        if let Some(rules) = self.exact.get(authority.host()) {
            return rules
                .find(authority.port(), path)
                .map_or(RouteMatch::NoRoute, RouteMatch::Route);
        }
        let mut known = false;
        let mut best: Option<RouteIndex> = None;
        for wildcard in &self.wildcards {
            if wildcard.pattern.is_match(authority.host()) {
                known = true;
                best = earlier(best, wildcard.rules.find(authority.port(), path));
            }
        }
        match best {
            Some(index) => RouteMatch::Route(index),
            None if known => RouteMatch::NoRoute,
            None => RouteMatch::UnknownHost,
        }
    }
}

/// The routes of one host, by the port they were written with.
#[derive(Debug, Default)]
struct HostRules {
    by_port: Vec<(Option<u16>, PathIndex)>,
}

impl HostRules {
    fn add(&mut self, route: &RouteRule, index: RouteIndex) {
        let port = route.from.port.filter(|port| *port != 443);
        let known = self.by_port.iter().position(|(written, _)| *written == port);
        let at = known.unwrap_or_else(|| {
            self.by_port.push((port, PathIndex::default()));
            self.by_port.len() - 1
        });
        if let Some((_, paths)) = self.by_port.get_mut(at) {
            paths.add(&route.path, index);
        }
    }

    /// A route without a port answers on any; one with a port on that one alone.
    fn find(&self, port: Option<u16>, path: &str) -> Option<RouteIndex> {
        let port = port.filter(|port| *port != 443);
        let mut best = None;
        for (written, paths) in &self.by_port {
            if written.is_none() || *written == port {
                best = earlier(best, paths.find(path));
            }
        }
        best
    }
}

/// First matches by path. Of several routes with the same rule only the first can ever match.
#[derive(Debug, Default)]
struct PathIndex {
    any: Option<RouteIndex>,
    exact: HashMap<String, RouteIndex>,
    /// Prefixes by their length.
    prefixes: BTreeMap<usize, HashMap<String, RouteIndex>>,
    patterns: Vec<(Regex, RouteIndex)>,
}

impl PathIndex {
    fn add(&mut self, rule: &PathRule, index: RouteIndex) {
        match rule {
            PathRule::Any => self.any = earlier(self.any, Some(index)),
            PathRule::Exact(path) => {
                self.exact.entry(path.clone()).or_insert(index);
            }
            PathRule::Prefix(prefix) => {
                let same_length = self.prefixes.entry(prefix.len()).or_default();
                same_length.entry(prefix.clone()).or_insert(index);
            }
            PathRule::Regex(pattern) => self.patterns.push((pattern.clone(), index)),
        }
    }

    fn find(&self, path: &str) -> Option<RouteIndex> {
        let mut best = earlier(self.any, self.exact.get(path).copied());
        for (length, prefixes) in &self.prefixes {
            // Invariant: a normalised path is ASCII, so every length is a boundary; past its end
            // there is no prefix left to find.
            let Some(start) = path.get(..*length) else { break };
            best = earlier(best, prefixes.get(start).copied());
        }
        for (pattern, index) in &self.patterns {
            if best.is_some_and(|best| best < *index) {
                break;
            }
            if pattern.is_match(path) {
                return Some(*index);
            }
        }
        best
    }
}

fn earlier(one: Option<RouteIndex>, other: Option<RouteIndex>) -> Option<RouteIndex> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::RouteHost;
    use super::*;
    use crate::base::diagnostic::Diagnostics;
    use crate::policy::{Policy, Shortcuts};

    fn route(from: &str, path: PathRule) -> RouteRule {
        let authority = from.split_once(':');
        let (host, port) = authority.map_or((from, None), |(h, p)| (h, p.parse().ok()));
        RouteRule {
            id: from.into(),
            from: RouteHost { host: host.to_owned(), port },
            path,
            policy: Policy::compile(&Shortcuts::default(), None, &mut Diagnostics::default()),
            for_other_proxies_alone: false,
        }
    }

    fn prefix(text: &str) -> PathRule {
        PathRule::Prefix(text.to_owned())
    }

    fn rules() -> Rules {
        Rules::new(vec![
            route("a.example", PathRule::Exact("/exact".to_owned())),
            route("a.example", prefix("/admin")),
            route("a.example", PathRule::Regex(Regex::new("^(?:/v[0-9]+/.*)$").unwrap())),
            route("a.example", prefix("/v1/")),
            route("*.example", PathRule::Any),
            route("b.example:8443", PathRule::Any),
            route("b.example", prefix("/open")),
            route("*.wild.example", prefix("/w")),
        ])
    }

    fn find(host: &str, path: &str) -> Option<usize> {
        match rules().find(&Authority::parse(host).unwrap(), path) {
            RouteMatch::Route(RouteIndex(index)) => Some(index),
            RouteMatch::NoRoute => None,
            RouteMatch::UnknownHost => Some(99),
        }
    }

    #[test]
    fn the_first_match_in_file_order_wins_and_prefixes_are_raw() {
        assert_eq!(find("a.example", "/exact"), Some(0));
        assert_eq!(find("a.example", "/administrator"), Some(1));
        assert_eq!(find("a.example", "/v1/x"), Some(2));
        assert_eq!(find("a.example", "/v/x"), None);
    }

    #[test]
    fn an_exact_host_never_falls_through_to_a_wildcard() {
        assert_eq!(find("a.example", "/nothing"), None);
        assert_eq!(find("c.example", "/nothing"), Some(4));
        assert_eq!(find("x.y.wild.example", "/w"), Some(4));
        assert_eq!(find("example", "/"), Some(99));
        assert_eq!(find("c.example.evil.test", "/"), Some(99));
    }

    #[test]
    fn a_route_with_a_port_answers_there_alone() {
        assert_eq!(find("b.example:8443", "/open"), Some(5));
        assert_eq!(find("b.example", "/open"), Some(6));
        assert_eq!(find("b.example:9", "/open"), Some(6));
        assert_eq!(find("b.example:9", "/"), None);
    }

    #[test]
    fn t35_an_address_may_lead_to_configured_origins_alone() {
        let is = |text: &str| rules().is_origin(&Authority::parse(text).unwrap(), 8_000);
        assert!(is("a.example") && is("a.example:443") && is("a.example:8000"));
        assert!(!is("a.example:8443") && !is("a.example:1") && !is("evil.test"));
        assert!(is("b.example:8443") && is("x.example") && !is("x.example:77"));
    }
}
