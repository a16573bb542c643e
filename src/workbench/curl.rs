//! A captured `curl` line, such as browsers copy, as a supposed request.
//!
//! What changes the request's method, address or headers is understood; everything else (bodies,
//! proxies, output) is passed over. Security: cookies and passwords in the line are never shown.

use super::request::{RequestProblem, Supposed};

/// What a line asks for.
#[derive(Debug)]
pub struct Captured {
    /// The request.
    pub request: Supposed,
    /// Whether the line brings cookies, which say nothing here: a session is supposed, not opened.
    pub cookies: bool,
}

/// Why a line cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CurlProblem {
    /// It does not begin with `curl`.
    #[error("the line does not begin with `curl`")]
    NotCurl,
    /// A quote does not end.
    #[error("a quote in the line does not end; a browser's \"Copy as cURL (bash)\" is whole")]
    Quote,
    /// It is of Windows' command line.
    #[error("the line is written for cmd.exe; use the browser's \"Copy as cURL (bash)\"")]
    Windows,
    /// An option has no value.
    #[error("`{0}` has no value")]
    Value(String),
    /// No address.
    #[error("the line names no address")]
    NoUrl,
    /// Two of them.
    #[error("the line names more than one address")]
    Several,
    /// A header is not written as one.
    #[error("a header is written `Name: value`")]
    Header,
    /// It is not a request.
    #[error(transparent)]
    Request(#[from] RequestProblem),
}

/// Long names of short options.
const SHORT: [(char, &str); 20] = [
    ('A', "user-agent"),
    ('F', "form"),
    ('G', "get"),
    ('H', "header"),
    ('I', "head"),
    ('K', "config"),
    ('T', "upload-file"),
    ('U', "proxy-user"),
    ('X', "request"),
    ('b', "cookie"),
    ('c', "cookie-jar"),
    ('d', "data"),
    ('e', "referer"),
    ('m', "max-time"),
    ('o', "output"),
    ('r', "range"),
    ('u', "user"),
    ('w', "write-out"),
    ('x', "proxy"),
    ('E', "cert"),
];

/// Options that take a value and change nothing of what a policy sees.
const PASSED_OVER: [&str; 30] = [
    "aws-sigv4",
    "cacert",
    "capath",
    "cert",
    "cert-type",
    "ciphers",
    "config",
    "connect-timeout",
    "connect-to",
    "cookie-jar",
    "dump-header",
    "interface",
    "key",
    "key-type",
    "limit-rate",
    "max-redirs",
    "max-time",
    "noproxy",
    "oauth2-bearer",
    "output",
    "pass",
    "proxy",
    "proxy-header",
    "proxy-user",
    "range",
    "resolve",
    "retry",
    "retry-delay",
    "user",
    "write-out",
];

/// Reads a line.
///
/// # Errors
/// Says what about it cannot be understood; never shows it.
pub fn read(line: &str) -> Result<Captured, CurlProblem> {
    if line.contains("^\"") {
        return Err(CurlProblem::Windows);
    }
    let mut words = split(line)?.into_iter();
    let command = words.next().unwrap_or_default();
    if command != "curl" && !command.ends_with("/curl") {
        return Err(CurlProblem::NotCurl);
    }
    let mut reading = Reading::default();
    let mut options = true;
    while let Some(word) = words.next() {
        if options && word == "--" {
            options = false;
        } else if let Some(name) = word.strip_prefix("--").filter(|_| options) {
            reading.option(name, || words.next())?;
        } else if let Some(letters) =
            word.strip_prefix('-').filter(|rest| options && !rest.is_empty())
        {
            reading.letters(letters, &mut words)?;
        } else {
            reading.address(word)?;
        }
    }
    reading.finish()
}

#[derive(Debug, Default)]
struct Reading {
    url: Option<String>,
    method: Option<String>,
    headers: Vec<(String, String)>,
    host: Option<String>,
    /// Headers of curl's own that the line takes away.
    removed: Vec<String>,
    data: Vec<String>,
    head: bool,
    get: bool,
    put: bool,
    cookies: bool,
}

impl Reading {
    /// Letters behind one hyphen: `-sX POST`, `-XPOST`.
    fn letters(
        &mut self,
        letters: &str,
        words: &mut impl Iterator<Item = String>,
    ) -> Result<(), CurlProblem> {
        let mut rest = letters;
        while let Some(letter) = rest.chars().next() {
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            let Some((_, name)) = SHORT.iter().find(|(short, _)| *short == letter) else {
                continue;
            };
            let takes = !matches!(*name, "get" | "head");
            if takes && !rest.is_empty() {
                let value = rest.to_owned();
                return self.option(name, || Some(value));
            }
            self.option(name, || words.next())?;
        }
        Ok(())
    }

    fn option(
        &mut self,
        name: &str,
        value: impl FnOnce() -> Option<String>,
    ) -> Result<(), CurlProblem> {
        let value = || value().ok_or_else(|| CurlProblem::Value(format!("--{name}")));
        match name {
            "request" => self.method = Some(value()?),
            "url" => self.address(value()?)?,
            "header" => self.header(&value()?)?,
            "user-agent" => self.headers.push(("User-Agent".to_owned(), value()?)),
            "referer" => self.headers.push(("Referer".to_owned(), value()?)),
            "cookie" => {
                value()?;
                self.cookies = true;
            }
            "data" | "data-raw" | "data-binary" | "data-ascii" | "data-urlencode" | "form"
            | "form-string" => self.data.push(value()?),
            "json" => {
                self.data.push(value()?);
                for (name, value) in
                    [("Content-Type", "application/json"), ("Accept", "application/json")]
                {
                    self.headers.push((name.to_owned(), value.to_owned()));
                }
            }
            "upload-file" => {
                value()?;
                self.put = true;
            }
            "head" => self.head = true,
            "get" => self.get = true,
            _ if PASSED_OVER.contains(&name) => {
                value()?;
            }
            // All others are switches.
            _ => {}
        }
        Ok(())
    }

    fn header(&mut self, header: &str) -> Result<(), CurlProblem> {
        if header.starts_with(':') || header.starts_with('@') {
            return Ok(());
        }
        let Some((name, value)) = header.split_once(':') else {
            // `Name;` sends the header without a value.
            let name = header.strip_suffix(';').ok_or(CurlProblem::Header)?;
            self.headers.push((name.to_owned(), String::new()));
            return Ok(());
        };
        let (name, value) = (name.trim(), value.trim());
        if name.eq_ignore_ascii_case("cookie") {
            self.cookies = true;
        } else if value.is_empty() {
            self.removed.push(name.to_ascii_lowercase());
        } else if name.eq_ignore_ascii_case("host") {
            self.host = Some(value.to_owned());
        } else {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
        Ok(())
    }

    fn address(&mut self, word: String) -> Result<(), CurlProblem> {
        match self.url.replace(word) {
            None => Ok(()),
            Some(_) => Err(CurlProblem::Several),
        }
    }

    fn finish(self) -> Result<Captured, CurlProblem> {
        let mut url = self.url.ok_or(CurlProblem::NoUrl)?;
        if self.get && !self.data.is_empty() {
            url.push(if url.contains('?') { '&' } else { '?' });
            url += &self.data.join("&");
        }
        if let Some(host) = &self.host {
            url = with_host(&url, host);
        }
        let mut request = Supposed::get(&url)?;
        let method = match self.method.as_deref() {
            Some(method) => method,
            None if self.head => "HEAD",
            None if self.put => "PUT",
            None if !self.data.is_empty() && !self.get => "POST",
            None => "GET",
        };
        request.set_method(method)?;
        for (name, value) in &self.headers {
            request.add_header(name, value)?;
        }
        let has_accept = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept"));
        if !has_accept && !self.removed.iter().any(|name| name == "accept") {
            request.add_header("Accept", "*/*")?;
        }
        Ok(Captured { request, cookies: self.cookies })
    }
}

/// The address as it would be if it named `host`.
fn with_host(url: &str, host: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    format!("{scheme}://{host}{}", rest.get(end..).unwrap_or_default())
}

/// Splits a line as a POSIX shell does, `$'...'` of bash included.
fn split(line: &str) -> Result<Vec<String>, CurlProblem> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.trim().chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            blank if blank.is_whitespace() => words.extend(word.take()),
            '\\' => match rest.next() {
                // The line goes on.
                Some('\n') => {}
                Some('\r') => {
                    rest.next_if_eq(&'\n');
                }
                escaped => word.get_or_insert_default().extend(escaped),
            },
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next().ok_or(CurlProblem::Quote)? {
                        '\'' => break,
                        inner => word.push(inner),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next().ok_or(CurlProblem::Quote)? {
                        '"' => break,
                        '\\' => match rest.next().ok_or(CurlProblem::Quote)? {
                            '\n' => {}
                            inner @ ('"' | '\\' | '$' | '`') => word.push(inner),
                            inner => word.extend(['\\', inner]),
                        },
                        inner => word.push(inner),
                    }
                }
            }
            '$' if rest.next_if_eq(&'\'').is_some() => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next().ok_or(CurlProblem::Quote)? {
                        '\'' => break,
                        '\\' => word.push(escape(&mut rest).ok_or(CurlProblem::Quote)?),
                        inner => word.push(inner),
                    }
                }
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

/// One escape of `$'...'`, after its backslash.
fn escape(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    let kind = rest.next()?;
    let mut digits = |most: usize| {
        let mut number = 0;
        for _ in 0..most {
            let Some(digit) = rest.peek().and_then(|c| c.to_digit(16)) else { break };
            number = number * 16 + digit;
            rest.next();
        }
        char::from_u32(number)
    };
    match kind {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'u' => digits(4),
        'U' => digits(8),
        'x' => digits(2),
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Method, address, whether it is a page load.
    fn seen(line: &str) -> (String, String, bool) {
        let Captured { request, .. } = read(line).unwrap();
        (request.method().to_owned(), request.url().to_owned(), request.is_page_load())
    }

    #[test]
    fn a_line_of_a_browser_is_understood() {
        let captured = read(
            "curl 'https://wiki.example.com/page?a=b&c' \\\n  -H 'accept: text/html,*/*;q=0.8' \\\n  \
             -H 'cookie: secret=1' -b 'other=2' \\\n  -H 'sec-fetch-mode: navigate' \\\n  \
             -H 'sec-fetch-dest: document' -H ':authority: x' -H $'x-a: it\\'s \\u0041' --compressed",
        )
        .unwrap();
        assert!(captured.cookies && captured.request.is_page_load());
        assert_eq!(captured.request.url(), "https://wiki.example.com/page?a=b&c");
        assert!(!format!("{captured:?}").contains("secret"));
    }

    #[test]
    fn options_change_method_and_address_as_curl_does() {
        for (line, method, url) in [
            ("curl a.example", "GET", "https://a.example"),
            ("curl -I a.example/x", "HEAD", "https://a.example/x"),
            ("curl -d a=b a.example", "POST", "https://a.example"),
            ("curl -sXPUT -da=b a.example", "PUT", "https://a.example"),
            (
                "curl -G -d a=b --data-urlencode c=d a.example/?x",
                "GET",
                "https://a.example/?x&a=b&c=d",
            ),
            ("curl --json '{}' a.example", "POST", "https://a.example"),
            ("curl -F a=@b a.example", "POST", "https://a.example"),
            ("curl -T file a.example/x", "PUT", "https://a.example/x"),
            ("/usr/bin/curl -k -u me:pw -o /dev/null --url a.example", "GET", "https://a.example"),
            ("curl -H 'Host: b.example' https://127.0.0.1/x?y", "GET", "https://b.example/x?y"),
            ("curl -H \"Host: b.example\" -- 127.0.0.1", "GET", "https://b.example"),
        ] {
            let (seen_method, seen_url, page_load) = seen(line);
            assert_eq!((seen_method.as_str(), seen_url.as_str()), (method, url), "{line}");
            assert!(!page_load, "{line}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_told_and_never_shown() {
        for (line, expected) in [
            ("wget a.example", CurlProblem::NotCurl),
            ("curl 'a.example", CurlProblem::Quote),
            ("curl ^\"a.example^\"", CurlProblem::Windows),
            ("curl -X", CurlProblem::Value("--request".to_owned())),
            ("curl -s", CurlProblem::NoUrl),
            ("curl a.example b.example", CurlProblem::Several),
            ("curl -H hunter2 a.example", CurlProblem::Header),
        ] {
            let problem = read(line).unwrap_err();
            assert_eq!(problem, expected, "{line}");
            assert!(!problem.to_string().contains("hunter2"));
        }
    }
}
