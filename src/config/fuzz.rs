//! What must hold for any text that an operator writes.

#![expect(clippy::expect_used, reason = "a body fails by panicking")]

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::yaml;
use crate::base::diagnostic::{Diagnostics, Sources};
use crate::base::node::{Kind, Node, Place};
use crate::base::time::Timestamp;
use crate::policy::{Outcome, Policy, Question, Shortcuts};

const NAME: &str = "config.yaml";

/// A place that an editor can go to.
fn check_place(text: &str, place: Place) {
    let (start, end) = (place.start as usize, place.end as usize);
    assert!(start <= end && end <= text.len(), "{place:?} of {}", text.len());
    assert!(text.is_char_boundary(start), "{place:?} begins inside a character");
}

/// Every message has a place inside the file, and can be shown.
fn check_told(text: &str, told: &Diagnostics) {
    let mut sources = Sources::default();
    sources.add(NAME, text);
    for message in told.sorted() {
        let place = message.place.expect("a message says where");
        check_place(text, place);
        for (place, _) in &message.notes {
            check_place(text, *place);
        }
        let shown = message.render(&sources);
        assert!(shown.starts_with(NAME), "{shown}");
        assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
    }
}

/// Counts nodes, and checks each.
fn walk(text: &str, node: &Node, depth: usize) -> usize {
    assert!(depth <= 64, "deeper than is allowed");
    check_place(text, node.place);
    match &node.kind {
        Kind::Scalar(_) => 1,
        Kind::List(items) => {
            1 + items.iter().map(|item| walk(text, item, depth + 1)).sum::<usize>()
        }
        Kind::Map(entries) => {
            let names: BTreeSet<&str> = entries.iter().filter_map(|(key, _)| key.text()).collect();
            assert_eq!(names.len(), entries.len(), "a key is not a text, or stands twice");
            1 + entries.iter().map(|(_, value)| 1 + walk(text, value, depth + 1)).sum::<usize>()
        }
    }
}

/// What is read, with what was told of it.
fn read(text: &str) -> (Option<Node>, Diagnostics) {
    let mut told = Diagnostics::default();
    let node = yaml::read(text, 0, &mut told);
    (node, told)
}

/// A text is a tree whose parts have places in it, or there is a message that says why not.
pub(crate) fn yaml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (node, told) = read(text);
    check_told(text, &told);
    let Some(node) = node else {
        assert!(told.has_errors(), "nothing is read and nothing is told");
        return;
    };
    // Keys are not walked by those who use the tree; twice the bound is certainly too many.
    assert!(walk(text, &node, 0) <= 200_000);
    let embedded = Place { source: 0, start: 0, end: 0 };
    let mut told = Diagnostics::default();
    yaml::read_embedded(text, embedded, &mut told);
    assert!(told.sorted().iter().all(|message| message.place == Some(embedded)));
}

/// A policy is compiled, or there is an error; one with an error admits nobody, and explaining an
/// answer does not change it.
pub(crate) fn policy(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (Some(node), told) = read(text) else { return };
    if told.has_errors() {
        return;
    }
    let mut told = Diagnostics::default();
    let policy = Policy::compile(&Shortcuts::default(), Some(&node), &mut told);
    check_told(text, &told);
    assert!(!told.has_errors() || policy.admits_nobody(), "a broken policy admits somebody");
    for (method, path, preflight) in
        [("GET", "/", false), ("POST", "/admin/x", false), ("OPTIONS", "/", true)]
    {
        let question = Question {
            method,
            path,
            source_ip: IpAddr::from([192, 0, 2, 1]),
            cors_preflight: preflight,
            now: Timestamp(1_800_000_000),
            client_certificate: None,
            identity: None,
            supposed: None,
        };
        let verdict = policy.evaluate(&question);
        let explained = policy.explain(&question);
        assert_eq!(verdict.outcome(), explained.outcome);
        assert_eq!((verdict.allow, verdict.deny), (explained.allow, explained.deny));
        assert_eq!(policy.certain(&question), Some(explained.outcome));
        let nobody = policy.admits_nobody();
        assert!(!nobody || explained.outcome != Outcome::Allow, "nobody is admitted, and one is");
    }
}
