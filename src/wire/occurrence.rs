//! How often something that may be there once is there. What comes twice is read by nobody: two
//! readers could choose different ones.

use http::HeaderName;
use http::header::{HeaderMap, HeaderValue};

/// How often a header or field is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurrence<T> {
    /// Not at all.
    Absent,
    /// Exactly once.
    Once(T),
    /// Twice or more.
    Repeated,
}

impl<T> Occurrence<T> {
    /// Counts `values`; looks at no more than two.
    pub fn of(values: impl IntoIterator<Item = T>) -> Self {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Absent,
            (Some(value), None) => Self::Once(value),
            (Some(_), Some(_)) => Self::Repeated,
        }
    }

    /// The value, where it is there exactly once.
    pub fn once(self) -> Option<T> {
        match self {
            Self::Once(value) => Some(value),
            Self::Absent | Self::Repeated => None,
        }
    }
}

/// How often a header is there.
pub fn of_header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Occurrence<&'a HeaderValue> {
    Occurrence::of(headers.get_all(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_once_is_once() {
        for (values, expected) in [
            (&[][..], Occurrence::Absent),
            (&[1], Occurrence::Once(1)),
            (&[1, 1], Occurrence::Repeated),
            (&[1, 2, 3], Occurrence::Repeated),
        ] {
            assert_eq!(Occurrence::of(values.iter().copied()), expected);
        }
    }
}
