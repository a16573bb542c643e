//! The pages, each with the banner that says that this is not Apple.

use askama::Template;
use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::Value;
use url::Url;

use super::authorize::{AuthorizeRefusal, AuthorizeRequest};
use super::people::Person;
use super::reply;
use super::state::Apple;
use crate::base::random;

#[derive(Template)]
#[template(path = "fake_apple_pick.html")]
struct Pick<'a> {
    nonce: &'a str,
    query: &'a str,
    site: &'a str,
    client_id: &'a str,
    asks_for: &'a str,
    people: Vec<Shown<'a>>,
}

/// A person as a button.
struct Shown<'a> {
    id: &'a str,
    name: String,
    initial: char,
    about: &'a str,
    address: &'a str,
    tags: Vec<&'static str>,
}

#[derive(Template)]
#[template(path = "fake_apple_answer.html")]
struct Answer<'a> {
    nonce: &'a str,
    site: &'a str,
    redirect_uri: &'a str,
    fields: &'a [(String, String)],
}

#[derive(Template)]
#[template(path = "fake_apple_error.html")]
struct Error<'a> {
    nonce: &'a str,
    error: &'a str,
    text: &'a str,
    advice: &'a str,
}

#[derive(Template)]
#[template(path = "fake_apple_password.html")]
struct Password<'a> {
    nonce: &'a str,
    query: &'a str,
    wrong: bool,
}

#[derive(Template)]
#[template(path = "fake_apple_index.html")]
struct Index<'a> {
    nonce: &'a str,
    base_url: &'a str,
    client_ids: Vec<&'a str>,
    bare_faults: &'a [&'a str],
    locked: bool,
}

/// Faults of an id_token that take no members, as JSON names them.
pub(super) const BARE_FAULTS: [&str; 10] = [
    "wrong_audience",
    "wrong_issuer",
    "other_nonce",
    "expired",
    "from_the_future",
    "wrong_access_token_hash",
    "unknown_kid",
    "alg_none",
    "hmac_with_public_key",
    "bad_signature",
];

/// Who shall sign in?
pub(super) fn pick(
    apple: &Apple,
    query: &str,
    request: &AuthorizeRequest,
) -> Response<Full<Bytes>> {
    let asks_for = match (request.scopes.name, request.scopes.email) {
        (true, true) => "name and email address",
        (true, false) => "name",
        (false, true) => "email address",
        (false, false) => "nothing but who you are",
    };
    let site = site(&request.redirect_uri);
    let people = apple.people.iter().map(shown).collect();
    let client_id = &request.client_id;
    html(StatusCode::OK, |nonce| {
        Pick { nonce, query, site: &site, client_id, asks_for, people }.render()
    })
}

/// The form that carries the answer to the return URL: by itself where scripts run, by its button
/// where they do not. A genuine cross-site POST either way.
pub(super) fn answer(redirect_uri: &str, fields: &[(String, String)]) -> Response<Full<Bytes>> {
    let site = site(redirect_uri);
    html(StatusCode::OK, |nonce| Answer { nonce, site: &site, redirect_uri, fields }.render())
}

/// A request that Apple does not take.
pub(super) fn error(refusal: &AuthorizeRefusal) -> Response<Full<Bytes>> {
    html(StatusCode::BAD_REQUEST, |nonce| {
        let AuthorizeRefusal { error, text, advice } = refusal;
        Error { nonce, error, text, advice }.render()
    })
}

/// Something about the fake's own forms.
pub(super) fn mistake(text: &str) -> Response<Full<Bytes>> {
    html(StatusCode::BAD_REQUEST, |nonce| {
        Error { nonce, error: "", text, advice: "Go back and try again." }.render()
    })
}

/// Asks for the password before anything is shown.
pub(super) fn password(query: &str, wrong: bool) -> Response<Full<Bytes>> {
    let status = if wrong { StatusCode::FORBIDDEN } else { StatusCode::OK };
    html(status, |nonce| Password { nonce, query, wrong }.render())
}

/// What this server is and how to make it fail.
pub(super) fn index(apple: &Apple) -> Response<Full<Bytes>> {
    let locked = apple.password.is_some();
    let clients = apple.clients.iter().filter(|_| !locked);
    let client_ids = clients.map(|client| client.client_id.as_str()).collect();
    let base_url = &apple.base_url;
    html(StatusCode::OK, |nonce| {
        Index { nonce, base_url, client_ids, bare_faults: &BARE_FAULTS, locked }.render()
    })
}

fn shown(person: &Person) -> Shown<'_> {
    let claim = |name: &str| person.claims.get(name);
    let is_true = |value: &Value| value == &Value::Bool(true) || value.as_str() == Some("true");
    let mut tags = Vec::new();
    match claim("email_verified") {
        _ if person.email().is_empty() => tags.push("no address"),
        Some(verified) if is_true(verified) => tags.push("verified"),
        _ => tags.push("not verified"),
    }
    if claim("is_private_email").is_some_and(is_true) {
        tags.push("hidden");
    }
    if claim("org_id").is_some() {
        tags.push("managed");
    }
    if claim("email_verified").is_some_and(Value::is_string) {
        tags.push("booleans as text");
    }
    let name = person.display_name();
    Shown {
        id: &person.id,
        initial: name.chars().next().unwrap_or('?'),
        name,
        about: &person.about,
        address: person.email(),
        tags,
    }
}

/// The host that the answer goes to.
fn site(redirect_uri: &str) -> String {
    let url = Url::parse(redirect_uri).ok();
    let host = url.as_ref().and_then(Url::host_str);
    host.unwrap_or(redirect_uri).to_owned()
}

fn html(
    status: StatusCode,
    render: impl FnOnce(&str) -> askama::Result<String>,
) -> Response<Full<Bytes>> {
    let nonce = random::token();
    let Ok(body) = render(&nonce) else {
        return reply::empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut response = reply::answer(status, "text/html; charset=utf-8", body);
    // No form-action: browsers hold redirects after a form against it, and ours end anywhere.
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; \
         img-src data:; base-uri 'none'; frame-ancestors 'none'"
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    // The path holds `state`; the origin alone must go out, or the POST says `Origin: null`.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("origin"));
    response
}
