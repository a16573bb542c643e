//! Reads a line without parsing what was read before, byte for byte: who asked, and what was
//! decided. Both are the same from line to line, and they are most of a line.
//!
//! *Invariant:* only what stands exactly as our own writer writes it is read here; everything else
//! is left to the JSON reader, so a line means the same to both.

use memchr::memchr2;

/// The members of a line in front of what is known by heart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Front<'a> {
    pub(super) timestamp: &'a str,
    pub(super) id: &'a str,
    pub(super) method: &'a str,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) ip: &'a str,
    pub(super) cors_preflight: bool,
    /// Where the line says it.
    pub(super) page_load: Option<bool>,
    /// What follows: the person or, where nobody was signed in, the rest.
    pub(super) rest: &'a str,
}

/// The members up to the person; `None` where the line is of another form.
pub(super) fn front(line: &str) -> Option<Front<'_>> {
    let mut at = Cursor(line.strip_prefix('{')?);
    let timestamp = at.member("\"timestamp\":\"")?;
    at.word("\"msg\":\"authorize check\",")?;
    at.member("\"request-id\":\"");
    let id = at.member("\"id\":\"").unwrap_or_default();
    let method = at.member("\"method\":\"")?;
    let host = at.member("\"host\":\"")?;
    let path = at.member("\"path\":\"")?;
    let ip = at.member("\"ip\":\"")?;
    let cors_preflight = at.word("\"cors-preflight\":true,").is_some();
    let page_load = match at.word("\"page-load\":false,") {
        Some(()) => Some(false),
        None => at.word("\"page-load\":true,").map(|()| true),
    };
    at.member("\"session-id\":\"");
    Some(Front { timestamp, id, method, host, path, ip, cors_preflight, page_load, rest: at.0 })
}

/// The subject with which a person's members begin.
pub(super) fn subject(rest: &str) -> Option<&str> {
    Cursor(rest).member("\"user\":\"")
}

/// The route and what follows it, behind a person's members or in their place.
pub(super) fn back(rest: &str) -> (Option<&str>, &str) {
    let mut at = Cursor(rest);
    let route = at.member("\"route-id\":\"");
    (route, at.0)
}

/// A person's members in a line of ours: from `"user":` up to and with the comma behind
/// `"begun-at":`. A quote inside a text has a backslash before it, so these words are members.
pub(super) fn person(line: &str) -> Option<&str> {
    const END: &str = ",\"begun-at\":";
    let start = line.find(",\"user\":\"")? + 1;
    let number = line.rfind(END)? + END.len();
    let digits = line.get(number..)?.find(',')?;
    line.get(start..=number + digits)
}

/// What was decided, up to the end of the line.
pub(super) fn decision(line: &str) -> Option<&str> {
    let start = line.rfind(",\"outcome\":\"")? + 1;
    line.get(start..)
}

#[derive(Clone, Copy)]
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    /// Steps over `word`, if it is next.
    fn word(&mut self, word: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(word)?;
        Some(())
    }

    /// The text of the member that begins with `name`, if it is next, has no escapes and is not the
    /// last one.
    fn member(&mut self, name: &str) -> Option<&'a str> {
        let text = self.0.strip_prefix(name)?;
        let end = memchr2(b'"', b'\\', text.as_bytes())?;
        let (value, rest) = text.split_at_checked(end)?;
        self.0 = rest.strip_prefix("\",")?;
        Some(value)
    }
}
