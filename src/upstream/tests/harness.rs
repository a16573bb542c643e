//! Applications that do exactly what a test wants, and a way to them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::super::*;
use crate::base::tasks::Tasks;

pub(super) type TestBody = UnsyncBoxBody<Bytes, &'static str>;

/// What only the decision has; here, anybody.
pub(super) struct Permit;

/// An application on a port of its own. Every connection gets the next answer of its script, as long
/// as it has one; the last one is given again and again.
pub(super) struct App {
    pub(super) address: SocketAddr,
    pub(super) connections: Arc<AtomicUsize>,
    /// Everything that was received, connection by connection.
    pub(super) received: Arc<Mutex<Vec<Vec<u8>>>>,
    /// How many connections have ended.
    pub(super) ended: Arc<AtomicUsize>,
}

/// What an application does on one connection.
#[derive(Clone, Debug)]
pub(super) enum Do {
    /// Waits for a whole head of a request.
    Head,
    /// Waits until these bytes are in what was received.
    Until(&'static str),
    /// Writes.
    Say(String),
    /// Waits.
    Pause(u64),
    /// Ends the connection.
    Close,
    /// Ends the connection with a reset.
    Reset,
    /// Goes back to the beginning.
    Again,
}

pub(super) fn say(text: &str) -> Do {
    Do::Say(text.to_owned())
}

impl App {
    /// Each connection runs its script; the last script serves all further connections.
    pub(super) async fn start(scripts: Vec<Vec<Do>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let app = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            received: Arc::default(),
            ended: Arc::default(),
        };
        let (connections, received, ended) =
            (Arc::clone(&app.connections), Arc::clone(&app.received), Arc::clone(&app.ended));
        let tasks = Tasks::on(Handle::current());
        drop(tasks.clone().run_to_end("application", async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let number = connections.fetch_add(1, Ordering::SeqCst);
                received.lock().unwrap().push(Vec::new());
                let script = scripts.get(number).or(scripts.last()).unwrap().clone();
                let (received, ended) = (Arc::clone(&received), Arc::clone(&ended));
                drop(tasks.run_to_end("application's connection", async move {
                    run(stream, &script, number, &received).await;
                    ended.fetch_add(1, Ordering::SeqCst);
                }));
            }
        }));
        app
    }

    /// Gives every request the same answer.
    pub(super) async fn answering(answer: &str) -> Self {
        Self::start(vec![vec![Do::Head, say(answer), Do::Again]]).await
    }

    pub(super) fn received(&self, connection: usize) -> String {
        String::from_utf8_lossy(&self.received.lock().unwrap()[connection]).into_owned()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) async fn until_ended(&self, count: usize) {
        let wait = async {
            while self.ended.load(Ordering::SeqCst) < count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(PATIENCE, wait).await.expect("still open");
    }
}

async fn run(mut stream: TcpStream, script: &[Do], number: usize, all: &Mutex<Vec<Vec<u8>>>) {
    let mut seen = 0;
    let mut step = 0;
    while let Some(next) = script.get(step) {
        step += 1;
        let awaited = match next {
            Do::Head => "\r\n\r\n",
            Do::Until(text) => text,
            Do::Say(text) => {
                if stream.write_all(text.as_bytes()).await.is_err() {
                    return;
                }
                continue;
            }
            Do::Pause(millis) => {
                tokio::time::sleep(Duration::from_millis(*millis)).await;
                continue;
            }
            Do::Close => return,
            Do::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
            Do::Again => {
                step = 0;
                continue;
            }
        };
        loop {
            let found = {
                let all = all.lock().unwrap();
                let unseen = String::from_utf8_lossy(&all[number][seen..]).into_owned();
                unseen.find(awaited).map(|at| at + awaited.len())
            };
            if let Some(end) = found {
                seen += end;
                break;
            }
            let mut room = [0; 4096];
            match stream.read(&mut room).await {
                Ok(0) | Err(_) => return,
                Ok(count) => all.lock().unwrap()[number].extend_from_slice(&room[..count]),
            }
        }
    }
    // The script is over: stay until the other side has enough.
    let mut room = [0; 4096];
    while let Ok(1..) = stream.read(&mut room).await {}
}

/// A pool and an upstream for it.
pub(super) struct Way {
    pub(super) pool: Pool<TestBody, Permit>,
    pub(super) upstream: Upstream,
}

pub(super) fn target(scheme: Scheme, host: &str, port: u16) -> Target {
    let authority = format!("{host}:{port}");
    Target { scheme, host: host.to_owned(), port, authority, path: None }
}

pub(super) fn settings(target: Target) -> Settings {
    Settings { target, tls: TlsSettings::default(), timeout: Some(PATIENCE / 2) }
}

impl Way {
    pub(super) fn to(app: &App) -> Self {
        Self::with(settings(target(Scheme::Http, "app.localhost", app.address.port())))
    }

    pub(super) fn with(settings: Settings) -> Self {
        Self::limited(settings, PoolLimits::default())
    }

    pub(super) fn limited(settings: Settings, limits: PoolLimits) -> Self {
        let upstream = Upstreams::default().upstream(&settings).unwrap();
        Self { pool: Pool::new(limits, Tasks::on(Handle::current())), upstream }
    }

    pub(super) async fn send(
        &self,
        request: Request<TestBody>,
    ) -> Result<Response<UpstreamBody<TestBody>>, SendError> {
        timeout(PATIENCE, self.pool.send(Permit, &self.upstream, request)).await.expect("no end")
    }

    /// Status and body of the answer; `Err` where the body is cut off.
    pub(super) async fn get(&self, path: &str) -> Result<(u16, Result<Bytes, CutOff>), SendError> {
        self.whole(request(Method::GET, path, "")).await
    }

    pub(super) async fn whole(
        &self,
        request: Request<TestBody>,
    ) -> Result<(u16, Result<Bytes, CutOff>), SendError> {
        let answer = self.send(request).await?;
        let status = answer.status().as_u16();
        let body = timeout(PATIENCE, answer.into_body().collect()).await.expect("no end");
        Ok((status, body.map(|whole| whole.to_bytes())))
    }

    /// The body of an answer that is expected to be whole.
    pub(super) async fn text(&self, request: Request<TestBody>) -> String {
        let (_, body) = self.whole(request).await.unwrap();
        String::from_utf8(body.unwrap().to_vec()).unwrap()
    }
}

pub(super) fn request(method: Method, path: &str, body: &str) -> Request<TestBody> {
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
    let body = body.map_err(|never| match never {}).boxed_unsync();
    Request::builder().method(method).uri(path).body(body).unwrap()
}

/// A body of what is sent into it; ends when the sender is dropped.
pub(super) fn streamed() -> (mpsc::UnboundedSender<Result<Frame<Bytes>, &'static str>>, TestBody) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (sender, Channel(receiver).boxed_unsync())
}

struct Channel(mpsc::UnboundedReceiver<Result<Frame<Bytes>, &'static str>>);

impl Body for Channel {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        self.0.poll_recv(cx)
    }
}

pub(super) fn data(text: &'static str) -> Result<Frame<Bytes>, &'static str> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

pub(super) fn trailers(name: &'static str, value: &str) -> Result<Frame<Bytes>, &'static str> {
    let mut fields = HeaderMap::new();
    fields.insert(name, value.parse().unwrap());
    Ok(Frame::trailers(fields))
}

pub(super) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
