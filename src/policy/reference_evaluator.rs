//! A second evaluator for tests, simple and slow: written from the grammar alone, it walks the JSON
//! of a policy with sets of words. Random policies and requests are put to both evaluators, which
//! must agree.

use std::collections::BTreeSet;
use std::net::IpAddr;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::tests::{certificate, moment, person, policy};
use super::*;
use crate::identity::{ClientCertificate, Identity};

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
        "http_method" => says("http-method", text(data, Some(question.method), false)),
        "http_path" => says("http-path", text(data, Some(question.path), false)),
        "source_ip" => says("source-ip", data == &json!(question.source_ip.to_string())),
        "client_certificate" => with_certificate(data, question.client_certificate),
        "invalid_client_certificate" => match question.client_certificate {
            None => (Some(true), "client-certificate-required".to_owned()),
            Some(shown) if shown.valid => (Some(false), "valid-client-certificate".to_owned()),
            Some(_) => (Some(true), "invalid-client-certificate".to_owned()),
        },
        "date" => says("date", date(data, question.now)),
        "day_of_week" => says("day-of-week", day_of_week(data, question.now)),
        "time_of_day" => says("time-of-day", time_of_day(data, question.now)),
        "auth_age" => match question.identity {
            None => (None, "user-unauthenticated".to_owned()),
            Some(who) => {
                let minutes: i64 = data.as_str().unwrap().trim_end_matches('m').parse().unwrap();
                let young = question.now.0 - who.signed_in_at.0 <= minutes * 60;
                let reason = if young { "auth-age-ok" } else { "auth-age-exceeded" };
                (Some(young), reason.to_owned())
            }
        },
        _ => match question.identity {
            None => (None, "user-unauthenticated".to_owned()),
            Some(who) => of_person(name, key, data, who),
        },
    };
    (value, value == Some(true), BTreeSet::from([reason]))
}

fn with_certificate(data: &Value, shown: Option<&ClientCertificate>) -> (Option<bool>, String) {
    let Some(shown) = shown else { return says("client-certificate", false) };
    let (mut unknown, mut good) = (false, true);
    for (key, wanted) in data.as_object().unwrap() {
        let names = match key.as_str() {
            "fingerprint" => {
                good &= wanted == &json!(shown.fingerprint);
                continue;
            }
            "spki_hash" => {
                good &= wanted.as_array().unwrap().contains(&json!(shown.spki_hash));
                continue;
            }
            "san_email" => &shown.san_email,
            "san_dns" => &shown.san_dns,
            "san_uri" => &shown.san_uri,
            _ => panic!("{key}"),
        };
        unknown |= !shown.valid;
        good &= !shown.valid || names.iter().any(|name| text(wanted, Some(name), false));
    }
    if good && unknown {
        return (None, "client-certificate-unauthorized".to_owned());
    }
    says("client-certificate", good)
}

/// What calendar and clock show at `now` in the zone that `data` names.
fn local(data: &Value, now: Timestamp) -> jiff::Zoned {
    let zone = data["timezone"].as_str().unwrap_or("UTC");
    jiff::Timestamp::from_second(now.0).unwrap().in_tz(zone).unwrap()
}

fn date(data: &Value, now: Timestamp) -> bool {
    let now = local(data, now).datetime();
    let bound = |key: &str| data[key].as_str().map(|text| text.parse().unwrap());
    let (after, before): (Option<jiff::civil::DateTime>, Option<jiff::civil::DateTime>) =
        (bound("after"), bound("before"));
    after.is_none_or(|after| now >= after) && before.is_none_or(|before| now < before)
}

fn day_of_week(data: &Value, now: Timestamp) -> bool {
    let days = data.get("days").unwrap_or(data).as_str().unwrap();
    let today = format!("{:?}", local(data, now).weekday()).to_lowercase();
    let week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    days.split(',').any(|part| {
        let Some((first, last)) = part.split_once('-') else {
            return part == "*" || today.starts_with(part);
        };
        let twice = week.iter().chain(&week).skip_while(|day| **day != first);
        let until = twice.take_while(|day| **day != last).chain([&last]);
        until.into_iter().any(|day| today.starts_with(day))
    })
}

fn time_of_day(data: &Value, now: Timestamp) -> bool {
    let now = local(data, now).time();
    let bound = |key: &str| data[key].as_str().map(|text| text.parse().unwrap());
    let (after, before): (Option<jiff::civil::Time>, Option<jiff::civil::Time>) =
        (bound("after"), bound("before"));
    match (after, before) {
        (Some(after), Some(before)) if after > before => now >= after || now < before,
        (after, before) => {
            after.is_none_or(|after| now >= after) && before.is_none_or(|before| now < before)
        }
    }
}

fn says(what: &str, holds: bool) -> (Option<bool>, String) {
    (Some(holds), format!("{what}-{}", if holds { "ok" } else { "unauthorized" }))
}

fn of_person(name: &str, key: &str, data: &Value, who: &Identity) -> (Option<bool>, String) {
    let email = who.claims.text("email").unwrap_or_default();
    let verified = who.claims.get("email_verified") == Some(&json!(true));
    match name {
        "authenticated_user" => says("user", true),
        "user" => says("user", text(data, Some(&who.subject), false)),
        "email" | "domain" if email.is_empty() => says(name, text(data, None, true)),
        "email_verified" if email.is_empty() => says("email-verified", false),
        "email_verified" => says("email-verified", data == &json!(verified)),
        "private_relay" if email.is_empty() => says("private-relay", false),
        "private_relay" if !verified => (None, "email-unverified".to_owned()),
        "private_relay" if email.matches('@').count() != 1 => {
            (None, "private-relay-unauthorized".to_owned())
        }
        "private_relay" => {
            let flagged = who.claims.get("is_private_email") == Some(&json!(true));
            let relay = flagged || email.to_lowercase().ends_with("@privaterelay.appleid.com");
            says("private-relay", data == &json!(relay))
        }
        "managed_account" => {
            if who.omitted.iter().any(|omitted| &**omitted == "org_id") {
                return (None, "managed-account-unauthorized".to_owned());
            }
            let organization = who.claims.get("org_id");
            says(
                "managed-account",
                match data.as_bool() {
                    Some(wanted) => wanted == organization.is_some(),
                    None => organization == Some(data),
                },
            )
        }
        "email" | "domain" if !verified => (None, "email-unverified".to_owned()),
        "email" if email.matches('@').count() != 1 => (None, "email-unauthorized".to_owned()),
        "email" => says(name, text(data, Some(email), true)),
        "domain" if email.matches('@').count() != 1 => says(name, false),
        "domain" => says(name, text(data, email.split('@').nth(1), true)),
        "groups" => in_groups(data, email, verified, &who.subject),
        "claim" => {
            let claim = key.strip_prefix("claim/").unwrap();
            if who.omitted.iter().any(|omitted| &**omitted == claim) {
                return (None, "claim-unauthorized".to_owned());
            }
            let values = match who.claims.get(claim) {
                None => Vec::new(),
                Some(Value::Object(_)) => return (None, "claim-unauthorized".to_owned()),
                Some(Value::Array(values)) => values.clone(),
                Some(value) => vec![value.clone()],
            };
            says("claim", list(data, &values))
        }
        _ => panic!("{name}"),
    }
}

/// The groups that the generated rules ask for.
pub(super) fn groups_file() -> Value {
    json!({
        "a": ["Ann@corp.example", "002"],
        "b": ["domain:other.example", "sub:001"],
        "ids": ["0", "sub:002"],
    })
}

fn in_groups(data: &Value, email: &str, verified: bool, subject: &str) -> (Option<bool>, String) {
    let file = groups_file();
    let usable = email.matches('@').count() == 1;
    let lower = email.to_ascii_lowercase();
    let is_in = |group: &str| {
        let mut unknown = false;
        for member in file[group].as_array().unwrap() {
            let member = member.as_str().unwrap().to_ascii_lowercase();
            let domain = member.strip_prefix("domain:");
            if domain.is_none() && !member.contains('@') {
                if member.trim_start_matches("sub:") == subject {
                    return Some(true);
                }
                continue;
            }
            if !email.is_empty() && !verified {
                unknown = true;
            } else if verified && usable {
                let same = domain.map_or(lower == member, |d| lower.split('@').nth(1) == Some(d));
                if same {
                    return Some(true);
                }
            } else if verified && !email.is_empty() {
                // Some address, and nobody can tell whose.
                unknown |= domain.is_none();
            }
        }
        (!unknown).then_some(false)
    };
    let any = |wanted: &dyn Fn(&str) -> bool| {
        let names = file.as_object().unwrap().keys().filter(|name| wanted(name));
        let answers: Vec<_> = names.map(|name| is_in(name)).collect();
        match answers.contains(&Some(true)) {
            true => Some(true),
            false if answers.contains(&None) => None,
            false => Some(false),
        }
    };
    let not = |value: Option<bool>| value.map(|value| !value);
    let operators = match data {
        Value::Object(operators) => operators.clone(),
        bare => [("has".to_owned(), bare.clone())].into_iter().collect(),
    };
    let mut answers = Vec::new();
    for (operator, value) in &operators {
        let name = value.as_str().unwrap_or_default();
        match operator.as_str() {
            "has" => answers.push(is_in(name)),
            "exclude" => answers.push(not(is_in(name))),
            "is" => answers.extend([is_in(name), not(any(&|other| other != name))]),
            "matches" => answers.push(any(&|other| matches(name, other))),
            "exists" if value == &json!(true) => answers.push(any(&|_| true)),
            "exists" => answers.push(not(any(&|_| true))),
            _ => panic!("{operator}"),
        }
    }
    if answers.contains(&Some(false)) {
        return says("groups", false);
    }
    if answers.contains(&None) {
        let unverified = !email.is_empty() && !verified;
        let reason = if unverified { "email-unverified" } else { "groups-unauthorized" };
        return (None, reason.to_owned());
    }
    says("groups", true)
}

fn text(data: &Value, seen: Option<&str>, any_case: bool) -> bool {
    let any_case = any_case && data.get("strict") != Some(&json!(true));
    let fold = |text: &str| if any_case { text.to_ascii_lowercase() } else { text.to_owned() };
    let operators = match data {
        Value::Object(operators) => operators.clone(),
        bare => [("is".to_owned(), bare.clone())].into_iter().collect(),
    };
    operators.iter().filter(|(operator, _)| *operator != "strict").all(|(operator, value)| {
        let Some(seen) = seen.map(fold) else {
            return operator == "exists" && value == &json!(false);
        };
        let part = fold(value.as_str().unwrap_or_default());
        let listed = || value.as_array().unwrap().iter().any(|v| fold(v.as_str().unwrap()) == seen);
        match operator.as_str() {
            "is" => seen == part,
            "not" => seen != part,
            "in" => listed(),
            "not_in" => !listed(),
            "contains" => seen.contains(&part),
            "starts_with" => seen.starts_with(&part),
            "ends_with" => seen.ends_with(&part),
            "matches" => matches(&part, &seen),
            "exists" => value == &json!(true),
            _ => panic!("{operator}"),
        }
    })
}

/// The few expressions that the generators know, by hand.
fn matches(expression: &str, seen: &str) -> bool {
    match expression {
        ".*" => true,
        ".*example" => seen.ends_with("example"),
        "[^@]+@corp[.]example" => {
            let local = seen.strip_suffix("@corp.example");
            local.is_some_and(|local| !local.is_empty() && !local.contains('@'))
        }
        "a|b" => seen == "a" || seen == "b",
        "/a?" => seen == "/" || seen == "/a",
        "0*[12]" => seen.trim_start_matches('0') == "1" || seen.trim_start_matches('0') == "2",
        _ => panic!("{expression}"),
    }
}

fn list(data: &Value, values: &[Value]) -> bool {
    let Some(operators) = data.as_object() else { return values.contains(data) };
    operators.iter().all(|(operator, value)| match operator.as_str() {
        "has" => values.contains(value),
        "is" => values == std::slice::from_ref(value),
        "exclude" => !values.contains(value),
        "exists" => value == &json!(!values.is_empty()),
        "matches" => {
            let expression = value.as_str().unwrap();
            values.iter().filter_map(Value::as_str).any(|text| matches(expression, text))
        }
        _ => panic!("{operator}"),
    })
}

const EXPRESSIONS: &[&str] = &[".*", ".*example", "[^@]+@corp[.]example", "a|b", "/a?", "0*[12]"];

fn any_text_matcher(words: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let word = || prop::sample::select(words);
    let one = prop_oneof![
        (prop::sample::select(vec!["is", "not", "contains", "starts_with", "ends_with"]), word())
            .prop_map(|(operator, word)| (operator, json!(word))),
        (prop::sample::select(vec!["in", "not_in"]), prop::collection::vec(word(), 0..4))
            .prop_map(|(operator, words)| (operator, json!(words))),
        prop::sample::select(EXPRESSIONS).prop_map(|text| ("matches", json!(text))),
        any::<bool>().prop_map(|there| ("exists", json!(there))),
    ];
    let map = prop::collection::vec(one, 1..3).prop_map(|operators| {
        Value::Object(operators.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    });
    prop_oneof![word().prop_map(|word| json!(word)), map]
}

/// The same for addresses and domains, where the case of letters may be made to count.
fn any_strict_matcher(words: &'static [&'static str]) -> impl Strategy<Value = Value> {
    (any_text_matcher(words), prop::option::weighted(0.3, any::<bool>())).prop_map(
        |(mut matcher, strict)| {
            if let (Some(operators), Some(strict)) = (matcher.as_object_mut(), strict) {
                operators.insert("strict".to_owned(), json!(strict));
            }
            matcher
        },
    )
}

fn any_certificate_matcher() -> impl Strategy<Value = Value> {
    let fingerprint = prop::sample::select(vec!["a".repeat(64), "b".repeat(64)]);
    let parts = (
        prop::option::weighted(0.4, fingerprint),
        prop::option::weighted(0.2, Just(json!([SPKI]))),
        prop::option::weighted(0.4, any_text_matcher(EMAILS)),
        prop::option::weighted(0.4, any_text_matcher(DOMAINS)),
    );
    parts.prop_map(|(fingerprint, spki_hash, san_email, san_dns)| {
        let mut data = serde_json::Map::new();
        let parts = [
            ("fingerprint", fingerprint.map(|text| json!(text))),
            ("spki_hash", spki_hash),
            ("san_email", san_email),
            ("san_dns", san_dns),
        ];
        for (key, value) in parts {
            data.extend(value.map(|value| (key.to_owned(), value)));
        }
        if data.is_empty() {
            data.insert("san_uri".to_owned(), json!({"exists": true}));
        }
        Value::Object(data)
    })
}

const SPKI: &str = "FsDbM0rUYIiL3V339eIKqiz6HPSB+Pz2WeAWhqlqh8U=";
const ZONES: &[&str] = &["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"];

fn any_time() -> impl Strategy<Value = Value> {
    let zone = || prop::sample::select(ZONES);
    let dates = prop::sample::subsequence(
        vec!["2026-03-28", "2026-03-29T03:30:00", "2026-06-01", "2026-10-25T04:00:00"],
        2,
    );
    let date = (dates, 0..3_u8, zone()).prop_map(|(dates, which, zone)| {
        let mut data = json!({"after": dates[0], "before": dates[1], "timezone": zone});
        match which {
            0 => drop(data.as_object_mut().unwrap().remove("after")),
            1 => drop(data.as_object_mut().unwrap().remove("before")),
            _ => {}
        }
        json!({"date": data})
    });
    let days = vec!["*", "mon", "sat-mon", "tue-thu", "mon,wed,fri", "sun,thu-fri", "fri-fri"];
    let day =
        (prop::sample::select(days), prop::option::of(zone())).prop_map(
            |(days, zone)| match zone {
                None => json!({"day_of_week": days}),
                Some(zone) => json!({"day_of_week": {"days": days, "timezone": zone}}),
            },
        );
    let times = prop::sample::subsequence(vec!["00:30", "02:30", "08:00:00", "17:00", "23:59"], 2);
    let time = (times, any::<bool>(), 0..4_u8, zone()).prop_map(|(times, turned, which, zone)| {
        let (one, other) = if turned { (1, 0) } else { (0, 1) };
        let mut data = json!({"after": times[one], "before": times[other], "timezone": zone});
        match which {
            0 => drop(data.as_object_mut().unwrap().remove("after")),
            1 => drop(data.as_object_mut().unwrap().remove("before")),
            _ => {}
        }
        json!({"time_of_day": data})
    });
    prop_oneof![date, day, time]
}

fn any_list_matcher() -> impl Strategy<Value = Value> {
    let single =
        || prop::sample::select(vec![json!("a"), json!("b"), json!(1), json!("1"), json!(true)]);
    let operator = prop::sample::select(vec!["has", "is", "exclude"]);
    let one = prop_oneof![
        (operator, single()),
        prop::sample::select(EXPRESSIONS).prop_map(|text| ("matches", json!(text))),
        any::<bool>().prop_map(|there| ("exists", json!(there))),
    ];
    let map = prop::collection::vec(one, 1..3).prop_map(|operators| {
        Value::Object(operators.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    });
    prop_oneof![single(), map]
}

fn any_group_matcher() -> impl Strategy<Value = Value> {
    let name = || prop::sample::select(vec!["a", "b", "ids"]).prop_map(|name| json!(name));
    let one = prop_oneof![
        (prop::sample::select(vec!["has", "is", "exclude"]), name()),
        prop::sample::select(vec![".*", "a|b"]).prop_map(|text| ("matches", json!(text))),
        any::<bool>().prop_map(|there| ("exists", json!(there))),
    ];
    let map = prop::collection::vec(one, 1..3).prop_map(|operators| {
        Value::Object(operators.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    });
    prop_oneof![name(), map]
}

const EMAILS: &[&str] = &[
    "ann@corp.example",
    "Ann@Corp.example",
    "zoe@other.example",
    "a@b@corp.example",
    "corp.example",
    "x1@privaterelay.appleid.com",
    "",
];
const DOMAINS: &[&str] = &["corp.example", "CORP.example", "other.example", ".example", "corp", ""];
const METHODS: &[&str] = &["GET", "POST", "get", "E"];
const PATHS: &[&str] = &["/", "/a", "/A", "/a/b", "b"];
const SUBJECTS: &[&str] = &["001", "002", "0", "ann@corp.example"];
const ADDRESSES: &[&str] = &["192.0.2.1", "10.0.0.1", "2001:db8::1"];

fn any_criterion() -> impl Strategy<Value = Value> {
    let ignored = prop::sample::select(vec![
        "accept",
        "reject",
        "authenticated_user",
        "cors_preflight",
        "invalid_client_certificate",
    ]);
    let truths = (prop::sample::select(vec!["private_relay", "email_verified"]), any::<bool>());
    let organizations = vec![json!(true), json!(false), json!("a"), json!("b")];
    let claim = prop::sample::select(vec!["claim/x", "claim/y", "claim/z"]);
    prop_oneof![
        ignored.prop_map(|name| json!({name: true})),
        any_strict_matcher(EMAILS).prop_map(|data| json!({"email": data})),
        any_strict_matcher(DOMAINS).prop_map(|data| json!({"domain": data})),
        any_text_matcher(METHODS).prop_map(|data| json!({"http_method": data})),
        any_text_matcher(PATHS).prop_map(|data| json!({"http_path": data})),
        any_text_matcher(SUBJECTS).prop_map(|data| json!({"user": data})),
        any_group_matcher().prop_map(|data| json!({"groups": data})),
        (claim, any_list_matcher()).prop_map(|(name, data)| json!({name: data})),
        prop::sample::select(ADDRESSES).prop_map(|address| json!({"source_ip": address})),
        truths.prop_map(|(name, wanted)| json!({name: wanted})),
        prop::sample::select(organizations).prop_map(|data| json!({"managed_account": data})),
        prop::sample::select(vec!["2m", "60m"]).prop_map(|data| json!({"auth_age": data})),
        any_certificate_matcher().prop_map(|data| json!({"client_certificate": data})),
        any_time(),
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

/// Somebody, and how many seconds ago they signed in.
fn any_person() -> impl Strategy<Value = Option<(Identity, i64)>> {
    let claim = || {
        prop::option::of(prop::sample::select(vec![
            json!("a"),
            json!(["a", "b"]),
            json!(["a"]),
            json!([]),
            json!({"a": "b"}),
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
        (prop::option::of(any::<bool>()), prop::option::of(prop::sample::select(vec!["a", "c"]))),
        prop::sample::select(vec![-60_i64, 0, 120, 121, 3_600, 3_601]),
    );
    prop::option::weighted(
        0.85,
        parts.prop_map(|(subject, email, verified, (x, y), left_out, (relay, org), ago)| {
            let mut claims = json!({"sub": subject, "email_verified": verified});
            for (name, value) in [
                ("email", email.map(|email| json!(email))),
                ("x", x),
                ("y", y),
                ("is_private_email", relay.map(|relay| json!(relay))),
                ("org_id", org.map(|org| json!(org))),
            ] {
                if let Some(value) = value {
                    claims[name] = value;
                }
            }
            let mut who = person(&claims);
            if left_out {
                who.omitted.push("z".into());
                if who.claims.remove("org_id").is_some() {
                    who.omitted.push("org_id".into());
                }
            }
            (who, ago)
        }),
    )
}

#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) source_ip: IpAddr,
    pub(super) cors_preflight: bool,
    pub(super) now: Timestamp,
    pub(super) certificate: Option<ClientCertificate>,
    pub(super) identity: Option<Identity>,
}

impl Asked {
    pub(super) fn question(&self) -> Question<'_> {
        Question {
            method: self.method,
            path: self.path,
            source_ip: self.source_ip,
            cors_preflight: self.cors_preflight,
            now: self.now,
            client_certificate: self.certificate.as_ref(),
            identity: self.identity.as_ref(),
            supposed: None,
        }
    }
}

/// Moments around those at which the generated rules change their minds.
fn any_moment() -> impl Strategy<Value = Timestamp> {
    let near = vec![
        "2026-02-02T02:40:00Z",
        "2026-03-28T00:00:00Z",
        "2026-03-29T01:30:00Z",
        "2026-06-01T04:00:00Z",
        "2026-10-25T00:30:00Z",
        "2026-10-25T03:00:00Z",
        "2026-12-31T22:59:00Z",
    ];
    (prop::sample::select(near), prop_oneof![-1..2_i64, -200_000..200_000_i64])
        .prop_map(|(near, by)| Timestamp(moment(near).0 + by))
}

fn any_certificate() -> impl Strategy<Value = Option<ClientCertificate>> {
    let names =
        |words: &'static [&'static str]| prop::collection::vec(prop::sample::select(words), 0..3);
    let parts = (
        prop::sample::select(vec!["a", "b", "c"]),
        prop::sample::select(vec![SPKI, "other"]),
        names(EMAILS),
        names(DOMAINS),
        any::<bool>(),
    );
    prop::option::weighted(
        0.7,
        parts.prop_map(|(digit, spki_hash, san_email, san_dns, valid)| {
            certificate(&json!({"fingerprint": digit.repeat(64), "spki_hash": spki_hash,
                "san_email": san_email, "san_dns": san_dns, "valid": valid}))
        }),
    )
}

pub(super) fn any_question() -> impl Strategy<Value = Asked> {
    let method = prop::sample::select(METHODS);
    let (path, address) = (prop::sample::select(PATHS), prop::sample::select(ADDRESSES));
    (method, path, address, any::<bool>(), any_moment(), any_certificate(), any_person()).prop_map(
        |(method, path, address, cors_preflight, now, certificate, person)| Asked {
            method,
            path,
            source_ip: address.parse().unwrap(),
            cors_preflight,
            now,
            certificate,
            identity: person.map(|(mut who, ago)| {
                who.signed_in_at = Timestamp(now.0 - ago);
                who
            }),
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
            let question = asked.question();
            let verdict = compiled.evaluate(&question);
            let (allow, deny) = evaluate(&rules, &question);
            let asked_to_sign_in = ["user-unauthenticated", "auth-age-exceeded"]
                .iter()
                .any(|reason| allow.2.contains(*reason) || deny.2.contains(*reason));
            let bad_certificate = ["client-certificate-required", "invalid-client-certificate"]
                .iter()
                .any(|reason| deny.2.contains(*reason));
            let expected = if bad_certificate {
                Outcome::Deny
            } else if asked_to_sign_in {
                Outcome::SignIn
            } else if deny.0 != Some(false) || allow.0 != Some(true) {
                Outcome::Deny
            } else {
                Outcome::Allow
            };
            prop_assert_eq!((verdict.allow, words(verdict.allow_reasons)), as_words(allow));
            prop_assert_eq!((verdict.deny, words(verdict.deny_reasons)), as_words(deny));
            prop_assert_eq!(verdict.outcome(), expected);
            let status = match expected {
                Outcome::Allow => 200,
                Outcome::SignIn => 302,
                Outcome::Deny if bad_certificate => 495,
                Outcome::Deny => 403,
            };
            prop_assert_eq!(verdict.status(true), status);
            let explained = compiled.explain(&question);
            prop_assert_eq!(explained.outcome, expected);
        }
    }

    /// Whoever signs in because the last time was too long ago is not asked again, by any policy:
    /// not at once, and not after a minute on the way from the authenticate host.
    #[test]
    fn nobody_who_has_just_signed_in_is_asked_again(rules in any_policy(), asked in any_question()) {
        let compiled = policy(&rules);
        let asks = |signed_in_at: Timestamp| {
            let mut asked = asked.clone();
            let identity = asked.identity.as_mut();
            identity.into_iter().for_each(|who| who.signed_in_at = signed_in_at);
            compiled.evaluate(&asked.question()).asks_again()
        };
        prop_assert!(!asks(asked.now) && !asks(Timestamp(asked.now.0 - 120)));
        if let Some(since) = compiled.signed_in_since(Timestamp(asked.now.0 - 60)) {
            prop_assert!(!asks(since));
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
        let question = asked.question();
        prop_assert_eq!(written(false).evaluate(&question), written(true).evaluate(&question));
    }
}
