//! The rules of the house that no compiler knows. Each exception is named here, with its reason.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

#[path = "tidy/code.rs"]
mod code;
#[path = "tidy/imports.rs"]
mod imports;

use std::fs;
use std::path::{Path, PathBuf};

use imports::Imports;
use regex::Regex;
use russet::base::diagnostic::{Diagnostics, Sources};
use russet::base::time::Timestamp;
use russet::config;
use russet::workbench::cases;

/// The floors, from the bottom; rooms on one floor do not know each other.
const FLOORS: &[&[&str]] = &[
    &["base"],
    &["identity", "wire", "telemetry"],
    &["edge", "apple", "session", "policy", "upstream", "pages"],
    &["decision", "accounts"],
    &["gateway"],
    &["config"],
    &["app", "fake_apple", "fake_browser", "workbench"],
    &["cli"],
];

/// Rooms inside the gateway that only the pipeline joins.
const GATEWAY_ROOMS: &[&str] = &["endpoints", "external_auth"];

/// What may stand in some files only, and why there.
struct Only {
    what: &'static str,
    pattern: &'static str,
    files: &'static [&'static str],
}

const ONLY: &[Only] = &[
    Only {
        what: "calls to the outside over HTTP",
        pattern: r"\breqwest\b",
        // The last asks the operator's own proxy from outside, when told to.
        files: &["src/apple/client.rs", "src/fake_browser/", "src/cli/check/probe.rs"],
    },
    Only {
        what: "the clock",
        pattern: r"\b(SystemTime|Instant|Timestamp|Zoned)::now\b",
        files: &["src/base/time.rs"],
    },
    Only {
        what: "dice",
        // What signs takes a `SystemRandom` and rolls it itself, which is not a use of ours.
        pattern: r"\brand::fill\b|\bSecureRandom\b|\bgetrandom\b|\bthread_rng\b",
        files: &["src/base/random.rs"],
    },
    Only {
        what: "dice that can be guessed",
        pattern: r"\bfastrand\b",
        // Names in the log, never a secret.
        files: &["src/base/ids.rs"],
    },
    Only {
        what: "spawning",
        pattern: r"\bspawn(_local|_blocking)?\(",
        // The threads of the workers are not tasks.
        files: &["src/base/tasks.rs", "src/edge/workers.rs"],
    },
    Only {
        what: "sending to an application",
        pattern: r"\bpool\s*\.send\b",
        files: &["src/gateway/forward/relay.rs"],
    },
    Only { what: "printing", pattern: r"\be?print(ln)?!", files: &["src/cli/"] },
    Only {
        what: "variables of the environment",
        pattern: r"\benv::(var|vars|set_var|remove_var)(_os)?\b",
        // Where state is kept follows from systemd's variables and XDG's.
        files: &["src/config/mod.rs", "src/app/state_dir.rs"],
    },
];

/// A file of the project.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The code by lines, without comments and without what is compiled for tests alone.
    fn shipped(&self) -> Vec<(usize, String)> {
        let text = code::shipped_text(&self.text);
        text.lines().enumerate().map(|(at, line)| (at + 1, line.to_owned())).collect()
    }

    fn is_for_tests(&self) -> bool {
        self.path.contains("/tests")
            || self.path.ends_with("_tests.rs")
            || self.path.ends_with("/testing.rs")
            || self.path.ends_with("/fuzz.rs")
    }
}

/// The room of a file: `gateway` of `src/gateway/pipeline.rs`.
fn room_of(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or_default();
    inside.split(['/', '.']).next().unwrap_or_default()
}

fn files(folder: &str, extension: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    collect(Path::new(folder), &mut paths);
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    let read = |path: PathBuf| Source {
        text: fs::read_to_string(&path).unwrap(),
        path: path.display().to_string(),
    };
    paths.into_iter().map(read).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name == "node_modules") {
            continue;
        }
        if path.is_dir() { collect(&path, paths) } else { paths.push(path) }
    }
}

fn none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// Who imports whom in `src`.
fn imports() -> Imports {
    let sources = files("src", "rs");
    let shipped = sources.iter().filter(|source| !source.is_for_tests());
    Imports::read(shipped.map(|source| (&*source.path, &*source.text)))
}

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

#[test]
fn a_room_imports_lower_floors_only() {
    let mut problems = Vec::new();
    for source in files("src", "rs") {
        let room = room_of(&source.path);
        if !matches!(room, "lib" | "main" | "fuzz") && floor_of(room).is_none() {
            problems.push(format!("{}: no floor has a room `{room}`", source.path));
        }
    }
    for arrow in imports().arrows() {
        let (from, to) = (room_of(&arrow.from), room_of(&arrow.to));
        if from != to && from != "lib" && floor_of(to) >= floor_of(from) {
            let (from, names) = (arrow.from, arrow.names);
            problems.push(format!("{from}: imports {to} ({names}), which is not below it"));
        }
    }
    none(&problems);
}

#[test]
fn rooms_of_the_gateway_are_joined_by_the_pipeline_alone() {
    let room = |path: &str| {
        let inside = path.strip_prefix("src/gateway/")?;
        GATEWAY_ROOMS.iter().find(|room| inside.split('/').next() == Some(room))
    };
    let mut problems = Vec::new();
    for arrow in imports().arrows() {
        if let (Some(from), Some(to)) = (room(&arrow.from), room(&arrow.to))
            && from != to
        {
            problems.push(format!("{} imports {} of {}", arrow.from, arrow.names, arrow.to));
        }
    }
    none(&problems);
    for room in GATEWAY_ROOMS {
        assert!(Path::new("src/gateway").join(room).is_dir(), "there is no room {room}");
    }
}

/// Imports that close a circle of files and are still to be mended, by what the paths of both files
/// begin with. A file below a `mod.rs` may import that `mod.rs`, which closes no circle.
const CIRCLES: &[(&str, &str)] = &[];

#[test]
fn no_files_import_each_other_in_a_circle() {
    let imports = imports();
    let mut problems = Vec::new();
    for circle in imports.circles(CIRCLES) {
        problems.push("a circle of files:".to_owned());
        for arrow in circle {
            problems.push(format!("    {} imports {} of {}", arrow.from, arrow.names, arrow.to));
        }
    }
    for exception in CIRCLES {
        let others: Vec<_> = CIRCLES.iter().copied().filter(|other| other != exception).collect();
        if imports.circles(&others).is_empty() {
            let (from, to) = exception;
            problems.push(format!("{from} -> {to} closes no circle: take it out of CIRCLES"));
        }
    }
    none(&problems);
}

/// A mistake that both made would hide; so the tests of the fake Apple do not import it either.
#[test]
fn the_fake_apple_knows_nothing_of_apple() {
    let pattern = Regex::new(r"\bcrate::(\{[^}]*\b)?apple\b").unwrap();
    let sources = files("src/fake_apple", "rs");
    let guilty = sources.iter().filter(|source| pattern.is_match(&source.text));
    none(&guilty.map(|source| format!("{} imports apple", source.path)).collect::<Vec<_>>());
}

#[test]
fn what_may_stand_in_one_place_stands_nowhere_else() {
    let mut problems = Vec::new();
    let sources = files("src", "rs");
    for only in ONLY {
        let pattern = Regex::new(only.pattern).unwrap();
        let allowed = |path: &str| only.files.iter().any(|file| path.starts_with(file));
        for source in
            sources.iter().filter(|source| !source.is_for_tests() && !allowed(&source.path))
        {
            for (number, line) in
                source.shipped().into_iter().filter(|(_, line)| pattern.is_match(line))
            {
                problems.push(format!("{}:{number}: {}: {}", source.path, only.what, line.trim()));
            }
        }
        for file in only.files {
            assert!(Path::new(file).exists(), "an exception for {file}, which is gone");
        }
    }
    none(&problems);
}

#[test]
fn what_is_left_to_do_has_an_issue() {
    let (mark, issue) =
        (Regex::new(r"\b(TODO|FIXME|XXX)\b").unwrap(), Regex::new(r"#\d+").unwrap());
    let sources = ["src", "tests", "benches"].into_iter().flat_map(|folder| files(folder, "rs"));
    let mut problems = Vec::new();
    for source in sources.filter(|source| source.path != "tests/tidy.rs") {
        for (number, line) in source.text.lines().enumerate() {
            if mark.is_match(line) && !issue.is_match(line) {
                problems.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    none(&problems);
}

// --- docs/attacks.md -----------------------------------------------------------------------------

/// Numbers of the rows of `docs/attacks.md` by what their ids begin with.
const ROWS: &[(&str, usize)] = &[("T", 100), ("W", 22), ("A51_", 35)];

/// Names of all tests, those in JavaScript too: `test('t80: ...')` counts as `t80_`.
fn test_names() -> Vec<String> {
    let (rust, script) =
        (Regex::new(r"\bfn (\w+)\(").unwrap(), Regex::new(r#"\btest\(['"`](\w[^'"`]*)"#).unwrap());
    let mut names = Vec::new();
    for source in files("src", "rs").iter().chain(&files("tests", "rs")) {
        // A function without a test attribute is not a test.
        let mut is_test = false;
        for line in source.text.lines().map(str::trim_start) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if let Some(found) = rust.captures(line) {
                if is_test {
                    names.push(found[1].to_owned());
                }
                is_test = false;
            }
        }
    }
    for source in files("tests", "mjs") {
        let found =
            script.captures_iter(&source.text).map(|found| found[1].replace([' ', ':'], "_"));
        names.extend(found);
    }
    names
}

/// Whether a test carries this id: `t42_...`, and `t42_a51_7_...` carries both.
fn has_test(names: &[String], id: &str) -> bool {
    let (id, front) = (id.to_lowercase(), Regex::new(r"^(?:[tw]\d+|a51_\d+)_").unwrap());
    let carries = |name: &String| {
        let mut rest = name.as_str();
        while let Some(found) = front.find(rest) {
            if found.as_str().trim_end_matches('_') == id {
                return true;
            }
            rest = rest.split_at(found.end()).1;
        }
        false
    };
    names.iter().any(carries)
}

#[test]
fn ids_stand_in_front_of_a_name() {
    let names = ["t42_a51_7_x".to_owned(), "w5_a51_10_t7_y".to_owned()];
    for (id, carried) in [
        ("T42", true),
        ("A51_7", true),
        ("A51_10", true),
        ("T7", true),
        ("W5", true),
        ("A51_1", false),
        ("T4", false),
        ("W7", false),
    ] {
        assert_eq!(has_test(&names, id), carried, "{id}");
    }
}

/// The cells of each row of a table in Markdown.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.map(|row| row.split(" | ").map(str::trim).collect()).collect()
}

#[test]
fn every_attack_has_a_test_or_a_reason() {
    let page = fs::read_to_string("docs/attacks.md").unwrap();
    let (rows, names) = (rows(&page), test_names());
    let mut problems = Vec::new();
    for (letter, count) in ROWS {
        for id in (1..=*count).map(|number| match *letter {
            "T" => format!("T{number:02}"),
            _ => format!("{letter}{number}"),
        }) {
            let found: Vec<&Vec<&str>> = rows.iter().filter(|row| row[0] == id).collect();
            let [row] = found.as_slice() else {
                problems.push(format!("docs/attacks.md has {} rows for {id}", found.len()));
                continue;
            };
            let shown = row.last().unwrap();
            let excused = shown.contains("Not yet: ") || shown.contains("Nothing to test: ");
            if !has_test(&names, &id) && !excused {
                problems
                    .push(format!("{id} has neither a test nor a `Not yet:` in docs/attacks.md"));
            }
        }
    }
    none(&problems);
}

/// Rows of the table of failures in the notes on Apple that it answers.
const FAILURES: usize = 39;

#[test]
fn every_failure_of_apples_has_a_test_or_a_reason() {
    let page = fs::read_to_string("docs/attacks.md").unwrap();
    let (_, section) = page.split_once("\n## When sign-in fails\n").unwrap();
    let rows = rows(section.split("\n## ").next().unwrap());
    // The first two are the head of the table and its line.
    let failures = &rows[2..];
    assert_eq!(failures.len(), FAILURES);
    let (names, pattern) = (test_names(), Regex::new(r"`(failure_\w+)`").unwrap());
    let mut problems = Vec::new();
    for row in failures {
        let shown = row.last().unwrap();
        match pattern.captures(shown) {
            None if shown.starts_with("Not yet: ") => {}
            None => problems.push(format!("`{}` names no test and no reason", row[0])),
            Some(id) if names.iter().any(|name| name.starts_with(&id[1])) => {}
            Some(id) => problems.push(format!("`{}`: no test begins with {}", row[0], &id[1])),
        }
    }
    none(&problems);
}

// --- Configurations in the documentation ---------------------------------------------------------

/// A block of YAML in a page. Without a word it is a whole configuration; other words are told at
/// the head of `tests/it/pages.rs`.
struct Block {
    place: String,
    text: String,
    /// The words behind `yaml`, but for the name of a file.
    kind: String,
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut pages = files("docs", "md");
    pages.extend(
        ["README.md", "ARCHITECTURE.md", "SECURITY.md"]
            .map(|path| Source { path: path.to_owned(), text: fs::read_to_string(path).unwrap() }),
    );
    for page in pages {
        let mut open: Option<Block> = None;
        let mut indent = 0;
        for (number, line) in page.text.lines().enumerate() {
            let inner = line.trim_start();
            if let Some(block) = &mut open {
                if inner.starts_with("```") {
                    blocks.extend(open.take());
                } else {
                    block.text.push_str(line.get(indent..).unwrap_or_default());
                    block.text.push('\n');
                }
            } else if let Some(kind) = inner.strip_prefix("```yaml") {
                indent = line.len() - inner.len();
                open = Some(Block {
                    place: format!("{}:{}", page.path, number + 2),
                    text: String::new(),
                    kind: kind
                        .split_whitespace()
                        .filter(|word| !word.starts_with("file="))
                        .collect::<Vec<_>>()
                        .join(" "),
                });
            }
        }
        assert!(open.is_none(), "{}: a block does not end", page.path);
    }
    blocks
}

// --- Examples ------------------------------------------------------------------------------------

/// A private key of Apple's kind, which the examples only name.
const EXAMPLE_KEY: &str = "AuthKey_ABC123DEFG.p8";

#[test]
fn the_examples_are_good_configurations() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join(EXAMPLE_KEY);
    fs::write(&key, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let variable = |name: &str| (name == "IDP_PRIVATE_KEY_FILE").then(|| key.display().to_string());
    let examples = files("examples", "yaml");
    let examples: Vec<&Source> =
        examples.iter().filter(|example| example.path.ends_with("/russet.yaml")).collect();
    assert!(examples.len() >= 6);
    for example in examples {
        let now = Timestamp(1_800_000_000);
        let loaded = config::load_text(&example.path, &example.text, &variable, now);
        assert!(loaded.settings.is_some(), "{}:\n{}", example.path, loaded.render());
    }
}

/// A block of a page that stands behind `<!-- FILE -->` is that file, to the letter. `UPDATE=1`
/// writes the pages.
#[test]
fn pages_show_the_files_that_they_name() {
    let shown = Regex::new(
        r"(?s)<!-- (?P<file>examples/\S+) -->\n(?P<fence>```[^\n]*\n)(?P<text>.*?)```\n",
    )
    .unwrap();
    let (mut problems, mut count) = (Vec::new(), 0);
    for page in files("docs", "md") {
        let text = shown.replace_all(&page.text, |found: &regex::Captures<'_>| {
            count += 1;
            let file = &found["file"];
            let wanted = fs::read_to_string(file).unwrap();
            format!("<!-- {file} -->\n{}{wanted}```\n", &found["fence"])
        });
        if text != page.text {
            if std::env::var_os("UPDATE").is_some() {
                fs::write(&page.path, &*text).unwrap();
            }
            problems.push(format!("{}: run `UPDATE=1 cargo test --test tidy`", page.path));
        }
    }
    assert!(count >= 13, "{count}");
    none(&problems);
}

#[test]
fn configurations_in_the_documentation_are_good() {
    let now = Timestamp(1_800_000_000);
    let blocks = blocks();
    assert!(blocks.iter().any(|block| block.kind.is_empty()), "no whole configuration anywhere");
    for Block { place, text, kind } in blocks {
        let (mut told, mut sources) = (Diagnostics::default(), Sources::default());
        match kind.as_str() {
            "" => {
                let loaded = config::load_text(&place, &text, &|_| None, now);
                assert!(loaded.settings.is_some(), "{place}:\n{}", loaded.render());
            }
            "rules" => {
                // Groups are read from files, which these blocks do not come with.
                let loaded = config::load_rules_text(&place, &text, &|_| None, now);
                let groups = text.contains("groups_file");
                assert!(loaded.rules.is_some() || groups, "{place}:\n{}", loaded.render());
            }
            "tests" => {
                cases::read(&place, &text, &mut sources, &mut told);
                let said = told.sorted().into_iter().map(|item| item.render(&sources));
                assert!(!told.has_errors(), "{}", said.collect::<String>());
            }
            "fragment" | "groups" => {
                let source = sources.add(place.as_str(), text.as_str());
                let read = config::yaml::read(&text, source, &mut told);
                assert!(read.is_some() && !told.has_errors(), "{place} is not YAML");
            }
            other => panic!("{place}: a block of YAML cannot be `{other}`"),
        }
    }
}
