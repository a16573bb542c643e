//! `russet check --probe`: asks from outside, through the proxy in front, whether it is wired as it
//! must be. Nothing is signed in and nothing is changed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Certificate, Client, Method, redirect};
use url::Url;

use crate::base::time::Clock;
use crate::config::Settings;
use crate::decision::record::Outcome;
use crate::decision::{Face, Facts, NotSignedIn, PathRule, Rules, judge};
use crate::identity::Identity;
use crate::wire::host::Authority;
use crate::wire::loopback::is_loopback_name;

/// How long one answer may take, and all of them.
const ONE: Duration = Duration::from_secs(10);
const ALL: Duration = Duration::from_secs(60);

/// Most bytes of an answer that are read.
const MOST_BYTES: usize = 64 * 1024;

const PAGE: &[(&str, &str)] = &[
    ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-site", "none"),
];
const SCRIPT: &[(&str, &str)] =
    &[("accept", "application/json"), ("x-requested-with", "XMLHttpRequest")];

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What must hold.
    pub what: String,
    /// What was seen in its place; `None` where it holds.
    pub wrong: Option<String>,
}

impl Finding {
    fn new(what: impl Into<String>, wrong: Option<String>) -> Self {
        Self { what: what.into(), wrong }
    }

    /// One line for people.
    pub fn line(&self) -> String {
        match &self.wrong {
            None => format!("ok    {}\n", self.what),
            Some(wrong) => format!("FAIL  {}: {wrong}\n", self.what),
        }
    }
}

/// What an answer was.
struct Seen {
    status: u16,
    location: Option<String>,
    body: String,
}

impl Seen {
    fn shown(&self) -> String {
        match &self.location {
            // The query may hold what is signed.
            Some(to) => format!("{} to {}", self.status, to.split('?').next().unwrap_or_default()),
            None => self.status.to_string(),
        }
    }
}

/// Asks all there is to ask about `url`, an address that only people who are signed in may see.
///
/// # Errors
/// A client that cannot be made: a certificate authority that is none.
pub async fn probe(url: &Url, settings: &Settings) -> Result<Vec<Finding>, String> {
    let prober = Prober::new(url, settings)?;
    let asked = tokio::time::timeout(ALL, prober.all()).await;
    Ok(asked.unwrap_or_else(|_| {
        vec![Finding::new("answers come in time", Some(format!("not within {}s", ALL.as_secs())))]
    }))
}

struct Prober<'a> {
    client: Client,
    url: &'a Url,
    settings: &'a Settings,
}

impl<'a> Prober<'a> {
    fn new(url: &'a Url, settings: &'a Settings) -> Result<Self, String> {
        let roots: Result<Vec<_>, _> =
            settings.apple.extra_roots.iter().map(|root| Certificate::from_der(root)).collect();
        let problem = |error: reqwest::Error| format!("no client for probing: {error}");
        let mut builder = Client::builder()
            .user_agent("russet-probe")
            .tls_certs_merge(roots.map_err(problem)?)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(ONE);
        let authenticate = settings.gateway.authenticate_host.split(':').next().unwrap_or_default();
        for host in [url.host_str().unwrap_or_default(), authenticate] {
            // RFC 6761 §6.3 keeps these names on this machine, and not every libc knows.
            if is_loopback_name(host) {
                let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
                builder = builder.resolve(host, loopback);
            }
        }
        Ok(Self { client: builder.build().map_err(problem)?, url, settings })
    }

    async fn all(&self) -> Vec<Finding> {
        let mut found = self.page_load().await;
        let script = self.ask(self.url, SCRIPT).await;
        let wrong = wrong_status(&script, 401);
        found.push(Finding::new("a script gets 401", wrong));
        found.push(self.callback().await);
        // Where nothing answers there is nothing to compare.
        if let Ok(script) = script {
            found.extend(self.forged(script.status).await);
        }
        found
    }

    /// From the page to Apple, without going there.
    async fn page_load(&self) -> Vec<Finding> {
        let gateway = &self.settings.gateway;
        let first = self.ask(self.url, PAGE).await;
        let mut found = vec![Finding::new(
            "a page load is sent to sign in",
            sent_on(&first, |to| to.path() == "/.pomerium/sign_in"),
        )];
        let Ok(Seen { location: Some(next), .. }) = &first else { return found };
        let Some(mut next) = self.url.join(next).ok() else { return found };
        if next.host_str() == self.url.host_str()
            && !gateway.authenticate_host.starts_with(next.host_str().unwrap_or("-"))
        {
            let second = self.ask(&next, PAGE).await;
            found.push(Finding::new(
                format!("/.pomerium/ of {} reaches Russet", host_of(&next)),
                sent_on(&second, |to| gateway.authenticate_host.starts_with(&host_of(to))),
            ));
            match second.ok().and_then(|seen| next.join(&seen.location?).ok()) {
                Some(to) => next = to,
                None => return found,
            }
        }
        // On the host that signs people in, the start and the link are one path.
        let mut last = self.ask(&next, PAGE).await;
        let again = last.as_ref().ok().and_then(|seen| next.join(seen.location.as_deref()?).ok());
        if let Some(link) = again.filter(|to| to.path() == "/.pomerium/sign_in") {
            last = self.ask(&link, PAGE).await;
        }
        let provider = self.settings.apple.provider_url.as_str();
        let redirect = self.settings.apple.redirect_uri.as_str();
        found.push(Finding::new(
            format!("{} sends people to the provider", gateway.authenticate_host),
            sent_on(&last, |to| {
                to.as_str().starts_with(provider)
                    && to.query_pairs().any(|(name, uri)| name == "redirect_uri" && uri == redirect)
            }),
        ));
        found
    }

    /// A form that belongs to no sign-in: Russet says so, if it saw the form at all.
    async fn callback(&self) -> Finding {
        let what = "the callback takes a POST with its body";
        let uri = &self.settings.apple.redirect_uri;
        let Ok(url) = Url::parse(uri) else {
            return Finding::new(what, Some(format!("{uri} is not an address")));
        };
        let request = self
            .client
            .request(Method::POST, url)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body("state=probe&code=probe.0.probe");
        let wrong = match self.send(request).await {
            Err(problem) => Some(problem),
            Ok(seen) if seen.body.contains("\"sign_in_not_matched\"") => None,
            Ok(seen) if seen.body.contains("\"bad_request\"") => {
                Some("Russet was asked, but the form did not arrive".to_owned())
            }
            Ok(seen) => Some(format!("expected Russet's answer, seen {}", seen.shown())),
        };
        Finding::new(what, wrong)
    }

    /// What a client says about its own request, in every way in which a proxy might say it: the
    /// answer is the one without it.
    async fn forged(&self, without: u16) -> Vec<Finding> {
        let (host, path) = self.bait();
        let whole = format!("https://{host}{path}");
        let mut found = Vec::new();
        for (name, value) in [
            ("X-Forwarded-Uri", path.as_str()),
            ("X-Original-URL", &whole),
            ("X-Original-URI", &path),
            ("X-Rewrite-URL", &path),
            ("X-Auth-Request-Redirect", &path),
            ("X-Envoy-Original-Path", &path),
            ("X-Forwarded-Prefix", &path),
            ("X_Forwarded_Uri", &path),
            ("X-Forwarded-Host", &host),
            ("X-Forwarded-Proto", "http"),
            ("X-Forwarded-Method", "OPTIONS"),
            ("X-Original-Method", "OPTIONS"),
            ("X-HTTP-Method-Override", "OPTIONS"),
            ("X-Forwarded-For", "127.0.0.1"),
            ("X-Real-IP", "127.0.0.1"),
            ("Forwarded", "for=127.0.0.1;proto=http"),
            ("Connection", "X-Forwarded-Uri, X-Original-URL, X-Forwarded-Host"),
        ] {
            let headers = [SCRIPT, &[(name, value)]].concat();
            let seen = self.ask(self.url, &headers).await;
            // A request that is refused as malformed is let in nowhere either.
            let wrong = match &seen {
                Ok(Seen { status: 400, .. }) => None,
                seen => wrong_status(seen, without),
            };
            found.push(Finding::new(format!("{name} of a client changes no decision"), wrong));
        }
        found
    }

    /// Host and path that everybody may see, if the configuration has one: what a forged
    /// description would name.
    fn bait(&self) -> (String, String) {
        let rules = Rules::new(self.settings.rules.clone());
        let routes = self.settings.rules.iter().filter(|rule| !rule.from.host.contains('*'));
        let open = routes.filter_map(|rule| {
            let path = match &rule.path {
                PathRule::Any | PathRule::Regex(_) => "/",
                PathRule::Prefix(path) | PathRule::Exact(path) => path,
            };
            let port = rule.from.port.map(|port| format!(":{port}")).unwrap_or_default();
            let host = format!("{}{port}", rule.from.host);
            let facts = Facts {
                face: Face::ExternalAuth,
                now: Clock::system().now(),
                authority: &Authority::parse(&host).ok()?,
                method: "GET",
                path,
                source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
                cors_preflight: false,
                client_certificate: None,
                supposed: None,
            };
            let nobody = Err::<Identity, _>(NotSignedIn::NoCookie);
            let open = judge(&rules, &facts, nobody).outcome() == Outcome::Allow;
            open.then(|| (host.clone(), path.to_owned()))
        });
        let own = (authority_of(self.url), "/".to_owned());
        open.into_iter().next().unwrap_or(own)
    }

    async fn ask(&self, url: &Url, headers: &[(&str, &str)]) -> Result<Seen, String> {
        let pairs = headers.iter().filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        });
        let headers: HeaderMap = pairs.collect();
        self.send(self.client.get(url.clone()).headers(headers)).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Seen, String> {
        let no_answer = |error: reqwest::Error| format!("no answer: {}", reason(&error));
        let mut answer = request.send().await.map_err(no_answer)?;
        let location = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        let location = location.map(str::to_owned);
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(no_answer)? {
            body.extend_from_slice(&piece);
            if body.len() > MOST_BYTES {
                break;
            }
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Seen { status: answer.status().as_u16(), location, body })
    }
}

fn reason(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |&cause| cause.source());
    causes.last().map_or_else(|| "it cannot be reached".to_owned(), ToString::to_string)
}

fn authority_of(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}", host_of(url))
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

fn wrong_status(seen: &Result<Seen, String>, wanted: u16) -> Option<String> {
    match seen {
        Err(problem) => Some(problem.clone()),
        Ok(seen) if seen.status == wanted => None,
        Ok(seen) => Some(format!("expected {wanted}, seen {}", seen.shown())),
    }
}

fn sent_on(seen: &Result<Seen, String>, right: impl Fn(&Url) -> bool) -> Option<String> {
    let seen = match seen {
        Err(problem) => return Some(problem.clone()),
        Ok(seen) => seen,
    };
    let to = seen.location.as_deref().and_then(|to| Url::parse(to).ok());
    match to {
        Some(to) if matches!(seen.status, 302 | 303) && right(&to) => None,
        _ => Some(format!("expected a redirect to the next step, seen {}", seen.shown())),
    }
}
