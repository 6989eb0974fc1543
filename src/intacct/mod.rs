//! To be written.
pub mod answer;
pub mod bill;
pub mod envelope;
pub mod query;
pub mod xml;
