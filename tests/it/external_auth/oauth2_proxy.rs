//! oauth2-proxy's endpoints, asked as its users' proxies and browsers ask them.

use serde_json::{Value, json};

use super::ask::{ROUTES, send, staff, stranger};
use crate::support::{Answer, NAVIGATION, Plan, Site, Wire};

const COMPAT: &str = "external_auth:\n  trusted_peers: [127.0.0.1, 10.0.0.0/8]\n  \
                      oauth2_proxy_compat: true\njwt_claims_headers: {X-Claim-Email: email}\n";

const ELSEWHERE: &str =
    "external_auth:\n  trusted_peers: [192.0.2.1]\n  oauth2_proxy_compat: true\n";

const NAMES: [&str; 8] = [
    "x-auth-request-user",
    "x-auth-request-email",
    "x-auth-request-groups",
    "x-auth-request-preferred-username",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
];

async fn site(extra: &str) -> Site {
    let (routes, extra) = (ROUTES.to_owned(), extra.to_owned());
    Site::with(Plan { routes, extra, plain: true, ..Plan::default() }).await
}

/// As the nginx of oauth2-proxy's documentation asks: HTTP/1.0, the host, the target.
async fn nginx(site: &Site, query: &str, target: &str, more: &[(&str, &str)]) -> Answer {
    let host = site.host("wiki");
    let mut headers = vec![("Host", host.as_str()), ("X-Forwarded-Uri", target)];
    headers.extend_from_slice(more);
    ask(site, &format!("GET /oauth2/auth{query} HTTP/1.0"), &headers).await
}

async fn ask(site: &Site, line: &str, headers: &[(&str, &str)]) -> Answer {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    send(site, line, &headers.iter().map(own).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn a_yes_is_202_with_oauth2_proxys_names_and_no_body() {
    let site = site(COMPAT).await;
    let cookie = staff(&site);
    let answer = nginx(&site, "", "/private/x?y=1", &[("Cookie", &cookie)]).await;
    assert_eq!((answer.status, answer.body.as_str()), (202, ""), "{answer:?}");
    let subject = site.session(json!({})).identity.subject.to_string();
    for (name, value) in
        NAMES.iter().zip([subject.as_str(), "ann@corp.example", "", ""].iter().cycle())
    {
        assert_eq!(answer.all(name), [*value], "{name}");
    }
    assert_eq!(answer.one("x-claim-email"), Some("ann@corp.example"));
    assert_eq!(answer.one("x-pomerium-jwt-assertion").unwrap().split('.').count(), 3);
    let host = site.host("wiki");
    for method in ["HEAD", "POST", "PUT", "OPTIONS", "PROPFIND"] {
        let headers =
            [("Host", host.as_str()), ("X-Forwarded-Uri", "/private/x"), ("Cookie", &cookie)];
        let answer = ask(&site, &format!("{method} /oauth2/auth HTTP/1.1"), &headers).await;
        assert_eq!(answer.status, 202, "{method}");
        assert_eq!(answer.one("x-auth-request-email"), Some("ann@corp.example"), "{method}");
    }
    assert_eq!(site.app.count(), 0);
}

/// A 401 for somebody who is signed in would send nginx round and round.
#[tokio::test]
async fn a_401_is_for_strangers_and_a_403_for_whoever_is_signed_in() {
    let site = site(COMPAT).await;
    for cookie in ["", "__Host-russet=broken"] {
        let answer = nginx(&site, "", "/private/x", &[("Cookie", cookie)]).await;
        assert_eq!(answer.status, 401, "{cookie}");
        for name in NAMES.iter().chain(&["x-claim-email", "x-pomerium-jwt-assertion", "location"]) {
            assert_eq!(answer.one(name), None, "{name}");
        }
    }
    let (cookie, staff) = (stranger(&site), staff(&site));
    let answer = nginx(&site, "", "/private/x", &[("Cookie", &cookie)]).await;
    assert_eq!((answer.status, answer.one("x-auth-request-user")), (403, None));
    let answer = nginx(&site, "", "/nowhere", &[("Cookie", &staff)]).await;
    assert_eq!(answer.status, 403, "no route");
    // Everybody, and no name for nobody.
    let answer = nginx(&site, "", "/public/x", &[("X-Auth-Request-User", "root")]).await;
    assert_eq!((answer.status, answer.all("x-auth-request-user")), (202, vec![""]));
    // A route that passes no identity on says so with empty names.
    let answer = nginx(&site, "", "/silent/x", &[("Cookie", &staff)]).await;
    assert_eq!((answer.status, answer.all("x-auth-request-email")), (202, vec![""]));
}

#[tokio::test]
async fn the_question_may_ask_for_less_than_the_policy() {
    let site = site(COMPAT).await;
    let cookie = staff(&site);
    for (query, status) in [
        ("?allowed_emails=ann@corp.example", 202),
        ("?allowed_emails=bo@corp.example,ann%40corp.example", 202),
        ("?allowed_emails=bo@corp.example", 403),
        ("?allowed_emails=ANN@corp.example", 403),
        ("?allowed_emails=", 202),
        ("?allowed_email_domains=corp.example", 202),
        ("?allowed_email_domains=.example", 202),
        ("?allowed_email_domains=orp.example", 403),
        ("?allowed_groups=staff", 403),
        ("?allowed_groups=,", 202),
        ("?allowed_email_domains=corp.example&allowed_emails=bo@corp.example", 403),
        ("?allowed_email_domains=x.y&allowed_email_domains=corp.example", 202),
        ("?other=1", 202),
    ] {
        let answer = nginx(&site, query, "/private/x", &[("Cookie", &cookie)]).await;
        assert_eq!(answer.status, status, "{query}");
        if status == 403 {
            assert_eq!(answer.one("x-auth-request-user"), None, "{query}");
        }
        // Nobody is asked for on a public route.
        let answer = nginx(&site, query, "/public/x", &[]).await;
        assert_eq!(answer.status, 202, "{query}");
    }
}

/// What was refused is not an allow in the decision log, nor would its shadow's be one; the log still
/// tells what the policy said.
#[tokio::test]
async fn the_decision_log_tells_who_was_refused_by_the_question() {
    let log = "decision_log: {path: '{state}/decisions.log'}\n";
    let shadow = "  - from: https://{wiki}\n    allow_any_authenticated_user: true\n    \
                  shadow_policy: [{allow: {and: [{accept: true}]}}]\n";
    let (routes, extra) = (shadow.to_owned(), format!("{COMPAT}{log}"));
    let site = Site::with(Plan { routes, extra, plain: true, ..Plan::default() }).await;
    let ours = staff(&site);
    for (query, status) in [("?allowed_emails=bo@corp.example", 403), ("", 202)] {
        let answer = nginx(&site, query, "/private/x", &[("Cookie", &ours)]).await;
        assert_eq!(answer.status, status, "{query}");
    }
    let path = site.state().join("decisions.log");
    let _state = site.drain().await;
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [refused, allowed] = lines.as_slice() else { panic!("{text}") };
    assert_eq!((&refused["outcome"], &refused["status"]), (&json!("deny"), &json!(403)));
    assert_eq!(refused["reasons"], json!(["question-constraint"]));
    assert_eq!(refused["shadow"]["outcome"], "deny");
    assert_eq!((&refused["allow"], &refused["deny"]), (&json!(true), &json!(false)));
    assert_eq!((&allowed["outcome"], &allowed["status"]), (&json!("allow"), &json!(202)));
    assert_eq!(allowed["shadow"]["outcome"], "allow");
}

#[tokio::test]
async fn t03_a51_1_only_a_trusted_peer_may_ask() {
    let site = site(ELSEWHERE).await;
    let cookie = staff(&site);
    for target in ["/private/x", "/public/x"] {
        let answer = nginx(&site, "", target, &[("Cookie", &cookie)]).await;
        assert_eq!((answer.status, answer.one("x-auth-request-email")), (403, None), "{target}");
    }
    let host = site.host("wiki");
    let forwarded =
        [("Host", host.as_str()), ("X-Forwarded-Host", host.as_str()), ("Cookie", &cookie)];
    let answer = ask(&site, "GET /oauth2/userinfo HTTP/1.1", &forwarded).await;
    assert_eq!(answer.status, 403, "on behalf of another");
    // What a browser asks needs no trust, and what is forwarded means nothing.
    let answer = ask(&site, "GET /oauth2/userinfo HTTP/1.1", &[forwarded[0], forwarded[2]]).await;
    assert_eq!(answer.status, 200);
    let mut start = vec![("Host", host.as_str()), ("X-Auth-Request-Redirect", "/deep")];
    start.extend_from_slice(&NAVIGATION);
    let answer = ask(&site, "GET /oauth2/start HTTP/1.1", &start).await;
    assert!(!answer.one("location").unwrap().contains("deep"), "{answer:?}");
}

/// What is not told, or told in two ways, decides nothing.
#[tokio::test]
async fn t03_a51_14_what_is_not_told_or_told_twice_opens_nothing() {
    let site = site(COMPAT).await;
    let (wiki, lunch, auth) = (site.host("wiki"), site.host("lunch"), site.host("auth"));
    let original = |target: &str| format!("https://{wiki}{target}");
    let (public, private) = (original("/public/x"), original("/private/x"));
    let at_lunch = format!("https://{lunch}/public/x");
    let two = format!("{public}, {public}");
    for (headers, status) in [
        // The one route of a host needs no path; several do.
        (vec![("Host", lunch.as_str())], 401),
        (vec![("Host", &wiki)], 400),
        (vec![("Host", &wiki), ("X-Original-URL", &public)], 202),
        (vec![("Host", "russet"), ("X-Original-URL", &public)], 202),
        (vec![("Host", &auth), ("X-Forwarded-Host", &wiki), ("X-Forwarded-Uri", "/public/x")], 202),
        // A client's word in addition to the proxy's.
        (
            vec![("Host", &wiki), ("X-Original-URL", &private), ("X-Forwarded-Uri", "/public/x")],
            400,
        ),
        (
            vec![("Host", &wiki), ("X-Original-URL", &public), ("X-Forwarded-Uri", "/private/x")],
            400,
        ),
        (
            vec![("Host", &lunch), ("X-Forwarded-Host", &wiki), ("X-Forwarded-Uri", "/public/x")],
            400,
        ),
        (vec![("Host", &wiki), ("X-Original-URL", &at_lunch)], 400),
        (vec![("Host", &wiki), ("X-Original-URL", &two)], 400),
        (
            vec![
                ("Host", &wiki),
                ("X-Forwarded-Uri", "/public/x"),
                ("X-Forwarded-Uri", "/private/x"),
            ],
            400,
        ),
        (vec![("Host", &wiki), ("X-Forwarded-Uri", "/public/../private")], 400),
        (vec![("Host", &wiki), ("X-Forwarded-Uri", "/public/x#/private")], 400),
        (vec![("Host", &wiki), ("X-Forwarded-Uri", "")], 400),
        (vec![("Host", &wiki), ("X-Forwarded-Uri", "public")], 400),
        (
            vec![
                ("Host", &wiki),
                ("X_Forwarded_Uri", "/public/x"),
                ("X-Forwarded-Uri", "/private/x"),
            ],
            400,
        ),
    ] {
        let answer = ask(&site, "GET /oauth2/auth HTTP/1.1", &headers).await;
        assert_eq!(answer.status, status, "{headers:?}");
    }
}

/// A policy that reads more of the request wants it told, and told once.
#[tokio::test]
async fn t03_a51_14_a_policy_on_the_method_or_the_address_wants_one() {
    let site = site(COMPAT).await;
    let wiki = site.host("wiki");
    let wiki = wiki.as_str();
    for (headers, status) in [
        // A policy on the method wants the method.
        (vec![("Host", wiki), ("X-Forwarded-Uri", "/reading/x")], 400),
        (
            vec![("Host", wiki), ("X-Forwarded-Uri", "/reading/x"), ("X-Forwarded-Method", "GET")],
            202,
        ),
        (
            vec![("Host", wiki), ("X-Forwarded-Uri", "/reading/x"), ("X-Forwarded-Method", "POST")],
            403,
        ),
        (
            vec![
                ("Host", wiki),
                ("X-Forwarded-Uri", "/reading/x"),
                ("X-Original-Method", "GET"),
                ("X-Forwarded-Method", "POST"),
            ],
            400,
        ),
        // A policy on the address wants one address.
        (vec![("Host", wiki), ("X-Forwarded-Uri", "/office/x"), ("X-Real-IP", "203.0.113.7")], 202),
        (
            vec![
                ("Host", wiki),
                ("X-Forwarded-Uri", "/office/x"),
                ("X-Forwarded-For", "203.0.113.7"),
            ],
            202,
        ),
        (
            vec![
                ("Host", wiki),
                ("X-Forwarded-Uri", "/office/x"),
                ("X-Real-IP", "203.0.113.7"),
                ("X-Forwarded-For", "198.51.100.1"),
            ],
            400,
        ),
        (vec![("Host", wiki), ("X-Forwarded-Uri", "/office/x"), ("X-Real-IP", "garbage")], 400),
        (vec![("Host", wiki), ("X-Forwarded-Uri", "/office/x")], 403),
    ] {
        let answer = ask(&site, "GET /oauth2/auth HTTP/1.1", &headers).await;
        assert_eq!(answer.status, status, "{headers:?}");
    }
}

#[tokio::test]
async fn a51_2_no_header_and_no_query_makes_a_yes() {
    let site = site(COMPAT).await;
    let host = site.host("wiki");
    for agent in ["GoogleHC/1.0", "kube-probe/1.30", "ping"] {
        let answer = nginx(&site, "?ping=1", "/private/x", &[("User-Agent", agent)]).await;
        assert_eq!(answer.status, 401, "{agent}");
    }
    for (target, status) in [
        ("/oauth2/auth/", 404),
        ("/oauth2/%61uth", 404),
        ("/oauth2/auth/x", 404),
        ("/oauth2/./auth", 404),
        ("/oauth2/static/", 404),
        ("/oauth2/static/x.css", 404),
        ("/ping", 200),
        ("/ready", 200),
    ] {
        let headers = [("Host", host.as_str()), ("X-Forwarded-Uri", "/public/x")];
        let answer = ask(&site, &format!("GET {target} HTTP/1.1"), &headers).await;
        assert_eq!(answer.status, status, "{target}");
    }
    assert_eq!(site.app.count(), 0);
}

#[tokio::test]
async fn without_the_switch_the_paths_are_the_applications() {
    let site = Site::with(Plan { plain: true, ..Plan::default() }).await;
    let (host, cookie) = (site.host("wiki"), staff(&site));
    for path in ["auth", "start", "sign_in", "sign_out", "userinfo", "static/x"] {
        let headers = [("Host", host.as_str()), ("Cookie", &cookie)];
        let answer = ask(&site, &format!("GET /oauth2/{path} HTTP/1.1"), &headers).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(site.app.last().target(), format!("/oauth2/{path}"));
    }
}

async fn page(site: &Site, host: &str, target: &str, more: &[(&str, &str)]) -> Answer {
    let host = site.host(host);
    let mut headers = vec![("Host", host.as_str())];
    headers.extend_from_slice(&NAVIGATION);
    headers.extend_from_slice(more);
    Wire::to(site.address()).await.ask(&format!("GET {target} HTTP/1.1"), &headers).await
}

#[tokio::test]
async fn start_begins_a_sign_in_that_leads_where_it_was_asked_to() {
    let site = site(COMPAT).await;
    let wiki = site.wiki("");
    let decoded = |answer: &Answer| {
        let location = answer.one("location").unwrap().to_owned();
        let query = location.split_once('?').unwrap().1.to_owned();
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let to = pairs.find(|(name, _)| name == "pomerium_redirect_uri").unwrap().1.into_owned();
        (location, to)
    };
    let whole = format!(
        "/oauth2/start?rd={}%2Fdeep%3Fa%3D1%26b%3D%252B",
        wiki.replace(':', "%3A").replace('/', "%2F")
    );
    for (target, more, to) in [
        ("/oauth2/start", vec![], "/"),
        ("/oauth2/start?rd=%2Fdeep%3Fa%3D1%26b%3D%252B", vec![], "/deep?a=1&b=%2B"),
        (whole.as_str(), vec![], "/deep?a=1&b=%2B"),
        ("/oauth2/start?rd=//evil.example", vec![], "/"),
        ("/oauth2/start?rd=https://evil.example/", vec![], "/"),
        ("/oauth2/start?rd=/oauth2/start", vec![], "/"),
        ("/oauth2/start", vec![("X-Auth-Request-Redirect", "/from/nginx?x")], "/from/nginx?x"),
        ("/oauth2/start?rd=/first", vec![("X-Auth-Request-Redirect", "/second")], "/first"),
        ("/oauth2/start?rd=//evil", vec![("X-Auth-Request-Redirect", "/second")], "/second"),
        ("/oauth2/start", vec![("X-Auth-Request-Redirect", "https://evil.example/")], "/"),
        ("/oauth2/start", vec![("X-Forwarded-Uri", "/asked")], "/asked"),
    ] {
        let answer = page(&site, "wiki", target, &more).await;
        assert_eq!(answer.status, 302, "{target} {answer:?}");
        let (location, found) = decoded(&answer);
        assert!(location.starts_with(&site.auth("/.pomerium/sign_in?")), "{location}");
        assert_eq!(found, format!("{wiki}{to}"), "{target} {more:?}");
        assert!(answer.one("set-cookie").unwrap().starts_with("__Host-russet_browser="));
    }
    // Another host begins at that host, which gives the browser a cookie first.
    let lunch = format!("/oauth2/start?rd={}", site.lunch("/menu"));
    let answer = page(&site, "auth", &lunch, &[]).await;
    let (location, found) = decoded(&answer);
    assert!(location.starts_with(&site.lunch("/.pomerium/sign_in?")), "{location}");
    assert_eq!((found, answer.one("set-cookie")), (site.lunch("/menu"), None));
    // A script begins nothing.
    let host = site.host("wiki");
    let headers = [("Host", host.as_str()), ("Accept", "application/json")];
    let answer = ask(&site, "GET /oauth2/start?rd=/x HTTP/1.1", &headers).await;
    assert_eq!(answer.status, 401);
    assert!(answer.all("set-cookie").is_empty());
}

#[tokio::test]
async fn the_page_with_the_button_can_stand_in_place_of_a_401() {
    let site = site(COMPAT).await;
    let answer =
        page(&site, "wiki", "/oauth2/sign_in", &[("X-Auth-Request-Redirect", "/deep?x=1")]).await;
    assert_eq!((answer.status, answer.one("location")), (200, None), "{answer:?}");
    assert!(answer.all("set-cookie").is_empty());
    let button = "/oauth2/start?rd=https%3A%2F%2Fwiki.localhost%3A";
    assert!(answer.body.contains(button), "{}", answer.body);
    assert!(answer.body.contains("%2Fdeep%3Fx%3D1"), "{}", answer.body);
    let host = site.host("wiki");
    let headers = [("Host", host.as_str()), ("Accept", "application/json")];
    let answer = ask(&site, "GET /oauth2/sign_in HTTP/1.1", &headers).await;
    assert_eq!(answer.status, 401);
    assert!(answer.body.starts_with('{'), "{}", answer.body);
}

#[tokio::test]
async fn userinfo_says_who_is_signed_in() {
    let site = site(COMPAT).await;
    let (wiki, auth, cookie) = (site.host("wiki"), site.host("auth"), staff(&site));
    let line = "GET /oauth2/userinfo HTTP/1.1";
    for headers in [
        vec![("Host", wiki.as_str()), ("Cookie", &cookie)],
        vec![("Host", &auth), ("X-Forwarded-Host", &wiki), ("Cookie", &cookie)],
    ] {
        let answer = ask(&site, line, &headers).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let user: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(user["email"], "ann@corp.example");
        assert_eq!(user["user"], site.session(json!({})).identity.subject.to_string());
    }
    let answer = ask(&site, line, &[("Host", &wiki)]).await;
    assert_eq!((answer.status, answer.body.as_str()), (401, "{}"));
    // A cookie is good at its own host alone.
    let headers = [("Host", auth.as_str()), ("Cookie", cookie.as_str())];
    assert_eq!(ask(&site, line, &headers).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn t81_a51_43_a_link_signs_nobody_out_and_leads_nobody_away() {
    let extra = COMPAT.to_owned();
    let site = Site::with(Plan { extra, ..Plan::default() }).await;
    for (rd, lands) in [
        ("/deep?a=b", site.wiki("/deep?a=b")),
        ("https://evil.example/", site.auth("/.pomerium/signed_out")),
    ] {
        let mut browser = site.browser();
        site.sign_in(&mut browser, &site.wiki("/"), "ann").await;
        let url = format!(
            "/oauth2/sign_out?{}",
            form_urlencoded::Serializer::new(String::new()).append_pair("rd", rd).finish()
        );
        let page = browser.load(&site.wiki(&url)).await.unwrap();
        assert_eq!(page.status, 200);
        assert!(browser.load(&site.wiki("/")).await.unwrap().body == "ok", "still signed in");
        assert!(!page.body.contains("evil"), "{}", page.body);
        let form = page.form("/oauth2/sign_out").unwrap();
        // The token is what ends it.
        let bare = russet::fake_browser::Form { action: form.action.clone(), fields: Vec::new() };
        assert_eq!(browser.submit(&page, &bare, &[]).await.unwrap().status, 403);
        let done = browser.submit(&page, &form, &[]).await.unwrap();
        let first = &browser.hops[0];
        assert_eq!((first.status.as_u16(), first.path.as_str()), (303, "/oauth2/sign_out"));
        let second = &browser.hops[1];
        let landed = lands.split(&second.host).nth(1).unwrap_or_default();
        assert!(landed.contains(&second.path), "{lands} {second:?}");
        assert_ne!(done.body, "ok", "signed out");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_sign_in_begins_at_start_and_ends_with_a_yes() {
    let site = Site::with(Plan { extra: COMPAT.to_owned(), ..Plan::default() }).await;
    let mut browser = site.browser();
    let page =
        site.sign_in(&mut browser, &site.wiki("/oauth2/start?rd=%2Fdeep%3Fx%3D1"), "ann").await;
    assert_eq!((page.status.as_u16(), page.url.as_str()), (200, site.wiki("/deep?x=1").as_str()));
    let answer = browser.fetch(&site.wiki("/oauth2/auth"), "*/*").await.unwrap();
    assert_eq!(answer.status, 202);
    let email = answer.headers.get("x-auth-request-email").unwrap();
    assert_eq!(email, "ann@corp.example");
}
