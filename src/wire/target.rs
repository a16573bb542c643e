//! Where a person goes back to after signing in or out: an absolute URL that every reader reads
//! alike (T35). Whether its origin is one of ours is for the floors above to say.

use std::fmt;

use thiserror::Error;
use url::Url;

use super::host::{Authority, Scheme};
use super::path;

/// Longest URL that is read, in bytes. What may be kept is less; see the session room.
const MAX_BYTES: usize = 8192;

/// Why a URL is not a place to go back to.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TargetProblem {
    /// Anything but `https://` in lower case in front.
    #[error("the address does not begin with https://")]
    Scheme,
    /// Blanks, controls, fragments, quotes, anything outside ASCII; a backslash before the query.
    #[error("the address holds a character that must not stand in it")]
    Character,
    /// Userinfo, a bad name or port, or another spelling of a good one.
    #[error("the host of the address is not spelt the one canonical way")]
    Host,
    /// Dot segments, encoded slashes and what else [`path::normalise`] refuses, or `//` in front.
    #[error("the path of the address can be read in more than one way")]
    Path,
    /// Two parsers did not agree, or it is longer than 8 KiB.
    #[error("the address can be read in more than one way")]
    Ambiguous,
}

/// An `https` URL that an RFC 3986 reading and the URL standard take for the same place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    authority: Authority<'static>,
    path_and_query: String,
}

impl Target {
    /// Host and port, as a canonical URL has them: no port where it is 443.
    pub fn authority(&self) -> &Authority<'static> {
        &self.authority
    }

    /// The name in lower case, or an address.
    pub fn host(&self) -> &str {
        self.authority.host()
    }

    /// The port, unless it is 443.
    pub fn port(&self) -> Option<u16> {
        self.authority.port()
    }

    /// `https://host[:port]`.
    pub fn origin(&self) -> String {
        self.authority.origin(Scheme::Https)
    }

    /// Path and query, byte for byte as they came. Begins with one slash, never with two, so it
    /// stays at its origin even where it is used alone.
    pub fn path_and_query(&self) -> &str {
        &self.path_and_query
    }
}

impl fmt::Display for Target {
    /// The whole URL, byte for byte.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}{}", self.authority, self.path_and_query)
    }
}

/// Reads `https://host[:port]/path?query`; a bare origin gets its `/`.
///
/// # Errors
/// Everything that is not spelt canonically: nothing is repaired, and nothing is guessed.
pub fn local_url(text: &str) -> Result<Target, TargetProblem> {
    if text.len() > MAX_BYTES {
        return Err(TargetProblem::Ambiguous);
    }
    // Security: first of all, since the URL standard drops tabs and line ends, and takes backslashes
    // for slashes until the query begins, where browsers send them as they are.
    let before_query = text.split('?').next().unwrap_or_default();
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"#\"<>".contains(&byte));
    if !plain || before_query.contains('\\') {
        return Err(TargetProblem::Character);
    }
    let rest = text.strip_prefix("https://").ok_or(TargetProblem::Scheme)?;
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let parsed = Authority::parse(authority).map_err(|_| TargetProblem::Host)?;
    if parsed.to_string() != authority || parsed.port() == Some(443) {
        return Err(TargetProblem::Host);
    }
    let tail = if tail.is_empty() { "/" } else { tail };
    let path_part = tail.split('?').next().unwrap_or_default();
    if path_part.starts_with("//") || path::normalise(path_part).is_err() {
        return Err(TargetProblem::Path);
    }
    let target = Target { authority: parsed.into_owned(), path_and_query: tail.to_owned() };
    if agrees(&target, text) { Ok(target) } else { Err(TargetProblem::Ambiguous) }
}

/// Whether the `url` crate, which reads as browsers do, finds the same parts byte for byte.
fn agrees(target: &Target, text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let tail = target.path_and_query.split_once('?');
    let (path, query) = tail.map_or((&*target.path_and_query, None), |(p, q)| (p, Some(q)));
    url.scheme() == "https"
        && url.username().is_empty()
        && url.password().is_none()
        && url.host_str() == Some(target.host())
        && url.port() == target.port()
        && url.path() == path
        && url.query() == query
        && url.fragment().is_none()
}

#[cfg(test)]
mod tests;
