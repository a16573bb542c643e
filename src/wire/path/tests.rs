use proptest::prelude::*;

use super::PathProblem::*;
use super::*;

/// Spellings that are served, and what both the policy and the application see.
const SERVED: &[(&str, &str)] = &[
    ("/", "/"),
    ("//", "/"),
    ("///", "/"),
    ("/.", "/"),
    ("/./", "/"),
    ("/a", "/a"),
    ("/a/", "/a/"),
    ("/a/b", "/a/b"),
    ("/a//b", "/a/b"),
    ("//a", "/a"),
    ("//evil.example/a", "/evil.example/a"),
    ("/a//", "/a/"),
    ("/a///b///", "/a/b/"),
    ("/a/.", "/a/"),
    ("/a/./", "/a/"),
    ("/a/./b", "/a/b"),
    ("/a/b/..", "/a/"),
    ("/a/b/../", "/a/"),
    ("/a/b/../c", "/a/c"),
    ("/a//b/../c", "/a/c"),
    ("/a/b//../c", "/a/c"),
    ("/public/../admin", "/admin"),
    ("/public/./../admin", "/admin"),
    ("/public//..//admin", "/admin"),
    ("/a/b/c/../../d", "/a/d"),
    ("/a/..", "/"),
    ("/a/../", "/"),
    ("/./a/./b/./", "/a/b/"),
    ("/...", "/..."),
    ("/a/.../b", "/a/.../b"),
    ("/.hidden", "/.hidden"),
    ("/..hidden", "/..hidden"),
    ("/hidden..", "/hidden.."),
    ("/a.", "/a."),
    ("/admin./x", "/admin./x"),
    ("/.well-known/pomerium", "/.well-known/pomerium"),
    ("/%61dmin", "/admin"),
    ("/%41dmin", "/Admin"),
    ("/ADMIN", "/ADMIN"),
    ("/a%2Db%5fc%7Ed", "/a-b_c~d"),
    ("/a%2eb", "/a.b"),
    ("/a%2Eb", "/a.b"),
    ("/%2ehidden", "/.hidden"),
    ("/%2e%2e%2e", "/..."),
    ("/%2e%2e%2e/x", "/.../x"),
    ("/a%20b", "/a%20b"),
    ("/admin%20", "/admin%20"),
    ("/a+b", "/a+b"),
    ("/a%2bb", "/a%2Bb"),
    ("/a%2Bb", "/a%2Bb"),
    ("/a;v=1", "/a;v=1"),
    ("/a;v=1/b", "/a;v=1/b"),
    ("/a;/b", "/a;/b"),
    ("/a/;x", "/a/;x"),
    ("/;jsessionid=1", "/;jsessionid=1"),
    ("/a%3bv=1", "/a%3Bv=1"),
    ("/a%3Fb", "/a%3Fb"),
    ("/a%3fb", "/a%3Fb"),
    ("/public%23", "/public%23"),
    ("/public%23/../admin", "/admin"),
    ("/100%25", "/100%25"),
    ("/%2525", "/%2525"),
    ("/%2541", "/%2541"),
    ("/%25%34%31", "/%2541"),
    ("/%252", "/%252"),
    ("/%25zz", "/%25zz"),
    ("/%2500", "/%2500"),
    ("/caf%c3%a9", "/caf%C3%A9"),
    ("/caf%C3%A9", "/caf%C3%A9"),
    ("/%e2%82%ac", "/%E2%82%AC"),
    ("/%f0%9f%8d%8e", "/%F0%9F%8D%8E"),
    ("/%EF%BC%8E%EF%BC%8E/a", "/%EF%BC%8E%EF%BC%8E/a"),
    ("/%EF%BC%8Fa", "/%EF%BC%8Fa"),
    ("/@user", "/@user"),
    ("/%40user", "/%40user"),
    ("/a:b@c!$&'()*,=", "/a:b@c!$&'()*,="),
    ("/a|b^c`d{e}[f]\"<>", "/a|b^c`d{e}[f]\"<>"),
    ("/http://evil.example/", "/http:/evil.example/"),
];

/// Spellings that are answered 400, and why.
const REFUSED: &[(&str, PathProblem)] = &[
    ("", NotAbsolute),
    ("*", NotAbsolute),
    ("a", NotAbsolute),
    ("../a", NotAbsolute),
    ("http://example.com/", NotAbsolute),
    ("%2Fa", NotAbsolute),
    ("\\a", NotAbsolute),
    ("/a?b", Delimiter),
    ("/a#b", Delimiter),
    ("/public#/../admin", Delimiter),
    ("/..", AboveRoot),
    ("/../", AboveRoot),
    ("/../a", AboveRoot),
    ("/a/../..", AboveRoot),
    ("/a/../../b", AboveRoot),
    ("//..", AboveRoot),
    ("/./..", AboveRoot),
    ("/%2e", HiddenDots),
    ("/%2E", HiddenDots),
    ("/a/%2e/b", HiddenDots),
    ("/%2e%2e", HiddenDots),
    ("/%2e%2e/", HiddenDots),
    ("/.%2e", HiddenDots),
    ("/%2e.", HiddenDots),
    ("/%2E%2e/a", HiddenDots),
    ("/a/%2e%2e/b", HiddenDots),
    ("/a/.%2E/b", HiddenDots),
    ("/public/%2e%2e/admin", HiddenDots),
    ("/a/.;", HiddenDots),
    ("/a/..;", HiddenDots),
    ("/;x/a", HiddenDots),
    ("/a/;/b", HiddenDots),
    ("/a/%3b/b", HiddenDots),
    ("/%20/a", HiddenDots),
    ("/a/..%20/b", HiddenDots),
    ("/a/%20..", HiddenDots),
    ("/a/.%20;x/b", HiddenDots),
    ("/a/..;/b", HiddenDots),
    ("/a/..;x=1/b", HiddenDots),
    ("/a/.;x/b", HiddenDots),
    ("/a/..;;/b", HiddenDots),
    ("/a/%2e%2e;/b", HiddenDots),
    ("/a/.%2e;x/b", HiddenDots),
    ("/a/..%3b/b", HiddenDots),
    ("/a/..%3Bx/b", HiddenDots),
    ("/a/%2e%3bx", HiddenDots),
    ("/a%2fb", EncodedSlash),
    ("/a%2Fb", EncodedSlash),
    ("/%2f", EncodedSlash),
    ("/..%2fadmin", EncodedSlash),
    ("/..%2Fadmin", EncodedSlash),
    ("/%2e%2e%2fadmin", EncodedSlash),
    ("/public/..%2f..%2fadmin", EncodedSlash),
    ("/a\\b", Backslash),
    ("/\\evil.example", Backslash),
    ("/..\\admin", Backslash),
    ("/a/..\\..\\b", Backslash),
    ("/a%5cb", Backslash),
    ("/a%5Cb", Backslash),
    ("/..%5cadmin", Backslash),
    ("/%2e%2e%5cadmin", Backslash),
    ("/a%00", Control),
    ("/a%00.png", Control),
    ("/%00/../admin", Control),
    ("/a%01b", Control),
    ("/a%09b", Control),
    ("/%09/evil.example", Control),
    ("/a%0ab", Control),
    ("/a%0Db", Control),
    ("/a%1f", Control),
    ("/a%7f", Control),
    ("/a%c2%85", Control),
    ("/a\0", Control),
    ("/a\tb", Control),
    ("/a\nb", Control),
    ("/a\rb", Control),
    ("/a b", Control),
    ("/ /a", Control),
    ("/a\x7f", Control),
    ("/café", NotAscii),
    ("/\u{ff0e}\u{ff0e}/a", NotAscii),
    ("/a\u{2215}b", NotAscii),
    ("/a\u{a0}", NotAscii),
    ("/%", BadEscape),
    ("/a%", BadEscape),
    ("/a%2", BadEscape),
    ("/a%2/", BadEscape),
    ("/a%zz", BadEscape),
    ("/a%2g", BadEscape),
    ("/a%-1", BadEscape),
    ("/a%+1", BadEscape),
    ("/%%32%65", BadEscape),
    ("/%2%35", BadEscape),
    ("/%u002e%u002e/", BadEscape),
    ("/a%ff", NotUtf8),
    ("/a%c3", NotUtf8),
    ("/a%c3/%a9", NotUtf8),
    ("/a%c3a9", NotUtf8),
    ("/a%a9", NotUtf8),
    ("/%c0%ae%c0%ae/", NotUtf8),
    ("/%c0%af", NotUtf8),
    ("/%e0%80%af", NotUtf8),
    ("/%e0%80%ae%e0%80%ae/", NotUtf8),
    ("/%f0%80%80%af", NotUtf8),
    ("/%c1%9c", NotUtf8),
    ("/%c0%80", NotUtf8),
    ("/%ed%a0%80", NotUtf8),
    ("/%f4%90%80%80", NotUtf8),
    ("/%252e", EncodedTwice),
    ("/%252E%252E/a", EncodedTwice),
    ("/a%252fb", EncodedTwice),
    ("/a%252Fb", EncodedTwice),
    ("/a%255cb", EncodedTwice),
    ("/a%255Cb", EncodedTwice),
    ("/..%252fadmin", EncodedTwice),
    ("/%25252e", EncodedTwice),
    ("/%2525252F", EncodedTwice),
    ("/%25%32%65", EncodedTwice),
    ("/%25%32e", EncodedTwice),
    ("/%252%65", EncodedTwice),
    ("/a%25%35%43", EncodedTwice),
    ("/a%25%32%35%32%66", EncodedTwice),
];

#[test]
fn a51_12_a_path_is_resolved_where_only_characters_are_spelt_anew() {
    let decoded = |path: &str| percent_decode_str(path).collect::<Vec<_>>();
    for (raw, normal) in SERVED {
        assert_eq!(is_resolved(raw), decoded(raw) == decoded(normal), "{raw}");
    }
}

#[test]
fn t01_every_spelling_of_a_path_has_one_reading_or_is_refused() {
    const { assert!(SERVED.len() + REFUSED.len() >= 100) };
    for (raw, expected) in SERVED {
        let path = normalise(raw).unwrap_or_else(|problem| panic!("{raw:?}: {problem}"));
        assert_eq!(path, *expected, "{raw:?}");
        assert_eq!(matches!(path, Cow::Borrowed(_)), raw == expected, "{raw:?}");
    }
    for (raw, expected) in REFUSED {
        assert_eq!(normalise(raw), Err(*expected), "{raw:?}");
    }
}

#[test]
fn t01_paths_as_pomerium_serves_them_and_the_escapes_it_refuses() {
    // Measured answers; the encoded dots are the one place where we refuse and it resolves.
    assert_eq!(normalise("/a//b/../c").unwrap(), "/a/c");
    assert_eq!(normalise("/a%2Fb"), Err(EncodedSlash));
    assert_eq!(normalise("/x;y=1").unwrap(), "/x;y=1");
    assert_eq!(normalise("/a%2e%2e/%2e%2e/c"), Err(HiddenDots));
}

/// What a careless application makes of a path: decodes once, takes backslashes for slashes, cuts
/// parameters, and resolves dots afterwards.
fn careless(path: &str) -> Vec<String> {
    let decoded = percent_decode_str(path).decode_utf8_lossy().replace('\\', "/");
    let mut walked = Vec::new();
    for segment in decoded.split('/').map(|segment| segment.split(';').next().unwrap()) {
        match segment {
            "" | "." => {}
            ".." => drop(walked.pop()),
            _ => walked.push(segment.to_owned()),
        }
    }
    walked
}

/// Paths out of the pieces that matter, and now and then any character at all.
fn hostile_path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => proptest::sample::select(vec![
            "/", "//", ".", "..", "...", ";", "%", "%2e", "%2E", "%2f", "%5c", "\\", "%25", "25",
            "2e", "2f", "%32", "%65", "%3b", "%00", "%c3%a9", "%c0%ae", "a", "admin", "%61", "~",
            "%7e", "%20", "?", "#", "@", ":",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn t01_normal_paths_stay_as_they_are(raw in hostile_path()) {
        if let Ok(once) = normalise(&raw) {
            let twice = normalise(&once);
            prop_assert!(matches!(&twice, Ok(Cow::Borrowed(text)) if *text == once), "{twice:?}");
        }
    }

    #[test]
    fn t01_a_careless_reader_finds_no_dots_slashes_or_controls(raw in hostile_path()) {
        if let Ok(path) = normalise(&raw) {
            prop_assert!(path.starts_with('/') && !path.contains("//"));
            prop_assert!(path.is_ascii());
            let mut text = path.clone().into_owned();
            for _ in 0..3 {
                let slashes = text.matches('/').count();
                let decoded = percent_decode_str(&text).decode_utf8_lossy().into_owned();
                prop_assert!(!decoded.contains('\\'));
                prop_assert_eq!(decoded.matches('/').count(), slashes);
                for segment in decoded.split('/') {
                    let name = segment.split(';').next().unwrap();
                    prop_assert!(!matches!(name, "." | ".."), "{:?}", path);
                }
                text = decoded;
            }
        }
    }

    #[test]
    fn t01_decided_and_served_are_one_place(raw in hostile_path()) {
        // What the application makes of the bytes we send is what the plain reading of the same
        // bytes says: no segment appears or disappears on the way.
        if let Ok(path) = normalise(&raw) {
            let plain: Vec<_> = path
                .split('/')
                .map(|segment| percent_decode_str(segment).decode_utf8().unwrap())
                .map(|segment| segment.split(';').next().unwrap().to_owned())
                .filter(|segment| !segment.is_empty())
                .collect();
            prop_assert_eq!(careless(&path), plain);
        }
    }

    #[test]
    fn t01_nothing_makes_it_panic(raw in any::<String>()) {
        drop(normalise(&raw).map(Cow::into_owned));
    }
}
