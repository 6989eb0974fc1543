//! A disk in memory that does what disks do to a store: it is full, it fails a sync, it forgets or tears what was written and
//! not synced when the machine or the process ends.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

use super::wire::Chance;

/// Bytes that a disk writes whole or not at all.
const SECTOR: usize = 512;

/// A handle to a disk. What one handle wrote and did not sync is lost with it.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    platter: Arc<Mutex<Platter>>,
    /// A handle of an earlier life writes and reads nothing.
    life: u64,
}

#[derive(Debug, Default)]
struct Platter {
    bytes: Vec<u8>,
    /// What stood there before, of everything written since the last sync, oldest first.
    undo: Vec<Undo>,
    syncs: u64,
    writes: u64,
    /// The sync that fails, and whether what was written is on the disk all the same.
    fail: Option<(u64, bool)>,
    /// The process ends in this write or sync.
    ends_at: Option<u64>,
    full: bool,
    dead: bool,
    life: u64,
}

#[derive(Debug)]
struct Undo {
    at: usize,
    before: Vec<u8>,
    length: usize,
    /// How many bytes were written over it.
    written: usize,
}

impl Platter {
    /// As `Vec::resize`, which is slow without optimisation.
    fn resize(&mut self, length: usize) {
        let more = length.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&vec![0; more]);
        self.bytes.truncate(length);
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        if end > self.bytes.len() {
            self.resize(end);
        }
        if let Some(place) = self.bytes.get_mut(at..end) {
            place.copy_from_slice(bytes);
        }
    }

    /// Takes back what was not synced; what `keeps` says of each write stays, up to so many bytes of it.
    fn take_back(&mut self, mut keeps: impl FnMut(&Undo) -> usize) {
        let undo = std::mem::take(&mut self.undo);
        let kept: Vec<(usize, Vec<u8>)> = undo
            .iter()
            .map(|one| {
                let bytes = keeps(one).min(one.written);
                let end = (one.at + bytes).min(self.bytes.len());
                (one.at, self.bytes.get(one.at..end).unwrap_or_default().to_vec())
            })
            .collect();
        for one in undo.iter().rev() {
            self.resize(one.length.max(one.at + one.before.len()));
            self.put(one.at, &one.before);
            self.bytes.truncate(one.length);
        }
        for (at, bytes) in kept {
            if !bytes.is_empty() {
                self.put(at, &bytes);
            }
        }
    }

    /// Whether this is the write or sync in which the process ends.
    fn ends_now(&mut self) -> bool {
        match &mut self.ends_at {
            Some(0) => {
                self.dead = true;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }
}

impl Disk {
    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.platter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn living(&self) -> io::Result<MutexGuard<'_, Platter>> {
        let platter = self.platter();
        if platter.life == self.life { Ok(platter) } else { Err(gone()) }
    }

    /// A disk with these bytes on it.
    pub fn holding(bytes: Vec<u8>) -> Disk {
        let disk = Disk::default();
        disk.platter().bytes = bytes;
        disk
    }

    /// What is on it: a backup, taken while nobody writes.
    pub fn bytes(&self) -> Vec<u8> {
        self.platter().bytes.clone()
    }

    /// The sync after so many more fails; `kept` says whether what it should have made durable is there all the same.
    pub fn fail_sync(&self, after: u64, kept: bool) {
        let mut platter = self.platter();
        let at = platter.syncs + after;
        platter.fail = Some((at, kept));
    }

    /// From now on nothing can be written, or again.
    pub fn full(&self, full: bool) {
        self.platter().full = full;
    }

    /// The process ends after so many more writes and syncs: the next one is not made, nor any after it.
    pub fn end_after(&self, more: u64) {
        self.platter().ends_at = Some(more);
    }

    /// Whether the process ended in a write or sync.
    pub fn has_ended(&self) -> bool {
        let platter = self.platter();
        platter.dead && platter.ends_at == Some(0)
    }

    /// Opened again, as after the file handle was given up.
    pub fn again(&self) -> Disk {
        let mut platter = self.platter();
        if platter.dead {
            platter.dead = false;
            platter.take_back(|_| 0);
        }
        drop(platter);
        self.clone()
    }

    /// The process or the machine ends. Of what was not synced a part stays, by chance and torn at sectors. Handles from before
    /// are dead; the new one is given.
    pub fn crash(&self, chance: &mut Chance) -> Disk {
        let mut platter = self.platter();
        // A process that ends leaves all that it wrote, a machine leaves what it happened to write.
        let all = chance.below(3) == 0;
        platter.take_back(|one| match (all, chance.below(3)) {
            (true, _) | (_, 0) => one.written,
            (_, 1) => 0,
            _ => SECTOR * chance.below(one.written as u64 / SECTOR as u64 + 1) as usize,
        });
        platter.dead = false;
        platter.ends_at = None;
        platter.fail = None;
        platter.full = false;
        platter.life += 1;
        let life = platter.life;
        drop(platter);
        Disk { platter: self.platter.clone(), life }
    }
}

fn gone() -> io::Error {
    io::Error::other("the disk is gone")
}

fn position(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(io::Error::other)
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.living()?.bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let platter = self.living()?;
        let start = position(offset)?;
        let part = platter.bytes.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(part);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut platter = self.living()?;
        if platter.dead || platter.ends_now() {
            return Err(gone());
        }
        if platter.full && len > platter.bytes.len() as u64 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let (length, after) = (platter.bytes.len(), position(len)?);
        let before = platter.bytes.get(after..).unwrap_or_default().to_vec();
        platter.undo.push(Undo { at: after, before, length, written: 0 });
        platter.resize(after);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut platter = self.living()?;
        platter.syncs += 1;
        if platter.dead || platter.ends_now() {
            return Err(io::Error::other("the disk failed before"));
        }
        if let Some((at, kept)) = platter.fail
            && platter.syncs >= at
        {
            platter.fail = None;
            platter.dead = true;
            if kept {
                platter.undo.clear();
            }
            return Err(io::Error::other("the disk failed"));
        }
        platter.undo.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut platter = self.living()?;
        platter.writes += 1;
        if platter.dead || platter.ends_now() {
            return Err(gone());
        }
        if platter.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let start = position(offset)?;
        let length = platter.bytes.len();
        let before = platter.bytes.get(start..(start + data.len()).min(length)).unwrap_or_default().to_vec();
        platter.undo.push(Undo { at: start, before, length, written: data.len() });
        platter.put(start, data);
        Ok(())
    }
}
