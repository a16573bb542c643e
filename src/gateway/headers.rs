//! What an application is told, and what its answer may carry. What a client says about itself
//! under a name of ours is gone before we say anything (T04, T05, T34).

use std::fmt::Write as _;
use std::sync::Arc;

use http::header::{EXPECT, HOST};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use serde_json::Value;

use super::assertion::verified_email;
use super::inbound::Inbound;
use super::plan::{Plan, Service, SetValue};
use super::settings::TemplatePart;
use super::world::Worker;
use crate::session::Session;
use crate::wire::body::Body;
use crate::wire::hop;
use crate::wire::host::Scheme;

const ASSERTION: HeaderName = HeaderName::from_static("x-pomerium-jwt-assertion");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The head of the request to the application. Takes the client's headers out of `inbound`.
/// `None` where a part cannot be written, which is a refusal.
pub(super) fn to_upstream(
    inbound: &mut Inbound,
    worker: &Worker,
    service: &Service,
    session: Option<&Session>,
) -> Option<Request<()>> {
    let mut headers = std::mem::take(&mut inbound.head.headers);
    let plan: &Plan = &inbound.plan;
    hop::remove_from_request(&mut headers, &plan.protected);
    plan.protected.remove_from(&mut headers);
    headers.remove(EXPECT);
    plan.our_cookies.remove_from_request(&mut headers);
    for name in &service.remove_request_headers {
        headers.remove(name);
    }
    inbound.chain.write(&mut headers, Scheme::Https, &inbound.authority);
    let speaker = Speaker { inbound, worker, plan, session };
    if service.pass_identity {
        speaker.introduce(&mut headers)?;
    }
    let set = service.set_request_headers.iter();
    let set: Option<Vec<_>> =
        set.map(|(name, value)| Some((name, speaker.filled(value, &headers)?))).collect();
    for (name, value) in set? {
        headers.insert(name.clone(), value);
    }
    headers.insert(REQUEST_ID, request_id(inbound));
    let host = match service.preserve_host {
        true => HeaderValue::from_str(&inbound.authority.to_string()).ok()?,
        false => service.upstream.authority().clone(),
    };
    headers.insert(HOST, host);
    let mut request = Request::new(());
    *request.method_mut() = inbound.head.method.clone();
    *request.uri_mut() = target(inbound, service)?;
    *request.headers_mut() = headers;
    Some(request)
}

/// What of an application's answer goes on to the client.
/// The configured headers take the place of the application's: the global ones, then the route's.
pub(super) fn to_client(headers: &mut HeaderMap, inbound: &Inbound, service: &Service) {
    let plan = &inbound.plan;
    hop::remove_from_response(headers);
    let dropped = plan.our_cookies.remove_from_response(headers);
    if dropped > 0 {
        tracing::warn!(
            upstream = &*service.upstream_name,
            dropped,
            "application set a cookie of ours"
        );
    }
    if !service.response_headers_disabled {
        for (name, value) in plan.response_headers.iter().chain(&service.response_headers) {
            headers.insert(name.clone(), value.clone());
        }
    }
    headers.insert(REQUEST_ID, request_id(inbound));
}

/// What every answer of ours carries beside its own: `set_response_headers`, but never in place of
/// what protects a page of ours.
pub(super) fn on_ours(response: &mut Response<Body>, inbound: &Inbound) {
    let headers = response.headers_mut();
    for (name, value) in &inbound.plan.response_headers {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    headers.insert(REQUEST_ID, request_id(inbound));
}

fn request_id(inbound: &Inbound) -> HeaderValue {
    // Invariant: a UUID is a header value.
    HeaderValue::from_str(&inbound.id.to_string()).unwrap_or(HeaderValue::from_static(""))
}

/// Path and query for the application: the normalised path that was decided on, and the query as
/// it came.
fn target(inbound: &Inbound, service: &Service) -> Option<Uri> {
    let path = &inbound.path;
    let swapped = service.prefix_swap.as_ref().and_then(|(prefix, swap)| {
        path.strip_prefix(prefix.as_str()).map(|rest| format!("{swap}{rest}"))
    });
    let mut target = swapped.unwrap_or_else(|| path.clone());
    if let Some(query) = inbound.head.uri.query() {
        target.push('?');
        target.push_str(query);
    }
    Some(Uri::from(PathAndQuery::from_maybe_shared(target).ok()?))
}

/// Speaks for the person to the application.
struct Speaker<'a> {
    inbound: &'a Inbound,
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
            let text = self.session.map(|session| claim_text(session, claim)).unwrap_or_default();
            headers.insert(name.clone(), HeaderValue::from_bytes(text.as_bytes()).ok()?);
        }
        Some(())
    }

    fn assertion(&self, session: &Session) -> Option<Arc<str>> {
        self.worker.assertions.get(
            &self.plan.signing_keys,
            session,
            self.inbound.authority.host(),
            self.plan.claims_headers.iter().map(|(_, claim)| claim.as_str()),
            self.inbound.now,
        )
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
fn claim_text(session: &Session, claim: &str) -> String {
    if claim == "email" {
        return encoded(verified_email(&session.identity), false);
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
    use super::encoded;

    #[test]
    fn t32_a_claim_never_grows_into_a_second_header_or_item() {
        assert_eq!(encoded("a\r\nX-Evil: 1", false), "a%0D%0AX-Evil: 1");
        assert_eq!(encoded("50% off", false), "50% off");
        assert_eq!(encoded("a,b%2C", true), "a%2Cb%252C");
        assert_eq!(encoded("${HOME}{{7*7}}", true), "${HOME}{{7*7}}");
        assert_eq!(encoded("\u{85}", false), "%C2%85");
    }
}
