//! A first case file, written from a configuration: for each route somebody unknown, somebody who
//! passes where one can be found, and somebody who does not. Every case is tried before it is
//! written, so what is written passes.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::person::Person;
use super::request::Supposed;
use super::trial::Trial;
use crate::base::time::Timestamp;
use crate::decision::{Outcome, PathRule, RouteRule, Rules};
use crate::policy::{OperatorEvidence, Reads};

/// Somebody nobody has heard of.
const STRANGER: &str = "001999.00000000000000000000000000000000.0000";

/// Writes the file.
pub fn write(rules: &Rules, now: Timestamp) -> String {
    let mut out = String::from(
        "# What is expected of the policies. Run it with: russet policy test THIS_FILE\n\
         # These cases say what the policies do now; change them to what they should do.\n\n\
         identities:\n  stranger: { sub: \"",
    );
    let _ = writeln!(
        out,
        "{STRANGER}\", email: stranger@elsewhere.example, email_verified: true }}\n\ntests:"
    );
    for route in rules.routes() {
        cases(&mut out, rules, route, now);
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn cases(out: &mut String, rules: &Rules, route: &RouteRule, now: Timestamp) {
    let name = &route.id;
    let Some(url) = address(rules, route, now) else {
        let _ = writeln!(out, "  # {name}: no address was found that leads to this route\n");
        return;
    };
    let _ = writeln!(out, "  # {name}");
    let stranger = person(json!({"sub": STRANGER, "email": "stranger@elsewhere.example",
        "email_verified": true}));
    let mut case = |name: String, who: &str, request: &Supposed, person: Option<&Person>| {
        let trial = Trial::run(rules, request, person, now);
        let name = if name.contains(": ") { quoted(&name) } else { name };
        let _ = writeln!(out, "  - name: {name}");
        if !who.is_empty() {
            let _ = writeln!(out, "    identity: {who}");
        }
        let _ = writeln!(out, "    request: {}", written(request));
        let _ = writeln!(out, "    expect: {}\n", expected(&trial));
    };
    let Ok(mut plain) = Supposed::get(&url) else { return };
    if route.policy.reads(Reads::Time) {
        // What holds on a Monday is not to fail on a Tuesday.
        plain.time = Some(now);
    }
    case(format!("{name}, nobody is signed in"), "", &plain, None);
    if let Some((request, passing)) = passing(rules, &plain, now) {
        let who = described(&passing);
        case(format!("{name}, somebody who passes"), &who, &request, Some(&passing));
    }
    let outcome = Trial::run(rules, &plain, stranger.as_ref(), now).outcome();
    let name = match outcome {
        Outcome::Allow => format!("{name}, anybody who is signed in"),
        Outcome::Deny | Outcome::SignIn | Outcome::NoRoute => format!("{name}, a stranger"),
    };
    case(name, "stranger", &plain, stranger.as_ref());
}

fn expected(trial: &Trial) -> String {
    match trial.outcome() {
        Outcome::Deny => format!("{{ deny: [{}] }}", trial.reasons().join(", ")),
        outcome => outcome.word().to_owned(),
    }
}

fn written(request: &Supposed) -> String {
    let url = quoted(request.url());
    let mut parts = Vec::new();
    if request.method() != "GET" {
        parts.push(format!("method: {}", request.method()));
    }
    if request.source_ip != super::request::SOURCE_IP {
        parts.push(format!("source_ip: \"{}\"", request.source_ip));
    }
    if let Some(time) = request.time {
        parts.push(format!("time: {time}"));
    }
    match parts.is_empty() {
        true => url,
        false => format!("{{ {}, url: {url} }}", parts.join(", ")),
    }
}

/// A person as the value of `identity`.
fn described(person: &Person) -> String {
    let subject = [("sub".to_owned(), Value::from(person.subject()))];
    let others = person.claims.clone().into_iter().filter(|(name, _)| name != "sub");
    let groups = person.groups.iter().map(|groups| ("groups".to_owned(), json!(groups)));
    let members = subject.into_iter().chain(others).chain(groups);
    let members: Vec<String> =
        members.map(|(name, value)| format!("{}: {value}", quoted(&name))).collect();
    format!("{{ {} }}", members.join(", "))
}

/// Text as YAML, in quotes where it needs them.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:*@ ".contains(c);
    let simple = text.chars().all(plain)
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.contains(": ")
        && !text.ends_with([':', ' ']);
    if simple { text.to_owned() } else { Value::from(text).to_string() }
}

fn person(claims: Value) -> Option<Person> {
    let Value::Object(members) = claims else { return None };
    Person::from_members(members).ok()
}

/// An address that leads to the route.
fn address(rules: &Rules, route: &RouteRule, now: Timestamp) -> Option<String> {
    let host = route.from.host.replace('*', "any");
    let authority = match route.from.port {
        Some(port) => format!("{host}:{port}"),
        None => host,
    };
    let path = match &route.path {
        PathRule::Any | PathRule::Regex(_) => "/",
        PathRule::Prefix(prefix) => prefix,
        PathRule::Exact(path) => path,
    };
    let url = format!("https://{authority}{path}");
    let request = Supposed::get(&url).ok()?;
    let trial = Trial::run(rules, &request, None, now);
    (trial.route(rules) == Some(&*route.id)).then_some(url)
}

/// A request and somebody who passes with it, from what the policy's own criteria ask for.
fn passing(rules: &Rules, plain: &Supposed, now: Timestamp) -> Option<(Supposed, Person)> {
    let seen = Trial::run(rules, plain, None, now);
    let explanation = seen.explanation()?;
    for operator in explanation.allow_rules.iter().flat_map(|rule| &rule.operators) {
        // All of them together, then each alone.
        let alone = (0..operator.criteria.len()).map(|index| index..index + 1);
        for range in std::iter::once(0..operator.criteria.len()).chain(alone) {
            let Some((request, person)) = suggested(plain, operator, range) else { continue };
            let met = Trial::run(rules, &request, Some(&person), now);
            if met.outcome() == Outcome::Allow {
                return Some((request, person));
            }
        }
    }
    None
}

fn suggested(
    plain: &Supposed,
    operator: &OperatorEvidence,
    range: std::ops::Range<usize>,
) -> Option<(Supposed, Person)> {
    let mut request = plain.clone();
    let mut claims = Map::new();
    claims.insert("sub".to_owned(), json!("001001.00000000000000000000000000000000.0001"));
    let mut useful = false;
    for criterion in operator.criteria.get(range)? {
        let network =
            criterion.wanted.strip_prefix("one of ").filter(|_| criterion.criterion == "source_ip");
        let network = network.and_then(|list| list.split([',', '/']).next()).map(str::to_owned);
        let Some(value) = network.or_else(|| first_quoted(&criterion.wanted)) else { continue };
        let (key, name) = criterion.criterion.split_once('/').unwrap_or((&criterion.criterion, ""));
        useful = true;
        let mut address = |address: String| {
            claims.insert("email".to_owned(), Value::from(address));
            claims.insert("email_verified".to_owned(), json!(true));
        };
        match (key, criterion.rule.as_str()) {
            ("domain", _) | (_, "allowed_domains") => address(format!("somebody@{value}")),
            ("email", _) => address(value),
            ("user", _) | (_, "allowed_users") if value.contains('@') => address(value),
            ("user", _) | (_, "allowed_users") => {
                claims.insert("sub".to_owned(), Value::from(value));
            }
            ("claim", _) => {
                claims.insert(name.to_owned(), Value::from(value));
            }
            ("groups", _) => {
                claims.insert("groups".to_owned(), json!([value]));
            }
            ("http_method", _) => request.set_method(&value).ok()?,
            ("source_ip", _) => request.source_ip = value.parse().ok()?,
            _ => {}
        }
    }
    if !useful {
        return None;
    }
    Some((request, Person::from_members(claims).ok()?))
}

/// The first text in quotes: what a criterion asks for, in its own words.
fn first_quoted(wanted: &str) -> Option<String> {
    let (_, rest) = wanted.split_once('"')?;
    let (value, _) = rest.split_once('"')?;
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::diagnostic::{Diagnostics, Sources};
    use crate::config;
    use crate::workbench::{cases, run};

    const NOW: Timestamp = Timestamp(1_800_000_000);

    #[test]
    fn what_is_written_passes_and_finds_somebody_who_passes() {
        let text = std::fs::read_to_string("config.example.yaml").unwrap();
        let loaded = config::load_rules_text("config.example.yaml", &text, &|_| None, NOW);
        let rules = loaded.rules.unwrap();
        let written = write(&rules, NOW);
        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
        let file = cases::read("first.yaml", &written, &mut sources, &mut diagnostics);
        let said: String = diagnostics.sorted().iter().map(|item| item.render(&sources)).collect();
        assert!(diagnostics.is_empty(), "{said}{written}");
        let results = run::run(&rules, &[file], "", NOW);
        assert_eq!(results.failed(), 0, "{written}");
        let passing = results.ran.iter().filter(|ran| ran.case.name.ends_with("who passes"));
        assert_eq!(passing.count(), 3, "{written}");
    }
}
