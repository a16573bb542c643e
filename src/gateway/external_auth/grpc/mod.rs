//! Envoy's `ext_authz` over gRPC: `envoy.service.auth.v3.Authorization/Check`.
//!
//! *Invariant:* every question gets a `CheckResponse`. A status of gRPC in its place would be an
//! error to Envoy, and `failure_mode_allow` lets those in.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod messages;

use std::error::Error as StdError;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use tonic::body::Body;
use tonic::codegen::BoxFuture;
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

use self::messages::{
    BoolValue, CheckRequest, CheckResponse, DeniedHttpResponse, HeaderValueOption, HttpRequest,
    HttpResponse, HttpStatus, OkHttpResponse,
};
use super::answer::Allow;
use super::described::{Described, Undescribed};
use super::dialect::SignInShape;
use super::{AskedBy, Asking, decide_described, render_refusal, untrusted_peer, visitor};
use crate::gateway::forward::headers;
use crate::gateway::pipeline;
use crate::gateway::state::plan::Plan;
use crate::gateway::state::worker::Worker;
use crate::wire::forwarded;
use crate::wire::protected_names::overrides_method;

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// What Envoy tells the application of a client's certificate (`forward_client_cert_details`).
const CLIENT_CERTIFICATE: HeaderName = HeaderName::from_static("x-forwarded-client-cert");

/// Longest question: Envoy sends up to 60 KiB of headers, and a body where it is told to.
const MESSAGE_BYTES: usize = 1024 * 1024;

/// Answers one call.
pub(crate) async fn serve<B>(
    request: Request<B>,
    peer: IpAddr,
    worker: &Arc<Worker>,
) -> Response<Body>
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>> + Send,
{
    if request.version() != Version::HTTP_2 {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::HTTP_VERSION_NOT_SUPPORTED;
        return response;
    }
    if *request.method() != Method::POST || request.uri().path() != CHECK {
        return Status::unimplemented("there is only Authorization/Check").into_http();
    }
    let trusted = worker
        .plan()
        .external_auth
        .as_ref()
        .is_some_and(|peers| peers.trusts(peer, request.headers()));
    let check = Check { worker: Arc::clone(worker), peer, trusted };
    let mut grpc = Grpc::new(ProstCodec::default()).max_decoding_message_size(MESSAGE_BYTES);
    grpc.unary(check, request).await
}

/// One call.
struct Check {
    worker: Arc<Worker>,
    peer: IpAddr,
    trusted: bool,
}

impl UnaryService<CheckRequest> for Check {
    type Response = CheckResponse;
    type Future = BoxFuture<tonic::Response<CheckResponse>, Status>;

    fn call(&mut self, request: tonic::Request<CheckRequest>) -> Self::Future {
        let (worker, peer, trusted) = (Arc::clone(&self.worker), self.peer, self.trusted);
        Box::pin(async move {
            let answer = answer(request.into_inner(), &worker, peer, trusted).await;
            Ok(tonic::Response::new(answer))
        })
    }
}

async fn answer(
    request: CheckRequest,
    worker: &Worker,
    peer: IpAddr,
    trusted: bool,
) -> CheckResponse {
    let (mut parts, ()) = Request::new(()).into_parts();
    let described = describe(&request, &mut parts);
    let mut record = pipeline::new_record(&parts, peer);
    let asking = Asking { peer, plan: worker.plan(), now: worker.shared.clock.now(), worker };
    let asked_by = AskedBy { name: "envoy-grpc", sign_in: SignInShape::Redirect };
    let forbidden = forbidden_names(&parts.headers, &asking.plan);
    let decided = match trusted {
        true => decide_described(parts, described, asked_by, asking, &mut record),
        false => {
            let visitor = visitor(&asking.plan, &parts.headers, record.id);
            Err(render_refusal(untrusted_peer(), &visitor, &mut record))
        }
    };
    let response = match decided {
        Ok(allow) => allowed(&allow, &forbidden, record.id),
        Err(refused) => denied(*refused).await,
    };
    record.status = match &response.http_response {
        Some(HttpResponse::Denied(denied)) => denied
            .status
            .as_ref()
            .and_then(|status| u16::try_from(status.code).ok())
            .unwrap_or_default(),
        _ => 200,
    };
    worker.shared.logs.request(&record);
    response
}

/// The request that a message describes, and the client's address. `parts` gets the client's
/// headers, where they can be read, even if the rest cannot.
fn describe(request: &CheckRequest, parts: &mut Parts) -> Result<(Described, IpAddr), Undescribed> {
    let http = request.attributes.as_ref().and_then(|all| all.request.as_ref()?.http.as_ref());
    let http = http.ok_or(Undescribed::Missing)?;
    parts.headers = head_of(http)?;
    let client = client_of(request)?;
    let method = text(&http.method, Undescribed::Method)?;
    let host = text(&http.host, Undescribed::Host)?;
    Ok((Described::new(method, host, text(&http.path, Undescribed::Path)?)?, client))
}

/// The headers of the client. Those that begin with a colon are the request line, which comes in
/// fields of its own.
fn head_of(http: &HttpRequest) -> Result<HeaderMap, Undescribed> {
    let raw = http.header_map.as_ref().map(|map| map.headers.as_slice()).unwrap_or_default();
    // Which of the two the application gets would be a guess.
    if !raw.is_empty() && !http.headers.is_empty() {
        return Err(Undescribed::Twice);
    }
    let joined = http.headers.iter().map(|entry| (&entry.key, &entry.value));
    let raw = raw.iter().map(|header| {
        let text = header.raw_value.is_empty();
        (&header.key, if text { &header.value } else { &header.raw_value })
    });
    let mut headers = HeaderMap::new();
    for (name, value) in joined.chain(raw).filter(|(name, _)| !name.starts_with(b":")) {
        let name = HeaderName::from_bytes(name).map_err(|_| Undescribed::Spelling)?;
        let value = HeaderValue::from_bytes(value).map_err(|_| Undescribed::Spelling)?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn text(bytes: &[u8], otherwise: Undescribed) -> Result<&str, Undescribed> {
    std::str::from_utf8(bytes).map_err(|_| otherwise)
}

/// The client as Envoy knows it, after the hops that Envoy itself trusts.
fn client_of(request: &CheckRequest) -> Result<IpAddr, Undescribed> {
    let source = request.attributes.as_ref().and_then(|all| all.source.as_ref());
    let address = source.and_then(|source| source.address.as_ref()?.socket_address.as_ref());
    let text = &address.ok_or(Undescribed::Client)?.address;
    forwarded::read_address(text.as_bytes()).ok_or(Undescribed::Client)
}

/// The client's headers that no client may send to an application. Envoy's own header for the
/// client's certificate stays: Envoy takes a client's away itself.
fn forbidden_names(headers: &HeaderMap, plan: &Plan) -> Vec<HeaderName> {
    let names = headers.keys().filter(|name| {
        (plan.protected.is_protected(name) || overrides_method(name))
            && **name != CLIENT_CERTIFICATE
    });
    names.cloned().collect()
}

/// Yes. What is empty takes the client's value away too, and is then removed, so that no client's
/// stays whatever Envoy does with empty values. `forbidden` goes as well, unless it has just been
/// set: Envoy removes after it has set.
fn allowed(
    allow: &Allow,
    forbidden: &[HeaderName],
    id: crate::base::ids::RequestId,
) -> CheckResponse {
    let mut ok = OkHttpResponse::default();
    let goes = |name: &&HeaderName| {
        !allow.identity.contains_key(*name) && (allow.method_matters || !overrides_method(name))
    };
    ok.headers_to_remove = forbidden.iter().filter(goes).map(HeaderName::to_string).collect();
    for (name, value) in &allow.identity {
        if value.is_empty() {
            ok.headers_to_remove.push(name.to_string());
        }
        ok.headers.push(overwrite(name, value));
    }
    let (name, value) = headers::request_id(id);
    ok.headers.push(overwrite(&name, &value));
    match &allow.cookies {
        Some(rest) => ok.headers.push(overwrite(&http::header::COOKIE, rest)),
        None if allow.had_cookies => ok.headers_to_remove.push("cookie".to_owned()),
        None => {}
    }
    checked(Code::Ok, HttpResponse::Ok(ok))
}

async fn denied(refused: Response<Full<Bytes>>) -> CheckResponse {
    let (head, body) = refused.into_parts();
    let code = match head.status {
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::BAD_REQUEST => Code::InvalidArgument,
        StatusCode::UNAUTHORIZED | StatusCode::FOUND => Code::Unauthenticated,
        _ => Code::Internal,
    };
    let Ok(body) = body.collect().await;
    let headers = head.headers.iter().filter(|(name, _)| **name != CONTENT_LENGTH);
    let denied = DeniedHttpResponse {
        status: Some(HttpStatus { code: i32::from(head.status.as_u16()) }),
        headers: headers.map(|(name, value)| overwrite(name, value)).collect(),
        body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
    };
    checked(code, HttpResponse::Denied(denied))
}

fn checked(code: Code, answer: HttpResponse) -> CheckResponse {
    let status = Some(messages::Status { code: i32::from(code) });
    CheckResponse { status, http_response: Some(answer) }
}

fn overwrite(name: &HeaderName, value: &HeaderValue) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(messages::HeaderValue {
            key: name.to_string(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
            raw_value: Vec::new(),
        }),
        append: Some(BoolValue { value: false }),
        keep_empty_value: true,
    }
}
