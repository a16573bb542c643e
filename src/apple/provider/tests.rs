use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::*;
use crate::apple::testing::{
    CLIENT_ID, FORGED_KEY, KEY, NEXT_KEY, NONCE, NOW, Reply, Request, Server, TestKey, good_claims,
    jwks, settings, timeouts,
};
use crate::base::time::Timestamp;
use serde_json::{Value, json};

type Handler = Box<dyn Fn(&Request) -> Option<Reply> + Send>;

/// An Apple on loopback that can be told to misbehave.
struct Apple {
    server: Server,
    provider: AppleProvider,
    clock: Clock,
    signs_with: Arc<StdMutex<&'static TestKey>>,
    publishes: Arc<StdMutex<&'static TestKey>>,
    claims: Arc<StdMutex<Value>>,
    trouble: Arc<StdMutex<Handler>>,
}

impl Apple {
    async fn start() -> Self {
        let claims = Arc::new(StdMutex::new(good_claims()));
        let signs_with = Arc::new(StdMutex::new(&*KEY));
        let publishes = Arc::new(StdMutex::new(&*KEY));
        let trouble: Arc<StdMutex<Handler>> = Arc::new(StdMutex::new(Box::new(|_| None)));
        let (c, s, p, t) = (claims.clone(), signs_with.clone(), publishes.clone(), trouble.clone());
        let server = Server::start(move |request| {
            if let Some(reply) = t.lock().unwrap()(request) {
                return reply;
            }
            match request.path() {
                "/auth/keys" => Reply::json(200, &jwks(&[*p.lock().unwrap()])),
                "/auth/token" => {
                    let id_token = s.lock().unwrap().token(&c.lock().unwrap());
                    Reply::json(200, &success(&id_token))
                }
                _ => Reply::new(404, "text/plain", "nothing here"),
            }
        })
        .await;
        claims.lock().unwrap()["iss"] = json!(server.url(""));
        let clock = Clock::system();
        clock.shift(NOW.seconds_since(clock.now()));
        let provider = AppleProvider::new(
            settings(&server.url("")),
            timeouts(),
            clock.clone(),
            &Connections::default(),
        )
        .unwrap();
        Self { server, provider, clock, signs_with, publishes, claims, trouble }
    }

    async fn complete(&self) -> Result<SignedIn, CompletionError> {
        self.provider.complete(&Secret::new("c0de.0.x"), NONCE).await
    }

    async fn failure(&self) -> CompletionError {
        self.complete().await.unwrap_err()
    }

    fn claim(&self, name: &str, value: Value) {
        self.claims.lock().unwrap()[name] = value;
    }

    /// Answers requests for `path` by `reply`.
    fn trouble(&self, path: &'static str, reply: impl Fn() -> Reply + Send + 'static) {
        *self.trouble.lock().unwrap() =
            Box::new(move |request| (request.path() == path).then(&reply));
    }

    fn no_trouble(&self) {
        *self.trouble.lock().unwrap() = Box::new(|_| None);
    }
}

fn success(id_token: &str) -> Value {
    json!({
        "access_token": "a.0.access", "token_type": "Bearer", "expires_in": 3600,
        "refresh_token": "r.0.refresh", "id_token": id_token,
    })
}

fn outcome(error: &CompletionError) -> (&'static str, Remedy, Fault) {
    (error.code().word(), error.remedy(), error.fault())
}

#[tokio::test]
async fn a_code_becomes_a_person() {
    let apple = Apple::start().await;
    let signed_in = apple.complete().await.unwrap();
    assert_eq!(signed_in.refresh_token.unwrap().expose(), b"r.0.refresh");
    let identity = signed_in.token.into_identity();
    assert_eq!(identity.address.verified(), Some("ann@corp.example"));

    let request = apple.server.requests().pop().unwrap();
    assert_eq!(request.line, "POST /auth/token HTTP/1.1");
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.header("authorization"), None);
    let form = request.form();
    let names: Vec<_> = form.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["client_id", "client_secret", "grant_type", "code", "redirect_uri"]);
    assert_eq!(form[0].1, CLIENT_ID);
    assert_eq!(form[1].1.split('.').count(), 3);
    assert_eq!(form[2].1, "authorization_code");
    assert_eq!(form[3].1, "c0de.0.x");
    assert_eq!(form[4].1, "https://auth.example.com/oauth2/callback");
}

#[tokio::test]
async fn a_sign_in_can_move_between_threads() {
    fn is_send(_: &impl Send) {}
    let apple = Apple::start().await;
    let (code, provider) = (Secret::new("c"), &apple.provider);
    is_send(&provider.complete(&code, NONCE));
    is_send(&provider.connection.keys.freshen());
}

#[tokio::test]
async fn t43_a_rotation_needs_no_restart() {
    let apple = Apple::start().await;
    apple.complete().await.unwrap();
    *apple.signs_with.lock().unwrap() = &NEXT_KEY;
    *apple.publishes.lock().unwrap() = &NEXT_KEY;
    apple.complete().await.unwrap();
    apple.complete().await.unwrap();
    assert_eq!(apple.server.count("/auth/keys"), 2);
}

#[tokio::test]
async fn failure_id_token_unknown_kid() {
    let apple = Apple::start().await;
    *apple.signs_with.lock().unwrap() = &NEXT_KEY;
    let error = apple.failure().await;
    assert_eq!(outcome(&error), ("unknown_kid", Remedy::BadGateway, Fault::Apple));
    assert_eq!(
        error.to_string(),
        "the id_token is refused: its key KEY2 is not among the known ones (KEY1)"
    );
    assert_eq!(apple.server.count("/auth/keys"), 2);
}

#[tokio::test]
async fn failure_id_token_signature_bad() {
    let apple = Apple::start().await;
    apple.complete().await.unwrap();
    // Another key under the name of the cached one.
    *apple.signs_with.lock().unwrap() = &FORGED_KEY;
    let error = apple.failure().await;
    assert_eq!(outcome(&error), ("signature_bad", Remedy::BadGateway, Fault::Apple));
    assert_eq!(apple.server.count("/auth/keys"), 2);
    // Again within the minute: no further fetch.
    apple.failure().await;
    assert_eq!(apple.server.count("/auth/keys"), 2);
}

#[tokio::test]
async fn a_key_replaced_under_its_old_name_is_found() {
    let apple = Apple::start().await;
    apple.complete().await.unwrap();
    *apple.signs_with.lock().unwrap() = &FORGED_KEY;
    *apple.publishes.lock().unwrap() = &FORGED_KEY;
    apple.complete().await.unwrap();
}

/// Refused with this claim as with this code, and everything is well again without it.
async fn refused_for(name: &str, value: Value, expected: (&'static str, Remedy, Fault)) {
    let apple = Apple::start().await;
    let good = apple.claims.lock().unwrap().clone();
    apple.claim(name, value);
    let error = apple.failure().await;
    assert_eq!(outcome(&error), expected, "{error}");
    *apple.claims.lock().unwrap() = good;
    apple.complete().await.unwrap();
}

#[tokio::test]
async fn failure_id_token_aud_mismatch() {
    let expected = ("aud_mismatch", Remedy::BadGateway, Fault::Operator);
    refused_for("aud", json!("com.example.app"), expected).await;
}

#[tokio::test]
async fn failure_id_token_iss_mismatch() {
    let expected = ("iss_mismatch", Remedy::BadGateway, Fault::Operator);
    refused_for("iss", json!("https://account.apple.com"), expected).await;
}

#[tokio::test]
async fn failure_id_token_expired_or_from_the_future() {
    let expected = ("id_token_expired", Remedy::BadGateway, Fault::Operator);
    refused_for("exp", json!(NOW.0 - 86_400), expected).await;
    let expected = ("id_token_from_the_future", Remedy::BadGateway, Fault::Operator);
    refused_for("iat", json!(NOW.0 + 86_400), expected).await;
}

#[tokio::test]
async fn failure_id_token_nonce_missing_or_different() {
    let expected = ("nonce_mismatch", Remedy::StartAgain, Fault::Person);
    refused_for("nonce", json!("other"), expected).await;
    let expected = ("nonce_mismatch", Remedy::StartAgain, Fault::Person);
    refused_for("nonce", json!(""), expected).await;
}

#[tokio::test]
async fn failure_id_token_at_hash_mismatch() {
    let expected = ("at_hash_mismatch", Remedy::BadGateway, Fault::Apple);
    refused_for("at_hash", json!("other"), expected).await;
}

#[tokio::test]
async fn token_errors_say_what_to_answer_and_whose_fault_it_is() {
    let apple = Apple::start().await;
    let cases = [
        ("invalid_client", "", ("token_invalid_client", Remedy::BadGateway, Fault::Operator)),
        (
            "invalid_grant",
            "The code has already been used.",
            ("token_invalid_grant", Remedy::StartAgain, Fault::Person),
        ),
        (
            "invalid_grant",
            "redirect_uri mismatch.",
            ("token_invalid_grant", Remedy::StartAgain, Fault::Operator),
        ),
        ("unauthorized_client", "", ("token_refused", Remedy::BadGateway, Fault::Operator)),
    ];
    for (number, (error, description, expected)) in cases.into_iter().enumerate() {
        apple.trouble("/auth/token", move || {
            Reply::json(400, &json!({"error": error, "error_description": description}))
        });
        assert_eq!(outcome(&apple.failure().await), expected, "{error}");
        // Never a second try.
        assert_eq!(apple.server.count("/auth/token"), number + 1);
    }
}

type Trouble = fn() -> Reply;

/// What the token endpoint may do instead of answering.
fn troubles() -> Vec<(&'static str, Trouble)> {
    vec![
        ("token_unanswered", || Reply::Silence),
        ("token_unanswered", || Reply::Stall),
        ("token_unanswered", || Reply::Reset),
        ("token_unanswered", || Reply::Half),
        ("token_unanswered", || Reply::new(200, "application/json", " ".repeat(10 << 20))),
        ("token_unanswered", || {
            Reply::new(200, "application/json", "\x1f\u{8b}").header("Content-Encoding", "gzip")
        }),
        ("token_unanswered", || {
            Reply::new(200, "application/json", "\x1f\u{8b}").header("Content-Encoding", "br")
        }),
        ("token_unexpected", || Reply::new(500, "text/plain", "sorry")),
        ("token_unexpected", || Reply::new(502, "text/html", "<html>Bad Gateway</html>")),
        ("token_unexpected", || Reply::new(429, "text/plain", "slow down")),
        ("token_unexpected", || Reply::new(200, "text/html", "<html>hello</html>")),
        ("token_unexpected", || Reply::new(200, "application/json", "")),
        ("token_unexpected", || {
            let whole = success(&KEY.token(&good_claims())).to_string();
            Reply::new(200, "application/json", &whole.as_bytes()[..whole.len() - 9])
        }),
        ("missing_id_token", || {
            Reply::json(200, &json!({"access_token": "a", "token_type": "Bearer"}))
        }),
    ]
}

#[tokio::test]
async fn t57_t77_token_endpoint_troubles_are_502_and_spend_the_code_once() {
    for (number, (code, trouble)) in troubles().into_iter().enumerate() {
        let apple = Apple::start().await;
        apple.trouble("/auth/token", trouble);
        let error = apple.failure().await;
        assert_eq!(outcome(&error), (code, Remedy::BadGateway, Fault::Apple), "{number} {error}");
        assert!(!format!("{error} {error:?}").contains("c0de"), "{error:?}");
        assert_eq!(apple.server.count("/auth/token"), 1, "{number}");
        apple.no_trouble();
        apple.complete().await.unwrap();
    }
}

#[tokio::test]
async fn failure_keys_endpoint() {
    let apple = Apple::start().await;
    apple.trouble("/auth/keys", || Reply::new(502, "text/html", "<html>Bad Gateway</html>"));
    let error = apple.failure().await;
    assert_eq!(outcome(&error), ("keys_unavailable", Remedy::Unavailable, Fault::Apple));
    assert!(error.to_string().contains("502"), "{error}");
    assert_eq!(apple.server.count("/auth/token"), 0);
    apple.no_trouble();
    apple.complete().await.unwrap();
    // With keys at hand it does not matter that there are none to be had.
    apple.trouble("/auth/keys", || Reply::Silence);
    apple.complete().await.unwrap();
}

#[tokio::test]
async fn t45_a_wrong_clock_refuses_and_a_right_one_signs_in() {
    let apple = Apple::start().await;
    for (seconds, code) in [
        (600 + 120, "id_token_expired"),
        (-600, "id_token_from_the_future"),
        (86_400, "id_token_expired"),
        (-86_400, "id_token_from_the_future"),
    ] {
        apple.clock.shift(seconds);
        assert_eq!(apple.failure().await.code().word(), code, "{seconds}");
        apple.clock.shift(-seconds);
        apple.complete().await.unwrap();
    }
    // However the clock jumped: keys age by the monotonic one, so nothing was fetched again.
    assert_eq!(apple.server.count("/auth/keys"), 1);
}

#[tokio::test]
async fn failure_token_invalid_client_sometimes_tells_both_clocks() {
    let apple = Apple::start().await;
    apple.trouble("/auth/token", || {
        Reply::json(400, &json!({"error": "invalid_client"}))
            .header("Date", "Fri, 15 Jan 2027 07:50:00 GMT")
    });
    let CompletionError::Token(token::TokenError::InvalidClient(refused)) = apple.failure().await
    else {
        panic!()
    };
    assert_eq!(refused.apple_time, Some(Timestamp(NOW.0 - 600)));
    assert!((598..=603).contains(&refused.ahead_seconds().unwrap()));
}

#[tokio::test]
async fn t62_t69_a_redirect_takes_nothing_elsewhere() {
    let elsewhere = Server::start(|_| Reply::json(200, &success("x"))).await;
    for path in ["/auth/token", "/auth/keys"] {
        for status in [301, 302, 303, 307, 308] {
            let apple = Apple::start().await;
            let target = elsewhere.url(path);
            apple.trouble(path, move || {
                Reply::new(status, "text/plain", "").header("Location", &target)
            });
            let code = apple.failure().await.code().word();
            assert!(["token_unexpected", "keys_unavailable"].contains(&code), "{code}");
        }
    }
    assert_eq!(elsewhere.requests().len(), 0);
}

#[tokio::test]
async fn t69_proxy_variables_are_not_obeyed() {
    const MARK: &str = "RUSSET_TEST_BEHIND_HOSTILE_PROXY";
    // The environment belongs to the process, so this test runs itself in another one.
    if std::env::var_os(MARK).is_some() {
        Apple::start().await.complete().await.unwrap();
        return;
    }
    let proxy = Server::start(|_| Reply::new(200, "text/plain", "thank you")).await;
    let name = "apple::provider::tests::t69_proxy_variables_are_not_obeyed";
    let program = std::env::current_exe().unwrap();
    let url = proxy.url("");
    let child = tokio::task::spawn_blocking(move || {
        let mut command = std::process::Command::new(program);
        command.args([name, "--exact"]).env(MARK, "1").env_remove("NO_PROXY");
        for variable in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
            command.env(variable, &url);
        }
        command.output().unwrap()
    });
    let output = child.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(proxy.requests().len(), 0);
}

#[tokio::test]
async fn t44_nothing_is_learnt_from_answers() {
    let apple = Apple::start().await;
    let asked_discovery = Arc::new(AtomicBool::new(false));
    let asked = asked_discovery.clone();
    *apple.trouble.lock().unwrap() = Box::new(move |request| {
        asked.fetch_or(request.path().contains("well-known"), Ordering::SeqCst);
        None
    });
    let before = apple.provider.authorize_url("s", "n");
    // An answer full of other addresses, and a token that names another issuer.
    let url = apple.server.url("");
    let claims = apple.claims.lock().unwrap().clone();
    apple.trouble("/auth/token", move || {
        let mut body = success(&KEY.token(&claims));
        body["issuer"] = json!("https://evil.test");
        body["token_endpoint"] = json!("https://evil.test/token");
        Reply::json(200, &body).header("Location", "https://evil.test").header("Link", &url)
    });
    apple.complete().await.unwrap();
    assert_eq!(apple.provider.authorize_url("s", "n"), before);
    apple.no_trouble();
    apple.claim("iss", json!("https://evil.test"));
    assert_eq!(apple.failure().await.code().word(), "iss_mismatch");
    assert!(!asked_discovery.load(Ordering::SeqCst));
    let paths: Vec<_> =
        apple.server.requests().iter().map(|request| request.path().to_owned()).collect();
    assert!(paths.iter().all(|path| ["/auth/keys", "/auth/token"].contains(&path.as_str())));
}

#[tokio::test]
async fn t44_another_teams_keys_under_other_names_do_not_help() {
    let apple = Apple::start().await;
    apple.complete().await.unwrap();
    *apple.publishes.lock().unwrap() = &NEXT_KEY;
    *apple.signs_with.lock().unwrap() = &FORGED_KEY;
    assert_eq!(apple.failure().await.code().word(), "unknown_kid");
}

#[tokio::test]
async fn t43_a_flood_of_made_up_kids_costs_four_fetches() {
    let apple = Apple::start().await;
    for number in 0..10_000 {
        let header = format!(r#"{{"alg":"RS256","kid":"made-up-{number}"}}"#);
        let id_token = [header.as_str(), "{}", "signature"].map(crate::apple::testing::part);
        let answer = TokenAnswer {
            id_token: Secret::new(id_token.join(".")),
            access_token: Secret::new("a"),
            refresh_token: None,
        };
        let error = apple.provider.verified(&answer, NONCE).await.unwrap_err();
        assert_eq!(error.code().word(), "unknown_kid");
    }
    assert!(apple.server.count("/auth/keys") <= 4);
    apple.complete().await.unwrap();
}

#[tokio::test]
async fn keys_are_fetched_before_anybody_comes() {
    let apple = Apple::start().await;
    let tasks = Tasks::on(tokio::runtime::Handle::current());
    apple.provider.keep_keys_fresh(&tasks);
    while apple.provider.connection.keys.current(monotonic()).await.is_err()
        || apple.server.count("/auth/keys") == 0
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    apple.complete().await.unwrap();
    assert_eq!(apple.server.count("/auth/keys"), 1);
    tasks.stop();
}

#[test]
fn a_provider_that_may_not_be_called_is_refused() {
    let error = AppleProvider::new(
        settings("http://appleid.apple.com"),
        timeouts(),
        Clock::system(),
        &Connections::default(),
    );
    assert!(matches!(error.unwrap_err(), ProviderError::Url(url) if url.contains("appleid")));
}
