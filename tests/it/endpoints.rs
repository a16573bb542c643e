//! What is ours on every host: who may ask what, with which method, and what comes.

use crate::support::{Answer, Multiplexed, Plan, Site};
use serde_json::{Value, json};

const ASSOCIATION: &str = "MIIPgwYJKoZIhvcNAQcCoIIPdDCCD3AC";

async fn site() -> Site {
    let extra = format!(
        "apple_domain_association: {ASSOCIATION}\njwt_claims_headers: {{X-Org: org_id, X-Hidden: is_private_email}}"
    );
    Site::with(Plan { extra, plain: true, ..Plan::default() }).await
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Cached {
    Never,
    AMinute,
}

/// What an answer must look like.
struct Row {
    host: &'static str,
    signed_in: bool,
    ask: &'static str,
    status: u16,
    content: &'static str,
    /// Part of the body, or of `Location` where there is one.
    holds: &'static str,
    cached: Cached,
}

const fn row(
    host: &'static str,
    signed_in: bool,
    ask: &'static str,
    status: u16,
    content: &'static str,
    holds: &'static str,
) -> Row {
    Row { host, signed_in, ask, status, content, holds, cached: Cached::Never }
}

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

const fn minute(host: &'static str, ask: &'static str, status: u16, holds: &'static str) -> Row {
    Row { host, signed_in: false, ask, status, content: JSON, holds, cached: Cached::AMinute }
}

/// Every endpoint; `%` stands for `/.pomerium` and for `/.russet`.
const TABLE: &[Row] = &[
    row("wiki", false, "GET /ping", 200, TEXT, "OK\n"),
    row("auth", false, "GET /ping", 200, TEXT, "OK\n"),
    row("unknown", false, "GET /healthz", 200, TEXT, "OK\n"),
    row("wiki", true, "GET /healthz", 200, TEXT, "OK\n"),
    row("wiki", false, "HEAD /ping", 200, TEXT, ""),
    row("wiki", false, "POST /ping", 405, TEXT, "Method Not Allowed\n"),
    row("unknown", false, "DELETE /healthz", 405, TEXT, "Method Not Allowed\n"),
    row("wiki", false, "GET /.well-known/pomerium", 200, JSON, "\"jwks_uri\""),
    row("wiki", false, "GET /.well-known/pomerium/", 200, JSON, "\"issuer\""),
    row("auth", true, "GET /.well-known/pomerium", 200, JSON, "\"frontchannel_logout_uri\""),
    row("wiki", false, "POST /.well-known/pomerium", 405, HTML, ""),
    row("unknown", false, "GET /.well-known/pomerium", 404, HTML, ""),
    minute("wiki", "GET /.well-known/pomerium/jwks.json", 200, "\"kty\":\"EC\""),
    minute("auth", "GET /.well-known/pomerium/jwks.json", 200, "\"alg\":\"ES256\""),
    row("wiki", false, "PUT /.well-known/pomerium/jwks.json", 405, HTML, ""),
    row("wiki", false, "GET /.well-known/pomerium/hpke-public-key", 404, HTML, ""),
    row("wiki", false, "GET %", 301, TEXT, "%/"),
    row("auth", false, "GET %", 301, TEXT, "%/"),
    row("wiki", false, "GET %/", 302, TEXT, "/.pomerium/sign_in?pomerium_redirect_uri="),
    row("auth", false, "GET %/", 302, TEXT, "/.pomerium/sign_in?pomerium_redirect_uri="),
    row("wiki", true, "GET %/", 200, HTML, "ann@corp.example"),
    row("auth", true, "GET %/", 200, HTML, "001.test"),
    row("wiki", true, "HEAD %/", 200, HTML, ""),
    row("wiki", true, "POST %/", 405, HTML, ""),
    row("wiki", false, "GET %/user", 302, TEXT, "/.pomerium/sign_in?"),
    row("wiki", true, "GET %/user", 200, JSON, "\"sub\":\"001.test\""),
    row("auth", true, "GET %/user", 200, JSON, "\"user\":\"001.test\""),
    row("wiki", true, "POST %/user", 405, HTML, ""),
    row("auth", false, "GET %/sign_in", 400, HTML, "no longer works"),
    row("auth", true, "GET %/sign_in", 400, HTML, "no longer works"),
    row("auth", false, "POST %/sign_in", 405, HTML, ""),
    row("wiki", false, "GET %/sign_in", 400, HTML, "no longer works"),
    row("wiki", false, "GET %/callback/", 400, HTML, "makes no sense"),
    row("wiki", true, "GET %/callback/?ticket=x", 400, HTML, "kept no cookie"),
    row("auth", false, "GET %/callback/", 400, HTML, ""),
    row("wiki", false, "POST %/callback/", 405, HTML, ""),
    row("wiki", false, "GET %/callback", 404, HTML, ""),
    row("wiki", true, "GET %/sign_out", 200, HTML, "<form"),
    row("auth", true, "GET %/sign_out", 200, HTML, "<form"),
    row("wiki", false, "GET %/sign_out", 200, HTML, "signed out"),
    row("wiki", true, "POST %/sign_out", 403, HTML, "<form"),
    row("wiki", false, "POST %/sign_out", 403, HTML, ""),
    row("wiki", true, "PUT %/sign_out", 405, HTML, ""),
    row("auth", false, "GET %/signed_out", 200, HTML, "signed out"),
    row("auth", true, "GET %/signed_out", 302, TEXT, "/.pomerium/"),
    row("wiki", false, "GET %/signed_out", 404, HTML, ""),
    row("auth", false, "POST %/signed_out", 405, HTML, ""),
    row("wiki", false, "GET %/api/v1/login?pomerium_redirect_uri=http://localhost/", 501, HTML, ""),
    row("wiki", true, "GET %/api/v1/login", 501, HTML, ""),
    row("wiki", false, "GET %/jwt", 404, HTML, ""),
    row("wiki", true, "GET %/nothing", 404, HTML, ""),
    row("wiki", true, "GET %nothing", 404, HTML, ""),
    row("auth", false, "GET %/webauthn", 404, HTML, ""),
    row("auth", false, "GET /oauth2/callback", 405, HTML, "/.pomerium/"),
    row("auth", false, "HEAD /oauth2/callback", 405, HTML, ""),
    row("auth", false, "POST /oauth2/callback", 400, HTML, ""),
    row("wiki", false, "GET /oauth2/callback", 302, TEXT, "/.pomerium/sign_in?"),
    row("auth", false, "GET /robots.txt", 200, TEXT, "User-agent: *\nDisallow: /\n"),
    row("wiki", false, "GET /robots.txt", 200, TEXT, "Disallow: /"),
    row("auth", false, "GET /", 302, TEXT, "/.pomerium/"),
    row("auth", true, "GET /", 302, TEXT, "/.pomerium/"),
    row("auth", true, "POST /", 405, HTML, ""),
    row("auth", true, "GET /else", 404, HTML, ""),
    row(
        "wiki",
        false,
        "GET /.well-known/apple-developer-domain-association.txt",
        200,
        TEXT,
        ASSOCIATION,
    ),
    row(
        "auth",
        false,
        "GET /.well-known/apple-developer-domain-association.txt",
        200,
        TEXT,
        ASSOCIATION,
    ),
    row("unknown", false, "GET /.well-known/apple-developer-domain-association.txt", 404, HTML, ""),
    row("wiki", false, "POST /.well-known/apple-developer-domain-association.txt", 405, HTML, ""),
];

async fn ask(site: &Site, row: &Row, ask: &str) -> Answer {
    let host = site.host(row.host);
    let cookie = site.cookie(row.host, json!({}));
    let mut headers = vec![("Host", host.as_str()), ("Accept", "text/html")];
    if row.signed_in {
        headers.push(("Cookie", &cookie));
    }
    if ask.starts_with("POST") || ask.starts_with("PUT") {
        headers.extend([
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Content-Length", "0"),
        ]);
    }
    site.wire().await.ask(&format!("{ask} HTTP/1.1"), &headers).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_answers_as_documented() {
    let site = site().await;
    for row in TABLE {
        for tree in ["/.pomerium", "/.russet"] {
            let line = row.ask.replace('%', tree);
            let answer = ask(&site, row, &line).await;
            let about = format!(
                "{line} on {} ({})",
                row.host,
                if row.signed_in { "signed in" } else { "nobody" }
            );
            assert_eq!(answer.status, row.status, "{about}");
            assert_eq!(answer.one("content-type"), Some(row.content), "{about}");
            let holds = row.holds.replace('%', tree);
            let place = answer.one("location").unwrap_or(&answer.body);
            assert!(place.contains(&holds), "{about}: {place}");
            let cached = if row.cached == Cached::AMinute { "max-age=60" } else { "no-store" };
            assert_eq!(answer.one("cache-control"), Some(cached), "{about}");
            assert_eq!(answer.one("x-content-type-options"), Some("nosniff"), "{about}");
            assert_eq!(answer.one("referrer-policy"), Some("no-referrer"), "{about}");
            assert_eq!(answer.one("etag").is_some(), row.cached == Cached::AMinute, "{about}");
            let open = row.status == 200 && line.contains("well-known/pomerium");
            assert_eq!(answer.one("access-control-allow-origin"), open.then_some("*"), "{about}");
            if row.status == 405 {
                assert!(answer.one("allow").is_some_and(|allow| !allow.is_empty()), "{about}");
            }
            if row.content == HTML {
                assert!(
                    answer.one("content-security-policy").unwrap().contains("default-src 'none'"),
                    "{about}"
                );
            }
        }
    }
    assert_eq!(site.app.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn t49_our_answers_and_refusals_are_stored_by_no_cache() {
    let site = site().await;
    for row in TABLE.iter().filter(|row| row.cached == Cached::Never) {
        for tree in ["/.pomerium", "/.russet"] {
            let answer = ask(&site, row, &row.ask.replace('%', tree)).await;
            assert_eq!(answer.one("cache-control"), Some("no-store"), "{}", row.ask);
        }
    }
    let (host, stranger) =
        (site.host("wiki"), site.cookie("wiki", json!({"email": "eve@evil.test"})));
    site.app.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n");
    let known = site.cookie("wiki", json!({}));
    for (line, cookie, accept, status) in [
        ("GET /account/x.css HTTP/1.1", "", "text/html", 302),
        ("GET /account/x.css HTTP/1.1", "", "text/css", 401),
        ("GET /account/x.css HTTP/1.1", stranger.as_str(), "text/html", 403),
        ("GET /account/x.css HTTP/1.1", &stranger, "application/json", 403),
        ("GET /%2f HTTP/1.1", &known, "text/html", 400),
        ("TRACE / HTTP/1.1", &known, "text/html", 405),
        ("BREW / HTTP/1.1", &known, "text/html", 501),
        ("GET / HTTP/1.1", &known, "text/html", 502),
    ] {
        let headers = [("Host", host.as_str()), ("Cookie", cookie), ("Accept", accept)];
        let answer = site.wire().await.ask(line, &headers).await;
        assert_eq!(
            (answer.status, answer.one("cache-control")),
            (status, Some("no-store")),
            "{line} {accept}"
        );
    }
    // What the application says of caches is its own.
    site.app.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nCache-Control: public, max-age=9\r\nVary: Accept, Cookie\r\n\r\n");
    let answer =
        site.wire().await.ask("GET / HTTP/1.1", &[("Host", &host), ("Cookie", &known)]).await;
    assert_eq!(
        (answer.one("cache-control"), answer.one("vary")),
        (Some("public, max-age=9"), Some("Accept, Cookie"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_json_of_the_user_is_pomeriums() {
    let site = site().await;
    let session = site
        .session(json!({"is_private_email": false, "secret": "not named in jwt_claims_headers"}));
    let (host, cookie) = (site.host("wiki"), site.cookie_of("wiki", &session));
    let answer = site
        .wire()
        .await
        .ask("GET /.pomerium/user HTTP/1.1", &[("Host", &host), ("Cookie", &cookie)])
        .await;
    let user: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        user,
        json!({"email": "ann@corp.example", "groups": [], "is_private_email": false, "name": "",
            "sid": session.id.to_string(), "sub": "001.test", "user": "001.test"})
    );
    for accept in ["application/json", "*/*"] {
        let answer = site
            .wire()
            .await
            .ask("GET /.pomerium/user HTTP/1.1", &[("Host", &host), ("Accept", accept)])
            .await;
        assert_eq!(answer.status, 401);
        let refusal: Value = serde_json::from_str(&answer.body).unwrap();
        assert!(refusal["sign_in_url"].as_str().unwrap().starts_with("https://auth.localhost"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_set_is_revalidated_by_its_tag() {
    let site = site().await;
    let host = site.host("wiki");
    let line = "GET /.well-known/pomerium/jwks.json HTTP/1.1";
    let mut wire = site.wire().await;
    let first = wire.ask(line, &[("Host", &host)]).await;
    let tag = first.one("etag").unwrap().to_owned();
    assert!(tag.len() == 18 && tag.starts_with('"') && tag.ends_with('"'));
    for (sent, status) in [
        (tag.as_str(), 304),
        (&format!("W/{tag}"), 304),
        (&format!("\"other\", {tag}"), 304),
        ("*", 304),
        ("\"other\"", 200),
    ] {
        let again = wire.ask(line, &[("Host", &host), ("If-None-Match", sent)]).await;
        assert_eq!(
            (again.status, again.one("etag"), again.one("cache-control")),
            (status, Some(&*tag), Some("max-age=60")),
            "{sent}"
        );
    }
    let keys: Value = serde_json::from_str(&first.body).unwrap();
    let key = keys["keys"][0].as_object().unwrap();
    let members: Vec<&str> = key.keys().map(String::as_str).collect();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    assert_eq!((key["kid"].as_str().unwrap().len(), &key["use"]), (64, &json!("sig")));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_file_the_association_is_the_applications() {
    let site = Site::plain().await;
    let (host, cookie) = (site.host("wiki"), site.cookie("wiki", json!({})));
    let line = "GET /.well-known/apple-developer-domain-association.txt HTTP/1.1";
    assert_eq!(site.wire().await.ask(line, &[("Host", &host)]).await.status, 401);
    assert_eq!(
        site.wire().await.ask(line, &[("Host", &host), ("Cookie", &cookie)]).await.body,
        "ok"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn robots_txt_is_ours_only_for_whoever_may_not_pass() {
    let site = Site::plain().await;
    let host = site.host("wiki");
    let robots = "User-agent: *\nDisallow: /\n";
    let stranger = site.cookie("wiki", json!({"email": "eve@evil.test"}));
    for cookie in ["", stranger.as_str()] {
        let answer = site
            .wire()
            .await
            .ask("GET /robots.txt HTTP/1.1", &[("Host", &host), ("Cookie", cookie)])
            .await;
        assert_eq!(
            (answer.status, answer.body.as_str(), answer.one("location")),
            (200, robots, None)
        );
    }
    let known = site.cookie("wiki", json!({}));
    let answer = site
        .wire()
        .await
        .ask("GET /robots.txt HTTP/1.1", &[("Host", &host), ("Cookie", &known)])
        .await;
    assert_eq!(answer.body, "ok");
}

const METHODS: [&str; 12] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "QUERY", "TRACE",
    "get", "BREW",
];

/// Ways to write an endpoint's path that some reader takes for it.
fn written(path: &str) -> Vec<String> {
    let letter = path.rfind(|c: char| c.is_ascii_alphabetic()).unwrap();
    let (before, after) = path.split_at(letter);
    let escaped = format!("{before}%{:02x}{}", after.as_bytes()[0], &after[1..]);
    let mut all = vec![
        path.to_owned(),
        escaped.clone(),
        escaped.replace('%', "%25"),
        path.to_uppercase(),
        format!("/{path}"),
        format!("/.{path}"),
        format!("/x/..{path}"),
        format!("/x/%2e%2e{path}"),
        format!("/x{path}"),
        format!("http://wiki.localhost{path}"),
    ];
    for suffix in [
        "/",
        "x",
        "/x",
        ";x",
        "%00",
        "%20",
        ".",
        "/.",
        "/..",
        "/../admin",
        "/..;/admin",
        "?x",
        "%3f",
        "%23",
        "/%2e%2e/admin",
        "//",
        "\\x",
    ] {
        all.push(format!("{path}{suffix}"));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn t25_no_special_path_lets_a_request_through() {
    let site = site().await;
    let host = site.host("wiki");
    let endpoints = [
        "/ping",
        "/healthz",
        "/robots.txt",
        "/.pomerium",
        "/.pomerium/",
        "/.pomerium/user",
        "/.pomerium/sign_in",
        "/.pomerium/sign_out",
        "/.pomerium/signed_out",
        "/.pomerium/callback/",
        "/.pomerium/api/v1/login",
        "/.russet/",
        "/.russet/user",
        "/.well-known/pomerium",
        "/.well-known/pomerium/jwks.json",
        "/oauth2/callback",
        "/.well-known/apple-developer-domain-association.txt",
        "/.well-known/acme-challenge/token",
        "/favicon.ico",
    ];
    let agents = [
        "kube-probe/1.30",
        "ELB-HealthChecker/2.0",
        "GoogleHC/1.0",
        "Let's Encrypt validation server",
    ];
    let mut asked = 0;
    let mut wire = site.wire().await;
    for path in endpoints.iter().flat_map(|path| written(path)) {
        for (at, method) in METHODS.iter().enumerate() {
            let mut headers = vec![
                ("Host", host.as_str()),
                ("User-Agent", agents[at % 4]),
                ("Content-Length", "0"),
            ];
            if *method == "OPTIONS" {
                headers.extend([
                    ("Origin", "https://evil.test"),
                    ("Access-Control-Request-Method", "GET"),
                ]);
            }
            let answer = wire.ask(&format!("{method} {path} HTTP/1.1"), &headers).await;
            assert_ne!(answer.status, 500, "{method} {path}");
            asked += 1;
            if answer.one("connection") == Some("close") {
                wire = site.wire().await;
            }
        }
    }
    assert_eq!((site.app.connections(), asked > 4_000), (0, true), "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t25_what_is_ours_stays_ours_for_the_signed_in() {
    let site = site().await;
    let (host, cookie) = (site.host("wiki"), site.cookie("wiki", json!({})));
    let mut client = Multiplexed::to(site.address()).await;
    for tree in ["/.pomerium", "/.russet", "/.well-known/pomerium"] {
        for rest in [
            "",
            "/",
            "x",
            "/x",
            "/user",
            "/user/x",
            "/user/",
            ";x",
            "/;x",
            ".x",
            "%20",
            "/%75ser",
            "/USER",
            "/x/../user",
            "//user",
        ] {
            for method in &METHODS[..8] {
                let headers =
                    [("Host", host.as_str()), ("Cookie", &cookie), ("Content-Length", "0")];
                let line = format!("{method} {tree}{rest} HTTP/1.1");
                let answer = site.wire().await.ask(&line, &headers).await;
                assert!(![500, 502].contains(&answer.status), "{line}");
                if *method == "GET" {
                    let uri = format!("http://{host}{tree}{rest}");
                    let answer = client.ask("GET", &uri, &[("cookie", &cookie)]).await.unwrap();
                    assert_ne!(answer.status, 500);
                }
            }
        }
    }
    for path in ["/ping", "/healthz"] {
        for method in METHODS {
            let headers = [("Host", host.as_str()), ("Cookie", &cookie), ("Content-Length", "0")];
            site.wire().await.ask(&format!("{method} {path} HTTP/1.1"), &headers).await;
        }
    }
    assert_eq!(site.app.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn w20_no_page_of_ours_names_a_version() {
    let site = site().await;
    let version = env!("CARGO_PKG_VERSION");
    for row in TABLE {
        let answer = ask(&site, row, &row.ask.replace('%', "/.pomerium")).await;
        let told = format!("{:?} {}", answer.headers, answer.body).to_lowercase();
        assert!(!told.contains(version) && !told.contains("version="), "{}", row.ask);
        assert!(answer.all("server").is_empty() && answer.all("x-powered-by").is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t99_no_answer_of_ours_tells_what_we_run_on() {
    let site = site().await;
    let up = site.app.address().to_string();
    let (host, known) = (site.host("wiki"), site.cookie("wiki", json!({})));
    let mut told = String::new();
    for row in TABLE {
        let answer = ask(&site, row, &row.ask.replace('%', "/.russet")).await;
        told.push_str(&format!("{:?} {}", answer.headers, answer.body));
    }
    site.app.answer("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n");
    for line in
        ["GET / HTTP/1.1", "GET /%00 HTTP/1.1", "CONNECT a:1 HTTP/1.1", "GET / HTTP/1.1\r\nHost: b"]
    {
        for accept in ["text/html", "application/json"] {
            let headers = [("Host", host.as_str()), ("Cookie", &known), ("Accept", accept)];
            let answer = site.wire().await.ask(line, &headers).await;
            assert!(answer.status >= 400);
            told.push_str(&format!("{:?} {}", answer.headers, answer.body));
        }
    }
    let here = env!("CARGO_MANIFEST_DIR");
    for word in [
        up.as_str(),
        here,
        env!("CARGO_PKG_VERSION"),
        ".rs:",
        "src/",
        "hyper",
        "rustls",
        "tokio",
        "panicked",
        "127.0.0.1",
        "error trying",
    ] {
        assert!(!told.contains(word), "{word}");
    }
}
