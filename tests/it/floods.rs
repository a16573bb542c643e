//! Answers of Apple that come late, or by the thousand.

use std::time::Duration;

use russet::fake_apple::{AnswerFault, Endpoint};
use serde_json::json;

use crate::support::{Answered, Hand, Plan, Site};

/// Begins a sign-in by hand: its `state` and the cookie of its attempt.
async fn begun(site: &Site, hand: &Hand) -> (String, String) {
    let link = hand.load(&site.wiki("/"), "").await.location().to_owned();
    let page = hand.load(&link, "").await;
    let attempt = page.set_cookies().into_iter().find(|line| line.contains("_attempt_")).unwrap();
    let at_apple = url::Url::parse(page.location()).unwrap();
    let state = at_apple.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    (state, attempt.split(';').next().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn t20_an_answer_that_comes_again_after_its_attempts_time_signs_nobody_in() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let (_, form) = site.up_to_answer(&mut browser, &site.wiki("/page"), "ann").await;
    // As they were before the answer came: a copy that does not know that it was used.
    let unused = site.attempts(&browser);
    let page = site.post_callback(&form.fields, &unused).await;
    assert!(page.code() == 303 && page.set_cookie("__Host-russet").is_some());
    site.clock.shift(601);
    let page = site.post_callback(&form.fields, &unused).await;
    assert_eq!(page.code(), 400, "{}", page.location());
    assert!(page.set_cookie("__Host-russet").is_none());
    assert_eq!(site.reasons("/oauth2/callback").await, ["attempt_expired"]);
    assert_eq!(site.exchanges(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn t56_a_flood_of_answers_opens_a_bounded_number_of_calls_to_apple() {
    const FLOOD: u64 = 200;
    let site = Site::with(Plan { workers: 2, ..Plan::default() }).await;
    let hand = site.hand();
    let mut attempts = Vec::new();
    for _ in 0..FLOOD {
        attempts.push(begun(&site, &hand).await);
    }
    // Apple answers nobody until the whole flood has arrived.
    let held = AnswerFault::Delay { milliseconds: 3_600_000 };
    site.apple.faults().repeat(Endpoint::Token, held, u32::MAX);
    let mut posts = tokio::task::JoinSet::new();
    for (state, attempt) in attempts {
        let (hand, url, origin) =
            (hand.clone(), site.auth("/oauth2/callback"), site.apple.base_url().to_owned());
        posts.spawn(async move {
            let fields = [("code", "made-up"), ("state", state.as_str())];
            hand.post(&url, &origin, &attempt, &fields).await.code()
        });
    }
    // Each post is either turned away or a call to Apple, whose answer is awaited.
    let mut shed = 0;
    while site.exchanges() + shed < FLOOD {
        let answered = tokio::time::timeout(Duration::from_millis(20), posts.join_next()).await;
        if let Ok(Some(code)) = answered {
            assert_eq!(code.unwrap(), 503);
            shed += 1;
        }
    }
    assert!(shed > 0 && site.exchanges() + shed == FLOOD, "{shed} {}", site.exchanges());
    // Whoever is signed in notices nothing.
    let cookie = site.cookie("wiki", json!({}));
    assert_eq!(hand.load(&site.wiki("/"), &cookie).await.code(), 200);
    // Whoever was turned away has lost nothing but time.
    site.apple.faults().clear();
    while let Some(code) = posts.join_next().await {
        assert_eq!(code.unwrap(), 400);
    }
    let mut browser = site.browser();
    let page = site.sign_in(&mut browser, &site.wiki("/after"), "ann").await;
    assert_eq!((page.code(), page.url.path()), (200, "/after"));
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
    for name in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
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

#[tokio::test(flavor = "multi_thread")]
async fn t07_two_lengths_are_seen_in_a_request_that_follows_closely_on_another() {
    let site = Site::with(Plan {
        routes: "  - from: https://{wiki}\n    to: http://{up}\n    allow_public_unauthenticated_access: true\n"
            .to_owned(),
        plain: true,
        ..Plan::default()
    })
    .await;
    let host = site.host("wiki");
    for (early, late) in [
        ("POST /b HTTP/1.1\r\n", "Host: {}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        ("POST /b HTTP/1.1\r\nContent-Length: 5\r\n", "Host: {}\r\nTransfer-Encoding: chunked\r\n"),
        ("POST /b HTTP/1.1\r\nCont", "ent-Length: 5\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n"),
        (
            "POST /b HTTP/1.1\r\nContent-Length: 5\r\n",
            "X: a HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n",
        ),
    ] {
        let mut wire = site.wire().await;
        wire.send(format!("GET /a HTTP/1.1\r\nHost: {host}\r\n\r\n{early}")).await;
        assert_eq!(wire.answer(false).await.unwrap().status, 200);
        let before = site.app.count();
        wire.send(format!("{}\r\n0\r\n\r\n", late.replace("{}", &host))).await;
        let status = wire.answer(false).await.unwrap().status;
        assert_eq!((status, site.app.count()), (400, before), "{early:?} {late:?}");
    }
}
