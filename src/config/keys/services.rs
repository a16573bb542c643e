//! Keys of Pomerium's inner parts, and keys that are gone.

use super::{Family, Key, Scope, Type, key};

pub(super) const FAMILY: Family =
    Family { title: "Pomerium's inner parts", scope: Scope::Top, keys: KEYS };

pub(super) const REMOVED: Family =
    Family { title: "Keys that are gone", scope: Scope::Top, keys: REMOVED_KEYS };

const ONE: &str = "Russet is one program";
const ENVOY: &str = "there is no Envoy in Russet";
const ZERO: &str = "this belongs to Pomerium's hosted products";

const KEYS: &[Key] = &[
    key("services", Type::Text, "all", "Which parts to run.")
        .fixed("Russet is one program and always runs whole; write `all` or leave it out"),
    key("authorize_service_url", Type::Text, "", "A part of a split installation.").ignored(ONE),
    key("authorize_service_urls", Type::Texts, "", "A part of a split installation.").ignored(ONE),
    key("authorize_internal_service_url", Type::Text, "", "A part of a split installation.")
        .ignored(ONE),
    key("databroker_service_url", Type::Text, "", "A part of a split installation.").ignored(ONE),
    key("databroker_service_urls", Type::Texts, "", "A part of a split installation.").ignored(ONE),
    key("databroker_internal_service_url", Type::Text, "", "A part of a split installation.")
        .ignored(ONE),
    key("grpc_address", Type::Text, "", "Where those parts listen.").ignored(ONE),
    key("grpc_insecure", Type::Bool, "true", "How those parts listen.").ignored(ONE),
    key(
        "runtime_flags",
        Type::Map,
        "",
        "Switches of Pomerium's; those that concern Russet are accepted at Pomerium's default, the others without effect.",
    ),
    key("installation_id", Type::Text, "", "Names this installation.").ignored(ZERO),
    key("blob_storage", Type::Tree(&[]), "", "Where recordings go.").ignored(ZERO),
    key("session_recording_concurrency", Type::Text, "", "How many recordings at once.")
        .ignored(ZERO),
    key("auto_apply_changesets", Type::Bool, "false", "Apply changes by themselves.").ignored(ZERO),
    key("envoy_*", Type::Tree(&[]), "", "Settings of Envoy.").ignored(ENVOY),
    key("ssh_*", Type::Tree(&[]), "", "Access by SSH.")
        .refused("Russet guards web applications; keep SSH elsewhere"),
    key("mcp_*", Type::Tree(&[]), "", "Access by MCP.")
        .ignored("Russet does not speak MCP itself; an MCP server is a route like any other"),
];

const DIRECTORY: &str = "remove it; groups were never to be had from Apple";
const TRACING: &str = "remove it; Pomerium dropped it in favour of the `otel_` keys";

const REMOVED_KEYS: &[Key] = &[
    key("client_ca", Type::Text, "", "Clients' certificates, formerly.")
        .refused("write `downstream_mtls`, once it is there"),
    key("client_ca_file", Type::Path, "", "Clients' certificates, formerly.")
        .refused("write `downstream_mtls`, once it is there"),
    key("policy_file", Type::Path, "", "Routes in a second file, formerly.")
        .refused("put the routes into `routes` of this file"),
    key("idp_service_account", Type::Text, "", "Groups from a directory, formerly.")
        .refused(DIRECTORY)
        .secret(),
    key("idp_service_account_file", Type::Path, "", "Groups from a directory, formerly.")
        .refused(DIRECTORY),
    key("idp_refresh_directory_*", Type::Text, "", "Groups from a directory, formerly.")
        .refused(DIRECTORY),
    key("idp_qps", Type::Text, "", "Groups from a directory, formerly.").refused(DIRECTORY),
    key("tracing_*", Type::Text, "", "Traces, formerly.").refused(TRACING),
];
