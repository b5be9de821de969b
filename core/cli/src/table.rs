//! Plain tables and a little colour for terminals.

use std::{fmt::Write, io::IsTerminal};

use spanbert_backends::collective::{Launcher, World};
use unicode_width::UnicodeWidthStr;

use super::output;

/// How a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Rows of cells under headings, laid out by the widest cell.
#[derive(Debug)]
pub(super) struct Table {
    headings: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub(super) fn new(headings: &[(&'static str, Align)]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; missing cells are empty. Cells may quote files: they are made safe to print and stay on their line.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let on_a_line = |cell: String| output::safe(&cell).replace('\n', " ");
        self.rows.push(cells.into_iter().map(on_a_line).collect());
    }

    /// The table as lines, two blanks between columns and none at the end of a line.
    pub(super) fn render(&self, paint: Paint) -> String {
        let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
        let widths: Vec<usize> = self
            .headings
            .iter()
            .enumerate()
            .map(|(column, (heading, _))| {
                let widest = self.rows.iter().map(|row| cell(row, column).width()).max();
                widest.unwrap_or(0).max(heading.width())
            })
            .collect();
        let line = |cells: Vec<String>| {
            let mut line = String::new();
            for ((text, (_, align)), width) in cells.iter().zip(&self.headings).zip(&widths) {
                let blanks = " ".repeat(width.saturating_sub(text.width()));
                match align {
                    Align::Left => line.extend([text, blanks.as_str(), "  "]),
                    Align::Right => line.extend([blanks.as_str(), text, "  "]),
                }
            }
            line.trim_end().to_owned()
        };
        let mut out = String::new();
        let headings = line(self.headings.iter().map(|(heading, _)| (*heading).to_owned()).collect());
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}", paint.dim(&headings));
        for row in &self.rows {
            let _ =
                writeln!(out, "{}", line((0..self.headings.len()).map(|column| cell(row, column)).collect()));
        }
        out
    }
}

/// Colour, or none when the output is no terminal or `NO_COLOR` is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Paint {
    colour: bool,
}

impl Paint {
    /// What suits standard output. A launcher may give each of its processes a terminal of its own, whatever it writes to itself.
    pub(super) fn stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        // SLURM gives a shell to one task.
        let alone = |world: &World| world.launcher == Launcher::Slurm && world.size == 1;
        let is_launched = World::of_this_process().is_some_and(|world| world.is_certain() && !alone(&world));
        Self { colour: std::io::stdout().is_terminal() && !refused && !is_launched }
    }

    #[cfg(test)]
    pub(super) const PLAIN: Self = Self { colour: false };

    fn style(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Important text.
    pub(super) fn bold(self, text: &str) -> String {
        self.style("1", text)
    }

    /// Text in the background.
    pub(super) fn dim(self, text: &str) -> String {
        self.style("2", text)
    }

    /// Good news.
    pub(super) fn good(self, text: &str) -> String {
        self.style("32", text)
    }

    /// News to look at.
    pub(super) fn warn(self, text: &str) -> String {
        self.style("33", text)
    }

    /// An answer inside its sentence; without colour it stands between markers.
    pub(super) fn highlight(self, text: &str) -> String {
        if self.colour { self.style("1;7", text) } else { format!("[{text}]") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&[("name", Align::Left), ("f1", Align::Right)]);
        table.row(["a longer name".into(), "7.5".into()]);
        table.row(["b\u{1b}\n".into()]);
        assert_eq!(table.render(Paint::PLAIN), "name            f1\na longer name  7.5\nb\n");
    }

    #[test]
    fn wide_characters_take_two_columns_and_accents_none() {
        let mut table = Table::new(&[("name", Align::Left), ("f1", Align::Right)]);
        table.row(["東京".into(), "1".into()]);
        table.row(["Zoe\u{308}".into(), "2".into()]);
        assert_eq!(table.render(Paint::PLAIN), "name  f1\n東京   1\nZoe\u{308}    2\n");
    }
}
