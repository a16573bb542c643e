//! Against brute force: every missing fact is filled with each of several values, and a definite
//! answer must be the answer of every filling.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::reference_evaluator::{Asked, any_policy, any_question};
use super::super::tests::{NOW, policy};
use super::*;
use crate::identity::{Address, Claims, Identity, domain_of};
use crate::policy::{Policy, Supposed, Unrecorded};

fn question<'a>(
    asked: &'a Asked,
    identity: Option<&'a Identity>,
    supposed: Option<&'a Supposed>,
) -> Question<'a> {
    Question { identity, supposed, ..asked.question() }
}

/// `who` as a log would tell of them that does not keep `unrecorded`.
fn redacted(who: &Identity, unrecorded: &Unrecorded) -> Identity {
    let mut kept = who.clone();
    if !unrecorded.claims.is_empty() {
        let mut claims = who.claims.as_map().clone();
        claims.retain(|name, _| ["sub", "email", "email_verified"].contains(&name.as_str()));
        kept.claims = Claims::new(claims);
        kept.omitted = Vec::new();
    }
    let (mailbox, domain) = (unrecorded.mailbox, unrecorded.domain);
    if let Address::Verified { address, .. } = &who.address {
        let shown = address.split_once('@').filter(|_| !domain).map_or("", |(_, domain)| domain);
        let address = if domain { String::new() } else { format!("#@{shown}") };
        if mailbox || domain {
            kept.claims.remove("email");
            kept.address = Address::Verified { address: address.into(), private_relay: false };
        }
    }
    kept
}

/// People of whom the log would have told the same.
fn fillings(who: &Identity, unrecorded: &Unrecorded) -> Vec<Identity> {
    let values =
        [None, Some(json!("a")), Some(json!(["b", 1])), Some(json!([])), Some(json!(true))];
    let mut people = vec![who.clone()];
    if unrecorded.mailbox || unrecorded.domain {
        let own = who.claims.text("email").and_then(|email| email.split_once('@'));
        let domains = match own {
            Some((_, domain)) if !unrecorded.domain => vec![domain],
            _ => vec!["corp.example", "other.example", "evil.test", "b@corp.example"],
        };
        for domain in domains {
            for mailbox in ["ann", "Ann", "zoe", "x"] {
                let mut claims = who.claims.as_map().clone();
                claims.insert("email".to_owned(), json!(format!("{mailbox}@{domain}")));
                people.push(with_claims(who, claims));
            }
        }
    }
    if !unrecorded.claims.is_empty() {
        let known: Vec<Identity> = people.clone();
        for who in known {
            for (x, y) in values.iter().flat_map(|x| values.iter().map(move |y| (x, y))) {
                let mut claims = who.claims.as_map().clone();
                for (name, value) in [("x", x), ("y", y), ("z", y)] {
                    claims.remove(name);
                    claims.extend(value.clone().map(|value| (name.to_owned(), value)));
                }
                people.push(with_claims(&who, claims));
            }
        }
    }
    people
}

fn with_claims(who: &Identity, claims: serde_json::Map<String, Value>) -> Identity {
    let mut other = Identity::new(&who.subject, Claims::new(claims), who.issued_at);
    other.omitted.clone_from(&who.omitted);
    other.signed_in_at = who.signed_in_at;
    other
}

fn any_unrecorded() -> impl Strategy<Value = Unrecorded> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(mailbox, domain, claims)| {
        // Who does not keep the domain does not keep the address.
        let claims = claims.then(|| Identity::EVERY_OTHER.into()).into_iter().collect();
        Unrecorded { mailbox: mailbox || domain, domain, claims, ..Unrecorded::NOTHING }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn a_definite_answer_is_the_answer_of_every_filling(
        rules in any_policy(),
        asked in prop::collection::vec((any_question(), any_unrecorded()), 4),
    ) {
        let compiled = policy(&rules);
        for (asked, unrecorded) in &asked {
            let Some(who) = &asked.identity else {
                let question = question(asked, None, None);
                let outcome = compiled.evaluate(&question).outcome();
                prop_assert_eq!(compiled.certain(&question), Some(outcome));
                continue;
            };
            // Nobody keeps a hash of an address that nobody vouches for; and one without a domain
            // is kept without a domain.
            let Some(address) = who.address.verified().or((!unrecorded.mailbox).then_some("a@b"))
            else {
                continue;
            };
            let domain = unrecorded.domain || unrecorded.mailbox && domain_of(address).is_none();
            let unrecorded = &Unrecorded { domain, ..unrecorded.clone() };
            let recorded = redacted(who, unrecorded);
            let supposed = Supposed::without(unrecorded.clone());
            let recorded = question(asked, Some(&recorded), supposed.as_ref());
            let Some(certain) = compiled.certain(&recorded) else {
                continue;
            };
            prop_assert_eq!(compiled.evaluate(&recorded).outcome(), certain);
            for filled in fillings(who, unrecorded) {
                let outcome = compiled.evaluate(&question(asked, Some(&filled), None)).outcome();
                prop_assert_eq!(outcome, certain, "{:?} {:?}", filled, unrecorded);
            }
        }
    }

    #[test]
    fn with_nothing_missing_it_is_the_plain_answer(rules in any_policy(), asked in any_question()) {
        let compiled = policy(&rules);
        let question = asked.question();
        prop_assert_eq!(compiled.certain(&question), Some(compiled.evaluate(&question).outcome()));
    }
}

/// Answers that one leaf may give; more than one where its fact is missing.
fn any_leaf() -> impl Strategy<Value = Vec<(Answer, Reason)>> {
    let one = |answer, reason| Just(vec![(answer, reason)]);
    prop_oneof![
        one(Answer::Yes, Reason::UserOk),
        one(Answer::No, Reason::UserUnauthorized),
        one(Answer::Unknown, Reason::EmailUnverified),
        // What asks a person to sign in again.
        one(Answer::Unknown, Reason::UserUnauthenticated),
        one(Answer::No, Reason::AuthAgeExceeded),
        // What refuses before that.
        one(Answer::Yes, Reason::ClientCertificateRequired),
        Just([Answer::Yes, Answer::No, Answer::Unknown].map(|a| (a, Reason::EmailOk)).to_vec()),
    ]
}

type Body = Vec<(Operator, Vec<Vec<(Answer, Reason)>>)>;

fn any_operators() -> impl Strategy<Value = Body> {
    let operator =
        prop::sample::select(vec![Operator::And, Operator::Or, Operator::Not, Operator::Nor]);
    prop::collection::vec((operator, prop::collection::vec(any_leaf(), 1..4)), 1..4)
}

fn turned(operator: Operator, answer: (Answer, Reason)) -> Finding {
    let finding = Finding::of(answer);
    if operator.inverts() { finding.negated() } else { finding }
}

fn finish(operator: Operator) -> fn(Merge) -> Finding {
    if matches!(operator, Operator::And | Operator::Not) { Merge::all } else { Merge::any }
}

/// Every choice of one from each list.
fn choices<T: Copy>(lists: &[Vec<T>]) -> Vec<Vec<T>> {
    lists.iter().fold(vec![Vec::new()], |chosen, list| {
        chosen
            .iter()
            .flat_map(|before| {
                list.iter().map(move |next| before.iter().copied().chain([*next]).collect())
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn what_is_put_together_by_twos_is_what_every_filling_gives(body in any_operators()) {
        let by_twos = joined(
            body.iter().map(|(operator, leaves)| {
                let leaves = leaves.iter().map(|answers| {
                    answers.iter().fold(Findings::NONE, |found, answer| {
                        found.with(turned(*operator, *answer))
                    })
                });
                joined(leaves, finish(*operator))
            }),
            Merge::any,
        );
        let terms: Vec<Vec<Finding>> = body
            .iter()
            .map(|(operator, leaves)| {
                let merged = |answers: Vec<(Answer, Reason)>| {
                    let mut merge = Merge::default();
                    answers.into_iter().for_each(|answer| merge.add(turned(*operator, answer)));
                    finish(*operator)(merge)
                };
                choices(leaves).into_iter().map(merged).collect()
            })
            .collect();
        let every = choices(&terms).into_iter().fold(Findings::NONE, |found, terms| {
            let mut merge = Merge::default();
            terms.into_iter().for_each(|term| merge.add(term));
            found.with(merge.any())
        });
        prop_assert_eq!(by_twos, every);
    }
}

fn ann(unrecorded: &Unrecorded) -> Identity {
    let claims = json!({"sub": "001", "email": "ann@corp.example", "email_verified": true});
    let who = Identity::new("001", Claims::new(claims.as_object().unwrap().clone()), NOW);
    redacted(&who, unrecorded)
}

fn certain_for_ann(rules: &Value, unrecorded: &Unrecorded) -> Option<Outcome> {
    let who = ann(unrecorded);
    let compiled: Policy = policy(rules);
    let supposed = Supposed::without(unrecorded.clone());
    let question = super::super::tests::question("GET", "/", Some(&who));
    compiled.certain(&Question { supposed: supposed.as_ref(), ..question })
}

#[test]
fn a_missing_fact_counts_only_where_it_matters() {
    let hashed = Unrecorded { mailbox: true, ..Unrecorded::NOTHING };
    let left_out = Unrecorded { mailbox: true, domain: true, ..Unrecorded::NOTHING };
    let no_claims = Unrecorded { claims: vec!["*".into()], ..Unrecorded::NOTHING };
    let by_domain = json!({"allow": {"or": [{"domain": "corp.example"}]}});
    let by_address = json!({"allow": {"or": [{"email": "ann@corp.example"}]}});
    let by_either = json!({"allow": {"or": [{"email": "zoe@corp.example"}, {"user": "001"}]}});
    let by_claim = json!({"allow": {"or": [{"claim/org_id": "A1"}]}});
    let denied = json!({"allow": {"or": [{"user": "001"}]}, "deny": {"or": [{"email": "ann@corp.example"}]}});
    let nobody = json!({"allow": {"and": [{"email": "ann@corp.example"}, {"user": "002"}]}});
    for (rules, unrecorded, expected) in [
        (&by_domain, &hashed, Some(Outcome::Allow)),
        (&by_domain, &left_out, None),
        (&by_address, &hashed, None),
        (&by_address, &Unrecorded::NOTHING, Some(Outcome::Allow)),
        (&by_either, &left_out, Some(Outcome::Allow)),
        (&by_claim, &no_claims, None),
        (&by_claim, &left_out, Some(Outcome::Deny)),
        (&denied, &hashed, None),
        (&nobody, &left_out, Some(Outcome::Deny)),
    ] {
        assert_eq!(certain_for_ann(rules, unrecorded), expected, "{rules} {unrecorded:?}");
    }
}
