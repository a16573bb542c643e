//! `/fake/...`: what a test does to a fake Apple in another process. The page at `/` describes it.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::Full;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::faults::Order;
use super::reply;
use super::state::Apple;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StopUsing {
    client_id: String,
    sub: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shift {
    shift_seconds: i64,
}

pub(super) fn answer(apple: &Apple, head: &Parts, body: &str) -> Response<Full<Bytes>> {
    if !is_allowed(apple, head) {
        return refused(StatusCode::UNAUTHORIZED, "send Authorization: Bearer and the password");
    }
    // Security: another website cannot send this type through a browser without asking first, and
    // it is never told yes.
    if head.method == Method::POST && !is_json(head) {
        let text = "send Content-Type: application/json";
        return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
    }
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/fake/report") => reply::json(StatusCode::OK, &apple.report()),
        (&Method::POST, "/fake/faults") => carry_out(apple, body, |order: Order| {
            order.carry_out(&apple.faults);
        }),
        (&Method::DELETE, "/fake/faults") => {
            apple.faults.clear();
            reply::json(StatusCode::OK, &apple.report())
        }
        (&Method::POST, "/fake/keys/rotate") => match apple.rotate_keys() {
            Ok(()) => reply::json(StatusCode::OK, &apple.report()),
            Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        },
        (&Method::POST, "/fake/consents/forget") => carry_out(apple, body, |who: StopUsing| {
            apple.books().forget(&who.client_id, &who.sub);
        }),
        (&Method::POST, "/fake/clock") => carry_out(apple, body, |by: Shift| {
            apple.clock.shift(by.shift_seconds);
        }),
        _ => refused(StatusCode::NOT_FOUND, "there is no such control; GET / lists them"),
    }
}

fn carry_out<T: DeserializeOwned>(
    apple: &Apple,
    body: &str,
    action: impl FnOnce(T),
) -> Response<Full<Bytes>> {
    match serde_json::from_str(body) {
        Ok(order) => {
            action(order);
            reply::json(StatusCode::OK, &apple.report())
        }
        Err(error) => refused(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

fn refused(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    reply::json(status, &json!({"error": text}))
}

fn is_allowed(apple: &Apple, head: &Parts) -> bool {
    let given = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer "));
    apple.knows_password(given.unwrap_or_default())
}

fn is_json(head: &Parts) -> bool {
    head.headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes() == b"application/json")
}
