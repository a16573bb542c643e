//! Answers of our own. Each constructor fixes status, caching and protection at once, so that none
//! can be forgotten: nothing of ours is ever stored by a cache or shown in a frame.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;

use crate::base::ids::RequestId;
use crate::gateway::request::CheckedRequest;
use crate::gateway::state::plan::Plan;
use crate::pages::{self, Chrome, View};
use crate::wire::accept::Format;

/// What an answer of ours needs to know of whom it answers.
#[derive(Debug)]
pub(crate) struct Visitor<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) id: RequestId,
    pub(crate) host: &'a str,
    pub(crate) preference: Format,
}

impl<'a> Visitor<'a> {
    pub(crate) fn of(request: &'a CheckedRequest) -> Self {
        Self {
            plan: &request.plan,
            id: request.id,
            host: request.authority.host(),
            preference: request.preference(),
        }
    }

    /// A page for people, the same fact as JSON for programs.
    pub(crate) fn page(&self, view: &View) -> Response<Full<Bytes>> {
        self.page_with(view, view.status())
    }

    /// As [`Visitor::page`], with another status than the page's usual one.
    pub(crate) fn page_with(&self, view: &View, status: StatusCode) -> Response<Full<Bytes>> {
        let chrome = Chrome {
            request_id: self.id.short(),
            not_apple: self.plan.not_apple.as_deref(),
            host: self.host,
        };
        let (kind, body) = match self.preference {
            Format::Json => ("application/json", pages::json(view, &chrome)),
            Format::Html | Format::Text => {
                ("text/html; charset=utf-8", pages::render(view, &chrome))
            }
        };
        let mut response = own(status, kind, body);
        let framed = view.may_be_framed();
        let plan = self.plan;
        let policy =
            if framed { &plan.frame_security_policy } else { &plan.content_security_policy };
        let frame = if framed { "SAMEORIGIN" } else { "DENY" };
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, policy.clone());
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static(frame));
        response
    }
}

/// An answer of ours with a body.
pub(crate) fn own(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}

/// A short text of ours.
pub(crate) fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    own(status, "text/plain; charset=utf-8", Bytes::from_static(body.as_bytes()))
}

/// A redirect: 302 after a GET, 303 after anything else (RFC 9700 §4.12).
pub(crate) fn redirect(status: StatusCode, location: &str) -> Response<Full<Bytes>> {
    // Invariant: locations are made of checked addresses and encoded parameters.
    let Ok(location) = HeaderValue::from_str(location) else {
        return text(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error\n");
    };
    let mut response = own(status, "text/plain; charset=utf-8", Bytes::new());
    response.headers_mut().insert(LOCATION, location);
    response
}

/// Keeps crawlers away from a host where every answer is a sign-in.
pub(crate) fn robots() -> Response<Full<Bytes>> {
    text(StatusCode::OK, "User-agent: *\nDisallow: /\n")
}

/// Adds headers to an answer. `Set-Cookie` may come several times, every other name replaces.
pub(crate) fn add_headers(response: &mut Response<Full<Bytes>>, headers: HeaderMap) {
    let mut last = None;
    for (name, value) in headers {
        // Invariant: a header map names only the first of several values of a name.
        last = name.or(last);
        match &last {
            Some(name) if name == SET_COOKIE => {
                response.headers_mut().append(SET_COOKIE, value);
            }
            Some(name) => {
                response.headers_mut().insert(name.clone(), value);
            }
            None => {}
        }
    }
}
