//! `auth_age`: who signed in too long ago signs in again, once, and is never refused for it.

use russet::base::time::Clock;
use russet::session::Session;
use serde_json::{Value, json};

use crate::support::{Answered, Plan, Site};

/// Both hosts want a sign-in of the last hour.
fn an_hour() -> Plan {
    Plan {
        routes: "  - from: https://{wiki}\n    to: http://{up}\n    \
                 policy: [{allow: {and: [{domain: corp.example}, {auth_age: 1h}]}}]\n  \
                 - from: https://{lunch}\n    to: http://{up}\n    \
                 policy: [{allow: {and: [{auth_age: 1h}]}}]\n"
            .to_owned(),
        ..Plan::default()
    }
}

/// Where the hops of the last load went, and how each was answered.
fn hops(browser: &russet::fake_browser::Browser) -> Vec<String> {
    let hops = browser.hops.iter();
    hops.map(|hop| format!("{} {}", hop.host.replace(".localhost", ""), hop.status.as_u16()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn too_old_signs_in_again_once_and_on_every_host() {
    let site = Site::with(an_hour()).await;
    let mut browser = site.browser();
    assert_eq!(site.sign_in(&mut browser, &site.wiki("/"), "ann").await.code(), 200);
    assert_eq!(browser.load(&site.lunch("/")).await.unwrap().code(), 200);
    let old = site.session_cookie(&browser, "wiki").unwrap();
    site.clock.shift(3_500);
    assert_eq!(browser.load(&site.wiki("/")).await.unwrap().code(), 200);
    assert_eq!(site.exchanges(), 1);

    // Too old by now. The authenticate host's own session lives, and does not do.
    site.clock.shift(200);
    let at_apple = browser.load(&site.wiki("/deep?x=1")).await.unwrap();
    assert_eq!(at_apple.url.host_str(), Some("apple.localhost"));
    assert_eq!(hops(&browser), ["wiki 302", "auth 302", "apple 200"]);
    assert_eq!(site.reasons("/deep").await, ["auth-age-exceeded"]);
    let page = site.choose(&mut browser, &at_apple, "ann").await;
    assert_eq!((page.code(), page.url.as_str()), (200, site.wiki("/deep?x=1").as_str()));
    assert_eq!(hops(&browser), ["auth 303", "wiki 302", "wiki 200"], "no second round");
    assert_eq!(site.exchanges(), 2);

    // The new session took the place of the old one, everywhere.
    let new = site.session_cookie(&browser, "wiki").unwrap();
    assert_ne!(new, old);
    assert_eq!(site.hand().load(&site.wiki("/"), &old).await.code(), 302);
    assert_eq!(site.last_log().await["reasons"], json!(["session-ended"]));
    assert_eq!(browser.load(&site.wiki("/")).await.unwrap().code(), 200);
    assert_eq!(hops(&browser), ["wiki 200"]);
    assert_eq!(browser.load(&site.lunch("/")).await.unwrap().code(), 200);
    assert_eq!(hops(&browser), ["lunch 302", "auth 302", "lunch 302", "lunch 200"]);
    assert_eq!(site.exchanges(), 2, "another host asks nobody again");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_refused_anyway_is_refused_after_the_one_sign_in() {
    let site = Site::with(an_hour()).await;
    let mut browser = site.browser();
    assert_eq!(site.sign_in(&mut browser, &site.lunch("/"), "rae").await.code(), 200);
    site.clock.shift(4_000);
    let page = site.sign_in(&mut browser, &site.wiki("/"), "rae").await;
    assert_eq!((page.code(), site.exchanges()), (403, 2));
    assert_eq!(browser.load(&site.wiki("/")).await.unwrap().code(), 403);
    assert_eq!(hops(&browser), ["wiki 403"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_are_told_and_get_a_link_that_nobody_can_change() {
    let site = Site::with(an_hour()).await;
    let (old, old_at_auth) = (site.cookie("wiki", json!({})), site.cookie("auth", json!({})));
    site.clock.shift(4_000);
    let hand = site.hand();
    let headers = [("accept", "application/json"), ("cookie", old.as_str())];
    let answer = hand.send("POST", &site.wiki("/api"), &headers, b"{}").await;
    assert_eq!(answer.code(), 401);
    let told: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(told["error"], "sign_in_again");
    let link = told["sign_in_url"].as_str().unwrap();
    assert!(link.contains("russet_since="), "{link}");
    assert_eq!(site.app.count(), 0);
    // With the old session of the authenticate host the link leads to Apple.
    let page = hand.load(link, &old_at_auth).await;
    assert_eq!(page.code(), 302);
    assert!(page.location().starts_with(site.apple.base_url()), "{}", page.location());
    // Whoever takes the demand away, or makes it milder, has no link at all.
    let mut url = url::Url::parse(link).unwrap();
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    for milder in [None, Some(""), Some("0"), Some("-9223372036854775808")] {
        let changed = pairs.iter().filter_map(|(name, value)| match name.as_str() {
            "russet_since" => milder.map(|since| (name.as_str(), since)),
            _ => Some((name.as_str(), value.as_str())),
        });
        let changed: Vec<(&str, &str)> = changed.collect();
        url.query_pairs_mut().clear().extend_pairs(&changed);
        let page = hand.load(url.as_str(), &old_at_auth).await;
        assert_eq!(page.code(), 400, "{milder:?}");
        assert_eq!(site.reasons("/.pomerium/sign_in").await, ["link_forged"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_young_session_of_the_authenticate_host_spares_the_sign_in() {
    let site = Site::with(an_hour()).await;
    let old: Session = site.session(json!({}));
    site.clock.shift(4_000);
    let young = site.session(json!({}));
    let hand = site.hand();
    let asked = hand.load(&site.lunch("/"), &site.cookie_of("lunch", &old)).await;
    let link = asked.location().to_owned();
    let led = hand.load(&link, &site.cookie_of("auth", &young)).await;
    assert!(led.location().starts_with(&site.lunch("/.pomerium/callback/")), "{}", led.location());
    let led = hand.load(&link, &site.cookie_of("auth", &old)).await;
    assert!(led.location().starts_with(site.apple.base_url()), "{}", led.location());
    assert_eq!(site.exchanges(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn t45_the_shortest_age_never_asks_twice_whatever_the_clocks_say() {
    for shift in [55, -55] {
        let apple = Clock::system();
        let plan = Plan {
            routes: "  - from: https://{wiki}\n    to: http://{up}\n    \
                     policy: [{allow: {and: [{auth_age: 2m}]}}]\n"
                .to_owned(),
            apple_clock: Some(apple.clone()),
            ..Plan::default()
        };
        let site = Site::with(plan).await;
        site.clock.shift(shift);
        let mut browser = site.browser();
        for round in 1..=2 {
            let page = site.sign_in(&mut browser, &site.wiki("/"), "ann").await;
            assert_eq!((page.code(), site.exchanges()), (200, round), "{shift}");
            // At once, and not yet old.
            let copy = site.session_cookie(&browser, "wiki").unwrap();
            assert_eq!(site.hand().load(&site.wiki("/"), &copy).await.code(), 200, "{shift}");
            apple.shift(240);
            site.clock.shift(240);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_cookie_for_a_domain_is_replaced_too() {
    let plan = Plan {
        authenticate: "auth.wild".to_owned(),
        extra: "cookie_domain: wild.localhost".to_owned(),
        routes: "  - from: https://a.wild.localhost:{port}\n    to: http://{up}\n    \
                 policy: [{allow: {and: [{auth_age: 1h}]}}]\n"
            .to_owned(),
        ..Plan::default()
    };
    let site = Site::with(plan).await;
    let mut browser = site.browser();
    for round in 1..=2 {
        let page = site.sign_in(&mut browser, &site.url("a.wild", "/"), "ann").await;
        assert_eq!((page.code(), site.exchanges()), (200, round));
        assert_eq!(browser.load(&site.url("a.wild", "/")).await.unwrap().code(), 200);
        assert_eq!(hops(&browser), ["a.wild 200"]);
        site.clock.shift(4_000);
    }
}
