//! Keys of a route: what the application gets, and how it is reached.

use super::{Family, Key, Scope, Type, key};

pub(super) const HEADERS: Family =
    Family { title: "Route: headers", scope: Scope::Route, keys: HEADER_KEYS };

pub(super) const UPSTREAM: Family =
    Family { title: "Route: the application", scope: Scope::Route, keys: UPSTREAM_KEYS };

pub(super) const PEOPLE: Family =
    Family { title: "Route: other ways in", scope: Scope::Route, keys: PEOPLE_KEYS };

const HEADER_KEYS: &[Key] = &[
    key(
        "pass_identity_headers",
        Type::Bool,
        "as at top level",
        "Tell the application who asks: the assertion and the headers of `jwt_claims_headers`.",
    ),
    key(
        "set_request_headers",
        Type::Map,
        "",
        "Headers that the application gets; `$pomerium.jwt` is the assertion, `${pomerium.request.headers[\"X\"]}` a header of the client, `$$` a dollar sign.",
    ),
    key(
        "remove_request_headers",
        Type::Texts,
        "",
        "Headers of the client that the application does not get.",
    ),
    key(
        "set_response_headers",
        Type::Map,
        "",
        "Headers of the route's answers, on top of those at top level; `disable: true` turns all of them off.",
    ),
    key(
        "rewrite_response_headers",
        Type::Tree(&[]),
        "",
        "Replace the beginning of a header of the answer.",
    )
    .not_yet("let the application write its public address into the header"),
    key(
        "jwt_issuer_format",
        Type::Choice(&["IssuerHostOnly", "IssuerURI"]),
        "IssuerHostOnly",
        "Whether the issuer of the assertion is a host or a URL.",
    )
    .not_yet("let the application expect the host alone"),
];

const SNI: &str = "write the name that the certificate has into `to`";
const CLIENT_CERTIFICATE: &str =
    "let the application trust `X-Pomerium-Jwt-Assertion` in place of a certificate";
const BALANCE: &str = "name one application in `to`; a balancer may stand behind it";
const UPGRADES: &str = "give the application a way in beside Russet; upgrades go on as plain HTTP";
const DAY: u64 = 86_400;

const UPSTREAM_KEYS: &[Key] = &[
    key("to", Type::Tree(&[]), "",
        "The application: `http://` or `https://`, host, port; a path takes the place of the matched prefix."),
    key("timeout", Type::Duration { least: 1, most: DAY, zero: Some("no end") }, "30s",
        "How long the application may take until its answer begins."),
    key("tls_custom_ca", Type::Text, "",
        "Certificate authorities to trust for this application in place of the system's: PEM, or base64 of PEM."),
    key("tls_custom_ca_file", Type::Path, "",
        "The file of certificate authorities to trust for this application in place of the system's."),
    key("tls_skip_verify", Type::Bool, "false",
        "Do not check the application's certificate; whoever is on the way can be the application then."),
    key("redirect", Type::Tree(&[]), "", "Answer with a redirect.").not_yet("let an application answer it"),
    key("response", Type::Tree(&[]), "", "Answer with a fixed text.").not_yet("let an application answer it"),
    key("idle_timeout", Type::Duration { least: 1, most: DAY, zero: Some("no end") }, "",
        "How long a stream may be silent.").not_yet("leave it out; silence of an application ends nothing"),
    key("allow_websockets", Type::Bool, "false", "Let WebSockets through.").not_yet(UPGRADES),
    key("allow_spdy", Type::Bool, "false", "Let SPDY through.").not_yet(UPGRADES),
    key("allow_upgrades", Type::Texts, "", "Let other upgrades through.").not_yet(UPGRADES),
    key("tls_upstream_server_name", Type::Text, "", "The name to ask the application's certificate for.").not_yet(SNI),
    key("tls_server_name", Type::Text, "", "The same, under its older name.").not_yet(SNI),
    key("tls_downstream_server_name", Type::Text, "", "The name that clients ask for.").not_yet(SNI),
    key("tls_client_cert", Type::Text, "", "The certificate to show to the application.").not_yet(CLIENT_CERTIFICATE),
    key("tls_client_key", Type::Text, "", "Its private key.").not_yet(CLIENT_CERTIFICATE).secret(),
    key("tls_client_cert_file", Type::Path, "", "The certificate to show to the application.").not_yet(CLIENT_CERTIFICATE),
    key("tls_client_key_file", Type::Path, "", "Its private key.").not_yet(CLIENT_CERTIFICATE),
    key("tls_upstream_allow_renegotiation", Type::Bool, "false", "Let the application renegotiate TLS.")
        .fixed("TLS 1.3 has no renegotiation, and TLS 1.2 is safe without"),
    key("load_balancing_policy", Type::Choice(&["round_robin", "maglev", "random", "ring_hash", "least_request"]), "round_robin",
        "How to choose among several applications.").not_yet(BALANCE),
    key("health_checks", Type::Tree(&[]), "", "Ask applications whether they are well.").not_yet(BALANCE),
    key("healthy_panic_threshold", Type::Text, "", "When to use sick applications too.")
        .ignored("there is one application for each route"),
    key("outlier_detection", Type::Tree(&[]), "", "Leave out applications that fail.").not_yet(BALANCE),
    key("circuit_breaker_thresholds", Type::Tree(&[]), "", "Limits on connections and requests to the application.")
        .not_yet("leave it out; limit connections in the application"),
    key("kubernetes_service_account_token", Type::Text, "", "Speak to Kubernetes in people's names.")
        .not_yet("keep `kubectl` off Russet").secret(),
    key("kubernetes_service_account_token_file", Type::Path, "", "Speak to Kubernetes in people's names.")
        .not_yet("keep `kubectl` off Russet"),
    key("enable_google_cloud_serverless_authentication", Type::Bool, "false", "Fetch tokens of Google's.")
        .fixed("Russet fetches no tokens of Google's; let the application trust `X-Pomerium-Jwt-Assertion`"),
    key("mcp", Type::Tree(&[]), "", "An MCP server.").refused("leave it out; an MCP server is a route like any other"),
    key("upstream_tunnel", Type::Tree(&[]), "", "An application that calls in by SSH.").refused("let Russet reach the application by its address in `to`"),
    key("session_recording", Type::Tree(&[]), "", "Record what people do.").refused("Russet records no content; its log says who asked for what"),
];

const CLIENT: &str = "use the client at top level for every route, or run a second Russet";

const PEOPLE_KEYS: &[Key] = &[
    key("idp_client_id", Type::Text, "", "Another Services ID for this route.").not_yet(CLIENT),
    key("idp_client_secret", Type::Text, "", "Its secret.").not_yet(CLIENT).secret(),
    key("idp_access_token_allowed_audiences", Type::Texts, "", "Audiences of access tokens.")
        .ignored("Apple's access tokens are good for nothing that Russet could check"),
    key(
        "identity_providers",
        Type::Tree(&[]),
        "",
        "Other issuers whose tokens programs may bring.",
    )
    .not_yet("leave it out; only people who sign in with Apple are let in"),
    key(
        "bearer_token_format",
        Type::Choice(&["default", "idp_access_token", "idp_identity_token", "jwt"]),
        "default",
        "What a bearer token of a program is taken for.",
    )
    .not_yet("leave it out; bearer tokens are passed on to the application untouched"),
    key("show_error_details", Type::Bool, "false", "Explain refusals to people.")
        .not_yet("leave it out; every refusal explains itself anyway"),
];
