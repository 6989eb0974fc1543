//! A file on trial: what redb writes while it opens one is kept back until all of the store could be opened. A file that turns
//! out to be damaged is left as it was, to be looked at and to be restored over.
//!
//! Each commit says which pages are free, so redb opens a file after an unclean end as after a clean one. Where the last one
//! did not, redb reads everything before it writes anything, and what it then writes is far less than the file. Should it ever
//! be more than [`MOST`], the file passes, so that memory has a bound.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;
use redb::backends::FileBackend;

/// Most bytes that are kept back.
const MOST: usize = 64 << 20;

/// Something that was done to the file.
#[derive(Debug)]
enum Step {
    Write(u64, Vec<u8>),
    Length(u64),
    Sync,
}

/// A file that may be on trial.
#[derive(Debug)]
pub(super) struct Trial {
    file: FileBackend,
    /// What was done to it since the trial began; `None` once it has passed.
    steps: Mutex<Option<Vec<Step>>>,
    /// Most bytes that are kept back.
    most: usize,
}

impl Trial {
    /// A file that is tried until it [`Trial::passes`].
    pub(super) fn new(file: FileBackend) -> Arc<Trial> {
        Arc::new(Trial { file, steps: Mutex::new(Some(Vec::new())), most: MOST })
    }

    /// The file itself, for what does not change it.
    pub(super) fn file(&self) -> &FileBackend {
        &self.file
    }

    /// Does what was kept back, in the same order and with the same syncs, and whatever comes from now on at once.
    pub(super) fn passes(&self) -> io::Result<()> {
        self.pass(&mut self.steps())
    }

    fn pass(&self, steps: &mut Option<Vec<Step>>) -> io::Result<()> {
        for step in steps.as_deref().unwrap_or_default() {
            self.take(step)?;
        }
        *steps = None;
        Ok(())
    }

    fn take(&self, step: &Step) -> io::Result<()> {
        match step {
            Step::Write(offset, data) => self.file.write(*offset, data),
            Step::Length(length) => self.file.set_len(*length),
            Step::Sync => self.file.sync_data(),
        }
    }

    pub(super) fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut steps = self.steps();
        let Some(kept) = steps.as_mut() else {
            drop(steps);
            return self.file.write(offset, data);
        };
        kept.push(Step::Write(offset, data.to_vec()));
        let bytes: usize = kept.iter().map(|step| if let Step::Write(_, data) = step { data.len() } else { 0 }).sum();
        if bytes > self.most { self.pass(&mut steps) } else { Ok(()) }
    }

    pub(super) fn set_len(&self, length: u64) -> io::Result<()> {
        self.keep(Step::Length(length))
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.keep(Step::Sync)
    }

    fn keep(&self, step: Step) -> io::Result<()> {
        let mut steps = self.steps();
        if let Some(kept) = steps.as_mut() {
            kept.push(step);
            return Ok(());
        }
        drop(steps);
        self.take(&step)
    }

    pub(super) fn len(&self) -> io::Result<u64> {
        let steps = self.steps();
        let set = steps.iter().flatten().rev().find_map(|step| match step {
            Step::Length(length) => Some(*length),
            _ => None,
        });
        set.map_or_else(|| self.file.len(), Ok)
    }

    pub(super) fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let steps = self.steps();
        let Some(steps) = steps.as_ref().filter(|steps| !steps.is_empty()) else {
            drop(steps);
            return self.file.read(offset, out);
        };
        // What lies behind the end of the file is there once its length was set.
        let there = self.file.len()?.saturating_sub(offset);
        let there = usize::try_from(there).unwrap_or(usize::MAX).min(out.len());
        let (known, new) = out.split_at_mut(there);
        self.file.read(offset, known)?;
        if !new.is_empty() && !steps.iter().any(|step| matches!(step, Step::Length(_))) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        new.fill(0);
        for step in steps {
            let (at, data) = match step {
                Step::Write(at, data) => (at, data),
                Step::Length(length) => {
                    let kept = usize::try_from(length.saturating_sub(offset)).unwrap_or(usize::MAX);
                    out.get_mut(kept..).unwrap_or_default().fill(0);
                    continue;
                }
                Step::Sync => continue,
            };
            let (from, until) = (offset.max(*at), (offset + out.len() as u64).min(at + data.len() as u64));
            let Some(length) = until.checked_sub(from) else { continue };
            let part =
                |begin: u64| Some(usize::try_from(from - begin).ok()?..usize::try_from(from - begin + length).ok()?);
            if let (Some(to), Some(source)) =
                (part(offset).and_then(|range| out.get_mut(range)), part(*at).and_then(|range| data.get(range)))
            {
                to.copy_from_slice(source);
            }
        }
        Ok(())
    }

    fn steps(&self) -> MutexGuard<'_, Option<Vec<Step>>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_on_trial_is_read_at_once_and_reaches_the_file_only_when_it_passes() {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), b"0123456789").unwrap();
        let file = std::fs::File::options().read(true).write(true).open(path.path()).unwrap();
        let trial = Trial::new(FileBackend::new(file).unwrap());
        trial.write(3, b"abc").unwrap();
        trial.write(5, b"XY").unwrap();
        trial.set_len(12).unwrap();
        trial.sync().unwrap();
        trial.write(9, b"zzz").unwrap();
        let seen = |trial: &Trial| {
            let mut out = vec![0; usize::try_from(trial.len().unwrap()).unwrap()];
            trial.read(0, &mut out).unwrap();
            let mut part = [0; 4];
            trial.read(4, &mut part).unwrap();
            assert_eq!(part, out[4..8]);
            out
        };
        assert_eq!(seen(&trial), b"012abXY78zzz");
        assert_eq!(std::fs::read(path.path()).unwrap(), b"0123456789");
        trial.passes().unwrap();
        assert_eq!(std::fs::read(path.path()).unwrap(), b"012abXY78zzz");
        trial.write(0, b"9").unwrap();
        trial.set_len(4).unwrap();
        assert_eq!(std::fs::read(path.path()).unwrap(), b"912a");
        assert_eq!(trial.len().unwrap(), 4);
    }

    #[test]
    fn more_than_is_kept_back_passes_the_file() {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), b"0123456789").unwrap();
        let file = std::fs::File::options().read(true).write(true).open(path.path()).unwrap();
        let trial = Trial { file: FileBackend::new(file).unwrap(), steps: Mutex::new(Some(Vec::new())), most: 4 };
        trial.write(0, b"abcd").unwrap();
        assert_eq!(std::fs::read(path.path()).unwrap(), b"0123456789");
        trial.write(4, b"e").unwrap();
        assert_eq!(std::fs::read(path.path()).unwrap(), b"abcde56789");
        trial.write(5, b"f").unwrap();
        assert_eq!(std::fs::read(path.path()).unwrap(), b"abcdef6789");
    }
}
