//! A world: both systems, a disk, a clock, and the engine that lives, ends and lives again in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tollgate::config::{Config, Mode};
use tollgate::engine::{Engine, NoBell, Parts};
use tollgate::messages::{Answer, Command, LogRing, Order, PostingMode, Question, Service, VendorCommand};
use tollgate::model::{BillAction, MasterField, Person, Secret, State, Timestamp};
use tollgate::seams::{Clock, Seams, SeededChance};
use tollgate::simulator::disk::Disk;
use tollgate::simulator::gateway::{Gateway, GatewayOptions};
use tollgate::simulator::procurement::Procurement;
use tollgate::simulator::wire::Chance;
use tollgate::simulator::world::{Addresses, World as Data};
use tollgate::store::{Store, Watcher};
use tollgate::vault::{KeySource, Vault};

use crate::exec::{EngineClock, Executor, SimClock};
use crate::fate::{Blow, Death, Fate, Point};
use crate::guard::Chosen;
use crate::lock;
use crate::replaced::{Elder, Estate, Place};
use crate::wires::Wires;

/// How long a request may take effect after its last byte.
pub const LATE_COMMIT: Duration = Duration::from_secs(600);
/// How long until a query sees what was committed.
pub const READ_LAG: Duration = Duration::from_secs(60);
/// Both together.
pub const QUIET: Duration = Duration::from_secs(660);
/// How long until an audit has seen whatever is there when it begins.
pub const AUDITED: Duration = Duration::from_secs(7 * 3600);
/// Bytes of page cache.
const CACHE: usize = 4 << 20;
/// Polls without time passing after which the engine is taken to run in circles.
const CIRCLES: u64 = 50_000;

/// Configuration, vault and key of all worlds: files, because the product reads them from files.
pub struct Ground {
    pub config: Config,
    data: Data,
    key: PathBuf,
    _directory: tempfile::TempDir,
}

/// The ground, made once.
pub fn ground() -> &'static Ground {
    static GROUND: OnceLock<Ground> = OnceLock::new();
    GROUND.get_or_init(|| {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let data = Data::bulk(1, 1, 1);
        let addresses = Addresses {
            jaggaer_base: "http://127.0.0.1:8082/j1p/api/public".to_owned(),
            issuer: "http://127.0.0.1:8082/auth/realms/J1p-integrations".to_owned(),
            gateway_url: "http://127.0.0.1:8081/ia/xml/xmlgw.phtml".to_owned(),
        };
        let path = data.files(directory.path(), &addresses).unwrap();
        let mut config = Config::load(&path, &|_| None).unwrap();
        config.posting.mode = Mode::Post;
        config.posting.late_commit = LATE_COMMIT;
        config.posting.read_lag = READ_LAG;
        config.schedule.timezone = "UTC".to_owned();
        config.schedule.dimensions = "0 0 */12 * * *".to_owned();
        config.schedule.vendors = "0 30 */6 * * *".to_owned();
        config.schedule.invoices = "0 */15 * * * *".to_owned();
        // Within `AUDITED` there is always one that is later than the quiet time.
        config.schedule.audit = "0 5 */6 * * *".to_owned();
        config.intacct.session_lifetime = Duration::from_secs(3000);
        let key = directory.path().canonicalize().unwrap().join("key");
        let mut vault =
            Vault::open_or_create(&config.data_dir, KeySource::File(key.clone()), jiff::Timestamp::UNIX_EPOCH).unwrap();
        for (name, value) in data.secrets() {
            vault.set(name, &Secret::new(value), jiff::Timestamp::UNIX_EPOCH).unwrap();
        }
        Ground { config, data, key, _directory: directory }
    })
}

/// What a world is made of.
pub struct Plan {
    pub seed: u64,
    /// What is on the disk when it begins.
    pub disk: Vec<u8>,
    pub deaths: Vec<Death>,
    pub action: BillAction,
    pub functions: usize,
    pub in_flight: usize,
    pub traced: bool,
}

impl Plan {
    pub fn new(seed: u64, disk: Vec<u8>) -> Plan {
        Plan { seed, disk, deaths: Vec::new(), action: BillAction::Submit, functions: 2, in_flight: 1, traced: false }
    }
}

type Act = Box<dyn FnOnce(&mut World) + Send>;
/// What came of a start, once it is over.
type Starting = Arc<Mutex<Option<Result<Engine<Chosen>, String>>>>;

/// A world.
pub struct World {
    pub clock: Arc<SimClock>,
    pub wires: Arc<Wires>,
    pub fate: Arc<Fate>,
    pub disk: Disk,
    pub config: Config,
    pub chance: Chance,
    pub store: Option<Store>,
    pub engine: Option<Engine<Chosen>>,
    /// Lives so far.
    pub lives: u32,
    /// The longest pause between two lives.
    pub pause: Duration,
    /// Where the lock is, in a world in which another process takes it.
    pub place: Option<Place>,
    /// Who was replaced.
    pub elder: Option<Elder>,
    heir: Arc<Mutex<Option<World>>>,
    executor: Executor,
    starting: Starting,
    /// What happens from outside, and when.
    script: BTreeMap<(Duration, u64), Act>,
    next_act: u64,
    orders: u64,
    /// Marks of invoices that lost their approval: no life that begins later may send them.
    pub unwanted: BTreeSet<String>,
    /// How many entries the trail had when something happened from outside, and when the store was opened.
    pub chapters: Vec<(Timestamp, u64)>,
}

impl World {
    /// A world with these lists and empty books, in which nobody lives yet.
    pub fn new(plan: Plan) -> World {
        let data = &ground().data;
        let clock = SimClock::new();
        let disk = Disk::holding(plan.disk);
        let replaced = plan.deaths.iter().any(|death| matches!(death.blow, Blow::Replaced(_)));
        let fate = Arc::new(Fate::new(disk.clone(), plan.deaths, plan.seed, plan.traced));
        let options = GatewayOptions { concurrency: plan.in_flight.max(2) * 4, ..data.gateway.clone() };
        let gateway = Gateway::new(options, data.masters.clone(), plan.seed);
        let procurement = Procurement::new(data.procurement.clone(), plan.seed);
        let wires = Wires::new(gateway, procurement, clock.clone(), fate.clone(), plan.seed);
        let mut config = ground().config.clone();
        config.posting.action = plan.action;
        config.intacct.functions_per_request = plan.functions;
        config.intacct.max_in_flight = plan.in_flight;
        let mut world = World::of(clock, wires, fate, disk, config, plan.seed);
        world.place = replaced.then(Place::new);
        world
    }

    /// One process in a world that is there.
    pub fn of(
        clock: Arc<SimClock>,
        wires: Arc<Wires>,
        fate: Arc<Fate>,
        disk: Disk,
        config: Config,
        seed: u64,
    ) -> World {
        World {
            clock,
            wires,
            fate,
            disk,
            config,
            chance: Chance::new(seed),
            store: None,
            engine: None,
            lives: 0,
            pause: Duration::from_secs(5),
            place: None,
            elder: None,
            heir: Arc::default(),
            executor: Executor::default(),
            starting: Arc::default(),
            script: BTreeMap::new(),
            next_act: 0,
            orders: 0,
            unwanted: BTreeSet::new(),
            chapters: Vec::new(),
        }
    }

    pub fn passed(&self) -> Duration {
        self.clock.passed()
    }

    /// Something happens from outside so long after the beginning.
    pub fn at(&mut self, when: Duration, act: impl FnOnce(&mut World) + Send + 'static) {
        self.next_act += 1;
        self.script.insert((when.max(self.passed()), self.next_act), Box::new(act));
    }

    /// A life begins: the store is opened and the engine started.
    pub fn live(&mut self) {
        lock(&self.wires.forbidden).clone_from(&self.unwanted);
        self.lives += 1;
        self.fate.live(self.disk.clone());
        self.fate.note(|| format!("life {}", self.lives));
        let (disk, fate, heir) = (self.disk.clone(), self.fate.clone(), self.heir.clone());
        let estate = Estate::of(self);
        let watcher: Watcher = Arc::new(move |name, moment| {
            let _ = fate.reached(Point::Commit(name, moment));
            if let Some(estate) = &estate
                && let Some(seconds) = fate.take_replaced()
            {
                *lock(&heir) = Some(estate.pass_on(Duration::from_secs(seconds)));
            }
        });
        let opened = match self.place.as_mut().map(Place::take) {
            Some(held) => Store::on_locked_backends(held, move || disk.again(), CACHE, Some(watcher)),
            None => Store::on_backends(move || disk.again(), CACHE, Some(watcher)),
        };
        let store = match opened {
            Ok(store) => store,
            // The disk is full or failed while it was opened: somebody starts it again later.
            Err(error) => {
                self.fate.note(|| format!("not opened: {error}"));
                return self.try_again_later();
            }
        };
        self.store = Some(store.clone());
        self.mark_chapter();
        let seed = self.chance.next_u64();
        let seams = Seams {
            clock: Arc::new(EngineClock(self.clock.clone())) as Arc<dyn Clock>,
            chance: Arc::new(SeededChance::new(seed)),
            tasks: self.executor.started.clone(),
        };
        let vault = Vault::open(&self.config.data_dir, KeySource::File(ground().key.clone())).unwrap();
        let parts = Parts {
            config: self.config.clone(),
            store: store.clone(),
            vault,
            seams,
            networks: self.wires.networks(store),
            log: LogRing::new(),
            reread: Box::new(|| Err("nothing is read again".to_owned())),
        };
        let slot = Arc::new(Mutex::new(None));
        self.starting = slot.clone();
        tollgate::seams::Tasks::start(
            &*self.executor.started,
            Box::pin(async move {
                let started = Engine::<Chosen>::start_guarded(parts, Box::new(NoBell), true).await;
                *lock(&slot) = Some(started.map_err(|error| error.to_string()));
            }),
        );
    }

    fn mark_chapter(&mut self) {
        let Some(store) = &self.store else { return };
        // What cannot be read, because its disk failed, has at least as many as before.
        let known = self.chapters.last().map_or(0, |(_, count)| *count);
        let count = store.read_now(|reader| reader.audit_head()).map_or(known, |head| head.count);
        self.chapters.push((self.clock.true_now(), count));
    }

    fn try_again_later(&mut self) {
        let when = self.passed() + Duration::from_secs(30);
        self.at(when, |world| {
            if world.store.is_none() {
                world.disk.full(false);
                world.disk = world.disk.crash(&mut world.chance);
                world.live();
            }
        });
    }

    /// The process is gone: tasks, sleepers and the open file with it. What the disk kept is for the next life.
    pub fn bury(&mut self) {
        self.fate.note(|| "ended".to_owned());
        self.fate.end();
        self.engine = None;
        self.executor = Executor::default();
        self.clock.forget_timers();
        if let Some(store) = self.store.take() {
            drop(self.wires.networks(store.clone()));
            store.close();
        }
        if let Some(place) = &mut self.place {
            place.leave();
        }
        self.disk = self.disk.crash(&mut self.chance);
    }

    /// What a person orders of the running engine; what comes of it is seen in the store.
    pub fn order(&mut self, command: Command) {
        let Some(engine) = self.engine.clone() else { return };
        let order = Order { key: self.order_key(), command };
        let fate = self.fate.clone();
        tollgate::seams::Tasks::start(
            &*self.executor.started,
            Box::pin(async move {
                let person = Person { uid: 1000, name: "ada".to_owned(), as_stated: None };
                let said = match engine.tell(order, person).await {
                    Ok(outcome) => outcome.message,
                    Err(refusal) => refusal.to_string(),
                };
                fate.note(|| format!("order: {said}"));
            }),
        );
    }

    /// A key that no order had before, neither here nor in the world on whose disk this one began.
    fn order_key(&mut self) -> String {
        self.orders += 1;
        format!("order-{}-{}", self.passed().as_secs(), self.orders)
    }

    /// Types the phrase that starts posting, if it is asked for.
    pub fn start_posting(&mut self) {
        if let Some(PostingMode::WaitingForStart { phrase, .. }) = self.engine.as_ref().map(Engine::mode) {
            self.order(Command::StartPosting { phrase });
        }
    }

    /// Types the phrase that lets the vendors start, as the plan names it.
    pub fn start_vendors(&mut self) {
        self.start_vendors_with(Vec::new(), true);
    }

    /// The same for some fields only (none: all of them), and with or without new vendors.
    pub fn start_vendors_with(&mut self, fields: Vec<MasterField>, create: bool) {
        let Some(engine) = self.engine.clone() else { return };
        let (key, fate) = (self.order_key(), self.fate.clone());
        tollgate::seams::Tasks::start(
            &*self.executor.started,
            Box::pin(async move {
                let Ok(Answer::VendorsPlan(plan)) = engine.ask(Question::VendorsPlan).await else {
                    return fate.note(|| "there is no plan yet".to_owned());
                };
                let start = VendorCommand::Start { phrase: plan.phrase, fields, create };
                let person = Person { uid: 1000, name: "ada".to_owned(), as_stated: None };
                let said = engine.tell(Order { key, command: Command::Vendors(start) }, person).await;
                fate.note(|| format!("order: {said:?}"));
            }),
        );
    }

    /// Lets the world go on until `done`, or until so long after the beginning. Whoever ends lives again after a pause.
    pub fn run(&mut self, until: Duration, mut done: impl FnMut(&World) -> bool) -> bool {
        loop {
            self.settle_now();
            if self.engine.is_some() && self.script.is_empty() && done(self) {
                return true;
            }
            let act = self.script.keys().next().map(|(at, _)| *at);
            let next = [act, self.clock.next_timer(), self.wires.next_late()].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= until) else {
                self.clock.advance(until);
                return false;
            };
            self.clock.advance(next);
            self.wires.arrive();
            while let Some(entry) = self.script.first_entry().filter(|entry| entry.key().0 <= self.clock.passed()) {
                let act = entry.remove();
                self.mark_chapter();
                act(self);
            }
        }
    }

    /// Runs whoever can go on at this moment.
    fn settle_now(&mut self) {
        let mut polls = 0u64;
        loop {
            let mut worked = self.executor.run_one(&mut self.chance);
            if let Some(heir) = lock(&self.heir.clone()).take() {
                self.succeed(heir);
            }
            if let Some(elder) = &mut self.elder {
                worked |= elder.executor.run_one(&mut self.chance);
            }
            polls += 1;
            assert!(polls < CIRCLES, "the engine runs in circles\n{}", self.fate.trace());
            if self.fate.is_dead() && self.store.is_some() {
                self.bury();
                let pause = Duration::from_millis(200 + self.chance.below(self.pause.as_millis() as u64 + 1));
                let when = self.passed() + pause;
                self.at(when, |world| {
                    if world.store.is_none() {
                        world.live();
                    }
                });
                continue;
            }
            if let Some(seconds) = self.fate.take_filled() {
                let when = self.passed() + Duration::from_secs(seconds);
                self.at(when, |world| world.disk.full(false));
            }
            let started = lock(&self.starting).take();
            match started {
                Some(Ok(engine)) => self.engine = Some(engine),
                // It could not start, for its disk: somebody starts it again.
                Some(Err(error)) => {
                    self.fate.note(|| format!("not started: {error}"));
                    self.bury();
                    self.try_again_later();
                    continue;
                }
                None => {}
            }
            if !worked {
                return;
            }
        }
    }

    /// From now on this is the one process, and the one before goes on beside it.
    fn succeed(&mut self, heir: World) {
        let (executor, engine) = (std::mem::replace(&mut self.executor, heir.executor), self.engine.take());
        let (store, place) = (self.store.take(), self.place.take());
        self.elder = Some(Elder { executor, engine, _store: store, _place: place });
        (self.store, self.engine, self.place) = (heir.store, heir.engine, heir.place);
        (self.disk, self.starting) = (heir.disk, heir.starting);
    }

    /// How many documents there are, as of the last commit.
    pub fn documents(&self) -> u64 {
        self.store.as_ref().map_or(0, |store| store.totals().borrow().documents())
    }

    /// How many documents stand in a state, as of the last commit.
    pub fn count(&self, state: State) -> u64 {
        self.store.as_ref().map_or(0, |store| store.totals().borrow().count(state))
    }

    /// Whether nothing is left that settles by itself.
    pub fn is_at_rest(&self) -> bool {
        let Some(store) = &self.store else { return false };
        let busy = [State::Queued, State::Sent, State::Claimed].into_iter().any(|state| self.count(state) > 0);
        if busy && !self.is_paused() {
            return false;
        }
        store
            .read_now(|reader| {
                if reader.has_pending()? {
                    return Ok(false);
                }
                let doubtful = reader.in_state(State::InDoubt, 0, usize::MAX)?;
                Ok(reader.documents(&doubtful)?.iter().all(crate::oracle::is_with_a_person))
            })
            .unwrap_or(false)
    }

    /// Whether the running engine shows that the sending is paused.
    pub fn seems_paused(&self) -> bool {
        self.engine.as_ref().is_some_and(|engine| engine.snapshots().borrow().pause.is_some())
    }

    /// Whether an alarm or a person stopped the sending.
    pub fn is_paused(&self) -> bool {
        self.store
            .as_ref()
            .and_then(|store| {
                store.read_now(|reader| reader.meta::<tollgate::store::PauseRecord>(tollgate::store::Meta::Pause)).ok()
            })
            .flatten()
            .is_some()
    }
}
