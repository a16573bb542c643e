//! Apple's answer: for one attempt of one browser, once (threats.md T19-T22, T77, T88, T89).

use std::collections::BTreeSet;

use russet::fake_apple::{AnswerFault, Endpoint, IdTokenFault};
use serde_json::{Value, json};

use crate::support::{Answered, FORM, Hand, NAVIGATION, Plan, Site, encoded, value_of};

type Fields = Vec<(String, String)>;

/// A person at Apple's answer: its fields, and the attempt cookies that the browser holds.
async fn at_answer(site: &Site, path: &str) -> (Fields, String) {
    let mut browser = site.browser();
    let (_, form) = site.up_to_answer(&mut browser, &site.wiki(path), "ann").await;
    (form.fields, site.attempts(&browser))
}

fn set(fields: &[(String, String)], name: &str, value: &str) -> Fields {
    let mut fields: Fields = fields.iter().filter(|(found, _)| found != name).cloned().collect();
    fields.push((name.to_owned(), value.to_owned()));
    fields
}

fn get(fields: &[(String, String)], name: &str) -> String {
    fields.iter().find(|(found, _)| found == name).unwrap().1.clone()
}

/// The session id that a session cookie of the authenticate host stands for.
async fn sid(site: &Site, hand: &Hand, set_cookie: &str) -> String {
    let cookie = set_cookie.split(';').next().unwrap();
    let page = hand.load(&site.auth("/.pomerium/user"), cookie).await;
    let user: Value =
        serde_json::from_str(&page.body).unwrap_or_else(|e| panic!("{e}: {}", page.body));
    user["sid"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn t19_an_answer_counts_only_in_the_browser_that_asked_and_before_the_code_is_spent() {
    let site = Site::start().await;
    let (fields, attempts) = at_answer(&site, "/mine").await;
    let (_, attempts_of_other) = at_answer(&site, "/other").await;
    // No cookie; another browser's; a state that nobody made; one bit of a state.
    let refused = [
        (fields.clone(), String::new(), "no_transaction"),
        (fields.clone(), attempts_of_other.clone(), "state_mismatch"),
        (set(&fields, "state", &"A".repeat(43)), attempts.clone(), "state_mismatch"),
        (
            set(&fields, "state", &format!("{}x", get(&fields, "state"))),
            attempts.clone(),
            "state_mismatch",
        ),
    ];
    for (fields, cookies, reason) in refused {
        let page = site.post_callback(&fields, &cookies).await;
        assert_eq!(page.code(), 400, "{reason}");
        assert!(page.body.contains("could not be matched"), "{}", page.body);
        assert!(page.set_cookie("__Host-russet").is_none());
        assert_eq!(site.reasons("/oauth2/callback").await, [reason]);
    }
    // The value of another attempt under the name that the state asks for.
    let mine = attempts.split_once('=').unwrap().0;
    let moved = format!("{mine}={}", attempts_of_other.split_once('=').unwrap().1);
    assert_eq!(site.post_callback(&fields, &moved).await.code(), 400);
    assert_eq!(site.exchanges(), 0);
    // None of this used anything up.
    let page = site.post_callback(&fields, &attempts).await;
    assert_eq!((page.code(), site.exchanges()), (303, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn t19_an_answer_is_too_late_after_ten_minutes() {
    let site = Site::start().await;
    let (fields, attempts) = at_answer(&site, "/late?x=1").await;
    site.clock.shift(601);
    let page = site.post_callback(&fields, &attempts).await;
    assert_eq!((page.code(), site.exchanges()), (400, 0));
    assert!(page.body.contains("took too long"), "{}", page.body);
    assert_eq!(page.link("/late").unwrap(), site.wiki("/late?x=1"));
    assert_eq!(site.reasons("/oauth2/callback").await, ["attempt_expired"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn t19_two_tabs_each_stand_for_themselves() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let (first_page, first) = site.up_to_answer(&mut browser, &site.wiki("/first"), "ann").await;
    let (second_page, second) = site.up_to_answer(&mut browser, &site.wiki("/second"), "ann").await;
    let page = browser.submit(&first_page, &first, &[]).await.unwrap();
    assert_eq!((page.code(), page.url.path()), (200, "/first"));
    let page = browser.submit(&second_page, &second, &[]).await.unwrap();
    assert_eq!((page.code(), page.url.path()), (200, "/second"));
    assert_eq!(site.exchanges(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn t20_parallel_posts_of_one_answer_make_one_exchange() {
    for count in [2, 50] {
        let site = Site::with(Plan { workers: 2, ..Plan::default() }).await;
        site.apple.faults().next(Endpoint::Token, AnswerFault::Delay { milliseconds: 200 });
        let (fields, attempts) = at_answer(&site, "/once").await;
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let (url, body) = (site.auth("/oauth2/callback"), encoded(&fields));
        let mut posts = tokio::task::JoinSet::new();
        for _ in 0..count {
            let (hand, url, body, attempts) =
                (site.hand(), url.clone(), body.clone(), attempts.clone());
            posts.spawn(async move {
                hand.send("POST", &url, &[FORM, ("cookie", &attempts)], body.as_bytes()).await
            });
        }
        let (mut ids, hand) = (BTreeSet::new(), site.hand());
        for page in posts.join_all().await {
            assert_eq!(page.code(), 303, "{}", page.body);
            assert!(page.location().starts_with(&site.wiki("/.pomerium/callback/")));
            ids.insert(sid(&site, &hand, &page.set_cookie("__Host-russet").unwrap()).await);
        }
        assert_eq!((ids.len(), site.exchanges()), (1, 1), "{count} posts");
        let replayed = site
            .log()
            .await
            .iter()
            .filter(|line| {
                line["reasons"]
                    .as_array()
                    .is_some_and(|words| words.contains(&json!("replayed_callback")))
            })
            .count();
        assert_eq!(replayed, count - 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t20_a_used_attempt_signs_nobody_in_but_finds_the_way() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let (answer, form) = site.up_to_answer(&mut browser, &site.wiki("/page?a=b"), "ann").await;
    assert_eq!(browser.submit(&answer, &form, &[]).await.unwrap().code(), 200);
    // Reload, or back and forward: on to the page, without a second exchange.
    let again = browser.submit(&answer, &form, &[]).await.unwrap();
    assert_eq!((again.code(), again.url.as_str()), (200, site.wiki("/page?a=b").as_str()));
    assert_eq!(site.exchanges(), 1);
    // The answer itself gives nothing away: no session, no ticket.
    let attempts = site.attempts(&browser);
    let by_hand = site.post_callback(&form.fields, &attempts).await;
    assert_eq!((by_hand.code(), by_hand.location()), (303, site.wiki("/page?a=b").as_str()));
    assert!(by_hand.set_cookie("__Host-russet").is_none());
    assert_eq!(site.reasons("/oauth2/callback").await, ["replayed_callback"]);
    // Once the session is over, it is a page that says so.
    let page = browser.load(&site.wiki("/.pomerium/sign_out")).await.unwrap();
    browser.submit(&page, &page.form("/.pomerium/sign_out").unwrap(), &[]).await.unwrap();
    let page = site.post_callback(&form.fields, &attempts).await;
    assert_eq!(page.code(), 400);
    assert!(page.body.contains("was used before"), "{}", page.body);
    assert!(page.set_cookie("__Host-russet").is_none());
    assert_eq!(site.exchanges(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn t21_the_id_token_of_the_form_is_never_looked_at() {
    use base64::Engine as _;
    let site = Site::start().await;
    let (fields, attempts) = at_answer(&site, "/").await;
    let part =
        |value: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    let forged = format!(
        "{}.{}.",
        part(json!({"alg": "none"})),
        part(
            json!({"sub": "eve", "email": "eve@corp.example", "email_verified": true, "exp": 9_999_999_999_u64})
        )
    );
    let page = site.post_callback(&set(&fields, "id_token", &forged), &attempts).await;
    assert_eq!((page.code(), site.exchanges()), (303, 1));
    let cookie = page.set_cookie("__Host-russet").unwrap();
    let cookie = cookie.split(';').next().unwrap();
    let user = site.hand().load(&site.auth("/.pomerium/user"), cookie).await;
    assert!(user.body.contains("ann@corp.example") && !user.body.contains("eve"), "{}", user.body);
    // Nor does it stand in for a code.
    let (fields, attempts) = at_answer(&site, "/").await;
    let mut without: Fields = set(&fields, "id_token", &forged);
    without.retain(|(name, _)| name != "code");
    assert_eq!(site.post_callback(&without, &attempts).await.code(), 400);
    assert_eq!(site.exchanges(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn t21_the_nonce_of_the_attempt_is_compared_always() {
    let site = Site::start().await;
    let wrong: [Vec<IdTokenFault>; 4] = [
        vec![IdTokenFault::OtherNonce],
        vec![IdTokenFault::remove("nonce")],
        vec![IdTokenFault::remove("nonce"), IdTokenFault::set(&json!({"nonce_supported": false}))],
        vec![IdTokenFault::OtherNonce, IdTokenFault::set(&json!({"nonce_supported": false}))],
    ];
    for faults in wrong {
        let about = format!("{faults:?}");
        site.apple.faults().next_id_token(faults);
        let (fields, attempts) = at_answer(&site, "/").await;
        let page = site.post_callback(&fields, &attempts).await;
        assert_eq!(page.code(), 400, "{about}");
        assert!(page.set_cookie("__Host-russet").is_none());
        assert_eq!(site.reasons("/oauth2/callback").await, ["nonce_mismatch"], "{about}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t22_whatever_was_planted_or_there_before_a_sign_in_is_dead_afterwards() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let (answer, form) = site.up_to_answer(&mut browser, &site.wiki("/"), "ann").await;
    // While the person is at Apple, somebody plants a session of their own.
    let planted =
        site.cookie("wiki", json!({"sub": "001.attacker", "email": "mallory@corp.example"}));
    browser.plant("wiki.localhost", "__Host-russet", planted.split_once('=').unwrap().1);
    assert_eq!(site.hand().load(&site.wiki("/"), &planted).await.code(), 200);
    assert_eq!(browser.submit(&answer, &form, &[]).await.unwrap().code(), 200);
    assert_ne!(site.session_cookie(&browser, "wiki").unwrap(), planted);
    assert_eq!(site.hand().load(&site.wiki("/"), &planted).await.code(), 302);
    assert_eq!(site.last_log().await["reasons"], json!(["session-ended"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn t22_two_sign_ins_of_one_browser_leave_one_session() {
    let site = Site::start().await;
    let mut browser = site.browser();
    // Two tabs of two hosts, both at Apple before either is done: nobody is signed in yet.
    let (wiki_page, wiki) = site.up_to_answer(&mut browser, &site.wiki("/w"), "ann").await;
    let (lunch_page, lunch) = site.up_to_answer(&mut browser, &site.lunch("/l"), "ann").await;
    assert_eq!(browser.submit(&wiki_page, &wiki, &[]).await.unwrap().code(), 200);
    let first = site.session_cookie(&browser, "wiki").unwrap();
    let first_at_auth = site.session_cookie(&browser, "auth").unwrap();
    assert_eq!(browser.submit(&lunch_page, &lunch, &[]).await.unwrap().code(), 200);
    // The first session is dead on every host, copies included, so that one sign-out ends all.
    assert_eq!(site.hand().load(&site.wiki("/w"), &first).await.code(), 302);
    assert_eq!(site.hand().load(&site.auth("/.pomerium/user"), &first_at_auth).await.code(), 302);
    // The person notices nothing: the first host gets the second session without Apple.
    let page = browser.load(&site.wiki("/w")).await.unwrap();
    assert_eq!((page.code(), page.url.path()), (200, "/w"));
    assert_eq!(site.exchanges(), 2);
    // An old copy of the first answer, with its attempt as it was, brings the first one not back.
    let page = browser.load(&site.lunch("/.pomerium/sign_out")).await.unwrap();
    browser.submit(&page, &page.form("/.pomerium/sign_out").unwrap(), &[]).await.unwrap();
    assert_eq!(
        site.hand()
            .load(&site.wiki("/w"), &site.session_cookie(&browser, "wiki").unwrap())
            .await
            .code(),
        302
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn t36_addresses_that_look_like_the_companys_open_nothing() {
    let site = Site::start().await;
    let strange = [
        "ann@evil.test@corp.example",
        "ann@corp.example@evil.test",
        "\"ann@corp.example\"@evil.test",
        "\"ann@evil.test\"@corp.example",
        "ann@corp.example.evil.test",
        "ann@evilcorp.example",
        "ann@sub.corp.example",
        "ann(corp.example)@evil.test",
        "ann@corp.example(evil.test)",
        "ann@corp.example.",
        "ann@corp.example ",
        " @corp.example",
        "@corp.example",
        "ann@c\u{43e}rp.example",
        "ann@xn--crp-jua.example",
        "ann@\u{ff43}orp.example",
        "ann@corp\u{3002}example",
        "ann@corp.example\u{0}",
        "ann@corp.example\r\nx: y",
        "ann@[corp.example]",
        "ann corp.example",
        "<ann@corp.example>",
        "ann@corp.example,ann@evil.test",
        "",
    ];
    for email in strange {
        let mut browser = site.browser();
        let claims = json!({"email": email, "email_verified": true});
        let page = site.sign_in_with(&mut browser, &site.wiki("/"), &claims).await;
        assert!(
            page.code() == 403 || (page.code() == 502 && page.url.path() == "/oauth2/callback"),
            "{email:?}: {}",
            page.code()
        );
    }
    assert_eq!(site.app.count(), 0);
    for verified in
        [json!(false), json!("false"), json!(null), json!(1), json!("TRUE"), json!([true])]
    {
        let mut browser = site.browser();
        let claims = json!({"email": "ann@corp.example", "email_verified": verified});
        let page = site.sign_in_with(&mut browser, &site.wiki("/"), &claims).await;
        assert_eq!(page.code(), 403, "{verified}");
    }
    assert_eq!(site.app.count(), 0);
    for email in ["ann@corp.example", "Ann@CORP.Example"] {
        let claims = json!({"email": email, "email_verified": "true"});
        let page = site.sign_in_with(&mut site.browser(), &site.wiki("/"), &claims).await;
        assert_eq!(page.code(), 200, "{email}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t77_each_trouble_of_the_token_endpoint_is_a_page_and_one_call() {
    let site = Site::start().await;
    let faults = [
        AnswerFault::Disconnect,
        AnswerFault::Status { status: 500 },
        AnswerFault::Status { status: 429 },
        AnswerFault::Html,
        AnswerFault::Truncated,
        AnswerFault::Body { body: "[]".to_owned() },
        AnswerFault::Body { body: String::new() },
        AnswerFault::Redirect { status: 307, location: site.wiki("/stolen") },
        AnswerFault::Large { bytes: 8 << 20 },
        AnswerFault::GzipBomb,
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        let about = format!("{fault:?}");
        let (fields, attempts) = at_answer(&site, "/x").await;
        site.apple.faults().next(Endpoint::Token, fault);
        let page = site.post_callback(&fields, &attempts).await;
        assert_eq!(page.code(), 502, "{about}");
        assert!(page.set_cookie("__Host-russet").is_none(), "{about}");
        let line = site.last_log().await;
        assert!(page.body.contains(line["id"].as_str().unwrap()), "{about}: the page shows the id");
        assert_eq!(page.link("/x").unwrap(), site.wiki("/x"), "{about}: a way to start again");
        // No code is sent twice, not even by the person's reload.
        let again = site.post_callback(&fields, &attempts).await;
        assert_eq!(again.code(), 502, "{about}");
        assert_eq!(site.exchanges(), number as u64 + 1, "{about}");
    }
    assert_eq!(site.app.count(), 0, "the redirect was not followed");
    let (fields, attempts) = at_answer(&site, "/x").await;
    assert_eq!(site.post_callback(&fields, &attempts).await.code(), 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn t77_without_keys_no_code_is_spent_and_they_heal_by_themselves() {
    for fault in [
        AnswerFault::Disconnect,
        AnswerFault::Status { status: 500 },
        AnswerFault::Html,
        AnswerFault::Truncated,
        AnswerFault::Body { body: "{\"keys\":[]}".to_owned() },
        AnswerFault::Redirect { status: 302, location: "https://evil.test/".to_owned() },
    ] {
        let about = format!("{fault:?}");
        let site = Site::with(Plan {
            prepare: |apple| {
                apple.faults().repeat(
                    Endpoint::Keys,
                    AnswerFault::Status { status: 503 },
                    u32::MAX,
                );
            },
            ..Plan::default()
        })
        .await;
        site.apple.faults().clear();
        site.apple.faults().repeat(Endpoint::Keys, fault, u32::MAX);
        let (fields, attempts) = at_answer(&site, "/x").await;
        let page = site.post_callback(&fields, &attempts).await;
        assert_eq!((page.code(), site.exchanges()), (503, 0), "{about}");
        assert_eq!(site.reasons("/oauth2/callback").await, ["keys_unavailable"], "{about}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t88_only_one_form_with_each_field_once_is_read() {
    let site = Site::start().await;
    let (fields, attempts) = at_answer(&site, "/x").await;
    let (code, state) = (get(&fields, "code"), get(&fields, "state"));
    let good = encoded(&[("code", &code), ("state", &state)]);
    let (hand, url) = (site.hand(), site.auth("/oauth2/callback"));
    let post = async |url: &str, content_type: &[&str], body: Vec<u8>| {
        let mut headers = vec![("cookie", attempts.as_str()), ("origin", site.apple.base_url())];
        headers.extend(content_type.iter().map(|value| ("content-type", *value)));
        hand.send("POST", url, &headers, &body).await.code()
    };
    let form = "application/x-www-form-urlencoded";
    // Twice in the body, and once in the body and once in the query.
    for name in ["code", "state", "user", "error", "iss", "id_token"] {
        let doubled = format!("{good}&{name}=a&{name}=b");
        assert_eq!(post(&url, &[form], doubled.into()).await, 400, "{name} twice");
        let both = format!("{url}?{name}=a");
        assert_eq!(post(&both, &[form], good.clone().into()).await, 400, "{name} in the query");
    }
    for doubled in [
        format!("{good}&{good}"),
        format!("{good}&c%6Fde=x"),
        format!("{good}&error=access_denied"),
    ] {
        assert_eq!(post(&url, &[form], doubled.clone().into()).await, 400, "{doubled}");
    }
    let query = format!("{url}?{good}");
    assert_eq!(post(&query, &[form], Vec::new()).await, 400);
    // Other types, charsets, encodings.
    let json = json!({"code": code, "state": state}).to_string();
    let multipart =
        format!("--b\r\ncontent-disposition: form-data; name=\"code\"\r\n\r\n{code}\r\n--b--\r\n");
    let others: [(&[&str], &str); 10] = [
        (&[], &good),
        (&[""], &good),
        (&["text/plain"], &good),
        (&["application/json"], &json),
        (&["multipart/form-data; boundary=b"], &multipart),
        (&["application/x-www-form-urlencoded; charset=utf-16"], &good),
        (&["application/x-www-form-urlencoded; charset=iso-8859-1"], &good),
        (&["application/x-www-form-urlencoded, text/plain"], &good),
        (&["application/x-www-form-urlencoded", "text/plain"], &good),
        (&["application/x-www-form-urlencodedx"], &good),
    ];
    for (types, body) in others {
        assert_eq!(post(&url, types, body.into()).await, 415, "{types:?}");
    }
    let packed =
        [("cookie", attempts.as_str()), ("content-type", form), ("content-encoding", "gzip")];
    assert_eq!(hand.send("POST", &url, &packed, good.as_bytes()).await.code(), 415);
    // Invalid UTF-8, raw and escaped; controls; broken escapes.
    for bad in [
        b"&user=\xff".as_slice(),
        b"&user=%ff",
        b"&user=%",
        b"&user=%zz",
        b"&user=a\r\nb",
        b"&user=\0",
    ] {
        let body = [good.as_bytes(), bad].concat();
        assert_eq!(post(&url, &[form], body).await, 400, "{bad:?}");
    }
    // Too large: one over the limit, and one under is read.
    let filled =
        |length: usize| format!("{good}&x={}", "a".repeat(length - good.len() - 3)).into_bytes();
    assert_eq!(post(&url, &[form], filled(64 * 1024 + 1)).await, 413);
    assert_eq!(post(&url, &[form], filled(1 << 20)).await, 413);
    assert_eq!(site.exchanges(), 0);
    assert_eq!(
        post(&url, &["application/x-www-form-urlencoded;charset=UTF-8"], filled(64 * 1024)).await,
        303
    );
    assert_eq!(site.exchanges(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn t89_get_and_head_on_the_callback_consume_nothing() {
    let site = Site::start().await;
    let (fields, attempts) = at_answer(&site, "/x").await;
    let fields_text: Vec<(&str, &str)> =
        fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let with_fields = format!("{}?{}", site.auth("/oauth2/callback"), encoded(&fields_text));
    let hand = site.hand();
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        for url in [site.auth("/oauth2/callback"), with_fields.clone()] {
            let mut headers = NAVIGATION.to_vec();
            headers.push(("cookie", &attempts));
            let page = hand.send(method, &url, &headers, b"").await;
            assert_eq!((page.code(), page.header("allow")), (405, Some("POST")), "{method}");
            assert!(page.set_cookies().is_empty());
            if method == "GET" {
                assert!(page.body.contains("Start again"), "{}", page.body);
            }
        }
    }
    assert_eq!(site.exchanges(), 0);
    assert_eq!(site.post_callback(&fields, &attempts).await.code(), 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn t89_only_navigations_are_taken_to_apple() {
    let site = Site::start().await;
    let hand = site.hand();
    let not_people: [&[(&str, &str)]; 8] = [
        &[("sec-purpose", "prefetch"), NAVIGATION[0], NAVIGATION[1], NAVIGATION[2]],
        &[("sec-purpose", "prefetch;prerender"), NAVIGATION[0], NAVIGATION[1], NAVIGATION[2]],
        &[("accept", "*/*"), ("user-agent", "Slackbot-LinkExpanding 1.0")],
        &[("user-agent", "facebookexternalhit/1.1")],
        &[("accept", "image/avif,*/*"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
        &[("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
        &[("accept", "text/html"), ("x-requested-with", "XMLHttpRequest")],
        &[("accept", "application/json")],
    ];
    let link = hand.load(&site.wiki("/"), "").await.location().to_owned();
    for headers in not_people {
        for url in [site.wiki("/page"), link.clone()] {
            let page = hand.send("GET", &url, headers, b"").await;
            assert_eq!(page.code(), 401, "{headers:?} {url}");
            assert!(page.set_cookies().iter().all(|line| !line.contains("attempt")), "{headers:?}");
        }
    }
    // A page load, though, is.
    assert_eq!(hand.load(&link, "").await.code(), 302);
    let attempt = hand.load(&link, "").await.set_cookies();
    assert!(!value_of(&attempt[0]).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn t20_an_answer_that_comes_again_after_its_attempts_time_signs_nobody_in() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let (_, form) = site.up_to_answer(&mut browser, &site.wiki("/page"), "ann").await;
    // As they were before the answer came: a copy that does not know that it was used.
    let unused = site.attempts(&browser);
    let page = site.post_callback(&form.fields, &unused).await;
    assert!(page.code() == 303 && page.set_cookie("__Host-russet").is_some());
    site.clock.shift(601);
    let page = site.post_callback(&form.fields, &unused).await;
    assert_eq!(page.code(), 400, "{}", page.location());
    assert!(page.set_cookie("__Host-russet").is_none());
    assert_eq!(site.reasons("/oauth2/callback").await, ["attempt_expired"]);
    assert_eq!(site.exchanges(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn t18_what_the_form_says_of_a_person_changes_nothing() {
    let extra = "jwt_claims_headers: {X-Email: email, X-Verified: email_verified}".to_owned();
    let site = Site::with(Plan { extra, ..Plan::default() }).await;
    for (person, told, status) in [
        ("max", "ann@corp.example", 403),
        ("rae", "ann@corp.example", 403),
        ("uma", "ann@corp.example", 403),
        ("ann", "eve@evil.test", 200),
    ] {
        let mut browser = site.browser();
        let at_apple = browser.load(&site.wiki("/")).await.unwrap();
        let page = site.answer_page(&mut browser, &at_apple, &[("person", person)]).await;
        let mut form = page.form("/oauth2/callback").unwrap();
        form.fields.retain(|(name, _)| name != "user");
        let user = json!({"email": told, "email_verified": true, "is_private_email": false, "sub": "001.boss",
            "name": {"firstName": "Boss\r\n<i>", "lastName": told, "email": told}});
        form.fields.push(("user".to_owned(), user.to_string()));
        let page = browser.submit(&page, &form, &[]).await.unwrap();
        assert_eq!(page.status.as_u16(), status, "{person}");
        assert!(!page.body.contains("<i>"));
        let line = site.last_log().await;
        assert!(line["sub"].as_str().unwrap().starts_with("0004"), "{line}");
        if status == 200 {
            let seen = site.app.last();
            assert_eq!(
                (seen.one("x-email"), seen.one("x-verified")),
                (Some("ann@corp.example"), Some("true"))
            );
        }
    }
    assert_eq!(site.app.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn w14_cancel_and_used_codes_are_pages_and_never_5xx() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let at_apple = browser.load(&site.wiki("/x")).await.unwrap();
    let answer = site.answer_page(&mut browser, &at_apple, &[("cancel", "1")]).await;
    let page =
        browser.submit(&answer, &answer.form("/oauth2/callback").unwrap(), &[]).await.unwrap();
    assert_eq!(page.code(), 200);
    assert!(page.body.contains("Try again") && !page.body.contains("debug"), "{}", page.body);
    // A used code: somebody redeemed it already, Apple says.
    let (answer, form) = site.up_to_answer(&mut browser, &site.wiki("/x"), "ann").await;
    site.apple.faults().next(Endpoint::Token, AnswerFault::error("invalid_grant"));
    let page = browser.submit(&answer, &form, &[]).await.unwrap();
    assert_eq!(page.code(), 400);
    assert!(page.body.contains("Start again"));
    // An unknown one.
    let (answer, mut form) = site.up_to_answer(&mut browser, &site.wiki("/x"), "ann").await;
    form.fields
        .iter_mut()
        .filter(|(name, _)| name == "code")
        .for_each(|(_, v)| *v = "c0de.0.unknown".to_owned());
    assert_eq!(browser.submit(&answer, &form, &[]).await.unwrap().code(), 400);
    // An expired one.
    let (answer, form) = site.up_to_answer(&mut browser, &site.wiki("/x"), "ann").await;
    site.clock.shift(301);
    assert_eq!(browser.submit(&answer, &form, &[]).await.unwrap().code(), 400);
    // Callbacks that make no sense.
    for fields in [
        vec![],
        vec![("code", "x")],
        vec![("state", "x")],
        vec![("code", "x"), ("state", "")],
        vec![("error", "access_denied")],
    ] {
        let fields: Vec<(String, String)> =
            fields.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        assert_eq!(site.post_callback(&fields, "").await.code(), 400, "{fields:?}");
    }
}
