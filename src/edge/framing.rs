//! Looks at the raw lines of an HTTP/1 head as they come in, because the HTTP library drops one of
//! two contradicting lengths before anybody can see that there were two (T07).
//!
//! What it lets pass is safe all the same: bodies are framed anew on the way to the application.

/// Counts the lines of one head that say how long the body is.
#[derive(Debug, Default)]
pub(super) struct HeadScan {
    /// The first bytes of the line that is coming in, and how long it is.
    start: [u8; LONGEST],
    length: usize,
    /// The last bytes of the request line.
    end: [u8; VERSION.len() + 3],
    stage: Stage,
    /// Whether the request line holds a `#`.
    fragment: bool,
    /// Whether what stands in front could be a request line.
    begun: bool,
    fields: usize,
    content_lengths: usize,
    transfer_encodings: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing but empty lines so far.
    #[default]
    RequestLine,
    Fields,
    /// The empty line was there.
    Done,
}

impl HeadScan {
    /// Takes bytes as they were read; those after the head are ignored.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.stage == Stage::Done {
                return;
            }
            for byte in piece {
                if let Some(place) = self.start.get_mut(self.length) {
                    *place = byte.to_ascii_lowercase();
                }
                self.length += 1;
                if self.stage == Stage::RequestLine {
                    self.fragment |= *byte == b'#';
                    self.end.rotate_left(1);
                    if let Some(last) = self.end.last_mut() {
                        *last = *byte;
                    }
                }
            }
            if piece.ends_with(b"\n") {
                self.end_of_line();
            }
        }
    }

    fn end_of_line(&mut self) {
        let line = self.start.get(..self.length.min(LONGEST)).unwrap_or_default();
        let empty = matches!(line, b"\r\n" | b"\n");
        match self.stage {
            Stage::RequestLine if !empty => {
                self.stage = Stage::Fields;
                let version = self.end.trim_ascii_end();
                let version = version.get(..version.len().saturating_sub(1)).unwrap_or_default();
                self.begun = version.ends_with(VERSION);
            }
            Stage::RequestLine | Stage::Done => {}
            Stage::Fields if empty => self.stage = Stage::Done,
            Stage::Fields => {
                self.fields += 1;
                self.content_lengths += usize::from(line.starts_with(CONTENT_LENGTH));
                self.transfer_encodings += usize::from(line.starts_with(TRANSFER_ENCODING));
            }
        }
        self.length = 0;
    }

    /// Whether the target had a fragment, which the library cuts off without a word.
    pub(super) fn had_fragment(&self) -> bool {
        self.fragment
    }

    /// Whether two readers could disagree on where the body ends: more than one length, or a length
    /// and an encoding. `encoded` and `fields`: whether the head, as the library read it, has an
    /// encoding, and how many fields; an encoded one that was not seen whole, because its beginning
    /// was read together with the end of the request before, is ambiguous.
    pub(super) fn ambiguous(&self, encoded: bool, fields: usize) -> bool {
        let seen_whole = self.begun && self.stage == Stage::Done && self.fields >= fields;
        self.content_lengths > 1
            || (self.content_lengths > 0 && self.transfer_encodings > 0)
            || (encoded && !seen_whole)
    }
}

const CONTENT_LENGTH: &[u8] = b"content-length:";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding:";
const LONGEST: usize = 18;
/// How a request line ends, but for its last digit and its line end.
const VERSION: &[u8] = b" HTTP/1.";

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(pieces: &[&str]) -> HeadScan {
        let mut scan = HeadScan::default();
        for piece in pieces {
            scan.feed(piece.as_bytes());
        }
        scan
    }

    #[test]
    fn t07_two_lengths_are_seen_however_the_bytes_arrive() {
        let head =
            "POST / HTTP/1.1\r\nHost: a\r\nContent-LENGTH: 3\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert!(scan(&[head]).ambiguous(true, 2));
        let single: Vec<String> = head.chars().map(String::from).collect();
        let single: Vec<&str> = single.iter().map(String::as_str).collect();
        assert!(scan(&single).ambiguous(true, 2));
        assert!(scan(&["P / H\nContent-Length: 1\nContent-Length: 1\n\n"]).ambiguous(false, 1));
    }

    #[test]
    fn a51_3_a_fragment_is_seen_in_the_request_line_alone() {
        assert!(scan(&["GET /a#b HTTP/1.1\r\n\r\n"]).had_fragment());
        assert!(scan(&["\r\nGET /a", "#", " HTTP/1.1\r\n\r\n"]).had_fragment());
        assert!(!scan(&["GET /a HTTP/1.1\r\nX: #\r\n\r\n#"]).had_fragment());
    }

    #[test]
    fn t07_one_length_is_fine_and_the_body_is_not_read() {
        let one =
            "POST / HTTP/1.1\r\nContent-Length: 50\r\n\r\nContent-Length: 3\r\ntransfer-encoding:";
        assert!(!scan(&[one]).ambiguous(false, 1));
        let chunked =
            "\r\nPOST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX-Content-Length: 5\r\n\r\n";
        assert!(!scan(&[chunked]).ambiguous(true, 2));
    }

    #[test]
    fn t07_an_encoded_body_needs_a_head_that_was_seen_whole() {
        let unended = scan(&["POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"]);
        assert!(unended.ambiguous(true, 1));
        assert!(scan(&[]).ambiguous(true, 1));
        assert!(!scan(&[]).ambiguous(false, 1));
        // What a scan sees that begins in the middle of a head, with a length before.
        for rest in ["Host: a\r\n", "ngth: 5\r\nHost: a\r\n", "X: b HTTP/1.1\r\nHost: a\r\n"] {
            let rest = format!("{rest}Transfer-Encoding: chunked\r\n\r\n");
            assert!(scan(&[&rest]).ambiguous(true, rest.lines().count() - 1), "{rest:?}");
        }
    }
}
