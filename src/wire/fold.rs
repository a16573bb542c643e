//! Header names that only Russet may write, in every spelling that an application could take for
//! them: CGI and its heirs (WSGI, PHP, Rack) know one name where HTTP knows many.

use http::header::HeaderMap;
use http::{HeaderName, HeaderValue};

/// Names of whole families; nothing that begins so ever comes from a client.
const PREFIXES: [&str; 6] =
    ["x-pomerium-", "x-russet-", "x-auth-request-", "x-envoy-", "x-original-", "x-forwarded-"];

/// The members of the `x-forwarded-` family that [`super::forwarded`] reads and writes anew. Only
/// in this very spelling are they left for it.
const FORWARDED: [&str; 4] =
    ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"];

/// Single names, folded.
const NAMES: [&str; 7] = [
    "remote-user",
    "remote-email",
    "remote-groups",
    "remote-name",
    "x-rewrite-url",
    "x-real-ip",
    "forwarded",
];

/// The bytes of `name` as a CGI-like application compares them: without blanks, in lower case,
/// everything that is no letter or digit as `-`.
pub fn folded(name: &str) -> impl Iterator<Item = u8> + '_ {
    name.bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' })
}

/// Whether two names are one to a CGI-like application.
pub fn same(left: &str, right: &str) -> bool {
    folded(left).eq(folded(right))
}

/// Whether `name` begins with `prefix`, which is folded, for a CGI-like application.
fn begins(name: &str, prefix: &str) -> bool {
    let mut name = folded(name);
    prefix.bytes().all(|byte| name.next() == Some(byte))
}

/// Whether a header name holds an underscore, which is 400 unless the operator chose otherwise:
/// an application may take `x_user` for `x-user`.
pub fn has_underscore(name: &HeaderName) -> bool {
    name.as_str().contains('_')
}

/// The names that only Russet may write. Made once for each plan.
#[derive(Clone, Debug)]
pub struct Protected {
    /// Folded names beside [`NAMES`].
    extra: Box<[Box<str>]>,
}

impl Protected {
    /// Ours, and `extra_names`: the header names of `jwt_claims_headers` and what else Russet
    /// writes for an application.
    pub fn new<'a>(extra_names: impl IntoIterator<Item = &'a str>) -> Self {
        let fold = |name: &str| folded(name).map(char::from).collect::<String>().into_boxed_str();
        let mut extra: Vec<_> = extra_names.into_iter().map(fold).collect();
        extra.retain(|name| !name.is_empty() && !FORWARDED.contains(&&**name));
        extra.sort_unstable();
        extra.dedup();
        Self { extra: extra.into() }
    }

    /// Whether a header of this name must not come from a client. `X-Forwarded-For`, `-Proto`,
    /// `-Host` and `-Port`, spelt exactly so, are left to [`super::forwarded`].
    pub fn is_protected(&self, name: &HeaderName) -> bool {
        let name = name.as_str();
        // A `HeaderName` has no blanks, so names of different lengths never fold together.
        let mut single = NAMES.iter().copied().chain(self.extra.iter().map(|ours| &**ours));
        let ours = PREFIXES.iter().any(|prefix| begins(name, prefix))
            || single.any(|ours| ours.len() == name.len() && folded(name).eq(ours.bytes()));
        ours && !FORWARDED.contains(&name)
    }

    /// Removes every protected header, before ours are added. Tokens in `Authorization` that
    /// would be meant for us go too.
    pub fn remove_from(&self, headers: &mut HeaderMap) {
        let names: Vec<HeaderName> =
            headers.keys().filter(|name| self.is_protected(name)).cloned().collect();
        for name in names {
            headers.remove(name);
        }
        let values = headers.get_all(http::header::AUTHORIZATION);
        if values.iter().any(is_for_us) {
            headers.remove(http::header::AUTHORIZATION);
        }
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
    use http::header::{AUTHORIZATION, HOST};
    use proptest::prelude::*;

    use super::*;

    /// Everything that must never come from a client, spelt as we would send it.
    const OURS: [&str; 24] = [
        "x-pomerium-jwt-assertion",
        "x-pomerium-claim-email",
        "x-pomerium-authorization",
        "x-pomerium-anything",
        "x-russet-email",
        "x-auth-request-user",
        "x-auth-request-email",
        "x-envoy-original-path",
        "x-envoy-external-address",
        "x-original-url",
        "x-original-method",
        "x-forwarded-user",
        "x-forwarded-email",
        "x-forwarded-groups",
        "x-forwarded-preferred-username",
        "x-forwarded-prefix",
        "x-forwarded-uri",
        "remote-user",
        "remote-email",
        "remote-groups",
        "remote-name",
        "x-rewrite-url",
        "forwarded",
        "x-employee-number",
    ];

    fn protected() -> Protected {
        Protected::new(["X-Employee_Number", "X-Forwarded-For"])
    }

    fn is_protected(name: &str) -> bool {
        protected().is_protected(&HeaderName::try_from(name).unwrap())
    }

    #[test]
    fn t04_our_names_are_protected_and_neighbours_are_not() {
        for name in OURS {
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
        ] {
            assert!(!is_protected(other), "{other}");
        }
    }

    #[test]
    fn t04_removal_takes_every_value_and_nothing_else() {
        let mut headers = HeaderMap::new();
        for name in OURS {
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

    #[test]
    fn t04_underscores_are_seen() {
        assert!(has_underscore(&HeaderName::from_static("x_user")));
        assert!(!has_underscore(&HeaderName::from_static("x-user")));
    }

    proptest! {
        #[test]
        fn t04_every_folding_of_our_names_is_protected(
            name in proptest::sample::select(OURS.to_vec()),
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
