//! The auth that other proxies ask: each describes a request in a way of its own, one file for each
//! way; what it describes is decided as if it had come to us, and the answer is shaped for it.
//!
//! *Invariant:* a dialect reads its own headers alone, and only a trusted peer is listened to at
//! all: a description is somebody else's word for what is asked (T03).

mod answer;
mod caddy;
mod described;
mod envoy;
pub(super) mod grpc;
mod haproxy;
mod nginx;
mod oauth2_proxy;
mod traefik;

use std::borrow::Cow;
use std::net::IpAddr;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::Full;

use self::answer::{Allow, Cookies};
use self::described::{Described, Undescribed};
use crate::base::ids::RequestId;
use crate::base::time::Timestamp;
use crate::gateway::answer::respond::{self, Visitor};
use crate::gateway::forward::headers;
use crate::gateway::request::CheckedRequest;
use crate::gateway::state::plan::Plan;
use crate::gateway::state::worker::{HeldPlan, Worker};
use crate::pages::View;
use crate::telemetry::{Decision, Record};
use crate::wire::accept::{self, Format};
use crate::wire::fold;
use crate::wire::path::FragmentCut;

/// Where the questions are asked, on every host. Matched against the target as it was sent: what
/// follows it may be somebody else's path, which must not lead out of here (T25).
const TREE: &str = "/.russet/auth";

/// How one kind of proxy asks, and what it can do with an answer.
struct Dialect {
    /// The part of the path that names it.
    name: &'static str,
    /// Reads the description: the request, and what follows the name in its path.
    describe: fn(&Parts, &str) -> Result<Described, Undescribed>,
    /// Whether what follows the name belongs to the description; otherwise nothing may follow.
    has_rest: bool,
    /// Whether a redirect is passed on to the browser. Where it is not, the address of the sign-in
    /// is the `Location` of the 401.
    redirects: bool,
    /// What it can do about our cookies in the request that it sends on.
    cookies: Cookies,
}

const DIALECTS: [&Dialect; 5] =
    [&nginx::DIALECT, &traefik::DIALECT, &caddy::DIALECT, &haproxy::DIALECT, &envoy::DIALECT];

/// Whether a request asks for the tree of external auth, where that is on. `path` is raw.
pub(super) fn is_asked(plan: &Plan, path: &str) -> bool {
    let rest = path.strip_prefix(TREE);
    let is_tree = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    plan.external_auth
        .as_ref()
        .is_some_and(|trusted| is_tree || (trusted.oauth2_proxy && path == oauth2_proxy::AUTH))
}

/// What comes with a question beside its head.
pub(super) struct Asking<'a> {
    /// Who is connected to us.
    pub(super) peer: IpAddr,
    pub(super) plan: HeldPlan,
    pub(super) now: Timestamp,
    pub(super) worker: &'a Worker,
}

/// Yes or no, before it has the shape that a proxy wants.
enum Verdict {
    Allow(Allow),
    /// A no, or what has its shape already.
    Answer(Response<Full<Bytes>>),
}

/// Answers a question over HTTP.
pub(super) fn serve(head: Parts, asking: Asking<'_>, record: &mut Record) -> Response<Full<Bytes>> {
    let plan = asking.plan.clone();
    record.decision = Decision::Own;
    let path = head.uri.path().to_owned();
    let mut response = match question(&path, head, asking, record) {
        Verdict::Allow(allow) => return allow.into_response(record.id),
        Verdict::Answer(response) => response,
    };
    headers::on_ours(&mut response, &plan, record.id);
    response
}

fn question(path: &str, mut head: Parts, asking: Asking<'_>, record: &mut Record) -> Verdict {
    let plan = asking.plan.clone();
    let Some(trusted) = plan.external_auth.as_ref() else {
        return nothing(&plan, &head.headers, record.id);
    };
    if !trusted.trusts(asking.peer, &head.headers) {
        record.reasons.push("untrusted-peer");
        return Verdict::Answer(respond::text(StatusCode::FORBIDDEN, "This peer may not ask.\n"));
    }
    trusted.remove_secrets(&mut head.headers);
    if path == oauth2_proxy::AUTH {
        return Verdict::Answer(oauth2_proxy::answer(head, trusted, asking, record));
    }
    let Some((dialect, rest)) = dialect(path) else {
        return nothing(&plan, &head.headers, record.id);
    };
    // Security: the library has cut the target where the other proxy may not.
    let cut = head.extensions.get::<FragmentCut>().is_some();
    let described = match cut {
        true => Err(Undescribed::Path),
        false => trusted
            .client(asking.peer, &head.headers)
            .ok_or(Undescribed::Client)
            .and_then(|client| Ok(((dialect.describe)(&head, rest)?, client))),
    };
    let verdict = verdict(head, described, (dialect.name, dialect.redirects), asking, record);
    match verdict {
        Verdict::Allow(mut allow) => {
            allow.shape = dialect.cookies;
            Verdict::Allow(allow)
        }
        answer @ Verdict::Answer(_) => answer,
    }
}

fn nothing(plan: &Plan, headers: &HeaderMap, id: RequestId) -> Verdict {
    Verdict::Answer(visitor(plan, headers, id).page(&View::NotFound))
}

fn visitor<'a>(plan: &'a Plan, headers: &HeaderMap, id: RequestId) -> Visitor<'a> {
    Visitor { plan, id, host: "", preference: accept::prefers(headers, Format::Html) }
}

/// The decision on a description of a trusted peer; `head` has the client's headers. `asked_by`:
/// who asks, for the log, and whether it passes redirects on.
fn verdict(
    head: Parts,
    described: Result<(Described, IpAddr), Undescribed>,
    asked_by: (&'static str, bool),
    asking: Asking<'_>,
    record: &mut Record,
) -> Verdict {
    let (name, redirects) = asked_by;
    record.detail = Some(format!("asked by {name}"));
    let described = described
        .and_then(|described| unambiguous(&asking.plan, &head.headers).map(|()| described));
    let (described, client) = match described {
        Ok(described) => described,
        Err(undescribed) => {
            record.decision = Decision::Malformed;
            record.reasons.push(undescribed.code());
            let visitor = visitor(&asking.plan, &head.headers, record.id);
            return Verdict::Answer(visitor.page(&View::BadRequest));
        }
    };
    let request = described.into_request(head, client, record.id, asking.now, asking.plan);
    note(&request, record);
    match answer::decide(&request, redirects, asking.worker, record) {
        Ok(allow) => Verdict::Allow(allow),
        Err(refused) => Verdict::Answer(*refused),
    }
}

/// What the log says of the request that was described.
fn note(request: &CheckedRequest, record: &mut Record) {
    record.source_ip = request.source_ip();
    record.method = request.method().clone();
    record.host = Cow::Owned(request.authority.to_string());
    record.path.clone_from(&request.path);
}

fn dialect(path: &str) -> Option<(&'static Dialect, &str)> {
    let rest = path.strip_prefix(TREE)?.strip_prefix('/')?;
    let (name, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let dialect = DIALECTS.into_iter().find(|dialect| dialect.name == name)?;
    (dialect.has_rest || rest.is_empty()).then_some((dialect, rest))
}

/// Refuses what the application behind the other proxy may read in another way than we do: that
/// request goes on as it came, so that nothing can be taken out of it.
fn unambiguous(plan: &Plan, headers: &HeaderMap) -> Result<(), Undescribed> {
    // Whoever passes on two hosts has let a client write one.
    if [AUTHORIZATION, HOST].iter().any(|name| headers.get_all(name).iter().nth(1).is_some()) {
        return Err(Undescribed::Twice);
    }
    for name in headers.keys() {
        let plain = name.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        // Security: `Remote.User` and `X_Forwarded_Email` are `Remote-User` and its kind to many.
        if fold::has_underscore(name) || (!plain && plan.protected.is_protected(name)) {
            return Err(Undescribed::Spelling);
        }
    }
    Ok(())
}
