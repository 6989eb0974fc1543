//! Sage Intacct's XML gateway: envelope, session, functions, answers, error catalogue.
//!
//! Floor 1. Knows the protocol and nothing of documents, queues or the store. Reads come back explained ([`Gateway::read`]);
//! writes are sent once and come back unjudged ([`Gateway::send_writes`]), because what an answer to a write means is the lane's
//! to say. Secrets are put into a request at the last moment and are never in what is kept.

pub mod answer;
pub mod bill;
pub mod catalogue;
mod clock;
mod country;
pub mod endpoint;
pub mod envelope;
mod field;
mod gateway;
pub mod ledger;
pub mod query;
pub mod reference;
mod session;
pub mod vendor;
mod wire;
pub mod xml;

#[cfg(test)]
mod rules;

pub use clock::WrongClock;
pub use gateway::{Exchange, Gateway, ReadError, SendFailure};
pub use session::{Session, SessionError, Sessions};
pub use wire::{Counts, Credentials, Refusal, retry_after};
