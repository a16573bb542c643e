//! What an application is told, and what its answer may carry. What a client says about itself
//! under a name of ours is gone before we say anything (T04, T05, T34).

use bytes::Bytes;
use http_body_util::Full;
use std::fmt::Write as _;
use std::sync::Arc;

use http::header::{EXPECT, HOST};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use serde_json::Value;

use crate::base::ids::RequestId;
use crate::gateway::forward::assertion::{self, verified_email};
use crate::gateway::request::CheckedRequest;
use crate::gateway::state::plan::{PathSwap, Plan, RoutePlan, SetValue};
use crate::gateway::state::settings::TemplatePart;
use crate::gateway::state::worker::Worker;
use crate::policy::Groups;
use crate::session::Session;
use crate::upstream::Upstream;
use crate::wire::host::Scheme;
use crate::wire::path::normalise;
use crate::wire::{hop, protected_names};

const ASSERTION: HeaderName = HeaderName::from_static("x-pomerium-jwt-assertion");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Why a request cannot be written for an application, which is a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unwritable {
    /// The path of `to` and the client's would meet in `.` or `..`.
    Path,
    /// A header or the address has no form that can be sent.
    Head,
}

/// The head of the request to the application. Takes the client's headers out of `request`.
pub(crate) fn to_upstream(
    request: &mut CheckedRequest,
    worker: &Worker,
    service: &RoutePlan,
    upstream: &Upstream,
    session: Option<&Session>,
) -> Result<Request<()>, Unwritable> {
    let target = target(request, service)?;
    let mut headers = request.take_headers();
    let plan: &Plan = &request.plan;
    hop::remove_from_request(&mut headers, &plan.protected);
    plan.protected.remove_from(&mut headers);
    headers.remove(EXPECT);
    plan.our_cookies.remove_from_request(&mut headers);
    if service.method_matters {
        protected_names::remove_method_overrides(&mut headers);
    }
    request.chain.write(&mut headers, Scheme::Https, &request.authority);
    let speaker = Speaker { request, worker, plan, session };
    // Templates read what the client sent, before any of it is removed: a header can be renamed.
    let set = service.set_request_headers.iter();
    let set: Option<Vec<_>> =
        set.map(|(name, value)| Some((name, speaker.filled(value, &headers)?))).collect();
    for name in &service.remove_request_headers {
        headers.remove(name);
    }
    if service.pass_identity {
        speaker.introduce(&mut headers).ok_or(Unwritable::Head)?;
    }
    for (name, value) in set.ok_or(Unwritable::Head)? {
        headers.insert(name.clone(), value);
    }
    let (name, value) = request_id(request.id);
    headers.insert(name, value);
    let host = match service.preserve_host {
        true => HeaderValue::from_str(&request.authority.to_string()),
        false => Ok(upstream.authority().clone()),
    };
    headers.insert(HOST, host.map_err(|_| Unwritable::Head)?);
    let mut outgoing = Request::new(());
    *outgoing.method_mut() = request.head.method.clone();
    *outgoing.uri_mut() = target;
    *outgoing.headers_mut() = headers;
    Ok(outgoing)
}

/// The assertion and every configured claim header, empty where there is nothing to say, for a
/// proxy that asks on behalf of an application.
pub(crate) fn every_identity(
    request: &CheckedRequest,
    worker: &Worker,
    session: Option<&Session>,
) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(ASSERTION, HeaderValue::from_static(""));
    let speaker = Speaker { request, worker, plan: &request.plan, session };
    speaker.introduce(&mut headers)?;
    Some(headers)
}

/// What of an application's answer goes on to the client.
/// The configured headers take the place of the application's: the global ones, then the route's.
pub(crate) fn to_client(headers: &mut HeaderMap, request: &CheckedRequest, service: &RoutePlan) {
    let plan = &request.plan;
    hop::remove_from_response(headers);
    let dropped = plan.our_cookies.remove_from_response(headers);
    if dropped > 0 {
        tracing::warn!(
            upstream = service.upstream_name.as_deref(),
            dropped,
            "application set a cookie of ours"
        );
    }
    let global = if service.response_headers_disabled { &[] } else { &*plan.response_headers };
    for (name, value) in global.iter().chain(&service.response_headers) {
        headers.insert(name.clone(), value.clone());
    }
    let (name, value) = request_id(request.id);
    headers.insert(name, value);
}

/// What every answer of ours carries in addition to its own: `set_response_headers`, but never in place of
/// what protects a page of ours.
pub(crate) fn on_ours(response: &mut Response<Full<Bytes>>, plan: &Plan, id: RequestId) {
    let headers = response.headers_mut();
    for (name, value) in &plan.response_headers {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    let (name, value) = request_id(id);
    headers.insert(name, value);
}

/// The header that names a request, for answers and applications.
pub(crate) fn request_id(id: RequestId) -> (HeaderName, HeaderValue) {
    // Invariant: a UUID is a header value.
    let value = HeaderValue::from_str(&id.to_string()).unwrap_or(HeaderValue::from_static(""));
    (REQUEST_ID, value)
}

/// Path and query for the application: the normalised path that was decided on, what it matched
/// swapped for the path of `to`, and the query as it came.
fn target(request: &CheckedRequest, service: &RoutePlan) -> Result<Uri, Unwritable> {
    let path = &request.path;
    let mut target = match &service.path_swap {
        None => path.clone(),
        Some(swap) => swapped(swap, path).ok_or(Unwritable::Path)?,
    };
    if let Some(query) = request.head.uri.query() {
        target.push('?');
        target.push_str(query);
    }
    let target = PathAndQuery::from_maybe_shared(target).map_err(|_| Unwritable::Head)?;
    Ok(Uri::from(target))
}

/// The path with its matched part swapped. Security: a prefix is raw text and may end inside a
/// segment, so `/app` swapped for `/base/` would make `/base/../x` of `/app../x`; such a path was
/// never decided on and is none (T01).
fn swapped(swap: &PathSwap, path: &str) -> Option<String> {
    let (to, rest) = match swap {
        PathSwap::Whole { to } => (to, ""),
        PathSwap::Prefix { prefix, to } => (to, path.strip_prefix(prefix.as_str())?),
    };
    let (before, after) = (to.rsplit('/').next()?, rest.split('/').next()?);
    let seam = format!("/{before}{after}");
    let plain = normalise(&seam).is_ok_and(|normal| seam == "/" || normal != "/");
    plain.then(|| format!("{to}{rest}"))
}

/// Speaks for the person to the application.
struct Speaker<'a> {
    request: &'a CheckedRequest,
    worker: &'a Worker,
    plan: &'a Plan,
    session: Option<&'a Session>,
}

impl Speaker<'_> {
    /// The assertion and the configured claim headers. A claim that is not there is an empty
    /// header, so that an application never sees one of a client's making; without a session there
    /// is no assertion at all (W11).
    fn introduce(&self, headers: &mut HeaderMap) -> Option<()> {
        if let Some(session) = self.session {
            headers.insert(ASSERTION, HeaderValue::from_str(&self.assertion(session)?).ok()?);
        }
        for (name, claim) in &self.plan.claims_headers {
            let text = self.session.map(|session| claim_text(session, claim, &self.plan.groups));
            let text = text.unwrap_or_default();
            headers.insert(name.clone(), HeaderValue::from_bytes(text.as_bytes()).ok()?);
        }
        Some(())
    }

    fn assertion(&self, session: &Session) -> Option<Arc<str>> {
        let host = self.request.authority.host();
        self.worker.assertions.get(&self.plan.signing_keys, session, host, self.request.now, || {
            let configured = self.plan.claims_headers.iter().map(|(_, claim)| claim.as_str());
            assertion::person(session, &self.plan.groups, configured)
        })
    }

    /// The value of a configured header; its templates take values once and never read them again.
    fn filled(&self, value: &SetValue, client: &HeaderMap) -> Option<HeaderValue> {
        let parts = match value {
            SetValue::Fixed(value) => return Some(value.clone()),
            SetValue::Template(parts) => parts,
        };
        let mut bytes = Vec::new();
        for part in parts {
            match part {
                TemplatePart::Text(text) => bytes.extend_from_slice(text.as_bytes()),
                TemplatePart::Assertion => {
                    if let Some(session) = self.session {
                        bytes.extend_from_slice(self.assertion(session)?.as_bytes());
                    }
                }
                TemplatePart::RequestHeader(name) => {
                    let sent = client.get(name.as_str()).map(HeaderValue::as_bytes);
                    bytes.extend_from_slice(sent.unwrap_or_default());
                }
                TemplatePart::Empty => {}
            }
        }
        HeaderValue::from_bytes(&bytes).ok()
    }
}

/// A claim as one header value: text as it is, lists joined by commas, anything else as JSON.
/// Controls are percent-encoded, in a list item commas too, and `%` wherever it would be taken for
/// an encoding; so a claim never grows into a second header or a second item (T32).
pub(crate) fn claim_text(session: &Session, claim: &str, groups: &Groups) -> String {
    if claim == "email" {
        return encoded(verified_email(&session.identity), false);
    }
    if claim == "groups" {
        let names = groups.of(&session.identity).into_iter().map(|name| encoded(name, true));
        return names.collect::<Vec<_>>().join(",");
    }
    match session.identity.claims.get(claim) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => encoded(text, false),
        Some(Value::Array(items)) => {
            let items = items.iter().map(|item| match item {
                Value::String(text) => encoded(text, true),
                other => encoded(&other.to_string(), true),
            });
            items.collect::<Vec<_>>().join(",")
        }
        Some(other) => encoded(&other.to_string(), false),
    }
}

fn encoded(text: &str, list_item: bool) -> String {
    let special = |c: char| c.is_control() || (list_item && c == ',');
    if !text.contains(special) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if special(c) || c == '%' {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                let _ = write!(out, "%{byte:02X}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{PathSwap, encoded, swapped};

    #[test]
    fn a51_26_t01_a_swap_makes_no_dots() {
        let swap = |prefix: &str, to: &str, path: &str| {
            let (prefix, to) = (prefix.to_owned(), to.to_owned());
            swapped(&PathSwap::Prefix { prefix, to }, path)
        };
        for (prefix, to, path, expected) in [
            ("/app", "/base/", "/app/x", Some("/base//x")),
            ("/app", "/base/", "/app", Some("/base/")),
            ("/app", "/base/", "/appendix", Some("/base/endix")),
            ("/app", "/base", "/app../x", Some("/base../x")),
            ("/", "/base", "/x", Some("/basex")),
            ("/app", "/base/", "/app../x", None),
            ("/app", "/base/", "/app..", None),
            ("/app", "/base/", "/app./x", None),
            ("/app", "/base/", "/app..;y/x", None),
            ("/app", "/base/", "/app..%3By/x", None),
            ("/app.", "/base/.", "/app../x", None),
        ] {
            assert_eq!(swap(prefix, to, path).as_deref(), expected, "{path}");
        }
        let whole = PathSwap::Whole { to: "/base".to_owned() };
        assert_eq!(swapped(&whole, "/v1/x").as_deref(), Some("/base"));
    }

    #[test]
    fn t32_a_claim_never_grows_into_a_second_header_or_item() {
        assert_eq!(encoded("a\r\nX-Evil: 1", false), "a%0D%0AX-Evil: 1");
        assert_eq!(encoded("50% off", false), "50% off");
        assert_eq!(encoded("a,b%2C", true), "a%2Cb%252C");
        assert_eq!(encoded("${HOME}{{7*7}}", true), "${HOME}{{7*7}}");
        assert_eq!(encoded("\u{85}", false), "%C2%85");
    }
}
