//! What the gateway wants to know; the configuration lowers into it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use rustls::sign::CertifiedKey;

use crate::base::secret::Secret;
use crate::decision::record::Redact;
use crate::policy::Policy;
use crate::telemetry::line_file::{Destination, Rotation};
use crate::upstream;

/// Everything that handling a request needs in addition to the rules.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where we listen.
    pub listener: ListenerSettings,
    /// `authenticate_service_url`: the host that talks to Apple, `host` or `host:port`, lower case.
    pub authenticate_host: String,
    /// `authenticate_callback_path`, default `/oauth2/callback`.
    pub callback_path: String,
    /// `signout_redirect_url`: where people land after signing out; `None` is our own page.
    pub signout_redirect_url: Option<String>,
    /// `signing_key`s as PKCS#8 or SEC1 DER, the first signs; empty derives one.
    pub signing_keys: Vec<SigningKeySource>,
    /// `jwt_claims_headers`: header name (as sent) and claim, in the order written.
    pub claims_headers: Vec<(String, String)>,
    /// `set_response_headers` at top level, Pomerium's defaults where unset.
    pub response_headers: Vec<(String, String)>,
    /// `apple_domain_association`: body of the file that Apple may ask for.
    pub domain_association: Option<Arc<str>>,
    /// `xff_num_trusted_hops`, default 0: how many proxies in front of us to believe.
    pub trusted_hops: usize,
    /// `external_auth`; `None` where it is not written.
    pub external_auth: Option<ExternalAuthSettings>,
    /// `decision_log`; `None` where decisions are not written.
    pub decision_log: Option<DecisionLogSettings>,
    /// One for each route, in the order of the rules.
    pub routes: Vec<RouteService>,
}

/// `external_auth`: which proxies may ask us to decide for them.
#[derive(Clone, Debug)]
pub struct ExternalAuthSettings {
    /// Trusted addresses; IPv4 ones written as IPv6 are IPv4 here.
    pub networks: Vec<IpNet>,
    /// Headers (lower case) and the value that only a trusted proxy knows.
    pub secrets: Vec<(String, Secret)>,
    /// Whether oauth2-proxy's endpoints are served, default no.
    pub oauth2_proxy_compat: bool,
    /// Where gRPC is answered; `None` for nowhere.
    pub grpc_address: Option<SocketAddr>,
}

/// Where decisions are written, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionLogSettings {
    /// `path`.
    pub path: Destination,
    /// `rotate`: default 128 MiB, a day, 14 old files, compressed.
    pub rotation: Rotation,
    /// `redact`, default none: how people's addresses are written.
    pub redact: Redact,
}

/// One `signing_key`, its kind found out when it was read.
#[derive(Clone, Debug)]
pub enum SigningKeySource {
    /// EC P-256, PKCS#8 DER: ES256.
    Ec(Secret),
    /// RSA of 2048 bits or more, PKCS#8 DER: RS256.
    Rsa(Secret),
}

/// Where we listen, and how.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// `address`, default `:443`, which is every address of the machine.
    pub address: SocketAddr,
    /// `insecure_server`: plain HTTP on `address`, because TLS ends before us.
    pub plain: bool,
    /// `http_redirect_addr`: answers with a redirect to https.
    pub redirect_address: Option<SocketAddr>,
    /// `health_check_addr`, default `127.0.0.1:28080`; whether it was written in the file decides
    /// between an error and a warning where it is taken.
    pub health_address: SocketAddr,
    /// Whether `health_check_addr` was written.
    pub health_address_written: bool,
    /// Certificates in the order written; the first serves clients that send no name.
    pub certificates: Vec<Arc<CertifiedKey>>,
    /// `timeout_idle`, default 5 min: a kept-alive connection without a request.
    pub idle_timeout: Duration,
}

/// How one route is served, once admitted.
#[derive(Clone, Debug)]
pub struct RouteService {
    /// The application; `None` for a route that serves external auth alone.
    pub upstream: Option<upstream::Settings>,
    /// `pass_identity_headers`, the route's own or the global one.
    pub pass_identity: bool,
    /// `preserve_host_header`: send the client's `Host` on.
    pub preserve_host: bool,
    /// `cors_allow_preflight`: a true preflight passes without a session.
    pub cors_allow_preflight: bool,
    /// `set_request_headers`.
    pub set_request_headers: Vec<(String, HeaderValue)>,
    /// `remove_request_headers`, lower case; weaker than `set_request_headers`.
    pub remove_request_headers: Vec<String>,
    /// `set_response_headers` of the route, on top of the global ones.
    pub response_headers: Vec<(String, String)>,
    /// `set_response_headers: {disable: true}` of the route: not even the global ones.
    pub response_headers_disabled: bool,
    /// `shadow_policy`: asked in addition to the route's policy and never obeyed.
    pub shadow_policy: Option<Policy>,
}

/// The value of a `set_request_headers` entry, its templates taken apart once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderValue {
    /// Plain text.
    Text(String),
    /// Pieces to join.
    Template(Vec<TemplatePart>),
}

/// A piece of a header template (`pomerium.md` §2.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplatePart {
    /// Plain text; `$$` became `$`.
    Text(String),
    /// `$pomerium.jwt`: the assertion.
    Assertion,
    /// `${pomerium.request.headers["X"]}`: a header of the client, lower-case name.
    RequestHeader(String),
    /// Known to Pomerium but never held by us, or unknown: empty.
    Empty,
}
