//! Whether upper and lower case are told apart, and comparing texts either way.

use std::cmp::Ordering;

/// Whether the case of ASCII letters counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Letters {
    /// It does.
    Exact,
    /// It does not, as in addresses and domains.
    AnyCase,
}

impl Letters {
    pub(super) fn fold(self, mut text: Box<str>) -> Box<str> {
        if self == Self::AnyCase {
            text.make_ascii_lowercase();
        }
        text
    }

    /// Orders a folded text and one as it was seen; byte by byte, as texts are sorted.
    pub(super) fn compare(self, folded: &str, seen: &str) -> Ordering {
        match self {
            Self::Exact => folded.cmp(seen),
            Self::AnyCase => folded.bytes().cmp(seen.bytes().map(|b| b.to_ascii_lowercase())),
        }
    }

    pub(super) fn contains(self, seen: &str, part: &str) -> bool {
        match self {
            Self::Exact => seen.contains(part),
            Self::AnyCase => {
                let part = part.as_bytes();
                // `windows` takes no zero.
                let size = part.len().max(1);
                part.is_empty()
                    || seen.as_bytes().windows(size).any(|bytes| bytes.eq_ignore_ascii_case(part))
            }
        }
    }

    pub(super) fn starts_with(self, seen: &str, part: &str) -> bool {
        self.same(seen.as_bytes().get(..part.len()), part)
    }

    pub(super) fn ends_with(self, seen: &str, part: &str) -> bool {
        let start = seen.len().checked_sub(part.len());
        self.same(start.and_then(|start| seen.as_bytes().get(start..)), part)
    }

    fn same(self, seen: Option<&[u8]>, part: &str) -> bool {
        seen.is_some_and(|seen| match self {
            Self::Exact => seen == part.as_bytes(),
            Self::AnyCase => seen.eq_ignore_ascii_case(part.as_bytes()),
        })
    }
}
