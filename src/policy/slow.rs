//! A second evaluator, slow and obvious, written from the grammar: it walks the JSON of a policy
//! with sets of words. Random policies and requests are put to both.

use std::collections::BTreeSet;
use std::net::IpAddr;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::tests::{NOW, person, policy};
use super::*;

/// Value (`None`: unknown), the value by which reasons are kept, reasons.
type Result = (Option<bool>, bool, BTreeSet<String>);

fn evaluate(policy: &Value, question: &Question<'_>) -> (Result, Result) {
    let rules = policy.as_array().cloned().unwrap_or_else(|| vec![policy.clone()]);
    let side = |action: &str| {
        let mut terms = Vec::new();
        for rule in &rules {
            for operator in ["and", "or", "not", "nor"] {
                let list = rule[action][operator].as_array().cloned().unwrap_or_default();
                if !list.is_empty() {
                    let criteria = list.iter().map(|c| criterion(c, question)).collect();
                    terms.push(join(operator, criteria));
                }
            }
        }
        join("or", terms)
    };
    (side("allow"), side("deny"))
}

fn join(operator: &str, mut operands: Vec<Result>) -> Result {
    if operator == "not" || operator == "nor" {
        for operand in &mut operands {
            *operand = (operand.0.map(|value| !value), !operand.1, operand.2.clone());
        }
    }
    let all = operator == "and" || operator == "not";
    // The value that settles an operator at once.
    let settles = !all;
    let value = if operands.iter().any(|operand| operand.0 == Some(settles)) {
        Some(settles)
    } else if operands.iter().any(|operand| operand.0.is_none()) {
        None
    } else {
        Some(!settles)
    };
    let settled = operands.iter().any(|operand| operand.1 == settles);
    let held = if settled { settles } else { !settles };
    let kept = operands.iter().filter(|operand| operand.1 == held);
    let reasons = kept.flat_map(|operand| operand.2.clone()).collect();
    (value, held, reasons)
}

fn criterion(criterion: &Value, question: &Question<'_>) -> Result {
    let (key, data) = criterion.as_object().unwrap().iter().next().unwrap();
    let name = key.split('/').next().unwrap();
    let (value, reason) = match name {
        "accept" => (Some(true), "accept".to_owned()),
        "reject" => (Some(false), "reject".to_owned()),
        "cors_preflight" if question.cors_preflight => (Some(true), "cors-request".to_owned()),
        "cors_preflight" => (Some(false), "non-cors-request".to_owned()),
        "http_method" => says("http-method", text(data, question.method, false)),
        "http_path" => says("http-path", text(data, question.path, false)),
        "source_ip" => says("source-ip", data == &json!(question.source_ip.to_string())),
        _ => match question.identity {
            None => (None, "user-unauthenticated".to_owned()),
            Some(who) => of_person(name, key, data, who),
        },
    };
    (value, value == Some(true), BTreeSet::from([reason]))
}

fn says(what: &str, holds: bool) -> (Option<bool>, String) {
    (Some(holds), format!("{what}-{}", if holds { "ok" } else { "unauthorized" }))
}

fn of_person(name: &str, key: &str, data: &Value, who: &Identity) -> (Option<bool>, String) {
    let email = who.claims.text("email").unwrap_or_default();
    let verified = who.claims.get("email_verified") == Some(&json!(true));
    match name {
        "authenticated_user" => says("user", true),
        "user" => says("user", text(data, &who.subject, false)),
        "email" | "domain" if email.is_empty() => says(name, false),
        "email" | "domain" if !verified => (None, "email-unverified".to_owned()),
        "email" if email.matches('@').count() != 1 => (None, "email-unauthorized".to_owned()),
        "email" => says(name, text(data, email, true)),
        "domain" if email.matches('@').count() != 1 => says(name, false),
        "domain" => says(name, text(data, email.split('@').nth(1).unwrap(), true)),
        "claim" => {
            let claim = key.strip_prefix("claim/").unwrap();
            if who.omitted.iter().any(|omitted| &**omitted == claim) {
                return (None, "claim-unauthorized".to_owned());
            }
            let values = match who.claims.get(claim) {
                None => Vec::new(),
                Some(Value::Array(values)) => values.clone(),
                Some(value) => vec![value.clone()],
            };
            says("claim", list(data, &values))
        }
        _ => panic!("{name}"),
    }
}

fn text(data: &Value, seen: &str, any_case: bool) -> bool {
    let fold = |text: &str| if any_case { text.to_ascii_lowercase() } else { text.to_owned() };
    let seen = fold(seen);
    let is = |value: &Value| value.as_str().is_some_and(|text| fold(text) == seen);
    let Some(operators) = data.as_object() else { return is(data) };
    operators.iter().all(|(operator, value)| {
        let part = fold(value.as_str().unwrap_or_default());
        match operator.as_str() {
            "is" => is(value),
            "not" => !is(value),
            "in" => value.as_array().unwrap().iter().any(is),
            "not_in" => !value.as_array().unwrap().iter().any(is),
            "contains" => seen.contains(&part),
            "starts_with" => seen.starts_with(&part),
            "ends_with" => seen.ends_with(&part),
            _ => panic!("{operator}"),
        }
    })
}

fn list(data: &Value, values: &[Value]) -> bool {
    let Some(operators) = data.as_object() else { return values.contains(data) };
    operators.iter().all(|(operator, value)| match operator.as_str() {
        "has" => values.contains(value),
        "is" => values == std::slice::from_ref(value),
        "exclude" => !values.contains(value),
        _ => panic!("{operator}"),
    })
}

fn any_text_matcher(words: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let word = || prop::sample::select(words);
    let one = prop_oneof![
        (prop::sample::select(vec!["is", "not", "contains", "starts_with", "ends_with"]), word())
            .prop_map(|(operator, word)| (operator, json!(word))),
        (prop::sample::select(vec!["in", "not_in"]), prop::collection::vec(word(), 0..4))
            .prop_map(|(operator, words)| (operator, json!(words))),
    ];
    let map = prop::collection::vec(one, 1..3).prop_map(|operators| {
        Value::Object(operators.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    });
    prop_oneof![word().prop_map(|word| json!(word)), map]
}

fn any_list_matcher() -> impl Strategy<Value = Value> {
    let single =
        || prop::sample::select(vec![json!("a"), json!("b"), json!(1), json!("1"), json!(true)]);
    let operator = prop::sample::select(vec!["has", "is", "exclude"]);
    let map = prop::collection::vec((operator, single()), 1..3).prop_map(|operators| {
        Value::Object(operators.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    });
    prop_oneof![single(), map]
}

const EMAILS: &[&str] = &[
    "ann@corp.example",
    "Ann@Corp.example",
    "zoe@other.example",
    "a@b@corp.example",
    "corp.example",
    "",
];
const DOMAINS: &[&str] = &["corp.example", "CORP.example", "other.example", ".example", "corp", ""];
const METHODS: &[&str] = &["GET", "POST", "get", "E"];
const PATHS: &[&str] = &["/", "/a", "/A", "/a/b", "b"];
const SUBJECTS: &[&str] = &["001", "002", "0", "ann@corp.example"];
const ADDRESSES: &[&str] = &["192.0.2.1", "10.0.0.1", "2001:db8::1"];

fn any_criterion() -> impl Strategy<Value = Value> {
    let ignored =
        prop::sample::select(vec!["accept", "reject", "authenticated_user", "cors_preflight"]);
    let claim = prop::sample::select(vec!["claim/x", "claim/y", "claim/z"]);
    prop_oneof![
        ignored.prop_map(|name| json!({name: true})),
        any_text_matcher(EMAILS).prop_map(|data| json!({"email": data})),
        any_text_matcher(DOMAINS).prop_map(|data| json!({"domain": data})),
        any_text_matcher(METHODS).prop_map(|data| json!({"http_method": data})),
        any_text_matcher(PATHS).prop_map(|data| json!({"http_path": data})),
        any_text_matcher(SUBJECTS).prop_map(|data| json!({"user": data})),
        (claim, any_list_matcher()).prop_map(|(name, data)| json!({name: data})),
        prop::sample::select(ADDRESSES).prop_map(|address| json!({"source_ip": address})),
    ]
}

fn any_body() -> impl Strategy<Value = Value> {
    let operator = prop::sample::select(vec!["and", "or", "not", "nor"]);
    let term = (operator, prop::collection::vec(any_criterion(), 0..4));
    prop::collection::vec(term, 0..3).prop_map(|terms| {
        let mut body = serde_json::Map::new();
        for (operator, criteria) in terms {
            body.insert(operator.to_owned(), json!(criteria));
        }
        Value::Object(body)
    })
}

pub(super) fn any_policy() -> impl Strategy<Value = Value> {
    let rule = prop_oneof![
        any_body().prop_map(|allow| json!({"allow": allow})),
        any_body().prop_map(|deny| json!({"deny": deny})),
        (any_body(), any_body()).prop_map(|(allow, deny)| json!({"allow": allow, "deny": deny})),
    ];
    prop_oneof![rule.clone(), prop::collection::vec(rule, 0..3).prop_map(|rules| json!(rules))]
}

fn any_person() -> impl Strategy<Value = Option<Identity>> {
    let claim = || {
        prop::option::of(prop::sample::select(vec![
            json!("a"),
            json!(["a", "b"]),
            json!(["a"]),
            json!([]),
            json!(1),
            json!(["1", 1]),
            json!(true),
        ]))
    };
    let parts = (
        prop::sample::select(SUBJECTS),
        prop::option::of(prop::sample::select(EMAILS)),
        prop::sample::select(vec![
            json!(true),
            json!("true"),
            json!(true),
            json!(false),
            json!("no"),
        ]),
        (claim(), claim()),
        any::<bool>(),
    );
    prop::option::weighted(
        0.85,
        parts.prop_map(|(subject, email, verified, (x, y), left_out)| {
            let mut claims = json!({"sub": subject, "email_verified": verified});
            for (name, value) in [("email", email.map(|email| json!(email))), ("x", x), ("y", y)] {
                if let Some(value) = value {
                    claims[name] = value;
                }
            }
            let mut who = person(&claims);
            if left_out {
                who.omitted.push("z".into());
            }
            who
        }),
    )
}

#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) source_ip: IpAddr,
    pub(super) cors_preflight: bool,
    pub(super) identity: Option<Identity>,
}

pub(super) fn any_question() -> impl Strategy<Value = Asked> {
    let method = prop::sample::select(METHODS);
    let (path, address) = (prop::sample::select(PATHS), prop::sample::select(ADDRESSES));
    (method, path, address, any::<bool>(), any_person()).prop_map(
        |(method, path, address, cors_preflight, identity)| Asked {
            method,
            path,
            source_ip: address.parse().unwrap(),
            cors_preflight,
            identity,
        },
    )
}

fn as_words((value, _, reasons): Result) -> (Answer, Vec<String>) {
    let answer = match value {
        Some(true) => Answer::Yes,
        Some(false) => Answer::No,
        None => Answer::Unknown,
    };
    (answer, reasons.into_iter().collect())
}

fn words(reasons: ReasonSet) -> Vec<String> {
    reasons.iter().map(|reason| reason.word().to_owned()).collect()
}

proptest! {
    // 2 000 policies, 50 questions each.
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn t71_the_compiled_policy_says_what_the_grammar_says(
        rules in any_policy(),
        questions in prop::collection::vec(any_question(), 50),
    ) {
        let compiled = policy(&rules);
        for asked in questions {
            let question = Question {
                method: asked.method,
                path: asked.path,
                source_ip: asked.source_ip,
                cors_preflight: asked.cors_preflight,
                now: NOW,
                client_certificate: None,
                identity: asked.identity.as_ref(),
            };
            let verdict = compiled.evaluate(&question);
            let (allow, deny) = evaluate(&rules, &question);
            let unauthenticated =
                allow.2.contains("user-unauthenticated") || deny.2.contains("user-unauthenticated");
            let expected = if unauthenticated {
                Outcome::SignIn
            } else if deny.0 != Some(false) || allow.0 != Some(true) {
                Outcome::Deny
            } else {
                Outcome::Allow
            };
            prop_assert_eq!((verdict.allow, words(verdict.allow_reasons)), as_words(allow));
            prop_assert_eq!((verdict.deny, words(verdict.deny_reasons)), as_words(deny));
            prop_assert_eq!(verdict.outcome(), expected);
            let explained = compiled.explain(&question);
            prop_assert_eq!(explained.outcome, expected);
        }
    }

    #[test]
    fn the_order_of_rules_and_criteria_never_matters(
        rules in prop::collection::vec((any_body(), any_body()), 1..4),
        asked in any_question(),
    ) {
        let written = |backwards: bool| {
            let mut list: Vec<Value> = Vec::new();
            for (allow, deny) in &rules {
                let (mut allow, mut deny) = (allow.clone(), deny.clone());
                if backwards {
                    for body in [&mut allow, &mut deny] {
                        for criteria in body.as_object_mut().unwrap().values_mut() {
                            criteria.as_array_mut().unwrap().reverse();
                        }
                    }
                }
                list.push(json!({"allow": allow, "deny": deny}));
            }
            if backwards {
                list.reverse();
            }
            policy(&json!(list))
        };
        let question = Question {
            method: asked.method,
            path: asked.path,
            source_ip: asked.source_ip,
            cors_preflight: asked.cors_preflight,
                now: NOW,
                client_certificate: None,
            identity: asked.identity.as_ref(),
        };
        prop_assert_eq!(written(false).evaluate(&question), written(true).evaluate(&question));
    }
}
