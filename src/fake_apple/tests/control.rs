use serde_json::{Value, json};

use super::browser::{CLIENT, World, query};
use crate::base::secret::Secret;
use crate::fake_apple::IdTokenFault;
use crate::fake_apple::pages::BARE_FAULTS;

#[tokio::test]
async fn everything_can_be_done_from_another_process() {
    let world = World::new().await;
    let post = async |path: &str, body: Value| {
        let answer = world.http.post(world.url(path)).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let order = json!({
        "times": 2,
        "token": {"fault": "status", "status": 500},
        "keys": {"fault": "disconnect"},
        "id_token": [{"fault": "expired"}, {"fault": "remove", "claims": ["nonce"]}],
    });
    let (status, report) = post("/fake/faults", order).await;
    assert_eq!((status, &report["faults_waiting"]), (200, &json!(6)));
    assert_eq!(world.redeem(&world.code().await).await.0, 500);
    let cleared = world.http.delete(world.url("/fake/faults")).send().await.unwrap();
    assert_eq!(cleared.json::<Value>().await.unwrap()["faults_waiting"], 0);

    for bad in [
        json!({"tokens": {"fault": "html"}}),
        json!({"token": {"fault": "explode"}}),
        json!({"token": {"fault": "status"}}),
        json!({"token": {"fault": "status", "status": 500, "body": "?"}}),
        json!([]),
    ] {
        assert_eq!(post("/fake/faults", bad.clone()).await.0, 400, "{bad}");
    }

    let code = world.code().await;
    assert_eq!(post("/fake/clock", json!({"shift_seconds": 301})).await.0, 200);
    assert_eq!(world.redeem(&code).await.1["error"], "invalid_grant");

    let (_, report) = post("/fake/keys/rotate", json!({})).await;
    assert_eq!(report["key_ids"].as_array().unwrap().len(), 2);
    let who = json!({"client_id": CLIENT, "sub": "000401.5d1f0c2a8be94e6f9a37c1e2b4d60a11.0901"});
    assert_eq!(post("/fake/consents/forget", who).await.0, 200);
    assert!(world.pick(&query(), &[("person", "ann")]).await.get("user").is_some());

    let report = world.http.get(world.url("/fake/report")).send().await.unwrap();
    let report: Value = report.json().await.unwrap();
    assert_eq!(report["calls"]["token"], 2);
    assert_eq!(report["last_requests"]["token"]["code"], "(secret)");
    assert_eq!(report["last_requests"]["token"]["client_id"], CLIENT);
    assert!(report["last_refusal"].as_str().unwrap().contains("expired"));
    assert_eq!(post("/fake/nothing", json!({})).await.0, 404);
}

#[tokio::test]
async fn another_website_cannot_reach_the_controls() {
    let world = World::new().await;
    let form = world.http.post(world.url("/fake/faults")).body("{}").send().await.unwrap();
    assert_eq!(form.status(), 415);
    let plain = world
        .http
        .post(world.url("/fake/faults"))
        .header("content-type", "text/plain")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(plain.status(), 415);
}

#[tokio::test]
async fn the_controls_ask_for_the_password() {
    let password = "correct horse battery";
    let world = World::with(|settings| settings.password = Some(Secret::new(password))).await;
    let report = || world.http.get(world.url("/fake/report"));
    assert_eq!(report().send().await.unwrap().status(), 401);
    assert_eq!(report().bearer_auth("wrong").send().await.unwrap().status(), 401);
    assert_eq!(report().bearer_auth(password).send().await.unwrap().status(), 200);
    // What Russet's servers ask for is protected by the protocol itself.
    assert_eq!(world.http.get(world.url("/auth/keys")).send().await.unwrap().status(), 200);
}

#[test]
fn the_front_page_names_the_faults_that_exist() {
    for name in BARE_FAULTS {
        let fault: Result<IdTokenFault, _> = serde_json::from_value(json!({"fault": name}));
        assert!(fault.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn the_front_page_says_how_and_discovery_says_where() {
    let world = World::new().await;
    let page = world.http.get(world.url("/")).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("This is not Apple") && page.contains("POST /fake/faults"));
    let url = world.url("/.well-known/openid-configuration");
    let document: Value = world.http.get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(document["issuer"], world.apple.base_url());
    assert_eq!(document["jwks_uri"], world.url("/auth/keys"));
    assert_eq!(document["scopes_supported"], json!(["openid", "email", "name"]));
}
