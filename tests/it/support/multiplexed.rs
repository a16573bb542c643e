//! HTTP/2 to Russet and back.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::keys;
use super::wire::Answer;

/// One HTTP/2 connection.
pub struct Multiplexed {
    sender: http2::SendRequest<Full<Bytes>>,
}

impl Multiplexed {
    /// Without TLS, by prior knowledge (`plain` sites).
    pub async fn to(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap()).await
    }

    /// Over TLS, agreed on by ALPN.
    pub async fn tls(address: SocketAddr, name: &str) -> Self {
        Self::over(tls(address, name).await).await
    }

    async fn over<T>(stream: T) -> Self
    where
        T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender }
    }

    /// Sends a request without a body. `uri` is absolute. `None` where the client or the server
    /// refuses it on the level of HTTP/2.
    pub async fn ask(
        &mut self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
    ) -> Option<Answer> {
        let mut request = hyper::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::default()).ok()?;
        self.sender.ready().await.ok()?;
        let response = self.sender.send_request(request).await.ok()?;
        let status = response.status().as_u16();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), text(value.as_bytes())));
        let headers = headers.collect();
        let body = text(&response.into_body().collect().await.ok()?.to_bytes());
        Some(Answer { status, headers, body })
    }
}

/// TLS with a server that speaks HTTP/2, as they agree by ALPN.
pub async fn tls(address: SocketAddr, name: &str) -> TlsStream<TcpStream> {
    let mut config = client_config();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    stream
}

/// A TLS client that trusts the authority of the tests.
fn client_config() -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let authority =
        rustls::pki_types::CertificateDer::from_pem_slice(keys().authority_pem.as_bytes());
    roots.add(authority.unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    builder.with_root_certificates(roots).with_no_client_auth()
}
