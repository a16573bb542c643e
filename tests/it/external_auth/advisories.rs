//! The rows of `docs/attacks.md` about whose request it is: what other projects got wrong.

use russet::wire::protected_names::{Meaning, known_names};

use super::ask::{DIALECTS, IDENTITY, Original, TRUSTED, send, site, staff};

/// Each header by which some proxy describes a request, saying that it is a public one.
const DESCRIBING: [(&str, &str); 16] = [
    ("X-Forwarded-Uri", "/public/x"),
    ("X-Forwarded-Host", "{wiki}"),
    ("X-Forwarded-Method", "OPTIONS"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Prefix", "/public"),
    ("X-Forwarded-Path", "/public/x"),
    ("X-Forwarded-For", "203.0.113.9"),
    ("X-Real-IP", "203.0.113.9"),
    ("X-Original-URL", "https://{wiki}/public/x"),
    ("X-Original-URI", "/public/x"),
    ("X-Original-Method", "OPTIONS"),
    ("X-Rewrite-Url", "/public/x"),
    ("X-Envoy-Original-Path", "/public/x"),
    ("X-Envoy-External-Address", "203.0.113.9"),
    ("X-Auth-Request-Redirect", "/public/x"),
    ("Forwarded", "for=203.0.113.9;host={wiki}"),
];

#[tokio::test]
async fn a51_1_t03_on_the_road_no_header_says_what_is_asked() {
    let site = site(TRUSTED).await;
    let (wiki, lunch) = (site.host("wiki"), site.host("lunch"));
    for (name, value) in DESCRIBING {
        let value = value.replace("{wiki}", &wiki);
        // Asked directly, of an application that wants somebody signed in.
        let headers = [("Host", &*lunch), (name, &value)];
        let answer = site.wire().await.ask("GET /private HTTP/1.1", &headers).await;
        assert_eq!(answer.status, 401, "{name}");
        assert_eq!(site.app.count(), 0, "{name}");
    }
    for (name, value) in DESCRIBING {
        let value = value.replace("{wiki}", &lunch);
        let headers = [("Host", &*wiki), (name, &value)];
        assert_eq!(site.wire().await.ask("GET /public/y HTTP/1.1", &headers).await.status, 200);
        let seen = site.app.last();
        assert_eq!(seen.target(), "/public/y", "{name}");
        let ours = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"];
        match ours.contains(&name) {
            true => assert_ne!(seen.one(name), Some(&*value), "{name}"),
            false => assert_eq!(seen.all(name), Vec::<&str>::new(), "{name}"),
        }
    }
}

#[tokio::test]
async fn a51_2_nothing_but_the_policy_makes_a_yes() {
    let site = site(TRUSTED).await;
    for dialect in DIALECTS {
        for agent in ["GoogleHC/1.0", "kube-probe/1.30", "ELB-HealthChecker/2.0", "oauth2-proxy"] {
            let asked = Original::get(&site, "/private/x").with(&[("User-Agent", agent)]);
            assert_eq!(asked.ask(&site, dialect).await.status, 401, "{dialect} {agent}");
        }
        for target in ["/ping", "/healthz", "/ready", "/oauth2/auth", "/robots.txt", "/"] {
            let status = Original::get(&site, target).ask(&site, dialect).await.status;
            assert_eq!(status, 403, "{dialect} {target}");
        }
        if dialect != "envoy" {
            let (line, headers) = Original::get(&site, "/private/x").question(dialect);
            let with = line.replace(" HTTP", "?rd=/public/x&allowed_groups=&auth=1 HTTP");
            assert_eq!(send(&site, &with, &headers).await.status, 401, "{dialect}");
            for more in ["/", "/x", "/..", "x", "/../../../ping", "/../nginx"] {
                let at = format!("/.russet/auth/{dialect}");
                let line = line.replace(&at, &format!("{at}{more}"));
                assert_eq!(send(&site, &line, &headers).await.status, 404, "{line}");
            }
        }
    }
}

#[tokio::test]
async fn a51_4_the_query_is_no_part_of_the_path() {
    let site = site(TRUSTED).await;
    for dialect in DIALECTS {
        for target in [
            "/private?x=/public/",
            "/private/?/public/x",
            "/private/x?/../../public/x",
            "/x?/public/",
        ] {
            let status = Original::get(&site, target).ask(&site, dialect).await.status;
            assert!(matches!(status, 401 | 403), "{dialect} {target}: {status}");
        }
    }
}

#[tokio::test]
async fn a51_5_a51_6_a51_7_odd_spellings_of_our_headers_are_refused() {
    let site = site(TRUSTED).await;
    for dialect in DIALECTS {
        for name in [
            "X_Claim_Email",
            "X-Claim_Email",
            "x_claim-email",
            "X.Claim.Email",
            "X.Claim-Email",
            "Remote_User",
            "Remote.User",
            "X_Forwarded_Uri",
            "X.Forwarded.Uri",
            "X-Forwarded.For",
            "X_Forwarded_Proto",
            "X.Russet-Email",
            "X_Pomerium_Jwt_Assertion",
            "X.Pomerium.Jwt.Assertion",
            "X-Auth-Request_Email",
            "X.Original.URL",
        ] {
            let asked = Original::get(&site, "/public/x").with(&[(name, "/public/x")]);
            assert_eq!(asked.ask(&site, dialect).await.status, 400, "{dialect} {name}");
        }
        // In the plain spelling they are taken away by what we answer; others are none of ours.
        for name in ["X-Claim-Email", "Remote-User", "X-Api.Key", "Claim-Email"] {
            let asked = Original::get(&site, "/public/x").with(&[(name, "eve")]);
            let answer = asked.ask(&site, dialect).await;
            assert_eq!(
                (answer.status, answer.one("x-claim-email")),
                (200, Some("")),
                "{dialect} {name}"
            );
        }
    }
}

#[tokio::test]
async fn a51_8_a_yes_without_a_person_still_names_every_header() {
    let site = site(TRUSTED).await;
    for dialect in DIALECTS {
        for target in ["/public/x", "/silent/x"] {
            let answer = Original::get(&site, target).ask(&site, dialect).await;
            for name in IDENTITY {
                assert_eq!(answer.one(name), Some(""), "{dialect} {target} {name}");
            }
        }
    }
}

#[tokio::test]
async fn a51_9_a_cookie_that_does_not_open_is_nobody() {
    let site = site(TRUSTED).await;
    let good = staff(&site);
    let value = good.split_once('=').unwrap().1;
    let other = site.cookie("lunch", serde_json::json!({}));
    let mut flipped = good.clone().into_bytes();
    let at = flipped.len() - 20;
    flipped[at] = if flipped[at] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    let truncated = &good[..good.len() - 1];
    let oversized = format!("__Host-russet={}", "A".repeat(6_000));
    let quoted = format!("__Host-russet=\"{value}\"");
    let many = vec![other.as_str(); 20].join("; ");
    for dialect in DIALECTS {
        for cookie in [
            &*other,
            &flipped,
            truncated,
            &oversized,
            &quoted,
            &many,
            "__Host-russet=",
            "__Host-russet",
            "\u{1}",
        ] {
            for (target, wanted) in [("/private/x", 401), ("/public/x", 200)] {
                let asked = Original::get(&site, target).with(&[("Cookie", cookie)]);
                let (line, headers) = asked.question(dialect);
                let answer = send(&site, &line, &headers).await;
                // A control character is not a header at all.
                let wanted = if cookie == "\u{1}" { 400 } else { wanted };
                assert_eq!(answer.status, wanted, "{dialect} {target} {cookie}");
                if answer.status == 200 {
                    assert_eq!(answer.one("x-claim-sub"), Some(""), "{dialect} {cookie}");
                }
            }
        }
        let answer =
            Original::get(&site, "/private/x").with(&[("Cookie", &good)]).ask(&site, dialect).await;
        assert_eq!(answer.one("x-claim-sub"), Some("001.test"), "{dialect}");
    }
}

/// The same request, asked of us and by another proxy: one decision.
#[tokio::test]
async fn a51_13_one_decision_whoever_asks() {
    let site = site(TRUSTED).await;
    let (ann, eve) = (site.cookie("lunch", serde_json::json!({})), super::ask::stranger(&site));
    let mut compared = 0;
    for host in ["lunch", "wiki", "other"] {
        for target in
            ["/public/x", "/publicx", "/silent", "/silent/x", "/x", "/PUBLIC/x", "/%73ilent"]
        {
            for (cookie, accept) in [
                ("", "text/html"),
                ("", "application/json"),
                (&*ann, "text/html"),
                (&*eve, "text/html"),
            ] {
                let headers = [("Cookie", cookie), ("Accept", accept)];
                let host = site.host(host);
                let mut direct = headers.to_vec();
                direct.push(("Host", &host));
                let line = format!("GET {target} HTTP/1.1");
                let direct = site.wire().await.ask(&line, &direct).await.status;
                for dialect in DIALECTS {
                    let asked = Original::get(&site, target).host(host.clone()).with(&headers);
                    let status = asked.ask(&site, dialect).await.status;
                    let meant = match (status, direct) {
                        (401, 302) if dialect == "nginx" => 302,
                        // No proxy is told 404.
                        (403, 404) => 404,
                        (status, _) => status,
                    };
                    assert_eq!(meant, direct, "{dialect} {host}{target} {headers:?}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 400, "{compared}");
}

#[tokio::test]
async fn a51_20_a51_21_hosts_have_one_spelling_and_paths_keep_their_case() {
    let site = site(TRUSTED).await;
    let port = site.port;
    for dialect in DIALECTS {
        for host in [
            format!("wiki.localhost:{port}"),
            format!("WIKI.Localhost:{port}"),
            format!("wiki.localhost.:{port}"),
        ] {
            let asked = |target| Original::get(&site, target).host(host.clone());
            assert_eq!(
                asked("/public/x").ask(&site, dialect).await.status,
                200,
                "{dialect} {host}"
            );
            assert_eq!(
                asked("/private/x").ask(&site, dialect).await.status,
                401,
                "{dialect} {host}"
            );
            // No rule of ours has these.
            for target in ["/Public/x", "/PRIVATE/x"] {
                assert_eq!(
                    asked(target).ask(&site, dialect).await.status,
                    403,
                    "{dialect} {target}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a51_22_a_host_that_is_none_is_400() {
    let site = site(TRUSTED).await;
    for dialect in DIALECTS {
        for host in [
            "",
            "a b",
            "u@wiki.localhost",
            "wiki.localhost/",
            "wiki.localhost:0",
            "wiki.localhost:",
            "wiki.localhost:x",
            "wiki..localhost",
            "wiki_.localhost",
            "[::1",
            "127.1",
            "0x7f.1",
            "wiki.localhost, other.localhost",
            "wiki.localhost\\other",
            "wiki.localhost%2f",
            "wiki.localhost#",
            "wiki.localhost?",
            "*",
        ] {
            let status =
                Original::get(&site, "/public/x").host(host).ask(&site, dialect).await.status;
            assert_eq!(status, 400, "{dialect} {host:?}");
        }
        let twice = Original::get(&site, "/public/x").with(&[("Host", "elsewhere.example")]);
        assert_eq!(twice.ask(&site, dialect).await.status, 400, "{dialect}: two hosts");
    }
}

#[tokio::test]
async fn a51_23_a51_24_no_connection_header_takes_ours_away() {
    let site = site(TRUSTED).await;
    for dialect in DIALECTS {
        for list in [
            "X-Forwarded-Host, X-Forwarded-Uri, X-Forwarded-For",
            "x-original-url, X-Original-Method",
            "X-Claim-Email, Cookie",
            "close, TE, Trailer, Keep-Alive",
        ] {
            let asked = |target| Original::get(&site, target).with(&[("Connection", list)]);
            let answer = asked("/public/x").ask(&site, dialect).await;
            assert_eq!(answer.status, 200, "{dialect} {list}");
            assert_eq!(answer.one("x-claim-email"), Some(""), "{dialect} {list}");
            for name in ["te", "trailer", "upgrade", "keep-alive", "transfer-encoding"] {
                assert_eq!(answer.one(name), None, "{dialect} {name}");
            }
            assert_eq!(asked("/private/x").ask(&site, dialect).await.status, 401, "{dialect}");
        }
    }
}

#[tokio::test]
async fn a51_25_a51_30_redirects_follow_from_the_configuration() {
    let site = site(TRUSTED).await;
    for dialect in DIALECTS {
        let asked = Original::get(&site, "/private/x").page().with(&[
            ("X-Forwarded-Prefix", "https://evil.example"),
            ("X-Forwarded-Port", "666"),
            ("X-Forwarded-Server", "evil.example"),
            ("Referer", "https://evil.example/"),
            ("X-Auth-Request-Redirect", "https://evil.example/"),
        ]);
        let answer = asked.ask(&site, dialect).await;
        let link = answer.one("location").unwrap();
        let begin = format!("https://wiki.localhost:{}/.pomerium/sign_in?", site.port);
        assert!(
            link.starts_with(&begin) && !link.contains("evil") && !link.contains("666"),
            "{link}"
        );
        let answer = asked.host("evil.example").ask(&site, dialect).await;
        assert_eq!((answer.status, answer.one("location")), (403, None), "{dialect}");
        assert!(!answer.body.contains("evil.example/.pomerium"), "{dialect}");
    }
}

#[tokio::test]
async fn a51_28_methods_are_compared_exactly() {
    let site = site(TRUSTED).await;
    for dialect in DIALECTS {
        for (method, wanted) in [
            ("GET", 200),
            ("HEAD", 403),
            ("POST", 403),
            ("DELETE", 403),
            ("PROPFIND", 403),
            ("get", 400),
            ("Get", 400),
            ("FOO", 400),
            ("TRACE", 400),
            ("CONNECT", 400),
            ("GET,", 400),
        ] {
            let asked = Original::get(&site, "/reading/x").method(method);
            let (line, headers) = asked.question(dialect);
            let status = send(&site, &line, &headers).await.status;
            // There the method is the question's own.
            let wanted = if dialect == "envoy" && wanted == 400 { status.max(400) } else { wanted };
            assert_eq!(status, wanted, "{dialect} {method}");
            assert!(status == 200 || status >= 400, "{dialect} {method}");
        }
    }
}

#[tokio::test]
async fn a51_31_our_own_endpoints_are_where_they_are_asked_for() {
    let site = site(TRUSTED).await;
    let host = site.host("wiki");
    for target in [
        "/.russet/auth/envoy/../../ping",
        "/.russet/auth/envoy/../../../ping",
        "/.russet/auth/envoy/%2e%2e/%2e%2e/ping",
        "/.russet/auth/envoyx/../../../ping",
        "/.russet/auth/../ping",
        "/.russet/auth/nginx/../../../healthz",
        "/.russet/auth//nginx",
        "/.russet/auth/",
        "/.russet/auth",
        "/.russet/auth/envoy",
        "/.russet/auth/other",
        "/.russet/%61uth/nginx",
        "/.pomerium/auth/nginx",
        "//.russet/auth/nginx",
    ] {
        let answer =
            site.wire().await.ask(&format!("GET {target} HTTP/1.1"), &[("Host", &host)]).await;
        assert!(matches!(answer.status, 400 | 404), "{target}: {}", answer.status);
    }
    // No header makes an endpoint of a path.
    let lunch = site.host("lunch");
    for (name, value) in [
        ("X-Forwarded-Uri", "/.pomerium/"),
        ("X-Original-URL", "/ping"),
        ("X-Forwarded-Prefix", "/.pomerium"),
    ] {
        let answer =
            site.wire().await.ask("GET /x HTTP/1.1", &[("Host", &lunch), (name, value)]).await;
        assert_eq!(answer.status, 401, "{name}");
    }
}

#[tokio::test]
async fn a51_32_names_end_where_they_end() {
    let site = site(TRUSTED).await;
    for dialect in DIALECTS {
        for host in
            ["evil-wiki.localhost", "wiki.localhost.evil.example", "xwiki.localhost", "localhost"]
        {
            let asked = Original::get(&site, "/public/x").host(format!("{host}:{}", site.port));
            assert_eq!(asked.ask(&site, dialect).await.status, 403, "{dialect} {host}");
        }
    }
    let host = site.host("wiki");
    let url = format!("https://{host}/public/x");
    let headers = [("Host", &*host), ("X-Original-Method", "GET"), ("X-Original-URL", &url)];
    for target in
        ["/.russet/authx", "/.russet/auth-nginx", "/.russet/auth/nginxx", "/.russet/authnginx"]
    {
        let answer = site.wire().await.ask(&format!("GET {target} HTTP/1.1"), &headers).await;
        assert_eq!(answer.status, 404, "{target}");
    }
}

#[tokio::test]
async fn a51_33_a_clients_identity_headers_reach_nobody() {
    let site = site(TRUSTED).await;
    let host = site.host("wiki");
    let forged = known_names().filter(|(_, meaning)| *meaning != Meaning::Method);
    let forged: Vec<&str> = ["X-Claim-Email", "X-Claim.Sub", "Remote.Email"]
        .into_iter()
        .chain(forged.map(|(name, _)| name))
        .collect();
    for (line, more) in [
        ("GET /public/x HTTP/1.1", &[][..]),
        ("GET /silent/x HTTP/1.1", &[]),
        ("GET /public/x HTTP/1.1", &[("Connection", "Upgrade"), ("Upgrade", "websocket")]),
        (
            "OPTIONS /public/x HTTP/1.1",
            &[("Origin", "https://o.example"), ("Access-Control-Request-Method", "PUT")],
        ),
        ("GET /public/x HTTP/1.1", &[("Authorization", "Bearer abc")]),
        ("HEAD /public/x HTTP/1.0", &[]),
    ] {
        let mut headers = vec![("Host", &*host)];
        headers.extend(forged.iter().map(|name| (*name, "eve@corp.example")));
        headers.extend(more);
        let before = site.app.count();
        assert_eq!(site.wire().await.ask(line, &headers).await.status, 200, "{line} {more:?}");
        assert_eq!(site.app.count(), before + 1);
        let seen = site.app.last();
        for (name, value) in &seen.headers {
            assert!(!value.contains("eve@corp.example"), "{line} {more:?}: {name}: {value}");
        }
    }
    // Our own answers name nobody either.
    for line in ["GET /ping HTTP/1.1", "GET /nowhere HTTP/1.1", "GET /private/x HTTP/1.1"] {
        let answer = site
            .wire()
            .await
            .ask(line, &[("Host", &host), ("X-Claim-Email", "eve@corp.example")])
            .await;
        assert!(!format!("{answer:?}").contains("eve@corp"), "{line}");
    }
}

/// What a proxy could take for a yes, or for an error that it lets through.
#[tokio::test]
async fn a51_34_t70_only_the_statuses_of_the_dialect() {
    let site = site(TRUSTED).await;
    let (good, bad) = (staff(&site), super::ask::stranger(&site));
    for dialect in DIALECTS {
        for target in [
            "/public/x",
            "/private/x",
            "/nowhere",
            "/office/x",
            "/api/x",
            "//",
            "/robots.txt",
            "/.pomerium/",
        ] {
            for (host, cookie) in
                [("wiki", ""), ("wiki", &*good), ("wiki", &*bad), ("other", &*good)]
            {
                for method in ["GET", "POST", "TRACE"] {
                    let asked = Original::get(&site, target).method(method).host(site.host(host));
                    let asked = asked.page().with(&[("Cookie", cookie)]);
                    let answer = asked.ask(&site, dialect).await;
                    let known: &[u16] = match dialect {
                        "nginx" => &[200, 400, 401, 403],
                        _ => &[200, 302, 400, 401, 403],
                    };
                    let shown = format!("{dialect} {method} {target} {cookie} {answer:?}");
                    assert!(known.contains(&answer.status), "{shown}");
                    assert_eq!(answer.one("cache-control"), Some("no-store"), "{shown}");
                    let open = target == "/public/x";
                    let mine = matches!(target, "/private/x" | "/api/x") && cookie == good;
                    let yes = (open || mine) && host == "wiki" && method != "TRACE";
                    assert_eq!(answer.status == 200, yes, "{shown}");
                }
            }
        }
    }
}
