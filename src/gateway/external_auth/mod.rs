//! The auth that other proxies ask: each describes a request in a way of its own, one file for each
//! way; what it describes is decided as if it had come to us, and the answer is shaped for it.
//!
//! *Invariant:* a dialect reads its own headers alone, and only a trusted peer is listened to at
//! all: a description is somebody else's word for what is asked (T03).

mod answer;
mod described;
mod dialect;
mod envoy;
mod forwarded;
pub(super) mod grpc;
mod nginx;
mod oauth2_proxy;

use std::borrow::Cow;
use std::net::IpAddr;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::Full;

use self::answer::{Allow, Manner};
use self::described::{Described, Undescribed};
use self::dialect::{Dialect, SignInShape};
use crate::base::ids::RequestId;
use crate::base::time::Timestamp;
use crate::gateway::answer::respond::Visitor;
use crate::gateway::answer::{Refused, Shown, render};
use crate::gateway::forward::headers;
use crate::gateway::paths;
use crate::gateway::request::CheckedRequest;
use crate::gateway::state::plan::Plan;
use crate::gateway::state::worker::{HeldPlan, Worker};
use crate::pages::View;
use crate::telemetry::{Code, Handled, Record};
use crate::wire::accept::{self, Format};
use crate::wire::header_spelling::has_underscore;
use crate::wire::occurrence::{Occurrence, of_header};
use crate::wire::path::FragmentCut;

static DIALECTS: [Dialect; 5] = [
    nginx::DIALECT,
    envoy::DIALECT,
    forwarded::dialect("traefik"),
    forwarded::dialect("caddy"),
    forwarded::dialect("haproxy"),
];

/// Whether a request asks for the tree of external auth, where that is on. `path` is raw.
pub(super) fn is_asked(plan: &Plan, path: &str) -> bool {
    let rest = path.strip_prefix(paths::EXTERNAL_AUTH);
    let is_tree = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    plan.external_auth
        .as_ref()
        .is_some_and(|trusted| is_tree || (trusted.oauth2_proxy && path == paths::OAUTH2_AUTH))
}

/// What comes with a question in addition to its head.
pub(super) struct Asking<'a> {
    /// Who is connected to us.
    pub(super) peer: IpAddr,
    pub(super) plan: HeldPlan,
    pub(super) now: Timestamp,
    pub(super) worker: &'a Worker,
}

/// Answers a question over HTTP.
pub(super) fn serve(head: Parts, asking: Asking<'_>, record: &mut Record) -> Response<Full<Bytes>> {
    record.handled = Handled::Own;
    let path = head.uri.path().to_owned();
    answer_question(&path, head, asking, record).unwrap_or_else(|refused| *refused)
}

/// Both sides are whole responses; the error side lets each step use `?`.
///
/// # Errors
/// The answer where it is not a yes. Boxed, because it is much larger.
fn answer_question(
    path: &str,
    mut head: Parts,
    asking: Asking<'_>,
    record: &mut Record,
) -> Result<Response<Full<Bytes>>, Box<Response<Full<Bytes>>>> {
    let plan = asking.plan.clone();
    let not_found = |headers: &HeaderMap, record: &mut Record| {
        let refused = Refused::page(Code::EndpointNotFound, View::NotFound);
        render_refusal(refused, &visitor(&plan, headers, record.id), record)
    };
    let Some(trusted) = plan.external_auth.as_ref() else {
        return Err(not_found(&head.headers, record));
    };
    if !trusted.trusts(asking.peer, &head.headers) {
        let visitor = visitor(&plan, &head.headers, record.id);
        return Err(render_refusal(untrusted_peer(), &visitor, record));
    }
    trusted.remove_secrets(&mut head.headers);
    if path == paths::OAUTH2_AUTH {
        return oauth2_proxy::answer(head, trusted, asking, record);
    }
    let Some((dialect, rest)) = dialect(path) else {
        return Err(not_found(&head.headers, record));
    };
    // Security: the HTTP library dropped a `#fragment` that the other proxy may have kept.
    let cut = head.extensions.get::<FragmentCut>().is_some();
    let described = match cut {
        true => Err(Undescribed::Path),
        false => trusted
            .client(asking.peer, &head.headers)
            .ok_or(Undescribed::Client)
            .and_then(|client| Ok(((dialect.describe)(&head, rest)?, client))),
    };
    let asked_by = AskedBy { name: dialect.name, sign_in: dialect.sign_in };
    let allow = decide_described(head, described, asked_by, asking, record)?;
    Ok(allow.into_response(record.id, dialect.cookies))
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
struct AskedBy {
    /// The name for the log.
    name: &'static str,
    /// How it takes somebody to sign in.
    sign_in: SignInShape,
}

fn untrusted_peer() -> Box<Refused> {
    let text = Shown::Text(StatusCode::FORBIDDEN, "This peer may not ask.\n");
    Refused::shown(text).with_code(Code::UntrustedPeer)
}

/// The answer to what is refused.
fn render_refusal(
    refused: Box<Refused>,
    visitor: &Visitor<'_>,
    record: &mut Record,
) -> Box<Response<Full<Bytes>>> {
    let mut response = render(Err(refused), visitor, record);
    headers::on_ours(&mut response, visitor.plan, record.id);
    Box::new(response)
}

fn visitor<'a>(plan: &'a Plan, headers: &HeaderMap, id: RequestId) -> Visitor<'a> {
    Visitor { plan, id, host: "", preference: accept::prefers(headers, Format::Html) }
}

/// The decision on a description of a trusted peer; `head` has the client's headers.
///
/// # Errors
/// The answer where it is not a yes.
fn decide_described(
    head: Parts,
    described: Result<(Described, IpAddr), Undescribed>,
    asked_by: AskedBy,
    asking: Asking<'_>,
    record: &mut Record,
) -> Result<Allow, Box<Response<Full<Bytes>>>> {
    record.detail = Some(format!("asked by {}", asked_by.name));
    let described = described
        .and_then(|described| check_headers(&asking.plan, &head.headers).map(|()| described));
    let (described, client) = match described {
        Ok(described) => described,
        Err(undescribed) => {
            let visitor = visitor(&asking.plan, &head.headers, record.id);
            return Err(render_refusal(undescribed.refused(), &visitor, record));
        }
    };
    let request = described.into_request(head, client, record.id, asking.now, asking.plan);
    record_described(&request, record);
    let manner = Manner { allowed: StatusCode::OK, sign_in: asked_by.sign_in, constraint: None };
    match answer::decide(&request, &manner, asking.worker, record) {
        Ok((allow, _)) => Ok(allow),
        Err(refused) => Err(render_refusal(refused, &Visitor::of(&request), record)),
    }
}

/// What the log says of the request that was described.
fn record_described(request: &CheckedRequest, record: &mut Record) {
    record.source_ip = request.source_ip();
    record.method = request.method().clone();
    record.host = Cow::Owned(request.authority.to_string());
    record.path.clone_from(&request.path);
}

fn dialect(path: &str) -> Option<(&'static Dialect, &str)> {
    let rest = path.strip_prefix(paths::EXTERNAL_AUTH)?.strip_prefix('/')?;
    let (name, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let dialect = DIALECTS.iter().find(|dialect| dialect.name == name)?;
    (dialect.has_rest || rest.is_empty()).then_some((dialect, rest))
}

/// Refuses what the application behind the other proxy may read in another way than we do: that
/// request goes on as it came, so that nothing can be taken out of it.
fn check_headers(plan: &Plan, headers: &HeaderMap) -> Result<(), Undescribed> {
    // A peer that passes on two `Host` or `Authorization` values has let the client add one.
    if [AUTHORIZATION, HOST].iter().any(|name| of_header(headers, name) == Occurrence::Repeated) {
        return Err(Undescribed::Twice);
    }
    for name in headers.keys() {
        let plain = name.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        // Security: many applications read `Remote.User` as `Remote-User`, and `X_Forwarded_Email` as
        // `X-Forwarded-Email`.
        if has_underscore(name) || (!plain && plan.protected.is_protected(name)) {
            return Err(Undescribed::Spelling);
        }
    }
    Ok(())
}
