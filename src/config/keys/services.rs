//! Keys of Pomerium's inner parts, and keys that are gone.

use super::key::*;
use super::row::{Scope, Type};

const ONE: &str = "Russet is one program";
const ENVOY: &str = "there is no Envoy in Russet";
const ZERO: &str = "this belongs to Pomerium's hosted products";

family! {
    FAMILY = "Pomerium's inner parts", Scope::Top;

    _ = unread("services", Type::Text, "all",
        "Which parts to run.")
        .fixed("Russet is one program and always runs whole; write `all` or leave it out");
    _ = unread("authorize_service_url", Type::Text, "",
        "A part of a split installation.").ignored(ONE);
    _ = unread("authorize_service_urls", Type::Texts, "",
        "A part of a split installation.").ignored(ONE);
    _ = unread("authorize_internal_service_url", Type::Text, "",
        "A part of a split installation.").ignored(ONE);
    _ = unread("databroker_service_url", Type::Text, "",
        "A part of a split installation.").ignored(ONE);
    _ = unread("databroker_service_urls", Type::Texts, "",
        "A part of a split installation.").ignored(ONE);
    _ = unread("databroker_internal_service_url", Type::Text, "",
        "A part of a split installation.").ignored(ONE);
    _ = unread("grpc_address", Type::Text, "", "Where those parts listen.").ignored(ONE);
    _ = unread("grpc_insecure", Type::Bool, "true", "How those parts listen.").ignored(ONE);
    RUNTIME_FLAGS: Map = map("runtime_flags", "",
        "Switches of Pomerium's; those that concern Russet are accepted at Pomerium's default, the others without effect.");
    _ = unread("installation_id", Type::Text, "", "Names this installation.").ignored(ZERO);
    _ = unread("blob_storage", Type::Tree(&[]), "", "Where recordings go.").ignored(ZERO);
    _ = unread("session_recording_concurrency", Type::Text, "",
        "How many recordings at once.").ignored(ZERO);
    _ = unread("auto_apply_changesets", Type::Bool, "false",
        "Apply changes by themselves.").ignored(ZERO);
    _ = unread("envoy_*", Type::Tree(&[]), "", "Settings of Envoy.").ignored(ENVOY);
    _ = unread("ssh_*", Type::Tree(&[]), "",
        "Access by SSH.").refused("Russet guards web applications; keep SSH elsewhere");
    _ = unread("mcp_*", Type::Tree(&[]), "",
        "Access by MCP.")
        .ignored("Russet does not speak MCP itself; an MCP server is a route like any other");
}

const DIRECTORY: &str = "remove it; groups were never to be had from Apple";
const TRACING: &str = "remove it; Pomerium dropped it in favour of the `otel_` keys";

family! {
    REMOVED_KEYS = "Keys that are gone", Scope::Top;

    _ = unread("client_ca", Type::Text, "",
        "Clients' certificates, formerly.").refused("write `downstream_mtls`, once it is there");
    _ = unread("client_ca_file", Type::Path, "",
        "Clients' certificates, formerly.").refused("write `downstream_mtls`, once it is there");
    _ = unread("policy_file", Type::Path, "",
        "Routes in a second file, formerly.").refused("put the routes into `routes` of this file");
    _ = unread("idp_service_account", Type::Text, "",
        "Groups from a directory, formerly.").refused(DIRECTORY).secret();
    _ = unread("idp_service_account_file", Type::Path, "",
        "Groups from a directory, formerly.").refused(DIRECTORY);
    _ = unread("idp_refresh_directory_*", Type::Text, "",
        "Groups from a directory, formerly.").refused(DIRECTORY);
    _ = unread("idp_qps", Type::Text, "", "Groups from a directory, formerly.").refused(DIRECTORY);
    _ = unread("tracing_*", Type::Text, "", "Traces, formerly.").refused(TRACING);
}
