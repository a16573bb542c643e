//! Rows of pomerium-wire.md about signing in: what Russet does in their stead.

use russet::base::random;
use russet::fake_apple::{AnswerFault, Endpoint};
use serde_json::{Value, json};

use crate::support::{Answered, Plan, Site};

#[tokio::test(flavor = "multi_thread")]
async fn w3_a_cookie_of_one_host_is_worth_nothing_on_another() {
    let site = Site::start().await;
    let mut browser = site.browser();
    assert_eq!(site.sign_in(&mut browser, &site.wiki("/"), "ann").await.code(), 200);
    assert_eq!(browser.load(&site.lunch("/")).await.unwrap().code(), 200);
    let hand = site.hand();
    for (from, to) in [
        ("wiki", "lunch"),
        ("lunch", "wiki"),
        ("auth", "wiki"),
        ("auth", "lunch"),
        ("wiki", "auth"),
    ] {
        let cookie = site.session_cookie(&browser, from).unwrap();
        let path = if to == "auth" { "/.pomerium/user" } else { "/" };
        let page = hand.load(&site.url(to, path), &cookie).await;
        assert_eq!(page.code(), 302, "{from} at {to}");
        assert_eq!(
            site.last_log().await["reasons"],
            json!(["cookie-not-opened"]),
            "{from} at {to}"
        );
        let own = if from == "auth" { "/.pomerium/user" } else { "/" };
        assert_eq!(hand.load(&site.url(from, own), &cookie).await.code(), 200, "{from} at home");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w4_a_link_is_checked_before_anything_else_happens() {
    let site = Site::start().await;
    let mut browser = site.browser();
    assert_eq!(site.sign_in(&mut browser, &site.wiki("/"), "ann").await.code(), 200);
    let signed_in = site.session_cookie(&browser, "auth").unwrap();
    let hand = site.hand();
    let good = hand.load(&site.wiki("/x"), "").await.location().to_owned();
    let token = random::token();
    let bad = [
        site.auth("/.pomerium/sign_in"),
        site.auth("/.russet/sign_in"),
        site.auth(&format!(
            "/.pomerium/sign_in?pomerium_redirect_uri={}",
            "https%3A%2F%2Fwiki.localhost%2F"
        )),
        good.replace("%2Fx&", "%2Fy&"),
        good.replace("wiki.localhost", "lunch.localhost"),
        good.replace("wiki.localhost", "evil.test"),
        good.replace("pomerium_issued=1", "pomerium_issued=2"),
        good.replace("russet_shortened=0", "russet_shortened=1"),
        good.replace("russet_browser=", "russet_browser=A"),
        good.split("&pomerium_signature").next().unwrap().to_owned(),
        good.replace("pomerium_signature=", &format!("pomerium_signature={token}")),
        format!("{good}A"),
        format!("{good}&pomerium_redirect_uri=https%3A%2F%2Fevil.test%2F"),
        format!("{good}&{}", good.split_once('?').unwrap().1),
    ];
    for url in &bad {
        for cookie in ["", signed_in.as_str()] {
            let page = hand.load(url, cookie).await;
            assert_eq!(page.code(), 400, "{url}");
            assert!(page.body.contains("no longer works"), "{}", page.body);
            assert!(page.set_cookies().is_empty(), "no attempt was begun: {url}");
        }
    }
    // Ten minutes, and a minute of leeway for the clock of another replica.
    assert_eq!(hand.load(&good, "").await.code(), 302);
    site.clock.shift(595);
    assert_eq!(hand.load(&good, "").await.code(), 302);
    site.clock.shift(10);
    let page = hand.load(&good, "").await;
    assert_eq!(page.code(), 400);
    assert_eq!(site.last_log().await["reasons"], json!(["link_stale"]));
    assert_eq!(page.link("/x").unwrap(), site.wiki("/x"), "a way to start again");
    site.clock.shift(-605 - 70);
    assert_eq!(hand.load(&good, "").await.code(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn w12_claims_keep_their_json_types() {
    let extra =
        "jwt_claims_headers: {X-Private: is_private_email, X-Number: level, X-Teams: teams}"
            .to_owned();
    let routes = "  - from: https://{wiki}\n    to: http://{up}\n    pass_identity_headers: true\n    \
                  policy: [{allow: {and: [{claim/is_private_email: true}]}}]\n";
    let site = Site::with(Plan { extra, routes: routes.to_owned(), ..Plan::default() }).await;
    let claims = json!({
        "email": "r8@privaterelay.appleid.com", "email_verified": true, "is_private_email": true,
        "level": 3, "teams": ["a", "b"],
    });
    let page = site.sign_in_with(&mut site.browser(), &site.wiki("/"), &claims).await;
    assert_eq!(page.code(), 200, "{}", page.body);
    let assertion: Value = crate::session::assertion(&site);
    assert_eq!(assertion["is_private_email"], json!(true));
    assert_eq!(assertion["level"], json!(3));
    let seen = site.app.last();
    assert_eq!(
        (seen.one("x-private"), seen.one("x-number"), seen.one("x-teams")),
        (Some("true"), Some("3"), Some("a,b"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn w14_cancel_and_used_codes_are_pages_and_never_5xx() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let at_apple = browser.load(&site.wiki("/x")).await.unwrap();
    let answer = site.answer_page(&mut browser, &at_apple, &[("cancel", "1")]).await;
    let page =
        browser.submit(&answer, &answer.form("/oauth2/callback").unwrap(), &[]).await.unwrap();
    assert_eq!(page.code(), 200);
    assert!(page.body.contains("Try again") && !page.body.contains("debug"), "{}", page.body);
    // A used code: somebody redeemed it already, Apple says.
    let (answer, form) = site.up_to_answer(&mut browser, &site.wiki("/x"), "ann").await;
    site.apple.faults().next(Endpoint::Token, AnswerFault::error("invalid_grant"));
    let page = browser.submit(&answer, &form, &[]).await.unwrap();
    assert_eq!(page.code(), 400);
    assert!(page.body.contains("Start again"));
    // An unknown one.
    let (answer, mut form) = site.up_to_answer(&mut browser, &site.wiki("/x"), "ann").await;
    form.fields
        .iter_mut()
        .filter(|(name, _)| name == "code")
        .for_each(|(_, v)| *v = "c0de.0.unknown".to_owned());
    assert_eq!(browser.submit(&answer, &form, &[]).await.unwrap().code(), 400);
    // An expired one.
    let (answer, form) = site.up_to_answer(&mut browser, &site.wiki("/x"), "ann").await;
    site.clock.shift(301);
    assert_eq!(browser.submit(&answer, &form, &[]).await.unwrap().code(), 400);
    // Callbacks that make no sense.
    for fields in [
        vec![],
        vec![("code", "x")],
        vec![("state", "x")],
        vec![("code", "x"), ("state", "")],
        vec![("error", "access_denied")],
    ] {
        let fields: Vec<(String, String)> =
            fields.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        assert_eq!(site.post_callback(&fields, "").await.code(), 400, "{fields:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w16_a_bad_cookie_before_the_good_one_locks_nobody_out() {
    let site = Site::start().await;
    let mut browser = site.browser();
    assert_eq!(site.sign_in(&mut browser, &site.wiki("/"), "ann").await.code(), 200);
    let good = site.session_cookie(&browser, "wiki").unwrap();
    let hand = site.hand();
    for header in [format!("__Host-russet=bad; {good}"), format!("{good}; __Host-russet=bad")] {
        assert_eq!(hand.load(&site.wiki("/"), &header).await.code(), 200);
    }
    // Two that open are nobody.
    let planted =
        site.cookie("wiki", json!({"sub": "001.mallory", "email": "mallory@corp.example"}));
    assert_eq!(hand.load(&site.wiki("/"), &format!("{planted}; {good}")).await.code(), 302);
}
