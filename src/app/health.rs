//! What `russet health`, load balancers and supervisors ask: an address of its own, plain HTTP,
//! on loopback by default, and nothing secret in it.

use std::io;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::apple;
use crate::base::tasks::Tasks;

/// Most connections at once, and how long each may take.
const CONNECTIONS: usize = 64;
const TIME: Duration = Duration::from_secs(5);

/// What the answers of the health address are made from.
#[derive(Clone, Debug)]
pub(super) struct Health {
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    draining: AtomicBool,
    /// The provider's URL where it is not Apple.
    not_apple: Option<String>,
}

impl Health {
    pub(super) fn new(apple: &apple::Settings) -> Self {
        let not_apple = (!apple.is_apple()).then(|| apple.provider_url.clone());
        Self { state: Arc::new(State { draining: AtomicBool::new(false), not_apple }) }
    }

    /// Says from now on that this process is alive and no longer ready.
    pub(super) fn draining(&self) {
        self.state.draining.store(true, Ordering::Relaxed);
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return json_answer(
                StatusCode::METHOD_NOT_ALLOWED,
                &json!({"status": "method not allowed"}),
            );
        }
        let ready = !self.state.draining.load(Ordering::Relaxed);
        let (fine, word) = match request.uri().path() {
            "/healthz" | "/startupz" => (true, "running"),
            "/readyz" | "/status" => (ready, if ready { "running" } else { "draining" }),
            _ => return json_answer(StatusCode::NOT_FOUND, &json!({"status": "not found"})),
        };
        let status = if fine { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let mut body = json!({"status": word, "provider": "apple"});
        if let (Some(url), Some(body)) = (&self.state.not_apple, body.as_object_mut()) {
            body.insert("provider".to_owned(), format!("NOT APPLE: {url}").into());
        }
        json_answer(status, &body)
    }
}

fn json_answer(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("{body}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Serves health on `listener` until `tasks` stops.
pub(super) fn serve(listener: StdListener, health: Health, tasks: &Tasks) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let connections = tasks.clone();
    tasks.run_until_stopped("health", async move {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                // Out of file descriptors, most likely: others need a moment to close theirs.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let health = health.clone();
            connections.run_until_stopped("health connection", async move {
                let service = service_fn(move |request| {
                    let answer = health.answer(&request);
                    async move { Ok::<_, std::convert::Infallible>(answer) }
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(TIME)
                    .keep_alive(false)
                    .serve_connection(TokioIo::new(stream), service);
                // A client that goes away or is too slow ends its connection and nothing else.
                let _ended = tokio::time::timeout(TIME, connection).await;
                drop(permit);
            });
        }
    });
    Ok(())
}
