//! Keys of signing in and staying signed in.

use std::time::Duration;

use super::key::*;
use super::row::{Scope, Type};
use crate::session::SameSite;

family! {
    HOST_KEYS = "Where people sign in", Scope::Top;

    AUTHENTICATE_SERVICE_URL: Link = link("authenticate_service_url", "",
        "The host that people sign in at, `https://` and nothing after the host; without it the host of the only route serves.");
    AUTHENTICATE_CALLBACK_PATH: Text = text("authenticate_callback_path", "/oauth2/callback",
        "The path on that host that Apple returns people to; host and path together are the return URL to register with Apple.");
    SIGNOUT_REDIRECT_URL: Link = link("signout_redirect_url", "",
        "Where people land after signing out; without it on a page of Russet's.");
    _ = unread("authenticate_internal_service_url", Type::Url, "",
        "The name of that host inside a split installation.").ignored("Russet is one program");
}

family! {
    SESSION_KEYS = "Sessions, cookies and secrets", Scope::Top;

    SHARED_SECRET: Texts = texts("shared_secret", &[],
        "Seals links and tickets: base64 of 32 bytes, or several of which the first seals and all open; without it one is made and kept in `state_dir`.")
        .secret();
    SHARED_SECRET_FILE: File = file("shared_secret_file", Content::Secret,
        "The file that holds the shared secret, or several, one on each line.");
    COOKIE_SECRET: Texts = texts("cookie_secret", &[],
        "Seals cookies: base64 of 32 bytes, or several of which the first seals and all open; without it one is made and kept in `state_dir`.")
        .secret();
    COOKIE_SECRET_FILE: File = file("cookie_secret_file", Content::Secret,
        "The file that holds the cookie secret, or several, one on each line.");
    COOKIE_NAME: Text = text("cookie_name", "__Host-russet",
        "The name of the session cookie; `__Host-` is put in front unless `cookie_domain` is set.");
    COOKIE_DOMAIN: Text = text("cookie_domain", "",
        "A domain whose hosts share the session cookie; without it each host has its own, which is safer.");
    COOKIE_HTTP_ONLY: Flag = flag("cookie_http_only", true,
        "Whether scripts of the application are kept from the session cookie.");
    COOKIE_EXPIRE: Time = time("cookie_expire", (60, 31_536_000, None), Duration::from_secs(14 * 3_600),
        "How long a session lives, counted from the sign-in and never extended.");
    COOKIE_SAME_SITE: Word<SameSite> = word("cookie_same_site",
        &[("lax", SameSite::Lax), ("strict", SameSite::Strict), ("none", SameSite::None)], ("lax", SameSite::Lax),
        "Whether the session cookie goes along with requests that other sites begin.");
    _ = unread("cookie_secure", Type::Bool, "true",
        "Whether cookies are sent over https alone.")
        .fixed("cookies are always `Secure`; Pomerium has no such option any more either");
}
