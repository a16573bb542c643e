//! How often somebody met something, since when, and a few requests to go on with.

use std::fmt::Write as _;

use serde::{Serialize, Serializer};

use super::log::Known;
use super::text::counted;
use crate::base::log_text::for_log;
use crate::base::time::Timestamp;

/// Ids of requests that are kept, for `policy explain --id`.
const SAMPLES: usize = 3;

/// People that are named in a text; the others are counted.
const NAMED: usize = 20;

/// Lines of a log that are alike.
#[derive(Clone, Debug, Default)]
pub struct Occurrences {
    /// How many.
    pub count: u64,
    /// The first and the last of them.
    pub between: Option<(Timestamp, Timestamp)>,
    /// The first few requests.
    pub ids: Vec<String>,
}

impl Occurrences {
    /// One more.
    pub fn add(&mut self, at: Timestamp, id: &str) {
        self.count += 1;
        let (first, last) = self.between.unwrap_or((at, at));
        self.between = Some((first.min(at), last.max(at)));
        if self.ids.len() < SAMPLES && !id.is_empty() {
            self.ids.push(id.to_owned());
        }
    }
}

/// One person's part of what a report tells.
#[derive(Clone, Debug, Serialize)]
pub struct PersonCount {
    /// Their address as far as it was recorded, else `sub`; `None` where nobody was signed in.
    pub name: Option<String>,
    /// Apple's id of them.
    pub user: Option<String>,
    /// How many lines.
    pub count: u64,
    /// The first of them.
    #[serde(serialize_with = "moment")]
    pub first: Timestamp,
    /// The last of them.
    #[serde(serialize_with = "moment")]
    pub last: Timestamp,
    /// The first few requests, for `policy explain --id`.
    pub ids: Vec<String>,
}

impl PersonCount {
    /// The part of `known`, or of whoever was not signed in.
    pub fn of(known: Option<&Known>, lines: Occurrences) -> Self {
        let (first, last) = lines.between.unwrap_or((Timestamp(0), Timestamp(0)));
        Self {
            name: known.map(|known| known.name.clone()),
            user: known.map(|known| known.subject.to_string()),
            count: lines.count,
            first,
            last,
            ids: lines.ids,
        }
    }

    fn line(&self) -> String {
        let name = self.name.as_deref().unwrap_or("nobody signed in");
        let user = self.user.as_deref().filter(|user| *user != name);
        let user = user.map_or_else(String::new, |user| format!(" ({})", for_log(user)));
        let when = if self.count == 1 {
            format!("once, {}", self.first)
        } else {
            format!("{}, {} to {}", counted(self.count, "time"), self.first, self.last)
        };
        format!("{}{user}: {when}{}", for_log(name), ids(&self.ids))
    }
}

/// Who asked most comes first.
pub fn sort(people: &mut [PersonCount]) {
    people
        .sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.name.cmp(&other.name)));
}

/// A line for each of the first people.
pub fn tell(people: &[PersonCount], indent: &str, text: &mut String) {
    for person in people.iter().take(NAMED) {
        let _ = writeln!(text, "{indent}{}", person.line());
    }
    match people.len().saturating_sub(NAMED) {
        0 => {}
        1 => text.push_str(&format!("{indent}and 1 more person\n")),
        more => text.push_str(&format!("{indent}and {more} more people\n")),
    }
}

/// Ids of requests behind a line.
pub fn ids(ids: &[String]) -> String {
    if ids.is_empty() { String::new() } else { format!("; {}", for_log(&ids.join(" "))) }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn moment<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}
