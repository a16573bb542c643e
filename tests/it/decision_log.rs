//! The decision log over real sockets: a line for every decision and none for anything else, with
//! nothing in it that should not be.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::read::GzDecoder;
use russet::decision::record::{Entry, Outcome};
use russet::telemetry::line_file::rotated;
use serde_json::{Value, json};

use crate::support::{NAVIGATION, Plan, Process, Site, Wire};

const ROUTES: &str = "  - from: https://{wiki}\n    to: http://{up}\n    name: wiki\n    \
     policy: [{allow: {and: [{domain: corp.example}]}}]\n  \
     - from: https://{lunch}\n    to: http://{up}\n    prefix: /open\n    \
     allow_public_unauthenticated_access: true\n";

fn plan(log: &str) -> Plan {
    let extra = format!("decision_log: {log}\n");
    Plan { routes: ROUTES.to_owned(), extra, plain: true, ..Plan::default() }
}

fn log_of(site: &Site) -> PathBuf {
    site.state().join("decisions.log")
}

fn text(path: &Path) -> String {
    let mut text = String::new();
    let mut file = fs::File::open(path).unwrap();
    match path.extension().is_some_and(|end| end == "gz") {
        true => GzDecoder::new(file).read_to_string(&mut text).unwrap(),
        false => file.read_to_string(&mut text).unwrap(),
    };
    text
}

/// Everything that was decided, after a drain: nothing may be missing then.
async fn drained(site: Site) -> (String, Vec<Value>) {
    let path = log_of(&site);
    let state = site.drain().await;
    let text = text(&path);
    drop(state);
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (text, lines)
}

async fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..400 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come");
}

async fn get(site: &Site, host: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
    let mut wire = site.wire().await;
    let host = site.host(host);
    let mut all = vec![("Host", host.as_str())];
    all.extend_from_slice(headers);
    wire.ask(&format!("GET {path} HTTP/1.1"), &all).await.status
}

#[tokio::test]
async fn t96_every_decision_is_a_line_and_nothing_else_is() {
    let site = Site::with(plan("{path: '{state}/decisions.log'}")).await;
    let ann = site.cookie("wiki", json!({"org_id": "A1", "iat": 1_700_000_000}));
    let eve = site.cookie("wiki", json!({"sub": "002.eve", "email": "eve@else.example"}));
    assert_eq!(get(&site, "wiki", "/a//b?secret=1", &[("Cookie", &ann)]).await, 200);
    assert_eq!(get(&site, "wiki", "/deny", &[("Cookie", &eve)]).await, 403);
    assert_eq!(get(&site, "wiki", "/login", &NAVIGATION).await, 302);
    assert_eq!(get(&site, "wiki", "/script", &[("Cookie", "__Host-russet=junk")]).await, 401);
    assert_eq!(get(&site, "lunch", "/closed", &[]).await, 404);
    assert_eq!(get(&site, "nobody", "/", &[]).await, 404);
    assert_eq!(get(&site, "lunch", "/open", &[]).await, 200);
    // Ours, and malformed: nothing is decided.
    for path in ["/.pomerium/", "/ping", "/%2f", "/.pomerium/jwks.json"] {
        get(&site, "wiki", path, &[("Cookie", &ann)]).await;
    }
    let (host, lunch) = (site.host("wiki"), format!("{}/open", site.host("lunch")));
    assert_eq!(fs::metadata(log_of(&site)).unwrap().permissions().mode() & 0o777, 0o600);
    let (text, lines) = drained(site).await;
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            let word = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
            (word("path"), word("outcome"), line["status"].as_u64().unwrap(), word("route-id"))
        })
        .collect();
    let row = |path: &str, outcome: &str, status, route: &str| {
        (path.to_owned(), outcome.to_owned(), status, route.to_owned())
    };
    assert_eq!(
        told,
        [
            row("/a/b", "allow", 200, "wiki"),
            row("/deny", "deny", 403, "wiki"),
            row("/login", "sign_in", 302, "wiki"),
            row("/script", "sign_in", 401, "wiki"),
            row("/closed", "no_route", 404, "-"),
            row("/", "no_route", 404, "-"),
            row("/open", "allow", 200, &lunch),
        ]
    );
    let first = &lines[0];
    assert_eq!((&first["msg"], &first["host"]), (&json!("authorize check"), &json!(host)));
    assert_eq!((&first["user"], &first["email"]), (&json!("001.test"), &json!("ann@corp.example")));
    assert_eq!(first["id-token-claims"]["org_id"], json!("A1"));
    assert_eq!(first["allow-why-true"], json!(["domain-ok"]));
    assert_eq!(lines[1]["reasons"], json!(["domain-unauthorized"]));
    assert_eq!(lines[2]["page-load"], json!(true));
    assert_eq!(lines[3]["reasons"], json!(["cookie-not-opened"]));
    assert_eq!(lines[4]["reasons"], json!(["route-not-found"]));
    assert_eq!(lines[5]["reasons"], json!(["unknown-host"]));
    assert!(lines[4].get("user").is_none() && lines[4].get("session-id").is_none());
    for line in text.lines() {
        assert!(matches!(Entry::read(line).unwrap(), Entry::Decision(_)), "{line}");
    }
}

#[tokio::test]
async fn t96_no_cookie_token_or_query_is_in_it() {
    let site = Site::with(plan("'{state}/decisions.log'")).await;
    let cookie = site.cookie("wiki", json!({}));
    let value = cookie.split_once('=').unwrap().1.to_owned();
    let headers = [
        ("Cookie", cookie.as_str()),
        ("Authorization", "Bearer canary-token"),
        ("User-Agent", "canary-agent"),
        ("Referer", "https://elsewhere.example/canary-referer"),
    ];
    get(&site, "wiki", "/page?code=canary-query", &headers).await;
    get(&site, "wiki", "/login?state=canary-query", &NAVIGATION).await;
    let (text, lines) = drained(site).await;
    assert_eq!(lines.len(), 2);
    assert!(!text.contains("canary") && !text.contains(&value), "{text}");
}

#[tokio::test]
async fn t96_addresses_are_written_as_asked() {
    for (redact, shown) in [("hash", "hash"), ("omit", "")] {
        let log = format!("{{path: '{{state}}/decisions.log', redact: {redact}}}");
        let site = Site::with(plan(&log)).await;
        let claims = json!({"email": "Ann@Corp.example", "upn": "ann@corp.example"});
        let cookie = site.cookie("wiki", claims);
        assert_eq!(get(&site, "wiki", "/", &[("Cookie", &cookie)]).await, 200);
        let (text, lines) = drained(site).await;
        assert!(!text.to_lowercase().contains("ann@"), "{text}");
        // printf ann@corp.example | sha256sum
        let hash = "25a04c95e5b8390d2cd13e937612ef5f083ba4c459e00ad0e32f6dcd71c84a78";
        assert_eq!(text.contains(hash), shown == "hash", "{text}");
        let domain = &lines[0]["email-domain"];
        assert_eq!(domain.as_str(), (shown == "hash").then_some("Corp.example"));
        assert_eq!(lines[0]["left-out"], json!(["email", "upn"]));
        assert_eq!(lines[0]["user"], json!("001.test"));
    }
}

#[tokio::test]
async fn t96_it_is_rotated_and_compressed() {
    let log = "{path: '{state}/decisions.log', rotate: {size: 64KiB, keep: 0}}";
    let site = Site::with(plan(log)).await;
    let path = log_of(&site);
    let padding = "x".repeat(2_000);
    let mut wire = site.wire().await;
    let host = site.host("lunch");
    let mut asked = 0;
    // A file holds some thirty of these; what is written at once may make it fuller.
    for _ in 0..40 {
        for _ in 0..10 {
            wire.ask(&format!("GET /open/{asked}/{padding} HTTP/1.1"), &[("Host", &host)]).await;
            asked += 1;
        }
        if rotated(&path).unwrap().len() >= 2 {
            break;
        }
    }
    let state = site.drain().await;
    let compressed = || {
        let old = rotated(&path).unwrap();
        old.len() >= 2 && old.iter().all(|file| file.extension().unwrap() == "gz")
    };
    until(compressed).await;
    let mut files = rotated(&path).unwrap();
    files.push(path);
    let numbers: Vec<u64> = files
        .iter()
        .flat_map(|file| text(file).lines().map(str::to_owned).collect::<Vec<_>>())
        .map(|line| {
            let line: Value = serde_json::from_str(&line).unwrap();
            line["path"].as_str().unwrap().split('/').nth(2).unwrap().parse().unwrap()
        })
        .collect();
    assert!(numbers.iter().copied().eq(0..asked), "every line, in order: {numbers:?}");
    drop(state);
}

/// Nobody reads the pipe, which holds 64 KiB: requests go on.
#[tokio::test]
async fn a_decision_log_that_takes_nothing_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let site = Site::with(plan(&format!("{{path: '{}'}}", pipe.display()))).await;
    let padding = "x".repeat(2_000);
    let mut wire = site.wire().await;
    let host = site.host("lunch");
    for number in 0..100 {
        let line = format!("GET /open/{number}/{padding} HTTP/1.1");
        assert_eq!(wire.ask(&line, &[("Host", &host)]).await.status, 200);
    }
}

/// A client that goes away before the application has answered was let in all the same.
#[tokio::test]
async fn a_decision_whose_answer_nobody_waits_for_is_told_without_a_status() {
    let site = Site::with(plan("'{state}/decisions.log'")).await;
    // Half a head, and then nothing.
    site.app.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n");
    let mut wire = site.wire().await;
    let host = site.host("lunch");
    wire.send(format!("GET /open/slow HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
    until(|| site.app.count() == 1).await;
    drop(wire);
    let path = log_of(&site);
    until(|| !text(&path).is_empty()).await;
    let text = text(&path);
    let Entry::Decision(line) = Entry::read(text.trim_end()).unwrap() else { panic!("{text}") };
    assert_eq!((line.outcome, line.status), (Some(Outcome::Allow), None));
}

/// What moves logs away sends SIGHUP afterwards; what was decided before stands in the old file.
#[tokio::test]
async fn sighup_begins_the_file_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("decisions.log"), folder.path().join("moved"));
    let process = Process::start(plan(&format!("{{path: '{}'}}", path.display()))).await;
    let ask = async |at: &str| {
        let host = format!("lunch.localhost:{}", process.port);
        let mut wire = Wire::to(process.address()).await;
        wire.ask(&format!("GET {at} HTTP/1.1"), &[("Host", &host)]).await.status
    };
    assert_eq!(ask("/open/before").await, 200);
    until(|| text(&path).contains("/open/before")).await;
    fs::rename(&path, &moved).unwrap();
    process.signal("HUP").await;
    until(|| path.exists()).await;
    assert_eq!(ask("/open/after").await, 200);
    process.signal("TERM").await;
    let ended = process.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(ended.said.contains("the decision log is opened anew"), "{}", ended.said);
    let (old, new) = (text(&moved), text(&path));
    assert!(old.contains("/open/before") && !old.contains("/open/after"), "{old}");
    assert!(new.contains("/open/after") && !new.contains("/open/before"), "{new}");
}
