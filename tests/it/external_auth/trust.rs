//! Who may ask, and whom they ask for.

use std::io::Write as _;

use super::ask::{DIALECTS, ELSEWHERE, Original, TRUSTED, send, site, staff};
use crate::support::Site;

#[tokio::test]
async fn t03_t70_from_anybody_else_the_endpoints_are_403() {
    let site = site(ELSEWHERE).await;
    let cookie = staff(&site);
    for dialect in DIALECTS {
        for target in ["/public/x", "/private/x", "/../../ping"] {
            let asked = Original::get(&site, target).with(&[("Cookie", &cookie)]);
            let answer = asked.ask(&site, dialect).await;
            assert_eq!(answer.status, 403, "{dialect} {target}: {answer:?}");
            assert_eq!(answer.one("x-claim-email"), None, "{dialect}");
        }
    }
    let line = site.last_log().await;
    assert_eq!(line["reasons"][0], "untrusted-peer", "{line}");
    assert!(
        !line.to_string().contains("wiki.localhost"),
        "what it described means nothing: {line}"
    );
}

#[tokio::test]
async fn a_header_that_only_the_proxy_knows_is_trust() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let secret = "correct-horse-battery-staple";
    file.write_all(format!("{secret}\n").as_bytes()).unwrap();
    let extra = format!(
        "external_auth:\n  trusted_peers:\n    - 192.0.2.1\n    \
         - {{header: X-Proxy-Secret, secret_file: {}}}\n",
        file.path().display()
    );
    let site = site(&extra).await;
    for dialect in DIALECTS {
        for (headers, wanted) in [
            (&[("X-Proxy-Secret", secret)][..], 200),
            (&[("x-proxy-secret", secret)], 200),
            (&[("X-Proxy-Secret", "correct-horse-battery-stapl")], 403),
            (&[("X-Proxy-Secret", "")], 403),
            (&[], 403),
            // One of the two may be a client's.
            (&[("X-Proxy-Secret", secret), ("X-Proxy-Secret", "guess")], 403),
            (&[("X-Proxy-Secret", secret), ("X-Proxy-Secret", secret)], 403),
            (&[("X_Proxy_Secret", secret)], 403),
        ] {
            let answer = Original::get(&site, "/public/x").with(headers).ask(&site, dialect).await;
            assert_eq!(answer.status, wanted, "{dialect} {headers:?}");
        }
    }
    // It goes no further, whoever sends it.
    let mut wire = site.wire().await;
    let host = site.host("wiki");
    let answer =
        wire.ask("GET /public/x HTTP/1.1", &[("Host", &host), ("X-Proxy-Secret", secret)]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(site.app.last().all("x-proxy-secret"), Vec::<&str>::new());
    for line in site.log().await {
        assert!(!line.to_string().contains(secret), "{line}");
    }
}

#[tokio::test]
async fn without_external_auth_the_paths_are_404() {
    let site = Site::plain().await;
    for dialect in DIALECTS {
        let (line, headers) = Original::get(&site, "/x").question(dialect);
        for host in [site.host("wiki"), "elsewhere.example".to_owned()] {
            let mut headers = headers.clone();
            headers[0].1 = host;
            assert_eq!(send(&site, &line, &headers).await.status, 404, "{dialect}");
        }
    }
}

#[tokio::test]
async fn a_trusted_peer_asks_on_any_host() {
    let site = site(TRUSTED).await;
    for dialect in ["nginx", "traefik", "caddy", "haproxy"] {
        for host in ["127.0.0.1", "russet_auth", "elsewhere.example:81", "lunch.localhost"] {
            let (line, mut headers) = Original::get(&site, "/public/x").question(dialect);
            headers[0].1 = host.to_owned();
            assert_eq!(send(&site, &line, &headers).await.status, 200, "{dialect} {host}");
        }
    }
}

#[tokio::test]
async fn a_route_without_to_is_404_when_it_is_asked_directly() {
    let site = site(TRUSTED).await;
    let (host, cookie) = (site.host("wiki"), staff(&site));
    for (cookie, accept) in [("", "text/html"), ("", "*/*"), (&*cookie, "text/html")] {
        let headers = [("Host", &*host), ("Cookie", cookie), ("Accept", accept)];
        let answer = site.wire().await.ask("GET /private/x HTTP/1.1", &headers).await;
        assert_eq!(answer.status, 404, "{cookie} {accept}: {answer:?}");
    }
    assert_eq!(site.app.count(), 0);
}

/// `X-Forwarded-For` as it came, and whose address it is; `None` is 400.
const CLIENTS: &[(&[&str], Option<&str>)] = &[
    (&[], Some("127.0.0.1")),
    (&["203.0.113.9"], Some("203.0.113.9")),
    (&["6.6.6.6, 203.0.113.9"], Some("203.0.113.9")),
    (&["6.6.6.6", "203.0.113.9"], Some("203.0.113.9")),
    (&["203.0.113.9, 10.0.0.1"], Some("203.0.113.9")),
    (&["203.0.113.9, 10.0.0.1", "10.0.0.2,127.0.0.1"], Some("203.0.113.9")),
    (&["203.0.113.9, 6.6.6.6, 10.0.0.1"], Some("6.6.6.6")),
    (&["10.0.0.3, 10.0.0.2"], Some("10.0.0.3")),
    (&["::ffff:203.0.113.9"], Some("203.0.113.9")),
    (&["[2001:db8::1]:4711"], Some("2001:db8::1")),
    (&["203.0.113.9:4711"], Some("203.0.113.9")),
    // The client's own word is not looked at.
    (&["unknown, 203.0.113.9"], Some("203.0.113.9")),
    (&["203.0.113.9, unknown"], None),
    (&["unknown"], None),
    (&[""], None),
    (&["203.0.113.9,"], None),
    (&["unknown, 10.0.0.1"], None),
    (&["fe80::1%eth0"], None),
    (&["203.0.113.256"], None),
    (&["203.0.113.9 1.1.1.1"], None),
    (&["for=203.0.113.9"], None),
];

#[tokio::test]
async fn a51_10_a51_29_a51_35_the_client_is_the_rightmost_who_is_no_trusted_peer() {
    let site = site(TRUSTED).await;
    for dialect in DIALECTS {
        for (values, client) in CLIENTS {
            let headers: Vec<_> = values.iter().map(|value| ("X-Forwarded-For", *value)).collect();
            let asked = Original::get(&site, "/office/x").with(&headers);
            let status = asked.ask(&site, dialect).await.status;
            let wanted = match client {
                Some(client) if client.starts_with("203.0.113.") => 200,
                Some(_) => 403,
                None => 400,
            };
            assert_eq!(status, wanted, "{dialect} {values:?}");
        }
        // Every answer of this dialect is in the log, with the address that was decided on.
        let lines = site.log().await;
        let lines = &lines[lines.len() - CLIENTS.len()..];
        for (line, (values, client)) in lines.iter().zip(CLIENTS) {
            let shown = client.unwrap_or("127.0.0.1");
            assert_eq!(line["ip"], shown, "{dialect} {values:?}: {line}");
        }
    }
}

#[tokio::test]
async fn a51_10_ten_thousand_entries_are_one_client() {
    let site = site(TRUSTED).await;
    // Under the 64 KiB of a head.
    let many = format!("{}203.0.113.9", "6.6.6.6,".repeat(7_000));
    let trusted = format!("203.0.113.9{}", ",10.0.0.1".repeat(6_000));
    for list in [many, trusted] {
        let asked = Original::get(&site, "/office/x").with(&[("X-Forwarded-For", &list)]);
        assert_eq!(asked.ask(&site, "traefik").await.status, 200);
    }
}

/// Over TLS, where the name asked for and the host need not be one.
#[tokio::test]
async fn questions_come_over_tls_too() {
    let site = Site::with(crate::support::Plan {
        routes: super::ask::ROUTES.to_owned(),
        extra: TRUSTED.to_owned(),
        ..crate::support::Plan::default()
    })
    .await;
    let url = site.url("auth", "/.russet/auth/traefik");
    let wiki = site.host("wiki");
    let headers = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", &*wiki),
        ("x-forwarded-uri", "/public/x"),
    ];
    let answer = site.hand().send("GET", &url, &headers, b"").await;
    assert_eq!(answer.status, 200);
}
