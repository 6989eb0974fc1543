//! Look-up tables: rows in the mapping itself or in a CSV file beside it.

use std::collections::HashMap;
use std::path::Path;

use super::fault::{Fault, nearest};

/// A table: columns, and rows by their key. It is only ever looked up, never iterated.
#[derive(Debug)]
pub(super) struct Table {
    pub name: Box<str>,
    pub columns: Vec<Box<str>>,
    rows: HashMap<Box<str>, Row>,
    /// Per column, whether every row has a value in it.
    full: Vec<bool>,
}

type Row = Box<[Option<Box<str>>]>;

/// What a look-up finds.
pub(super) enum Cell<'a> {
    Value(&'a str),
    Empty,
    NoRow,
}

impl Table {
    pub fn new(name: &str, columns: Vec<Box<str>>) -> Self {
        let full = vec![true; columns.len()];
        Table { name: name.into(), columns, rows: HashMap::new(), full }
    }

    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| **column == *name)
    }

    pub fn is_full(&self, column: usize) -> bool {
        self.full.get(column).copied().unwrap_or(false)
    }

    /// Adds a row; `false` if the key is there already.
    pub fn add(&mut self, key: &str, cells: impl IntoIterator<Item = Option<Box<str>>>) -> bool {
        let cells: Row = cells.into_iter().map(|cell| cell.filter(|text| !text.trim().is_empty())).collect();
        for (full, cell) in self.full.iter_mut().zip(&cells) {
            *full &= cell.is_some();
        }
        self.rows.insert(key.into(), cells).is_none()
    }

    pub fn look_up(&self, key: &str, column: usize) -> Cell<'_> {
        match self.rows.get(key) {
            None => Cell::NoRow,
            Some(row) => match row.get(column) {
                Some(Some(value)) => Cell::Value(value),
                _ => Cell::Empty,
            },
        }
    }
}

/// Reads a table from the bytes of a CSV file: UTF-8, commas, a header line; blanks around cells do not count.
pub(super) fn read_csv(name: &str, key: &str, path: &Path, bytes: &[u8]) -> Result<Table, Vec<Fault>> {
    let fault = |line: Option<u64>, what: String, nearest: Option<String>| Fault {
        file: path.to_owned(),
        line: line.and_then(|line| usize::try_from(line).ok()),
        key: format!("table.{name}"),
        what,
        nearest,
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let columns: Vec<Box<str>> = match reader.headers() {
        Ok(header) => header.iter().map(Box::from).collect(),
        Err(error) => return Err(vec![fault(Some(1), describe(&error), None)]),
    };
    let mut faults = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        if columns.iter().take(index).any(|earlier| earlier == column) {
            faults.push(fault(Some(1), format!("the column `{column}` stands twice in the header"), None));
        }
    }
    let Some(key_column) = columns.iter().position(|column| **column == *key) else {
        let listed = columns.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", ");
        let mut what = format!("there is no key column `{key}`; the header has {listed}");
        if columns.len() == 1 && columns.iter().any(|column| column.contains([';', '\t'])) {
            what.push_str(" (cells must be separated by commas)");
        }
        faults.push(fault(Some(1), what, nearest(key, columns.iter().map(|column| &**column))));
        return Err(faults);
    };
    let mut table = Table::new(name, columns);
    let mut record = csv::StringRecord::new();
    let mut lines: HashMap<Box<str>, u64> = HashMap::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => {
                let line = error.position().map(|position| position.line());
                faults.push(fault(line, describe(&error), None));
                // A reader that cannot read on would repeat the fault for ever.
                if error.is_io_error() {
                    break;
                }
                continue;
            }
        }
        let line = record.position().map(csv::Position::line);
        let key_cell = record.get(key_column).unwrap_or_default();
        if key_cell.is_empty() {
            faults.push(fault(line, format!("the key `{key}` is empty"), None));
            continue;
        }
        if !table.add(key_cell, record.iter().map(|cell| Some(cell.into()))) {
            let first = lines.get(key_cell).copied().unwrap_or_default();
            faults.push(fault(line, format!("the key `{key_cell}` stands twice, first in line {first}"), None));
        }
        lines.entry(key_cell.into()).or_insert(line.unwrap_or_default());
    }
    if faults.is_empty() { Ok(table) } else { Err(faults) }
}

fn describe(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the line has {len} cells, the header has {expected_len}; quote cells that hold a comma")
        }
        csv::ErrorKind::Utf8 { .. } => "the line is not UTF-8; save the file as CSV UTF-8".to_owned(),
        _ => format!("not readable as CSV: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Table, Vec<Fault>> {
        read_csv("plants", "code", Path::new("plants.csv"), text)
    }

    #[test]
    fn a_spreadsheet_with_a_byte_order_mark_and_quotes_is_read() {
        let table = read("\u{feff}code,location,name\r\n0004, 100 ,\"North, new\"\r\n0005,,\r\n".as_bytes()).unwrap();
        let column = table.column("location").unwrap();
        assert!(matches!(table.look_up("0004", column), Cell::Value("100")));
        assert!(matches!(table.look_up("0005", column), Cell::Empty));
        assert!(matches!(table.look_up("4", column), Cell::NoRow), "leading zeros count");
        assert!(matches!(table.look_up("0004", table.column("name").unwrap()), Cell::Value("North, new")));
        assert!(!table.is_full(column) && table.is_full(table.column("code").unwrap()));
    }

    #[test]
    fn every_bad_line_is_named() {
        let faults = read(b"code,location\n0004,100\n0005\n,200\n0004,300\n0006,\xff\n").unwrap_err();
        let seen: Vec<_> = faults.iter().map(|fault| (fault.line.unwrap(), fault.what.as_str())).collect();
        assert_eq!(
            seen,
            [
                (3, "the line has 1 cells, the header has 2; quote cells that hold a comma"),
                (4, "the key `code` is empty"),
                (5, "the key `0004` stands twice, first in line 2"),
                (6, "the line is not UTF-8; save the file as CSV UTF-8"),
            ]
        );
    }

    #[test]
    fn a_missing_key_column_names_the_nearest_and_the_separator() {
        assert_eq!(read(b"cod,location\n1,2\n").unwrap_err().first().unwrap().nearest.as_deref(), Some("cod"));
        assert!(read(b"code;location\n1;2\n").unwrap_err().first().unwrap().what.contains("separated by commas"));
    }
}
