//! Aligned tables for people: columns by the width that a terminal gives each character.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::model::{State, safe};

/// How a cell looks where there is colour; the words say the same without.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Style {
    /// As the rest.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// A person is needed.
    Bad,
    /// Time is needed.
    Waiting,
    /// Less important.
    Dim,
}

impl Style {
    /// The style of a state.
    pub fn of(state: State) -> Self {
        match state {
            State::Posted | State::Drafted => Style::Good,
            State::Held | State::Failed | State::Differs | State::InDoubt => Style::Bad,
            State::Queued | State::Sent | State::Claimed => Style::Waiting,
            State::NotApproved | State::BeforeCutover | State::Withdrawn | State::Dismissed => Style::Dim,
        }
    }

    fn code(self) -> Option<&'static str> {
        match self {
            Style::Plain => None,
            Style::Good => Some("32"),
            Style::Bad => Some("31"),
            Style::Waiting => Some("33"),
            Style::Dim => Some("2"),
        }
    }
}

/// A cell: safe text and its style.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A cell in a style.
    pub fn styled(text: impl AsRef<str>, style: Style) -> Self {
        Cell { text: safe(text.as_ref()).into_owned(), style }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Cell::styled(text, Style::Plain)
    }
}

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    headers: Vec<&'static str>,
    right: Vec<usize>,
    flexible: Option<usize>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these headers.
    pub fn new(headers: &[&'static str]) -> Self {
        Table { headers: headers.to_vec(), right: Vec::new(), flexible: None, rows: Vec::new() }
    }

    /// These columns are aligned at the right.
    #[must_use]
    pub fn right(mut self, columns: &[usize]) -> Self {
        self.right = columns.to_vec();
        self
    }

    /// This column is cut where the terminal is too narrow for all.
    #[must_use]
    pub fn flexible(mut self, column: usize) -> Self {
        self.flexible = Some(column);
        self
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as lines, each with its end; cut to `width` columns where it is known.
    pub fn render(&self, width: Option<usize>, color: bool) -> String {
        let mut widths: Vec<usize> = self.headers.iter().map(|header| header.width()).collect();
        for row in &self.rows {
            for (column, cell) in widths.iter_mut().zip(row) {
                *column = (*column).max(cell.text.width());
            }
        }
        let all = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
        if let (Some(width), Some(column)) = (width, self.flexible.and_then(|column| widths.get_mut(column))) {
            *column = column.saturating_sub(all.saturating_sub(width)).max(8.min(*column));
        }
        let mut out = String::new();
        let headers: Vec<Cell> = self.headers.iter().map(|header| Cell::styled(header, Style::Dim)).collect();
        for row in std::iter::once(&headers).chain(&self.rows) {
            self.render_row(row, &widths, color, &mut out);
        }
        out
    }

    fn render_row(&self, row: &[Cell], widths: &[usize], color: bool, out: &mut String) {
        let mut line = String::new();
        // Blanks are written before the next cell only, so that no line ends with them.
        let mut blanks = 0;
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let text = cut(&cell.text, *width);
            let rest = width.saturating_sub(text.width());
            if self.right.contains(&column) {
                blanks += rest;
            }
            if !text.is_empty() {
                line.extend(std::iter::repeat_n(' ', blanks));
                blanks = 0;
                match cell.style.code().filter(|_| color) {
                    Some(code) => line.push_str(&format!("\u{1b}[{code}m{text}\u{1b}[0m")),
                    None => line.push_str(&text),
                }
            }
            blanks += if self.right.contains(&column) { 2 } else { rest + 2 };
        }
        out.push_str(&line);
        out.push('\n');
    }
}

/// The text in at most so many columns, with `…` at its end where something is missing.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > width {
            break;
        }
        used += wide;
        out.push(c);
    }
    if width > 0 {
        out.push('…');
    }
    out
}

/// The text in exactly so many columns, cut or filled with blanks.
pub fn pad(text: &str, width: usize) -> String {
    let mut out = cut(text, width);
    out.extend(std::iter::repeat_n(' ', width.saturating_sub(out.width())));
    out
}

/// The text in lines of at most so many columns, broken at blanks where there are some; at least one line.
pub fn fold(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_inclusive(' ') {
        let wide = word.trim_end().width();
        if used > 0 && used + wide > width {
            lines.push(String::new());
            used = 0;
        }
        for c in word.chars() {
            let cells = c.width().unwrap_or(0);
            // A word that is wider than a line is broken; blanks at the end of a line are not.
            if used + cells > width && used > 0 && c != ' ' {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(c);
            }
            used += cells;
        }
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["ID", "SUPPLIER", "TOTAL"]).right(&[0, 2]).flexible(1);
        table.row(["7".into(), "株式会社ミライ".into(), "1.00 USD".into()]);
        table.row(["12".into(), "Ångström & Söner".into(), "912.00 EUR".into()]);
        table.row(["3".into(), "A\u{1b}[2J".into(), Cell::default()]);
        table
    }

    #[test]
    fn columns_stand_under_each_other_also_with_wide_characters() {
        let text = table().render(None, false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "ID  SUPPLIER               TOTAL",
                " 7  株式会社ミライ      1.00 USD",
                "12  Ångström & Söner  912.00 EUR",
                " 3  A‹U+001B›[2J",
            ]
        );
        assert_eq!(lines[1].width(), lines[2].width());
    }

    #[test]
    fn on_a_narrow_terminal_one_column_gives_way_and_no_line_is_longer() {
        let text = table().render(Some(27), false);
        for line in text.lines() {
            assert!(line.width() <= 27, "{line}");
        }
        assert!(text.contains("Ångström &…"), "{text}");
    }

    #[test]
    fn a_wide_character_is_never_cut_in_half() {
        assert_eq!(cut("株式会社", 5), "株式…");
        assert_eq!(cut("株式会社", 4), "株…");
        assert_eq!(cut("株", 2), "株");
        assert_eq!(cut("abc", 0), "");
    }

    #[test]
    fn long_text_folds_at_blanks_and_long_words_anywhere() {
        assert_eq!(fold("inactive (BL03, data) now", 12), ["inactive", "(BL03, data)", "now"]);
        assert_eq!(fold("株式会社ミライ", 6), ["株式会", "社ミラ", "イ"]);
        assert_eq!(fold("", 6), [""]);
        assert_eq!(pad("株式", 5).width(), 5);
    }

    #[test]
    fn colour_is_only_there_where_it_is_asked_for() {
        let mut table = Table::new(&["STATE"]);
        table.row([Cell::styled("failed", Style::Bad)]);
        assert!(!table.render(None, false).contains('\u{1b}'));
        assert!(table.render(None, true).contains("\u{1b}[31mfailed\u{1b}[0m"));
    }
}
