//! Methods, headers that override them, and preflights (RFC 9110 §9, Fetch).

use crate::support::{Multiplexed, Plan, Site, with_routes};
use russet::wire::protected_names::{Meaning, known_names};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn t46_a_rule_about_methods_cannot_be_walked_around() {
    let site = with_routes(
        "  - from: https://{wiki}\n    to: http://{up}\n    policy: [{allow: {and: [{authenticated_user: true}, {http_method: {in: [GET, HEAD]}}]}}]\n  \
         - from: https://{lunch}\n    to: http://{up}\n    allow_any_authenticated_user: true\n",
    )
    .await;
    let (host, cookie) = (site.host("wiki"), site.cookie("wiki", json!({})));
    let table = known_names().filter(|(_, meaning)| *meaning == Meaning::Method);
    let mut overrides: Vec<&str> = table.map(|(name, _)| name).collect();
    overrides.extend(["x-http-method-override", "X-Http.Method.Override", "X.HTTP-Method"]);
    let mut client = Multiplexed::to(site.address()).await;
    for (method, status) in [
        ("GET", 200),
        ("HEAD", 200),
        ("POST", 403),
        ("DELETE", 403),
        ("OPTIONS", 403),
        ("PROPFIND", 403),
        ("get", 501),
        ("Get", 501),
        ("GETX", 501),
        ("BREW", 501),
        ("TRACE", 405),
        ("TRACK", 405),
        ("trace", 501),
        ("PRI", 501),
        ("CONNECT", 400),
    ] {
        for &name in &overrides {
            for value in ["DELETE", "GET", "get, DELETE"] {
                let before = site.app.count();
                let headers = [
                    ("Host", host.as_str()),
                    ("Cookie", &cookie),
                    (name, value),
                    ("Content-Length", "0"),
                ];
                let answer = site
                    .wire()
                    .await
                    .ask(&format!("{method} /?_method=DELETE HTTP/1.1"), &headers)
                    .await;
                let fits = answer.status == status
                    || (method == "CONNECT" && [400, 405].contains(&answer.status));
                assert!(fits, "{method} {name}: {}", answer.status);
                assert_eq!(site.app.count() - before, usize::from(status == 200));
                if status == 200 {
                    let seen = site.app.last();
                    assert!(seen.line.starts_with(&format!("{method} ")));
                    let left = seen
                        .headers
                        .iter()
                        .filter(|(name, _)| name.to_lowercase().contains("method"))
                        .count();
                    assert_eq!(left, 0, "{name}");
                }
            }
        }
        if method != "CONNECT" {
            let headers = [("cookie", cookie.as_str()), ("x-http-method-override", "DELETE")];
            let answer = client.ask(method, &format!("http://{host}/"), &headers).await.unwrap();
            assert_eq!(answer.status, status, "{method} over HTTP/2");
        }
    }
    // Where no rule is about methods, such a header is the application's business.
    let (host, cookie) = (site.host("lunch"), site.cookie("lunch", json!({})));
    let headers = [("Host", host.as_str()), ("Cookie", &cookie), ("X-HTTP-Method-Override", "PUT")];
    site.wire().await.ask("GET / HTTP/1.1", &headers).await;
    assert_eq!(site.app.last().one("x-http-method-override"), Some("PUT"));
}

#[tokio::test(flavor = "multi_thread")]
async fn t48_only_a_true_preflight_passes_and_it_carries_nobody() {
    let site = with_routes(
        "  - from: https://{wiki}\n    to: http://{up}\n    pass_identity_headers: true\n    cors_allow_preflight: true\n    allowed_domains: [corp.example]\n  \
         - from: https://{lunch}\n    to: http://{up}\n    allowed_domains: [corp.example]\n",
    )
    .await;
    let host = site.host("wiki");
    let cookie = site.cookie("wiki", json!({}));
    for cookie in ["a=1", cookie.as_str()] {
        let headers = [
            ("Host", host.as_str()),
            ("Origin", "https://x.test"),
            ("Access-Control-Request-Method", "PUT"),
            ("Cookie", cookie),
        ];
        assert_eq!(site.wire().await.ask("OPTIONS /x HTTP/1.1", &headers).await.status, 200);
        let seen = site.app.last();
        assert!(
            seen.all("x-pomerium-jwt-assertion").is_empty()
                && !seen.all("cookie").join("").contains("russet")
        );
    }
    let arrived = site.app.count();
    let lunch = site.host("lunch");
    for (method, host, headers) in [
        ("OPTIONS", &host, &[][..]),
        ("OPTIONS", &host, &[("Origin", "https://x.test")]),
        ("OPTIONS", &host, &[("Access-Control-Request-Method", "PUT")]),
        ("OPTIONS", &host, &[("Origin", ""), ("Access-Control-Request-Method", "PUT")]),
        ("OPTIONS", &host, &[("Origin", "https://x.test"), ("Access-Control-Request-Method", "")]),
        (
            "OPTIONS",
            &host,
            &[
                ("Origin", "https://x.test"),
                ("Access-Control-Request-Method", "PUT"),
                ("Access-Control-Request-Method", "GET"),
            ],
        ),
        (
            "OPTIONS",
            &host,
            &[
                ("Origin", "https://x.test"),
                ("Origin", "https://x.test"),
                ("Access-Control-Request-Method", "PUT"),
            ],
        ),
        ("GET", &host, &[("Origin", "https://x.test"), ("Access-Control-Request-Method", "PUT")]),
        (
            "POST",
            &host,
            &[
                ("Origin", "https://x.test"),
                ("Access-Control-Request-Method", "PUT"),
                ("Content-Length", "0"),
            ],
        ),
        (
            "OPTIONS",
            &lunch,
            &[("Origin", "https://x.test"), ("Access-Control-Request-Method", "PUT")],
        ),
    ] {
        let mut all = vec![("Host", host.as_str())];
        all.extend(headers);
        let answer = site.wire().await.ask(&format!("{method} /x HTTP/1.1"), &all).await;
        assert_eq!(answer.status, 401, "{method} {headers:?}");
        let cors =
            answer.headers.iter().filter(|(name, _)| name.starts_with("access-control-")).count();
        assert_eq!(cors, 0);
    }
    assert_eq!(site.app.count(), arrived);
}

const PREFLIGHTS: &str = "  - from: https://{wiki}\n    to: http://{up}\n    cors_allow_preflight: true\n    \
     policy: [{allow: {and: [{domain: corp.example}]}}]\n";

fn preflights() -> Plan {
    Plan { routes: PREFLIGHTS.to_owned(), plain: true, ..Plan::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn t48_a_preflight_reaches_the_application_as_the_preflight_that_was_let_through() {
    let site = Site::with(preflights()).await;
    let host = site.host("wiki");
    let preflight = [
        ("Host", host.as_str()),
        ("Origin", "https://x.test"),
        ("Access-Control-Request-Method", "PUT"),
        ("Access-Control-Request-Headers", "x-a"),
        ("Connection", "Access-Control-Request-Method, Origin, Access-Control-Request-Headers"),
    ];
    let answer = site.wire().await.ask("OPTIONS / HTTP/1.1", &preflight).await;
    assert_eq!((answer.status, site.app.count()), (200, 1));
    let seen = site.app.last();
    assert_eq!(seen.one("access-control-request-method"), Some("PUT"));
    assert_eq!(seen.one("access-control-request-headers"), Some("x-a"));
    assert_eq!(seen.one("origin"), Some("https://x.test"));
}

#[tokio::test(flavor = "multi_thread")]
async fn t46_a_preflight_is_not_turned_into_another_request_by_a_header() {
    let site = Site::with(preflights()).await;
    let host = site.host("wiki");
    for (name, _) in known_names().filter(|(_, meaning)| *meaning == Meaning::Method) {
        let headers = [
            ("Host", host.as_str()),
            ("Origin", "https://x.test"),
            ("Access-Control-Request-Method", "PUT"),
            (name, "DELETE"),
        ];
        let answer = site.wire().await.ask("OPTIONS / HTTP/1.1", &headers).await;
        assert_eq!(answer.status, 200);
        assert_eq!(site.app.last().all(name), Vec::<&str>::new(), "{name}");
    }
}
