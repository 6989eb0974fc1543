//! The fence: a process that no longer holds its data directory writes nothing more, neither here nor to Intacct.
//!
//! The lock keeps a second engine out while the first one holds it. It cannot where the lock file was deleted, where the
//! directory was moved away and a copy put in its place, or where the file system's locks do not hold. So whoever holds a
//! directory looks, before each write to the store's file and before each request with bills, whether lock and store at its
//! paths are still the files that it has open, and whether the lock still says what it wrote there. Each step is also told
//! the epoch that the store is in, and one of an earlier epoch is refused. Once lost, a directory is not held again.
//!
//! What remains is a process that is stopped exactly between the look and what follows it. When it goes on, it does that one
//! thing: one write to the file that it has open, or one request that was decided. The request's intent is older than it, so
//! the next engine has those bills in doubt, reads the ledger for its whole quiet time before it sends them again, and sends
//! them under the same control ids, of which `uniqueid` lets one through.

use std::fs::{self, File};
use std::io;
use std::ops::Bound;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use redb::{BackendError, StorageBackend};
use tokio_util::sync::CancellationToken;

use super::StoreError;
use super::trial::Trial;

/// That a process does not hold its data directory any more. It may only end.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("this process no longer holds the data directory {}: {what}; it writes and sends nothing more", dir.display())]
pub struct Lost {
    dir: PathBuf,
    what: String,
    /// Whether another process holds it now.
    pub taken: bool,
}

impl Lost {
    /// What to do.
    pub fn advice(&self) -> &'static str {
        match self.taken {
            true => "Leave the other one running, or stop it and start this one again.",
            false => "Start it again: it takes up what stands in the directory and reads back what was left unclear.",
        }
    }
}

/// Which file: device and inode.
type Place = (u64, u64);

fn place(path: &Path) -> io::Result<Option<Place>> {
    match fs::metadata(path) {
        Ok(found) => Ok(Some((found.dev(), found.ino()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A data directory that is held: its lock, and its store once that is open.
#[derive(Debug)]
pub(super) struct Held {
    dir: PathBuf,
    lock_path: PathBuf,
    lock: File,
    locked: Place,
    /// What this process wrote into the lock.
    words: String,
    store: OnceLock<(PathBuf, Place)>,
    lost: OnceLock<Lost>,
}

impl Held {
    /// A directory whose lock has just been taken and got these words.
    pub(super) fn new(dir: &Path, lock_path: PathBuf, lock: File, words: String) -> io::Result<Held> {
        let found = lock.metadata()?;
        let locked = (found.dev(), found.ino());
        let (store, lost) = (OnceLock::new(), OnceLock::new());
        Ok(Held { dir: dir.to_owned(), lock_path, lock, locked, words, store, lost })
    }

    /// The lock's file.
    pub(super) fn lock(&self) -> &File {
        &self.lock
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// From now on this must be the file at the store's path. Another one than before means that it was replaced.
    pub(super) fn keep(&self, path: &Path, file: &File) -> Result<(), StoreError> {
        let found = file.metadata().map_err(|error| unseen(path, &error))?;
        self.store.get_or_init(|| (path.to_owned(), (found.dev(), found.ino())));
        self.check()
    }

    /// That it is lost, if that was noticed.
    pub(super) fn lost(&self) -> Option<Lost> {
        self.lost.get().cloned()
    }

    /// Looks whether it is still held: two `stat` and one read of some bytes.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if let Some(lost) = self.lost() {
            return Err(StoreError::Lost(lost));
        }
        match self.look() {
            Ok(None) => Ok(()),
            Ok(Some(what)) => {
                let (what, taken) = match self.holder() {
                    Some(Some(pid)) => (format!("{what}, and process {pid} holds it now"), true),
                    Some(None) => (format!("{what}, and another process holds it now"), true),
                    None => (what, false),
                };
                let lost = Lost { dir: self.dir.clone(), what, taken };
                Err(StoreError::Lost(self.lost.get_or_init(|| lost).clone()))
            }
            Err(error) => Err(unseen(&self.dir, &error)),
        }
    }

    /// What is not as this process left it.
    fn look(&self) -> io::Result<Option<String>> {
        let shown = |path: &Path| path.display().to_string();
        match place(&self.lock_path)? {
            None => return Ok(Some(format!("{} was deleted", shown(&self.lock_path)))),
            Some(found) if found != self.locked => {
                return Ok(Some(format!("{} is another file than the one it locked", shown(&self.lock_path))));
            }
            Some(_) => {}
        }
        if !self.says_ours()? {
            return Ok(Some(format!("{} was written by another process", shown(&self.lock_path))));
        }
        if let Some((path, opened)) = self.store.get() {
            match place(path)? {
                None => return Ok(Some(format!("{} was deleted", shown(path)))),
                Some(found) if found != *opened => {
                    return Ok(Some(format!("{} is another file than the one it opened", shown(path))));
                }
                Some(_) => {}
            }
        }
        Ok(None)
    }

    /// Whether the lock says what this process wrote.
    fn says_ours(&self) -> io::Result<bool> {
        let mut found = [0_u8; 64];
        let length = self.lock.read_at(&mut found, 0)?;
        Ok(found.get(..length) == Some(self.words.as_bytes()))
    }

    /// Whether another process holds the directory now, and which.
    fn holder(&self) -> Option<Option<u32>> {
        let file = File::open(&self.lock_path).ok()?;
        let pid = super::files::pid_in(&file);
        if place(&self.lock_path).ok()? == Some(self.locked) {
            // Our own lock would be in the way of a try: the file's word has to do.
            return pid.filter(|pid| *pid != std::process::id()).map(Some);
        }
        matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)).then_some(pid)
    }
}

fn unseen(path: &Path, error: &io::Error) -> StoreError {
    StoreError::File { path: path.to_owned(), what: format!("cannot be looked at: {error}") }
}

/// What one engine must not have lost before it writes: its data directory, and its epoch. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Fence {
    pub(super) held: Option<Arc<Held>>,
    pub(super) epoch: Option<u64>,
    lost: Arc<OnceLock<Lost>>,
    fell: CancellationToken,
}

impl Fence {
    /// The fence of a directory that is held, or of none.
    pub(super) fn new(held: Option<Arc<Held>>) -> Fence {
        Fence { held, ..Fence::default() }
    }

    /// The same directory, for the engine of an epoch.
    pub(super) fn of_epoch(&self, epoch: u64) -> Fence {
        Fence { epoch: Some(epoch), ..Fence::new(self.held.clone()) }
    }

    /// Refuses an engine of another epoch than the store's.
    pub(super) fn admits(&self, current: Option<u64>) -> Result<(), StoreError> {
        let Some(ours) = self.epoch.filter(|ours| current != Some(*ours)) else { return Ok(()) };
        let current = current.map_or_else(|| "none".to_owned(), |current| current.to_string());
        let dir = self.held.as_ref().map(|held| held.dir.clone()).unwrap_or_default();
        let what = format!("its epoch is {ours}, and the store is in epoch {current}");
        Err(StoreError::Lost(Lost { dir, what, taken: true }))
    }

    /// Remembers that it is lost.
    pub(super) fn heard<R>(&self, result: Result<R, StoreError>) -> Result<R, StoreError> {
        if let Err(StoreError::Lost(lost)) = &result {
            let _ = self.lost.set(lost.clone());
            self.fell.cancel();
        }
        result
    }

    pub(super) fn lost(&self) -> Option<Lost> {
        self.lost.get().cloned()
    }

    pub(super) async fn fell(&self) {
        self.fell.cancelled().await;
    }
}

/// The store's file behind the fence: each write looks first.
#[derive(Debug)]
pub(super) struct FencedFile {
    pub(super) trial: Arc<Trial>,
    pub(super) held: Arc<Held>,
}

impl FencedFile {
    fn check(&self) -> io::Result<()> {
        self.held.check().map_err(io::Error::other)
    }
}

impl StorageBackend for FencedFile {
    fn len(&self) -> io::Result<u64> {
        self.trial.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.trial.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check()?;
        self.trial.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.trial.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        self.trial.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.trial.file().close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.trial.file().try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.trial.file().try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.trial.file().lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.trial.file().lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.trial.file().unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.trial.file().query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Entry, Lock, Meta, Mode, Store, at};
    use super::*;
    use crate::model::{Actor, Timestamp};

    async fn note(store: &Store) -> Result<(), StoreError> {
        let entry = Entry::engine(Timestamp::UNIX_EPOCH, Actor::Engine, "noted", "something");
        store.write(at::Noted, move |tx| tx.audit(&entry)).await
    }

    async fn begin(store: &Store, epoch: u64) -> Store {
        store.write(at::Started, move |tx| tx.put_meta(Meta::Epoch, &epoch)).await.unwrap();
        store.of_epoch(epoch)
    }

    #[tokio::test]
    async fn an_engine_of_an_earlier_epoch_writes_and_sends_nothing_and_hears_of_it() {
        let store = Store::on_backend(redb::backends::InMemoryBackend::new(), 1 << 20).unwrap();
        let first = begin(&store, 7).await;
        note(&first).await.unwrap();
        first.still_held().unwrap();
        let second = begin(&store, 8).await;
        let entries = || store.read_now(|reader| Ok(reader.audit_head()?.count)).unwrap();
        let before = entries();
        assert!(matches!(note(&first).await, Err(StoreError::Lost(_))));
        assert!(matches!(first.still_held(), Err(StoreError::Lost(_))));
        first.until_lost().await;
        assert!(first.lost().unwrap().to_string().contains("its epoch is 7, and the store is in epoch 8"));
        assert_eq!(entries(), before);
        note(&second).await.unwrap();
        second.still_held().unwrap();
        assert_eq!(second.lost(), None);
    }

    #[tokio::test]
    async fn a_directory_that_was_lost_is_not_held_again_and_its_store_stays_as_it_was() {
        let temp = tempfile::tempdir().unwrap();
        let lock = Lock::take(temp.path()).unwrap();
        let store = Store::open_locked(&lock, 1 << 20, Mode::Threads, |_| {}).unwrap();
        note(&store).await.unwrap();
        let (path, away) = (temp.path().join("tollgate.lock"), temp.path().join("away"));
        let bytes = || fs::read(temp.path().join("tollgate.redb")).unwrap();
        let before = bytes();
        fs::rename(&path, &away).unwrap();
        assert!(matches!(note(&store).await, Err(StoreError::Lost(lost)) if !lost.taken));
        fs::rename(&away, &path).unwrap();
        assert!(matches!(note(&store).await, Err(StoreError::Lost(_))));
        assert!(store.lost().unwrap().to_string().contains("tollgate.lock was deleted"));
        store.close();
        drop(lock);
        assert!(bytes() == before, "closing it wrote something");
        let lock = Lock::take(temp.path()).unwrap();
        note(&Store::open_locked(&lock, 1 << 20, Mode::Threads, |_| {}).unwrap()).await.unwrap();
    }
}
