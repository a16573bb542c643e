//! Keys of signing in and staying signed in.

use super::{Family, Key, Scope, Type, key};

pub(super) const HOSTS: Family =
    Family { title: "Where people sign in", scope: Scope::Top, keys: HOST_KEYS };

pub(super) const SESSIONS: Family =
    Family { title: "Sessions, cookies and secrets", scope: Scope::Top, keys: SESSION_KEYS };

const HOST_KEYS: &[Key] = &[
    key(
        "authenticate_service_url",
        Type::Url,
        "",
        "The host that people sign in at, `https://` and nothing after the host; without it the host of the only route serves.",
    ),
    key(
        "authenticate_callback_path",
        Type::Text,
        "/oauth2/callback",
        "The path on that host that Apple returns people to; host and path together are the return URL to register with Apple.",
    ),
    key(
        "signout_redirect_url",
        Type::Url,
        "",
        "Where people land after signing out; without it on a page of Russet's.",
    ),
    key(
        "authenticate_internal_service_url",
        Type::Url,
        "",
        "The name of that host inside a split installation.",
    )
    .ignored("Russet is one program"),
];

const SESSION_KEYS: &[Key] = &[
    key("shared_secret", Type::Texts, "",
        "Seals links and tickets: base64 of 32 bytes, or several of which the first seals and all open; without it one is made and kept in `state_dir`.").secret(),
    key("shared_secret_file", Type::Path, "",
        "The file that holds the shared secret, or several, one on each line."),
    key("cookie_secret", Type::Texts, "",
        "Seals cookies: base64 of 32 bytes, or several of which the first seals and all open; without it one is made and kept in `state_dir`.").secret(),
    key("cookie_secret_file", Type::Path, "",
        "The file that holds the cookie secret, or several, one on each line."),
    key("cookie_name", Type::Text, "__Host-russet",
        "The name of the session cookie; `__Host-` is put in front unless `cookie_domain` is set."),
    key("cookie_domain", Type::Text, "",
        "A domain whose hosts share the session cookie; without it each host has its own, which is safer."),
    key("cookie_http_only", Type::Bool, "true",
        "Whether scripts of the application are kept from the session cookie."),
    key("cookie_expire", Type::Duration { least: 60, most: 31_536_000, zero: None }, "14h",
        "How long a session lives, counted from the sign-in and never extended."),
    key("cookie_same_site", Type::Choice(&["lax", "strict", "none"]), "lax",
        "Whether the session cookie goes along with requests that other sites begin."),
    key("cookie_secure", Type::Bool, "true",
        "Whether cookies are sent over https alone.")
        .fixed("cookies are always `Secure`; Pomerium has no such option any more either"),
];
