//! Classes of errors: what an error means for what to do next.

use serde::{Deserialize, Serialize};

/// What kind of trouble an error is. It decides the retry, the tone and the advice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The session ended: log in again and repeat.
    Refresh,
    /// Not now: wait and repeat.
    Backoff,
    /// The document's own data are wrong: a person must mend them.
    Data,
    /// The accounting period is closed.
    Period,
    /// Something like it is there already: look before doing anything.
    Duplicate,
    /// The user may not do this.
    Permission,
    /// Set-up or credentials are wrong.
    Configuration,
    /// Our request is malformed: a defect of Tollgate.
    Bug,
    /// Only a wrapper around another error.
    Wrapper,
    /// Not in the catalogue.
    Unknown,
}

impl Class {
    /// The word shown to a person.
    pub fn word(self) -> &'static str {
        match self {
            Class::Refresh => "session",
            Class::Backoff => "busy",
            Class::Data => "data",
            Class::Period => "period",
            Class::Duplicate => "duplicate",
            Class::Permission => "permission",
            Class::Configuration => "configuration",
            Class::Bug => "defect",
            Class::Wrapper => "wrapper",
            Class::Unknown => "unknown",
        }
    }
}
