//! The way from "not signed in" to the page asked for: tabs, hosts, loops, leaks, and whose sign-in
//! it is (threats.md T33, T84, T90).

use russet::base::random;
use russet::fake_apple::{AnswerFault, Endpoint};
use serde_json::json;

use crate::support::{Answered, FORM, NAVIGATION, Plan, Site, cookies, value_of};

const BROWSER: &str = "__Host-russet_browser";

#[tokio::test(flavor = "multi_thread")]
async fn t33_another_provider_than_apple_is_told_everywhere() {
    let site = Site::start().await;
    let hand = site.hand();
    let wiki = site.cookie("wiki", json!({}));
    let stranger = site.cookie("wiki", json!({"email": "rae@evil.test"}));
    let pages = [
        ("GET", site.wiki("/.pomerium/"), wiki.as_str(), 200),
        ("GET", site.wiki("/.pomerium/sign_out"), wiki.as_str(), 200),
        ("GET", site.auth("/.pomerium/signed_out"), "", 200),
        ("GET", site.wiki("/"), stranger.as_str(), 403),
        ("GET", site.wiki("/.pomerium/nothing"), "", 404),
        ("GET", site.auth("/nothing"), "", 404),
        ("GET", site.auth("/.pomerium/sign_in"), "", 400),
        ("GET", site.wiki("/.pomerium/callback/"), "", 400),
        ("GET", site.auth("/oauth2/callback"), "", 405),
        ("POST", site.wiki("/"), "", 401),
        ("POST", site.auth("/oauth2/callback"), "", 400),
        ("GET", site.wiki("/.pomerium/api/v1/login"), "", 501),
        ("GET", site.wiki("/%2e%2e/%2fx"), "", 400),
    ];
    for (method, url, cookie, status) in pages {
        let mut headers = vec![FORM, ("accept", "text/html")];
        if !cookie.is_empty() {
            headers.push(("cookie", cookie));
        }
        let page = hand.send(method, &url, &headers, b"").await;
        assert_eq!(page.code(), status, "{method} {url}");
        assert!(
            page.body.contains("Not Apple.") && page.body.contains(site.apple.base_url()),
            "{url}: {}",
            page.body
        );
    }
    let health = site.health("/status").await;
    assert!(
        health.body.contains("NOT APPLE") && health.body.contains(site.apple.base_url()),
        "{}",
        health.body
    );
    assert!(site.warnings.contains("is not Apple"), "{}", site.warnings);
}

#[tokio::test(flavor = "multi_thread")]
async fn t84_nothing_secret_is_in_any_address_and_no_address_is_passed_on() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let hand = site.hand();
    // Step by step, so that every address is seen.
    let asked = hand.load(&site.wiki("/private?token=of-the-app"), "").await;
    let to_auth = asked.location().to_owned();
    let to_apple = hand.load(&to_auth, "").await;
    let apple = to_apple.location().to_owned();
    let (_, form) =
        site.up_to_answer(&mut browser, &site.wiki("/private?token=of-the-app"), "ann").await;
    let posted = site.post_callback(&form.fields, &site.attempts(&browser)).await;
    let ticket = posted.location().to_owned();
    let redeemed = hand.load(&ticket, &cookies(&browser, "wiki.localhost", BROWSER)).await;
    let session = redeemed.set_cookie("__Host-russet").unwrap();
    let session = session.split(';').next().unwrap();
    let sign_out = hand.load(&site.wiki("/.pomerium/sign_out"), session).await;
    let csrf = sign_out.form("/.pomerium/sign_out").unwrap().fields[0].1.clone();
    let out = hand
        .post(&site.wiki("/.pomerium/sign_out"), &site.wiki(""), session, &[("csrf", &csrf)])
        .await;
    let addresses =
        [&to_auth, &apple, &ticket, &redeemed.location().to_owned(), &out.location().to_owned()];
    let code = form.fields.iter().find(|(name, _)| name == "code").unwrap().1.clone();
    let tokens = site.apple.last_request(Endpoint::Token).unwrap();
    for address in addresses {
        for secret in [
            code.as_str(),
            tokens.field("client_secret"),
            "eyJ",
            "ann@",
            "ann%40",
            value_of(session),
            &csrf,
        ] {
            assert!(!address.contains(secret), "{secret} in {address}");
        }
    }
    for page in [&asked, &to_apple, &posted, &redeemed, &sign_out, &out] {
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"), "{}", page.url);
        assert_eq!(page.header("cache-control"), Some("no-store"), "{}", page.url);
    }
    // The log has paths, never a query, of our own endpoints or of anybody's.
    let log = site.log().await.iter().map(ToString::to_string).collect::<String>();
    for secret in [
        "ticket=",
        "pomerium_signature",
        "of-the-app",
        "ann@corp.example",
        &code,
        &csrf,
        value_of(session),
        "return_to",
    ] {
        assert!(!log.contains(secret), "{secret} in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t90_a_browser_without_cookies_ends_at_a_page_at_once() {
    let site = Site::start().await;
    let hand = site.hand();
    // No cookie at all: the callback finds no attempt.
    let mut browser = site.browser();
    let (_, form) = site.up_to_answer(&mut browser, &site.wiki("/"), "ann").await;
    let page = site.post_callback(&form.fields, "").await;
    assert_eq!((page.code(), site.exchanges()), (400, 0));
    assert!(page.body.contains("cookies are blocked"), "{}", page.body);
    // Cookies of the authenticate host alone: the ticket finds no browser.
    let posted = site.post_callback(&form.fields, &site.attempts(&browser)).await;
    let page = hand.load(posted.location(), "").await;
    assert_eq!(page.code(), 400);
    assert!(
        page.body.contains("kept no cookie") && page.body.contains("Start again"),
        "{}",
        page.body
    );
    assert!(page.header("location").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn t90_three_rounds_and_then_a_page_that_says_what_is_wrong() {
    // The browser drops the session cookie but keeps the small ones; or brings one that is not
    // accepted, because another replica has other keys.
    for (brought, status, words) in
        [("", 400, "did not keep the cookie"), ("__Host-russet=AAAA", 500, "it was not accepted")]
    {
        let site = Site::start().await;
        let hand = site.hand();
        let auth = site.cookie("auth", json!({}));
        let mut kept: Vec<(String, String)> = Vec::new();
        let mut rounds = 0;
        let page = loop {
            let jar = |kept: &[(String, String)]| {
                let mut all: Vec<String> =
                    kept.iter().map(|(name, value)| format!("{name}={value}")).collect();
                all.extend((!brought.is_empty()).then(|| brought.to_owned()));
                all.join("; ")
            };
            let page = hand.load(&site.wiki("/x"), &jar(&kept)).await;
            keep(&mut kept, &page.set_cookies());
            if page.code() != 302 {
                break page;
            }
            rounds += 1;
            assert!(rounds <= 3, "a loop");
            let ticket = hand.load(page.location(), &auth).await;
            let redeemed = hand.load(ticket.location(), &jar(&kept)).await;
            assert_eq!((redeemed.code(), redeemed.location()), (302, site.wiki("/x").as_str()));
            keep(&mut kept, &redeemed.set_cookies());
        };
        assert_eq!((rounds, page.code()), (3, status));
        assert!(page.body.contains(words), "{}", page.body);
        assert!(site.reasons("/x").await.contains(&"sign-in-loop".to_owned()));
        // Starting again counts anew, and so does a minute of patience.
        assert!(page.set_cookie("__Host-russet_rounds").unwrap().contains("Max-Age=0"));
    }
}

/// What a browser keeps that drops the session cookie.
fn keep(kept: &mut Vec<(String, String)>, set: &[String]) {
    for line in set {
        let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
        kept.retain(|(old, _)| old != name);
        if name != "__Host-russet" && !line.contains("Max-Age=0") {
            kept.push((name.to_owned(), value.to_owned()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t90_ordinary_people_never_meet_the_loop_page() {
    let site = Site::start().await;
    let mut browser = site.browser();
    assert_eq!(site.sign_in(&mut browser, &site.wiki("/"), "ann").await.code(), 200);
    for _ in 0..6 {
        assert_eq!(browser.load(&site.wiki("/")).await.unwrap().code(), 200);
        assert_eq!(browser.load(&site.lunch("/")).await.unwrap().code(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_tabs_and_a_ninth_that_pushes_out_the_first() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let mut tabs = Vec::new();
    for tab in 0..9 {
        tabs.push(site.up_to_answer(&mut browser, &site.wiki(&format!("/{tab}?x")), "ann").await);
        site.clock.shift(1);
    }
    let held = site.attempts(&browser);
    assert_eq!(held.split("; ").count(), 8);
    assert!(held.len() <= 3_600, "{}", held.len());
    // The first one's tab: nothing was spent, and the way on is known.
    let (answer, form) = &tabs[0];
    let page = browser.submit(answer, form, &[]).await.unwrap();
    assert_eq!((page.code(), site.exchanges()), (400, 0));
    assert_eq!(page.link("/0").unwrap(), site.wiki("/0?x"));
    // All others, in any order.
    for tab in [8, 1, 5, 2, 7, 3, 6, 4] {
        let (answer, form) = &tabs[tab];
        let page = browser.submit(answer, form, &[]).await.unwrap();
        assert_eq!((page.code(), page.url.path()), (200, format!("/{tab}").as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_addresses_push_out_sooner_so_that_the_header_stays_small() {
    let site = Site::start().await;
    let mut browser = site.browser();
    for tab in 0..4 {
        let url = site.wiki(&format!("/{tab}?{}", "q".repeat(1_900)));
        browser.load(&url).await.unwrap();
        site.clock.shift(1);
        let held = cookies(&browser, "auth.localhost", "__Host-russet_attempt_");
        assert!(held.len() <= 3_600, "{tab}: {}", held.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tabs_share_the_browser_cookie_and_a_redemption_leaves_it() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let (first, first_form) = site.up_to_answer(&mut browser, &site.wiki("/1"), "ann").await;
    let cookie = browser.cookie("wiki.localhost", BROWSER).unwrap();
    let (second, second_form) = site.up_to_answer(&mut browser, &site.wiki("/2"), "ann").await;
    assert_eq!(browser.cookie("wiki.localhost", BROWSER).unwrap(), cookie);
    assert_eq!(browser.submit(&first, &first_form, &[]).await.unwrap().url.path(), "/1");
    assert_eq!(browser.cookie("wiki.localhost", BROWSER).unwrap(), cookie);
    assert_eq!(browser.submit(&second, &second_form, &[]).await.unwrap().url.path(), "/2");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sign_in_serves_all_hosts_each_with_its_own_cookie() {
    let site = Site::start().await;
    let mut browser = site.browser();
    assert_eq!(site.sign_in(&mut browser, &site.wiki("/"), "ann").await.code(), 200);
    let page = browser.load(&site.lunch("/menu?day=1")).await.unwrap();
    assert_eq!((page.code(), page.url.as_str()), (200, site.lunch("/menu?day=1").as_str()));
    let hosts: Vec<&str> = browser.hops.iter().map(|hop| hop.host.as_str()).collect();
    assert_eq!(
        hosts,
        ["lunch.localhost", "auth.localhost", "lunch.localhost", "lunch.localhost"],
        "not by Apple"
    );
    assert_eq!(site.exchanges(), 1);
    let of = |host: &str| site.session_cookie(&browser, host).unwrap();
    assert!(of("wiki") != of("lunch") && of("wiki") != of("auth"));
    // One session id in all of them.
    let mut ids = std::collections::BTreeSet::new();
    for host in ["wiki", "lunch", "auth"] {
        let page = site.hand().load(&site.url(host, "/.pomerium/user"), &of(host)).await;
        let user: serde_json::Value = serde_json::from_str(&page.body).unwrap();
        ids.insert(user["sid"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cookie_says_what_it_is() {
    let site = Site::start().await;
    let began = std::time::Instant::now();
    let mut browser = site.browser();
    let hand = site.hand();
    let asked = hand.load(&site.wiki("/"), "").await;
    let cookie = asked.set_cookie(BROWSER).unwrap();
    for wanted in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=600"] {
        assert!(cookie.contains(&format!("; {wanted}")), "{cookie}");
    }
    let (_, form) = site.up_to_answer(&mut browser, &site.wiki("/"), "ann").await;
    // The session begins more than a second after the request that leads to it came.
    site.apple.faults().next(Endpoint::Token, AnswerFault::Delay { milliseconds: 1_100 });
    let posted = site.post_callback(&form.fields, &site.attempts(&browser)).await;
    let redeemed =
        hand.load(posted.location(), &cookies(&browser, "wiki.localhost", BROWSER)).await;
    for cookie in [posted.set_cookie("__Host-russet"), redeemed.set_cookie("__Host-russet")] {
        let cookie = cookie.unwrap();
        for wanted in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
            assert!(cookie.contains(&format!("; {wanted}")), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
        // The cookie ends with its session, so the seconds since it began are missing.
        let (_, left) = cookie.split_once("; Max-Age=").unwrap();
        let left: u64 = left.parse().unwrap();
        let passed = began.elapsed().as_secs() + 1;
        assert!((50_400 - passed..=50_400).contains(&left), "{cookie}");
    }
    assert_eq!(posted.code(), 303, "after a POST");
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_frames_and_scripts_are_told_and_not_sent_away() {
    let site = Site::start().await;
    let hand = site.hand();
    let url = site.wiki("/form?x");
    let page =
        hand.send("POST", &url, &[FORM, NAVIGATION[0], NAVIGATION[1], NAVIGATION[2]], b"a=b").await;
    assert_eq!(page.code(), 401);
    assert!(page.body.contains("Nothing was sent"), "{}", page.body);
    let link = page.link("sign_in").unwrap();
    assert!(link.starts_with(&site.auth("/.pomerium/sign_in?")), "{link}");
    let page = hand.send("GET", &url, &[("accept", "application/json")], b"").await;
    assert_eq!((page.code(), page.header("content-type")), (401, Some("application/json")));
    let json: serde_json::Value = serde_json::from_str(&page.body).unwrap();
    // The link of the program's answer works in the browser that got it.
    let cookie = page.set_cookie(BROWSER).unwrap();
    let auth = site.cookie("auth", json!({}));
    let ticket = hand.load(json["sign_in_url"].as_str().unwrap(), &auth).await;
    let redeemed = hand.load(ticket.location(), cookie.split(';').next().unwrap()).await;
    assert_eq!((redeemed.code(), redeemed.location()), (302, site.wiki("/form?x").as_str()));
    assert_eq!(site.app.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authenticate_host_that_is_a_route_signs_in_for_itself() {
    let routes =
        "  - from: https://{auth}\n    to: http://{up}\n    allow_any_authenticated_user: true\n";
    let site = Site::with(Plan { routes: routes.to_owned(), ..Plan::default() }).await;
    let mut browser = site.browser();
    let page = site.sign_in(&mut browser, &site.auth("/x?y=%2F"), "rae").await;
    assert_eq!((page.code(), page.body.as_str()), (200, "ok"));
    assert_eq!(site.app.last().target(), "/x?y=%2F");
    assert_eq!(browser.load(&site.auth("/")).await.unwrap().body, "ok");
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
