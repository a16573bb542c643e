//! Token and revoke: what a server asks Apple. Nothing is forgiven here.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::Full;
use serde_json::json;

use super::books::{Account, InvalidGrant};
use super::client_secret;
use super::form::{Form, FormError};
use super::id_token::IdToken;
use super::reply;
use super::settings::Client;
use super::state::Apple;
use crate::base::time::Timestamp;

/// How long an access token is said to be good for.
const ACCESS_TOKEN_SECONDS: u32 = 3_600;

/// An error of the protocol, and for the log what Apple does not tell.
struct Refusal {
    error: &'static str,
    description: Option<String>,
    reason: String,
}

impl Refusal {
    /// Apple says the error alone.
    fn bare(error: &'static str, reason: impl Into<String>) -> Self {
        Self { error, description: None, reason: reason.into() }
    }

    /// Apple says why.
    fn told(error: &'static str, description: impl Into<String>) -> Self {
        let description = description.into();
        Self { error, reason: description.clone(), description: Some(description) }
    }
}

impl From<InvalidGrant> for Refusal {
    fn from(InvalidGrant(description): InvalidGrant) -> Self {
        Self::told("invalid_grant", description)
    }
}

/// `POST /auth/token`
pub(super) fn token(apple: &Apple, head: &Parts, body: &str) -> Response<Full<Bytes>> {
    answer(apple, "token", try_token(apple, head, body))
}

/// `POST /auth/revoke`
pub(super) fn revoke(apple: &Apple, head: &Parts, body: &str) -> Response<Full<Bytes>> {
    answer(apple, "revoke", try_revoke(apple, head, body))
}

fn answer(
    apple: &Apple,
    what: &'static str,
    result: Result<Response<Full<Bytes>>, Refusal>,
) -> Response<Full<Bytes>> {
    result.unwrap_or_else(|refusal| {
        apple.meter.refused(what, refusal.error, refusal.reason);
        reply::error(refusal.error, refusal.description.as_deref())
    })
}

fn try_token(apple: &Apple, head: &Parts, body: &str) -> Result<Response<Full<Bytes>>, Refusal> {
    let form = read_form(head, body)?;
    let own: &[&str] = match required(&form, "grant_type")? {
        "authorization_code" => &["code", "redirect_uri", "code_verifier"],
        "refresh_token" => &["refresh_token"],
        "client_credentials" => {
            let reason = "this fake migrates no users, which is what that grant is for";
            return Err(Refusal::bare("unauthorized_client", reason));
        }
        other => return Err(Refusal::bare("unsupported_grant_type", format!("{other:?}"))),
    };
    only_known(&form, &["grant_type"], own)?;
    let now = apple.now();
    let client = authenticate(apple, &form, now)?;
    if form.get("grant_type") == Some("refresh_token") {
        refresh(apple, client, &form, now)
    } else {
        redeem(apple, client, &form, now)
    }
}

fn redeem(
    apple: &Apple,
    client: &Client,
    form: &Form,
    now: Timestamp,
) -> Result<Response<Full<Bytes>>, Refusal> {
    let (code, redirect_uri) = (required(form, "code")?, required(form, "redirect_uri")?);
    let verifier = form.get("code_verifier");
    let redeemed = apple.books().redeem(code, &client.client_id, redirect_uri, verifier, now);
    let (grant, tokens) = redeemed?;
    let id_token = id_token(
        apple,
        &grant.account,
        grant.nonce.as_deref(),
        Some(grant.authorized_at),
        &tokens.access_token,
    );
    tracing::info!(client_id = client.client_id, sub = grant.account.subject(), "code redeemed");
    Ok(reply::json(
        StatusCode::OK,
        &json!({
            "access_token": tokens.access_token,
            "token_type": "Bearer",
            "expires_in": ACCESS_TOKEN_SECONDS,
            "refresh_token": tokens.refresh_token,
            "id_token": id_token,
        }),
    ))
}

fn refresh(
    apple: &Apple,
    client: &Client,
    form: &Form,
    now: Timestamp,
) -> Result<Response<Full<Bytes>>, Refusal> {
    let token = required(form, "refresh_token")?;
    let mut books = apple.books();
    let account = books.refresh(token, &client.client_id)?;
    let access_token = books.issue_access_token(&account, now);
    drop(books);
    let id_token = id_token(apple, &account, None, None, &access_token);
    tracing::info!(client_id = client.client_id, sub = account.subject(), "refreshed");
    // Never a new refresh token: the old one stays.
    Ok(reply::json(
        StatusCode::OK,
        &json!({
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": ACCESS_TOKEN_SECONDS,
            "id_token": id_token,
        }),
    ))
}

fn id_token(
    apple: &Apple,
    account: &Account,
    nonce: Option<&str>,
    auth_time: Option<Timestamp>,
    access_token: &str,
) -> String {
    let token = IdToken {
        issuer: &apple.base_url,
        account,
        now: apple.now(),
        nonce,
        auth_time,
        bound_to: ("at_hash", access_token),
    };
    token.sign(&apple.signing_key(), &apple.faults.take_id_token())
}

fn try_revoke(apple: &Apple, head: &Parts, body: &str) -> Result<Response<Full<Bytes>>, Refusal> {
    let form = read_form(head, body)?;
    only_known(&form, &["token", "token_type_hint"], &[])?;
    let client = authenticate(apple, &form, apple.now())?;
    let token = required(&form, "token")?;
    let hint = form.get("token_type_hint");
    if hint.is_some_and(|hint| hint != "refresh_token" && hint != "access_token") {
        return Err(Refusal::bare("invalid_request", "token_type_hint names no kind of token"));
    }
    let mut books = apple.books();
    if let Some((kind, account)) = books.token_owner(token) {
        if account.client_id != client.client_id {
            return Err(Refusal::bare("invalid_client", "the token belongs to another client"));
        }
        if hint.is_some_and(|hint| hint != kind) {
            return Err(Refusal::bare("invalid_request", "token_type_hint contradicts the token"));
        }
        books.forget(&client.client_id, account.subject());
        tracing::info!(client_id = client.client_id, sub = account.subject(), "revoked");
    }
    // 200 also for a token that nobody knows.
    Ok(reply::empty(StatusCode::OK))
}

/// The form of a request, if its envelope is what Apple takes.
fn read_form(head: &Parts, body: &str) -> Result<Form, Refusal> {
    if head.headers.contains_key(AUTHORIZATION) {
        let reason = "there is an Authorization header; client credentials go into the body";
        return Err(Refusal::bare("invalid_client", reason));
    }
    if head.uri.query().is_some() {
        return Err(Refusal::bare("invalid_request", "there is a query string"));
    }
    if !is_form(&head.headers) {
        let reason = "the content type is not application/x-www-form-urlencoded";
        return Err(Refusal::bare("invalid_request", reason));
    }
    Form::read(body).map_err(|error| match error {
        FormError::NotEncoded => {
            Refusal::bare("invalid_client", "the form is not encoded properly")
        }
        FormError::Doubled(name) => {
            Refusal::bare("invalid_request", format!("the parameter {name:?} comes twice"))
        }
    })
}

fn is_form(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let media_type = only.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn required<'a>(form: &'a Form, name: &str) -> Result<&'a str, Refusal> {
    form.get(name).ok_or_else(|| {
        Refusal::bare("invalid_request", format!("the parameter {name} is missing or empty"))
    })
}

fn only_known(form: &Form, these: &[&str], and_these: &[&str]) -> Result<(), Refusal> {
    let known = [&["client_id", "client_secret"], these, and_these].concat();
    match form.unknown(&known) {
        Some(name) => Err(Refusal::bare(
            "invalid_request",
            format!("the parameter {name:?} does not belong here"),
        )),
        None => Ok(()),
    }
}

fn authenticate<'a>(apple: &'a Apple, form: &Form, now: Timestamp) -> Result<&'a Client, Refusal> {
    let client_id = required(form, "client_id")?;
    let secret = required(form, "client_secret")?;
    let client = apple
        .client(client_id)
        .ok_or_else(|| Refusal::bare("invalid_client", "nobody knows this client_id"))?;
    client_secret::verify(secret, client, &apple.base_url, now)
        .map_err(|reason| Refusal::bare("invalid_client", reason))?;
    Ok(client)
}
