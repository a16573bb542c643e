//! What people, programs and attackers meet behind each front proxy.

use std::time::Duration;

use russet::fake_browser::{Browser, Page};
use serde_json::json;

use russet::wire::header_spelling::same;
use russet::wire::protected_names::{Meaning, known_names};

use super::proxies::Front;
use super::recorder::Recorded;
use super::site::{Site, WIKI};
use super::wire::Answer;
use crate::house::choose;

const ANN: &str = "ann@example.com";
/// Somebody whom the policy of the examples refuses.
const ZOE: &str = "zoe@elsewhere.example";
/// Cookies of an application, around one of ours.
const BEFORE: &str = "theme=dark";
const AFTER: &str = "tab=2";

impl Site {
    /// Follows a stranger's page load to Apple and comes back as `email`.
    async fn sign_in(&self, browser: &mut Browser, path: &str, email: &str) -> Page {
        let at_apple = browser.load(&url(path)).await.unwrap();
        let claims = json!({"sub": "000701.walk", "email": email, "email_verified": true});
        choose(browser, &at_apple, ("claims", &claims.to_string())).await
    }

    /// One request, by hand, to the wiki.
    async fn ask(&self, line: &str, headers: &[(&str, &str)]) -> Answer {
        let all = [&[("Host", WIKI)], headers].concat();
        self.wire(WIKI).await.ask(&format!("{line} HTTP/1.1"), &all).await
    }
}

fn url(path: &str) -> String {
    format!("https://{WIKI}{path}")
}

/// The identity headers of a request, as the application got it.
fn identity(request: &Recorded) -> (Vec<&str>, Vec<&str>) {
    (request.all("x-pomerium-claim-email"), request.all("x-pomerium-jwt-assertion"))
}

/// Page load of a deep address, sign-in, and what the application is told.
async fn page_load(front: Front) {
    let site = Site::start(front).await;
    let mut browser = site.browser();
    browser.plant(WIKI, "theme", "dark");
    let page = site.sign_in(&mut browser, "/deep/page?q=%2F&e=&q=a+b", ANN).await;
    let (asked, told) = (url("/deep/page?q=%2F&e=&q=a+b"), site.front_said());
    assert_eq!((page.status.as_u16(), page.url.as_str()), (200, &*asked), "{}{told}", page.body);
    let [request] = <[Recorded; 1]>::try_from(site.app.requests()).unwrap();
    assert_eq!(request.target(), "/deep/page?q=%2F&e=&q=a+b");
    assert_eq!(request.all("host"), [WIKI]);
    let (email, assertion) = identity(&request);
    assert_eq!(email, [ANN]);
    assert_eq!(assertion.len(), 1);
    assert_eq!(assertion[0].split('.').count(), 3, "{assertion:?}");
    // Ours are cut out; the application's own are there.
    assert_eq!(request.all("cookie"), ["theme=dark"]);
    assert!(browser.cookie(WIKI, "__Host-russet").is_some());
}

/// A request that is not a page load is not sent anywhere, and nothing of theirs reaches the application.
async fn not_signed_in(front: Front) {
    let site = Site::start(front).await;
    let xhr = [("Accept", "application/json"), ("Sec-Fetch-Mode", "cors"), ("Cookie", BEFORE)];
    let answer = site.ask("GET /api", &xhr).await;
    assert_eq!(answer.status, 401, "{answer:?}{}", site.front_said());
    assert_eq!(answer.one("content-type").unwrap().split(';').next(), Some("application/json"));
    assert!(answer.body.contains("/.pomerium/sign_in"), "{answer:?}");
    let mut wire = site.wire(WIKI).await;
    wire.send(format!(
        "POST /form HTTP/1.1\r\nHost: {WIKI}\r\nAccept: text/html\r\nContent-Length: 3\r\n\r\na=b"
    ))
    .await;
    let answer = wire.answer(false).await.unwrap();
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(answer.body.contains("<html"), "a person sees what became of the form: {answer:?}");
    let answer = site.ask("GET /socket", &web_socket("")).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    let old = site.cookie(ANN, Duration::from_secs(50_401));
    let answer = site.ask("GET /", &[("Accept", "application/json"), ("Cookie", &old)]).await;
    assert_eq!(answer.status, 401, "an expired session: {answer:?}");
    assert_eq!(site.app.count(), 0);
}

/// A session that has run out is told so by being sent to Apple, and back to the same place.
async fn expired(front: Front) {
    let site = Site::start(front).await;
    let mut browser = site.browser();
    let old = site.cookie(ANN, Duration::from_secs(50_401));
    let (name, value) = old.split_once('=').unwrap();
    browser.plant(WIKI, name, value);
    let page = site.sign_in(&mut browser, "/again?x=1", ANN).await;
    assert_eq!((page.status.as_u16(), page.url.as_str()), (200, &*url("/again?x=1")));
    assert_ne!(browser.cookie(WIKI, name).unwrap(), value);
}

/// Methods, bodies and WebSockets of somebody who is signed in.
async fn signed_in(front: Front) {
    let site = Site::start(front).await;
    let ours = site.cookie(ANN, Duration::ZERO);
    let cookies = format!("{BEFORE}; {ours}; {AFTER}; __Host-russet_browser=x");
    let mut wire = site.wire(WIKI).await;
    wire.send(format!(
        "POST /form?x=1 HTTP/1.1\r\nHost: {WIKI}\r\nCookie: {cookies}\r\nContent-Length: 5\r\n\r\na=b&c"
    ))
    .await;
    let answer = wire.answer(false).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}{}", site.front_said());
    let request = site.app.last();
    assert_eq!(request.line, "POST /form?x=1 HTTP/1.1");
    assert_eq!(request.body, b"a=b&c");
    assert_eq!(kept(&request), [BEFORE, AFTER]);
    for method in ["HEAD", "DELETE", "OPTIONS"] {
        let answer = site.ask(&format!("{method} /x"), &[("Cookie", &cookies)]).await;
        assert_eq!(answer.status, 200, "{method} {answer:?}");
        let request = site.app.last();
        assert_eq!(request.line, format!("{method} /x HTTP/1.1"));
        assert_eq!(identity(&request).0, [ANN]);
    }
    let mut wire = site.wire(WIKI).await;
    let socket: String =
        web_socket(&cookies).iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    wire.send(format!("GET /socket HTTP/1.1\r\nHost: {WIKI}\r\n{socket}\r\n")).await;
    let head = wire.head().await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    wire.send("both ways").await;
    wire.until("both ways").await;
    assert_eq!(kept(&site.app.last()), [BEFORE, AFTER]);
}

/// The cookies that reached the application.
fn kept(request: &Recorded) -> Vec<&str> {
    let all = request.all("cookie").into_iter().flat_map(|line| line.split(';'));
    all.map(str::trim).filter(|pair| !pair.is_empty()).collect()
}

fn web_socket(cookies: &str) -> Vec<(&str, &str)> {
    vec![
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Cookie", cookies),
    ]
}

/// Whoever signs out is out at once.
async fn sign_out(front: Front) {
    let site = Site::start(front).await;
    let mut browser = site.browser();
    site.sign_in(&mut browser, "/", ANN).await;
    let stolen = format!("__Host-russet={}", browser.cookie(WIKI, "__Host-russet").unwrap());
    let page = browser.load(&url("/.pomerium/sign_out")).await.unwrap();
    let form = page.form("/.pomerium/sign_out").unwrap();
    let page = browser.submit(&page, &form, &[]).await.unwrap();
    assert_eq!(page.status.as_u16(), 200, "{}", page.body);
    assert!(browser.cookie(WIKI, "__Host-russet").is_none());
    let headers = [("Accept", "application/json"), ("Cookie", stolen.as_str())];
    let answer = site.ask("GET /", &headers).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(site.app.count(), 1);
}

/// Who may not is told why, and nobody is sent round.
async fn denied(front: Front) {
    let site = Site::start(front).await;
    let mut browser = site.browser();
    let page = site.sign_in(&mut browser, "/secret", ZOE).await;
    assert_eq!((page.status.as_u16(), page.url.as_str()), (403, &*url("/secret")), "{}", page.body);
    assert!(page.body.contains(ZOE), "the page says who is signed in: {}", page.body);
    assert!(page.body.contains("example.com"), "{}", page.body);
    let page = browser.fetch(&url("/secret"), "application/json").await.unwrap();
    assert_eq!(page.status.as_u16(), 403);
    assert!(page.body.starts_with('{'), "{}", page.body);
    for page_header in ["x-pomerium-jwt-assertion", "x-pomerium-claim-email"] {
        assert!(!page.headers.contains_key(page_header), "{:?}", page.headers);
    }
    assert_eq!(site.app.count(), 0);
}

/// Everything that a client could say to be somebody else, or to ask for something else: every name
/// that no client may send, and other spellings of some.
fn forged_headers(front: Front) -> Vec<(&'static str, &'static str)> {
    let value = |meaning| match meaning {
        Meaning::Person => "eve@example.com",
        Meaning::Origin => "192.0.2.66",
        Meaning::Target => "/open",
        Meaning::Method => "OPTIONS",
    };
    let table = known_names().map(|(name, meaning)| (name, value(meaning)));
    let by_prefix: &[_] = match front {
        // nginx removes names, and no prefixes.
        Front::Nginx | Front::NginxOauth2Proxy => &[],
        _ => UNKNOWN_MEMBERS,
    };
    table.chain(OTHERWISE_FORGED.iter().chain(by_prefix).copied()).collect()
}

/// Names that nobody knows, of families that no client may send.
const UNKNOWN_MEMBERS: &[(&str, &str)] = &[
    ("X-Pomerium-Anything", "eve@example.com"),
    ("X-Russet-Anything", "eve@example.com"),
    ("x-auth-request-anything", "eve@example.com"),
    ("X-Envoy-Anything", "/open"),
    ("X-Original-Anything", "/open"),
    ("X-Forwarded-Anything", "/open"),
];

const OTHERWISE_FORGED: &[(&str, &str)] = &[
    ("X-Pomerium-Claim-Email", "eve@example.com"),
    ("x-pomerium-claim-email", "eve@example.com"),
    ("X_Pomerium_Claim_Email", "eve@example.com"),
    ("X.Pomerium.Claim.Email", "eve@example.com"),
    ("X-Pomerium_Claim-Email", "eve@example.com"),
    ("X-Pomerium-Jwt-Assertion", "eyJ.eve.sig"),
    ("X_Pomerium_Jwt_Assertion", "eyJ.eve.sig"),
    ("X-Original-URL", "https://wiki.example.com/open"),
    ("X-Original-Method", "OPTIONS"),
    ("X-Forwarded-Method", "OPTIONS"),
    ("X_Forwarded_Uri", "/open"),
    ("X-Forwarded-Host", "auth.example.com"),
    ("X-Forwarded-Port", "666"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-For", "192.0.2.66"),
    ("Forwarded", "for=192.0.2.66;host=auth.example.com"),
    ("X_HTTP_Method", "OPTIONS"),
    ("Remote.User", "eve@example.com"),
    ("Connection", "X-Pomerium-Claim-Email, X-Pomerium-Jwt-Assertion"),
    ("Connection", "X-Original-URL, X-Forwarded-Uri, X-Forwarded-Host, X-Forwarded-Method, Cookie"),
];

/// One route is open, the other is not. Each header, once and twice, alone, changes no decision,
/// and what the application is told of a person is what Russet says.
async fn forged(front: Front) {
    const ROUTES: &str = "
- {from: 'https://wiki.example.com', prefix: /open, allow_public_unauthenticated_access: true}
- {from: 'https://wiki.example.com', allowed_domains: [example.com]}";
    let site = Site::with(front, Some(ROUTES)).await;
    let ours = site.cookie(ANN, Duration::ZERO);
    let all_forged = forged_headers(front);
    for forged in &all_forged {
        for times in [1, 2] {
            let headers = [("Accept", "application/json"); 1].to_vec();
            let headers = [headers, vec![*forged; times]].concat();
            let stranger = site.ask("GET /private", &headers).await;
            assert!(
                matches!(stranger.status, 400 | 401 | 403),
                "{front:?} {forged:?} {times}: {stranger:?}"
            );
            assert_eq!(site.app.count(), 0, "{front:?} {forged:?} let somebody in");
        }
    }
    for forged in &all_forged {
        let before = site.app.count();
        let headers = [("Cookie", ours.as_str()), *forged];
        let known = site.ask("GET /private", &headers).await;
        let open = site.ask("GET /open", &[*forged]).await;
        for request in site.app.requests().iter().skip(before) {
            let (email, assertion) = identity(request);
            let of_ann = request.target() == "/private";
            // Empty stands for nobody.
            let email: Vec<&str> = email.into_iter().filter(|email| !email.is_empty()).collect();
            assert_eq!(email, if of_ann { vec![ANN] } else { vec![] }, "{front:?} {request:?}");
            assert!(!assertion.concat().contains("eve"), "{front:?} {request:?}");
            let reached =
                |(name, value): &(String, String)| same(name, forged.0) && value == forged.1;
            assert!(
                forged.0 == "Connection" || !request.headers.iter().any(reached),
                "{front:?} {forged:?} reached the application: {request:?}"
            );
        }
        // A front proxy may refuse such a request; who passes it on takes it for what it is.
        assert!(matches!(known.status, 200 | 400 | 401), "{front:?} {forged:?} {known:?}");
        assert!(matches!(open.status, 200 | 400), "{front:?} {forged:?} {open:?}");
    }
    // The address that Russet took for the client's.
    let marker = site.ask("GET /private/marker", &[("X-Forwarded-For", "192.0.2.66")]).await;
    assert!(matches!(marker.status, 302 | 401), "{marker:?}");
    for line in site.log("/private/marker").await {
        assert!(!line.to_string().contains("192.0.2.66"), "{line}");
    }
}

/// The questions are the front proxy's: nobody outside gets an answer, however they are spelt.
async fn questions(front: Front) {
    let site = Site::start(front).await;
    let ours = site.cookie(ANN, Duration::ZERO);
    let described = [
        ("Cookie", ours.as_str()),
        ("X-Original-URL", "https://wiki.example.com/"),
        ("X-Original-Method", "GET"),
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", WIKI),
        ("X-Forwarded-Uri", "/"),
    ];
    for host in [WIKI, "auth.example.com"] {
        for dialect in ["nginx", "traefik", "caddy", "haproxy", "envoy", "envoy/"] {
            for path in [
                "/.russet/auth/",
                "/.pomerium/../.russet/auth/",
                "/%2erusset/auth/",
                "/.pomerium/auth/",
            ] {
                let before = site.app.count();
                let line = format!("GET {path}{dialect} HTTP/1.1");
                let headers = [&[("Host", host)], &described[..]].concat();
                let answer = site.wire(host).await.ask(&line, &headers).await;
                // What is a path of the application's is the application's to answer.
                if site.app.count() == before {
                    assert_ne!(answer.status / 100, 2, "{front:?} {host} {line}: {answer:?}");
                }
                for told in ["x-pomerium-jwt-assertion", "x-pomerium-claim-email"] {
                    assert!(answer.all(told).is_empty(), "{front:?} {host} {line}: {answer:?}");
                }
            }
        }
    }
}

/// Nobody gets in while nobody answers.
async fn nobody_answers(front: Front) {
    let mut site = Site::start(front).await;
    let ours = site.cookie(ANN, Duration::ZERO);
    assert_eq!(site.ask("GET /", &[("Cookie", &ours)]).await.status, 200);
    site.stop_russet();
    let answer = site.ask("GET /", &[("Cookie", &ours)]).await;
    assert!(matches!(answer.status, 403 | 500..=504), "{front:?}: {answer:?}");
    assert_eq!(site.app.count(), 1);
}

/// Nor while somebody listens who says nothing.
async fn nobody_speaks(front: Front) {
    let mut site = Site::start(front).await;
    let ours = site.cookie(ANN, Duration::ZERO);
    let _silent = site.silence_russet();
    let begun = std::time::Instant::now();
    let answer = site.ask("GET /", &[("Cookie", &ours)]).await;
    assert!(matches!(answer.status, 403 | 500..=504), "{front:?}: {answer:?}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{front:?} is patient");
    assert_eq!(site.app.count(), 0);
}

macro_rules! behind {
    ($($name:ident $front:expr),+) => { $(
        mod $name {
            use super::Front;

            #[tokio::test(flavor = "multi_thread")]
            async fn a_page_load_signs_in_and_comes_back_to_its_deep_address() {
                super::page_load($front).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn who_is_not_signed_in_and_no_page_load_gets_401() {
                super::not_signed_in($front).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn an_expired_session_signs_in_again() {
                super::expired($front).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn methods_bodies_and_web_sockets_pass() {
                super::signed_in($front).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn t38_who_signs_out_is_out() {
                super::sign_out($front).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn who_is_denied_learns_why() {
                super::denied($front).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn t03_t04_a51_1_a51_5_a51_6_a51_7_a51_8_a51_23_forged_headers_change_nothing() {
                super::forged($front).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn t03_nobody_outside_asks_the_questions() {
                super::questions($front).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn t70_nobody_gets_in_while_russet_is_down() {
                super::nobody_answers($front).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn t70_nobody_gets_in_while_russet_says_nothing() {
                super::nobody_speaks($front).await;
            }
        }
    )+ };
}

behind! {
    nginx Front::Nginx,
    haproxy Front::Haproxy,
    caddy Front::Caddy,
    envoy Front::Envoy,
    envoy_grpc Front::EnvoyGrpc
}
