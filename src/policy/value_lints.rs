//! What is allowed but probably not meant: the warnings about single values.

use super::codes;
use super::matchers::TextOperator;
use super::warning::Warning;
use super::written::Written;

/// What is odd about asking whether something is there that always is.
fn always_there(written: &Written<'_>, operator: TextOperator) -> Option<Warning> {
    (operator == TextOperator::Exists).then(|| {
        Warning::new(
            codes::NEVER_EQUAL,
            format!("`{}` is always there, so `exists` says nothing", written.key),
            "remove it, or compare with something",
        )
    })
}

/// What is odd about a value of `user`.
pub(super) fn user(written: &Written<'_>, operator: TextOperator, text: &str) -> Option<Warning> {
    if let Some(warning) = always_there(written, operator) {
        return Some(warning);
    }
    (operator.compares_whole() && text.contains('@')).then(|| {
        Warning::new(
            codes::NEVER_EQUAL,
            "`user` is Apple's id of a person (`sub`), and this is an address",
            format!("write: email: {text}"),
        )
    })
}

/// What is odd about a value of `email`.
pub(super) fn email(written: &Written<'_>, operator: TextOperator, text: &str) -> Option<Warning> {
    if operator.compares_whole() && !text.contains('@') {
        return Some(Warning::new(
            codes::NEVER_EQUAL,
            "an address has an `@`, and this has none, so no address equals it",
            "for everybody of a domain write: domain: ...; for Apple's id of a person: user: ...",
        ));
    }
    if operator == TextOperator::Matches {
        return bare_dot(written, text);
    }
    if let Some(domain) = text.strip_prefix('@').filter(|_| operator.compares_whole()) {
        return Some(Warning::new(
            codes::NEVER_EQUAL,
            "nothing stands before the `@`, so no address equals it",
            format!("for everybody of the domain write: domain: {domain}"),
        ));
    }
    let closed = text.contains('@') || text.starts_with('.');
    let open = match operator {
        TextOperator::EndsWith => !closed,
        TextOperator::Contains => true,
        _ => false,
    };
    (open && written.admits).then(|| too_open(operator, text))
}

/// What is odd about a value of `domain`.
pub(super) fn domain(written: &Written<'_>, operator: TextOperator, text: &str) -> Option<Warning> {
    match operator {
        TextOperator::Matches => return bare_dot(written, text),
        TextOperator::Exists => return None,
        _ => {}
    }
    if text.contains('@') {
        let domain = text.rsplit('@').next().unwrap_or_default();
        return Some(Warning::new(
            codes::NEVER_EQUAL,
            "a domain has no `@`, so this never matches",
            format!("write: {}: {domain}", operator.word()),
        ));
    }
    if text.contains('*') {
        return Some(Warning::new(
            codes::NEVER_EQUAL,
            "`*` stands for itself here, so this never matches",
            "for all subdomains write: domain: {ends_with: .corp.example}",
        ));
    }
    let open = match operator {
        TextOperator::EndsWith => !text.starts_with('.'),
        TextOperator::Contains | TextOperator::StartsWith => true,
        _ => false,
    };
    (open && written.admits).then(|| too_open(operator, text))
}

/// An expression whose dot stands for any character, where one of an address is meant.
fn bare_dot(written: &Written<'_>, pattern: &str) -> Option<Warning> {
    let mut characters = pattern.chars().peekable();
    let (mut in_class, mut bare) = (false, false);
    while let Some(character) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '[' => in_class = true,
            ']' => in_class = false,
            '.' if !in_class => {
                bare |= characters.peek().is_some_and(|next| next.is_alphanumeric());
            }
            _ => {}
        }
    }
    (bare && written.admits).then(|| {
        Warning::new(
            codes::TOO_OPEN,
            "in an expression `.` stands for any character",
            "for the dot itself write `\\.`, in single quotes",
        )
    })
}

fn too_open(operator: TextOperator, text: &str) -> Warning {
    let bare = text.trim_start_matches(['@', '.']);
    let example = match operator {
        TextOperator::EndsWith => format!("evil{bare}"),
        _ => format!("{bare}.evil.example"),
    };
    Warning::new(
        codes::TOO_OPEN,
        format!("`{}: {text}` also admits people of {example}", operator.word()),
        "compare the whole domain: domain: corp.example; its subdomains: \
         domain: {ends_with: .corp.example}",
    )
}

/// A deny on what an address is *not* does not reach people without an address.
pub(super) fn absent_address(written: &Written<'_>, negative: bool) -> Option<Warning> {
    (negative && !written.admits).then(|| {
        Warning::new(
            codes::TOO_OPEN,
            "this does not refuse people of whom Apple gives no address",
            format!("put `{}: ...` without the negation under deny: not:", written.key),
        )
    })
}

/// A rule that lets in whoever shows no good certificate.
pub(super) fn bad_certificate_admits(written: &Written<'_>) -> Option<Warning> {
    written.admits.then(|| {
        Warning::new(
            codes::TOO_OPEN,
            "this favours people who show no certificate, or a bad one",
            format!(
                "to refuse them put it under `deny`: deny: {{or: [{{{}: true}}]}}",
                written.key
            ),
        )
    })
}

/// A rule that refuses whoever signed in a moment ago.
pub(super) fn recent_sign_in_refused(written: &Written<'_>) -> Option<Warning> {
    (!written.admits).then(|| {
        Warning::new(
            codes::ADMITS_NOBODY,
            "this lets nobody through: who signed in longer ago signs in again, and is refused then",
            "put it under `allow`, or under `deny: {not: [...]}`",
        )
    })
}

/// What is odd about a value of `http_method`.
pub(super) fn method(written: &Written<'_>, operator: TextOperator, text: &str) -> Option<Warning> {
    if let Some(warning) = always_there(written, operator) {
        return Some(warning);
    }
    let upper = text.to_ascii_uppercase();
    (operator.compares_whole() && upper != text).then(|| {
        Warning::new(
            codes::NEVER_EQUAL,
            "methods are compared exactly, and they are upper case",
            format!("write {upper}"),
        )
    })
}

/// What is odd about a value of `http_path`.
pub(super) fn path(written: &Written<'_>, operator: TextOperator, text: &str) -> Option<Warning> {
    if let Some(warning) = always_there(written, operator) {
        return Some(warning);
    }
    if operator == TextOperator::Matches {
        return None;
    }
    if text.contains('?') {
        return Some(Warning::new(
            codes::NEVER_EQUAL,
            "the path is compared without the query, so this never matches",
            "leave out the `?` and what follows",
        ));
    }
    let from_start = operator.compares_whole() || operator == TextOperator::StartsWith;
    (from_start && !text.starts_with('/')).then(|| {
        Warning::new(codes::NEVER_EQUAL, "every path begins with `/`", format!("write /{text}"))
    })
}

/// What is odd about an entry of `allowed_domains`.
pub(super) fn listed_domain(text: &str) -> Option<Warning> {
    let odd = text.contains(['@', '*', '/', ':']) || text.is_empty();
    odd.then(|| {
        Warning::new(
            codes::NEVER_EQUAL,
            format!("`{text}` in `allowed_domains` is not a domain, so nobody has it"),
            "write the part after the `@` alone, for instance corp.example",
        )
    })
}
