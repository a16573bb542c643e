//! Where a link or a form of a page may lead.

use std::fmt;

/// An address that is safe in `href`, `action` and a refresh: `https`, `http`, or a path of the
/// same host. Anything else became `/` when it was made, so that no page can carry `javascript:`
/// or lead to a host that nobody meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Href(String);

impl Href {
    /// Keeps `address` where it is safe as described above; `/` otherwise.
    pub fn new(address: impl Into<String>) -> Self {
        let address = address.into();
        if is_safe(&address) { Self(address) } else { Self("/".to_owned()) }
    }

    /// The address that the browser shows already, asked for anew.
    pub fn here() -> Self {
        Self(String::new())
    }

    /// The address as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Href {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Security: browsers drop tabs and newlines from an address and read `\` as `/` until the query
/// begins, so that `/\t/x` and `/\x` name another host; neither is ever part of an address of ours.
fn is_safe(address: &str) -> bool {
    let before_query = address.split('?').next().unwrap_or_default();
    let plain = !before_query.contains('\\')
        && !address.chars().any(|c| c.is_control() || c.is_whitespace());
    let path = address.starts_with('/') && !address.starts_with("//");
    plain && (path || address.starts_with("https://") || address.starts_with("http://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t79_a_link_leads_to_the_web_or_to_the_same_host_and_nowhere_else() {
        for kept in [
            "/",
            "/a?b=c&d=%22'",
            "/a?b=\\c",
            "https://auth.example/x",
            "http://apple.localhost:9000/",
        ] {
            assert_eq!(Href::new(kept).as_str(), kept);
        }
        for odd in [
            "",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " javascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "//evil.test/",
            "/\\evil.test",
            "\\\\evil.test",
            "/\t/evil.test",
            "/\n/evil.test",
            "/a b",
            "/\u{a0}",
            "HTTPS:evil.test",
            "x",
            "?q",
        ] {
            assert_eq!(Href::new(odd).as_str(), "/", "{odd:?}");
        }
    }
}
