//! The file itself, on the writer's thread: opened, appended to, rotated, tried again after trouble.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use super::buffers::Taken;
use super::rotated::{Housekeeper, rotated_name};
use super::settings::{Destination, Settings};
use crate::base::time::{self, Clock, Instant, Timestamp};

/// How long after a failure the file is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// The file, or the trouble with it.
pub(super) struct Output {
    settings: Settings,
    clock: Clock,
    open: Option<Open>,
    /// Lines that are missing in the file and not yet noted there.
    missing: u64,
    /// Since when nothing can be written, and not before when it is tried again.
    trouble: Option<Instant>,
    not_rotated_before: Option<Instant>,
    housekeeper: Option<Housekeeper>,
}

struct Open {
    sink: Sink,
    /// How long it is; of a regular file.
    length: u64,
    begun: Timestamp,
}

enum Sink {
    Regular(File),
    /// A pipe or a device: nothing of it is cut off or rotated.
    Stream(File),
    StandardOutput,
}

impl Output {
    pub(super) fn open(settings: Settings, clock: Clock) -> io::Result<Self> {
        let open = Open::at(&settings.path, &clock)?;
        let housekeeper = match (&settings.path, &open.sink) {
            (Destination::File(path), Sink::Regular(_)) => {
                Some(Housekeeper::start(path, settings.rotation, settings.name)?)
            }
            _ => None,
        };
        Ok(Self {
            settings,
            clock,
            open: Some(open),
            missing: 0,
            trouble: None,
            not_rotated_before: None,
            housekeeper,
        })
    }

    /// Writes what was waiting, or counts it as missing.
    pub(super) fn write(&mut self, taken: Taken<'_>) {
        self.missing = self.missing.saturating_add(taken.dropped);
        if let Err(error) = self.try_write(&taken) {
            self.missing = self.missing.saturating_add(taken.lines);
            self.failed(&error);
        }
    }

    fn try_write(&mut self, taken: &Taken<'_>) -> io::Result<()> {
        let waits = |since: Instant| time::monotonic().duration_since(since) < AGAIN;
        if self.open.is_none() && self.trouble.is_some_and(waits) {
            return Err(io::Error::other("it is tried again in a moment"));
        }
        let coming = u64::try_from(taken.bytes.len()).unwrap_or(u64::MAX);
        let full = |open: &Open| {
            let size = self.settings.rotation.size;
            size > 0 && open.length > 0 && open.length.saturating_add(coming) > size
        };
        if self.open.as_ref().is_some_and(full) {
            self.rotate();
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => Open::at(&self.settings.path, &self.clock)?,
        };
        if self.missing > 0 {
            let at = format!("{:.3}", time::log_timestamp());
            let mut note = (self.settings.dropped)(&at, self.missing);
            note.push(b'\n');
            open.append(&note)?;
            tracing::info!(missing = self.missing, "the {} goes on", self.settings.name);
            (self.missing, self.trouble) = (0, None);
        }
        open.append(taken.bytes)?;
        self.open = Some(open);
        Ok(())
    }

    /// Notes that writing failed. Logged once for each time of trouble, however many lines are lost.
    fn failed(&mut self, error: &io::Error) {
        self.open = None;
        if self.trouble.is_none() {
            tracing::error!(
                %error,
                "the {} cannot be written; requests are served without it, and what is missing is \
                 counted",
                self.settings.name
            );
        }
        let over =
            self.trouble.is_none_or(|since| time::monotonic().duration_since(since) >= AGAIN);
        if over {
            self.trouble = Some(time::monotonic());
        }
    }

    /// Opens the file anew, because somebody moved it away.
    pub(super) fn reopen(&mut self) {
        match Open::at(&self.settings.path, &self.clock) {
            Ok(open) => self.open = Some(open),
            Err(error) => self.failed(&error),
        }
    }

    /// Begins a new file where the one in use is old.
    pub(super) fn rotate_when_old(&mut self) {
        let age = self.settings.rotation.age;
        let now = self.clock.now();
        let old = |open: &Open| !age.is_zero() && open.length > 0 && now >= open.begun.plus(age);
        if self.open.as_ref().is_some_and(old) {
            self.rotate();
        }
    }

    /// Moves the file away and begins another. Where that fails the old one goes on.
    fn rotate(&mut self) {
        let Destination::File(path) = &self.settings.path else { return };
        let waits = self.not_rotated_before.is_some_and(|until| time::monotonic() < until);
        if waits || !matches!(self.open, Some(Open { sink: Sink::Regular(_), .. })) {
            return;
        }
        let moved = rotated_name(path, self.clock.now())
            .and_then(|name| std::fs::rename(path, name))
            .and_then(|()| Open::at(&self.settings.path, &self.clock));
        match moved {
            Ok(open) => {
                self.open = Some(open);
                self.not_rotated_before = None;
                if let Some(housekeeper) = &self.housekeeper {
                    housekeeper.call();
                }
            }
            Err(error) => {
                tracing::error!(%error, "the {} cannot be rotated; it grows", self.settings.name);
                self.not_rotated_before = time::monotonic().checked_add(super::IDLE);
            }
        }
    }
}

impl Open {
    fn at(destination: &Destination, clock: &Clock) -> io::Result<Self> {
        let now = clock.now();
        let Destination::File(path) = destination else {
            return Ok(Self { sink: Sink::StandardOutput, length: 0, begun: now });
        };
        let pipe = std::fs::metadata(path).is_ok_and(|known| known.file_type().is_fifo());
        // Reading too, so that a pipe that nobody reads does not hold up the start.
        let file =
            OpenOptions::new().read(pipe).append(true).create(!pipe).mode(0o600).open(path)?;
        let known = file.metadata()?;
        if !known.is_file() {
            return Ok(Self { sink: Sink::Stream(file), length: 0, begun: now });
        }
        warn_if_open(path, known.permissions().mode());
        let made = known.created().ok().and_then(|at| jiff::Timestamp::try_from(at).ok());
        let begun = match known.len() {
            0 => now,
            _ => made.map_or(now, |made| Timestamp(made.as_second())),
        };
        let mut open = Self { sink: Sink::Regular(file), length: known.len(), begun };
        // What was cut off in the middle of a line must not take the next line with it.
        if is_cut_off(path).unwrap_or(false) {
            open.append(b"\n")?;
        }
        Ok(open)
    }

    /// Appends whole lines, or nothing.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.sink {
            Sink::StandardOutput => {
                let mut output = io::stdout().lock();
                output.write_all(bytes).and_then(|()| output.flush())
            }
            Sink::Stream(file) => file.write_all(bytes),
            Sink::Regular(file) => {
                if let Err(error) = file.write_all(bytes) {
                    // A disk that is full took half a line; nobody can read that.
                    let _kept = file.set_len(self.length);
                    return Err(error);
                }
                self.length += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                Ok(())
            }
        }
    }
}

/// Whether the last line of a file has no end, because a process or a machine died in it.
fn is_cut_off(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let mut last = [b'\n'];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != [b'\n'])
}

/// Security: the file holds people's data; its owner may have made it readable on purpose.
fn warn_if_open(path: &Path, mode: u32) {
    if mode & 0o007 != 0 {
        tracing::warn!(path = %path.display(), "everybody on this machine can read what is logged \
            here; chmod o-rwx it");
    }
}
