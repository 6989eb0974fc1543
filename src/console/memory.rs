//! What the console remembers for the next time: the filters.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// What is remembered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Memory {
    /// The filter of the documents.
    pub filter: String,
    /// The filter of suppliers and vendors.
    pub vendors: String,
}

/// What was kept the last time; empty where nothing can be read.
pub fn read(path: &Path) -> Memory {
    let text = std::fs::read(path).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Keeps the filters, whole or not at all, for its owner only.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, memory: &Memory) -> std::io::Result<()> {
    let text = serde_json::to_vec(memory)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(&text)?;
    std::fs::rename(&new, path)
}

/// Writes a text to a file that does not exist yet.
///
/// # Errors
/// It exists, or cannot be written.
pub fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_survive_and_a_damaged_file_is_no_filter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("console.json");
        assert_eq!(read(&path), Memory::default());
        let memory = Memory { filter: "state:held \"a b\"".into(), vendors: "alerted".into() };
        write(&path, &memory).unwrap();
        assert_eq!(read(&path), memory);
        std::fs::write(&path, "{").unwrap();
        assert_eq!(read(&path), Memory::default());
    }

    #[test]
    fn a_file_that_exists_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("view.txt");
        write_new(&path, "one").unwrap();
        assert!(write_new(&path, "two").is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
    }
}
