//! What a person may order, and what came of it.

use serde::{Deserialize, Serialize};

use super::{Filter, VendorCommand};
use crate::model::{DocumentId, RecordNo};

/// An order with its idempotency key: the same key is carried out once, whoever repeats it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Made by the face when the person acts; a repetition carries the same.
    pub key: String,
    /// What to do.
    pub command: Command,
}

/// Documents to act on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// These, each with the version that the person saw (`None`: whatever it is now).
    Ids(Vec<(DocumentId, Option<u64>)>),
    /// All that match now.
    Where(Filter),
}

/// A command.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Stop sending; durable.
    PauseQueue {
        /// Why.
        why: String,
    },
    /// Send again.
    ResumeQueue,
    /// Run a flow now.
    RunFlow(String),
    /// Stop a flow; durable.
    PauseFlow(String),
    /// Start it again.
    ResumeFlow(String),
    /// Read configuration, profile and mapping again.
    Reload,
    /// Read the credentials again, and try refused logins again.
    SecretsChanged,
    /// Start posting: the phrase typed by a person.
    StartPosting {
        /// What was typed.
        phrase: String,
    },
    /// Go back to observing.
    StopPosting,
    /// Post refused ones again, as the next generation; evaluate held ones again.
    Replay(Selection),
    /// They shall not be posted.
    Dismiss {
        /// Which.
        which: Selection,
        /// Why.
        reason: String,
    },
    /// Take a dismissal back.
    Reopen(Selection),
    /// The bill in Intacct is this document's.
    Adopt {
        /// Which document, and the version seen.
        id: DocumentId,
        /// Version seen.
        version: Option<u64>,
        /// Which bill.
        record: RecordNo,
    },
    /// Post although a twin stands.
    PostAnyway {
        /// Which document.
        id: DocumentId,
        /// Version seen.
        version: Option<u64>,
        /// Why.
        reason: String,
    },
    /// About the two supplier masters.
    Vendors(VendorCommand),
}

/// What came of an order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// One sentence.
    pub message: String,
    /// Each document's result, where it concerned documents; at most 1,000 of them, refused ones first.
    pub rows: Vec<RowResult>,
    /// Done.
    pub done: u64,
    /// Refused.
    pub refused: u64,
    /// Whether this key had been carried out before: by whom and when is in the message.
    pub repeated: bool,
}

/// One document's result.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RowResult {
    /// Which.
    pub id: DocumentId,
    /// Whether it was done.
    pub done: bool,
    /// What happened, or why not.
    pub message: String,
}
