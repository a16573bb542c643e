//! A whole installation behind a front proxy: the fake Apple, Russet and the front proxy as
//! processes, the last with its shipped example, and an application that records what reaches it.
//! Hosts are those of the examples; only ports and paths are put in the place of theirs.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use russet::base::seal::Ring;
use russet::base::secret::Secret;
use russet::base::time::Timestamp;
use russet::fake_browser::Browser;
use russet::identity::{Claims, Identity};
use russet::session::Settings;
use russet::session::sealed_cookie::SessionSeal;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::proxies::Front;
use super::recorder::Recorder;
use super::wire::Wire;
use crate::house::{
    CLIENT_ID, KEY_ID, Process, TEAM_ID, binary, certificates, free_port, scratch, start_apple,
    wait_for,
};

pub(super) const WIKI: &str = "wiki.example.com";
const AUTH: &str = "auth.example.com";
const APPLE: &str = "apple.localhost";
/// Seals the cookies of the tests' Russet, so that tests can make some of their own.
const COOKIE_SECRET: [u8; 32] = *b"cookies behind front proxies, 32";
const SHARED_SECRET: [u8; 32] = *b"tickets behind front proxies, 32";

/// Everything stops when it is dropped: first whoever asks, then whoever answers.
pub(super) struct Site {
    front: Option<Process>,
    russet: Process,
    _apple: Process,
    pub(super) app: Recorder,
    folder: tempfile::TempDir,
    ports: Ports,
    authority_pem: String,
}

/// Where everybody listens, on loopback.
#[derive(Clone, Copy)]
pub(super) struct Ports {
    pub(super) front: u16,
    pub(super) russet: u16,
    pub(super) grpc: u16,
    pub(super) apple: u16,
    pub(super) app: u16,
    /// For what must listen and is of no use here.
    pub(super) spare: u16,
}

impl Site {
    /// The shipped example.
    pub(super) async fn start(front: Front) -> Self {
        Self::with(front, None).await
    }

    /// The shipped example with other routes, as YAML of a list.
    pub(super) async fn with(front: Front, routes: Option<&str>) -> Self {
        let folder = scratch();
        let app = Recorder::start().await;
        let ports = Ports {
            front: free_port(),
            russet: free_port(),
            grpc: free_port(),
            apple: free_port(),
            app: app.address().port(),
            spare: free_port(),
        };
        let authority_pem = certificates(folder.path());
        let redirect = format!("https://{AUTH}/oauth2/callback");
        let apple = start_apple(folder.path(), ports.apple, CLIENT_ID, &redirect);
        let russet = start_russet(front, folder.path(), ports, routes);
        let front = front.start(folder.path(), ports);
        let site = Self { front, russet, _apple: apple, app, folder, ports, authority_pem };
        if site.front.is_some() {
            wait_for(ports.front, &site.folder.path().join("front.err"));
            site.certified().await;
        }
        site
    }

    /// Waits for those who make certificates for themselves, which they do once they listen.
    async fn certified(&self) {
        for host in [WIKI, AUTH] {
            for _ in 0..500 {
                match self.connect(host).await {
                    Ok(_) => break,
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        }
    }

    /// A browser with an empty jar.
    pub(super) fn browser(&self) -> Browser {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let hosts = [(WIKI, at(self.ports.front)), (AUTH, at(self.ports.front))];
        let apple = [(APPLE, at(self.ports.apple))];
        Browser::new(&self.authority_pem, &[&hosts[..], &apple].concat()).unwrap()
    }

    /// A raw connection for `host`: to the front proxy, over TLS, or to Russet where there is none.
    pub(super) async fn wire(&self, host: &str) -> Wire {
        if self.front.is_none() {
            return Wire::to(SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports.russet))).await;
        }
        Wire::over(self.connect(host).await.unwrap_or_else(|e| panic!("{e}{}", self.front_said())))
    }

    async fn connect(&self, host: &str) -> io::Result<TlsStream<TcpStream>> {
        let authority = CertificateDer::from_pem_slice(self.authority_pem.as_bytes()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(authority).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.ports.front)).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(host.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    /// A `Cookie` header value that signs its bearer in on the wiki as of `age` ago.
    pub(super) fn cookie(&self, email: &str, age: Duration) -> String {
        let claims = json!({"sub": "001.front", "email": email, "email_verified": true});
        let claims = Claims::new(claims.as_object().unwrap().clone());
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let begun = Timestamp(i64::try_from((since - age).as_secs()).unwrap());
        let session = seal().begin(Identity::new("001.front", claims, begun), begun).unwrap();
        format!("__Host-russet={}", seal().seal(&session, WIKI).unwrap())
    }

    /// What Russet has logged of requests so far, once it has logged `path`.
    pub(super) async fn log(&self, path: &str) -> Vec<Value> {
        let file = self.folder.path().join("russet.out");
        for _ in 0..500 {
            let text = fs::read_to_string(&file).unwrap();
            // A line may be in the middle of being written.
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let read = |line| serde_json::from_str::<Value>(line).expect(line);
            let lines: Vec<Value> = whole.lines().map(read).collect();
            if lines.iter().any(|line| line["path"] == path) {
                return lines.into_iter().filter(|line| line["message"] == "request").collect();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the log says nothing of {path}");
    }

    /// Ends Russet.
    pub(super) fn stop_russet(&mut self) {
        self.russet.stop();
    }

    /// Puts somebody in Russet's place who accepts connections and never says a word.
    pub(super) fn silence_russet(&mut self) -> [TcpListener; 2] {
        self.stop_russet();
        [self.ports.russet, self.ports.grpc]
            .map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap())
    }

    /// What the front proxy has said, to tell where it does not do what it should.
    pub(super) fn front_said(&self) -> String {
        ["front.out", "front.err"]
            .map(|name| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default())
            .concat()
    }
}

fn seal() -> SessionSeal {
    let settings = Settings::default();
    SessionSeal::new(&Ring::new(vec![Secret::new(COOKIE_SECRET)]).unwrap(), &settings)
}

/// Russet with the example's file; what belongs to this machine comes by the environment.
fn start_russet(front: Front, folder: &Path, ports: Ports, routes: Option<&str>) -> Process {
    let config = folder.join("russet.yaml");
    let text = fs::read_to_string(front.folder().join("russet.yaml")).unwrap();
    let text = text.replace("127.0.0.1:8081", &format!("127.0.0.1:{}", ports.grpc));
    let text = match front {
        Front::NginxOauth2Proxy => {
            text.replace("  trusted_peers:", "  oauth2_proxy_compat: true\n  trusted_peers:")
        }
        _ => text,
    };
    fs::write(&config, text).unwrap();
    let file = |name: &str| -> PathBuf { folder.join(name) };
    let mut command = Command::new(binary());
    command
        .args(["run", "--workers", "1", "--config"])
        .arg(&config)
        .env("ADDRESS", format!("127.0.0.1:{}", ports.russet))
        .env("HEALTH_CHECK_ADDR", format!("127.0.0.1:{}", free_port()))
        .env("STATE_DIR", file("state"))
        .env("CERTIFICATE_AUTHORITY_FILE", file("authority.pem"))
        .env("IDP_PROVIDER_URL", format!("https://{APPLE}:{}", ports.apple))
        .env("IDP_CLIENT_ID", CLIENT_ID)
        .env("IDP_TEAM_ID", TEAM_ID)
        .env("IDP_KEY_ID", KEY_ID)
        .env("IDP_PRIVATE_KEY_FILE", file(&format!("AuthKey_{KEY_ID}.p8")))
        .env("COOKIE_SECRET", STANDARD.encode(COOKIE_SECRET))
        .env("SHARED_SECRET", STANDARD.encode(SHARED_SECRET))
        .env("LOG_FORMAT", "json");
    if let Some(routes) = routes {
        let routes = routes.replace("{app}", &format!("http://127.0.0.1:{}", ports.app));
        command.env("ROUTES", STANDARD.encode(routes));
    }
    let process = Process::start(&mut command, folder, "russet");
    wait_for(ports.russet, &folder.join("russet.err"));
    process
}
