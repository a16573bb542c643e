//! Runs the text cases in `tests/cases/policy` and the tests that are named after threats and wire
//! findings.
//!
//! A case: a title (`== ...`), `policy`, `shortcuts`, `groups`, `named` and `sub` in JSON, the messages that compiling it must
//! give (`error:`, `warning:`, `help:`; all of them, each a part of the text), then questions:
//! `METHOD PATH WHO [from IP] [preflight] [with CERTIFICATE] [at TIME]
//! [signed_in TIME] => OUTCOME | ALLOW reasons | DENY
//! reasons`; the outcome is `allow`, `sign_in`, `deny`, or `deny 495`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;
use crate::base::diagnostic::{Severity, Sources};
use crate::base::node::{Kind, Place, Scalar};
use crate::base::time::Timestamp;
use crate::identity::{Claims, ClientCertificate, Identity};

/// Writes `value` down and gives the node that reading it back would give.
pub(super) fn node(value: &Value, text: &mut String) -> Node {
    let start = text.len();
    let scalar = |content: &str, quoted| Kind::Scalar(Scalar { text: content.into(), quoted });
    let kind = match value {
        Value::Null => {
            text.push('~');
            scalar("~", false)
        }
        Value::Bool(_) | Value::Number(_) => {
            text.push_str(&value.to_string());
            scalar(&value.to_string(), false)
        }
        Value::String(content) => {
            text.push_str(&value.to_string());
            scalar(content, true)
        }
        Value::Array(items) => {
            text.push('[');
            let nodes: Vec<Node> = items.iter().map(|item| followed(item, ", ", text)).collect();
            text.push(']');
            Kind::List(nodes.into())
        }
        Value::Object(members) => {
            text.push('{');
            let nodes: Vec<(Node, Node)> = members
                .iter()
                .map(|(key, item)| (followed(&json!(key), ": ", text), followed(item, ", ", text)))
                .collect();
            text.push('}');
            Kind::Map(nodes.into())
        }
    };
    let place = |at: usize| u32::try_from(at).unwrap();
    Node { place: Place { source: 0, start: place(start), end: place(text.len()) }, kind }
}

fn followed(value: &Value, separator: &str, text: &mut String) -> Node {
    let node = node(value, text);
    text.push_str(separator);
    node
}

/// Compiles what JSON says; the messages come rendered.
fn compiled(shortcuts: &Shortcuts, policy: Option<&Value>) -> (Policy, Vec<(Severity, String)>) {
    let (shortcuts, policy) = (shortcuts.clone(), policy.cloned());
    compiled_case(&Case { shortcuts, policy, ..Case::default() })
}

fn compiled_case(case: &Case) -> (Policy, Vec<(Severity, String)>) {
    let mut text = String::new();
    let mut read = |value: &Option<Value>| value.as_ref().map(|value| node(value, &mut text));
    let [ppl, named, sub] = [&case.policy, &case.named, &case.sub].map(&mut read);
    let mut told = Diagnostics::default();
    let groups = case.groups.as_ref().map_or(GroupsFile::Unset, |groups| {
        let mut builder = GroupsBuilder::default();
        for (group, members) in groups.as_object().unwrap() {
            for member in members.as_array().unwrap() {
                let at = Place::default();
                builder.member((group, at), (member.as_str().unwrap(), at), &mut told);
            }
        }
        GroupsFile::Read(Arc::new(builder.finish(&mut told)))
    });
    let mut sources = Sources::default();
    sources.add("policy", text);
    let mut definitions = Definitions::new(groups, named.as_ref(), &mut told);
    let written = case.sub.iter().filter_map(Value::as_array).flatten();
    let nodes = sub.as_ref().and_then(Node::list).unwrap_or_default();
    let sub_policies: Vec<SubPolicy<'_>> = written
        .zip(nodes)
        .map(|(value, node)| SubPolicy {
            place: node.place,
            shortcuts: shortcuts(value),
            ppl: node.get("policy"),
        })
        .collect();
    let parts = Parts {
        shortcuts: &case.shortcuts,
        sub_policies: &sub_policies,
        ppl: ppl.as_ref(),
        ..Parts::default()
    };
    let policy = Policy::assemble(&parts, &mut definitions, &mut told);
    definitions.doubt_unused(&mut told);
    let messages = told.sorted().into_iter().map(|d| (d.severity, d.render(&sources))).collect();
    (policy, messages)
}

pub(super) fn policy(policy: &Value) -> Policy {
    let groups = reference_evaluator::groups_file();
    let case = Case { policy: Some(policy.clone()), groups: Some(groups), ..Case::default() };
    let (policy, messages) = compiled_case(&case);
    assert!(messages.iter().all(|(severity, _)| *severity != Severity::Error), "{messages:#?}");
    policy
}

/// When everything in these tests happens.
pub(super) const NOW: Timestamp = Timestamp(1_770_000_000);

pub(super) fn moment(text: &str) -> Timestamp {
    let at: jiff::Timestamp = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    Timestamp(at.as_second())
}

pub(super) fn person(claims: &Value) -> Identity {
    let claims = Claims::new(claims.as_object().unwrap().clone());
    let subject = claims.text("sub").unwrap().to_owned();
    Identity::new(&subject, claims, NOW)
}

pub(super) fn question<'a>(
    method: &'a str,
    path: &'a str,
    identity: Option<&'a Identity>,
) -> Question<'a> {
    let source_ip = IpAddr::from([192, 0, 2, 1]);
    Question {
        method,
        path,
        source_ip,
        cors_preflight: false,
        now: NOW,
        client_certificate: None,
        identity,
        supposed: None,
    }
}

#[derive(Default)]
struct Case {
    title: String,
    policy: Option<Value>,
    shortcuts: Shortcuts,
    groups: Option<Value>,
    named: Option<Value>,
    sub: Option<Value>,
    messages: Vec<(Severity, String)>,
    helps: Vec<String>,
    questions: Vec<String>,
}

/// Who and what the cases name.
#[derive(Default)]
struct Cast {
    people: HashMap<String, (Identity, Option<Supposed>)>,
    certificates: HashMap<String, ClientCertificate>,
}

#[test]
fn text_cases() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases/policy");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let texts: Vec<(PathBuf, String)> =
        files.into_iter().map(|f| (f.clone(), std::fs::read_to_string(f).unwrap())).collect();
    let lines = || texts.iter().flat_map(|(_, text)| text.lines());
    let cast = Cast {
        people: lines().filter_map(read_person).collect(),
        certificates: lines().filter_map(read_certificate).collect(),
    };
    let mut failures = Vec::new();
    let mut cases = 0;
    for (file, text) in &texts {
        let name = file.file_name().unwrap().to_string_lossy();
        for case in read_cases(text) {
            cases += 1;
            failures.extend(run(&case, &cast).into_iter().map(|f| format!("{name}: {f}")));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(cases >= 150, "only {cases} cases were found");
}

/// `person NAME {claims} [omits a,b] [supposed a,b]`
fn read_person(line: &str) -> Option<(String, (Identity, Option<Supposed>))> {
    let (name, rest) = line.strip_prefix("person ")?.split_once(' ').unwrap();
    let (rest, supposed) = match rest.split_once(" supposed ") {
        Some((rest, groups)) => (rest, Some(Supposed::in_groups(groups.split(',').map(Box::from)))),
        None => (rest, None),
    };
    let (claims, omitted) = rest.rsplit_once(" omits ").unwrap_or((rest, ""));
    let mut identity = person(&serde_json::from_str(claims.trim()).unwrap());
    identity.omitted = omitted.split(',').filter(|o| !o.is_empty()).map(Box::from).collect();
    Some((name.to_owned(), (identity, supposed)))
}

/// `certificate NAME {fields}`
fn read_certificate(line: &str) -> Option<(String, ClientCertificate)> {
    let (name, rest) = line.strip_prefix("certificate ")?.split_once(' ').unwrap();
    let fields: Value = serde_json::from_str(rest.trim()).unwrap();
    Some((name.to_owned(), certificate(&fields)))
}

pub(super) fn certificate(fields: &Value) -> ClientCertificate {
    let text = |key: &str| fields[key].as_str().unwrap_or_default().to_owned();
    let texts = |key: &str| -> Vec<String> {
        let list = fields[key].as_array().cloned().unwrap_or_default();
        list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    ClientCertificate {
        fingerprint: text("fingerprint"),
        spki_hash: text("spki_hash"),
        san_email: texts("san_email"),
        san_dns: texts("san_dns"),
        san_uri: texts("san_uri"),
        valid: fields["valid"] == json!(true),
    }
}

fn read_cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(title) = line.strip_prefix("== ") {
            cases.push(Case { title: title.to_owned(), ..Case::default() });
            continue;
        }
        let passes = ["#", "person ", "certificate "].iter().any(|word| line.starts_with(word))
            || line.is_empty();
        if passes {
            continue;
        }
        let case = cases.last_mut().unwrap_or_else(|| panic!("outside a case: {line}"));
        let json = |text: &str| -> Value {
            serde_json::from_str(text).unwrap_or_else(|e| panic!("{}: {e}", case.title))
        };
        if let Some(rest) = line.strip_prefix("policy ") {
            case.policy = Some(json(rest));
        } else if let Some(rest) = line.strip_prefix("shortcuts ") {
            case.shortcuts = shortcuts(&json(rest));
        } else if let Some(rest) = line.strip_prefix("groups ") {
            case.groups = Some(json(rest));
        } else if let Some(rest) = line.strip_prefix("named ") {
            case.named = Some(json(rest));
        } else if let Some(rest) = line.strip_prefix("sub ") {
            case.sub = Some(json(rest));
        } else if let Some(rest) = line.strip_prefix("error: ") {
            case.messages.push((Severity::Error, rest.to_owned()));
        } else if let Some(rest) = line.strip_prefix("warning: ") {
            case.messages.push((Severity::Warning, rest.to_owned()));
        } else if let Some(rest) = line.strip_prefix("help: ") {
            case.helps.push(rest.to_owned());
        } else {
            case.questions.push(line.to_owned());
        }
    }
    cases
}

fn shortcuts(value: &Value) -> Shortcuts {
    let texts = |key: &str| -> Vec<String> {
        let list = value[key].as_array().cloned().unwrap_or_default();
        list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let claims = value["idp_claims"].as_array().cloned().unwrap_or_default();
    Shortcuts {
        public: value["public"] == json!(true),
        any_authenticated: value["any_authenticated"] == json!(true),
        users: texts("users"),
        domains: texts("domains"),
        idp_claims: claims
            .iter()
            .map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].as_array().unwrap().clone()))
            .collect(),
        cors_preflight: value["cors_preflight"] == json!(true),
    }
}

fn run(case: &Case, cast: &Cast) -> Vec<String> {
    let mut failures = Vec::new();
    let (policy, told) = compiled_case(case);
    let mut left = told.clone();
    for (severity, part) in &case.messages {
        match left.iter().position(|(s, text)| s == severity && text.contains(part)) {
            Some(at) => drop(left.remove(at)),
            None => failures.push(format!("{}: no {} \"{part}\"", case.title, severity.word())),
        }
    }
    for help in &case.helps {
        if !told.iter().any(|(_, text)| text.contains(help)) {
            failures.push(format!("{}: no help \"{help}\"", case.title));
        }
    }
    for (_, text) in &left {
        failures.push(format!("{}: unexpected\n{text}", case.title));
    }
    if !failures.is_empty() && !told.is_empty() {
        failures.push(told.into_iter().map(|(_, text)| text).collect());
    }
    for line in &case.questions {
        let (asked, expected) = line.split_once(" => ").expect(line);
        let got = ask(&policy, asked, cast);
        if got != expected {
            failures
                .push(format!("{}: {asked}\n  expected {expected}\n  got      {got}", case.title));
        }
    }
    failures
}

fn ask(policy: &Policy, asked: &str, cast: &Cast) -> String {
    let mut words = asked.split(' ');
    let (method, path, who) =
        (words.next().unwrap(), words.next().unwrap(), words.next().expect(asked));
    let known = (who != "nobody").then(|| cast.people.get(who).expect(asked).clone());
    let (mut identity, supposed) = known.unzip();
    let mut question = question(method, path, None);
    while let Some(word) = words.next() {
        match word {
            "from" => question.source_ip = words.next().unwrap().parse().unwrap(),
            "preflight" => question.cors_preflight = true,
            "signed_in" => {
                let at = moment(words.next().unwrap());
                identity.iter_mut().for_each(|who| who.signed_in_at = at);
            }
            "at" => question.now = moment(words.next().unwrap()),
            "with" => {
                let certificate = cast.certificates.get(words.next().unwrap()).expect(asked);
                question.client_certificate = Some(certificate);
            }
            _ => panic!("{asked}"),
        }
    }
    question.identity = identity.as_ref();
    let supposed = supposed.flatten();
    question.supposed = supposed.as_ref();
    let verdict = policy.evaluate(&question);
    let explained = policy.explain(&question);
    assert_eq!(explained.outcome, verdict.outcome(), "explain and evaluate differ: {asked}");
    assert_eq!(explained.reasons, verdict.reasons(), "explain and evaluate differ: {asked}");
    let has_rules = !explained.allow_rules.is_empty() || !explained.deny_rules.is_empty();
    let empty = explained.reasons.is_empty();
    assert!(
        empty || explained.deciding_criteria().next().is_some() || !has_rules,
        "no deciding criterion: {asked}"
    );
    let outcome = match verdict.outcome() {
        Outcome::Allow => "allow",
        Outcome::SignIn => "sign_in",
        Outcome::Deny if verdict.status(true) == 495 => "deny 495",
        Outcome::Deny => "deny",
    };
    let side = |answer: Answer, reasons: ReasonSet| {
        format!("{} {reasons}", answer.word()).trim().to_owned()
    };
    let allow = side(verdict.allow, verdict.allow_reasons);
    format!("{outcome} | {allow} | {}", side(verdict.deny, verdict.deny_reasons))
}

fn colleague() -> Identity {
    person(&json!({"sub": "001", "email": "ann@corp.example", "email_verified": true}))
}

fn outcome(rules: &Value, who: Option<&Identity>) -> Outcome {
    policy(rules).evaluate(&question("GET", "/", who)).outcome()
}

#[test]
fn w1_a_negative_matcher_never_admits_somebody_without_a_session() {
    for criterion in [
        json!({"email": {"not_in": ["bad@example.com"]}}),
        json!({"email": {"not": "bad@example.com"}}),
        json!({"domain": {"not": "example.com"}}),
        json!({"user": {"not": "002"}}),
        json!({"user": {"not_in": []}}),
        json!({"claim/groups": {"exclude": "banned"}}),
    ] {
        for operator in ["and", "or", "not", "nor"] {
            let rules = json!({"allow": {operator: [criterion]}});
            assert_eq!(outcome(&rules, None), Outcome::SignIn, "{rules}");
        }
    }
}

#[test]
fn w2_and_beside_not_keeps_its_meaning_and_is_warned_about() {
    let rules = json!({"allow": {
        "and": [{"domain": "nowhere.example"}],
        "not": [{"email": {"is": "someoneelse@corp.example"}}],
    }});
    let (policy, told) = compiled(&Shortcuts::default(), Some(&rules));
    let ann = colleague();
    let verdict = policy.evaluate(&question("GET", "/", Some(&ann)));
    assert_eq!(verdict.outcome(), Outcome::Allow);
    let [(Severity::Warning, text)] = told.as_slice() else { panic!("{told:?}") };
    assert!(text.contains("joined by OR"), "{text}");
}

#[test]
fn w15_claim_names_keep_their_case() {
    let who = person(&json!({"sub": "001", "is_private_email": true, "Department": "x"}));
    let is =
        |name: &str, value: Value| json!({"allow": {"or": [{format!("claim/{name}"): value}]}});
    assert_eq!(outcome(&is("Is_Private_Email", json!(true)), Some(&who)), Outcome::Deny);
    assert_eq!(outcome(&is("is_private_email", json!(true)), Some(&who)), Outcome::Allow);
    assert_eq!(outcome(&is("Department", json!("x")), Some(&who)), Outcome::Allow);
    assert_eq!(outcome(&is("department", json!("x")), Some(&who)), Outcome::Deny);
    let (_, told) = compiled(&Shortcuts::default(), Some(&is("Is_Private_Email", json!(true))));
    assert!(told[0].1.contains("did you mean `claim/is_private_email`?"), "{}", told[0].1);
}

#[test]
fn t36_an_address_admits_only_if_it_is_verified_and_has_one_domain() {
    let rules = json!({"allow": {"or": [
        {"domain": "corp.example"},
        {"email": {"ends_with": "@corp.example"}},
        {"email": {"not": "zoe@other.example"}},
        {"domain": {"not": "other.example"}},
    ]}});
    let verified =
        |address: &str| person(&json!({"sub": "001", "email": address, "email_verified": true}));
    assert_eq!(outcome(&rules, Some(&verified("Ann@CORP.example"))), Outcome::Allow);
    for odd in [
        "a@evil.example@corp.example",
        "a@corp.example@evil.example",
        "\"a@evil.example\"@corp.example",
        "a@corp.example (comment)",
        "corp.example",
        "@corp.example",
        "a@",
        " @corp.example",
    ] {
        assert_eq!(outcome(&rules, Some(&verified(odd))), Outcome::Deny, "{odd}");
    }
    // A look-alike in another script is another domain.
    let alike = json!({"allow": {"or": [{"domain": "corp.example"}]}});
    assert_eq!(outcome(&alike, Some(&verified("a@c\u{43e}rp.example"))), Outcome::Deny);
    for not_verified in [json!(false), json!("false"), json!(1), json!("yes"), Value::Null] {
        let claims =
            json!({"sub": "001", "email": "a@corp.example", "email_verified": not_verified});
        assert_eq!(outcome(&rules, Some(&person(&claims))), Outcome::Deny, "{claims}");
    }
}

#[test]
fn t46_methods_are_compared_exactly() {
    let rules = json!({"allow": {"or": [{"http_method": {"in": ["GET", "HEAD"]}}]}});
    let policy = policy(&rules);
    assert!(policy.reads(Reads::Method) && !policy.reads(Reads::Path));
    let admits = |method| policy.evaluate(&question(method, "/", None)).outcome() == Outcome::Allow;
    assert!(admits("GET") && admits("HEAD"));
    for other in ["get", "Get", "GET ", "", "POST", "TRACE", "PRI", "GETX", "HEA", "OPTIONS"] {
        assert!(!admits(other), "{other:?}");
    }
}

#[test]
fn t71_a_policy_that_says_less_than_meant_admits_nobody() {
    let ann = colleague();
    let admitted = |policy: &Policy| {
        [None, Some(&ann)]
            .into_iter()
            .any(|who| policy.evaluate(&question("GET", "/", who)).outcome() == Outcome::Allow)
    };
    let (missing, _) = compiled(&Shortcuts::default(), None);
    assert!(!admitted(&missing) && missing.admits_nobody() && !admitted(&Policy::nobody()));
    for empty in [
        json!(null),
        json!({}),
        json!([]),
        json!({"allow": {}}),
        json!({"allow": {"and": []}}),
        json!({"allow": {"not": []}}),
        json!({"deny": {"or": [{"reject": 1}]}}),
    ] {
        let (policy, told) = compiled(&Shortcuts::default(), Some(&empty));
        assert!(!admitted(&policy), "{empty}");
        assert!(told.iter().any(|(_, text)| text.contains("admits nobody")), "{empty}");
    }
    // Whatever is broken in a policy, nothing of it admits, not even its sound half or a shortcut.
    let sound = json!({"allow": {"or": [{"accept": 1}]}});
    for broken in [
        json!({"alow": {}}),
        json!({"allow": {"orr": []}}),
        json!({"allow": {"or": [{"acept": 1}]}}),
        json!({"deny": {"or": [{"email": {"iss": "a@b.example"}}]}}),
        json!({"deny": {"or": [{"source_ip": "10.0.0.0/99"}]}}),
        json!({"deny": {"or": {"accept": 1}}}),
        json!({"deny": {"or": [{}]}}),
        json!("allow"),
    ] {
        let shortcuts = Shortcuts { public: true, ..Shortcuts::default() };
        let (policy, told) = compiled(&shortcuts, Some(&json!([sound, broken])));
        assert!(told.iter().any(|(severity, _)| *severity == Severity::Error), "{broken}");
        assert!(!admitted(&policy), "{broken}");
    }
}

#[test]
fn t72_near_misses_of_a_domain_are_other_domains() {
    let exact = json!({"allow": {"or": [{"domain": "corp.example"}]}});
    let below = json!({"allow": {"or": [{"domain": {"ends_with": ".corp.example"}}]}});
    let listed = Shortcuts { domains: vec!["corp.example".to_owned()], ..Shortcuts::default() };
    let (listed, _) = compiled(&listed, None);
    let near = [
        "evilcorp.example",
        "corp.example.evil.test",
        "corp.example.",
        ".corp.example",
        "corp.exampl",
        "corp.examplee",
        "orp.example",
        "corp-example",
        "xcorp.example",
        "corpexample",
        "example",
        "corp..example",
        "corp.example%00",
        "corp.example\u{200b}",
    ];
    for domain in near.into_iter().chain(["mail.corp.example"]) {
        let who = person(&json!({
            "sub": "001", "email": format!("a@{domain}"), "email_verified": true
        }));
        assert_eq!(outcome(&exact, Some(&who)), Outcome::Deny, "{domain}");
        let verdict = listed.evaluate(&question("GET", "/", Some(&who)));
        assert_eq!(verdict.outcome(), Outcome::Deny, "{domain}");
        let expected = domain.ends_with(".corp.example");
        assert_eq!(outcome(&below, Some(&who)) == Outcome::Allow, expected, "{domain}");
    }
}

#[test]
fn t58_expressions_that_explode_elsewhere_are_linear_here() {
    let long = "a".repeat(1 << 20);
    for pattern in [
        "(a+)+",
        "(a+)+b",
        "(a|a)*b",
        "(a|aa)+$b",
        "(.*a){12}b",
        "([a-zA-Z]+)*b",
        "(x+x+)+y",
        ".*.*.*=.*",
        "a*a*a*a*a*a*a*a*b",
    ] {
        let rules = json!({"allow": {"or": [{"http_path": {"matches": pattern}}]}});
        let policy = policy(&rules);
        let begun = crate::base::time::monotonic();
        let verdict = policy.evaluate(&question("GET", &long, None));
        let took = begun.elapsed();
        assert_eq!(verdict.outcome() == Outcome::Allow, pattern == "(a+)+", "{pattern}");
        // The bound is for a shipped build; this one is not, and may share its machine.
        assert!(took.as_millis() < 50 * SLOWER, "{pattern} took {took:?}");
    }
}

/// How much slower than a shipped build tests may be.
const SLOWER: u128 = 20;

#[test]
fn t58_expressions_are_bounded_before_anything_is_matched() {
    let repeated = "(a?){50}".repeat(200);
    let nested = format!("{}a{}", "(".repeat(200), ")".repeat(200));
    for pattern in
        [&*"a".repeat(1_025), "a{100000}", "(a{1000}){1000}", "\\w{20000}", &repeated, &nested]
    {
        for criterion in ["http_path", "email", "claim/org_id"] {
            let rules =
                json!({"allow": {"or": [{criterion: {"matches": pattern}}, {"accept": 1}]}});
            let begun = crate::base::time::monotonic();
            let (policy, told) = compiled(&Shortcuts::default(), Some(&rules));
            assert!(told.iter().any(|(severity, _)| *severity == Severity::Error), "{pattern}");
            assert!(policy.admits_nobody());
            assert!(begun.elapsed().as_millis() < 100 * SLOWER, "{pattern}");
        }
    }
}

#[test]
fn t72_near_misses_of_every_new_criterion_are_misses() {
    let laptop = certificate(&json!({"valid": true, "san_dns": ["laptop.corp.example"],
        "fingerprint": "ab".repeat(32), "spki_hash": "FsDbM0rUYIiL3V339eIKqiz6HPSB+Pz2WeAWhqlqh8U="}));
    let admitted = |criterion: Value| {
        let rules = json!({"allow": {"or": [criterion]}});
        let question =
            Question { client_certificate: Some(&laptop), ..question("GET", "/docs", None) };
        policy(&rules).evaluate(&question).outcome() == Outcome::Allow
    };
    let name = |name: &str| json!({"client_certificate": {"san_dns": name}});
    assert!(admitted(name("laptop.corp.example")));
    for near in [
        "laptop.corp.example.",
        "aptop.corp.example",
        "laptop.corp.example.evil.test",
        "*.corp.example",
        "LAPTOP.corp.example",
        "laptop.corp.exampl",
        "laptop.corp.example\0",
        "",
    ] {
        assert!(!admitted(name(near)), "{near:?}");
    }
    for (pattern, matches) in [
        ("/docs", true),
        ("/doc", false),
        ("docs", false),
        ("/docs/", false),
        ("/docs|/x", true),
        ("/x|/docsx", false),
        ("^/doc", false),
        ("/d.cs", true),
        ("(?i)/DOCS", true),
        ("/DOCS", false),
        ("/docs\n", false),
        ("(?m)^/doc$", false),
    ] {
        assert_eq!(admitted(json!({"http_path": {"matches": pattern}})), matches, "{pattern:?}");
    }
    let relay = |address: &str| {
        let claims = json!({"sub": "001", "email": address, "email_verified": true});
        outcome(&json!({"allow": {"or": [{"private_relay": true}]}}), Some(&person(&claims)))
    };
    assert_eq!(relay("x@privaterelay.appleid.com"), Outcome::Allow);
    for near in [
        "x@evilprivaterelay.appleid.com",
        "x@privaterelay.appleid.com.evil.test",
        "x@sub.privaterelay.appleid.com",
        "x@privaterelay.appleid.co",
        "x@appleid.com",
    ] {
        assert_eq!(relay(near), Outcome::Deny, "{near}");
    }
}

#[test]
fn t71_a_broken_new_criterion_admits_nobody() {
    for broken in [
        json!({"date": {"after": "soon"}}),
        json!({"day_of_week": "someday"}),
        json!({"time_of_day": {"after": "8:00", "timezone": "Nowhere"}}),
        json!({"client_certificate": {"fingerprint": "x"}}),
        json!({"private_relay": "maybe"}),
        json!({"managed_account": []}),
        json!({"auth_age": "1s"}),
        json!({"email": {"matches": "("}}),
        json!({"email": {"exists": "perhaps"}}),
    ] {
        for action in ["allow", "deny"] {
            let rules = json!([{"allow": {"or": [{"accept": 1}]}}, {action: {"or": [broken]}}]);
            let (policy, told) = compiled(&Shortcuts::default(), Some(&rules));
            assert!(told.iter().any(|(severity, _)| *severity == Severity::Error), "{rules}");
            assert_eq!(
                policy.evaluate(&question("GET", "/", None)).outcome(),
                Outcome::Deny,
                "{rules}"
            );
        }
    }
}

#[test]
fn t96_what_a_person_is_shown_of_a_refusal_names_no_certificate_time_or_organization() {
    let rules = json!({"allow": {"and": [
        {"client_certificate": {"san_email": "secret@corp.example", "fingerprint": "ab".repeat(32)}},
        {"managed_account": "SECRET-ORG"},
        {"date": {"before": "1999-12-31"}},
        {"email": {"matches": "secret[0-9]@corp\\.example"}},
    ]}});
    let ann = colleague();
    let explained = policy(&rules).explain(&question("GET", "/", Some(&ann)));
    let shown = serde_json::to_string(&explained.missing).unwrap().to_lowercase();
    assert_eq!(explained.missing.len(), 4, "{shown}");
    for word in ["secret", "abab", "1999", "corp"] {
        assert!(!shown.contains(word), "{shown}");
    }
}

#[test]
fn a_refusal_says_what_is_missing_and_names_nobody_else() {
    let rules = json!({"allow": {"or": [
        {"domain": "secret-customer.example"},
        {"email": "boss@secret-customer.example"},
        {"claim/org_id": "SECRET-ORG"},
        {"user": "SECRET-USER"},
    ]}});
    let policy = policy(&rules);
    let missing = |claims: Value| {
        let who = person(&claims);
        let explained = policy.explain(&question("GET", "/", Some(&who)));
        let json = serde_json::to_string(&explained.missing).unwrap();
        assert!(!json.to_lowercase().contains("secret"), "{json}");
        explained.missing
    };
    let user = Missing::Different { what: What::User };
    let org = Missing::Claim { name: "org_id".to_owned() };
    assert_eq!(missing(json!({"sub": "001"})), [Missing::Address, org.clone(), user.clone()]);
    assert_eq!(
        missing(json!({"sub": "001", "email": "a@b.example"})),
        [Missing::AddressUnverified, org.clone(), user.clone()]
    );
    let relay =
        json!({"sub": "1", "email": "x@privaterelay.appleid.com", "email_verified": "true"});
    assert_eq!(
        missing(relay),
        [
            Missing::PrivateRelayForDomain,
            Missing::PrivateRelayForAddress,
            org.clone(),
            user.clone()
        ]
    );
    assert_eq!(
        missing(json!({"sub": "1", "email": "a@b.example", "email_verified": true, "org_id": "O"})),
        [
            user,
            Missing::Different { what: What::Address },
            Missing::Different { what: What::Domain },
            Missing::Different { what: What::Claim("org_id".to_owned()) },
        ]
    );
    let stranger = policy.explain(&question("GET", "/", None));
    assert_eq!((stranger.outcome, stranger.missing), (Outcome::SignIn, vec![Missing::SignIn]));
    assert_eq!(org.claim(), Some("org_id"));
    assert_eq!(Missing::Address.claim(), Some("email"));
}

#[test]
fn evidence_names_rule_criterion_reason_wanted_and_seen() {
    let rules = json!([
        {"allow": {"and": [{"domain": "corp.example"}, {"http_method": {"in": ["GET", "HEAD"]}}]}},
        {"deny": {"or": [{"source_ip": "192.0.2.0/24"}, {"user": "002"}]}},
    ]);
    let policy = policy(&rules);
    let ann = colleague();
    let denied = policy.explain(&question("GET", "/", Some(&ann)));
    let ground = denied.deciding_criteria().next().unwrap();
    assert_eq!(ground.rule, "policy[1].deny.or[0]");
    assert_eq!(ground.criterion, "source_ip");
    assert_eq!(ground.reason, Reason::SourceIpOk);
    assert_eq!(ground.wanted, "one of 192.0.2.0/24");
    assert_eq!(ground.seen.as_deref(), Some("192.0.2.1"));
    assert!(ground.place.is_some());
    assert_eq!(denied.deciding_criteria().count(), 1);
    assert_eq!(denied.missing, [Missing::Different { what: What::SourceIp }]);

    let elsewhere =
        Question { source_ip: [10, 0, 0, 1].into(), ..question("POST", "/", Some(&ann)) };
    let refused = policy.explain(&elsewhere);
    let grounds: Vec<_> = refused.deciding_criteria().map(|ground| ground.rule.as_str()).collect();
    assert_eq!(grounds, ["policy[0].allow.and[1]"]);
    let ground = refused.deciding_criteria().next().unwrap();
    assert_eq!(ground.wanted, "one of \"GET\", \"HEAD\"");
    assert_eq!(ground.seen.as_deref(), Some("\"POST\""));
    let domain = &refused.allow_rules[0].operators[0].criteria[0];
    assert_eq!((domain.answer, domain.wanted.as_str()), (Answer::Yes, "\"corp.example\""));
    assert_eq!(domain.seen.as_deref(), Some("\"ann@corp.example\""));

    let json = serde_json::to_value(&refused).unwrap();
    assert_eq!(json["outcome"], "deny");
    assert_eq!(json["reasons"], json!(["http-method-unauthorized"]));
    assert_eq!(json["missing"], json!([{"kind": "different", "what": "method"}]));
    assert_eq!(json["allow_rules"][0]["operators"][0]["operator"], "and");
}

#[test]
fn grounds_are_those_on_which_the_outcome_rests() {
    let rules = json!({
        "allow": {"or": [{"domain": "corp.example"}, {"user": "002"}], "and": [{"accept": 1}, {"reject": 1}]},
        "deny": {"and": [{"http_method": "POST"}, {"http_path": "/x"}], "or": [{"user": "001"}]},
    });
    let policy = policy(&rules);
    let grounds = |who: &Identity, method, path| -> Vec<String> {
        let explained = policy.explain(&question(method, path, Some(who)));
        explained.deciding_criteria().map(|ground| ground.rule.clone()).collect()
    };
    let ann = colleague();
    // The method alone holds, so its `and` does not: it is not a ground of this refusal.
    assert_eq!(grounds(&ann, "POST", "/"), ["policy.deny.or[0]"]);
    let bob = person(&json!({"sub": "003", "email": "bob@corp.example", "email_verified": true}));
    assert_eq!(grounds(&bob, "GET", "/"), ["policy.allow.or[0]"]);
    assert_eq!(grounds(&bob, "POST", "/x"), ["policy.deny.and[0]", "policy.deny.and[1]"]);
    let zoe = person(&json!({"sub": "004"}));
    let refused = ["policy.allow.and[1]", "policy.allow.or[0]", "policy.allow.or[1]"];
    assert_eq!(grounds(&zoe, "GET", "/"), refused);
}

#[test]
fn numbers_are_compared_as_numbers_and_never_rounded() {
    let rules = |value: &Value| json!({"allow": {"or": [{"claim/auth_time": value}]}});
    for (wanted, seen, equal) in [
        (json!(1), json!(1.0), true),
        (json!(0.5), json!(0.5), true),
        (json!(2.0), json!(2), true),
        (json!(1), json!(1.5), false),
        (json!(-1), json!(1), false),
        (json!(1), json!("1"), false),
        (json!(1), json!(true), false),
        (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992_i64), false),
        (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992.0), false),
        (json!(i64::MAX), json!(u64::MAX), false),
    ] {
        let who = person(&json!({"sub": "001", "auth_time": seen}));
        let admitted = outcome(&rules(&wanted), Some(&who)) == Outcome::Allow;
        assert_eq!(admitted, equal, "{wanted} {seen}");
    }
    let (_, told) = compiled(&Shortcuts::default(), Some(&rules(&json!(u64::MAX))));
    assert!(told.iter().any(|(severity, _)| *severity == Severity::Error), "{told:?}");
}

#[test]
fn ids_alone_do_not_ask_for_an_address() {
    let shortcuts = Shortcuts { users: vec!["002".to_owned()], ..Shortcuts::default() };
    let (policy, _) = compiled(&shortcuts, None);
    let who = person(&json!({"sub": "001"}));
    let explained = policy.explain(&question("GET", "/", Some(&who)));
    assert_eq!(explained.missing, [Missing::Different { what: What::User }]);
    assert_eq!(explained.deciding_criteria().next().unwrap().rule, "allowed_users");
}

#[test]
fn a_message_points_at_the_place() {
    let rules = json!({"allow": {"or": [{"emial": "ann@corp.example"}]}});
    let (_, told) = compiled(&Shortcuts::default(), Some(&rules));
    assert_eq!(
        told[0].1,
        "policy:1:20: error[R302]: there is no criterion `emial`\n      \
         1 | {\"allow\": {\"or\": [{\"emial\": \"ann@corp.example\", }, ], }, }\n        \
         |                    ^^^^^^^\n   help: did you mean `email`?\n"
    );
}

#[test]
fn the_page_of_the_language_is_written_from_the_tables() {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/policy/language.md");
    let content = language_page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(page.parent().unwrap()).unwrap();
        std::fs::write(&page, &content).unwrap();
    }
    let found = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(found == content, "run `UPDATE=1 cargo test --lib policy::`\n{content}");
}

#[test]
fn the_table_of_criteria_is_complete() {
    for row in criteria() {
        assert!(!row.sentence.is_empty() && row.sentence.ends_with('.'), "{}", row.name);
        let asks_for_person = row.reads == Reads::Identity;
        assert_eq!(
            row.reasons.contains(&Reason::UserUnauthenticated),
            asks_for_person,
            "{}",
            row.name
        );
        assert!(criteria::unsupported::refusal(row.name).is_none(), "{}", row.name);
    }
}
