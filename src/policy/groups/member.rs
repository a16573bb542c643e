//! A member of a group as it is written: an address, a domain, or Apple's id of a person.

use crate::base::near::nearest;
use crate::identity;

/// Whom an entry of a group means.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// The person with this `sub`, exactly.
    Subject(Box<str>),
    /// Whoever has this verified address; lower case, since the case of ASCII letters does not
    /// count.
    Address(Box<str>),
    /// Whoever has a verified address in this domain; lower case, for the same reason.
    Domain(Box<str>),
}

/// Why a member cannot be read, and what to do about it.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) help: String,
}

const SUBJECT: &str = "sub:";
const DOMAIN: &str = "domain:";

impl Who {
    /// Reads a member: with `sub:` or `domain:` in front it is what that says, else an address if it
    /// has an `@`, else a `sub`.
    pub(super) fn read(written: &str) -> Result<Self, Problem> {
        let text = written.trim();
        if let Some(subject) = text.strip_prefix(SUBJECT) {
            return subject_of(subject.trim());
        }
        if let Some(domain) = text.strip_prefix(DOMAIN) {
            return domain_of(domain.trim());
        }
        if let Some((kind, rest)) = text.split_once(':') {
            let help = match nearest(kind, ["sub", "domain"]) {
                Some(near) => format!("did you mean `{near}:{rest}`?"),
                None if rest.contains('@') => format!("an address stands alone: {}", rest.trim()),
                None => "write an address, `sub:` and Apple's id, or `domain:` and a domain".into(),
            };
            return Err(problem(format!("`{kind}:` says nothing about a member"), help));
        }
        match text.split_once('@') {
            Some(parts) => address_of(text, parts),
            None => subject_of(text),
        }
    }

    /// Whether it was written as a `sub` although it looks like a domain.
    pub(super) fn looks_like_a_domain(written: &str) -> bool {
        let text = written.trim();
        let last = text.rsplit_once('.').map(|(_, last)| last);
        let word = |last: &str| last.len() > 1 && last.bytes().all(|b| b.is_ascii_alphabetic());
        let named = text.starts_with(|c: char| c.is_ascii_alphabetic());
        named && !text.contains([':', '@']) && last.is_some_and(word)
    }
}

impl std::fmt::Display for Who {
    /// As it may be written: `sub:001`, `ann@corp.example`, `domain:corp.example`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Subject(subject) => write!(f, "{SUBJECT}{subject}"),
            Self::Address(address) => f.write_str(address),
            Self::Domain(domain) => write!(f, "{DOMAIN}{domain}"),
        }
    }
}

fn problem(message: impl Into<String>, help: impl Into<String>) -> Problem {
    Problem { message: message.into(), help: help.into() }
}

fn has_odd_characters(text: &str) -> bool {
    text.chars().any(|c| c.is_whitespace() || c.is_control())
}

fn subject_of(text: &str) -> Result<Who, Problem> {
    if text.is_empty() {
        return Err(problem(
            "this member is empty",
            "write an address, `sub:` and Apple's id of the person, or `domain:` and a domain",
        ));
    }
    if has_odd_characters(text) {
        let help = "Apple's ids look like 001234.0123456789abcdef0123456789abcdef.1234";
        return Err(problem(format!("`{text}` holds a blank, so nobody has this id"), help));
    }
    Ok(Who::Subject(text.into()))
}

fn domain_of(text: &str) -> Result<Who, Problem> {
    let labels = text.split('.').all(|label| !label.is_empty());
    if !labels || text.contains(['@', '*', '/', ':']) || has_odd_characters(text) {
        return Err(problem(
            format!("`{text}` is not a domain"),
            "write what follows the `@` of its addresses, for instance domain:corp.example; \
             subdomains are domains of their own",
        ));
    }
    Ok(Who::Domain(text.to_ascii_lowercase().into()))
}

fn address_of(text: &str, (mailbox, domain): (&str, &str)) -> Result<Who, Problem> {
    if mailbox.is_empty() {
        let help = format!("for everybody of the domain write: domain:{domain}");
        return Err(problem(format!("`{text}` is not an address of a person"), help));
    }
    if identity::domain_of(text).is_none() {
        let help = "write it like ann@corp.example; one member, one address";
        return Err(problem(format!("`{text}` is not an address"), help));
    }
    Ok(Who::Address(text.to_ascii_lowercase().into()))
}
