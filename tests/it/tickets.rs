//! The hand-over from the authenticate host to a route host, and everything sealed or signed fed to
//! everything that opens or checks (threats.md T17, pomerium-wire.md W5).

use russet::fake_apple::IdTokenFault;
use serde_json::{Value, json};

use crate::support::{Answered, Hand, Site, cookies, value_of};

const BROWSER: &str = "__Host-russet_browser";

/// Ann at the hand-over: the ticket's address, not yet followed, and her wiki cookies.
async fn at_ticket(site: &Site, path: &str) -> (String, String) {
    let mut browser = site.browser();
    let (_, form) = site.up_to_answer(&mut browser, &site.wiki(path), "ann").await;
    let posted = site.post_callback(&form.fields, &site.attempts(&browser)).await;
    (posted.location().to_owned(), cookies(&browser, "wiki.localhost", BROWSER))
}

#[tokio::test(flavor = "multi_thread")]
async fn w5_a_ticket_is_for_one_browser_once_for_a_minute_on_its_host() {
    let site = Site::start().await;
    let hand = site.hand();
    let (ticket, cookie) = at_ticket(&site, "/deep?q=%2F").await;
    let (_, cookie_of_other) = at_ticket(&site, "/").await;
    // Without a cookie, with another browser's, on another host, changed, shortened, renamed.
    let page = hand.load(&ticket, "").await;
    assert_eq!(page.code(), 400);
    assert!(page.body.contains("kept no cookie"), "{}", page.body);
    assert_eq!(site.last_log().await["reasons"], json!(["no_browser_cookie"]));
    let elsewhere = ticket.replace("//wiki.", "//lunch.");
    let other_target = ticket.clone() + "&pomerium_redirect_uri=https%3A%2F%2Fevil.test%2F";
    let long = format!("{ticket}A");
    let short = ticket[..ticket.len() - 4].to_owned();
    let twice = format!("{ticket}&{}", ticket.split_once('?').unwrap().1);
    for (url, cookie) in [
        (&ticket, &cookie_of_other),
        (&elsewhere, &cookie),
        (&long, &cookie),
        (&short, &cookie),
        (&twice, &cookie),
    ] {
        let page = hand.load(url, cookie).await;
        assert_eq!(page.code(), 400, "{url}");
        assert!(page.set_cookie("__Host-russet").is_none());
    }
    // None of this spent it; what else is in the query changes nothing.
    let page = hand.load(&other_target, &cookie).await;
    assert_eq!((page.code(), page.location()), (302, site.wiki("/deep?q=%2F").as_str()));
    let session = page.set_cookie("__Host-russet").unwrap();
    // A second time: nothing for a stranger, the page for whoever is in.
    let page = hand.load(&ticket, &cookie).await;
    assert_eq!(page.code(), 400);
    assert!(page.set_cookie("__Host-russet").is_none());
    assert_eq!(site.last_log().await["reasons"], json!(["ticket_replayed"]));
    let both = format!("{cookie}; __Host-russet={}", value_of(&session));
    let page = hand.load(&ticket, &both).await;
    assert_eq!((page.code(), page.location()), (302, site.wiki("/deep?q=%2F").as_str()));
    assert!(page.set_cookie("__Host-russet").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn w5_a_ticket_is_too_old_after_a_minute() {
    let site = Site::start().await;
    let hand = site.hand();
    let (young, young_cookie) = at_ticket(&site, "/").await;
    let (old, old_cookie) = at_ticket(&site, "/").await;
    site.clock.shift(55);
    assert_eq!(hand.load(&young, &young_cookie).await.code(), 302);
    site.clock.shift(6);
    let page = hand.load(&old, &old_cookie).await;
    assert_eq!(page.code(), 400);
    assert!(page.set_cookie("__Host-russet").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn w5_a_ticket_of_a_session_that_has_ended_opens_nothing() {
    let site = Site::start().await;
    let mut browser = site.browser();
    assert_eq!(site.sign_in(&mut browser, &site.wiki("/"), "ann").await.code(), 200);
    let session = site.session_cookie(&browser, "auth").unwrap();
    let hand = site.hand();
    let to_auth = hand.load(&site.lunch("/"), "").await;
    let browser_cookie = to_auth.set_cookie(BROWSER).unwrap();
    let ticket = hand.load(to_auth.location(), &session).await.location().to_owned();
    let page = browser.load(&site.wiki("/.pomerium/sign_out")).await.unwrap();
    browser.submit(&page, &page.form("/.pomerium/sign_out").unwrap(), &[]).await.unwrap();
    let page = hand.load(&ticket, browser_cookie.split(';').next().unwrap()).await;
    assert_eq!(page.code(), 400);
    assert!(page.set_cookie("__Host-russet").is_none());
    assert_eq!(site.last_log().await["reasons"], json!(["session_ended"]));
}

/// One of each kind of value that means something to somebody.
struct Kinds {
    values: Vec<(&'static str, String)>,
}

impl Kinds {
    fn get(&self, kind: &str) -> &str {
        &self.values.iter().find(|(name, _)| *name == kind).unwrap().1
    }
}

/// What the verifiers need around the value.
struct Around {
    hand: Hand,
    link: String,
    csrf_session: String,
    fields: Vec<(String, String)>,
    attempt_name: String,
    browser_cookie: String,
    ticket_cookie: String,
}

async fn collect(site: &Site) -> (Kinds, Around) {
    let hand = site.hand();
    // Somebody who is signed in: sessions, an assertion, a CSRF token.
    let mut signed_in = site.browser();
    assert_eq!(site.sign_in(&mut signed_in, &site.wiki("/"), "ann").await.code(), 200);
    let assertion = site.app.last().one("x-pomerium-jwt-assertion").unwrap().to_owned();
    let sign_out = signed_in.load(&site.wiki("/.pomerium/sign_out")).await.unwrap();
    let csrf = sign_out.form("/.pomerium/sign_out").unwrap().fields[0].1.clone();
    let session =
        |host: &str| signed_in.cookie(&format!("{host}.localhost"), "__Host-russet").unwrap();
    let (wiki, auth) = (session("wiki"), session("auth"));
    // Somebody at Apple, and an id_token that Apple signed for this very client.
    let mut coming = site.browser();
    let at_apple = coming.load(&site.wiki("/coming")).await.unwrap();
    let mut choose = at_apple.form("/auth/choose").unwrap();
    for (name, value) in &mut choose.fields {
        if name == "request" {
            *value = value.replace("response_type=code", "response_type=code%20id_token");
        }
    }
    let answer = coming.submit(&at_apple, &choose, &[("person", "ann")]).await.unwrap();
    let form = answer.form("/oauth2/callback").unwrap();
    let field = |name: &str| form.fields.iter().find(|(found, _)| found == name).unwrap().1.clone();
    let attempt = site.attempts(&coming);
    let (attempt_name, attempt_value) = attempt.split_once('=').unwrap();
    let link = hand.load(&site.wiki("/"), "").await;
    let link_url = url::Url::parse(link.location()).unwrap();
    let signature = link_url
        .query_pairs()
        .find(|(name, _)| name == "pomerium_signature")
        .unwrap()
        .1
        .into_owned();
    let (ticket, ticket_cookie) = at_ticket(site, "/ticket").await;
    let values = vec![
        ("session of wiki", wiki.clone()),
        ("session of auth", auth),
        ("ticket", ticket.split_once("ticket=").unwrap().1.to_owned()),
        ("attempt", attempt_value.to_owned()),
        ("link signature", signature),
        ("csrf token", csrf),
        ("assertion", assertion),
        ("id_token", field("id_token")),
        ("state", field("state")),
        ("code", field("code")),
        ("browser cookie", ticket_cookie.split_once('=').unwrap().1.to_owned()),
    ];
    let around = Around {
        hand,
        link: link.location().to_owned(),
        csrf_session: format!("__Host-russet={wiki}"),
        fields: form.fields.clone(),
        attempt_name: attempt_name.to_owned(),
        browser_cookie: cookies(&coming, "wiki.localhost", BROWSER),
        ticket_cookie,
    };
    (Kinds { values }, around)
}

/// Whether one verifier accepts a value, over HTTP.
async fn accepts(site: &Site, around: &Around, kinds: &Kinds, verifier: &str, value: &str) -> bool {
    let hand = &around.hand;
    let with_name = |name: &str| format!("{name}={value}");
    match verifier {
        "session of wiki" => {
            hand.load(&site.wiki("/"), &with_name("__Host-russet")).await.code() == 200
        }
        "session of auth" => {
            hand.load(&site.auth("/.pomerium/user"), &with_name("__Host-russet")).await.code()
                == 200
        }
        "ticket" => {
            let url = site.wiki(&format!("/.pomerium/callback/?ticket={value}"));
            hand.load(&url, &around.ticket_cookie).await.code() == 302
        }
        "browser cookie" => {
            let url = site.wiki(&format!("/.pomerium/callback/?ticket={}", kinds.get("ticket")));
            hand.load(&url, &with_name(BROWSER)).await.code() == 302
        }
        "attempt" | "state" | "code" => {
            let (mut fields, mut attempt) =
                (around.fields.clone(), kinds.get("attempt").to_owned());
            match verifier {
                "attempt" => attempt = value.to_owned(),
                name => fields
                    .iter_mut()
                    .filter(|(n, _)| n == name)
                    .for_each(|(_, v)| *v = value.to_owned()),
            }
            let cookie = format!("{}={attempt}; {}", around.attempt_name, around.browser_cookie);
            site.post_callback(&fields, &cookie).await.code() == 303
        }
        "link signature" => {
            let url = around.link.replace(kinds.get("link signature"), value);
            hand.load(&url, "").await.code() == 302
        }
        "csrf token" => {
            let url = site.wiki("/.pomerium/sign_out");
            let origin = site.wiki("");
            hand.post(&url, &origin, &around.csrf_session, &[("csrf", value)]).await.code() == 303
        }
        "id_token" => {
            // What Apple's token endpoint answers, in a sign-in of its own.
            let fault = IdTokenFault::Verbatim { id_token: value.to_owned() };
            site.apple.faults().next_id_token([fault]);
            let page = site.sign_in(&mut site.browser(), &site.wiki("/"), "ann").await;
            site.apple.faults().clear();
            page.code() == 200
        }
        "bearer" => {
            for scheme in ["Bearer ", "Pomerium ", "Bearer Pomerium-", "Basic "] {
                let header = format!("{scheme}{value}");
                let headers = [("accept", "application/json"), ("authorization", header.as_str())];
                if hand.send("GET", &site.wiki("/"), &headers, b"").await.code() != 401 {
                    return true;
                }
            }
            let url = site.wiki(&format!("/?pomerium_session={value}"));
            hand.send("GET", &url, &[("accept", "application/json")], b"").await.code() != 401
        }
        other => unreachable!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t17_every_kind_of_value_is_accepted_by_its_own_verifier_alone() {
    let site = Site::start().await;
    let (kinds, around) = collect(&site).await;
    // Those that use something up come last, and each is tried with its own kind last.
    let verifiers = [
        "session of wiki",
        "session of auth",
        "link signature",
        "bearer",
        "id_token",
        "attempt",
        "state",
        "browser cookie",
        "ticket",
        "csrf token",
    ];
    for verifier in verifiers {
        for (kind, value) in &kinds.values {
            if *kind != verifier {
                let accepted = accepts(&site, &around, &kinds, verifier, value).await;
                assert!(!accepted, "{kind} passed for {verifier}");
            }
        }
    }
    for verifier in
        ["session of wiki", "session of auth", "link signature", "ticket", "attempt", "csrf token"]
    {
        assert!(accepts(&site, &around, &kinds, verifier, kinds.get(verifier)).await, "{verifier}");
    }
    // An id_token of Apple's that was meant for another sign-in (its nonce) is none for this one,
    // and a code that is something else is refused by Apple, after which the attempt is used up.
    assert!(!accepts(&site, &around, &kinds, "id_token", kinds.get("id_token")).await);
    for (kind, value) in &kinds.values {
        if *kind == "code" {
            continue;
        }
        let mut browser = site.browser();
        let (answer, mut form) = site.up_to_answer(&mut browser, &site.wiki("/"), "ann").await;
        form.fields
            .iter_mut()
            .filter(|(name, _)| name == "code")
            .for_each(|(_, v)| v.clone_from(value));
        let page = browser.submit(&answer, &form, &[]).await.unwrap();
        assert!(page.status.is_client_error(), "{kind} as a code: {}", page.code());
        assert!(site.session_cookie(&browser, "auth").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t17_assertions_are_not_sessions_of_anybody_and_say_whom_they_are_for() {
    let site = Site::start().await;
    let mut browser = site.browser();
    assert_eq!(site.sign_in(&mut browser, &site.wiki("/"), "ann").await.code(), 200);
    let claims: Value = crate::session::assertion(&site);
    assert_eq!(
        (&claims["aud"], &claims["iss"]),
        (&json!("wiki.localhost"), &json!("wiki.localhost"))
    );
    assert!(claims.get("nonce").is_none());
}
