//! The engine: who runs when, and how it stops. Pollers, evaluation, the lane; questions answered, orders carried out.
//!
//! Floor 3. It composes the rooms below and offers a [`crate::messages::Service`] to those above. It knows no terminal and
//! no socket. Facts come first: everything is committed before it is told.

mod answer;
mod audit;
mod build;
mod core;
mod detail;
mod evaluation;
mod flow;
mod offline;
mod once;
mod orders;
mod ping;
mod poll;
mod polled;
mod publish;
mod reference;
mod reseal;
mod schedule;
mod suppliers;
mod vendors;

pub use build::{BuildError, Credentials, Networks, Parts};
pub use core::Engine;
pub use offline::{Offline, take_lock};
pub use once::Pass;
pub use ping::{PingStep, Probe, ping};
pub use reseal::{Resealed, reseal};
pub use schedule::{Bell, CronBell, NoBell, Timetable, validate};
