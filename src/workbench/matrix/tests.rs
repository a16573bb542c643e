//! Small matrices of hostile people.

use serde_json::json;

use super::*;
use crate::config;
use crate::identity::Claims;

const NOW: Timestamp = Timestamp(1_800_000_000);

const OLD: &str = "
routes:
  - name: wiki
    from: https://wiki.example.com
    to: http://127.0.0.1:1
    policy: {allow: {or: [{domain: corp.example}]}}
  - name: public
    from: https://www.example.com
    to: http://127.0.0.1:1
    prefix: /open
    allow_public_unauthenticated_access: true
";

const NEW: &str = "
routes:
  - name: wiki
    from: https://wiki.example.com
    to: http://127.0.0.1:1
    policy: {allow: {or: [{email: zoe@other.example}]}}
  - name: added
    from: https://added.example.com
    to: http://127.0.0.1:1
    allow_any_authenticated_user: true
";

fn rules(text: &str) -> Rules {
    let loaded = config::load_rules_text("config.yaml", text, &|_| None, NOW);
    loaded.rules.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

fn someone(name: &str, email: &str) -> Someone {
    let claims = json!({"sub": name, "email": email, "email_verified": true});
    let claims = Claims::new(claims.as_object().cloned().unwrap());
    let identity = Identity::new(name, claims, NOW);
    Someone { name: name.to_owned(), asker: Some(Asker { identity, supposed: None }) }
}

fn hidden() -> Someone {
    let mut hidden = someone("someone@corp.example", "-@corp.example");
    if let Some(who) = &mut hidden.asker {
        let unrecorded = Unrecorded { mailbox: true, ..Unrecorded::NOTHING };
        who.supposed = Supposed::without(unrecorded);
    }
    hidden
}

fn people() -> Vec<Someone> {
    vec![
        Someone::nobody(),
        someone("ann", "ann@corp.example"),
        someone("zoe", "zoe@other.example"),
        hidden(),
    ]
}

const GROUPED: &str = "
groups_file: GROUPS
routes:
  - {name: staff, from: 'https://a.example', to: 'http://127.0.0.1:1', policy: {allow: {or: [{groups: staff}]}}}
  - {name: domain, from: 'https://b.example', to: 'http://127.0.0.1:1', policy: {allow: {or: [{domain: corp.example}]}}}
  - {name: ann, from: 'https://c.example', to: 'http://127.0.0.1:1', policy: {allow: {or: [{email: ann@corp.example}, {user: '001'}]}}}
  - {name: guests, from: 'https://d.example', to: 'http://127.0.0.1:1', policy: {allow: {or: [{groups: guests}]}}}
";

#[test]
fn members_of_groups_are_known_by_what_the_file_says_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("groups.yaml");
    let members =
        "staff: ['sub:001', ann@corp.example, 'domain:corp.example']\nguests: ['sub:009']\n";
    std::fs::write(&file, members).unwrap();
    let text = GROUPED.replace("GROUPS", &file.display().to_string());
    let loaded = config::load_rules_text("config.yaml", &text, &|_| None, NOW);
    let (rules, groups) = (loaded.rules.as_ref().unwrap(), loaded.groups.as_deref());
    let people = Someone::of_groups(groups.into_iter());
    let matrix = Matrix::of(rules, &people, NOW);
    let named: Vec<&str> = matrix.rows.iter().map(|row| row.person.as_str()).collect();
    assert_eq!(named, ["001", "009", "ann@corp.example", "someone@corp.example"]);
    assert_eq!(
        words(&matrix),
        [
            ["allow", "unknown", "allow", "deny"],
            ["unknown", "unknown", "unknown", "allow"],
            ["allow", "allow", "allow", "unknown"],
            ["allow", "allow", "unknown", "unknown"],
        ]
    );
}

fn words(matrix: &Matrix) -> Vec<Vec<&'static str>> {
    let row = |row: &MatrixRow| row.cells.iter().map(|cell| cell.outcome.as_str()).collect();
    matrix.rows.iter().map(row).collect()
}

#[test]
fn everybody_meets_every_route() {
    let matrix = Matrix::of(&rules(OLD), &people(), NOW);
    assert_eq!(matrix.columns[1].url, "https://www.example.com/open");
    let expected =
        [["sign_in", "allow"], ["allow", "allow"], ["deny", "allow"], ["allow", "allow"]];
    assert_eq!(words(&matrix), expected);
    assert_eq!(matrix.rows[2].cells[0].reasons, ["domain-unauthorized"]);
    let matrix = Matrix::of(&rules(NEW), &people(), NOW);
    assert_eq!(words(&matrix)[3], ["unknown", "allow"]);
    assert_eq!(matrix.rows[3].cells[0].reasons, ["email"]);
    let text = human(&matrix, None);
    assert!(text.contains("added (https://added.example.com/): 3 of 4 pass\n"), "{text}");
    assert!(
        text.contains("wiki (https://wiki.example.com/): 1 of 4 pass, unknown of 1\n"),
        "{text}"
    );
}

#[test]
fn gains_come_before_losses_and_routes_may_come_and_go() {
    let of = |text: &str| Matrix::of(&rules(text), &people(), NOW);
    let found = changes(&of(OLD), &of(NEW));
    let told: Vec<_> = found
        .iter()
        .map(|change| (change.changed.as_str(), change.person.as_str(), change.route.as_str()))
        .collect();
    let expected = [
        ("gains", "zoe", "wiki"),
        ("gains", "ann", "added"),
        ("gains", "zoe", "added"),
        ("gains", "someone@corp.example", "added"),
        ("loses", "ann", "wiki"),
        ("loses", "nobody signed in", "public"),
        ("loses", "ann", "public"),
        ("loses", "zoe", "public"),
        ("loses", "someone@corp.example", "public"),
        ("other", "nobody signed in", "added"),
        ("unknown", "someone@corp.example", "wiki"),
    ];
    assert_eq!(told, expected);
    let text = changes_human(&found);
    assert!(
        text.contains("  zoe at wiki: was deny (domain-unauthorized), is allow (email-ok)\n"),
        "{text}"
    );
    assert!(text.contains("  ann at public: was allow (accept), is no route\n"), "{text}");
    assert!(changes(&of(OLD), &of(OLD)).is_empty());
    assert_eq!(changes_human(&[]), "everybody meets what they met before\n");
}

#[test]
fn t83_names_from_outside_stay_text_in_every_form() {
    let formula = "=HYPERLINK(\"http://evil.test\";\"x\")";
    let mark_up = "<script>alert(1)</script>\"'&";
    let turned = "a\u{202e}\u{1b}[31m,\nb";
    let people: Vec<Someone> = [formula, "+1", "-1", "@x", mark_up, turned]
        .map(|name| someone(name, "a@b.example"))
        .into();
    let matrix = Matrix::of(&rules(OLD), &people, NOW);

    let text = csv(&matrix);
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let names: Vec<String> = reader.records().map(|row| row.unwrap()[0].to_owned()).collect();
    for (name, person) in names.iter().zip(&people) {
        let formula = person.name.starts_with(['=', '+', '-', '@']);
        let expected = format!("{}{}", if formula { "'" } else { "" }, person.name);
        assert_eq!(*name, expected);
    }

    let page = html(&matrix, NOW);
    assert!(!page.contains("<script") && !page.contains("alert(1)</"), "{page}");
    assert!(page.contains("&#60;script&#62;"), "{page}");
    let found = changes(&matrix, &Matrix::of(&rules(NEW), &people, NOW));
    assert!(!changes_html(&found, NOW).contains("<script"));
    for outside in ["http://", "https://fonts", "src=", "@import", "url("] {
        assert!(!page.replace("http://evil.test", "").contains(outside), "{outside}");
    }

    let text = human(&matrix, None) + &changes_human(&found);
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
}
