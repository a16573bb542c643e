//! Russet's own endpoints: one table of paths, and a file for each group. A path of ours never falls
//! through to an application, whatever follows it (T25). Questions of other proxies are not here but
//! in `external_auth`.

mod callback;
mod completion;
mod fixed;
mod oauth2_proxy;
mod redeem;
mod sign_in;
mod sign_out;
mod user;

use std::pin::Pin;

use http::header::ALLOW;
use http::{HeaderValue, Method, StatusCode};

use self::Handler::{Later, Now};
use crate::edge::RequestBody;
use crate::gateway::answer::{Answered, Refused, Shown};
use crate::gateway::paths::{self, is_below, is_in_own_tree};
use crate::gateway::request::CheckedRequest;
use crate::gateway::state::worker::Worker;
use crate::pages::{Href, View};
use crate::telemetry::Code;

/// One endpoint.
pub(crate) struct Endpoint {
    at: At,
    on: On,
    methods: &'static [Method],
    wrong_method: WrongMethod,
    handler: Handler,
}

/// Which path an endpoint has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// This path. Paths below `/.pomerium` are also found below `/.russet`.
    Path(&'static str),
    /// `authenticate_callback_path`.
    Callback,
}

/// On which hosts an endpoint exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    /// Any host, configured or not.
    Any,
    /// Every configured host.
    Configured,
    /// Every configured host, where `apple_domain_association` is set.
    DomainAssociation,
    /// The authenticate host alone.
    Authenticate,
    /// The authenticate host, unless a route has the same host.
    AuthenticateAlone,
    /// Every configured host, where oauth2-proxy's endpoints are served.
    OAuth2Proxy,
    /// Any host, where oauth2-proxy's endpoints are served.
    AnyOAuth2Proxy,
}

/// What a method that the endpoint does not serve is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WrongMethod {
    Page,
    /// For programs that check whether we are alive.
    Text,
    /// A page with a link to start again: a bookmark or a scanner used the wrong method, and no attempt
    /// to sign in is used up.
    StartAgain,
}

/// What an endpoint does.
#[derive(Clone, Copy)]
enum Handler {
    /// Answers at once.
    Now(fn(&CheckedRequest, &Worker) -> Answered),
    /// Reads the body, or waits for something.
    Later(for<'a> fn(Call<'a>) -> Answering<'a>),
}

/// A call of an endpoint that reads the body or waits for something.
pub(crate) struct Call<'a> {
    request: &'a CheckedRequest,
    worker: &'a Worker,
    body: RequestBody,
}

type Answering<'a> = Pin<Box<dyn Future<Output = Answered> + Send + 'a>>;

const GET: &[Method] = &[Method::GET, Method::HEAD];
const GET_POST: &[Method] = &[Method::GET, Method::HEAD, Method::POST];
const POST: &[Method] = &[Method::POST];
const EVERY_METHOD: &[Method] = &[
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

impl Endpoint {
    const fn at(path: &'static str, on: On, methods: &'static [Method], handler: Handler) -> Self {
        Self { at: At::Path(path), on, methods, wrong_method: WrongMethod::Page, handler }
    }

    /// An endpoint that says whether we are alive.
    const fn probe(path: &'static str, on: On) -> Self {
        let handler = Now(fixed::ok);
        Self { wrong_method: WrongMethod::Text, ..Self::at(path, on, GET, handler) }
    }
}

/// Every endpoint.
const TABLE: &[Endpoint] = &[
    Endpoint::probe(paths::PING, On::Any),
    Endpoint::probe(paths::HEALTHZ, On::Any),
    Endpoint::probe("/ready", On::AnyOAuth2Proxy),
    Endpoint {
        at: At::Callback,
        on: On::Authenticate,
        methods: POST,
        wrong_method: WrongMethod::StartAgain,
        handler: Later(|call| Box::pin(callback::serve(call))),
    },
    Endpoint::at("/.pomerium", On::Configured, GET, Now(user::add_slash)),
    Endpoint::at("/.pomerium/", On::Configured, GET, Now(user::page)),
    Endpoint::at("/.pomerium/user", On::Configured, GET, Now(user::json)),
    Endpoint::at("/.pomerium/sign_in", On::Configured, GET, Now(sign_in::serve)),
    Endpoint::at(
        "/.pomerium/callback/",
        On::Configured,
        GET,
        Later(|call| Box::pin(redeem::serve(call))),
    ),
    Endpoint::at(
        "/.pomerium/sign_out",
        On::Configured,
        GET_POST,
        Later(|call| Box::pin(sign_out::serve(call))),
    ),
    Endpoint::at("/.pomerium/signed_out", On::Authenticate, GET, Now(sign_out::signed_out)),
    Endpoint::at("/.pomerium/api/v1/login", On::Configured, GET, Now(fixed::not_implemented)),
    Endpoint::at("/.well-known/pomerium", On::Configured, GET, Now(fixed::well_known)),
    Endpoint::at("/.well-known/pomerium/", On::Configured, GET, Now(fixed::well_known)),
    Endpoint::at("/.well-known/pomerium/jwks.json", On::Configured, GET, Now(fixed::jwks)),
    Endpoint::at(
        "/.well-known/apple-developer-domain-association.txt",
        On::DomainAssociation,
        GET,
        Now(fixed::domain_association),
    ),
    Endpoint::at("/robots.txt", On::AuthenticateAlone, GET, Now(fixed::robots)),
    Endpoint::at("/", On::AuthenticateAlone, GET, Now(fixed::root)),
    Endpoint::at("/oauth2/start", On::OAuth2Proxy, GET, Now(oauth2_proxy::start)),
    Endpoint::at("/oauth2/sign_in", On::OAuth2Proxy, GET, Now(oauth2_proxy::button)),
    Endpoint::at(
        "/oauth2/sign_out",
        On::OAuth2Proxy,
        GET_POST,
        Later(|call| Box::pin(oauth2_proxy::sign_out(call))),
    ),
    Endpoint::at("/oauth2/userinfo", On::OAuth2Proxy, GET, Now(oauth2_proxy::userinfo)),
];

/// Answers 404 for a reserved path without an endpoint.
const NOTHING: Endpoint = Endpoint::at("", On::Configured, EVERY_METHOD, Now(fixed::not_found));

/// These are ours too where oauth2-proxy's endpoints are served, and what is below them.
/// `/oauth2/auth` itself is answered before, from the target as it was sent; no other spelling of it
/// leads to an application.
const RESERVED_OAUTH2: [&str; 2] = [paths::OAUTH2_AUTH, paths::OAUTH2_STATIC];

/// The endpoint that a request asks for, if it is one of ours at all.
pub(super) fn find(request: &CheckedRequest) -> Option<&'static Endpoint> {
    let plan = &request.plan;
    let host = request.authority.host();
    let path = request.path.as_str();
    let authenticate = plan.is_authenticate_host(host);
    let authenticate_alone = authenticate && !plan.rules.knows_host(host);
    let known = plan.knows_host(host);
    let canonical_path =
        path.strip_prefix(paths::RUSSET).map(|rest| format!("{}{rest}", paths::POMERIUM));
    let path = canonical_path.as_deref().unwrap_or(path);
    let exists = |on| match on {
        On::Any => true,
        On::Configured => known,
        On::DomainAssociation => known && plan.domain_association.is_some(),
        On::OAuth2Proxy => known && plan.serves_oauth2_proxy(),
        On::AnyOAuth2Proxy => plan.serves_oauth2_proxy(),
        On::Authenticate => authenticate,
        On::AuthenticateAlone => authenticate_alone,
    };
    let is_there = |endpoint: &&Endpoint| {
        let at = match endpoint.at {
            At::Path(at) => at == path,
            At::Callback => request.path == plan.callback_path,
        };
        at && exists(endpoint.on)
    };
    // Security: if `authenticate_callback_path` is another row's path, too, the callback wins.
    let mut found = TABLE.iter().filter(is_there);
    let first = found.next();
    let callback = first.into_iter().chain(found).find(|endpoint| endpoint.at == At::Callback);
    let reserved = known && is_in_own_tree(path);
    let reserved_oauth2 = known && plan.serves_oauth2_proxy() && is_below(path, &RESERVED_OAUTH2);
    // The authenticate host has no application behind it, unless a route says so.
    let nothing = reserved || reserved_oauth2 || authenticate_alone;
    callback.or(first).or_else(|| nothing.then_some(&NOTHING))
}

/// Serves an endpoint of ours.
pub(super) async fn serve(
    endpoint: &Endpoint,
    request: &CheckedRequest,
    body: RequestBody,
    worker: &Worker,
) -> Answered {
    if !endpoint.methods.contains(request.method()) {
        return Err(not_allowed(endpoint));
    }
    match endpoint.handler {
        Now(handler) => handler(request, worker),
        Later(handler) => handler(Call { request, worker, body }).await,
    }
}

fn not_allowed(endpoint: &Endpoint) -> Box<Refused> {
    let page =
        |start_again| Refused::page(Code::MethodNotAllowed, View::MethodNotAllowed { start_again });
    let mut refused = match endpoint.wrong_method {
        WrongMethod::Page => page(None),
        WrongMethod::StartAgain => page(Some(Href::new("/.pomerium/"))),
        WrongMethod::Text => {
            let text = Shown::Text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n");
            Refused::shown(text).with_code(Code::MethodNotAllowed)
        }
    };
    let allowed: Vec<&str> = endpoint.methods.iter().map(Method::as_str).collect();
    if let Ok(allowed) = HeaderValue::from_str(&allowed.join(", ")) {
        refused.headers_mut().insert(ALLOW, allowed);
    }
    refused
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths_on(on: On) -> impl Iterator<Item = &'static str> {
        TABLE.iter().filter(move |endpoint| endpoint.on == on).filter_map(|endpoint| match endpoint
            .at
        {
            At::Path(path) => Some(path),
            At::Callback => None,
        })
    }

    /// `paths` is what the configuration's checks, the snippets and the policy tools ask.
    #[test]
    fn t25_paths_knows_every_endpoint_that_hides_a_path_of_an_application() {
        for path in paths_on(On::Any).chain(paths_on(On::Configured)) {
            assert!(paths::is_reserved(path), "{path}");
        }
        let pages: Vec<&str> = paths_on(On::OAuth2Proxy).collect();
        assert_eq!(pages, paths::OAUTH2_PAGES);
    }
}
