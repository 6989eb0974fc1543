//! What a command comes to: an exit code, or an error that has one.

use std::io;

use crate::config::ConfigError;
use crate::control::ConnectError;
use crate::messages::{Refusal, RefusalKind};
use crate::vault::VaultError;

/// The exit codes, for the long help of every command.
pub const HELP: &str = "\
Exit codes:
  0  done; nothing needs a person
  1  an unexpected error
  2  wrong usage, or a configuration that cannot be used
  3  done, but some documents failed, are held, differ or are in doubt, or wait in a paused queue; or suppliers need a person
  4  a remote system could not be reached or refused the credentials; the other flows were finished
  5  another engine holds this data directory (its pid is named)
Where several apply, the first of 2, 5, 1, 4, 3, 0 wins.";

/// An exit code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Exit {
    /// Done; nothing needs a person.
    Done = 0,
    /// An unexpected error.
    Failed = 1,
    /// Wrong usage, or a configuration that cannot be used.
    Usage = 2,
    /// Done, but something needs a person or waits in a paused queue.
    Attention = 3,
    /// A remote system could not be reached or refused the credentials.
    Remote = 4,
    /// Another engine holds the data directory.
    Locked = 5,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The one that wins where both apply: 2, 5, 1, 4, 3, 0.
    #[must_use]
    pub fn worse(self, other: Exit) -> Exit {
        if other.rank() > self.rank() { other } else { self }
    }

    fn rank(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Attention => 1,
            Exit::Remote => 2,
            Exit::Failed => 3,
            Exit::Locked => 4,
            Exit::Usage => 5,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(exit.code())
    }
}

/// Why a command did not do what it was asked to. The message is for a person.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command cannot mean this.
    #[error("{0}")]
    Usage(String),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The vault, its key or a credential.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// No link to an engine.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Neither an engine nor a store that could be opened.
    #[error("{0}")]
    NoEngine(String),
    /// The engine said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A remote system could not be reached or refused the credentials.
    #[error("{0}")]
    Remote(String),
    /// Another engine holds the data directory.
    #[error("{0}")]
    Locked(String),
    /// A file or the terminal failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// Whoever reads the output has left.
    #[error("the output was closed")]
    Closed,
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    /// A failed file or terminal; a reader that went away is no error of its own.
    pub fn io(what: impl Into<String>, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::BrokenPipe => CliError::Closed,
            _ => CliError::Io { what: what.into(), source },
        }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            CliError::Usage(_) | CliError::Config(_) | CliError::Connect(ConnectError::Path(_)) => Exit::Usage,
            CliError::Vault(error) => match error {
                VaultError::Damaged { .. }
                | VaultError::Record { .. }
                | VaultError::Io { .. }
                | VaultError::NoRandomness
                | VaultError::Derivation(_) => Exit::Failed,
                _ => Exit::Usage,
            },
            CliError::Refused(refusal) => match refusal.kind {
                RefusalKind::NotFound | RefusalKind::Invalid | RefusalKind::Forbidden => Exit::Usage,
                RefusalKind::Unavailable | RefusalKind::Failed => Exit::Failed,
            },
            CliError::Remote(_) => Exit::Remote,
            CliError::Locked(_) => Exit::Locked,
            CliError::Closed => Exit::Done,
            CliError::Connect(_) | CliError::NoEngine(_) | CliError::Io { .. } | CliError::Failed(_) => Exit::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_precedence_is_2_5_1_4_3_0_in_either_order() {
        let order = [Exit::Usage, Exit::Locked, Exit::Failed, Exit::Remote, Exit::Attention, Exit::Done];
        for (place, strong) in order.iter().enumerate() {
            for weak in &order[place..] {
                assert_eq!(strong.worse(*weak), *strong);
                assert_eq!(weak.worse(*strong), *strong);
            }
        }
        assert_eq!(order.map(Exit::code), [2, 5, 1, 4, 3, 0]);
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let closed = CliError::io("printing", io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(closed.exit(), Exit::Done);
        let full = CliError::io("printing", io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(full.exit(), Exit::Failed);
    }
}
