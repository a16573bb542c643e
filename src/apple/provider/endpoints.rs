//! Where Apple's endpoints are.

use url::Url;

use crate::wire::loopback::is_loopback_host;

/// The endpoints that follow from `idp_provider_url`.
#[derive(Debug)]
pub(super) struct Endpoints {
    pub(super) authorize: Url,
    pub(super) token: Url,
    pub(super) keys: Url,
}

impl Endpoints {
    /// The endpoints below `provider_url`; `None` where it may not be called.
    pub(super) fn below(provider_url: &str) -> Option<Self> {
        let base = Url::parse(provider_url).ok()?;
        let plain = base.query().is_none()
            && base.fragment().is_none()
            && base.username().is_empty()
            && base.password().is_none();
        let loopback = base.host_str().is_some_and(is_loopback_host);
        let safe = base.scheme() == "https" || (base.scheme() == "http" && loopback);
        if !plain || !safe || base.host().is_none() {
            return None;
        }
        let endpoint =
            |path: &str| Url::parse(&format!("{}{path}", provider_url.trim_end_matches('/'))).ok();
        Some(Self {
            authorize: endpoint("/auth/authorize")?,
            token: endpoint("/auth/token")?,
            keys: endpoint("/auth/keys")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_below_the_provider() {
        let apple = Endpoints::below("https://appleid.apple.com").unwrap();
        assert_eq!(apple.authorize.as_str(), "https://appleid.apple.com/auth/authorize");
        assert_eq!(apple.token.as_str(), "https://appleid.apple.com/auth/token");
        assert_eq!(apple.keys.as_str(), "https://appleid.apple.com/auth/keys");
        let staged = Endpoints::below("https://staging.example/apple").unwrap();
        assert_eq!(staged.keys.as_str(), "https://staging.example/apple/auth/keys");
    }

    #[test]
    fn t69_credentials_go_over_tls_or_stay_on_this_machine() {
        for url in ["http://127.0.0.1:1", "http://[::1]:1", "http://apple.localhost:1"] {
            assert!(Endpoints::below(url).is_some(), "{url}");
        }
        for url in [
            "http://appleid.apple.com",
            "http://10.0.0.1",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "ftp://appleid.apple.com",
            "file:///etc",
            "https://user@appleid.apple.com",
            "https://:pass@appleid.apple.com",
            "https://appleid.apple.com?x",
            "https://appleid.apple.com#x",
            "appleid.apple.com",
            "",
        ] {
            assert!(Endpoints::below(url).is_none(), "{url}");
        }
    }
}
