//! What is wrong with a mapping file or one of its tables, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::model::safe;

/// One fault of `mapping.toml` or of a table beside it. All faults of a file are found in one go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// Line in it, counted from 1, where it can be told.
    pub line: Option<usize>,
    /// The key, as a person would say it: `rule "Plant", set.location`. Empty for a fault of the whole file.
    pub key: String,
    /// What is wrong and what to do.
    pub what: String,
    /// The nearest known word, for something misspelt.
    pub nearest: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", safe(&self.file.to_string_lossy()))?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", safe(&self.key))?;
        }
        write!(f, ": {}", safe(&self.what))?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean `{}`?", safe(nearest)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

/// A wrong word or value before it is known where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wrong {
    pub what: String,
    pub nearest: Option<String>,
}

impl Wrong {
    pub fn new(what: impl Into<String>) -> Self {
        Wrong { what: what.into(), nearest: None }
    }

    /// `what` about an unknown `word`, with the nearest of the known ones.
    pub fn unknown<'a>(what: impl Into<String>, word: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Wrong { what: what.into(), nearest: nearest(word, known) }
    }
}

/// Collects the faults of one mapping and finds lines for byte positions.
pub(super) struct Faults<'a> {
    file: &'a Path,
    line_starts: Vec<usize>,
    list: Vec<Fault>,
}

impl<'a> Faults<'a> {
    pub fn new(file: &'a Path, text: &str) -> Self {
        let line_starts = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1).collect();
        Faults { file, line_starts, list: Vec::new() }
    }

    /// A fault of the mapping file itself at a byte position.
    pub fn at(&mut self, position: usize, key: impl Into<String>, wrong: Wrong) {
        let line = 1 + self.line_starts.partition_point(|start| *start <= position);
        let file = self.file.to_owned();
        self.list.push(Fault { file, line: Some(line), key: key.into(), what: wrong.what, nearest: wrong.nearest });
    }

    /// A fault of a table's file.
    pub fn add(&mut self, fault: Fault) {
        self.list.push(fault);
    }

    /// All faults in the order of their lines, the mapping file's own first.
    pub fn finish(mut self) -> Vec<Fault> {
        let file = self.file;
        self.list.sort_by(|a, b| (a.file != file, &a.file, a.line).cmp(&(b.file != file, &b.file, b.line)));
        self.list
    }
}

/// The known word most like a wrong one, if one is like it at all.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let allowed = (word.chars().count() / 3).clamp(1, 4);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_file_line_key_and_the_nearest_word() {
        let mut faults = Faults::new(Path::new("mapping.toml"), "a = 1\nb = 2\nc = 3\n");
        faults.at(12, "set.locaton", Wrong::unknown("unknown target", "locaton", ["department", "location"]));
        let list = faults.finish();
        assert_eq!(
            list.first().unwrap().to_string(),
            "mapping.toml:3: set.locaton: unknown target; did you mean `location`?"
        );
    }

    #[test]
    fn a_word_like_nothing_has_no_nearest() {
        assert_eq!(nearest("zebra", ["account", "department"]), None);
    }

    #[test]
    fn a_fault_never_moves_a_terminal() {
        let fault = Fault {
            file: "m\u{1b}[2J.toml".into(),
            line: Some(1),
            key: "\u{202e}".into(),
            what: "\u{7}".into(),
            nearest: None,
        };
        assert!(!fault.to_string().chars().any(|c| c.is_control() || c == '\u{202e}'));
    }
}
