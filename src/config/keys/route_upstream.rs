//! Keys of a route: what the application gets, and how it is reached.

use std::time::Duration;

use super::key::*;
use super::row::{Scope, Type};

family! {
    HEADER_KEYS = "Route: headers", Scope::Route;

    PASS_IDENTITY_HEADERS: OptionalFlag = optional_flag("pass_identity_headers", "as at top level",
        "Tell the application who asks: the assertion and the headers of `jwt_claims_headers`.");
    SET_REQUEST_HEADERS: Map = map("set_request_headers", "",
        "Headers that the application gets; `$pomerium.jwt` is the assertion, `${pomerium.request.headers[\"X\"]}` a header of the client, `$$` a dollar sign.");
    REMOVE_REQUEST_HEADERS: Texts = texts("remove_request_headers", &[],
        "Headers of the client that the application does not get.");
    SET_RESPONSE_HEADERS: Map = map("set_response_headers", "",
        "Headers of the route's answers, on top of those at top level; `disable: true` turns all of them off.");
    _ = unread("rewrite_response_headers", Type::Tree(&[]), "",
        "Replace the beginning of a header of the answer.")
        .not_yet("let the application write its public address into the header");
    _ = unread("jwt_issuer_format", Type::Choice(&["IssuerHostOnly", "IssuerURI"]), "IssuerHostOnly",
        "Whether the issuer of the assertion is a host or a URL.")
        .not_yet("let the application expect the host alone");
}

const SNI: &str = "write the name that the certificate has into `to`";
const CLIENT_CERTIFICATE: &str =
    "let the application trust `X-Pomerium-Jwt-Assertion` in place of a certificate";
const BALANCE: &str = "name one application in `to`; a balancer may stand behind it";
const UPGRADES: &str =
    "let clients reach the application without Russet; upgrades are passed on as plain HTTP";
const DAY: u64 = 86_400;

family! {
    UPSTREAM_KEYS = "Route: the application", Scope::Route;

    TO: Tree = tree("to", &[],
        "The application: `http://` or `https://`, host, port; a path takes the place of the matched prefix.");
    TIMEOUT: Time = time("timeout", (1, DAY, Some("no end")), Duration::from_secs(30),
        "How long the application may take until its answer begins.");
    TLS_CUSTOM_CA: Text = text("tls_custom_ca", "",
        "Certificate authorities to trust for this application in place of the system's: PEM, or base64 of PEM.");
    TLS_CUSTOM_CA_FILE: File = file("tls_custom_ca_file", Content::Public,
        "The file of certificate authorities to trust for this application in place of the system's.");
    TLS_SKIP_VERIFY: Flag = flag("tls_skip_verify", false,
        "Do not check the application's certificate; whoever is on the way can be the application then.");
    REDIRECT: Tree = tree("redirect", &[],
        "Answer with a redirect.").not_yet("let an application answer it");
    RESPONSE: Tree = tree("response", &[],
        "Answer with a fixed text.").not_yet("let an application answer it");
    _ = unread("idle_timeout", Type::Duration { least: 1, most: DAY, zero: Some("no end") }, "",
        "How long a stream may be silent.")
        .not_yet("leave it out; silence of an application ends nothing");
    _ = unread("allow_websockets", Type::Bool, "false",
        "Let WebSockets through.").not_yet(UPGRADES);
    _ = unread("allow_spdy", Type::Bool, "false", "Let SPDY through.").not_yet(UPGRADES);
    _ = unread("allow_upgrades", Type::Texts, "", "Let other upgrades through.").not_yet(UPGRADES);
    _ = unread("tls_upstream_server_name", Type::Text, "",
        "The name to ask the application's certificate for.").not_yet(SNI);
    _ = unread("tls_server_name", Type::Text, "", "The same, under its older name.").not_yet(SNI);
    _ = unread("tls_downstream_server_name", Type::Text, "",
        "The name that clients ask for.").not_yet(SNI);
    _ = unread("tls_client_cert", Type::Text, "",
        "The certificate to show to the application.").not_yet(CLIENT_CERTIFICATE);
    _ = unread("tls_client_key", Type::Text, "",
        "Its private key.").not_yet(CLIENT_CERTIFICATE).secret();
    _ = unread("tls_client_cert_file", Type::Path, "",
        "The certificate to show to the application.").not_yet(CLIENT_CERTIFICATE);
    _ = unread("tls_client_key_file", Type::Path, "",
        "Its private key.").not_yet(CLIENT_CERTIFICATE);
    _ = unread("tls_upstream_allow_renegotiation", Type::Bool, "false",
        "Let the application renegotiate TLS.")
        .fixed("TLS 1.3 has no renegotiation, and TLS 1.2 is safe without");
    _ = unread("load_balancing_policy", Type::Choice(&["round_robin", "maglev", "random", "ring_hash", "least_request"]), "round_robin",
        "How to choose among several applications.").not_yet(BALANCE);
    _ = unread("health_checks", Type::Tree(&[]), "",
        "Ask applications whether they are well.").not_yet(BALANCE);
    _ = unread("healthy_panic_threshold", Type::Text, "",
        "When to use sick applications too.").ignored("there is one application for each route");
    _ = unread("outlier_detection", Type::Tree(&[]), "",
        "Leave out applications that fail.").not_yet(BALANCE);
    _ = unread("circuit_breaker_thresholds", Type::Tree(&[]), "",
        "Limits on connections and requests to the application.")
        .not_yet("leave it out; limit connections in the application");
    _ = unread("kubernetes_service_account_token", Type::Text, "",
        "Speak to Kubernetes in people's names.").not_yet("keep `kubectl` off Russet").secret();
    _ = unread("kubernetes_service_account_token_file", Type::Path, "",
        "Speak to Kubernetes in people's names.").not_yet("keep `kubectl` off Russet");
    _ = unread("enable_google_cloud_serverless_authentication", Type::Bool, "false",
        "Fetch tokens of Google's.")
        .fixed("Russet fetches no tokens of Google's; let the application trust `X-Pomerium-Jwt-Assertion`");
    _ = unread("mcp", Type::Tree(&[]), "",
        "An MCP server.").refused("leave it out; an MCP server is a route like any other");
    _ = unread("upstream_tunnel", Type::Tree(&[]), "",
        "An application that calls in by SSH.")
        .refused("let Russet reach the application by its address in `to`");
    _ = unread("session_recording", Type::Tree(&[]), "",
        "Record what people do.")
        .refused("Russet records no content; its log says who asked for what");
}

const CLIENT: &str = "use the client at top level for every route, or run a second Russet";

family! {
    PEOPLE_KEYS = "Route: other ways in", Scope::Route;

    _ = unread("idp_client_id", Type::Text, "",
        "Another Services ID for this route.").not_yet(CLIENT);
    _ = unread("idp_client_secret", Type::Text, "", "Its secret.").not_yet(CLIENT).secret();
    _ = unread("idp_access_token_allowed_audiences", Type::Texts, "",
        "Audiences of access tokens.")
        .ignored("nothing can be checked with Apple's access tokens");
    _ = unread("identity_providers", Type::Tree(&[]), "",
        "Other issuers whose tokens programs may bring.")
        .not_yet("leave it out; only people who sign in with Apple are let in");
    _ = unread("bearer_token_format", Type::Choice(&["default", "idp_access_token", "idp_identity_token", "jwt"]), "default",
        "What a bearer token of a program is taken for.")
        .not_yet("leave it out; bearer tokens are passed on to the application untouched");
    _ = unread("show_error_details", Type::Bool, "false",
        "Explain refusals to people.")
        .not_yet("leave it out; every refusal explains itself anyway");
}
