//! Keys of a route: which requests, and who may pass.

use super::{Family, Key, Scope, Type, key};

pub(super) const ROUTES: Family = Family { title: "Routes", scope: Scope::Top, keys: ROUTE_LISTS };

pub(super) const MATCHING: Family =
    Family { title: "Route: which requests", scope: Scope::Route, keys: MATCH_KEYS };

pub(super) const ACCESS: Family =
    Family { title: "Route: who may pass", scope: Scope::Route, keys: ACCESS_KEYS };

const ROUTE_LISTS: &[Key] = &[
    key(
        "policy",
        Type::Routes,
        "",
        "Routes under their older name; they come before those of `routes`.",
    )
    .decides(),
    key(
        "routes",
        Type::Routes,
        "",
        "The routes, in the order in which they are tried; a host that is written out goes before one with `*`.",
    )
    .decides(),
    key(
        "groups_file",
        Type::Path,
        "",
        "Who is in which group: YAML, or CSV with the line `group,member` at its head. Groups are for the criterion `groups`, the assertion and `jwt_claims_headers`.",
    )
    .ours()
    .decides(),
    key(
        "named_policies",
        Type::Tree(&[]),
        "",
        "Policies by name, for routes that say `policy: {use: NAME}`.",
    )
    .ours()
    .decides(),
];

const REWRITE: &str =
    "let the application serve the path that people ask for, or put a path into `to`";
const HOST: &str =
    "use `preserve_host_header: true`, or let the application accept the host of `to`";

const MATCH_KEYS: &[Key] = &[
    key(
        "from",
        Type::Text,
        "",
        "The host that people ask for: `https://` and a host, with `*` for any part of it; a port only where it is not 443.",
    )
    .decides(),
    key("name", Type::Text, "", "What the route is called in the log.").decides(),
    key(
        "prefix",
        Type::Text,
        "",
        "Only paths that begin with this text; `/admin` covers `/administrator` too, `/admin/` does not.",
    )
    .decides(),
    key("path", Type::Text, "", "Only exactly this path.").decides(),
    key("regex", Type::Text, "", "Only paths that this regular expression matches as a whole.").decides(),
    key("regex_priority_order", Type::Text, "", "The order of routes that are not in a file.")
        .ignored("routes of a file are tried in the order of the file"),
    key("prefix_rewrite", Type::Text, "", "Put this in the place of the prefix.").not_yet(REWRITE),
    key("regex_rewrite_pattern", Type::Text, "", "Rewrite what this matches.").not_yet(REWRITE),
    key("regex_rewrite_substitution", Type::Text, "", "What that becomes.").not_yet(REWRITE),
    key(
        "preserve_host_header",
        Type::Bool,
        "false",
        "Send the host that people ask for on to the application, in place of the host of `to`.",
    ),
    key("host_rewrite", Type::Text, "", "Send this host.").not_yet(HOST),
    key("host_rewrite_header", Type::Text, "", "Send the host from this header.").not_yet(HOST),
    key("host_path_regex_rewrite_pattern", Type::Text, "", "Send a host made from the path.")
        .not_yet(HOST),
    key("host_path_regex_rewrite_substitution", Type::Text, "", "Send a host made from the path.")
        .not_yet(HOST),
    key("description", Type::Text, "", "What people read about the route.")
        .not_yet("write it as a comment"),
    key("logo_url", Type::Text, "", "The picture of the route.")
        .not_yet("leave it out; there is no page that shows it"),
    key("depends_on", Type::Texts, "", "Hosts to sign in at together with this one.")
        .not_yet("leave it out; people who are signed in get to the next host without being asked"),
];

const ACCESS_KEYS: &[Key] = &[
    key(
        "allow_public_unauthenticated_access",
        Type::Bool,
        "false",
        "Let everybody pass, signed in or not.",
    )
    .decides(),
    key(
        "allow_any_authenticated_user",
        Type::Bool,
        "false",
        "Let everybody pass who has an Apple account.",
    )
    .decides(),
    key(
        "allowed_users",
        Type::Texts,
        "",
        "Let these people pass: verified addresses, or Apple's `sub`.",
    )
    .decides(),
    key(
        "allowed_domains",
        Type::Texts,
        "",
        "Let people pass whose verified address is in one of these domains.",
    )
    .decides(),
    key(
        "allowed_idp_claims",
        Type::Tree(&[]),
        "",
        "Let people pass who have one of the listed values in a claim.",
    )
    .decides(),
    key(
        "cors_allow_preflight",
        Type::Bool,
        "false",
        "Let the browser's preflight requests pass without a session.",
    )
    .decides(),
    key(
        "policy",
        Type::Tree(&[]),
        "",
        "Who may pass, in Pomerium's policy language; the keys above count as one more way in.",
    )
    .decides(),
    key(
        "shadow_policy",
        Type::Tree(&[]),
        "",
        "A policy that is asked beside the route's own, counted and logged, and never obeyed.",
    )
    .ours(),
    key("allowed_groups", Type::Texts, "", "Groups, formerly.").refused(
        "Apple sends no groups; name the people in `groups_file` and write `policy: {allow: {or: [{groups: NAME}]}}`",
    )
    .decides(),
    key("set_authorization_header", Type::Text, "", "Tokens of the provider, formerly.").refused(
        "Russet keeps none of Apple's tokens; `pass_identity_headers: true` tells the application who asks",
    ),
    key(
        "sub_policies",
        Type::Tree(&[]),
        "",
        "More ways in, each with `allowed_users`, `allowed_domains`, `allowed_idp_claims` and `policy` of its own.",
    )
    .decides(),
    key("jwt_groups_filter", Type::Tree(&[]), "", "Which groups the assertion holds.")
        .ignored("the assertion holds the groups of `groups_file` alone"),
    key("tls_downstream_client_ca", Type::Text, "", "Ask clients for certificates.")
        .not_yet("let a proxy before Russet ask for them, and do not rely on Russet for it").decides(),
    key("tls_downstream_client_ca_file", Type::Path, "", "Ask clients for certificates.")
        .not_yet("let a proxy before Russet ask for them, and do not rely on Russet for it").decides(),
];
