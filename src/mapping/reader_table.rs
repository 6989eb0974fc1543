//! Reads the tables of a mapping, from rows in it or from files beside it.

use std::path::Path;

use toml::de::DeArray;

use super::fault::Wrong;
use super::reader::{Item, Reader, at, entry};
use super::table::{Table, read_csv};

impl Reader<'_> {
    /// Reads one table; after a fault its name is kept, so that templates may still name it.
    pub(super) fn table(&mut self, name: &str, item: &Item<'_>) {
        match self.read_table(name, item) {
            Some(table) => self.tables.push(table),
            None => self.broken.push(name.to_owned()),
        }
    }

    /// `None` after a fault.
    fn read_table(&mut self, name: &str, item: &Item<'_>) -> Option<Table> {
        let place = format!("table.{name}");
        let Some(table) = item.get_ref().as_table() else {
            self.faults.at(at(item), place, Wrong::new("write it as a section `[table.name]`"));
            return None;
        };
        let well = self.known_keys(table, &place, &["key", "file", "rows"]);
        let key = entry(table, "key").and_then(|item| item.get_ref().as_str());
        let Some(key) = key.filter(|key| !key.trim().is_empty()) else {
            let what = "must name the column that is looked up";
            self.faults.at(entry(table, "key").map_or(at(item), at), format!("{place}.key"), Wrong::new(what));
            return None;
        };
        let read = match (entry(table, "file"), entry(table, "rows")) {
            (Some(file), None) => self.file_table(name, key, file),
            (None, Some(rows)) => self.rows_table(name, key, rows),
            (Some(_), Some(rows)) => {
                let what = "has both `file` and `rows`; a table comes from one of them";
                self.faults.at(at(rows), place, Wrong::new(what));
                None
            }
            (None, None) => {
                self.faults.at(at(item), place, Wrong::new("has neither `file` nor `rows`"));
                None
            }
        };
        read.filter(|_| well)
    }

    fn file_table(&mut self, name: &str, key: &str, item: &Item<'_>) -> Option<Table> {
        let place = format!("table.{name}.file");
        let Some(file) = item.get_ref().as_str().filter(|file| !file.is_empty()) else {
            self.faults.at(at(item), place, Wrong::new("must be the name of a CSV file beside the mapping"));
            return None;
        };
        let path = self.path.parent().unwrap_or(Path::new("")).join(file);
        self.files.push(path.clone());
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let what = format!("{} cannot be read: {error}", path.display());
                self.faults.at(at(item), place, Wrong::new(what));
                return None;
            }
        };
        self.hash(&bytes);
        match read_csv(name, key, &path, &bytes) {
            Ok(table) => Some(table),
            Err(faults) => {
                faults.into_iter().for_each(|fault| self.faults.add(fault));
                None
            }
        }
    }

    fn rows_table(&mut self, name: &str, key: &str, item: &Item<'_>) -> Option<Table> {
        let place = format!("table.{name}.rows");
        let Some(rows) = item.get_ref().as_array() else {
            self.faults.at(at(item), place, Wrong::new("must be a list: `rows = [{ code = \"0004\" }]`"));
            return None;
        };
        let columns = self.columns(key, rows);
        let mut table = Table::new(name, columns.clone());
        let mut well = true;
        for row in rows.iter() {
            let Some(cells) = row.get_ref().as_table() else {
                self.faults.at(at(row), &*place, Wrong::new("each row must be `{ column = \"value\" }`"));
                well = false;
                continue;
            };
            for (column, cell) in cells.iter().filter(|(_, cell)| cell.get_ref().as_str().is_none()) {
                let what =
                    format!("`{}` must be a text: write it in quotes, so that no zero is lost", column.get_ref());
                self.faults.at(at(cell), &*place, Wrong::new(what));
                well = false;
            }
            let text = |column: &str| entry(cells, column).and_then(|cell| cell.get_ref().as_str());
            let Some(key_cell) = text(key).filter(|text| !text.trim().is_empty()) else {
                let known = cells.iter().map(|(column, _)| &**column.get_ref());
                let wrong = Wrong::unknown(format!("a row has no value for the key `{key}`"), key, known);
                self.faults.at(at(row), &*place, wrong);
                well = false;
                continue;
            };
            if !table.add(key_cell, columns.iter().map(|column| text(column).map(Box::from))) {
                self.faults.at(at(row), &*place, Wrong::new(format!("the key `{key_cell}` stands twice")));
                well = false;
            }
        }
        well.then_some(table)
    }

    /// All columns that any row has, the key first.
    fn columns(&self, key: &str, rows: &DeArray<'_>) -> Vec<Box<str>> {
        let mut columns: Vec<Box<str>> = vec![key.into()];
        let tables = rows.iter().filter_map(|row| row.get_ref().as_table());
        for column in tables.flat_map(|table| table.keys()) {
            if !columns.iter().any(|known| **known == **column.get_ref()) {
                columns.push(column.get_ref().as_ref().into());
            }
        }
        columns
    }
}
