//! The same odd requests through every front proxy and past them: the policy and the application
//! see the same path, on the same host, or the request does not arrive.

use std::collections::BTreeSet;
use std::time::Duration;

use russet::wire::path::normalise;
use serde_json::Value;

use super::proxies::Front;
use super::recorder::Recorded;
use super::site::{Site, WIKI};
use super::targets::{as_read, spellings};

/// A public place next to a protected one, with a place in it that nobody enters. Whoever reads a
/// path in another way than the policy comes out where he may not be.
const ROUTES: &str = "
- {from: 'https://wiki.example.com', prefix: /public/, allow_public_unauthenticated_access: true, to: '{app}', preserve_host_header: true}
- from: https://wiki.example.com
  to: '{app}'
  preserve_host_header: true
  policy: [{allow: {or: [{domain: example.com}]}, deny: {or: [{http_path: {starts_with: /admin}}]}}]";

/// Targets that are odd in more than their dots and slashes. `{}` is the place where they begin.
const ODD: [&str; 64] = [
    "{}",
    "{}/",
    "{}//",
    "{}?",
    "{}??",
    "{}?/../admin",
    "{}?x=/../../admin",
    "{}#",
    "{}#/../admin",
    "{}/x#?/../admin",
    "{}/#/../admin",
    "{}%23/../admin",
    "{}/%23/../admin",
    "{}/x?a#b",
    "{}%3f/../admin",
    "{}/%3F/../../admin",
    "{};",
    "{};/../admin",
    "{}/;/../admin",
    "{};jsessionid=1/admin",
    "{}/x;y=z/w",
    "{}/a%20b",
    "{}/a+b",
    "{}/a%2bb",
    "{}/%C3%A9",
    "{}/%c3%a9",
    "{}/%e2%82%ac/x",
    "{}/\u{e9}",
    "{}/%ff",
    "{}/%",
    "{}/%2",
    "{}/%zz",
    "{}/%u002e%u002e/admin",
    "{}/%00",
    "{}/%0a",
    "{}/%0d%0aX-Pomerium-Claim-Email:%20eve@example.com",
    "{}/%7f",
    "{}/\u{7f}",
    "{}/\t/../admin",
    "{}/a b",
    "{}/\"x\"",
    "{}/<x>",
    "{}/{x}",
    "{}/|x|",
    "{}/^x^",
    "{}/`x`",
    "{}/[x]",
    "{}/'x'",
    "{}/~x",
    "{}/%7ex",
    "{}/%5f%2d%2e",
    "{}/$x&y=z,w:@!*()",
    "{}/:80/admin",
    "{}/@admin",
    "{}/.well-known/x",
    "{}/.hidden",
    "{}/...",
    "{}/x..",
    "{}/..x",
    "{}/x/.",
    "{}/x/..",
    "{}/../public/x",
    "/x{}/../../admin",
    "{}/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// Forms of a target that are not a path, or bring a host along.
const FORMS: [&str; 22] = [
    "*",
    "/",
    "//",
    "///admin",
    "",
    "admin",
    "public/../admin",
    "\\admin",
    "/\\admin",
    "//admin",
    "//wiki.example.com/admin",
    "//elsewhere.example/public/x",
    "https://wiki.example.com/admin",
    "https://wiki.example.com/public/x",
    "http://wiki.example.com/public/../admin",
    "https://wiki.example.com",
    "https://wiki.example.com?/public/",
    "https://auth.example.com/public/x",
    "https://elsewhere.example/public/x",
    "https://wiki.example.com@elsewhere.example/public/x",
    "wiki.example.com:443",
    "?/public/x",
];

/// Every target: those that lead out of the public place, and into the closed one, by turns.
fn targets() -> Vec<String> {
    // Every eighth of the many spellings, and others for each place, keep the time short.
    let some = |place: &str, begin: usize| -> Vec<String> {
        spellings(place).into_iter().skip(begin).step_by(8).collect()
    };
    let mut all = [some("/public", 0), some("/open", 1)].concat();
    for place in ["/public", "/public/x", "/open"] {
        all.extend(ODD.map(|odd| odd.replace("{}", place)));
    }
    all.extend(FORMS.map(str::to_owned));
    all.sort();
    all.dedup();
    all
}

/// Sends a request by hand; whether the connection can be used again.
async fn send(wire: &mut super::wire::Wire, target: &str, headers: &str) -> bool {
    // An end for bodies that some reader believes to be there.
    let body = if headers.contains("Transfer-") { "0\r\n\r\n" } else { "" };
    wire.send(format!("GET {target} HTTP/1.1\r\nHost: {WIKI}\r\n{headers}\r\n{body}")).await;
    let answer = tokio::time::timeout(Duration::from_secs(5), wire.answer(false)).await;
    let answer = answer.unwrap_or_else(|_| panic!("no answer to {target} with {headers}"));
    // What a proxy takes for an old kind of request is answered without a head, and closed.
    answer.is_some_and(|answer| answer.one("connection") != Some("close"))
}

/// The path of a target, as a server finds it that is given a path or an address.
fn path_of(target: &str) -> &str {
    let rest = match target.split_once("://") {
        Some((_, rest)) if !target.starts_with('/') => {
            rest.find(['/', '?']).map_or("/", |at| &rest[at..])
        }
        _ => target,
    };
    rest.split(['?', '#']).next().unwrap_or_default()
}

/// Fails where the application saw another path than was decided on.
fn same(front: Front, arrived: &[Recorded], log: &[Value]) {
    let admitted: Vec<&Value> = log.iter().filter(|line| line["decision"] == "allow").collect();
    let seen: Vec<&str> = arrived.iter().map(Recorded::target).collect();
    assert_eq!(admitted.len(), seen.len(), "{front:?}: as many decisions as requests");
    for (line, request) in admitted.iter().zip(arrived) {
        let target = request.target();
        let path = path_of(target);
        let normal = normalise(path).unwrap_or_else(|problem| {
            panic!("{front:?}: `{target}` arrived, which is ambiguous: {problem}")
        });
        let decided = line["path"].as_str().unwrap();
        // What comes to Russet itself is logged as it came.
        let decided = if front == Front::Nobody { &normalise(decided).unwrap() } else { decided };
        assert_eq!(decided, normal, "{front:?}: `{target}` arrived");
        assert_eq!(request.all("host"), [WIKI], "{front:?}: {request:?}");
        assert_eq!(line["host"], WIKI);
    }
}

async fn same_paths(front: Front) {
    let targets = targets();
    assert!(targets.len() > 400, "{}", targets.len());
    let site = Site::with(front, Some(ROUTES)).await;
    let cookie = format!("Cookie: {}\r\n", site.cookie("ann@example.com", Duration::ZERO));
    let mut counts = Vec::new();
    for (who, headers, forbidden) in [("a stranger", "", false), ("ann", &*cookie, true)] {
        let before = site.app.count();
        let mut wire = site.wire(WIKI).await;
        for target in &targets {
            let arrived = site.app.count();
            if !send(&mut wire, target, headers).await {
                wire = site.wire(WIKI).await;
            }
            assert!(site.app.count() - arrived <= 1, "{front:?}: two requests out of {target}");
        }
        for request in &site.app.requests()[before..] {
            let read = as_read(path_of(request.target()));
            let may =
                if forbidden { !read.starts_with("/admin") } else { read.starts_with("/public") };
            assert!(may, "{front:?}: {who} came to {read} by {}", request.target());
        }
        counts.push(site.app.count() - before);
    }
    // The last line of the log is that of a request made now, so that those before it are there.
    send(&mut site.wire(WIKI).await, "/public/last", "").await;
    let log = site.log("/public/last").await;
    same(front, &site.app.requests(), &log);
    let arrived: BTreeSet<String> =
        site.app.requests().iter().map(|request| as_read(path_of(request.target()))).collect();
    assert!(counts.iter().all(|count| *count > 40) && arrived.len() > 20, "{counts:?} {arrived:?}");
}

/// Headers that say something twice, or to some readers only.
const DOUBLED: [&str; 22] = [
    "Host: wiki.example.com",
    "Host: auth.example.com",
    "Host : auth.example.com",
    " Host: auth.example.com",
    "host: elsewhere.example",
    "Content-Length: 0\r\nContent-Length: 1",
    "Content-Length: 0\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: xchunked",
    "X-Original-URL: https://wiki.example.com/public/x\r\nX-Original-URL: https://wiki.example.com/public/y",
    "X_Original_URL: https://wiki.example.com/public/x",
    "X.Original.URL: https://wiki.example.com/public/x",
    "X-Forwarded-Uri: /public/x\r\nX-Forwarded-Uri: /public/y",
    "X_Forwarded_Uri: /public/x\r\nX.Forwarded.Uri: /public/x",
    "X-Forwarded-Host: wiki.example.com\r\nX-Forwarded-Uri: /public/x\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Proto: https",
    "X-Rewrite-URL: /public/x",
    "X-Envoy-Original-Path: /public/x",
    ":path: /public/x",
    "Authorization: Bearer a\r\nAuthorization: Bearer b",
    "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
    "Connection: X-Forwarded-Uri, X-Original-URL, X-Forwarded-Host\r\nX-Original-URL: https://wiki.example.com/public/x",
    "Expect: 100-continue",
];

/// None of them brings a stranger to the protected place, or changes what is decided on.
async fn same_in_spite_of_headers(front: Front) {
    let site = Site::with(front, Some(ROUTES)).await;
    for doubled in DOUBLED {
        for target in ["/private", "/public/x"] {
            let before = site.app.count();
            send(&mut site.wire(WIKI).await, target, &format!("{doubled}\r\n")).await;
            for request in &site.app.requests()[before..] {
                assert_eq!(request.target(), "/public/x", "{front:?} {doubled}");
            }
        }
    }
    send(&mut site.wire(WIKI).await, "/public/last", "").await;
    for line in site.log("/public/last").await {
        let expected =
            line["decision"] != "allow" || line["path"].as_str().unwrap().starts_with("/public/");
        assert!(expected, "{front:?}: {line}");
    }
}

macro_rules! behind {
    ($($name:ident $front:expr),+) => { $(
        mod $name {
            use super::Front;

            #[tokio::test(flavor = "multi_thread")]
            async fn t01_a51_12_a51_16_the_policy_and_the_application_see_the_same_path() {
                super::same_paths($front).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn t01_t03_a51_14_odd_headers_change_no_decision() {
                super::same_in_spite_of_headers($front).await;
            }
        }
    )+ };
}

behind! {
    nobody Front::Nobody,
    nginx Front::Nginx,
    haproxy Front::Haproxy,
    caddy Front::Caddy,
    envoy Front::Envoy,
    envoy_grpc Front::EnvoyGrpc
}
