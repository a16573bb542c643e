//! Signing out: by the person's own page, everywhere, and by nobody else (threats.md T81,
//! pomerium-wire.md W6, W7).

use russet::fake_browser::{Browser, Form, Page};
use serde_json::json;
use url::Url;

use crate::support::{Answered, FORM, Plan, Site, encoded};

/// A page of another site, as far as forms need one.
fn page_of(origin: &str) -> Page {
    Page {
        url: Url::parse(origin).unwrap(),
        status: reqwest::StatusCode::OK,
        headers: reqwest::header::HeaderMap::new(),
        body: String::new(),
    }
}

async fn signed_in(site: &Site) -> Browser {
    let mut browser = site.browser();
    assert_eq!(site.sign_in(&mut browser, &site.wiki("/"), "ann").await.code(), 200);
    browser
}

async fn form_of(site: &Site, browser: &mut Browser) -> (Page, Form) {
    let page = browser.load(&site.wiki("/.pomerium/sign_out")).await.unwrap();
    assert_eq!(page.code(), 200);
    let form = page.form("/.pomerium/sign_out").unwrap();
    (page, form)
}

async fn is_in(site: &Site, browser: &mut Browser) -> bool {
    let page = browser.load(&site.wiki("/")).await.unwrap();
    page.code() == 200 && page.body == "ok"
}

#[tokio::test(flavor = "multi_thread")]
async fn t81_no_other_site_signs_anybody_out_whatever_cookies_come_along() {
    for same_site in ["lax", "none", "strict"] {
        let site =
            Site::with(Plan { extra: format!("cookie_same_site: {same_site}"), ..Plan::default() })
                .await;
        let mut browser = site.browser();
        site.sign_in(&mut browser, &site.wiki("/"), "ann").await;
        assert!(is_in(&site, &mut browser).await);
        let (_, mut form) = form_of(&site, &mut browser).await;
        let evil = page_of("https://evil.test/");
        for host in ["wiki", "auth"] {
            form.action = Url::parse(&site.url(host, "/.pomerium/sign_out")).unwrap();
            for fields in [Vec::new(), form.fields.clone()] {
                let posted = Form { action: form.action.clone(), fields };
                let page = browser.submit(&evil, &posted, &[]).await.unwrap();
                assert_eq!(page.code(), 403, "{same_site} {host}");
                assert!(
                    page.set_cookie("__Host-russet").is_none(),
                    "an answer that takes the cookie away"
                );
            }
        }
        assert!(is_in(&site, &mut browser).await, "{same_site}");
        // An image, a fetch, a link: a page with a button, and nothing ends.
        for _ in 0..2 {
            let page = browser.fetch(&site.wiki("/.pomerium/sign_out"), "image/*").await.unwrap();
            assert!(page.set_cookies().is_empty());
        }
        assert!(is_in(&site, &mut browser).await, "{same_site}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t81_a_post_needs_our_page_and_its_token() {
    let site = Site::start().await;
    let mut browser = signed_in(&site).await;
    let (_, form) = form_of(&site, &mut browser).await;
    let token = form.fields.iter().find(|(name, _)| name == "csrf").unwrap().1.clone();
    let cookie = site.session_cookie(&browser, "wiki").unwrap();
    let mut other = signed_in(&site).await;
    let (_, others) = form_of(&site, &mut other).await;
    let others_token = others.fields[0].1.clone();
    let mut at_lunch = site.browser();
    site.sign_in(&mut at_lunch, &site.lunch("/"), "ann").await;
    let hand = site.hand();
    let (url, own) = (site.wiki("/.pomerium/sign_out"), site.wiki(""));
    let lunch = site.lunch("");
    let http = own.replace("https:", "http:");
    let good = encoded(&[("csrf", &token)]);
    let wrong: Vec<(Vec<(&str, &str)>, String)> = vec![
        // The right token from anywhere else, or from nowhere that can be told.
        (vec![("origin", "https://evil.test")], good.clone()),
        (vec![("origin", "null")], good.clone()),
        (vec![("origin", "null"), ("sec-fetch-site", "cross-site")], good.clone()),
        (vec![("origin", lunch.as_str())], good.clone()),
        (vec![("origin", http.as_str())], good.clone()),
        (vec![("sec-fetch-site", "same-site")], good.clone()),
        (vec![("sec-fetch-site", "none")], good.clone()),
        (vec![], good.clone()),
        (vec![("origin", own.as_str()), ("origin", "https://evil.test")], good.clone()),
        // Our page without its token, or with another's.
        (vec![("origin", own.as_str())], String::new()),
        (vec![("origin", own.as_str())], encoded(&[("csrf", "")])),
        (vec![("origin", own.as_str())], encoded(&[("csrf", &others_token)])),
        (vec![("origin", own.as_str())], encoded(&[("csrf", &token[..token.len() - 1])])),
        (vec![("origin", own.as_str())], encoded(&[("token", &token)])),
    ];
    for (headers, body) in wrong {
        let mut all = vec![FORM, ("cookie", cookie.as_str()), ("accept", "text/html")];
        all.extend(headers.iter().copied());
        let page = hand.send("POST", &url, &all, body.as_bytes()).await;
        assert_eq!(page.code(), 403, "{headers:?} {body}");
        assert!(page.set_cookies().is_empty(), "{headers:?} {body}");
        assert_eq!(site.last_log().await["reasons"], json!(["forged_form"]));
    }
    assert!(is_in(&site, &mut browser).await);
    // Doubled, in the query, of another type: as for every form.
    let twice = format!("{good}&{good}");
    let post = async |url: &str, kind: &str, body: &str| {
        let headers =
            [("content-type", kind), ("cookie", cookie.as_str()), ("origin", own.as_str())];
        hand.send("POST", url, &headers, body.as_bytes()).await.code()
    };
    assert_eq!(post(&url, FORM.1, &twice).await, 400);
    assert_eq!(post(&format!("{url}?{good}"), FORM.1, "").await, 403);
    assert_eq!(post(&url, "application/json", "{}").await, 415);
    assert_eq!(post(&url, "multipart/form-data; boundary=x", &good).await, 415);
    assert_eq!(post(&url, FORM.1, &format!("{good}&x={}", "a".repeat(9000))).await, 413);
    assert!(is_in(&site, &mut browser).await);
    // The person's own page.
    let page = hand
        .send(
            "POST",
            &url,
            &[FORM, ("cookie", &cookie), ("origin", "null"), ("sec-fetch-site", "same-origin")],
            good.as_bytes(),
        )
        .await;
    assert_eq!(page.code(), 303);
    assert!(page.set_cookie("__Host-russet").unwrap().contains("Max-Age=0"));
    assert!(!is_in(&site, &mut browser).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn t88_sign_out_reads_one_plain_form() {
    let site = Site::start().await;
    let mut browser = signed_in(&site).await;
    let (_, form) = form_of(&site, &mut browser).await;
    let token = form.fields[0].1.clone();
    let cookie = site.session_cookie(&browser, "wiki").unwrap();
    let (url, own) = (site.wiki("/.pomerium/sign_out"), site.wiki(""));
    for bad in ["&return_to=a&return_to=b", "&x=%ff", "&x=%", "&csrf=x"] {
        let body = format!("csrf={token}{bad}");
        let headers = [FORM, ("cookie", cookie.as_str()), ("origin", own.as_str())];
        assert_eq!(
            site.hand().send("POST", &url, &headers, body.as_bytes()).await.code(),
            400,
            "{bad}"
        );
    }
    assert!(is_in(&site, &mut browser).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_nobody_is_handed_a_sign_out_and_a_link_ends_nothing() {
    let site = Site::start().await;
    let mut browser = signed_in(&site).await;
    let hand = site.hand();
    for method in ["GET", "POST"] {
        for host in ["wiki", "lunch", "auth"] {
            let headers = [FORM, ("accept", "text/html")];
            let page =
                hand.send(method, &site.url(host, "/.pomerium/sign_out"), &headers, b"").await;
            assert!(page.header("location").is_none(), "{method} {host}");
            let all = format!("{:?} {}", page.headers, page.body);
            assert!(
                !all.contains("signature") && !all.contains("name=\"csrf\""),
                "{method} {host}: {all}"
            );
        }
    }
    // Whatever stands in the address, a GET shows a page and the session lives.
    for query in [
        "",
        "?pomerium_signature=x",
        "?csrf=x",
        "?return_to=https://evil.test/",
        "?pomerium_redirect_uri=https://evil.test/",
    ] {
        for host in ["wiki", "auth"] {
            let page = browser
                .load(&site.url(host, &format!("/.pomerium/sign_out{query}")))
                .await
                .unwrap();
            assert_eq!((page.code(), browser.hops.len()), (200, 1));
            assert!(page.body.contains("Sign out?"), "{}", page.body);
        }
    }
    assert!(is_in(&site, &mut browser).await);
    // Pomerium's sign_out of other products' habit, HEAD and others: nothing.
    for method in ["HEAD", "PUT", "DELETE"] {
        let cookie = site.session_cookie(&browser, "wiki").unwrap();
        hand.send(method, &site.wiki("/.pomerium/sign_out"), &[("cookie", &cookie)], b"").await;
    }
    assert!(is_in(&site, &mut browser).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_signing_out_on_any_host_signs_out_on_all() {
    for at in ["wiki", "lunch", "auth"] {
        let site = Site::start().await;
        let mut browser = signed_in(&site).await;
        assert_eq!(browser.load(&site.lunch("/")).await.unwrap().body, "ok");
        let page = browser.load(&site.url(at, "/.pomerium/sign_out")).await.unwrap();
        let page =
            browser.submit(&page, &page.form("/.pomerium/sign_out").unwrap(), &[]).await.unwrap();
        assert_eq!((page.code(), page.url.path()), (200, "/.pomerium/signed_out"), "{at}");
        assert!(page.body.contains("You are signed out"));
        // Nothing signs in again by itself, and the button leads to where the person was.
        assert_eq!(page.link("https://").unwrap(), site.url(at, "/"));
        for host in ["wiki", "lunch"] {
            let page = browser.load(&site.url(host, "/")).await.unwrap();
            assert_eq!(page.url.host_str(), Some("apple.localhost"), "{at} {host}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_is_one_button_away_from_a_denial() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let denied = site.sign_in(&mut browser, &site.wiki("/deep?x=%2F"), "rae").await;
    assert_eq!(denied.code(), 403);
    let form = denied.form("/.pomerium/sign_out").unwrap();
    let page = browser.submit(&denied, &form, &[]).await.unwrap();
    assert_eq!(page.code(), 200);
    assert!(page.body.contains("Use another account"), "{}", page.body);
    let on = page.link("/deep").unwrap();
    assert_eq!(on, site.wiki("/deep?x=%2F"));
    let page = site.sign_in(&mut browser, &on, "ann").await;
    assert_eq!((page.code(), page.url.as_str()), (200, site.wiki("/deep?x=%2F").as_str()));
    assert_eq!(site.app.last().target(), "/deep?x=%2F");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_again_and_again_is_no_loop() {
    let site = Site::start().await;
    let mut browser = site.browser();
    for round in 0..5 {
        let page = site.sign_in(&mut browser, &site.wiki("/"), "ann").await;
        assert_eq!(page.code(), 200, "round {round}: {}", page.body);
        let (page, form) = form_of(&site, &mut browser).await;
        browser.submit(&page, &form, &[]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signout_redirect_url_is_the_operators_alone() {
    let extra = "signout_redirect_url: https://www.corp.example/bye?x=1".to_owned();
    let site = Site::with(Plan { extra, ..Plan::default() }).await;
    let mut browser = signed_in(&site).await;
    let (_, form) = form_of(&site, &mut browser).await;
    let token = form.fields[0].1.as_str();
    let cookie = site.session_cookie(&browser, "wiki").unwrap();
    let page = site
        .hand()
        .post(&site.wiki("/.pomerium/sign_out"), &site.wiki(""), &cookie, &[("csrf", token)])
        .await;
    assert_eq!((page.code(), page.location()), (303, "https://www.corp.example/bye?x=1"));
    let policy = page_of_sign_out(&site).await;
    assert!(
        policy.contains("https://www.corp.example"),
        "browsers hold the redirect to form-action: {policy}"
    );
}

async fn page_of_sign_out(site: &Site) -> String {
    let mut browser = signed_in(site).await;
    let (page, _) = form_of(site, &mut browser).await;
    page.header("content-security-policy").unwrap().to_owned()
}
