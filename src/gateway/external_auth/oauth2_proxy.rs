//! `/oauth2/auth` for people who come from oauth2-proxy: 202, 401 or 403, for any method.
//!
//! Its users tell the original request in more than one way, and some tell a part of it alone.
//! *Invariant:* what is not told, or told twice and differently, decides nothing: where a policy
//! would look at it, the answer is 400.

use std::net::IpAddr;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;

use super::answer::{Manner, decide};
use super::described::{Described, Undescribed, check_scheme, only};
use super::dialect::{Cookies, SignInShape};
use super::{Asking, check_headers, record_described, render_refusal, visitor};
use crate::decision::{Admission, Constraint, RouteMatch};
use crate::gateway::answer::respond::Visitor;
use crate::gateway::forward::assertion;
use crate::gateway::forward::headers::claim_text;
use crate::gateway::request::{CheckedRequest, authority_of};
use crate::gateway::state::plan::Plan;
use crate::gateway::trusted_peers::TrustedPeers;
use crate::identity::Identity;
use crate::policy::{Groups, Reads};
use crate::session::Session;
use crate::session::lifecycle::LiveSession;
use crate::telemetry::Record;
use crate::wire::host::Authority;
use crate::wire::path::normalise;

const FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
const ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");
const ORIGINAL_URL: HeaderName = HeaderName::from_static("x-original-url");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// The names under which oauth2-proxy says who somebody is: to another proxy, to an application.
const NAMES: [[HeaderName; 2]; 4] = [
    [HeaderName::from_static("x-auth-request-user"), HeaderName::from_static("x-forwarded-user")],
    [HeaderName::from_static("x-auth-request-email"), HeaderName::from_static("x-forwarded-email")],
    [
        HeaderName::from_static("x-auth-request-groups"),
        HeaderName::from_static("x-forwarded-groups"),
    ],
    [
        HeaderName::from_static("x-auth-request-preferred-username"),
        HeaderName::from_static("x-forwarded-preferred-username"),
    ],
];

/// Answers a trusted peer.
///
/// # Errors
/// The answer where it is not a yes.
pub(super) fn answer(
    head: Parts,
    trusted: &TrustedPeers,
    asking: Asking<'_>,
    record: &mut Record,
) -> Result<Response<Full<Bytes>>, Box<Response<Full<Bytes>>>> {
    record.detail = Some("asked by oauth2-proxy's question".to_owned());
    let constraints = Constraints::read(head.uri.query().unwrap_or_default());
    let original = check_headers(&asking.plan, &head.headers)
        .and_then(|()| Original::read(&head, trusted, asking.peer, &asking.plan))
        .and_then(|original| Ok((original.described()?, original.client.0)));
    let (described, client) = match original {
        Ok(original) => original,
        Err(undescribed) => {
            let visitor = visitor(&asking.plan, &head.headers, record.id);
            return Err(render_refusal(undescribed.refused(), &visitor, record));
        }
    };
    let worker = asking.worker;
    let request = described.into_request(head, client, record.id, asking.now, asking.plan);
    record_described(&request, record);
    let constraint = QuestionConstraint { constraints, groups: &request.plan.groups };
    let manner = Manner {
        allowed: StatusCode::ACCEPTED,
        sign_in: SignInShape::Text,
        constraint: Some(&constraint),
    };
    match decide(&request, &manner, worker, record) {
        Ok((allow, admission)) => {
            // What nginx sends on is its own configuration's, not ours.
            let response = allow.into_response(request.id, Cookies::Untouched);
            Ok(accepted(response, &admission, &request))
        }
        Err(refused) => Err(render_refusal(refused, &Visitor::of(&request), record)),
    }
}

/// 202, with oauth2-proxy's names in addition to those that are configured.
fn accepted(
    mut response: Response<Full<Bytes>>,
    admission: &Admission,
    request: &CheckedRequest,
) -> Response<Full<Bytes>> {
    *response.status_mut() = StatusCode::ACCEPTED;
    let passes = request.plan.route_plan(admission.route()).is_some_and(|one| one.pass_identity);
    let session = admission.live().map(LiveSession::session).filter(|_| passes);
    for (names, value) in NAMES.iter().zip(who(session, &request.plan.groups)) {
        for name in names {
            // Invariant: what cannot be a header value is empty, and never left out.
            let value = HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static(""));
            response.headers_mut().insert(name.clone(), value);
        }
    }
    response
}

/// User, address, groups, preferred name; Apple has no such name.
fn who(session: Option<&Session>, groups: &Groups) -> [String; 4] {
    let Some(session) = session else { return Default::default() };
    let [user, email, groups] =
        ["sub", "email", "groups"].map(|claim| claim_text(session, claim, groups));
    [user, email, groups, String::new()]
}

/// The original request, as far as the peer describes it.
struct Original {
    authority: Authority<'static>,
    target: Option<String>,
    method: Option<String>,
    /// The client, and whether everything that was told of it agrees.
    client: (IpAddr, bool),
    /// What a policy would look at and was not told.
    missing: Option<Undescribed>,
}

impl Original {
    fn read(
        head: &Parts,
        trusted: &TrustedPeers,
        peer: IpAddr,
        plan: &Plan,
    ) -> Result<Self, Undescribed> {
        let headers = &head.headers;
        if let Some(scheme) = optional(headers, &FORWARDED_PROTO)? {
            check_scheme(scheme)?;
        }
        let original = optional(headers, &ORIGINAL_URL)?.map(split).transpose()?;
        let method =
            agreed(optional(headers, &FORWARDED_METHOD)?, optional(headers, &ORIGINAL_METHOD)?)?;
        let target =
            agreed(optional(headers, &FORWARDED_URI)?, original.map(|(_, target)| target))?;
        let elsewhere =
            agreed(optional(headers, &FORWARDED_HOST)?, original.map(|(host, _)| host))?;
        let original_request = Self {
            authority: authority(head, elsewhere, plan)?,
            target: target.map(str::to_owned),
            method: method.map(str::to_owned),
            client: client(headers, trusted, peer)?,
            missing: None,
        };
        let missing = original_request.misses_what_decides(plan).then_some(Undescribed::Missing);
        Ok(Self { missing, ..original_request })
    }

    /// Whether something is not told that decides.
    fn misses_what_decides(&self, plan: &Plan) -> bool {
        let route = match &self.target {
            Some(target) => {
                let raw = target.split('?').next().unwrap_or_default();
                let Ok(path) = normalise(raw) else { return false };
                match plan.rules.find(&self.authority, &path) {
                    RouteMatch::Route(index) => Some(index),
                    // Refused all the same.
                    RouteMatch::NoRoute | RouteMatch::UnknownHost => return false,
                }
            }
            None => plan.rules.of_whole_host(&self.authority),
        };
        let Some(rule) = route.and_then(|index| plan.rules.route(index)) else { return true };
        let reads = |what| rule.policy.reads(what);
        (self.target.is_none() && reads(Reads::Path))
            || (self.method.is_none() && (reads(Reads::Method) || reads(Reads::Preflight)))
            || (!self.client.1 && reads(Reads::SourceIp))
    }

    fn described(&self) -> Result<Described, Undescribed> {
        if let Some(missing) = self.missing {
            return Err(missing);
        }
        let (method, target) = (self.method.as_deref(), self.target.as_deref());
        let authority = self.authority.to_string();
        Described::new(method.unwrap_or("GET"), &authority, target.unwrap_or("/"))
    }
}

/// The host that was asked: as it is told, else the question's own. Security: where the question
/// came for a route's own host, a proxy has set that, and another host is a client's word.
fn authority(
    head: &Parts,
    told: Option<&str>,
    plan: &Plan,
) -> Result<Authority<'static>, Undescribed> {
    let own = authority_of(head).ok();
    let Some(told) = told else { return own.ok_or(Undescribed::Host) };
    let told = Authority::parse(told).map_err(|_| Undescribed::Host)?.into_owned();
    let routes = own.filter(|own| plan.rules.knows_host(own.host()));
    match routes {
        Some(own) if own.host() != told.host() => Err(Undescribed::Twice),
        _ => Ok(told),
    }
}

/// The client. oauth2-proxy's nginx tells it in `X-Real-IP`, other proxies in `X-Forwarded-For`, and
/// each leaves the client's own word in the other.
fn client(
    headers: &HeaderMap,
    trusted: &TrustedPeers,
    peer: IpAddr,
) -> Result<(IpAddr, bool), Undescribed> {
    let real = optional(headers, &REAL_IP)?;
    let forwarded = trusted.client(peer, headers).ok_or(Undescribed::Client);
    let Some(real) = real else { return Ok((forwarded?, true)) };
    let real: IpAddr = real.trim().parse().map_err(|_| Undescribed::Client)?;
    let real = real.to_canonical();
    let silent = !headers.contains_key(&FORWARDED_FOR);
    Ok((real, silent || forwarded.is_ok_and(|forwarded| forwarded == real)))
}

fn optional<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Undescribed> {
    match headers.contains_key(name) {
        true => only(headers, name).map(Some),
        false => Ok(None),
    }
}

/// What two headers say, where they do not differ.
fn agreed<'a>(
    one: Option<&'a str>,
    other: Option<&'a str>,
) -> Result<Option<&'a str>, Undescribed> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Err(Undescribed::Twice),
        _ => Ok(one.or(other)),
    }
}

/// Host and target of `X-Original-URL`.
fn split(url: &str) -> Result<(&str, &str), Undescribed> {
    let (scheme, rest) = url.split_once("://").ok_or(Undescribed::Path)?;
    check_scheme(scheme)?;
    Ok(rest.split_at(rest.find('/').ok_or(Undescribed::Path)?))
}

/// What the question itself asks for in addition to the policy: of several kinds each must hold, of several
/// values one. Empty values say nothing, and neither do names that oauth2-proxy does not have.
#[derive(Debug, Default, PartialEq, Eq)]
struct Constraints {
    groups: Vec<String>,
    emails: Vec<String>,
    domains: Vec<String>,
}

impl Constraints {
    fn read(query: &str) -> Self {
        let mut constraints = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let list = match &*name {
                "allowed_groups" => &mut constraints.groups,
                "allowed_emails" => &mut constraints.emails,
                "allowed_email_domains" => &mut constraints.domains,
                _ => continue,
            };
            let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
            list.extend(items.map(str::to_owned));
        }
        constraints
    }

    fn admit(&self, identity: &Identity, groups: &Groups) -> bool {
        let email = assertion::verified_email(identity);
        let of = || groups.of(identity);
        let groups = || of().iter().any(|group| self.groups.iter().any(|one| one == group));
        (self.groups.is_empty() || groups())
            && (self.emails.is_empty() || self.emails.iter().any(|one| one == email))
            && (self.domains.is_empty() || self.domains.iter().any(|one| is_of(email, one)))
    }
}

/// The constraints, with the groups that they are about.
struct QuestionConstraint<'a> {
    constraints: Constraints,
    groups: &'a Groups,
}

impl Constraint for QuestionConstraint<'_> {
    fn is_met_by(&self, identity: &Identity) -> bool {
        self.constraints.admit(identity, self.groups)
    }
}

/// Whether an address is of a domain: exactly it, or below `.x` and `*.x`.
fn is_of(email: &str, wanted: &str) -> bool {
    let mut parts = email.split('@');
    let (Some(name), Some(domain), None) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let domain = domain.to_ascii_lowercase();
    let wanted = wanted.to_ascii_lowercase();
    let below = wanted.strip_prefix('*').unwrap_or(&wanted);
    let fits = match below.starts_with('.') {
        true => domain.ends_with(below) && domain.len() > below.len(),
        false => domain == wanted,
    };
    !name.is_empty() && !domain.is_empty() && fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a51_32_domains_of_the_question_match_at_dots() {
        for (email, wanted, fits) in [
            ("a@example.com", "example.com", true),
            ("a@Example.com", "example.COM", true),
            ("a@x.example.com", ".example.com", true),
            ("a@x.example.com", "*.example.com", true),
            ("a@example.com", ".example.com", false),
            ("a@badexample.com", ".example.com", false),
            ("a@badexample.com", "example.com", false),
            ("a@x@example.com", "example.com", false),
            ("@example.com", "example.com", false),
            ("", "example.com", false),
            ("a@.example.com", ".example.com", false),
        ] {
            assert_eq!(is_of(email, wanted), fits, "{email} {wanted}");
        }
    }

    #[test]
    fn constraints_are_read_as_oauth2_proxy_reads_them() {
        let read = Constraints::read(
            "allowed_groups=a,b&allowed_groups=c&allowed_emails=,&x=1&allowed_email_domains=.x%2Cy",
        );
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(read.groups, texts(&["a", "b", "c"]));
        assert_eq!(read.emails, texts(&[]));
        assert_eq!(read.domains, texts(&[".x", "y"]));
    }
}
