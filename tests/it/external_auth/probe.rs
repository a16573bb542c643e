//! `russet check --probe`: what it says of a wiring that is right, and of one that is wrong.

use russet::cli::check::{Finding, probe};
use url::Url;

use crate::support::{Plan, Recorder, Site, probe_settings};

fn failed(findings: &[Finding]) -> Vec<&str> {
    let wrong = findings.iter().filter(|finding| finding.wrong.is_some());
    wrong.map(|finding| finding.what.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiring_that_is_right_has_nothing_to_say_about_it() {
    let site = Site::start().await;
    let settings = probe_settings(&site, &Plan::default());
    let url = Url::parse(&site.wiki("/deep?x=1")).unwrap();
    let findings = probe(&url, &settings).await.unwrap();
    assert!(findings.len() > 15, "{findings:?}");
    assert_eq!(failed(&findings), [""; 0], "{findings:?}");
    assert_eq!((site.app.count(), site.exchanges()), (0, 0), "nothing happened");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_asks_nobody_is_told() {
    let site = Site::start().await;
    let settings = probe_settings(&site, &Plan::default());
    let open = Recorder::start().await;
    let url = Url::parse(&format!("http://{}/private", open.address())).unwrap();
    let findings = probe(&url, &settings).await.unwrap();
    // The callback is Russet's own, and right; and nothing was decided that could be changed.
    let wrong = ["a page load is sent to sign in", "a script gets 401"];
    assert_eq!(failed(&findings), wrong, "{findings:?}");
    let first = findings[0].wrong.as_deref().unwrap();
    assert!(first.contains("seen 200"), "{first}");
}

/// A front that drops bodies answers the callback as if nothing had been sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_does_not_arrive_is_told() {
    let site = Site::start().await;
    let mut settings = probe_settings(&site, &Plan::default());
    let url = Url::parse(&site.wiki("/")).unwrap();
    // The path of a page that takes no form.
    settings.apple.redirect_uri = site.auth("/.pomerium/");
    let findings = probe(&url, &settings).await.unwrap();
    assert!(failed(&findings).contains(&"the callback takes a POST with its body"), "{findings:?}");
}
