//! A process that stands still while another one takes its place, and then goes on as if nothing had been: its directory was moved
//! away, and a copy of it was put there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tollgate::config::Config;
use tollgate::engine::Engine;
use tollgate::simulator::disk::Disk;
use tollgate::store::{Lock, Store};

use crate::exec::{Executor, SimClock};
use crate::fate::Fate;
use crate::guard::Chosen;
use crate::wires::Wires;
use crate::world::World;

/// The place where a process keeps its lock.
pub struct Place {
    /// Everything of it goes with the last process that had it.
    directory: Arc<tempfile::TempDir>,
    lock: Option<Lock>,
}

impl Place {
    pub fn new() -> Place {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Place { directory: Arc::new(directory), lock: None }
    }

    fn path(directory: &tempfile::TempDir) -> PathBuf {
        directory.path().join("data")
    }

    /// Takes the lock.
    pub fn take(&mut self) -> &Lock {
        self.lock.insert(Lock::take(&Place::path(&self.directory)).unwrap())
    }

    /// Lets it go.
    pub fn leave(&mut self) {
        self.lock = None;
    }
}

/// What a process leaves to the one that takes its place.
pub struct Estate {
    pub clock: Arc<SimClock>,
    pub wires: Arc<Wires>,
    pub fate: Arc<Fate>,
    pub disk: Disk,
    pub config: Config,
    pub seed: u64,
    unwanted: BTreeSet<String>,
    directory: Arc<tempfile::TempDir>,
}

impl Estate {
    pub fn of(world: &World) -> Option<Estate> {
        let place = world.place.as_ref()?;
        Some(Estate {
            clock: world.clock.clone(),
            wires: world.wires.clone(),
            fate: world.fate.clone(),
            disk: world.disk.clone(),
            config: world.config.clone(),
            seed: u64::from(world.lives),
            unwanted: world.unwanted.clone(),
            directory: place.directory.clone(),
        })
    }

    /// Another process takes the place of the one that stands still, and works for so long.
    pub fn pass_on(&self, time: Duration) -> World {
        self.fate.note(|| "another process takes its place".to_owned());
        let data = Place::path(&self.directory);
        std::fs::rename(&data, aside(&data)).unwrap();
        let copy = Disk::holding(self.disk.bytes());
        let (clock, wires, fate) = (self.clock.clone(), self.wires.clone(), self.fate.clone());
        let mut heir = World::of(clock, wires, fate, copy, self.config.clone(), self.seed);
        heir.place = Some(Place { directory: self.directory.clone(), lock: None });
        heir.unwanted.clone_from(&self.unwanted);
        heir.live();
        heir.run(heir.passed() + time, |_| false);
        self.fate.note(|| "the one that stood still goes on".to_owned());
        heir
    }
}

fn aside(data: &Path) -> PathBuf {
    data.with_extension("aside")
}

/// A process that was replaced, beside the one that replaced it.
pub struct Elder {
    pub executor: Executor,
    pub engine: Option<Engine<Chosen>>,
    /// They are its own as long as it runs.
    pub _store: Option<Store>,
    pub _place: Option<Place>,
}

impl Elder {
    /// Whether it works on as if it were the one.
    pub fn goes_on(&self) -> bool {
        self.engine.as_ref().is_some_and(|engine| engine.lost().is_none() || !engine.has_failed())
    }
}
