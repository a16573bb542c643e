//! What can go wrong between the button and the page (apple.md §17): what the person is shown and
//! what the operator reads, through the whole flow.

use russet::fake_apple::{AnswerFault, Endpoint, IdTokenFault};
use russet::fake_browser::Page;
use serde_json::{Value, json};

use crate::support::{Answered, CLIENT_ID, FORM, KEY_ID, Plan, Site, TEAM_ID};

/// A whole sign-in of Ann's at `/deep?x=1`: the page it ends at, and the log line of the callback.
async fn signs_in(site: &Site) -> (Page, Value) {
    let mut browser = site.browser();
    let page = site.sign_in(&mut browser, &site.wiki("/deep?x=1"), "ann").await;
    let lines = site.log().await;
    let line = lines.iter().rfind(|line| line["path"] == "/oauth2/callback").unwrap();
    (page, line.clone())
}

/// The sign-in fails with this status and reason, on a page that says `words`, carries the id of
/// the log line and leads to a new start; the next one succeeds. Gives the line's detail.
async fn fails(site: &Site, status: u16, reason: &str, words: &str) -> String {
    let (page, line) = signs_in(site).await;
    assert_eq!((page.code(), &line["status"]), (status, &json!(status)), "{line}");
    assert_eq!(line["reasons"], json!([reason]));
    assert!(page.body.contains(words), "{words}: {}", page.body);
    assert!(page.body.contains(line["id"].as_str().unwrap()), "{}", page.body);
    assert_eq!(page.link("/deep").unwrap(), site.wiki("/deep?x=1"));
    assert!(page.set_cookie("__Host-russet").is_none());
    nothing_secret(site, &line.to_string()).await;
    site.apple.faults().clear();
    let (page, _) = signs_in(site).await;
    assert_eq!(page.code(), 200, "{}", page.body);
    line["detail"].as_str().unwrap_or_default().to_owned()
}

/// Neither code, client secret nor token is in a log line.
async fn nothing_secret(site: &Site, line: &str) {
    if let Some(request) = site.apple.last_request(Endpoint::Token) {
        for name in ["code", "client_secret"] {
            let value = request.field(name);
            assert!(value.is_empty() || !line.contains(value), "{name} in {line}");
        }
    }
    assert!(!line.contains("eyJ"), "a token in {line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_no_transaction() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let (answer, form) = site.up_to_answer(&mut browser, &site.wiki("/"), "ann").await;
    browser.forget_cookies();
    let page = browser.submit(&answer, &form, &[]).await.unwrap();
    assert_eq!((page.code(), site.exchanges()), (400, 0));
    assert!(page.body.contains("could not be matched") && page.body.contains("Start again"));
    let line = site.last_log().await;
    assert_eq!(line["reasons"], json!(["no_transaction"]));
    assert!(page.body.contains(line["id"].as_str().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_state_mismatch() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let (answer, mut form) = site.up_to_answer(&mut browser, &site.wiki("/"), "ann").await;
    let code = form.fields.iter().find(|(name, _)| name == "code").unwrap().1.clone();
    for (name, value) in &mut form.fields {
        if name == "state" {
            *value = "B".repeat(43);
        }
    }
    let page = browser.submit(&answer, &form, &[]).await.unwrap();
    assert_eq!((page.code(), site.exchanges()), (400, 0));
    assert!(page.body.contains("could not be matched"));
    let line = site.last_log().await;
    assert_eq!(line["reasons"], json!(["state_mismatch"]));
    assert!(!line.to_string().contains(&code), "no code in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_cancelled() {
    let site = Site::start().await;
    for error in ["user_cancelled_authorize", "access_denied"] {
        let mut browser = site.browser();
        let at_apple = browser.load(&site.wiki("/deep?x=1")).await.unwrap();
        let answer = site.answer_page(&mut browser, &at_apple, &[("cancel", "1")]).await;
        let mut form = answer.form("/oauth2/callback").unwrap();
        form.fields
            .iter_mut()
            .filter(|(name, _)| name == "error")
            .for_each(|(_, v)| *v = error.to_owned());
        let page = browser.submit(&answer, &form, &[]).await.unwrap();
        assert_eq!(page.code(), 200);
        assert!(
            page.body.contains("Sign-in cancelled") && page.body.contains("Try again"),
            "{}",
            page.body
        );
        assert_eq!(page.link("/deep").unwrap(), site.wiki("/deep?x=1"));
        let line = site.last_log().await;
        assert_eq!(
            (&line["reasons"], &line["level"]),
            (&json!(["user_cancelled"]), &json!("INFO"))
        );
        // A cancel uses its attempt up: the same state with a code afterwards is the same cancel.
        form.fields.retain(|(name, _)| name == "state");
        form.fields.push(("code".to_owned(), "c0de.0.x".to_owned()));
        assert_eq!(browser.submit(&answer, &form, &[]).await.unwrap().code(), 200);
        // One that matches no attempt is not a cancel of anything.
        let page = site.post_callback(&form.fields, "").await;
        assert_eq!(page.code(), 400);
    }
    assert_eq!(site.exchanges(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_other_error() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let (answer, mut form) = site.up_to_answer(&mut browser, &site.wiki("/deep?x=1"), "ann").await;
    form.fields.retain(|(name, _)| name == "state");
    let hostile =
        format!("server_error\r\n\u{1b}[31m<script>alert(1)</script>{}", "x".repeat(5000));
    form.fields.push(("error".to_owned(), hostile));
    let page = browser.submit(&answer, &form, &[]).await.unwrap();
    assert_eq!((page.code(), site.exchanges()), (400, 0));
    assert!(
        page.body.contains("Apple did not sign you in") && !page.body.contains("<script>alert"),
        "{}",
        page.body
    );
    let line = site.last_log().await;
    assert_eq!(line["reasons"], json!(["apple_error"]));
    let detail = line["detail"].as_str().unwrap();
    assert!(detail.starts_with("server_error") && detail.len() < 600, "{detail}");
    assert!(!detail.contains(['\r', '\n', '\u{1b}']), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_get_or_wrong_content_type() {
    let site = Site::start().await;
    let hand = site.hand();
    let url = site.auth("/oauth2/callback");
    let page = hand.load(&url, "").await;
    assert_eq!((page.code(), page.header("allow")), (405, Some("POST")));
    assert!(page.body.contains("Start again"));
    let page = hand.send("POST", &url, &[("content-type", "application/json")], b"{}").await;
    assert_eq!(page.code(), 415);
    assert!(page.body.contains("Start again"), "{}", page.body);
    assert_eq!(site.reasons("/oauth2/callback").await, ["bad_content_type"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_replayed_callback() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let (_, form) = site.up_to_answer(&mut browser, &site.wiki("/deep?x=1"), "ann").await;
    let attempts = site.attempts(&browser);
    // iOS sends the same bytes twice within milliseconds: the second has the same cookies.
    let first = site.post_callback(&form.fields, &attempts).await;
    let second = site.post_callback(&form.fields, &attempts).await;
    for page in [&first, &second] {
        assert_eq!(page.code(), 303);
        assert!(page.location().starts_with(&site.wiki("/.pomerium/callback/?ticket=")));
    }
    assert_eq!(site.reasons("/oauth2/callback").await, ["replayed_callback", "signed_in"]);
    assert_eq!(site.exchanges(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_token_invalid_client() {
    let site = Site::start().await;
    site.apple.faults().next(Endpoint::Token, AnswerFault::error("invalid_client"));
    let detail = fails(&site, 502, "token_invalid_client", "could not finish").await;
    // What an operator compares with the portal, and the clocks; never the secret or the key.
    for told in [KEY_ID, TEAM_ID, CLIENT_ID, site.apple.base_url()] {
        assert!(detail.contains(told), "{told}: {detail}");
    }
    for told in ["iat", "exp", "clock"] {
        assert!(detail.contains(told), "{told}: {detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_token_invalid_client_sometimes_tells_the_clocks() {
    // Russet's clock is ten minutes ahead of Apple's, so `iat` lies in Apple's future.
    let apple_clock = russet::base::time::Clock::system();
    let site = Site::with(Plan { apple_clock: Some(apple_clock), ..Plan::default() }).await;
    site.clock.shift(600);
    let (page, line) = signs_in(&site).await;
    assert_eq!((page.code(), &line["reasons"]), (502, &json!(["token_invalid_client"])));
    let detail = line["detail"].as_str().unwrap();
    assert!(detail.contains("600") || detail.contains("599") || detail.contains("601"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_token_invalid_grant_used() {
    let site = Site::start().await;
    let description = Some("The code has already been used.".to_owned());
    let fault = AnswerFault::Error { error: "invalid_grant".to_owned(), description };
    site.apple.faults().next(Endpoint::Token, fault);
    let detail = fails(&site, 400, "token_invalid_grant", "was used before").await;
    assert!(detail.contains("already been used"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_token_redirect_uri_mismatch() {
    let site = Site::start().await;
    let description =
        Some("redirect_uri mismatch. The code was not issued to https://x.test/cb.".to_owned());
    let fault = AnswerFault::Error { error: "invalid_grant".to_owned(), description };
    site.apple.faults().next(Endpoint::Token, fault);
    let detail = fails(&site, 400, "token_invalid_grant", "Start again").await;
    assert!(
        detail.contains("https://x.test/cb") && detail.contains(&site.auth("/oauth2/callback")),
        "{detail}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_token_client_id_mismatch() {
    let site = Site::start().await;
    let description =
        Some("client_id mismatch. The code was not issued to com.other.app.".to_owned());
    let fault = AnswerFault::Error { error: "invalid_grant".to_owned(), description };
    site.apple.faults().next(Endpoint::Token, fault);
    let detail = fails(&site, 400, "token_invalid_grant", "Start again").await;
    assert!(detail.contains("com.other.app") && detail.contains(CLIENT_ID), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_token_5xx_html_reset() {
    for (fault, reason, told) in [
        (AnswerFault::Html, "token_unexpected", "502"),
        (AnswerFault::Status { status: 500 }, "token_unexpected", "500"),
        (AnswerFault::Disconnect, "token_unanswered", "did not answer"),
    ] {
        let site = Site::start().await;
        site.apple.faults().next(Endpoint::Token, fault);
        let detail = fails(&site, 502, reason, "could not finish").await;
        assert!(detail.contains(told) && detail.len() < 1000, "{detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_missing_id_token() {
    let site = Site::start().await;
    let fault = AnswerFault::Without { members: vec!["id_token".to_owned()] };
    site.apple.faults().next(Endpoint::Token, fault);
    fails(&site, 502, "missing_id_token", "could not finish").await;
}

/// One id_token with these faults.
async fn id_token_fails(fault: IdTokenFault, status: u16, reason: &str) -> String {
    let site = Site::start().await;
    site.apple.faults().next_id_token([fault]);
    fails(&site, status, reason, "Start again").await
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_id_token_unknown_kid() {
    let site = Site::start().await;
    assert_eq!(signs_in(&site).await.0.code(), 200);
    let before = site.apple.calls(Endpoint::Keys);
    site.apple.faults().next_id_token([IdTokenFault::UnknownKid]);
    let detail = fails(&site, 502, "unknown_kid", "Start again").await;
    let known = &site.apple.report().key_ids[0];
    assert!(detail.contains(known.as_str()), "the known kids: {detail}");
    assert_eq!(site.apple.calls(Endpoint::Keys), before + 1, "one refetch");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_id_token_bad_signature() {
    let detail = id_token_fails(IdTokenFault::BadSignature, 502, "signature_bad").await;
    assert!(detail.contains("RS256"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_id_token_aud_mismatch() {
    let detail = id_token_fails(IdTokenFault::WrongAudience, 502, "aud_mismatch").await;
    assert!(detail.contains(CLIENT_ID), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_id_token_iss_mismatch() {
    let detail = id_token_fails(IdTokenFault::WrongIssuer, 502, "iss_mismatch").await;
    assert!(
        detail.contains("https://account.apple.com") && detail.contains("apple.localhost"),
        "{detail}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_id_token_expired_or_from_the_future() {
    let detail = id_token_fails(IdTokenFault::Expired, 502, "id_token_expired").await;
    assert!(detail.contains("clock"), "{detail}");
    let detail = id_token_fails(IdTokenFault::FromTheFuture, 502, "id_token_from_the_future").await;
    assert!(detail.contains("clock"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_id_token_nonce() {
    let detail = id_token_fails(IdTokenFault::OtherNonce, 400, "nonce_mismatch").await;
    assert!(detail.len() < 120, "without values: {detail}");
    id_token_fails(IdTokenFault::remove("nonce"), 400, "nonce_mismatch").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_id_token_algorithms() {
    id_token_fails(IdTokenFault::AlgNone, 502, "alg_refused").await;
    id_token_fails(IdTokenFault::HmacWithPublicKey, 502, "alg_refused").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_keys_endpoint() {
    // The last good set goes on to serve.
    let site = Site::start().await;
    assert_eq!(signs_in(&site).await.0.code(), 200);
    site.apple.faults().repeat(Endpoint::Keys, AnswerFault::Html, u32::MAX);
    assert_eq!(signs_in(&site).await.0.code(), 200);
    // Without one, nobody is let in, and no code is spent.
    let site = Site::with(Plan {
        prepare: |apple| apple.faults().repeat(Endpoint::Keys, AnswerFault::Html, u32::MAX),
        ..Plan::default()
    })
    .await;
    let (page, line) = signs_in(&site).await;
    assert_eq!((page.code(), &line["reasons"]), (503, &json!(["keys_unavailable"])));
    assert!(page.body.contains("Nobody can sign in right now"), "{}", page.body);
    assert!(page.body.contains(line["id"].as_str().unwrap()));
    assert_eq!(site.exchanges(), 0);
}

/// The 403 page of somebody at the wiki, and its log line.
async fn denied(person: &str) -> (Page, Value) {
    let site = Site::start().await;
    let page = site.sign_in(&mut site.browser(), &site.wiki("/"), person).await;
    assert_eq!((page.code(), site.app.count()), (403, 0));
    let line = site.last_log().await;
    assert!(page.body.contains(line["id"].as_str().unwrap()));
    assert!(page.body.contains("Use another account"), "{}", page.body);
    assert!(
        page.body.contains(line["sub"].as_str().unwrap()),
        "the page names the account: {}",
        page.body
    );
    assert!(
        !page.body.contains("corp.example") || person == "uma",
        "nothing of the policy: {}",
        page.body
    );
    (page, line)
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_403_no_email_claim() {
    let (page, line) = denied("max").await;
    assert!(page.body.contains("Apple sent no address"), "{}", page.body);
    assert_eq!(line["decision"], "deny");
    let evidence = &line["evidence"][0];
    assert_eq!(
        (&evidence["criterion"], &evidence["seen"]),
        (&json!("domain"), &json!("nothing")),
        "{line}"
    );
    assert!(evidence["rule"].as_str().is_some_and(|rule| !rule.is_empty()));
    assert!(line["sub"].as_str().unwrap().starts_with("000404."));
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_403_private_relay() {
    let (page, line) = denied("rae").await;
    assert!(
        page.body.contains("r8k2m4x9qd@privaterelay.appleid.com"),
        "to its owner: {}",
        page.body
    );
    assert!(page.body.contains("Stop using") || page.body.contains("share it"), "{}", page.body);
    let text = line.to_string();
    assert!(
        text.contains("private relay")
            || text.contains("private_relay")
            || text.contains("private-relay"),
        "{text}"
    );
    assert!(!text.contains("r8k2m4x9qd"), "addresses are hashed in the log: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_403_email_not_verified() {
    let (page, line) = denied("uma").await;
    assert!(page.body.contains("does not vouch"), "{}", page.body);
    assert!(line["reasons"].as_array().unwrap().contains(&json!("email-unverified")), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_name_missing() {
    let site = Site::start().await;
    // The first consent brings a name, the second sign-in none: nothing is different but the name.
    for (round, name) in [(1, "Ann Archer"), (2, "")] {
        let page = site.sign_in(&mut site.browser(), &site.wiki("/"), "ann").await;
        assert_eq!(page.code(), 200, "round {round}");
        let claims = crate::session::assertion(&site);
        assert_eq!(
            (claims["name"].as_str().unwrap(), &claims["email"]),
            (name, &json!("ann@corp.example"))
        );
    }
    // Nor does a name that makes no sense stand in the way.
    let odd = [
        "",
        "null",
        "[]",
        "{",
        "\"x\"",
        "{\"name\":1}",
        "{\"name\":{\"firstName\":{}}}",
        "{\"name\":{\"firstName\":\"\\u0000\\u202e\"}}",
    ];
    for user in odd {
        let mut browser = site.browser();
        let (answer, mut form) = site.up_to_answer(&mut browser, &site.wiki("/"), "ann").await;
        form.fields.retain(|(name, _)| name != "user");
        let page = browser.submit(&answer, &form, &[("user", user)]).await.unwrap();
        assert_eq!(page.code(), 200, "{user}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_chrome_two_minutes() {
    // The attempt says SameSite=None; Secure itself: no browser's grace for fresh cookies is needed,
    // and it is there as long as the attempt is.
    let site = Site::start().await;
    let hand = site.hand();
    let link = hand.load(&site.wiki("/"), "").await.location().to_owned();
    let to_apple = hand.load(&link, "").await;
    let attempt = to_apple.set_cookie("__Host-russet_attempt_");
    let attempt = attempt.or_else(|| to_apple.set_cookies().into_iter().next()).unwrap();
    assert!(attempt.starts_with("__Host-russet_attempt_"), "{attempt}");
    let attributes: Vec<&str> = attempt.split("; ").skip(1).collect();
    for wanted in ["SameSite=None", "Secure", "HttpOnly", "Path=/", "Max-Age=3600"] {
        assert!(attributes.contains(&wanted), "{wanted}: {attempt}");
    }
    assert!(!attempt.contains("Domain"), "{attempt}");
    // Nine minutes at Apple are fine.
    let mut browser = site.browser();
    let at_apple = browser.load(&site.wiki("/")).await.unwrap();
    site.clock.shift(540);
    assert_eq!(site.choose(&mut browser, &at_apple, "ann").await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_form_is_no_answer_of_apples() {
    let page = {
        let site = Site::start().await;
        site.hand().send("POST", &site.auth("/oauth2/callback"), &[FORM], b"").await
    };
    // A form without anything is not an attempt of anybody.
    assert_eq!(page.code(), 400);
}
