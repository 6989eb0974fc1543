//! The configuration: `tollgate.toml`, its environment overrides, and what is wrong with it.
//!
//! Floor 1. Reads files and the environment, never the network. Every fault names file, line and key, and all faults are
//! told at once. No secret is ever read from here.

mod fault;
mod find;
mod load;
mod reader;
pub mod templates;
mod types;
mod values;
mod written;

pub use fault::{ConfigError, Fault};
pub use find::process_environment;
pub use load::environment_warnings;
pub use types::{Config, Control, Intacct, Jaggaer, Mode, Posting, Roles, Schedule, Store, VendorKey, Vendors};

/// How a variable of the environment is looked up. An empty variable counts as one that is not set.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;
