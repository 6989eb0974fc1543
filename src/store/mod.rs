//! The store: documents, raw sources, frozen postings, reference data and the audit trail in one redb file.
//!
//! Floor 1. One writer thread, durable commits, several waiting jobs to a commit; document, index, counters and audit entry
//! change in one transaction. Readers are short: nothing here hands out a transaction that outlives a call. What the states
//! mean is not known here; that a step between two is allowed is checked.

pub mod at;
mod audit;
mod codec;
mod error;
mod fence;
mod files;
mod pairs;
mod read;
mod records;
mod sweep;
mod tables;
#[cfg(test)]
mod tests;
mod totals;
mod trial;
mod write;
mod writer;

pub use audit::{Entry, Link, verify_lines};
pub use error::StoreError;
pub use fence::Lost;
pub use files::{Lock, LockError};
pub use pairs::PairCounts;
pub use read::{RawRecord, Reader, StoredEntry, Walk, WithRaw};
pub use records::{
    ALARM, ClosedPeriod, FlowRecord, Frozen, Meta, OrderRecord, PauseRecord, StartRecord, VendorOverrides, VendorStart,
};
pub use sweep::Progress;
pub use totals::{GroupKey, Totals};
pub use write::Tx;
pub use writer::{Mode, Store, Watcher};
