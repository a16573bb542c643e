//! Which host a request asks for: exactly one, well formed, in one spelling (RFC 9110 §7.2,
//! RFC 9112 §3.2, RFC 9113 §8.3.1). Everything else is 400.

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use http::Version;
use thiserror::Error;

use super::occurrence::Occurrence;

/// A host and, where it was written, a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority<'a> {
    host: Cow<'a, str>,
    port: Option<u16>,
}

/// How a connection is spoken to; decides the port that goes without saying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP, port 80.
    Http,
    /// HTTP over TLS, port 443.
    Https,
}

/// Why a request has no host that we could serve.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum HostProblem {
    /// No `Host` header, and no `:authority` instead.
    #[error("the request names no host")]
    Missing,
    /// More than one `Host` header.
    #[error("the request has more than one Host header")]
    Several,
    /// `Host` differs from the request target or `:authority`.
    #[error("the Host header and the request target name different hosts")]
    Disagree,
    /// No name or address that a URL can hold.
    #[error("the host is not a valid name or address")]
    Name,
    /// Something that is not a port follows the colon.
    #[error("the port of the host is not a number from 1 to 65535")]
    Port,
}

impl<'a> Authority<'a> {
    /// Reads `host[:port]`. Lower-cases the name, removes one trailing dot, gives addresses their
    /// canonical spelling. Names are letters, digits and hyphens (RFC 1123 §2.1): an IDN comes as
    /// its A-label, and an underscore is refused.
    ///
    /// # Errors
    /// Userinfo, lists, blanks, zones, shortened addresses and everything else that is not one
    /// plain authority.
    pub fn parse(text: &'a str) -> Result<Self, HostProblem> {
        if let Some(literal) = text.strip_prefix('[') {
            let (address, rest) = literal.split_once(']').ok_or(HostProblem::Name)?;
            let address: Ipv6Addr = address.parse().map_err(|_| HostProblem::Name)?;
            let port = match rest {
                "" => None,
                _ => Some(parse_port(rest.strip_prefix(':').ok_or(HostProblem::Port)?)?),
            };
            return Ok(Self { host: Cow::Owned(format!("[{address}]")), port });
        }
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => (name, Some(parse_port(port)?)),
            None => (text, None),
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        if !is_name(name) {
            return Err(HostProblem::Name);
        }
        let upper = name.bytes().any(|byte| byte.is_ascii_uppercase());
        let host = if upper { Cow::Owned(name.to_ascii_lowercase()) } else { Cow::Borrowed(name) };
        Ok(Self { host, port })
    }

    /// The name in lower case without a trailing dot, or an address; IPv6 in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, where one was written.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The port that is meant.
    pub fn port_or_default(&self, scheme: Scheme) -> u16 {
        self.port.unwrap_or(scheme.default_port())
    }

    /// The origin as browsers write it: without the port that goes without saying (RFC 6454 §6.2).
    pub fn origin(&self, scheme: Scheme) -> String {
        let port = self.port.filter(|port| *port != scheme.default_port());
        format!("{}://{}", scheme.as_str(), Authority { host: Cow::Borrowed(self.host()), port })
    }

    /// The same, no longer borrowed from the request.
    pub fn into_owned(self) -> Authority<'static> {
        Authority { host: Cow::Owned(self.host.into_owned()), port: self.port }
    }
}

impl fmt::Display for Authority<'_> {
    /// `host` or `host:port`, as a `Host` header has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl Scheme {
    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// 80 or 443.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The one authority of a request. `uri_authority` is that of an absolute-form target or
/// `:authority`, `host_headers` all `Host` headers as sent. HTTP/1 always needs a `Host`; HTTP/2
/// may do without. `CONNECT` never comes here, [`super::method`] refuses it before.
///
/// # Errors
/// None, several, malformed or disagreeing hosts: all of them 400.
pub fn request_authority<'a>(
    uri_authority: Option<&'a str>,
    host_headers: impl IntoIterator<Item = &'a [u8]>,
    version: Version,
) -> Result<Authority<'a>, HostProblem> {
    let header = match Occurrence::of(host_headers) {
        Occurrence::Repeated => return Err(HostProblem::Several),
        Occurrence::Absent => None,
        Occurrence::Once(value) => {
            let text = std::str::from_utf8(value).map_err(|_| HostProblem::Name)?;
            Some(Authority::parse(text)?)
        }
    };
    let target = uri_authority.map(Authority::parse).transpose()?;
    match (target, header) {
        (None, None) => Err(HostProblem::Missing),
        (Some(_), None) if version < Version::HTTP_2 => Err(HostProblem::Missing),
        (Some(target), Some(header)) if target != header => Err(HostProblem::Disagree),
        (Some(authority), _) | (None, Some(authority)) => Ok(authority),
    }
}

/// A port without sign, leading zero or blank.
fn parse_port(text: &str) -> Result<u16, HostProblem> {
    let plain = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten().ok_or(HostProblem::Port)
}

/// A DNS name, or an IPv4 address with four plain parts.
fn is_name(name: &str) -> bool {
    if name.len() > 253 || !name.split('.').all(is_label) {
        return false;
    }
    // A last label that looks like a number makes an address of the whole (URL standard, "ends in
    // a number"): `127.1` and `0x7f.1` must not pass as names.
    let last = name.rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x"));
    let number = hexadecimal || last.bytes().all(|byte| byte.is_ascii_digit());
    !number || name.parse::<Ipv4Addr>().is_ok()
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn t13_good_authorities_have_one_spelling() {
        for (text, expected) in [
            ("example.com", "example.com"),
            ("EXAMPLE.com", "example.com"),
            ("ADMIN.Example.COM", "admin.example.com"),
            ("example.com.", "example.com"),
            ("Example.Com.:8443", "example.com:8443"),
            ("example.com:443", "example.com:443"),
            ("localhost", "localhost"),
            ("wiki.localhost:8443", "wiki.localhost:8443"),
            ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
            ("a-b.example", "a-b.example"),
            ("1.example", "1.example"),
            ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.1:65535", "127.0.0.1:65535"),
            ("[::1]", "[::1]"),
            ("[0:0:0:0:0:0:0:1]:443", "[::1]:443"),
            ("[2001:DB8::A]", "[2001:db8::a]"),
        ] {
            let authority = Authority::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(authority.to_string(), expected, "{text}");
        }
    }

    #[test]
    fn t13_bad_authorities_are_refused() {
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = "a.".repeat(127) + "example";
        for text in [
            "",
            " ",
            ".",
            "..",
            "example..com",
            ".example.com",
            "example.com..",
            "a b.example",
            " example.com",
            "example.com ",
            "example.com\t",
            "a,b",
            "a.example, b.example",
            "a@b.example",
            "user:pw@b.example",
            "a.example/path",
            "a.example?q",
            "a.example#f",
            "http://a.example",
            "a.example\\b",
            "a_b.example",
            "_dmarc.example",
            "-a.example",
            "a-.example",
            "münchen.example",
            "ｅxample.com",
            "a\u{3002}example",
            "a%2eexample",
            "*.example.com",
            "a.example:",
            "a.example:0",
            "a.example:080",
            "a.example:65536",
            "a.example:+80",
            "a.example:-1",
            "a.example: 80",
            "a.example:80 ",
            "a.example:8x",
            "a.example:80:80",
            "a.example:99999999999999999999",
            ":443",
            "::1",
            "[::1",
            "::1]",
            "[]",
            "[::1]x",
            "[::1]:",
            "[::1]443",
            "[::1%eth0]",
            "[::1%25eth0]",
            "[fe80::1%1]",
            "[127.0.0.1]",
            "[v1.a]",
            "[[::1]]",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "0x7f000001",
            "127.0.0.01",
            "127.0.0.256",
            "1.2.3.4.5",
            "a.1",
            "a.0x1",
            "a\0b",
            "a\r\nb",
            &long_label,
            &long_name,
        ] {
            assert!(Authority::parse(text).is_err(), "{text:?}");
        }
    }

    fn asked(
        target: Option<&'static str>,
        headers: &[&'static str],
        version: Version,
    ) -> Result<String, HostProblem> {
        let headers = headers.iter().map(|header| header.as_bytes());
        request_authority(target, headers, version).map(|authority| authority.to_string())
    }

    #[test]
    fn t13_a_request_names_exactly_one_host() {
        use HostProblem::*;
        use http::Version as V;
        let ok = |text: &str| Ok(text.to_owned());
        for (target, headers, version, expected) in [
            (None, &["a.example"][..], V::HTTP_11, ok("a.example")),
            (None, &["A.Example.:80"], V::HTTP_11, ok("a.example:80")),
            (None, &["a.example"], V::HTTP_10, ok("a.example")),
            (None, &[], V::HTTP_10, Err(Missing)),
            (None, &[], V::HTTP_11, Err(Missing)),
            (None, &[""], V::HTTP_11, Err(Name)),
            (None, &["a.example", "a.example"], V::HTTP_11, Err(Several)),
            (None, &["a.example", "b.example"], V::HTTP_11, Err(Several)),
            (None, &["a.example, b.example"], V::HTTP_11, Err(Name)),
            (None, &["x@a.example"], V::HTTP_11, Err(Name)),
            (Some("a.example"), &["a.example"], V::HTTP_11, ok("a.example")),
            (Some("a.example"), &["A.EXAMPLE."], V::HTTP_11, ok("a.example")),
            (Some("a.example"), &["b.example"], V::HTTP_11, Err(Disagree)),
            (Some("a.example:80"), &["a.example"], V::HTTP_11, Err(Disagree)),
            (Some("a.example"), &[], V::HTTP_11, Err(Missing)),
            (Some("a.example"), &[""], V::HTTP_11, Err(Name)),
            (Some("a.example"), &[], V::HTTP_2, ok("a.example")),
            (None, &["a.example"], V::HTTP_2, ok("a.example")),
            (None, &[], V::HTTP_2, Err(Missing)),
            (Some("a.example"), &["a.example"], V::HTTP_2, ok("a.example")),
            (Some("a.example"), &["b.example"], V::HTTP_2, Err(Disagree)),
            (Some("a.example"), &["a.example", "a.example"], V::HTTP_2, Err(Several)),
            (Some("x@a.example"), &[], V::HTTP_2, Err(Name)),
            (Some("a.example:0"), &[], V::HTTP_2, Err(Port)),
            (Some("a.example"), &["a.example"], V::HTTP_3, ok("a.example")),
        ] {
            assert_eq!(asked(target, headers, version), expected, "{target:?} {headers:?}");
        }
        let latin = [b"a.ex\xe4mple".as_slice()];
        assert_eq!(request_authority(None, latin, V::HTTP_11), Err(Name));
    }

    #[test]
    fn origins_leave_out_the_port_that_goes_without_saying() {
        let origin = |text, scheme| Authority::parse(text).unwrap().origin(scheme);
        assert_eq!(origin("A.example:443", Scheme::Https), "https://a.example");
        assert_eq!(origin("a.example:443", Scheme::Http), "http://a.example:443");
        assert_eq!(origin("a.example:8443", Scheme::Https), "https://a.example:8443");
        assert_eq!(Authority::parse("a.example").unwrap().port_or_default(Scheme::Https), 443);
    }

    proptest! {
        #[test]
        fn t13_what_is_accepted_is_read_alike_by_the_url_crate(text in "[a-zA-Z0-9.:@\\[\\]_%/-]{1,24}") {
            if let Ok(authority) = Authority::parse(&text) {
                // Names that begin `xn--` may hold no valid A-label; those the crate refuses.
                if let Ok(url) = url::Url::parse(&format!("https://{text}/")) {
                    let host = url.host_str().unwrap();
                    prop_assert_eq!(host.strip_suffix('.').unwrap_or(host), authority.host());
                    let port = authority.port_or_default(Scheme::Https);
                    prop_assert_eq!(url.port_or_known_default(), Some(port));
                }
                let text = authority.to_string();
                prop_assert_eq!(Authority::parse(&text), Ok(authority));
            }
        }
    }
}
