//! JAGGAER: who may ask (OAuth), how it is asked (client, changes), and what its answers mean (profile, conversion).
//!
//! Floor 1. It reaches the network only through [`crate::seams::Network`], and that only through `gate.rs`, which lets out reads,
//! token calls and updates of suppliers, and nothing else: invoices and orders are only ever read. What a customer's instance
//! does differently is data in a [`Profile`], never code.

mod changes;
#[cfg(test)]
mod changes_tests;
mod charges;
mod client;
#[cfg(test)]
mod client_tests;
mod convert;
mod error;
mod gate;
#[cfg(test)]
mod gate_tests;
mod json;
mod keys;
mod listing;
mod oauth;
mod pace;
mod path;
mod profile;
mod raw;
mod revision;
mod sections;
mod shape;
mod splits;
mod status;
mod suppliers;
#[cfg(test)]
mod suppliers_tests;
#[cfg(test)]
mod testing;
mod update;
mod values;
#[cfg(test)]
mod variations;
mod words;

pub use changes::{Detail, Outcome, PollError, changed_since, suppliers_changed_since};
pub use client::{Client, Counters};
pub use convert::{Converted, Unreadable};
pub use error::JaggaerError;
pub use listing::{Listed, NextPage, Page, PageFault};
pub use profile::Profile;
pub use raw::{RawDocument, raw_value};
pub use revision::revision_of;
pub use sections::Fault;
pub use status::StatusWords;
pub use suppliers::SupplierRow;
pub use update::SupplierAnswer;
