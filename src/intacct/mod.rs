//! To be written.
pub mod answer;
pub mod bill;
pub mod catalogue;
pub mod endpoint;
pub mod envelope;
mod field;
pub mod ledger;
pub mod query;
pub mod reference;
pub mod xml;
