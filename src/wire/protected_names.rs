//! The header names that no client may send to an application: the only list of them.
//!
//! The gateway removes them ([`Protected`]), the snippets of `russet check --for` have other proxies
//! remove them, the answer to Envoy's gRPC names them, and the tests forge each of them.

use http::header::{AUTHORIZATION, HeaderMap};
use http::{HeaderName, HeaderValue};

use super::header_spelling::{begins, folded, same};

/// What an application could believe such a header about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Who asks.
    Person,
    /// From which address, over which connection.
    Origin,
    /// What is asked for: host, path or method as a proxy describes them.
    Target,
    /// A method other than that of the request line. Where no policy reads the method, the gateway
    /// leaves these to the application, because some need them.
    Method,
}

/// One row: a name, or all names that begin in the same way.
#[derive(Clone, Copy, Debug)]
pub enum Row {
    /// This name alone.
    Exact(&'static str, Meaning),
    /// Every name that begins with `prefix`, which ends with a hyphen.
    Prefix {
        /// What the names begin with.
        prefix: &'static str,
        /// The members that programs are known to write or to believe. A proxy that cannot remove
        /// by prefix removes these.
        known: &'static [(&'static str, Meaning)],
    },
}

use Meaning::{Method, Origin, Person, Target};
use Row::{Exact, Prefix};

/// Every row.
pub const TABLE: &[Row] = &[
    Prefix {
        prefix: "X-Pomerium-",
        known: &[
            ("X-Pomerium-Authorization", Person),
            ("X-Pomerium-Claim-Email", Person),
            ("X-Pomerium-Claim-Groups", Person),
            ("X-Pomerium-Claim-Name", Person),
            ("X-Pomerium-Claim-Sub", Person),
            ("X-Pomerium-Claim-User", Person),
            ("X-Pomerium-Jwt-Assertion", Person),
            ("X-Pomerium-Jwt-Assertion-For", Person),
            ("X-Pomerium-Reproxy-Policy", Target),
            ("X-Pomerium-Routing-Key", Target),
        ],
    },
    // Russet writes none of them by itself: these are what an operator is likely to choose.
    Prefix {
        prefix: "X-Russet-",
        known: &[
            ("X-Russet-Email", Person),
            ("X-Russet-Groups", Person),
            ("X-Russet-User", Person),
        ],
    },
    // oauth2-proxy, `set_xauthrequest`.
    Prefix {
        prefix: "X-Auth-Request-",
        known: &[
            ("X-Auth-Request-Access-Token", Person),
            ("X-Auth-Request-Email", Person),
            ("X-Auth-Request-Groups", Person),
            ("X-Auth-Request-Preferred-Username", Person),
            ("X-Auth-Request-Redirect", Target),
            ("X-Auth-Request-User", Person),
        ],
    },
    Prefix {
        prefix: "X-Envoy-",
        known: &[
            ("X-Envoy-External-Address", Origin),
            ("X-Envoy-Internal", Origin),
            ("X-Envoy-Original-Dst-Host", Target),
            ("X-Envoy-Original-Host", Target),
            ("X-Envoy-Original-Path", Target),
        ],
    },
    Prefix {
        prefix: "X-Original-",
        known: &[
            ("X-Original-Forwarded-For", Origin),
            ("X-Original-Host", Target),
            ("X-Original-Method", Target),
            ("X-Original-URI", Target),
            ("X-Original-URL", Target),
        ],
    },
    Prefix {
        prefix: "X-Forwarded-",
        known: &[
            ("X-Forwarded-Access-Token", Person),
            ("X-Forwarded-Client-Cert", Person),
            ("X-Forwarded-Email", Person),
            ("X-Forwarded-Groups", Person),
            ("X-Forwarded-Method", Target),
            ("X-Forwarded-Path", Target),
            ("X-Forwarded-Preferred-Username", Person),
            ("X-Forwarded-Prefix", Target),
            ("X-Forwarded-Scheme", Target),
            ("X-Forwarded-Server", Target),
            ("X-Forwarded-Ssl", Origin),
            ("X-Forwarded-Tls-Client-Cert", Person),
            ("X-Forwarded-Tls-Client-Cert-Info", Person),
            ("X-Forwarded-Uri", Target),
            ("X-Forwarded-User", Person),
        ],
    },
    Exact("Forwarded", Origin),
    Exact("Remote-Email", Person),
    Exact("Remote-Groups", Person),
    Exact("Remote-Name", Person),
    Exact("Remote-User", Person),
    Exact("X-Real-IP", Origin),
    Exact("X-Rewrite-URL", Target),
    Exact("X-HTTP-Method", Method),
    Exact("X-HTTP-Method-Override", Method),
    Exact("X-Method", Method),
    Exact("X-Method-Override", Method),
];

/// The members of the `X-Forwarded-` family that whoever passes a request on writes anew: the
/// gateway by [`super::forwarded`], which reads `X-Forwarded-For` first. In exactly this spelling
/// they are not [`Protected`].
pub const WRITTEN_ANEW: [&str; 4] =
    ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto"];

/// The single names of the table.
pub fn exact_names() -> impl Iterator<Item = (&'static str, Meaning)> {
    TABLE.iter().filter_map(|row| match row {
        Exact(name, meaning) => Some((*name, *meaning)),
        Prefix { .. } => None,
    })
}

/// What the names of whole families begin with.
pub fn prefixes() -> impl Iterator<Item = &'static str> {
    TABLE.iter().filter_map(|row| match row {
        Prefix { prefix, .. } => Some(*prefix),
        Exact(..) => None,
    })
}

/// Every whole name that is known: the single ones, and the known members of the families.
pub fn known_names() -> impl Iterator<Item = (&'static str, Meaning)> {
    let members = TABLE.iter().flat_map(|row| match row {
        Prefix { known, .. } => *known,
        Exact(..) => &[],
    });
    exact_names().chain(members.copied())
}

/// The names that only Russet may write to an application. Made once for each plan.
#[derive(Clone, Debug)]
pub struct Protected {
    /// All of these are folded.
    prefixes: Box<[Box<str>]>,
    names: Box<[Box<str>]>,
    /// In lower case.
    written_anew: [Box<str>; 4],
}

impl Protected {
    /// The table without its [`Meaning::Method`] rows, and `extra_names`: the header names of
    /// `jwt_claims_headers` and what else Russet writes for an application.
    pub fn new<'a>(extra_names: impl IntoIterator<Item = &'a str>) -> Self {
        let fold = |name: &str| folded(name).map(char::from).collect::<String>().into_boxed_str();
        let written_anew = WRITTEN_ANEW.map(fold);
        let exact = exact_names().filter(|(_, meaning)| *meaning != Method).map(|(name, _)| name);
        let mut names: Vec<_> = exact.chain(extra_names).map(fold).collect();
        names.retain(|name| !name.is_empty() && !written_anew.contains(name));
        names.sort_unstable();
        names.dedup();
        let prefixes = prefixes().map(fold).collect();
        Self { prefixes, names: names.into(), written_anew }
    }

    /// Whether a header of this name must not come from a client. `X-Forwarded-For`, `-Proto`,
    /// `-Host` and `-Port`, spelt exactly so, are left to [`super::forwarded`].
    pub fn is_protected(&self, name: &HeaderName) -> bool {
        let name = name.as_str();
        // A `HeaderName` has no blanks, so names of different lengths never fold together.
        let is = |one: &str| one.len() == name.len() && folded(name).eq(one.bytes());
        let listed = self.prefixes.iter().any(|prefix| begins(name, prefix))
            || self.names.iter().any(|one| is(one));
        listed && !self.written_anew.iter().any(|one| **one == *name)
    }

    /// Removes every protected header, before Russet's own are added. Tokens in `Authorization`
    /// that are meant for Russet go too.
    pub fn remove_from(&self, headers: &mut HeaderMap) {
        remove_where(headers, |name| self.is_protected(name));
        let values = headers.get_all(AUTHORIZATION);
        if values.iter().any(is_for_us) {
            headers.remove(AUTHORIZATION);
        }
    }
}

/// Whether an application may take this header for another method than that of the request line.
pub fn overrides_method(name: &HeaderName) -> bool {
    exact_names().any(|(row, meaning)| meaning == Method && same(row, name.as_str()))
}

/// Removes the headers that would make an application see another method than the one that was
/// decided on, in every spelling: for routes whose policy reads the method (T46).
pub fn remove_method_overrides(headers: &mut HeaderMap) {
    remove_where(headers, overrides_method);
}

fn remove_where(headers: &mut HeaderMap, goes: impl Fn(&HeaderName) -> bool) {
    let names: Vec<HeaderName> = headers.keys().filter(|name| goes(name)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// Whether an `Authorization` value carries a session the way Pomerium's clients do
/// (`Pomerium TOKEN`, `Bearer Pomerium-TOKEN`). A session is taken from the cookie alone.
fn is_for_us(value: &HeaderValue) -> bool {
    let Ok(value) = std::str::from_utf8(value.as_bytes()) else { return false };
    let mut words = value.split_ascii_whitespace();
    let scheme = words.next().unwrap_or_default();
    let token = words.next().unwrap_or_default();
    let named = token.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("pomerium-"));
    scheme.eq_ignore_ascii_case("pomerium") || (scheme.eq_ignore_ascii_case("bearer") && named)
}

#[cfg(test)]
mod tests {
    use http::header::HOST;
    use proptest::prelude::*;

    use super::*;

    /// A member of every family that nobody knows, and a name of the configuration.
    const UNKNOWN: [&str; 7] = [
        "X-Pomerium-Anything",
        "X-Russet-Anything",
        "X-Auth-Request-Anything",
        "X-Envoy-Anything",
        "X-Original-Anything",
        "X-Forwarded-Anything",
        "X-Employee-Number",
    ];

    /// Everything that must never come from a client, whatever a policy reads.
    fn ours() -> Vec<&'static str> {
        let table = known_names().filter(|(_, meaning)| *meaning != Method).map(|(name, _)| name);
        table.chain(UNKNOWN).collect()
    }

    fn protected() -> Protected {
        Protected::new(["X-Employee_Number", "X-Forwarded-For"])
    }

    fn is_protected(name: &str) -> bool {
        protected().is_protected(&HeaderName::try_from(name).unwrap())
    }

    #[test]
    fn the_table_says_nothing_twice_and_members_begin_like_their_family() {
        let mut names: Vec<String> =
            known_names().map(|(name, _)| name.to_ascii_lowercase()).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        for row in TABLE {
            if let Prefix { prefix, known } = row {
                assert!(prefix.ends_with('-') && !known.is_empty(), "{prefix}");
                for (name, _) in *known {
                    assert!(name.starts_with(prefix) && name != prefix, "{name}");
                    assert!(!WRITTEN_ANEW.contains(name), "{name}");
                }
            }
        }
    }

    /// What the documentation promises, written down a second time so that no row is lost.
    #[test]
    fn t04_every_name_that_is_promised_is_in_the_table() {
        let prefixes: Vec<_> = prefixes().map(str::to_ascii_lowercase).collect();
        for promised in [
            "x-pomerium-",
            "x-russet-",
            "x-auth-request-",
            "x-envoy-",
            "x-original-",
            "x-forwarded-",
        ] {
            assert!(prefixes.iter().any(|prefix| prefix == promised), "{promised}");
        }
        for promised in [
            "remote-user",
            "remote-email",
            "remote-groups",
            "remote-name",
            "x-rewrite-url",
            "x-real-ip",
            "forwarded",
            "x-http-method-override",
            "x-http-method",
            "x-method-override",
            "x-method",
        ] {
            assert!(exact_names().any(|(name, _)| same(name, promised)), "{promised}");
        }
    }

    #[test]
    fn t04_our_names_are_protected_and_similar_ones_are_not() {
        for name in ours() {
            assert!(is_protected(name), "{name}");
        }
        for odd in [
            "Remote.User",
            "X.Russet-Email",
            "REMOTE_USER",
            "x_forwarded_for",
            "X-Forwarded.For",
            "x!pomerium~jwt*assertion",
            "x_real.ip",
            "X.Employee.Number",
        ] {
            assert!(is_protected(odd), "{odd}");
        }
        for other in [
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-host",
            "x-forwarded-port",
            "remote-users",
            "x-pomerium",
            "xpomerium-a",
            "x-request-id",
            "host",
            "cookie",
            "authorization",
            "accept",
            "x-employee-numbers",
            "x-employee",
            "remote",
            "x-http-method-override",
        ] {
            assert!(!is_protected(other), "{other}");
        }
    }

    #[test]
    fn t04_removal_takes_every_value_and_nothing_else() {
        let mut headers = HeaderMap::new();
        for name in ours() {
            let name = HeaderName::try_from(name).unwrap();
            headers.append(&name, HeaderValue::from_static("forged"));
            headers.append(&name, HeaderValue::from_static("again"));
        }
        headers.insert(HOST, HeaderValue::from_static("a.example"));
        headers.insert("x-forwarded-for", HeaderValue::from_static("192.0.2.1"));
        protected().remove_from(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["host", "x-forwarded-for"]);
    }

    #[test]
    fn t46_headers_that_override_the_method_go() {
        let mut headers = HeaderMap::new();
        for name in [
            "x-http-method-override",
            "x-http-method",
            "x-method-override",
            "x-method",
            "x_http_method_override",
            "x.http.method",
            "X-HTTP_Method.Override",
        ] {
            let name = HeaderName::try_from(name).unwrap();
            headers.append(name, HeaderValue::from_static("DELETE"));
        }
        headers.append("x-http-methods", HeaderValue::from_static("stays"));
        remove_method_overrides(&mut headers);
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn w8_tokens_meant_for_pomerium_do_not_reach_an_application() {
        for (value, stays) in [
            ("Pomerium abc", false),
            ("POMERIUM abc", false),
            ("Pomerium", false),
            ("Bearer Pomerium-abc", false),
            ("bearer  pomerium-abc", false),
            ("Bearer abc", true),
            ("Bearer pomerium", true),
            ("Basic UG9tZXJpdW0=", true),
            ("Pomeriums abc", true),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            protected().remove_from(&mut headers);
            assert_eq!(headers.contains_key(AUTHORIZATION), stays, "{value}");
        }
    }

    #[test]
    fn w9_w10_nothing_of_the_x_pomerium_family_comes_from_a_client() {
        for name in [
            "x-pomerium-claim-foo",
            "x-pomerium-claim-is_private_email",
            "x-pomerium-jwt-assertion-for",
            "x-pomerium-jwt-assertion",
            "x-pomerium-",
        ] {
            assert!(Protected::new([]).is_protected(&HeaderName::from_static(name)), "{name}");
        }
    }

    proptest! {
        #[test]
        fn t04_every_folding_of_our_names_is_protected(
            name in proptest::sample::select(ours()),
            separators in proptest::collection::vec(proptest::sample::select(vec!['-', '_', '.']), 8),
            capitals in any::<u64>(),
        ) {
            let mut separators = separators.into_iter().cycle();
            let spelt: String = name.chars().enumerate().map(|(index, letter)| match letter {
                '-' => separators.next().unwrap(),
                _ if capitals >> index & 1 == 1 => letter.to_ascii_uppercase(),
                _ => letter,
            }).collect();
            prop_assert!(same(&spelt, name));
            let padded = format!(" {spelt}\t");
            prop_assert!(same(&padded, name));
            prop_assert!(is_protected(&spelt), "{}", spelt);
        }
    }
}
