use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::browser::{AnswerForm, World, query_with};
use crate::base::time::monotonic;
use crate::fake_apple::{AnswerFault, Endpoint, IdTokenFault};

fn part(id_token: &str, number: usize) -> Value {
    let part = id_token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn each_fault_of_an_answer_hits_once() {
    let world = World::new().await;
    let faults = world.apple.faults();
    let token = async |fault: AnswerFault| {
        faults.next(Endpoint::Token, fault);
        let fields = world.redemption(&world.code().await);
        world.http.post(world.url("/auth/token")).form(&fields).send().await
    };
    let status = AnswerFault::Status { status: 429 };
    assert_eq!(token(status).await.unwrap().status(), 429);

    let html = token(AnswerFault::Html).await.unwrap();
    assert_eq!(
        (html.status().as_u16(), &html.headers()["content-type"]),
        (502, &"text/html".parse().unwrap())
    );

    let error = token(AnswerFault::error("invalid_client")).await.unwrap();
    assert_eq!(error.json::<Value>().await.unwrap(), json!({"error": "invalid_client"}));

    let redirect = AnswerFault::Redirect { status: 307, location: "https://evil.test/".into() };
    let redirect = token(redirect).await.unwrap();
    assert_eq!(
        (redirect.status().as_u16(), &redirect.headers()["location"]),
        (307, &"https://evil.test/".parse().unwrap())
    );

    let cut = token(AnswerFault::Truncated).await.unwrap();
    assert_eq!(cut.status(), 200);
    assert!(cut.json::<Value>().await.is_err());

    let without = AnswerFault::Without { members: vec!["id_token".into()] };
    let without = token(without).await.unwrap().json::<Value>().await.unwrap();
    assert!(without.get("id_token").is_none() && without["access_token"].is_string());

    assert!(token(AnswerFault::Disconnect).await.is_err());

    let started = monotonic();
    assert_eq!(token(AnswerFault::Delay { milliseconds: 300 }).await.unwrap().status(), 200);
    assert!(started.elapsed().as_millis() >= 300);

    assert_eq!(world.apple.calls(Endpoint::Token), 8);
    assert_eq!(faults.waiting_count(), 0);
}

#[tokio::test]
async fn a_fault_in_place_of_the_answer_leaves_the_code_unspent() {
    let world = World::new().await;
    let code = world.code().await;
    world.apple.faults().repeat(Endpoint::Token, AnswerFault::Status { status: 500 }, 2);
    assert_eq!(world.redeem(&code).await.0, 500);
    assert_eq!(world.redeem(&code).await.0, 500);
    assert_eq!(world.redeem(&code).await.0, 200);
}

#[tokio::test]
async fn the_keys_endpoint_can_be_poisoned() {
    let world = World::new().await;
    let keys = async |fault: AnswerFault| {
        world.apple.faults().next(Endpoint::Keys, fault);
        world.http.get(world.url("/auth/keys")).send().await.unwrap()
    };
    let empty = keys(AnswerFault::json(&json!({"keys": []}))).await;
    assert_eq!(empty.json::<Value>().await.unwrap(), json!({"keys": []}));
    let large = keys(AnswerFault::Large { bytes: 10 << 20 }).await;
    assert!(large.bytes().await.unwrap().len() > 10 << 20);
    let bomb = keys(AnswerFault::GzipBomb).await;
    assert_eq!(bomb.headers()["content-encoding"], "gzip");
    let bomb = bomb.bytes().await.unwrap();
    assert!(bomb.len() < 512 << 10, "{}", bomb.len());
    assert_eq!(bomb[..4], [0x1f, 0x8b, 8, 0]);

    let proper = world.http.get(world.url("/auth/keys")).send().await.unwrap();
    let proper: Value = proper.json().await.unwrap();
    assert_eq!(proper["keys"].as_array().unwrap().len(), 2);
    assert_eq!(world.apple.calls(Endpoint::Keys), 4);
}

#[tokio::test]
async fn an_id_token_can_be_wrong_in_every_way() {
    let world = World::new().await;
    let bent = async |faults: Vec<IdTokenFault>| {
        world.apple.faults().next_id_token(faults);
        world.id_token().await
    };
    // Wrong in what they say, and signed properly.
    let expected = [
        (IdTokenFault::WrongAudience, "aud", json!("com.example.somebody-else")),
        (IdTokenFault::WrongIssuer, "iss", json!("https://account.apple.com")),
        (IdTokenFault::remove("nonce"), "nonce", Value::Null),
        (IdTokenFault::set(&json!({"sub": 7, "email": []})), "sub", json!(7)),
    ];
    for (fault, name, value) in expected {
        let claims = world.verify(&bent(vec![fault.clone()]).await).await.unwrap();
        assert_eq!(claims[name], value, "{fault:?}");
    }
    let expired = world.verify(&bent(vec![IdTokenFault::Expired]).await).await.unwrap();
    assert!(expired["exp"].as_i64().unwrap() < world.now());
    let early = world.verify(&bent(vec![IdTokenFault::FromTheFuture]).await).await.unwrap();
    assert!(early["iat"].as_i64().unwrap() > world.now() + 3_000);
    let fields = [("request", query_with("nonce", "mine")), ("person", "ann".to_owned())];
    let answer = world.http.post(world.url("/auth/choose")).form(&fields).send().await.unwrap();
    let answer = AnswerForm::read(&answer.text().await.unwrap(), "answer").unwrap();
    let others = [IdTokenFault::OtherNonce, IdTokenFault::WrongAccessTokenHash];
    world.apple.faults().next_id_token(others);
    let (_, body) = world.redeem(&answer.get("code").unwrap()).await;
    let claims = world.verify(body["id_token"].as_str().unwrap()).await.unwrap();
    assert_ne!(claims["nonce"], "mine");
    let access_token = body["access_token"].as_str().unwrap();
    let hash = URL_SAFE_NO_PAD.encode(&digest(&SHA256, access_token.as_bytes()).as_ref()[..16]);
    assert_ne!(claims["at_hash"], hash);
    // Wrong in how they are signed.
    for fault in [
        IdTokenFault::BadSignature,
        IdTokenFault::UnknownKid,
        IdTokenFault::HmacWithPublicKey,
        IdTokenFault::AlgNone,
    ] {
        let id_token = bent(vec![fault.clone()]).await;
        assert!(world.verify(&id_token).await.is_err(), "{fault:?}");
    }
    let none = bent(vec![IdTokenFault::AlgNone]).await;
    assert!(none.ends_with('.') && part(&none, 0)["alg"] == "none");
    let members = json!({"jku": "https://evil.test/", "kid": null}).as_object().cloned().unwrap();
    let header = bent(vec![IdTokenFault::Header { members }]).await;
    assert_eq!(part(&header, 0), json!({"alg": "RS256", "jku": "https://evil.test/"}));
    let verbatim = IdTokenFault::Verbatim { id_token: "x.y.z".into() };
    assert_eq!(bent(vec![verbatim]).await, "x.y.z");

    assert!(world.verify(&world.id_token().await).await.is_ok());
}

#[tokio::test]
async fn keys_rotate() {
    let world = World::new().await;
    let before = world.id_token().await;
    world.apple.rotate_keys().unwrap();
    assert!(world.verify(&before).await.is_ok(), "the key before stays published");
    let after = world.id_token().await;
    assert_ne!(part(&before, 0)["kid"], part(&after, 0)["kid"]);
    world.apple.rotate_keys().unwrap();
    assert!(world.verify(&before).await.is_err(), "the one before that does not");
    assert!(world.verify(&after).await.is_ok());
}
