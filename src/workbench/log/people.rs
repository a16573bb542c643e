//! Everybody whom a log tells of. A person's part of a line is read once for each way in which it
//! is written, which changes when they sign in again.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::unparsed;
use crate::base::time::Timestamp;
use crate::decision::record::{Claims, Line};
use crate::identity::{self, Identity};
use crate::policy::{Supposed, Unrecorded};
use crate::workbench::asker::Asker;

/// Most ways of writing one person that are kept at a time.
const KEPT: usize = 4;

/// Somebody who asked, as they were when they asked.
#[derive(Clone, Debug)]
pub struct Somebody {
    /// Their place in [`People`].
    pub person: usize,
    /// What a policy saw of them, as far as the line tells.
    pub asker: Arc<Asker>,
}

/// A person of the log.
#[derive(Debug)]
pub struct Known {
    /// Apple's id of them.
    pub subject: Box<str>,
    /// What they are called in reports: their address as far as it was recorded, else `sub`.
    pub name: String,
    /// As they were when they asked last.
    pub last: Arc<Asker>,
    /// Ways in which they are written, and who that is.
    written: Vec<(Box<str>, Arc<Asker>)>,
    /// Which of these is next to be forgotten.
    oldest: usize,
}

/// Everybody who has asked.
#[derive(Debug, Default)]
pub struct People {
    known: Vec<Known>,
    by_subject: HashMap<Box<str>, usize>,
}

impl People {
    /// Everybody, in the order in which they came.
    pub fn all(&self) -> &[Known] {
        &self.known
    }

    /// The person at this place.
    pub fn get(&self, person: usize) -> Option<&Known> {
        self.known.get(person)
    }

    /// Whoever `rest` begins with, and what follows; `None` where they are not known so.
    pub(super) fn again<'a>(
        &mut self,
        subject: &str,
        rest: &'a str,
    ) -> Option<(Somebody, &'a str)> {
        let person = *self.by_subject.get(subject)?;
        let known = self.known.get_mut(person)?;
        let (asker, after) = known
            .written
            .iter()
            .find_map(|(written, asker)| Some((asker, rest.strip_prefix(&**written)?)))?;
        if !Arc::ptr_eq(&known.last, asker) {
            known.last = Arc::clone(asker);
        }
        Some((Somebody { person, asker: Arc::clone(asker) }, after))
    }

    /// Whoever asked by `line`, in which they are written as `written`.
    pub(super) fn learn(&mut self, line: &Line<'_>, written: Option<&str>) -> Somebody {
        let asker = Arc::new(asker(line));
        let subject = &*asker.identity.subject;
        let person = match self.by_subject.get(subject) {
            Some(person) => *person,
            None => {
                self.known.push(Known {
                    subject: subject.into(),
                    name: String::new(),
                    last: Arc::clone(&asker),
                    written: Vec::new(),
                    oldest: 0,
                });
                let person = self.known.len() - 1;
                self.by_subject.insert(subject.into(), person);
                person
            }
        };
        let alone = |text: &&str| {
            let members = format!("{{{}}}", text.trim_end_matches(','));
            let whole = serde_json::from_str::<Line<'_>>(&members);
            // Where the subject is written otherwise than plainly, it is not found again.
            whole.is_ok_and(|alone| {
                alone.user == line.user
                    && (alone.issued_at, alone.begun_at) == (line.issued_at, line.begun_at)
                    && alone.msg.is_empty()
            }) && unparsed::subject(text) == line.user.as_deref()
        };
        let written = written.filter(alone);
        if let Some(known) = self.known.get_mut(person) {
            known.name = name(line);
            known.last = Arc::clone(&asker);
            if let Some(written) = written {
                let entry = (written.into(), Arc::clone(&asker));
                match known.written.get_mut(known.oldest).filter(|_| known.oldest < KEPT) {
                    Some(slot) => *slot = entry,
                    None => known.written.push(entry),
                }
                known.oldest = (known.oldest + 1) % KEPT;
            }
        }
        Somebody { person, asker }
    }
}

/// What a line calls a person.
fn name(line: &Line<'_>) -> String {
    let someone =
        || line.email_domain.as_ref().map(|domain| format!("someone@{}", domain.as_str()));
    let email = line.email.as_ref().filter(|email| !email.is_empty());
    email
        .map(|email| email.as_str().to_owned())
        .or_else(someone)
        .or_else(|| line.user.as_ref().map(|user| user.as_str().to_owned()))
        .unwrap_or_default()
}

/// Who asked, as far as the line tells; what it does not tell is marked.
fn asker(line: &Line<'_>) -> Asker {
    let subject = line.user.as_deref().unwrap_or_default();
    let whole = line.id_token_claims.as_ref().filter(|_| !line.omits("id-token-claims"));
    let mut members = whole.map(Claims::to_map).unwrap_or_default();
    members.insert("sub".to_owned(), Value::from(subject));
    let kept_out = line.omits("email");
    let address = if kept_out {
        // Stands for an address of which the domain is known, or that it has none.
        let domain = line.email_domain.as_ref();
        Some(domain.map_or_else(|| "-".to_owned(), |domain| format!("-@{}", domain.as_str())))
    } else {
        line.email.as_ref().map(|email| email.as_str().to_owned())
    };
    // Whether somebody vouches for the address is a claim, too.
    let unvouched = address.is_some() && whole.is_none();
    members.extend(address.map(|address| ("email".to_owned(), Value::from(address))));
    let issued_at = Timestamp(line.issued_at.unwrap_or_default());
    let mut identity = Identity::new(subject, identity::Claims::new(members), issued_at);
    // As the session reckons it.
    let begun_at = line.begun_at.map_or(issued_at, Timestamp);
    identity.signed_in_at = issued_at.max(begun_at);
    if kept_out {
        identity.claims.remove("email");
    }
    let named = line.left_out.iter().map(|name| name.as_str());
    let claims = named.filter(|name| *name != "email" && !name.starts_with("client-certificate"));
    let unrecorded = Unrecorded {
        subject: false,
        mailbox: kept_out || unvouched,
        domain: unvouched || (kept_out && line.email_hash.is_none()),
        issued_at: line.issued_at.is_none(),
        claims: claims
            .chain(whole.is_none().then_some(Identity::EVERY_OTHER))
            .map(Box::from)
            .collect(),
    };
    identity.omitted = line.claims_left_out.iter().map(|name| name.as_str().into()).collect();
    Asker { identity, supposed: Supposed::without(unrecorded) }
}
