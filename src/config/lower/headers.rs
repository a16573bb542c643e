//! Header names, values and templates.

use std::fmt::Display;

use http::{HeaderName, HeaderValue as WireValue};

use super::Context;
use crate::base::diagnostic::Diagnostics;
use crate::base::node::{Kind, Node};
use crate::config::keys::{self, Key, Map, Texts, Tree};
use crate::config::section::Section;
use crate::config::value::Located;
use crate::config::{codes, yaml};
use crate::gateway::{HeaderValue, TemplatePart};

/// Headers that frame a message or belong to one connection (RFC 9110 §7.6.1): nobody may set
/// them from outside.
const FRAMING: [&str; 11] = [
    "connection",
    "content-length",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
];

/// Headers to the application that Russet writes from something else than a claim.
const WRITTEN_BY_US: [&str; 6] = [
    "x-pomerium-jwt-assertion",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "cookie",
];

/// What Pomerium's templates can name and Russet never holds.
const NOT_HELD: [&str; 5] = [
    "pomerium.access_token",
    "pomerium.id_token",
    "pomerium.client_cert_fingerprint",
    "pomerium.client_cert_san_dns",
    "pomerium.client_cert_san_email",
];

/// `set_request_headers` of a route.
pub(super) fn request_headers(
    route: &Section,
    context: &mut Context<'_>,
) -> Option<Vec<(String, HeaderValue)>> {
    const KEY: &Key<Map> = &keys::route_upstream::SET_REQUEST_HEADERS;
    let entries = route.get(KEY).unwrap_or_default();
    let mut fine = true;
    let mut headers: Vec<(String, HeaderValue)> = Vec::new();
    for (name, value) in entries {
        let lower = name.text.to_ascii_lowercase();
        if ["authorization", "cookie", "key", "pass"].iter().any(|word| lower.contains(word)) {
            context.sources.mask(value.place);
        }
        match (header_name(KEY, name, context), header_value(KEY, name, value, context)) {
            (Some(name), Some(())) => headers.push((name, template(value, context))),
            _ => fine = false,
        }
    }
    fine &= unique(KEY, entries, context.problems);
    fine.then_some(headers)
}

/// `remove_request_headers` of a route, lower case.
pub(super) fn removed_headers(route: &Section, context: &mut Context<'_>) -> Option<Vec<String>> {
    const KEY: &Key<Texts> = &keys::route_upstream::REMOVE_REQUEST_HEADERS;
    let names = route.get(KEY).unwrap_or_default().iter();
    let names: Vec<_> = names.map(|name| header_name(KEY, name, context)).collect();
    names.into_iter().collect()
}

/// What `set_response_headers` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ResponseHeaders {
    /// Nothing.
    Unset,
    /// `disable: true`.
    Disabled,
    /// These.
    Set(Vec<(String, String)>),
}

pub(super) fn response_headers(
    section: &Section,
    key: &Key<Map>,
    context: &mut Context<'_>,
) -> Option<ResponseHeaders> {
    let Some(entries) = section.get(key) else {
        return (!section.has(key)).then_some(ResponseHeaders::Unset);
    };
    if let Some((_, value)) =
        entries.iter().find(|(name, _)| name.text.eq_ignore_ascii_case("disable"))
    {
        if value.text != "true" {
            let message = format!("`disable` is not a header: it turns all of `{key}` off");
            context.error(
                codes::HEADER,
                value.place,
                message,
                "write `disable: true`, or remove it",
            );
            return None;
        }
        return Some(ResponseHeaders::Disabled);
    }
    let mut fine = true;
    let mut headers = Vec::new();
    for (name, value) in entries {
        match (header_name(key, name, context), header_value(key, name, value, context)) {
            (Some(name), Some(())) => headers.push((name, value.text.clone())),
            _ => fine = false,
        }
    }
    fine &= unique(key, entries, context.problems);
    fine.then_some(ResponseHeaders::Set(headers))
}

/// Pomerium's defaults. HSTS is left out where no certificate is configured, since then somebody
/// else answers for TLS.
pub(super) fn default_response_headers(has_certificate: bool) -> Vec<(String, String)> {
    let mut headers =
        vec![("x-frame-options", "SAMEORIGIN"), ("x-xss-protection", "1; mode=block")];
    if has_certificate {
        headers.push(("strict-transport-security", "max-age=31536000; includeSubDomains; preload"));
    }
    headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// `jwt_claims_headers`: a map of header to claim, or claims alone.
pub(super) fn claims_headers(
    top: &Section,
    context: &mut Context<'_>,
) -> Option<Vec<(String, String)>> {
    const KEY: &Key<Tree> = &keys::headers::JWT_CLAIMS_HEADERS;
    let Some(node) = top.get(KEY) else { return Some(Vec::new()) };
    let pairs = claim_pairs(node, context)?;
    let mut fine = true;
    let mut headers = Vec::new();
    for (name, claim) in &pairs {
        if claim.text.is_empty() {
            let help = "write `HEADER: CLAIM`, such as `X-Email: email`";
            context.error(
                codes::HEADER,
                name.place,
                format!("`{KEY}`: `{}` has no claim", name.text),
                help,
            );
            fine = false;
        }
        match header_name(KEY, name, context) {
            Some(header) if WRITTEN_BY_US.contains(&header.as_str()) => {
                let message = format!("`{KEY}` cannot write `{}`", name.text);
                let help = "Russet writes it itself; give the claim a header of its own";
                context.error(codes::HEADER, name.place, message, help);
                fine = false;
            }
            Some(header) => headers.push((header, claim.text.clone())),
            None => fine = false,
        }
    }
    fine &= unique(KEY, &pairs, context.problems);
    fine.then_some(headers)
}

fn claim_pairs(node: &Node, context: &mut Context<'_>) -> Option<Vec<(Located, Located)>> {
    let from_claim = |text: &str, node: &Node| {
        let located = |text: String| Located { text, place: node.place };
        (located(format!("x-pomerium-claim-{text}")), located(text.to_owned()))
    };
    match &node.kind {
        Kind::Scalar(scalar) if scalar.text.trim_start().starts_with(['{', '[']) => {
            let inner = yaml::read_embedded(&scalar.text, node.place, context.problems)?;
            claim_pairs(&inner, context)
        }
        Kind::Scalar(scalar) => Some(
            scalar
                .text
                .split([',', ' '])
                .filter(|claim| !claim.is_empty())
                .map(|claim| from_claim(claim, node))
                .collect(),
        ),
        Kind::List(items) => {
            items.iter().map(|item| Some(from_claim(text_of(item, context)?, item))).collect()
        }
        Kind::Map(entries) => entries
            .iter()
            .map(|(name, claim)| {
                let located =
                    |text: &str, node: &Node| Located { text: text.to_owned(), place: node.place };
                let name = located(text_of(name, context)?, name);
                Some((name, located(text_of(claim, context)?, claim)))
            })
            .collect(),
    }
}

fn text_of<'n>(node: &'n Node, context: &mut Context<'_>) -> Option<&'n str> {
    if node.text().is_none() {
        let message = format!("`jwt_claims_headers` holds {} where text is needed", node.what());
        context.error(codes::SHAPE, node.place, message, "");
    }
    node.text()
}

/// A header's name in lower case.
fn header_name(key: &impl Display, name: &Located, context: &mut Context<'_>) -> Option<String> {
    let Ok(parsed) = HeaderName::from_bytes(name.text.as_bytes()) else {
        let message = format!("`{key}`: `{}` cannot name a header", name.text);
        context.error(codes::HEADER, name.place, message, "use letters, digits and `-`");
        return None;
    };
    if FRAMING.contains(&parsed.as_str()) {
        let message =
            format!("`{key}` cannot touch `{}`, which carries the message itself", name.text);
        let help = if parsed == http::header::HOST {
            "write `preserve_host_header: true`, or the host into `to`"
        } else {
            "remove it"
        };
        context.error(codes::HEADER, name.place, message, help);
        return None;
    }
    Some(parsed.as_str().to_owned())
}

fn header_value(
    key: &impl Display,
    name: &Located,
    value: &Located,
    context: &mut Context<'_>,
) -> Option<()> {
    if value.text.trim() == value.text && WireValue::from_str(&value.text).is_ok() {
        return Some(());
    }
    let message = format!("`{key}`: the value of `{}` cannot be sent", name.text);
    let help = "no line breaks, no control characters, no blanks at its ends";
    context.error(codes::HEADER, value.place, message, help);
    None
}

/// Names are one where they differ in case alone.
fn unique(key: &impl Display, entries: &[(Located, Located)], problems: &mut Diagnostics) -> bool {
    let mut fine = true;
    for (index, (name, _)) in entries.iter().enumerate() {
        let first = entries
            .iter()
            .take(index)
            .find(|(other, _)| other.text.eq_ignore_ascii_case(&name.text));
        if let Some((first, _)) = first {
            problems.error(
                codes::DUPLICATE,
                name.place,
                format!("`{key}` has `{}` twice", name.text),
                "keep one of the two",
            );
            problems.note(first.place, "the first one is here");
            fine = false;
        }
    }
    fine
}

fn template(value: &Located, context: &mut Context<'_>) -> HeaderValue {
    let mut parts: Vec<TemplatePart> = Vec::new();
    let mut text = String::new();
    let mut rest = value.text.as_str();
    while let Some((before, after)) = rest.split_once('$') {
        text.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            text.push('$');
            rest = after;
            continue;
        }
        let Some((reference, after)) = reference(after) else {
            // A dollar sign that begins no name is one.
            text.push('$');
            rest = after;
            continue;
        };
        if !text.is_empty() {
            parts.push(TemplatePart::Text(std::mem::take(&mut text)));
        }
        parts.push(part(&reference, value, context));
        rest = after;
    }
    text.push_str(rest);
    if parts.is_empty() {
        return HeaderValue::Text(text);
    }
    if !text.is_empty() {
        parts.push(TemplatePart::Text(text));
    }
    HeaderValue::Template(parts)
}

fn part(reference: &[String], value: &Located, context: &mut Context<'_>) -> TemplatePart {
    let whole = reference.join(".");
    if whole == "pomerium.jwt" {
        return TemplatePart::Assertion;
    }
    if let [one, two, three, name] = reference
        && [one.as_str(), two, three] == ["pomerium", "request", "headers"]
    {
        return TemplatePart::RequestHeader(name.to_ascii_lowercase());
    }
    let (what, help) = if NOT_HELD.contains(&whole.as_str()) {
        ("Russet never holds that", "use `$pomerium.jwt`, which the application can verify")
    } else {
        ("there is nothing of that name", "write `$$` for a dollar sign")
    };
    let message = format!("`${whole}` stays empty: {what}");
    context.warning(codes::TEMPLATE, value.place, message, help);
    TemplatePart::Empty
}

/// `a.b["c"]`, bare or in braces, after a `$`; and what follows it.
fn reference(text: &str) -> Option<(Vec<String>, &str)> {
    match text.strip_prefix('{') {
        None => path(text),
        Some(inner) => {
            let (path, after) = path(inner)?;
            Some((path, after.strip_prefix('}')?))
        }
    }
}

fn path(text: &str) -> Option<(Vec<String>, &str)> {
    let (first, mut rest) = identifier(text)?;
    let mut names = vec![first.to_owned()];
    loop {
        if let Some((name, after)) = rest.strip_prefix('.').and_then(identifier) {
            names.push(name.to_owned());
            rest = after;
        } else if let Some((name, after)) =
            rest.strip_prefix("[\"").and_then(|inner| inner.split_once("\"]"))
        {
            names.push(name.to_owned());
            rest = after;
        } else {
            return Some((names, rest));
        }
    }
}

fn identifier(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_').then_some((name, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::diagnostic::Sources;
    use crate::base::node::Place;
    use crate::base::time::Timestamp;
    use crate::config::files::Files;

    fn lowered(text: &str) -> (HeaderValue, Vec<String>) {
        let (mut problems, mut sources) = (Diagnostics::default(), Sources::default());
        let mut context = Context {
            problems: &mut problems,
            sources: &mut sources,
            files: Files::default(),
            now: Timestamp(0),
        };
        let value = Located { text: text.to_owned(), place: Place::default() };
        let value = template(&value, &mut context);
        (value, problems.sorted().iter().map(|item| item.message.clone()).collect())
    }

    #[test]
    fn templates_are_taken_apart() {
        use TemplatePart::{Assertion, Empty, RequestHeader, Text};
        let text = |text: &str| Text(text.to_owned());
        let cases = [
            ("plain", HeaderValue::Text("plain".into()), 0),
            ("", HeaderValue::Text(String::new()), 0),
            ("5$ and $$x $", HeaderValue::Text("5$ and $x $".into()), 0),
            ("$pomerium.jwt", HeaderValue::Template(vec![Assertion]), 0),
            (
                "Bearer ${pomerium.jwt}.",
                HeaderValue::Template(vec![text("Bearer "), Assertion, text(".")]),
                0,
            ),
            (
                "${pomerium.request.headers[\"X-Tenant\"]}",
                HeaderValue::Template(vec![RequestHeader("x-tenant".into())]),
                0,
            ),
            ("$pomerium.id_token", HeaderValue::Template(vec![Empty]), 1),
            ("pa$word", HeaderValue::Template(vec![text("pa"), Empty]), 1),
            ("${unclosed", HeaderValue::Text("${unclosed".into()), 0),
        ];
        for (written, expected, warnings) in cases {
            let (value, problems) = lowered(written);
            assert_eq!(value, expected, "{written}");
            assert_eq!(problems.len(), warnings, "{written}: {problems:?}");
        }
    }
}
