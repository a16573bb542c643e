//! From the first line of a log to its last: what each says, and what could not be read.

use std::fmt;
use std::io;

use super::files::Input;
use super::lines::{self, End, Meter, Raw};
use super::people::People;
use super::{Read, Reader, Recorded};
use crate::base::log_text::for_log;
use crate::base::time::Timestamp;

/// Lines after which a file without one decision is not a decision log.
const PATIENCE: u64 = 100;

/// Lines after which whoever waits may be told how far it is.
const TICK: u64 = 8192;

/// Faults that are told one by one; the others are counted.
const TOLD: usize = 5;

/// Characters of a foreign line that are shown.
const SHOWN: usize = 80;

/// A log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ScanProblem {
    /// It cannot be read at all.
    #[error("{name}: {error}")]
    Unreadable {
        /// Which file.
        name: String,
        /// Why not.
        error: io::Error,
    },
    /// It is the log of something else.
    #[error(
        "{name} is not a decision log; it begins: {begins}\n  help: Russet writes one where \
         `decision_log: {{path: FILE}}` says so; its lines have `\"msg\":\"authorize check\"` and \
         an `outcome`"
    )]
    Foreign {
        /// Which file.
        name: String,
        /// How it begins.
        begins: String,
    },
}

/// What a log held besides its decisions.
#[derive(Clone, Debug, Default)]
pub struct Scanned {
    /// Decisions.
    pub decisions: u64,
    /// Decisions that were not recorded, because the writer could not keep up.
    pub dropped: u64,
    /// Lines that could not be read.
    pub broken: u64,
    /// The first few of these: where, and what is wrong.
    pub faults: Vec<String>,
    /// Files that end in the middle of a line or of what is compressed.
    pub truncated: Vec<String>,
    /// The first moment, and the last.
    pub between: Option<(Timestamp, Timestamp)>,
}

impl Scanned {
    fn fault(&mut self, place: &str, number: u64, fault: &dyn fmt::Display) {
        self.broken += 1;
        if self.faults.len() < TOLD {
            self.faults.push(format!("{place}:{number}: {}", for_log(&fault.to_string())));
        }
    }

    fn decision(&mut self, at: Timestamp) {
        self.decisions += 1;
        let (first, last) = self.between.unwrap_or((at, at));
        self.between = Some((first.min(at), last.max(at)));
    }

    /// What whoever reads the result must know of the log, a sentence each.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if self.dropped > 0 {
            remarks.push(format!(
                "{} decisions were not recorded: the log could not be written as fast",
                self.dropped
            ));
        }
        for name in &self.truncated {
            remarks.push(format!("{name} ends in the middle of a line, which is left out"));
        }
        if self.broken > 0 {
            let said = match self.broken {
                1 => "1 line could not be read; it counts for nothing:".to_owned(),
                lines => format!("{lines} lines could not be read; they count for nothing:"),
            };
            remarks.push(said);
            remarks.extend(self.faults.iter().map(|fault| format!("  {fault}")));
            let more = self.broken - self.faults.len() as u64;
            if more > 0 {
                remarks.push(format!("  and {more} more"));
            }
        }
        remarks
    }
}

/// Reads all of `inputs`: each decision goes to `each`, and `tick` is asked now and then.
///
/// # Errors
/// A file cannot be read, or is not a decision log.
pub fn scan(
    inputs: &[Input],
    reader: &mut Reader,
    meter: &Meter,
    mut each: impl FnMut(&Recorded<'_>, &People),
    mut tick: impl FnMut(),
) -> Result<Scanned, ScanProblem> {
    let mut scanned = Scanned::default();
    for input in inputs {
        let name = input.name();
        let unreadable = |error| ScanProblem::Unreadable { name: name.clone(), error };
        let source = input.open().map_err(unreadable)?;
        let (mut number, mut ours, mut begins) = (0_u64, false, None);
        let end = lines::read(source, meter, |raw| {
            number += 1;
            if number.is_multiple_of(TICK) {
                tick();
            }
            let (Raw::Whole(bytes) | Raw::Last(bytes) | Raw::TooLong(bytes)) = raw;
            if bytes.is_empty() {
                return true;
            }
            if begins.is_none() {
                let start: String = String::from_utf8_lossy(bytes).chars().take(SHOWN).collect();
                begins = Some(for_log(&start).into_owned());
            }
            let read = match (raw, std::str::from_utf8(bytes)) {
                (Raw::TooLong(_), _) => Err("the line is too long to be one of ours".to_owned()),
                (_, Err(error)) => Err(error.to_string()),
                (_, Ok(text)) => reader.read(text).map_err(|error| error.to_string()),
            };
            match read {
                Ok(Read::Decision(recorded)) => {
                    ours = true;
                    scanned.decision(recorded.at);
                    each(&recorded, &reader.people);
                }
                Ok(Read::Dropped(count)) => {
                    ours = true;
                    scanned.dropped += count;
                }
                Ok(Read::Other) => {}
                Err(_) if ours && matches!(raw, Raw::Last(_)) => {
                    scanned.truncated.push(name.clone());
                }
                Err(fault) => scanned.fault(&name, number, &fault),
            }
            ours || number < PATIENCE
        });
        match end.map_err(unreadable)? {
            End::Whole => {}
            End::Truncated => {
                if scanned.truncated.last() != Some(&name) {
                    scanned.truncated.push(name.clone());
                }
            }
        }
        if let (false, Some(begins)) = (ours, begins) {
            return Err(ScanProblem::Foreign { name, begins });
        }
    }
    Ok(scanned)
}
