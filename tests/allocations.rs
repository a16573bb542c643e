//! What the road promises not to allocate. A program of its own: it counts every allocation of a
//! thread.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, Ipv4Addr};

use russet::base::diagnostic::Diagnostics;
use russet::base::time::Timestamp;
use russet::config::yaml;
use russet::identity::{Claims, ClientCertificate, Identity};
use russet::policy::{Outcome, Policy, Question, Shortcuts};
use serde_json::json;

/// 2026-02-02, a Monday.
const NOW: Timestamp = Timestamp(1_770_000_000);

/// Every criterion, and every matcher but the expressions: their scratch space is made when a thread
/// first needs it.
const EVERYTHING: &str = "
- allow:
    and:
      - accept: true
      - authenticated_user: true
      - user: {not_in: [a, b], starts_with: '001', exists: true}
      - email: {in: [ANN@corp.example, bob@corp.example], contains: '@', ends_with: .EXAMPLE}
      - domain: {is: corp.example, not: other.example, strict: true}
      - email_verified: true
      - private_relay: false
      - managed_account: ORG7
      - auth_age: 12h
      - claim/groups: {has: staff, exclude: banned, exists: true}
      - claim/a.b: {is: deep}
      - claim/real_user_status: 2
      - http_method: {in: [GET, HEAD]}
      - http_path: {starts_with: /docs/}
      - source_ip: [10.0.0.0/8, 127.0.0.0/8, '2001:db8::/32']
      - client_certificate: {san_dns: {ends_with: .corp.example}, san_email: {not: eve@corp.example}}
      - date: {after: 2026-01-01, before: 2027-01-01, timezone: Europe/Berlin}
      - day_of_week: {days: sat-mon, timezone: America/New_York}
      - time_of_day: {timezone: Asia/Kathmandu, after: 22:00, before: 21:00}
- deny:
    or:
      - invalid_client_certificate: true
      - cors_preflight: true
      - reject: true
    nor:
      - claim/org_id: ORG7
";

const EXPRESSIONS: &str = "
- allow:
    and:
      - email: {matches: '[a-z]+@corp\\.example'}
      - claim/groups: {matches: 'st.ff'}
      - http_path: {matches: '/docs/.*'}
";

fn policy(text: &str) -> Policy {
    let mut told = Diagnostics::default();
    let node = yaml::read(text, 0, &mut told).unwrap();
    let policy = Policy::compile(&Shortcuts::default(), Some(&node), &mut told);
    assert!(!told.has_errors(), "{told:?}");
    policy
}

fn ann() -> Identity {
    let claims = json!({"sub": "001.ann", "email": "ann@corp.example", "email_verified": true,
        "org_id": "ORG7", "groups": ["staff", "sports"], "a": {"b": "deep"},
        "real_user_status": 2});
    Identity::new("001.ann", Claims::new(claims.as_object().unwrap().clone()), NOW)
}

fn laptop() -> ClientCertificate {
    ClientCertificate {
        san_dns: vec!["laptop-7.corp.example".to_owned()],
        san_email: vec!["ann@corp.example".to_owned()],
        valid: true,
        ..ClientCertificate::default()
    }
}

fn counted(policy: &Policy, question: &Question<'_>, outcome: Outcome) {
    let mut got = None;
    let counted = allocation_counter::measure(|| {
        for _ in 0..100 {
            let verdict = policy.evaluate(question);
            got = Some((verdict.outcome(), verdict.status(true)));
        }
    });
    assert_eq!(got.unwrap().0, outcome);
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

#[test]
fn evaluation_allocates_nothing() {
    let (ann, laptop) = (ann(), laptop());
    let question = Question {
        method: "GET",
        path: "/docs/page",
        source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        cors_preflight: false,
        now: NOW,
        client_certificate: Some(&laptop),
        identity: Some(&ann),
        supposed: None,
    };
    let policy = policy(EVERYTHING);
    counted(&policy, &question, Outcome::Allow);
    counted(&policy, &Question { identity: None, ..question }, Outcome::SignIn);
    counted(&policy, &Question { client_certificate: None, ..question }, Outcome::Deny);
    // Beyond the tables of a zone, where its rule goes on.
    counted(&policy, &Question { now: Timestamp(4_200_000_000), ..question }, Outcome::SignIn);
}

#[test]
fn expressions_allocate_nothing_once_a_thread_has_used_them() {
    let ann = ann();
    let question = Question {
        method: "GET",
        path: "/docs/page",
        source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        cors_preflight: false,
        now: NOW,
        client_certificate: None,
        identity: Some(&ann),
        supposed: None,
    };
    let policy = policy(EXPRESSIONS);
    assert_eq!(policy.evaluate(&question).outcome(), Outcome::Allow);
    counted(&policy, &question, Outcome::Allow);
}

#[test]
fn the_counter_counts() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(Box::new(1))));
    assert_eq!(counted.count_total, 1);
}
