//! The lines of a log: plain or compressed, in blocks, however long the log is.

use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use memchr::{memchr, memrchr};

/// How much is read at once, in bytes.
const BLOCK: usize = 1 << 20;

/// Longest line that is read, in bytes; the writer bounds every field.
const LONGEST: usize = 1 << 20;

/// What a compressed file begins with (RFC 1952 §2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What other compressed files begin with, and what unpacks them.
const FOREIGN: [(&[u8], &str); 3] = [
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd -dc"),
    (&[0xfd, b'7', b'z', b'X', b'Z'], "xz -dc"),
    (b"BZh", "bzip2 -dc"),
];

/// How much of a log has been read from where it is kept, in bytes; of a compressed one the
/// compressed bytes. Cheap to clone, can be asked at any time.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<AtomicU64>);

impl Meter {
    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

struct Metered<R> {
    inner: R,
    meter: Meter,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.meter.0.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// One line, without its line feed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Raw<'a> {
    /// A whole line.
    Whole(&'a [u8]),
    /// The last line, behind which no line feed stands: it may have been cut off.
    Last(&'a [u8]),
    /// A line too long to be one of ours; its beginning.
    TooLong(&'a [u8]),
}

/// How a log ended.
#[derive(Debug)]
pub(super) enum End {
    /// As it should.
    Whole,
    /// In the middle of what is compressed.
    Truncated,
}

/// Hands every line of `source` to `each`, until it says stop.
///
/// # Errors
/// The source cannot be read, or is compressed in a way that is not read here.
pub(super) fn read(
    source: impl Read,
    meter: &Meter,
    mut each: impl FnMut(Raw<'_>) -> bool,
) -> io::Result<End> {
    let mut metered = Metered { inner: source, meter: meter.clone() };
    let mut start = Vec::with_capacity(6);
    metered.by_ref().take(6).read_to_end(&mut start)?;
    if let Some((_, unpack)) = FOREIGN.iter().find(|(magic, _)| start.starts_with(magic)) {
        let message =
            format!("it is compressed in a way that is not read here: `{unpack} FILE | ...`");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    let gzip = start.starts_with(&GZIP);
    let whole = io::Cursor::new(start).chain(metered);
    if gzip {
        let packed = BufReader::with_capacity(BLOCK / 4, whole);
        match blocks(MultiGzDecoder::new(packed), &mut each) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(End::Truncated),
            other => other.map(|()| End::Whole),
        }
    } else {
        blocks(whole, &mut each).map(|()| End::Whole)
    }
}

fn blocks(mut source: impl Read, each: &mut impl FnMut(Raw<'_>) -> bool) -> io::Result<()> {
    // What is left of a line waits at the beginning of the buffer for its rest.
    let mut buffer = vec![0; BLOCK + LONGEST];
    let mut waiting = 0;
    let mut skipping = false;
    loop {
        let room = buffer.get_mut(waiting..).unwrap_or_default();
        let read = match source.read(room) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                last(buffer.get(..waiting).unwrap_or_default(), skipping, each);
                return Err(error);
            }
        };
        let filled = waiting + read;
        let there = buffer.get(..filled).unwrap_or_default();
        let Some(end) = memrchr(b'\n', there) else {
            waiting = filled;
            if waiting > LONGEST {
                if !skipping && !each(Raw::TooLong(there)) {
                    return Ok(());
                }
                (skipping, waiting) = (true, 0);
            }
            continue;
        };
        let mut rest = there.get(..=end).unwrap_or_default();
        while let Some(at) = memchr(b'\n', rest) {
            let (line, after) = rest.split_at_checked(at).unwrap_or_default();
            rest = after.get(1..).unwrap_or_default();
            if std::mem::take(&mut skipping) {
                continue;
            }
            if !each(Raw::Whole(line.strip_suffix(b"\r").unwrap_or(line))) {
                return Ok(());
            }
        }
        buffer.copy_within(end + 1..filled, 0);
        waiting = filled - end - 1;
    }
    last(buffer.get(..waiting).unwrap_or_default(), skipping, each);
    Ok(())
}

fn last(rest: &[u8], skipping: bool, each: &mut impl FnMut(Raw<'_>) -> bool) {
    if !rest.is_empty() && !skipping {
        each(Raw::Last(rest));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn lines(source: impl Read) -> (Vec<String>, io::Result<End>) {
        let mut lines = Vec::new();
        let end = read(source, &Meter::default(), |raw| {
            lines.push(match raw {
                Raw::Whole(line) => String::from_utf8(line.to_vec()).unwrap(),
                Raw::Last(line) => format!("last {}", String::from_utf8(line.to_vec()).unwrap()),
                Raw::TooLong(_) => "too long".to_owned(),
            });
            true
        });
        (lines, end)
    }

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn plain_and_compressed_logs_give_the_same_lines() {
        let text = b"one\n\ntwo\r\nthree\nfou";
        let expected = ["one", "", "two", "three", "last fou"];
        assert_eq!(lines(&text[..]).0, expected);
        assert_eq!(lines(&packed(text)[..]).0, expected);
        // Rotation may append to what is compressed already.
        let two = [packed(b"one\n"), packed(b"two\n")].concat();
        assert_eq!(lines(&two[..]).0, ["one", "two"]);
        for short in [&b""[..], b"\n", b"x"] {
            let (found, end) = lines(short);
            assert!(found.len() <= 1 && matches!(end, Ok(End::Whole)), "{found:?}");
        }
    }

    #[test]
    fn what_a_cut_off_file_still_holds_is_read() {
        let text: String = (0..20_000).map(|n| format!("line {n}\n")).collect();
        let whole = packed(text.as_bytes());
        let (found, end) = lines(&whole[..whole.len() / 2]);
        assert!(matches!(end, Ok(End::Truncated)));
        assert!(found.len() > 1_000 && found[0] == "line 0", "{}", found.len());
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory_and_ends_nothing() {
        let mut text = vec![b'x'; 3 * (BLOCK + LONGEST)];
        text.extend(b"y\nnext\n");
        assert_eq!(lines(&text[..]).0, ["too long", "next"]);
    }

    #[test]
    fn lines_across_blocks_stay_whole() {
        let text: String = (0..200_000).map(|n| format!("{n:0>20}\n")).collect();
        let (found, _) = lines(text.as_bytes());
        assert_eq!(found.len(), 200_000);
        assert!(found.iter().enumerate().all(|(n, line)| line.parse() == Ok(n)));
    }

    #[test]
    fn what_is_compressed_otherwise_is_told_how_to_unpack() {
        let (_, end) = lines(&[0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0][..]);
        assert!(end.unwrap_err().to_string().contains("zstd -dc"));
    }
}
