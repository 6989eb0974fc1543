//! Postings: what arrives is taken in, evaluated, frozen and queued; what a person decides about it is carried out.
//!
//! Floor 2. Stands on the store, the profile, the mapping and the lane; sends nothing itself.

mod decide;
mod evaluate;
mod freeze;
mod intake;
#[cfg(test)]
mod tests;

pub use decide::{Decision, Refused, decide, expand, matches};
pub use evaluate::{Applied, Evaluated, Evaluator, Outcome, Pending, apply_evaluation};
pub use freeze::{FreezeOptions, natural_key};
pub use intake::{Arrival, Intake, intake, raw_name, seal_raw, unseal_raw};
