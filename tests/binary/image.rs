//! The image, without an engine that could build it: what the last stage of the Dockerfile copies
//! is put into an empty root, and Russet runs in it as the Dockerfile says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::house::{House, binary, scratch};

/// What the last stage says.
struct Stage {
    /// From the build's folder, to the image's, whose.
    copies: Vec<(String, String, Option<String>)>,
    user: String,
    health: Vec<String>,
    program: Vec<String>,
}

impl Stage {
    fn last() -> Self {
        let text = fs::read_to_string("Dockerfile").unwrap();
        let (_, last) =
            text.rsplit_once("\nFROM scratch\n").expect("the last stage begins with nothing");
        let mut stage = Self {
            copies: Vec::new(),
            user: String::new(),
            health: Vec::new(),
            program: Vec::new(),
        };
        for line in last.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["COPY", "--from=build", from, to] => {
                    stage.copies.push(((*from).to_owned(), (*to).to_owned(), None));
                }
                ["COPY", "--from=build", owner, from, to] => {
                    let owner = owner.strip_prefix("--chown=").unwrap();
                    stage.copies.push((
                        (*from).to_owned(),
                        (*to).to_owned(),
                        Some(owner.to_owned()),
                    ));
                }
                ["USER", user] => stage.user = (*user).to_owned(),
                ["HEALTHCHECK", ..] => stage.health = list(line),
                ["ENTRYPOINT" | "CMD", ..] => stage.program.extend(list(line)),
                ["VOLUME" | "EXPOSE" | "STOPSIGNAL", ..] | [""] => {}
                _ => panic!("the test does not know what to do with: {line}"),
            }
        }
        stage
    }
}

fn list(line: &str) -> Vec<String> {
    let (_, list) = line.split_once('[').unwrap();
    serde_json::from_str(&format!("[{list}")).unwrap()
}

/// Fills `root` with what the image holds.
fn fill(root: &Path) {
    let build = scratch();
    let laid_out = build.path().join("image");
    let made = Command::new("deploy/image-root").arg(binary()).arg(&laid_out).status().unwrap();
    assert!(made.success());
    let stage = Stage::last();
    assert!(!stage.copies.is_empty());
    for (from, to, owner) in &stage.copies {
        let from = build.path().join(from.trim_start_matches('/')).join(".");
        let to = root.join(to.trim_matches('/'));
        let copied = Command::new("cp").arg("-r").args([&from, &to]).status().unwrap();
        assert!(copied.success(), "{} is not there to be copied", from.display());
        if let Some(owner) = owner.as_ref().filter(|_| is_root()) {
            own(owner, &to);
        }
    }
}

fn own(owner: &str, path: &Path) {
    assert!(Command::new("chown").args(["-R", owner]).arg(path).status().unwrap().success());
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

/// `program` with `root` for its whole machine, as the image's user. Who is not root is root in a
/// namespace of their own, where that user does not exist.
fn in_root(root: &Path, program: &[String]) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("chroot");
        command.arg(format!("--userspec={}", Stage::last().user));
        command
    } else {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "chroot"]);
        command
    };
    command.arg(root).args(program).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

/// What the image runs.
pub(crate) fn command(root: &Path) -> Command {
    if is_root() {
        // An operator who mounts a configuration lets Russet's user read it.
        own(&Stage::last().user, &root.join("etc/russet"));
    }
    in_root(root, &Stage::last().program)
}

/// Every file below a folder.
fn listed(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { listed(&path, found) } else { found.push(path) }
    }
}

#[test]
fn the_image_holds_what_it_needs_and_nobody_is_root() {
    let root = scratch();
    fill(root.path());
    let mut files = Vec::new();
    listed(root.path(), &mut files);
    let mut names: Vec<String> = files
        .iter()
        .map(|path| path.strip_prefix(root.path()).unwrap().display().to_string())
        .collect();
    names.sort();
    let expected = [
        "etc/group",
        "etc/nsswitch.conf",
        "etc/passwd",
        "etc/ssl/certs/ca-certificates.crt",
        "russet",
    ];
    assert_eq!(names, expected);
    let user = Stage::last().user;
    let (id, _) = user.split_once(':').unwrap();
    assert!(id.parse::<u32>().unwrap() >= 1000, "{user}");
    let users = fs::read_to_string(root.path().join("etc/passwd")).unwrap();
    assert!(users.contains(&format!(":{user}:")), "{users}");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_in_through_the_image() {
    let root = scratch();
    fill(root.path());
    let health = || in_root(root.path(), &Stage::last().health).output().unwrap();
    assert_ne!(health().status.code(), Some(0), "nothing runs yet");
    let house = House::start_in(root.path());
    let told = health();
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    assert!(String::from_utf8(told.stdout).unwrap().contains("running"));
    let mut browser = house.browser();
    let page = house.sign_in(&mut browser, "wiki", "/deep", "ann").await;
    assert_eq!((page.status.as_u16(), page.url.path()), (200, "/deep"));
    let kept = fs::read_dir(root.path().join("var/lib/russet")).unwrap().count();
    assert!(kept > 0, "its secrets are in the volume");
}
