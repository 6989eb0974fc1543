//! The configuration: `tollgate.toml`, its environment overrides, and what is wrong with it.
//!
//! Floor 1. Reads files and the environment, never the network. Every fault names file, line and key.

mod types;

pub use types::{Config, Control, Intacct, Jaggaer, Mode, Posting, Roles, Schedule, Store};
