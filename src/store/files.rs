//! The data directory: its modes, and the lock that lets one engine in.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::StoreError;
use super::fence::Held;
use crate::seams::{Chance, SystemChance};

/// The lock of a data directory. It is let go when dropped, and by the kernel when the process dies.
#[derive(Debug)]
pub struct Lock {
    pub(super) held: Arc<Held>,
    left: Option<u32>,
}

/// Why a lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("another engine holds this data directory: process {}", pid.map_or("unknown".to_owned(), |pid| pid.to_string()))]
    Held {
        /// Its process id, as far as the file says.
        pid: Option<u32>,
    },
    /// It could not be created.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Lock {
    /// Takes the lock of a data directory at once or says who holds it. Creates the directory (0700) and the file (0600).
    pub fn take(data_dir: &Path) -> Result<Lock, LockError> {
        create_data_dir(data_dir)?;
        let path = data_dir.join("tollgate.lock");
        let fail = |what: std::io::Error| StoreError::File { path: path.clone(), what: what.to_string() };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(fail)?;
        let named = pid_in(&file);
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held { pid: named }),
            Err(TryLockError::Error(error)) => return Err(fail(error).into()),
        }
        // The process, and something that no other process has, wherever it runs.
        let words = format!("{}\n{:016x}{:016x}\n", std::process::id(), SystemChance.bits(), SystemChance.bits());
        file.set_len(0).map_err(fail)?;
        file.write_all_at(words.as_bytes(), 0).map_err(fail)?;
        let held = Held::new(data_dir, path.clone(), file, words).map_err(fail)?;
        // Deleted or replaced since it was opened: whoever is next locks another file.
        match held.check() {
            Ok(()) => Ok(Lock { held: Arc::new(held), left: named }),
            Err(StoreError::Lost(_)) => Err(LockError::Held { pid: None }),
            Err(error) => Err(error.into()),
        }
    }

    /// The process that had it last and did not let go in order.
    pub fn left_by(&self) -> Option<u32> {
        self.left
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // One that was lost may be another's by now.
        if self.held.check().is_ok() {
            let _ = self.held.lock().set_len(0);
        }
        let _ = self.held.lock().unlock();
    }
}

/// The process that a lock names.
pub(super) fn pid_in(file: &File) -> Option<u32> {
    let mut found = [0_u8; 64];
    let length = file.read_at(&mut found, 0).ok()?;
    let text = std::str::from_utf8(found.get(..length)?).ok()?;
    text.lines().next()?.trim().parse().ok()
}

/// Creates the data directory with mode 0700 where it is missing.
pub fn create_data_dir(data_dir: &Path) -> Result<(), StoreError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .map_err(|error| StoreError::File { path: data_dir.to_owned(), what: format!("cannot be created: {error}") })
}

/// The store's file in a data directory.
pub fn store_path(data_dir: &Path) -> PathBuf {
    data_dir.join("tollgate.redb")
}

/// The first bytes of every redb file.
const MAGIC: &[u8] = b"redb\x1A\x0A\xA9\x0D\x0A";

/// Opens the file for redb, having made sure that it is empty or one of its own: nothing else is ever written to.
pub fn open_file(path: &Path) -> Result<(File, bool), StoreError> {
    let fail = |what: std::io::Error| StoreError::File { path: path.to_owned(), what: what.to_string() };
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path).map_err(fail)?;
    let length = file.metadata().map_err(fail)?.len();
    if length > 0 {
        let mut head = Vec::new();
        Read::by_ref(&mut file).take(MAGIC.len() as u64).read_to_end(&mut head).map_err(fail)?;
        file.seek(SeekFrom::Start(0)).map_err(fail)?;
        if head != MAGIC {
            return Err(StoreError::Foreign { path: path.to_owned() });
        }
    }
    Ok((file, length == 0))
}
