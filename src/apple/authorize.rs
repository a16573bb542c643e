//! The address that a browser is sent to for signing in.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::settings::Settings;

/// The parameters that only we set; `idp_request_params` may name none of them.
pub const OWN_PARAMETERS: [&str; 9] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
];

/// Everything but the unreserved characters of RFC 3986 §2.3. A space becomes `%20`: Apple's own
/// devices ignore scopes that are joined by `+`.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The address at `endpoint` for one attempt with this `state` and this `nonce`.
pub(super) fn authorize_url(
    endpoint: &str,
    settings: &Settings,
    state: &str,
    nonce: &str,
) -> String {
    let scope = settings.scopes.join(" ");
    let own = [
        ("client_id", settings.client_id.as_str()),
        ("redirect_uri", &settings.redirect_uri),
        ("response_type", "code"),
        // Apple insists on it as soon as a scope is asked for.
        ("response_mode", "form_post"),
        ("scope", &scope),
        ("state", state),
        ("nonce", nonce),
    ];
    let further = settings.request_params.iter();
    // Security: the configuration refuses these names already; a parameter sent twice would let
    // Apple choose.
    let further = further.filter(|(name, _)| !OWN_PARAMETERS.contains(&name.as_str()));
    let all = own.into_iter().chain(further.map(|(name, value)| (name.as_str(), value.as_str())));
    let query: Vec<_> = all
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| {
            format!("{}={}", utf8_percent_encode(name, VALUE), utf8_percent_encode(value, VALUE))
        })
        .collect();
    format!("{endpoint}?{}", query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apple::testing::settings;

    const ENDPOINT: &str = "https://appleid.apple.com/auth/authorize";

    #[test]
    fn the_address_is_exactly_this() {
        assert_eq!(
            authorize_url(ENDPOINT, &settings("https://appleid.apple.com"), "st-at_e", "no.nc~e"),
            "https://appleid.apple.com/auth/authorize?client_id=com.example.wiki\
             &redirect_uri=https%3A%2F%2Fauth.example.com%2Foauth2%2Fcallback\
             &response_type=code&response_mode=form_post&scope=name%20email\
             &state=st-at_e&nonce=no.nc~e"
        );
    }

    #[test]
    fn everything_is_encoded_exactly_once() {
        let mut settings = settings("https://appleid.apple.com");
        settings.redirect_uri = "https://auth.example.com/a%20b+c?d=e&f".to_owned();
        settings.request_params = vec![("lo cale".to_owned(), "d\u{e4}=&+".to_owned())];
        let url = authorize_url(ENDPOINT, &settings, "s", "n");
        assert!(
            url.contains("redirect_uri=https%3A%2F%2Fauth.example.com%2Fa%2520b%2Bc%3Fd%3De%26f&")
        );
        assert!(url.ends_with("&nonce=n&lo%20cale=d%C3%A4%3D%26%2B"));
        assert!(!url.contains('+'));
    }

    #[test]
    fn failure_authorize_parameters_cannot_be_overridden() {
        let mut settings = settings("https://appleid.apple.com");
        let forged = OWN_PARAMETERS.iter().map(|name| ((*name).to_owned(), "forged".to_owned()));
        settings.request_params = forged.collect();
        let url = authorize_url(ENDPOINT, &settings, "s", "n");
        assert!(!url.contains("forged"));
        assert!(url.contains("response_mode=form_post"));
    }

    #[test]
    fn no_scopes_no_parameter() {
        let mut settings = settings("https://appleid.apple.com");
        settings.scopes.clear();
        assert!(!authorize_url(ENDPOINT, &settings, "s", "n").contains("scope"));
    }
}
