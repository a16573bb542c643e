//! The matrix as one page: no script, nothing from elsewhere, light and dark.

use askama::Template;

use super::change::{heading, line};
use super::{Access, Cell, Change, Changed, Column, Matrix};
use crate::base::time::Timestamp;

#[derive(Template)]
#[template(path = "workbench_matrix.html")]
struct Page<'a> {
    title: &'a str,
    made: String,
    columns: &'a [Column],
    rows: Vec<Row<'a>>,
    totals: Vec<String>,
    changes: Vec<Shown<'a>>,
    is_diff: bool,
}

struct Row<'a> {
    person: &'a str,
    cells: Vec<(&'static str, &'static str, String)>,
}

struct Shown<'a> {
    class: &'static str,
    heading: &'static str,
    change: &'a Change,
    was: String,
    is: String,
}

/// The matrix as a page.
pub fn html(matrix: &Matrix, now: Timestamp) -> String {
    let everybody = matrix.rows.len();
    let totals = matrix.columns.iter().enumerate().map(|(index, _)| {
        let cells = matrix.rows.iter().filter_map(|row| row.cells.get(index));
        let pass = cells.filter(|cell| cell.outcome == Access::Allow).count();
        format!("{pass} of {everybody}")
    });
    let rows = matrix
        .rows
        .iter()
        .map(|row| Row { person: &row.person, cells: row.cells.iter().map(shown).collect() });
    let page = Page {
        title: "Who can reach what",
        made: now.to_string(),
        columns: &matrix.columns,
        rows: rows.collect(),
        totals: totals.collect(),
        changes: Vec::new(),
        is_diff: false,
    };
    page.render().unwrap_or_default()
}

/// The changes as a page.
pub fn changes_html(changes: &[Change], now: Timestamp) -> String {
    let shown = changes.iter().map(|change| Shown {
        class: match change.changed {
            Changed::Gains => "allow",
            Changed::Loses => "deny",
            Changed::Other => "sign_in",
            Changed::Unknown => "unknown",
        },
        heading: heading(change.changed),
        change,
        was: line(change.was.as_ref()),
        is: line(change.is.as_ref()),
    });
    let page = Page {
        title: "Who gains and who loses what",
        made: now.to_string(),
        columns: &[],
        rows: Vec::new(),
        totals: Vec::new(),
        changes: shown.collect(),
        is_diff: true,
    };
    page.render().unwrap_or_default()
}

/// Class, sign and reasons. The sign tells the outcome without its colour.
fn shown(cell: &Cell) -> (&'static str, &'static str, String) {
    let sign = match cell.outcome {
        Access::Allow => "✓",
        Access::SignIn => "→",
        Access::Deny => "✗",
        Access::Unknown => "?",
    };
    (cell.outcome.as_str(), sign, cell.reasons.join(" "))
}
