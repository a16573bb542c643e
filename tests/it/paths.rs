//! What path was decided on and what path the application saw: always the same.

use crate::support::targets::{as_read, spellings};
use crate::support::{Multiplexed, Plan, Recorder, Site, Wire};
use serde_json::json;

struct Rules {
    site: Site,
    denied: Recorder,
    public: Recorder,
    protected: Recorder,
    rewritten: Recorder,
}

/// A rule that refuses a path, a public route next to a protected one, and routes whose prefix is
/// swapped for another path.
async fn rules() -> Rules {
    let (denied, public) = (Recorder::start().await, Recorder::start().await);
    let (protected, rewritten) = (Recorder::start().await, Recorder::start().await);
    let routes = format!(
        "  - from: https://{{wiki}}\n    to: http://{}\n    policy: [{{allow: {{or: [{{authenticated_user: true}}]}}, \
         deny: {{or: [{{http_path: {{starts_with: /admin}}}}]}}}}]\n  \
         - from: https://{{lunch}}\n    prefix: /public\n    to: http://{}\n    allow_public_unauthenticated_access: true\n  \
         - from: https://{{lunch}}\n    to: http://{}\n    allowed_domains: [corp.example]\n  \
         - from: https://other.localhost\n    prefix: /app\n    to: http://{up}/base/\n    allow_public_unauthenticated_access: true\n  \
         - from: https://a.wild.localhost\n    prefix: /app/\n    to: http://{up}/base\n    allow_public_unauthenticated_access: true\n",
        denied.address(),
        public.address(),
        protected.address(),
        up = rewritten.address(),
    );
    let site = Site::with(Plan { routes, plain: true, ..Plan::default() }).await;
    Rules { site, denied, public, protected, rewritten }
}

impl Rules {
    /// Nothing that arrived may read as something that its rule does not admit.
    fn hold(&self, asked: usize) {
        let seen = |recorder: &Recorder| -> Vec<String> {
            recorder.requests().iter().map(|request| request.target().to_owned()).collect()
        };
        for target in seen(&self.denied) {
            assert!(
                !as_read(&target).starts_with("/admin"),
                "the deny rule was walked around: {target}"
            );
        }
        for target in seen(&self.public) {
            assert!(
                as_read(&target).starts_with("/public"),
                "more than the public prefix: {target}"
            );
        }
        for target in seen(&self.rewritten) {
            assert!(as_read(&target).starts_with("/base"), "out of the swapped prefix: {target}");
        }
        assert_eq!(seen(&self.protected), Vec::<String>::new());
        for recorder in [&self.denied, &self.public, &self.rewritten] {
            let arrived = recorder.count();
            assert!((20..asked / 4).contains(&arrived), "{arrived} of {asked} arrived");
        }
    }

    fn hosts(&self) -> [(String, &'static str, String); 4] {
        let cookie = self.site.cookie("wiki", json!({}));
        [
            (self.site.host("wiki"), "/open", cookie),
            (self.site.host("lunch"), "/public", String::new()),
            ("other.localhost".to_owned(), "/app", String::new()),
            ("a.wild.localhost".to_owned(), "/app", String::new()),
        ]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t01_what_http1_asks_for_is_what_was_decided_on() {
    let rules = rules().await;
    let mut asked = 0;
    for (host, open, cookie) in rules.hosts() {
        let mut wire = rules.site.wire().await;
        for path in spellings(open) {
            asked += 1;
            let head = format!(
                "GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nAccept: text/html\r\n\r\n"
            );
            wire.send(head).await;
            let answer = wire.answer(false).await;
            let goes_on =
                answer.as_ref().is_some_and(|answer| answer.one("connection") != Some("close"));
            let status = answer.map_or(0, |answer| answer.status);
            assert!([0, 200, 302, 400, 403, 404].contains(&status), "{path} on {host}: {status}");
            if !goes_on {
                wire = Wire::to(rules.site.address()).await;
            }
        }
    }
    rules.hold(asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn t01_what_http2_asks_for_is_what_was_decided_on() {
    let rules = rules().await;
    let mut asked = 0;
    let mut client = Multiplexed::to(rules.site.address()).await;
    for (host, open, cookie) in rules.hosts() {
        for path in spellings(open) {
            let headers = [("cookie", cookie.as_str()), ("accept", "text/html")];
            let headers = if cookie.is_empty() { &headers[1..] } else { &headers[..] };
            let answer = client.ask("GET", &format!("http://{host}{path}"), headers).await;
            let Some(answer) = answer else { continue };
            asked += 1;
            assert!(
                [200, 302, 400, 403, 404].contains(&answer.status),
                "{path}: {}",
                answer.status
            );
        }
    }
    assert!(asked > 1_000, "{asked}");
    rules.hold(asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn t01_a_swapped_prefix_never_leads_out_of_its_place() {
    let rules = rules().await;
    let mut wire = rules.site.wire().await;
    for (host, path, expected) in [
        ("other.localhost", "/app/x", Some("/base//x")),
        ("other.localhost", "/app", Some("/base/")),
        ("other.localhost", "/appendix?q=1", Some("/base/endix?q=1")),
        ("a.wild.localhost", "/app/x", Some("/basex")),
        ("other.localhost", "/app../secret", None),
        ("other.localhost", "/app..", None),
        ("other.localhost", "/app.%2e/secret", None),
        ("other.localhost", "/app..;x/secret", None),
        ("other.localhost", "/app..%20/secret", None),
        ("other.localhost", "/app..%3bx/secret", None),
        ("other.localhost", "/app./x", None),
        ("other.localhost", "/app.well", Some("/base/.well")),
    ] {
        let before = rules.rewritten.count();
        let answer = wire.ask(&format!("GET {path} HTTP/1.1"), &[("Host", host)]).await;
        match expected {
            Some(target) => assert_eq!(rules.rewritten.last().target(), target, "{path}"),
            None => assert_eq!((answer.status, rules.rewritten.count()), (400, before), "{path}"),
        }
        if answer.one("connection") == Some("close") {
            wire = rules.site.wire().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t02_the_route_in_the_log_is_the_one_whose_application_answered() {
    let mut applications = Vec::new();
    let mut routes = String::new();
    let rules = [
        "path: /exact",
        "prefix: /admin",
        "regex: '/v[0-9]+/.*'",
        "prefix: /v1/",
        "prefix: /a/b",
        "prefix: /a",
        "prefix: /",
        "prefix: /never",
    ];
    for (index, rule) in rules.iter().enumerate() {
        let application = Recorder::start().await;
        application.answer(format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nr{index}"));
        routes.push_str(&format!(
            "  - name: r{index}\n    from: https://{{wiki}}\n    {rule}\n    to: http://{}\n    \
             allow_public_unauthenticated_access: true\n",
            application.address(),
        ));
        applications.push(application);
    }
    let site = Site::with(Plan { routes, plain: true, ..Plan::default() }).await;
    let host = site.host("wiki");
    let mut wire = site.wire().await;
    let parts = [
        "exact",
        "admin",
        "administrator",
        "v1",
        "v22",
        "v",
        "a",
        "b",
        "x",
        ".",
        "..",
        "",
        "%61",
        "never",
    ];
    let mut expected = Vec::new();
    for seed in 0..600_usize {
        // A row of numbers that only looks like dice, so that a failure can be repeated.
        let mut number = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 7;
        let depth = 1 + seed % 4;
        let mut path = String::new();
        for _ in 0..depth {
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            path.push('/');
            path.push_str(parts[(number >> 33) % parts.len()]);
        }
        let answer = wire.ask(&format!("GET {path} HTTP/1.1"), &[("Host", &host)]).await;
        if answer.status == 200 {
            expected.push((answer.body.clone(), path));
        } else {
            assert_eq!(answer.status, 400, "{path}");
            wire = site.wire().await;
        }
    }
    let log = site.log().await;
    let admitted: Vec<_> = log.iter().filter(|line| line["decision"] == "allow").collect();
    assert_eq!(admitted.len(), expected.len());
    let mut used = std::collections::BTreeSet::new();
    for (line, (route, path)) in admitted.iter().zip(&expected) {
        assert_eq!(line["route"], json!(route), "{path}");
        let index: usize = route[1..].parse().unwrap();
        assert_eq!(line["upstream"], json!(applications[index].address().to_string()));
        used.insert(index);
    }
    assert_eq!(used.into_iter().collect::<Vec<_>>(), [0, 1, 2, 4, 5, 6]);
    let arrived: usize = applications.iter().map(Recorder::count).sum();
    assert_eq!(arrived, expected.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_matching_route_decides_and_an_exact_host_never_falls_through() {
    let routes = "  - name: first\n    from: https://{wiki}\n    prefix: /x\n    to: http://{up}\n    allow_public_unauthenticated_access: true\n  \
        - name: second\n    from: https://{wiki}\n    path: /x/y\n    to: http://{up}\n    allowed_users: [nobody]\n  \
        - name: wild\n    from: https://*.localhost:{port}\n    to: http://{up}\n    allow_public_unauthenticated_access: true\n";
    let site = Site::with(Plan { routes: routes.to_owned(), plain: true, ..Plan::default() }).await;
    let mut wire = site.wire().await;
    for (host, path, status) in [
        ("wiki", "/x/y", 200),
        ("wiki", "/xylophone", 200),
        ("wiki", "/z", 404),
        ("b.c.d", "/z", 200),
    ] {
        let answer = wire.ask(&format!("GET {path} HTTP/1.1"), &[("Host", &site.host(host))]).await;
        assert_eq!(answer.status, status, "{host}{path}");
    }
    let routes: Vec<_> = site.log().await.iter().map(|line| line["route"].clone()).collect();
    assert_eq!(routes, [json!("first"), json!("first"), json!(null), json!("wild")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_query_is_never_touched() {
    let site = Site::plain().await;
    let mut wire = site.wire().await;
    let (host, cookie) = (site.host("wiki"), site.cookie("wiki", json!({})));
    for query in ["?", "?a=%2e%2e/..//&b=%zz", "?x=%00;y&pomerium_session=abc", "?a?b=/%5c"] {
        let line = format!("GET /p{query} HTTP/1.1");
        let answer = wire.ask(&line, &[("Host", &host), ("Cookie", &cookie)]).await;
        assert_eq!(answer.status, 200, "{query}");
        assert_eq!(site.app.last().target(), format!("/p{query}"));
    }
}
