//! What the person in front of the browser does: give the password, pick somebody, cancel.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cookie::Cookie;
use http::header::{COOKIE, SET_COOKIE};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Map, Value, json};
use url::Url;

use super::authorize::{AuthorizeRefusal, AuthorizeRequest, ResponseMode};
use super::books::{Account, Consent, hex};
use super::form::Form;
use super::id_token::IdToken;
use super::people::Person;
use super::state::Apple;
use super::{pages, reply};
use crate::base::random;
use crate::base::secret::same;

/// What a wrong password costs.
const WRONG_PASSWORD_DELAY: Duration = Duration::from_secs(1);

/// `GET /auth/authorize`: the people, or why they are not shown.
pub(super) fn page(apple: &Apple, head: &Parts) -> Response<Full<Bytes>> {
    let query = head.uri.query().unwrap_or_default();
    if !is_unlocked(apple, head) {
        return pages::password(query, false);
    }
    match AuthorizeRequest::read(query, apple) {
        Ok(request) => pages::pick(apple, query, &request),
        Err(refusal) => refused(apple, &refusal),
    }
}

/// `POST /auth/choose`: the answer goes to the return URL.
pub(super) fn choose(apple: &Apple, head: &Parts, body: &str) -> Response<Full<Bytes>> {
    let Ok(form) = Form::read(body) else {
        return pages::mistake("This form cannot be read.");
    };
    let query = form.get("request").unwrap_or_default();
    if !is_unlocked(apple, head) {
        return pages::password(query, false);
    }
    let request = match AuthorizeRequest::read(query, apple) {
        Ok(request) => request,
        Err(refusal) => return refused(apple, &refusal),
    };
    if form.get("cancel").is_some() {
        let answer = vec![("error".to_owned(), "user_cancelled_authorize".to_owned())];
        return deliver(&request, answer);
    }
    let person = match form.get("person") {
        Some(id) => match apple.people.iter().find(|person| person.id == id) {
            Some(person) => person.clone(),
            None => return pages::mistake("There is nobody with that id here."),
        },
        None => match made_up(&form) {
            Ok(person) => person,
            Err(text) => return pages::mistake(&text),
        },
    };
    let answer = authorize(apple, &request, &person);
    deliver(&request, answer)
}

/// `POST /auth/unlock`: the password, for a cookie.
pub(super) async fn unlock(apple: &Apple, body: &str) -> Response<Full<Bytes>> {
    let Ok(form) = Form::read(body) else {
        return pages::mistake("This form cannot be read.");
    };
    let query = form.get("request").unwrap_or_default();
    if !apple.knows_password(form.get("password").unwrap_or_default()) {
        tokio::time::sleep(WRONG_PASSWORD_DELAY).await;
        return pages::password(query, true);
    }
    let mut response = reply::redirect(StatusCode::SEE_OTHER, &format!("/auth/authorize?{query}"));
    let (name, attributes) = cookie_name(apple);
    let cookie = format!("{name}={}; Path=/; HttpOnly; SameSite=Lax{attributes}", apple.unlocked);
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

fn cookie_name(apple: &Apple) -> (&'static str, &'static str) {
    if apple.base_url.starts_with("https:") {
        ("__Host-fake-apple", "; Secure")
    } else {
        ("fake-apple", "")
    }
}

fn is_unlocked(apple: &Apple, head: &Parts) -> bool {
    if apple.password.is_none() {
        return true;
    }
    let (name, _) = cookie_name(apple);
    let headers = head.headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok());
    headers
        .flat_map(Cookie::split_parse)
        .flatten()
        .any(|cookie| cookie.name() == name && same(cookie.value(), &apple.unlocked))
}

fn refused(apple: &Apple, refusal: &AuthorizeRefusal) -> Response<Full<Bytes>> {
    apple.meter.refused("authorize", refusal.error, refusal.text.clone());
    pages::error(refusal)
}

/// Code, and what else goes with it.
fn authorize(apple: &Apple, request: &AuthorizeRequest, person: &Person) -> Vec<(String, String)> {
    let now = apple.now();
    let claims = Arc::new(person.claims.clone());
    let mut books = apple.books();
    let (consent, account) = books.consent(&request.client_id, &claims, request.scopes.email, now);
    let once = (request.nonce.clone(), request.code_challenge.clone());
    let code = books.issue_code(account.clone(), &request.redirect_uri, once, now);
    drop(books);
    tracing::info!(client_id = request.client_id, sub = account.subject(), "code issued");

    let mut answer = vec![("code".to_owned(), code.clone())];
    if request.wants_id_token {
        answer.push(("id_token".to_owned(), front_id_token(apple, request, &account, &code)));
    }
    if let Some(user) = user(request, person, consent) {
        answer.push(("user".to_owned(), user.to_string()));
    }
    answer
}

fn front_id_token(
    apple: &Apple,
    request: &AuthorizeRequest,
    account: &Account,
    code: &str,
) -> String {
    let token = IdToken {
        issuer: &apple.base_url,
        account,
        now: apple.now(),
        nonce: request.nonce.as_deref(),
        auth_time: Some(apple.now()),
        bound_to: ("c_hash", code),
    };
    token.sign(&apple.signing_key(), &[])
}

/// `user`, on the first consent only and only with scopes.
fn user(request: &AuthorizeRequest, person: &Person, consent: Consent) -> Option<Value> {
    if consent == Consent::Known {
        return None;
    }
    let mut user = Map::new();
    if request.scopes.name {
        let name = json!({"firstName": person.first_name, "lastName": person.last_name});
        user.insert("name".to_owned(), name);
    }
    if request.scopes.email && !person.email().is_empty() {
        user.insert("email".to_owned(), json!(person.email()));
    }
    (!user.is_empty()).then_some(Value::Object(user))
}

/// Sends `answer` and `state` to the return URL, the way the request asked for.
fn deliver(request: &AuthorizeRequest, mut answer: Vec<(String, String)>) -> Response<Full<Bytes>> {
    if let Some(state) = &request.state {
        answer.push(("state".to_owned(), state.clone()));
    }
    if request.response_mode == ResponseMode::FormPost {
        return pages::answer(&request.redirect_uri, &answer);
    }
    // Registered, so it is a URL.
    let Ok(mut url) = Url::parse(&request.redirect_uri) else {
        return reply::empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    if request.response_mode == ResponseMode::Query {
        url.query_pairs_mut().extend_pairs(&answer);
    } else {
        let mut fragment = form_urlencoded::Serializer::new(String::new());
        url.set_fragment(Some(&fragment.extend_pairs(&answer).finish()));
    }
    reply::redirect(StatusCode::SEE_OTHER, url.as_str())
}

/// A person from the fields of the page's second form.
fn made_up(form: &Form) -> Result<Person, String> {
    let mut claims = Map::new();
    for name in ["sub", "email", "org_id"] {
        if let Some(value) = form.get(name) {
            claims.insert(name.to_owned(), json!(value));
        }
    }
    for name in ["email_verified", "is_private_email"] {
        let value = match form.get(name) {
            None | Some("absent") => continue,
            Some("true") => json!(true),
            Some("false") => json!(false),
            Some("text-true") => json!("true"),
            Some("text-false") => json!("false"),
            Some(_) => {
                return Err(format!("{name} is absent, true, false, text-true or text-false."));
            }
        };
        // They say something about an address; without one the form's first choice means nothing.
        if claims.contains_key("email") {
            claims.insert(name.to_owned(), value);
        }
    }
    if let Some(more) = form.get("claims") {
        let more: Map<String, Value> = serde_json::from_str(more)
            .map_err(|error| format!("The further claims are not a JSON object: {error}."))?;
        claims.extend(more);
    }
    claims.entry("sub").or_insert_with(|| json!(new_subject()));
    let text = |name: &str| form.get(name).unwrap_or_default().to_owned();
    let person = Person {
        id: "made-up".to_owned(),
        about: String::new(),
        first_name: text("first_name"),
        last_name: text("last_name"),
        claims,
    };
    person.check().map_err(|error| format!("{error}."))?;
    Ok(person)
}

/// In the form of Apple's: digits, 32 hex digits, digits.
fn new_subject() -> String {
    let [a, b, c, d] = random::bytes::<4>();
    let number = |high: u8, low: u8| u32::from(high) * 256 + u32::from(low);
    format!("{:06}.{}.{:04}", number(a, b), hex(), number(c, d) % 10_000)
}
