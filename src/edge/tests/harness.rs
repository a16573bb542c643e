//! A listening edge, the service behind it, and clients that can misbehave.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Sleep, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::*;
use crate::base::tasks::Tasks;

pub(super) type TestBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// Answers by path.
#[derive(Clone, Debug, Default)]
pub(super) struct TestService {
    pub(super) calls: Arc<AtomicUsize>,
    /// How many requests are being answered.
    pub(super) busy: Arc<AtomicUsize>,
    /// What the edge refused, with the host and path where they are known.
    pub(super) refusals: Arc<Mutex<Vec<Refused>>>,
    /// `/held` waits for one of these.
    pub(super) release: Arc<Releases>,
}

/// A refusal, with the host and path of the request where they are known.
pub(super) type Refused = (EarlyRefusal, Option<(String, String)>);

impl TestService {
    pub(super) fn taken_refusals(&self) -> Vec<Refused> {
        std::mem::take(&mut *self.refusals.lock().unwrap())
    }
}

#[derive(Debug)]
pub(super) struct Releases(pub(super) Semaphore);

impl Default for Releases {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

struct Busy(Arc<AtomicUsize>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Service for TestService {
    type Body = TestBody;

    async fn call(
        &self,
        request: Request<RequestBody>,
        connection: ConnectionInfo,
    ) -> Response<TestBody> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.busy.fetch_add(1, Ordering::SeqCst);
        let busy = Busy(Arc::clone(&self.busy));
        let path = request.uri().path().to_owned();
        let (status, body) = match path.as_str() {
            "/panic" => panic!("the test wants it"),
            "/panic-in-body" => (StatusCode::OK, boxed(PanickingBody)),
            "/held" => {
                self.release.0.acquire().await.unwrap().forget();
                (StatusCode::OK, text("held"))
            }
            "/upload" => match request.into_body().collect().await {
                Ok(whole) => (StatusCode::OK, text(&whole.to_bytes().len().to_string())),
                Err(error) if BodyError::is_timeout(&error) => {
                    (StatusCode::REQUEST_TIMEOUT, text("late"))
                }
                Err(_) => (StatusCode::BAD_REQUEST, text("broken")),
            },
            "/ignore-upload" => (StatusCode::PAYLOAD_TOO_LARGE, text("too much")),
            "/cut" => (StatusCode::OK, cut_off()),
            "/endless" => (StatusCode::OK, endless(busy)),
            "/who" => {
                (StatusCode::OK, text(&format!("{:?} {}", connection.server_name, connection.tls)))
            }
            _ => (StatusCode::OK, text("hello")),
        };
        Response::builder().status(status).header(CONTENT_TYPE, "text/plain").body(body).unwrap()
    }

    fn refused(&self, refusal: EarlyRefusal, _connection: &ConnectionInfo) {
        self.refusals.lock().unwrap().push((refusal, None));
    }

    fn refuse(
        &self,
        refusal: EarlyRefusal,
        head: &RefusedHead,
        _connection: &ConnectionInfo,
    ) -> Response<TestBody> {
        let known = (head.host().unwrap_or_default().to_owned(), head.path().to_owned());
        self.refusals.lock().unwrap().push((refusal, Some(known)));
        Response::builder().status(refusal.status()).body(text(refusal.text())).unwrap()
    }
}

fn boxed<B>(body: B) -> TestBody
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    body.map_err(Into::into).boxed_unsync()
}

fn text(text: &str) -> TestBody {
    boxed(Full::new(Bytes::copy_from_slice(text.as_bytes())))
}

/// A few bytes, and a little later an error.
struct CutOffBody {
    data: Option<Bytes>,
    pause: Pin<Box<Sleep>>,
}

impl Body for CutOffBody {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        self.pause.as_mut().poll(cx).map(|()| Some(Err("upstream is gone")))
    }
}

fn cut_off() -> TestBody {
    let pause = Box::pin(sleep(Duration::from_millis(30)));
    boxed(CutOffBody { data: Some(Bytes::from_static(b"half")), pause })
}

fn endless(busy: Busy) -> TestBody {
    let block = Bytes::from(vec![b'x'; 64 * 1024]);
    boxed(Parts(move || {
        let _busy = &busy;
        Some(Ok::<_, Infallible>(Frame::data(block.clone())))
    }))
}

/// A body of whatever the function gives.
struct Parts<F>(F);

impl<F, E> Body for Parts<F>
where
    F: FnMut() -> Option<Result<Frame<Bytes>, E>> + Unpin,
{
    type Data = Bytes;
    type Error = E;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        Poll::Ready((self.0)())
    }
}

struct PanickingBody;

impl Body for PanickingBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("the test wants it")
    }
}

/// A running edge.
pub(super) struct Edge {
    pub(super) address: SocketAddr,
    pub(super) service: TestService,
    pub(super) drain: DrainStart,
    pub(super) running: JoinHandle<io::Result<Drained>>,
    pub(super) slots: Arc<Slots>,
    clients: TestClients,
}

impl Edge {
    pub(super) fn plain(limits: Limits) -> Self {
        Self::start(limits, &[])
    }

    pub(super) fn tls(limits: Limits) -> Self {
        Self::start(limits, &[certificate(&["a.example"])])
    }

    pub(super) fn start(limits: Limits, certificates: &[Arc<CertifiedKey>]) -> Self {
        let listener = bind((Ipv4Addr::LOCALHOST, 0).into(), 1).unwrap().remove(0);
        let address = listener.local_addr().unwrap();
        let tls = (!certificates.is_empty())
            .then(|| Certificates::new(certificates).unwrap().acceptor().unwrap());
        let tasks = Tasks::on(Handle::current());
        let service = TestService::default();
        let (drain, begun) = DrainStart::new();
        let slots = Slots::new(1000, 1000);
        let acceptor = Acceptor {
            listener: Listener::Tcp(listener, tls.into()),
            limits: Arc::new(limits),
            slots: Arc::clone(&slots),
            tasks: tasks.clone(),
            drain: begun,
        };
        let running = tasks.run_to_end("acceptor", acceptor.run(Arc::new(service.clone())));
        Self { address, service, drain, running, slots, clients: TestClients::of(certificates) }
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub(super) async fn connect_tls(&self, name: &str, alpn: &[&str]) -> TlsStream<TcpStream> {
        self.try_connect_tls(name, alpn, true).await.unwrap()
    }

    pub(super) async fn try_connect_tls(
        &self,
        name: &str,
        alpn: &[&str],
        send_name: bool,
    ) -> io::Result<TlsStream<TcpStream>> {
        self.clients.connect(self.connect().await, name, alpn, send_name).await
    }

    /// Waits until `count` requests are being answered.
    pub(super) async fn until_busy(&self, count: usize) {
        until_busy(&self.service, count).await;
    }
}

/// TLS clients that trust the certificates of a test.
pub(super) struct TestClients {
    roots: Vec<CertificateDer<'static>>,
}

impl TestClients {
    pub(super) fn of(certificates: &[Arc<CertifiedKey>]) -> Self {
        Self { roots: certificates.iter().map(|key| key.cert[1].clone()).collect() }
    }

    pub(super) async fn connect<T: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: T,
        name: &str,
        alpn: &[&str],
        send_name: bool,
    ) -> io::Result<TlsStream<T>> {
        let mut roots = RootCertStore::empty();
        for root in &self.roots {
            roots.add(root.clone()).unwrap();
        }
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config.enable_sni = send_name;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

/// Waits until `service` is answering `count` requests.
pub(super) async fn until_busy(service: &TestService, count: usize) {
    until(|| service.busy.load(Ordering::SeqCst) == count).await;
}

pub(super) async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("it never happened");
}

/// A certificate for `names`, followed by that of the authority that signed it.
pub(super) fn certificate(names: &[&str]) -> Arc<CertifiedKey> {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().copied().map(String::from).collect();
    let issuer = Issuer::new(authority, authority_key);
    let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let chain = vec![leaf.der().clone(), authority_certificate.der().clone()];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = aws_lc_rs::default_provider();
    Arc::new(CertifiedKey::from_der(chain, key, &provider).unwrap())
}

/// Sends raw bytes and reads until the other side closes.
pub(super) async fn exchange<T>(mut stream: T, bytes: &[u8]) -> String
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(bytes).await.unwrap();
    read_all(stream).await
}

/// What comes until the other side closes, or resets.
pub(super) async fn read_all<T: AsyncRead + Unpin>(mut stream: T) -> String {
    let mut all = Vec::new();
    let end = timeout(PATIENCE, stream.read_to_end(&mut all)).await.expect("it was never closed");
    let mut all = String::from_utf8_lossy(&all).into_owned();
    if end.is_err() {
        all.push_str("<reset>");
    }
    all
}

/// What comes until `text` is in it.
pub(super) async fn read_until<T: AsyncRead + Unpin>(stream: &mut T, text: &str) -> String {
    let mut all = String::new();
    while !all.contains(text) {
        let mut room = [0; 1024];
        let read = timeout(PATIENCE, stream.read(&mut room)).await.expect("nothing came").unwrap();
        assert_ne!(read, 0, "closed after {all:?}");
        all.push_str(&String::from_utf8_lossy(&room[..read]));
    }
    all
}

pub(super) type Http2 = http2::SendRequest<Empty<Bytes>>;

/// An HTTP/2 client on `stream`; `window` bytes of an answer may come before it is read.
pub(super) async fn http2<T>(stream: T, window: u32) -> (Http2, JoinHandle<()>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(window)
        .handshake(TokioIo::new(stream))
        .await
        .unwrap();
    let tasks = Tasks::on(Handle::current());
    let running = tasks.run_to_end("client", async move { drop(connection.await) });
    (sender, running)
}

pub(super) fn get(path: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("http://a.example{path}")).body(Empty::new()).unwrap()
}

/// Longer than anything here may take. The longest is a deadline of 5 min, under a paused clock.
pub(super) const PATIENCE: Duration = Duration::from_secs(400);
