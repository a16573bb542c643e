//! Writes decision logs for measuring and for tests: the same seed gives the same log, and every
//! decision in it is what the rules of [`CONFIGURATION`] say.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};

use russet::base::ids::{RequestId, SessionId};
use russet::base::time::Timestamp;
use russet::config;
use russet::decision::record::{Decided, Line, Outcome, Redact, Text};
use russet::decision::{Face, Facts, NotSignedIn, Rules, judge};
use russet::identity::{Claims, Identity};
use russet::session::Session;
use russet::wire::host::Authority;
use serde_json::json;

/// The configuration under which the decisions were made.
pub(crate) const CONFIGURATION: &str = "
routes:
  - name: wiki
    from: https://wiki.example.com
    to: http://127.0.0.1:8001
    policy: {allow: {or: [{domain: corp.example}, {email: guest1@partner.example}]}}
  - name: wiki-admin
    from: https://admin.example.com
    to: http://127.0.0.1:8002
    prefix: /admin
    policy:
      allow: {and: [{domain: corp.example}, {claim/org_id: A1}, {http_method: {in: [GET, POST]}}]}
      deny: {or: [{email: {in: [person7@corp.example, person11@corp.example]}}]}
  - name: grafana
    from: https://grafana.example.com
    to: http://127.0.0.1:8003
    policy: {allow: {and: [{domain: {ends_with: .example}}, {source_ip: [10.0.0.0/8]}]}}
  - name: public
    from: https://www.example.com
    to: http://127.0.0.1:8004
    allow_public_unauthenticated_access: true
";

/// When a log begins.
pub(crate) const BEGINS: i64 = 1_790_000_000;

const PEOPLE: usize = 500;

/// Requests, by how often they come.
const REQUESTS: [(&str, &str, &str); 8] = [
    ("wiki.example.com", "GET", "/page/Start"),
    ("wiki.example.com", "GET", "/static/site.css"),
    ("grafana.example.com", "GET", "/api/live/ws"),
    ("wiki.example.com", "POST", "/api/save"),
    ("www.example.com", "GET", "/"),
    ("admin.example.com", "GET", "/admin/users"),
    ("admin.example.com", "DELETE", "/admin/users/7"),
    ("gone.example.com", "GET", "/"),
];

/// The rules of [`CONFIGURATION`].
pub(crate) fn rules() -> Rules {
    let now = Timestamp(BEGINS);
    let loaded = config::load_rules_text("decision_log", CONFIGURATION, &|_| None, now);
    let told = loaded.render();
    loaded.rules.unwrap_or_else(|| panic!("{told}"))
}

/// Who has a session: people of the company, some of partners, some who hide their address.
fn people() -> Vec<Session> {
    let person = |number: usize| {
        let subject = format!("00{:04}.{:032x}.{:04}", number, number * 7_919, number % 1_440);
        let (email, relay) = match number % 10 {
            8 => (format!("guest{number}@partner.example"), false),
            9 => (format!("relay{number}@privaterelay.appleid.com"), true),
            _ => (format!("person{number}@corp.example"), false),
        };
        let org = if number.is_multiple_of(3) { "A1" } else { "B2" };
        let claims = json!({"sub": subject, "email": email, "email_verified": true,
            "is_private_email": relay, "org_id": org, "real_user_status": 2,
            "iss": "https://appleid.apple.com", "aud": "com.example.web"});
        let claims = Claims::new(claims.as_object().cloned().unwrap_or_default());
        let issued_at = Timestamp(BEGINS - 60 * number as i64);
        let identity = Identity::new(&subject, claims, issued_at);
        let id = SessionId::from_bytes((number as u128).to_be_bytes());
        let expires_at = Timestamp(BEGINS + 1_000_000);
        Session { id, identity, begun_at: issued_at, expires_at }
    };
    (0..PEOPLE).map(person).collect()
}

/// Writes `count` lines, the same for the same seed.
///
/// # Errors
/// They cannot be written.
pub(crate) fn write(seed: u64, count: u64, redact: Redact, out: &mut impl Write) -> io::Result<()> {
    let (rules, people) = (rules(), people());
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut line = Vec::with_capacity(1024);
    let mut millis = 0_u64;
    for _ in 0..count {
        millis += dice.u64(0..40);
        // Twice the dice: the first of a list come far more often than the last.
        let few = |dice: &mut fastrand::Rng, of: usize| dice.usize(0..=dice.clone().usize(0..of));
        let (host, method, path) = REQUESTS[few(&mut dice, REQUESTS.len())];
        let session = (dice.u8(..) > 6).then(|| &people[few(&mut dice, PEOPLE)]);
        let authority = Authority::parse(host).expect("a host of ours");
        let office = dice.u8(..) > 20;
        let ip = if office { [10, 1, dice.u8(..), dice.u8(..)] } else { [192, 0, 2, dice.u8(..)] };
        let facts = Facts {
            face: Face::Gateway,
            now: Timestamp(BEGINS + (millis / 1_000) as i64),
            authority: &authority,
            method,
            path,
            source_ip: IpAddr::V4(Ipv4Addr::from(ip)),
            cors_preflight: false,
            client_certificate: None,
            supposed: None,
        };
        let identity = session.map(|session| &session.identity);
        let judgement = judge(&rules, &facts, identity.ok_or(NotSignedIn::NoCookie));
        let judged = judgement.judged();
        let decided = Decided {
            id: RequestId::fresh(),
            millis: (millis % 1_000) as u16,
            facts: &facts,
            page_load: method == "GET",
            session,
            outcome: judgement.outcome(),
            judged: judged.as_ref().ok().zip(judgement.route().map(|route| &*route.id)),
            because: if judged.is_ok() { &[] } else { &["unknown-host"] },
        };
        let mut told = Line::of(&decided, redact);
        let (id, short) = names(dice.u128(..));
        (told.request_id, told.id) = (Text::from(id), Text::from(short));
        told.status = Some(match told.outcome {
            Some(Outcome::Allow) => 200,
            Some(Outcome::Deny) => 403,
            Some(Outcome::SignIn) => 302,
            Some(Outcome::NoRoute) | None => 404,
        });
        line.clear();
        told.write(&mut line);
        line.push(b'\n');
        out.write_all(&line)?;
    }
    Ok(())
}

/// An id and a short one; a request's own are rolled by dice that have no seed.
fn names(bits: u128) -> (String, String) {
    let hex = format!("{bits:032x}");
    let id =
        format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..]);
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let letter = |place: u32| char::from(LETTERS[(bits >> (5 * place)) as usize & 31]);
    let short: String = (0..8).map(letter).collect();
    (id, format!("{}-{}", &short[..4], &short[4..]))
}
