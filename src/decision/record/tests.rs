use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::base::ids::{RequestId, SessionId};
use crate::base::time::Timestamp;
use crate::decision::{Face, Facts, Judged, RouteIndex};
use crate::identity::{self, ClientCertificate, Identity};
use crate::policy::{Answer, Reason, ReasonSet, Verdict};
use crate::session::Session;
use crate::wire::host::Authority;

const NOW: Timestamp = Timestamp(1_800_000_000);
const ADDRESS: &str = "Ann.Lee@Corp.example";

fn session(claims: Value) -> Session {
    let claims = identity::Claims::new(claims.as_object().cloned().unwrap());
    let mut identity = Identity::new("001.ab", claims, Timestamp(1_799_999_990));
    identity.omitted = vec!["groups".into()];
    let id = SessionId::from_bytes([7; 16]);
    Session { id, identity, begun_at: NOW, expires_at: NOW }
}

fn ann() -> Session {
    session(json!({"sub": "001.ab", "email": ADDRESS, "email_verified": "true",
        "is_private_email": false, "org_id": "A1", "iat": 1_799_999_990,
        "upn": "ann.lee@corp.example", "links": [{"mail": "mailto:ANN.LEE@corp.example"}]}))
}

fn judged() -> Judged {
    let verdict = Verdict {
        allow: Answer::Yes,
        deny: Answer::Unknown,
        allow_reasons: ReasonSet::from(Reason::DomainOk),
        deny_reasons: [Reason::ClaimUnauthorized, Reason::Reject].into_iter().collect(),
    };
    Judged { route: RouteIndex(0), verdict }
}

fn certificate() -> ClientCertificate {
    ClientCertificate {
        fingerprint: "ab".repeat(32),
        spki_hash: "c3BraQ==".to_owned(),
        san_email: vec![ADDRESS.to_owned()],
        san_dns: vec!["laptop.corp.example".to_owned()],
        san_uri: vec![],
        valid: true,
    }
}

/// The line of a whole request, as it is written.
fn written(session: Option<&Session>, path: &str, redact: Redact) -> String {
    let authority = Authority::parse("wiki.example.com:8443").unwrap();
    let certificate = certificate();
    let facts = Facts {
        face: Face::Gateway,
        now: NOW,
        authority: &authority,
        method: "GET",
        path,
        source_ip: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
        cors_preflight: true,
        client_certificate: Some(&certificate),
        supposed: None,
    };
    let judged = judged();
    let decided = Decided {
        id: RequestId::fresh(),
        millis: 42,
        facts: &facts,
        page_load: true,
        session,
        outcome: judged.verdict.outcome().into(),
        judged: Some((&judged, "wiki")),
        because: &[],
    };
    let mut line = Line::of(&decided, redact);
    line.status = Some(403);
    line.shadow = Some(Shadow {
        outcome: Outcome::NoRoute,
        reasons: Words::from(vec!["unknown-host"]),
        route_id: None,
    });
    let mut out = Vec::new();
    line.write(&mut out);
    String::from_utf8(out).unwrap()
}

fn read(text: &str) -> Line<'_> {
    match Entry::read(text).unwrap() {
        Entry::Decision(line) => line,
        other => panic!("{other:?}"),
    }
}

#[test]
fn t96_a_line_holds_what_judging_again_needs_and_reads_back() {
    let session = ann();
    let text = written(Some(&session), "/page", Redact::Nothing);
    let line = read(&text);
    assert_eq!(line.timestamp.as_str(), "2027-01-15T08:00:00.042Z");
    assert_eq!((line.method.as_str(), line.host.as_str()), ("GET", "wiki.example.com:8443"));
    assert_eq!((line.path.as_str(), line.page_load), ("/page", Some(true)));
    assert_eq!(line.ip, Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1))));
    assert!(line.cors_preflight && line.is_signed_in());
    assert_eq!(line.user.as_deref(), Some("001.ab"));
    assert_eq!(line.email.as_deref(), Some(ADDRESS));
    assert_eq!((line.issued_at, line.begun_at), (Some(1_799_999_990), Some(NOW.0)));
    assert_eq!(line.claims_left_out, [Text::from("groups")]);
    assert_eq!((line.outcome, line.status), (Some(Outcome::Deny), Some(403)));
    assert_eq!((line.allow, line.deny), (Some(true), Some(true)), "unknown fires");
    assert_eq!(line.allow_why_true.unwrap().to_vec(), ["domain-ok"]);
    assert!(line.allow_why_false.unwrap().is_empty());
    assert_eq!(line.deny_why_true.unwrap().to_vec(), ["claim-unauthorized", "reject"]);
    assert_eq!(line.reasons.unwrap().to_vec(), ["claim-unauthorized", "reject"]);
    assert_eq!(line.shadow.unwrap().outcome, Outcome::NoRoute);
    assert_eq!(line.client_certificate.unwrap().san_email[0].as_str(), ADDRESS);
    let claims = Value::Object(line.id_token_claims.unwrap().to_map());
    assert_eq!(claims["email_verified"], json!(true));
    assert_eq!(claims["org_id"], json!("A1"));
    assert!(claims.get("sub").is_none() && claims.get("email").is_none(), "{claims}");
    assert!(line.left_out.is_empty() && line.cut.is_empty());
}

#[test]
fn t96_a_redacted_address_stands_nowhere() {
    let session = ann();
    for (redact, hashed) in [(Redact::Hash, true), (Redact::LeaveOut, false)] {
        let text = written(Some(&session), "/page", redact);
        assert!(!text.to_lowercase().contains("ann.lee"), "{text}");
        let line = read(&text);
        assert!(line.omits("email") && line.omits("upn") && line.omits("links"), "{text}");
        assert!(line.omits("client-certificate.san-email") && !line.omits("org_id"));
        let expected = hashed.then_some(
            // printf ann.lee@corp.example | sha256sum
            "8214c199da672916e3cd21b606a31a4fbf895fca5461eab0349994e4ccaeaf13",
        );
        assert_eq!(line.email_hash.as_deref(), expected);
        assert_eq!(line.email_domain.as_deref(), hashed.then_some("Corp.example"));
        assert_eq!(line.user.as_deref(), Some("001.ab"));
    }
}

#[test]
fn nobody_and_no_address_are_told_from_what_was_left_out() {
    let text = written(None, "/", Redact::LeaveOut);
    let line = read(&text);
    assert!(!line.is_signed_in() && line.session_id.is_none() && line.id_token_claims.is_none());
    let nameless = session(json!({"sub": "001.ab"}));
    let text = written(Some(&nameless), "/", Redact::LeaveOut);
    let line = read(&text);
    assert!(line.is_signed_in() && !line.omits("email"), "{text}");
}

#[test]
fn reading_copies_no_text() {
    let session = ann();
    let text = written(Some(&session), "/page", Redact::Nothing);
    let line = read(&text);
    for field in [&line.host, &line.path, line.user.as_ref().unwrap(), line.email.as_ref().unwrap()]
    {
        assert!(matches!(field.0, Cow::Borrowed(_)), "{field:?}");
    }
    assert!(line.id_token_claims.unwrap().raw().unwrap().starts_with("{\"email_verified\""));
}

#[test]
fn other_lines_are_told_apart() {
    let mut out = Vec::new();
    Line::dropped("2026-01-01T00:00:00.000Z", 12).write(&mut out);
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text, r#"{"timestamp":"2026-01-01T00:00:00.000Z","msg":"dropped","count":12}"#);
    assert!(matches!(Entry::read(&text), Ok(Entry::Dropped(12))));
    assert!(matches!(Entry::read(r#"{"msg":"http-request"}"#), Ok(Entry::Other)));
    assert!(matches!(Entry::read("nonsense"), Err(Unreadable::Json(_))));
    let lacking = r#"{"msg":"authorize check","method":"GET","path":"/"}"#;
    assert!(matches!(Entry::read(lacking), Err(Unreadable::Missing("host"))));
    // As Pomerium writes it: other fields, no claims, an empty session.
    let theirs = r#"{"level":"info","server-name":"all","service":"authorize","request-id":"r",
        "check-request-id":"r","method":"GET","path":"/","host":"a.example","ip":"10.0.0.1",
        "session-id":"","user":"","email":"","route-id":"7","allow":false,
        "allow-why-false":["user-unauthenticated"],"deny":false,"deny-why-false":[],
        "time":"2024-01-01T00:00:00Z","msg":"authorize check","unheard-of":{"a":[1]}}"#;
    let text = theirs.replace('\n', " ");
    let line = read(&text);
    assert!(!line.is_signed_in() && line.outcome.is_none() && line.allow == Some(false));
}

#[test]
fn t83_a_long_field_is_cut_and_says_so() {
    let session = ann();
    let text = written(Some(&session), &format!("/{}", "a".repeat(9_000)), Redact::Nothing);
    let line = read(&text);
    assert_eq!(line.path.len(), 2_048);
    assert!(line.omits("path"));
}

proptest! {
    /// Whatever stands in a claim: one line, safe to look at, and nothing of it is lost.
    #[test]
    fn t83_any_text_is_one_line_and_comes_back(claim in any::<String>(), sub in any::<String>()) {
        let mut session = session(json!({"sub": "s", "x": claim, "y": "a\u{202e}b\u{7f}\r\n\u{e0041}"}));
        session.identity.subject = sub.as_str().into();
        let text = written(Some(&session), "/", Redact::Nothing);
        let safe = text.chars().all(|c| c == '\\' || !crate::base::log_text::is_escaped(c));
        prop_assert!(safe, "{:?}", text);
        let line = read(&text);
        prop_assert_eq!(line.user.as_deref(), Some(sub.as_str()));
        let claims = line.id_token_claims.unwrap().to_map();
        prop_assert_eq!(&claims["x"], &json!(claim));
        prop_assert_eq!(&claims["y"], &json!("a\u{202e}b\u{7f}\r\n\u{e0041}"));
    }
}

/// The page of the documentation names every field of a line, and no other.
#[test]
fn t96_every_field_is_documented() {
    let page = std::fs::read_to_string("docs/policy/decision-log.md").unwrap();
    let documented: std::collections::BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    let words = || Some(Words::from(Vec::new()));
    let text = || Some(Text::from("a"));
    let line = Line {
        count: Some(1),
        email_hash: text(),
        email_domain: text(),
        left_out: vec![Text::from("email")],
        cut: vec![Text::from("path")],
        allow_why_true: words(),
        ..Line::default()
    };
    let session = ann();
    let mut names = std::collections::BTreeSet::new();
    let mut out = Vec::new();
    line.write(&mut out);
    for text in [String::from_utf8(out).unwrap(), written(Some(&session), "/", Redact::Nothing)] {
        let fields: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
        names.extend(fields.into_iter().map(|(name, _)| name));
    }
    let names: std::collections::BTreeSet<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(names, documented);
}
