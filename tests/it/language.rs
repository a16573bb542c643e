//! What the reference page of the policy language promises, and what a policy on certificates
//! answers where nobody can show one.

use std::sync::Arc;

use russet::base::diagnostic::Diagnostics;
use russet::base::node::Place;
use russet::config::yaml;
use russet::policy::{Definitions, GroupsBuilder, GroupsFile, Parts, Policy, Shortcuts, criteria};
use serde_json::{Value, json};

use crate::support::{Answered, Plan, Site};

/// What compiling a policy says.
fn told(text: &str) -> Vec<String> {
    let mut told = Diagnostics::default();
    let node = yaml::read(text, 0, &mut told);
    let mut groups = GroupsBuilder::default();
    let at = Place::default();
    groups.member(("engineering", at), ("ann@corp.example", at), &mut told);
    let groups = GroupsFile::Read(Arc::new(groups.finish(&mut told)));
    let mut definitions = Definitions::new(groups, None, &mut told);
    let shortcuts = Shortcuts::default();
    let parts = Parts {
        shortcuts: &shortcuts,
        sub_policies: &[],
        ppl: node.as_ref(),
        certificate_required: false,
    };
    drop(Policy::assemble(&parts, &mut definitions, &mut told));
    told.sorted().iter().map(|diagnostic| diagnostic.message.clone()).collect()
}

#[test]
fn every_example_of_a_criterion_is_written_well() {
    for row in criteria() {
        let deny = row.name == "invalid_client_certificate";
        let action = if deny { "deny" } else { "allow" };
        let rest = if deny { "allow: {or: [{accept: true}]}" } else { "" };
        let text = format!("{action}:\n  or:\n    - {}\n{rest}\n", row.example);
        assert_eq!(told(&text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn every_example_of_a_matcher_is_written_well() {
    let page = include_str!("../../docs/policy/language.md");
    let mut seen = 0;
    for (heading, criterion) in
        [("## Matchers of text", "user"), ("## Matchers of lists", "claim/org_id")]
    {
        let part = page.split(heading).nth(1).unwrap().split("\n## ").next().unwrap();
        let rows = part.lines().filter(|line| line.starts_with("| `"));
        for row in rows {
            seen += 1;
            let example = row.rsplit("| `").next().unwrap().trim_end_matches("` |");
            let text = format!("allow: {{or: [{{{criterion}: {example}}}]}}");
            let mut diagnostics = Diagnostics::default();
            let node = yaml::read(&text, 0, &mut diagnostics);
            drop(Policy::compile(&Shortcuts::default(), node.as_ref(), &mut diagnostics));
            assert!(!diagnostics.has_errors(), "{text} {diagnostics:?}");
        }
    }
    assert_eq!(seen, 14);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_certificate_is_told_before_any_sign_in() {
    let plan = Plan {
        routes: "  - from: https://{wiki}\n    to: http://{up}\n    \
                 policy: [{allow: {and: [{domain: corp.example}]}, \
                 deny: {or: [{invalid_client_certificate: true}]}}]\n"
            .to_owned(),
        ..Plan::default()
    };
    let site = Site::with(plan).await;
    let hand = site.hand();
    for cookie in [String::new(), site.cookie("wiki", json!({}))] {
        let page = hand.load(&site.wiki("/x"), &cookie).await;
        assert_eq!(page.code(), 495);
        assert!(page.body.contains("Your device has to show a certificate"), "{}", page.body);
        assert!(page.set_cookies().is_empty() && page.header("location").is_none());
        let line = site.last_log().await;
        assert_eq!(line["reasons"], json!(["client-certificate-required"]));
        let headers = [("accept", "application/json"), ("cookie", cookie.as_str())];
        let answer = hand.send("POST", &site.wiki("/x"), &headers, b"{}").await;
        assert_eq!(answer.code(), 495);
        let told: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(told["error"], "certificate_required");
        assert!(told["sign_in_url"].is_null());
    }
    assert_eq!((site.app.count(), site.exchanges()), (0, 0));
}
