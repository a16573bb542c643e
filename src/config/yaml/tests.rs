use super::*;
use crate::base::diagnostic::Sources;

fn read_text(text: &str) -> (Option<Node>, Vec<String>) {
    let mut sources = Sources::default();
    let source = sources.add("f", text);
    let mut told = Diagnostics::default();
    let node = read(text, source, &mut told);
    let told = told.sorted();
    let lines = told.iter().map(|item| {
        let place = item.place.map(|place| sources.position(place)).unwrap_or_default();
        format!("{place} {} {}", item.code, item.message)
    });
    (node, lines.collect())
}

fn show(node: &Node) -> String {
    match &node.kind {
        Kind::Scalar(scalar) => format!("{:?}", scalar.text),
        Kind::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
        Kind::Map(entries) => {
            let entries =
                entries.iter().map(|(name, value)| format!("{}: {}", show(name), show(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

fn good(text: &str) -> String {
    let (node, told) = read_text(text);
    assert_eq!(told, Vec::<String>::new(), "{text}");
    show(&node.unwrap())
}

fn bad(text: &str) -> String {
    let (_, told) = read_text(text);
    assert!(!told.is_empty(), "accepted: {text}");
    told.join("\n")
}

#[test]
fn scalars_keep_their_spelling() {
    assert_eq!(
        good("a: 123456E789\nb: no\nc: 007\nd: 'x'\n"),
        r#"{"a": "123456E789", "b": "no", "c": "007", "d": "x"}"#
    );
}

#[test]
fn json_is_read_too() {
    assert_eq!(
        good("{\"a\": [1, {\"b\": null}],\n\t\"c\": \"d\"}"),
        r#"{"a": ["1" {"b": "null"}], "c": "d"}"#
    );
}

#[test]
fn nodes_know_their_places() {
    let text = "a:\n  - x: 1\n    y: 'two'\nb: 3\n";
    let mut sources = Sources::default();
    let source = sources.add("f", text);
    let node = read(text, source, &mut Diagnostics::default()).unwrap();
    let route = &node.get("a").unwrap().list().unwrap()[0];
    assert_eq!(sources.slice(route.get("y").unwrap().place), "'two'");
    assert!(sources.slice(route.place).starts_with("x: 1\n"));
    assert_eq!(sources.position(node.get("b").unwrap().place), "f:4:4");
}

#[test]
fn merges_yield_to_the_maps_own_keys() {
    assert_eq!(
        good(
            "base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\none: {<<: *b, y: 9}\ntwo: {<<: [*m, *b]}\n"
        ),
        r#"{"base": {"x": "1", "y": "2"}, "more": {"y": "3", "z": "4"}, "one": {"y": "9", "x": "1"}, "two": {"y": "3", "z": "4", "x": "1"}}"#
    );
    assert!(bad("a: {<<: 1}").contains("R009 `<<` merges maps only"));
    assert_eq!(good("a: {'<<': 1}"), r#"{"a": {"<<": "1"}}"#);
}

#[test]
fn t59_what_means_two_things_is_refused_at_its_place() {
    for (text, expected) in [
        ("a: 1\nb: 2\na: 3\n", "f:3:1 R004 `a` is written twice"),
        ("a: !!str 1\n", "f:1:4 R005 tags are not used here"),
        ("a: !exec x\n", "f:1:4 R005"),
        ("a: *nobody\n", "f:1:4 R006 there is no anchor `&nobody`"),
        ("a: &a [*a]\n", "f:1:8 R006 this alias stands inside the very value that it names"),
        ("a: &a {b: {c: *a}}\n", "f:1:15 R006"),
        ("a: 1\n---\nb: 2\n", "f:2:1 R008 a second document begins here"),
        ("? [a, b]\n: 1\n", "f:1:3 R009 a key must be text, not a list"),
        ("\"\": 1\n", "f:1:1 R009 this key is empty"),
        ("a:\n\tb: 1\n", "f:2:2 R003 a tab stands where YAML wants spaces"),
        ("a: x\n\tb: 1\n", "f:2:1 R003 a tab stands where YAML wants spaces"),
        ("a: 'x\n", "R003 a quote is opened and not closed"),
        ("a: [1, 2\n", "R003 a `[` or `{` is not closed"),
        ("a: b: c\n", "f:1:5 R003 a `key: value` cannot stand here"),
        ("a:\n  b: 1\n c: 2\n", "R003 the indentation does not fit"),
        (" a: 1\nb: 2\n", "f:2:1 R003 the indentation does not fit"),
        ("a: 1\nnonsense\nb: 2\n", "R003 a line without a colon"),
        ("a: @x\n", "f:1:4 R003 this character cannot begin a value"),
        ("a: \"C:\\dir\"\n", "R003 a backslash in double quotes"),
        ("%YAML 1.2\n---\na: 1\n", "f:1:1 R003 directives are not used here"),
        ("\u{feff}a: 1\n", "f:1:1 R002 the text begins with a byte order mark"),
        ("a: 1\nb: \0\n", "f:2:4 R002 the text holds a NUL byte"),
        ("a: \u{1b}[31m\n", "f:1:4 R002 the text holds the control character U+001B"),
    ] {
        let told = bad(text);
        assert!(told.contains(expected), "{text:?}: {told}");
    }
}

#[test]
fn several_problems_are_told_at_once() {
    let told = bad("a: 1\na: 2\nb: !x 1\nb: 3\n");
    assert_eq!(told.matches("R004").count(), 2, "{told}");
    assert_eq!(told.matches("R005").count(), 1, "{told}");
}

#[test]
fn t59_bombs_end_quickly_and_small() {
    use std::fmt::Write as _;
    let mut aliases = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..40 {
        let before = level - 1;
        let _ = write!(aliases, "a{level}: &a{level} [");
        aliases += &vec![format!("*a{before}"); 9].join(", ");
        aliases += "]\n";
    }
    let mut merges = String::from("m0: &m0 {k0: 1}\n");
    for level in 1..10_000 {
        let _ = writeln!(merges, "m{level}: &m{level} {{<<: *m{}, k{level}: 1}}", level - 1);
    }
    let nested_maps: String =
        (0..2_000).fold(String::new(), |text, depth| text + &" ".repeat(depth % 500) + "a:\n");
    let cases = [
        (aliases, "R006"),
        (merges, "R00"),
        ("[".repeat(100_000), "R007"),
        ("{a: ".repeat(100_000), "R007"),
        ("- ".repeat(100_000), "R007"),
        (nested_maps, "R00"),
        ("[,".repeat(1_000), "R00"),
        (format!("a: [{}]", "x,".repeat(200_000)), "R006"),
        ("a: 1\n".repeat(200_000), "R004"),
        ("x".repeat(MAX_BYTES + 1), "R001"),
    ];
    for (text, code) in cases {
        let started = crate::base::time::monotonic();
        let begin = text.get(..20).unwrap_or_default();
        let told = bad(&text);
        assert!(told.contains(code), "{begin}: {:?}", told.get(..200));
        // A build without optimisation on a busy machine is given more than the one second.
        assert!(started.elapsed().as_secs() < 5, "{begin}: {:?}", started.elapsed());
    }
}

#[test]
fn depth_counts_through_aliases() {
    let mut text = String::from("a: &a ");
    text += &"[".repeat(40);
    text += &"]".repeat(40);
    text += "\nb: ";
    text += &"[".repeat(40);
    text += "*a";
    text += &"]".repeat(40);
    assert!(bad(&text).contains("R007"));
}

#[test]
fn embedded_texts_have_the_place_of_their_scalar() {
    let place = Place { source: 3, start: 7, end: 9 };
    let node = read_embedded("{a: [1]}", place, &mut Diagnostics::default()).unwrap();
    assert_eq!(node.get("a").unwrap().list().unwrap()[0].place, place);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[-a-z0-9:&*!%@`'\"\\[\\]{},|>#?~<\n\t .]{0,80}") {
        drop(read_text(&text));
    }
}
