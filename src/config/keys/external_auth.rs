//! Keys of external auth: deciding for other proxies.

use super::key::*;
use super::row::Scope;

family! {
    FAMILY = "External auth", Scope::Top;

    EXTERNAL_AUTH: Tree = tree("external_auth", &[],
        "Decide for nginx, Traefik, Caddy, HAProxy or Envoy; a map of the keys below (docs/external-auth/).")
        .ours();
}

family! {
    FIELD_KEYS = "External auth: its keys", Scope::ExternalAuth;

    TRUSTED_PEERS: Tree = tree("trusted_peers", &[],
        "Who may ask: addresses, networks, and `{header: NAME, secret_file: FILE}` for a header that only your proxy knows.")
        .ours();
    OAUTH2_PROXY_COMPAT: Flag = flag("oauth2_proxy_compat", false,
        "Serve the endpoints of oauth2-proxy too.").ours();
    GRPC_ADDRESS: OptionalListen = optional_listen("grpc_address",
        "Where to answer `envoy.service.auth.v3.Authorization` over gRPC: with the certificates of `address`, or plain HTTP/2 on loopback and with `insecure_server`.")
        .ours();
}

family! {
    PEER_KEYS = "External auth: a trusted peer by header", Scope::TrustedPeer;

    HEADER: Text = text("header", "",
        "The header that only your proxy knows.").ours();
    SECRET_FILE: File = file("secret_file", Content::Secret,
        "The file that holds what your proxy writes into it: one line of at least 16 visible characters.").ours();
}
