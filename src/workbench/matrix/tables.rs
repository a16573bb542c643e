//! The matrix for a terminal and for a spreadsheet.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{ContentArrangement, Table};

use super::{Access, Cell, Matrix};
use crate::base::log_text::for_log;

/// The matrix as a table of text. The first line of a cell is what comes out, the second why.
pub fn human(matrix: &Matrix, width: Option<u16>) -> String {
    let mut table = plain(width);
    let heads = matrix.columns.iter().map(|column| for_log(&column.route).into_owned());
    table.set_header(std::iter::once(String::new()).chain(heads));
    for row in &matrix.rows {
        let cells = row.cells.iter().map(shown);
        table.add_row(std::iter::once(for_log(&row.person).into_owned()).chain(cells));
    }
    format!("{}\n\n{}", trimmed(&table), summary(matrix))
}

fn shown(cell: &Cell) -> String {
    match cell.outcome {
        // What is expected is short; what is in the way says why.
        Access::SignIn => Access::SignIn.as_str().to_owned(),
        outcome => {
            format!("{}\n{}", outcome.as_str(), cell.reasons.join("\n")).trim_end().to_owned()
        }
    }
}

fn summary(matrix: &Matrix) -> String {
    let everybody = matrix.rows.len();
    let mut text = String::new();
    for (index, column) in matrix.columns.iter().enumerate() {
        let with = |word: Access| {
            let cells = matrix.rows.iter().filter_map(|row| row.cells.get(index));
            cells.filter(|cell| cell.outcome == word).count()
        };
        let unknown = match with(Access::Unknown) {
            0 => String::new(),
            unknown => format!(", unknown of {unknown}"),
        };
        text += &format!(
            "{} ({}): {} of {everybody} pass{unknown}\n",
            for_log(&column.route),
            for_log(&column.url),
            with(Access::Allow)
        );
    }
    text
}

/// A table with room for `width` columns; as wide as it needs where nobody knows.
pub(super) fn plain(width: Option<u16>) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    table
}

/// Without blanks at the ends of lines.
pub(super) fn trimmed(table: &Table) -> String {
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// The matrix as CSV: a line of routes, then a line for each person; `deny: domain-unauthorized`.
pub fn csv(matrix: &Matrix) -> String {
    let mut rows = vec![
        std::iter::once("person")
            .chain(matrix.columns.iter().map(|column| column.route.as_str()))
            .map(str::to_owned)
            .collect(),
    ];
    for row in &matrix.rows {
        let cells = row.cells.iter().map(|cell| match cell.reasons.as_slice() {
            [] => cell.outcome.as_str().to_owned(),
            reasons => format!("{}: {}", cell.outcome.as_str(), reasons.join(" ")),
        });
        rows.push(std::iter::once(row.person.clone()).chain(cells).collect());
    }
    written(rows)
}

/// Writes CSV. Security: a spreadsheet takes a cell that begins with one of these for a formula, and
/// names come from outside; an apostrophe makes it text.
pub(super) fn written(rows: Vec<Vec<String>>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        let cells = row.into_iter().map(|cell| {
            let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
            if formula { format!("'{cell}") } else { cell }
        });
        // Writing to memory does not fail, and every row has as many cells.
        let _written = writer.write_record(cells);
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}
