//! The session: its cookie, its end, its hosts (threats.md T23, T38, T39, T40, T45).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use russet::base::seal::Ring;
use russet::base::secret::Secret;
use russet::base::time::Clock;
use russet::fake_apple::{AnswerFault, Endpoint};
use russet::session::sealed_cookie::SessionSeal;
use serde_json::{Value, json};

use crate::support::{Answered, COOKIE_SECRET, Plan, Site, cookies, value_of};

/// A key that the test site begins to seal with.
const NEW_SECRET: [u8; 32] = *b"newer cookies of the same site..";

/// The claims of the assertion that the application got last.
pub fn assertion(site: &Site) -> Value {
    let request = site.app.last();
    let token = request.one("x-pomerium-jwt-assertion").expect("no assertion").to_owned();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap())
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn t23_what_is_not_exactly_our_cookie_is_no_cookie() {
    let site = Site::plain().await;
    let (wiki, lunch) = (site.host("wiki"), site.host("lunch"));
    let mut wire = site.wire().await;
    let good = site.cookie("wiki", json!({}));
    let value = good.split_once('=').unwrap().1;
    let other = site.cookie("wiki", json!({"sub": "001.other"}));
    let other = other.split_once('=').unwrap().1;
    let page = [("Accept", "text/html")];
    let mut bodies = std::collections::BTreeSet::new();
    let mut refused = async |cookie: &str, host: &str| {
        let headers = [page[0], ("Host", host), ("Cookie", cookie)];
        let answer = wire.ask("GET / HTTP/1.1", &headers).await;
        assert_eq!(answer.status, 302, "{cookie}");
        bodies.insert(answer.body);
        let program = [("Accept", "application/json"), ("Host", host), ("Cookie", cookie)];
        assert_eq!(wire.ask("GET / HTTP/1.1", &program).await.status, 401, "{cookie}");
    };
    // Every bit flipped (one request for every seventh bit, which is each byte and each position).
    let raw = URL_SAFE_NO_PAD.decode(value).unwrap();
    for bit in (0..raw.len() * 8).step_by(7) {
        let mut bad = raw.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        refused(&format!("__Host-russet={}", URL_SAFE_NO_PAD.encode(bad)), &wiki).await;
    }
    // Truncated, extended, spliced, re-encoded.
    for length in (0..value.len()).step_by(5) {
        refused(&format!("__Host-russet={}", &value[..length]), &wiki).await;
    }
    for at in [1, 16, value.len() / 2, value.len() - 1] {
        let spliced = format!("__Host-russet={}{}", &value[..at], &other[at.min(other.len())..]);
        refused(&spliced, &wiki).await;
    }
    for odd in [
        format!("__Host-russet={value}="),
        format!("__Host-russet={value}A"),
        format!("__Host-russet=\"{value}\""),
        format!("__Host-russet={}", value.replacen('A', "%41", 1).replacen('_', "%5F", 1) + "%"),
        format!("__Host-russet={}", value.to_lowercase()),
        format!("__Host-russet={value}.{value}"),
        format!("__Host-russet={}", "A".repeat(3_584)),
        format!("__Host-russet={}", "A".repeat(20_000)),
        "__Host-russet=".to_owned(),
        "__Host-russet".to_owned(),
        // Renamed.
        format!("__host-russet={value}"),
        format!("__Host-russet2={value}"),
        format!("russet={value}"),
        format!("__Secure-russet={value}"),
        format!("__Host-russet_browser={value}"),
    ] {
        refused(&odd, &wiki).await;
    }
    // Moved to another host, to the authenticate host, from there, and from another deployment.
    refused(&good, &lunch).await;
    refused(&site.cookie("auth", json!({})), &wiki).await;
    let foreign = sealed_by([9; 32], &site, "wiki.localhost");
    refused(&foreign, &wiki).await;
    // Noise.
    for length in 0..200 {
        let noise: Vec<u8> =
            (0..length * 3).map(|_| russet::base::random::bytes::<1>()[0]).collect();
        refused(&format!("__Host-russet={}", URL_SAFE_NO_PAD.encode(noise)), &wiki).await;
    }
    assert_eq!(bodies.len(), 1, "no hint which part failed");
    assert_eq!(site.app.count(), 0);
    let headers = [page[0], ("Host", wiki.as_str()), ("Cookie", &good)];
    assert_eq!(wire.ask("GET / HTTP/1.1", &headers).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t23_raw_bytes_in_the_cookie_header_never_fail_us() {
    let site = Site::plain().await;
    let wiki = site.host("wiki");
    for number in 0..150_u32 {
        let mut wire = site.wire().await;
        let mut head = format!(
            "GET / HTTP/1.1\r\nHost: {wiki}\r\nAccept: text/html\r\nCookie: __Host-russet="
        )
        .into_bytes();
        let noise: Vec<u8> =
            (0..number * 7 % 900).map(|_| russet::base::random::bytes::<1>()[0]).collect();
        head.extend(noise.into_iter().filter(|byte| !b"\r\n\0".contains(byte)));
        head.extend_from_slice(b"\r\n\r\n");
        wire.send(head).await;
        let status = wire.answer(false).await.unwrap().status;
        assert!(status == 302 || status == 400, "{status}");
    }
    assert_eq!(site.app.count(), 0);
}

fn sealed_by(key: [u8; 32], site: &Site, host: &str) -> String {
    let settings = russet::session::Settings::default();
    let seal = SessionSeal::new(&Ring::new(vec![Secret::new(key)]).unwrap(), &settings);
    format!("__Host-russet={}", seal.seal(&site.session(json!({})), host).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn t38_a_copy_is_dead_after_sign_out_on_every_host() {
    let site = Site::start().await;
    let mut browser = site.browser();
    assert_eq!(site.sign_in(&mut browser, &site.wiki("/"), "ann").await.code(), 200);
    assert_eq!(browser.load(&site.lunch("/")).await.unwrap().code(), 200);
    let copies: Vec<String> = ["wiki", "lunch", "auth"]
        .iter()
        .map(|host| site.session_cookie(&browser, host).unwrap())
        .collect();
    let page = browser.load(&site.lunch("/.pomerium/sign_out")).await.unwrap();
    let page =
        browser.submit(&page, &page.form("/.pomerium/sign_out").unwrap(), &[]).await.unwrap();
    assert_eq!((page.code(), page.url.path()), (200, "/.pomerium/signed_out"));
    let hand = site.hand();
    for (host, copy) in ["wiki", "lunch", "auth"].iter().zip(&copies) {
        let path = if *host == "auth" { "/.pomerium/user" } else { "/" };
        assert_eq!(hand.load(&site.url(host, path), copy).await.code(), 302, "{host}");
        assert_eq!(site.last_log().await["reasons"], json!(["session-ended"]));
    }
    // A restart forgets this (the list is in memory), which is written next to T38: the key does not.
}

#[tokio::test(flavor = "multi_thread")]
async fn t38_a_session_ends_by_the_clock_whatever_the_browser_keeps() {
    let site = Site::with(Plan { extra: "cookie_expire: 2h".to_owned(), ..Plan::default() }).await;
    let mut browser = site.browser();
    let (answer, form) = site.up_to_answer(&mut browser, &site.wiki("/"), "ann").await;
    let posted = site.post_callback(&form.fields, &site.attempts(&browser)).await;
    let cookie = posted.set_cookie("__Host-russet").unwrap();
    assert!(cookie.contains("; Max-Age=7200"), "{cookie}");
    browser.submit(&answer, &form, &[]).await.unwrap();
    let copy = site.session_cookie(&browser, "wiki").unwrap();
    let hand = site.hand();
    site.clock.shift(7_190);
    assert_eq!(hand.load(&site.wiki("/"), &copy).await.code(), 200);
    site.clock.shift(15);
    assert_eq!(hand.load(&site.wiki("/"), &copy).await.code(), 302);
    assert_eq!(site.last_log().await["reasons"], json!(["session-expired"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn t38_a_key_that_is_removed_ends_what_it_sealed() {
    let site = Site::start().await;
    let cookie = site.cookie("wiki", json!({}));
    let ask = async |site: &Site| site.hand().load(&site.wiki("/"), &cookie).await.code();
    assert_eq!(ask(&site).await, 200);
    // A new key in front: the old one still opens.
    let both = Plan { cookie_secrets: vec![NEW_SECRET, COOKIE_SECRET], ..Plan::default() };
    let site = site.restarted(both).await;
    assert_eq!(ask(&site).await, 200);
    let new = sealed_by(NEW_SECRET, &site, "wiki.localhost");
    assert_eq!(site.hand().load(&site.wiki("/"), &new).await.code(), 200);
    // Without the old one: over.
    let site = site.restarted(Plan { cookie_secrets: vec![NEW_SECRET], ..Plan::default() }).await;
    assert_eq!(ask(&site).await, 302);
    assert_eq!(site.hand().load(&site.wiki("/"), &new).await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_made_by_ourselves_survive_a_restart() {
    let own = || Plan { cookie_secrets: Vec::new(), ..Plan::default() };
    let site = Site::with(own()).await;
    let mut browser = site.browser();
    let (_, form) = site.up_to_answer(&mut browser, &site.lunch("/late"), "ann").await;
    let attempts = site.attempts(&browser);
    let mut other = site.browser();
    assert_eq!(site.sign_in(&mut other, &site.wiki("/"), "ann").await.code(), 200);
    let cookie = site.session_cookie(&other, "wiki").unwrap();
    let site = site.restarted(own()).await;
    assert_eq!(site.hand().load(&site.wiki("/"), &cookie).await.code(), 200);
    // A sign-in that was under way goes on, too.
    assert_eq!(site.post_callback(&form.fields, &attempts).await.code(), 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn t39_among_several_cookies_one_that_opens_wins_only_alone() {
    let site = Site::plain().await;
    let mut wire = site.wire().await;
    let wiki = site.host("wiki");
    let good = site.cookie("wiki", json!({}));
    let theirs =
        site.cookie("wiki", json!({"sub": "001.mallory", "email": "mallory@corp.example"}));
    let bad = "__Host-russet=AAAA";
    let lunch = site.cookie("lunch", json!({}));
    let many = vec![bad; 15].join("; ");
    let too_many = vec![bad; 16].join("; ");
    // What a browser under attack may send, as one header or as several, and whether Ann is in.
    let cases: Vec<(Vec<String>, bool)> = vec![
        (vec![format!("{bad}; {good}")], true),
        (vec![format!("{good}; {bad}")], true),
        (vec![bad.to_owned(), good.clone()], true),
        (vec![good.clone(), bad.to_owned()], true),
        (vec![format!("{good}; {good}")], true),
        (vec![format!("{lunch}; {good}")], true),
        (vec![format!("{many}; {good}")], true),
        (vec![format!("{too_many}; {good}")], false),
        (vec![format!("{good}; {theirs}")], false),
        (vec![format!("{theirs}; {good}")], false),
        (vec![theirs.clone(), good.clone()], false),
        (vec![format!("{theirs}; {bad}; {good}")], false),
        // Names that a careless parser takes for ours, values in quotes, attributes of old.
        (vec![format!("\u{a0}{theirs}; {good}")], true),
        (vec![format!("\u{2003}{theirs}; {good}")], true),
        (vec![format!("{}; {good}", theirs.replacen('=', " =", 1))], true),
        (vec![format!("={theirs}; {good}")], true),
        (vec![format!("x={theirs}; {good}")], true),
        (vec![format!("{}; {good}", theirs.replacen("__Host", "__host", 1))], true),
        (vec![format!("{}; {good}", theirs.replacen("__Host", "%5F_Host", 1))], true),
        (vec![format!("$Version=1; {good}; $Path=/")], true),
        (
            vec![format!("$Version=\"1\"; __Host-russet=\"{}\"", good.split_once('=').unwrap().1)],
            false,
        ),
        (vec![format!("a=\"; {good}; b=\"")], true),
        (vec![format!(";;; = ;{good};=;")], true),
        (vec![format!("a={good}")], false),
        (vec![format!("a,{good}")], false),
    ];
    for (headers, is_in) in cases {
        let mut all = vec![("Host", wiki.as_str()), ("Accept", "text/html")];
        all.extend(headers.iter().map(|value| ("Cookie", value.as_str())));
        let answer = wire.ask("GET / HTTP/1.1", &all).await;
        assert_eq!(answer.status, if is_in { 200 } else { 302 }, "{headers:?}");
        if is_in {
            assert_eq!(assertion(&site)["sub"], "001.test", "{headers:?}");
            let sent = site.app.last();
            let sent = sent.one("cookie").unwrap_or_default();
            assert!(!sent.contains(good.split_once('=').unwrap().1), "{sent}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t40_the_largest_claims_make_a_cookie_that_browsers_keep() {
    let site = Site::start().await;
    let groups: Vec<String> = (0..400).map(|n| format!("group number {n}")).collect();
    let kinds = [
        json!({"email": "ann@corp.example", "email_verified": true, "groups": groups}),
        json!({"email": "ann@corp.example", "email_verified": true, "a": "x".repeat(6000), "b": "y".repeat(1500)}),
        json!({"email": "ann@corp.example", "email_verified": true, "z": "\u{10ffff}".repeat(1000)}),
    ];
    for claims in kinds {
        let mut browser = site.browser();
        let at_apple = browser.load(&site.wiki("/deep")).await.unwrap();
        let text = claims.to_string();
        let answer = site.answer_page(&mut browser, &at_apple, &[("claims", &text)]).await;
        let form =
            answer.form("/oauth2/callback").unwrap_or_else(|e| panic!("{e} {}", answer.body));
        let posted = site.post_callback(&form.fields, &site.attempts(&browser)).await;
        assert_eq!(posted.code(), 303, "{}", posted.body);
        for line in posted.set_cookies() {
            assert!(line.len() <= 4096, "{}", line.len());
        }
        let ticket = posted.location().to_owned();
        assert!(ticket.len() < 8_000, "{}", ticket.len());
        let redeemed = site.hand().load(&ticket, &cookies(&browser, "wiki.localhost", "")).await;
        assert_eq!(redeemed.code(), 302);
        for line in redeemed.set_cookies() {
            assert!(line.len() <= 4096, "{}", line.len());
        }
        let cookie = redeemed.set_cookie("__Host-russet").unwrap();
        let cookie = cookie.split(';').next().unwrap();
        assert_eq!(site.hand().load(&site.wiki("/deep"), cookie).await.code(), 200);
        // What was left out is named to its owner.
        let page = site.hand().load(&site.wiki("/.pomerium/"), cookie).await;
        assert!(page.body.contains("ann@corp.example"));
    }
    // What must be kept and does not fit: a page, nobody signed in, no loop.
    let mut browser = site.browser();
    let claims =
        json!({"email": format!("{}@corp.example", "a".repeat(5000)), "email_verified": true});
    let page = site.sign_in_with(&mut browser, &site.wiki("/"), &claims).await;
    assert!(page.status.is_client_error() || page.code() == 502, "{}", page.code());
    assert!(browser.cookie("auth.localhost", "__Host-russet").is_none());
    assert!(browser.hops.len() < 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn t40_chunks_and_floods_of_cookies_are_no_loop() {
    let site = Site::plain().await;
    let wiki = site.host("wiki");
    let mut wire = site.wire().await;
    let good = site.cookie("wiki", json!({}));
    let chunks: Vec<String> =
        (0..20).map(|n| format!("__Host-russet_{n}={}", "A".repeat(100))).collect();
    let chunks = format!("{}; {good}; russet_chunks=99999999", chunks.join("; "));
    let headers = [("Host", wiki.as_str()), ("Accept", "text/html"), ("Cookie", &chunks)];
    assert_eq!(wire.ask("GET / HTTP/1.1", &headers).await.status, 200);
    let too_much = "a=".to_owned() + &"b".repeat(70_000);
    let headers = [("Host", wiki.as_str()), ("Accept", "text/html"), ("Cookie", &too_much)];
    assert_eq!(wire.ask("GET / HTTP/1.1", &headers).await.status, 431);
}

#[tokio::test(flavor = "multi_thread")]
async fn t45_a_clock_that_is_wrong_or_jumps_locks_nobody_out_for_good() {
    // Apple's clock is right, Russet's is not.
    for (shift, fine) in [
        (0, true),
        (50, true),
        (-50, true),
        (600, false),
        (-600, false),
        (86_400, false),
        (-86_400, false),
    ] {
        let site = Site::with(Plan { apple_clock: Some(Clock::system()), ..Plan::default() }).await;
        site.clock.shift(shift);
        let page = site.sign_in(&mut site.browser(), &site.wiki("/"), "ann").await;
        assert_eq!(page.code() == 200, fine, "{shift}: {}", page.code());
        if !fine {
            assert_eq!(page.code(), 502, "{shift}");
            let line = site.last_log().await;
            assert!(line["detail"].as_str().unwrap().contains("clock"), "{line}");
        }
        // Set right, everything works again at once.
        site.clock.shift(-shift);
        assert_eq!(
            site.sign_in(&mut site.browser(), &site.wiki("/"), "ann").await.code(),
            200,
            "{shift}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t45_jumps_while_running() {
    let site = Site::start().await;
    let mut browser = site.browser();
    assert_eq!(site.sign_in(&mut browser, &site.wiki("/"), "ann").await.code(), 200);
    for shift in [600, -600, -86_400, 86_400] {
        site.clock.shift(shift);
        let page = browser.load(&site.wiki("/")).await.unwrap();
        assert_eq!(page.code(), 200, "{shift}: a session within its time goes on");
    }
    // A day ahead it is over, and a sign-in follows as usual (Apple jumped along).
    site.clock.shift(86_400);
    assert_eq!(
        browser.load(&site.wiki("/")).await.unwrap().url.host_str(),
        Some("apple.localhost")
    );
    assert_eq!(site.sign_in(&mut browser, &site.wiki("/"), "ann").await.code(), 200);
    // An attempt across a jump: back ten minutes and more it is of the future, which counts for nothing.
    let mut other = site.browser();
    let (answer, form) = site.up_to_answer(&mut other, &site.wiki("/x"), "ann").await;
    site.clock.shift(-86_400);
    let page = other.submit(&answer, &form, &[]).await.unwrap();
    assert_eq!(page.code(), 400);
    assert_eq!(site.reasons("/oauth2/callback").await, ["attempt_expired"]);
    // No key of Apple's was thrown away by the wall clock.
    assert!(site.apple.calls(Endpoint::Keys) <= 2, "{}", site.apple.calls(Endpoint::Keys));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_domain_one_cookie() {
    let plan = Plan {
        authenticate: "auth.wild".to_owned(),
        extra: "cookie_domain: wild.localhost".to_owned(),
        routes: "  - from: https://a.wild.localhost:{port}\n    to: http://{up}\n    allow_any_authenticated_user: true\n    \
                 pass_identity_headers: true\n  \
                 - from: https://b.wild.localhost:{port}\n    to: http://{up}\n    allow_any_authenticated_user: true\n"
            .to_owned(),
        ..Plan::default()
    };
    let site = Site::with(plan).await;
    let mut browser = site.browser();
    let page = site.sign_in(&mut browser, &site.url("a.wild", "/x?y"), "rae").await;
    assert_eq!((page.code(), page.body.as_str()), (200, "ok"), "{}", page.url);
    let cookie =
        browser.cookie("b.wild.localhost", "__Secure-russet").expect("the cookie is the domain's");
    assert_eq!(browser.load(&site.url("b.wild", "/")).await.unwrap().body, "ok");
    assert_eq!(browser.hops.len(), 1, "no detour");
    // Not beyond the domain.
    assert!(browser.cookie("wiki.localhost", "__Secure-russet").is_none());
    // Signed out on one, signed out on all, and the cookie is taken from the domain.
    let page = browser.load(&site.url("b.wild", "/.pomerium/sign_out")).await.unwrap();
    let page =
        browser.submit(&page, &page.form("/.pomerium/sign_out").unwrap(), &[]).await.unwrap();
    assert_eq!(page.code(), 200);
    assert!(browser.cookie("a.wild.localhost", "__Secure-russet").is_none());
    let copy = format!("__Secure-russet={cookie}");
    assert_eq!(site.hand().load(&site.url("a.wild", "/"), &copy).await.code(), 302);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_cookie_is_reached_by_a_page_that_moves_on() {
    let site =
        Site::with(Plan { extra: "cookie_same_site: strict".to_owned(), ..Plan::default() }).await;
    let mut browser = site.browser();
    let page = site.sign_in(&mut browser, &site.wiki("/deep?x=%2F"), "ann").await;
    // A redirect that Apple's page began would lose the cookie: a 200 page instead.
    assert_eq!((page.code(), page.url.path()), (200, "/.pomerium/callback/"));
    let set = page.set_cookie("__Host-russet").unwrap();
    assert!(set.contains("SameSite=Strict"), "{set}");
    let refresh = page.body.to_ascii_lowercase();
    assert!(refresh.contains("http-equiv=\"refresh\""), "{}", page.body);
    assert_eq!(page.link("/deep").unwrap(), site.wiki("/deep?x=%2F"));
    let page = browser.load(&site.wiki("/deep?x=%2F")).await.unwrap();
    assert_eq!((page.code(), page.body.as_str()), (200, "ok"));
    // From elsewhere it is not sent, and ends neither in a loop nor in a second consent.
    assert_eq!(site.exchanges(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_a_first_consent_is_sealed_in_that_session() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let (answer, mut form) = site.up_to_answer(&mut browser, &site.wiki("/"), "ann").await;
    form.fields.retain(|(name, _)| name != "user");
    let user = json!({"name": {"firstName": "\u{c4}".repeat(200), "lastName": "x"}, "email": "eve@evil.test"}).to_string();
    let page = browser.submit(&answer, &form, &[("user", &user)]).await.unwrap();
    assert_eq!(page.code(), 200);
    let claims = assertion(&site);
    let name = claims["name"].as_str().unwrap();
    assert!(name.len() <= 256 && name.starts_with('\u{c4}'), "{}", name.len());
    assert_eq!(claims["email"], "ann@corp.example", "T18: the address is the id_token's");
    let cookie = site.session_cookie(&browser, "wiki").unwrap();
    assert!(value_of(&cookie).len() < 3_600);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_need_no_apple() {
    let site = Site::start().await;
    let mut browser = site.browser();
    assert_eq!(site.sign_in(&mut browser, &site.wiki("/"), "ann").await.code(), 200);
    for endpoint in [Endpoint::Token, Endpoint::Keys, Endpoint::Authorize] {
        site.apple.faults().repeat(endpoint, AnswerFault::Disconnect, u32::MAX);
    }
    assert_eq!(browser.load(&site.wiki("/")).await.unwrap().code(), 200);
    assert_eq!(
        browser.load(&site.lunch("/")).await.unwrap().code(),
        200,
        "another host, by a ticket"
    );
}

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
