//! Redeeming a code at the token endpoint. Once: a code that was sent may be spent, whatever came
//! back, so nothing here is ever tried again.
//!
//! Security: credentials go into the body of the one pinned endpoint (T69). What an error says has
//! no code, no client secret and no token in it, even where the answer repeats them.

use std::fmt;

use http::StatusCode;
use serde_json::{Map, Value};
use url::Url;

use super::client::{Answer, CallError, Client};
use super::client_secret::{Inspection, inspect};
use super::json;
use super::settings::Settings;
use super::shown::{shown, shown_without};
use crate::base::secret::Secret;
use crate::base::time::Timestamp;

/// How far two clocks differ before that is worth a word.
pub(super) const NOTEWORTHY_SKEW_SECONDS: i64 = 30;

/// What a code was worth.
#[derive(Debug)]
pub(super) struct TokenAnswer {
    /// Not checked yet.
    pub(super) id_token: Secret,
    pub(super) access_token: Secret,
    pub(super) refresh_token: Option<Secret>,
}

/// Why a code brought no tokens.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The code is expired, used, or was given to another client or for another address.
    #[error(
        "Apple refused the code (invalid_grant: {description}); we sent redirect_uri {redirect_uri} and client_id {client_id}"
    )]
    InvalidGrant {
        /// Apple's words, escaped.
        description: String,
        /// As we sent it.
        redirect_uri: String,
        /// As we sent it.
        client_id: String,
    },
    /// The client secret is not accepted.
    #[error(transparent)]
    InvalidClient(Box<ClientRefused>),
    /// Another error of OAuth.
    #[error(
        "Apple refused the request ({error}: {description}); we sent redirect_uri {redirect_uri} and client_id {client_id}"
    )]
    Refused {
        /// The `error`, escaped.
        error: String,
        /// Apple's words, escaped.
        description: String,
        /// As we sent it.
        redirect_uri: String,
        /// As we sent it.
        client_id: String,
    },
    /// No answer.
    #[error("Apple's token endpoint did not answer: {0}")]
    Unanswered(#[from] CallError),
    /// An answer that no token endpoint gives.
    #[error("Apple's token endpoint answered with status {status}: {what}")]
    Unexpected {
        /// The status.
        status: u16,
        /// What is odd: the first 200 bytes, or words where tokens could stand in them.
        what: String,
    },
    /// A success without an id_token, as in March 2021.
    #[error("Apple's token endpoint answered without an id_token")]
    MissingIdToken,
}

/// Everything an operator needs to find out why Apple does not know us.
#[derive(Debug, thiserror::Error)]
pub struct ClientRefused {
    /// What stands in the client secret that was sent.
    pub secret: Inspection,
    /// Apple's words, escaped.
    pub description: String,
    /// This machine's clock when the answer came.
    pub local_time: Timestamp,
    /// Apple's, where the answer has it.
    pub apple_time: Option<Timestamp>,
}

impl ClientRefused {
    /// Seconds that this machine's clock is ahead of Apple's.
    pub fn ahead_seconds(&self) -> Option<i64> {
        Some(self.local_time.seconds_since(self.apple_time?))
    }
}

impl fmt::Display for ClientRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Apple refused the client secret (invalid_client: {}). ", self.description)?;
        write!(f, "Sent: {}. Here it is {}, ", self.secret, self.local_time)?;
        match (self.apple_time, self.ahead_seconds()) {
            (Some(apple), Some(ahead)) => {
                write!(f, "at Apple {apple}: we are {ahead} s ahead. ")?;
            }
            _ => f.write_str("Apple did not tell its time. ")?,
        }
        for problem in &self.secret.problems {
            write!(f, "In the secret: {problem}. ")?;
        }
        if self.ahead_seconds().is_some_and(|ahead| ahead.abs() > NOTEWORTHY_SKEW_SECONDS) {
            f.write_str("Set this machine's clock. ")?;
        }
        f.write_str(
            "Compare Team ID, Key ID and Services ID with Apple's pages; the key must be made for \
             the primary App ID of this Services ID, with Sign in with Apple ticked, and not be \
             revoked. If it fails only sometimes, one replica has another key or another clock",
        )
    }
}

/// Redeems `code`. Whatever comes back is read by [`read`].
pub(super) async fn redeem(
    client: &Client,
    url: Url,
    settings: &Settings,
    client_secret: &Secret,
    code: &Secret,
) -> Result<Answer, TokenError> {
    // Invariant: both were text before they became secrets.
    let text = |secret: &Secret| secret.expose_str().map(str::to_owned).unwrap_or_default();
    let fields = [
        ("client_id", settings.client_id.as_str()),
        ("client_secret", &text(client_secret)),
        ("grant_type", "authorization_code"),
        ("code", &text(code)),
        ("redirect_uri", &settings.redirect_uri),
    ];
    Ok(client.post_form(url, &fields).await?)
}

/// Reads the answer to [`redeem`] at the moment `now`.
pub(super) fn read(
    answer: &Answer,
    settings: &Settings,
    client_secret: &Secret,
    code: &Secret,
    now: Timestamp,
) -> Result<TokenAnswer, TokenError> {
    let members = json::read_object(&answer.body);
    let sent = [code.expose_str(), client_secret.expose_str()].map(Option::unwrap_or_default);
    if answer.status == StatusCode::OK {
        return members.map_or_else(|| Err(unexpected(answer, &sent)), |members| tokens(&members));
    }
    let text = |name: &str| members.as_ref()?.get(name)?.as_str();
    let refused = answer.status.is_client_error() && answer.status != StatusCode::TOO_MANY_REQUESTS;
    let Some(error) = text("error").filter(|_| refused) else {
        return Err(unexpected(answer, &sent));
    };
    let description = text("error_description").unwrap_or("no description");
    let description = shown_without(description.as_bytes(), &sent);
    let (redirect_uri, client_id) = (settings.redirect_uri.clone(), settings.client_id.clone());
    Err(match error {
        "invalid_grant" => TokenError::InvalidGrant { description, redirect_uri, client_id },
        "invalid_client" => {
            let secret = client_secret.expose_str().unwrap_or_default();
            let secret = inspect(secret, &settings.provider_url, now);
            let (local_time, apple_time) = (now, answer.date);
            let refused = ClientRefused { secret, description, local_time, apple_time };
            TokenError::InvalidClient(Box::new(refused))
        }
        error => {
            let error = shown(error);
            TokenError::Refused { error, description, redirect_uri, client_id }
        }
    })
}

fn tokens(members: &Map<String, Value>) -> Result<TokenAnswer, TokenError> {
    let odd = |what: &str| TokenError::Unexpected { status: 200, what: what.to_owned() };
    let secret = |name: &str| {
        let text = members.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(Secret::new)
    };
    let id_token = secret("id_token").ok_or(TokenError::MissingIdToken)?;
    let kind = members.get("token_type").and_then(Value::as_str);
    if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")) {
        return Err(odd("`token_type` is not Bearer"));
    }
    let access_token = secret("access_token").ok_or_else(|| odd("`access_token` is missing"))?;
    Ok(TokenAnswer { id_token, access_token, refresh_token: secret("refresh_token") })
}

/// Security: a success that cannot be read may be half of one, with tokens in it; so its words are
/// never repeated.
fn unexpected(answer: &Answer, sent: &[&str]) -> TokenError {
    let what = if answer.status.is_success() && answer.body.trim_ascii_start().starts_with(b"{") {
        "JSON that cannot be read (not shown, for there may be tokens in it)".to_owned()
    } else if answer.body.is_empty() {
        "nothing".to_owned()
    } else {
        format!("\"{}\"", shown_without(&answer.body, sent))
    };
    TokenError::Unexpected { status: answer.status.as_u16(), what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apple::client_secret::mint;
    use crate::apple::testing::{CLIENT_ID, ISSUER, NOW, key_identity, settings};
    use serde_json::json;

    const CODE: &str = "c0de1234.0.abcd";

    fn client_secret() -> Secret {
        mint(&key_identity(), CLIENT_ID, ISSUER, NOW, Timestamp(NOW.0 + 300)).unwrap()
    }

    fn read_with(
        status: u16,
        body: &str,
        date: Option<Timestamp>,
    ) -> Result<TokenAnswer, TokenError> {
        let status = StatusCode::from_u16(status).unwrap();
        let answer = Answer { status, date, body: body.into() };
        read(&answer, &settings(ISSUER), &client_secret(), &Secret::new(CODE), NOW)
    }

    fn failure(status: u16, body: &Value) -> TokenError {
        read_with(status, &body.to_string(), None).unwrap_err()
    }

    #[test]
    fn a_success_gives_its_tokens() {
        let body = json!({
            "access_token": "a.0.x", "token_type": "bearer", "expires_in": 3600,
            "refresh_token": "r.0.x", "id_token": "i.i.i", "new": {"thing": 1},
        });
        let answer = read_with(200, &body.to_string(), None).unwrap();
        assert_eq!(answer.id_token.expose(), b"i.i.i");
        assert_eq!(answer.access_token.expose(), b"a.0.x");
        assert_eq!(answer.refresh_token.as_ref().unwrap().expose(), b"r.0.x");
        assert!(!format!("{answer:?}").contains("i.i"));
        let body = json!({"access_token": "a", "token_type": "Bearer", "id_token": "i"});
        assert!(read_with(200, &body.to_string(), None).unwrap().refresh_token.is_none());
    }

    #[test]
    fn failure_token_missing_id_token() {
        for id_token in [json!(null), json!(""), json!(5), json!(["x"])] {
            let body = json!({"access_token": "a", "token_type": "Bearer", "id_token": id_token});
            assert!(matches!(failure(200, &body), TokenError::MissingIdToken));
        }
        let body = json!({"access_token": "a", "token_type": "Bearer"});
        assert!(matches!(failure(200, &body), TokenError::MissingIdToken));
    }

    #[test]
    fn a_success_that_is_none_is_not_repeated() {
        for body in [
            r#"{"access_token":"s3cret","token_type":"Bearer","id_token":"s3cret"#,
            r#"{"access_token":"s3cret","access_token":"s3cret","token_type":"Bearer","id_token":"x"}"#,
            r#"{"access_token":"s3cret","token_type":"mac","id_token":"s3cret"}"#,
            r#"{"access_token":"s3cret","id_token":"s3cret"}"#,
            r#"{"token_type":"Bearer","id_token":"s3cret"}"#,
        ] {
            let error = read_with(200, body, None).unwrap_err();
            assert!(matches!(error, TokenError::Unexpected { status: 200, .. }), "{error:?}");
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        }
        let error = read_with(200, "<html>\n<b>maintenance", None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Apple's token endpoint answered with status 200: \"<html>\\n<b>maintenance\""
        );
    }

    #[test]
    fn failure_token_invalid_client_always() {
        let error = failure(400, &json!({"error": "invalid_client"}));
        let said = error.to_string();
        for fact in [
            "kid ABC123DEFG",
            "iss TEAM123456",
            "sub com.example.wiki",
            "aud https://appleid.apple.com",
            "iat 2027-01-15T07:59:00Z",
            "exp 2027-01-15T08:05:00Z",
        ] {
            assert!(said.contains(fact), "{fact}: {said}");
        }
        let secret = client_secret();
        let signature = secret.expose_str().unwrap().rsplit('.').next().unwrap();
        assert!(!format!("{said} {error:?}").contains(signature));
        assert!(matches!(
            failure(401, &json!({"error": "invalid_client"})),
            TokenError::InvalidClient(_)
        ));
    }

    #[test]
    fn failure_token_invalid_client_sometimes() {
        let body = json!({"error": "invalid_client"}).to_string();
        let said = |date| read_with(400, &body, date).unwrap_err().to_string();
        let ahead = said(Some(Timestamp(NOW.0 - 90)));
        assert!(ahead.contains("Here it is 2027-01-15T08:00:00Z, at Apple 2027-01-15T07:58:30Z: we are 90 s ahead. Set this machine's clock."), "{ahead}");
        let level = said(Some(NOW));
        assert!(level.contains("we are 0 s ahead. Compare"), "{level}");
        assert!(level.contains("one replica has another key"), "{level}");
        assert!(said(None).contains("Apple did not tell its time"));
    }

    #[test]
    fn failure_token_invalid_client_after_months() {
        let old = mint(&key_identity(), CLIENT_ID, ISSUER, Timestamp(NOW.0 - 86_400), NOW).unwrap();
        let body = json!({"error": "invalid_client"}).to_string().into();
        let answer = Answer { status: StatusCode::BAD_REQUEST, date: None, body };
        let error = read(&answer, &settings(ISSUER), &old, &Secret::new(CODE), NOW).unwrap_err();
        let said = error.to_string();
        assert!(said.contains("In the secret: it expired at 2027-01-15T08:00:00Z"), "{said}");
        assert!(said.contains("not be revoked"), "{said}");
    }

    #[test]
    fn failure_token_invalid_grant_code_used() {
        let description = format!("The code {CODE} has already been used.");
        let error =
            failure(400, &json!({"error": "invalid_grant", "error_description": description}));
        let said = error.to_string();
        assert!(matches!(error, TokenError::InvalidGrant { .. }));
        assert!(
            said.contains("invalid_grant: The code [removed] has already been used."),
            "{said}"
        );
    }

    #[test]
    fn failure_token_invalid_grant_redirect_uri_mismatch() {
        let description = "redirect_uri mismatch. The code was not issued to https://x.test/cb.";
        let error =
            failure(400, &json!({"error": "invalid_grant", "error_description": description}));
        let said = error.to_string();
        assert!(said.contains("not issued to https://x.test/cb."), "{said}");
        assert!(
            said.contains("we sent redirect_uri https://auth.example.com/oauth2/callback"),
            "{said}"
        );
    }

    #[test]
    fn failure_token_invalid_grant_client_id_mismatch() {
        let description = "client_id mismatch. The code was not issued to com.example.wiki.";
        let error =
            failure(400, &json!({"error": "invalid_grant", "error_description": description}));
        assert!(error.to_string().ends_with("and client_id com.example.wiki"), "{error}");
    }

    #[test]
    fn other_errors_are_told_escaped() {
        let body = json!({"error": "invalid_\nscope", "error_description": "\u{1b}[2J"});
        let said = failure(400, &body).to_string();
        assert!(said.contains("(invalid_\\nscope: \\u{1b}[2J)"), "{said}");
        for body in [json!({"error": 5}), json!(["error"]), json!({})] {
            assert!(matches!(failure(400, &body), TokenError::Unexpected { status: 400, .. }));
        }
    }

    #[test]
    fn failure_token_timeout_5xx_or_html() {
        for status in [429, 500, 502, 503, 301, 307, 201, 204] {
            let error = failure(status, &json!({"error": "invalid_grant"}));
            assert!(matches!(error, TokenError::Unexpected { .. }), "{status}");
        }
        let page = format!(
            "<html>\r\n{} {CODE}{}",
            client_secret().expose_str().unwrap(),
            "x".repeat(999)
        );
        let said = read_with(502, &page, None).unwrap_err().to_string();
        assert!(said.contains("status 502: \"<html>\\r\\n"), "{said}");
        assert!(!said.contains(CODE) && said.len() < 300, "{said}");
    }
}
