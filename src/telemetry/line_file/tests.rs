use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use flate2::read::GzDecoder;

use super::*;

const DEADLINE: Duration = Duration::from_secs(5);
const NEVER: Rotation = Rotation { size: 0, age: Duration::ZERO, keep: 0, compress: false };

fn started(path: &Path, rotation: Rotation, room: usize, clock: &Clock) -> LineFile {
    let settings = Settings {
        name: "test log",
        path: Destination::File(path.to_owned()),
        rotation,
        dropped: |at, count| {
            assert_eq!(at.len(), "2026-01-01T00:00:00.000Z".len(), "{at}");
            format!("dropped {count}").into_bytes()
        },
        room,
    };
    LineFile::start(settings, clock.clone()).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What is expected of the thread that compresses comes within a moment.
async fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..400 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come");
}

fn text(path: &Path) -> String {
    if path.extension().is_some_and(|end| end == "gz") {
        let mut text = String::new();
        GzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
        return text;
    }
    fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn what_was_sent_is_written_and_nobody_else_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.log");
    let file = started(&path, NEVER, 1 << 20, &Clock::system());
    let (one, other) = (file.sender(), file.sender());
    one.send(b"a");
    other.send(b"b");
    drop(one);
    assert!(file.finish(DEADLINE).await);
    let mut lines: Vec<_> = text(&path).lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["a", "b"]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn t96_full_files_are_moved_away_compressed_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.log");
    let size = 1_000;
    let clock = Clock::system();
    let rotation = Rotation { size, keep: 2, compress: true, ..NEVER };
    let file = started(&path, rotation, 1 << 20, &clock);
    let sender = file.sender();
    for round in 0..5 {
        sender.send(format!("{round} {}", "x".repeat(900)).as_bytes());
        // Each is its own write.
        until(|| text(&path).starts_with(&round.to_string())).await;
    }
    // Rounds 2 and 3 are kept; 4 is being written.
    let whole = || rotated(&path).unwrap().iter().all(|old| old.extension().unwrap() == "gz");
    until(|| rotated(&path).unwrap().len() == 2 && whole()).await;
    let old = rotated(&path).unwrap();
    assert!(text(&old[0]).starts_with("2 ") && text(&old[1]).starts_with("3 "));
    assert!(text(&path).starts_with("4 "));
    for file in &old {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(file.finish(DEADLINE).await);
    assert_eq!(names(folder.path()).len(), 3, "nothing half-written is left");
}

#[tokio::test]
async fn an_old_file_is_moved_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    let clock = Clock::system();
    let rotation = Rotation { age: Duration::from_secs(3_600), ..NEVER };
    let file = started(&path, rotation, 1 << 20, &clock);
    let sender = file.sender();
    sender.send(b"first");
    until(|| text(&path) == "first\n").await;
    // The clock goes on by itself: a busy machine has time until the hour is over.
    clock.shift(3_500);
    sender.send(b"second");
    until(|| text(&path) == "first\nsecond\n").await;
    assert!(rotated(&path).unwrap().is_empty());
    clock.shift(110);
    sender.send(b"third");
    until(|| rotated(&path).unwrap().len() == 1).await;
    sender.send(b"fourth");
    assert!(file.finish(DEADLINE).await);
    assert_eq!(text(&rotated(&path).unwrap()[0]), "first\nsecond\nthird\n");
    assert_eq!(text(&path), "fourth\n");
}

#[tokio::test]
async fn what_does_not_fit_is_counted_and_noted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    // A pipe holds 64 KiB; nobody reads it, so that the writer waits within its first write.
    let file = started(&path, NEVER, 100_000, &Clock::system());
    let sender = file.sender();
    let line = [b'x'; 999];
    (0..90).for_each(|_| sender.send(&line));
    until(|| file.common.is_idle()).await;
    // A hundred fit the buffer.
    (0..150).for_each(|_| sender.send(&line));
    assert!(!file.finish(Duration::from_millis(100)).await, "the writer waits for a reader");
    // Somebody reads: what was kept comes, and where it belongs the number of what was not.
    let reader = tokio::task::spawn_blocking(move || text(&path));
    let text = tokio::time::timeout(DEADLINE, reader).await.unwrap().unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 90 + 1 + 100);
    assert_eq!(lines[90], "dropped 50");
    assert_eq!(lines.iter().filter(|found| found.as_bytes() == line).count(), 190);
}

#[tokio::test]
async fn after_trouble_it_goes_on_and_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("gone");
    fs::create_dir(&inside).unwrap();
    let path = inside.join("lines.log");
    let file = started(&path, NEVER, 1 << 20, &Clock::system());
    let sender = file.sender();
    sender.send(b"first");
    until(|| text(&path) == "first\n").await;
    fs::remove_dir_all(&inside).unwrap();
    file.reopen();
    until(|| file.common.is_idle()).await;
    sender.send(b"lost");
    sender.send(b"lost too");
    until(|| file.common.is_idle()).await;
    fs::create_dir(&inside).unwrap();
    file.reopen();
    until(|| path.exists()).await;
    sender.send(b"later");
    assert!(file.finish(DEADLINE).await);
    assert_eq!(text(&path), "dropped 2\nlater\n");
}

#[tokio::test]
async fn a_file_that_was_moved_away_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.log");
    let file = started(&path, NEVER, 1 << 20, &Clock::system());
    let sender = file.sender();
    sender.send(b"first");
    until(|| text(&path) == "first\n").await;
    fs::rename(&path, folder.path().join("moved")).unwrap();
    file.reopen();
    until(|| path.exists()).await;
    sender.send(b"second");
    assert!(file.finish(DEADLINE).await);
    assert_eq!(text(&path), "second\n");
}

#[tokio::test]
async fn what_an_earlier_process_left_is_put_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.log");
    fs::write(folder.path().join("lines-20260101T000000Z-000.log"), "old\n").unwrap();
    fs::write(folder.path().join("lines-20260101T000000Z-001.log.part"), "half").unwrap();
    fs::write(folder.path().join("lines-of-others.log"), "theirs").unwrap();
    fs::write(&path, "kept\n").unwrap();
    let rotation = Rotation { compress: true, ..NEVER };
    let file = started(&path, rotation, 1 << 20, &Clock::system());
    let expected = ["lines-20260101T000000Z-000.log.gz", "lines-of-others.log", "lines.log"];
    until(|| names(folder.path()) == expected).await;
    file.sender().send(b"more");
    assert!(file.finish(DEADLINE).await);
    assert_eq!(text(&path), "kept\nmore\n");
    let refused = LineFile::start(
        Settings {
            name: "test log",
            path: Destination::File(folder.path().join("missing/lines.log")),
            rotation: NEVER,
            dropped: |_, _| Vec::new(),
            room: 1,
        },
        Clock::system(),
    );
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn rotated_names_sort_by_time_and_are_never_taken_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.log");
    let now = crate::base::time::Timestamp(1_800_000_000);
    let mut made = Vec::new();
    for _ in 0..3 {
        let name = rotated::rotated_name(&path, now).unwrap();
        fs::write(&name, "").unwrap();
        made.push(name);
    }
    assert!(made[0].ends_with("d-20270115T080000Z-000.log"), "{made:?}");
    // The first is gone, the last is compressed: still a later name.
    fs::remove_file(&made[0]).unwrap();
    fs::rename(&made[2], folder.path().join("d-20270115T080000Z-002.log.gz")).unwrap();
    let next = rotated::rotated_name(&path, now).unwrap();
    assert!(next.ends_with("d-20270115T080000Z-003.log"), "{next:?}");
    assert!(made.is_sorted());
}

#[tokio::test]
async fn a_line_that_was_cut_off_takes_no_other_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.log");
    for (before, after) in [("whole\nhal", "whole\nhal\nnext\n"), ("whole\n", "whole\nnext\n")] {
        fs::write(&path, before).unwrap();
        let file = started(&path, NEVER, 1 << 20, &Clock::system());
        file.sender().send(b"next");
        assert!(file.finish(DEADLINE).await);
        assert_eq!(text(&path), after);
    }
}
