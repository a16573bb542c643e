//! What Traefik asks, replayed: Traefik itself cannot be installed here. Each row is a request of a
//! client's, what of it Traefik sends on with its question, and what has to come of it.
//!
//! After its documentation (`forwardAuth`, `trustForwardHeader: false`, as the shipped example has
//! it): a GET to the address without a body and without hop-by-hop headers; `X-Forwarded-For`,
//! `-Method`, `-Proto`, `-Host` and `-Uri` written anew; every other header of the client's as it
//! came. 2xx lets the request pass, with each of `authResponseHeaders` deleted first and then taken
//! from the answer; everything else goes to the client as it is.

use serde_json::json;

use super::ask::{IDENTITY, TRUSTED, send, site, staff, stranger};
use crate::support::Site;

/// What a client asks of Traefik.
struct Row {
    what: &'static str,
    line: &'static str,
    headers: Vec<(&'static str, String)>,
    /// The status of Russet's answer.
    status: u16,
}

fn row(
    what: &'static str,
    line: &'static str,
    headers: &[(&'static str, &str)],
    status: u16,
) -> Row {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Row { what, line, headers, status }
}

/// Hop-by-hop headers, which Traefik takes out of its question.
const HOP: [&str; 9] = [
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Te",
    "Trailer",
    "Trailers",
    "Transfer-Encoding",
    "Upgrade",
];

/// The headers of Traefik's question about a request.
fn question(site: &Site, row: &Row) -> Vec<(String, String)> {
    const WRITTEN: [&str; 5] = [
        "X-Forwarded-For",
        "X-Forwarded-Method",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Forwarded-Uri",
    ];
    let (method, target) = row.line.split_once(' ').unwrap();
    let dropped = |name: &str| {
        HOP.iter().chain(&WRITTEN).any(|known| known.eq_ignore_ascii_case(name))
            || name.eq_ignore_ascii_case("Host")
    };
    let client = row.headers.iter().filter(|(name, _)| !dropped(name));
    let mut headers = vec![("Host".to_owned(), "127.0.0.1:8080".to_owned())];
    headers.extend(client.map(|(name, value)| ((*name).to_owned(), value.clone())));
    let host = row.headers.iter().find(|(name, _)| *name == "Host");
    let host = host.map_or_else(|| site.host("wiki"), |(_, host)| host.clone());
    for (name, value) in WRITTEN.into_iter().zip(["203.0.113.9", method, "https", &host, target]) {
        headers.push((name.to_owned(), value.to_owned()));
    }
    headers
}

/// What of a request that may pass goes on to the application: the names that are listed are
/// Russet's or nobody's.
fn sent_on(row: &Row, answer: &crate::support::Answer) -> Vec<(String, String)> {
    let listed = |name: &str| {
        IDENTITY.iter().chain(&["cookie"]).any(|listed| listed.eq_ignore_ascii_case(name))
    };
    let client = row.headers.iter().filter(|(name, _)| !listed(name));
    let mut headers: Vec<_> =
        client.map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    headers.extend(answer.headers.iter().filter(|(name, _)| listed(name)).cloned());
    headers
}

fn rows(site: &Site) -> Vec<Row> {
    let (ann, eve) = (staff(site), stranger(site));
    let cookies = format!("theme=dark; {ann}; __Host-russet_rounds=1");
    let page =
        [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")];
    let socket =
        [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-Fetch-Mode", "websocket")];
    let forged = [
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Host", "lunch.localhost"),
        ("X-Forwarded-Uri", "/public/x"),
        ("X-Forwarded-For", "10.1.1.1"),
    ];
    vec![
        row("page load of a stranger", "GET /private/deep?q=1", &page, 302),
        row("XHR of a stranger", "GET /private", &[("Accept", "application/json")], 401),
        row(
            "form of a stranger",
            "POST /private",
            &[("Accept", "text/html"), ("Content-Type", "text/plain")],
            401,
        ),
        // The question has lost `Upgrade`; what browsers say of themselves is still there.
        row(
            "WebSocket of a stranger",
            "GET /private",
            &[&socket[..], &[("Accept", "*/*")]].concat(),
            401,
        ),
        row(
            "page load",
            "GET /private?x=1",
            &[&page[..], &[("Cookie", cookies.as_str())]].concat(),
            200,
        ),
        row("XHR", "DELETE /private", &[("Cookie", &ann)], 200),
        row("WebSocket", "GET /private", &[&socket[..], &[("Cookie", ann.as_str())]].concat(), 200),
        row(
            "somebody who may not",
            "GET /private",
            &[&page[..], &[("Cookie", eve.as_str())]].concat(),
            403,
        ),
        row("public, nobody signed in", "GET /public", &page, 200),
        row("says what is asked", "GET /private", &forged, 401),
        row(
            "says who asks",
            "GET /private",
            &[
                ("Cookie", ann.as_str()),
                ("X-Claim-Email", "eve@corp.example"),
                ("X-Pomerium-Jwt-Assertion", "a.b.c"),
            ],
            200,
        ),
        row(
            "says who asks, on a public route",
            "GET /public",
            &[("X-Claim-Email", "eve@corp.example")],
            200,
        ),
        row(
            "another spelling of who asks",
            "GET /public",
            &[("X_Claim_Email", "eve@corp.example")],
            400,
        ),
        row("with dots", "GET /public", &[("X.Claim.Email", "eve@corp.example")], 400),
        row(
            "says what is asked in another spelling",
            "GET /private",
            &[("X_Forwarded_Uri", "/public")],
            400,
        ),
        row(
            "survives `trustForwardHeader: false`",
            "GET /private",
            &[("X-Forwarded-Prefix", "/public")],
            401,
        ),
        row(
            "another proxy's headers",
            "GET /private",
            &[("X-Original-URL", "https://wiki.localhost/public"), ("X-Original-Method", "GET")],
            401,
        ),
        row(
            "drops Traefik's headers, if it could",
            "GET /private",
            &[("Connection", "X-Forwarded-Uri, X-Forwarded-Host, Cookie")],
            401,
        ),
        row("dots", "GET /public/../private", &[], 400),
        row("doubled slashes", "GET //public", &[], 400),
        row("encoded slash", "GET /public%2f..%2fprivate", &[], 400),
        row("another host", "GET /", &[("Host", "elsewhere.example")], 403),
    ]
}

#[tokio::test]
async fn t03_t70_what_traefik_asks_is_answered_as_it_understands() {
    let site = site(TRUSTED).await;
    for row in rows(&site) {
        let answer =
            send(&site, "GET /.russet/auth/traefik HTTP/1.1", &question(&site, &row)).await;
        assert_eq!(answer.status, row.status, "{}: {answer:?}", row.what);
        if answer.status != 200 {
            let told = IDENTITY.iter().any(|name| answer.one(name).is_some());
            assert!(!told, "{}: {answer:?}", row.what);
            let redirected = answer.one("location").is_some();
            assert_eq!(redirected, answer.status == 302, "{}: {answer:?}", row.what);
            let for_people = row.headers.iter().any(|(_, value)| value == "text/html");
            if for_people && !redirected {
                assert!(answer.body.contains("<html"), "{}: {answer:?}", row.what);
            }
            assert!(answer.body.len() < 65_536, "{}: Traefik takes no more", row.what);
            continue;
        }
        let headers = sent_on(&row, &answer);
        let one = |name: &str| -> Option<&str> {
            let mut found = headers.iter().filter(|(sent, _)| sent.eq_ignore_ascii_case(name));
            assert!(found.clone().count() <= 1, "{}: {name} twice", row.what);
            found.next().map(|(_, value)| value.as_str())
        };
        let who = if row.line.contains("/public") { "" } else { "ann@corp.example" };
        assert_eq!(one("x-claim-email"), Some(who), "{}", row.what);
        assert_eq!(
            one("x-pomerium-jwt-assertion").unwrap().is_empty(),
            who.is_empty(),
            "{}",
            row.what
        );
        let cookie = one("cookie").unwrap_or_default();
        assert!(!cookie.contains("russet"), "{}: {cookie}", row.what);
        let had = row.headers.iter().any(|(_, value)| value.contains("theme=dark"));
        assert_eq!(cookie == "theme=dark", had, "{}: {cookie}", row.what);
    }
    let lines = site.log().await;
    assert!(lines.iter().all(|line| line["ip"] != json!("10.1.1.1")), "{lines:#?}");
    assert_eq!(site.app.count(), 0);
}
