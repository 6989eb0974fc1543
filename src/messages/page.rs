//! Lists of documents: filters, pages, groups.

use serde::{Deserialize, Serialize};

use crate::model::{Class, Date, DocumentId, Flag, Money, ReasonCode, RecordNo, State, Text, Timestamp};

/// Which documents. Empty means all; several conditions all hold.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// In one of these states.
    pub states: Vec<State>,
    /// Of this supplier number, exactly.
    pub vendor: Option<String>,
    /// First seen at or after.
    pub since: Option<Timestamp>,
    /// Has this text, whatever its case, in number, JAGGAER's number, supplier, id or a reason.
    pub text: Option<String>,
    /// Has this reason.
    pub reason: Option<ReasonCode>,
    /// Refused with this class of error.
    pub class: Option<Class>,
    /// Has a flag: changed after posting, twin, adopted.
    pub flagged: bool,
}

/// One page, newest first unless `oldest_first`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PageRequest {
    /// Which documents.
    pub filter: Filter,
    /// Continue behind this document.
    pub after: Option<DocumentId>,
    /// At most so many rows, 1 to 1,000.
    pub limit: u32,
    /// The queue's order instead of the newest first.
    pub oldest_first: bool,
}

/// A page.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DocumentPage {
    /// The rows.
    pub rows: Vec<DocumentRow>,
    /// Ask again behind this one; `None` at the end.
    pub next: Option<DocumentId>,
    /// How many match in all, where that is known without reading them.
    pub total: Option<u64>,
    /// When it was read.
    pub at: Timestamp,
}

/// One document in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DocumentRow {
    /// Its number here.
    pub id: DocumentId,
    /// Its version: an action carries it.
    pub version: u64,
    /// JAGGAER's id.
    pub jaggaer_id: Text,
    /// Where it stands.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// Supplier invoice number.
    pub number: Option<Text>,
    /// JAGGAER's own number.
    pub buyer_number: Option<Text>,
    /// Supplier number.
    pub supplier_number: Option<Text>,
    /// Supplier name.
    pub supplier_name: Option<Text>,
    /// Total.
    pub total: Option<Money>,
    /// Invoice date.
    pub date: Option<Date>,
    /// Codes of the reasons.
    pub reasons: Vec<ReasonCode>,
    /// The first reason's facts.
    pub detail: Option<Text>,
    /// Class of the error.
    pub class: Option<Class>,
    /// Intacct's record number.
    pub record: Option<RecordNo>,
    /// Flags.
    pub flags: Vec<Flag>,
}

/// Documents that stand in front of a person for the same cause.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FailureGroup {
    /// Their state.
    pub state: State,
    /// The reason.
    pub code: ReasonCode,
    /// The class, for refusals.
    pub class: Option<Class>,
    /// A short title.
    pub title: String,
    /// How many.
    pub count: u64,
    /// One of them.
    pub example: DocumentId,
}
