//! Tollgate carries approved JAGGAER invoices into Sage Intacct, exactly once.
//!
//! The rooms, from the ground up; a floor never imports a higher one (see `ARCHITECTURE.md`):
//!
//! | floor | rooms |
//! |---|---|
//! | 0 | [`model`], [`messages`], [`seams`] |
//! | 1 | [`config`], [`jaggaer`], [`intacct`], [`store`], [`vault`] |
//! | 2 | [`mapping`], [`lane`], [`posting`], [`vendors`] |
//! | 3 | [`engine`] |
//! | 4 | [`control`] |
//! | 5 | [`console`], [`cli`] |
//!
//! [`simulator`] stands beside them: both remote systems, for the demo and the tests. It shares no code with
//! [`jaggaer`] and [`intacct`].

pub mod cli;
pub mod config;
pub mod console;
pub mod control;
pub mod engine;
pub mod intacct;
pub mod jaggaer;
pub mod lane;
pub mod mapping;
pub mod messages;
pub mod model;
pub mod posting;
pub mod seams;
pub mod simulator;
pub mod store;
pub mod vault;
pub mod vendors;
