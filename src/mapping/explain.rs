//! Why a bill is as it is: for every value the rule that decided it, what was inserted, and what fell through.

use serde::{Deserialize, Serialize};

use super::rules::Target;
use super::template::Open;
use crate::model::{Amount, LineKind, ReasonCode, Text};

/// The explanation of one document. [`Explanation::text`] is for a person, its JSON for programs.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Explanation {
    /// Version of the mapping.
    pub mapping: String,
    /// Values of the document: vendor, posting date, term, due date.
    pub document: Vec<Decision>,
    /// Lines in the order of the document.
    pub lines: Vec<LineExplanation>,
    /// What else was done or seen, such as a difference within the tolerance.
    pub notes: Vec<Text>,
}

/// One line of the document.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LineExplanation {
    /// Its number in the document; charges of the header have 0.
    pub line: u32,
    /// What it is.
    pub kind: LineKind,
    /// Its description.
    pub description: Option<Text>,
    /// Its amount.
    pub amount: Amount,
    /// Its splits, never empty unless the document is at fault.
    pub splits: Vec<SplitExplanation>,
}

/// One split of a line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SplitExplanation {
    /// Its number inside the line, from 1.
    pub split: usize,
    /// Its amount, rounded to the currency.
    pub amount: Amount,
    /// The bill line that it becomes, from 1; `None` if it is left out because it is zero.
    pub bill_line: Option<usize>,
    /// Its values, in the order of the mapping's targets. Targets that no rule names are left out.
    pub decisions: Vec<Decision>,
}

/// One value, or that there is none.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decision {
    /// What was decided.
    pub target: Target,
    /// The value as the bill carries it.
    pub value: Option<Text>,
    /// Who decided.
    pub origin: Origin,
    /// The template that made the value.
    pub template: Option<String>,
    /// What it inserted.
    pub inserted: Vec<Inserted>,
    /// What the reference data say.
    pub check: Check,
    /// Rules above that could have decided and did not.
    pub fell_through: Vec<FellThrough>,
}

impl Decision {
    /// No value, and no rule that could have given one.
    pub(super) fn nothing(target: Target, check: Check) -> Decision {
        let (inserted, fell_through) = (Vec::new(), Vec::new());
        Decision { target, value: None, origin: Origin::Nothing, template: None, inserted, check, fell_through }
    }
}

/// Who decided a value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A rule.
    Rule {
        /// Its place in the file, from 1.
        number: usize,
        /// Its name.
        name: String,
    },
    /// An entry of `vendor.find`, from 1.
    Candidate {
        /// Its place in the list.
        number: usize,
    },
    /// No rule: what holds without one, in words.
    Default {
        /// For instance `the document's due date`.
        what: String,
    },
    /// Nothing decided it.
    Nothing,
}

/// One insertion of a template.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Inserted {
    /// The field or look-up, without braces.
    pub expression: String,
    /// What it gave.
    pub value: Text,
}

/// What the check of a value found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// There is nothing to check it against.
    None,
    /// It is there and may be used.
    Active {
        /// The record's name.
        name: Text,
    },
    /// It holds the document.
    Bad {
        /// Which reason.
        code: ReasonCode,
        /// The facts.
        what: Text,
    },
}

/// A rule, or an entry of `vendor.find`, that did not decide.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FellThrough {
    /// Its place, from 1.
    pub number: usize,
    /// The rule's name, or the entry's template.
    pub name: String,
    /// Why not.
    pub why: Why,
}

/// Why something fell through.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// A condition did not hold.
    Condition {
        /// The condition in words.
        condition: String,
        /// What the field holds; `None` if it is missing.
        has: Option<Text>,
    },
    /// The document has no such field.
    FieldMissing {
        /// The field.
        field: String,
    },
    /// The table's cell is empty.
    CellEmpty {
        /// The table.
        table: String,
        /// The key of the row.
        key: Text,
        /// The column.
        column: String,
    },
    /// The table has no row for the key.
    NoRow {
        /// The table.
        table: String,
        /// The key that was looked up.
        key: Text,
    },
    /// Intacct does not have the value.
    NotThere {
        /// The value.
        value: Text,
    },
    /// It is inactive in Intacct.
    Inactive {
        /// The value.
        value: Text,
    },
}

impl From<Open> for Why {
    fn from(open: Open) -> Why {
        match open {
            Open::FieldMissing(field) => Why::FieldMissing { field },
            Open::CellEmpty { table, key, column } => Why::CellEmpty { table, key: key.into(), column },
            Open::NoRow { table, key } => Why::NoRow { table, key: key.into() },
        }
    }
}
