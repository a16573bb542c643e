//! From what was written to what it means: fills the settings of every owner, one file for each.
//!
//! Every part goes on as far as it can after a problem, so that all of them are reported at once; what
//! it could not make is `None`, and then there are no settings.

mod access;
mod apple;
mod certificates;
mod client_secret;
mod decision_log;
mod external_auth;
mod gateway;
mod groups;
mod headers;
mod hosts;
mod idp_claims;
mod mtls;
mod route_conflicts;
mod routes;
mod session;
mod signing_key;
mod sub_policies;
mod targets;

use std::path::PathBuf;
use std::sync::Arc;

pub(super) use client_secret::expiry_of as client_secret_expiry;

use super::files::Files;
use super::keys::{self, Key, Scope, Tree};
use super::section::{Purpose, Section};
use super::value::Located;
use super::yaml::MAX_PROBLEMS;
use super::{LogSettings, Settings, codes};
use crate::base::diagnostic::{Diagnostics, Sources};
use crate::base::near;
use crate::base::node::{Node, Place};
use crate::base::time::Timestamp;
use crate::decision::RouteRule;
use crate::policy::{Definitions, Groups, GroupsFile, names_a_group};
use routes::Route;

/// What every part of the lowering needs.
pub(super) struct Context<'a> {
    pub(super) problems: &'a mut Diagnostics,
    pub(super) sources: &'a mut Sources,
    pub(super) files: Files,
    pub(super) now: Timestamp,
}

impl Context<'_> {
    fn error(
        &mut self,
        code: &'static str,
        place: impl Into<Option<Place>>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.error(code, place, message, help);
    }

    fn warning(
        &mut self,
        code: &'static str,
        place: impl Into<Option<Place>>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.warning(code, place, message, help);
    }

    /// Reads `node` as a map with the keys of `scope`; `name` is what messages call it. `None` where
    /// it is not a map.
    fn section(
        &mut self,
        scope: Scope,
        purpose: Purpose,
        node: &Node,
        name: &str,
    ) -> Option<Section> {
        if node.map().is_none() {
            let message = format!("`{name}` is {}; it must be a map", node.what());
            self.error(codes::SHAPE, node.place, message, keys::listed(scope));
            return None;
        }
        Some(Section::read(scope, purpose, node, self.sources, self.problems))
    }

    /// Says that a text was never replaced by the operator's own, if so.
    fn is_placeholder(&mut self, key: &str, value: &Located) -> bool {
        let found = crate::apple::shape::is_placeholder(&value.text);
        if found {
            let message = format!("`{key}` still holds the placeholder of an example");
            self.error(codes::PLACEHOLDER, value.place, message, "write your own value");
        }
        found
    }
}

/// What is decided on requests: the routes, and what their policies are made of.
pub(super) struct Decisions {
    routes: Vec<Route>,
    groups: Option<Arc<Groups>>,
}

impl Decisions {
    /// The rules, in the order in which they are tried; `None` where something is wrong with one.
    pub(super) fn rules(&self) -> Option<Vec<RouteRule>> {
        self.routes.iter().map(|route| route.rule.clone()).collect()
    }

    /// The groups of `groups_file`, where it was read.
    pub(super) fn groups(&self) -> Option<Arc<Groups>> {
        self.groups.clone()
    }
}

/// When `groups_file` is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadGroups {
    /// Always: applications are told of groups, or somebody wants to know the members.
    Always,
    /// Where a policy names a group.
    WhereNamed,
}

/// Lowers what is decided on. No file is read but that of the groups.
pub(super) fn decisions(
    top: &Section,
    read_groups: ReadGroups,
    context: &mut Context<'_>,
) -> Decisions {
    let sections = route_sections(top, context);
    let named = top.get(&keys::routes::NAMED_POLICIES);
    let policies = |section: &Section| {
        [keys::route::POLICY, keys::route::SUB_POLICIES].map(|key| section.get(&key).cloned())
    };
    let needed = read_groups == ReadGroups::Always
        || named.is_some_and(names_a_group)
        || sections.iter().flat_map(policies).flatten().any(|node| names_a_group(&node));
    let groups = if needed || !top.has(&keys::routes::GROUPS_FILE) {
        groups::lower(top, context)
    } else {
        GroupsFile::Unset
    };
    let mut definitions = Definitions::new(groups, named, context.problems);
    let certificate_required = mtls::certificate_required(top, &sections, context);
    let routes = routes::rules(sections, certificate_required, &mut definitions, context);
    definitions.doubt_unused(context.problems);
    let groups = match definitions.groups() {
        GroupsFile::Read(groups) => Some(Arc::clone(groups)),
        GroupsFile::Unset | GroupsFile::Broken => None,
    };
    Decisions { routes, groups }
}

/// Fills all settings. `None` where something is missing; the diagnostics say what.
pub(super) fn settings(
    top: &Section,
    mut decisions: Decisions,
    context: &mut Context<'_>,
) -> Option<Settings> {
    check_runtime_flags(top, context);
    let extra_roots: Arc<[_]> = certificates::authorities(
        top,
        &keys::tls::CERTIFICATE_AUTHORITY,
        &keys::tls::CERTIFICATE_AUTHORITY_FILE,
        context,
    )
    .unwrap_or_default();
    let services = routes::services(top, &mut decisions.routes, &extra_roots, context);
    let routes = &decisions.routes;
    let froms: Vec<_> = routes.iter().filter_map(|route| route.from.clone()).collect();
    let hosts = hosts::lower(top, &froms, context);
    let apple = apple::lower(top, hosts.as_ref(), extra_roots, context);
    let session = session::lower(top, &froms, hosts.as_ref(), context);
    let any_written = LISTS
        .iter()
        .filter_map(|key| top.get(key))
        .any(|node| node.list().is_none_or(|items| !items.is_empty()));
    route_conflicts::check(routes, any_written, context);
    let gateway = gateway::lower(top, hosts.as_ref(), &froms, context);
    Some(Settings {
        apple: apple?,
        session: session?,
        gateway: crate::gateway::Settings { routes: services?, ..gateway? },
        rules: decisions.rules()?,
        groups: decisions.groups(),
        state_dir: top.get(&keys::storage::STATE_DIR).map(|path| path.text.clone().into()),
        shadow: top.get(&keys::logging::SHADOW),
        log: LogSettings {
            level: top.get(&keys::logging::LOG_LEVEL),
            format: top.get(&keys::logging::LOG_FORMAT),
        },
        files: std::mem::take(&mut context.files.asked),
    })
}

/// The file that the decision log is written to, if it is one.
pub(super) fn decision_log(top: &Section) -> Option<PathBuf> {
    decision_log::path(top)
}

/// Pomerium's flags that would change what Russet does, with the only value it can do.
const FLAGS: [(&str, bool, &str); 5] = [
    ("config_hot_reload", false, "restart after a change; the old configuration serves until then"),
    ("match_any_incoming_port", true, "write the port into `from` of the routes that want one"),
    ("pomerium_jwt_endpoint", false, "read the assertion from the request that Russet passes on"),
    ("routes_portal", false, "leave it out; there is no page of routes"),
    ("allow_any_sign_out_redirect_uri", false, "write `signout_redirect_url`"),
];

/// Pomerium's flags that concern nothing in Russet.
const OTHER_FLAGS: [&str; 12] = [
    "add_extra_metrics_labels",
    "authorize_use_synced_data",
    "envoy_resource_manager",
    "grpc_databroker_keepalive",
    "mcp",
    "refresh_session_at_id_token_expiration",
    "set_envoy_concurrency_to_go_max_procs",
    "debug_admin_endpoints",
    "mcp_dynamic_client_registration",
    "ssh_allow_direct_tcpip",
    "ssh_routes_portal",
    "ssh_upstream_tunnel",
];

/// Pomerium's defaults of the first two differ from what Russet does, so that both values of
/// them pass: the default is in no file, and `false` is what is there.
const EITHER: [&str; 2] = ["config_hot_reload", "routes_portal"];

fn check_runtime_flags(top: &Section, context: &mut Context<'_>) {
    for (name, value) in top.get(&keys::services::RUNTIME_FLAGS).unwrap_or_default() {
        let known = FLAGS.iter().find(|(flag, ..)| *flag == name.text);
        if known.is_none() && !OTHER_FLAGS.contains(&name.text.as_str()) {
            let all = FLAGS.iter().map(|(flag, ..)| *flag).chain(OTHER_FLAGS);
            let help = near::nearest(&name.text, all)
                .map_or_else(|| "remove it".to_owned(), |near| format!("did you mean `{near}`?"));
            let message = format!("there is no runtime flag `{}`", name.text);
            context.error(codes::UNKNOWN, name.place, message, help);
        }
        let Ok(value) = value.text.to_ascii_lowercase().parse::<bool>() else {
            let message = format!("`{}` is neither true nor false", name.text);
            context.error(codes::VALUE, value.place, message, "write `true` or `false`");
            continue;
        };
        if let Some((flag, only, meanwhile)) = known
            && value != *only
            && !EITHER.contains(flag)
        {
            let message = format!("`{flag}: {value}` is not yet done; only `{only}` is");
            context.error(codes::NOT_YET, name.place, message, format!("meanwhile: {meanwhile}"));
        }
    }
}

/// The lists of routes, in the order in which they are tried.
const LISTS: [Key<Tree>; 2] = [keys::routes::POLICY, keys::routes::ROUTES];

/// The routes of both lists, each a section of its own.
fn route_sections(top: &Section, context: &mut Context<'_>) -> Vec<Section> {
    let mut sections = Vec::new();
    for list in LISTS.iter().filter_map(|key| top.get(key)) {
        let Some(items) = list.list() else {
            let message = format!("this is {}; it must be a list of routes", list.what());
            context.error(codes::SHAPE, list.place, message, "begin each route with `- from: `");
            continue;
        };
        for item in items {
            if context.problems.errors() >= MAX_PROBLEMS {
                break;
            }
            if item.map().is_none() {
                let message = format!("this is {}; a route is a map", item.what());
                context.error(
                    codes::SHAPE,
                    item.place,
                    message,
                    "begin each route with `- from: `",
                );
                continue;
            }
            sections.push(Section::read(
                Scope::Route,
                top.purpose,
                item,
                context.sources,
                context.problems,
            ));
        }
    }
    sections
}
