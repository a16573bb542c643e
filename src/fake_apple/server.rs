//! Listener, connections, and which endpoint a request is for.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::faults::Endpoint;
use super::reply::{self, Disconnect};
use super::state::Apple;
use super::{control, pages, sign_in, token};
use crate::base::tasks::Tasks;

/// Most connections at a time; more wait.
const MAX_CONNECTIONS: usize = 512;

/// For a TLS handshake and for a body.
const PATIENCE: Duration = Duration::from_secs(10);

/// For the head of a request, and so for an idle connection.
const HEAD_PATIENCE: Duration = Duration::from_secs(60);

/// Longest body of a request.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// Accepts connections for ever.
pub(super) async fn accept(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    apple: Arc<Apple>,
    tasks: Tasks,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (tls, apple) = (tls.clone(), Arc::clone(&apple));
        tasks.run_until_stopped("fake apple connection", async move {
            match tls {
                None => serve(stream, apple).await,
                Some(tls) => match timeout(PATIENCE, TlsAcceptor::from(tls).accept(stream)).await {
                    Ok(Ok(stream)) => serve(stream, apple).await,
                    Ok(Err(error)) => tracing::info!(%error, "no TLS with this client"),
                    Err(_) => tracing::debug!("the TLS handshake took too long"),
                },
            }
            drop(place);
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, apple: Arc<Apple>) {
    let service = service_fn(move |request| answer(Arc::clone(&apple), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "connection ended");
    }
}

async fn answer(
    apple: Arc<Apple>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Disconnect> {
    let (head, body) = request.into_parts();
    if !is_for_us(&head, &apple) {
        return Ok(reply::empty(StatusCode::MISDIRECTED_REQUEST));
    }
    let body = timeout(PATIENCE, Limited::new(body, MAX_BODY_BYTES).collect()).await;
    let Ok(Ok(body)) = body else { return Ok(reply::empty(StatusCode::PAYLOAD_TOO_LARGE)) };
    let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    tracing::debug!(method = %head.method, path = head.uri.path(), "request");
    match head.uri.path() {
        "/.well-known/openid-configuration" => {
            endpoint(&apple, Endpoint::Discovery, &head, &body).await
        }
        "/auth/authorize" => endpoint(&apple, Endpoint::Authorize, &head, &body).await,
        "/auth/keys" => endpoint(&apple, Endpoint::Keys, &head, &body).await,
        "/auth/token" => endpoint(&apple, Endpoint::Token, &head, &body).await,
        "/auth/revoke" => endpoint(&apple, Endpoint::Revoke, &head, &body).await,
        "/auth/choose" if head.method == Method::POST => Ok(sign_in::choose(&apple, &head, &body)),
        "/auth/unlock" if head.method == Method::POST => Ok(sign_in::unlock(&apple, &body).await),
        "/auth/choose" | "/auth/unlock" => Ok(reply::method_not_allowed("POST")),
        "/" => Ok(pages::index(&apple)),
        path if path.starts_with("/fake/") => Ok(control::answer(&apple, &head, &body)),
        _ => Ok(reply::empty(StatusCode::NOT_FOUND)),
    }
}

/// Apple's own endpoints: counted, recorded, and spoiled on request.
async fn endpoint(
    apple: &Apple,
    endpoint: Endpoint,
    head: &Parts,
    body: &str,
) -> Result<Response<Full<Bytes>>, Disconnect> {
    // Before the request is counted: who waits for the count may clear the faults then.
    let cleared = apple.faults.cleared();
    apple.meter.count(endpoint);
    let posted = matches!(endpoint, Endpoint::Token | Endpoint::Revoke);
    let (method, allowed) = if posted { (Method::POST, "POST") } else { (Method::GET, "GET") };
    if head.method != method {
        return Ok(reply::method_not_allowed(allowed));
    }
    if posted {
        apple.meter.record(endpoint, head, body);
    }
    reply::spoil(apple.faults.take(endpoint), cleared, || match endpoint {
        Endpoint::Discovery => reply::json(StatusCode::OK, &discovery(&apple.base_url)),
        Endpoint::Authorize => sign_in::page(apple, head),
        Endpoint::Keys => reply::json(StatusCode::OK, &apple.published_keys()),
        Endpoint::Token => token::token(apple, head, body),
        Endpoint::Revoke => token::revoke(apple, head, body),
    })
    .await
}

/// Security: a name of somebody else's that resolves to loopback must not read this server through
/// a browser, so it answers to its own name and to bare addresses alone.
fn is_for_us(head: &Parts, apple: &Apple) -> bool {
    let header = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let Some(host) = head.uri.authority().map(http::uri::Authority::as_str).or(header) else {
        return false;
    };
    let own = apple.base_url.split_once("://").map(|(_, authority)| authority);
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
    own.is_some_and(|own| own.eq_ignore_ascii_case(host)) || address.is_ok()
}

/// What Apple says about itself.
fn discovery(base_url: &str) -> serde_json::Value {
    json!({
        "issuer": base_url,
        "authorization_endpoint": format!("{base_url}/auth/authorize"),
        "token_endpoint": format!("{base_url}/auth/token"),
        "revocation_endpoint": format!("{base_url}/auth/revoke"),
        "jwks_uri": format!("{base_url}/auth/keys"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "name"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "claims_supported": [
            "aud", "email", "email_verified", "exp", "iat", "is_private_email", "iss", "nonce",
            "nonce_supported", "real_user_status", "sub", "transfer_sub",
        ],
    })
}
