//! Reads the tables of a Markdown file.

use crate::run::{Outcome, fail};

/// The rows of the table with these columns. Cells are trimmed and not empty. `path` is for error
/// messages.
pub(super) fn rows<const COLUMNS: usize>(
    path: &str,
    text: &str,
    columns: [&str; COLUMNS],
) -> Outcome<Vec<[String; COLUMNS]>> {
    let mut lines = text.lines().zip(1..).skip_while(|(line, _)| cells(line).as_deref() != Some(&columns[..]));
    if lines.next().is_none() {
        return fail(format!("{path}: no table with the columns {}", columns.join(", ")));
    }
    let mut rows = Vec::new();
    // The second line of a table is the separator.
    for (line, number) in lines.skip(1) {
        let Some(cells) = cells(line) else { break };
        let Ok(row) = <[&str; COLUMNS]>::try_from(cells) else {
            return fail(format!("{path}:{number}: not {COLUMNS} cells; no cell may hold a |"));
        };
        if row.contains(&"") {
            return fail(format!("{path}:{number}: a cell is empty"));
        }
        rows.push(row.map(str::to_owned));
    }
    if rows.is_empty() {
        fail(format!("{path}: the table with the columns {} has no rows", columns.join(", ")))
    } else {
        Ok(rows)
    }
}

/// The cells of a line of a table.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inside = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inside.split('|').map(str::trim).collect())
}

/// A name in backticks: words of lower-case letters and digits, joined by `_`.
pub(super) fn name(path: &str, cell: &str) -> Outcome<String> {
    let inside = cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')).unwrap_or_default();
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
    };
    if inside.split('_').all(is_word) {
        Ok(inside.to_owned())
    } else {
        fail(format!("{path}: {cell}: must be words of small letters joined by _, between backticks"))
    }
}

#[cfg(test)]
mod tests {
    use super::{name, rows};

    const TEXT: &str = "# A\n\n| a | b |\n|---|---|\n| `x_y` | what it is |\n|2|  3 |\n\n| a |\n|---|\n| other |\n";

    #[test]
    fn the_rows_of_the_table_with_these_columns_are_read() {
        let two = rows("f.md", TEXT, ["a", "b"]).unwrap();
        assert_eq!(two, [["`x_y`", "what it is"], ["2", "3"]].map(|row| row.map(str::to_owned)));
        assert_eq!(rows("f.md", TEXT, ["a"]).unwrap(), [["other".to_owned()]]);
    }

    #[test]
    fn mistakes_are_named() {
        let said = |text: &str| rows("f.md", text, ["a", "b"]).unwrap_err().0;
        assert_eq!(said("text"), "f.md: no table with the columns a, b");
        assert_eq!(said("| a | b |\n|---|---|\n"), "f.md: the table with the columns a, b has no rows");
        assert_eq!(said("| a | b |\n|---|---|\n| 1 | 2 | 3 |\n"), "f.md:3: not 2 cells; no cell may hold a |");
        assert_eq!(said("| a | b |\n|---|---|\n| 1 | |\n"), "f.md:3: a cell is empty");
    }

    #[test]
    fn a_name_is_words_between_backticks() {
        assert_eq!(name("f.md", "`x_y2`").unwrap(), "x_y2");
        for wrong in ["x", "`x", "`X`", "`x-y`", "`_x`", "``", "`x__y`"] {
            assert!(name("f.md", wrong).is_err(), "{wrong}");
        }
    }
}
