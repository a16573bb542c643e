//! nginx as people have it who come from oauth2-proxy, with the block of our page.

use std::time::Duration;

use serde_json::json;

use super::proxies::Front;
use super::site::{Site, WIKI};
use crate::house::choose;

const SCRIPT: (&str, &str) = ("Accept", "application/json");

/// One route is open, one is for staff, and its policy looks at the method too.
const ROUTES: &str = "
- {from: 'https://wiki.example.com', prefix: /open, allow_public_unauthenticated_access: true}
- from: https://wiki.example.com
  pass_identity_headers: true
  policy: [{allow: {and: [{domain: example.com}]}, deny: {or: [{http_method: DELETE}]}}]";

async fn status(site: &Site, line: &str, headers: &[(&str, &str)]) -> u16 {
    let all = [&[("Host", WIKI)], headers].concat();
    site.wire(WIKI).await.ask(&format!("{line} HTTP/1.1"), &all).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_begins_at_the_button_and_ends_at_the_page() {
    let site = Site::start(Front::NginxOauth2Proxy).await;
    let mut browser = site.browser();
    let button = browser.load(&format!("https://{WIKI}/deep/page?x=1")).await.unwrap();
    assert_eq!((button.status.as_u16(), button.url.path()), (200, "/oauth2/sign_in"));
    let start =
        format!("https://{WIKI}/oauth2/start?rd=https%3A%2F%2F{WIKI}%2Fdeep%2Fpage%3Fx%3D1");
    assert!(button.body.contains("/oauth2/start?rd="), "{}", button.body);
    let at_apple = browser.load(&start).await.unwrap();
    let claims = json!({"sub": "001.walk", "email": "ann@example.com", "email_verified": true});
    let page = choose(&mut browser, &at_apple, ("claims", &claims.to_string())).await;
    assert_eq!(page.status.as_u16(), 200, "{}{}", page.body, site.front_said());
    assert_eq!(page.url.as_str(), format!("https://{WIKI}/deep/page?x=1"));
    let request = site.app.last();
    assert_eq!(request.target(), "/deep/page?x=1");
    assert_eq!(request.all("x-email"), ["ann@example.com"]);
    assert_eq!(request.all("x-user"), ["001.walk"]);
}

/// nginx looks only at 2xx, 401 and 403; a 401 for somebody who is signed in would go round.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_signed_in_and_refused_gets_403_and_no_round() {
    let site = Site::with(Front::NginxOauth2Proxy, Some(ROUTES)).await;
    let ann = site.cookie("ann@example.com", Duration::ZERO);
    let zoe = site.cookie("zoe@elsewhere.example", Duration::ZERO);
    assert_eq!(status(&site, "GET /private", &[("Cookie", &ann)]).await, 200);
    assert_eq!(status(&site, "GET /private", &[("Cookie", &zoe)]).await, 403);
    assert_eq!(status(&site, "DELETE /private", &[("Cookie", &ann)]).await, 403);
    assert_eq!(status(&site, "GET /private", &[SCRIPT]).await, 302);
    assert_eq!(status(&site, "GET /open/x", &[]).await, 200);
    assert_eq!(site.app.count(), 2);
}

/// What a client says of its own request changes nothing, because the block says it all.
#[tokio::test(flavor = "multi_thread")]
async fn t03_a51_1_no_header_of_a_client_opens_anything() {
    let site = Site::with(Front::NginxOauth2Proxy, Some(ROUTES)).await;
    let ann = site.cookie("ann@example.com", Duration::ZERO);
    for forged in [
        ("X-Forwarded-Uri", "/open/x"),
        ("X-Forwarded-Host", "auth.example.com"),
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Proto", "http"),
        ("X-Original-URL", "https://wiki.example.com/open/x"),
        ("X-Original-Method", "GET"),
        ("X-Auth-Request-Redirect", "/open/x"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Real-IP", "127.0.0.1"),
        ("X-HTTP-Method-Override", "GET"),
    ] {
        let stranger = status(&site, "GET /private", &[SCRIPT, forged]).await;
        assert_eq!(stranger, 302, "{forged:?}");
        let delete = status(&site, "DELETE /private", &[("Cookie", &ann), forged]).await;
        assert_eq!(delete, 403, "{forged:?}");
    }
    assert_eq!(site.app.count(), 0);
    // The question itself is nginx's own.
    assert_eq!(status(&site, "GET /oauth2/auth", &[("Cookie", &ann)]).await, 404);
}
