//! Reads the files that a configuration names: regular ones only, bounded, and none with a secret
//! that others can read (T59, T60).

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::codes;
use super::keys::{Content, File as FileKey, Key};
use super::value::Located;
use super::yaml::MAX_BYTES;
use crate::base::diagnostic::Diagnostics;

/// Permission bits of those who are neither the owner nor of the group.
const OTHERS_READ: u32 = 0o004;
const OTHERS_WRITE: u32 = 0o002;

/// Why a file could not be read; completes "NAME ...".
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("is not there")]
    Missing,
    #[error("must not be read by this user")]
    Denied,
    #[error("is a directory")]
    Directory,
    #[error("is not a regular file")]
    NotRegular,
    #[error("is longer than {} KiB", MAX_BYTES / 1024)]
    TooLong,
    #[error("cannot be read: {0}")]
    Other(io::Error),
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Denied,
            _ => Self::Other(error),
        }
    }
}

/// Who may do what with a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mode(u32);

impl Mode {
    fn of(metadata: &Metadata) -> Self {
        Self(metadata.mode() & 0o777)
    }

    /// Whether everybody on the machine can read it.
    pub(super) fn others_read(self) -> bool {
        self.0 & OTHERS_READ != 0
    }

    /// Whether everybody on the machine can write it.
    pub(super) fn others_write(self) -> bool {
        self.0 & OTHERS_WRITE != 0
    }
}

/// Reads a regular file of at most [`MAX_BYTES`]; a symlink is followed, as mounted secrets are
/// symlinks. Never waits: a pipe or a device is refused before it is opened.
pub(super) fn read_bounded(path: &Path) -> Result<(Zeroizing<Vec<u8>>, Mode), FileError> {
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(FileError::Directory);
    }
    if !metadata.is_file() {
        return Err(FileError::NotRegular);
    }
    let file = File::open(path)?;
    // Asked again of what was opened: the name may have changed hands in between.
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(FileError::NotRegular);
    }
    let mut bytes = Zeroizing::new(Vec::new());
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_BYTES {
        return Err(FileError::TooLong);
    }
    Ok((bytes, Mode::of(&metadata)))
}

/// Reads files for one load and remembers which.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Every file asked for, readable or not.
    pub(super) asked: Vec<PathBuf>,
    /// `allow_readable_secret_files`.
    pub(super) allow_readable_secrets: bool,
    /// Whether files are left alone: where the rest of a configuration is only looked over.
    pub(super) closed: bool,
    /// Whether a file was left alone.
    pub(super) left_alone: bool,
}

impl Files {
    /// The whole text of a file that says who may pass, so that nobody else may write to it.
    pub(super) fn read_deciding(
        &mut self,
        key: &Key<FileKey>,
        path: &Located,
        problems: &mut Diagnostics,
    ) -> Option<Zeroizing<String>> {
        let name = &path.text;
        let (bytes, mode) = self.open(key, path, problems)?;
        if mode.others_write() {
            let message = format!("`{key}`: everybody on this machine can write to {name}");
            problems.error(codes::OPEN_FILE, path.place, message, format!("chmod o-w {name}"));
            return None;
        }
        let Ok(text) = std::str::from_utf8(&bytes) else {
            problems.error(codes::KEY_FILE, path.place, format!("`{key}`: {name} is not text"), "");
            return None;
        };
        Some(Zeroizing::new(text.to_owned()))
    }

    fn open(
        &mut self,
        key: &Key<FileKey>,
        path: &Located,
        problems: &mut Diagnostics,
    ) -> Option<(Zeroizing<Vec<u8>>, Mode)> {
        if self.closed {
            self.left_alone = true;
            return None;
        }
        self.asked.push(PathBuf::from(&path.text));
        let name = &path.text;
        let error = match read_bounded(Path::new(name)) {
            Ok(read) => return Some(read),
            Err(error) => error,
        };
        let help = match error {
            FileError::Missing => "paths are relative to the directory Russet starts in",
            FileError::Denied => "make it readable for the user that Russet runs as",
            _ => "",
        };
        problems.error(codes::KEY_FILE, path.place, format!("`{key}`: {name} {error}"), help);
        None
    }

    /// The content of the file that `key` names, without blanks around it. `None` where it cannot
    /// be used; the diagnostics say why, at the key's value, unless files are left alone.
    pub(super) fn read(
        &mut self,
        key: &Key<FileKey>,
        path: &Located,
        problems: &mut Diagnostics,
    ) -> Option<Zeroizing<String>> {
        let name = &path.text;
        let (bytes, mode) = self.open(key, path, problems)?;
        if key.read.holds == Content::Secret && !self.may_hold_secret(key, path, mode, problems) {
            return None;
        }
        let Ok(text) = std::str::from_utf8(&bytes) else {
            let message = format!("`{key}`: {name} is not text");
            let help =
                "DER becomes PEM by `openssl x509 -inform der` or `openssl pkey -inform der`";
            problems.error(codes::KEY_FILE, path.place, message, help);
            return None;
        };
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            problems.error(codes::KEY_FILE, path.place, format!("`{key}`: {name} is empty"), "");
            return None;
        }
        Some(Zeroizing::new(text.to_owned()))
    }

    fn may_hold_secret(
        &self,
        key: &Key<FileKey>,
        path: &Located,
        mode: Mode,
        problems: &mut Diagnostics,
    ) -> bool {
        let name = &path.text;
        if mode.others_write() {
            let message = format!("`{key}`: everybody on this machine can write to {name}");
            problems.error(codes::OPEN_FILE, path.place, message, format!("chmod o-rwx {name}"));
            return false;
        }
        if mode.others_read() && !self.allow_readable_secrets {
            let message = format!("`{key}`: everybody on this machine can read {name}");
            let help = format!(
                "chmod o-rwx {name}\nwhere that cannot be, as with some mounted secrets: \
                 `allow_readable_secret_files: true`"
            );
            problems.error(codes::OPEN_FILE, path.place, message, help);
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::base::node::Place;
    use crate::config::keys;

    fn read(path: &Path, content: Content, allow: bool) -> Result<String, String> {
        let located = Located { text: path.to_str().unwrap().to_owned(), place: Place::default() };
        let mut problems = Diagnostics::default();
        let mut files = Files { allow_readable_secrets: allow, ..Files::default() };
        let key = match content {
            Content::Public => &keys::tls::CERTIFICATE_FILE,
            Content::Secret => &keys::tls::CERTIFICATE_KEY_FILE,
        };
        let text = files.read(key, &located, &mut problems);
        text.map(|text| text.to_string())
            .ok_or_else(|| problems.sorted().iter().map(|d| d.message.clone()).collect())
    }

    #[test]
    fn t60_a_secret_that_others_can_read_is_refused_unless_allowed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, " hunter2\n").unwrap();
        for (mode, content, allow, fine) in [
            (0o600, Content::Secret, false, true),
            (0o400, Content::Secret, false, true),
            (0o640, Content::Secret, false, true),
            (0o644, Content::Secret, false, false),
            (0o604, Content::Secret, false, false),
            (0o444, Content::Secret, false, false),
            (0o444, Content::Secret, true, true),
            (0o602, Content::Secret, true, false),
            (0o666, Content::Secret, true, false),
            (0o644, Content::Public, false, true),
        ] {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let outcome = read(&path, content, allow);
            assert_eq!(outcome.is_ok(), fine, "{mode:o} {content:?} {allow}: {outcome:?}");
        }
    }

    #[test]
    fn t59_only_bounded_regular_files_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let problem = |path: &Path| read(path, Content::Public, false).unwrap_err();
        assert!(problem(&path).ends_with("is not there"));
        assert!(problem(directory.path()).ends_with("is a directory"));
        assert!(problem(Path::new("/dev/zero")).ends_with("is not a regular file"));
        // Would hold whoever opens it until somebody writes.
        let fifo = directory.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        assert!(problem(&fifo).ends_with("is not a regular file"));
        // A sparse gigabyte.
        File::create(&path).unwrap().set_len(1 << 30).unwrap();
        assert!(problem(&path).ends_with("is longer than 1024 KiB"));
        std::fs::write(&path, " \n").unwrap();
        assert!(problem(&path).ends_with("is empty"));
        std::fs::write(&path, b"\xff\xfe").unwrap();
        assert!(problem(&path).ends_with("is not text"));
    }
}
