//! Everything that is not admitted: what comes back, what is logged, and that no application
//! hears of it.

use std::sync::Arc;

use crate::support::{Answer, Multiplexed, Plan, Site, Wire, seal};
use http::{Request, Response};
use russet::base::seal::Ring;
use russet::base::secret::Secret;
use russet::base::time::Timestamp;
use russet::edge::{
    self, ConnectionInfo, EarlyRefusal, Limits, RefusedHead, RequestBody, Service, Slots, Workers,
};
use russet::gateway::{AnswerBody, Gateway, Worker};
use russet::session::sealed_cookie::SessionSeal;
use serde_json::{Value, json};

async fn with(routes: &str) -> Site {
    Site::with(Plan { routes: routes.to_owned(), plain: true, ..Plan::default() }).await
}

/// A route of the wiki with this policy.
async fn policy(policy: &str) -> Site {
    with(&format!("  - from: https://{{wiki}}\n    to: http://{{up}}\n    policy: [{policy}]\n"))
        .await
}

async fn get(site: &Site, host: &str, path: &str, cookie: &str, accept: &str) -> Answer {
    let host = site.host(host);
    let mut headers = vec![("Host", host.as_str()), ("Accept", accept)];
    if !cookie.is_empty() {
        headers.push(("Cookie", cookie));
    }
    site.wire().await.ask(&format!("GET {path} HTTP/1.1"), &headers).await
}

// Who is not signed in.

#[tokio::test(flavor = "multi_thread")]
async fn only_page_loads_are_redirected_and_everything_else_is_told_so() {
    let site = Site::plain().await;
    let host = site.host("wiki");
    for (method, headers, status, html) in [
        ("GET", &[("Accept", "text/html,*/*;q=0.8")][..], 302, false),
        ("HEAD", &[("Accept", "text/html")], 302, false),
        (
            "GET",
            &[("Accept", "*/*"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")],
            302,
            false,
        ),
        ("GET", &[("Accept", "*/*")], 401, false),
        ("GET", &[], 401, false),
        ("GET", &[("Accept", "application/json")], 401, false),
        ("GET", &[("Accept", "image/png")], 401, false),
        ("GET", &[("Accept", "text/html"), ("X-Requested-With", "XMLHttpRequest")], 401, true),
        ("GET", &[("Accept", "text/html"), ("Upgrade", "websocket")], 401, true),
        (
            "GET",
            &[
                ("Accept", "text/html"),
                ("Sec-Fetch-Mode", "navigate"),
                ("Sec-Fetch-Dest", "iframe"),
            ],
            401,
            true,
        ),
        (
            "GET",
            &[("Accept", "text/html"), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty")],
            401,
            true,
        ),
        (
            "GET",
            &[
                ("Accept", "text/html"),
                ("Sec-Purpose", "prefetch;prerender"),
                ("Sec-Fetch-Mode", "navigate"),
                ("Sec-Fetch-Dest", "document"),
            ],
            401,
            true,
        ),
        ("POST", &[("Accept", "text/html"), ("Content-Length", "0")], 401, true),
        ("POST", &[("Accept", "application/json"), ("Content-Length", "0")], 401, false),
        (
            "OPTIONS",
            &[
                ("Accept", "*/*"),
                ("Origin", "https://x.test"),
                ("Access-Control-Request-Method", "GET"),
            ],
            401,
            false,
        ),
    ] {
        let mut all = vec![("Host", host.as_str())];
        all.extend(headers);
        let answer = site.wire().await.ask(&format!("{method} /deep?q=%2F HTTP/1.1"), &all).await;
        let about = format!("{method} {headers:?}");
        assert_eq!(answer.status, status, "{about}");
        assert!(
            answer.all("access-control-allow-origin").is_empty()
                && answer.all("www-authenticate").is_empty(),
            "{about}"
        );
        let browser = answer.all("set-cookie");
        assert!(
            browser.len() == 1 && browser[0].starts_with("__Host-russet_browser="),
            "{about}: {browser:?}"
        );
        if status == 302 {
            let location = answer.one("location").unwrap();
            assert!(
                location.starts_with(&format!("https://{}/.pomerium/sign_in?", site.host("auth"))),
                "{location}"
            );
            assert!(location.contains("%2Fdeep%3Fq%3D%252F"), "{location}");
        } else if html {
            assert!(
                answer.body.contains("target=\"_top\"")
                    && answer.body.contains("/.pomerium/sign_in?"),
                "{about}"
            );
            assert!(answer.body.contains("Nothing was sent"));
            assert_eq!(answer.one("x-frame-options"), Some("SAMEORIGIN"));
        } else {
            let body: Value = serde_json::from_str(&answer.body)
                .unwrap_or_else(|_| panic!("{about}: {}", answer.body));
            assert!(body["sign_in_url"].as_str().unwrap().contains("/.pomerium/sign_in?"));
            assert_eq!(body["error"], "sign_in_required");
            assert_eq!(body["request_id"], site.last_log().await["id"]);
        }
    }
    assert_eq!(site.app.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn w18_the_way_to_sign_in_has_nothing_else_in_it() {
    let site = Site::plain().await;
    let answer = get(&site, "wiki", "/", "", "text/html").await;
    assert_eq!((answer.status, answer.body.as_str()), (302, ""));
    let signed: Vec<_> =
        answer.headers.iter().filter(|(_, value)| value.contains("signature")).collect();
    assert_eq!(signed.len(), 1, "{signed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_a_negative_matcher_admits_no_anonymous_visitor() {
    for written in [
        "{allow: {and: [{email: {not_in: [bad@example.com]}}]}}",
        "{allow: {and: [{email: {not_in: [bad@example.com, worse@example.com]}}]}}",
        "{allow: {and: [{claim/groups: {exclude: banned}}]}}",
        "{allow: {not: [{email: {is: bad@example.com}}]}}",
        "{allow: {nor: [{claim/groups: {has: banned}}]}}",
        "{allow: {not: [{domain: {is: bad.example}}]}}",
    ] {
        let site = policy(written).await;
        let answer = get(&site, "wiki", "/", "", "text/html").await;
        assert_eq!((answer.status, site.app.connections()), (302, 0), "{written}");
        let known = site.cookie("wiki", json!({}));
        assert_eq!(get(&site, "wiki", "/", &known, "text/html").await.status, 200, "{written}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_and_beside_not_is_or_and_check_says_so() {
    let written = "{allow: {and: [{domain: nowhere.example}], not: [{email: {is: someoneelse@corp.example}}]}}";
    let site = policy(written).await;
    let neither = site.cookie("wiki", json!({}));
    assert_eq!(get(&site, "wiki", "/", &neither, "text/html").await.status, 200);
    let text = format!(
        "routes:\n  - from: https://a.example\n    to: http://127.0.0.1:1\n    policy: [{written}]\n"
    );
    let loaded = russet::config::load_text("t.yaml", &text, &|_| None, Timestamp(0));
    let told = loaded.render();
    assert!(told.contains("warning") && told.contains("`and`") && told.contains("`not`"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w15_names_of_claims_keep_their_case() {
    for (written, claims, status) in [
        ("claim/Is_Private_Email: true", json!({"is_private_email": true}), 403),
        ("claim/is_private_email: true", json!({"is_private_email": true}), 200),
        ("claim/Team: Blue", json!({"Team": "Blue"}), 200),
        ("claim/Team: Blue", json!({"team": "Blue"}), 403),
        ("claim/Team: Blue", json!({"Team": "blue"}), 403),
    ] {
        let site = policy(&format!("{{allow: {{and: [{{{written}}}]}}}}")).await;
        let cookie = site.cookie("wiki", claims.clone());
        assert_eq!(
            get(&site, "wiki", "/", &cookie, "text/html").await.status,
            status,
            "{written} {claims}"
        );
    }
}

// Who is signed in, but not admitted.

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_explains_itself_to_people_and_to_programs() {
    let site = Site::plain().await;
    let relay = json!({"email": "ab12cd@privaterelay.appleid.com", "is_private_email": true});
    let cookie = site.cookie("wiki", relay);
    let page = get(&site, "wiki", "/deep", &cookie, "text/html").await;
    let id = site.last_log().await["id"].as_str().unwrap().to_owned();
    assert_eq!(page.status, 403);
    for word in [
        "ab12cd@privaterelay.appleid.com",
        "001.test",
        "Share My Email",
        "account.apple.com",
        "/.pomerium/sign_out",
        id.as_str(),
    ] {
        assert!(page.body.contains(word), "{word}: {}", page.body);
    }
    assert_eq!(page.one("x-frame-options"), Some("DENY"));
    let program = get(&site, "wiki", "/deep", &cookie, "application/json").await;
    let body: Value = serde_json::from_str(&program.body).unwrap();
    assert_eq!((program.status, &body["error"]), (403, &json!("forbidden")));
    assert_eq!((&body["different"], &body["missing"]), (&json!(["email"]), &json!([])));
    assert_eq!(
        body["signed_in_as"],
        json!({"email": "ab12cd@privaterelay.appleid.com", "sub": "001.test"})
    );
    let line = site.last_log().await;
    assert_eq!(
        (&line["id"], &line["decision"], &line["sub"]),
        (&body["request_id"], &json!("deny"), &json!("001.test"))
    );
    assert!(!line.to_string().contains("ab12cd@"), "{line}");
    let nobody = site.cookie("wiki", json!({"email": null}));
    let body: Value =
        serde_json::from_str(&get(&site, "wiki", "/", &nobody, "application/json").await.body)
            .unwrap();
    assert_eq!(body["missing"], json!(["email"]));
    assert_eq!(site.app.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn t18_what_the_form_says_of_a_person_changes_nothing() {
    let extra = "jwt_claims_headers: {X-Email: email, X-Verified: email_verified}".to_owned();
    let site = Site::with(Plan { extra, ..Plan::default() }).await;
    for (person, told, status) in [
        ("max", "ann@corp.example", 403),
        ("rae", "ann@corp.example", 403),
        ("uma", "ann@corp.example", 403),
        ("ann", "eve@evil.test", 200),
    ] {
        let mut browser = site.browser();
        let at_apple = browser.load(&site.wiki("/")).await.unwrap();
        let page = site.answer_page(&mut browser, &at_apple, &[("person", person)]).await;
        let mut form = page.form("/oauth2/callback").unwrap();
        form.fields.retain(|(name, _)| name != "user");
        let user = json!({"email": told, "email_verified": true, "is_private_email": false, "sub": "001.boss",
            "name": {"firstName": "Boss\r\n<i>", "lastName": told, "email": told}});
        form.fields.push(("user".to_owned(), user.to_string()));
        let page = browser.submit(&page, &form, &[]).await.unwrap();
        assert_eq!(page.status.as_u16(), status, "{person}");
        assert!(!page.body.contains("<i>"));
        let line = site.last_log().await;
        assert!(line["sub"].as_str().unwrap().starts_with("0004"), "{line}");
        if status == 200 {
            let seen = site.app.last();
            assert_eq!(
                (seen.one("x-email"), seen.one("x-verified")),
                (Some("ann@corp.example"), Some("true"))
            );
        }
    }
    assert_eq!(site.app.count(), 1);
}

// Errors.

#[tokio::test(flavor = "multi_thread")]
async fn t24_no_error_on_the_way_to_a_decision_admits_anybody() {
    let site = Site::plain().await;
    let good = site.cookie("wiki", json!({}));
    let (name, value) = good.split_once('=').unwrap();
    let foreign = SessionSeal::new(&Ring::new(vec![Secret::new([7; 32])]).unwrap(), &settings());
    let foreign = foreign.seal(&site.session(json!({})), "wiki.localhost").unwrap();
    let mut expired = site.session(json!({}));
    expired.expires_at = Timestamp(site.clock.now().0 - 1);
    let mut cookies = vec![
        format!("{name}="),
        format!("{name}"),
        format!("{name}=garbage"),
        format!("{name}={}", &value[..value.len() - 4]),
        format!("{name}={value}A"),
        format!("{name}=\"{value}\""),
        format!("{name}={}", value.to_uppercase()),
        format!("{name}={foreign}"),
        site.cookie_of("wiki", &expired),
        format!("{good}; {}", site.cookie("wiki", json!({"sub": "002"}))),
        format!("{}; {good}", format!("{name}=x; ").repeat(17)),
        format!("{name}={}", "A".repeat(5_000)),
        format!("{}={value}", name.to_lowercase()),
        format!("{name}={value}%00"),
        format!("russet={value}"),
        format!("__Host-russet_browser={value}"),
    ];
    for claims in [
        json!({"email": 5}),
        json!({"email": ["ann@corp.example"]}),
        json!({"email": "ann@corp.example@x"}),
        json!({"email_verified": "maybe"}),
        json!({"email_verified": false}),
        json!({"email_verified": null}),
        json!({"email": ""}),
        json!({"email": "@corp.example"}),
        json!({"email": "ann@CORP.example.evil.test"}),
        json!({"email": "corp.example"}),
    ] {
        cookies.push(site.cookie("wiki", claims));
    }
    for cookie in &cookies {
        for accept in ["text/html", "application/json"] {
            let answer = get(&site, "wiki", "/", cookie, accept).await;
            assert!([302, 401, 403].contains(&answer.status), "{cookie}: {}", answer.status);
        }
    }
    let host = site.host("wiki");
    let mut wire = site.wire().await;
    let mut head =
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nCookie: {name}=")
            .into_bytes();
    head.extend([0xff, 0xfe, b'\r', b'\n', b'\r', b'\n']);
    wire.send(head).await;
    assert_eq!(wire.answer(false).await.unwrap().status, 302);
    assert_eq!(site.app.connections(), 0);
    assert_eq!(get(&site, "wiki", "/", &good, "text/html").await.status, 200);
}

fn settings() -> russet::session::Settings {
    russet::session::Settings::default()
}

/// The gateway, but for one path that panics.
struct Touchy(Gateway);

impl Service for Touchy {
    type Body = AnswerBody;

    async fn call(
        &self,
        request: Request<RequestBody>,
        connection: ConnectionInfo,
    ) -> Response<AnswerBody> {
        assert_ne!(request.uri().path(), "/panic", "secret-of-the-panic");
        self.0.call(request, connection).await
    }

    fn refuse(
        &self,
        refusal: EarlyRefusal,
        head: &RefusedHead,
        connection: &ConnectionInfo,
    ) -> Response<AnswerBody> {
        self.0.refuse(refusal, head, connection)
    }

    fn refused(&self, refusal: EarlyRefusal, connection: &ConnectionInfo) {
        self.0.refused(refusal, connection);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t86_a_panic_ends_one_request_and_hurts_no_other() {
    let site = Site::plain().await;
    let shared = Arc::clone(site.running.shared());
    let listeners = edge::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let address = listeners[0].local_addr().unwrap();
    let workers = Workers::start(
        listeners,
        None,
        &Arc::new(Limits::default()),
        &Slots::from_system(),
        move |worker| {
            Touchy(Gateway::new(Arc::new(Worker::new(Arc::clone(&shared), worker.tasks))))
        },
    );
    let _workers = workers.unwrap();
    let (host, cookie) = (site.host("wiki"), site.cookie("wiki", json!({})));
    let headers = [("Host", host.as_str()), ("Cookie", cookie.as_str())];
    let mut neighbour = Wire::to(address).await;
    neighbour
        .send(format!(
            "POST /slow HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nContent-Length: 4\r\n\r\nab"
        ))
        .await;
    for _ in 0..3 {
        let answer = Wire::to(address).await.ask("GET /panic HTTP/1.1", &headers).await;
        assert_eq!(answer.status, 500);
        assert!(!answer.body.contains("secret-of-the-panic") && !answer.body.contains(".rs"));
        assert_eq!(answer.one("cache-control"), Some("no-store"));
        assert_eq!(Wire::to(address).await.ask("GET / HTTP/1.1", &headers).await.status, 200);
    }
    // Streams of one connection are neighbours too.
    let mut client = Multiplexed::to(address).await;
    for (path, status) in [("/", 200), ("/panic", 500), ("/", 200)] {
        let answer = client
            .ask("GET", &format!("http://{host}{path}"), &[("cookie", &cookie)])
            .await
            .unwrap();
        assert_eq!(answer.status, status, "{path}");
    }
    neighbour.send("cd").await;
    assert_eq!(neighbour.answer(false).await.unwrap().status, 200);
    assert!(site.app.requests().iter().all(|request| request.target() != "/panic"));
}

// Methods.

#[tokio::test(flavor = "multi_thread")]
async fn t46_a_rule_about_methods_cannot_be_walked_around() {
    let site = with(
        "  - from: https://{wiki}\n    to: http://{up}\n    policy: [{allow: {and: [{authenticated_user: true}, {http_method: {in: [GET, HEAD]}}]}}]\n  \
         - from: https://{lunch}\n    to: http://{up}\n    allow_any_authenticated_user: true\n",
    )
    .await;
    let (host, cookie) = (site.host("wiki"), site.cookie("wiki", json!({})));
    let overrides = [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "x-http-method-override",
        "X-Http.Method.Override",
        "X.HTTP-Method",
    ];
    let mut client = Multiplexed::to(site.address()).await;
    for (method, status) in [
        ("GET", 200),
        ("HEAD", 200),
        ("POST", 403),
        ("DELETE", 403),
        ("OPTIONS", 403),
        ("PROPFIND", 403),
        ("get", 501),
        ("Get", 501),
        ("GETX", 501),
        ("BREW", 501),
        ("TRACE", 405),
        ("TRACK", 405),
        ("trace", 501),
        ("PRI", 501),
        ("CONNECT", 400),
    ] {
        for name in overrides {
            for value in ["DELETE", "GET", "get, DELETE"] {
                let before = site.app.count();
                let headers = [
                    ("Host", host.as_str()),
                    ("Cookie", &cookie),
                    (name, value),
                    ("Content-Length", "0"),
                ];
                let answer = site
                    .wire()
                    .await
                    .ask(&format!("{method} /?_method=DELETE HTTP/1.1"), &headers)
                    .await;
                let fits = answer.status == status
                    || (method == "CONNECT" && [400, 405].contains(&answer.status));
                assert!(fits, "{method} {name}: {}", answer.status);
                assert_eq!(site.app.count() - before, usize::from(status == 200));
                if status == 200 {
                    let seen = site.app.last();
                    assert!(seen.line.starts_with(&format!("{method} ")));
                    let left = seen
                        .headers
                        .iter()
                        .filter(|(name, _)| name.to_lowercase().contains("method"))
                        .count();
                    assert_eq!(left, 0, "{name}");
                }
            }
        }
        if method != "CONNECT" {
            let headers = [("cookie", cookie.as_str()), ("x-http-method-override", "DELETE")];
            let answer = client.ask(method, &format!("http://{host}/"), &headers).await.unwrap();
            assert_eq!(answer.status, status, "{method} over HTTP/2");
        }
    }
    // Where no rule is about methods, such a header is the application's business.
    let (host, cookie) = (site.host("lunch"), site.cookie("lunch", json!({})));
    let headers = [("Host", host.as_str()), ("Cookie", &cookie), ("X-HTTP-Method-Override", "PUT")];
    site.wire().await.ask("GET / HTTP/1.1", &headers).await;
    assert_eq!(site.app.last().one("x-http-method-override"), Some("PUT"));
}

#[tokio::test(flavor = "multi_thread")]
async fn t48_only_a_true_preflight_passes_and_it_carries_nobody() {
    let site = with(
        "  - from: https://{wiki}\n    to: http://{up}\n    pass_identity_headers: true\n    cors_allow_preflight: true\n    allowed_domains: [corp.example]\n  \
         - from: https://{lunch}\n    to: http://{up}\n    allowed_domains: [corp.example]\n",
    )
    .await;
    let host = site.host("wiki");
    let cookie = site.cookie("wiki", json!({}));
    for cookie in ["a=1", cookie.as_str()] {
        let headers = [
            ("Host", host.as_str()),
            ("Origin", "https://x.test"),
            ("Access-Control-Request-Method", "PUT"),
            ("Cookie", cookie),
        ];
        assert_eq!(site.wire().await.ask("OPTIONS /x HTTP/1.1", &headers).await.status, 200);
        let seen = site.app.last();
        assert!(
            seen.all("x-pomerium-jwt-assertion").is_empty()
                && !seen.all("cookie").join("").contains("russet")
        );
    }
    let arrived = site.app.count();
    let lunch = site.host("lunch");
    for (method, host, headers) in [
        ("OPTIONS", &host, &[][..]),
        ("OPTIONS", &host, &[("Origin", "https://x.test")]),
        ("OPTIONS", &host, &[("Access-Control-Request-Method", "PUT")]),
        ("OPTIONS", &host, &[("Origin", ""), ("Access-Control-Request-Method", "PUT")]),
        ("OPTIONS", &host, &[("Origin", "https://x.test"), ("Access-Control-Request-Method", "")]),
        (
            "OPTIONS",
            &host,
            &[
                ("Origin", "https://x.test"),
                ("Access-Control-Request-Method", "PUT"),
                ("Access-Control-Request-Method", "GET"),
            ],
        ),
        (
            "OPTIONS",
            &host,
            &[
                ("Origin", "https://x.test"),
                ("Origin", "https://x.test"),
                ("Access-Control-Request-Method", "PUT"),
            ],
        ),
        ("GET", &host, &[("Origin", "https://x.test"), ("Access-Control-Request-Method", "PUT")]),
        (
            "POST",
            &host,
            &[
                ("Origin", "https://x.test"),
                ("Access-Control-Request-Method", "PUT"),
                ("Content-Length", "0"),
            ],
        ),
        (
            "OPTIONS",
            &lunch,
            &[("Origin", "https://x.test"), ("Access-Control-Request-Method", "PUT")],
        ),
    ] {
        let mut all = vec![("Host", host.as_str())];
        all.extend(headers);
        let answer = site.wire().await.ask(&format!("{method} /x HTTP/1.1"), &all).await;
        assert_eq!(answer.status, 401, "{method} {headers:?}");
        let cors =
            answer.headers.iter().filter(|(name, _)| name.starts_with("access-control-")).count();
        assert_eq!(cors, 0);
    }
    assert_eq!(site.app.count(), arrived);
}

// Pages.

const MARKUP: [&str; 12] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg/onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "<!--<script>",
    "--><b>",
    "\" autofocus onfocus=alert(1) x=\"",
    "{{7*7}}${7*7}<b>",
    "]]><b>",
    "<a href=javascript:alert(1)>",
    "&lt;script&gt;<b>",
    "<ſcript>\u{202e}</ſcript>",
];

fn assert_harmless(answer: &Answer, payload: &str, about: &str) {
    let lower = answer.body.to_lowercase();
    assert!(!answer.body.contains(payload), "{about}: {payload}");
    for tag in ["<script", "<img", "<svg/", "href=\"javascript", "<a href=javascript"] {
        assert!(!lower.contains(tag), "{about}: {tag} by {payload}");
    }
    if answer.one("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
        let policy = answer.one("content-security-policy").unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("base-uri 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
        assert!(policy.contains("form-action") && policy.contains("frame-ancestors"), "{policy}");
    }
    assert_eq!(answer.one("x-content-type-options"), Some("nosniff"), "{about}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t79_markup_from_outside_is_text_on_every_page() {
    let site = Site::plain().await;
    let auth = site.host("auth");
    let escape = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    for payload in MARKUP {
        let written = escape(payload);
        let mut session = site.session(json!({"email": payload, "name": payload, "team": payload, payload: "x", "sub": payload}));
        session.identity.display_name = Some(payload.into());
        let known = site.cookie_of("wiki", &session);
        for (host, path, cookie) in [
            ("wiki", format!("/p?{written}"), ""),
            ("wiki", format!("/p?{written}"), known.as_str()),
            ("wiki", "/.pomerium/".to_owned(), &known),
            ("wiki", "/.pomerium/sign_out".to_owned(), &known),
            ("unknown", format!("/?{written}"), ""),
            (
                "auth",
                format!(
                    "/.pomerium/sign_in?pomerium_redirect_uri={written}&pomerium_signature={written}"
                ),
                "",
            ),
            ("auth", format!("/.pomerium/signed_out?return_to={written}"), ""),
            ("wiki", format!("/.pomerium/callback/?ticket={written}"), "__Host-russet_browser=x"),
            ("auth", format!("/nothing?{written}"), ""),
        ] {
            for method in ["GET", "POST"] {
                let host = site.host(host);
                let headers = [
                    ("Host", host.as_str()),
                    ("Accept", "text/html"),
                    ("Cookie", cookie),
                    ("Content-Length", "0"),
                ];
                let answer =
                    site.wire().await.ask(&format!("{method} {path} HTTP/1.1"), &headers).await;
                assert_harmless(&answer, payload, &path);
            }
        }
        for field in ["error", "error_description", "state", "code", "user", "iss", "id_token"] {
            let body = format!("state={}&code=c&{field}={written}", "a".repeat(43));
            let length = body.len().to_string();
            let mut wire = site.wire().await;
            wire.send(format!(
                "POST /oauth2/callback HTTP/1.1\r\nHost: {auth}\r\nAccept: text/html\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                 Content-Length: {length}\r\n\r\n{body}"
            ))
            .await;
            assert_harmless(&wire.answer(false).await.unwrap(), payload, field);
        }
        // Raw in the host, which no host name can hold.
        let answer = site.wire().await.ask("GET / HTTP/1.1", &[("Host", payload)]).await;
        assert_eq!(answer.status, 400);
        assert_harmless(&answer, payload, "host");
    }
}

// The log.

fn assert_bounded(value: &Value, line: &Value) {
    match value {
        Value::String(text) => {
            assert!(text.len() <= 2_048, "{} bytes: {line}", text.len());
            let odd = |c: char| {
                c.is_control()
                    || ('\u{202a}'..='\u{202e}').contains(&c)
                    || ('\u{2066}'..='\u{2069}').contains(&c)
            };
            assert!(!text.contains(odd), "{text:?}");
        }
        Value::Array(items) => items.iter().for_each(|item| assert_bounded(item, line)),
        Value::Object(members) => members.values().for_each(|item| assert_bounded(item, line)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t83_every_request_is_one_line_of_bounded_harmless_json() {
    let site = Site::plain().await;
    let host = site.host("wiki");
    let pieces: [&[u8]; 16] = [
        b"/",
        b"%0d%0a",
        b"\x1b[31m",
        b"%1b",
        b"\"",
        b"\\",
        b"%e2%80%ae",
        b"\xe2\x80\xae",
        b"\xff",
        b"{\"level\":\"ERROR\"}",
        b"?",
        b"abc",
        b"%zz",
        b"..",
        b"'",
        b"%00",
    ];
    let mut number = 42_u64;
    let mut sent = 0;
    for round in 0..300_usize {
        let mut path = b"/".to_vec();
        for _ in 0..round % 9 {
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            path.extend(pieces[usize::try_from(number >> 60).unwrap()]);
        }
        if round % 10 == 0 {
            path.extend("%e2%80%ae".repeat(1_000).bytes());
        }
        let odd = "\u{202e}\u{1b}[2J".repeat(round % 60);
        let cookie = site.cookie(
            "wiki",
            json!({"email": format!("{odd}@evil.test"), "sub": format!("s{odd}\n")}),
        );
        let mut head = [
            b"GET ".as_slice(),
            &path,
            b" HTTP/1.1\r\nHost: ",
            host.as_bytes(),
            b"\r\nCookie: ",
            cookie.as_bytes(),
        ]
        .concat();
        head.extend(b"\r\nUser-Agent: \"\xff\t{}\r\nReferer: \xe2\x80\xae\r\n\r\n");
        let mut wire = site.wire().await;
        wire.send(head).await;
        sent += usize::from(wire.answer(false).await.is_some());
    }
    // Each line has been read as JSON here; a line break inside one would make two of it.
    let log = site.log().await;
    assert!(log.len() > 150 && log.len() <= sent, "{} lines of {sent}", log.len());
    for line in &log {
        assert_eq!(line["message"], "request");
        assert_bounded(line, line);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w22_the_log_has_the_host_asked_and_the_application_apart() {
    let site = Site::plain().await;
    let cookie = site.cookie("wiki", json!({}));
    get(&site, "wiki", "/x?secret=1", &cookie, "text/html").await;
    let line = site.last_log().await;
    assert_eq!(
        (&line["host"], &line["upstream"]),
        (&json!(site.host("wiki")), &json!(site.app.address().to_string()))
    );
    assert_eq!(
        (&line["path"], &line["method"], &line["status"], &line["bytes"]),
        (&json!("/x"), &json!("GET"), &json!(200), &json!(2))
    );
}

// The ends of numbers.

#[tokio::test(flavor = "multi_thread")]
async fn t87_times_at_their_ends() {
    let site = Site::plain().await;
    let now = site.clock.now().0;
    for (ends, alive) in [
        (i64::MAX, true),
        (1 << 53, true),
        ((1 << 53) + 1, true),
        (253_402_300_800, true),
        (i64::from(u32::MAX), true),
        (now + 60, true),
        (now - 1, false),
        (1, false),
        (0, false),
        (-1, false),
        (i64::from(i32::MIN), false),
        (i64::MIN, false),
    ] {
        for begins in [now, 0, i64::MIN, -1] {
            let mut session =
                site.session(json!({"exp": i64::MAX, "iat": i64::MIN, "auth_time": 1e300}));
            (session.begun_at, session.expires_at) = (Timestamp(begins), Timestamp(ends));
            let Some(sealed) = seal().seal(&session, "wiki.localhost") else { continue };
            let cookie = format!("__Host-russet={sealed}");
            for path in ["/", "/.pomerium/", "/.pomerium/user", "/.pomerium/sign_out"] {
                let status = get(&site, "wiki", path, &cookie, "text/html").await.status;
                let expected = if alive || path.ends_with("sign_out") { 200 } else { 302 };
                assert_eq!(status, expected, "{path} until {ends} from {begins}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t87_sizes_at_their_ends() {
    let site = with("  - from: https://{lunch}\n    to: http://{up}\n    allow_public_unauthenticated_access: true\n").await;
    let host = site.host("lunch");
    let target = |length: usize| format!("GET /{} HTTP/1.1", "a".repeat(length - 1));
    let one = [("Host", host.as_str())];
    for (length, status) in [(16 * 1024, 200), (16 * 1024 + 1, 414), (40 * 1024, 414)] {
        assert_eq!(site.wire().await.ask(&target(length), &one).await.status, status, "{length}");
    }
    for (fields, status) in [(128, 200), (129, 431), (400, 431)] {
        let mut headers = vec![("Host", host.as_str())];
        headers.resize(fields, ("X-Field", "1"));
        assert_eq!(
            site.wire().await.ask("GET / HTTP/1.1", &headers).await.status,
            status,
            "{fields}"
        );
    }
    for (length, statuses) in [
        ("18446744073709551616", &[400][..]),
        ("-1", &[400]),
        ("+1", &[400]),
        ("0x1", &[400]),
        ("1e3", &[400]),
        ("", &[400]),
        ("99999999999999999999999", &[400]),
        ("00", &[200, 400]),
        ("0", &[200]),
    ] {
        let headers = [("Host", host.as_str()), ("Content-Length", length)];
        let status = site.wire().await.ask("POST / HTTP/1.1", &headers).await.status;
        assert!(statuses.contains(&status), "{length:?}: {status}");
    }
    let many = "10.0.0.1, ".repeat(5_000) + "10.0.0.2";
    let headers = [("Host", host.as_str()), ("X-Forwarded-For", &many)];
    assert_eq!(site.wire().await.ask("GET / HTTP/1.1", &headers).await.status, 200);
    let big = "x".repeat(70_000);
    let headers = [("Host", host.as_str()), ("X-Big", &big)];
    let mut wire = site.wire().await;
    assert_eq!(wire.ask("GET / HTTP/1.1", &headers).await.status, 431);
}

#[test]
fn t87_numbers_of_the_configuration_are_bounded() {
    let refused = |line: &str| {
        let text = format!("{line}\nroutes: []\n");
        let told = russet::config::load_text("t.yaml", &text, &|_| None, Timestamp(0)).render();
        let key = line.split(':').next().unwrap();
        told.lines().any(|line| line.contains("error") && line.contains(key))
    };
    for line in [
        "cookie_expire: 0s",
        "cookie_expire: -1h",
        "cookie_expire: 999999999999999999h",
        "timeout_idle: 1e99s",
        "xff_num_trusted_hops: -1",
        "xff_num_trusted_hops: 99999999999999999999",
        "xff_num_trusted_hops: 1.5",
        "cookie_expire: .inf",
        "timeout_idle: -0.1s",
    ] {
        assert!(refused(line), "{line}");
    }
    assert!(!refused("cookie_expire: 14h") && !refused("xff_num_trusted_hops: 1"));
}
