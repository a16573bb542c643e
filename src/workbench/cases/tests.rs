use super::*;
use crate::base::diagnostic::{Diagnostics, Sources};

/// The cases of a file without mistakes.
fn good(text: &str) -> CaseFile {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let file = read("tests.yaml", text, &mut sources, &mut diagnostics);
    let said: String = diagnostics.sorted().iter().map(|item| item.render(&sources)).collect();
    assert!(diagnostics.is_empty(), "{said}");
    file
}

/// What is said of a file, by first lines and help.
fn said(text: &str) -> String {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    read("tests.yaml", text, &mut sources, &mut diagnostics);
    diagnostics.sorted().iter().map(|item| item.render(&sources)).collect()
}

#[test]
fn the_plain_form_is_read() {
    let file = good(
        r#"
tests:
  - name: colleagues read the wiki
    identity: { sub: "001", email: ann@corp.example, email_verified: true }
    request: { method: GET, url: "https://wiki.example.com/page", source_ip: 10.0.0.1, time: 2026-01-05T10:00:00Z }
    expect: allow
  - name: no address, no entry
    identity: { sub: "002" }
    request: https://wiki.example.com/
    expect: { deny: [email-unauthorized] }
  - name: strangers are asked to sign in
    request: https://wiki.example.com/
    expect: sign_in
"#,
    );
    let [first, second, third] = &file.cases[..] else { panic!("three cases") };
    assert_eq!(first.request.source_ip.to_string(), "10.0.0.1");
    assert_eq!(first.request.time.unwrap().to_string(), "2026-01-05T10:00:00Z");
    assert_eq!(first.person.as_ref().unwrap().name(), "ann@corp.example");
    assert_eq!(second.expect.to_string(), "deny, because of email-unauthorized");
    assert_eq!(second.request.source_ip.to_string(), "192.0.2.1");
    assert!(third.person.is_none());
    assert_eq!(third.expect.outcome, Some(Outcome::SignIn));
    assert_eq!(file.people().len(), 2);
}

#[test]
fn a_table_is_people_times_requests() {
    let file = good(
        r#"
identities:
  ann: { sub: 001, email: ann@corp.example, email_verified: true, groups: [staff] }
requests:
  wiki: https://wiki.example.com/
  deploy: { method: POST, url: https://ci.example.com/deploy, headers: {Accept: [a/b, c/d]} }
tables:
  - name: access
    columns:  [ wiki,  deploy, "https://x.example.com/" ]
    rows:
      nobody: [ login, sign_in,  _ ]
      ann:    [ allow, { deny: http-method-unauthorized, status: 403 }, deny ]
"#,
    );
    let names: Vec<&str> = file.cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "access: nobody, wiki",
            "access: nobody, deploy",
            "access: ann, wiki",
            "access: ann, deploy",
            "access: ann, https://x.example.com/"
        ]
    );
    assert_eq!(file.cases[3].expect.status, Some(403));
    assert_eq!(file.cases[3].request.method(), "POST");
    let people = file.people();
    let [(name, ann)] = &people[..] else { panic!("one person") };
    assert_eq!((name.as_str(), ann.subject()), ("ann", "001"));
}

/// Files with mistakes, and what is said of each.
const MISTAKES: &[(&str, &str)] = &[
    ("tests: []\n", "this file has no tests"),
    ("", "this file has no tests"),
    ("routes: []\n", "this is a configuration"),
    ("test: []\n", "did you mean `tests`?"),
    ("tests: {}\n", "`tests` is a list, not a map"),
    ("- a\n", "a file of policy tests is a map, not a list"),
    ("tests:\n  - nmae: a\n", "did you mean `name`?"),
    ("tests:\n  - name: a\n    requst: b\n    expect: allow\n", "did you mean `request`?"),
    ("tests:\n  - name: a\n    expect: allow\n", "a test needs `request`"),
    ("tests:\n  - name: a\n    request: a.example\n", "a test needs `expect`"),
    ("tests:\n  - request: a.example\n    expect: allow\n", "a test needs `name`"),
    ("tests:\n  - {name: a, request: a.example, expect: alow}\n", "did you mean `allow`?"),
    ("tests:\n  - {name: a, request: a.example, expect: {}}\n", "expects nothing"),
    (
        "tests:\n  - {name: a, request: a.example, expect: {allow: , deny: }}\n",
        "`allow` and `deny` exclude each other",
    ),
    (
        "tests:\n  - {name: a, request: a.example, expect: {deny: [emial-unauthorized]}}\n",
        "did you mean `email-unauthorized`?",
    ),
    (
        "tests:\n  - {name: a, request: a.example, expect: {status: 1000}}\n",
        "`status` must be the number",
    ),
    (
        "tests:\n  - {name: a, request: http://a.example, expect: deny}\n",
        "tests.yaml:2:24: error[R013]: `http://` is not",
    ),
    (
        "tests:\n  - {name: a, request: {url: a.example, time: noon}, expect: deny}\n",
        "tests.yaml:2:47: error[R013]: `time` must be",
    ),
    (
        "tests:\n  - {name: a, request: {url: a.example, source_ip: x}, expect: deny}\n",
        "`source_ip` must be an address",
    ),
    (
        "tests:\n  - {name: a, request: {url: a.example, methd: x}, expect: deny}\n",
        "did you mean `method`?",
    ),
    (
        "tests:\n  - {name: a, request: {url: a.example, headers: {'a b': c}}, expect: deny}\n",
        "`a b` is not the name of a header",
    ),
    (
        "tests:\n  - {name: a, request: {url: a.example, client_certificate: {valid: 1}}, \
             expect: deny}\n",
        "`valid` must be true or false",
    ),
    (
        "tests:\n  - {name: a, identity: {email: a@b}, request: a.example, expect: deny}\n",
        "a person needs `sub`",
    ),
    (
        "tests:\n  - {name: a, identity: {sub: a, emial: b}, request: a.example, \
             expect: deny}\n",
        "did you mean `email`?",
    ),
    (
        "identities: {ann: {sub: a}}\ntests:\n  - {name: a, identity: anne, \
             request: a.example, expect: deny}\n",
        "there is no identity `anne`",
    ),
    ("identities: {nobody: {sub: a}}\n", "when nobody is signed in"),
    (
        "requests: {wiki: a.example}\ntables:\n  - {columns: [wiki], rows: {nobody: \
             [deny, deny]}}\n",
        "this row has 2 cells and the table 1 columns",
    ),
    (
        "tests:\n  - {name: a, request: a.example, expect: deny}\n  - {name: a, \
             request: b.example, expect: deny}\n",
        "two tests are called `a`",
    ),
];

#[test]
fn every_mistake_has_its_place_and_a_word_of_help() {
    for (text, expected) in MISTAKES {
        let said = said(text);
        assert!(said.contains(expected), "{text}\n{said}");
        assert!(said.starts_with("tests.yaml:"), "{said}");
    }
}

#[test]
fn a_digest_that_no_policy_can_name_is_doubted() {
    let of = |certificate: &str| {
        said(&format!(
            "tests:\n  - name: a\n    expect: deny\n    request: {{url: https://a.example/, \
             client_certificate: {certificate}}}\n"
        ))
    };
    let pairs = ["AB"; 32].join(":");
    assert_eq!(of(&format!("{{fingerprint: \"{pairs}\"}}")), "");
    assert_eq!(of(&format!("{{fingerprint: {}}}", "ab".repeat(32))), "");
    assert!(of("{fingerprint: ab}").contains("not a fingerprint"));
    assert!(of("{spki_hash: ab}").contains("not a spki_hash"));
}
