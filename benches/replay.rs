//! How many lines of a decision log are judged again in a second, on one core: plain and compressed.
//! `cargo bench --bench replay`; with `--test` it runs once over a short log, so that CI sees that
//! it still works. `-- --write FILE LINES` writes a log of its own to try the program on.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a bench fails by panicking and prints what it measured"
)]

#[path = "decision_log/mod.rs"]
mod decision_log;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Duration;

use russet::base::time::monotonic;
use russet::config;
use russet::decision::Rules;
use russet::decision::record::Redact;
use russet::workbench::log::{Meter, People, Reader, Recorded, find, scan};
use russet::workbench::replay::Replay;

const SEED: u64 = 1;
const LINES: u64 = 1_000_000;
const ROUNDS: usize = 5;

/// One rule of each route is another, so that some lines come out otherwise.
fn changed() -> Rules {
    let text =
        decision_log::CONFIGURATION.replace("guest1@partner.example", "guest8@partner.example");
    let now = russet::base::time::Timestamp(decision_log::BEGINS);
    config::load_rules_text("changed", &text, &|_| None, now).rules.unwrap()
}

fn replay(log: &Path, rules: &Rules) -> (u64, u64) {
    let inputs = find(&[log.to_owned()]).unwrap();
    let (mut reader, mut replay) = (Reader::default(), Replay::new(rules, false));
    let each = |past: &Recorded<'_>, _: &People| replay.line(past);
    let scanned = scan(&inputs, &mut reader, &Meter::default(), each, || ()).unwrap();
    assert_eq!(scanned.broken, 0);
    (scanned.decisions, replay.report(&reader.people).same)
}

fn measure(name: &str, log: &Path, rules: &Rules, lines: u64, rounds: usize) {
    let mut took: Vec<Duration> = (0..rounds)
        .map(|_| {
            let begun = monotonic();
            let (read, same) = replay(log, rules);
            assert!(read == lines && same <= lines && same > lines * 9 / 10, "{read} {same}");
            begun.elapsed()
        })
        .collect();
    took.sort();
    let rate = |took: Duration| lines as f64 / took.as_secs_f64() / 1_000.0;
    let size = log.metadata().unwrap().len() / 1_000_000;
    println!(
        "{name:<32} {:>6.0} thousand lines a second (from {:.0} to {:.0}), {size} MB",
        rate(took[took.len() / 2]),
        rate(took[took.len() - 1]),
        rate(took[0]),
    );
}

fn write(path: &Path, lines: u64, redact: Redact) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    decision_log::write(SEED, lines, redact, &mut out).unwrap();
    out.flush().unwrap();
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--write") {
        write(Path::new(&arguments[at + 1]), arguments[at + 2].parse().unwrap(), Redact::Nothing);
        return;
    }
    let whole = arguments.iter().any(|argument| argument == "--bench");
    let (lines, rounds) = if whole { (LINES, ROUNDS) } else { (1_000, 1) };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (plain, hashed, packed) = (at("plain.log"), at("hashed.log"), at("packed.gz"));
    write(&plain, lines, Redact::Nothing);
    write(&hashed, lines, Redact::Hash);
    let mut packer = flate2::write::GzEncoder::new(
        File::create(&packed).unwrap(),
        flate2::Compression::default(),
    );
    std::io::copy(&mut File::open(&plain).unwrap(), &mut packer).unwrap();
    packer.finish().unwrap();
    let (same, changed) = (decision_log::rules(), changed());
    measure("plain, nothing changed", &plain, &same, lines, rounds);
    measure("plain, some lines changed", &plain, &changed, lines, rounds);
    measure("compressed", &packed, &same, lines, rounds);
    if !whole {
        return;
    }
    let inputs = find(&[hashed]).unwrap();
    let begun = monotonic();
    let (mut reader, mut replay) = (Reader::default(), Replay::new(&same, false));
    scan(&inputs, &mut reader, &Meter::default(), |past, _| replay.line(past), || ()).unwrap();
    let rate = lines as f64 / begun.elapsed().as_secs_f64() / 1_000.0;
    println!("{:<32} {rate:>6.0} thousand lines a second", "addresses hashed");
}
