//! Old files: their names, which sort by time; compressing them; forgetting the oldest. All of it on
//! a thread of its own, so that the writer goes on.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::settings::Rotation;
use crate::base::tasks;
use crate::base::time::Timestamp;

/// Most files that may be rotated within one second.
const IN_A_SECOND: u32 = 1_000;

/// What a compressed file is called until it is whole.
const PART: &str = "part";

/// `decisions.log` becomes `decisions-20260105T100000Z-000.log`: names sort by time.
pub(super) fn rotated_name(path: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let stamp: String = now.to_string().chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let (stem, extension) = parts(path);
    let name = |number: u32| {
        let mut name = stem.clone();
        name.push(format!("-{stamp}-{number:03}"));
        name.push(&extension);
        path.with_file_name(name)
    };
    let taken = rotated(path)?;
    let is_taken = |number: &u32| {
        let plain = name(*number);
        taken.iter().any(|file| *file == plain || file.with_extension("") == plain)
    };
    // One after the last that is taken, so that names sort even where older ones are gone.
    let next = (0..IN_A_SECOND).rev().find(is_taken).map_or(0, |last| last + 1);
    match next < IN_A_SECOND {
        true => Ok(name(next)),
        false => Err(io::Error::other("too many files are rotated within one second")),
    }
}

/// What stands before the time in a rotated name, and after it.
fn parts(path: &Path) -> (OsString, OsString) {
    let stem = path.file_stem().unwrap_or_default().to_owned();
    let extension = path.extension().map_or_else(OsString::new, |extension| {
        let mut dotted = OsString::from(".");
        dotted.push(extension);
        dotted
    });
    (stem, extension)
}

/// The old files of the log at `path`, oldest first, compressed or not.
///
/// # Errors
/// Its folder cannot be read.
pub fn rotated(path: &Path) -> io::Result<Vec<PathBuf>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder.unwrap_or(Path::new(".")))? {
        let name = entry?.file_name();
        if is_rotated(&name.to_string_lossy(), path) {
            found.push(path.with_file_name(name));
        }
    }
    found.sort();
    Ok(found)
}

fn is_rotated(name: &str, path: &Path) -> bool {
    let (stem, extension) = parts(path);
    let plain = name.strip_suffix(".gz").unwrap_or(name);
    let stamp = plain
        .strip_prefix(&*stem.to_string_lossy())
        .and_then(|rest| rest.strip_suffix(&*extension.to_string_lossy()));
    // `-20260105T100000Z-000`
    const SHAPE: &str = "-00000000T000000Z-000";
    stamp.is_some_and(|stamp| {
        stamp.len() == SHAPE.len()
            && stamp.chars().zip(SHAPE.chars()).all(|(c, shape)| match shape {
                '0' => c.is_ascii_digit(),
                shape => c == shape,
            })
    })
}

/// Compresses and forgets, when called.
#[derive(Debug)]
pub(super) struct Housekeeper(mpsc::Sender<()>);

impl Housekeeper {
    /// Begins with what an earlier process left. Ends when it is dropped, after the file that it is
    /// at.
    pub(super) fn start(path: &Path, rotation: Rotation, name: &'static str) -> io::Result<Self> {
        let (call, called) = mpsc::channel();
        let path = path.to_owned();
        tasks::thread("old lines", move || {
            forget_parts(&path);
            loop {
                if let Err(error) = keep_house(&path, rotation) {
                    tracing::error!(%error, "old files of the {name} are not looked after");
                }
                if called.recv().is_err() {
                    return;
                }
            }
        })?;
        Ok(Self(call))
    }

    /// There is a new old file.
    pub(super) fn call(&self) {
        // Its thread lives as long as this value.
        let _sent = self.0.send(());
    }
}

fn keep_house(path: &Path, rotation: Rotation) -> io::Result<()> {
    let mut old = rotated(path)?;
    if rotation.keep > 0 {
        let surplus = old.len().saturating_sub(rotation.keep);
        for file in old.drain(..surplus) {
            fs::remove_file(file)?;
        }
    }
    if rotation.compress {
        let mut plain = old.iter().filter(|file| file.extension().is_none_or(|end| end != "gz"));
        plain.try_for_each(|file| compress(file))?;
    }
    Ok(())
}

/// Compresses a file; it is replaced once the compressed one is whole.
fn compress(file: &Path) -> io::Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(".gz");
    let (whole, part) = (PathBuf::from(&name), Path::new(&name).with_extension(PART));
    let mut plain = File::open(file)?;
    let mut options = OpenOptions::new();
    let output = options.write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    let mut encoder = GzEncoder::new(io::BufWriter::new(output), Compression::fast());
    let written = io::copy(&mut plain, &mut encoder)
        .and_then(|_| encoder.finish()?.into_inner().map_err(|error| error.into_error())?.flush());
    if let Err(error) = written {
        let _removed = fs::remove_file(&part);
        return Err(error);
    }
    fs::rename(&part, whole)?;
    fs::remove_file(file)
}

/// Half-written files of a process that ended over them.
fn forget_parts(path: &Path) {
    let (stem, _) = parts(path);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let Ok(entries) = fs::read_dir(folder.unwrap_or(Path::new("."))) else { return };
    for name in entries.flatten().map(|entry| entry.file_name()) {
        let text = name.to_string_lossy();
        let is_part = text
            .strip_suffix(PART)
            .and_then(|text| text.strip_suffix('.'))
            .is_some_and(|plain| is_rotated(plain, path));
        if is_part && text.starts_with(&*stem.to_string_lossy()) {
            let _removed = fs::remove_file(path.with_file_name(&name));
        }
    }
}
