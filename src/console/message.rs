//! What happens to the screen, and what the screen wants done: the two ends of `update`.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use ratatui::crossterm::event::KeyEvent;

use super::memory::Memory;
use super::state::ListKey;
use crate::messages::{
    AuditLine, DocumentDetail, DocumentPage, Explanation, Order, Outcome, PageRequest, PairDetail, PairPage,
    PairRequest, Refusal, Snapshot, VendorsPlan,
};
use crate::model::{DocumentId, PairId};

/// Something happened.
#[derive(Debug)]
pub enum Message {
    /// Time went on.
    Tick(Timestamp),
    /// A key.
    Key(KeyEvent),
    /// A paste.
    Paste(String),
    /// The terminal has another size: columns, rows.
    Resize(u16, u16),
    /// The engine published.
    Snapshot(Arc<Snapshot>),
    /// A page of a list came.
    Page {
        /// Which list.
        list: ListKey,
        /// Of which filter.
        generation: u64,
        /// Which page.
        number: usize,
        /// The answer.
        answer: Result<DocumentPage, Refusal>,
    },
    /// A document came.
    Document(DocumentId, Result<Box<DocumentDetail>, Refusal>),
    /// An explanation came.
    Explained(DocumentId, Result<Box<Explanation>, Refusal>),
    /// A trail came.
    Audited(DocumentId, Result<Vec<AuditLine>, Refusal>),
    /// A page of suppliers and vendors came: of which filter, which page, the answer.
    PairPage(u64, usize, Result<PairPage, Refusal>),
    /// A supplier with its vendor came.
    Pair(PairId, Result<Box<PairDetail>, Refusal>),
    /// Its trail came.
    PairAudited(PairId, Result<Vec<AuditLine>, Refusal>),
    /// What a start of the vendors would do.
    Planned(Result<Box<VendorsPlan>, Refusal>),
    /// An order was carried out, or not: what it was, and what came of it.
    Told(String, Result<Outcome, Refusal>),
    /// Something to say that is no order's result: the words, and whether it is bad news.
    Say(String, bool),
}

/// Something shall be done.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// Ask for a page.
    Page {
        /// For which list.
        list: ListKey,
        /// Of which filter.
        generation: u64,
        /// Which page.
        number: usize,
        /// The question.
        request: PageRequest,
    },
    /// Ask for a document.
    Document(DocumentId),
    /// Ask why it gets what it gets.
    Explain(DocumentId),
    /// Ask for its trail.
    Audit(DocumentId),
    /// Ask for a page of suppliers and vendors: of which filter, which page, the question.
    PairPage(u64, usize, PairRequest),
    /// Ask for a supplier with its vendor.
    Pair(PairId),
    /// Ask for its trail.
    PairAudit(PairId),
    /// Ask what a start of the vendors would do.
    Plan,
    /// Give an order: in words, and itself.
    Tell(String, Order),
    /// Keep these filters for the next time.
    Save(Memory),
    /// Put a text on the terminal's clipboard.
    Copy(String),
    /// Write a text to a new file.
    Write(PathBuf, String),
    /// Paint everything anew.
    Redraw,
    /// To the shell, until `fg`.
    Suspend,
    /// End.
    Quit,
}
