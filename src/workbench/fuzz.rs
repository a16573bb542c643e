//! What must hold for any captured `curl` line and any line of a decision log.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a body fails by panicking"
)]

use std::net::IpAddr;

use serde_json::Value;

use super::curl;
use super::log::{Read, Reader, Recorded};
use super::request::Supposed;
use crate::base::time::Timestamp;
use crate::decision::record::{Entry, Line, MSG_DECISION, Outcome, Text};
use crate::wire::path::normalise;

/// A line that is understood is a request that can be written down and read again.
pub(crate) fn curl_line(bytes: &[u8]) {
    let Ok(line) = std::str::from_utf8(bytes) else { return };
    let Ok(captured) = curl::read(line) else { return };
    let request = captured.request;
    assert!(request.url().starts_with("https://"), "{:?}", request.url());
    assert!(!request.method().is_empty() && request.method().bytes().all(|b| b.is_ascii_graphic()));
    assert!(!request.has_header(&http::header::COOKIE), "cookies are passed over");
    let again = Supposed::get(request.url()).expect("an address is read again");
    assert_eq!(again.url(), request.url());
    let Ok(read) = request.read() else { return };
    assert_eq!(normalise(&read.path).as_deref(), Ok(read.path.as_str()));
    let facts = read.facts(Timestamp(1_800_000_000));
    assert_eq!(facts.path, read.path);
    assert!(!(facts.cors_preflight && request.is_page_load()));
}

/// What a line says, with nothing that tells how it was read.
fn said(past: &Recorded<'_>) -> String {
    let who = past.somebody.as_ref().map(|somebody| &somebody.asker);
    format!(
        "{:?} {} {} {} {:?} {} {} {:?} {:?} {} {:?} {:?} {who:?}",
        past.at,
        past.id,
        past.method,
        past.host,
        past.path,
        past.ip,
        past.cors_preflight,
        past.page_load,
        past.certificate,
        past.certificate_cut,
        past.route,
        past.decision
    )
}

/// A line of ours, made of any texts.
fn line<'a>(texts: &[&'a str]) -> Line<'a> {
    let text = |at: usize| Text::from(texts.get(at).copied().unwrap_or_default());
    let optional = |at: usize| texts.get(at).map(|text| Text::from(*text));
    Line {
        timestamp: Text::from("2027-01-15T08:00:00.123Z"),
        msg: Text::from(MSG_DECISION),
        id: text(0),
        method: text(1),
        host: text(2),
        path: text(3),
        ip: Some(IpAddr::from([192, 0, 2, 1])),
        user: optional(4),
        email: optional(5),
        claims_left_out: texts.iter().skip(6).map(|text| Text::from(*text)).collect(),
        route_id: optional(0),
        outcome: Some(Outcome::ALL[texts.len() % Outcome::ALL.len()]),
        reasons: None,
        status: Some(200),
        ..Line::default()
    }
}

/// A line that is written is read back as it was, in one line without anything that drives a
/// terminal; a line from anywhere is a decision only if it holds all of one.
pub(crate) fn decision_log(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    written(&text.split('\n').collect::<Vec<_>>());
    for line in text.split('\n') {
        read(line);
    }
}

fn written(texts: &[&str]) {
    let line = line(texts);
    let mut out = Vec::new();
    line.write(&mut out);
    let whole = std::str::from_utf8(&out).expect("a line is UTF-8");
    assert!(
        !whole.contains(|c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}')),
        "{whole:?}"
    );
    let complete = !line.method.is_empty() && !line.host.is_empty() && !line.path.is_empty();
    let again = match Entry::read(whole) {
        Ok(Entry::Decision(again)) if complete => again,
        Err(_) if !complete => return,
        other => panic!("{other:?} of {whole}"),
    };
    let mut twice = Vec::new();
    again.write(&mut twice);
    assert_eq!(out, twice);
    let fields = |line: &Line<'_>| {
        format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            line.id,
            line.method,
            line.host,
            line.path,
            line.user,
            line.email,
            line.route_id,
            line.claims_left_out
        )
    };
    assert_eq!(fields(&line), fields(&again));
    assert_eq!((line.ip, line.outcome, line.status), (again.ip, again.outcome, again.status));
    read(whole);
}

/// Reads a line for the first time, and again by a reader that has read a line like it.
fn read(line: &str) {
    let mut reader = Reader::default();
    let first = match reader.read(line) {
        Ok(Read::Decision(past)) => past,
        Ok(Read::Dropped(_) | Read::Other) | Err(_) => return,
    };
    // Members that nobody asked for yet are not looked into: half a surrogate may stand there.
    let Ok(json) = serde_json::from_str::<Value>(line) else { return };
    assert_eq!(json["msg"], MSG_DECISION);
    let outcome = json["outcome"].as_str().and_then(Outcome::parse);
    assert_eq!(outcome, Some(first.decision.outcome));
    for name in ["method", "host", "path", "ip", "timestamp"] {
        assert!(
            json[name].as_str().is_some_and(|text| !text.is_empty()),
            "{name} is missing: {line}"
        );
    }
    let moment: jiff::Timestamp =
        json["timestamp"].as_str().unwrap_or_default().parse().expect("a timestamp is one");
    // The whole second that has begun, before 1970 too.
    assert_eq!(first.at, Timestamp(moment.as_millisecond().div_euclid(1000)));
    let first = said(&first);
    match reader.read(line) {
        Ok(Read::Decision(again)) => assert_eq!(said(&again), first, "{line}"),
        other => panic!("{other:?}, and at first {first}"),
    }
}
