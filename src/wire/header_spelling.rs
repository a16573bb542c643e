//! When two header names are one name to an application: CGI and its heirs (WSGI, PHP, Rack) do
//! not tell `X-User`, `x_user` and `X.User` apart, where HTTP does.

use http::HeaderName;

/// The bytes of `name` as a CGI-like application compares them: without blanks, in lower case, and
/// with `-` for every byte that is neither a letter nor a digit.
pub fn folded(name: &str) -> impl Iterator<Item = u8> + '_ {
    name.bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' })
}

/// Whether a CGI-like application takes two names for the same.
pub fn same(left: &str, right: &str) -> bool {
    folded(left).eq(folded(right))
}

/// Whether a CGI-like application reads `name` as one that begins with `prefix`. `prefix` is folded
/// already.
pub fn begins(name: &str, prefix: &str) -> bool {
    let mut name = folded(name);
    prefix.bytes().all(|byte| name.next() == Some(byte))
}

/// Whether a header name has an underscore, which is answered with 400: an application may take
/// `x_user` for `x-user`.
pub fn has_underscore(name: &HeaderName) -> bool {
    name.as_str().contains('_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t04_underscores_are_seen() {
        assert!(has_underscore(&HeaderName::from_static("x_user")));
        assert!(!has_underscore(&HeaderName::from_static("x-user")));
    }

    #[test]
    fn t04_names_are_compared_as_applications_compare_them() {
        for (left, right, expected) in [
            ("X-User", "x_user", true),
            (" X.User\t", "x-user", true),
            ("x-user", "x-users", false),
            ("xuser", "x-user", false),
        ] {
            assert_eq!(same(left, right), expected, "{left} {right}");
        }
        assert!(begins("X_User.Name", "x-user-"));
        assert!(!begins("X-User", "x-user-"));
    }
}
