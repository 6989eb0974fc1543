//! What an engine and its faces say to each other: questions and answers, orders and outcomes, snapshots, log lines.
//!
//! Floor 0. The console and the commands know nothing else of the engine, so what works in process works over the socket.

mod audit;
mod detail;
mod differ;
mod filter;
mod order;
mod page;
mod pair_filter;
mod pair_words;
mod ring;
mod service;
mod snapshot;
mod summary;
mod vendors;

pub use audit::BillAudit;
pub use detail::{
    AuditLine, AuditReport, BillView, DocumentDetail, ExplainedError, ExplainedReason, Explanation, LineView,
    PostingView,
};
pub use differ::{Part, brackets, differing, marked};
pub use filter::{FILTER_WORDS, parse_class, parse_reason, parse_since, parse_state};
pub use order::{Command, Order, Outcome, RowResult, Selection};
pub use page::{DocumentPage, DocumentRow, FailureGroup, Filter, PageRequest};
pub use pair_filter::{PAIR_FILTER_WORDS, parse_master_field, parse_pair_state};
pub use pair_words::{EMPTY, NOT_OFFERED, shown};
pub use ring::LogRing;
pub use service::{Answer, Link, LogLevel, LogLine, Question, Refusal, RefusalKind, Service};
pub use snapshot::{
    Alert, AlertLevel, DepthSample, EnginePhase, FlowState, FlowStatus, Gateway, LaneState, PostingMode, QueuePause,
    RemoteState, Snapshot, Throughput,
};
pub use summary::{FlowCounts, GatewayCounts, RunSummary};
pub use vendors::{
    FieldPlan, FieldView, PairDecision, PairDetail, PairFilter, PairPage, PairRequest, PairRow, SuggestionView, Take,
    VendorCommand, VendorsPlan, VendorsStatus, WriteView,
};

/// Version of this language. Faces of another version show without changing, or leave.
pub const PROTOCOL: u32 = 1;
