//! What the decision wants to know about a route; the configuration lowers into it.

use std::sync::Arc;

use regex::Regex;

use super::facts::Face;
use crate::policy::Policy;

/// One route, as far as the decision needs it.
#[derive(Clone, Debug)]
pub struct RouteRule {
    /// Names the route in logs: `name` where given, else derived from `from` and the path rule;
    /// unique in a configuration.
    pub id: Arc<str>,
    /// Which host it answers for.
    pub from: RouteHost,
    /// Which paths it answers for.
    pub path: PathRule,
    /// Who may pass; the shortcut keys are compiled into it.
    pub policy: Policy,
    /// Whether the route has no application of its own (`to`), and so exists only for other proxies
    /// that ask.
    pub for_other_proxies_alone: bool,
}

impl RouteRule {
    /// Whether the route exists for a request that comes this way.
    pub fn exists_for(&self, face: Face) -> bool {
        !(self.for_other_proxies_alone && face == Face::Gateway)
    }
}

/// `from` of a route. Only its host and port count: everything is https to the outside.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RouteHost {
    /// Lower case, without trailing dot; may hold `*`, which stands for any run of characters.
    pub host: String,
    /// A port that is not 443; `None` answers on any incoming port.
    pub port: Option<u16>,
}

/// Which paths a route answers for. Matched against the normalised path, without the query.
#[derive(Clone, Debug)]
pub enum PathRule {
    /// Every path.
    Any,
    /// `prefix`: raw text, so `/admin` also matches `/administrator` (as in Pomerium).
    Prefix(String),
    /// `path`: exactly this one.
    Exact(String),
    /// `regex`: the whole path; compiled with anchors.
    Regex(Regex),
}
