//! Which host a request asks for, and that it alone chooses where the request goes.

use crate::support::{Multiplexed, Plan, Site};
use serde_json::{Value, json};

fn public(hosts: impl Iterator<Item = String>) -> String {
    let route = |host: String| {
        format!(
            "  - name: {host}\n    from: https://{host}.localhost\n    to: http://{{up}}\n    allow_public_unauthenticated_access: true\n"
        )
    };
    hosts.map(route).collect()
}

async fn site(hosts: usize) -> Site {
    let names = (0..hosts).map(|n| format!("h{n}"));
    Site::with(Plan { routes: public(names), plain: true, ..Plan::default() }).await
}

/// Target of the request, `Host` lines, and the status to expect.
const GAMES: [(&str, &[&str], u16); 36] = [
    ("/", &["h1.localhost"], 200),
    ("/", &["H1.LocalHost"], 200),
    ("/", &["h1.localhost."], 200),
    ("/", &["h1.localhost:8443"], 200),
    ("/", &[], 400),
    ("/", &[""], 400),
    ("/", &["h1.localhost", "h1.localhost"], 400),
    ("/", &["h1.localhost", "h0.localhost"], 400),
    ("/", &["h1.localhost, h0.localhost"], 400),
    ("/", &["h0.localhost@h1.localhost"], 400),
    ("/", &["user:pw@h1.localhost"], 400),
    ("/", &["h1.localhost/path"], 400),
    ("/", &["h1.localhost?q"], 400),
    ("/", &["h1.localhost#f"], 400),
    ("/", &["http://h1.localhost"], 400),
    ("/", &["h1.localhost:"], 400),
    ("/", &["h1.localhost:0"], 400),
    ("/", &["h1.localhost:65536"], 400),
    ("/", &["h1.localhost:x"], 400),
    ("/", &["h1.localhost.."], 400),
    ("/", &["h1..localhost"], 400),
    ("/", &["h1_.localhost"], 400),
    ("/", &["h\u{fc}.localhost"], 400),
    ("/", &["h1.localhost\u{3002}"], 400),
    ("/", &["[::1%25lo]"], 400),
    ("/", &["[fe80::1%lo]"], 400),
    ("/", &["127.1"], 400),
    ("/", &["*.localhost"], 400),
    ("/", &["unknown.localhost"], 404),
    ("/", &["[::1]"], 404),
    ("http://h1.localhost/", &["h1.localhost"], 200),
    ("http://h1.localhost/", &["h0.localhost"], 400),
    ("http://h1.localhost:80/", &["h1.localhost"], 400),
    ("http://h1.localhost/", &[], 400),
    ("http://x@h1.localhost/", &["h1.localhost"], 400),
    ("http://unknown.localhost/", &["unknown.localhost"], 404),
];

#[tokio::test(flavor = "multi_thread")]
async fn t13_http1_names_exactly_one_host() {
    for hosts in [2, 120] {
        let site = site(hosts).await;
        for (target, names, status) in GAMES {
            let before = site.app.count();
            let lines: Vec<(&str, &str)> = names.iter().map(|name| ("Host", *name)).collect();
            let answer = site.wire().await.ask(&format!("GET {target} HTTP/1.1"), &lines).await;
            assert_eq!(answer.status, status, "{target} {names:?}");
            assert_eq!(site.app.count() - before, usize::from(status == 200), "{target} {names:?}");
            if status == 200 {
                let seen = site.app.last();
                assert_eq!(seen.one("host"), Some(&*site.app.address().to_string()));
                let told = seen.one("x-forwarded-host").unwrap().to_owned();
                assert!(["h1.localhost", "h1.localhost:8443"].contains(&&*told), "{told}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t13_http2_names_exactly_one_host() {
    let site = site(120).await;
    let mut client = Multiplexed::to(site.address()).await;
    for (authority, host, status) in [
        ("h1.localhost", None, 200),
        ("H1.LOCALHOST.", None, 200),
        ("h1.localhost", Some("h1.localhost"), 200),
        ("h1.localhost", Some("h2.localhost"), 400),
        ("h1.localhost:1", Some("h1.localhost"), 400),
        ("h1.localhost", Some(""), 400),
        ("h1.localhost", Some("h1.localhost,h2.localhost"), 400),
        ("h1_x.localhost", None, 400),
        ("127.1", None, 400),
        ("x@h1.localhost", None, 400),
        ("unknown.localhost", None, 404),
    ] {
        let before = site.app.count();
        let headers: Vec<(&str, &str)> = host.iter().map(|host| ("host", *host)).collect();
        let answer = client.ask("GET", &format!("http://{authority}/"), &headers).await;
        // What the client library does not even send has reached nobody either.
        let got = answer.map_or(400, |answer| answer.status);
        assert_eq!(got, status, "{authority} {host:?}");
        assert_eq!(site.app.count() - before, usize::from(status == 200), "{authority} {host:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t13_each_of_many_hosts_is_its_own_route() {
    let site = site(120).await;
    let mut wire = site.wire().await;
    for n in 0..120 {
        let answer = wire.ask("GET / HTTP/1.1", &[("Host", &format!("h{n}.localhost"))]).await;
        assert_eq!(answer.status, 200);
    }
    let log = site.log().await;
    let routes: Vec<_> =
        log.iter().map(|line| line["route"].as_str().unwrap().to_owned()).collect();
    assert_eq!(routes, (0..120).map(|n| format!("h{n}")).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn t26_nothing_but_a_configured_application_is_ever_connected_to() {
    let site = site(2).await;
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let targets = [
        site.app.address().to_string(),
        other.local_addr().unwrap().to_string(),
        "169.254.169.254:80".to_owned(),
        format!("127.0.0.1:{}", site.port),
        "h1.localhost:443".to_owned(),
    ];
    for target in &targets {
        for (line, host) in [
            (format!("CONNECT {target} HTTP/1.1"), target.as_str()),
            (format!("CONNECT {target} HTTP/1.1"), "h1.localhost"),
            (format!("GET http://{target}/ HTTP/1.1"), target.as_str()),
            (format!("GET http://{target}/ HTTP/1.1"), "h1.localhost"),
            (format!("GET ftp://{target}/ HTTP/1.1"), target.as_str()),
        ] {
            let known = host.starts_with("h1.localhost") && target.starts_with("h1.localhost");
            if known && !line.starts_with("CONNECT") {
                continue;
            }
            let answer = site.wire().await.ask(&line, &[("Host", host)]).await;
            assert!([400, 404, 405].contains(&answer.status), "{line}: {}", answer.status);
        }
        let mut client = Multiplexed::to(site.address()).await;
        let answer = client.ask("CONNECT", &format!("http://{target}"), &[]).await;
        assert!(answer.is_none_or(|answer| [400, 404, 405].contains(&answer.status)));
    }
    assert_eq!(site.app.connections(), 0);
    let came = tokio::time::timeout(std::time::Duration::from_millis(50), other.accept()).await;
    assert!(came.is_err(), "somebody was connected to");
}

/// What a page or JSON says without what differs from request to request.
fn without_id(body: &str, id: &str) -> String {
    body.replace(id, "ID")
}

#[tokio::test(flavor = "multi_thread")]
async fn t91_unknown_hosts_and_unknown_routes_are_answered_alike() {
    let routes = "  - from: https://{wiki}\n    prefix: /only\n    to: http://{up}\n    allowed_users: [boss@corp.example]\n";
    let site = Site::with(Plan { routes: routes.to_owned(), plain: true, ..Plan::default() }).await;
    for accept in ["text/html", "application/json", "*/*", "text/plain"] {
        for method in ["GET", "POST", "OPTIONS"] {
            let mut answers = Vec::new();
            for host in [site.host("wiki"), "no-such.localhost".to_owned()] {
                let line = format!("{method} /there HTTP/1.1");
                let headers =
                    [("Host", host.as_str()), ("Accept", accept), ("Content-Length", "0")];
                let answer = site.wire().await.ask(&line, &headers).await;
                let log = site.last_log().await;
                let id = log["id"].as_str().unwrap();
                assert!(answer.body.contains(id), "{}", answer.body);
                let names: Vec<String> = answer
                    .headers
                    .iter()
                    .filter(|(name, _)| {
                        !["date", "x-request-id", "content-length"].contains(&name.as_str())
                    })
                    .map(|(name, value)| format!("{name}: {value}"))
                    .collect();
                let body =
                    without_id(&answer.body, id).replace(host.split(':').next().unwrap(), "HOST");
                answers.push((answer.status, names, body));
            }
            assert_eq!(answers[0].0, 404);
            assert_eq!(answers[0], answers[1], "{accept} {method}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t91_a_refusal_tells_a_stranger_nothing_of_the_rules() {
    let routes = "  - name: secret-route\n    from: https://{wiki}\n    to: http://{up}\n    allowed_users: [boss@corp.example]\n    \
        policy: [{allow: {and: [{domain: secret.example}, {claim/org_id: secret-org}]}}]\n";
    let site = Site::with(Plan { routes: routes.to_owned(), plain: true, ..Plan::default() }).await;
    let host = site.host("wiki");
    let stranger = site.cookie("wiki", json!({"email": "eve@evil.test"}));
    for cookie in ["", stranger.as_str()] {
        for accept in ["text/html", "application/json"] {
            let headers = [("Host", host.as_str()), ("Accept", accept), ("Cookie", cookie)];
            let answer = site.wire().await.ask("GET / HTTP/1.1", &headers).await;
            let told = format!("{:?} {}", answer.headers, answer.body);
            for word in
                ["boss", "corp.example", "secret.example", "secret-org", "secret-route", "allow"]
            {
                assert!(!told.contains(word), "{word}: {told}");
            }
            assert!(!told.contains(&site.app.address().to_string()));
        }
    }
    // The same words are in the log, for the operator.
    let log = site.last_log().await;
    assert!(log.to_string().contains("boss@corp.example"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w17_unconfigured_hosts_get_ping_and_nothing_else() {
    let site = Site::plain().await;
    let mut wire = site.wire().await;
    for path in ["/ping", "/healthz"] {
        let answer = wire.ask(&format!("GET {path} HTTP/1.1"), &[("Host", "evil.test")]).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "OK\n"));
    }
    for path in [
        "/.pomerium/",
        "/.pomerium",
        "/.pomerium/user",
        "/.pomerium/sign_out",
        "/.russet/",
        "/.well-known/pomerium",
        "/.well-known/pomerium/jwks.json",
        "/robots.txt",
        "/",
        "/oauth2/callback",
    ] {
        let answer = wire.ask(&format!("GET {path} HTTP/1.1"), &[("Host", "evil.test")]).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.body.contains("://evil.test"), "{path}");
    }
    let host = site.host("wiki");
    let answer = wire.ask("GET /.well-known/pomerium HTTP/1.1", &[("Host", &host)]).await;
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let auth = site.host("auth");
    assert_eq!(body["issuer"], format!("https://{host}/"));
    assert_eq!(body["jwks_uri"], format!("https://{host}/.well-known/pomerium/jwks.json"));
    assert_eq!(body["frontchannel_logout_uri"], format!("https://{host}/.pomerium/sign_out"));
    assert_eq!(body["authentication_callback_endpoint"], format!("https://{auth}/oauth2/callback"));
    // A port that nobody configured makes no issuer of its own.
    let answer =
        wire.ask("GET /.well-known/pomerium HTTP/1.1", &[("Host", "wiki.localhost:1")]).await;
    assert!(!answer.body.contains("localhost:1/"), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_of_one_host_is_worth_nothing_on_another() {
    let site = Site::plain().await;
    for (sealed_for, asked, status) in [
        ("wiki", "wiki", 200),
        ("lunch", "lunch", 200),
        ("wiki", "lunch", 302),
        ("lunch", "wiki", 302),
        ("auth", "wiki", 302),
    ] {
        let cookie = site.cookie(sealed_for, json!({}));
        let host = site.host(asked);
        let headers =
            [("Host", host.as_str()), ("Cookie", cookie.as_str()), ("Accept", "text/html")];
        let answer = site.wire().await.ask("GET / HTTP/1.1", &headers).await;
        assert_eq!(answer.status, status, "{sealed_for} on {asked}");
    }
    assert_eq!(site.app.count(), 2);
}
