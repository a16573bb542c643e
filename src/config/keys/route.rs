//! Keys of a route: which requests, and who may pass.

use super::key::*;
use super::row::{Scope, Type};

const REWRITE: &str =
    "let the application serve the path that people ask for, or put a path into `to`";
const HOST: &str =
    "use `preserve_host_header: true`, or let the application accept the host of `to`";

family! {
    MATCHING_KEYS = "Route: which requests", Scope::Route;

    FROM: Text = text("from", "",
        "The host that people ask for: `https://` and a host, with `*` for any part of it; a port only where it is not 443.")
        .decides();
    NAME: Text = text("name", "", "What the route is called in the log.").decides();
    PREFIX: Text = text("prefix", "",
        "Only paths that begin with this text; `/admin` covers `/administrator` too, `/admin/` does not.")
        .decides();
    PATH: Text = text("path", "", "Only exactly this path.").decides();
    REGEX: Text = text("regex", "",
        "Only paths that this regular expression matches as a whole.").decides();
    _ = unread("regex_priority_order", Type::Text, "",
        "The order of routes that are not in a file.")
        .ignored("routes of a file are tried in the order of the file");
    _ = unread("prefix_rewrite", Type::Text, "",
        "Put this in the place of the prefix.").not_yet(REWRITE);
    _ = unread("regex_rewrite_pattern", Type::Text, "",
        "Rewrite what this matches.").not_yet(REWRITE);
    _ = unread("regex_rewrite_substitution", Type::Text, "", "What that becomes.").not_yet(REWRITE);
    PRESERVE_HOST_HEADER: Flag = flag("preserve_host_header", false,
        "Send the host that people ask for on to the application, in place of the host of `to`.");
    _ = unread("host_rewrite", Type::Text, "", "Send this host.").not_yet(HOST);
    _ = unread("host_rewrite_header", Type::Text, "",
        "Send the host from this header.").not_yet(HOST);
    _ = unread("host_path_regex_rewrite_pattern", Type::Text, "",
        "Send a host made from the path.").not_yet(HOST);
    _ = unread("host_path_regex_rewrite_substitution", Type::Text, "",
        "Send a host made from the path.").not_yet(HOST);
    _ = unread("description", Type::Text, "",
        "What people read about the route.").not_yet("write it as a comment");
    _ = unread("logo_url", Type::Text, "",
        "The picture of the route.").not_yet("leave it out; there is no page that shows it");
    _ = unread("depends_on", Type::Texts, "",
        "Hosts to sign in at together with this one.")
        .not_yet("leave it out; people who are signed in get to the next host without being asked");
}

family! {
    ACCESS_KEYS = "Route: who may pass", Scope::Route;

    ALLOW_PUBLIC_UNAUTHENTICATED_ACCESS: Flag = flag("allow_public_unauthenticated_access", false,
        "Let everybody pass, signed in or not.").decides();
    ALLOW_ANY_AUTHENTICATED_USER: Flag = flag("allow_any_authenticated_user", false,
        "Let everybody pass who has an Apple account.").decides();
    ALLOWED_USERS: Texts = texts("allowed_users", &[],
        "Let these people pass: verified addresses, or Apple's `sub`.").decides();
    ALLOWED_DOMAINS: Texts = texts("allowed_domains", &[],
        "Let people pass whose verified address is in one of these domains.").decides();
    ALLOWED_IDP_CLAIMS: Tree = tree("allowed_idp_claims", &[],
        "Let people pass who have one of the listed values in a claim.").decides();
    CORS_ALLOW_PREFLIGHT: Flag = flag("cors_allow_preflight", false,
        "Let the browser's preflight requests pass without a session.").decides();
    POLICY: Tree = tree("policy", &[],
        "Who may pass, in Pomerium's policy language; the keys above count as one more way in.")
        .decides();
    SHADOW_POLICY: Tree = tree("shadow_policy", &[],
        "A policy that is asked in addition to the route's own, counted and logged, and never obeyed.")
        .ours();
    _ = unread("allowed_groups", Type::Texts, "",
        "Groups, formerly.")
        .refused("Apple sends no groups; name the people in `groups_file` and write `policy: {allow: {or: [{groups: NAME}]}}`").decides();
    _ = unread("set_authorization_header", Type::Text, "",
        "Tokens of the provider, formerly.")
        .refused("Russet keeps none of Apple's tokens; `pass_identity_headers: true` tells the application who asks");
    SUB_POLICIES: Tree = tree("sub_policies", &[],
        "More ways in, each with `allowed_users`, `allowed_domains`, `allowed_idp_claims` and `policy` of its own.")
        .decides();
    _ = unread("jwt_groups_filter", Type::Tree(&[]), "",
        "Which groups the assertion holds.")
        .ignored("the assertion holds the groups of `groups_file` alone");
    TLS_DOWNSTREAM_CLIENT_CA: Text = text("tls_downstream_client_ca", "",
        "Ask clients for certificates.")
        .not_yet("let a proxy before Russet ask for them, and do not rely on Russet for it").decides();
    TLS_DOWNSTREAM_CLIENT_CA_FILE: File = file("tls_downstream_client_ca_file", Content::Public,
        "Ask clients for certificates.")
        .not_yet("let a proxy before Russet ask for them, and do not rely on Russet for it").decides();
}
