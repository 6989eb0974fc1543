//! The store's handle and its one writer.
//!
//! In the real program a thread of its own takes jobs from a channel and puts all that wait into one durable commit. In a
//! simulation the same code runs inline, so that nothing depends on threads.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use redb::backends::FileBackend;
use redb::{
    Builder, Database, DatabaseError, Durability, ReadableDatabase, StorageBackend, TableHandle, WriteTransaction,
};
use tokio::sync::{oneshot, watch};

use super::at::{Commit, Moment};
use super::fence::{Fence, FencedFile, Held};
use super::files::Lock;
use super::records::Meta;
use super::totals::Totals;
use super::trial::Trial;
use super::write::{Tx, read_meta};
use super::{Lost, Reader, StoreError, files, tables};

/// Schema version written now.
const SCHEMA: u32 = 1;
/// Jobs that may share a commit.
const GROUP: usize = 64;
/// How an attempt says that a step failed after it had changed something.
const GIVEN_UP: &str = "given up";

/// Where the store's calls run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Writes on a thread of their own, reads on the runtime's blocking threads.
    Threads,
    /// Everything at once on the caller's thread: for simulations and short commands.
    Inline,
}

type Job = Box<dyn FnOnce(Result<&mut Tx<'_>, StoreError>) -> Finish + Send>;
/// Whether the step was good, and what to call once the commit is known to be durable or lost.
struct Finish {
    ok: bool,
    done: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

struct Inner {
    db: RwLock<Option<Database>>,
    totals: watch::Sender<Arc<Totals>>,
    commits: Mutex<u64>,
    /// After a failed write redb refuses everything until the file is opened again, and what a panic left behind in it is not
    /// trusted either.
    broken: AtomicBool,
    /// Closed for good: nothing opens it again.
    closed: AtomicBool,
    reopen: Opener,
    held: Option<Arc<Held>>,
    /// Why the last commit could not be made.
    trouble: Mutex<Option<String>>,
}

/// Hears of each moment of each named commit of an inline store, before anything follows from it.
pub type Watcher = Arc<dyn Fn(&'static str, Moment) + Send + Sync>;

/// Who makes the commits.
#[derive(Clone)]
enum Writer {
    /// A thread of its own.
    Thread(SyncSender<Job>),
    /// The caller, in front of a watcher.
    Inline(Option<Watcher>),
}

/// Opens the database anew; what a failed write leaves behind is never worked on.
type Opener = Box<dyn Fn() -> Result<Database, StoreError> + Send + Sync>;

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    writer: Writer,
    fence: Fence,
}

impl Store {
    /// Opens the store of a data directory, creating it where it is missing. A file that is damaged or something else gets a
    /// clear error and is left as it was. `progress` hears how far the check after an unclean end is, from 0 to 1.
    pub fn open(
        data_dir: &Path,
        cache: usize,
        mode: Mode,
        progress: impl Fn(f64) + 'static,
    ) -> Result<Store, StoreError> {
        Self::open_file(data_dir, None, cache, mode, progress)
    }

    /// Opens the store of a data directory that this process has locked. Once the directory is lost nothing more is written.
    pub fn open_locked(
        lock: &Lock,
        cache: usize,
        mode: Mode,
        progress: impl Fn(f64) + 'static,
    ) -> Result<Store, StoreError> {
        let held = lock.held.clone();
        Self::open_file(held.clone().dir(), Some(held), cache, mode, progress)
    }

    fn open_file(
        data_dir: &Path,
        held: Option<Arc<Held>>,
        cache: usize,
        mode: Mode,
        progress: impl Fn(f64) + 'static,
    ) -> Result<Store, StoreError> {
        files::create_data_dir(data_dir)?;
        let path = files::store_path(data_dir);
        // On some damage redb panics where it should refuse.
        let named = path.clone();
        guarded(move || {
            let (db, trial) = open_database(&path, held.clone(), cache, progress)?;
            prepare(&db)?;
            Reader::new(db.begin_read()?).totals()?;
            passes(trial.as_deref(), held.as_deref())?;
            let again = held.clone();
            let reopen = Box::new(move || {
                let (db, trial) = open_database(&path, again.clone(), cache, |_| {})?;
                passes(trial.as_deref(), again.as_deref())?;
                Ok(db)
            });
            Self::start(db, mode, None, held, reopen)
        })
        .map_err(|error| match error {
            StoreError::Record(what) => StoreError::Damaged { path: named, what },
            other => other,
        })
    }

    /// Opens a store on a storage backend, for simulations. After a failed write it stays broken.
    pub fn on_backend(backend: impl StorageBackend, cache: usize) -> Result<Store, StoreError> {
        let db = on_backend(backend, cache)?;
        prepare(&db)?;
        Self::start(
            db,
            Mode::Inline,
            None,
            None,
            Box::new(|| Err(StoreError::Disk("the backend cannot be opened again".to_owned()))),
        )
    }

    /// Opens a store on what `make` gives each time, for simulations of disks that fail and are mended: after a failed write
    /// the backend is made anew, as the file would be opened again.
    pub fn on_backends<B, F>(make: F, cache: usize, watcher: Option<Watcher>) -> Result<Store, StoreError>
    where
        B: StorageBackend,
        F: Fn() -> B + Send + Sync + 'static,
    {
        Self::simulated(make, cache, watcher, None)
    }

    /// The same behind the lock of a data directory: once that is lost nothing more is written.
    pub fn on_locked_backends<B, F>(
        lock: &Lock,
        make: F,
        cache: usize,
        watcher: Option<Watcher>,
    ) -> Result<Store, StoreError>
    where
        B: StorageBackend,
        F: Fn() -> B + Send + Sync + 'static,
    {
        Self::simulated(make, cache, watcher, Some(lock.held.clone()))
    }

    fn simulated<B, F>(
        make: F,
        cache: usize,
        watcher: Option<Watcher>,
        held: Option<Arc<Held>>,
    ) -> Result<Store, StoreError>
    where
        B: StorageBackend,
        F: Fn() -> B + Send + Sync + 'static,
    {
        let db = on_backend(make(), cache)?;
        prepare(&db)?;
        Self::start(db, Mode::Inline, watcher, held, Box::new(move || on_backend(make(), cache)))
    }

    fn start(
        db: Database,
        mode: Mode,
        watcher: Option<Watcher>,
        held: Option<Arc<Held>>,
        reopen: Opener,
    ) -> Result<Store, StoreError> {
        let totals = Reader::new(db.begin_read()?).totals()?;
        let (sender, _) = watch::channel(Arc::new(totals));
        let inner = Arc::new(Inner {
            db: RwLock::new(Some(db)),
            totals: sender,
            commits: Mutex::new(0),
            broken: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            reopen,
            held: held.clone(),
            trouble: Mutex::new(None),
        });
        let writer = match mode {
            Mode::Inline => Writer::Inline(watcher),
            Mode::Threads => {
                let (sender, receiver) = sync_channel::<Job>(1024);
                let for_thread = inner.clone();
                std::thread::Builder::new()
                    .name("store".to_owned())
                    .spawn(move || run(&for_thread, &receiver))
                    .map_err(|error| StoreError::Disk(error.to_string()))?;
                Writer::Thread(sender)
            }
        };
        Ok(Store { inner, writer, fence: Fence::new(held) })
    }

    /// The same store for the engine of an epoch: once the store is in another, no step of this handle is taken.
    pub fn of_epoch(&self, epoch: u64) -> Store {
        Store { fence: self.fence.of_epoch(epoch), ..self.clone() }
    }

    /// Looks whether this engine still holds its data directory and its epoch; to be asked before each send. It takes some
    /// microseconds.
    pub fn still_held(&self) -> Result<(), StoreError> {
        self.fence.heard(self.look())
    }

    fn look(&self) -> Result<(), StoreError> {
        self.inner.held.as_ref().map_or(Ok(()), |held| held.check())?;
        match self.fence.epoch {
            Some(_) => self.fence.admits(self.read_now(|reader| reader.meta(Meta::Epoch))?),
            None => Ok(()),
        }
    }

    /// Why the last commit could not be made: the disk is full or broken. Gone with the next good one.
    pub fn trouble(&self) -> Option<String> {
        self.inner.trouble.lock().ok()?.clone()
    }

    /// Whether a data directory is held for it, which may be lost.
    pub fn is_locked(&self) -> bool {
        self.inner.held.is_some()
    }

    /// That data directory or epoch are lost, once it was noticed.
    pub fn lost(&self) -> Option<Lost> {
        self.fence.lost()
    }

    /// Waits until that is noticed.
    pub async fn until_lost(&self) {
        self.fence.fell().await;
    }

    /// Runs a step in a write transaction and returns once it is durable. A step that fails leaves nothing behind.
    pub async fn write<P, R, F>(&self, _: P, step: F) -> Result<R, StoreError>
    where
        P: Commit,
        R: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<R, StoreError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let fence = self.fence.clone();
        let step = move |tx: &mut Tx<'_>| fence.admits(tx.epoch()).and_then(|()| step(tx));
        let job = job(step, move |result| drop(sender.send(result)));
        match &self.writer {
            Writer::Inline(None) => commit(&self.inner, vec![job], &|_| {}),
            Writer::Inline(Some(watcher)) => commit(&self.inner, vec![job], &|moment| watcher(P::NAME, moment)),
            Writer::Thread(jobs) => match jobs.try_send(job) {
                Ok(()) => {}
                Err(std::sync::mpsc::TrySendError::Full(job)) => {
                    let jobs = jobs.clone();
                    tokio::task::spawn_blocking(move || jobs.send(job))
                        .await
                        .map_err(|_| StoreError::Closed)?
                        .map_err(|_| StoreError::Closed)?;
                }
                Err(std::sync::mpsc::TrySendError::Disconnected(_)) => return Err(StoreError::Closed),
            },
        }
        self.fence.heard(receiver.await.map_err(|_| StoreError::Closed)?)
    }

    /// Runs a step at once on this thread, and nobody watches: for tests and benchmarks that prepare a store.
    pub fn write_now<R, F>(&self, step: F) -> Result<R, StoreError>
    where
        R: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<R, StoreError> + Send + 'static,
    {
        let slot = Arc::new(Mutex::new(None));
        let filled = slot.clone();
        let job = job(step, move |result| {
            if let Ok(mut slot) = filled.lock() {
                *slot = Some(result);
            }
        });
        commit(&self.inner, vec![job], &|_| {});
        slot.lock().ok().and_then(|mut slot| slot.take()).unwrap_or(Err(StoreError::Closed))
    }

    /// Reads on a blocking thread (or inline).
    pub async fn read<R, F>(&self, look: F) -> Result<R, StoreError>
    where
        R: Send + 'static,
        F: FnOnce(&Reader) -> Result<R, StoreError> + Send + 'static,
    {
        if matches!(self.writer, Writer::Inline(_)) {
            return self.read_now(look);
        }
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.read_now(look)).await.map_err(|_| StoreError::Closed)?
    }

    /// Reads on this thread.
    pub fn read_now<R>(&self, look: impl FnOnce(&Reader) -> Result<R, StoreError>) -> Result<R, StoreError> {
        let txn = {
            let db = self.inner.db.read().unwrap_or_else(PoisonError::into_inner);
            // Behind a write that failed redb says no more than that it did.
            let known = |error| self.trouble().map_or_else(|| StoreError::from(error), StoreError::Disk);
            db.as_ref().ok_or(StoreError::Closed)?.begin_read().map_err(known)?
        };
        guarded(|| look(&Reader::new(txn)))
    }

    /// The counters after each commit.
    pub fn totals(&self) -> watch::Receiver<Arc<Totals>> {
        self.inner.totals.subscribe()
    }

    /// Closes the file cleanly; later calls are refused.
    pub fn close(&self) {
        self.inner.closed.store(true, Ordering::Release);
        drop(self.inner.db.write().unwrap_or_else(PoisonError::into_inner).take());
    }
}

fn job<R, F>(step: F, tell: impl FnOnce(Result<R, StoreError>) + Send + 'static) -> Job
where
    R: Send + 'static,
    F: FnOnce(&mut Tx<'_>) -> Result<R, StoreError> + Send + 'static,
{
    Box::new(move |tx| {
        let result = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| tx.and_then(step))) {
            Ok(result) => result,
            // Whoever waits for this one hears of it; the transaction goes down with the panic, as redb asks.
            Err(panic) => {
                tell(Err(panicked(&*panic)));
                std::panic::resume_unwind(panic)
            }
        };
        let ok = result.is_ok();
        Finish {
            ok,
            done: Box::new(move |commit| {
                tell(match (result, commit) {
                    (Ok(value), Ok(())) => Ok(value),
                    (Ok(_), Err(error)) => Err(error),
                    (Err(error), _) => Err(error),
                });
            }),
        }
    })
}

/// Turns a panic into an error: redb panics on pages that are not as it wrote them.
fn guarded<R>(work: impl FnOnce() -> Result<R, StoreError>) -> Result<R, StoreError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panicked(&*panic)))
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> StoreError {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    StoreError::Record(text.unwrap_or_else(|| "for a reason unknown".to_owned()))
}

fn run(inner: &Inner, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut group = vec![first];
        while group.len() < GROUP {
            match jobs.try_recv() {
                Ok(job) => group.push(job),
                Err(_) => break,
            }
        }
        commit(inner, group, &|_| {});
    }
}

/// One commit for all jobs. If one fails after it had changed something, or panics, the commit is given up for those that are in
/// it, and the later ones get another.
fn commit(inner: &Inner, group: Vec<Job>, reached: &dyn Fn(Moment)) {
    let mut jobs = group.into_iter();
    loop {
        let mut finished = Vec::with_capacity(jobs.len());
        let (waiting, mut whole) = (jobs.len(), false);
        let outcome = guarded(|| {
            let outcome = attempt(inner, &mut jobs, &mut finished, reached);
            whole = true;
            outcome
        });
        if !whole {
            inner.broken.store(true, Ordering::Release);
        }
        let outcome = match outcome {
            // It was none of the steps that panicked: the next one would not fare better.
            Err(error) if !whole && jobs.len() == waiting => Err(refuse(&mut jobs, error)),
            outcome => outcome,
        };
        let outcome = outcome.map_err(|error| match error {
            StoreError::Disk(what) => what,
            error => error.to_string(),
        });
        let given_up = outcome.as_ref().is_err_and(|error| error == GIVEN_UP);
        // On a disk that is only full the file can be read all the same.
        if inner.held.is_some() && inner.broken.load(Ordering::Acquire) {
            let _ = guarded(|| reopen(inner));
        }
        if let Ok(mut trouble) = inner.trouble.lock() {
            *trouble = outcome.clone().err().filter(|_| !given_up);
        }
        let lost = inner.held.as_ref().and_then(|held| held.lost());
        for finish in finished {
            (finish.done)(match (&outcome, &lost) {
                (Ok(()), _) => Ok(()),
                (Err(_), Some(lost)) => Err(StoreError::Lost(lost.clone())),
                (Err(_), None) if given_up => Err(StoreError::GivenUp),
                (Err(error), None) => Err(StoreError::Disk(error.clone())),
            });
        }
        if (whole && !given_up) || jobs.len() == 0 {
            return;
        }
    }
}

/// Tells all of them that they cannot be done, and why.
fn refuse(jobs: &mut std::vec::IntoIter<Job>, error: StoreError) -> StoreError {
    let text = error.to_string();
    for job in jobs {
        let finish = job(Err(match &error {
            StoreError::Closed => StoreError::Closed,
            StoreError::Lost(lost) => StoreError::Lost(lost.clone()),
            StoreError::Disk(what) => StoreError::Disk(what.clone()),
            _ => StoreError::Disk(text.clone()),
        }));
        (finish.done)(Ok(()));
    }
    error
}

fn attempt(
    inner: &Inner,
    jobs: &mut std::vec::IntoIter<Job>,
    finished: &mut Vec<Finish>,
    reached: &dyn Fn(Moment),
) -> Result<(), StoreError> {
    reached(Moment::Before);
    if let Some(Err(error)) = inner.held.as_ref().map(|held| held.check()) {
        return Err(refuse(jobs, error));
    }
    if inner.broken.load(Ordering::Acquire)
        && let Err(error) = reopen(inner)
    {
        return Err(refuse(jobs, error));
    }
    let db = inner.db.read().unwrap_or_else(PoisonError::into_inner);
    let Some(db) = db.as_ref() else { return Err(refuse(jobs, StoreError::Closed)) };
    let started = begin(db);
    let txn = match started {
        Ok(txn) => txn,
        Err(error) => {
            inner.broken.store(true, Ordering::Release);
            return Err(refuse(jobs, error));
        }
    };
    let mut commits = inner.commits.lock().unwrap_or_else(PoisonError::into_inner);
    let before = Totals::clone(&inner.totals.borrow());
    let mut totals = {
        let mut tx = match Tx::open(&txn, before) {
            Ok(tx) => tx,
            Err(error) => return Err(refuse(jobs, error)),
        };
        let mut good = true;
        for job in jobs.by_ref() {
            let writes = tx.writes();
            let finish = job(Ok(&mut tx));
            good &= finish.ok || tx.writes() == writes;
            finished.push(finish);
            if !good {
                break;
            }
        }
        if !good {
            return Err(StoreError::Rule(GIVEN_UP.to_owned()));
        }
        tx.finish().inspect_err(|error| {
            if error.is_disk() {
                inner.broken.store(true, Ordering::Release);
            }
        })?
    };
    reached(Moment::Inside);
    if let Err(error) = txn.commit() {
        inner.broken.store(true, Ordering::Release);
        return Err(error.into());
    }
    *commits += 1;
    totals.commits = *commits;
    inner.totals.send_replace(Arc::new(totals));
    reached(Moment::After);
    Ok(())
}

/// Begins a durable commit. With it redb saves which pages are free: it costs a second sync and up to some 75 KB for each GB of
/// the file, and without it the next opening after a kill would read the whole file first, for seconds or minutes.
fn begin(db: &Database) -> Result<WriteTransaction, StoreError> {
    let mut txn = db.begin_write()?;
    txn.set_durability(Durability::Immediate)?;
    txn.set_quick_repair(true);
    Ok(txn)
}

/// The file could be opened: what was kept back until now is done to it, unless the directory was lost meanwhile.
fn passes(trial: Option<&Trial>, held: Option<&Held>) -> Result<(), StoreError> {
    held.map_or(Ok(()), Held::check)?;
    trial.map_or(Ok(()), Trial::passes).map_err(|error| StoreError::Disk(error.to_string()))
}

/// Opens the file anew after a failed write or a panic: what was durable before is there, what failed is not.
fn reopen(inner: &Inner) -> Result<(), StoreError> {
    let mut slot = inner.db.write().unwrap_or_else(PoisonError::into_inner);
    if inner.closed.load(Ordering::Acquire) {
        return Err(StoreError::Closed);
    }
    drop(slot.take());
    let db = (inner.reopen)()?;
    let totals = Reader::new(db.begin_read()?).totals()?;
    *slot = Some(db);
    inner.broken.store(false, Ordering::Release);
    inner.totals.send_replace(Arc::new(totals));
    Ok(())
}

fn on_backend(backend: impl StorageBackend, cache: usize) -> Result<Database, StoreError> {
    let mut builder = Builder::new();
    builder.set_cache_size(cache);
    builder.create_with_backend(backend).map_err(|error| open_error(Path::new("(memory)"), error))
}

fn open_database(
    path: &Path,
    held: Option<Arc<Held>>,
    cache: usize,
    progress: impl Fn(f64) + 'static,
) -> Result<(Database, Option<Arc<Trial>>), StoreError> {
    let (file, _) = files::open_file(path)?;
    if let Some(held) = &held {
        held.keep(path, &file)?;
    }
    let file = FileBackend::new(file).map_err(|error| open_error(path, error))?;
    let mut builder = Builder::new();
    builder.set_cache_size(cache);
    builder.set_repair_callback(move |session| progress(session.progress()));
    let (opened, trial) = match held {
        Some(held) => {
            let trial = Trial::new(file);
            (builder.create_with_backend(FencedFile { trial: trial.clone(), held }), Some(trial))
        }
        None => (builder.create_with_backend(file), None),
    };
    Ok((opened.map_err(|error| open_error(path, error))?, trial))
}

/// Creates the tables of a new store; refuses a newer schema; this is where older ones are brought up to date.
fn prepare(db: &Database) -> Result<(), StoreError> {
    let txn = begin(db)?;
    {
        let is_without = |name: &str| Ok::<_, StoreError>(txn.list_tables()?.all(|table| table.name() != name));
        let (without_rivals, without_links) =
            (is_without(tables::RIVALS.name())?, is_without(tables::PAIR_LINKED.name())?);
        let mut tx = Tx::open(&txn, Totals::default())?;
        if without_rivals {
            tx.index_rivals()?;
        }
        if without_links {
            tx.index_links()?;
        }
        drop(tx);
        let mut meta = txn.open_table(tables::META)?;
        match read_meta::<u32>(&meta, Meta::Schema)? {
            None => drop(meta.insert(Meta::Schema.key(), super::codec::encode(&SCHEMA)?.as_slice())?),
            Some(SCHEMA) => {}
            Some(found) if found > SCHEMA => return Err(StoreError::Newer { found, known: SCHEMA }),
            Some(older) => migrate(&txn, older)?,
        }
    }
    txn.commit()?;
    Ok(())
}

/// Brings an older schema up to date inside the opening transaction, one version after the other.
fn migrate(_txn: &redb::WriteTransaction, older: u32) -> Result<(), StoreError> {
    Err(StoreError::Record(format!("there is no way from schema version {older}")))
}

fn open_error(path: &Path, error: DatabaseError) -> StoreError {
    let path = PathBuf::from(path);
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path },
        other => StoreError::Damaged { path, what: other.to_string() },
    }
}
