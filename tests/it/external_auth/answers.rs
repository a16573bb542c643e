//! What each dialect is answered.

use super::ask::{DIALECTS, IDENTITY, Original, TRUSTED, send, site, staff, stranger};

#[tokio::test]
async fn an_allow_is_200_with_who_it_is() {
    let site = site(TRUSTED).await;
    let cookie = staff(&site);
    for dialect in DIALECTS {
        let asked = Original::get(&site, "/private/x?y=1").with(&[("Cookie", &cookie)]);
        let answer = asked.ask(&site, dialect).await;
        assert_eq!(answer.status, 200, "{dialect}: {answer:?}");
        assert_eq!(answer.one("x-claim-email"), Some("ann@corp.example"), "{dialect}");
        assert_eq!(answer.one("x-claim-team"), Some("A1B2"), "{dialect}");
        let assertion = answer.one("x-pomerium-jwt-assertion").unwrap();
        assert_eq!(assertion.split('.').count(), 3, "{dialect}");
        assert_eq!(answer.one("cache-control"), Some("no-store"), "{dialect}");
        assert_eq!(answer.body, "", "{dialect}");
        let line = site.last_log().await;
        assert_eq!(line["decision"], "allow", "{line}");
        assert_eq!((&line["path"], &line["method"]), (&"/private/x".into(), &"GET".into()));
        assert_eq!(line["detail"], format!("asked by {dialect}"));
    }
    assert_eq!(site.app.count(), 0, "nothing goes to an application");
}

#[tokio::test]
async fn somebody_who_has_to_sign_in_is_sent_there_if_it_is_a_page_load() {
    let site = site(TRUSTED).await;
    for dialect in DIALECTS {
        let asked = Original::get(&site, "/private/deep?q=1");
        let answer = asked.clone().page().ask(&site, dialect).await;
        let wanted = if dialect == "nginx" { 401 } else { 302 };
        assert_eq!(answer.status, wanted, "{dialect}: {answer:?}");
        let link = answer.one("location").unwrap();
        let begin = format!("https://wiki.localhost:{}/.pomerium/sign_in?", site.port);
        assert!(link.starts_with(&begin), "{dialect}: {link}");
        assert!(answer.all("set-cookie").is_empty(), "{dialect}");
        for name in IDENTITY {
            assert_eq!(answer.one(name), None, "{dialect} {name}");
        }
        // Scripts, forms and frames are told so.
        for (method, headers) in [
            ("GET", &[("Accept", "application/json")][..]),
            ("GET", &[("Accept", "*/*")]),
            ("GET", &[]),
            ("GET", &[("Accept", "text/html"), ("X-Requested-With", "XMLHttpRequest")]),
            (
                "GET",
                &[
                    ("Accept", "text/html"),
                    ("Sec-Fetch-Mode", "navigate"),
                    ("Sec-Fetch-Dest", "iframe"),
                ],
            ),
            (
                "POST",
                &[
                    ("Accept", "text/html"),
                    ("Sec-Fetch-Mode", "navigate"),
                    ("Sec-Fetch-Dest", "document"),
                ],
            ),
        ] {
            let answer = asked.clone().method(method).with(headers).ask(&site, dialect).await;
            assert_eq!(answer.status, 401, "{dialect} {method} {headers:?}: {answer:?}");
            assert_eq!(answer.one("location"), None, "{dialect} {headers:?}");
            assert!(answer.body.contains("/.pomerium/sign_in"), "{dialect}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_denial_is_403_and_explains_itself() {
    let site = site(TRUSTED).await;
    let cookie = stranger(&site);
    for dialect in DIALECTS {
        let asked = Original::get(&site, "/private/x").page().with(&[("Cookie", &cookie)]);
        let answer = asked.ask(&site, dialect).await;
        assert_eq!(answer.status, 403, "{dialect}: {answer:?}");
        assert!(answer.body.contains("eve@elsewhere.example"), "{dialect}: {}", answer.body);
        for name in IDENTITY {
            assert_eq!(answer.one(name), None, "{dialect} {name}");
        }
        let line = site.last_log().await;
        assert_eq!((&line["decision"], &line["status"]), (&"deny".into(), &403.into()), "{line}");
    }
}

#[tokio::test]
async fn head_equals_get_and_any_method_of_the_question_will_do() {
    let site = site(TRUSTED).await;
    let (good, bad) = (staff(&site), stranger(&site));
    for dialect in ["nginx", "traefik", "caddy", "haproxy"] {
        for cookie in ["", &good, &bad] {
            let asked = Original::get(&site, "/private/x").page().with(&[("Cookie", cookie)]);
            let (line, headers) = asked.question(dialect);
            let get = send(&site, &line, &headers).await;
            for method in ["HEAD", "POST", "OPTIONS", "DELETE", "PROPFIND"] {
                let line = line.replacen("GET", method, 1);
                let other = send(&site, &line, &headers).await;
                assert_eq!(other.status, get.status, "{dialect} {method}");
                assert_eq!(other.one("x-claim-email"), get.one("x-claim-email"));
                if method == "HEAD" && !get.body.is_empty() {
                    assert_eq!(other.body, "", "{dialect}");
                    assert_eq!(other.one("content-length"), get.one("content-length"));
                }
            }
        }
    }
}

#[tokio::test]
async fn every_allow_names_every_configured_header() {
    let site = site(TRUSTED).await;
    let cookie = staff(&site);
    let preflight: &[(&str, &str)] =
        &[("Origin", "https://other.example"), ("Access-Control-Request-Method", "POST")];
    for dialect in DIALECTS {
        for (method, target, headers, named) in [
            ("GET", "/public/x", &[][..], false),
            ("GET", "/public/x", &[("Cookie", &*cookie)], true),
            // `pass_identity_headers` is off there.
            ("GET", "/silent/x", &[("Cookie", &cookie)], false),
            ("GET", "/silent/x", &[], false),
            ("OPTIONS", "/api/x", preflight, false),
        ] {
            let asked = Original::get(&site, target).method(method).with(headers);
            let answer = asked.ask(&site, dialect).await;
            assert_eq!(answer.status, 200, "{dialect} {method} {target}: {answer:?}");
            for name in IDENTITY {
                let value = answer.one(name).unwrap_or_else(|| panic!("{dialect} has no {name}"));
                assert_eq!(!value.is_empty(), named, "{dialect} {target} {name}: {value}");
            }
        }
    }
}

#[tokio::test]
async fn our_cookies_are_taken_out_where_the_proxy_can() {
    let site = site(TRUSTED).await;
    let ours = staff(&site);
    let both = format!("theme=dark; {ours}; lang=de");
    for (dialect, cookies, rest, removed) in [
        ("nginx", &both, None, None),
        ("traefik", &both, Some("theme=dark; lang=de"), None),
        ("caddy", &both, Some("theme=dark; lang=de"), None),
        ("haproxy", &both, Some("theme=dark; lang=de"), None),
        ("envoy", &both, Some("theme=dark; lang=de"), None),
        ("traefik", &ours, None, None),
        ("envoy", &ours, None, Some("cookie")),
    ] {
        let asked = Original::get(&site, "/private/x").with(&[("Cookie", cookies)]);
        let answer = asked.ask(&site, dialect).await;
        assert_eq!(answer.status, 200, "{dialect}");
        assert_eq!(answer.one("cookie"), rest, "{dialect} {cookies}");
        assert_eq!(answer.one("x-envoy-auth-headers-to-remove"), removed, "{dialect} {cookies}");
    }
}

#[tokio::test]
async fn http_1_0_is_served_and_a_transfer_encoding_in_it_is_not() {
    let site = site(TRUSTED).await;
    for dialect in DIALECTS {
        let (line, headers) = Original::get(&site, "/public/x").question(dialect);
        let line = line.replace("HTTP/1.1", "HTTP/1.0");
        assert_eq!(send(&site, &line, &headers).await.status, 200, "{dialect}");
        let mut encoded = headers.clone();
        encoded.push(("Transfer-Encoding".to_owned(), "chunked".to_owned()));
        assert_eq!(send(&site, &line, &encoded).await.status, 400, "{dialect}");
    }
}

#[tokio::test]
async fn a_preflight_passes_where_the_route_lets_it() {
    let site = site(TRUSTED).await;
    for dialect in DIALECTS {
        for (headers, wanted) in [
            (&[("Origin", "https://o.example"), ("Access-Control-Request-Method", "PUT")][..], 200),
            (&[("Origin", "https://o.example")], 401),
            (&[], 401),
        ] {
            let asked = Original::get(&site, "/api/x").method("OPTIONS").with(headers);
            assert_eq!(asked.ask(&site, dialect).await.status, wanted, "{dialect} {headers:?}");
        }
    }
}

/// The road answers `/robots.txt` itself for whoever is not signed in; a proxy would take that for
/// a yes.
#[tokio::test]
async fn robots_txt_is_no_yes() {
    let site = site(TRUSTED).await;
    for dialect in DIALECTS {
        let asked = Original::get(&site, "/robots.txt").host(site.host("lunch"));
        assert_eq!(asked.ask(&site, dialect).await.status, 401, "{dialect}");
    }
}
