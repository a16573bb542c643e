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

/// How often is looked whether Apple has been asked, and how often at most.
const LOOKS: (Duration, u32) = (Duration::from_millis(20), 1_500);

#[tokio::test(flavor = "multi_thread")]
async fn t56_a_flood_of_answers_opens_a_bounded_number_of_calls_to_apple() {
    const CALLS: u64 = 2;
    let site = Site::with(Plan { workers: 2, ..Plan::default() }).await;
    let calls_left = site.running.shared().accounts.suppose_calls_left(2).unwrap();
    // Apple is silent until the faults are cleared.
    let delay = AnswerFault::Delay { milliseconds: 600_000 };
    site.apple.faults().repeat(Endpoint::Token, delay, u32::MAX);
    let (hand, url, origin) =
        (site.hand(), site.auth("/oauth2/callback"), site.apple.base_url().to_owned());
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..CALLS {
        let (state, attempt) = begun(&site, &hand).await;
        let (hand, url, origin) = (hand.clone(), url.clone(), origin.clone());
        waiting.spawn(async move {
            let fields = [("code", "made-up"), ("state", state.as_str())];
            hand.post(&url, &origin, &attempt, &fields).await.code()
        });
    }
    for _ in 0..LOOKS.1 {
        if site.exchanges() == CALLS {
            break;
        }
        tokio::time::sleep(LOOKS.0).await;
    }
    assert_eq!(site.exchanges(), CALLS);
    // Whoever comes now is turned away at once, Apple is not asked, and nothing is used up.
    let mut turned_away = Vec::new();
    for _ in 0..3 {
        let (state, attempt) = begun(&site, &hand).await;
        let fields = [("code", "made-up"), ("state", state.as_str())];
        assert_eq!(hand.post(&url, &origin, &attempt, &fields).await.code(), 503);
        turned_away.push((state, attempt));
    }
    assert_eq!(site.reasons("/oauth2/callback").await, ["too_many_sign_ins"]);
    assert_eq!(site.exchanges(), CALLS);
    // Whoever is signed in notices nothing.
    let cookie = site.cookie("wiki", json!({}));
    assert_eq!(hand.load(&site.wiki("/"), &cookie).await.code(), 200);
    site.apple.faults().clear();
    assert!(waiting.join_all().await.iter().all(|code| *code != 503));
    let (state, attempt) = turned_away.pop().unwrap();
    let fields = [("code", "made-up"), ("state", state.as_str())];
    assert_eq!(hand.post(&url, &origin, &attempt, &fields).await.code(), 400);
    assert_eq!(site.exchanges(), CALLS + 1);
    drop(calls_left);
    let mut browser = site.browser();
    let page = site.sign_in(&mut browser, &site.wiki("/after"), "ann").await;
    assert_eq!((page.code(), page.url.path()), (200, "/after"));
}
