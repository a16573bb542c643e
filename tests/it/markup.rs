//! Markup that comes from outside, on every page of ours.

use crate::support::{Answer, Site};
use serde_json::json;

const MARKUP: [&str; 12] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg/onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "<!--<script>",
    "--><b>",
    "\" autofocus onfocus=alert(1) x=\"",
    "{{7*7}}${7*7}<b>",
    "]]><b>",
    "<a href=javascript:alert(1)>",
    "&lt;script&gt;<b>",
    "<ſcript>\u{202e}</ſcript>",
];

fn assert_harmless(answer: &Answer, payload: &str, about: &str) {
    let lower = answer.body.to_lowercase();
    assert!(!answer.body.contains(payload), "{about}: {payload}");
    for tag in ["<script", "<img", "<svg/", "href=\"javascript", "<a href=javascript"] {
        assert!(!lower.contains(tag), "{about}: {tag} by {payload}");
    }
    if answer.one("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
        let policy = answer.one("content-security-policy").unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("base-uri 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
        assert!(policy.contains("form-action") && policy.contains("frame-ancestors"), "{policy}");
    }
    assert_eq!(answer.one("x-content-type-options"), Some("nosniff"), "{about}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t79_markup_from_outside_is_text_on_every_page() {
    let site = Site::plain().await;
    let auth = site.host("auth");
    let escape = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    for payload in MARKUP {
        let written = escape(payload);
        let mut session = site.session(json!({"email": payload, "name": payload, "team": payload, payload: "x", "sub": payload}));
        session.identity.display_name = Some(payload.into());
        let known = site.cookie_of("wiki", &session);
        for (host, path, cookie) in [
            ("wiki", format!("/p?{written}"), ""),
            ("wiki", format!("/p?{written}"), known.as_str()),
            ("wiki", "/.pomerium/".to_owned(), &known),
            ("wiki", "/.pomerium/sign_out".to_owned(), &known),
            ("unknown", format!("/?{written}"), ""),
            (
                "auth",
                format!(
                    "/.pomerium/sign_in?pomerium_redirect_uri={written}&pomerium_signature={written}"
                ),
                "",
            ),
            ("auth", format!("/.pomerium/signed_out?return_to={written}"), ""),
            ("wiki", format!("/.pomerium/callback/?ticket={written}"), "__Host-russet_browser=x"),
            ("auth", format!("/nothing?{written}"), ""),
        ] {
            for method in ["GET", "POST"] {
                let host = site.host(host);
                let headers = [
                    ("Host", host.as_str()),
                    ("Accept", "text/html"),
                    ("Cookie", cookie),
                    ("Content-Length", "0"),
                ];
                let answer =
                    site.wire().await.ask(&format!("{method} {path} HTTP/1.1"), &headers).await;
                assert_harmless(&answer, payload, &path);
            }
        }
        for field in ["error", "error_description", "state", "code", "user", "iss", "id_token"] {
            let body = format!("state={}&code=c&{field}={written}", "a".repeat(43));
            let length = body.len().to_string();
            let mut wire = site.wire().await;
            wire.send(format!(
                "POST /oauth2/callback HTTP/1.1\r\nHost: {auth}\r\nAccept: text/html\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                 Content-Length: {length}\r\n\r\n{body}"
            ))
            .await;
            assert_harmless(&wire.answer(false).await.unwrap(), payload, field);
        }
        // Raw in the host, which no host name can hold.
        let answer = site.wire().await.ask("GET / HTTP/1.1", &[("Host", payload)]).await;
        assert_eq!(answer.status, 400);
        assert_harmless(&answer, payload, "host");
    }
}
