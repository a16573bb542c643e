//! Runs every worked example of `docs/policy/*.md` as it is written. For whoever writes a page:
//!
//! - A block whose first line names a file (```` ```yaml rules file=config.yaml ````,
//!   ```` ```json file=ann.json ````) is written into a folder of that page alone. The word between
//!   says what `tests/tidy.rs` checks a YAML block as: nothing means a whole configuration, `rules`
//!   one with routes alone, `tests` a case file, `groups` a groups file, `fragment` any YAML.
//! - A block ```` ```console ```` is run line by line: `$ ` begins a command of a POSIX shell with
//!   `russet` on its path (a `\` at the end goes on in the next line), the lines after it are what
//!   it prints on standard output and standard error together. `...` stands for anything inside a
//!   line, and alone in a line for any number of lines. `$ echo $?` shows the exit code of the
//!   command before. Output is not a terminal's: write `--format human` where JSON is the default.
//! - A block ```` ```sh ```` is not run: for what never ends.
//!
//! `UPDATE=1 cargo test --test it pages` writes what is printed into the pages; read it then.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const RUSSET: &str = env!("CARGO_BIN_EXE_russet");

#[test]
fn worked_examples_of_policy_pages_run_as_written() {
    let mut pages: Vec<PathBuf> =
        fs::read_dir("docs/policy").unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let pages = pages.iter().map(|page| scope.spawn(|| run(page)));
        let running: Vec<_> = pages.collect();
        running.into_iter().flat_map(|page| page.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs one page; what differed.
fn run(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut wrong, mut written, mut code) = (Vec::new(), String::new(), 0);
    let mut lines = text.lines().enumerate().peekable();
    while let Some((_, line)) = lines.next() {
        written += &format!("{line}\n");
        let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) else {
            continue;
        };
        let mut block = Vec::new();
        for (number, line) in lines.by_ref() {
            if line == "```" {
                break;
            }
            block.push((number + 1, line));
        }
        if let Some(name) = info.split(' ').find_map(|word| word.strip_prefix("file=")) {
            let content: String = block.iter().map(|(_, line)| format!("{line}\n")).collect();
            fs::write(folder.path().join(name), content).unwrap();
        }
        if info == "console" {
            for step in steps(&block) {
                let said = step.run(folder.path(), &mut code);
                let fits = fits(&step.expected, &said);
                if !fits {
                    let (page, number) = (page.display(), step.number);
                    let (command, expected) = (&step.command, step.expected.join("\n"));
                    let said = said.join("\n");
                    wrong.push(format!(
                        "{page}:{number}: $ {command}\n--- as written\n{expected}\n--- as run\n{said}"
                    ));
                }
                let shown = if fits { &step.expected } else { &said };
                let lines = step.typed.iter().map(String::as_str);
                for line in lines.chain(shown.iter().map(String::as_str)) {
                    written += &format!("{line}\n");
                }
            }
        } else {
            written.extend(block.iter().map(|(_, line)| format!("{line}\n")));
        }
        written += "```\n";
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(page, written).unwrap();
        return Vec::new();
    }
    wrong
}

/// One command and what it is said to print.
struct Step {
    number: usize,
    typed: Vec<String>,
    command: String,
    expected: Vec<String>,
}

fn steps(block: &[(usize, &str)]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for &(number, line) in block {
        let goes_on = steps.last().is_some_and(|step| {
            step.expected.is_empty() && step.typed.last().unwrap().ends_with('\\')
        });
        if let Some(command) = line.strip_prefix("$ ") {
            let (typed, command) = (vec![line.to_owned()], command.to_owned());
            steps.push(Step { number, typed, command, expected: Vec::new() });
        } else if goes_on {
            let step = steps.last_mut().unwrap();
            step.typed.push(line.to_owned());
            step.command += &format!("\n{line}");
        } else {
            let step = steps.last_mut().unwrap_or_else(|| panic!("line {number}: no command yet"));
            step.expected.push(line.to_owned());
        }
    }
    steps
}

impl Step {
    fn run(&self, folder: &Path, code: &mut i32) -> Vec<String> {
        let program = Path::new(RUSSET).parent().unwrap();
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        let script = format!("exec 2>&1\n(exit {code})\n{}", self.command);
        let ended = Command::new("sh")
            .args(["-c", &script])
            .current_dir(folder)
            .env_clear()
            .env("PATH", path)
            .output()
            .unwrap();
        *code = ended.status.code().unwrap_or(-1);
        String::from_utf8_lossy(&ended.stdout).lines().map(str::to_owned).collect()
    }
}

/// Whether the lines are those that were written, `...` standing for anything.
fn fits(expected: &[String], said: &[String]) -> bool {
    match (expected.split_first(), said.split_first()) {
        (None, None) => true,
        (Some((line, rest)), _) if line.trim() == "..." => {
            fits(rest, said) || said.split_first().is_some_and(|(_, said)| fits(expected, said))
        }
        (Some((line, rest)), Some((first, said))) => line_fits(line, first) && fits(rest, said),
        _ => false,
    }
}

fn line_fits(expected: &str, said: &str) -> bool {
    match expected.split_once("...") {
        None => expected == said,
        Some((before, after)) => said.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices()
                .map(|(at, _)| at)
                .chain([rest.len()])
                .any(|at| line_fits(after, &rest[at..]))
        }),
    }
}

#[test]
fn three_dots_stand_for_anything_and_nothing_else_does() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let fits = |expected: &str, said: &str| fits(&lines(expected), &lines(said));
    assert!(fits("a\nb", "a\nb") && fits("a\n...\nd", "a\nb\nc\nd") && fits("a\n...", "a"));
    assert!(fits("took ... ms", "took 12 ms") && fits("  ...\nb", "b"));
    assert!(!fits("a", "a\nb") && !fits("a\nb", "a") && !fits("a\n...\nd", "a\nb"));
    assert!(!fits("took ... ms", "took 12 s") && !fits("a", "b") && !fits("", "a"));
}
