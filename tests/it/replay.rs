//! `russet policy replay` over long logs: as the program is used, as nobody in particular, with
//! nothing of the configuration there but the rules.

#[path = "../../benches/decision_log/mod.rs"]
mod decision_log;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use russet::decision::record::Redact;
use serde_json::Value;

const LINES: u64 = 100_000;
/// A long log is a short one many times.
const ROUNDS: u64 = 20;

fn russet(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_russet"))
        .args(["policy", "replay"])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap()
}

fn report(folder: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--format", "json"]).collect();
    let ended = russet(folder, &arguments);
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    let report = serde_json::from_slice(&ended.stdout).unwrap_or_else(|_| panic!("{said}"));
    (ended.status.code(), report)
}

fn pack(from: &[u8], to: &Path) {
    let mut packer =
        flate2::write::GzEncoder::new(File::create(to).unwrap(), flate2::Compression::fast());
    packer.write_all(from).unwrap();
    packer.finish().unwrap();
}

#[test]
fn a_hundred_thousand_lines_are_judged_again_whole_rotated_and_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut log = Vec::new();
    decision_log::write(7, LINES / ROUNDS, Redact::Nothing, &mut log).unwrap();
    // The same seed, the same log.
    let mut again = Vec::new();
    decision_log::write(7, 1_000, Redact::Nothing, &mut again).unwrap();
    assert!(log.starts_with(&again));
    let log = log.repeat(usize::try_from(ROUNDS).unwrap());
    // Rotated: the oldest third is compressed, the last line of the newest is being written.
    let (third, two) = (line_end(&log, log.len() / 3), line_end(&log, log.len() / 3 * 2));
    pack(&log[..third], &at("decisions.log.2.gz"));
    std::fs::write(at("decisions.log.1"), &log[third..two]).unwrap();
    std::fs::write(at("decisions.log"), [&log[two..], &log[..40]].concat()).unwrap();
    // A domain less: exactly its people lose the wiki, and nobody else notices.
    let text = decision_log::CONFIGURATION.replace(
        "{or: [{domain: corp.example}, {email: guest1@partner.example}]}",
        "{or: [{email: guest1@partner.example}]}",
    );
    std::fs::write(at("stricter.yaml"), text).unwrap();
    let lost = String::from_utf8(log).unwrap().lines().filter(|line| lost(line)).count();
    let (code, stricter) =
        report(folder.path(), &["--config", "stricter.yaml", "decisions.log", "--fail-on-change"]);
    assert_eq!(code, Some(4));
    assert!(lost > 1_000);
    assert_eq!(stricter["decisions"], LINES);
    assert_eq!(stricter["truncated"], serde_json::json!(["decisions.log"]));
    assert_eq!(stricter["newly_denied"], lost);
    assert_eq!(stricter["same"], LINES - lost as u64);
    assert_eq!(stricter["differences"][0]["route"], "wiki");
    assert_eq!(stricter["differences"][0]["rule"], "policy.allow.or[0]");
}

fn lost(line: &str) -> bool {
    line.contains("\"host\":\"wiki.example.com\"") && line.contains("@corp.example\"")
}

fn line_end(log: &[u8], from: usize) -> usize {
    from + log[from..].iter().position(|byte| *byte == b'\n').unwrap() + 1
}

#[test]
fn hashed_addresses_answer_for_domains_and_leave_addresses_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Vec::new();
    decision_log::write(3, 2_000, Redact::Hash, &mut log).unwrap();
    std::fs::write(folder.path().join("decisions.log"), &log).unwrap();
    std::fs::write(folder.path().join("config.yaml"), decision_log::CONFIGURATION).unwrap();
    let arguments = ["--config", "config.yaml", "decisions.log", "--fail-on-change"];
    let (code, report) = report(folder.path(), &arguments);
    assert_eq!((code, &report["decisions"]), (Some(0), &2_000.into()));
    let unknown = report["unknown"].as_u64().unwrap();
    assert!((1..1_000).contains(&unknown), "{report:#}");
    assert!(report["differences"].as_array().unwrap().is_empty(), "{report:#}");
    let lacks = report["unknown_lines"].as_array().unwrap();
    assert!(lacks.iter().all(|lacking| lacking["lacks"] == "email"), "{report:#}");
    let ended =
        russet(folder.path(), &["--config", "config.yaml", "decisions.log", "--fail-on-unknown"]);
    assert_eq!(ended.status.code(), Some(4));
}

#[test]
fn logs_of_others_broken_lines_and_missing_files_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).unwrap();
    write("config.yaml", decision_log::CONFIGURATION.as_bytes());
    let said = |arguments: &[&str]| {
        let ended = russet(folder.path(), &[&["--config", "config.yaml"], arguments].concat());
        let said = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
        (ended.status.code(), said)
    };
    write("access.log", b"10.0.0.1 - - [20/Nov/2026] \"GET / HTTP/1.1\" 200 \x1b[31m\n");
    let (code, text) = said(&["access.log"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("access.log is not a decision log; it begins: 10.0.0.1")
            && !text.contains('\u{1b}'),
        "{text}"
    );

    let mut log = Vec::new();
    decision_log::write(1, 10, Redact::Nothing, &mut log).unwrap();
    log.extend(b"{\"timestamp\":\"2026-09-21T00:00:00.000Z\",\"msg\":\"dropped\",\"count\":41}\n");
    log.extend(b"\xff\xfe\nnot json\n{\"msg\":\"authorize check\",\"method\":\"GET\"}\n");
    write("decisions.log", &log);
    let (code, text) = said(&["decisions.log", "--fail-on-change"]);
    assert_eq!(code, Some(0), "{text}");
    for expected in [
        "41 decisions were not recorded",
        "3 lines could not be read; they count for nothing:",
        "decisions.log:12: ",
        "decisions.log:13: ",
        "decisions.log:14: `host` is missing",
        "10 decisions from 2026-09-21T",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let (code, text) = said(&["nothing.log"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("nothing.log: No such file"), "{text}");
    let (code, text) = said(&[]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("which log?"), "{text}");
}
