//! A log is written by our own writer, and every sentence of the report is looked for.

use serde_json::json;

use super::*;
use crate::base::time::Timestamp;
use crate::config;
use crate::decision::record::Redact;
use crate::session::Session;
use crate::workbench::log::tests::{Written, allowed, session};
use crate::workbench::log::{Read, Reader, Scanned};

const HEAD: &str =
    "routes:\n  - from: https://wiki.example.com\n    to: http://127.0.0.1:1\n    name: wiki\n";

/// The rules of a configuration with one route, `wiki`, and what stands under it.
fn rules(access: &str) -> Rules {
    let text = format!("{HEAD}{access}");
    let loaded = config::load_rules_text("new.yaml", &text, &|_| None, Timestamp(1_800_000_000));
    loaded.rules.unwrap_or_else(|| panic!("{text}\n{:?}", loaded.diagnostics))
}

fn ann() -> Session {
    session(
        &json!({"sub": "001", "email": "ann@corp.example", "email_verified": true, "org_id": "A1"}),
    )
}

fn zoe() -> Session {
    session(&json!({"sub": "002", "email": "zoe@other.example", "email_verified": true}))
}

fn replay(rules: &Rules, lines: &[Written<'_>], all: bool) -> Report {
    let (mut reader, mut replay) = (Reader::default(), Replay::new(rules, all));
    for line in lines {
        let text = line.line();
        match reader.read(text.trim_end()).unwrap() {
            Read::Decision(recorded) => replay.line(&recorded),
            other => panic!("{other:?}"),
        }
    }
    replay.report(&reader.people)
}

fn denied(session: &Session) -> Written<'_> {
    Written {
        outcome: Outcome::Deny,
        reason: crate::policy::Reason::DomainUnauthorized,
        ..allowed(Some(session))
    }
}

/// The policy let them in and would again, and what the question asked for would refuse again.
#[test]
fn whom_a_question_refused_is_refused_again() {
    let ann = ann();
    let line = Written { outcome: Outcome::Deny, ..allowed(Some(&ann)) }.line();
    let (front, back) = line.split_once("\"reasons\":[").unwrap();
    let (_, back) = back.split_once(']').unwrap();
    let line = format!("{front}\"reasons\":[\"question-constraint\"]{back}");
    let rules = rules("    allow_any_authenticated_user: true\n");
    let (mut reader, mut replay) = (Reader::default(), Replay::new(&rules, false));
    for _ in 0..2 {
        let Read::Decision(recorded) = reader.read(line.trim_end()).unwrap() else {
            panic!("{line}")
        };
        replay.line(&recorded);
    }
    let report = replay.report(&reader.people);
    assert_eq!((report.same, report.differences.len()), (2, 0), "{line}");
}

#[test]
fn differences_come_by_route_rule_and_person_newly_allowed_first() {
    let (ann, zoe) = (ann(), zoe());
    let stranger = Written { outcome: Outcome::SignIn, ..allowed(None) };
    let lines = [
        allowed(Some(&ann)),
        denied(&zoe),
        Written { at: 1_800_000_600, ..denied(&zoe) },
        stranger.clone(),
        Written { host: "gone.example.com", ..allowed(Some(&ann)) },
    ];
    let rules = rules("    policy: {allow: {or: [{domain: other.example}]}}\n");
    let report = replay(&rules, &lines, false);
    assert_eq!(report.same, 1);
    let kinds: Vec<_> = report.differences.iter().map(|found| (found.kind, found.count)).collect();
    let denied = Kind::NewlyDenied;
    assert_eq!(kinds, [(Kind::NewlyAllowed, 2), (denied, 1), (denied, 1)]);
    let first = &report.differences[0];
    assert_eq!(
        (first.route.as_str(), first.was, first.now),
        ("wiki", Outcome::Deny, Outcome::Allow)
    );
    assert_eq!(first.rule.as_deref(), Some("policy.allow.or[0]"));
    assert_eq!(first.criterion.as_deref(), Some("domain"));
    assert_eq!(first.people[0].name.as_deref(), Some("zoe@other.example"));
    assert_eq!((first.people[0].count, first.people[0].ids.len()), (2, 2));
    assert_eq!(first.people[0].last, Timestamp(1_800_000_600));
    assert_eq!(report.differences[2].now, Outcome::NoRoute);

    let text = human(&report, &Scanned { decisions: 5, ..Scanned::default() });
    assert!(text.starts_with("newly allowed: 2\n  wiki\n    policy.allow.or[0], domain: was deny, is allow: 2\n      zoe@other.example (002): 2 times, 2027-01-15T08:00:00Z to 2027-01-15T08:10:00Z; "), "{text}");
    assert!(text.contains("no route has it any more: was allow, is no_route: 1"), "{text}");
    assert!(
        text.ends_with("5 decisions: 2 newly allowed, 2 newly denied, 1 as before\n"),
        "{text}"
    );
}

#[test]
fn people_who_are_not_signed_in_are_not_judged_as_somebody() {
    let public = rules("    allow_public_unauthenticated_access: true\n");
    let stranger = Written { outcome: Outcome::SignIn, ..allowed(None) };
    let report = replay(&public, std::slice::from_ref(&stranger), false);
    assert_eq!(report.count(Kind::NewlyAllowed), 1);
    assert_eq!(report.differences[0].people[0].name, None);
    let closed = rules("    policy: {allow: {or: [{domain: corp.example}]}}\n");
    let report = replay(&closed, &[allowed(None)], false);
    assert_eq!(report.count(Kind::NewlyAskedToSignIn), 1);
}

#[test]
fn what_the_log_did_not_keep_is_unknown_only_where_it_matters() {
    let ann = ann();
    let hashed = Written { redact: Redact::Hash, ..allowed(Some(&ann)) };
    let left_out = Written { redact: Redact::LeaveOut, ..allowed(Some(&ann)) };
    let long = "/a".repeat(2_000);
    let cut = Written { path: &long, ..allowed(Some(&ann)) };
    for (access, line, same, unknown) in [
        ("policy: {allow: {or: [{domain: corp.example}]}}", &hashed, 1, 0),
        ("policy: {allow: {or: [{domain: corp.example}]}}", &left_out, 0, 1),
        ("policy: {allow: {or: [{email: ann@corp.example}]}}", &hashed, 0, 1),
        ("policy: {allow: {or: [{email: zoe@corp.example}, {user: '001'}]}}", &left_out, 1, 0),
        ("policy: {allow: {or: [{claim/org_id: A1}]}}", &left_out, 1, 0),
        ("policy: {allow: {or: [{user: '001'}]}}", &cut, 0, 1),
    ] {
        let report = replay(&rules(&format!("    {access}\n")), std::slice::from_ref(line), false);
        assert_eq!((report.same, report.unknown_count()), (same, unknown), "{access} {line:?}");
        assert!(report.differences.is_empty(), "{access}");
    }
    let by_address = rules("    policy: {allow: {or: [{email: ann@corp.example}]}}\n");
    let report = replay(&by_address, std::slice::from_ref(&hashed), false);
    let text = human(&report, &Scanned { decisions: 1, ..Scanned::default() });
    assert!(text.contains("wiki: policy.allow.or[0] reads `email`: 1 line; "), "{text}");
    // Denied whoever it was: that is known.
    let nobody = rules("    policy: {allow: {and: [{email: ann@corp.example}, {user: '009'}]}}\n");
    let report = replay(&nobody, &[left_out], false);
    assert_eq!((report.count(Kind::NewlyDenied), report.unknown_count()), (1, 0));
}

#[test]
fn other_reasons_are_told_where_they_are_asked_for() {
    let ann = ann();
    let by_id = rules("    policy: {allow: {or: [{user: '001'}]}}\n");
    let lines = [allowed(Some(&ann))];
    assert_eq!(replay(&by_id, &lines, false).same, 1);
    let report = replay(&by_id, &lines, true);
    assert_eq!((report.count(Kind::Other), report.changes()), (1, false));
    let as_before = rules("    policy: {allow: {or: [{domain: corp.example}]}}\n");
    assert_eq!(replay(&as_before, &lines, true).same, 1);
}
