//! The gateway lane: intents, sending, classification, read-back, resolving, pace and circuit.
//!
//! Floor 2. The only code that talks to Intacct for anything that is posted. It keeps the one promise: what is approved ends
//! in Intacct exactly once, or in front of a person. The steps, in the order in which they guard each other:
//!
//! 1. *pre-flight*: the natural key is looked up; ours is adopted, a twin is held;
//! 2. *intent*: control ids and attempt are durable before a byte leaves;
//! 3. *send*, once; 4. *classify*: every possible answer has exactly one class;
//! 5. *outcome*: one commit for the batch, which carries the next batch's intents;
//! 6. *resolve* what is unclear by reading back, never by elapsed time alone;
//! 7. *verify* what was claimed: posted is only ever written from a read-back;
//! 8. *audit*, once a day: every bill that carries our mark is counted and compared again.

mod apply;
mod audit;
mod batch;
mod circuit;
mod classify;
mod fenced;
pub mod fuzz;
mod look;
mod masters;
mod observed;
mod pace;
mod periods;
mod record;
mod run;
mod send;
mod settle;
mod sighting;
mod status;
#[cfg(test)]
pub(crate) mod tests;
mod trouble;

pub use apply::{Change, apply, apply_audited};
pub use audit::{AuditError, AuditOptions, audit};
pub use classify::{Classified, Verdict, Whole, classify};
pub use fenced::FencedNetwork;
pub use look::Item;
pub use masters::VendorTools;
pub use pace::Pace;
pub use periods::{asks_period, due_periods, open_periods, period_key};
pub use run::{Again, Gate, Lane, LaneOptions, Step};
pub use sighting::{Sighting, differences, sight};
pub use status::{LaneCounts, LaneStatus};
