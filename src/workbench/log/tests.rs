//! Reading again what was written, by both ways of reading.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::base::ids::{RequestId, SessionId};
use crate::decision::record::{Decided, Outcome, Redact, Shadow, Words};
use crate::decision::{Face, Facts, Judged, RouteIndex};
use crate::identity::{Address, Claims, Identity};
use crate::policy::{Answer, Reason, ReasonSet, Unrecorded, Verdict};
use crate::session::Session;
use crate::wire::host::Authority;
use crate::workbench::asker::Asker;

/// A session of whoever has these claims.
pub(in crate::workbench) fn session(claims: &Value) -> Session {
    let claims = Claims::new(claims.as_object().cloned().unwrap());
    let subject = claims.text("sub").unwrap().to_owned();
    let identity = Identity::new(&subject, claims, Timestamp(1_799_999_000));
    let (begun_at, expires_at) = (Timestamp(1_799_999_001), Timestamp(1_800_050_000));
    Session { id: SessionId::from_bytes([3; 16]), identity, begun_at, expires_at }
}

/// A line as our writer writes it, with its line feed.
#[derive(Clone, Debug)]
pub(in crate::workbench) struct Written<'a> {
    pub(in crate::workbench) at: i64,
    pub(in crate::workbench) host: &'a str,
    pub(in crate::workbench) path: &'a str,
    pub(in crate::workbench) session: Option<&'a Session>,
    pub(in crate::workbench) outcome: Outcome,
    pub(in crate::workbench) reason: Reason,
    pub(in crate::workbench) redact: Redact,
    pub(in crate::workbench) shadow: Option<Outcome>,
}

impl Written<'_> {
    pub(in crate::workbench) fn line(&self) -> String {
        let authority = Authority::parse(self.host).unwrap();
        let facts = Facts {
            face: Face::Gateway,
            now: Timestamp(self.at),
            authority: &authority,
            method: "GET",
            path: self.path,
            source_ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
            cors_preflight: false,
            client_certificate: None,
            supposed: None,
        };
        let allow = if self.outcome == Outcome::Allow { Answer::Yes } else { Answer::No };
        let reasons = if self.outcome == Outcome::SignIn {
            ReasonSet::from(Reason::UserUnauthenticated)
        } else {
            ReasonSet::from(self.reason)
        };
        let deny_reasons = ReasonSet::EMPTY;
        let verdict = Verdict { allow, deny: Answer::No, allow_reasons: reasons, deny_reasons };
        let judged = Judged { route: RouteIndex(0), verdict };
        let decided = Decided {
            id: RequestId::fresh(),
            millis: 7,
            facts: &facts,
            page_load: true,
            session: self.session,
            outcome: self.outcome,
            judged: (self.outcome != Outcome::NoRoute).then_some((&judged, "wiki")),
            because: &[],
        };
        let mut line = Line::of(&decided, self.redact);
        line.status = Some(200);
        line.shadow = self.shadow.map(|outcome| Shadow {
            outcome,
            reasons: Words::from(ReasonSet::from(Reason::Reject)),
            route_id: None,
        });
        let mut out = Vec::new();
        line.write(&mut out);
        out.push(b'\n');
        String::from_utf8(out).unwrap()
    }
}

pub(in crate::workbench) fn allowed<'a>(session: Option<&'a Session>) -> Written<'a> {
    Written {
        at: 1_800_000_000,
        host: "wiki.example.com",
        path: "/page",
        session,
        outcome: Outcome::Allow,
        reason: Reason::DomainOk,
        redact: Redact::Nothing,
        shadow: None,
    }
}

fn ann() -> Session {
    session(&json!({"sub": "001.ab", "email": "ann@corp.example", "email_verified": true,
        "org_id": "A1", "upn": "ann@corp.example", "begun-at": 1, "outcome": "deny"}))
}

fn decision<'a>(reader: &mut Reader, line: &'a str) -> Recorded<'a> {
    match reader.read(line.trim_end()).unwrap() {
        Read::Decision(recorded) => recorded,
        other => panic!("{other:?}"),
    }
}

fn missing(who: &Asker) -> Unrecorded {
    who.supposed.clone().unwrap_or_default().unrecorded
}

/// What a line says, with nothing that tells how it was read.
fn said(recorded: &Recorded<'_>) -> String {
    let who = recorded.somebody.as_ref().map(|somebody| &somebody.asker);
    format!(
        "{} {} {} {} {:?} {} {} {:?} {:?} {:?} {who:?}",
        recorded.at,
        recorded.id,
        recorded.method,
        recorded.host,
        recorded.path,
        recorded.ip,
        recorded.cors_preflight,
        recorded.certificate,
        recorded.route,
        recorded.decision
    )
}

#[test]
fn a_line_that_is_known_says_what_it_said_when_it_was_new() {
    let (ann, ben) = (ann(), session(&json!({"sub": "002", "name \"quoted\"": "\u{202e}"})));
    let outcomes = [Outcome::Allow, Outcome::Deny, Outcome::SignIn, Outcome::NoRoute];
    let mut reader = Reader::default();
    let mut again = 0;
    for round in 0..3 {
        for outcome in outcomes {
            for session in [None, Some(&ann), Some(&ben)] {
                for shadow in [None, Some(Outcome::Deny)] {
                    let line =
                        Written { outcome, shadow, at: 1_800_000_000 + round, ..allowed(session) };
                    let line = line.line();
                    let known = reader.again(line.trim_end()).map(|recorded| said(&recorded));
                    let anew = said(&decision(&mut Reader::default(), &line));
                    again += usize::from(known.is_some());
                    assert_eq!(said(&decision(&mut reader, &line)), anew);
                    assert!(known.is_none_or(|known| known == anew));
                }
            }
        }
    }
    assert!(again >= 2 * 24, "only {again} lines were known again");
}

#[test]
fn who_signs_in_again_is_the_same_person_otherwise() {
    let mut reader = Reader::default();
    let mut people = Vec::new();
    for round in 0..20 {
        let mut ann = ann();
        ann.identity.issued_at = Timestamp(1_700_000_000 + round);
        for _ in 0..2 {
            let line = allowed(Some(&ann)).line();
            let somebody = decision(&mut reader, &line).somebody.unwrap();
            assert_eq!(somebody.asker.identity.issued_at, ann.identity.issued_at);
            people.push(somebody.person);
        }
    }
    assert!(people.iter().all(|person| *person == 0));
    assert_eq!(reader.people.all()[0].name, "ann@corp.example");
}

#[test]
fn what_a_line_does_not_hold_is_marked_and_the_rest_is_known() {
    let mut reader = Reader::default();
    let ann = ann();
    let hashed = Written { redact: Redact::Hash, ..allowed(Some(&ann)) }.line();
    let who = decision(&mut reader, &hashed).somebody.unwrap().asker;
    let unrecorded = &who.supposed.as_ref().unwrap().unrecorded;
    assert!(unrecorded.mailbox && !unrecorded.domain && !unrecorded.issued_at);
    assert_eq!(unrecorded.claims, ["upn".into()]);
    assert!(
        who.identity.address.verified().is_some_and(|address| address.ends_with("@corp.example"))
    );
    assert_eq!(who.identity.claims.get("email"), None);
    assert_eq!(reader.people.all()[0].name, "someone@corp.example");

    let left_out = Written { redact: Redact::LeaveOut, ..allowed(Some(&ann)) }.line();
    let who = decision(&mut reader, &left_out).somebody.unwrap().asker;
    assert!(missing(&who).mailbox && missing(&who).domain);
    assert_eq!(who.identity.claims.text("org_id"), Some("A1"));

    let line = r#"{"timestamp":"2026-11-20T00:00:00Z","msg":"authorize check","method":"GET","host":"a.example","path":"/","ip":"10.0.0.1","user":"003","email":"zoe@corp.example","outcome":"allow"}"#;
    let who = decision(&mut reader, line).somebody.unwrap().asker;
    assert!(missing(&who).issued_at && missing(&who).domain, "nobody vouches for the address");
    assert_eq!(missing(&who).claims, [Identity::EVERY_OTHER.into()]);
    let line = line.replace(r#","email":"zoe@corp.example""#, "");
    let who = decision(&mut reader, &line).somebody.unwrap().asker;
    assert!(!missing(&who).domain && who.identity.address == Address::Absent);

    let long = "/a".repeat(2_000);
    let line = Written { path: &long, ..allowed(None) }.line();
    assert_eq!(decision(&mut reader, &line).path, None);
}

#[test]
fn lines_that_lack_the_request_or_the_decision_are_refused() {
    let whole = allowed(None).line();
    let mut reader = Reader::default();
    for name in ["method", "host", "path", "ip", "outcome", "timestamp"] {
        let mut line: serde_json::Map<String, Value> = serde_json::from_str(&whole).unwrap();
        line.remove(name);
        let line = Value::Object(line).to_string();
        let said = reader.read(&line).unwrap_err().to_string();
        assert_eq!(said, format!("`{name}` is missing"));
    }
    assert!(reader.read("{").is_err() && reader.read("1").is_err());
    assert!(matches!(reader.read(r#"{"msg":"later"}"#), Ok(Read::Other)));
    assert!(matches!(reader.read(r#"{"msg":"dropped","count":7}"#), Ok(Read::Dropped(7))));
}

proptest! {
    #[test]
    fn no_claim_can_make_a_line_mean_something_else(
        name in "[a-z\",:{}\\\\-]{0,24}",
        value in "[ -~\u{202e}]{0,40}",
        path in "/[ -~]{0,30}",
    ) {
        let mut claims = serde_json::Map::from_iter([("sub".to_owned(), json!(value.clone() + "s"))]);
        for word in [name.as_str(), "begun-at", "outcome", "user"] {
            claims.entry(word).or_insert(json!({word: [value], "outcome": "deny", "begun-at": 1}));
        }
        let claims = Value::Object(claims);
        prop_assume!(claims["sub"].is_string());
        let session = session(&claims);
        let mut reader = Reader::default();
        for at in 0..3 {
            let line = Written { at: 1_800_000_000 + at, path: &path, ..allowed(Some(&session)) };
            let line = line.line();
            let anew = said(&decision(&mut Reader::default(), &line));
            prop_assert_eq!(said(&decision(&mut reader, &line)), anew);
        }
    }
}
