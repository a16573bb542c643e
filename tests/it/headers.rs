//! What an application is told, what of a client's headers it never sees, and what of its answer
//! goes on.

use crate::support::{Answer, Answered as _, Multiplexed, Plan, Site, Wire};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use russet::wire::protected_names::{Meaning, known_names, prefixes};
use serde_json::{Value, json};

const PASSING: &str = "  - from: https://{wiki}\n    to: http://{up}\n    pass_identity_headers: true\n    cors_allow_preflight: true\n    \
    allow_any_authenticated_user: true\n  \
    - from: https://{lunch}\n    to: http://{up}\n    pass_identity_headers: true\n    allow_public_unauthenticated_access: true\n  \
    - from: https://other.localhost\n    to: http://{up}\n    allow_any_authenticated_user: true\n";

async fn passing(extra: &str) -> Site {
    Site::with(Plan {
        routes: PASSING.to_owned(),
        extra: extra.to_owned(),
        plain: true,
        ..Plan::default()
    })
    .await
}

/// Names that only Russet may write: those of the table, a member of each family that nobody knows,
/// and one of the configuration. (What changes the method is removed where a policy reads it.)
fn ours() -> Vec<String> {
    let table = known_names().filter(|(_, meaning)| *meaning != Meaning::Method);
    let mut names: Vec<String> = table.map(|(name, _)| name.to_owned()).collect();
    names.extend(prefixes().map(|prefix| format!("{prefix}Anything")));
    names.push("X-Team".to_owned());
    names
}

const CLAIMS: &str =
    "jwt_claims_headers: {X-Team: team, X-Email: email, X-Hidden: is_private_email}";

/// Spellings of a name that a CGI-like application folds into one. An underscore is 400 anyway.
fn spelt(name: &str, choices: &[u8]) -> String {
    let letter = |(at, character): (usize, char)| {
        let choice = choices[at % choices.len()];
        match character {
            '-' => ['-', '.', '-', '~', '!'][usize::from(choice) % 5],
            _ if choice.is_multiple_of(2) => character.to_ascii_uppercase(),
            _ => character.to_ascii_lowercase(),
        }
    };
    name.chars().enumerate().map(letter).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn t04_no_spelling_of_our_names_comes_from_a_client() {
    let site = passing(CLAIMS).await;
    let cookie = site.cookie("wiki", json!({"team": "blue"}));
    let (wiki, lunch, other) =
        (site.host("wiki"), site.host("lunch"), "other.localhost".to_owned());
    let signed_elsewhere = site.cookie("other", json!({}));
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let choices = proptest::collection::vec(any::<u8>(), 12);
    let mut kinds = 0;
    for name in ours() {
        for _ in 0..2 {
            let spelling = spelt(&name, &choices.new_tree(&mut runner).unwrap().current());
            let spoof = [(spelling.as_str(), "spoof"), (name.as_str(), "spoof, spoof")];
            let preflight =
                [("Origin", "https://x.test"), ("Access-Control-Request-Method", "PUT")];
            let upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket")];
            for (method, host, cookie, more) in [
                ("GET", &wiki, cookie.as_str(), &[][..]),
                ("GET", &lunch, "a=b", &[]),
                ("OPTIONS", &wiki, "a=b", &preflight),
                ("GET", &wiki, &cookie, &upgrade),
                (
                    "POST",
                    &wiki,
                    &cookie,
                    &[("Content-Type", "application/grpc"), ("Content-Length", "0")],
                ),
                ("GET", &other, &signed_elsewhere, &[]),
            ] {
                let before = site.app.count();
                let mut headers = vec![("Host", host.as_str()), ("Cookie", cookie)];
                headers.extend(spoof);
                headers.extend(more);
                let answer = site.wire().await.ask(&format!("{method} / HTTP/1.1"), &headers).await;
                assert_eq!(
                    (answer.status, site.app.count()),
                    (200, before + 1),
                    "{spelling} {method} {host}"
                );
                let seen = site.app.last();
                for (name, value) in &seen.headers {
                    assert!(
                        !value.contains("spoof"),
                        "{method} {host} {name}: {value} by {spelling}"
                    );
                }
                let named = |wanted: &str| {
                    let fold = |name: &str| {
                        name.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
                    };
                    seen.headers.iter().filter(|(name, _)| fold(name) == wanted).count()
                };
                let told = usize::from(host == &wiki && method != "OPTIONS");
                assert_eq!(named("x-pomerium-jwt-assertion"), told, "{method} {host}");
                assert_eq!(named("x-team"), usize::from(host != &other), "{method} {host}");
                kinds += 1;
            }
        }
    }
    assert_eq!(kinds, ours().len() * 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn t04_names_with_blanks_or_underscores_are_refused_and_so_are_ours_on_own_answers() {
    let site = passing(CLAIMS).await;
    let (host, cookie) = (site.host("wiki"), site.cookie("wiki", json!({})));
    for name in ["X-Team ", "X_Team", "X-Pomerium_Jwt-Assertion", "X-Team\t", "HTTP_X_TEAM"] {
        let answer = site
            .wire()
            .await
            .ask("GET / HTTP/1.1", &[("Host", &host), ("Cookie", &cookie), (name, "spoof")])
            .await;
        assert_eq!(answer.status, 400, "{name:?}");
    }
    for path in ["/ping", "/.pomerium/user", "/nothing-of-ours"] {
        let headers =
            [("Host", host.as_str()), ("X-Pomerium-Jwt-Assertion", "spoof"), ("X-Team", "spoof")];
        let answer = site.wire().await.ask(&format!("GET {path} HTTP/1.1"), &headers).await;
        assert!(!format!("{answer:?}").contains("spoof"), "{path}");
    }
    assert_eq!(site.app.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn t04_http2_clients_say_nothing_in_our_name_either() {
    let site = passing(CLAIMS).await;
    let (host, cookie) = (site.host("wiki"), site.cookie("wiki", json!({"team": "blue"})));
    let mut client = Multiplexed::to(site.address()).await;
    for name in ours() {
        for spelling in [name.to_ascii_lowercase(), name.to_ascii_lowercase().replace('-', ".")] {
            let headers = [
                ("cookie", cookie.as_str()),
                (spelling.as_str(), "spoof"),
                (spelling.as_str(), "spoof"),
            ];
            let answer = client.ask("GET", &format!("http://{host}/"), &headers).await.unwrap();
            assert_eq!(answer.status, 200);
            let seen = site.app.last();
            assert!(
                seen.headers.iter().all(|(_, value)| !value.contains("spoof")),
                "{spelling}: {seen:?}"
            );
            assert_eq!(seen.one("x-team"), Some("blue"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t05_a_connection_header_drops_nothing_that_we_say() {
    let site = passing(CLAIMS).await;
    let (host, cookie) = (site.host("wiki"), site.cookie("wiki", json!({"team": "blue"})));
    let listed = [
        "X-Pomerium-Jwt-Assertion",
        "X-Team",
        "X-Email",
        "Cookie",
        "Authorization",
        "Host",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Forwarded-Port",
        "X-Request-Id",
        "Content-Length",
        "Content-Type",
    ];
    for name in listed {
        for connection in [
            format!("close, {name}"),
            format!("{},close", name.to_lowercase()),
            format!("keep-alive,\t{name} ,"),
        ] {
            let headers = [
                ("Host", host.as_str()),
                ("Cookie", &format!("{cookie}; theirs=1")),
                ("Authorization", "Basic abc"),
                ("Content-Type", "text/x"),
                ("Content-Length", "2"),
                ("Connection", &connection),
            ];
            let mut wire = site.wire().await;
            let mut head = "POST / HTTP/1.1\r\n".to_owned();
            headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
            wire.send(format!("{head}\r\nhi")).await;
            assert_eq!(wire.answer(false).await.unwrap().status, 200, "{connection}");
            let seen = site.app.last();
            for kept in listed {
                assert!(
                    seen.one(kept).is_some_and(|value| !value.is_empty()),
                    "{connection} drops {kept}"
                );
            }
            assert_eq!(
                (seen.one("cookie"), seen.body.as_slice()),
                (Some("theirs=1"), b"hi".as_slice())
            );
            assert_eq!(
                (seen.one("x-team"), seen.one("x-email")),
                (Some("blue"), Some("ann@corp.example"))
            );
            assert!(seen.all("connection").is_empty(), "{:?}", seen.headers);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t92_hop_by_hop_headers_end_here_in_both_directions() {
    let site = passing("").await;
    let (host, cookie) = (site.host("wiki"), site.cookie("wiki", json!({})));
    site.app.answer(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: X-Internal, Set-Cookie, X-Frame-Options\r\nX-Internal: 1\r\n\
         Keep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nProxy-Connection: keep-alive\r\nTrailer: X-T\r\nUpgrade: h2c\r\n\
         Alt-Svc: h3=\":443\"\r\nTE: trailers\r\nSet-Cookie: app=1\r\nX-Accel-Redirect: /x\r\nX-Kept: 1\r\n\r\nok",
    );
    let headers = [
        ("Host", host.as_str()),
        ("Cookie", cookie.as_str()),
        ("Connection", "X-Mine, keep-alive"),
        ("X-Mine", "1"),
        ("Keep-Alive", "5"),
        ("Proxy-Connection", "x"),
        ("Proxy-Authorization", "Basic x"),
        ("TE", "trailers"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
        ("Expect", "100-continue"),
        ("X-Kept", "1"),
    ];
    let answer = site.wire().await.ask("GET / HTTP/1.1", &headers).await;
    let seen = site.app.last();
    for name in [
        "connection",
        "x-mine",
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
        "te",
        "upgrade",
        "http2-settings",
        "expect",
        "trailer",
        "transfer-encoding",
    ] {
        assert!(seen.all(name).is_empty(), "{name} went to the application");
    }
    for name in [
        "x-internal",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "trailer",
        "upgrade",
        "alt-svc",
        "te",
    ] {
        assert!(answer.all(name).is_empty(), "{name} came to the client");
    }
    assert_eq!((seen.one("x-kept"), answer.one("x-kept")), (Some("1"), Some("1")));
    assert_eq!(answer.one("set-cookie"), Some("app=1"));
    assert!(answer.one("x-frame-options").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn t34_no_parse_of_the_cookies_shows_ours_to_an_application() {
    let site = passing("").await;
    let host = site.host("wiki");
    let session = site.cookie("wiki", json!({}));
    let value = session.split_once('=').unwrap().1.to_owned();
    let lines: Vec<Vec<String>> = [
        "{}",
        "a=1; {}; b=2",
        "{};{}x",
        "a=1;{}",
        " {} ",
        "$Version=1; {}; $Path=/",
        "x=\"a; {}; b\"",
        "__Host-russet=\"V\"",
        "__host-russet=V; {}",
        "a=1, __Host-russet=V; {}",
        "=__Host-russet=V; {}",
        "__Host-russet =V; {}",
        "__Host-russet_browser=V; {}",
        "__Host-russet_attempt_abc=V; {}",
        "__Host-russet_rounds=V; {}",
        "%5f%5fHost-russet=V; {}",
        "__Host-russet\t=V; {}",
        "\"__Host-russet\"=V; {}",
        "__Host-russet; {}",
        "a=1;; ;{}",
        "$Version=\"1\"; __Host-russet=V; $Path=\"/\"; {}",
    ]
    .iter()
    .map(|line| vec![line.replace("{}", &session).replace("=V", &format!("={value}"))])
    .chain([vec!["a=1".to_owned(), session.clone(), "b=2".to_owned()]])
    .collect();
    for cookies in &lines {
        let mut headers = vec![("Host", host.as_str())];
        headers.extend(cookies.iter().map(|line| ("Cookie", line.as_str())));
        headers.push(("Cookie", "mine=kept"));
        let before = site.app.count();
        let answer = site.wire().await.ask("GET / HTTP/1.1", &headers).await;
        // Some have two sessions that open, which is nobody: then nothing is sent at all.
        if answer.status != 200 {
            assert_eq!(site.app.count(), before, "{cookies:?}");
            continue;
        }
        let seen = site.app.last();
        let all = seen.all("cookie").join("; ");
        assert!(
            !all.contains(&value) && !all.to_lowercase().contains("russet"),
            "{cookies:?} -> {all}"
        );
        assert!(all.contains("mine=kept"), "{all}");
    }
    let mut client = Multiplexed::to(site.address()).await;
    let crumbs = [("cookie", "a=1"), ("cookie", session.as_str()), ("cookie", "b=2")];
    let answer = client.ask("GET", &format!("http://{host}/"), &crumbs).await.unwrap();
    assert_eq!((answer.status, site.app.last().one("cookie")), (200, Some("a=1; b=2")));
    let alone = [("Host", host.as_str()), ("Cookie", session.as_str())];
    assert_eq!(site.wire().await.ask("GET / HTTP/1.1", &alone).await.status, 200);
    assert!(site.app.last().all("cookie").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn t34_applications_cannot_set_our_cookies() {
    let site = passing("").await;
    let (host, cookie) = (site.host("wiki"), site.cookie("wiki", json!({})));
    let hostile = [
        "__Host-russet=x; Path=/; Secure",
        "__host-russet=x",
        "__Host-russet=; Max-Age=0",
        "__Host-russet=x; Domain=localhost",
        " __Host-russet =x",
        "__Host-russet_browser=x",
        "__Host-russet_attempt_1=x",
        "=__Host-russet=x",
        "\"__Host-russet\"=x",
        "__Host-russet",
        "%5F_Host-russet=x",
    ];
    let set: String = hostile.iter().map(|line| format!("Set-Cookie: {line}\r\n")).collect();
    site.app.answer(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: first=1\r\n{set}Set-Cookie: last=2; Path=/\r\n\r\n"
    ));
    let answer =
        site.wire().await.ask("GET / HTTP/1.1", &[("Host", &host), ("Cookie", &cookie)]).await;
    assert_eq!(answer.all("set-cookie"), ["first=1", "last=2; Path=/"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn t34_a_cookie_name_of_the_operators_is_guarded_as_ours() {
    let site = passing("cookie_name: corp\n").await;
    let host = site.host("lunch");
    site.app.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: __Host-corp=1\r\nSet-Cookie: a=1\r\n\r\n");
    let headers = [("Host", host.as_str()), ("Cookie", "__Host-corp=x; a=1; __HOST-CORP=y")];
    let answer = site.wire().await.ask("GET / HTTP/1.1", &headers).await;
    assert_eq!(answer.all("set-cookie"), ["a=1"]);
    assert_eq!(site.app.last().all("cookie"), ["a=1"]);
}

/// Claims that try to be more than one value.
const HOSTILE: [&str; 12] = [
    "a\r\nX-Evil: 1",
    "a\nX-Evil: 1",
    "a\rX-Evil: 1",
    "a\0b",
    "${HOME}",
    "{{7*7}}",
    "$pomerium.jwt",
    "${pomerium.request.headers[\"Cookie\"]}",
    "<script>alert(1)</script>",
    "\u{202e}evil\u{2066}",
    "M\u{fc}ller, \u{418}\u{432}\u{430}\u{43d}",
    "a,b%2C,c",
];

#[tokio::test(flavor = "multi_thread")]
async fn t32_a_hostile_claim_stays_one_value_everywhere() {
    let routes = "  - from: https://{wiki}\n    to: http://{up}\n    pass_identity_headers: true\n    allow_any_authenticated_user: true\n    \
        set_request_headers: {X-Said: 'by $pomerium.jwt'}\n  - from: https://{lunch}\n    to: http://{up}\n    \
        policy: [{allow: {and: [{claim/team: wanted}]}}]\n";
    let extra = "jwt_claims_headers: {X-Team: team, X-List: list}";
    let site = Site::with(Plan {
        routes: routes.to_owned(),
        extra: extra.to_owned(),
        plain: true,
        ..Plan::default()
    })
    .await;
    let long = "x".repeat(600);
    for claim in HOSTILE.into_iter().chain([long.as_str()]) {
        let claims =
            json!({"team": claim, "list": [claim, "second"], "name": claim, "email": null});
        let (host, cookie) = (site.host("wiki"), site.cookie("wiki", claims.clone()));
        let answer =
            site.wire().await.ask("GET / HTTP/1.1", &[("Host", &host), ("Cookie", &cookie)]).await;
        assert_eq!(answer.status, 200, "{claim:?}");
        let seen = site.app.last();
        assert!(seen.all("x-evil").is_empty(), "{claim:?}");
        let team = seen.one("x-team").unwrap();
        assert!(!team.contains(char::is_control) && team.len() <= 8_192, "{team:?}");
        if !claim.contains(char::is_control) {
            assert_eq!(team, claim, "values are data");
        }
        assert_eq!(seen.one("x-list").unwrap().split(',').count(), 2, "{claim:?}");
        let said = payload(seen.one("x-said").unwrap().strip_prefix("by ").unwrap());
        assert_eq!(said["team"], claim, "the assertion has the claim as it is");
        // Pages, JSON and the log of a refusal.
        let (host, cookie) = (site.host("lunch"), site.cookie("lunch", claims));
        for accept in ["text/html", "application/json"] {
            for path in ["/", "/.pomerium/"] {
                let headers = [("Host", host.as_str()), ("Cookie", &cookie), ("Accept", accept)];
                let answer = site.wire().await.ask(&format!("GET {path} HTTP/1.1"), &headers).await;
                assert!(answer.all("x-evil").is_empty());
                if accept == "text/html" {
                    assert!(!answer.body.contains("<script"), "{claim:?}");
                } else {
                    serde_json::from_str::<Value>(&answer.body).unwrap();
                }
            }
        }
    }
    // Each line was parsed as JSON; none is longer than its fields may be.
    for line in site.log().await {
        assert!(!line.to_string().contains(['\u{202e}', '\u{2066}']), "{line}");
    }
}

fn payload(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_assertion_verifies_with_the_published_keys() {
    let site = passing(CLAIMS).await;
    let host = site.host("wiki");
    let session = site.session(json!({"team": "blue", "is_private_email": false}));
    let cookie = site.cookie_of("wiki", &session);
    let mut wire = site.wire().await;
    assert_eq!(
        wire.ask("GET / HTTP/1.1", &[("Host", &host), ("Cookie", &cookie)]).await.status,
        200
    );
    let token = site.app.last().one("x-pomerium-jwt-assertion").unwrap().to_owned();
    let answer = wire.ask("GET /.well-known/pomerium/jwks.json HTTP/1.1", &[("Host", &host)]).await;
    let keys: JwkSet = serde_json::from_str(&answer.body).unwrap();
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!((header.alg, header.typ.as_deref()), (jsonwebtoken::Algorithm::ES256, Some("JWT")));
    let key = keys.find(header.kid.as_deref().unwrap()).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
    validation.set_audience(&["wiki.localhost"]);
    validation.set_issuer(&["wiki.localhost"]);
    validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
    let key = jsonwebtoken::DecodingKey::from_jwk(key).unwrap();
    let claims = jsonwebtoken::decode::<Value>(&token, &key, &validation).unwrap().claims;
    assert_eq!(claims["aud"], "wiki.localhost");
    assert_eq!((&claims["sub"], &claims["user"]), (&json!("001.test"), &json!("001.test")));
    assert_eq!(
        (&claims["email"], &claims["groups"], &claims["name"]),
        (&json!("ann@corp.example"), &json!([]), &json!(""))
    );
    assert_eq!(claims["sid"], session.id.to_string());
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    assert!(claims["jti"].as_str().unwrap().len() == 36);
    // A changed one does not verify.
    let mut forged = token.into_bytes();
    let middle = forged.len() / 2;
    forged[middle] = if forged[middle] == b'A' { b'B' } else { b'A' };
    assert!(jsonwebtoken::decode::<Value>(&forged, &key, &validation).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn w12_claims_keep_their_json_types() {
    let site = passing(CLAIMS).await;
    let (host, cookie) = (
        site.host("wiki"),
        site.cookie("wiki", json!({"is_private_email": true, "team": ["a", 1]})),
    );
    site.wire().await.ask("GET / HTTP/1.1", &[("Host", &host), ("Cookie", &cookie)]).await;
    let seen = site.app.last();
    let claims = payload(seen.one("x-pomerium-jwt-assertion").unwrap());
    assert_eq!((&claims["is_private_email"], &claims["team"]), (&json!(true), &json!(["a", 1])));
    assert_eq!((seen.one("x-hidden"), seen.one("x-team")), (Some("true"), Some("a,1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_headers_go_only_where_they_are_asked_for() {
    let site = passing(CLAIMS).await;
    let cookie = site.cookie("other", json!({"team": "blue"}));
    site.wire()
        .await
        .ask("GET / HTTP/1.1", &[("Host", "other.localhost"), ("Cookie", &cookie)])
        .await;
    let seen = site.app.last();
    for name in ["x-pomerium-jwt-assertion", "x-team", "x-email", "x-hidden"] {
        assert!(seen.all(name).is_empty(), "{name}");
    }
    // A claim that is not there is an empty header, not an absent one.
    let (host, cookie) = (site.host("wiki"), site.cookie("wiki", json!({"email": null})));
    site.wire().await.ask("GET / HTTP/1.1", &[("Host", &host), ("Cookie", &cookie)]).await;
    let seen = site.app.last();
    assert_eq!(["x-team", "x-email", "x-hidden"].map(|name| seen.one(name)), [Some(""); 3]);
    // An address that Apple does not vouch for is none.
    let cookie = site.cookie("wiki", json!({"email_verified": false}));
    site.wire().await.ask("GET / HTTP/1.1", &[("Host", &host), ("Cookie", &cookie)]).await;
    let seen = site.app.last();
    assert_eq!(seen.one("x-email"), Some(""));
    assert_eq!(payload(seen.one("x-pomerium-jwt-assertion").unwrap())["email"], "");
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_a_session_is_taken_from_the_cookie_alone() {
    let site = passing("").await;
    let host = site.host("wiki");
    let cookie = site.cookie("wiki", json!({}));
    let value = cookie.split_once('=').unwrap().1;
    for (name, content) in [
        ("Authorization", format!("Pomerium {value}")),
        ("Authorization", format!("Bearer Pomerium-{value}")),
        ("authorization", format!("bearer  POMERIUM-{value}")),
        ("X-Pomerium-Authorization", value.to_owned()),
    ] {
        let before = site.app.count();
        let alone = [("Host", host.as_str()), (name, content.as_str())];
        assert_eq!(site.wire().await.ask("GET / HTTP/1.1", &alone).await.status, 401, "{name}");
        assert_eq!(site.app.count(), before);
        // On a public route it is taken away and the request goes on.
        let public = site.host("lunch");
        let to_public = [("Host", public.as_str()), (name, content.as_str())];
        assert_eq!(site.wire().await.ask("GET / HTTP/1.1", &to_public).await.status, 200);
        assert!(site.app.last().all("authorization").is_empty(), "{content}");
        assert!(!format!("{:?}", site.app.last()).contains(value));
    }
    let query = format!("GET /?pomerium_session={value} HTTP/1.1");
    assert_eq!(site.wire().await.ask(&query, &[("Host", &host)]).await.status, 401);
    // Tokens that are the application's own pass.
    let public = site.host("lunch");
    for kept in ["Bearer abc", "Basic YWJj", "Bearer pomeriumabc"] {
        site.wire()
            .await
            .ask("GET / HTTP/1.1", &[("Host", &public), ("Authorization", kept)])
            .await;
        assert_eq!(site.app.last().one("authorization"), Some(kept));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w9_no_claim_header_of_a_client_arrives() {
    let site = passing("jwt_claims_headers: [email]").await;
    let public = site.host("lunch");
    let headers = [
        ("Host", public.as_str()),
        ("X-Pomerium-Claim-Foo", "spoof"),
        ("X-Pomerium-Claim-Email", "spoof"),
        ("x-pomerium-anything", "spoof"),
    ];
    site.wire().await.ask("GET / HTTP/1.1", &headers).await;
    let seen = site.app.last();
    assert!(seen.headers.iter().all(|(_, value)| value != "spoof"), "{seen:?}");
    assert_eq!(seen.one("x-pomerium-claim-email"), Some(""));
}

#[tokio::test(flavor = "multi_thread")]
async fn w10_a_carried_assertion_is_removed() {
    let site = passing("").await;
    for (host, cookie) in [
        (site.host("wiki"), site.cookie("wiki", json!({}))),
        ("other.localhost".to_owned(), site.cookie("other", json!({}))),
    ] {
        let headers = [
            ("Host", host.as_str()),
            ("Cookie", &cookie),
            ("X-Pomerium-Jwt-Assertion-For", "spoof"),
        ];
        assert_eq!(site.wire().await.ask("GET / HTTP/1.1", &headers).await.status, 200);
        assert!(site.app.last().all("x-pomerium-jwt-assertion-for").is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w11_a_public_route_asserts_nobody_without_a_session() {
    let site = passing(CLAIMS).await;
    let host = site.host("lunch");
    for cookie in ["", "__Host-russet=garbage"] {
        site.wire().await.ask("GET / HTTP/1.1", &[("Host", &host), ("Cookie", cookie)]).await;
        let seen = site.app.last();
        assert!(seen.all("x-pomerium-jwt-assertion").is_empty());
        assert_eq!((seen.one("x-team"), seen.one("x-email")), (Some(""), Some("")));
    }
    // Whoever is signed in is told of there too.
    let cookie = site.cookie("lunch", json!({}));
    site.wire().await.ask("GET / HTTP/1.1", &[("Host", &host), ("Cookie", &cookie)]).await;
    assert!(site.app.last().one("x-pomerium-jwt-assertion").is_some());
}

const SHAPED: &str = "  - from: https://{wiki}\n    to: http://{up}\n    allow_public_unauthenticated_access: true\n    pass_identity_headers: true\n    \
    set_request_headers:\n      X-Fixed: a$$b\n      X-Token: 'Bearer $pomerium.jwt'\n      X-New: '${pomerium.request.headers[\"X-Old\"]}'\n      \
    X-Both: set\n      X-Never: 'v$pomerium.id_token.'\n    remove_request_headers: [X-Old, X-Both, X-Gone, x-forwarded-host]\n    \
    set_response_headers: {X-Frame-Options: DENY, X-Route: '1'}\n  \
    - from: https://{lunch}\n    to: http://{up}\n    allow_public_unauthenticated_access: true\n    set_response_headers: {disable: true}\n  \
    - from: https://other.localhost\n    to: http://{up}\n    allow_public_unauthenticated_access: true\n    preserve_host_header: true\n";

#[tokio::test(flavor = "multi_thread")]
async fn request_headers_are_set_removed_and_filled() {
    let site = Site::with(Plan { routes: SHAPED.to_owned(), plain: true, ..Plan::default() }).await;
    let host = site.host("wiki");
    let cookie = format!("{}; a=1", site.cookie("wiki", json!({})));
    let headers = [
        ("Host", host.as_str()),
        ("Cookie", &cookie),
        ("X-Old", "value $pomerium.jwt"),
        ("X-Both", "client"),
        ("X-Gone", "1"),
        ("X-Kept", "1"),
        ("X-Fixed", "client"),
    ];
    site.wire().await.ask("GET / HTTP/1.1", &headers).await;
    let seen = site.app.last();
    assert_eq!(seen.one("x-fixed"), Some("a$b"));
    assert_eq!(
        seen.one("x-new"),
        Some("value $pomerium.jwt"),
        "a value is never read again as a template"
    );
    assert_eq!(
        (seen.one("x-both"), seen.one("x-kept"), seen.one("x-never")),
        (Some("set"), Some("1"), Some("v."))
    );
    for name in ["x-old", "x-gone", "x-forwarded-host"] {
        assert!(seen.all(name).is_empty(), "{name}");
    }
    let token = seen.one("x-token").unwrap().strip_prefix("Bearer ").unwrap();
    assert_eq!(token, seen.one("x-pomerium-jwt-assertion").unwrap());
    // Nobody signed in: no token at all.
    site.wire().await.ask("GET / HTTP/1.1", &[("Host", &host)]).await;
    assert_eq!(site.app.last().one("x-token").map(str::trim), Some("Bearer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn response_headers_are_pomeriums_by_default_and_the_routes_go_over_them() {
    let site = Site::with(Plan { routes: SHAPED.to_owned(), plain: true, ..Plan::default() }).await;
    site.app.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Frame-Options: ALLOWALL\r\nX-Route: app\r\nServer: theirs\r\n\r\n");
    let ask = async |name: &str| {
        site.wire().await.ask("GET / HTTP/1.1", &[("Host", &site.host(name))]).await
    };
    let wiki = ask("wiki").await;
    assert_eq!((wiki.one("x-frame-options"), wiki.one("x-route")), (Some("DENY"), Some("1")));
    assert_eq!(wiki.one("x-xss-protection"), Some("1; mode=block"));
    assert_eq!(wiki.all("strict-transport-security"), Vec::<&str>::new(), "no certificate here");
    let lunch = ask("lunch").await;
    assert_eq!(
        (lunch.one("x-frame-options"), lunch.one("x-route")),
        (Some("ALLOWALL"), Some("app"))
    );
    assert!(lunch.all("x-xss-protection").is_empty());
    let id = site.last_log().await["request_id"].as_str().unwrap().to_owned();
    assert_eq!(lunch.one("x-request-id"), Some(&*id));
    // Written at top level they take the place of the defaults, on applications' answers and ours.
    let extra = "set_response_headers: {X-Corp: '1', Cache-Control: public}".to_owned();
    let site = Site::with(Plan { extra, plain: true, ..Plan::default() }).await;
    let (host, cookie) = (site.host("wiki"), site.cookie("wiki", json!({})));
    let mut wire = site.wire().await;
    let answer = wire.ask("GET / HTTP/1.1", &[("Host", &host), ("Cookie", &cookie)]).await;
    assert_eq!((answer.one("x-corp"), answer.all("x-frame-options")), (Some("1"), vec![]));
    let answer =
        wire.ask("GET /.pomerium/ HTTP/1.1", &[("Host", &host), ("Cookie", &cookie)]).await;
    assert_eq!((answer.one("x-corp"), answer.one("cache-control")), (Some("1"), Some("no-store")));
    assert_eq!(answer.one("x-frame-options"), Some("DENY"), "what protects our pages stays");
    let site = Site::with(Plan {
        extra: "set_response_headers: {disable: true}".to_owned(),
        plain: true,
        ..Plan::default()
    })
    .await;
    let answer =
        site.wire().await.ask("GET / HTTP/1.1", &[("Host", &host), ("Cookie", &cookie)]).await;
    assert!(answer.all("x-xss-protection").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn https_answers_say_so_for_a_year() {
    let site = Site::start().await;
    let mut browser = site.browser();
    for path in ["/ping", "/.pomerium/user", "/"] {
        let page = browser.fetch(&site.wiki(path), "application/json").await.unwrap();
        assert_eq!(
            page.headers["strict-transport-security"],
            "max-age=31536000; includeSubDomains; preload",
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_is_the_applications_unless_it_is_preserved() {
    let site = Site::with(Plan { routes: SHAPED.to_owned(), plain: true, ..Plan::default() }).await;
    site.wire().await.ask("GET / HTTP/1.1", &[("Host", "OTHER.localhost.:8443")]).await;
    assert_eq!(site.app.last().one("host"), Some("other.localhost:8443"));
    let host = site.host("lunch");
    site.wire().await.ask("GET / HTTP/1.1", &[("Host", &host)]).await;
    let seen = site.app.last();
    assert_eq!(seen.one("host"), Some(&*site.app.address().to_string()));
    assert_eq!(
        (seen.one("x-forwarded-host"), seen.one("x-forwarded-proto")),
        (Some(&*host), Some("https"))
    );
    assert_eq!(seen.one("x-forwarded-port"), Some(&*site.port.to_string()));
}

async fn forwarded_for(site: &Site, sent: &[&str]) -> (String, Answer) {
    let host = site.host("lunch");
    let mut headers = vec![("Host", host.as_str())];
    headers.extend(sent.iter().map(|value| ("X-Forwarded-For", *value)));
    let answer = site.wire().await.ask("GET / HTTP/1.1", &headers).await;
    (site.app.last().one("x-forwarded-for").unwrap().to_owned(), answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn x_forwarded_for_is_believed_as_far_as_the_hops_reach() {
    let site = passing("").await;
    assert_eq!(forwarded_for(&site, &[]).await.0, "127.0.0.1");
    assert_eq!(forwarded_for(&site, &["6.6.6.6, 7.7.7.7"]).await.0, "127.0.0.1");
    let site = passing("xff_num_trusted_hops: 2").await;
    for (sent, told, client) in [
        (&["6.6.6.6, 10.0.0.1, 10.0.0.2"][..], "10.0.0.1,10.0.0.2,127.0.0.1", "10.0.0.1"),
        (&["6.6.6.6", "10.0.0.1", "10.0.0.2"], "10.0.0.1,10.0.0.2,127.0.0.1", "10.0.0.1"),
        (&["::ffff:10.0.0.1, 10.0.0.2:443"], "10.0.0.1,10.0.0.2,127.0.0.1", "10.0.0.1"),
        (&["10.0.0.2"], "127.0.0.1", "127.0.0.1"),
        (&["10.0.0.1, evil"], "127.0.0.1", "127.0.0.1"),
        (&[], "127.0.0.1", "127.0.0.1"),
    ] {
        assert_eq!(forwarded_for(&site, sent).await.0, told, "{sent:?}");
        assert_eq!(site.last_log().await["ip"], client, "{sent:?}");
    }
    let host = site.host("lunch");
    let headers = [
        ("Host", host.as_str()),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Host", "evil"),
        ("X-Forwarded-Port", "1"),
        ("Forwarded", "for=6.6.6.6"),
    ];
    site.wire().await.ask("GET / HTTP/1.1", &headers).await;
    let seen = site.app.last();
    assert_eq!(
        (seen.one("x-forwarded-proto"), seen.one("x-forwarded-host")),
        (Some("https"), Some(&*host))
    );
    assert!(seen.all("forwarded").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_has_an_id_of_ours() {
    let site = passing("").await;
    let host = site.host("lunch");
    let headers = [("Host", host.as_str()), ("X-Request-Id", "mine"), ("X-Request-Id", "twice")];
    let answer = site.wire().await.ask("GET / HTTP/1.1", &headers).await;
    let line = site.last_log().await;
    let id = line["request_id"].as_str().unwrap();
    assert_eq!(
        (answer.one("x-request-id"), site.app.last().one("x-request-id")),
        (Some(id), Some(id))
    );
    // Refusals before the decision have one too.
    for line in ["GET /%2f HTTP/1.1", "GET / HTTP/1.1\r\nHost: other", "TRACE / HTTP/1.1"] {
        let answer = site.wire().await.ask(line, &[("Host", &host)]).await;
        assert!(answer.status >= 400);
        let line = site.last_log().await;
        assert_eq!(answer.one("x-request-id"), line["request_id"].as_str(), "{}", answer.status);
        assert!(answer.body.contains(line["id"].as_str().unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_goes_on_as_plain_http() {
    let site = passing("").await;
    let (host, cookie) = (site.host("wiki"), site.cookie("wiki", json!({})));
    let headers = [
        ("Host", host.as_str()),
        ("Cookie", &cookie),
        ("Connection", "keep-alive, Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
    ];
    let mut wire: Wire = site.wire().await;
    assert_eq!(wire.ask("GET /socket HTTP/1.1", &headers).await.status, 200);
    let seen = site.app.last();
    assert!(seen.all("upgrade").is_empty() && seen.all("connection").is_empty());
    assert_eq!(seen.target(), "/socket");
    // The connection goes on as HTTP, each request decided on by itself.
    assert_eq!(wire.ask("GET / HTTP/1.1", &[("Host", &host)]).await.status, 401);
    // An application that switches anyway is not followed.
    site.app.answer(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    assert_eq!(site.wire().await.ask("GET /socket HTTP/1.1", &headers).await.status, 502);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_the_file_are_told_to_applications_and_decide() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("groups.yaml");
    std::fs::write(&file, "ops: [ann@corp.example]\ndev: ['domain:corp.example']\n").unwrap();
    let routes = "  - from: https://{wiki}\n    to: http://{up}\n    pass_identity_headers: true\n    \
        policy: {allow: {or: [{groups: dev}]}}\n  - from: https://{lunch}\n    to: http://{up}\n    \
        policy: {use: ops}\n";
    let extra = format!(
        "groups_file: {}\nnamed_policies: {{ops: {{allow: {{or: [{{groups: ops}}]}}}}}}\n\
         jwt_claims_headers: {{X-Groups: groups}}",
        file.display()
    );
    let routes = routes.to_owned();
    let site = Site::with(Plan { routes, extra, plain: true, ..Plan::default() }).await;
    for (email, verified, wiki, lunch, groups) in [
        ("Ann@corp.example", true, 200, 200, "dev,ops"),
        ("bob@corp.example", true, 200, 403, "dev"),
        ("ann@corp.example", false, 403, 403, ""),
    ] {
        for (name, expected) in [("wiki", wiki), ("lunch", lunch)] {
            let claims = json!({"email": email, "email_verified": verified, "groups": ["ops"]});
            let (host, cookie) = (site.host(name), site.cookie(name, claims));
            let headers = [("Host", host.as_str()), ("Cookie", &cookie), ("X-Groups", "ops")];
            let answer = site.wire().await.ask("GET / HTTP/1.1", &headers).await;
            assert_eq!(answer.status, expected, "{email} {name}");
            if name == "wiki" && expected == 200 {
                let seen = site.app.last();
                assert_eq!(seen.one("x-groups"), Some(groups));
                let claims = payload(seen.one("x-pomerium-jwt-assertion").unwrap());
                assert_eq!(claims["groups"], json!(groups.split(',').collect::<Vec<_>>()));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w12_claims_of_an_id_token_keep_their_json_types_in_policies_and_headers() {
    let extra =
        "jwt_claims_headers: {X-Private: is_private_email, X-Number: level, X-Teams: teams}"
            .to_owned();
    let routes = "  - from: https://{wiki}\n    to: http://{up}\n    pass_identity_headers: true\n    \
                  policy: [{allow: {and: [{claim/is_private_email: true}]}}]\n";
    let site = Site::with(Plan { extra, routes: routes.to_owned(), ..Plan::default() }).await;
    let claims = json!({
        "email": "r8@privaterelay.appleid.com", "email_verified": true, "is_private_email": true,
        "level": 3, "teams": ["a", "b"],
    });
    let page = site.sign_in_with(&mut site.browser(), &site.wiki("/"), &claims).await;
    assert_eq!(page.code(), 200, "{}", page.body);
    let assertion: Value = crate::session::assertion(&site);
    assert_eq!(assertion["is_private_email"], json!(true));
    assert_eq!(assertion["level"], json!(3));
    let seen = site.app.last();
    assert_eq!(
        (seen.one("x-private"), seen.one("x-number"), seen.one("x-teams")),
        (Some("true"), Some("3"), Some("a,b"))
    );
}
