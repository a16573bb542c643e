use proptest::prelude::*;

use super::*;

const NAME: &str = "__Host-russet";
const SECRET: &str = "SEALED-SECRET_0123456789";

fn request(lines: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
    }
    headers
}

fn found(lines: &[&str]) -> Vec<String> {
    values(&request(lines), NAME).map(str::to_owned).collect()
}

fn ours() -> OurCookies {
    OurCookies::new([NAME], ["__Host-russet-try-"])
}

fn left(lines: &[&str]) -> Option<String> {
    let mut headers = request(lines);
    ours().remove_from_request(&mut headers);
    assert!(headers.get_all(COOKIE).iter().count() <= 1);
    headers.get(COOKIE).map(|value| String::from_utf8(value.as_bytes().to_vec()).unwrap())
}

#[test]
fn t39_only_the_exact_name_is_read_and_values_stay_as_they_are() {
    for (lines, expected) in [
        (&["__Host-russet=a"][..], &["a"][..]),
        (&["x=1; __Host-russet=a; y=2"], &["a"]),
        (&["x=1;__Host-russet=a;y=2"], &["a"]),
        (&["x=1 ;\t__Host-russet=a "], &["a"]),
        (&["__Host-russet=a; __Host-russet=b"], &["a", "b"]),
        (&["__Host-russet=a", "x=1", "__Host-russet=b"], &["a", "b"]),
        (&["__Host-russet="], &[""]),
        (&["__Host-russet=a=b=="], &["a=b=="]),
        (&["__Host-russet=\"a\""], &["\"a\""]),
        (&["__Host-russet=%61"], &["%61"]),
        (&["__Host-russet=a,b"], &["a,b"]),
        (&["__Host-russet= a"], &[" a"]),
        (&["$Version=1; __Host-russet=a; $Path=/"], &["a"]),
        (&["__Host-russet"], &[]),
        (&["__host-russet=a"], &[]),
        (&["__Host-Russet=a"], &[]),
        (&["__Host_russet=a"], &[]),
        (&["__Host-russet =a"], &[]),
        (&["__Host-russets=a"], &[]),
        (&["x__Host-russet=a"], &[]),
        (&["=__Host-russet=a"], &[]),
        (&["\"__Host-russet\"=a"], &[]),
        (&["$__Host-russet=a"], &[]),
        (&["%5F_Host-russet=a"], &[]),
        (&["x=1, __Host-russet=a"], &[]),
        (&["\u{a0}__Host-russet=a"], &[]),
        (&["\u{2003}__Host-russet=a"], &[]),
        (&["__Host-russet\u{a0}=a"], &[]),
        (&[""], &[]),
        (&[";;;==;=;"], &[]),
        (&[], &[]),
    ] {
        assert_eq!(found(lines), expected, "{lines:?}");
    }
    let mut headers = HeaderMap::new();
    headers
        .append(COOKIE, HeaderValue::from_bytes(b"__Host-russet=\xff; __Host-russet=a").unwrap());
    assert_eq!(values(&headers, NAME).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn t39_the_order_of_cookies_and_crumbs_loses_none() {
    for lines in [
        &["__Host-russet=evil; __Host-russet=mine"][..],
        &["__Host-russet=mine; __Host-russet=evil"],
        &["__Host-russet=evil", "__Host-russet=mine"],
        &["a=1", "__Host-russet=mine", "b=2", "__Host-russet=evil"],
    ] {
        let mut found = found(lines);
        found.sort();
        assert_eq!(found, ["evil", "mine"]);
    }
}

#[test]
fn t40_count_and_length_are_bounded() {
    let sixteen = "__Host-russet=a; ".repeat(MAX_SAME_NAME);
    assert_eq!(found(&[&sixteen]).len(), MAX_SAME_NAME);
    assert!(found(&[&sixteen, "__Host-russet=b"]).is_empty());
    assert!(found(&[&"__Host-russet=a;".repeat(4000)]).is_empty());
    let long = format!("__Host-russet={}; __Host-russet=a", "x".repeat(MAX_COOKIE_BYTES + 1));
    assert_eq!(found(&[&long]), ["a"]);
    let tries = "__Host-russet-try-a=1; ".repeat(4 * MAX_SAME_NAME);
    assert_eq!(names_with_prefix(&request(&[&tries]), "__Host-russet-try-").count(), 64);
    let headers = request(&[&tries, "__Host-russet-try-b=1"]);
    assert_eq!(names_with_prefix(&headers, "__Host-russet-try-").count(), 0);
}

#[test]
fn names_with_a_prefix_are_listed_as_sent() {
    let headers = request(&["a=1; t-2=x; t-1=y", "t-2=z; t-; T-3=1"]);
    let names: Vec<_> = names_with_prefix(&headers, "t-").collect();
    assert_eq!(names, ["t-2", "t-1", "t-2", "t-"]);
}

#[test]
fn t34_no_parser_of_an_application_finds_our_cookie() {
    for (lines, expected) in [
        (&["__Host-russet=S"][..], None),
        (&["a=1; __Host-russet=S; b=2"], Some("a=1; b=2")),
        (&["a=1", "__Host-russet=S", "b=2"], Some("a=1; b=2")),
        (&["__Host-russet=S; __Host-russet=S"], None),
        (&["__Host-russet=\"S; a=1\""], Some("a=1\"")),
        (&["a=\"; __Host-russet=S; b=\""], Some("a=\"; b=\"")),
        (&["$Version=1; a=\"; __Host-russet=S; b=\"; $Path=/"], Some("a=\"; b=\"")),
        (&["a=1, __Host-russet=S; b=2"], Some("b=2")),
        (&["a=1,__Host-russet=S"], None),
        (&["_,Host-russet=S; a=1"], Some("a=1")),
        (&["__Host-russet =S; a=1"], Some("a=1")),
        (&["__Host-russet\t=\tS; a=1"], Some("a=1")),
        (&["__host-RUSSET=S; a=1"], Some("a=1")),
        (&["__Host_russet=S; a=1"], Some("a=1")),
        (&["..Host.russet=S; a=1"], Some("a=1")),
        (&["_.Host[russet=S; a=1"], Some("a=1")),
        (&["\"__Host-russet\"=S; a=1"], Some("a=1")),
        (&["$__Host-russet=S; a=1"], Some("a=1")),
        (&["%5F%5fHost%2Drusset=S; a=1"], Some("a=1")),
        (&["=__Host-russet=S; a=1"], Some("a=1")),
        (&["==__Host-russet=S; a=1"], Some("a=1")),
        (&[" = \"__Host-russet=S; a=1"], Some("a=1")),
        (&["__Host-russet; a=1"], Some("a=1")),
        (&["\u{a0}__Host-russet=S; a=1"], Some("a=1")),
        (&["\u{2003}__Host-russet\u{3000}=S; a=1"], Some("a=1")),
        (&["__Host-russet-try-7=S; a=1"], Some("a=1")),
        (&["__Host-RUSSET_try.7=S; a=1"], Some("a=1")),
        (&["a=1; b=2"], Some("a=1; b=2")),
        (&["a=1;b=2;;"], Some("a=1;b=2;;")),
        (&["a=1", "b=2"], Some("a=1; b=2")),
        (&["__Host-russets=1"], Some("__Host-russets=1")),
        (&["russet=1; a=__Host-russet"], Some("russet=1; a=__Host-russet")),
        (&["$Version=1; a=1; $Path=/"], Some("$Version=1; a=1; $Path=/")),
        (&[""], Some("")),
    ] {
        assert_eq!(left(lines).as_deref(), expected, "{lines:?}");
    }
    assert_eq!(left(&[]), None);
}

#[test]
fn t34_an_upstream_cannot_set_our_cookies() {
    let all = [
        ("__Host-russet=x", true),
        ("__Host-russet=; Max-Age=0", true),
        ("__Host-russet=x; Domain=example.com; Path=/", true),
        (" __Host-russet =x", true),
        ("__host-russet=x", true),
        ("__Host.russet=x", true),
        ("=__Host-russet=x", true),
        ("__Host-russet-try-1=x", true),
        ("\"__Host-russet\"=x", true),
        ("__Host-russet", true),
        ("a=1, __Host-russet=x", true),
        ("a=1; Path=/__Host-russet=", false),
        ("__Host-russets=x", false),
        ("session=x; Secure", false),
        ("", false),
    ];
    let mut headers = HeaderMap::new();
    for (value, _) in all {
        headers.append(SET_COOKIE, HeaderValue::from_static(value));
    }
    assert_eq!(ours().remove_from_response(&mut headers), 11);
    let kept: Vec<_> = headers.get_all(SET_COOKIE).iter().map(|v| v.to_str().unwrap()).collect();
    let expected: Vec<_> = all.iter().filter(|(_, ours)| !ours).map(|(value, _)| *value).collect();
    assert_eq!(kept, expected);
    assert_eq!(ours().remove_from_response(&mut headers), 0);
}

fn attributes() -> Attributes<'static> {
    Attributes {
        domain: None,
        http_only: true,
        same_site: SameSite::Lax,
        max_age: Some(Duration::from_secs(600)),
    }
}

#[test]
fn cookies_are_written_with_every_attribute() {
    assert_eq!(
        set_cookie(NAME, "abc", &attributes()).unwrap(),
        "__Host-russet=abc; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600"
    );
    let shared = Attributes {
        domain: Some("example.com"),
        http_only: false,
        same_site: SameSite::None,
        max_age: None,
    };
    assert_eq!(
        set_cookie("russet", "abc", &shared).unwrap(),
        "russet=abc; SameSite=None; Secure; Path=/; Domain=example.com"
    );
    assert_eq!(
        delete_cookie(NAME, &attributes()).unwrap(),
        "__Host-russet=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0"
    );
}

#[test]
fn t40_what_a_browser_would_not_keep_is_not_written() {
    let domain = |domain| Attributes { domain: Some(domain), ..attributes() };
    for (name, value, attributes) in [
        ("", "a", attributes()),
        ("a b", "a", attributes()),
        ("a=b", "a", attributes()),
        ("a", "a;b", attributes()),
        ("a", "a b", attributes()),
        ("a", "a\r\nb", attributes()),
        ("a", "\"a\"", attributes()),
        ("a", "é", attributes()),
        ("a", "a", domain("")),
        ("a", "a", domain("a; Path=/x")),
        (NAME, "a", domain("example.com")),
    ] {
        assert_eq!(set_cookie(name, value, &attributes), Err(CookieProblem::Malformed), "{name:?}");
    }
    let frame = set_cookie(NAME, "", &attributes()).unwrap().len();
    let fits = "x".repeat(MAX_COOKIE_BYTES - frame);
    assert_eq!(set_cookie(NAME, &fits, &attributes()).unwrap().len(), MAX_COOKIE_BYTES);
    let one_more = format!("{fits}x");
    assert_eq!(set_cookie(NAME, &one_more, &attributes()), Err(CookieProblem::TooLong));
}

/// What other parsers find under any spelling of our name: cutting at commas too, or seeing
/// quoted strings, with names trimmed, unquoted, decoded, folded.
fn found_by_others(line: &str) -> Vec<String> {
    let mut pairs: Vec<String> = line.split([';', ',']).map(str::to_owned).collect();
    let (mut quoted, mut piece) = (false, String::new());
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ';' if !quoted => pairs.push(std::mem::take(&mut piece)),
            _ => {}
        }
        piece.push(letter);
    }
    pairs.push(piece);
    pairs
        .iter()
        .map(|pair| pair.trim_start_matches(|c: char| c == '=' || c == ';' || c.is_whitespace()))
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| {
            let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
            let name = name.trim().trim_matches(['"', '$', ' ']).to_ascii_lowercase();
            name.replace(['_', '.', '[', ' '], "-") == "--host-russet"
        })
        .map(|(_, value)| value.to_owned())
        .collect()
}

fn hostile_line() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => proptest::sample::select(vec![
            "; ", ";", ",", "=", "\"", " ", "\t", "$", "$Version=1", "a", "a=1", "%5F", "%",
            "__Host-russet", "__host_russet", "..Host.russet", "\u{a0}", "\u{2003}",
        ]).prop_map(str::to_owned),
        3 => proptest::sample::select(vec!["=", "=\"", " = "])
            .prop_map(|equals| format!("; __Host-russet{equals}{SECRET}")),
    ];
    proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn t34_the_sealed_value_never_goes_on(lines in proptest::collection::vec(hostile_line(), 1..4)) {
        // Browsers put ours between semicolons; what tossed cookies put around it must not matter.
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        if let Some(rest) = left(&lines) {
            prop_assert!(found_by_others(&rest).is_empty(), "{lines:?} leaves {rest:?}");
            prop_assert!(!rest.contains(SECRET), "{lines:?} leaves {rest:?}");
            prop_assert_eq!(left(&[&rest]).unwrap_or_default(), rest);
        }
    }

    #[test]
    fn t39_reading_finds_what_the_cookie_crate_finds(line in "[a-c=;\" _]{0,24}") {
        let headers = request(&[&line]);
        let theirs: Vec<String> = Cookie::split_parse(line.as_str())
            .flatten()
            .filter(|cookie| cookie.name() == "a")
            .map(|cookie| cookie.value().to_owned())
            .collect();
        let mine: Vec<String> =
            values(&headers, "a").map(|value| value.trim().to_owned()).collect();
        // The crate also takes `a =1` for `a`; we do not.
        prop_assert!(mine.len() <= theirs.len());
        prop_assert!(mine.iter().all(|value| theirs.contains(value)));
    }
}
