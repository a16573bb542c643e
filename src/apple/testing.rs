//! What the tests of this room share: a loopback server that misbehaves on request, keys, tokens.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::client::Timeouts;
use super::key_file::SigningKey;
use super::settings::{ClientSecretSource, KeyIdentity, Settings};
use crate::base::tasks::Tasks;
use crate::base::time::Timestamp;

/// Short, so that no test waits long for a server that keeps silent.
pub(super) fn timeouts() -> Timeouts {
    Timeouts { connect: Duration::from_millis(300), total: Duration::from_millis(400) }
}

/// What a server does with a request.
pub(super) enum Reply {
    /// Answers.
    Answer { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    /// Reads and says nothing.
    Silence,
    /// Sends a head and a part of the body, then says nothing.
    Stall,
    /// Closes the connection without a word.
    Reset,
    /// Announces more than it sends, then closes.
    Half,
}

impl Reply {
    pub(super) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self::Answer { status, headers, body: body.into() }
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) line: String,
    pub(super) head: String,
    pub(super) body: String,
}

impl Request {
    pub(super) fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(super) fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

/// A server on a loopback port; it stops when it is dropped.
pub(super) struct Server {
    port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
    tasks: Tasks,
    closed: Option<oneshot::Receiver<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tasks.stop();
    }
}

impl Server {
    pub(super) async fn start<H>(handler: H) -> Self
    where
        H: Fn(&Request) -> Reply + Send + Sync + 'static,
    {
        Self::listen(None, handler).await
    }

    /// With TLS for `apple.localhost`; also gives the certificate to trust.
    pub(super) async fn start_tls<H>(handler: H) -> (Self, CertificateDer<'static>)
    where
        H: Fn(&Request) -> Reply + Send + Sync + 'static,
    {
        let (tls, certificate) = tls(&[]);
        (Self::listen(Some(tls), handler).await, certificate)
    }

    /// With TLS and HTTP/2; answers with the version that is spoken.
    pub(super) async fn start_h2() -> (Self, CertificateDer<'static>) {
        let (tls, certificate) = tls(&[b"h2"]);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let tasks = Tasks::on(tokio::runtime::Handle::current());
        tasks.run_until_stopped("test server", async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let stream = TokioIo::new(tls.accept(stream).await.unwrap());
                let service = service_fn(async |request: http::Request<Incoming>| {
                    let body = format!("{:?}", request.version());
                    Ok::<_, Infallible>(http::Response::new(body))
                });
                let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                drop(builder.serve_connection(stream, service).await);
            }
        });
        (Self { port, seen: Arc::default(), tasks, closed: None }, certificate)
    }
    async fn listen<H>(tls: Option<TlsAcceptor>, handler: H) -> Self
    where
        H: Fn(&Request) -> Reply + Send + Sync + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let tasks = Tasks::on(tokio::runtime::Handle::current());
        let (closing, closed) = oneshot::channel::<()>();
        let handler = Arc::new(handler);
        let (record, connections) = (seen.clone(), tasks.clone());
        tasks.run_until_stopped("test server", async move {
            let _closing = closing;
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, handler, record) = (tls.clone(), handler.clone(), record.clone());
                connections.run_until_stopped("test connection", async move {
                    match tls {
                        None => serve(stream, &*handler, &record).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &*handler, &record).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, seen, tasks, closed: Some(closed) }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests came for `path`.
    pub(super) fn count(&self, path: &str) -> usize {
        self.requests().iter().filter(|request| request.path() == path).count()
    }

    /// Stops listening, and waits until the port is free.
    pub(super) async fn stop(mut self) {
        self.tasks.stop();
        if let Some(closed) = self.closed.take() {
            closed.await.unwrap_err();
        }
    }
}

/// A server's TLS for `apple.localhost`, and the certificate to trust.
fn tls(protocols: &[&[u8]]) -> (TlsAcceptor, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["apple.localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    (TlsAcceptor::from(Arc::new(config)), certificate)
}

async fn serve<S, H>(mut stream: S, handler: &H, seen: &Mutex<Vec<Request>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Fn(&Request) -> Reply,
{
    let Some(request) = read_request(&mut stream).await else { return };
    seen.lock().unwrap().push(request.clone());
    let (bytes, then_wait) = match handler(&request) {
        Reply::Answer { status, headers, body } => {
            let mut head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n");
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
            ([head.into_bytes(), body].concat(), false)
        }
        Reply::Silence => (Vec::new(), true),
        Reply::Stall => (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ke".to_vec(), true),
        Reply::Reset => (Vec::new(), false),
        Reply::Half => (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ke".to_vec(), false),
    };
    // A client that went away is not a failure of the server.
    drop(stream.write_all(&bytes).await);
    drop(stream.flush().await);
    if then_wait {
        std::future::pending::<()>().await;
    }
    drop(stream.shutdown().await);
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let (line, head) = head.split_once("\r\n").unwrap_or((head, ""));
            let request =
                Request { line: line.to_owned(), head: head.to_owned(), body: body.to_owned() };
            let length = request.header("content-length").map_or(0, |text| text.parse().unwrap());
            if body.len() >= length {
                return Some(request);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// An RSA key that signs id_tokens, and what Apple would publish of it.
pub(super) struct TestKey {
    pub(super) kid: &'static str,
    pair: rsa::KeyPair,
}

impl TestKey {
    fn new(kid: &'static str) -> Self {
        Self { kid, pair: rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap() }
    }

    pub(super) fn jwk(&self) -> Value {
        let public = self.pair.public_key();
        let n = URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero());
        json!({"kty": "RSA", "kid": self.kid, "use": "sig", "alg": "RS256", "n": n, "e": "AQAB"})
    }

    pub(super) fn public_der(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }

    pub(super) fn sign(&self, message: &str) -> String {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let padding = &aws_lc_rs::signature::RSA_PKCS1_SHA256;
        self.pair.sign(padding, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
        URL_SAFE_NO_PAD.encode(signature)
    }

    /// A token of exactly these parts.
    pub(super) fn token_of(&self, header: &str, payload: &str) -> String {
        let message = format!("{}.{}", part(header), part(payload));
        format!("{message}.{}", self.sign(&message))
    }

    /// A token as Apple would sign it.
    pub(super) fn token(&self, payload: &Value) -> String {
        let header = json!({"kid": self.kid, "alg": "RS256"});
        self.token_of(&header.to_string(), &payload.to_string())
    }
}

pub(super) fn part(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// Apple's key.
pub(super) static KEY: LazyLock<TestKey> = LazyLock::new(|| TestKey::new("KEY1"));
/// The one that comes after it.
pub(super) static NEXT_KEY: LazyLock<TestKey> = LazyLock::new(|| TestKey::new("KEY2"));
/// Somebody else's, under the name of Apple's.
pub(super) static FORGED_KEY: LazyLock<TestKey> = LazyLock::new(|| TestKey::new("KEY1"));

pub(super) const CLIENT_ID: &str = "com.example.wiki";
pub(super) const ISSUER: &str = "https://appleid.apple.com";
pub(super) const NONCE: &str = "n0nce-n0nce-n0nce-n0nce-n0nce-n0nce-n0nce-0";
pub(super) const NOW: Timestamp = Timestamp(1_800_000_000);

/// The claims of a good id_token of [`NOW`].
pub(super) fn good_claims() -> Value {
    json!({
        "iss": ISSUER, "aud": CLIENT_ID, "sub": "001234.0123456789abcdef0123456789abcdef.0123",
        "iat": NOW.0, "exp": NOW.0 + 600, "nonce": NONCE, "nonce_supported": true,
        "email": "ann@corp.example", "email_verified": "true", "auth_time": NOW.0,
    })
}

pub(super) fn jwks(keys: &[&TestKey]) -> Value {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()})
}

/// A fresh key as Apple's `.p8`.
pub(super) fn signing_key() -> SigningKey {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let der = STANDARD.encode(pair.to_pkcs8v1().unwrap().as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
    SigningKey::read(pem.as_bytes()).unwrap()
}

/// The point of a key, to verify its signatures with.
pub(super) fn public_point(key: &SigningKey) -> Vec<u8> {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.pkcs8()).unwrap();
    pair.public_key().as_ref().to_vec()
}

pub(super) fn key_identity() -> KeyIdentity {
    KeyIdentity {
        team_id: "TEAM123456".to_owned(),
        key_id: "ABC123DEFG".to_owned(),
        key: signing_key(),
    }
}

pub(super) fn settings(provider_url: &str) -> Settings {
    Settings {
        provider_url: provider_url.to_owned(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: ClientSecretSource::Key(key_identity()),
        scopes: vec!["name".to_owned(), "email".to_owned()],
        request_params: Vec::new(),
        redirect_uri: "https://auth.example.com/oauth2/callback".to_owned(),
        extra_roots: Arc::default(),
    }
}
