//! The rules of a mapping, ready to be applied.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::fault::{Fault, Wrong};
use super::table::Table;
use super::template::Template;
use crate::model::ReferenceKind;

/// What a rule may set. Account and account label share one place: whichever is set first stands for both.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// General ledger account of a line.
    Account,
    /// AP account label of a line.
    AccountLabel,
    /// Department of a line.
    Department,
    /// Location of a line.
    Location,
    /// Class of a line.
    Class,
    /// Project of a line.
    Project,
    /// Task of a line's project.
    Task,
    /// Item of a line.
    Item,
    /// Customer of a line.
    Customer,
    /// Employee of a line.
    Employee,
    /// Memo of a line.
    Memo,
    /// Posting date of the bill.
    PostingDate,
    /// Payment term of the bill.
    Term,
    /// Vendor of the bill; found by `[vendor]`, not by a rule.
    Vendor,
    /// Due date of the bill; from the document or the term, not by a rule.
    DueDate,
}

/// Number of places that rules fill.
pub(super) const SLOTS: usize = 12;

impl Target {
    /// The targets of rules, as `set` names them.
    pub const OF_RULES: [Target; 13] = [
        Target::Account,
        Target::AccountLabel,
        Target::Department,
        Target::Location,
        Target::Class,
        Target::Project,
        Target::Task,
        Target::Item,
        Target::Customer,
        Target::Employee,
        Target::Memo,
        Target::PostingDate,
        Target::Term,
    ];

    /// The word used in the mapping.
    pub fn word(self) -> &'static str {
        match self {
            Target::Account => "account",
            Target::AccountLabel => "account_label",
            Target::Department => "department",
            Target::Location => "location",
            Target::Class => "class",
            Target::Project => "project",
            Target::Task => "task",
            Target::Item => "item",
            Target::Customer => "customer",
            Target::Employee => "employee",
            Target::Memo => "memo",
            Target::PostingDate => "posting_date",
            Target::Term => "term",
            Target::Vendor => "vendor",
            Target::DueDate => "due_date",
        }
    }

    pub(super) fn parse(word: &str) -> Result<Target, Wrong> {
        let found = Target::OF_RULES.into_iter().find(|target| target.word() == word);
        found.ok_or_else(|| {
            let known = Target::OF_RULES.iter().map(|target| target.word());
            Wrong::unknown(format!("unknown target `{word}`"), word, known)
        })
    }

    /// Whether it is chosen once for the document instead of for each split.
    pub(super) fn is_of_document(self) -> bool {
        matches!(self, Target::PostingDate | Target::Term | Target::Vendor | Target::DueDate)
    }

    /// Its place among the values that rules fill.
    pub(super) fn slot(self) -> usize {
        match self {
            Target::Account | Target::AccountLabel => 0,
            Target::Department => 1,
            Target::Location => 2,
            Target::Class => 3,
            Target::Project => 4,
            Target::Task => 5,
            Target::Item => 6,
            Target::Customer => 7,
            Target::Employee => 8,
            Target::Memo => 9,
            Target::PostingDate => 10,
            Target::Term => 11,
            // Never chosen by a rule.
            Target::Vendor | Target::DueDate => SLOTS,
        }
    }

    /// What its value is checked against.
    pub(super) fn kind(self) -> Option<ReferenceKind> {
        Some(match self {
            Target::Account => ReferenceKind::Account,
            Target::AccountLabel => ReferenceKind::AccountLabel,
            Target::Department => ReferenceKind::Department,
            Target::Location => ReferenceKind::Location,
            Target::Class => ReferenceKind::Class,
            Target::Project => ReferenceKind::Project,
            Target::Task => ReferenceKind::Task,
            Target::Item => ReferenceKind::Item,
            Target::Customer => ReferenceKind::Customer,
            Target::Employee => ReferenceKind::Employee,
            Target::Term => ReferenceKind::Term,
            Target::Vendor => ReferenceKind::Vendor,
            Target::Memo | Target::PostingDate | Target::DueDate => return None,
        })
    }
}

/// One rule.
#[derive(Debug)]
pub(super) struct Rule {
    pub name: Box<str>,
    /// All must hold; empty always does.
    pub when: Vec<Condition>,
    /// What it sets for the document.
    pub document: Vec<Setting>,
    /// What it sets for a split.
    pub split: Vec<Setting>,
    /// Whether a key without a row holds the document instead of leaving the value open.
    pub holds_without_row: bool,
}

/// One target and the template of its value.
#[derive(Debug)]
pub(super) struct Setting {
    pub target: Target,
    pub template: Template,
}

/// A mapping that has been read and found without fault. Shared behind an `Arc`; a changed file is read into a new one.
#[derive(Debug)]
pub struct Rules {
    pub(super) version: String,
    pub(super) files: Vec<PathBuf>,
    pub(super) vendor: Vec<Template>,
    pub(super) rules: Vec<Rule>,
    pub(super) tables: Vec<Table>,
    pub(super) raw_paths: Vec<Box<str>>,
}

impl Rules {
    /// Reads `mapping.toml` and the tables beside it. Never a part of them: either all is well, or all faults are returned.
    pub fn load(path: &Path) -> Result<Rules, Vec<Fault>> {
        match std::fs::read_to_string(path) {
            Ok(text) => Rules::parse(&text, path),
            Err(error) => {
                let what = format!("the mapping cannot be read: {error}");
                Err(vec![Fault { file: path.to_owned(), line: None, key: String::new(), what, nearest: None }])
            }
        }
    }

    /// The same from text; `path` names the file in faults, and tables are read from the folder that it is in.
    pub fn parse(text: &str, path: &Path) -> Result<Rules, Vec<Fault>> {
        super::reader::read(text, path)
    }

    /// Twelve hexadecimal digits that change with any byte of the mapping or its tables.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The files that were read: the mapping first.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Whether any rule names a field of the source document itself (`raw.…`): only then must it be at hand.
    pub fn names_raw_fields(&self) -> bool {
        !self.raw_paths.is_empty()
    }

    /// The kinds of reference data that this mapping's values are checked against.
    pub fn kinds(&self) -> Vec<ReferenceKind> {
        let settings = self.rules.iter().flat_map(|rule| rule.document.iter().chain(&rule.split));
        let mut kinds: Vec<_> = settings.filter_map(|setting| setting.target.kind()).collect();
        kinds.extend([ReferenceKind::Vendor, ReferenceKind::Term]);
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}
