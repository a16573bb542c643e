//! Keys of headers, to the application and back.

use super::key::*;
use super::row::{Scope, Type};

family! {
    FAMILY = "Identity and headers", Scope::Top;

    PASS_IDENTITY_HEADERS: Flag = flag("pass_identity_headers", false,
        "Tell applications who asks: the assertion and the headers of `jwt_claims_headers`; a route may say otherwise.");
    JWT_CLAIMS_HEADERS: Tree = tree("jwt_claims_headers", &[],
        "Claims to pass on, as a map of header to claim, or a list: `email` becomes `x-pomerium-claim-email`.");
    SIGNING_KEY: Text = text("signing_key", "",
        "Signs the assertion: PEM or base64 of it, EC P-256 or RSA; of several the first signs and all are published; without it one is derived from `shared_secret`.")
        .secret();
    SIGNING_KEY_FILE: File = file("signing_key_file", Content::Secret,
        "The file that holds the signing key or keys.");
    _ = unread("jwt_issuer_format", Type::Choice(&["IssuerHostOnly", "IssuerURI"]), "IssuerHostOnly",
        "Whether the issuer of the assertion is a host or a URL.")
        .not_yet("let the application expect the host alone");
    SET_RESPONSE_HEADERS: Map = map("set_response_headers", "X-Frame-Options, X-XSS-Protection, Strict-Transport-Security",
        "Headers of every answer; what is written replaces all defaults, and `disable: true` turns them off (the defaults hold HSTS only where a certificate is configured).");
}
