//! A supposed request, read by the very code with which the gateway reads one: what the gateway
//! would refuse as ambiguous is refused here in the same way.

use std::net::{IpAddr, Ipv4Addr};

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header};

use crate::base::time::Timestamp;
use crate::decision::{Face, Facts};
use crate::gateway::{self, Malformed};
use crate::identity::ClientCertificate;
use crate::wire::accept;
use crate::wire::host::Authority;

/// Where a request comes from unless a case says otherwise (TEST-NET-1, RFC 5737).
pub const SOURCE_IP: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// A request that nobody sent.
#[derive(Clone, Debug)]
pub struct Supposed {
    head: Parts,
    /// The address as it was written, for messages.
    url: String,
    /// The client's address, after the trusted proxies. Default [`SOURCE_IP`].
    pub source_ip: IpAddr,
    /// When it comes; `None` means now.
    pub time: Option<Timestamp>,
    /// The certificate that the client showed.
    pub client_certificate: Option<ClientCertificate>,
}

/// Why something cannot be a request at all, in words for whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestProblem {
    /// The address is no URL.
    #[error("`{0}` is not the URL of a page")]
    Url(String),
    /// The address is of another scheme.
    #[error("`{0}://` is not what people reach applications by; they do by `https://`")]
    Scheme(String),
    /// The method is not a word.
    #[error("`{0}` is not a method")]
    Method(String),
    /// The name of a header is none.
    #[error("`{0}` is not the name of a header")]
    HeaderName(String),
    /// The value of a header cannot be sent.
    #[error("the value of the header `{0}` cannot be sent")]
    HeaderValue(String),
}

impl Supposed {
    /// A GET for `url`, which may come without `https://`.
    ///
    /// # Errors
    /// Where it is not an address.
    pub fn get(url: &str) -> Result<Self, RequestProblem> {
        let problem = || RequestProblem::Url(url.to_owned());
        let rest = match url.split_once("://") {
            None => url,
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => rest,
            Some((scheme, _)) => return Err(RequestProblem::Scheme(scheme.to_owned())),
        };
        // What follows `#` never leaves the browser.
        let sent = rest.split('#').next().unwrap_or_default();
        let uri: Uri = format!("https://{sent}").parse().map_err(|_| problem())?;
        if uri.host().is_none_or(str::is_empty) {
            return Err(problem());
        }
        let request = Request::get(uri).version(Version::HTTP_2).body(()).map_err(|_| problem())?;
        let (head, ()) = request.into_parts();
        let url = format!("https://{sent}");
        Ok(Self { head, url, source_ip: SOURCE_IP, time: None, client_certificate: None })
    }

    /// Sets the method; its case counts.
    ///
    /// # Errors
    /// Where it is not a word.
    pub fn set_method(&mut self, method: &str) -> Result<(), RequestProblem> {
        self.head.method = Method::from_bytes(method.as_bytes())
            .map_err(|_| RequestProblem::Method(method.to_owned()))?;
        Ok(())
    }

    /// Adds a header.
    ///
    /// # Errors
    /// Where it is none.
    pub fn add_header(&mut self, name: &str, value: &str) -> Result<(), RequestProblem> {
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| RequestProblem::HeaderName(name.to_owned()))?;
        let value = HeaderValue::from_str(value)
            .map_err(|_| RequestProblem::HeaderValue(name.to_owned()))?;
        self.head.headers.append(header, value);
        Ok(())
    }

    /// The method, as it would be sent.
    pub fn method(&self) -> &str {
        self.head.method.as_str()
    }

    /// The address, with its scheme.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether it has this header.
    pub fn has_header(&self, name: &HeaderName) -> bool {
        self.head.headers.contains_key(name)
    }

    /// The request as the gateway reads it.
    ///
    /// # Errors
    /// What the gateway refuses before it decides anything.
    pub fn read(&self) -> Result<Read<'_>, Malformed> {
        let (authority, path) = gateway::check(&self.head)?;
        Ok(Read { request: self, authority, path })
    }

    /// Whether somebody waits for a page, so that a sign-in is a redirect. A request that says
    /// nothing of what it wants is taken for a browser's.
    pub fn is_page_load(&self) -> bool {
        let head = &self.head;
        if speaks(&head.headers) {
            return accept::is_page_load(&head.method, &head.headers);
        }
        let mut headers = head.headers.clone();
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/html"));
        accept::is_page_load(&head.method, &headers)
    }
}

/// Whether the headers say what kind of answer is wanted.
fn speaks(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ACCEPT) || headers.contains_key("sec-fetch-mode")
}

/// A request that means one thing only.
#[derive(Debug)]
pub struct Read<'a> {
    request: &'a Supposed,
    /// Host and port asked for.
    pub authority: Authority<'static>,
    /// The normalised path.
    pub path: String,
}

impl Read<'_> {
    /// What is known of it when it is decided.
    pub fn facts(&self, now: Timestamp) -> Facts<'_> {
        let head = &self.request.head;
        Facts {
            face: Face::PolicyTool,
            now,
            authority: &self.authority,
            method: head.method.as_str(),
            path: &self.path,
            source_ip: self.request.source_ip,
            cors_preflight: accept::is_preflight(&head.method, &head.headers),
            client_certificate: self.request.client_certificate.as_ref(),
            supposed: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_the_gateway_reads_it() {
        let read = |url: &str| {
            let request = Supposed::get(url).unwrap();
            request.read().map(|read| format!("{} {}", read.authority, read.path))
        };
        assert_eq!(read("https://WIKI.example.com/a/../b?c#d").unwrap(), "wiki.example.com /b");
        assert_eq!(read("wiki.example.com").unwrap(), "wiki.example.com /");
        assert_eq!(read("wiki.example.com:8443/x").unwrap(), "wiki.example.com:8443 /x");
        let status = |url: &str| gateway::status_of(read(url).unwrap_err()).as_u16();
        assert_eq!(status("https://wiki.example.com/a%2fb"), 400);
        assert_eq!(status("https://wi_ki.example.com/"), 400);
        assert_eq!(status(&format!("https://wiki.example.com/{}", "a".repeat(17_000))), 414);
    }

    #[test]
    fn what_is_no_request_is_refused_in_words() {
        let said = |url: &str| Supposed::get(url).unwrap_err().to_string();
        assert!(said("http://wiki.example.com/").contains("`http://`"));
        assert!(said("").contains("not the URL"));
        assert!(said("https:///page").contains("not the URL"));
        assert!(said("https://wiki.example.com/a b").contains("not the URL"));
        let mut request = Supposed::get("a.example").unwrap();
        assert!(request.set_method("GE T").is_err());
        assert!(request.add_header("a b", "c").is_err());
        assert!(request.add_header("a", "c\n").is_err());
    }

    #[test]
    fn a_request_without_wishes_is_a_page_load() {
        let mut request = Supposed::get("a.example").unwrap();
        assert!(request.is_page_load());
        request.add_header("Accept", "*/*").unwrap();
        assert!(!request.is_page_load());
        let mut request = Supposed::get("a.example").unwrap();
        request.set_method("POST").unwrap();
        assert!(!request.is_page_load());
        let mut request = Supposed::get("a.example").unwrap();
        request.add_header("X-Requested-With", "XMLHttpRequest").unwrap();
        assert!(!request.is_page_load());
    }
}
