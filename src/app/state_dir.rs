//! The secrets that nobody configured: made once, kept where only we can read them, so that a
//! restart signs nobody out.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::base::random;
use crate::base::seal::{KEY_BYTES, Ring};
use crate::base::secret::Secret;

/// Longest file of keys that is read, in bytes.
const LONGEST: u64 = 4_096;

/// Where state is kept, by the first of these that is given or can be written.
#[derive(Clone, Debug)]
pub(super) struct StateDir {
    path: PathBuf,
}

/// The folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateProblem {
    /// It cannot be made or written.
    #[error(
        "`{path}` cannot be used to keep state: {cause}\nhelp: let the user that Russet runs as write there, or name another folder with `state_dir`, or set `cookie_secret` and `shared_secret`"
    )]
    Unusable {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// Others may read or write it.
    #[error(
        "`{path}` is open to others (mode {mode:04o}): whoever reads it can sign in as anybody\nhelp: chmod {wanted} {path}"
    )]
    Open {
        /// The folder or file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode it should have.
        wanted: &'static str,
    },
    /// A file of keys holds something else.
    #[error(
        "`{0}` does not hold base64 keys of 32 bytes, one a line\nhelp: restore it from a backup, or delete it: a new one is made and everybody signs in again"
    )]
    Damaged(PathBuf),
}

impl StateDir {
    /// The folder: `configured`, else `$STATE_DIRECTORY` (systemd), else `/var/lib/russet` where
    /// that can be written, else `$XDG_STATE_HOME/russet`. Created with mode 0700 if missing.
    pub(super) fn open(configured: Option<&Path>) -> Result<Self, StateProblem> {
        let path = configured.map_or_else(default_path, Path::to_path_buf);
        let unusable = |cause| StateProblem::Unusable { path: path.clone(), cause };
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(unusable)?;
        let mode = fs::metadata(&path).map_err(unusable)?.mode() & 0o7777;
        // Whoever can write the folder can replace the files in it; the sticky bit does not help.
        if mode & 0o022 != 0 {
            return Err(StateProblem::Open { path, mode, wanted: "0700" });
        }
        Ok(Self { path })
    }

    /// The keys kept under `name`: the first seals, all open. Made if missing.
    pub(super) fn keys(&self, name: &str) -> Result<Ring, StateProblem> {
        let path = self.path.join(name);
        let unusable = |cause| StateProblem::Unusable { path: path.clone(), cause };
        let text = match read(&path) {
            Ok((text, mode)) if mode & 0o077 == 0 => text,
            Ok((_, mode)) => return Err(StateProblem::Open { path, mode, wanted: "0600" }),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                self.make(name).map_err(unusable)?;
                // Read back: of two processes that start at once, both use what came to stay.
                read(&path).map_err(unusable)?.0
            }
            Err(cause) => return Err(unusable(cause)),
        };
        let keys = text.lines().filter(|line| !line.trim().is_empty());
        let keys: Option<Vec<Secret>> =
            keys.map(|line| STANDARD.decode(line.trim()).ok().map(Secret::new)).collect();
        keys.and_then(Ring::new).ok_or(StateProblem::Damaged(path))
    }

    /// Writes a new key to a temporary file and links it into place, which never replaces a key.
    fn make(&self, name: &str) -> io::Result<()> {
        let key = Zeroizing::new(STANDARD.encode(random::bytes::<KEY_BYTES>()));
        let (temporary, file) = new_temporary(&self.path, name)?;
        let written = (|| {
            let mut file = file;
            file.write_all(key.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            match fs::hard_link(&temporary, self.path.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                _ => File::open(&self.path)?.sync_all(),
            }
        })();
        fs::remove_file(&temporary)
            .or_else(|error| if written.is_ok() { Err(error) } else { Ok(()) })?;
        written
    }
}

/// A new file in `folder` that only this process writes. Security: its name is one that nobody has prepared a link
/// under, and a link is not followed (T60).
fn new_temporary(folder: &Path, name: &str) -> io::Result<(PathBuf, File)> {
    let path = folder.join(format!(".{name}.{:016x}", u64::from_be_bytes(random::bytes())));
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    Ok((path, file))
}

fn is_writable(folder: &Path) -> bool {
    new_temporary(folder, "writable").and_then(|(path, _)| fs::remove_file(path)).is_ok()
}

/// The content of a regular file (not of a link), and its mode.
fn read(path: &Path) -> io::Result<(Zeroizing<String>, u32)> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    let about = file.metadata()?;
    if !about.is_file() || about.len() > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a small regular file"));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST).read_to_string(&mut text)?;
    Ok((text, about.mode() & 0o7777))
}

fn default_path() -> PathBuf {
    let var = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(given) = var("STATE_DIRECTORY") {
        return given;
    }
    let system = PathBuf::from("/var/lib/russet");
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&system);
    if made.is_ok() && is_writable(&system) {
        return system;
    }
    let home = || var("HOME").map(|home| home.join(".local/state"));
    var("XDG_STATE_HOME").or_else(home).map_or(system, |state| state.join("russet"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn dir() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn keys_are_made_once_and_only_we_can_read_them() {
        let dir = dir();
        let path = dir.path().join("deep/state");
        let state = StateDir::open(Some(&path)).unwrap();
        let sealed = state.keys("cookie_secret").unwrap().sealer("x").seal(&[], b"y").unwrap();
        let again = StateDir::open(Some(&path)).unwrap().keys("cookie_secret").unwrap();
        assert!(again.sealer("x").open(&[], &sealed).is_some());
        let other = state.keys("shared_secret").unwrap();
        assert!(other.sealer("x").open(&[], &sealed).is_none());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        let mode = fs::metadata(path.join("cookie_secret")).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 2);
    }

    #[test]
    fn t60_keys_that_others_can_read_are_refused() {
        let dir = dir();
        let state = StateDir::open(Some(dir.path())).unwrap();
        state.keys("cookie_secret").unwrap();
        for mode in [0o640, 0o604, 0o660, 0o602, 0o644] {
            set_mode(&dir.path().join("cookie_secret"), mode);
            let problem = state.keys("cookie_secret").unwrap_err();
            assert!(matches!(problem, StateProblem::Open { .. }), "{mode:o} {problem}");
        }
        set_mode(dir.path(), 0o777);
        assert!(matches!(StateDir::open(Some(dir.path())), Err(StateProblem::Open { .. })));
        set_mode(dir.path(), 0o1777);
        assert!(matches!(StateDir::open(Some(dir.path())), Err(StateProblem::Open { .. })));
    }

    #[test]
    fn t60_a_link_in_place_of_keys_is_not_followed() {
        let dir = dir();
        let state = StateDir::open(Some(dir.path())).unwrap();
        let elsewhere = dir.path().join("elsewhere");
        fs::write(&elsewhere, STANDARD.encode([7; 32])).unwrap();
        set_mode(&elsewhere, 0o600);
        symlink(&elsewhere, dir.path().join("cookie_secret")).unwrap();
        assert!(matches!(state.keys("cookie_secret"), Err(StateProblem::Unusable { .. })));
        symlink(dir.path().join("new"), dir.path().join("shared_secret")).unwrap();
        assert!(state.keys("shared_secret").is_err());
        assert!(!dir.path().join("new").exists());
    }

    #[test]
    fn t60_to_see_whether_a_folder_can_be_written_touches_nothing_in_it() {
        let dir = dir();
        let victim = dir.path().join("victim");
        fs::write(&victim, "kept").unwrap();
        symlink(&victim, dir.path().join(".writable")).unwrap();
        assert!(is_writable(dir.path()));
        assert_eq!(fs::read_to_string(&victim).unwrap(), "kept");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        assert!(!is_writable(&dir.path().join("absent")));
    }

    #[test]
    fn a_damaged_file_is_named_and_never_replaced() {
        let dir = dir();
        let state = StateDir::open(Some(dir.path())).unwrap();
        let path = dir.path().join("cookie_secret");
        for content in ["", "short", &STANDARD.encode([1; 31])] {
            fs::write(&path, content).unwrap();
            set_mode(&path, 0o600);
            assert!(matches!(state.keys("cookie_secret"), Err(StateProblem::Damaged(_))));
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }
}
