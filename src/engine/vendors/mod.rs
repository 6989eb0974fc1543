//! The two supplier masters in a running engine: read, merged, decided about, answered about.
//!
//! What a pair comes to is computed by [`crate::vendors`]; here it gets its records, its rules and its place in the store. What is
//! to be written is frozen here and carried out elsewhere: by the lane, and by the writer of suppliers.

pub(super) mod answer;
mod decide;
mod merge;
mod orders;
mod poll;
mod remote;
mod rules;
mod to_and_fro;

pub use decide::{Deciding, offline};
pub use merge::waits;
pub use poll::{PAYMENT_KEY, payment_marker};
pub use remote::by_id as supplier_by_id;
pub use rules::Base;

#[cfg(test)]
mod tests;
