//! Asking and ordering: the two traits between an engine and its faces.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, watch};

use super::{
    AuditLine, AuditReport, DocumentDetail, DocumentPage, Explanation, Order, Outcome, PageRequest, PairDetail,
    PairPage, PairRequest, Snapshot, VendorsPlan,
};
use crate::model::{DocumentId, PairId, Person, Text, Timestamp};
use crate::seams::Boxed;

/// A question.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// The snapshot as of now.
    Status,
    /// A page of documents.
    Documents(PageRequest),
    /// One document, by its number here.
    Document(DocumentId),
    /// Finds a document by number here, JAGGAER's id or bill number: answered with a page.
    Find(String),
    /// Why it gets what it gets.
    Explain(DocumentId),
    /// The same for a source document given as text, with what would be posted.
    ExplainText(String),
    /// The trail of one document.
    Audit(DocumentId),
    /// The whole trail, from an entry on, at most 1,000 entries.
    AuditFrom(u64),
    /// Verify the trail.
    AuditVerify,
    /// A page of pairs of the two supplier masters.
    Vendors(PairRequest),
    /// One pair, by its number here (`p12`), a supplier number, JAGGAER's id or a VENDORID.
    Vendor(String),
    /// What a start of the vendors would do, or what is still open.
    VendorsPlan,
    /// The trail of one pair, oldest first.
    PairAudit(PairId),
    /// The last log lines, at most so many.
    Log(u32),
}

/// An answer; its kind is the question's.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// To `Status`.
    Status(Arc<Snapshot>),
    /// To `Documents` and `Find`.
    Documents(DocumentPage),
    /// To `Document`.
    Document(Box<DocumentDetail>),
    /// To `Explain` and `ExplainText`.
    Explanation(Box<Explanation>),
    /// To `Audit`, `AuditFrom` and `PairAudit`.
    Audit(Vec<AuditLine>),
    /// To `AuditVerify`.
    AuditReport(AuditReport),
    /// To `Vendors`.
    Vendors(PairPage),
    /// To `Vendor`.
    Vendor(Box<PairDetail>),
    /// To `VendorsPlan`.
    VendorsPlan(Box<VendorsPlan>),
    /// To `Log`.
    Log(Vec<LogLine>),
}

/// Why a question or an order was not answered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What kind.
    pub kind: RefusalKind,
    /// What happened, to what, and what to do. Safe to show.
    pub message: String,
}

/// Kinds of refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// There is no such thing.
    NotFound,
    /// It cannot be done as it stands.
    Invalid,
    /// The person may not.
    Forbidden,
    /// The engine is stopping, or gone.
    Unavailable,
    /// Something failed inside.
    Failed,
}

impl Refusal {
    /// A refusal in words.
    pub fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Refusal { kind, message: message.into() }
    }
}

/// A log line for a face.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// How grave.
    pub level: LogLevel,
    /// Which part of the program.
    pub target: String,
    /// What. May quote text from outside.
    pub message: Text,
}

/// Level of a log line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Error.
    Error,
    /// Warning.
    Warn,
    /// Information.
    Info,
    /// Detail.
    Debug,
    /// Everything.
    Trace,
}

/// What an engine offers to those who carry messages to it.
pub trait Service: Send + Sync + 'static {
    /// Answers a question.
    fn ask(&self, question: Question) -> Boxed<'_, Result<Answer, Refusal>>;
    /// Carries out an order of a person.
    fn tell(&self, order: Order, by: Person) -> Boxed<'_, Result<Outcome, Refusal>>;
    /// Snapshots as they come; a slow reader sees only the newest.
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>>;
    /// Log lines as they come; a slow reader misses some.
    fn log(&self) -> broadcast::Receiver<LogLine>;
}

/// What a face holds: a service somewhere, in this process or behind a socket, and the person behind the face.
pub trait Link: Send + Sync + 'static {
    /// Asks a question.
    fn ask(&self, question: Question) -> Boxed<'_, Result<Answer, Refusal>>;
    /// Gives an order.
    fn tell(&self, order: Order) -> Boxed<'_, Result<Outcome, Refusal>>;
    /// Snapshots as they come. The sender goes away when the link is lost.
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>>;
    /// Log lines as they come.
    fn log(&self) -> broadcast::Receiver<LogLine>;
    /// Whether orders are refused: read-only, or another version.
    fn read_only(&self) -> bool;
    /// Whether the engine lives in this process: then leaving stops it.
    fn owns_engine(&self) -> bool;
}
