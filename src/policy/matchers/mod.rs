//! What a value is compared with: matchers of text and matchers of lists.
//!
//! Several operators in one matcher must all hold. Types are strict: the number 1 is not the text
//! "1".

mod letters;
mod list;
mod pattern;
mod text;

pub(super) use letters::Letters;
pub(super) use list::{ListMatcher, ListOperator, ListTest, Single};

pub(super) use text::{TextMatcher, TextOperator};

use super::codes;
use super::written::Written;
use crate::base::diagnostic::Diagnostics;
use crate::base::near::nearest;
use crate::base::node::Node;

/// Reads every operator of a matcher, so that all its faults are told.
fn read_all<T>(
    entries: &[(Node, Node)],
    written: &Written<'_>,
    diagnostics: &mut Diagnostics,
    mut read: impl FnMut(&Node, &Node, &mut Diagnostics) -> Option<T>,
) -> Option<Vec<T>> {
    if entries.is_empty() {
        diagnostics.error(
            codes::DATA,
            written.data.place,
            format!("`{}` has an empty matcher", written.key),
            "write what it is compared with",
        );
        return None;
    }
    let tests: Vec<_> = entries.iter().map(|(key, value)| read(key, value, diagnostics)).collect();
    tests.into_iter().collect()
}

/// The operator with the name that `key` holds.
fn operator<O: Copy>(
    key: &Node,
    all: &[O],
    word: fn(O) -> &'static str,
    diagnostics: &mut Diagnostics,
) -> Option<O> {
    let name = key.text().unwrap_or_default();
    if let Some(operator) = all.iter().copied().find(|operator| word(*operator) == name) {
        return Some(operator);
    }
    let words: Vec<&str> = all.iter().copied().map(word).collect();
    let help = match (name, nearest(name, words.iter().copied())) {
        ("strict", _) => "this is compared exactly anyway; remove it".to_owned(),
        ("regex" | "regexp" | "pattern" | "like" | "glob", _) => {
            "did you mean `matches`?".to_owned()
        }
        (_, Some(near)) => format!("did you mean `{near}`?"),
        (_, None) => format!("here you can write {}", words.join(", ")),
    };
    let message = format!("there is no operator `{name}` here");
    diagnostics.error(codes::UNKNOWN_MATCHER, key.place, message, help);
    None
}
