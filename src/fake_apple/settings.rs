//! What a fake Apple wants to know, and what it refuses to start with.

use std::fmt;
use std::net::SocketAddr;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    ParsedPublicKey,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use url::{Host, Url};

use super::people::{PeopleError, Person, check_people, prepared};
use crate::base::secret::Secret;
use crate::base::time::Clock;
use crate::wire::loopback::is_loopback_host;

/// Shortest password that is taken off loopback.
pub const MIN_PASSWORD_BYTES: usize = 12;

/// Everything that can be chosen about a fake Apple.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Scheme, host and port, without a slash at the end. Unset: `apple.localhost` at the port it
    /// listens on.
    pub base_url: Option<String>,
    /// The Services IDs it knows.
    pub clients: Vec<Client>,
    /// Who can be picked on its page.
    pub people: Vec<Person>,
    /// What the connections are protected with.
    pub tls: Tls,
    /// Asked for before the people are shown, and by the control endpoints. Must be set off
    /// loopback.
    pub password: Option<Secret>,
    /// What a `+` in `scope` or `response_type` does.
    pub plus_sign: PlusSign,
    /// Its clock; a test moves it.
    pub clock: Clock,
}

impl Settings {
    /// The usual choice of tests: a free port of 127.0.0.1, a certificate made at start, the
    /// prepared people.
    pub fn new(clients: Vec<Client>) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            base_url: None,
            clients,
            people: prepared(),
            tls: Tls::Made,
            password: None,
            plus_sign: PlusSign::Refused,
            clock: Clock::system(),
        }
    }

    /// Refuses what can be seen before listening.
    pub(super) fn check_listener(&self) -> Result<(), StartError> {
        let loopback = self.listen.ip().is_loopback();
        if matches!(self.tls, Tls::Plain) && !loopback {
            return Err(StartError::PlainOffLoopback(self.listen));
        }
        match &self.password {
            None if !loopback => return Err(StartError::NoPassword(self.listen)),
            Some(password) if password.expose().len() < MIN_PASSWORD_BYTES => {
                return Err(StartError::ShortPassword);
            }
            _ => {}
        }
        check_people(&self.people)?;
        if self.clients.is_empty() {
            return Err(StartError::NoClient);
        }
        self.clients.iter().try_for_each(Client::check)
    }

    /// The base URL for a listener that got `address`.
    pub(super) fn base_url_at(&self, address: SocketAddr) -> Result<String, StartError> {
        let plain = matches!(self.tls, Tls::Plain);
        let Some(written) = &self.base_url else {
            let scheme = if plain { "http" } else { "https" };
            let url = format!("{scheme}://apple.localhost:{}", address.port());
            // A default port is not written in a URL.
            return Ok(Url::parse(&url).map_or(url, |url| url.origin().ascii_serialization()));
        };
        let refuse = |why: &'static str| StartError::BaseUrl { url: written.clone(), why };
        let url = Url::parse(written).map_err(|_| refuse("it is not a URL"))?;
        if url.origin().ascii_serialization() != *written {
            return Err(refuse(
                "write scheme, host and port alone, in lower case: no path, no slash at the end, \
                 no default port",
            ));
        }
        match url.scheme() {
            "https" => Ok(written.clone()),
            "http" if !plain => Err(refuse("the server speaks TLS, so it begins with https://")),
            "http" if url.host_str().is_some_and(is_loopback_host) => Ok(written.clone()),
            _ => Err(refuse("it must be https, or http with a loopback name")),
        }
    }
}

/// What the connections are protected with.
#[derive(Clone, Debug)]
pub enum Tls {
    /// A certificate for the base URL's host and the loopback names, from an authority made at
    /// start.
    Made,
    /// A certificate of the operator's.
    Given {
        /// The chain as PEM, the server's own certificate first.
        chain_pem: Vec<u8>,
        /// Its private key as PEM.
        key_pem: Secret,
    },
    /// None: plain HTTP, on loopback alone.
    Plain,
}

/// What a space written as `+` in `scope` or `response_type` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlusSign {
    /// The request is refused with a page that says why.
    Refused,
    /// The scopes are ignored, as the native sheet of Apple devices does: no address, no name.
    DropsScopes,
}

/// An app as it would stand in Apple's portal.
#[derive(Clone, Debug)]
pub struct Client {
    /// The Services ID.
    pub client_id: String,
    /// The team it belongs to: ten letters and digits.
    pub team_id: String,
    /// The keys that may sign its client secrets; more than one while they are rotated.
    pub keys: Vec<ClientKey>,
    /// The return URLs, byte for byte. Apple takes neither IP addresses nor localhost; here loopback
    /// ones are taken as registrations for tests, and may be http.
    pub redirect_uris: Vec<String>,
}

impl Client {
    fn check(&self) -> Result<(), StartError> {
        if self.client_id.is_empty() {
            return Err(StartError::Client { what: "client ID", value: String::new() });
        }
        if !is_apple_id(&self.team_id) {
            let value = self.team_id.clone();
            return Err(StartError::Client { what: "Team ID", value });
        }
        if let Some(key) = self.keys.iter().find(|key| !is_apple_id(&key.key_id)) {
            return Err(StartError::Client { what: "Key ID", value: key.key_id.clone() });
        }
        self.redirect_uris.iter().try_for_each(|uri| check_redirect_uri(uri))
    }
}

/// Team IDs and Key IDs: ten capital letters and digits.
fn is_apple_id(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// The rules of Apple's portal for return URLs, with loopback names let in.
fn check_redirect_uri(uri: &str) -> Result<(), StartError> {
    let refuse = |why: &'static str| StartError::RedirectUri { uri: uri.to_owned(), why };
    let url = Url::parse(uri).map_err(|_| refuse("it is not an absolute URL"))?;
    let host = url.host().ok_or_else(|| refuse("it has no host"))?;
    let loopback = url.host_str().is_some_and(is_loopback_host);
    if uri.contains('#') {
        return Err(refuse("it must not have a fragment"));
    }
    if uri.contains('*') {
        return Err(refuse("Apple knows no wildcards: write each URL in full"));
    }
    match (url.scheme(), host) {
        ("https" | "http", _) if loopback => Ok(()),
        ("https", Host::Domain(_)) => Ok(()),
        ("https", _) => Err(refuse("Apple takes no IP address: use a name")),
        _ => Err(refuse("it must begin with https://")),
    }
}

/// The public half of a `.p8` key, under the name that Apple gave it.
#[derive(Clone)]
pub struct ClientKey {
    /// The Key ID: ten letters and digits.
    pub key_id: String,
    pub(super) public: ParsedPublicKey,
}

impl ClientKey {
    /// Reads a `.p8` file (of which the public half is kept) or a public key, both as PEM.
    ///
    /// # Errors
    /// When `pem` is neither, or not on the curve P-256.
    pub fn from_pem(key_id: &str, pem: &[u8]) -> Result<Self, StartError> {
        let refused = || StartError::ClientKey(key_id.to_owned());
        let public = if let Ok(private) = PrivatePkcs8KeyDer::from_pem_slice(pem) {
            let pair = EcdsaKeyPair::from_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                private.secret_pkcs8_der(),
            );
            pair.map_err(|_| refused())?.public_key().as_ref().to_vec()
        } else {
            SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| refused())?.to_vec()
        };
        let public =
            ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public).map_err(|_| refused())?;
        Ok(Self { key_id: key_id.to_owned(), public })
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientKey").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// Why a fake Apple does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Reachable from elsewhere without a password.
    #[error(
        "{0} can be reached from other machines, and whoever reaches a fake Apple can be anybody: \
         set a password, or listen on 127.0.0.1"
    )]
    NoPassword(SocketAddr),
    /// Clear text off loopback.
    #[error("plain HTTP is for loopback alone, and {0} is not: use a certificate")]
    PlainOffLoopback(SocketAddr),
    /// A password that can be guessed.
    #[error("the password is too short: at least {MIN_PASSWORD_BYTES} characters")]
    ShortPassword,
    /// Nobody could sign in.
    #[error("no client is registered: it takes a Services ID with its team, key and return URL")]
    NoClient,
    /// An id of a client is malformed.
    #[error("the {what} `{value}` is not one: Team IDs and Key IDs are ten capitals and digits")]
    Client {
        /// Which id.
        what: &'static str,
        /// As written.
        value: String,
    },
    /// A key of a client cannot be read.
    #[error(
        "the key {0} is neither a .p8 file nor a public key (PEM, EC P-256); make one with: \
         openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"
    )]
    ClientKey(String),
    /// A return URL that Apple's portal would not take.
    #[error("the return URL {uri} cannot be registered: {why}")]
    RedirectUri {
        /// As written.
        uri: String,
        /// The rule it breaks.
        why: &'static str,
    },
    /// A base URL that cannot be one.
    #[error("the base URL {url} cannot be used: {why}")]
    BaseUrl {
        /// As written.
        url: String,
        /// The rule it breaks.
        why: &'static str,
    },
    /// The prepared people make no sense.
    #[error(transparent)]
    People(#[from] PeopleError),
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The certificate or its key is not PEM.
    #[error("the certificate or its key is not PEM")]
    Pem(#[from] rustls_pki_types::pem::Error),
    /// The certificate and its key cannot serve.
    #[error("the certificate and its key cannot be used together")]
    Tls(#[from] rustls::Error),
    /// No certificate could be made.
    #[error("no certificate could be made")]
    Make(#[from] rcgen::Error),
    /// The machine made no key.
    #[error("the machine made no RSA key")]
    NoKey,
}
