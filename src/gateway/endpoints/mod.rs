//! What is ours on every host: one table, one file each. A path of ours never falls through to an
//! application, whatever follows it (T25).

mod callback;
mod completion;
mod oauth2_proxy;
mod redeem;
mod sign_in;
mod sign_out;
mod small;
mod user;

pub(super) use sign_in::begin as begin_sign_in;
pub(super) use sign_out::form as sign_out_form;
pub(super) use small::robots;

use bytes::Bytes;
use http::header::ALLOW;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;

use crate::gateway::answer::respond::{self, Visitor};
use crate::gateway::request::{CheckedRequest, begins_as_ours};
use crate::gateway::state::worker::Worker;
use crate::pages::{Href, View};
use crate::telemetry::Record;
use crate::wire::body::Incoming;

/// An endpoint of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// `/ping`, `/healthz`: OK.
    Ping,
    /// Where Apple's form goes.
    Callback,
    /// Signed links lead here; sends people to Apple.
    SignIn,
    /// Tickets come here.
    Redeem,
    /// Ends a session.
    SignOut,
    /// Says that it has ended.
    SignedOut,
    /// `/.pomerium/`: who one is, for people.
    UserPage,
    /// `/.pomerium`: leads to the slash.
    UserPageWithoutSlash,
    /// The same for programs.
    User,
    /// `/.pomerium/api/v1/login`: not served yet.
    ProgrammaticLogin,
    /// What applications need to check assertions.
    WellKnown,
    /// The key set for them.
    Jwks,
    /// `/robots.txt` of the authenticate host.
    Robots,
    /// `/` of the authenticate host.
    Root,
    /// The file by which Apple checks that a domain is the operator's.
    DomainAssociation,
    /// `/oauth2/start` of oauth2-proxy: begins a sign-in.
    OAuth2Start,
    /// `/oauth2/sign_in` of oauth2-proxy: the page with the button.
    OAuth2SignIn,
    /// `/oauth2/sign_out` of oauth2-proxy.
    OAuth2SignOut,
    /// `/oauth2/userinfo` of oauth2-proxy.
    OAuth2UserInfo,
    /// `/ready` of oauth2-proxy.
    Ready,
    /// Ours by its beginning, but nothing is there.
    Nothing,
}

/// On which hosts a row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    /// Any host, configured or not.
    Any,
    /// Every configured host.
    Configured,
    /// The authenticate host alone.
    Authenticate,
    /// The authenticate host, unless a route of the same name has it.
    AuthenticateAlone,
    /// Every configured host, where oauth2-proxy's endpoints are served.
    OAuth2Proxy,
    /// Any host, where they are.
    AnyOAuth2Proxy,
}

const GET: &[Method] = &[Method::GET, Method::HEAD];
const GET_POST: &[Method] = &[Method::GET, Method::HEAD, Method::POST];
const POST: &[Method] = &[Method::POST];

/// Every endpoint with a fixed path. Paths below `/.pomerium` are also found below `/.russet`.
const TABLE: &[(&str, On, &[Method], Endpoint)] = &[
    ("/ping", On::Any, GET, Endpoint::Ping),
    ("/healthz", On::Any, GET, Endpoint::Ping),
    ("/.pomerium", On::Configured, GET, Endpoint::UserPageWithoutSlash),
    ("/.pomerium/", On::Configured, GET, Endpoint::UserPage),
    ("/.pomerium/user", On::Configured, GET, Endpoint::User),
    ("/.pomerium/sign_in", On::Configured, GET, Endpoint::SignIn),
    ("/.pomerium/callback/", On::Configured, GET, Endpoint::Redeem),
    ("/.pomerium/sign_out", On::Configured, GET_POST, Endpoint::SignOut),
    ("/.pomerium/signed_out", On::Authenticate, GET, Endpoint::SignedOut),
    ("/.pomerium/api/v1/login", On::Configured, GET, Endpoint::ProgrammaticLogin),
    ("/.well-known/pomerium", On::Configured, GET, Endpoint::WellKnown),
    ("/.well-known/pomerium/", On::Configured, GET, Endpoint::WellKnown),
    ("/.well-known/pomerium/jwks.json", On::Configured, GET, Endpoint::Jwks),
    ("/robots.txt", On::AuthenticateAlone, GET, Endpoint::Robots),
    ("/", On::AuthenticateAlone, GET, Endpoint::Root),
    ("/ready", On::AnyOAuth2Proxy, GET, Endpoint::Ready),
    ("/oauth2/start", On::OAuth2Proxy, GET, Endpoint::OAuth2Start),
    ("/oauth2/sign_in", On::OAuth2Proxy, GET, Endpoint::OAuth2SignIn),
    ("/oauth2/sign_out", On::OAuth2Proxy, GET_POST, Endpoint::OAuth2SignOut),
    ("/oauth2/userinfo", On::OAuth2Proxy, GET, Endpoint::OAuth2UserInfo),
];

/// What begins like this is ours too where oauth2-proxy's endpoints are served, at whole segments.
/// `/oauth2/auth` itself is answered before, from the target as it was sent; no other spelling of it
/// leads to an application.
const RESERVED_OAUTH2: [&str; 2] = ["/oauth2/auth", "/oauth2/static"];

const DOMAIN_ASSOCIATION: &str = "/.well-known/apple-developer-domain-association.txt";

/// The endpoint that a request asks for, if it is one of ours at all.
pub(super) fn find(request: &CheckedRequest) -> Option<Endpoint> {
    let plan = &request.plan;
    let host = request.authority.host();
    let path = request.path.as_str();
    let authenticate = plan.is_authenticate_host(host);
    let known = plan.knows_host(host);
    if authenticate && path == plan.callback_path {
        return Some(Endpoint::Callback);
    }
    if path == DOMAIN_ASSOCIATION && known && plan.domain_association.is_some() {
        return Some(Endpoint::DomainAssociation);
    }
    let under_pomerium = path.strip_prefix("/.russet").map(|rest| format!("/.pomerium{rest}"));
    let path = under_pomerium.as_deref().unwrap_or(path);
    let row = TABLE.iter().find(|(at, on, ..)| {
        *at == path
            && match on {
                On::Any => true,
                On::Configured => known,
                On::OAuth2Proxy => known && plan.serves_oauth2_proxy(),
                On::AnyOAuth2Proxy => plan.serves_oauth2_proxy(),
                On::Authenticate => authenticate,
                On::AuthenticateAlone => authenticate && !plan.rules.knows_host(host),
            }
    });
    match row {
        Some((.., endpoint)) => Some(*endpoint),
        None if known && begins_as_ours(path) => Some(Endpoint::Nothing),
        None if known && plan.serves_oauth2_proxy() && is_below(path, &RESERVED_OAUTH2) => {
            Some(Endpoint::Nothing)
        }
        // The authenticate host has no application behind it, unless a route says so.
        None if authenticate && !plan.rules.knows_host(host) => Some(Endpoint::Nothing),
        None => None,
    }
}

/// Whether a path of a route's host is ours whatever the configuration says, so that no policy is
/// asked about it.
pub fn is_reserved(path: &str) -> bool {
    let fixed = TABLE.iter().any(|(at, on, ..)| *at == path && *on == On::Any);
    fixed || begins_as_ours(path)
}

fn is_below(path: &str, trees: &[&str]) -> bool {
    let inside = |tree: &&str| {
        path.strip_prefix(*tree).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    trees.iter().any(inside)
}

/// Serves an endpoint of ours.
pub(super) async fn serve(
    endpoint: Endpoint,
    request: &CheckedRequest,
    body: impl Incoming,
    worker: &Worker,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    let visitor = Visitor::of(request);
    if !methods(endpoint).contains(request.method()) {
        return not_allowed(endpoint, &visitor);
    }
    match endpoint {
        Endpoint::Callback => callback::serve(request, body, worker, record).await,
        Endpoint::SignIn => sign_in::serve(request, worker, record),
        Endpoint::Redeem => redeem::serve(request, worker, record).await,
        Endpoint::SignOut => sign_out::serve(request, body, worker, record).await,
        Endpoint::SignedOut => sign_out::signed_out(request, worker),
        Endpoint::UserPage => user::page(request, worker, record),
        Endpoint::User => user::json(request, worker, record),
        Endpoint::UserPageWithoutSlash => {
            // Under the name that was asked for.
            respond::redirect(StatusCode::MOVED_PERMANENTLY, &format!("{}/", request.path))
        }
        Endpoint::OAuth2Start => oauth2_proxy::start(request, worker, record),
        Endpoint::OAuth2SignIn => oauth2_proxy::button(request),
        Endpoint::OAuth2SignOut => oauth2_proxy::end(request, body, worker, record).await,
        Endpoint::OAuth2UserInfo => oauth2_proxy::userinfo(request, worker, record),
        Endpoint::Root => respond::redirect(StatusCode::FOUND, "/.pomerium/"),
        Endpoint::Ping | Endpoint::Ready => respond::text(StatusCode::OK, "OK\n"),
        Endpoint::Robots => robots(),
        Endpoint::WellKnown => small::well_known(request),
        Endpoint::Jwks => small::jwks(request),
        Endpoint::DomainAssociation => small::domain_association(request),
        Endpoint::ProgrammaticLogin => visitor.page(&View::NotImplemented),
        Endpoint::Nothing => visitor.page(&View::NotFound),
    }
}

fn methods(endpoint: Endpoint) -> &'static [Method] {
    match endpoint {
        Endpoint::Callback => POST,
        Endpoint::Nothing => &[
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ],
        Endpoint::DomainAssociation => GET,
        _ => TABLE
            .iter()
            .find(|(.., row)| *row == endpoint)
            .map_or(GET, |(_, _, methods, _)| methods),
    }
}

fn not_allowed(endpoint: Endpoint, visitor: &Visitor<'_>) -> Response<Full<Bytes>> {
    let mut response = match endpoint {
        Endpoint::Ping => respond::text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n"),
        // An old bookmark or a scanner; nothing of an attempt is used up.
        Endpoint::Callback => {
            visitor.page(&View::MethodNotAllowed { start_again: Some(Href::new("/.pomerium/")) })
        }
        _ => visitor.page(&View::MethodNotAllowed { start_again: None }),
    };
    let allowed: Vec<&str> = methods(endpoint).iter().map(Method::as_str).collect();
    if let Ok(allowed) = HeaderValue::from_str(&allowed.join(", ")) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}
