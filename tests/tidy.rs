//! The rules of the house, read off the sources: which floor may use which, what only one file may
//! do, and that every attack and every failure we know of has a test or a reason why not yet.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// The floors, lowest first; what stands together on one must not know its neighbours.
const FLOORS: [&[&str]; 8] = [
    &["base"],
    &["identity", "wire", "telemetry"],
    &["apple", "session", "policy", "upstream", "pages"],
    &["decision"],
    &["gateway"],
    &["config"],
    &["app", "fake_apple"],
    &["cli"],
];

/// What only these files may name: text, files, reason. Comments and tests do not count.
const RESERVED: [(&str, &[&str], &str); 9] = [
    (r"\breqwest::", &["src/apple/", "src/cli/demo/"], "one way out to Apple"),
    (r"(SystemTime|Instant)::now\(", &["src/base/time.rs"], "one clock"),
    (r"rand::fill\(|\bfastrand::", &["src/base/random.rs", "src/base/ids.rs"], "one pair of dice"),
    (r"tokio::spawn|task::spawn|runtime\.spawn\(|spawn_local", &["src/base/tasks.rs"], "one spawn"),
    (r"thread::(Builder|spawn)", &["src/gateway/edge/workers.rs"], "threads are workers"),
    (
        r"\.pool\b\s*\.?\s*send\(|pool\.send\(",
        &["src/gateway/relay.rs"],
        "only the relay sends to applications",
    ),
    (
        r"\bPool(::|<)",
        &["src/upstream/", "src/gateway/world.rs"],
        "the relay's pool wants an admission",
    ),
    (r"\b(e?println|e?print)!", &["src/cli/"], "only the command line prints"),
    (r"\b(todo|unimplemented|dbg)!", &[], "nothing is left undone"),
];

#[test]
fn modules_use_lower_floors_only() {
    let floor_of: BTreeMap<&str, usize> = FLOORS
        .iter()
        .enumerate()
        .flat_map(|(floor, rooms)| rooms.iter().map(move |r| (*r, floor)))
        .collect();
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let Some(room) = room_of(&path) else { continue };
        let own = floor_of
            .get(room)
            .unwrap_or_else(|| panic!("{room} stands on no floor: add it to FLOORS"));
        for used in rooms_used(&code(&text)) {
            let Some(floor) = floor_of.get(used.as_str()) else { continue };
            if used != room && floor >= own {
                wrong.push(format!("{path}: {room} (floor {own}) uses {used} (floor {floor})"));
            }
        }
    }
    assert!(wrong.is_empty(), "upward or sideways:\n{}", wrong.join("\n"));
}

#[test]
fn endpoints_and_edge_do_not_know_each_other() {
    for (path, text) in sources("src/gateway") {
        let text = code(&text);
        let forbidden = match path.as_str() {
            path if path.starts_with("src/gateway/endpoints/") => "edge::",
            path if path.starts_with("src/gateway/edge/") => "endpoints::",
            _ => continue,
        };
        assert!(
            !text.contains(forbidden),
            "{path} names {forbidden}: what joins them is the pipeline"
        );
    }
}

#[test]
fn what_one_file_does_no_other_does() {
    let mut wrong = Vec::new();
    for (pattern, allowed, why) in RESERVED {
        let pattern = Regex::new(pattern).unwrap();
        for (path, text) in sources("src") {
            let exempt = is_test(&path) || allowed.iter().any(|file| path.starts_with(file));
            if !exempt && let Some(found) = pattern.find(&without_tests(&code(&text))) {
                wrong.push(format!("{path}: `{}` ({why})", found.as_str()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_fake_apple_never_looks_at_the_real_one() {
    for (path, text) in sources("src/fake_apple") {
        assert!(!code(&text).contains("crate::apple"), "{path}: a shared mistake would hide");
    }
}

#[test]
fn exceptions_are_expected_and_have_a_reason() {
    for (path, text) in sources("src") {
        assert!(!text.contains("#[allow("), "{path}: use #[expect(..., reason = ...)]");
        assert!(
            !Regex::new(r"\b(TODO|FIXME|XXX)\b").unwrap().is_match(&text),
            "{path}: unfinished"
        );
    }
}

#[test]
fn every_attack_and_every_failure_has_a_test_or_a_reason() {
    let attacks = fs::read_to_string(root().join("docs/attacks.md")).unwrap();
    let tests = test_names();
    let threats = (1..=100).map(|n| (format!("T{n:02}"), format!("t{n:02}_")));
    let wires = (1..=22).map(|n| (format!("W{n}"), format!("w{n}_")));
    let failures = Regex::new(r"(?m)^\| `(failure_[a-z0-9_]+)`").unwrap();
    let failures: Vec<_> = failures
        .captures_iter(&attacks)
        .map(|found| (found[1].to_owned(), found[1].to_owned()))
        .collect();
    assert!(failures.len() >= 30, "the table of failures has only {} rows", failures.len());
    let mut wrong = Vec::new();
    for (id, name) in threats.chain(wires).chain(failures) {
        let row = attacks.lines().find(|line| {
            line.strip_prefix("| ").is_some_and(|rest| {
                rest.trim_start_matches('`')
                    .strip_prefix(&id)
                    .is_some_and(|rest| rest.starts_with([' ', '`']))
            })
        });
        let tested =
            tests.iter().any(|test| test.starts_with(&name) || test.contains(&format!("_{name}")));
        match row {
            None => wrong.push(format!("{id}: no row in docs/attacks.md")),
            Some(row) if !tested && !row.contains("not yet:") => {
                wrong.push(format!(
                    "{id}: no test named `{name}...`, and its row does not say why not yet"
                ));
            }
            Some(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_yaml_block_of_the_documentation_holds() {
    let environment: &dyn Fn(&str) -> Option<String> = &|_| None;
    let now = russet::base::time::Timestamp(1_800_000_000);
    let mut whole = 0;
    let mut pages: Vec<PathBuf> = vec![root().join("README.md"), root().join("SECURITY.md")];
    pages.extend(files(&root().join("docs"), "md"));
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for (info, block) in yaml_blocks(&text) {
            let name = format!("{}", page.strip_prefix(root()).unwrap().display());
            if info == "yaml fragment" {
                let mut told = russet::base::diagnostic::Diagnostics::default();
                let read = russet::config::yaml::read(&block, 0, &mut told);
                assert!(read.is_some() && !told.has_errors(), "{name}: no YAML:\n{block}");
            } else {
                let loaded = russet::config::load_text(&name, &block, environment, now);
                assert!(loaded.settings.is_some(), "{}\n{block}", loaded.render());
                whole += 1;
            }
        }
    }
    assert!(whole > 0, "no page holds a whole configuration");
}

#[test]
fn the_readme_shows_both_commands() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains("make demo") && readme.contains("make test"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every source below `folder`: its path from the root, and its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        (name, fs::read_to_string(&path).unwrap())
    };
    files(&root().join(folder), "rs").into_iter().map(read).collect()
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|ending| ending == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The room that a file of `src` belongs to; none for `main.rs` and `lib.rs`.
fn room_of(path: &str) -> Option<&str> {
    path.strip_prefix("src/")?.split_once('/').map(|(room, _)| room)
}

/// The rooms that a text names by `crate::`, alone or in braces.
fn rooms_used(text: &str) -> BTreeSet<String> {
    let single = Regex::new(r"\bcrate::([a-z_]+)").unwrap();
    let braces = Regex::new(r"\bcrate::\{([^;]*)\}").unwrap();
    let first = Regex::new(r"(?:^|[,{\s])([a-z_]+)(?:::|\s*,|\s*\}|\s*$)").unwrap();
    let mut rooms: BTreeSet<String> =
        single.captures_iter(text).map(|found| found[1].to_owned()).collect();
    for group in braces.captures_iter(text) {
        rooms.extend(first.captures_iter(&group[1]).map(|found| found[1].to_owned()));
    }
    rooms
}

/// The text without comments and string literals' lines that only speak about code.
fn code(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn without_tests(text: &str) -> String {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs") || path.ends_with("/testing.rs")
}

/// The names of all test functions, wherever they stand, browser tests included.
fn test_names() -> BTreeSet<String> {
    let function = Regex::new(r"fn ([a-z0-9_]+)").unwrap();
    let mut names = BTreeSet::new();
    for (_, text) in sources("src").into_iter().chain(sources("tests")) {
        names.extend(function.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    let browser = root().join("tests/browser");
    let quoted = Regex::new(r#"["'`]([tw][0-9]+_[a-z0-9_]+)"#).unwrap();
    for script in ["mjs", "js"].iter().flat_map(|ending| {
        fs::read_dir(&browser).into_iter().flatten().filter_map(move |entry| {
            let path = entry.ok()?.path();
            path.extension().is_some_and(|found| found == *ending).then_some(path)
        })
    }) {
        let text = fs::read_to_string(script).unwrap();
        names.extend(quoted.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    names
}

/// The fenced blocks whose language is YAML: the whole info string, and the block.
fn yaml_blocks(text: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, usize, Vec<&str>)> = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(info)) => open = Some((info.trim().to_owned(), indent, Vec::new())),
            (Some(_), Some("")) => {
                let (info, _, lines) = open.take().unwrap();
                if info.starts_with("yaml") {
                    blocks.push((info, lines.join("\n") + "\n"));
                }
            }
            (Some((_, indent, lines)), _) => {
                lines.push(&line[(*indent).min(line.len() - line.trim_start().len())..])
            }
            (None, None) => {}
        }
    }
    blocks
}
