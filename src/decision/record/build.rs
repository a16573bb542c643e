//! A line of a decision, from what was asked and what was said.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::ELSEWHERE;
use super::{Claims, Line, MSG_DECISION, Outcome, Text, Words};
use crate::base::ids::RequestId;
use crate::base::log_text::MAX_BYTES;
use crate::base::seal;
use crate::base::time::Timestamp;
use crate::decision::{Facts, Judged};
use crate::identity::{self, ClientCertificate, Identity};
use crate::policy::Answer;
use crate::session::Session;

/// How a person's address is written (`decision_log.redact`). `sub` is always in clear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redact {
    /// In clear.
    #[default]
    Nothing,
    /// As a hash, with the domain in clear: rules on a domain can still be judged, and lines of one
    /// address be told from others. Security: whoever can guess an address can compare its hash.
    Hash,
    /// Not at all.
    LeaveOut,
}

/// What a line is made of.
#[derive(Clone, Copy, Debug)]
pub struct Decided<'a> {
    /// The request's id.
    pub id: RequestId,
    /// Milliseconds into the second at which it was decided.
    pub millis: u16,
    /// What is known of the request.
    pub facts: &'a Facts<'a>,
    /// Whether it is a page load.
    pub page_load: bool,
    /// The live session, where there is one.
    pub session: Option<&'a Session>,
    /// What was decided, the question's own constraint included.
    pub outcome: Outcome,
    /// What the policy says, with the route's id; `None` where no route was found.
    pub judged: Option<(&'a Judged, &'a str)>,
    /// The reasons, where others than the policy's are worth telling: why nobody is signed in, or
    /// why there is no route. Empty for the policy's.
    pub because: &'a [&'a str],
}

/// What a shadow said: a policy that is asked in addition to the real one and never obeyed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Shadow<'a> {
    /// What it would have decided.
    pub outcome: Outcome,
    /// Its reasons.
    #[serde(borrow)]
    pub reasons: Words<'a>,
    /// The route of the shadow configuration, where it is another than the real one's.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub route_id: Option<Text<'a>>,
}

/// A client's certificate, as far as policies see it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Certificate<'a> {
    /// SHA-256 of the certificate, 64 hex digits in lower case.
    #[serde(borrow)]
    pub fingerprint: Text<'a>,
    /// SHA-256 of its public key, base64.
    #[serde(borrow)]
    pub spki_hash: Text<'a>,
    /// Its addresses.
    #[serde(borrow, skip_serializing_if = "Vec::is_empty")]
    pub san_email: Vec<Text<'a>>,
    /// Its hosts.
    #[serde(borrow, skip_serializing_if = "Vec::is_empty")]
    pub san_dns: Vec<Text<'a>>,
    /// Its URIs.
    #[serde(borrow, skip_serializing_if = "Vec::is_empty")]
    pub san_uri: Vec<Text<'a>>,
    /// Whether it leads to an authority that the operator named, and is in time.
    pub valid: bool,
}

impl<'a> Line<'a> {
    /// The line of a decision; its status and its shadow are still to come.
    pub fn of(decided: &Decided<'a>, redact: Redact) -> Self {
        let facts = decided.facts;
        let (path, path_cut) = Text::bounded(facts.path, MAX_BYTES);
        let mut line = Self {
            timestamp: Text(timestamp(facts.now, decided.millis)),
            msg: Text::from(MSG_DECISION),
            request_id: decided.id.to_string().into(),
            id: decided.id.short().to_string().into(),
            method: Text::from(facts.method),
            host: match facts.authority.port() {
                None => Text::from(facts.authority.host()),
                Some(_) => facts.authority.to_string().into(),
            },
            path,
            ip: Some(facts.source_ip),
            cors_preflight: facts.cors_preflight,
            page_load: Some(decided.page_load),
            ..Self::default()
        };
        if path_cut {
            line.cut.push(Text::from("path"));
        }
        if let Some(certificate) = facts.client_certificate {
            line.tell_certificate(certificate, redact);
        }
        if let Some(session) = decided.session {
            line.session_id = Some(session.id.to_string().into());
            line.begun_at = Some(session.begun_at.0);
            line.tell_person(&session.identity, redact);
        }
        line.tell_outcome(decided);
        line
    }

    fn tell_person(&mut self, identity: &'a Identity, redact: Redact) {
        self.user = Some(Text::from(&*identity.subject));
        self.issued_at = Some(identity.issued_at.0);
        self.claims_left_out = identity.omitted.iter().map(|name| Text::from(&**name)).collect();
        // As the claim has it: an address that is none is what a policy sees too.
        let address = identity.claims.text("email").filter(|address| !address.is_empty());
        let mut without = Vec::new();
        if redact == Redact::Nothing {
            self.email = address.map(Text::from);
        } else if let Some(address) = address {
            self.left_out.push(Text::from("email"));
            if redact == Redact::Hash {
                self.email_hash = Some(hash(address).into());
                self.email_domain = identity::domain_of(address).map(Text::from);
            }
            // Security: the address is not to stand in another claim (T96).
            let lower = address.to_lowercase();
            let repeats = |(name, value): &(&str, &Value)| {
                !ELSEWHERE.contains(name) && (repeats(name, &lower) || repeats_in(value, &lower))
            };
            without = identity.claims.iter().filter(repeats).map(|(name, _)| name).collect();
            // A name that holds the address is not told either; nobody asks for it by name.
            let named = without.iter().filter(|name| !name.to_lowercase().contains(&lower));
            self.left_out.extend(named.map(|name| Text::from(*name)));
        }
        self.id_token_claims = Some(Claims::of(&identity.claims, without));
    }

    fn tell_certificate(&mut self, certificate: &'a ClientCertificate, redact: Redact) {
        let mut room = MAX_BYTES;
        let mut cut = false;
        let mut text = |text: &'a str| {
            let (text, shortened) = Text::bounded(text, room);
            room -= text.len();
            cut |= shortened;
            text
        };
        let mut told = Certificate {
            fingerprint: text(&certificate.fingerprint),
            spki_hash: text(&certificate.spki_hash),
            valid: certificate.valid,
            ..Certificate::default()
        };
        let mut list = |names: &'a [String]| -> Vec<Text<'a>> {
            names.iter().map(|name| text(name)).filter(|name| !name.is_empty()).collect()
        };
        told.san_dns = list(&certificate.san_dns);
        told.san_uri = list(&certificate.san_uri);
        if redact == Redact::Nothing {
            told.san_email = list(&certificate.san_email);
        } else if !certificate.san_email.is_empty() {
            self.left_out.push(Text::from("client-certificate.san-email"));
        }
        if cut {
            self.cut.push(Text::from("client-certificate"));
        }
        self.client_certificate = Some(Box::new(told));
    }

    fn tell_outcome(&mut self, decided: &Decided<'a>) {
        let none = || Some(Words::from([].as_slice()));
        self.outcome = Some(decided.outcome);
        let Some((judged, route)) = decided.judged else {
            (self.allow, self.deny) = (Some(false), Some(false));
            (self.allow_why_true, self.allow_why_false) = (none(), none());
            (self.deny_why_true, self.deny_why_false) = (none(), none());
            self.reasons = Some(Words::from(decided.because));
            return;
        };
        let verdict = &judged.verdict;
        self.route_id = Some(Text::from(route));
        let (allow, deny) = (verdict.allow == Answer::Yes, verdict.deny != Answer::No);
        let sides = |holds, reasons| match holds {
            true => (Some(Words::from(reasons)), none()),
            false => (none(), Some(Words::from(reasons))),
        };
        (self.allow, self.deny) = (Some(allow), Some(deny));
        (self.allow_why_true, self.allow_why_false) = sides(allow, verdict.allow_reasons);
        (self.deny_why_true, self.deny_why_false) = sides(deny, verdict.deny_reasons);
        self.reasons = Some(match decided.because {
            [] => Words::from(verdict.reasons()),
            because => Words::from(because),
        });
    }
}

/// SHA-256 of an address in lower case, in hex: two addresses that mail reaches alike are alike.
pub(super) fn hash(address: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in seal::sha256(address.to_lowercase().as_bytes()) {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

fn repeats(text: &str, lower: &str) -> bool {
    text.to_lowercase().contains(lower)
}

/// Whether an address, in lower case, stands somewhere in a claim.
fn repeats_in(value: &Value, lower: &str) -> bool {
    match value {
        Value::String(text) => repeats(text, lower),
        Value::Array(items) => items.iter().any(|item| repeats_in(item, lower)),
        Value::Object(members) => {
            members.iter().any(|(name, value)| repeats(name, lower) || repeats_in(value, lower))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// RFC 3339 with milliseconds.
fn timestamp(now: Timestamp, millis: u16) -> Cow<'static, str> {
    let whole = now.to_string();
    match whole.strip_suffix('Z') {
        Some(second) => format!("{second}.{millis:03}Z").into(),
        None => whole.into(),
    }
}
