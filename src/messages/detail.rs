//! One document in full: invoice, posting, errors explained, trail.

use serde::{Deserialize, Serialize};

use super::DocumentRow;
use crate::model::{Amount, Class, Date, Money, Reason, ReasonCode, State, Text, Timestamp};

/// A document in full.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DocumentDetail {
    /// The list's row.
    pub row: DocumentRow,
    /// Document key.
    pub key: Text,
    /// First seen.
    pub first_seen: Timestamp,
    /// JAGGAER's approval, as read.
    pub approval: String,
    /// All reasons, with titles and advice.
    pub reasons: Vec<ExplainedReason>,
    /// The error that refused it, explained.
    pub error: Option<ExplainedError>,
    /// Due date, posting date, terms… of the invoice, name and value.
    pub facts: Vec<(String, Text)>,
    /// The invoice's lines.
    pub lines: Vec<LineView>,
    /// What was or would be posted.
    pub posting: Option<PostingView>,
    /// A bill in the ledger to compare with, for twins and differences.
    pub ledger: Option<BillView>,
    /// What a person may do now: `replay`, `dismiss`, `reopen`, `adopt`, `post_anyway`.
    pub actions: Vec<String>,
}

/// A reason with its words.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ExplainedReason {
    /// Code.
    pub code: ReasonCode,
    /// Title.
    pub title: String,
    /// The facts.
    pub detail: Text,
    /// What to do.
    pub advice: String,
}

impl From<&Reason> for ExplainedReason {
    fn from(reason: &Reason) -> Self {
        ExplainedReason {
            code: reason.code,
            title: reason.code.title().to_owned(),
            detail: reason.detail.clone(),
            advice: reason.code.advice().to_owned(),
        }
    }
}

/// A gateway error with its words.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ExplainedError {
    /// Class.
    pub class: Class,
    /// Error number, as it came.
    pub errorno: Text,
    /// What the gateway said.
    pub said: Text,
    /// Our title for it.
    pub title: String,
    /// What it means.
    pub meaning: String,
    /// What to do.
    pub advice: String,
}

/// One line of an invoice.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LineView {
    /// Number.
    pub number: u32,
    /// Kind.
    pub kind: String,
    /// Description.
    pub description: Text,
    /// Amount.
    pub amount: Amount,
    /// Splits: amount and segments.
    pub splits: Vec<(Amount, Vec<(String, Text)>)>,
}

/// The posting.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PostingView {
    /// Generation.
    pub generation: u32,
    /// Control id.
    pub control_id: String,
    /// Mark.
    pub mark: String,
    /// Attempts.
    pub attempts: u32,
    /// Last attempt.
    pub last_attempt: Option<Timestamp>,
    /// Version of the mapping.
    pub mapping: String,
    /// The bill.
    pub bill: BillView,
}

/// A bill, ours or the ledger's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BillView {
    /// Record number, if it has one.
    pub record: Option<String>,
    /// Vendor.
    pub vendor: Text,
    /// Bill number.
    pub number: Text,
    /// Total.
    pub total: Option<Money>,
    /// Date.
    pub date: Option<Date>,
    /// Due.
    pub due: Option<Date>,
    /// Posting date.
    pub posting_date: Option<Date>,
    /// State word in the ledger, empty for a frozen one.
    pub state: Text,
    /// Description with the mark.
    pub description: Text,
    /// Lines: account, dimensions and amount in words; empty where only their number is known.
    pub lines: Vec<String>,
}

/// Why a document gets what it gets.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Explanation {
    /// For people; safe.
    pub text: String,
    /// For programs; `result` is `ready`, `held` or `before_cutover`.
    pub data: serde_json::Value,
}

impl Explanation {
    /// Whether the document is held, or would be.
    pub fn is_held(&self) -> bool {
        self.data.get("result").and_then(serde_json::Value::as_str) == Some("held")
    }
}

/// One entry of the audit trail.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuditLine {
    /// Number in the trail.
    pub number: u64,
    /// The record as it is hashed: JSON text.
    pub record: String,
    /// SHA-256 of the previous hash and the record, in hex.
    pub hash: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// What happened, in words.
    pub what: Text,
    /// State afterwards, where it is about a document.
    pub state: Option<State>,
    /// The function that the entry's hash stands for, in the trail of one document.
    pub request: Option<Text>,
}

/// Result of verifying the trail.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuditReport {
    /// Entries read.
    pub entries: u64,
    /// Hash of the last one: a checkpoint to keep elsewhere.
    pub head: String,
    /// The first broken entry, and how it is broken.
    pub broken: Option<(u64, String)>,
}
