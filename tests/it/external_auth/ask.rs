//! Asks Russet as each kind of proxy does, byte by byte.

use serde_json::json;

use crate::support::{Answer, NAVIGATION, Plan, Site, Wire};

/// The dialects over HTTP.
pub const DIALECTS: [&str; 5] = ["nginx", "traefik", "caddy", "haproxy", "envoy"];

/// Routes of the sites here: for people of the company, for everybody who signs in, for all.
pub const ROUTES: &str = "  - from: https://{wiki}\n    pass_identity_headers: true\n    \
     policy: [{allow: {and: [{domain: corp.example}]}}]\n    prefix: /private\n  \
     - from: https://{wiki}\n    to: http://{up}\n    pass_identity_headers: true\n    \
     prefix: /public\n    allow_public_unauthenticated_access: true\n  \
     - from: https://{wiki}\n    to: http://{up}\n    prefix: /silent\n    \
     allow_public_unauthenticated_access: true\n  \
     - from: https://{wiki}\n    pass_identity_headers: true\n    cors_allow_preflight: true\n    \
     prefix: /api\n    allowed_domains: [corp.example]\n  \
     - from: https://{wiki}\n    pass_identity_headers: true\n    prefix: /reading\n    \
     policy: [{allow: {and: [{http_method: GET}, {accept: true}]}}]\n  \
     - from: https://{wiki}\n    pass_identity_headers: true\n    prefix: /office\n    \
     policy: [{allow: {and: [{source_ip: 203.0.113.0/24}]}}]\n  \
     - from: https://{lunch}\n    to: http://{up}\n    allow_any_authenticated_user: true\n";

/// Loopback may ask; two more networks stand for further proxies in between.
pub const TRUSTED: &str = "external_auth:\n  trusted_peers: [127.0.0.1, 10.0.0.0/8]\n\
     jwt_claims_headers: {X-Claim-Email: email, X-Claim-Sub: sub, X-Claim-Team: org_id}\n";

/// Nobody who connects from here is trusted by address.
pub const ELSEWHERE: &str = "external_auth:\n  trusted_peers: [192.0.2.1]\n";

/// What an allow names, always.
pub const IDENTITY: [&str; 4] =
    ["x-pomerium-jwt-assertion", "x-claim-email", "x-claim-sub", "x-claim-team"];

pub async fn site(extra: &str) -> Site {
    let (routes, extra) = (ROUTES.to_owned(), extra.to_owned());
    Site::with(Plan { routes, extra, plain: true, ..Plan::default() }).await
}

/// A request that somebody made of a proxy.
#[derive(Clone)]
pub struct Original<'a> {
    pub method: &'a str,
    pub host: String,
    pub target: &'a str,
    pub headers: Vec<(&'a str, &'a str)>,
}

impl<'a> Original<'a> {
    pub fn get(site: &Site, target: &'a str) -> Self {
        Self { method: "GET", host: site.host("wiki"), target, headers: Vec::new() }
    }

    pub fn page(self) -> Self {
        self.with(&NAVIGATION)
    }

    pub fn with(mut self, headers: &[(&'a str, &'a str)]) -> Self {
        self.headers.extend_from_slice(headers);
        self
    }

    pub fn method(self, method: &'a str) -> Self {
        Self { method, ..self }
    }

    pub fn host(self, host: impl Into<String>) -> Self {
        Self { host: host.into(), ..self }
    }

    /// Request line and headers of the question in a dialect.
    pub fn question(&self, dialect: &str) -> (String, Vec<(String, String)>) {
        let path = format!("/.russet/auth/{dialect}");
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let (line, mut headers) = match dialect {
            // nginx speaks HTTP/1.0 unless it is told otherwise.
            "nginx" => (
                format!("GET {path} HTTP/1.0"),
                vec![
                    own("Host", "russet"),
                    own("X-Original-Method", self.method),
                    own("X-Original-URL", &format!("https://{}{}", self.host, self.target)),
                ],
            ),
            "envoy" => (
                format!("{} {path}{} HTTP/1.1", self.method, self.target),
                vec![own("Host", &self.host)],
            ),
            _ => (
                format!("GET {path} HTTP/1.1"),
                vec![
                    own("Host", "127.0.0.1:8080"),
                    own("X-Forwarded-Method", self.method),
                    own("X-Forwarded-Proto", "https"),
                    own("X-Forwarded-Host", &self.host),
                    own("X-Forwarded-Uri", self.target),
                ],
            ),
        };
        headers.extend(self.headers.iter().map(|(name, value)| own(name, value)));
        (line, headers)
    }

    pub async fn ask(&self, site: &Site, dialect: &str) -> Answer {
        let (line, headers) = self.question(dialect);
        send(site, &line, &headers).await
    }
}

pub async fn send(site: &Site, line: &str, headers: &[(String, String)]) -> Answer {
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Wire::to(site.address()).await.ask(line, &headers).await
}

/// `Cookie` of somebody of the company, and of somebody else.
pub fn staff(site: &Site) -> String {
    site.cookie("wiki", json!({"org_id": "A1B2"}))
}

pub fn stranger(site: &Site) -> String {
    site.cookie("wiki", json!({"email": "eve@elsewhere.example"}))
}
