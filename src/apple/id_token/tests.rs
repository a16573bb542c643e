use std::sync::LazyLock;

use super::*;
use crate::apple::testing::{
    CLIENT_ID, FORGED_KEY, ISSUER, KEY, NEXT_KEY, NONCE, NOW, good_claims, jwks, part,
};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;
use serde_json::json;

static KEYS: LazyLock<KeySet> =
    LazyLock::new(|| KeySet::read(jwks(&[&KEY, &NEXT_KEY]).to_string().as_bytes()).unwrap());
static ACCESS_TOKEN: LazyLock<Secret> = LazyLock::new(|| Secret::new("a.0.access"));

fn expected() -> Expectations<'static> {
    Expectations { issuer: ISSUER, client_id: CLIENT_ID, nonce: NONCE, access_token: &ACCESS_TOKEN }
}

fn check(token: &str) -> Result<VerifiedIdToken, IdTokenError> {
    verify(token, &KEYS, expected(), NOW)
}

fn refusal(token: &str) -> &'static str {
    match check(token) {
        Ok(_) => "accepted",
        Err(error) => error.code().word(),
    }
}

fn with_claim(name: &str, value: Value) -> String {
    let mut claims = good_claims();
    claims[name] = value;
    KEY.token(&claims)
}

fn without_claim(name: &str) -> String {
    let mut claims = good_claims();
    claims.as_object_mut().unwrap().remove(name);
    KEY.token(&claims)
}

/// A token with this header, signed rightly all the same.
fn with_header(header: &Value) -> String {
    KEY.token_of(&header.to_string(), &good_claims().to_string())
}

fn with_header_member(name: &str, value: Value) -> String {
    let mut header = json!({"kid": "KEY1", "alg": "RS256"});
    header[name] = value;
    with_header(&header)
}

#[test]
fn a_good_token_becomes_an_identity_with_every_claim_but_the_protocols() {
    let identity = check(&KEY.token(&good_claims())).unwrap().into_identity();
    assert_eq!(&*identity.subject, "001234.0123456789abcdef0123456789abcdef.0123");
    assert_eq!(identity.issued_at, NOW);
    assert_eq!(identity.address.verified(), Some("ann@corp.example"));
    assert_eq!(identity.display_name, None);
    let names: Vec<_> = identity.claims.iter().map(|(name, _)| name).collect();
    let all = ["aud", "auth_time", "email", "email_verified", "exp", "iat", "iss", "sub"];
    assert_eq!(names, all);
}

#[test]
fn t15_alg_none_and_its_spellings() {
    for alg in ["none", "None", "NONE", "nOnE", "", "RS256 ", "rs256", "Rs256"] {
        let header = part(&json!({"kid": "KEY1", "alg": alg}).to_string());
        let payload = part(&good_claims().to_string());
        assert_eq!(refusal(&format!("{header}.{payload}.")), "alg_refused", "{alg}");
        assert_eq!(refusal(&with_header_member("alg", json!(alg))), "alg_refused", "{alg}");
    }
    for alg in [json!(null), json!(["RS256"]), json!(256), json!({"RS256": 1})] {
        assert_eq!(refusal(&with_header_member("alg", alg)), "alg_refused");
    }
    assert_eq!(refusal(&with_header(&json!({"kid": "KEY1"}))), "alg_refused");
}

#[test]
fn t15_hs256_with_the_public_key_as_secret() {
    let secrets = [
        KEY.public_der(),
        STANDARD.encode(KEY.public_der()).into_bytes(),
        KEY.jwk().to_string().into_bytes(),
        KEY.jwk()["n"].as_str().unwrap().as_bytes().to_vec(),
    ];
    for secret in secrets {
        let header = part(r#"{"alg":"HS256","kid":"KEY1"}"#);
        let message = format!("{header}.{}", part(&good_claims().to_string()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
        assert_eq!(refusal(&token), "alg_refused");
        // And under the right name it is no RS256 signature.
        let lie = token.replace(&header, &part(r#"{"alg":"RS256","kid":"KEY1"}"#));
        assert_eq!(refusal(&lie), "signature_bad");
    }
}

#[test]
fn t15_es256_and_ps256_with_an_rsa_key() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let message =
        format!("{}.{}", part(r#"{"alg":"ES256","kid":"KEY1"}"#), part(&good_claims().to_string()));
    let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
    assert_eq!(refusal(&token), "alg_refused");
    for alg in ["ES256", "PS256", "RS384", "RS512", "EdDSA", "HS512"] {
        assert_eq!(refusal(&with_header_member("alg", json!(alg))), "alg_refused", "{alg}");
    }
}

#[test]
fn t15_the_header_never_supplies_a_key() {
    let certificate = STANDARD.encode(FORGED_KEY.public_der());
    for (name, value) in [
        ("jwk", FORGED_KEY.jwk()),
        ("jku", json!("https://evil.test/keys")),
        ("x5u", json!("https://evil.test/cert")),
        ("x5c", json!([certificate])),
    ] {
        let header = json!({"kid": "KEY1", "alg": "RS256", name: value});
        let forged = FORGED_KEY.token_of(&header.to_string(), &good_claims().to_string());
        assert_eq!(refusal(&forged), "signature_bad", "{name}");
        // They are not read at all.
        assert_eq!(refusal(&with_header(&header)), "accepted", "{name}");
    }
}

#[test]
fn t15_a_kid_is_exactly_one_of_apples() {
    for kid in ["", "KEY3", "key1", "KEY1 ", " KEY1", "../../KEY1", "KEY1' OR '1'='1", "KEY1\0"] {
        let code = if kid.is_empty() { "id_token_malformed" } else { "unknown_kid" };
        assert_eq!(refusal(&with_header_member("kid", json!(kid))), code, "{kid}");
    }
    for kid in [json!(null), json!(1), json!(["KEY1"])] {
        assert_eq!(refusal(&with_header_member("kid", kid)), "id_token_malformed");
    }
    assert_eq!(refusal(&with_header(&json!({"alg": "RS256"}))), "id_token_malformed");
    let error = check(&with_header_member("kid", json!("KEY\n3"))).unwrap_err();
    assert_eq!(error.to_string(), "its key KEY\\n3 is not among the known ones (KEY1, KEY2)");
}

#[test]
fn t15_crit_b64_enc_and_zip_are_refused() {
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(null)),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("enc", json!("A256GCM")),
        ("zip", json!("DEF")),
    ] {
        assert_eq!(refusal(&with_header_member(name, value)), "id_token_malformed", "{name}");
    }
    for odd in [json!("JWT"), json!("at+jwt"), json!(5)] {
        assert_eq!(refusal(&with_header_member("typ", odd)), "accepted");
    }
}

#[test]
fn t15_anything_but_three_parts_is_refused() {
    let good = KEY.token(&good_claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    for token in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        message.to_owned(),
        format!("{message}."),
        format!(".{good}"),
        format!("{good}."),
        format!("{good}.{signature}"),
        format!("{message}..{signature}"),
        // A JWE has five parts (RFC 7516 §7.1).
        format!("{good}.AA.AA"),
        format!("{good}.{}", "A".repeat(17 * 1024)),
    ] {
        let code = refusal(&token);
        assert!(["id_token_malformed", "signature_bad"].contains(&code), "{code} {token}");
    }
}

#[test]
fn a_token_has_sixteen_kibibytes_at_most() {
    let token = |bytes: usize| with_claim("new", json!("x".repeat(bytes)));
    assert!(token(11_000).len() < TOKEN_LIMIT_BYTES);
    assert_eq!(refusal(&token(11_000)), "accepted");
    assert!(token(12_000).len() > TOKEN_LIMIT_BYTES);
    assert_eq!(refusal(&token(12_000)), "id_token_malformed");
}

#[test]
fn t15_other_encodings_are_refused() {
    let good = KEY.token(&good_claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    for token in [
        format!("{message}.{}", URL_SAFE.encode(&raw)),
        format!("{message}.{signature}="),
        format!(" {good}"),
        format!("{good}\n"),
        good.replacen('.', " .", 1),
        good.replacen('.', ".\r\n", 1),
        format!("{good}%3D"),
        good.replace('.', "%2E"),
    ] {
        assert_eq!(refusal(&token), "id_token_malformed", "{token}");
    }
    let standard = STANDARD.encode(&raw);
    if standard.contains(['+', '/']) {
        let token = format!("{message}.{}", standard.trim_end_matches('='));
        assert_eq!(refusal(&token), "id_token_malformed");
    }
    // 256 bytes leave four unused bits in the last character; they must be zero.
    let last = signature.chars().last().unwrap();
    for other in "BCDEFGHIJKLMNOP".chars().filter(|other| *other != last) {
        let token = format!("{}{other}", &good[..good.len() - 1]);
        assert_ne!(refusal(&token), "accepted", "{other}");
    }
}

#[test]
fn t15_members_named_twice_are_refused() {
    let payload = good_claims().to_string();
    for header in [
        r#"{"alg":"RS256","kid":"KEY1","alg":"RS256"}"#,
        r#"{"alg":"none","alg":"RS256","kid":"KEY1"}"#,
        r#"{"alg":"RS256","kid":"KEY2","kid":"KEY1"}"#,
        r#"{"alg":"RS256","kid":"KEY1","x":{"a":1,"a":2}}"#,
    ] {
        assert_eq!(refusal(&KEY.token_of(header, &payload)), "id_token_malformed", "{header}");
    }
    let header = r#"{"alg":"RS256","kid":"KEY1"}"#;
    for first in [r#"{"sub":"admin","#, r#"{"\u0073ub":"admin","#, r#"{"x":[{"a":1,"a":1}],"#] {
        let twice = payload.replacen('{', first, 1);
        assert_eq!(refusal(&KEY.token_of(header, &twice)), "id_token_malformed", "{first}");
    }
    for odd in ["", "null", "[]", "\"x\"", "{", "{} {}", "\u{feff}{}"] {
        assert_eq!(refusal(&KEY.token_of(odd, &payload)), "id_token_malformed", "{odd}");
        assert_eq!(refusal(&KEY.token_of(header, odd)), "id_token_malformed", "{odd}");
    }
}

#[test]
fn t15_a_signature_of_something_else() {
    let good = KEY.token(&good_claims());
    let other = KEY.token(&json!({"sub": "admin"}));
    let (message, _) = good.rsplit_once('.').unwrap();
    let (other_message, signature) = other.rsplit_once('.').unwrap();
    for token in [
        format!("{message}.{signature}"),
        format!("{message}.{}", FORGED_KEY.sign(message)),
        format!("{message}.{}", KEY.sign(other_message)),
        format!("{message}.{}", URL_SAFE_NO_PAD.encode([0; 256])),
        // The right key under the other one's name.
        with_header_member("kid", json!("KEY2")),
    ] {
        assert_eq!(refusal(&token), "signature_bad");
    }
    let error = check(&format!("{message}.AAAA")).unwrap_err();
    assert_eq!(error.to_string(), "its signature is not by key KEY1 (RS256)");
}

#[test]
fn t15_every_mutation_of_a_good_token_is_refused() {
    let good = KEY.token(&good_claims());
    assert_eq!(refusal(&good), "accepted");
    let mut tried = 0;
    let mut refuse = |token: String| {
        if token != good {
            assert_ne!(refusal(&token), "accepted", "{token}");
            tried += 1;
        }
    };
    // Every character: left out, doubled, changed.
    for at in 0..good.len() {
        let (before, after) = good.split_at(at);
        refuse(format!("{before}{}", &after[1..]));
        refuse(format!("{before}{}{after}", &after[..1]));
        for other in ["A", "_", ".", "=", "+", "\u{e4}"] {
            refuse(format!("{before}{other}{}", &after[1..]));
        }
        refuse(before.to_owned());
    }
    // Every claim and header member changed without a new signature.
    let (header, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    for name in good_claims().as_object().unwrap().keys() {
        let mut claims = good_claims();
        claims[name] = json!("other");
        refuse(format!("{header}.{}.{signature}", part(&claims.to_string())));
    }
    for name in ["kid", "alg", "typ", "jwk"] {
        let mut members = json!({"kid": "KEY1", "alg": "RS256"});
        members[name] = json!("other");
        refuse(format!("{}.{payload}.{signature}", part(&members.to_string())));
    }
    // The same JSON written otherwise.
    let spaced = serde_json::to_string_pretty(&good_claims()).unwrap();
    refuse(format!("{header}.{}.{signature}", part(&spaced)));
    assert!(tried > 5_000, "{tried}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn t15_no_random_text_is_a_token(text in "\\PC{0,200}", dots in "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}") {
        prop_assert!(check(&text).is_err());
        prop_assert!(check(&dots).is_err());
    }

    #[test]
    fn t16_any_change_of_a_claim_that_is_read_refuses(index in 0usize..6, value in any_json()) {
        let name = ["iss", "sub", "aud", "exp", "iat", "nonce"][index];
        // Another time or subject of the right type is another good token.
        let still_good = match name {
            "exp" => value.as_i64().is_some_and(|at| at > NOW.0 - 60),
            "iat" => value.as_i64().is_some_and(|at| (0..=NOW.0 + 60).contains(&at)),
            "sub" => value.as_str().is_some_and(|sub| !sub.is_empty() && sub.bytes().all(|b| b.is_ascii_graphic())),
            _ => false,
        };
        prop_assert_eq!(check(&with_claim(name, value)).is_ok(), still_good);
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        prop::collection::vec(any::<i64>().prop_map(Value::from), 0..3).prop_map(Value::from),
        Just(json!({"a": 1})),
    ]
}

#[test]
fn t16_claims_by_type() {
    let text = [json!(null), json!(true), json!(1), json!(1.5), json!(["x"]), json!({"x": 1})];
    let time = [
        json!(null),
        json!(true),
        json!("1800000000"),
        json!(NOW.0 as f64),
        json!(NOW.0 as f64 + 0.5),
        json!(1e300),
        json!(-1),
        json!(i64::MIN),
        json!(u64::MAX),
        json!([NOW.0]),
        json!({"at": NOW.0}),
    ];
    for value in &text {
        assert_eq!(refusal(&with_claim("nonce", value.clone())), "nonce_mismatch", "{value}");
    }
    for name in ["iss", "sub", "at_hash"] {
        for value in &text {
            assert_eq!(
                refusal(&with_claim(name, value.clone())),
                "claim_invalid",
                "{name} {value}"
            );
        }
    }
    for name in ["exp", "iat", "nbf"] {
        for value in &time {
            assert_eq!(
                refusal(&with_claim(name, value.clone())),
                "claim_invalid",
                "{name} {value}"
            );
        }
    }
    for name in ["iss", "sub", "aud", "exp", "iat"] {
        assert_eq!(refusal(&without_claim(name)), "claim_invalid", "{name}");
    }
    assert_eq!(refusal(&without_claim("nonce")), "nonce_mismatch");
    for subject in ["", "a b", "a\nb", "\u{e4}", &"x".repeat(256)] {
        assert_eq!(refusal(&with_claim("sub", json!(subject))), "claim_invalid", "{subject}");
    }
    // NaN, Infinity and numbers beyond a double are no JSON at all.
    for odd in ["NaN", "Infinity", "1e999", "0x7fffffff", "01800000000"] {
        let payload =
            good_claims().to_string().replacen("\"exp\":", &format!("\"exp\":{odd},\"e\":"), 1);
        let token = KEY.token_of(r#"{"alg":"RS256","kid":"KEY1"}"#, &payload);
        assert_eq!(refusal(&token), "id_token_malformed", "{odd}");
    }
}

#[test]
fn t16_times_beyond_32_bits_are_times() {
    for exp in [i64::from(i32::MAX), i64::from(u32::MAX), 1 << 53, i64::MAX] {
        assert_eq!(refusal(&with_claim("exp", json!(exp))), "accepted", "{exp}");
    }
    assert_eq!(refusal(&with_claim("exp", json!(0))), "id_token_expired");
    assert_eq!(refusal(&with_claim("iat", json!(i64::MAX))), "id_token_from_the_future");
}

#[test]
fn t16_the_audience_is_us_alone() {
    for audience in [
        json!(null),
        json!(""),
        json!(1),
        json!([]),
        json!("com.example.other"),
        json!("COM.example.wiki"),
        json!("com.example.wiki "),
        json!([CLIENT_ID, CLIENT_ID]),
        json!([CLIENT_ID, "com.example.other"]),
        json!([[CLIENT_ID]]),
        json!({"0": CLIENT_ID}),
    ] {
        assert_eq!(refusal(&with_claim("aud", audience.clone())), "aud_mismatch", "{audience}");
    }
    assert_eq!(refusal(&with_claim("aud", json!([CLIENT_ID]))), "accepted");
    for party in [json!("com.example.other"), json!(null), json!([CLIENT_ID])] {
        assert_eq!(refusal(&with_claim("azp", party)), "aud_mismatch");
    }
    assert_eq!(refusal(&with_claim("azp", json!(CLIENT_ID))), "accepted");
    let error = check(&with_claim("aud", json!("com.example.other"))).unwrap_err();
    assert_eq!(error.to_string(), "it is meant for com.example.other, not for com.example.wiki");
}

#[test]
fn t16_the_issuer_is_compared_exactly() {
    for issuer in [
        "",
        "https://appleid.apple.com/",
        "http://appleid.apple.com",
        "https://account.apple.com",
        "appleid.apple.com",
        "https://APPLEID.apple.com",
    ] {
        assert_eq!(refusal(&with_claim("iss", json!(issuer))), "iss_mismatch", "{issuer}");
    }
    let error = check(&with_claim("iss", json!("https://account.apple.com"))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "its issuer is https://account.apple.com, only https://appleid.apple.com is accepted"
    );
}

#[test]
fn t16_unimportant_claims_may_be_anything() {
    let odd = [json!(null), json!(1e300), json!("x"), json!([1]), json!({"a": 1}), json!(true)];
    for name in [
        "email",
        "email_verified",
        "is_private_email",
        "auth_time",
        "nonce_supported",
        "org_id",
        "real_user_status",
        "transfer_sub",
        "c_hash",
        "new",
    ] {
        for value in &odd {
            assert_eq!(refusal(&with_claim(name, value.clone())), "accepted", "{name} {value}");
        }
    }
}

#[test]
fn t17_other_kinds_of_tokens_are_refused() {
    // A notification, as it is and dressed up as an id_token.
    let notification = json!({
        "iss": ISSUER, "aud": CLIENT_ID, "iat": NOW.0, "exp": NOW.0 + 600, "jti": "x",
        "events": "{\"type\":\"consent-revoked\",\"sub\":\"001234\"}",
    });
    assert_eq!(refusal(&KEY.token(&notification)), "not_an_id_token");
    for events in [json!(null), json!({}), json!([])] {
        assert_eq!(refusal(&with_claim("events", events)), "not_an_id_token");
    }
    // Another client's id_token.
    assert_eq!(refusal(&with_claim("aud", json!("com.example.other"))), "aud_mismatch");
    // Our own client secret.
    let identity = crate::apple::testing::key_identity();
    let secret = crate::apple::client_secret::mint(&identity, CLIENT_ID, ISSUER, NOW, NOW);
    assert_eq!(refusal(secret.unwrap().expose_str().unwrap()), "alg_refused");
    // A refreshed id_token has no nonce, an access token is opaque, a state is random.
    assert_eq!(refusal(&without_claim("nonce")), "nonce_mismatch");
    assert_eq!(refusal("a1b2c3.0.mrzs.opaque"), "id_token_malformed");
    assert_eq!(refusal(&crate::base::random::token()), "id_token_malformed");
}

#[test]
fn t21_the_nonce_is_compared_always() {
    for nonce in ["", "other", &NONCE[1..], &format!("{NONCE} "), &NONCE.to_uppercase()] {
        assert_eq!(refusal(&with_claim("nonce", json!(nonce))), "nonce_mismatch", "{nonce}");
        // `nonce_supported: false` excuses nothing.
        let mut claims = good_claims();
        claims["nonce"] = json!(nonce);
        claims["nonce_supported"] = json!(false);
        assert_eq!(refusal(&KEY.token(&claims)), "nonce_mismatch", "{nonce}");
    }
    let mut claims = good_claims();
    claims.as_object_mut().unwrap().remove("nonce");
    for supported in [json!(false), json!("false"), json!(true)] {
        claims["nonce_supported"] = supported;
        assert_eq!(refusal(&KEY.token(&claims)), "nonce_mismatch");
    }
    // An attempt without a nonce accepts no token, not even one with an empty nonce.
    let nothing = Expectations { nonce: "", ..expected() };
    for token in [with_claim("nonce", json!("")), KEY.token(&good_claims())] {
        assert_eq!(verify(&token, &KEYS, nothing, NOW).unwrap_err(), IdTokenError::Nonce);
    }
    let error = check(&with_claim("nonce", json!("somebody-elses"))).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("somebody"));
}

#[test]
fn t45_a_minute_of_leeway_on_both_sides() {
    let token = KEY.token(&good_claims());
    let at = |seconds: i64| {
        let result = verify(&token, &KEYS, expected(), Timestamp(NOW.0 + seconds));
        result.map_or_else(|error| error.code().word(), |_| "accepted")
    };
    // Issued at 0, good until 600; a minute of leeway on both sides.
    for (seconds, outcome) in [
        (0, "accepted"),
        (-60, "accepted"),
        (-61, "id_token_from_the_future"),
        (-600, "id_token_from_the_future"),
        (-86_400, "id_token_from_the_future"),
        (599, "accepted"),
        (659, "accepted"),
        (660, "id_token_expired"),
        (1200, "id_token_expired"),
        (86_400, "id_token_expired"),
    ] {
        assert_eq!(at(seconds), outcome, "{seconds}");
    }
    let error = verify(&token, &KEYS, expected(), Timestamp(NOW.0 - 600)).unwrap_err();
    assert_eq!(error.to_string(), "it begins in 600 s by this machine's clock; check the clock");
    let error = verify(&token, &KEYS, expected(), Timestamp(NOW.0 + 700)).unwrap_err();
    assert_eq!(error.to_string(), "it expired 100 s ago by this machine's clock; check the clock");
    assert_eq!(refusal(&with_claim("nbf", json!(NOW.0 + 61))), "id_token_from_the_future");
    assert_eq!(refusal(&with_claim("nbf", json!(NOW.0 + 60))), "accepted");
    // The ends of time.
    for now in [i64::MIN, i64::MAX] {
        assert!(verify(&token, &KEYS, expected(), Timestamp(now)).is_err());
    }
}

#[test]
fn the_access_token_is_checked_where_a_hash_came() {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"a.0.access");
    let right = URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16]);
    assert_eq!(refusal(&with_claim("at_hash", json!(right))), "accepted");
    let whole = URL_SAFE_NO_PAD.encode(digest.as_ref());
    for wrong in ["", "AAAAAAAAAAAAAAAAAAAAAA", &whole, &format!("{right}==")] {
        assert_eq!(refusal(&with_claim("at_hash", json!(wrong))), "at_hash_mismatch", "{wrong}");
    }
}
