//! The two web apps of the demo. They have no sign-in of their own; they show the path that was
//! asked for and what Russet says about the person.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use crate::base::tasks::Tasks;

/// An app cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("the app does not start: {0}")]
pub(super) struct AppProblem(#[from] std::io::Error);

/// A running app.
pub(super) struct App {
    address: SocketAddr,
    requests: Arc<AtomicU64>,
    tasks: Tasks,
}

impl App {
    pub(super) async fn start(name: &'static str) -> Result<Self, AppProblem> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let requests = Arc::new(AtomicU64::new(0));
        let tasks = Tasks::on(Handle::current());
        let (counted, connections) = (Arc::clone(&requests), tasks.clone());
        tasks.run_until_stopped("demo app", async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let counted = Arc::clone(&counted);
                let service = service_fn(move |request: Request<Incoming>| {
                    counted.fetch_add(1, Ordering::Relaxed);
                    let answer = answer(name, &request);
                    async move { Ok::<_, Infallible>(answer) }
                });
                connections.run_until_stopped("demo app connection", async move {
                    let connection = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .serve_connection(TokioIo::new(stream), service);
                    // A client that goes away ends its connection and nothing else.
                    let _ended = connection.await;
                });
            }
        });
        Ok(Self { address, requests, tasks })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests have reached it.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.tasks.stop();
    }
}

fn answer(name: &str, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let shown = |header: &str| {
        let value = request.headers().get(header).and_then(|value| value.to_str().ok());
        escaped(value.filter(|value| !value.is_empty()).unwrap_or("nothing"))
    };
    let text = match name {
        "wiki" => "The company's wiki. Only colleagues read this.",
        _ => "What is for lunch. Whoever is signed in may know.",
    };
    let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let assertion = request.headers().contains_key("x-pomerium-jwt-assertion");
    let body = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport \
         content=\"width=device-width\"><title>{name}</title><style>:root{{color-scheme:light dark}}\
         body{{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:12vh auto;padding:0 1rem}}\
         code{{overflow-wrap:anywhere}}</style><h1>{name}</h1><p>{text}</p>\
         <p>You asked for <code id=asked>{}</code>.</p><p>Russet told me your address: \
         <code id=email>{}</code>, and {} a signed assertion.</p>\
         <p><a href=\"/.pomerium/\">Who am I?</a> <a href=\"/.pomerium/sign_out\">Sign out</a></p>",
        escaped(path),
        shown("x-pomerium-claim-email"),
        if assertion { "gave me" } else { "did not give me" },
    );
    let mut response = Response::new(Full::from(body));
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, html);
    response
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
