//! Callbacks by the hundred.

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
async fn t56_a_flood_of_answers_opens_a_bounded_number_of_calls_to_apple() {
    const FLOOD: u64 = 200;
    let site = Site::with(Plan { workers: 2, ..Plan::default() }).await;
    let delay = AnswerFault::Delay { milliseconds: 8_000 };
    site.apple.faults().repeat(Endpoint::Token, delay, u32::MAX);
    let hand = site.hand();
    let mut posts = tokio::task::JoinSet::new();
    for _ in 0..FLOOD {
        let (state, attempt) = begun(&site, &hand).await;
        let (hand, url, origin) =
            (hand.clone(), site.auth("/oauth2/callback"), site.apple.base_url().to_owned());
        posts.spawn(async move {
            let fields = [("code", "made-up"), ("state", state.as_str())];
            let post = hand.post(&url, &origin, &attempt, &fields);
            tokio::time::timeout(Duration::from_secs(4), post).await.ok().map(|page| page.code())
        });
    }
    let answers = posts.join_all().await;
    let shed = answers.iter().filter(|answer| **answer == Some(503)).count();
    assert!(site.exchanges() < FLOOD, "{} calls", site.exchanges());
    assert!(shed > 0 && site.exchanges() + shed as u64 == FLOOD, "{shed} {}", site.exchanges());
    // Whoever was turned away has lost nothing but time, and whoever is signed in notices nothing.
    site.apple.faults().clear();
    let cookie = site.cookie("wiki", json!({}));
    assert_eq!(hand.load(&site.wiki("/"), &cookie).await.code(), 200);
    tokio::time::sleep(Duration::from_secs(8)).await;
    let mut browser = site.browser();
    let page = site.sign_in(&mut browser, &site.wiki("/after"), "ann").await;
    assert_eq!((page.code(), page.url.path()), (200, "/after"));
}
