//! Where people are sent (threats.md T35, rows 36-50 of advisories.md), and that they arrive where
//! they wanted to go, byte for byte.

use russet::base::seal::Ring;
use russet::base::secret::Secret;
use russet::fake_browser::Page;
use russet::session::link::BrowserHash;
use russet::session::return_address::ReturnAddress;
use russet::session::ticket::Tickets;
use russet::wire::host::Authority;
use serde_json::json;
use url::Url;

use crate::support::{Answered, Hand, SHARED_SECRET, Site, Wire, encoded, value_of};

/// Hostile addresses as they stand, each for some row; `{wiki}` is a host of ours with its port.
const HOSTILE: &[(u16, &str)] = &[
    (36, "/\\evil.test"),
    (36, "/\\/evil.test"),
    (36, "\\\\evil.test"),
    (36, "\\/evil.test"),
    (36, "//evil.test"),
    (36, "///evil.test"),
    (36, "////evil.test"),
    (36, "/\t/evil.test"),
    (36, "/%09/evil.test"),
    (36, "/%5cevil.test"),
    (36, "https:evil.test"),
    (36, "https:/evil.test"),
    (36, "https:///evil.test"),
    (36, "http:///evil.test"),
    (36, "/./\\evil.test"),
    (36, "/.//evil.test"),
    (36, "/..//evil.test"),
    (36, "javascript:alert(1)"),
    (36, "JaVaScRiPt:alert(1)"),
    (36, "java\tscript:alert(1)"),
    (36, "data:text/html,<script>alert(1)</script>"),
    (36, "vbscript:x"),
    (36, "file:///etc/passwd"),
    (36, "blob:https://evil.test/x"),
    (36, "//evil.test%2f@{wiki}/"),
    (36, "//{wiki}@evil.test/"),
    (36, "\u{2044}\u{2044}evil.test"),
    (36, "/\u{2215}evil.test"),
    (36, "/\u{ff0f}evil.test"),
    (36, "https://evil\u{ff0e}test/"),
    (36, "https://{wiki}\u{ff0e}evil.test/"),
    (36, "https://{wiki}\u{3002}evil.test/"),
    (36, "https://{wiki}\u{ff61}evil.test/"),
    (36, "https://\u{24d4}vil.test/"),
    (37, "/%0a/evil.test"),
    (37, "/%0d/evil.test"),
    (37, "/%0d%0aLocation:%20https://evil.test/"),
    (37, "/%2509/evil.test"),
    (37, "/%250a/evil.test"),
    (37, "%0a//evil.test"),
    (37, "%09//evil.test"),
    (37, "/%20//evil.test"),
    (37, "%00//evil.test"),
    (37, "https://{wiki}/%0d%0aSet-Cookie:%20a=b"),
    (37, "https://{wiki}%0a.evil.test/"),
    (37, "https://{wiki}%09.evil.test/"),
    (38, "/\n/evil.test"),
    (38, "/\r/evil.test"),
    (38, "\n//evil.test"),
    (38, " //evil.test"),
    (38, "\t//evil.test"),
    (38, "https://{wiki}\n.evil.test/"),
    (38, "https://{wiki}\t.evil.test/"),
    (38, "ht\ntps://evil.test/"),
    (38, "https://\tevil.test/"),
    (38, " https://evil.test/"),
    (38, "https://{wiki}/\n/x"),
    (38, "\u{1}https://evil.test/"),
    (39, "https://evil{wiki}/"),
    (39, "https://evil-{wiki}/"),
    (39, "https://{wiki}.evil.test/"),
    (39, "https://wiki.localhost.evil.test/"),
    (39, "https://xwiki.localhost/"),
    (39, "https://localhost/"),
    (39, "https://sub.wiki.localhost/"),
    (39, "https://wiki.localhost:1/"),
    (40, "https://evil.test/"),
    (40, "https://evil.test/oauth2/callback"),
    (40, "http://evil.test/"),
    (40, "evil.test"),
    (40, "www.evil.test/x"),
    (40, "ftp://evil.test/"),
    (40, "ws://evil.test/"),
    (40, "//evil.test/oauth2/start?rd=/"),
    (41, "https://unconfigured.localhost/"),
    (41, "https://other.localhost:{port}/"),
    (41, "https://wiki.localhost/"),
    (41, "https://{wiki}5/"),
    (41, "https://apple.localhost:{port}/"),
    (41, "https://127.0.0.1:{port}/"),
    (41, "https://[::1]:{port}/"),
    (42, "http://localhost:9999/cb"),
    (42, "http://127.0.0.1/cb"),
    (42, "http://{wiki}/"),
    (42, "com.example.app:/cb"),
    (42, "myapp://callback"),
    (42, "intent://evil.test#Intent;scheme=https;end"),
    (43, "https://evil.test/?rd=https://{wiki}/"),
    (43, "https://evil.test/#https://{wiki}/"),
    (43, "https://evil.test\\{wiki}"),
    (43, "https://evil.test/{wiki}/"),
    (43, "https://evil.test?{wiki}/"),
    (43, "https://evil.test;{wiki}/"),
    (44, "/\\/\\/evil.test/"),
    (44, "https://{wiki}\\@evil.test/"),
    (44, "https://{wiki}\\.evil.test/"),
    (44, "https://{wiki}/\\evil.test"),
    (44, "https:\\\\evil.test"),
    (44, "https:/\\evil.test"),
    (44, "https:\\/evil.test"),
    (44, "\\evil.test"),
    (44, "/\\\\evil.test"),
    (44, "https://evil.test\\@{wiki}/"),
    (44, "https://{wiki}/..\\evil.test"),
    (45, "\thttps://evil.test/"),
    (45, "/\t\\evil.test"),
    (45, "\\\t/evil.test"),
    (45, "/%09\\evil.test"),
    (45, "/\u{b}/evil.test"),
    (45, "/\u{c}/evil.test"),
    (45, "/\u{a0}/evil.test"),
    (45, "\u{feff}//evil.test"),
    (45, "\u{200b}//evil.test"),
    (46, "https://user@evil.test/"),
    (46, "https://user:pw@evil.test/"),
    (46, "https://{wiki}@evil.test/"),
    (46, "https://{wiki}:443@evil.test/"),
    (46, "https://evil.test@{wiki}/"),
    (46, "https://%65vil.test/"),
    (46, "https://@{wiki}/"),
    (46, "https://:@{wiki}/"),
    (46, "https://{wiki}%40evil.test/"),
    (46, "https://{wiki}%2eevil.test/"),
    (46, "https://{wiki}%252f@evil.test/"),
    (46, "https://{wiki}&@evil.test/"),
    (46, "https://{wiki}#@evil.test/"),
    (46, "https://{wiki}?@evil.test\\"),
    (46, "https://foo@{wiki}@evil.test/"),
    (47, "https://wikixlocalhost:{port}/"),
    (47, "https://wiki.localhostx:{port}/"),
    (47, "https://{wiki}evil.test/"),
    (47, "https://{wiki}.@evil.test"),
    (47, "https://wiki.localhost:{port}0/"),
    (47, "https://wiki.localhost:+{port}/"),
    (47, "https://wiki.localhost:0{port}/"),
    (47, "https://wiki.localhost:/"),
    (47, "https://wiki.localhost:443/"),
    (48, "javascript://{wiki}/%0aalert(1)"),
    (48, "javascript:https://{wiki}/"),
    (48, "https://{wiki}/\"onmouseover=\"alert(1)"),
    (48, "https://{wiki}/'><script>alert(1)</script>"),
    (48, "data:text/html;base64,PHNjcmlwdD4="),
    (48, "https://{wiki}/<svg onload=x>"),
    (48, "about:blank"),
    (48, "view-source:https://evil.test"),
    (48, "mailto:a@evil.test"),
    (49, "https://{lunch}.evil.test/"),
    (49, "https://{auth}.evil.test/"),
    (49, "https://{auth}@evil.test/"),
    (49, "HTTPS://EVIL.TEST/"),
    (49, "https://{wiki}//evil.test"),
    (49, "https://{wiki}/.//evil.test"),
    (49, "https://{wiki}/%2f%2fevil.test"),
    (49, "https://{wiki}/%2e%2e//evil.test"),
    (49, "https://{wiki}/x/..//evil.test"),
    (50, "https://evil.test/?a=%2B+b&c="),
    (50, "https://evil.test:443"),
    (50, "https://evil.test."),
    (50, "https://wiki.localhost.:{port}/"),
    (50, "https://WIKI.LOCALHOST:{port}/"),
    (50, "https://0x7f000001/"),
    (50, "https://2130706433/"),
    (50, "https://[::ffff:127.0.0.1]/"),
    (50, "https://xn--wiki-.localhost/"),
    (50, "https://w\u{456}ki.localhost:{port}/"),
    (50, ""),
    (50, " "),
    (50, "?"),
    (50, "#"),
    (50, "."),
];

fn payloads(site: &Site) -> Vec<String> {
    let fill = |text: &str| {
        text.replace("{wiki}", &site.host("wiki"))
            .replace("{lunch}", &site.host("lunch"))
            .replace("{auth}", &site.host("auth"))
            .replace("{port}", &site.port.to_string())
    };
    HOSTILE.iter().map(|(_, text)| fill(text)).collect()
}

/// Wherever an answer leads: its `Location`, and every address in its page.
fn leads(page: &Page) -> Vec<String> {
    let mut found: Vec<String> = page.header("location").into_iter().map(str::to_owned).collect();
    for attribute in
        ["href=\"", "action=\"", "src=\"", "formaction=\"", "content=\"0;url=", "content=\"0; url="]
    {
        for rest in page.body.split(attribute).skip(1) {
            let value = rest.split('"').next().unwrap();
            found.push(
                value
                    .replace("&#38;", "&")
                    .replace("&amp;", "&")
                    .replace("&#39;", "'")
                    .replace("&#34;", "\""),
            );
        }
    }
    found
}

/// The oracle: as the `url` crate reads it, every address stays at an origin of the configuration.
fn stays(site: &Site, page: &Page, about: &str) {
    for text in leads(page) {
        if text.starts_with("data:image/svg+xml,") {
            continue;
        }
        let url = page.url.join(&text).unwrap_or_else(|e| panic!("{about}: {text}: {e}"));
        let mut ours = ["wiki", "lunch", "auth"].map(|host| site.url(host, "")).to_vec();
        ours.push(site.apple.base_url().to_owned());
        let origin = url.origin().ascii_serialization();
        assert!(ours.contains(&origin), "{about}: leads to {url} by {text:?}");
        assert!(url.username().is_empty() && url.password().is_none(), "{about}: {url}");
        // Nor does it carry another place along as one of ours would be.
        for (name, value) in url.query_pairs() {
            if name == "pomerium_redirect_uri" || name == "return_to" {
                let inner = Url::parse(&value).unwrap_or_else(|e| panic!("{about}: {value}: {e}"));
                assert!(ours.contains(&inner.origin().ascii_serialization()), "{about}: {value}");
            }
        }
    }
}

#[test]
fn t35_there_are_payloads_enough() {
    assert!(HOSTILE.len() >= 150, "{}", HOSTILE.len());
    for row in 36..=50 {
        assert!(HOSTILE.iter().any(|(of, _)| *of == row), "none for row {row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t35_a_link_leads_nowhere_else_even_with_a_good_signature() {
    let site = Site::start().await;
    let hand = site.hand();
    let auth_session = site.cookie("auth", json!({}));
    // As if a configuration of yesterday, or another deployment with our key, had signed it.
    let signer = Ring::new(vec![Secret::new(SHARED_SECRET)]).unwrap().signer("sign-in link");
    let (host, issued, browser) =
        (site.host("auth"), site.clock.now().0.to_string(), BrowserHash::of("b").0);
    let signed = |url: &str, shortened: &str| {
        let signature = signer.sign(&[&host, url, shortened, &browser, &issued, ""]);
        let query = encoded(&[
            ("pomerium_redirect_uri", url),
            ("pomerium_issued", &issued),
            ("russet_browser", &browser),
            ("russet_shortened", shortened),
            ("pomerium_signature", &signature),
        ]);
        site.auth(&format!("/.pomerium/sign_in?{query}"))
    };
    // The signature is right: an honest address is taken.
    let page = hand.load(&signed(&site.wiki("/x"), "0"), &auth_session).await;
    assert_eq!(page.code(), 302);
    for payload in payloads(&site) {
        for url in [signed(&payload, "0"), signed(&payload, "1")] {
            for cookie in ["", auth_session.as_str()] {
                let page = hand.load(&url, cookie).await;
                assert_eq!(page.code(), 400, "{payload}");
                assert!(page.set_cookies().is_empty(), "{payload}");
                stays(&site, &page, &payload);
            }
        }
        let unsigned = site.auth(&format!(
            "/.pomerium/sign_in?{}",
            encoded(&[("pomerium_redirect_uri", &payload), ("rd", &payload)])
        ));
        let page = hand.load(&unsigned, &auth_session).await;
        assert_eq!(page.code(), 400, "{payload}");
        stays(&site, &page, &payload);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t35_signing_out_leads_nowhere_else() {
    let site = Site::start().await;
    let hand = site.hand();
    for payload in payloads(&site) {
        let signed_out =
            site.auth(&format!("/.pomerium/signed_out?{}", encoded(&[("return_to", &payload)])));
        let page = hand.load(&signed_out, "").await;
        assert_eq!(page.code(), 200, "{payload}");
        stays(&site, &page, &payload);
        // With the person's own token even.
        let cookie = site.cookie("wiki", json!({}));
        let page = sign_out(&site, &hand, &cookie, &payload).await;
        assert!(page.code() == 303 || page.code() == 200, "{payload}: {}", page.code());
        stays(&site, &page, &payload);
    }
    let cookie = site.cookie("wiki", json!({}));
    let page = sign_out(&site, &hand, &cookie, &site.lunch("/x?y")).await;
    assert_eq!(page.link("/x").unwrap(), site.lunch("/x?y"));
}

async fn sign_out(site: &Site, hand: &Hand, cookie: &str, return_to: &str) -> Page {
    let page = hand.load(&site.wiki("/.pomerium/sign_out"), cookie).await;
    let form = page.form("/.pomerium/sign_out").unwrap();
    let csrf = form.fields.iter().find(|(name, _)| name == "csrf").unwrap().1.as_str();
    let fields = [("csrf", csrf), ("return_to", return_to)];
    hand.post(&site.wiki("/.pomerium/sign_out"), &site.wiki(""), cookie, &fields).await
}

#[tokio::test(flavor = "multi_thread")]
async fn t35_a_ticket_leads_nowhere_else_even_if_sealed_by_us() {
    let site = Site::start().await;
    let hand = site.hand();
    let tickets = Tickets::new(&Ring::new(vec![Secret::new(SHARED_SECRET)]).unwrap());
    let browser = russet::base::random::token();
    let cookie = format!("__Host-russet_browser={browser}");
    let session = site.session(json!({}));
    let mint = |authority: &str, path: &str| {
        let authority = Authority::parse(authority).ok()?.into_owned();
        let to = ReturnAddress { authority, path_and_query: path.to_owned(), shortened: false };
        let ticket = tickets.mint(&session, &to, &BrowserHash::of(&browser), site.clock.now())?;
        Some(site.wiki(&format!("/.pomerium/callback/?ticket={ticket}")))
    };
    let good = mint(&site.host("wiki"), "/x").unwrap();
    assert_eq!(hand.load(&good, &cookie).await.location(), site.wiki("/x"));
    let mut minted = 0;
    for payload in payloads(&site) {
        // As what follows one of our hosts, and as a host of its own.
        let inside = Url::parse(&payload).ok().and_then(|url| url.host_str().map(str::to_owned));
        let tried = [mint(&site.host("wiki"), &payload), inside.and_then(|host| mint(&host, "/"))];
        for url in tried.into_iter().flatten() {
            minted += 1;
            let page = hand.load(&url, &cookie).await;
            assert!(page.code() == 400 || page.code() == 302, "{payload}: {}", page.code());
            stays(&site, &page, &payload);
        }
    }
    assert!(minted >= 200, "{minted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t35_what_is_asked_for_leads_nowhere_else() {
    let site = Site::plain().await;
    let mut wire = site.wire().await;
    for payload in payloads(&site) {
        if !payload.bytes().all(|byte| byte.is_ascii_graphic()) {
            continue;
        }
        for target in [
            payload.clone(),
            format!("/{payload}"),
            format!("/?{payload}"),
            format!("/x?next={payload}"),
        ] {
            let mut headers = vec![("Host", site.host("wiki")), ("Accept", "text/html".to_owned())];
            headers.push(("Referer", payload.clone()));
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
            wire.send(format!("GET {target} HTTP/1.1\r\n{}\r\n", lines(&headers))).await;
            let Some(answer) = wire.answer(false).await else {
                wire = site.wire().await;
                continue;
            };
            if answer.one("connection") == Some("close") {
                wire = site.wire().await;
            }
            assert!(
                matches!(answer.status, 302 | 400 | 404 | 405 | 414),
                "{target}: {}",
                answer.status
            );
            let Some(location) = answer.one("location") else { continue };
            let url = Url::parse(location).unwrap();
            assert_eq!(url.origin().ascii_serialization(), site.auth(""), "{target}: {location}");
            let inner = url
                .query_pairs()
                .find(|(name, _)| name == "pomerium_redirect_uri")
                .unwrap()
                .1
                .into_owned();
            let inner = Url::parse(&inner).unwrap();
            assert_eq!(inner.origin().ascii_serialization(), site.wiki(""), "{target}: {inner}");
        }
    }
    assert_eq!(site.app.count(), 0);
}

fn lines(headers: &[(&str, &str)]) -> String {
    headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
}

/// Asks the wiki for `target` without a session, and follows by hand to where a person who is
/// signed in at the authenticate host ends up: the last answer's status, location and body.
async fn deep(site: &Site, wire: &mut Wire, target: &str) -> crate::support::Answer {
    let (wiki, auth) = (site.host("wiki"), site.host("auth"));
    let first = wire
        .ask(&format!("GET {target} HTTP/1.1"), &[("Host", &wiki), ("Accept", "text/html")])
        .await;
    assert_eq!(first.status, 302, "{target}: {}", first.body);
    let browser = first
        .all("set-cookie")
        .into_iter()
        .find(|line| line.starts_with("__Host-russet_browser="))
        .unwrap();
    let browser = browser.split(';').next().unwrap().to_owned();
    let link = first.one("location").unwrap().strip_prefix(&site.auth("")).unwrap().to_owned();
    let session = site.cookie("auth", json!({}));
    let headers = [("Host", auth.as_str()), ("Accept", "text/html"), ("Cookie", &session)];
    let second = wire.ask(&format!("GET {link} HTTP/1.1"), &headers).await;
    assert_eq!(second.status, 302, "{target}: {}", second.body);
    // The way by Apple holds it, too: its attempt is a cookie that a browser keeps.
    let to_apple = wire.ask(&format!("GET {link} HTTP/1.1"), &headers[..2]).await;
    let attempt = to_apple
        .all("set-cookie")
        .into_iter()
        .find(|line| line.starts_with("__Host-russet_attempt_"))
        .unwrap();
    assert!(!value_of(attempt).is_empty() && attempt.len() <= 4096, "{}", attempt.len());
    let ticket = second.one("location").unwrap().strip_prefix(&site.wiki("")).unwrap().to_owned();
    let headers = [("Host", wiki.as_str()), ("Accept", "text/html"), ("Cookie", &browser)];
    wire.ask(&format!("GET {ticket} HTTP/1.1"), &headers).await
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_links_come_back_byte_for_byte() {
    let site = Site::plain().await;
    let mut wire = site.wire().await;
    for target in [
        "/",
        "/?",
        "/??",
        "/a?b",
        "/deep/path?q=1&r=%2F",
        "/?a=%2B+b&c=&d",
        "/?=&&=",
        "/%C3%A4?x=%C3%A4",
        "/a?filter[b]=1|2",
        "/a?x={%22y%22:[1,2]}",
        "/a?u=https://evil.test/%3Fa%3Db",
        "/a?%41=%61&%zz",
        "/a;b=c?d;e",
        "/a%25b?%25",
        "/a?p=C:\\dir\\f",
        "/a?q=~!@$^*()_+-=[]{}|;:,./?`",
        "/a?next=//evil.test",
        "/a?x=%0d%0aLocation:%20x",
        "/a?x=%00",
        "/a?x=%ff%fe",
        "/~a-b._c",
        "/a?pomerium_redirect_uri=https%3A%2F%2Fevil.test&pomerium_signature=x",
        "/a?ticket=1&code=2&state=3",
        "/a:b/c@d?e@f:g",
    ] {
        let answer = deep(&site, &mut wire, target).await;
        assert_eq!(
            (answer.status, answer.one("location")),
            (302, Some(site.wiki(target).as_str())),
            "{}",
            answer.body
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_links_up_to_2048_bytes_and_then_a_page_that_says_so() {
    let site = Site::plain().await;
    let mut wire = site.wire().await;
    let room = 2048 - site.wiki("").len();
    let longest = format!("/p?{}", "q".repeat(room - 3));
    let answer = deep(&site, &mut wire, &longest).await;
    assert_eq!((answer.status, answer.one("location")), (302, Some(site.wiki(&longest).as_str())));
    // What would take more than its own length to keep.
    let odd = format!("/p?{}", "\\".repeat(room / 2));
    let answer = deep(&site, &mut wire, &odd).await;
    assert!(answer.status == 200 || answer.status == 302, "{}", answer.status);
    // One byte more: the path without its query; and where the path is the trouble, the front page.
    for (target, link) in [
        (format!("/p/x?{}", "q".repeat(room - 4)), "/p/x"),
        (format!("/p?{}", "q".repeat(9000)), "/p"),
        (format!("/{}?q", "p".repeat(room)), "/"),
    ] {
        let answer = deep(&site, &mut wire, &target).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains("2,048"), "{}", answer.body);
        assert!(answer.body.contains(&format!("href=\"{link}\"")), "{link}: {}", answer.body);
        assert!(
            answer.all("set-cookie").iter().any(|line| line.starts_with("__Host-russet=")),
            "signed in all the same"
        );
    }
    // Through Apple, in a browser.
    let tls = Site::start().await;
    let mut browser = tls.browser();
    let page =
        tls.sign_in(&mut browser, &tls.wiki(&format!("/p?{}", "q".repeat(3000))), "ann").await;
    assert_eq!((page.code(), page.url.path()), (200, "/.pomerium/callback/"));
    assert_eq!(browser.load(&page.link("/p").unwrap()).await.unwrap().body, "ok");
}
