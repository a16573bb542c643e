//! Answers, proper ones and spoiled ones.

use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use serde_json::Value;

use super::faults::AnswerFault;

/// Longest body that [`AnswerFault::Large`] sends.
const MAX_LARGE_BYTES: usize = 64 << 20;

/// What a gzip bomb unpacks to.
const BOMB_BYTES: u32 = 64 << 20;

/// The connection closes without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed without an answer, as a fault demands")]
pub(super) struct Disconnect;

pub(super) fn answer(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response<Full<Bytes>> {
    let body = serde_json::to_vec(body).unwrap_or_default();
    answer(status, "application/json;charset=UTF-8", body)
}

/// A status and nothing else.
pub(super) fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = answer(status, "text/plain", Bytes::new());
    response.headers_mut().remove(CONTENT_TYPE);
    response
}

/// Error JSON of the protocol.
pub(super) fn error(error: &str, description: Option<&str>) -> Response<Full<Bytes>> {
    let body = match description {
        Some(description) => {
            serde_json::json!({"error": error, "error_description": description})
        }
        None => serde_json::json!({"error": error}),
    };
    json(StatusCode::BAD_REQUEST, &body)
}

pub(super) fn method_not_allowed(allowed: &'static str) -> Response<Full<Bytes>> {
    let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

pub(super) fn redirect(status: StatusCode, location: &str) -> Response<Full<Bytes>> {
    let Ok(location) = HeaderValue::from_str(location) else {
        return empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut response = empty(status);
    response.headers_mut().insert(LOCATION, location);
    response
}

/// The proper answer, or what `fault` makes of it. A delay ends with `cleared`, if not before.
pub(super) async fn spoil(
    fault: Option<AnswerFault>,
    cleared: impl Future<Output = ()>,
    proper: impl FnOnce() -> Response<Full<Bytes>>,
) -> Result<Response<Full<Bytes>>, Disconnect> {
    let Some(fault) = fault else { return Ok(proper()) };
    Ok(match fault {
        AnswerFault::Delay { milliseconds } => {
            // Whichever came first, the answer is due.
            drop(tokio::time::timeout(Duration::from_millis(milliseconds), cleared).await);
            proper()
        }
        AnswerFault::Truncated => {
            let body = whole_body(proper()).await;
            let half = body.slice(..body.len() / 2);
            answer(StatusCode::OK, "application/json;charset=UTF-8", half)
        }
        AnswerFault::Without { members } => {
            let mut body: Value =
                serde_json::from_slice(&whole_body(proper()).await).unwrap_or_default();
            if let Value::Object(object) = &mut body {
                object.retain(|name, _| !members.contains(name));
            }
            json(StatusCode::OK, &body)
        }
        AnswerFault::Status { status } => empty(status_or_500(status)),
        AnswerFault::Html => answer(
            StatusCode::BAD_GATEWAY,
            "text/html",
            "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>",
        ),
        AnswerFault::Error { error: name, description } => error(&name, description.as_deref()),
        AnswerFault::Body { body } => {
            answer(StatusCode::OK, "application/json;charset=UTF-8", body)
        }
        AnswerFault::Redirect { status, location } => redirect(status_or_500(status), &location),
        AnswerFault::Disconnect => return Err(Disconnect),
        AnswerFault::Large { bytes } => {
            let filler = "x".repeat(bytes.min(MAX_LARGE_BYTES));
            json(StatusCode::OK, &serde_json::json!({"keys": [], "filler": filler}))
        }
        AnswerFault::GzipBomb => {
            let mut response =
                answer(StatusCode::OK, "application/json;charset=UTF-8", gzip_bomb());
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        }
    })
}

async fn whole_body(response: Response<Full<Bytes>>) -> Bytes {
    let collected = http_body_util::BodyExt::collect(response.into_body()).await;
    collected.map(http_body_util::Collected::to_bytes).unwrap_or_default()
}

fn status_or_500(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A gzip member (RFC 1952) whose single DEFLATE block (RFC 1951 §3.2.6, fixed codes) is one space
/// and then copies of it, 258 at a time. Its checksum is wrong; who gets that far has lost.
fn gzip_bomb() -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let copies = BOMB_BYTES / 258;
    let mut bits: Vec<bool> = vec![true, true, false];
    let mut code = |value: u32, length: u32| {
        bits.extend((0..length).rev().map(|place| value >> place & 1 == 1));
    };
    code(0x30 + u32::from(b' '), 8);
    for _ in 0..copies {
        // Length 258 is code 285; distance 1 is code 0.
        code(0b1100_0101, 8);
        code(0, 5);
    }
    code(0, 7);
    let byte = |bits: &[bool]| {
        bits.iter().enumerate().fold(0, |byte, (place, bit)| byte | u8::from(*bit) << place)
    };
    out.extend(bits.chunks(8).map(byte));
    out.extend([0; 4]);
    out.extend((1 + copies * 258).to_le_bytes());
    out
}
