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
            // On a very busy machine a call to Apple may time out meanwhile, which is 502.
            shed += u64::from(code.unwrap() == 503);
        }
    }
    assert!(shed > 0 && site.exchanges() + shed == FLOOD, "{shed} {}", site.exchanges());
    // Whoever is signed in notices nothing.
    let cookie = site.cookie("wiki", json!({}));
    assert_eq!(hand.load(&site.wiki("/"), &cookie).await.code(), 200);
    // Whoever was turned away has lost nothing but time.
    site.apple.faults().clear();
    drop(posts.join_all().await);
    let mut browser = site.browser();
    let page = site.sign_in(&mut browser, &site.wiki("/after"), "ann").await;
    assert_eq!((page.code(), page.url.path()), (200, "/after"));
}
