//! Which files a log is made of: the one that is written now, and those that were rotated away.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::lines::{self, Meter, Raw};
use crate::base::time::Timestamp;
use crate::decision::record::{Line, MSG_DECISION, MSG_DROPPED};

/// Something to read a log from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// `None` is standard input.
    path: Option<PathBuf>,
    /// Its size as it is kept, in bytes; 0 where that is not known.
    pub size: u64,
}

/// There is nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum FilesProblem {
    /// It is not there, or may not be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// What was named.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// Nothing in the directory is a decision log.
    #[error("{0}: no decision log is in this directory")]
    NoLog(String),
    /// Standard input and files.
    #[error("`-` is standard input and stands alone")]
    Mixed,
}

impl Input {
    /// What messages call it.
    pub fn name(&self) -> String {
        self.path.as_ref().map_or_else(|| "-".to_owned(), |path| path.display().to_string())
    }

    /// Opens it.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(&self) -> io::Result<Box<dyn Read>> {
        match &self.path {
            None => Ok(Box::new(io::stdin().lock())),
            Some(path) => Ok(Box::new(File::open(path)?)),
        }
    }
}

/// The logs that `named` means, in the order of time: a file with those that were rotated away from
/// it, every log of a directory, or standard input (`-`).
///
/// # Errors
/// Something is not there, or nothing of it is a log.
pub fn find(named: &[PathBuf]) -> Result<Vec<Input>, FilesProblem> {
    if named.iter().any(|path| path.as_os_str() == "-") {
        let alone = named.len() == 1;
        return if alone {
            Ok(vec![Input { path: None, size: 0 }])
        } else {
            Err(FilesProblem::Mixed)
        };
    }
    let mut found: Vec<(Option<Timestamp>, PathBuf)> = Vec::new();
    for path in named {
        let unreadable =
            |error| FilesProblem::Unreadable { path: path.display().to_string(), error };
        let is_directory = path.is_dir();
        let mut logs = if is_directory {
            siblings(path, |_| true).map_err(unreadable)?
        } else {
            rotated(path).map_err(unreadable)?
        };
        if is_directory && logs.is_empty() {
            return Err(FilesProblem::NoLog(path.display().to_string()));
        }
        if !is_directory && (path.exists() || logs.is_empty()) {
            // Whoever is named is read, log or not, so that it can be said what is wrong with it.
            let began = File::open(path).and_then(began).map_err(unreadable)?;
            logs.push((began, path.clone()));
        }
        found.append(&mut logs);
    }
    // What has no line yet is being written.
    found.sort_by_key(|(began, path)| (began.is_none(), *began, path.clone()));
    found.dedup_by(|(_, one), (_, other)| one == other);
    let input = |(_, path): (_, PathBuf)| {
        let size = path.metadata().map_or(0, |metadata| metadata.len());
        Input { path: Some(path), size }
    };
    Ok(found.into_iter().map(input).collect())
}

/// Decision logs next to `path` that have its name and more: `decisions.log.1`,
/// `decisions.log-20261120.gz`, `decisions-20261120.log`.
fn rotated(path: &Path) -> io::Result<Vec<(Option<Timestamp>, PathBuf)>> {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
        return Ok(Vec::new());
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let stem =
        name.split_once('.').map(|(stem, extension)| (stem.to_owned(), extension.to_owned()));
    let separated = |rest: &str| rest.starts_with(['.', '-', '_']);
    let belongs = |other: &str| {
        let appended = other.strip_prefix(name.as_str()).is_some_and(separated);
        let inserted = stem.as_ref().is_some_and(|(stem, extension)| {
            let rest = other.strip_prefix(stem.as_str()).filter(|rest| separated(rest));
            let rest = rest.map(|rest| rest.strip_suffix(".gz").unwrap_or(rest));
            let middle = rest.and_then(|rest| rest.strip_suffix(extension.as_str()));
            middle.is_some_and(|middle| middle.len() > 2)
        });
        other != name && (appended || inserted)
    };
    let Ok(found) = siblings(folder.unwrap_or(Path::new(".")), belongs) else {
        return Ok(Vec::new());
    };
    // As the operator wrote it: without a directory where none was named.
    Ok(found
        .into_iter()
        .map(|(began, path)| match (folder, path.file_name()) {
            (None, Some(name)) => (began, name.into()),
            _ => (began, path),
        })
        .collect())
}

/// The files of a directory that `belongs` wants and that begin as a decision log does.
fn siblings(
    folder: &Path,
    belongs: impl Fn(&str) -> bool,
) -> io::Result<Vec<(Option<Timestamp>, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        if !path.is_file() || !name.is_some_and(|name| belongs(&name)) {
            continue;
        }
        if let Ok(Some(began)) = File::open(&path).and_then(began) {
            found.push((Some(began), path));
        }
    }
    Ok(found)
}

/// When the first line of a log was written; `None` where it is not a decision log, or empty.
fn began(file: File) -> io::Result<Option<Timestamp>> {
    let mut began = None;
    lines::read(file, &Meter::default(), |raw| {
        let (Raw::Whole(line) | Raw::Last(line) | Raw::TooLong(line)) = raw;
        if let Ok(line) = serde_json::from_slice::<Line<'_>>(line)
            && [MSG_DECISION, MSG_DROPPED].contains(&line.msg.as_str())
        {
            let at = line.timestamp.parse::<jiff::Timestamp>().ok();
            began = at.map(|at| Timestamp(at.as_second()));
        }
        false
    })?;
    Ok(began)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(day: u32) -> String {
        format!("{{\"timestamp\":\"2026-11-{day:02}T00:00:00.000Z\",\"msg\":\"{MSG_DECISION}\"}}\n")
    }

    fn names(named: &[PathBuf]) -> Vec<String> {
        let found = find(named).unwrap();
        found.iter().map(|input| input.name().rsplit('/').next().unwrap().to_owned()).collect()
    }

    #[test]
    fn rotated_files_are_found_and_come_in_the_order_of_time() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (name, day) in [
            ("decisions.log", 20),
            ("decisions.log.1", 19),
            ("decisions.log.10", 2),
            ("decisions.log-20261105", 5),
            ("decisions-20261107.log", 7),
            ("other.log", 1),
            ("decisions.logic", 1),
        ] {
            std::fs::write(at(name), line(day)).unwrap();
        }
        std::fs::write(at("decisions.log.swp"), "b0VIM 9.1").unwrap();
        let expected = [
            "decisions.log.10",
            "decisions.log-20261105",
            "decisions-20261107.log",
            "decisions.log.1",
            "decisions.log",
        ];
        assert_eq!(names(&[at("decisions.log")]), expected);
        assert_eq!(names(&[at("decisions.log"), at("decisions.log.1")]), expected);
        assert_eq!(names(&[at("decisions.log.1")]), ["decisions.log.1"]);
        assert_eq!(names(&[folder.path().to_owned()]).len(), 7);
        // Between rotation and the first line there is no file, or an empty one.
        std::fs::write(at("decisions.log"), "").unwrap();
        assert_eq!(names(&[at("decisions.log")]), expected);
        std::fs::remove_file(at("decisions.log")).unwrap();
        assert_eq!(names(&[at("decisions.log")]), expected[..4]);
    }

    #[test]
    fn what_is_not_there_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("decisions.log");
        let said = find(std::slice::from_ref(&missing)).unwrap_err().to_string();
        assert!(said.contains("decisions.log: No such file"), "{said}");
        let said = find(&[folder.path().to_owned()]).unwrap_err().to_string();
        assert!(said.contains("no decision log"), "{said}");
        assert!(find(&["-".into(), missing]).is_err());
        assert_eq!(names(&["-".into()]), ["-"]);
    }
}
