//! Everything that follows from the configuration, worked out once. Immutable; a request holds one
//! plan from beginning to end.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use crate::apple::AppleProvider;
use crate::base::seal::{Ring, Signer};
use crate::decision::record::Redact;
use crate::decision::{PathRule, RouteIndex, RouteRule, Rules};
use crate::edge::{CertificateSet, ConnectionInfo, TlsError};
use crate::gateway::forward::assertion::{KeyProblem, SigningKeys};
use crate::gateway::state::settings::{self, RouteService, Settings, TemplatePart};
use crate::gateway::trusted_peers::TrustedPeers;
use crate::pages;
use crate::policy::{Groups, Policy, Reads};
use crate::session::attempt::Attempts;
use crate::session::link::{Links, Starts};
use crate::session::sealed_cookie::SessionSeal;
use crate::session::ticket::Tickets;
use crate::session::{self, CookieSettings};
use crate::upstream::{SetupError, Upstream, Upstreams};
use crate::wire::cookies::OurCookies;
use crate::wire::host::Authority;
use crate::wire::protected_names::Protected;

/// What begins the names of our cookies other than the session's.
pub const COOKIE_PREFIX: &str = "__Host-russet_";

/// The immutable whole of one configuration.
#[derive(Debug)]
pub struct Plan {
    /// Routes and policies.
    pub(crate) rules: Rules,
    /// The rules of `run --shadow-config`: asked in addition to the real ones and never obeyed.
    pub(crate) shadow_rules: Option<Rules>,
    /// How each route is served, by route index.
    services: Vec<RoutePlan>,
    /// The host that talks to Apple.
    pub(crate) authenticate: Authority<'static>,
    pub(crate) callback_path: String,
    pub(crate) signout_redirect_url: Option<String>,
    /// The port that we listen on, which addresses of routes without a port may carry.
    listener_port: u16,
    pub(crate) sessions: Arc<SessionSeal>,
    pub(crate) attempts: Attempts,
    pub(crate) links: Links,
    pub(crate) starts: Starts,
    pub(crate) tickets: Tickets,
    /// Signs the forms of our own pages.
    pub(crate) forms: Signer,
    pub(crate) cookie: CookieSettings,
    /// Names of our cookies, which no application sees or sets.
    pub(crate) our_cookies: OurCookies,
    /// Names that a client may not send on.
    pub(crate) protected: Protected,
    pub(crate) signing_keys: SigningKeys,
    /// `jwt_claims_headers`: header and claim.
    pub(crate) claims_headers: Vec<(HeaderName, String)>,
    /// Who is in which group, for what is said to applications.
    pub(crate) groups: Arc<Groups>,
    /// Headers of every answer, ours and the applications'.
    pub(crate) response_headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) domain_association: Option<Bytes>,
    pub(crate) trusted_hops: usize,
    /// The provider's URL where it is not Apple.
    pub(crate) not_apple: Option<String>,
    /// `Content-Security-Policy` of our pages, and of the one page that a frame may show.
    pub(crate) content_security_policy: HeaderValue,
    pub(crate) frame_security_policy: HeaderValue,
    /// Who may ask us for other proxies; `None` where external auth is off.
    pub(crate) external_auth: Option<TrustedPeers>,
    pub(crate) jwks: Bytes,
    pub(crate) jwks_etag: HeaderValue,
    /// Where browsers sign in, and who redeems their codes.
    pub(crate) apple: Arc<AppleProvider>,
    /// What is served, and which names together; `None` where TLS ends before us.
    pub(crate) certificates: Option<Arc<CertificateSet>>,
    /// How people's addresses are written into the decision log.
    pub(crate) redact: Redact,
}

/// How one route is served.
#[derive(Debug)]
pub(crate) struct RoutePlan {
    /// `None` for a route that serves external auth alone.
    pub(crate) upstream: Option<Upstream>,
    /// `host:port` for the log.
    pub(crate) upstream_name: Option<Arc<str>>,
    pub(crate) preserve_host: bool,
    pub(crate) pass_identity: bool,
    pub(crate) cors_allow_preflight: bool,
    pub(crate) set_request_headers: Vec<(HeaderName, SetValue)>,
    pub(crate) remove_request_headers: Vec<HeaderName>,
    pub(crate) response_headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether the global `response_headers` stay away from its answers.
    pub(crate) response_headers_disabled: bool,
    /// Whether its policy looks at the method, by itself or to know a preflight, so that no header
    /// may turn it into another (T46).
    pub(crate) method_matters: bool,
    pub(crate) path_swap: Option<PathSwap>,
    /// Asked in addition to the route's policy and never obeyed.
    pub(crate) shadow_policy: Option<Policy>,
}

/// What the path of `to` takes the place of, as text.
#[derive(Debug)]
pub(crate) enum PathSwap {
    /// Of the prefix that the route matched.
    Prefix { prefix: String, to: String },
    /// Of the whole path, which is what an exact rule or an expression matched.
    Whole { to: String },
}

/// The value of a header that a route sets.
#[derive(Debug)]
pub(crate) enum SetValue {
    Fixed(HeaderValue),
    Template(Vec<TemplatePart>),
}

/// The settings do not make a plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanProblem {
    /// A signing key does not sign.
    #[error(transparent)]
    Key(#[from] KeyProblem),
    /// An application's certificate could never be checked.
    #[error(transparent)]
    Upstream(#[from] SetupError),
    /// Certificates cannot be served.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A header name or value cannot be written.
    #[error("`{0}` cannot be written as a header")]
    Header(String),
    /// `authenticate_service_url` has no usable host.
    #[error("`{0}` is not a host name")]
    Host(String),
}

/// What a plan is made of.
#[derive(Debug)]
pub struct Ingredients<'a> {
    /// The gateway's own settings.
    pub gateway: &'a Settings,
    /// The session's settings.
    pub session: &'a session::Settings,
    /// Seals attempts and sessions.
    pub cookie_secret: &'a Ring,
    /// Seals links and tickets.
    pub shared_secret: &'a Ring,
    /// Routes with their policies.
    pub rules: Vec<RouteRule>,
    /// Who is in which group.
    pub groups: Arc<Groups>,
    /// The rules of a shadow configuration, where there is one.
    pub shadow_rules: Option<Rules>,
    /// The provider's URL where it is not Apple.
    pub not_apple: Option<String>,
    /// The provider's origin, where the sign-in button of a page may lead.
    pub provider_origin: String,
    /// Redeems codes; shares Apple's keys with the providers of other plans.
    pub apple: Arc<AppleProvider>,
    /// Makes the way to applications; shares connections with other plans.
    pub upstreams: &'a Upstreams,
}

impl Plan {
    /// Works everything out.
    ///
    /// # Errors
    /// What cannot be used; the configuration refuses most of it earlier, with its place.
    pub fn new(given: Ingredients<'_>) -> Result<Self, PlanProblem> {
        let Ingredients { gateway, session, cookie_secret, shared_secret, .. } = given;
        let authenticate = Authority::parse(&gateway.authenticate_host)
            .map_err(|_| PlanProblem::Host(gateway.authenticate_host.clone()))?
            .into_owned();
        let claims_headers = gateway
            .claims_headers
            .iter()
            .map(|(header, claim)| Ok((name(header)?, claim.clone())))
            .collect::<Result<Vec<_>, PlanProblem>>()?;
        let services = given
            .rules
            .iter()
            .zip(&gateway.routes)
            .map(|(rule, service)| RoutePlan::new(rule, service, given.upstreams))
            .collect::<Result<Vec<_>, _>>()?;
        let signing_keys = SigningKeys::new(&gateway.signing_keys, shared_secret)?;
        let jwks = Bytes::from(signing_keys.jwks().to_owned());
        let etag: String =
            crate::base::seal::digest(signing_keys.jwks()).chars().take(16).collect();
        // Security: the secret of a proxy in front goes to no application.
        let secret_headers = gateway
            .external_auth
            .iter()
            .flat_map(|settings| settings.secrets.iter().map(|(header, _)| header.as_str()));
        // Signing out may end at another site, and browsers hold redirects after a form to it.
        let mut form_targets = vec![format!("https://{authenticate}"), given.provider_origin];
        form_targets.extend(gateway.signout_redirect_url.as_deref().and_then(origin_of));
        Ok(Self {
            rules: Rules::new(given.rules),
            shadow_rules: given.shadow_rules,
            services,
            authenticate,
            callback_path: gateway.callback_path.clone(),
            signout_redirect_url: gateway.signout_redirect_url.clone(),
            listener_port: gateway.listener.address.port(),
            sessions: Arc::new(SessionSeal::new(cookie_secret, session)),
            attempts: Attempts::new(cookie_secret),
            links: Links::new(shared_secret),
            starts: Starts::new(shared_secret),
            tickets: Tickets::new(shared_secret),
            forms: shared_secret.signer("form"),
            our_cookies: OurCookies::new([session.cookie.name.as_str()], [COOKIE_PREFIX]),
            cookie: session.cookie.clone(),
            protected: Protected::new(
                claims_headers.iter().map(|(header, _)| header.as_str()).chain(secret_headers),
            ),
            jwks_etag: value(&format!("\"{etag}\""))?,
            jwks,
            signing_keys,
            claims_headers,
            groups: given.groups,
            response_headers: pairs(&gateway.response_headers)?,
            domain_association: gateway
                .domain_association
                .as_deref()
                .map(|body| Bytes::from(body.to_owned())),
            trusted_hops: gateway.trusted_hops,
            external_auth: gateway
                .external_auth
                .as_ref()
                .map(TrustedPeers::new)
                .transpose()
                .map_err(PlanProblem::Header)?,
            not_apple: given.not_apple,
            apple: given.apple,
            certificates: match gateway.listener.plain {
                true => None,
                false => Some(Arc::new(CertificateSet::new(&gateway.listener.certificates)?)),
            },
            redact: gateway.decision_log.as_ref().map(|log| log.redact).unwrap_or_default(),
            content_security_policy: value(&pages::content_security_policy(&form_targets))?,
            frame_security_policy: value(&pages::same_origin_frame_policy(&form_targets))?,
        })
    }

    /// How a route is served.
    pub(crate) fn route_plan(&self, index: RouteIndex) -> Option<&RoutePlan> {
        self.services.get(index.0)
    }

    /// Whether anything is asked in addition to the real policies.
    pub(crate) fn has_shadow(&self) -> bool {
        self.shadow_rules.is_some()
            || self.services.iter().any(|service| service.shadow_policy.is_some())
    }

    /// Whether an address may lead here: a configured route's origin, or the authenticate host's.
    pub(crate) fn is_ours(&self, authority: &Authority<'_>) -> bool {
        *authority == self.authenticate || self.rules.is_origin(authority, self.listener_port)
    }

    /// Whether we answer for this host at all.
    pub(crate) fn knows_host(&self, host: &str) -> bool {
        self.is_authenticate_host(host) || self.rules.knows_host(host)
    }

    /// Whether oauth2-proxy's endpoints are served.
    pub(crate) fn serves_oauth2_proxy(&self) -> bool {
        self.external_auth.as_ref().is_some_and(|trusted| trusted.oauth2_proxy)
    }

    /// Whether a connection may carry requests for `host`.
    pub(crate) fn may_carry(&self, connection: &ConnectionInfo, host: &str) -> bool {
        self.certificates
            .as_ref()
            .is_none_or(|known| known.serve_together(connection.server_name.as_deref(), host))
    }

    /// Whether this is the host that talks to Apple, whatever the port.
    pub(crate) fn is_authenticate_host(&self, host: &str) -> bool {
        host == self.authenticate.host()
    }
}

impl RoutePlan {
    fn new(
        rule: &RouteRule,
        settings: &RouteService,
        upstreams: &Upstreams,
    ) -> Result<Self, PlanProblem> {
        let upstream = settings.upstream.as_ref();
        let target = upstream.map(|upstream| &upstream.target);
        let path_swap = target.and_then(|target| target.path.clone()).map(|to| match &rule.path {
            PathRule::Prefix(prefix) => PathSwap::Prefix { prefix: prefix.clone(), to },
            PathRule::Any => PathSwap::Prefix { prefix: "/".to_owned(), to },
            PathRule::Exact(_) | PathRule::Regex(_) => PathSwap::Whole { to },
        });
        Ok(Self {
            upstream: upstream.map(|upstream| upstreams.upstream(upstream)).transpose()?,
            upstream_name: target.map(|target| format!("{}:{}", target.host, target.port).into()),
            preserve_host: settings.preserve_host,
            pass_identity: settings.pass_identity,
            cors_allow_preflight: settings.cors_allow_preflight,
            set_request_headers: settings
                .set_request_headers
                .iter()
                .map(|(header, set)| Ok((name(header)?, SetValue::new(set)?)))
                .collect::<Result<_, PlanProblem>>()?,
            remove_request_headers: settings
                .remove_request_headers
                .iter()
                .map(|header| name(header))
                .collect::<Result<_, _>>()?,
            response_headers: pairs(&settings.response_headers)?,
            response_headers_disabled: settings.response_headers_disabled,
            method_matters: [Reads::Method, Reads::Preflight]
                .into_iter()
                .any(|read| rule.policy.reads(read)),
            path_swap,
            shadow_policy: settings.shadow_policy.clone(),
        })
    }
}

impl SetValue {
    fn new(set: &settings::HeaderValue) -> Result<Self, PlanProblem> {
        match set {
            settings::HeaderValue::Text(text) => Ok(Self::Fixed(value(text)?)),
            settings::HeaderValue::Template(parts) => Ok(Self::Template(parts.clone())),
        }
    }
}

fn name(text: &str) -> Result<HeaderName, PlanProblem> {
    text.parse().map_err(|_| PlanProblem::Header(text.to_owned()))
}

fn value(text: &str) -> Result<HeaderValue, PlanProblem> {
    HeaderValue::from_str(text).map_err(|_| PlanProblem::Header(text.to_owned()))
}

fn pairs(headers: &[(String, String)]) -> Result<Vec<(HeaderName, HeaderValue)>, PlanProblem> {
    headers.iter().map(|(header, text)| Ok((name(header)?, value(text)?))).collect()
}

fn origin_of(url: &str) -> Option<String> {
    Some(url::Url::parse(url).ok()?.origin().ascii_serialization())
}
