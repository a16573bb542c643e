//! Floor 6: a browser for `russet demo --check` and for tests, as far as signing in needs one: cookies with their attributes, redirects, forms. It
//! keeps the rules that make sign-in with Apple hard: a cookie that is Lax does not travel with a
//! form that another site posts.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::{
    ACCEPT, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, LOCATION, ORIGIN, SET_COOKIE,
};
use reqwest::{Certificate, Client, Method, StatusCode};
use url::Url;

/// Most redirects that are followed in a row.
const MOST_REDIRECTS: usize = 20;

/// A browser with a cookie jar of its own.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    jar: Vec<Cookie>,
    /// Every hop of the last navigation, for the report: status and address without its query.
    pub hops: Vec<Hop>,
}

/// One answer on the way.
#[derive(Clone, Debug)]
pub struct Hop {
    /// Its status.
    pub status: StatusCode,
    /// Host of the address asked.
    pub host: String,
    /// Its path.
    pub path: String,
}

/// What a navigation ended at.
#[derive(Clone, Debug)]
pub struct Page {
    /// The address shown.
    pub url: Url,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub body: String,
}

/// A form of a page, with the values it would send.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where to.
    pub action: Url,
    /// Name and value of each hidden field.
    pub fields: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
struct Cookie {
    name: String,
    value: String,
    host: String,
    /// Whether subdomains get it too.
    domain: bool,
    same_site: SameSite,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SameSite {
    None,
    Lax,
    Strict,
}

/// What went wrong on the way, in words.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// No answer.
    #[error("no answer from {host}: {cause}")]
    NoAnswer {
        /// The host asked.
        host: String,
        /// Why.
        cause: String,
    },
    /// Not an address.
    #[error("`{0}` is not an address")]
    Address(String),
    /// Redirects that do not end.
    #[error("redirected more than {MOST_REDIRECTS} times")]
    Loop,
    /// A page without the form that was looked for.
    #[error("the page at {0} has no form to {1}")]
    NoForm(String, String),
}

impl Browser {
    /// A browser that trusts `authority_pem` and finds `hosts` at these addresses; every other name
    /// is looked up by the machine.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn new(authority_pem: &str, hosts: &[(&str, SocketAddr)]) -> Result<Self, reqwest::Error> {
        let mut builder = Client::builder()
            .tls_certs_only([Certificate::from_pem(authority_pem.as_bytes())?])
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(20));
        for (host, address) in hosts {
            builder = builder.resolve(host, *address);
        }
        Ok(Self { client: builder.build()?, jar: Vec::new(), hops: Vec::new() })
    }

    /// Loads an address as if it had been typed, and follows redirects.
    ///
    /// # Errors
    /// No answer, or no end of redirects.
    pub async fn load(&mut self, address: &str) -> Result<Page, BrowserError> {
        let url = Url::parse(address).map_err(|_| BrowserError::Address(address.to_owned()))?;
        self.hops.clear();
        self.follow(Method::GET, url, None, None).await
    }

    /// Sends a form of `page`, with further fields, and follows redirects.
    ///
    /// # Errors
    /// No answer, or no end of redirects.
    pub async fn submit(
        &mut self,
        page: &Page,
        form: &Form,
        more: &[(&str, &str)],
    ) -> Result<Page, BrowserError> {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(&form.fields);
        body.extend_pairs(more);
        self.hops.clear();
        self.follow(Method::POST, form.action.clone(), Some(body.finish()), Some(&page.url)).await
    }

    /// Asks as a program would, without following anything.
    ///
    /// # Errors
    /// No answer.
    pub async fn fetch(
        &mut self,
        address: &str,
        accept: &'static str,
    ) -> Result<Page, BrowserError> {
        let url = Url::parse(address).map_err(|_| BrowserError::Address(address.to_owned()))?;
        self.hops.clear();
        let asked = Asked { method: Method::GET, url, body: None, from: None, navigation: false };
        self.ask(&asked, accept).await
    }

    /// Names of the cookies kept for a host.
    pub fn cookie_names(&self, host: &str) -> Vec<String> {
        let of_host = self.jar.iter().filter(|cookie| cookie.goes_to(host));
        of_host.map(|cookie| cookie.name.clone()).collect()
    }

    /// The value of a cookie kept for a host.
    pub fn cookie(&self, host: &str, name: &str) -> Option<String> {
        let mut jar = self.jar.iter();
        jar.find(|cookie| cookie.goes_to(host) && cookie.name == name).map(|c| c.value.clone())
    }

    /// Puts a cookie into the jar, as a hostile page or a test would.
    pub fn plant(&mut self, host: &str, name: &str, value: &str) {
        self.keep(Cookie {
            name: name.to_owned(),
            value: value.to_owned(),
            host: host.to_owned(),
            domain: false,
            same_site: SameSite::Lax,
        });
    }

    /// Empties the jar.
    pub fn forget_cookies(&mut self) {
        self.jar.clear();
    }

    async fn follow(
        &mut self,
        method: Method,
        url: Url,
        body: Option<String>,
        from: Option<&Url>,
    ) -> Result<Page, BrowserError> {
        let mut asked = Asked { method, url, body, from: from.cloned(), navigation: true };
        for _ in 0..MOST_REDIRECTS {
            let page = self.ask(&asked, "text/html,application/xhtml+xml,*/*;q=0.8").await?;
            let location = page.headers.get(LOCATION).and_then(|value| value.to_str().ok());
            let Some(location) = location.filter(|_| page.status.is_redirection()) else {
                return Ok(page);
            };
            let next = page.url.join(location);
            asked.url = next.map_err(|_| BrowserError::Address(location.to_owned()))?;
            asked.method = Method::GET;
            asked.body = None;
        }
        Err(BrowserError::Loop)
    }

    async fn ask(&mut self, asked: &Asked, accept: &'static str) -> Result<Page, BrowserError> {
        let host = asked.url.host_str().unwrap_or_default().to_owned();
        let mut request = self
            .client
            .request(asked.method.clone(), asked.url.clone())
            .header(ACCEPT, accept)
            .headers(asked.fetch_metadata());
        let cookies: Vec<String> = self
            .jar
            .iter()
            .filter(|cookie| cookie.goes_to(&host) && asked.may_carry(cookie.same_site))
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        if let Some(body) = &asked.body {
            request = request
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body.clone());
        }
        let no_answer = |error: reqwest::Error| BrowserError::NoAnswer {
            host: host.clone(),
            cause: error.without_url().to_string(),
        };
        let response = request.send().await.map_err(no_answer)?;
        let (status, headers) = (response.status(), response.headers().clone());
        for cookie in headers.get_all(SET_COOKIE) {
            if let Some(cookie) = Cookie::parse(cookie, &host) {
                self.keep(cookie);
            }
        }
        let path = asked.url.path().to_owned();
        self.hops.push(Hop { status, host: host.clone(), path });
        let body = response.text().await.map_err(no_answer)?;
        Ok(Page { url: asked.url.clone(), status, headers, body })
    }

    fn keep(&mut self, cookie: Cookie) {
        self.jar.retain(|kept| kept.name != cookie.name || kept.host != cookie.host);
        if !cookie.value.is_empty() {
            self.jar.push(cookie);
        }
    }
}

/// One request of a navigation or of [`Browser::fetch`].
struct Asked {
    method: Method,
    url: Url,
    body: Option<String>,
    /// The page whose form or link this is; redirects keep it.
    from: Option<Url>,
    navigation: bool,
}

impl Asked {
    /// Whether another site began this. Every label under `.localhost` is a site of its own, as
    /// browsers take it.
    fn is_cross_site(&self) -> bool {
        self.from.as_ref().is_some_and(|from| from.host_str() != self.url.host_str())
    }

    fn may_carry(&self, same_site: SameSite) -> bool {
        match same_site {
            SameSite::None => true,
            SameSite::Lax => !self.is_cross_site() || self.method == Method::GET,
            SameSite::Strict => !self.is_cross_site(),
        }
    }

    fn fetch_metadata(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let (mode, dest) =
            if self.navigation { ("navigate", "document") } else { ("cors", "empty") };
        let site = match &self.from {
            None => "none",
            Some(_) if self.is_cross_site() => "cross-site",
            Some(_) => "same-origin",
        };
        headers.insert("sec-fetch-mode", HeaderValue::from_static(mode));
        headers.insert("sec-fetch-dest", HeaderValue::from_static(dest));
        headers.insert("sec-fetch-site", HeaderValue::from_static(site));
        if self.method == Method::POST
            && let Some(from) = &self.from
            && let Ok(origin) = HeaderValue::from_str(&from.origin().ascii_serialization())
        {
            headers.insert(ORIGIN, origin);
        }
        headers
    }
}

impl Cookie {
    fn parse(header: &HeaderValue, host: &str) -> Option<Self> {
        let cookie = cookie::Cookie::parse(header.to_str().ok()?.to_owned()).ok()?;
        let ends = cookie.max_age().is_some_and(|age| age.whole_seconds() <= 0);
        let named_host = cookie.name().starts_with("__Host-");
        let honest = cookie.secure() == Some(true)
            && cookie.path() == Some("/")
            && cookie.domain().is_none();
        if named_host && !honest {
            return None;
        }
        Some(Self {
            name: cookie.name().to_owned(),
            value: if ends { String::new() } else { cookie.value().to_owned() },
            host: cookie.domain().unwrap_or(host).to_owned(),
            domain: cookie.domain().is_some(),
            // A cookie without SameSite is Lax; None needs Secure.
            same_site: match cookie.same_site() {
                Some(cookie::SameSite::None) if cookie.secure() == Some(true) => SameSite::None,
                Some(cookie::SameSite::Strict) => SameSite::Strict,
                _ => SameSite::Lax,
            },
        })
    }

    fn goes_to(&self, host: &str) -> bool {
        host == self.host || (self.domain && host.ends_with(&format!(".{}", self.host)))
    }
}

impl Page {
    /// The form of this page whose action ends with `path`.
    ///
    /// # Errors
    /// When there is none.
    pub fn form(&self, path: &str) -> Result<Form, BrowserError> {
        let missing = || BrowserError::NoForm(self.url.path().to_owned(), path.to_owned());
        let forms = self.body.split("<form").skip(1);
        forms
            .filter_map(|form| {
                let form = form.split("</form>").next()?;
                let action = self.url.join(&attribute(form.split('>').next()?, "action")?).ok()?;
                let inputs = form.split("<input").skip(1).filter_map(|input| {
                    let input = input.split('>').next()?;
                    let hidden = attribute(input, "type")? == "hidden";
                    hidden.then(|| Some((attribute(input, "name")?, attribute(input, "value")?)))?
                });
                Some(Form { action, fields: inputs.collect() })
            })
            .find(|form| form.action.path().ends_with(path))
            .ok_or_else(missing)
    }

    /// The address of the link that holds `text` in its address.
    pub fn link(&self, text: &str) -> Option<String> {
        let mut links = self
            .body
            .split("<a ")
            .skip(1)
            .filter_map(|link| attribute(link.split('>').next()?, "href"));
        let found = links.find(|href| href.contains(text))?;
        Some(self.url.join(&found).ok()?.to_string())
    }
}

/// The value of an attribute in the inside of a tag, unescaped.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(unescaped(value))
}

fn unescaped(text: &str) -> String {
    let known: BTreeMap<&str, &str> = BTreeMap::from([
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&lt;", "<"),
        ("&#60;", "<"),
        ("&gt;", ">"),
        ("&#62;", ">"),
    ]);
    let mut out = text.to_owned();
    for (escaped, plain) in known {
        out = out.replace(escaped, plain);
    }
    out.replace("&#38;", "&").replace("&amp;", "&")
}
