//! oauth2-proxy's endpoints for browsers: `/oauth2/start`, `/oauth2/sign_in`, `/oauth2/sign_out`,
//! `/oauth2/userinfo`. Open to everybody; nothing that a peer forwards is believed unless it is
//! trusted, and an address to go to is one of ours or none.

use http::{HeaderMap, HeaderName, StatusCode};
use serde_json::json;

use super::Call;
use super::{sign_in, sign_out as endpoint};
use crate::base::time::Timestamp;
use crate::decision::{RouteMatch, WhySignIn};
use crate::gateway::answer::respond::{self, Visitor};
use crate::gateway::answer::{Answer, Answered, Refused, Shown};
use crate::gateway::decide::live::live_session_at;
use crate::gateway::forward::assertion::verified_email;
use crate::gateway::paths;
use crate::gateway::request::CheckedRequest;
use crate::gateway::state::worker::Worker;
use crate::pages::{Href, SignIn, SignInCause, View};
use crate::session::return_address::{OurHosts, ReturnAddress};
use crate::telemetry::Code;
use crate::wire::form::Form;
use crate::wire::host::Authority;

/// The parameter that names where to go.
const RD: &str = "rd";

const REDIRECT: HeaderName = HeaderName::from_static("x-auth-request-redirect");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");

/// What begins like this leads back here, and round and round.
const OURS: [&str; 3] = [paths::OAUTH2, paths::POMERIUM, paths::RUSSET];

/// `/oauth2/start`: begins a sign-in, at the host that it leads to.
pub(super) fn start(request: &CheckedRequest, worker: &Worker) -> Answered {
    let to = destination(request).ok_or_else(no_destination)?;
    let since = since(request, &to);
    if to.authority.host() == request.authority.host() {
        return sign_in::begin_here(request, worker, &to, since);
    }
    // The other host gives the browser a cookie of its own first.
    let url = request.plan.starts.url(&to, since, request.now);
    Ok(Answer::new(respond::redirect(StatusCode::FOUND, &url)))
}

fn no_destination() -> Box<Refused> {
    Refused::page(Code::BadReturnAddress, View::BadRequest)
}

/// Since when somebody must have signed in for the page that they want. Whoever comes here was
/// perhaps sent because the last time was too long ago, and nothing in the address says so.
fn since(request: &CheckedRequest, to: &ReturnAddress) -> Option<Timestamp> {
    let rules = &request.plan.rules;
    let path = to.path_and_query.split('?').next()?;
    match rules.find(&to.authority, path) {
        RouteMatch::Route(route) => rules.route(route)?.policy.signed_in_since(request.now),
        RouteMatch::NoRoute | RouteMatch::UnknownHost => None,
    }
}

/// `/oauth2/sign_in`: the page with the button. No redirect, because nginx shows this in place of
/// a 401, and under a status of its own.
pub(super) fn button(request: &CheckedRequest, _: &Worker) -> Answered {
    let to = destination(request).ok_or_else(no_destination)?;
    let url = Href::new(format!("/oauth2/start?{}", query_of(&to)));
    let cause = match request.is_page_load() {
        true => SignInCause::Asked,
        false => SignInCause::NothingWasSent,
    };
    Ok(Answer::new(Visitor::of(request).page(&View::SignIn(SignIn { cause, url }))))
}

fn query_of(to: &ReturnAddress) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair(RD, &to.url()).finish()
}

/// `/oauth2/sign_out`: GET shows the button, POST ends the session and goes on.
pub(super) async fn sign_out(call: Call<'_>) -> Answered {
    let request = call.request;
    let query = Form::query(request.head.uri.query()).unwrap_or_default();
    let to = query.get(RD).and_then(|rd| checked(rd, request));
    // The form is sent back here, with the address that was found good.
    let query = to.as_ref().map(|to| format!("?{}", query_of(to))).unwrap_or_default();
    endpoint::serve_at(&format!("/oauth2/sign_out{query}"), to, call).await
}

/// `/oauth2/userinfo`: who is signed in, as oauth2-proxy says it. Where the host is forwarded, this
/// is a question on behalf of another, and only a trusted peer may ask it.
pub(super) fn userinfo(request: &CheckedRequest, worker: &Worker) -> Answered {
    let forwarded = request.headers().contains_key(FORWARDED_HOST);
    if forwarded && !is_trusted(request) {
        let text = Shown::Text(StatusCode::FORBIDDEN, "This peer may not ask.\n");
        return Err(Refused::shown(text).with_code(Code::UntrustedPeer));
    }
    let host = match one(request.headers(), &FORWARDED_HOST).map(Authority::parse) {
        None if !forwarded => request.authority.host().to_owned(),
        Some(Ok(host)) => host.host().to_owned(),
        None | Some(Err(_)) => {
            return Err(Refused::page(Code::DescribedHost, View::BadRequest));
        }
    };
    let live = live_session_at(&host, request, worker).map_err(|why_not| {
        let status = match why_not.is_unchecked() {
            true => StatusCode::SERVICE_UNAVAILABLE,
            false => StatusCode::UNAUTHORIZED,
        };
        Refused::shown(Shown::EmptyJson(status)).with_sign_in(WhySignIn::NotSignedIn(why_not))
    })?;
    let identity = &live.session().identity;
    let groups = request.plan.groups.of(identity);
    let (user, email) = (identity.subject.to_string(), verified_email(identity));
    let user = match groups.is_empty() {
        true => json!({"user": user, "email": email}),
        false => json!({"user": user, "email": email, "groups": groups}),
    };
    let response = respond::own(StatusCode::OK, "application/json", user.to_string());
    Ok(Answer::new(response).about(identity))
}

/// Where to go: `rd`, else what a trusted peer says, else the front page. The first that is good.
fn destination(request: &CheckedRequest) -> Option<ReturnAddress> {
    let query = Form::query(request.head.uri.query()).unwrap_or_default();
    let rd = query.get(RD).and_then(|rd| checked(rd, request));
    let front = || checked("/", request);
    rd.or_else(|| forwarded(request)).or_else(front)
}

/// What a trusted peer says: `X-Auth-Request-Redirect`, else host and target that it forwards.
fn forwarded(request: &CheckedRequest) -> Option<ReturnAddress> {
    if !is_trusted(request) {
        return None;
    }
    let headers = request.headers();
    let redirect = one(headers, &REDIRECT).and_then(|to| checked(to, request));
    redirect.or_else(|| {
        let target = one(headers, &FORWARDED_URI)?;
        match one(headers, &FORWARDED_HOST) {
            Some(host) => checked(&format!("https://{host}{target}"), request),
            None => checked(target, request),
        }
    })
}

fn is_trusted(request: &CheckedRequest) -> bool {
    let trusted = request.plan.external_auth.as_ref();
    trusted.is_some_and(|trusted| trusted.trusts(request.chain.peer(), request.headers()))
}

fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let only = values.next().filter(|_| values.next().is_none())?;
    only.to_str().ok()
}

fn checked(to: &str, request: &CheckedRequest) -> Option<ReturnAddress> {
    let ours = |authority: &Authority<'_>| request.plan.is_ours(authority);
    let configured = Authority::parse(request.authority.host()).ok()?;
    [&request.authority, &configured].into_iter().find_map(|here| wanted(to, here, &ours))
}

/// An address that somebody asks to go to: a path of this host, or the whole address of a host of
/// ours. Nothing is repaired; what leads back into signing in is refused, too.
fn wanted(to: &str, here: &Authority<'_>, ours: OurHosts<'_>) -> Option<ReturnAddress> {
    let address = match to.starts_with('/') {
        true => ReturnAddress::of_request(here, to, ours),
        false => ReturnAddress::parse(to, ours),
    }?;
    let path = address.path_and_query.split('?').next().unwrap_or_default();
    (!paths::is_below(path, &OURS)).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(authority: &Authority<'_>) -> bool {
        matches!(authority.host(), "app.example.com" | "wiki.example.com")
            && authority.port().is_none()
    }

    fn to(rd: &str) -> Option<String> {
        let here = Authority::parse("app.example.com").unwrap();
        wanted(rd, &here, &ours).map(|address| address.url())
    }

    /// Rows 36 to 40 and 43 to 48 of the advisories: nothing but the home page.
    #[test]
    fn a51_36_to_48_nobody_is_sent_elsewhere() {
        for payload in [
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/%09/evil.example",
            "/%0a/evil.example",
            "/%0d%0a/evil.example",
            "/%5cevil.example",
            "/%2f/evil.example",
            "/%252f/evil.example",
            "/%255cevil.example",
            "https:evil.example",
            "http:///evil.example",
            "https:///evil.example",
            "/./\\evil.example",
            "/.//evil.example",
            "/../evil",
            "/%2e%2e/evil",
            "javascript:alert(1)",
            "data:text/html,x",
            "//e%2f@x",
            "https://evil.example",
            "https://evil.example/https://app.example.com/",
            "https://app.example.com@evil.example/",
            "https://app.example.com.evil.example/",
            "https://app.example.com\\.evil.example/",
            "https://badapp.example.com/",
            "https://sub.app.example.com/",
            "https://app.example.com:8443/",
            "http://app.example.com/",
            "https://APP.example.com/",
            "HTTPS://app.example.com/",
            "\u{2044}\u{2044}evil.example",
            "/\u{ff0e}\u{ff0e}/x",
            "https://app.example.com\u{3002}evil/",
            "https://app\u{ff0e}example.com/",
            " /x",
            "/x y",
            "/x\n",
            "/x#y",
            "",
            "x",
            "?x",
            "#",
            "https://app.example.com/\r\nSet-Cookie: a=b",
            "//app.example.com/",
            "/oauth2/start",
            "/oauth2/sign_out?rd=/",
            "/oauth2",
            "/.pomerium/sign_out",
            "/.russet/x",
            "https://wiki.example.com/oauth2/start",
            "/\0",
            "ftp://app.example.com/",
            "///x",
        ] {
            assert_eq!(to(payload), None, "{payload:?}");
        }
    }

    #[test]
    fn a51_50_a_good_address_comes_back_byte_for_byte() {
        for path in ["/", "/a?b=&c=%2B+x&d=%C3%A4", "/%C3%A4/x;y=1?rd=//z", "/a?x=\\y", "/oauth2x"]
        {
            assert_eq!(to(path).unwrap(), format!("https://app.example.com{path}"));
            let whole = format!("https://wiki.example.com{path}");
            assert_eq!(to(&whole).unwrap(), whole);
        }
    }
}
