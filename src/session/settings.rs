//! What the session floor wants to know; the configuration lowers into it.

use std::time::Duration;

use crate::base::seal::Ring;

/// How sessions are kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How the session cookie looks.
    pub cookie: CookieSettings,
    /// `cookie_expire`: how long a session lives, counted from sign-in, never extended. Default 14 h.
    pub lifetime: Duration,
    /// `cookie_secret`: seals attempts and sessions. `None`: made once and kept in `state_dir`.
    pub cookie_secret: Option<Ring>,
    /// `shared_secret`: seals links and tickets. `None`: made once and kept in `state_dir`.
    pub shared_secret: Option<Ring>,
}

/// How the session cookie looks.
#[derive(Clone, Debug)]
pub struct CookieSettings {
    /// The whole name, its `__Host-` prefix included. Default `__Host-russet`.
    pub name: String,
    /// `cookie_domain`, lower case, without a leading dot; `None` for a host-only cookie.
    pub domain: Option<String>,
    /// `cookie_http_only`, default true.
    pub http_only: bool,
    /// `cookie_same_site`, default lax.
    pub same_site: SameSite,
}

impl Default for Settings {
    /// What holds where a configuration says nothing; no secrets.
    fn default() -> Self {
        Self {
            cookie: CookieSettings::default(),
            // As in Pomerium.
            lifetime: Duration::from_secs(14 * 3600),
            cookie_secret: None,
            shared_secret: None,
        }
    }
}

impl Default for CookieSettings {
    fn default() -> Self {
        Self {
            name: "__Host-russet".to_owned(),
            domain: None,
            http_only: true,
            same_site: SameSite::Lax,
        }
    }
}

/// The `SameSite` attribute of the session cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Sent on navigations from elsewhere; the default.
    Lax,
    /// Never sent on anything that another site began.
    Strict,
    /// Always sent.
    None,
}
