use std::net::SocketAddr;

use serde_json::{Value, json};

use super::browser::{
    AnswerForm, CLIENT, RETURN, World, client, client_for, encode, new_p8, parameters, query,
    query_with,
};
use crate::base::secret::Secret;
use crate::fake_apple::{Endpoint, FakeApple, PlusSign, Settings, Tls};

#[tokio::test]
async fn a_first_consent_brings_code_state_and_user() {
    let world = World::new().await;
    let form = world.pick(&query(), &[("person", "ann")]).await;
    assert_eq!(form.action, RETURN);
    assert_eq!(form.get("state").as_deref(), Some("the-state"));
    assert_eq!(form.get("id_token"), None);
    let user: Value = serde_json::from_str(&form.get("user").unwrap()).unwrap();
    let name = json!({"firstName": "Ann", "lastName": "Archer"});
    assert_eq!(user, json!({"name": name, "email": "ann@corp.example"}));

    let again = world.pick(&query(), &[("person", "ann")]).await;
    assert_eq!(again.get("user"), None);
    assert_ne!(again.get("code"), form.get("code"));

    world.apple.stop_using(CLIENT, "000401.5d1f0c2a8be94e6f9a37c1e2b4d60a11.0901");
    assert!(world.pick(&query(), &[("person", "ann")]).await.get("user").is_some());
    assert_eq!(world.apple.calls(Endpoint::Authorize), 3);
}

#[tokio::test]
async fn a_cancel_brings_the_error_and_state() {
    let world = World::new().await;
    let form = world.pick(&query(), &[("cancel", "1")]).await;
    let fields = [("error", "user_cancelled_authorize"), ("state", "the-state")];
    assert_eq!(form.fields, fields.map(|(name, value)| (name.into(), value.into())));
}

#[tokio::test]
async fn the_posting_page_needs_no_script_and_sends_its_origin() {
    let world = World::new().await;
    let fields = [("request", query()), ("person", "rae".to_owned())];
    let answer = world.http.post(world.url("/auth/choose")).form(&fields).send().await.unwrap();
    assert_eq!(answer.headers()["referrer-policy"], "origin");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert!(!answer.headers()["content-security-policy"].to_str().unwrap().contains("form-action"));
    let page = answer.text().await.unwrap();
    assert!(page.contains("Continue</button>"));
}

#[tokio::test]
async fn every_refusal_of_the_authorization_request() {
    let world = World::new().await;
    let mut doubled = parameters();
    doubled.push(("state", "two".to_owned()));
    let plus = query().replace("name%20email", "name+email");
    let hybrid = query_with("response_type", "code id_token").replace("code%20id", "code+id");
    let mut hybrid_query = parameters();
    hybrid_query.retain(|(name, _)| !["scope", "response_mode", "response_type"].contains(name));
    hybrid_query.push(("response_type", "code id_token".to_owned()));
    let challenge = format!("{}&code_challenge=abc", query());
    let form_post = "response_mode must be form_post when name or email scope is requested.";
    let cases = [
        (query_with("client_id", ""), "invalid_request", "client_id"),
        (query_with("client_id", "com.example.Web"), "invalid_client", "Invalid client"),
        (query_with("client_id", "com.example.app"), "invalid_client", "Invalid client"),
        (query_with("redirect_uri", ""), "invalid_request", "invalid web redirect url"),
        (
            query_with("redirect_uri", &format!("{RETURN}/")),
            "invalid_request",
            "invalid web redirect url",
        ),
        (
            query_with("redirect_uri", &RETURN.replace("https", "http")),
            "invalid_request",
            "invalid web redirect url",
        ),
        (
            query_with("redirect_uri", "https://evil.test/"),
            "invalid_request",
            "invalid web redirect url",
        ),
        (query_with("response_type", ""), "invalid_request", "Invalid response type"),
        (query_with("response_type", "id_token"), "invalid_request", "Invalid response type"),
        (query_with("response_mode", "web_message"), "invalid_request", "Invalid response mode"),
        (query_with("response_mode", "query"), "invalid_request", form_post),
        (query_with("response_mode", "fragment"), "invalid_request", form_post),
        (query_with("response_mode", ""), "invalid_request", form_post),
        (encode(&hybrid_query), "invalid_request", "Invalid response mode"),
        (query_with("scope", "name groups"), "invalid_scope", "groups"),
        (query_with("scope", "name  email"), "invalid_scope", "Invalid scope"),
        (plus, "invalid_scope", "Invalid scope: it has a + for a space"),
        (hybrid, "invalid_request", "Invalid response_type: it has a + for a space"),
        (encode(&doubled), "invalid_request", "Duplicate parameter: state"),
        (format!("{}&x=%zz", query()), "invalid_request", "not encoded"),
        (format!("{}&x=%ff", query()), "invalid_request", "not encoded"),
        (challenge, "invalid_request", "Invalid code challenge method"),
    ];
    for (query, error, text) in cases {
        let answer = world.authorize(&query).await;
        assert_eq!(answer.status(), 400, "{query}");
        let page = answer.text().await.unwrap();
        assert!(page.contains(&format!("<code>{error}</code>")), "{query}: {page}");
        assert!(page.contains(text), "{query}: {page}");
        assert!(AnswerForm::read(&page, "choose").is_none());
        // Nor does the second leg go round the checks.
        let fields = [("request", query.as_str()), ("person", "ann")];
        let answer = world.http.post(world.url("/auth/choose")).form(&fields).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{query}");
    }
}

#[tokio::test]
async fn a_plus_sign_can_drop_the_scopes_as_the_native_sheet_does() {
    let world = World::with(|settings| settings.plus_sign = PlusSign::DropsScopes).await;
    let form =
        world.pick(&query().replace("name%20email", "name+email"), &[("person", "ann")]).await;
    assert_eq!(form.get("user"), None);
    let (_, body) = world.redeem(&form.get("code").unwrap()).await;
    let claims = world.verify(body["id_token"].as_str().unwrap()).await.unwrap();
    assert_eq!(claims.get("email"), None);

    // What was granted at first stays until the consent ends.
    let form = world.pick(&query(), &[("person", "ann")]).await;
    assert_eq!(form.get("user"), None);
    let (_, body) = world.redeem(&form.get("code").unwrap()).await;
    let claims = world.verify(body["id_token"].as_str().unwrap()).await.unwrap();
    assert_eq!(claims.get("email"), None);
}

#[tokio::test]
async fn query_and_fragment_answer_by_redirect_without_scopes() {
    let world = World::new().await;
    for (mode, mark) in [("query", '?'), ("fragment", '#')] {
        let mut parameters = parameters();
        parameters.retain(|(name, _)| *name != "scope" && *name != "response_mode");
        parameters.push(("response_mode", mode.to_owned()));
        let fields = [("request", encode(&parameters)), ("person", "ann".to_owned())];
        let answer = world.http.post(world.url("/auth/choose")).form(&fields).send().await.unwrap();
        assert_eq!(answer.status(), 303);
        let location = answer.headers()["location"].to_str().unwrap();
        let (uri, rest) = location.split_once(mark).unwrap();
        assert_eq!(uri, RETURN);
        assert!(rest.starts_with("code=") && rest.ends_with("&state=the-state"), "{rest}");
        assert!(!rest.contains("user="));
    }
}

#[tokio::test]
async fn the_hybrid_answer_carries_an_id_token_bound_to_the_code() {
    let world = World::new().await;
    let query = query_with("response_type", "code id_token");
    let form = world.pick(&query, &[("person", "ann")]).await;
    let claims = world.verify(&form.get("id_token").unwrap()).await.unwrap();
    assert!(claims["c_hash"].is_string() && claims["nonce"].is_string());
}

#[tokio::test]
async fn somebody_can_be_made_up() {
    let world = World::new().await;
    let form = world
        .pick(
            &query(),
            &[
                ("email", "x@y.example"),
                ("email_verified", "text-false"),
                ("is_private_email", "absent"),
                ("org_id", "org"),
                ("first_name", "<script>&\"'"),
                ("claims", r#"{"real_user_status": 2, "email_verified": 1}"#),
            ],
        )
        .await;
    let user: Value = serde_json::from_str(&form.get("user").unwrap()).unwrap();
    assert_eq!(user["name"]["firstName"], "<script>&\"'");
    let (_, body) = world.redeem(&form.get("code").unwrap()).await;
    let claims = world.verify(body["id_token"].as_str().unwrap()).await.unwrap();
    assert_eq!(claims["email"], "x@y.example");
    assert_eq!(claims["email_verified"], 1);
    assert_eq!(claims["org_id"], "org");
    assert_eq!(claims.get("is_private_email"), None);
    assert_eq!(claims["sub"].as_str().unwrap().split('.').map(str::len).sum::<usize>(), 42);

    for bad in [("claims", "[]"), ("claims", r#"{"aud": "x"}"#), ("email_verified", "maybe")] {
        let fields = [("request", query()), (bad.0, bad.1.to_owned())];
        let answer = world.http.post(world.url("/auth/choose")).form(&fields).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{bad:?}");
    }
}

#[tokio::test]
async fn the_password_comes_before_the_people() {
    let password = "correct horse battery";
    let world = World::with(|settings| settings.password = Some(Secret::new(password))).await;
    let page = world.authorize(&query()).await.text().await.unwrap();
    assert!(!page.contains("Ann"));
    let form = AnswerForm::read(&page, "unlock").unwrap();
    let request = form.get("request").unwrap();
    let choose = [("request", request.as_str()), ("person", "ann")];
    let skipped = world.http.post(world.url("/auth/choose")).form(&choose).send().await.unwrap();
    assert!(AnswerForm::read(&skipped.text().await.unwrap(), "answer").is_none());

    let unlock = |password: &str| {
        let fields = [("request", request.as_str()), ("password", password)];
        world.http.post(world.url(&form.action)).form(&fields).send()
    };
    assert_eq!(unlock("wrong").await.unwrap().status(), 403);
    let unlocked = unlock(password).await.unwrap();
    assert_eq!(unlocked.status(), 303);
    let location = unlocked.headers()["location"].to_str().unwrap();
    let cookie = unlocked.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-") && cookie.contains("HttpOnly"));
    let cookie = cookie.split(';').next().unwrap();
    let page = world.http.get(world.url(location)).header("cookie", cookie).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("Ann Archer"));
}

#[tokio::test]
async fn what_must_not_start_does_not() {
    let refusal = async |change: fn(&mut Settings)| {
        let (_, pem) = new_p8();
        let mut settings = Settings::new(vec![client(CLIENT, &pem)]);
        change(&mut settings);
        FakeApple::start(settings).await.unwrap_err().to_string()
    };
    assert!(refusal(|s| s.listen = everywhere()).await.contains("set a password"));
    let plain = refusal(|s| {
        s.listen = everywhere();
        s.tls = Tls::Plain;
        s.password = Some(Secret::new("long enough for it"));
    });
    assert!(plain.await.contains("loopback alone"));
    assert!(refusal(|s| s.password = Some(Secret::new("short"))).await.contains("too short"));
    assert!(refusal(|s| s.clients.clear()).await.contains("no client"));
    assert!(refusal(|s| s.clients[0].team_id = "team".into()).await.contains("`team`"));
    assert!(refusal(|s| s.people.push(s.people[0].clone())).await.contains("used twice"));
}

fn everywhere() -> SocketAddr {
    "0.0.0.0:0".parse().unwrap()
}

#[test]
fn return_urls_are_held_to_the_rules_of_the_portal() {
    let (_, pem) = new_p8();
    let check = |uri: &str| {
        let mut client = client(CLIENT, &pem);
        client.redirect_uris = vec![uri.to_owned()];
        Settings::new(vec![client]).check_listener()
    };
    for uri in [
        "http://app.example.com/cb",
        "https://192.0.2.1/cb",
        "https://[2001:db8::1]/cb",
        "https://app.example.com/cb#x",
        "https://*.example.com/cb",
        "/cb",
        "app:cb",
    ] {
        assert!(check(uri).unwrap_err().to_string().contains(uri), "{uri}");
    }
    for uri in ["https://app.example.com/cb", "http://127.0.0.1:8080/", "http://a.localhost/"] {
        check(uri).unwrap();
    }
}

#[test]
fn a_base_url_is_scheme_host_and_port() {
    for (url, why) in [
        ("https://apple.localhost/", "no slash"),
        ("https://Apple.localhost", "lower case"),
        ("http://apple.localhost", "speaks TLS"),
        ("apple.localhost", "not a URL"),
    ] {
        let mut settings = Settings::new(Vec::new());
        settings.base_url = Some(url.to_owned());
        let refused = settings.base_url_at("127.0.0.1:1".parse().unwrap()).unwrap_err();
        assert!(refused.to_string().contains(why), "{url}: {refused}");
    }
}

#[tokio::test]
async fn it_answers_to_its_own_name_alone() {
    let world = World::new().await;
    let port = world.apple.address().port();
    let plain = World::with(|settings| settings.tls = Tls::Plain).await;
    let http = client_for(plain.apple.address(), None);
    let foreign = http.get(plain.url("/auth/keys")).header("host", "rebound.example").send();
    assert_eq!(foreign.await.unwrap().status(), 421);
    assert_eq!(http.get(plain.url("/auth/keys")).send().await.unwrap().status(), 200);
    let bare = world.http.get(format!("https://127.0.0.1:{port}/auth/keys")).send();
    assert_eq!(bare.await.unwrap().status(), 200);
}
