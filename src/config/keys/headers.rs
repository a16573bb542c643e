//! Keys of headers, to the application and back.

use super::{Family, Key, Scope, Type, key};

pub(super) const FAMILY: Family =
    Family { title: "Identity and headers", scope: Scope::Top, keys: KEYS };

const KEYS: &[Key] = &[
    key("pass_identity_headers", Type::Bool, "false",
        "Tell applications who asks: the assertion and the headers of `jwt_claims_headers`; a route may say otherwise."),
    key("jwt_claims_headers", Type::Tree(&[]), "",
        "Claims to pass on, as a map of header to claim, or a list: `email` becomes `x-pomerium-claim-email`."),
    key("signing_key", Type::Text, "",
        "Signs the assertion: PEM or base64 of it, EC P-256 or RSA; of several the first signs and all are published; without it one is derived from `shared_secret`.").secret(),
    key("signing_key_file", Type::Path, "",
        "The file that holds the signing key or keys."),
    key("jwt_issuer_format", Type::Choice(&["IssuerHostOnly", "IssuerURI"]), "IssuerHostOnly",
        "Whether the issuer of the assertion is a host or a URL.")
        .not_yet("let the application expect the host alone"),
    key("set_response_headers", Type::Map, "X-Frame-Options, X-XSS-Protection, Strict-Transport-Security",
        "Headers of every answer; what is written replaces all defaults, and `disable: true` turns them off (the defaults hold HSTS only where a certificate is configured)."),
];
