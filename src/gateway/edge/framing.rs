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
    stage: Stage,
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
            Stage::RequestLine if !empty => self.stage = Stage::Fields,
            Stage::Fields if empty => self.stage = Stage::Done,
            Stage::Fields if line.starts_with(CONTENT_LENGTH) => self.content_lengths += 1,
            Stage::Fields if line.starts_with(TRANSFER_ENCODING) => self.transfer_encodings += 1,
            _ => {}
        }
        self.length = 0;
    }

    /// Whether it is open to debate where the body ends: more than one length, or a length beside
    /// an encoding. `encoded`: whether the head, as the library read it, has an encoding; then a head
    /// that was not seen whole, because it came in the wake of another request, is open to debate.
    pub(super) fn ambiguous(&self, encoded: bool) -> bool {
        self.content_lengths > 1
            || (self.content_lengths > 0 && self.transfer_encodings > 0)
            || (encoded && self.stage != Stage::Done)
    }
}

const CONTENT_LENGTH: &[u8] = b"content-length:";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding:";
const LONGEST: usize = 18;

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
        assert!(scan(&[head]).ambiguous(true));
        let single: Vec<String> = head.chars().map(String::from).collect();
        let single: Vec<&str> = single.iter().map(String::as_str).collect();
        assert!(scan(&single).ambiguous(true));
        assert!(scan(&["P / H\nContent-Length: 1\nContent-Length: 1\n\n"]).ambiguous(false));
    }

    #[test]
    fn t07_one_length_is_fine_and_the_body_is_not_read() {
        let one =
            "POST / HTTP/1.1\r\nContent-Length: 50\r\n\r\nContent-Length: 3\r\ntransfer-encoding:";
        assert!(!scan(&[one]).ambiguous(false));
        let chunked =
            "\r\nPOST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX-Content-Length: 5\r\n\r\n";
        assert!(!scan(&[chunked]).ambiguous(true));
    }

    #[test]
    fn t07_an_encoded_body_needs_a_head_that_was_seen_whole() {
        assert!(scan(&["POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"]).ambiguous(true));
        assert!(scan(&[]).ambiguous(true));
        assert!(!scan(&[]).ambiguous(false));
    }
}
