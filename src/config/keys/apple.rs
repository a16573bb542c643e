//! Keys of the identity provider.

use super::{Family, Key, Scope, Type, key};

pub(super) const FAMILY: Family = Family { title: "Apple", scope: Scope::Top, keys: KEYS };

const KEYS: &[Key] = &[
    key("idp_provider", Type::Choice(&["apple"]), "apple",
        "The identity provider; Russet is for Sign in with Apple alone."),
    key("idp_client_id", Type::Text, "",
        "The Services ID that Apple knows this installation by (never the App ID)."),
    key("idp_team_id", Type::Text, "",
        "The Team ID of the developer account: ten characters, from the membership page.").ours(),
    key("idp_key_id", Type::Text, "",
        "The Key ID of the private key: ten characters, from the keys page and the file's name.").ours(),
    key("idp_private_key", Type::Text, "",
        "The content of the `.p8` file from Apple; Russet makes its client secrets from it.").ours().secret(),
    key("idp_private_key_file", Type::Path, "",
        "The `.p8` file from Apple; Russet makes its client secrets from it.").ours(),
    key("idp_client_secret", Type::Text, "",
        "A client secret made elsewhere; it dies within six months, so prefer the private key, which wins where both are there.").secret(),
    key("idp_client_secret_file", Type::Path, "",
        "The file that holds the client secret made elsewhere."),
    key("idp_provider_url", Type::Url, "https://appleid.apple.com",
        "Where the provider is; any other value means that it is not Apple (a fake one for tests), which is said loudly everywhere."),
    key("idp_scopes", Type::Texts, "name, email",
        "What to ask Apple for; without `email` no rule on addresses or domains can match."),
    key("idp_request_params", Type::Map, "",
        "Further parameters of Apple's authorize page; none of those that Russet sends itself."),
    key("apple_domain_association", Type::Text, "",
        "The content of the file by which Apple checks that a domain is yours, served at `/.well-known/apple-developer-domain-association.txt`.").ours(),
    key("apple_domain_association_file", Type::Path, "",
        "The file by which Apple checks that a domain is yours.").ours(),
    key("idp_notification_audiences", Type::Texts, "",
        "The App IDs whose notifications to believe.")
        .not_yet("leave it out; notifications from Apple are not taken yet"),
    key("idp_access_token_allowed_audiences", Type::Texts, "",
        "Audiences of access tokens.")
        .ignored("Apple's access tokens are good for nothing that Russet could check"),
    key("identity_providers", Type::Tree(&[]), "",
        "Other issuers whose tokens programs may bring.")
        .not_yet("leave it out; only people who sign in with Apple are let in"),
    key("bearer_token_format", Type::Choice(&["default", "idp_access_token", "idp_identity_token", "jwt"]), "default",
        "What a bearer token of a program is taken for; by default it is the application's own and passed on.")
        .not_yet("leave it out; bearer tokens are passed on to the application untouched"),
    key("programmatic_redirect_domain_whitelist", Type::Texts, "localhost",
        "Hosts that a sign-in of a program may end at.")
        .not_yet("leave it out; programs cannot begin a sign-in yet"),
    key("google_cloud_serverless_authentication_service_account", Type::Text, "",
        "A service account of Google's.")
        .refused("Russet fetches no tokens of Google's; let the application trust `X-Pomerium-Jwt-Assertion`").secret(),
];
