//! What people and programs are told while the store, or the feed of revocations, does not answer:
//! nobody is let in, nobody is called signed out, and nothing is used up.

use russet::session::revocations::{Feed, Revocation};
use serde_json::json;

use crate::support::{Answered, NAVIGATION, Plan, Site, cookies};

const BROWSER: &str = "__Host-russet_browser";

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_apples_counts_again_once_the_store_answers() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let (_, form) = site.up_to_answer(&mut browser, &site.wiki("/"), "ann").await;
    let attempts = site.attempts(&browser);
    let outage = site.running.shared().accounts.suppose_outage();
    let page = site.post_callback(&form.fields, &attempts).await;
    assert_eq!((page.code(), site.exchanges()), (503, 0));
    assert!(page.body.contains("Nobody can sign in right now"), "{}", page.body);
    assert!(page.set_cookies().is_empty());
    assert_eq!(site.reasons("/oauth2/callback").await, ["store_unanswered"]);
    drop(outage);
    let page = site.post_callback(&form.fields, &attempts).await;
    assert_eq!((page.code(), site.exchanges()), (303, 1));
    // A used attempt is not judged without the store either.
    let used = page.set_cookie("__Host-russet_attempt_").or_else(|| {
        page.set_cookies().into_iter().find(|line| line.starts_with("__Host-russet_attempt_"))
    });
    let used = used.unwrap().split(';').next().unwrap().to_owned();
    let _outage = site.running.shared().accounts.suppose_outage();
    assert_eq!(site.post_callback(&form.fields, &used).await.code(), 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_cannot_be_redeemed_admits_nobody() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let (_, form) = site.up_to_answer(&mut browser, &site.wiki("/deep"), "ann").await;
    let posted = site.post_callback(&form.fields, &site.attempts(&browser)).await;
    let ticket = posted.location().to_owned();
    let cookie = cookies(&browser, "wiki.localhost", BROWSER);
    let hand = site.hand();
    let outage = site.running.shared().accounts.suppose_outage();
    let page = hand.load(&ticket, &cookie).await;
    assert_eq!(page.code(), 503);
    assert!(page.set_cookies().is_empty());
    assert_eq!(site.last_log().await["reasons"], json!(["store_unanswered"]));
    drop(outage);
    // A feed that is stale uses nothing up either.
    let revocations = site.running.shared().accounts.revocations();
    revocations.set_feed(Feed::Stale);
    assert_eq!(hand.load(&ticket, &cookie).await.code(), 503);
    revocations.set_feed(Feed::Fresh);
    let page = hand.load(&ticket, &cookie).await;
    assert_eq!((page.code(), page.location()), (302, site.wiki("/deep").as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_be_signed_out_is_told_so_and_can_try_again() {
    let site = Site::start().await;
    let mut browser = site.browser();
    assert_eq!(site.sign_in(&mut browser, &site.wiki("/"), "ann").await.code(), 200);
    let before = site.session_cookie(&browser, "wiki").unwrap();
    let page = browser.load(&site.wiki("/.pomerium/sign_out")).await.unwrap();
    let form = page.form("/.pomerium/sign_out").unwrap();
    let outage = site.running.shared().accounts.suppose_outage();
    let told = browser.submit(&page, &form, &[]).await.unwrap();
    assert_eq!(told.code(), 503);
    assert!(told.body.contains("You are not signed out"), "{}", told.body);
    // The cookie is still there, which the next try needs.
    assert_eq!(site.session_cookie(&browser, "wiki").as_ref(), Some(&before));
    assert_eq!(site.hand().load(&site.wiki("/"), &before).await.code(), 200);
    drop(outage);
    browser.submit(&page, &form, &[]).await.unwrap();
    assert_eq!(site.hand().load(&site.wiki("/"), &before).await.code(), 302);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_feed_is_stale_nobody_is_admitted_nor_sent_to_sign_in() {
    let open = "  - from: https://{lunch}\n    to: http://{up}\n    \
         allow_public_unauthenticated_access: true\n";
    let closed = "  - from: https://{wiki}\n    to: http://{up}\n    \
         allow_any_authenticated_user: true\n";
    let extra = "external_auth: {trusted_peers: [127.0.0.1/32], oauth2_proxy_compat: true}\n";
    let site = Site::with(Plan {
        routes: format!("{closed}{open}"),
        extra: extra.to_owned(),
        ..Plan::default()
    })
    .await;
    let hand = site.hand();
    let ann = site.cookie("wiki", json!({}));
    assert_eq!(hand.load(&site.wiki("/"), &ann).await.code(), 200);
    let revocations = site.running.shared().accounts.revocations();
    revocations.set_feed(Feed::Stale);
    for path in ["/", "/.pomerium/", "/.pomerium/sign_out", "/oauth2/userinfo"] {
        let page = hand.load(&site.wiki(path), &ann).await;
        assert_eq!(page.code(), 503, "{path}");
        assert!(page.set_cookies().is_empty(), "{path}");
    }
    let page = hand.load(&site.wiki("/"), &ann).await;
    assert!(page.body.contains("Sessions cannot be checked right now"), "{}", page.body);
    assert_eq!(site.last_log().await["reasons"], json!(["session-unchecked"]));
    // Another proxy hears the same; whoever has no session signs in as ever; what is public stays so.
    let host = site.host("wiki");
    let mut headers = NAVIGATION.to_vec();
    headers.extend([
        ("x-forwarded-host", host.as_str()),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-method", "GET"),
        ("x-forwarded-uri", "/"),
        ("x-forwarded-for", "192.0.2.1"),
        ("cookie", ann.as_str()),
    ]);
    let asked = site.wiki("/.russet/auth/traefik");
    assert_eq!(hand.send("GET", &asked, &headers, b"").await.code(), 503);
    assert_eq!(hand.load(&site.wiki("/"), "").await.code(), 302);
    assert_eq!(hand.load(&site.lunch("/"), "").await.code(), 200);
    revocations.set_feed(Feed::Fresh);
    assert_eq!(hand.load(&site.wiki("/"), &ann).await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_account_is_out_and_changed_claims_count_at_once() {
    let site = Site::start().await;
    let hand = site.hand();
    let session = site.session(json!({}));
    let ann = site.cookie_of("wiki", &session);
    assert_eq!(hand.load(&site.wiki("/"), &ann).await.code(), 200);
    let revocations = site.running.shared().accounts.revocations();
    let (subject, at) = (session.identity.subject.clone(), session.identity.issued_at);
    let (until, now) = (session.expires_at, site.clock.now());
    let claims = |email: &str| {
        let claims = json!({"sub": &*subject, "email": email, "email_verified": true});
        russet::identity::Claims::new(claims.as_object().unwrap().clone())
    };
    let changed =
        |claims| Revocation::ClaimsChanged { subject: subject.clone(), at, claims, until };
    revocations.apply(changed(claims("ann@else.example")), now);
    let page = hand.load(&site.wiki("/"), &ann).await;
    assert_eq!(page.code(), 403);
    // An application is told the new claims too, although an assertion is kept for a minute.
    let later = Revocation::ClaimsChanged {
        subject: subject.clone(),
        at: russet::base::time::Timestamp(at.0 + 1),
        claims: claims("anna@corp.example"),
        until,
    };
    revocations.apply(later, now);
    assert_eq!(hand.load(&site.wiki("/"), &ann).await.code(), 200);
    let told = site.app.last();
    let assertion = told.one("x-pomerium-jwt-assertion").unwrap().split('.').nth(1).unwrap();
    let payload = {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(assertion).unwrap()
    };
    let payload: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(payload["email"], "anna@corp.example");
    revocations.apply(Revocation::AccountEnded { subject, at, until }, now);
    assert_eq!(hand.load(&site.wiki("/"), &ann).await.code(), 302);
}
