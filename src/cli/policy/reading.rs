//! What the commands that read a decision log share: which rules, which log, and how far it is.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use crate::base::time::{Instant, monotonic};
use crate::cli::exit::Exit;
use crate::workbench::log::{Input, Meter, People, Reader, Recorded, Scanned, find, scan};

/// How to print what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people
    Human,
    /// One JSON object
    Json,
}

/// The log that was named, else the one that the configuration names.
pub(super) fn log(named: &[PathBuf], configured: Option<&PathBuf>) -> Result<Vec<Input>, Exit> {
    let paths =
        if named.is_empty() { configured.cloned().into_iter().collect() } else { named.to_vec() };
    if paths.is_empty() {
        anstream::eprintln!(
            "error: which log? The configuration has no `decision_log`; name a file, a directory, \
             or `-` for standard input"
        );
        return Err(Exit::Usage);
    }
    find(&paths).map_err(failed)
}

/// Reads all of a log and shows on standard error how far it is.
pub(super) fn read(
    inputs: &[Input],
    reader: &mut Reader,
    each: impl FnMut(&Recorded<'_>, &People),
) -> Result<Scanned, Exit> {
    let meter = Meter::default();
    let mut progress = Progress::new(inputs.iter().map(|input| input.size).sum());
    let scanned = scan(inputs, reader, &meter, each, || progress.tick(meter.bytes()));
    progress.clear();
    scanned.map_err(failed)
}

/// Says what is wrong; the command has failed.
pub(super) fn failed(problem: impl std::fmt::Display) -> Exit {
    anstream::eprintln!("error: {problem}");
    Exit::Failed
}

/// Prints the result of a command; whoever reads it may have gone.
pub(super) fn print(text: &str) -> Result<(), Exit> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|_| Exit::Failed)
}

/// How far a long reading is: a bar on a terminal, a line now and then elsewhere.
struct Progress {
    /// Bytes to read; 0 where nobody knows.
    total: u64,
    terminal: bool,
    begun: Instant,
    shown: Instant,
    drawn: bool,
}

/// Columns of the bar.
const BAR: u64 = 30;

impl Progress {
    fn new(total: u64) -> Self {
        let now = monotonic();
        Self { total, terminal: io::stderr().is_terminal(), begun: now, shown: now, drawn: false }
    }

    fn tick(&mut self, read: u64) {
        let every =
            if self.terminal { Duration::from_millis(100) } else { Duration::from_secs(10) };
        let now = monotonic();
        if now.duration_since(self.shown) < every {
            return;
        }
        self.shown = now;
        let line = line(read, self.total, now.duration_since(self.begun));
        if self.terminal {
            anstream::eprint!("\r{line}\x1b[K");
            self.drawn = true;
        } else {
            anstream::eprintln!("{line}");
        }
    }

    fn clear(&self) {
        if self.drawn {
            anstream::eprint!("\r\x1b[K");
        }
    }
}

/// `[=======>      ]  42 %, 120 of 286 MB, 3 s left`
fn line(read: u64, total: u64, passed: Duration) -> String {
    const MEGABYTE: u64 = 1_000_000;
    if total == 0 {
        return format!("{} MB read", read / MEGABYTE);
    }
    let read = read.min(total);
    let full = usize::try_from(read * BAR / total).unwrap_or(0);
    let left = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX).saturating_mul(total - read)
        / read.max(1)
        / 1_000;
    format!(
        "[{:<width$}] {:>3} %, {} of {} MB, {left} s left",
        "=".repeat(full),
        read * 100 / total,
        read / MEGABYTE,
        total / MEGABYTE,
        width = usize::try_from(BAR).unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_tells_how_far_it_is_and_how_long_it_takes() {
        let half = line(50_000_000, 100_000_000, Duration::from_secs(4));
        assert_eq!(half, format!("[{:<30}]  50 %, 50 of 100 MB, 4 s left", "=".repeat(15)));
        assert_eq!(line(7_000_000, 0, Duration::ZERO), "7 MB read");
        assert!(line(200, 100, Duration::ZERO).contains("100 %"));
    }
}
