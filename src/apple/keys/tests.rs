use std::sync::Mutex as StdMutex;

use super::*;
use crate::apple::testing::{KEY, NEXT_KEY, Reply, Server, TestKey, jwks, part, timeouts};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

type Answer = Box<dyn Fn() -> Reply + Send>;

/// A server of keys whose answer can be changed.
struct Keys {
    server: Server,
    answer: Arc<StdMutex<Answer>>,
    cache: KeyCache,
}

impl Keys {
    async fn serving(answer: impl Fn() -> Reply + Send + 'static) -> Self {
        let answer: Arc<StdMutex<Answer>> = Arc::new(StdMutex::new(Box::new(answer)));
        let shared = answer.clone();
        let server = Server::start(move |_| shared.lock().unwrap()()).await;
        let url = server.url("/auth/keys").parse().unwrap();
        let cache = KeyCache::new(Client::new(&[], timeouts()).unwrap(), url);
        Self { server, answer, cache }
    }

    async fn of(keys: &[&TestKey]) -> Self {
        let set = jwks(keys);
        Self::serving(move || Reply::json(200, &set)).await
    }

    fn now_serve(&self, answer: impl Fn() -> Reply + Send + 'static) {
        *self.answer.lock().unwrap() = Box::new(answer);
    }

    fn rotate(&self) {
        let set = jwks(&[&NEXT_KEY]);
        self.now_serve(move || Reply::json(200, &set));
    }

    fn fetches(&self) -> usize {
        self.server.requests().len()
    }
}

fn later(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

fn with(member: &str, value: Value) -> Value {
    let mut jwk = KEY.jwk();
    jwk[member] = value;
    json!({"keys": [jwk]})
}

fn without(member: &str) -> Value {
    let mut jwk = KEY.jwk();
    jwk.as_object_mut().unwrap().remove(member);
    json!({"keys": [jwk]})
}

/// Sets in which nothing can be relied on.
fn poisoned() -> Vec<(&'static str, Value)> {
    let big = |bytes: usize| json!(URL_SAFE_NO_PAD.encode(vec![0xff; bytes]));
    let modulus = KEY.jwk()["n"].as_str().unwrap().to_owned();
    let mut twin = NEXT_KEY.jwk();
    twin["kid"] = json!(KEY.kid);
    vec![
        (
            "symmetric",
            json!({"keys": [{"kty": "oct", "kid": "KEY1", "k": "c2VjcmV0", "use": "sig", "alg": "HS256"}]}),
        ),
        (
            "symmetric as RS256",
            json!({"keys": [{"kty": "oct", "kid": "KEY1", "k": "c2VjcmV0", "use": "sig", "alg": "RS256"}]}),
        ),
        ("weak modulus", with("n", big(128))),
        (
            "almost 2048 bits",
            with("n", json!(URL_SAFE_NO_PAD.encode([vec![0x7f], vec![0xff; 255]].concat()))),
        ),
        ("giant modulus", with("n", big(1025))),
        (
            "leading zeros",
            with("n", json!(URL_SAFE_NO_PAD.encode([vec![0], vec![0xff; 256]].concat()))),
        ),
        ("no modulus", with("n", json!(""))),
        ("modulus a number", with("n", json!(5))),
        ("modulus padded", with("n", json!(format!("{modulus}==")))),
        ("modulus in standard base64", with("n", json!(format!("+/{}", modulus.split_at(2).1)))),
        ("exponent 1", with("e", json!("AQ"))),
        ("exponent 3", with("e", json!("Aw"))),
        ("exponent even", with("e", json!("AQAC"))),
        ("exponent 0", with("e", json!(""))),
        ("exponent giant", with("e", big(5))),
        ("for encryption", with("use", json!("enc"))),
        ("no use", without("use")),
        ("other alg", with("alg", json!("RS512"))),
        ("alg none", with("alg", json!("none"))),
        ("no alg", without("alg")),
        ("no kid", without("kid")),
        ("empty kid", with("kid", json!(""))),
        ("kid a number", with("kid", json!(1))),
        ("kty in small letters", with("kty", json!("rsa"))),
        ("elliptic", with("kty", json!("EC"))),
        ("twins", json!({"keys": [KEY.jwk(), twin]})),
        ("empty", json!({"keys": []})),
        ("no list", json!({"keys": {}})),
        ("nothing", json!({})),
        ("a list", json!([KEY.jwk()])),
        ("65 keys", json!({"keys": vec![KEY.jwk(); 65]})),
    ]
}

#[test]
fn t42_a_poisoned_set_is_refused_and_the_next_good_one_taken() {
    for (name, set) in poisoned() {
        assert!(KeySet::read(set.to_string().as_bytes()).is_err(), "{name}");
        assert!(KeySet::read(jwks(&[&KEY]).to_string().as_bytes()).is_ok());
    }
    let doubled = jwks(&[&KEY]).to_string().replacen("\"kid\"", "\"kid\":\"KEY0\",\"kid\"", 1);
    assert!(KeySet::read(doubled.as_bytes()).is_err());
}

#[test]
fn t42_odd_keys_beside_a_good_one_are_skipped() {
    for (name, set) in poisoned() {
        let Some(list) = set["keys"].as_array().filter(|list| list.len() == 1) else { continue };
        let set = json!({"keys": [list[0], NEXT_KEY.jwk(), 5, null, {"kty": "new"}]});
        let set = KeySet::read(set.to_string().as_bytes()).unwrap();
        assert_eq!(set.kids(), ["KEY2"], "{name}");
    }
    let same_twice = json!({"keys": [KEY.jwk(), KEY.jwk()]});
    assert_eq!(KeySet::read(same_twice.to_string().as_bytes()).unwrap().kids(), ["KEY1"]);
}

#[test]
fn a_signature_holds_for_its_key_and_message_alone() {
    let set = KeySet::read(jwks(&[&KEY, &NEXT_KEY]).to_string().as_bytes()).unwrap();
    let signature = URL_SAFE_NO_PAD.decode(KEY.sign("message")).unwrap();
    assert!(set.verifies("KEY1", b"message", &signature));
    assert!(!set.verifies("KEY2", b"message", &signature));
    assert!(!set.verifies("KEY3", b"message", &signature));
    assert!(!set.verifies("KEY1", b"massage", &signature));
    assert!(!set.verifies("KEY1", b"message", &[]));
}

/// Everything that can stand in the way of a fetch.
fn troubles(elsewhere: &str) -> Vec<(&'static str, Answer)> {
    let location = elsewhere.to_owned();
    let mut all: Vec<(&'static str, Answer)> = vec![
        ("timeout", Box::new(|| Reply::Silence)),
        ("stall", Box::new(|| Reply::Stall)),
        ("reset", Box::new(|| Reply::Reset)),
        ("half", Box::new(|| Reply::Half)),
        ("500", Box::new(|| Reply::new(500, "text/plain", "sorry"))),
        ("502", Box::new(|| Reply::new(502, "text/html", "<html>Bad Gateway</html>"))),
        ("404 with keys", Box::new(|| Reply::json(404, &jwks(&[&NEXT_KEY])))),
        ("204", Box::new(|| Reply::new(204, "text/plain", ""))),
        ("html", Box::new(|| Reply::new(200, "text/html", "<html>hello</html>"))),
        (
            "truncated",
            Box::new(|| {
                Reply::new(
                    200,
                    "application/json",
                    &jwks(&[&NEXT_KEY]).to_string().as_bytes()[..99],
                )
            }),
        ),
        ("10 MiB", Box::new(|| Reply::new(200, "application/json", " ".repeat(10 << 20)))),
        (
            "gzip bomb",
            Box::new(|| {
                // 1 GiB of zeros begins like this; not one byte of it may be inflated.
                let start = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xec\xc1\x01\x01".to_vec();
                Reply::new(200, "application/json", start).header("Content-Encoding", "gzip")
            }),
        ),
        (
            "redirect",
            Box::new(move || Reply::new(307, "text/plain", "").header("Location", &location)),
        ),
    ];
    for (name, set) in poisoned() {
        all.push((name, Box::new(move || Reply::json(200, &set))));
    }
    all
}

#[tokio::test]
async fn t42_t77_no_trouble_lets_anybody_in_and_a_good_set_ends_it() {
    let elsewhere = Server::start(|_| Reply::json(200, &jwks(&[&NEXT_KEY]))).await;
    for (name, trouble) in troubles(&elsewhere.url("/auth/keys")) {
        let keys = Keys::serving(trouble).await;
        let start = monotonic();
        // Without a set: nobody signs in.
        let error = keys.cache.current(start).await.unwrap_err();
        assert!(error.to_string().starts_with("Apple's keys are not available: "), "{error}");
        // Then a good set.
        let set = jwks(&[&KEY]);
        keys.now_serve(move || Reply::json(200, &set));
        let good = keys.cache.current(start).await.unwrap();
        assert_eq!(good.keys.kids(), ["KEY1"], "{name}");
    }
    assert_eq!(elsewhere.requests().len(), 0);
}

#[tokio::test]
async fn t42_t77_the_last_good_set_outlives_every_trouble() {
    let elsewhere = Server::start(|_| Reply::json(200, &jwks(&[&NEXT_KEY]))).await;
    for (name, trouble) in troubles(&elsewhere.url("/auth/keys")) {
        let keys = Keys::of(&[&KEY]).await;
        let start = monotonic();
        let good = keys.cache.current(start).await.unwrap();
        *keys.answer.lock().unwrap() = trouble;
        assert!(keys.cache.newer_than(&good, "KEY2", start).await.is_none(), "{name}");
        assert!(Arc::ptr_eq(&keys.cache.current(start).await.unwrap(), &good), "{name}");
        // And a good one is taken again, although "KEY2" was asked for just now.
        keys.rotate();
        let next = keys.cache.newer_than(&good, "KEY2", start).await.unwrap();
        assert_eq!(next.keys.kids(), ["KEY2"], "{name}");
    }
    assert_eq!(elsewhere.requests().len(), 0);
}

#[tokio::test]
async fn t77_a_passing_trouble_is_tried_once_more_and_a_timeout_is_not() {
    let keys = Keys::serving(|| Reply::Reset).await;
    keys.cache.current(monotonic()).await.unwrap_err();
    assert_eq!(keys.fetches(), 2);
    let keys = Keys::serving(|| Reply::Silence).await;
    keys.cache.current(monotonic()).await.unwrap_err();
    assert_eq!(keys.fetches(), 1);
}

#[tokio::test]
async fn t43_ten_thousand_random_kids_cost_four_fetches() {
    let keys = Keys::of(&[&KEY]).await;
    let start = monotonic();
    let mut set = keys.cache.current(start).await.unwrap();
    for number in 0..10_000 {
        let kid = part(&format!("random {number}"));
        if let Some(newer) = keys.cache.newer_than(&set, &kid, later(start, number / 200)).await {
            set = newer;
            assert!(!set.keys.contains(&kid));
        }
    }
    assert_eq!(keys.fetches(), 4);
    // A rotation during the flood: the next minute's fetch serves everybody.
    keys.rotate();
    assert!(keys.cache.newer_than(&set, "KEY2", later(start, 59)).await.is_none());
    let next = keys.cache.newer_than(&set, "one more", later(start, 61)).await.unwrap();
    assert!(next.keys.contains("KEY2"));
    assert_eq!(keys.fetches(), 5);
}

#[tokio::test]
async fn t43_a_rotation_right_after_a_fetch_works_at_once() {
    let keys = Keys::of(&[&KEY]).await;
    let start = monotonic();
    let old = keys.cache.current(start).await.unwrap();
    keys.rotate();
    let new = keys.cache.newer_than(&old, "KEY2", later(start, 1)).await.unwrap();
    assert!(new.keys.contains("KEY2") && !new.keys.contains("KEY1"));
    // Whoever holds the old set still gets the new one without a fetch.
    assert!(keys.cache.newer_than(&old, "KEY2", later(start, 1)).await.is_some());
    assert_eq!(keys.fetches(), 2);
}

#[tokio::test]
async fn t43_a_rotation_early_in_a_flood_works_at_once() {
    let keys = Keys::of(&[&KEY]).await;
    let start = monotonic();
    let mut set = keys.cache.current(start).await.unwrap();
    for kid in ["a", "b"] {
        set = keys.cache.newer_than(&set, kid, start).await.unwrap();
    }
    keys.rotate();
    assert!(keys.cache.newer_than(&set, "KEY2", start).await.unwrap().keys.contains("KEY2"));
}

#[tokio::test]
async fn t43_a_miss_is_remembered_for_a_minute() {
    let keys = Keys::of(&[&KEY]).await;
    let start = monotonic();
    let mut set = keys.cache.current(start).await.unwrap();
    set = keys.cache.newer_than(&set, "gone", start).await.unwrap();
    for seconds in 0..60 {
        assert!(keys.cache.newer_than(&set, "gone", later(start, seconds)).await.is_none());
    }
    assert_eq!(keys.fetches(), 2);
    assert!(keys.cache.newer_than(&set, "gone", later(start, 60)).await.is_some());
    assert_eq!(keys.fetches(), 3);
}

#[tokio::test]
async fn t43_those_who_wait_share_one_fetch() {
    let keys = Arc::new(Keys::of(&[&KEY]).await);
    let start = monotonic();
    let tasks = crate::base::tasks::Tasks::on(tokio::runtime::Handle::current());
    let together = |count: usize| {
        let asks: Vec<_> = (0..count)
            .map(|_| {
                let keys = keys.clone();
                tasks.run_to_end("asks", async move { keys.cache.current(start).await.is_ok() })
            })
            .collect();
        async move {
            let mut good = 0;
            for ask in asks {
                good += usize::from(ask.await.unwrap());
            }
            good
        }
    };
    keys.now_serve(|| Reply::Silence);
    assert_eq!(together(50).await, 0);
    assert_eq!(keys.fetches(), 1);
    let set = jwks(&[&KEY]);
    keys.now_serve(move || Reply::json(200, &set));
    assert_eq!(together(50).await, 50);
    assert_eq!(keys.fetches(), 2);
}

#[tokio::test]
async fn t43_without_any_set_the_bucket_bounds_the_fetches_too() {
    let keys = Keys::serving(|| Reply::new(200, "text/html", "<html>")).await;
    let start = monotonic();
    for _ in 0..100 {
        keys.cache.current(start).await.unwrap_err();
    }
    assert_eq!(keys.fetches(), 3);
}
