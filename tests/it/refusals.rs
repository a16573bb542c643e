//! Everything that is not admitted: what comes back, what is logged, and that no application
//! hears of it.

use crate::support::{Site, get, with_routes};
use russet::base::seal::Ring;
use russet::base::secret::Secret;
use russet::base::time::Timestamp;
use russet::session::sealed_cookie::SessionSeal;
use serde_json::{Value, json};

/// A route of the wiki with this policy.
async fn policy(policy: &str) -> Site {
    with_routes(&format!(
        "  - from: https://{{wiki}}\n    to: http://{{up}}\n    policy: [{policy}]\n"
    ))
    .await
}

// Who is not signed in.

#[tokio::test(flavor = "multi_thread")]
async fn only_page_loads_are_redirected_and_everything_else_is_told_so() {
    let site = Site::plain().await;
    let host = site.host("wiki");
    for (method, headers, status, html) in [
        ("GET", &[("Accept", "text/html,*/*;q=0.8")][..], 302, false),
        ("HEAD", &[("Accept", "text/html")], 302, false),
        (
            "GET",
            &[("Accept", "*/*"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")],
            302,
            false,
        ),
        ("GET", &[("Accept", "*/*")], 401, false),
        ("GET", &[], 401, false),
        ("GET", &[("Accept", "application/json")], 401, false),
        ("GET", &[("Accept", "image/png")], 401, false),
        ("GET", &[("Accept", "text/html"), ("X-Requested-With", "XMLHttpRequest")], 401, true),
        ("GET", &[("Accept", "text/html"), ("Upgrade", "websocket")], 401, true),
        (
            "GET",
            &[
                ("Accept", "text/html"),
                ("Sec-Fetch-Mode", "navigate"),
                ("Sec-Fetch-Dest", "iframe"),
            ],
            401,
            true,
        ),
        (
            "GET",
            &[("Accept", "text/html"), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty")],
            401,
            true,
        ),
        (
            "GET",
            &[
                ("Accept", "text/html"),
                ("Sec-Purpose", "prefetch;prerender"),
                ("Sec-Fetch-Mode", "navigate"),
                ("Sec-Fetch-Dest", "document"),
            ],
            401,
            true,
        ),
        ("POST", &[("Accept", "text/html"), ("Content-Length", "0")], 401, true),
        ("POST", &[("Accept", "application/json"), ("Content-Length", "0")], 401, false),
        (
            "OPTIONS",
            &[
                ("Accept", "*/*"),
                ("Origin", "https://x.test"),
                ("Access-Control-Request-Method", "GET"),
            ],
            401,
            false,
        ),
    ] {
        let mut all = vec![("Host", host.as_str())];
        all.extend(headers);
        let answer = site.wire().await.ask(&format!("{method} /deep?q=%2F HTTP/1.1"), &all).await;
        let about = format!("{method} {headers:?}");
        assert_eq!(answer.status, status, "{about}");
        assert!(
            answer.all("access-control-allow-origin").is_empty()
                && answer.all("www-authenticate").is_empty(),
            "{about}"
        );
        let browser = answer.all("set-cookie");
        assert!(
            browser.len() == 1 && browser[0].starts_with("__Host-russet_browser="),
            "{about}: {browser:?}"
        );
        if status == 302 {
            let location = answer.one("location").unwrap();
            assert!(
                location.starts_with(&format!("https://{}/.pomerium/sign_in?", site.host("auth"))),
                "{location}"
            );
            assert!(location.contains("%2Fdeep%3Fq%3D%252F"), "{location}");
        } else if html {
            assert!(
                answer.body.contains("target=\"_top\"")
                    && answer.body.contains("/.pomerium/sign_in?"),
                "{about}"
            );
            assert!(answer.body.contains("Nothing was sent"));
            assert_eq!(answer.one("x-frame-options"), Some("SAMEORIGIN"));
        } else {
            let body: Value = serde_json::from_str(&answer.body)
                .unwrap_or_else(|_| panic!("{about}: {}", answer.body));
            assert!(body["sign_in_url"].as_str().unwrap().contains("/.pomerium/sign_in?"));
            assert_eq!(body["error"], "sign_in_required");
            assert_eq!(body["request_id"], site.last_log().await["id"]);
        }
    }
    assert_eq!(site.app.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn w18_the_way_to_sign_in_has_nothing_else_in_it() {
    let site = Site::plain().await;
    let answer = get(&site, "wiki", "/", "", "text/html").await;
    assert_eq!((answer.status, answer.body.as_str()), (302, ""));
    let signed: Vec<_> =
        answer.headers.iter().filter(|(_, value)| value.contains("signature")).collect();
    assert_eq!(signed.len(), 1, "{signed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_a_negative_matcher_admits_no_anonymous_visitor() {
    for written in [
        "{allow: {and: [{email: {not_in: [bad@example.com]}}]}}",
        "{allow: {and: [{email: {not_in: [bad@example.com, worse@example.com]}}]}}",
        "{allow: {and: [{claim/groups: {exclude: banned}}]}}",
        "{allow: {not: [{email: {is: bad@example.com}}]}}",
        "{allow: {nor: [{claim/groups: {has: banned}}]}}",
        "{allow: {not: [{domain: {is: bad.example}}]}}",
    ] {
        let site = policy(written).await;
        let answer = get(&site, "wiki", "/", "", "text/html").await;
        assert_eq!((answer.status, site.app.connections()), (302, 0), "{written}");
        let known = site.cookie("wiki", json!({}));
        assert_eq!(get(&site, "wiki", "/", &known, "text/html").await.status, 200, "{written}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_and_beside_not_is_or_and_check_says_so() {
    let written = "{allow: {and: [{domain: nowhere.example}], not: [{email: {is: someoneelse@corp.example}}]}}";
    let site = policy(written).await;
    let neither = site.cookie("wiki", json!({}));
    assert_eq!(get(&site, "wiki", "/", &neither, "text/html").await.status, 200);
    let text = format!(
        "routes:\n  - from: https://a.example\n    to: http://127.0.0.1:1\n    policy: [{written}]\n"
    );
    let loaded = russet::config::load_text("t.yaml", &text, &|_| None, Timestamp(0));
    let told = loaded.render();
    assert!(told.contains("warning") && told.contains("`and`") && told.contains("`not`"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w15_names_of_claims_keep_their_case() {
    for (written, claims, status) in [
        ("claim/Is_Private_Email: true", json!({"is_private_email": true}), 403),
        ("claim/is_private_email: true", json!({"is_private_email": true}), 200),
        ("claim/Team: Blue", json!({"Team": "Blue"}), 200),
        ("claim/Team: Blue", json!({"team": "Blue"}), 403),
        ("claim/Team: Blue", json!({"Team": "blue"}), 403),
    ] {
        let site = policy(&format!("{{allow: {{and: [{{{written}}}]}}}}")).await;
        let cookie = site.cookie("wiki", claims.clone());
        assert_eq!(
            get(&site, "wiki", "/", &cookie, "text/html").await.status,
            status,
            "{written} {claims}"
        );
    }
}

// Who is signed in, but not admitted.

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_explains_itself_to_people_and_to_programs() {
    let site = Site::plain().await;
    let relay = json!({"email": "ab12cd@privaterelay.appleid.com", "is_private_email": true});
    let cookie = site.cookie("wiki", relay);
    let page = get(&site, "wiki", "/deep", &cookie, "text/html").await;
    let id = site.last_log().await["id"].as_str().unwrap().to_owned();
    assert_eq!(page.status, 403);
    for word in [
        "ab12cd@privaterelay.appleid.com",
        "001.test",
        "Share My Email",
        "account.apple.com",
        "/.pomerium/sign_out",
        id.as_str(),
    ] {
        assert!(page.body.contains(word), "{word}: {}", page.body);
    }
    assert_eq!(page.one("x-frame-options"), Some("DENY"));
    let program = get(&site, "wiki", "/deep", &cookie, "application/json").await;
    let body: Value = serde_json::from_str(&program.body).unwrap();
    assert_eq!((program.status, &body["error"]), (403, &json!("forbidden")));
    assert_eq!((&body["different"], &body["missing"]), (&json!(["email"]), &json!([])));
    assert_eq!(
        body["signed_in_as"],
        json!({"email": "ab12cd@privaterelay.appleid.com", "sub": "001.test"})
    );
    let line = site.last_log().await;
    assert_eq!(
        (&line["id"], &line["decision"], &line["sub"]),
        (&body["request_id"], &json!("deny"), &json!("001.test"))
    );
    assert!(!line.to_string().contains("ab12cd@"), "{line}");
    let nobody = site.cookie("wiki", json!({"email": null}));
    let body: Value =
        serde_json::from_str(&get(&site, "wiki", "/", &nobody, "application/json").await.body)
            .unwrap();
    assert_eq!(body["missing"], json!(["email"]));
    assert_eq!(site.app.connections(), 0);
}

// Errors.

#[tokio::test(flavor = "multi_thread")]
async fn t24_no_error_on_the_way_to_a_decision_admits_anybody() {
    let site = Site::plain().await;
    let good = site.cookie("wiki", json!({}));
    let (name, value) = good.split_once('=').unwrap();
    let foreign = SessionSeal::new(&Ring::new(vec![Secret::new([7; 32])]).unwrap(), &settings());
    let foreign = foreign.seal(&site.session(json!({})), "wiki.localhost").unwrap();
    let mut expired = site.session(json!({}));
    expired.expires_at = Timestamp(site.clock.now().0 - 1);
    let mut cookies = vec![
        format!("{name}="),
        format!("{name}"),
        format!("{name}=garbage"),
        format!("{name}={}", &value[..value.len() - 4]),
        format!("{name}={value}A"),
        format!("{name}=\"{value}\""),
        format!("{name}={}", value.to_uppercase()),
        format!("{name}={foreign}"),
        site.cookie_of("wiki", &expired),
        format!("{good}; {}", site.cookie("wiki", json!({"sub": "002"}))),
        format!("{}; {good}", format!("{name}=x; ").repeat(17)),
        format!("{name}={}", "A".repeat(5_000)),
        format!("{}={value}", name.to_lowercase()),
        format!("{name}={value}%00"),
        format!("russet={value}"),
        format!("__Host-russet_browser={value}"),
    ];
    for claims in [
        json!({"email": 5}),
        json!({"email": ["ann@corp.example"]}),
        json!({"email": "ann@corp.example@x"}),
        json!({"email_verified": "maybe"}),
        json!({"email_verified": false}),
        json!({"email_verified": null}),
        json!({"email": ""}),
        json!({"email": "@corp.example"}),
        json!({"email": "ann@CORP.example.evil.test"}),
        json!({"email": "corp.example"}),
    ] {
        cookies.push(site.cookie("wiki", claims));
    }
    for cookie in &cookies {
        for accept in ["text/html", "application/json"] {
            let answer = get(&site, "wiki", "/", cookie, accept).await;
            assert!([302, 401, 403].contains(&answer.status), "{cookie}: {}", answer.status);
        }
    }
    let host = site.host("wiki");
    let mut wire = site.wire().await;
    let mut head =
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nCookie: {name}=")
            .into_bytes();
    head.extend([0xff, 0xfe, b'\r', b'\n', b'\r', b'\n']);
    wire.send(head).await;
    assert_eq!(wire.answer(false).await.unwrap().status, 302);
    assert_eq!(site.app.connections(), 0);
    assert_eq!(get(&site, "wiki", "/", &good, "text/html").await.status, 200);
}

fn settings() -> russet::session::Settings {
    russet::session::Settings::default()
}
