//! Keys of the identity provider.

use super::key::*;
use super::row::{Scope, Type};
use crate::apple::APPLE;

/// What Apple is asked for where `idp_scopes` is not written.
pub(in crate::config) const SCOPES: [&str; 2] = ["name", "email"];

family! {
    FAMILY = "Apple", Scope::Top;

    _ = checked("idp_provider", Type::Choice(&["apple"]), "apple",
        "The identity provider; Russet is for Sign in with Apple alone.");
    IDP_CLIENT_ID: Text = text("idp_client_id", "",
        "The Services ID that Apple knows this installation by (never the App ID).");
    IDP_TEAM_ID: Text = text("idp_team_id", "",
        "The Team ID of the developer account: ten characters, from the membership page.").ours();
    IDP_KEY_ID: Text = text("idp_key_id", "",
        "The Key ID of the private key: ten characters, from the keys page and the file's name.")
        .ours();
    IDP_PRIVATE_KEY: Text = text("idp_private_key", "",
        "The content of the `.p8` file from Apple; Russet makes its client secrets from it.")
        .ours().secret();
    IDP_PRIVATE_KEY_FILE: File = file("idp_private_key_file", Content::Secret,
        "The `.p8` file from Apple; Russet makes its client secrets from it.").ours();
    IDP_CLIENT_SECRET: Text = text("idp_client_secret", "",
        "A client secret made elsewhere; it dies within six months, so prefer the private key, which wins where both are there.")
        .secret();
    IDP_CLIENT_SECRET_FILE: File = file("idp_client_secret_file", Content::Secret,
        "The file that holds the client secret made elsewhere.");
    IDP_PROVIDER_URL: Link = link("idp_provider_url", APPLE,
        "Where the provider is; any other value means that it is not Apple (a fake one for tests), which is said loudly everywhere.");
    IDP_SCOPES: Texts = texts("idp_scopes", &SCOPES,
        "What to ask Apple for; without `email` no rule on addresses or domains can match.");
    IDP_REQUEST_PARAMS: Map = map("idp_request_params", "",
        "Further parameters of Apple's authorize page; none of those that Russet sends itself.");
    APPLE_DOMAIN_ASSOCIATION: Text = text("apple_domain_association", "",
        "The content of the file by which Apple checks that a domain is yours, served at `/.well-known/apple-developer-domain-association.txt`.")
        .ours();
    APPLE_DOMAIN_ASSOCIATION_FILE: File = file("apple_domain_association_file", Content::Public,
        "The file by which Apple checks that a domain is yours.").ours();
    _ = unread("idp_notification_audiences", Type::Texts, "",
        "The App IDs whose notifications to believe.")
        .not_yet("leave it out; notifications from Apple are not taken yet");
    _ = unread("idp_access_token_allowed_audiences", Type::Texts, "",
        "Audiences of access tokens.")
        .ignored("nothing can be checked with Apple's access tokens");
    _ = unread("identity_providers", Type::Tree(&[]), "",
        "Other issuers whose tokens programs may bring.")
        .not_yet("leave it out; only people who sign in with Apple are let in");
    _ = unread("bearer_token_format", Type::Choice(&["default", "idp_access_token", "idp_identity_token", "jwt"]), "default",
        "What a bearer token of a program is taken for; by default it is the application's own and passed on.")
        .not_yet("leave it out; bearer tokens are passed on to the application untouched");
    _ = unread("programmatic_redirect_domain_whitelist", Type::Texts, "localhost",
        "Hosts that a sign-in of a program may end at.")
        .not_yet("leave it out; programs cannot begin a sign-in yet");
    _ = unread("google_cloud_serverless_authentication_service_account", Type::Text, "",
        "A service account of Google's.")
        .refused("Russet fetches no tokens of Google's; let the application trust `X-Pomerium-Jwt-Assertion`").secret();
}
