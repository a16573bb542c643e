//! The thinnest path through everything.

use crate::support::Site;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_in_and_reads_the_wiki() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let page = site.sign_in(&mut browser, &site.wiki("/deep?q=%2F"), "ann").await;
    assert_eq!((page.status.as_u16(), page.body.as_str()), (200, "ok"));
    assert_eq!(site.app.last().target(), "/deep?q=%2F");
    let line = site.last_log().await;
    assert_eq!((&line["decision"], &line["status"]), (&json!("allow"), &json!(200)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_cookie_of_the_test_is_a_session() {
    let site = Site::plain().await;
    let mut wire = site.wire().await;
    let (host, cookie) = (site.host("wiki"), site.cookie("wiki", json!({})));
    let answer = wire.ask("GET / HTTP/1.1", &[("Host", &host), ("Cookie", &cookie)]).await;
    assert_eq!(answer.status, 200);
    assert!(site.app.last().one("x-pomerium-jwt-assertion").is_some());
    let other = site.cookie("wiki", json!({"email": "eve@evil.test"}));
    let answer = wire.ask("GET / HTTP/1.1", &[("Host", &host), ("Cookie", &other)]).await;
    assert_eq!(answer.status, 403);
}
