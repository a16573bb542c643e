use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::browser::{
    AnswerForm, CLIENT, KEY, OTHER_CLIENT, RETURN, World, new_p8, query, query_with, sign,
};
use crate::fake_apple::Endpoint;

fn set(fields: &mut Vec<(String, String)>, name: &str, value: &str) {
    fields.retain(|(field, _)| field != name);
    if !value.is_empty() {
        fields.push((name.to_owned(), value.to_owned()));
    }
}

#[tokio::test]
async fn a_code_becomes_a_full_id_token() {
    let world = World::new().await;
    let form = world.pick(&query_with("nonce", "the-nonce"), &[("person", "ben")]).await;
    let (status, body) = world.redeem(&form.get("code").unwrap()).await;
    assert_eq!(status, 200);
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 3600);
    assert!(body["refresh_token"].is_string());
    let claims = world.verify(body["id_token"].as_str().unwrap()).await.unwrap();
    assert_eq!(claims["iss"], world.apple.base_url());
    assert_eq!(claims["aud"], CLIENT);
    assert_eq!(claims["nonce"], "the-nonce");
    assert_eq!(claims["nonce_supported"], true);
    assert_eq!(claims["email_verified"], "true");
    assert_eq!(claims["email"], "ben@corp.example");
    let (iat, exp) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    assert_eq!(exp - iat, 86_400);
    assert!((world.now() - iat).abs() <= 2 && claims["auth_time"].is_i64());
    let access_token = body["access_token"].as_str().unwrap();
    let hash = URL_SAFE_NO_PAD.encode(&digest(&SHA256, access_token.as_bytes()).as_ref()[..16]);
    assert_eq!(claims["at_hash"], hash);

    let recorded = world.apple.last_request(Endpoint::Token).unwrap();
    assert_eq!(recorded.field("redirect_uri"), RETURN);
    assert!(!recorded.headers.contains_key("authorization") && recorded.query.is_none());
    assert!(!format!("{recorded:?}").contains(recorded.field("code")));
}

#[tokio::test]
async fn a_code_works_once_and_for_five_minutes() {
    let world = World::new().await;
    let code = world.code().await;
    assert_eq!(world.redeem(&code).await.0, 200);
    let (status, body) = world.redeem(&code).await;
    assert_eq!(status, 400);
    let used = "The code has already been used.";
    assert_eq!(body, json!({"error": "invalid_grant", "error_description": used}));

    let (in_time, late) = (world.code().await, world.code().await);
    world.clock.shift(299);
    assert_eq!(world.redeem(&in_time).await.0, 200);
    world.clock.shift(3);
    let (status, body) = world.redeem(&late).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
}

#[tokio::test]
async fn a_code_belongs_to_one_client_and_one_return_url() {
    let world = World::new().await;
    let code = world.code().await;
    let mut other_uri = world.redemption(&code);
    set(&mut other_uri, "redirect_uri", &format!("{RETURN}/two"));
    let (_, body) = world.post("/auth/token", &other_uri).await;
    let text = format!("redirect_uri mismatch. The code was not issued to {RETURN}/two.");
    assert_eq!(body, json!({"error": "invalid_grant", "error_description": text}));

    let mut claims = world.secret_claims();
    claims["sub"] = json!(OTHER_CLIENT);
    let secret = sign(&world.pkcs8, &json!({"alg": "ES256", "kid": KEY}), &claims);
    let mut other_client = world.redemption(&code);
    set(&mut other_client, "client_id", OTHER_CLIENT);
    set(&mut other_client, "client_secret", &secret);
    let (_, body) = world.post("/auth/token", &other_client).await;
    assert!(body["error_description"].as_str().unwrap().starts_with("client_id mismatch."));
    assert_eq!(world.redeem("nonsense").await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn every_defect_of_a_client_secret_is_invalid_client() {
    let world = World::new().await;
    let header = json!({"alg": "ES256", "kid": KEY});
    let now = world.now();
    let with = |name: &str, value: Value| {
        let mut claims = world.secret_claims();
        claims[name] = value;
        sign(&world.pkcs8, &header, &claims)
    };
    let right = world.secret_claims();
    let (other_key, _) = new_p8();
    let base = world.apple.base_url();
    let message = world.secret().rsplit_once('.').unwrap().0.to_owned();
    let der = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &world.pkcs8).unwrap();
    let der = der.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    let cases = [
        (format!("{message}.{}", URL_SAFE_NO_PAD.encode(der)), "is it DER?"),
        (format!("{message}."), "is it DER?"),
        (message.clone(), "three parts"),
        ("nonsense".to_owned(), "three parts"),
        (format!("{}.x", world.secret()), "three parts"),
        (sign(&other_key, &header, &right), "does not verify"),
        (sign(&world.pkcs8, &json!({"alg": "HS256", "kid": KEY}), &right), "not ES256"),
        (sign(&world.pkcs8, &json!({"alg": "none", "kid": KEY}), &right), "not ES256"),
        (sign(&world.pkcs8, &json!({"alg": "ES256", "kid": "KEYBBBBBBB"}), &right), "no key"),
        (sign(&world.pkcs8, &json!({"alg": "ES256"}), &right), "no `kid`"),
        (with("iss", json!("TEAM654321")), "`iss`"),
        (with("sub", json!(OTHER_CLIENT)), "`sub`"),
        (with("aud", json!(format!("{base}/"))), "`aud`"),
        (with("aud", json!(format!("{base}/auth/token"))), "`aud`"),
        (with("aud", json!([base])), "`aud`"),
        (with("aud", json!("https://appleid.apple.com")), "`aud`"),
        (with("iat", json!(now + 30)), "in the future"),
        (with("iat", json!("now")), "`iat`"),
        (with("iat", json!(1.5)), "`iat`"),
        (with("exp", json!(now - 1)), "expired"),
        (with("exp", json!(now + 15_777_100)), "15777000"),
        (with("exp", Value::Null), "`exp`"),
    ];
    let code = world.code().await;
    for (secret, why) in cases {
        let mut fields = world.redemption(&code);
        set(&mut fields, "client_secret", &secret);
        let (status, body) = world.post("/auth/token", &fields).await;
        assert_eq!((status, body), (400, json!({"error": "invalid_client"})), "{why}");
        let report = world.apple.report();
        let told = report.last_refusal.unwrap();
        assert!(told.contains(why), "{told} is not {why}");
        assert!(!told.contains(&secret));
    }
    let longest = with("exp", json!(now + 15_777_000));
    let mut fields = world.redemption(&code);
    set(&mut fields, "client_secret", &longest);
    assert_eq!(world.post("/auth/token", &fields).await.0, 200);
}

#[tokio::test]
async fn every_refusal_of_the_envelope() {
    let world = World::new().await;
    let code = world.code().await;
    let fields = world.redemption(&code);
    let url = world.url("/auth/token");
    let body = |fields: &[(String, String)]| {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
    };
    let form = "application/x-www-form-urlencoded";
    let post = || world.http.post(&url).header("content-type", form).body(body(&fields));
    let mut doubled = fields.clone();
    doubled.push(("code".into(), "x".into()));
    let mut unknown = fields.clone();
    unknown.push(("scope".into(), "email".into()));
    let mut no_code = fields.clone();
    set(&mut no_code, "code", "");
    let mut no_grant = fields.clone();
    set(&mut no_grant, "grant_type", "");
    let mut odd_grant = fields.clone();
    set(&mut odd_grant, "grant_type", "password");
    let mut migration = fields.clone();
    set(&mut migration, "grant_type", "client_credentials");
    let mut verifier = fields.clone();
    set(&mut verifier, "code_verifier", "never asked for");
    let mut no_uri = fields.clone();
    set(&mut no_uri, "redirect_uri", "");
    let raw = body(&fields).replace("%3A%2F%2F", "://  ");
    let json = serde_json::to_string(&fields).unwrap();
    let again = |fields: &[(String, String)]| world.http.post(&url).form(fields);
    let cases = [
        (post().basic_auth(CLIENT, Some("x")), "invalid_client"),
        (world.http.post(format!("{url}?code=x")).form(&fields), "invalid_request"),
        (
            world.http.post(&url).header("content-type", "application/json").body(json),
            "invalid_request",
        ),
        (world.http.post(&url).body(body(&fields)), "invalid_request"),
        (world.http.post(&url).header("content-type", form).body(raw), "invalid_client"),
        (again(&doubled), "invalid_request"),
        (again(&unknown), "invalid_request"),
        (again(&no_code), "invalid_request"),
        (again(&no_uri), "invalid_request"),
        (again(&no_grant), "invalid_request"),
        (again(&odd_grant), "unsupported_grant_type"),
        (again(&migration), "unauthorized_client"),
        (again(&verifier), "invalid_grant"),
    ];
    for (number, (request, error)) in cases.into_iter().enumerate() {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 400, "case {number}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error"], error, "case {number}");
    }
    let get = world.http.get(&url).send().await.unwrap();
    assert_eq!((get.status().as_u16(), &get.headers()["allow"]), (405, &"POST".parse().unwrap()));
    assert_eq!(post().send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_challenge_wants_its_verifier() {
    let world = World::new().await;
    let verifier = "a-verifier-of-at-least-forty-three-characters";
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    let query = format!("{}&code_challenge={challenge}&code_challenge_method=S256", query());
    let code = world.pick(&query, &[("person", "ann")]).await.get("code").unwrap();
    assert_eq!(world.redeem(&code).await.1["error"], "invalid_grant");
    let mut fields = world.redemption(&code);
    set(&mut fields, "code_verifier", verifier);
    assert_eq!(world.post("/auth/token", &fields).await.0, 200);
}

#[tokio::test]
async fn refresh_and_revoke() {
    let world = World::new().await;
    let form = world.pick(&query(), &[("person", "ann")]).await;
    let (_, tokens) = world.redeem(&form.get("code").unwrap()).await;
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let mut refresh = world.redemption("");
    set(&mut refresh, "grant_type", "refresh_token");
    set(&mut refresh, "redirect_uri", "");
    refresh.retain(|(name, _)| name != "code");
    set(&mut refresh, "refresh_token", refresh_token);
    let (status, body) = world.post("/auth/token", &refresh).await;
    assert_eq!(status, 200);
    assert_eq!(body.get("refresh_token"), None);
    let claims = world.verify(body["id_token"].as_str().unwrap()).await.unwrap();
    assert_eq!(claims["email"], "ann@corp.example");
    assert_eq!((claims.get("nonce"), claims.get("auth_time")), (None, None));

    let revocation = |token: &str, hint: &str| {
        let mut fields = world.redemption("");
        fields.truncate(2);
        set(&mut fields, "token", token);
        set(&mut fields, "token_type_hint", hint);
        fields
    };
    for (token, hint, status) in [
        (refresh_token, "id_token", 400),
        (refresh_token, "access_token", 400),
        ("", "refresh_token", 400),
        ("nonsense", "refresh_token", 200),
        (refresh_token, "refresh_token", 200),
        (refresh_token, "refresh_token", 200),
    ] {
        let fields = revocation(token, hint);
        assert_eq!(world.post("/auth/revoke", &fields).await.0, status, "{hint}");
    }
    let (_, body) = world.post("/auth/token", &refresh).await;
    assert_eq!(body["error"], "invalid_grant");
    assert_eq!(world.apple.calls(Endpoint::Revoke), 6);

    // The next sign-in is a first consent again.
    let page = world.pick(&query(), &[("person", "ann")]).await;
    assert!(page.get("user").is_some());
}

#[tokio::test]
async fn every_prepared_person_says_what_they_should() {
    let world = World::new().await;
    let mut seen = Vec::new();
    for person in ["ann", "ben", "rae", "max", "uma"] {
        let form: AnswerForm = world.pick(&query(), &[("person", person)]).await;
        let (_, body) = world.redeem(&form.get("code").unwrap()).await;
        let claims = world.verify(body["id_token"].as_str().unwrap()).await.unwrap();
        seen.push(
            ["email", "email_verified", "is_private_email", "org_id"]
                .map(|name| claims.get(name).map(Value::to_string).unwrap_or_default()),
        );
    }
    let expected = [
        ["\"ann@corp.example\"", "true", "", ""],
        ["\"ben@corp.example\"", "\"true\"", "\"false\"", ""],
        ["\"r8k2m4x9qd@privaterelay.appleid.com\"", "true", "true", ""],
        ["", "", "", "\"corp-example-school\""],
        ["\"uma@corp.example\"", "false", "", "\"corp-example\""],
    ];
    assert_eq!(seen, expected);
}
