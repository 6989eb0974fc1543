//! The two supplier masters kept in agreement: who belongs to whom, what both say, what is to be written, what a person decides.
//!
//! Floor 2. Nearly all of it is pure: plain data in, plain data out, on the `model` and the plans of `messages` alone; whoever calls
//! it looks into the two masters for it ([`Masters`]) and carries out what it wants ([`Want`]). Two files write into a transaction:
//! `intake` what was read of both sides, `steps` how far a write is. It looks at no clock, sends nothing and freezes no bytes.

mod candidates;
mod compare;
mod evaluate;
mod intake;
mod matching;
mod merge;
mod outcome;
mod payment;
mod plan;
mod policy;
mod settle;
mod steps;
mod supplier;
#[cfg(test)]
mod tests;

pub use candidates::SUGGESTIONS;
pub use compare::{Comparing, canonical, fit, is_blank, limit, same};
pub use evaluate::{Context, Evaluated, Masters, Note, Started, Want, WantedWrite, evaluate};
pub use intake::{
    Reading, Seeing, Taken, pend_neighbours, supplier_seen, suppliers_read, vendor_gone, vendor_read_back, vendor_seen,
    vendors_listed, vendors_read, vendors_vanished,
};
pub use matching::{COMMON, MatchKey, is_exactly, supplier_keys, tier, vendor_keys};
pub use merge::{MergeRules, Merged, Overruled, Owed, Sides, merge, needs_value, says_inactive};
pub use outcome::{Waited, after, before};
pub use payment::{ALERTS, HIGH_DAYS, acknowledge, add_alerts, changes, contact_changed, contact_changes};
pub use plan::{Planner, phrase};
pub use policy::Policies;
pub use settle::{ReadBack, agree, forbidden, read_back, under_way, write_to};
pub use steps::{Change, Seen, apply, fail};
pub use supplier::{Survivor, VENDOR_ID_LENGTH, faults, survivor, vendor_id};
