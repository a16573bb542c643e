//! Replays `tests/corpus`, and what comes of its entries by small changes.

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::{fs, thread};

use super::{BODIES, Body};

/// How many changed inputs each body reads: well below a second in a debug build.
const CHANGED: usize = 3_000;

/// Longest input: what is longer is `cargo fuzz`'s work.
const LONGEST: usize = 8 * 1024;

/// Pieces that readers of HTTP, JSON and YAML stumble over.
const PIECES: &[&[u8]] = &[
    b"\0",
    b"\r\n",
    b"\n",
    b"\t",
    b" ",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\xc0\xae",
    b"\xe2\x80\xae",
    b"%",
    b"%2",
    b"%00",
    b"%2e",
    b"%2F",
    b"%5c",
    b"%25",
    b"%252e",
    b"..",
    "．".as_bytes(),
    b"/",
    b"//",
    b"\\",
    b";",
    b",",
    b":",
    b"=",
    b"&",
    b"+",
    b"\"",
    b"'",
    b"[",
    b"]",
    b"{",
    b"}",
    b"*",
    b"&a",
    b"*a",
    b"-",
    b"- ",
    b"_",
    b"~",
    b"null",
    b"0",
    b"-1",
    b"18446744073709551616",
    b"1e999",
    b"\\u0000",
    b"\\ud800",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// The entries of a body with their names, in order.
fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder().join(name)).map(Iterator::collect::<Vec<_>>);
    let mut entries: Vec<_> = entries
        .unwrap_or_default()
        .into_iter()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    entries.sort();
    entries
}

/// Whether the invariants hold; what failed has been printed by the panic itself.
fn holds(body: Body, from: &str, bytes: &[u8]) -> Result<(), String> {
    catch_unwind(|| (body.run)(bytes))
        .map_err(|_| format!("{}, from {from}: \"{}\"", body.name, bytes.escape_ascii()))
}

/// Changes `bytes` once to four times.
fn change(bytes: &mut Vec<u8>, others: &[(String, Vec<u8>)], dice: &mut fastrand::Rng) {
    for _ in 0..dice.usize(1..=4) {
        let at = dice.usize(..=bytes.len());
        let end = (at + dice.usize(..16)).min(bytes.len());
        match dice.u8(..8) {
            0 => drop(bytes.drain(at..end)),
            1 => bytes.truncate(at),
            2 => bytes.insert(at, dice.u8(..)),
            3 | 4 => {
                let piece = dice.choice(PIECES).copied().unwrap_or_default();
                drop(bytes.splice(at..at + dice.usize(..=end - at), piece.iter().copied()));
            }
            5 => {
                let again: Vec<u8> = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, again));
            }
            6 => {
                let other =
                    dice.choice(others).map(|(_, other)| other.as_slice()).unwrap_or_default();
                let from = dice.usize(..=other.len());
                drop(bytes.splice(at.., other[from..].iter().copied()));
            }
            _ if at < bytes.len() => bytes[at] ^= 1 << dice.u8(..8),
            _ => {}
        }
        bytes.truncate(LONGEST);
    }
}

fn replay(body: Body) -> Result<(), String> {
    let corpus = corpus(body.name);
    if corpus.len() < 10 {
        return Err(format!("{}: a corpus holds ten entries at least", body.name));
    }
    for (name, bytes) in &corpus {
        holds(body, name, bytes)?;
    }
    holds(body, "nothing", b"")?;
    let mut dice = fastrand::Rng::with_seed(0x5eed);
    for _ in 0..CHANGED {
        let (name, bytes) = dice.choice(&corpus).unwrap();
        let mut bytes = bytes.clone();
        change(&mut bytes, &corpus, &mut dice);
        holds(body, name, &bytes)?;
    }
    Ok(())
}

#[test]
fn readers_hold_what_they_promise_for_a_corpus_and_what_comes_of_it() {
    let failed: Vec<String> = thread::scope(|scope| {
        let running: Vec<_> = BODIES.iter().map(|body| scope.spawn(|| replay(*body))).collect();
        running.into_iter().filter_map(|body| body.join().unwrap().err()).collect()
    });
    assert!(failed.is_empty(), "\n{}\n", failed.join("\n"));
}

#[test]
fn every_body_has_a_corpus_and_every_corpus_a_body() {
    let folders = fs::read_dir(folder()).unwrap();
    let folders: BTreeSet<String> =
        folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect();
    let bodies: BTreeSet<String> = BODIES.iter().map(|body| body.name.to_owned()).collect();
    assert_eq!(bodies.len(), BODIES.len(), "a name is there twice");
    assert_eq!(folders, bodies);
}
