//! What sign-in tests do by hand: requests with exactly these headers and cookies, and the steps of
//! a sign-in one by one.

use std::net::SocketAddr;

use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue, SET_COOKIE};
use russet::fake_browser::{Browser, Form, Page};
use serde_json::Value;
use url::Url;

use super::{Site, keys};

/// A client without a memory: no cookies, no redirects, no headers but those it is given.
#[derive(Clone)]
pub struct Hand {
    client: reqwest::Client,
}

/// What a browser sends with a page load that somebody typed.
pub const NAVIGATION: [(&str, &str); 4] = [
    ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-site", "none"),
];

pub const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

impl Hand {
    pub async fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Page {
        let method: Method = method.parse().unwrap();
        let url = Url::parse(url).unwrap();
        let mut request = self.client.request(method, url.clone()).body(body.to_vec());
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request = request.header(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Page { url, status, headers, body: response.text().await.unwrap() }
    }

    /// A page load, with these cookies (`a=b; c=d`).
    pub async fn load(&self, url: &str, cookies: &str) -> Page {
        let mut headers = NAVIGATION.to_vec();
        if !cookies.is_empty() {
            headers.push(("cookie", cookies));
        }
        self.send("GET", url, &headers, b"").await
    }

    /// A form, as the page at `origin` would post it.
    pub async fn post(
        &self,
        url: &str,
        origin: &str,
        cookies: &str,
        fields: &[(&str, &str)],
    ) -> Page {
        let body = encoded(fields);
        self.send("POST", url, &form_headers(origin, cookies), body.as_bytes()).await
    }
}

fn form_headers<'a>(origin: &'a str, cookies: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut headers = vec![FORM, ("accept", "text/html"), ("origin", origin)];
    if !cookies.is_empty() {
        headers.push(("cookie", cookies));
    }
    headers
}

pub fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// What is read of an answer all the time.
pub trait Answered {
    fn code(&self) -> u16;
    fn location(&self) -> &str;
    fn set_cookies(&self) -> Vec<String>;
    /// The `Set-Cookie` line of a cookie.
    fn set_cookie(&self, name: &str) -> Option<String>;
    fn header(&self, name: &str) -> Option<&str>;
}

impl Answered for Page {
    fn code(&self) -> u16 {
        self.status.as_u16()
    }

    fn location(&self) -> &str {
        self.header("location")
            .unwrap_or_else(|| panic!("no location: {} {}", self.status, self.body))
    }

    fn set_cookies(&self) -> Vec<String> {
        let all = self.headers.get_all(SET_COOKIE).iter();
        all.map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    fn set_cookie(&self, name: &str) -> Option<String> {
        self.set_cookies().into_iter().find(|line| line.starts_with(&format!("{name}=")))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// The value in a `Set-Cookie` line.
pub fn value_of(set_cookie: &str) -> &str {
    set_cookie.split(';').next().unwrap().split_once('=').unwrap().1
}

impl Site {
    pub fn hand(&self) -> Hand {
        let mut builder = reqwest::Client::builder()
            .tls_certs_only([
                reqwest::Certificate::from_pem(keys().authority_pem.as_bytes()).unwrap()
            ])
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        for name in ["wiki", "lunch", "auth", "other", "a.wild", "b.wild", "auth.wild"] {
            builder = builder.resolve(&format!("{name}.localhost"), self.address());
        }
        builder = builder.resolve("apple.localhost", self.apple.address());
        Hand { client: builder.build().unwrap() }
    }

    /// Goes as far as Apple's answer, which is not posted yet.
    pub async fn up_to_answer(
        &self,
        browser: &mut Browser,
        url: &str,
        person: &str,
    ) -> (Page, Form) {
        let at_apple = browser.load(url).await.unwrap();
        let answer = self.answer_page(browser, &at_apple, &[("person", person)]).await;
        let form = answer.form("/oauth2/callback").unwrap();
        (answer, form)
    }

    /// Signs in somebody with these claims, whom the fake Apple makes up.
    pub async fn sign_in_with(&self, browser: &mut Browser, url: &str, claims: &Value) -> Page {
        let at_apple = browser.load(url).await.unwrap();
        let claims = claims.to_string();
        let answer = self.answer_page(browser, &at_apple, &[("claims", &claims)]).await;
        let form =
            answer.form("/oauth2/callback").unwrap_or_else(|e| panic!("{e}: {}", answer.body));
        browser.submit(&answer, &form, &[]).await.unwrap()
    }

    /// Posts Apple's answer by hand, with these cookies of the authenticate host.
    pub async fn post_callback(&self, fields: &[(String, String)], cookies: &str) -> Page {
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.hand()
            .post(&self.auth("/oauth2/callback"), self.apple.base_url(), cookies, &fields)
            .await
    }

    /// `name=value` of every attempt that the browser holds.
    pub fn attempts(&self, browser: &Browser) -> String {
        cookies(browser, "auth.localhost", "__Host-russet_attempt_")
    }

    /// The session cookie of a host, `name=value`.
    pub fn session_cookie(&self, browser: &Browser, host: &str) -> Option<String> {
        let value = browser.cookie(&format!("{host}.localhost"), "__Host-russet")?;
        Some(format!("__Host-russet={value}"))
    }

    /// The reason words of the newest log line for a path.
    pub async fn reasons(&self, path: &str) -> Vec<String> {
        let lines = self.log().await;
        let line =
            lines.iter().rfind(|line| line["path"] == path).unwrap_or_else(|| panic!("{lines:#?}"));
        let words = line["reasons"].as_array().cloned().unwrap_or_default();
        words.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    }

    /// How often Apple's token endpoint was called.
    pub fn exchanges(&self) -> u64 {
        self.apple.calls(russet::fake_apple::Endpoint::Token)
    }

    /// What the health address answers.
    pub async fn health(&self, path: &str) -> Page {
        let address: SocketAddr = self.running.health_address().unwrap();
        self.hand().send("GET", &format!("http://{address}{path}"), &[], b"").await
    }
}

/// `name=value; ...` of a host's cookies whose name begins with `prefix`.
pub fn cookies(browser: &Browser, host: &str, prefix: &str) -> String {
    let names = browser.cookie_names(host).into_iter().filter(|name| name.starts_with(prefix));
    let pairs = names.map(|name| format!("{name}={}", browser.cookie(host, &name).unwrap()));
    pairs.collect::<Vec<_>>().join("; ")
}
