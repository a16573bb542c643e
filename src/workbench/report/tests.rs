use std::time::Duration;

use super::*;
use crate::base::diagnostic::Diagnostics;
use crate::base::node::Node;
use crate::base::time::Timestamp;
use crate::config::yaml;
use crate::decision::{PathRule, RouteHost, RouteRule};
use crate::policy::{Policy, Shortcuts};
use crate::workbench::{cases, run};

const POLICY: &str = "\
- allow:
    and:
      - domain: {is: corp.example}
      - http_method: {in: [GET, HEAD]}
  deny:
    or:
      - email: {is: eve@corp.example}
";

const TESTS: &str = r#"
identities:
  ann: { sub: "001", email: ann@corp.example, email_verified: true }
tests:
  - { name: ann reads, identity: ann, request: https://wiki.example.com/, expect: allow }
  - name: 'a <stranger> & "friend" #1'
    identity: { sub: "002" }
    request: https://wiki.example.com/
    expect: { deny: [email-unauthorized], status: 404 }
  - { name: no such host, request: https://x.example.com/, expect: { deny: unknown-host } }
"#;

fn rules(sources: &mut Sources) -> Rules {
    let mut diagnostics = Diagnostics::default();
    let source = sources.add("config.yaml", POLICY);
    let node: Node = yaml::read(POLICY, source, &mut diagnostics).unwrap();
    let policy = Policy::compile(&Shortcuts::default(), Some(&node), &mut diagnostics);
    assert!(diagnostics.is_empty());
    Rules::new(vec![RouteRule {
        id: "wiki".into(),
        from: RouteHost { host: "wiki.example.com".to_owned(), port: None },
        path: PathRule::Any,
        policy,
        for_other_proxies_alone: false,
    }])
}

fn with_report<T>(filter: &str, coverage: bool, then: impl FnOnce(&Report<'_>) -> T) -> T {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let rules = rules(&mut sources);
    let files = [cases::read("tests.yaml", TESTS, &mut sources, &mut diagnostics)];
    assert!(diagnostics.is_empty());
    let results = run::run(&rules, &files, filter, Timestamp(1_800_000_000));
    let took = Duration::from_millis(3);
    then(&Report {
        rules: &rules,
        sources: &sources,
        files: &files,
        results: &results,
        took,
        coverage,
        verbose: true,
    })
}

#[test]
fn people_see_what_failed_and_why() {
    let text = with_report("", false, |report| plain(&human(report)));
    assert_eq!(
        text,
        "pass  ann reads\n\
         FAIL  a <stranger> & \"friend\" #1  tests.yaml:6:5\n  \
           expected  deny, because of email-unauthorized, status 404\n  \
           got       deny, because of domain-unauthorized, status 403\n\
         \n    \
             GET https://wiki.example.com/ as 002\n    \
             route wiki\n    \
             \u{2717} deny  config.yaml:5:3\n      \
               \u{2717} or\n        \
                 \u{2717} email  wanted \"eve@corp.example\", saw nothing  email-unauthorized\n    \
             \u{2717} allow  config.yaml:1:3\n      \
               \u{2717} and\n        \
                 \u{2717} domain  wanted \"corp.example\", saw nothing  domain-unauthorized\n        \
                 \u{2713} http_method  wanted one of \"GET\", \"HEAD\", saw \"GET\"  http-method-ok\n\
         \n\
         pass  no such host\n\
         3 tests: 2 passed, 1 failed in 3 ms\n"
    );
}

#[test]
fn coverage_names_what_no_test_ever_met() {
    let text = with_report("", true, |report| plain(&human(report)));
    let (_, text) = text.split_once("coverage: ").unwrap();
    assert_eq!(
        text,
        "3 of 6 routes, rules and criteria were met both ways\n  wiki\n    \
             never true: rule policy[0].deny  config.yaml:5:3\n    \
             never true: criterion policy[0].deny.or[0] email  config.yaml:7:9\n    \
             never false: criterion policy[0].allow.and[1] http_method  config.yaml:4:9\n\
         \n3 tests: 2 passed, 1 failed in 3 ms\n"
    );
}

#[test]
fn programs_read_the_same() {
    let value = with_report("", true, json);
    assert_eq!((&value["passed"], &value["failed"]), (&json!(2), &json!(1)));
    let second = &value["tests"][1];
    assert_eq!((&second["line"], &second["passed"]), (&json!(6), &json!(false)));
    assert_eq!(second["got"]["missing"], json!(["email"]));
    assert_eq!(value["tests"][2]["got"]["reasons"], json!(["unknown-host"]));
}

#[test]
fn junit_is_well_formed_whatever_names_hold() {
    let text = with_report("", false, junit);
    assert!(text.contains("tests=\"3\" failures=\"1\" errors=\"0\" time=\"0.003\""), "{text}");
    assert!(text.contains("name=\"a &lt;stranger&gt; &amp; &quot;friend&quot; #1\""), "{text}");
    assert!(text.contains("message=\"expected the reason email-unauthorized, got"), "{text}");
    assert!(!text.contains('\u{1b}'));
    let opened = text.matches("<testcase").count();
    assert_eq!(opened, text.matches("/>").count() + text.matches("</testcase>").count());
}

#[test]
fn tap_numbers_its_lines() {
    let text = with_report("", false, tap);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..3], ["TAP version 14", "1..3", "ok 1 - ann reads"]);
    assert_eq!(lines[3], "not ok 2 - a <stranger> & \"friend\" \\#1");
    assert_eq!(lines[4], "  ---");
    assert_eq!(lines[6], "  at: \"tests.yaml:6:5\"");
    assert_eq!(lines.last(), Some(&"ok 3 - no such host"));
}

#[test]
fn a_filter_runs_what_has_it_in_its_name() {
    let ran = with_report("such", false, |report| report.results.ran.len());
    assert_eq!(ran, 1);
    assert_eq!(with_report("nothing like it", false, |report| report.results.ran.len()), 0);
}
