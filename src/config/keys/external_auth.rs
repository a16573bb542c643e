//! Keys of external auth: deciding for other proxies.

use super::{Family, Key, Scope, Type, key};

pub(super) const FAMILY: Family = Family { title: "External auth", scope: Scope::Top, keys: KEYS };

pub(super) const FIELDS: Family =
    Family { title: "External auth: its keys", scope: Scope::ExternalAuth, keys: FIELD_KEYS };

const KEYS: &[Key] = &[key(
    "external_auth",
    Type::Tree(&[]),
    "",
    "Decide for nginx, Traefik, Caddy, HAProxy or Envoy; a map of the keys below (docs/external-auth/).",
)
.ours()];

const FIELD_KEYS: &[Key] = &[
    key("trusted_peers", Type::Tree(&[]), "",
        "Who may ask: addresses, networks, and `{header: NAME, secret_file: FILE}` for a header that only your proxy knows.").ours(),
    key("oauth2_proxy_compat", Type::Bool, "false",
        "Serve the endpoints of oauth2-proxy too.").ours(),
    key("grpc_address", Type::Address, "",
        "Where to answer `envoy.service.auth.v3.Authorization` over gRPC: with the certificates of `address`, or plain HTTP/2 on loopback and with `insecure_server`.").ours(),
];
