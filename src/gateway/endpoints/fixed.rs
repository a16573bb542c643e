//! Endpoints whose answers follow from the plan alone.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, ETAG, IF_NONE_MATCH, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::json;

use crate::gateway::answer::{Answer, Answered, Refused, respond};
use crate::gateway::request::CheckedRequest;
use crate::gateway::state::shared::Worker;
use crate::pages::View;
use crate::telemetry::Code;

/// Says that we are alive.
pub(super) fn ok(_: &CheckedRequest, _: &Worker) -> Answered {
    Ok(Answer::new(respond::text(StatusCode::OK, "OK\n")))
}

/// Keeps crawlers away from the authenticate host.
pub(super) fn robots(_: &CheckedRequest, _: &Worker) -> Answered {
    Ok(Answer::new(respond::robots()))
}

/// The front page of the authenticate host.
pub(super) fn root(_: &CheckedRequest, _: &Worker) -> Answered {
    Ok(Answer::new(respond::redirect(StatusCode::FOUND, "/.pomerium/")))
}

/// Nothing is there.
pub(super) fn not_found(_: &CheckedRequest, _: &Worker) -> Answered {
    Err(Refused::page(Code::EndpointNotFound, View::NotFound))
}

/// Pomerium serves this; we do not yet.
pub(super) fn not_implemented(_: &CheckedRequest, _: &Worker) -> Answered {
    Err(Refused::page(Code::NotImplemented, View::NotImplemented))
}

/// Where an application finds what it needs to check assertions. Built from the configuration,
/// never from more of the request than the host it matched: a port that is none of ours makes no
/// address of its own (W17).
pub(super) fn well_known(request: &CheckedRequest, _: &Worker) -> Answered {
    let plan = &request.plan;
    let origin = match plan.is_ours(&request.authority) {
        true => format!("https://{}", request.authority),
        false => format!("https://{}", request.authority.host()),
    };
    let body = json!({
        "issuer": format!("{origin}/"),
        "authentication_callback_endpoint": format!("https://{}{}", plan.authenticate, plan.callback_path),
        "jwks_uri": format!("{origin}/.well-known/pomerium/jwks.json"),
        "frontchannel_logout_uri": format!("{origin}/.pomerium/sign_out"),
    });
    Ok(public(respond::own(StatusCode::OK, "application/json", body.to_string())))
}

/// The key set.
pub(super) fn jwks(request: &CheckedRequest, _: &Worker) -> Answered {
    let plan = &request.plan;
    let mut response = match is_known(request.headers(), &plan.jwks_etag) {
        true => respond::own(StatusCode::NOT_MODIFIED, "application/json", Bytes::new()),
        false => respond::own(StatusCode::OK, "application/json", plan.jwks.clone()),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
    headers.insert(ETAG, plan.jwks_etag.clone());
    Ok(public(response))
}

/// Whether `If-None-Match` names `etag` (RFC 9110 §13.1.2), which holds no comma.
fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).iter();
    lists.flat_map(|list| list.as_bytes().split(|byte| *byte == b',')).any(|tag| {
        let tag = tag.trim_ascii();
        tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes()
    })
}

/// The body that the operator got from Apple.
pub(super) fn domain_association(request: &CheckedRequest, _: &Worker) -> Answered {
    let body = request.plan.domain_association.clone().unwrap_or_default();
    Ok(Answer::new(respond::own(StatusCode::OK, "text/plain; charset=utf-8", body)))
}

/// Any page may read these: they hold nothing of anybody's.
fn public(mut response: Response<Full<Bytes>>) -> Answer {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.remove(X_FRAME_OPTIONS);
    Answer::new(response)
}
