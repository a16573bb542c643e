//! Case files from YAML.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::fields::{json, listed, map, map_with, text, texts};
use super::{Case, CaseFile, Expect, NOBODY};
use crate::base::diagnostic::{Diagnostics, Sources};
use crate::base::near::nearest;
use crate::base::node::{Node, Place, Plain};
use crate::config::{codes, yaml};
use crate::decision::Outcome;
use crate::identity::ClientCertificate;
use crate::policy::{self, Reason};
use crate::workbench::person::{OWN, Person, PersonProblem, moment};
use crate::workbench::request::{RequestProblem, Supposed};
use crate::workbench::trial::OWN_REASONS;

/// How the digests of a certificate are written.
const DIGEST_HELP: &str = "a fingerprint is 64 lower-case hexadecimal digits, or 32 upper-case pairs with colons; a \
     spki_hash is base64 of 32 bytes";
const FILE_KEYS: &[&str] = &["identities", "requests", "tests", "tables"];
const TEST_KEYS: &[&str] = &["name", "identity", "request", "expect"];
const TABLE_KEYS: &[&str] = &["name", "columns", "rows"];
const REQUEST_KEYS: &[&str] =
    &["method", "url", "source_ip", "time", "headers", "client_certificate"];
const CERTIFICATE_KEYS: &[&str] =
    &["fingerprint", "spki_hash", "san_email", "san_dns", "san_uri", "valid"];
const EXPECT_KEYS: &[&str] = &["allow", "deny", "sign_in", "no_route", "status"];
/// What older files say for `sign_in`.
const OLD_SIGN_IN: &str = "login";
/// Apple's claims, for near names; any other may be given, too.
const CLAIMS: [&str; 5] = ["sub", "email", "email_verified", "is_private_email", "org_id"];

/// Reads a case file. What is wrong is told with its place; the cases that can be read are there.
pub fn read(
    name: &str,
    text: &str,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> CaseFile {
    let source = sources.add(name, text);
    let mut file = CaseFile { name: name.to_owned(), ..CaseFile::default() };
    let Some(root) = yaml::read(text, source, diagnostics) else { return file };
    if root.get("routes").is_some() && root.get("tests").is_none() {
        let message = "this is a configuration, not a file of policy tests";
        let help = format!("russet policy test --config {name} TESTS.yaml");
        diagnostics.error(codes::SHAPE, root.place, message, help);
        return file;
    }
    if root.is_null() {
        tell_no_tests(root.place, diagnostics);
        return file;
    }
    let Some(root) = map(&root, "a file of policy tests", FILE_KEYS, diagnostics) else {
        return file;
    };
    let mut reader = Reader::new(diagnostics);
    for (name, node) in entries(root.get("identities"), "identities", reader.diagnostics) {
        if name == NOBODY {
            let message = format!("`{NOBODY}` is the name for when nobody is signed in");
            reader.diagnostics.error(
                codes::VALUE,
                node.place,
                message,
                "call this person otherwise",
            );
        } else if let Some(person) = reader.person(node) {
            reader.identities.insert(name.to_owned(), person.clone());
            file.identities.push((name.to_owned(), person));
        } else {
            reader.identities.insert(name.to_owned(), unreadable());
        }
    }
    for (name, node) in entries(root.get("requests"), "requests", reader.diagnostics) {
        let request = reader.request(node);
        reader.requests.insert(name.to_owned(), request);
    }
    for node in items(root.get("tests"), "tests", reader.diagnostics) {
        file.cases.extend(reader.test(node));
    }
    for node in items(root.get("tables"), "tables", reader.diagnostics) {
        reader.table(node, &mut file.cases);
    }
    if file.cases.is_empty() && file.identities.is_empty() && !reader.diagnostics.has_errors() {
        tell_no_tests(root.place, reader.diagnostics);
    }
    file.groups = std::mem::take(&mut reader.groups);
    warn_of_same_names(&file.cases, reader.diagnostics);
    file
}

fn tell_no_tests(place: Place, diagnostics: &mut Diagnostics) {
    let help = "tests:\n  - name: strangers are asked to sign in\n    \
                request: https://wiki.example.com/\n    expect: sign_in";
    diagnostics.error(codes::MISSING, place, "this file has no tests", help);
}

/// Reads one person alone, written as under `identity`; JSON is YAML too.
pub fn read_person(
    name: &str,
    text: &str,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Person> {
    let source = sources.add(name, text);
    let root = yaml::read(text, source, diagnostics)?;
    let mut reader = Reader::new(diagnostics);
    let person = reader.person(&root)?;
    (!diagnostics.has_errors()).then(|| Arc::unwrap_or_clone(person))
}

/// Stands for somebody whose mistake is told already.
fn unreadable() -> Arc<Person> {
    Arc::new(Person { claims: serde_json::Map::new(), signed_in_at: None, groups: None })
}

fn entries<'n>(
    node: Option<&'n Node>,
    what: &str,
    diagnostics: &mut Diagnostics,
) -> Vec<(&'n str, &'n Node)> {
    let Some(node) = node.filter(|node| !node.is_null()) else { return Vec::new() };
    let Some(entries) = node.map() else {
        let message = format!("`{what}` is a map of names, not {}", node.what());
        diagnostics.error(codes::SHAPE, node.place, message, format!("{what}:\n  NAME: ..."));
        return Vec::new();
    };
    entries.iter().filter_map(|(key, value)| Some((key.text()?, value))).collect()
}

fn items<'n>(node: Option<&'n Node>, what: &str, diagnostics: &mut Diagnostics) -> &'n [Node] {
    let Some(node) = node.filter(|node| !node.is_null()) else { return &[] };
    node.list().unwrap_or_else(|| {
        let message = format!("`{what}` is a list, not {}", node.what());
        diagnostics.error(codes::SHAPE, node.place, message, format!("{what}:\n  - name: ..."));
        &[]
    })
}

fn warn_of_same_names(cases: &[Case], diagnostics: &mut Diagnostics) {
    let mut first: HashMap<&str, Place> = HashMap::new();
    for case in cases {
        if let Some(place) = first.get(case.name.as_str()) {
            let message = format!("two tests are called `{}`", case.name);
            diagnostics.warning(
                codes::TEST_NAME,
                case.place,
                message,
                "say what makes them different",
            );
            diagnostics.note(*place, "the first one is here");
        } else {
            first.insert(&case.name, case.place);
        }
    }
}

struct Reader<'a> {
    diagnostics: &'a mut Diagnostics,
    identities: BTreeMap<String, Arc<Person>>,
    /// `None` for one whose mistake is told already.
    requests: BTreeMap<String, Option<Arc<Supposed>>>,
    groups: Vec<(String, Place)>,
}

impl<'a> Reader<'a> {
    fn new(diagnostics: &'a mut Diagnostics) -> Self {
        let (identities, requests) = (BTreeMap::new(), BTreeMap::new());
        Self { diagnostics, identities, requests, groups: Vec::new() }
    }

    fn test(&mut self, node: &Node) -> Option<Case> {
        let node = map(node, "a test", TEST_KEYS, self.diagnostics)?;
        let name = self.needed(node, "name", "a test", "name: colleagues read the wiki");
        let name = name.and_then(|name| text(name, "`name`", self.diagnostics)).map(str::to_owned);
        let person = match node.get("identity") {
            None => Some(None),
            Some(identity) => self.who(identity),
        };
        let request = self.needed(node, "request", "a test", "request: https://wiki.example.com/");
        let request = request.and_then(|request| self.asked(request));
        let expect = self.needed(node, "expect", "a test", "expect: allow");
        let expect = expect.and_then(|expect| self.expect(expect));
        let place = node.place;
        Some(Case { name: name?, place, person: person?, request: request?, expect: expect? })
    }

    fn table(&mut self, node: &Node, cases: &mut Vec<Case>) {
        let Some(node) = map(node, "a table", TABLE_KEYS, self.diagnostics) else { return };
        let title = node.get("name").and_then(|name| text(name, "`name`", self.diagnostics));
        let title = title.map_or_else(String::new, |title| format!("{title}: "));
        let columns = self.needed(node, "columns", "a table", "columns: [wiki, admin]");
        let rows = self.needed(node, "rows", "a table", "rows:\n  ann: [allow, deny]");
        let (Some(columns), Some(rows)) = (columns, rows) else { return };
        let columns: Vec<(String, Option<Arc<Supposed>>)> =
            items(Some(columns), "columns", self.diagnostics)
                .iter()
                .map(|column| {
                    let name = column.text().map(str::to_owned);
                    let request = self.asked(column);
                    let name = name.or_else(|| Some(request.as_ref()?.url().to_owned()));
                    (name.unwrap_or_default(), request)
                })
                .collect();
        let Some(rows) = rows.map() else {
            let message = format!("`rows` is a map of people, not {}", rows.what());
            let help = "rows:\n  nobody: [sign_in, sign_in]\n  ann: [allow, deny]";
            self.diagnostics.error(codes::SHAPE, rows.place, message, help);
            return;
        };
        for (who, cells) in rows {
            let person = self.who(who);
            let count = cells.list().map_or(0, <[Node]>::len);
            if count != columns.len() {
                let message =
                    format!("this row has {count} cells and the table {} columns", columns.len());
                let help = "a list with one cell for each column; `_` asks nothing";
                self.diagnostics.error(codes::SHAPE, cells.place, message, help);
                continue;
            }
            for (cell, (column, request)) in cells.list().unwrap_or_default().iter().zip(&columns) {
                if cell.text() == Some(NOT_ASKED) {
                    continue;
                }
                let expect = self.expect(cell);
                let (Some(person), Some(request), Some(expect)) =
                    (&person, request.clone(), expect)
                else {
                    continue;
                };
                let name = format!("{title}{}, {column}", who.text().unwrap_or_default());
                let person = person.clone();
                cases.push(Case { name, place: cell.place, person, request, expect });
            }
        }
    }

    fn needed<'n>(&mut self, node: &'n Node, key: &str, of: &str, help: &str) -> Option<&'n Node> {
        let value = node.get(key).filter(|value| !value.is_null());
        // A slip of this very key is told already.
        let names = node.map().unwrap_or_default().iter().filter_map(|(name, _)| name.text());
        let slip = names.into_iter().any(|name| nearest(name, [key]).is_some());
        if value.is_none() && !slip {
            self.diagnostics.error(codes::MISSING, node.place, format!("{of} needs `{key}`"), help);
        }
        value
    }

    /// Whoever is named or described; `Some(None)` is nobody.
    fn who(&mut self, node: &Node) -> Option<Option<Arc<Person>>> {
        if node.map().is_some() {
            return self.person(node).map(Some);
        }
        if node.is_null() {
            return Some(None);
        }
        let name = text(node, "an identity", self.diagnostics)?;
        if name == NOBODY {
            return Some(None);
        }
        if let Some(person) = self.identities.get(name) {
            return Some(Some(person.clone()));
        }
        let known = self.identities.keys().map(String::as_str).chain([NOBODY]);
        let help = match nearest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("name people under `identities:`, or write them out: {EXAMPLE}"),
        };
        let message = format!("there is no identity `{name}`");
        self.diagnostics.error(codes::UNKNOWN, node.place, message, help);
        None
    }

    fn person(&mut self, node: &Node) -> Option<Arc<Person>> {
        let Some(entries) = node.map() else {
            let message = format!("an identity is a map of claims, not {}", node.what());
            self.diagnostics.error(codes::SHAPE, node.place, message, EXAMPLE);
            return None;
        };
        let mut members = serde_json::Map::new();
        for (key, value) in entries {
            let name = key.text().unwrap_or_default();
            let known = CLAIMS.iter().chain(&OWN).copied();
            if let Some(near) = nearest(name, known).filter(|near| *near != name) {
                let message = format!("`{name}` is taken as a claim of that name");
                let help = format!("did you mean `{near}`?");
                self.diagnostics.warning(codes::UNKNOWN, key.place, message, help);
            }
            // What is text to Apple is text however it is spelt here.
            let spelt = ["sub", "email", "org_id", "signed_in_at"].contains(&name);
            let given = match value.text().filter(|_| spelt && !value.is_null()) {
                Some(text) => Value::String(text.to_owned()),
                None => json(value),
            };
            members.insert(name.to_owned(), given);
        }
        for group in node.get("groups").and_then(Node::list).unwrap_or_default() {
            self.groups.extend(group.text().map(|name| (name.to_owned(), group.place)));
        }
        match Person::from_members(members) {
            Ok(person) => Some(Arc::new(person)),
            Err(problem) => {
                let key = match problem {
                    PersonProblem::NoSubject => "sub",
                    PersonProblem::Kind(name, _) => name,
                    PersonProblem::SignedInAt => "signed_in_at",
                };
                let place = node.get(key).map_or(node.place, |value| value.place);
                self.diagnostics.error(codes::VALUE, place, problem.to_string(), EXAMPLE);
                None
            }
        }
    }

    /// A request that is named, an address, or a request written out.
    fn asked(&mut self, node: &Node) -> Option<Arc<Supposed>> {
        if let Some(request) = node.text().and_then(|name| self.requests.get(name)) {
            return request.clone();
        }
        self.request(node)
    }

    fn request(&mut self, node: &Node) -> Option<Arc<Supposed>> {
        if node.map().is_none() {
            let address = text(node, "a request", self.diagnostics)?;
            return self.get(address, node.place).map(Arc::new);
        }
        let node = map(node, "a request", REQUEST_KEYS, self.diagnostics)?;
        let url = self.needed(node, "url", "a request", "url: https://wiki.example.com/")?;
        let address = text(url, "`url`", self.diagnostics)?;
        let mut request = self.get(address, url.place)?;
        let errors = self.diagnostics.errors();
        if let Some(method) = node.get("method")
            && let Some(name) = text(method, "`method`", self.diagnostics)
            && let Err(problem) = request.set_method(name)
        {
            self.diagnostics.error(codes::VALUE, method.place, problem.to_string(), "method: GET");
        }
        if let Some(node) = node.get("source_ip") {
            match node.text().and_then(|text| text.parse().ok()) {
                Some(address) => request.source_ip = address,
                None => {
                    let message = "`source_ip` must be an address such as 192.0.2.1";
                    self.diagnostics.error(codes::VALUE, node.place, message, "");
                }
            }
        }
        if let Some(node) = node.get("time") {
            request.time = node.text().and_then(moment);
            if request.time.is_none() {
                let message = "`time` must be a moment with a zone";
                self.diagnostics.error(
                    codes::VALUE,
                    node.place,
                    message,
                    "time: 2026-01-05T10:00:00Z",
                );
            }
        }
        if let Some(headers) = node.get("headers") {
            self.headers(headers, &mut request);
        }
        request.client_certificate =
            node.get("client_certificate").and_then(|node| self.certificate(node));
        (self.diagnostics.errors() == errors).then(|| Arc::new(request))
    }

    fn get(&mut self, address: &str, place: Place) -> Option<Supposed> {
        let get = Supposed::get(address);
        get.map_err(|problem| {
            let names: Vec<&str> = self.requests.keys().map(String::as_str).collect();
            let near = nearest(address, names);
            let help = match (&problem, near) {
                (RequestProblem::Url(_), Some(near)) => format!("did you mean `{near}`?"),
                _ => "write it like https://wiki.example.com/page".to_owned(),
            };
            self.diagnostics.error(codes::VALUE, place, problem.to_string(), help);
        })
        .ok()
    }

    fn headers(&mut self, node: &Node, request: &mut Supposed) {
        let Some(entries) = node.map() else {
            let message = format!("`headers` is a map, not {}", node.what());
            self.diagnostics.error(
                codes::SHAPE,
                node.place,
                message,
                "headers: {Accept: text/html}",
            );
            return;
        };
        for (key, values) in entries {
            let name = key.text().unwrap_or_default();
            for (value, place) in texts(values, "the value of a header", self.diagnostics) {
                if let Err(problem) = request.add_header(name, &value) {
                    self.diagnostics.error(codes::VALUE, place, problem.to_string(), "");
                }
            }
        }
    }

    fn certificate(&mut self, node: &Node) -> Option<ClientCertificate> {
        let node = map(node, "a client certificate", CERTIFICATE_KEYS, self.diagnostics)?;
        let mut one = |key: &str| {
            let value = node.get(key).and_then(|value| text(value, key, self.diagnostics));
            value.unwrap_or_default().to_owned()
        };
        let (fingerprint, spki_hash) = (one("fingerprint"), one("spki_hash"));
        let mut several = |key: &str| {
            let values = node.get(key).map(|values| texts(values, key, self.diagnostics));
            values.unwrap_or_default().into_iter().map(|(value, _)| value).collect()
        };
        let (san_email, san_dns) = (several("san_email"), several("san_dns"));
        let san_uri = several("san_uri");
        let valid = node.get("valid").map(|value| (value, value.scalar().map(|it| it.plain())));
        let valid = match valid {
            None => true,
            Some((_, Some(Plain::Bool(valid)))) => valid,
            Some((value, _)) => {
                self.diagnostics.error(
                    codes::VALUE,
                    value.place,
                    "`valid` must be true or false",
                    "",
                );
                return None;
            }
        };
        let fingerprint = fingerprint.to_ascii_lowercase().replace(':', "");
        for (key, good) in [
            ("fingerprint", policy::fingerprint(&fingerprint).is_some()),
            ("spki_hash", policy::spki_hash(&spki_hash).is_some()),
        ] {
            if let Some(value) = node.get(key).filter(|_| !good) {
                let message = format!("this is not a {key}, so no policy on one matches it");
                self.diagnostics.warning(codes::VALUE, value.place, message, DIGEST_HELP);
            }
        }
        Some(ClientCertificate { fingerprint, spki_hash, san_email, san_dns, san_uri, valid })
    }

    fn expect(&mut self, node: &Node) -> Option<Expect> {
        if node.map().is_none() {
            let name = text(node, "`expect`", self.diagnostics)?;
            let outcome = Outcome::parse(name);
            if outcome.is_none() {
                let help = match nearest(name, Outcome::ALL.map(Outcome::word)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "expect: {deny: [domain-unauthorized], status: 403}".to_owned(),
                };
                let words = listed(&Outcome::ALL.map(Outcome::word));
                let message = format!("`{name}` is not an outcome; those are {words}");
                self.diagnostics.error(codes::VALUE, node.place, message, help);
            }
            return outcome.map(|outcome| Expect { outcome: Some(outcome), ..Expect::default() });
        }
        let keys = [EXPECT_KEYS, &[OLD_SIGN_IN]].concat();
        let node = map_with(node, "`expect`", &keys, EXPECT_KEYS, self.diagnostics)?;
        let errors = self.diagnostics.errors();
        let mut expect = Expect::default();
        for (key, reasons) in node.map().unwrap_or_default() {
            let Some(outcome) = key.text().and_then(Outcome::parse) else { continue };
            if let Some(other) = expect.outcome.replace(outcome) {
                let message =
                    format!("`{}` and `{}` exclude each other", other.word(), outcome.word());
                self.diagnostics.error(codes::CONFLICT, node.place, message, "keep one of the two");
            }
            if !reasons.is_null() {
                expect.reasons = self.reasons(reasons);
            }
        }
        if let Some(status) = node.get("status") {
            let number = status.text().and_then(|text| text.parse().ok());
            expect.status = number.filter(|number| (100..600).contains(number));
            if expect.status.is_none() {
                let message = "`status` must be the number of an HTTP status";
                self.diagnostics.error(
                    codes::VALUE,
                    status.place,
                    message,
                    "expect: {status: 403}",
                );
            }
        }
        if node.map().is_some_and(<[_]>::is_empty) {
            let help = format!("its keys are {}", listed(EXPECT_KEYS));
            self.diagnostics.error(codes::MISSING, node.place, "`expect` expects nothing", help);
        }
        (self.diagnostics.errors() == errors).then_some(expect)
    }

    fn reasons(&mut self, node: &Node) -> Vec<String> {
        let known = || Reason::ALL.iter().map(|reason| reason.word()).chain(OWN_REASONS);
        let given = texts(node, "a reason", self.diagnostics);
        for (name, place) in &given {
            if !known().any(|reason| reason == name) {
                let help = match nearest(name, known()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "`russet policy explain` shows the reasons of a request".to_owned(),
                };
                let message = format!("there is no reason `{name}`");
                self.diagnostics.error(codes::UNKNOWN, *place, message, help);
            }
        }
        given.into_iter().map(|(name, _)| name).collect()
    }
}

/// A cell of a table that expects nothing.
const NOT_ASKED: &str = "_";

/// What a person looks like, for help.
const EXAMPLE: &str = "identity: { sub: \"001\", email: ann@corp.example, email_verified: true }";
