//! From a target to an open HTTP/1.1 connection: name, address, TCP, TLS.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http_body::Body;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::error::SendError;
use super::key::Key;
use super::sent_body::SentBody;
use super::settings::{PoolLimits, Scheme, Settings, Target, TlsSettings};
use super::tls::{SetupError, client_config};
use crate::base::lock::lock;
use crate::base::tasks::Tasks;
use crate::base::time::monotonic;
use crate::wire::loopback::is_loopback_name;

/// One application, ready to be connected to. Made at plan time, cheap to clone.
#[derive(Clone, Debug)]
pub struct Upstream {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: Target,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    timeout: Option<Duration>,
    authority: HeaderValue,
    key: Key,
}

/// Makes [`Upstream`]s. Those that are checked alike share one TLS configuration with its session
/// tickets, and those that agree in everything share connections, also across plans. One for the
/// process.
#[derive(Debug, Default)]
pub struct Upstreams {
    configs: Mutex<Vec<(TlsSettings, Weak<ClientConfig>)>>,
}

impl Upstreams {
    /// The application that `settings` describe.
    ///
    /// # Errors
    /// When its certificate could never be checked.
    pub fn upstream(&self, settings: &Settings) -> Result<Upstream, SetupError> {
        let target = settings.target.clone();
        let tls = match target.scheme {
            Scheme::Http => None,
            Scheme::Https => {
                let name = ServerName::try_from(target.host.clone());
                let name = name.map_err(|_| SetupError::Name(target.host.clone()))?;
                Some((self.config(&settings.tls, &target.host)?, name))
            }
        };
        let authority = HeaderValue::try_from(target.authority.as_str())
            .map_err(|_| SetupError::Name(target.host.clone()))?;
        let key = Key::new(&target, tls.as_ref().map(|(config, _)| config));
        let timeout = settings.timeout;
        Ok(Upstream { shared: Arc::new(Shared { target, tls, timeout, authority, key }) })
    }

    fn config(&self, wanted: &TlsSettings, host: &str) -> Result<Arc<ClientConfig>, SetupError> {
        let mut configs = lock(&self.configs);
        // What neither a plan nor an open connection uses any more is forgotten.
        configs.retain(|(_, config)| config.strong_count() > 0);
        let mut alike = configs.iter().filter(|(settings, _)| settings == wanted);
        if let Some(config) = alike.find_map(|(_, config)| config.upgrade()) {
            return Ok(config);
        }
        let config = client_config(wanted, host)?;
        configs.push((wanted.clone(), Arc::downgrade(&config)));
        Ok(config)
    }
}

impl Upstream {
    /// Where it listens.
    pub fn target(&self) -> &Target {
        &self.shared.target
    }

    /// What stands in the `Host` header unless the route preserves the client's.
    pub fn authority(&self) -> &HeaderValue {
        &self.shared.authority
    }

    pub(super) fn key(&self) -> &Key {
        &self.shared.key
    }

    pub(super) fn timeout(&self) -> Option<Duration> {
        self.shared.timeout
    }

    /// A new connection, driven by a task of `tasks`.
    pub(super) async fn connect<B>(
        &self,
        limits: &PoolLimits,
        tasks: &Tasks,
    ) -> Result<Connection<B>, SendError>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let host = &self.shared.target.host;
        let connecting = async {
            let stream = self.open(limits.connect).await?;
            match &self.shared.tls {
                None => shake_hands(stream, tasks).await,
                Some((config, name)) => {
                    let connector = TlsConnector::from(Arc::clone(config));
                    let stream = connector.connect(name.clone(), stream).await;
                    let stream = stream.map_err(|source| SendError::from_tls(host, source))?;
                    shake_hands(stream, tasks).await
                }
            }
        };
        timeout(limits.connect, connecting).await.unwrap_or_else(|_| {
            Err(SendError::ConnectTimeout { host: host.clone(), within: limits.connect })
        })
    }

    /// The first of the addresses that takes the connection; each has its share of the time. If
    /// none does, what the first one said.
    async fn open(&self, within: Duration) -> Result<TcpStream, SendError> {
        let target = &self.shared.target;
        let until = monotonic() + within;
        let addresses = addresses(&target.host, target.port).await?;
        let mut first = None;
        for (place, address) in addresses.iter().enumerate() {
            let left = until.saturating_duration_since(monotonic());
            let others = u32::try_from(addresses.len() - place).unwrap_or(u32::MAX);
            let error = match timeout(left / others, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "TCP_NODELAY cannot be set");
                    }
                    return Ok(stream);
                }
                Ok(Err(source)) => SendError::from_connecting(*address, source),
                Err(_) => SendError::ConnectTimeout { host: target.host.clone(), within },
            };
            first.get_or_insert(error);
        }
        Err(first.unwrap_or_else(|| SendError::Name { host: target.host.clone(), source: None }))
    }
}

/// The addresses of a host, in the order to try them.
async fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, SendError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![(address, port).into()]);
    }
    if is_loopback_name(host) {
        return Ok(vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]);
    }
    match lookup_host((host, port)).await {
        Ok(found) => Ok(found.collect()),
        Err(source) => Err(SendError::Name { host: host.to_owned(), source: Some(source) }),
    }
}

/// An open connection. Dropping it closes the connection at once, whatever is still in flight.
#[derive(Debug)]
pub(super) struct Connection<B> {
    pub(super) sender: http1::SendRequest<SentBody<B>>,
    _open: oneshot::Sender<Infallible>,
}

async fn shake_hands<T, B>(stream: T, tasks: &Tasks) -> Result<Connection<B>, SendError>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (sender, connection) = http1::Builder::new()
        .max_header_size(HEAD_BYTES)
        .max_buf_size(HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(SendError::from_hyper)?;
    let (open, closed) = oneshot::channel::<Infallible>();
    tasks.run_until_stopped("upstream connection", async move {
        tokio::select! {
            ended = connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "upstream connection ended");
                }
            }
            _ = closed => {}
        }
    });
    Ok(Connection { sender, _open: open })
}

/// Longest head of an answer, and the most of a body that waits in memory for a slow client.
const HEAD_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_under_localhost_are_loopback_without_asking_anybody() {
        for host in ["localhost", "wiki.localhost", "a.b.LOCALHOST", "localhost."] {
            let found = addresses(host, 80).await.unwrap();
            assert_eq!(found[0], (Ipv4Addr::LOCALHOST, 80).into(), "{host}");
            assert_eq!(found[1], (Ipv6Addr::LOCALHOST, 80).into(), "{host}");
        }
        assert!(!is_loopback_name("notlocalhost"));
        assert!(!is_loopback_name("localhost.example.com"));
        assert_eq!(addresses("::1", 8080).await.unwrap(), ["[::1]:8080".parse().unwrap()]);
    }
}
