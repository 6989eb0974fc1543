//! What can go wrong with the store, in words an engineer can act on.

use std::path::PathBuf;

use super::Lost;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is something else, and was left as it is.
    #[error("{path} is not a Tollgate store; it was left as it is. Move it away, or set another data_dir")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged, and was left as it is.
    #[error(
        "the store {path} is damaged ({what}); it was left as it is. Restore it from a backup: bills already in Intacct are found again by their marks and adopted, none is doubled"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What redb said.
        what: String,
    },
    /// Another process has the file open.
    #[error(
        "another engine holds this data directory: a process that the lock file does not name has the store {path} open. Was the lock file deleted? Find the process with `fuser {path}` and stop it"
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The data directory is another engine's now, or was replaced.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// It was written by a newer version.
    #[error("the store has schema version {found}, this program knows up to {known}; use the newer program")]
    Newer {
        /// Version found.
        found: u32,
        /// Version known.
        known: u32,
    },
    /// The disk refused: full, read-only, broken.
    #[error(
        "the store could not be written ({0}); nothing of this step was kept. Free or mend the disk: work resumes by itself"
    )]
    Disk(String),
    /// A value could not be read back.
    #[error("a record of the store cannot be read ({0}); restore it from a backup")]
    Record(String),
    /// A step that the design does not allow; a defect.
    #[error("{0}")]
    Rule(String),
    /// Several steps share a commit, and another one of them failed.
    #[error("the commit was given up because another step in it failed; try again")]
    GivenUp,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// Reading or writing a file beside the store failed.
    #[error("{path}: {what}")]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        what: String,
    },
}

impl StoreError {
    /// Whether waiting may help: the disk may be freed.
    pub fn is_disk(&self) -> bool {
        matches!(self, StoreError::Disk(_) | StoreError::GivenUp)
    }
}

macro_rules! from_redb {
    ($($error:ty),*) => { $(
        impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                StoreError::Disk(error.to_string())
            }
        }
    )* };
}

from_redb!(redb::StorageError, redb::TableError, redb::TransactionError, redb::CommitError, redb::SetDurabilityError);
