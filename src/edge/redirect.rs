//! `http_redirect_addr`: sends every request on to https, and does nothing else.

use std::future::{Future, ready};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, LOCATION};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;

use super::body::RequestBody;
use super::refusal::{EarlyRefusal, RefusedHead};
use super::service::{ConnectionInfo, Service};
use crate::wire::host::request_authority;

/// Answers with a redirect to the same address over https.
#[derive(Clone, Copy, Debug)]
pub struct Redirect {
    /// The port that people reach our TLS listener on; written only if it is not 443.
    pub port: u16,
}

impl Service for Redirect {
    type Body = Full<Bytes>;

    fn call(
        &self,
        request: Request<RequestBody>,
        _connection: ConnectionInfo,
    ) -> impl Future<Output = Response<Self::Body>> + Send {
        ready(self.answer(&request))
    }

    fn refuse(
        &self,
        refusal: EarlyRefusal,
        _head: &RefusedHead,
        _connection: &ConnectionInfo,
    ) -> Response<Self::Body> {
        plain(refusal.status(), refusal.text())
    }

    /// This listener writes no log of requests.
    fn refused(&self, _refusal: EarlyRefusal, _connection: &ConnectionInfo) {}
}

impl Redirect {
    fn answer<B>(self, request: &Request<B>) -> Response<Full<Bytes>> {
        let target = host(request).and_then(|host| self.location(&host, request));
        let Some(location) = target else {
            return plain(StatusCode::BAD_REQUEST, "this request names no valid host");
        };
        // 308 keeps the method; 301 is understood by the oldest programs.
        let status = if matches!(*request.method(), Method::GET | Method::HEAD) {
            StatusCode::MOVED_PERMANENTLY
        } else {
            StatusCode::PERMANENT_REDIRECT
        };
        let mut response = plain(status, "this site is served over https");
        response.headers_mut().insert(LOCATION, location);
        response
    }

    fn location<B>(self, host: &str, request: &Request<B>) -> Option<HeaderValue> {
        let target = request.uri().path_and_query()?.as_str();
        if !target.starts_with('/') {
            return None;
        }
        let location = match self.port {
            443 => format!("https://{host}{target}"),
            port => format!("https://{host}:{port}{target}"),
        };
        HeaderValue::try_from(location).ok()
    }
}

/// The one host that a request names, lower case, without its port; IPv6 in brackets.
fn host<B>(request: &Request<B>) -> Option<String> {
    let target = request.uri().authority().map(http::uri::Authority::as_str);
    let headers = request.headers().get_all(HOST).iter().map(HeaderValue::as_bytes);
    let authority = request_authority(target, headers, request.version()).ok()?;
    Some(authority.host().to_owned())
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(port: u16, request: http::request::Builder) -> (u16, String) {
        let response = Redirect { port }.answer(&request.body(()).unwrap());
        let location = response.headers().get(LOCATION).map(|value| value.to_str().unwrap());
        (response.status().as_u16(), location.unwrap_or_default().to_owned())
    }

    fn get(target: &str, host: &str) -> (u16, String) {
        answer(443, Request::get(target).header(HOST, host))
    }

    #[test]
    fn the_address_is_kept_and_the_port_is_ours() {
        assert_eq!(
            get("/a%2fb?c=d", "Wiki.Example.com:80"),
            (301, "https://wiki.example.com/a%2fb?c=d".into())
        );
        let post = Request::post("/x").header(HOST, "a.example");
        assert_eq!(answer(8443, post), (308, "https://a.example:8443/x".into()));
        assert_eq!(get("/", "[2001:db8::1]:80"), (301, "https://[2001:db8::1]/".into()));
        assert_eq!(get("http://a.example/x", "a.example"), (301, "https://a.example/x".into()));
    }

    #[test]
    fn t13_requests_without_one_valid_host_are_refused() {
        for host in [
            "",
            "a b",
            "u@a.example",
            "a/b",
            "a..b",
            "[::1",
            "[zz]",
            "a.example, b",
            "é",
            "a_b.example",
        ] {
            assert_eq!(get("/", host).0, 400, "{host:?}");
        }
        assert_eq!(get("http://a.example/x", "b.example").0, 400);
        assert_eq!(answer(443, Request::get("/")).0, 400);
        let two = Request::get("/").header(HOST, "a.example").header(HOST, "a.example");
        assert_eq!(answer(443, two).0, 400);
    }
}
