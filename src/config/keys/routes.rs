//! Keys of the lists of routes, and of what all routes share.

use super::key::*;
use super::row::Scope;

family! {
    ROUTE_LIST_KEYS = "Routes", Scope::Top;

    POLICY: Tree = routes("policy",
        "Routes under their older name; they come before those of `routes`.").decides();
    ROUTES: Tree = routes("routes",
        "The routes, in the order in which they are tried; a host that is written out goes before one with `*`.")
        .decides();
    GROUPS_FILE: File = file("groups_file", Content::Public,
        "Who is in which group: YAML, or CSV with the line `group,member` at its head. Groups are for the criterion `groups`, the assertion and `jwt_claims_headers`.")
        .ours().decides();
    NAMED_POLICIES: Tree = tree("named_policies", &[],
        "Policies by name, for routes that say `policy: {use: NAME}`.").ours().decides();
}
