//! A client that behaves like a browser, and a server that mints client secrets: written here anew,
//! from Apple's description.

use std::net::SocketAddr;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Response};
use serde_json::{Value, json};

use crate::base::random;
use crate::base::time::Clock;
use crate::fake_apple::{Client, ClientKey, FakeApple, Settings};

pub(super) const CLIENT: &str = "com.example.web";
pub(super) const OTHER_CLIENT: &str = "com.example.other";
pub(super) const TEAM: &str = "TEAM123456";
pub(super) const KEY: &str = "KEYAAAAAAA";
pub(super) const RETURN: &str = "https://auth.localhost:8443/oauth2/callback";

/// A fake Apple, somebody who may talk to it, and a browser.
pub(super) struct World {
    pub apple: FakeApple,
    pub http: reqwest::Client,
    pub clock: Clock,
    pub pkcs8: Vec<u8>,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let (pkcs8, pem) = new_p8();
        let mut settings = Settings::new(vec![client(CLIENT, &pem), client(OTHER_CLIENT, &pem)]);
        let clock = Clock::system();
        settings.clock = clock.clone();
        change(&mut settings);
        let apple = FakeApple::start(settings).await.unwrap();
        let http = client_for(apple.address(), apple.authority_pem());
        Self { apple, http, clock, pkcs8 }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.apple.base_url())
    }

    pub(super) async fn authorize(&self, query: &str) -> Response {
        self.http.get(self.url(&format!("/auth/authorize?{query}"))).send().await.unwrap()
    }

    /// Picks somebody on the page; the form that goes to the return URL.
    pub(super) async fn pick(&self, query: &str, choice: &[(&str, &str)]) -> AnswerForm {
        let page = self.authorize(query).await;
        assert_eq!(page.status(), 200);
        let page = page.text().await.unwrap();
        assert!(page.contains("This is not Apple"));
        let form = AnswerForm::read(&page, "choose").unwrap();
        let mut fields = form.fields.clone();
        fields.extend(choice.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        let answer = self.http.post(self.url(&form.action)).form(&fields).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        AnswerForm::read(&answer.text().await.unwrap(), "answer").unwrap()
    }

    /// A code for `ann`.
    pub(super) async fn code(&self) -> String {
        self.pick(&query(), &[("person", "ann")]).await.get("code").unwrap()
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.now().0
    }

    pub(super) fn secret_claims(&self) -> Value {
        let now = self.now();
        json!({
            "iss": TEAM, "sub": CLIENT, "aud": self.apple.base_url(),
            "iat": now - 60, "exp": now + 300,
        })
    }

    /// A client secret, right unless `claims` and `header` say otherwise.
    pub(super) fn secret(&self) -> String {
        sign(&self.pkcs8, &json!({"alg": "ES256", "kid": KEY}), &self.secret_claims())
    }

    /// The fields of a proper redemption.
    pub(super) fn redemption(&self, code: &str) -> Vec<(String, String)> {
        [
            ("client_id", CLIENT),
            ("client_secret", &self.secret()),
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", RETURN),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    pub(super) async fn post(&self, path: &str, fields: &[(String, String)]) -> (u16, Value) {
        let answer = self.http.post(self.url(path)).form(fields).send().await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.text().await.unwrap();
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    pub(super) async fn redeem(&self, code: &str) -> (u16, Value) {
        self.post("/auth/token", &self.redemption(code)).await
    }

    /// A sign-in of `ann` up to the id_token, not verified.
    pub(super) async fn id_token(&self) -> String {
        let (status, body) = self.redeem(&self.code().await).await;
        assert_eq!(status, 200);
        body["id_token"].as_str().unwrap().to_owned()
    }

    /// The claims of an id_token, verified against the published keys and against nothing else.
    pub(super) async fn verify(&self, id_token: &str) -> jsonwebtoken::errors::Result<Value> {
        let keys = self.http.get(self.url("/auth/keys")).send().await.unwrap();
        let keys: JwkSet = keys.json().await.unwrap();
        let header = jsonwebtoken::decode_header(id_token)?;
        let Some(key) = keys.find(&header.kid.unwrap()) else {
            return Err(jsonwebtoken::errors::ErrorKind::InvalidSignature.into());
        };
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        let decoded = jsonwebtoken::decode(id_token, &DecodingKey::from_jwk(key)?, &validation);
        decoded.map(|token| token.claims)
    }
}

/// A registration with two return URLs.
pub(super) fn client(client_id: &str, pem: &str) -> Client {
    Client {
        client_id: client_id.to_owned(),
        team_id: TEAM.to_owned(),
        keys: vec![ClientKey::from_pem(KEY, pem.as_bytes()).unwrap()],
        redirect_uris: vec![RETURN.to_owned(), format!("{RETURN}/two")],
    }
}

pub(super) fn client_for(address: SocketAddr, authority: Option<&str>) -> reqwest::Client {
    let mut builder = reqwest::Client::builder()
        .resolve("apple.localhost", address)
        .redirect(Policy::none())
        .no_proxy();
    if let Some(pem) = authority {
        builder = builder.tls_certs_only([Certificate::from_pem(pem.as_bytes()).unwrap()]);
    }
    builder.build().unwrap()
}

/// A key as Apple's portal gives it: PKCS#8, and that as PEM.
pub(super) fn new_p8() -> (Vec<u8>, String) {
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
    let body = STANDARD.encode(pkcs8.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----");
    (pkcs8.as_ref().to_vec(), pem)
}

pub(super) fn sign(pkcs8: &[u8], header: &Value, claims: &Value) -> String {
    let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let message = format!("{}.{}", encode(header), encode(claims));
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).unwrap();
    let signature = key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// What Russet sends.
pub(super) fn parameters() -> Vec<(&'static str, String)> {
    vec![
        ("client_id", CLIENT.to_owned()),
        ("redirect_uri", RETURN.to_owned()),
        ("response_type", "code".to_owned()),
        ("response_mode", "form_post".to_owned()),
        ("scope", "name email".to_owned()),
        ("state", "the-state".to_owned()),
        ("nonce", random::token()),
    ]
}

/// A query string with `%20` for a space.
pub(super) fn encode(parameters: &[(&str, String)]) -> String {
    let mut serializer = form_urlencoded::Serializer::new(String::new());
    serializer.extend_pairs(parameters).finish().replace('+', "%20")
}

pub(super) fn query() -> String {
    encode(&parameters())
}

/// The usual query but for one parameter; an empty value leaves it out.
pub(super) fn query_with(name: &str, value: &str) -> String {
    let mut parameters = parameters();
    parameters.retain(|(other, _)| *other != name);
    if !value.is_empty() {
        parameters.push((name, value.to_owned()));
    }
    encode(&parameters)
}

/// A form of a page: what a browser would post.
#[derive(Debug)]
pub(super) struct AnswerForm {
    pub action: String,
    pub fields: Vec<(String, String)>,
}

impl AnswerForm {
    pub(super) fn read(page: &str, id: &str) -> Option<Self> {
        let opening = page.split("<form ").find(|form| form.contains(&format!("id=\"{id}\"")))?;
        let form = opening.split("</form>").next()?;
        let action = attribute(form, "action")?;
        let fields = form
            .split("<input type=\"hidden\" ")
            .skip(1)
            .map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)))
            .collect::<Option<_>>()?;
        Some(Self { action, fields })
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone())
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    let value = rest.split('"').next()?;
    let entities =
        [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
    Some(entities.iter().fold(value.to_owned(), |text, (from, to)| text.replace(from, to)))
}
