//! Who gains and who loses what between two configurations.

use std::fmt::Write as _;

use serde::Serialize;

use super::tables::written;
use super::{Access, Cell, Matrix};
use crate::base::log_text::for_log;

/// What becomes of somebody at a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Changed {
    /// They pass, and did not.
    Gains,
    /// They do not pass any more.
    Loses,
    /// They are asked to sign in and were refused, or the other way round.
    Other,
    /// It depends on what is not known of them.
    Unknown,
}

impl Changed {
    const ALL: [Self; 4] = [Self::Gains, Self::Loses, Self::Other, Self::Unknown];

    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gains => "gains",
            Self::Loses => "loses",
            Self::Other => "other",
            Self::Unknown => "unknown",
        }
    }
}

/// One cell that is not what it was.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// In which way.
    pub changed: Changed,
    /// Whose it is.
    pub person: String,
    /// Of which route.
    pub route: String,
    /// What it was; `None` where the route is new.
    pub was: Option<Cell>,
    /// What it is; `None` where the route is gone.
    pub is: Option<Cell>,
}

/// The cells that differ, gains first. Rows and routes are found by their names.
pub fn changes(old: &Matrix, new: &Matrix) -> Vec<Change> {
    let routes = |matrix: &Matrix| -> Vec<String> {
        matrix.columns.iter().map(|column| column.route.clone()).collect()
    };
    let (before, after) = (routes(old), routes(new));
    let every = after.iter().chain(before.iter().filter(|route| !after.contains(route)));
    let mut changes = Vec::new();
    for route in every {
        let at = |routes: &[String]| routes.iter().position(|known| known == route);
        let (was, is) = (at(&before), at(&after));
        // The same people stand in both, in the same order.
        for (old, new) in old.rows.iter().zip(&new.rows) {
            let was = was.and_then(|at| old.cells.get(at)).cloned();
            let is = is.and_then(|at| new.cells.get(at)).cloned();
            if let Some(changed) = changed(was.as_ref(), is.as_ref()) {
                let (person, route) = (new.person.clone(), route.clone());
                changes.push(Change { changed, person, route, was, is });
            }
        }
    }
    changes.sort_by_key(|change| change.changed);
    changes
}

fn changed(was: Option<&Cell>, is: Option<&Cell>) -> Option<Changed> {
    // Without a route nobody passes.
    let outcome = |cell: Option<&Cell>| cell.map_or(Access::Deny, |cell| cell.outcome);
    match (outcome(was), outcome(is)) {
        (was, is) if was == is && was != Access::Unknown => None,
        // The same question about the same unknown fact.
        (Access::Unknown, Access::Unknown) => (was.map(|cell| &cell.reasons)
            != is.map(|cell| &cell.reasons))
        .then_some(Changed::Unknown),
        (Access::Unknown, _) | (_, Access::Unknown) => Some(Changed::Unknown),
        (_, Access::Allow) => Some(Changed::Gains),
        (Access::Allow, _) => Some(Changed::Loses),
        _ => Some(Changed::Other),
    }
}

/// What a cell says, in one line.
pub(super) fn line(cell: Option<&Cell>) -> String {
    match cell {
        None => "no route".to_owned(),
        Some(cell) if cell.reasons.is_empty() => cell.outcome.as_str().to_owned(),
        Some(cell) => format!("{} ({})", cell.outcome.as_str(), cell.reasons.join(" ")),
    }
}

/// Heading of a kind of change.
pub(super) fn heading(changed: Changed) -> &'static str {
    match changed {
        Changed::Gains => "gain access",
        Changed::Loses => "lose access",
        Changed::Other => "are answered otherwise",
        Changed::Unknown => "cannot be decided, because facts are missing",
    }
}

/// The changes as text.
pub fn changes_human(changes: &[Change]) -> String {
    let mut text = String::new();
    for changed in Changed::ALL {
        let of_kind: Vec<_> = changes.iter().filter(|change| change.changed == changed).collect();
        if of_kind.is_empty() {
            continue;
        }
        let _ = writeln!(text, "{}:", heading(changed));
        for change in of_kind {
            let _ = writeln!(
                text,
                "  {} at {}: was {}, is {}",
                for_log(&change.person),
                for_log(&change.route),
                line(change.was.as_ref()),
                line(change.is.as_ref())
            );
        }
        text.push('\n');
    }
    let counts: Vec<String> = Changed::ALL
        .into_iter()
        .map(|kind| (changes.iter().filter(|change| change.changed == kind).count(), heading(kind)))
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    if counts.is_empty() {
        return "everybody meets what they met before\n".to_owned();
    }
    text + &counts.join(", ") + "\n"
}

/// The changes as CSV.
pub fn changes_csv(changes: &[Change]) -> String {
    let head = ["change", "person", "route", "was", "is"].map(str::to_owned).to_vec();
    let rows = changes.iter().map(|change| {
        vec![
            change.changed.as_str().to_owned(),
            change.person.clone(),
            change.route.clone(),
            line(change.was.as_ref()),
            line(change.is.as_ref()),
        ]
    });
    written(std::iter::once(head).chain(rows).collect())
}
