use proptest::prelude::*;

use super::*;

const HOME: &str = "https://app.example";

/// Addresses that lead, or look as if they led, away from `https://app.example`. None is accepted.
/// The number is the row of `advisories.md` whose kind of hole it tries again.
const HOSTILE: &[(u8, &str)] = &[
    // 36, 40: looks local, is not.
    (36, ""),
    (36, "/"),
    (36, "/wiki"),
    (36, "wiki"),
    (36, "//evil.example"),
    (36, "//evil.example/%2f.."),
    (36, "///evil.example"),
    (36, "////evil.example"),
    (36, "/\\evil.example"),
    (36, "/\\/evil.example"),
    (36, "\\\\evil.example"),
    (36, "\\/evil.example"),
    (36, "\\/\\/evil.example/"),
    (36, "/./\\evil.example"),
    (36, "/.//evil.example"),
    (36, "/..//evil.example"),
    (36, "/%5cevil.example"),
    (36, "/%2f/evil.example"),
    (36, "//e%2f@x"),
    (36, "https:evil.example"),
    (36, "https:/evil.example"),
    (36, "https:///evil.example"),
    (36, "https:////evil.example"),
    (36, "https:\\\\evil.example"),
    (36, "https:/\\evil.example"),
    (36, "https:\\/evil.example"),
    (36, "https://\\evil.example"),
    (36, "https:app.example"),
    (36, "https:/app.example/"),
    (36, "https:///app.example/"),
    (36, "http:///evil.example"),
    (36, "javascript:alert(1)"),
    (36, "JavaScript:alert(1)"),
    (36, "javascript://app.example/%0aalert(1)"),
    (36, "java\tscript:alert(1)"),
    (36, "data:text/html,<script>alert(1)</script>"),
    (36, "vbscript:msgbox(1)"),
    (36, "file:///etc/passwd"),
    (36, "ftp://app.example/"),
    (36, "ws://app.example/"),
    (36, "wss://app.example/"),
    (36, "blob:https://app.example/x"),
    (36, "view-source:https://app.example/"),
    (36, "about:blank"),
    (36, "mailto:a@evil.example"),
    (36, "intent://evil.example#Intent;scheme=https;end"),
    (40, "http://app.example/"),
    (40, "HTTPS://app.example/"),
    (40, "Https://app.example/"),
    (40, "https//app.example/"),
    (40, "https;//app.example/"),
    (40, "://app.example/"),
    (40, "%68ttps://app.example/"),
    (40, "https%3A%2F%2Fapp.example/"),
    (40, "url=https://app.example/"),
    // 37: blanks and controls, raw and encoded, once and twice.
    (37, " https://app.example/"),
    (37, "https://app.example/ "),
    (37, "\thttps://app.example/"),
    (37, "\nhttps://app.example/"),
    (37, "\u{0}https://app.example/"),
    (37, "\u{1}https://app.example/"),
    (37, "\u{1f}https://app.example/"),
    (37, "\u{feff}https://app.example/"),
    (37, "https://app.example/\r\nLocation: https://evil.example"),
    (37, "https://app.example/%0d%0aLocation:%20https://evil.example"),
    (37, "https://app.example/%0a/evil.example"),
    (37, "https://app.example/%0D/evil.example"),
    (37, "https://app.example/%09/evil.example"),
    (37, "https://app.example/%00/evil.example"),
    (37, "https://app.example/a b"),
    (37, "/%09/evil.example"),
    (37, "/%0a/evil.example"),
    (37, "/%250a/evil.example"),
    (37, "https://app.example%0a.evil.example/"),
    (37, "https://app.example%09.evil.example/"),
    (37, "https://app.example%20.evil.example/"),
    (37, "https://app.example%00.evil.example/"),
    (37, "https://app.example/?a=\r\nb"),
    (37, "https://app.example/?a=\tb"),
    (37, "https://app.example/?a=b c"),
    // 38, 44, 45: parsers that drop or turn characters.
    (38, "https://app.exa\tmple/"),
    (38, "https://app.exa\nmple/"),
    (38, "https://evil.exam\tple/"),
    (38, "ht\ttps://app.example/"),
    (38, "https:/\t/evil.example"),
    (38, "/\t/evil.example"),
    (38, "/\n/evil.example"),
    (38, "/\r/evil.example"),
    (38, "\u{a0}//evil.example"),
    (38, "\u{2028}//evil.example"),
    (44, "https://app.example\\@evil.example/"),
    (44, "https://app.example\\.evil.example/"),
    (44, "https://app.example/\\evil.example"),
    (44, "https://app.example/\\/evil.example"),
    (44, "https://app.example/%5cevil.example"),
    (44, "https://app.example/%5C%5Cevil.example"),
    (44, "https://app.example/%255cevil.example"),
    (44, "https://evil.example\\app.example/"),
    (44, "https://evil.example\\@app.example/"),
    (44, "https://app.example//evil.example"),
    (44, "https://app.example///evil.example"),
    (44, "https://app.example//"),
    (44, "https://app.example/%2fevil.example"),
    (44, "https://app.example/%2F%2Fevil.example"),
    (44, "https://app.example/%252fevil.example"),
    (44, "https://app.example/.%2fevil.example"),
    (45, "https://app.example/\t/evil.example"),
    (45, "https://app.example\t/evil.example"),
    (45, "https://app.example/..\t/evil.example"),
    // 39, 41, 47: names that look alike, userinfo, ports.
    (39, "https://@app.example/"),
    (39, "https://:@app.example/"),
    (39, "https://user@app.example/"),
    (39, "https://user:password@app.example/"),
    (39, "https://app.example@evil.example/"),
    (39, "https://app.example:443@evil.example/"),
    (39, "https://app.example%40evil.example/"),
    (39, "https://app.example:@evil.example/"),
    (39, "https://evil.example#@app.example/"),
    (39, "https://evil.example?@app.example/"),
    (39, "https://evil.example?.app.example/"),
    (39, "https://evil.example#.app.example/"),
    (39, "https://evil.example;.app.example/"),
    (39, "https://evil.example,app.example/"),
    (39, "https://evil.example%2fapp.example/"),
    (39, "https://evil.example%2f.app.example/"),
    (39, "https://evil.example%5c.app.example/"),
    (39, "https://evil.example%23.app.example/"),
    (39, "https://evil.example%3f.app.example/"),
    (39, "https://evil.example%252f.app.example/"),
    (39, "https://evil.example&app.example/"),
    (39, "https://evil.example$app.example/"),
    (39, "https://evil.example!app.example/"),
    (39, "https://evil.example'app.example/"),
    (39, "https://evil.example(app.example)/"),
    (39, "https://evil.example*app.example/"),
    (39, "https://evil.example+app.example/"),
    (39, "https://evil.example|app.example/"),
    (39, "https://evil.example^app.example/"),
    (39, "https://evil.example`app.example/"),
    (39, "https://evil.example{app.example}/"),
    (39, "https://evil.example<app.example>/"),
    (39, "https://evil.example\"app.example/"),
    (39, "https://evil.example~app.example/"),
    (39, "https://evil_example/"),
    (39, "https://app%2eexample/"),
    (39, "https://%61pp.example/"),
    (39, "https://APP.example/"),
    (39, "https://app.EXAMPLE/"),
    (39, "https://app.example./"),
    (39, "https://app.example../"),
    (39, "https://.app.example/"),
    (39, "https://app..example/"),
    (39, "https://-app.example/"),
    (39, "https://*.app.example/"),
    (39, "https://app.example:/"),
    (39, "https://app.example:443/"),
    (39, "https://app.example:0443/"),
    (39, "https://app.example:0/"),
    (39, "https://app.example:65536/"),
    (39, "https://app.example:-1/"),
    (39, "https://app.example:443x/"),
    (39, "https://app.example:443:80/"),
    (39, "https://app.example: 443/"),
    (39, "https://:443/"),
    (39, "https://?/app.example"),
    (39, "https:///"),
    (39, "https://"),
    (39, "https://."),
    (39, "https://[app.example]/"),
    (39, "https://[::1/"),
    (39, "https://[::1%25eth0]/"),
    (39, "https://[::ffff:127.0.0.1]/"),
    (39, "https://[0:0:0:0:0:0:0:1]/"),
    (39, "https://127.1/"),
    (39, "https://2130706433/"),
    (39, "https://0x7f000001/"),
    (39, "https://0177.0.0.1/"),
    (39, "https://127.0.0.1.:8443/"),
    (41, "https://app\u{ff0e}example/"),
    (41, "https://app\u{3002}example/"),
    (41, "https://app\u{ff61}example/"),
    (41, "https://\u{ff41}pp.example/"),
    (41, "https://app.example\u{ff0f}evil.example/"),
    (41, "https://app.example\u{2044}evil.example/"),
    (41, "https://app.example\u{ff20}evil.example/"),
    (41, "https://app.ex\u{ad}ample/"),
    (41, "https://app.ex\u{200b}ample/"),
    (41, "https://\u{430}pp.example/"),
    (41, "https://xn--/"),
    (41, "https://xn--a/"),
    (41, "https://app.example/\u{e9}"),
    (41, "https://app.example/?\u{e9}"),
    (41, "\u{ff0f}\u{ff0f}evil.example"),
    (41, "https:\u{ff0f}\u{ff0f}evil.example"),
    (47, "https://app.example/.."),
    (47, "https://app.example/../"),
    (47, "https://app.example/..//evil.example"),
    (47, "https://app.example/./"),
    (47, "https://app.example/a/../b"),
    (47, "https://app.example/a/./b"),
    (47, "https://app.example/%2e%2e/"),
    (47, "https://app.example/%2e/evil"),
    (47, "https://app.example/.%2e/evil"),
    (47, "https://app.example/a/..;/b"),
    (47, "https://app.example/%252e%252e/"),
    (47, "https://app.example/%c0%ae%c0%ae/"),
    (47, "https://app.example/%ff"),
    (47, "https://app.example/%"),
    (47, "https://app.example/%zz"),
    (47, "https://app.example?x"),
    (47, "https://app.example?/evil.example"),
    // 42, 43, 46, 48, 49: sign-out, programs, stored addresses; markup and fragments.
    (42, "http://127.0.0.1:8080/"),
    (42, "http://localhost/"),
    (42, "http://[::1]/"),
    (43, "https://app.example/#"),
    (43, "https://app.example/#access_token=x"),
    (43, "https://app.example/#@evil.example"),
    (43, "#"),
    (43, "?"),
    (43, "?rd=https://evil.example"),
    (46, "https://app.example/\"onmouseover=alert(1)"),
    (46, "https://app.example/<script>"),
    (46, "https://app.example/?q=<script>"),
    (46, "https://app.example/?q='"),
    (48, "https://https://evil.example/"),
    (36, "https://app.example/;/evil.example"),
    (48, "https://http://evil.example/"),
    (48, "https://https:evil.example/"),
    (48, "https://javascript:alert(1)/"),
    (49, "https://app.example,https://evil.example/"),
    (49, "https://app.example https://evil.example/"),
    (49, "https://app.example\u{0}https://evil.example/"),
];

/// Addresses that look dangerous but stay at `https://app.example` for every reader, byte for byte.
const HARMLESS: &[(u8, &str)] = &[
    (36, "/?p=C:\\dir\\//evil.example"),
    (36, "/wiki?next=//evil.example"),
    (36, "/@evil.example"),
    (36, "/:@evil.example"),
    (36, "/evil.example//x"),
    (36, "/https://evil.example"),
    (36, "/javascript:alert(1)"),
    (36, "/a//evil.example"),
    (37, "/?q=%0d%0aLocation:%20https://evil.example"),
    (37, "/?q=%09"),
    (39, "/?q=@evil.example"),
    (41, "/%EF%BC%8F%EF%BC%8Fevil.example"),
    (41, "/%E3%80%82evil.example"),
    (42, "/?redirect=http://127.0.0.1"),
    (43, "/%23evil.example"),
    (44, "/?q=%5c%5cevil.example"),
    (46, "/?q=%3Cscript%3E"),
    (48, "/.well-known/x"),
    (49, "/app.example/https:/evil.example"),
    (50, "/"),
    (50, "/?"),
    (50, "/wiki/Caf%C3%A9"),
    (50, "/wiki/Caf%c3%a9"),
    (50, "/%7Euser"),
    (50, "/wiki?a=&b=%2B&c=+&d=%20&e"),
    (50, "/wiki?a[]=1&a[]=2"),
    (50, "/wiki?q=a|b^c`d{e}f"),
    (50, "/wiki?%%%"),
    (50, "/wiki??a=b?c"),
    (50, "/wiki?a=../../b"),
    (50, "/a;v=1/b,c/d=e/f:g/h@i/!$&()*+"),
    (50, "/...;x/..a/b.."),
    (50, "/a%20b%25c%3Fd"),
];

#[test]
fn t35_hostile_targets_are_refused_or_stay_at_their_origin() {
    const { assert!(HOSTILE.len() >= 150) };
    for (row, text) in HOSTILE {
        assert!(local_url(text).is_err(), "row {row}: {text:?} is {:?}", local_url(text));
    }
    for (row, tail) in HARMLESS {
        let text = format!("{HOME}{tail}");
        let target = local_url(&text).unwrap_or_else(|why| panic!("row {row}: {tail:?}: {why}"));
        assert_eq!((target.origin().as_str(), target.path_and_query()), (HOME, *tail));
        assert_eq!(target.to_string(), text);
        stays(&target, &text);
    }
    for row in 36..=50 {
        let all = HOSTILE.iter().chain(HARMLESS);
        assert!(all.filter(|(number, _)| *number == row).count() > 0, "row {row} has no payload");
    }
}

/// Shows that both readings of `text`, whole and as a reference from its own origin, end there.
fn stays(target: &Target, text: &str) {
    let origin = target.origin();
    let whole = Url::parse(text).unwrap();
    assert_eq!(whole.origin().ascii_serialization(), origin, "{text:?}");
    let joined = Url::parse(&origin).unwrap().join(target.path_and_query()).unwrap();
    assert_eq!(joined, whole, "{text:?}");
    let (authority, _) = rfc3986(text).unwrap();
    assert_eq!(format!("https://{authority}"), origin, "{text:?}");
}

/// The reading of RFC 3986 appendix B, as its regular expression has it.
fn rfc3986(text: &str) -> Option<(&str, &str)> {
    let pattern = r"^(?:[^:/?#]+):(?://([^/?#]*))?([^?#]*(?:\?[^#]*)?)(?:#.*)?$";
    let expression = regex::Regex::new(pattern).unwrap();
    let parts = expression.captures(text)?;
    Some((parts.get(1)?.as_str(), parts.get(2)?.as_str()))
}

#[test]
fn t35_other_origins_are_told_apart_for_the_floors_above() {
    for (text, origin) in [
        ("https://evil.example/", "https://evil.example"),
        ("https://app.example.evil.example/", "https://app.example.evil.example"),
        ("https://badapp.example/", "https://badapp.example"),
        ("https://app.example:8443/", "https://app.example:8443"),
        ("https://app.example:80/", "https://app.example:80"),
        ("https://localhost/", "https://localhost"),
        ("https://127.0.0.1:8443/", "https://127.0.0.1:8443"),
        ("https://[::1]:8443/", "https://[::1]:8443"),
        ("https://xn--mnchen-3ya.example/", "https://xn--mnchen-3ya.example"),
    ] {
        assert_eq!(local_url(text).unwrap().origin(), origin);
    }
}

#[test]
fn t35_a_bare_origin_gets_its_slash_and_length_is_bounded() {
    assert_eq!(local_url(HOME).unwrap().to_string(), "https://app.example/");
    let room = MAX_BYTES - HOME.len() - 1;
    assert!(local_url(&format!("{HOME}/{}", "a".repeat(room))).is_ok());
    assert!(local_url(&format!("{HOME}/{}", "a".repeat(room + 1))).is_err());
}

fn hostile_url() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => proptest::sample::select(vec![
            "https:", "https://", "http://", "/", "//", "\\", "@", ":", ":443", ":8443", "?", "#",
            ".", "..", "%2e", "%2f", "%5c", "%00", "%09", "%40", "\t", "\n", " ", ";", ",", "[",
            "]", "app.example", "evil.example", "APP", "a", "xn--", "\u{ff0e}", "\u{3002}", "'",
            "{", "|", "^", "`", "\"", "<", "%e9", "%c3%a9",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    let tail = proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat());
    prop_oneof![
        tail.clone(),
        tail.clone().prop_map(|tail| format!("https://{tail}")),
        tail.clone().prop_map(|tail| format!("{HOME}{tail}")),
        tail.prop_map(|tail| format!("{HOME}/{tail}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8192))]

    #[test]
    fn t35_whatever_is_accepted_is_read_alike_by_all(text in hostile_url()) {
        if let Ok(target) = local_url(&text) {
            stays(&target, &target.to_string());
            let slashed = format!("{text}/");
            prop_assert!([text, slashed].contains(&target.to_string()));
            prop_assert!(!target.path_and_query().starts_with("//"));
            prop_assert_eq!(local_url(&target.to_string()), Ok(target));
        }
    }
}
