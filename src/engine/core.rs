//! The engine itself: its parts, its tasks, its start and its end.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::build::{self, BuildError, Credentials, Networks, Parts};
use super::flow::Flow;
use super::polled::Polled;
use super::publish::Publisher;
use super::schedule::Bell;
use crate::config::{Config, Mode};
use crate::intacct::Gateway;
use crate::jaggaer::Client;
use crate::lane::{Again, FencedNetwork, Gate, Lane, LaneStatus, VendorTools};
use crate::mapping::ReferenceTable;
use crate::messages::{
    Answer, BillAudit, LogLine, LogRing, Order, Outcome, Question, Refusal, RefusalKind, Service, Snapshot,
};
use crate::model::{Actor, DocumentId, Person, ReferenceKind, State};
use crate::posting::Evaluator;
use crate::seams::{Boxed, Guard, Guards, Kept, Seams};
use crate::store::{Entry, Lost, Meta, PauseRecord, StartRecord, Store, StoreError, Tx, VendorStart, at};
use crate::vault::{PaymentMarker, Vault};

/// How often an engine that writes nothing looks whether it still holds its data directory.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A running engine. Cheap to clone; it ends with [`Engine::stop`]. `G` says which guards of the posting protocol hold: all of
/// them, but in a proof that shows that each is missed.
#[derive(Clone)]
pub struct Engine<G = Kept> {
    pub(super) inner: Arc<Inner>,
    guards: PhantomData<fn() -> G>,
}

pub(super) struct Inner {
    pub config: RwLock<Arc<Config>>,
    pub store: Store,
    pub vault: Mutex<Vault>,
    /// Held by whoever encrypts the raw documents anew.
    pub resealing: tokio::sync::Mutex<()>,
    pub seams: Seams,
    pub networks: Networks,
    pub jaggaer: RwLock<Arc<Client>>,
    pub gateway: Arc<Gateway>,
    pub evaluator: RwLock<Arc<Evaluator>>,
    pub gate: watch::Sender<Gate>,
    pub lane_wake: Arc<Notify>,
    /// Something is to be written to JAGGAER.
    pub supplier_wake: Notify,
    /// How often the writer of suppliers came to have nothing to do.
    pub supplier_rests: watch::Sender<u64>,
    /// Epoch of this engine.
    pub epoch: u64,
    pub lane: watch::Receiver<LaneStatus>,
    pub lane_again: mpsc::UnboundedSender<Again>,
    pub evaluate: Notify,
    /// Rises with each evaluation round that found nothing more to do.
    pub evaluated: watch::Sender<u64>,
    pub flows: Mutex<BTreeMap<&'static str, Flow>>,
    pub flow_changed: Notify,
    pub posting: Mutex<PostingControl>,
    /// What the last audit found.
    pub audited: Mutex<Option<BillAudit>>,
    pub snapshots: watch::Sender<Arc<Snapshot>>,
    pub publish: Notify,
    pub log: LogRing,
    pub stop: CancellationToken,
    pub failed: CancellationToken,
    pub tasks: TaskTracker,
    pub stopping: AtomicBool,
    /// JAGGAER was polled since the start or the last pause: only then is anything sent.
    pub polled: Polled,
    /// JAGGAER's suppliers were polled since the start: only then is a vendor written.
    pub suppliers_polled: AtomicBool,
    /// Marks bank and payment values.
    pub marker: PaymentMarker,
    /// Who let vendors be written, as the store has it.
    pub vendors_started: Mutex<Option<VendorStart>>,
    /// With which record that was put by itself the reference data here are as the store's.
    pub reference_news: AtomicU64,
    pub schedules: bool,
    pub reread: Box<dyn Fn() -> Result<Config, String> + Send + Sync>,
}

/// Who paused or started posting, as the store has it.
#[derive(Clone, Debug, Default)]
pub(super) struct PostingControl {
    pub pause: Option<PauseRecord>,
    pub start: Option<StartRecord>,
}

impl Engine {
    /// Starts an engine as [`Engine::start_guarded`] does, with all guards.
    pub async fn start(parts: Parts, bell: Box<dyn Bell>, schedules: bool) -> Result<Engine, BuildError> {
        Engine::<Kept>::start_guarded(parts, bell, schedules).await
    }
}

impl<G: Guards> Engine<G> {
    /// Starts an engine: everything left unclear by an earlier life is settled first, and nothing is sent before JAGGAER was
    /// polled. With `schedules` false only [`Engine::pass`] and orders make flows run.
    pub async fn start_guarded(parts: Parts, bell: Box<dyn Bell>, schedules: bool) -> Result<Self, BuildError> {
        let Parts { config, store, vault, seams, networks, log, reread } = parts;
        let credentials = Credentials::from_vault(&vault)?;
        let profile = build::profile(&config)?;
        let rules = build::rules(&config)?;
        let now = seams.clock.now();
        claim(&store, &config, now).await?;
        let (records, read_kinds, posting, audited, vendors_started, reference_news) = store
            .read(|reader| {
                let mut kinds = Vec::new();
                for kind in ReferenceKind::ALL {
                    if reader.meta::<crate::model::Timestamp>(Meta::ReferenceRead(kind))?.is_some() {
                        kinds.push(kind);
                    }
                }
                let posting = PostingControl { pause: reader.meta(Meta::Pause)?, start: reader.meta(Meta::Start)? };
                let (audited, started) = (reader.meta(Meta::BillAudit)?, reader.meta(Meta::VendorStart)?);
                let news: u64 = reader.meta(Meta::ReferenceNews)?.unwrap_or(0);
                Ok((reader.reference()?, kinds, posting, audited, started, news))
            })
            .await?;
        let mut reference = ReferenceTable::new();
        for kind in read_kinds {
            reference.load(kind, records.iter().filter(|record| record.kind == kind).cloned());
        }
        let evaluator = build::evaluator(&config, profile.clone(), rules, reference, &vault);
        let fingerprint = evaluator.fingerprint();
        let cipher = evaluator.cipher.clone();
        let (epoch, rechecks_ordered) = store
            .write(at::Started, move |tx| {
                let epoch: u64 = tx.meta(Meta::Epoch)?.unwrap_or(0) + 1;
                tx.put_meta(Meta::Epoch, &epoch)?;
                let what = format!("the engine started, epoch {epoch}, version {}", env!("CARGO_PKG_VERSION"));
                tx.audit(&Entry::engine(now, Actor::Engine, "started", what))?;
                if tx.meta::<String>(Meta::Evaluator)?.as_deref() != Some(fingerprint.as_str()) {
                    let count = evaluated_with(tx, &fingerprint)?;
                    tracing::info!(documents = count, "configuration, rules or program are others: evaluated again");
                }
                let rechecks: Vec<DocumentId> = tx.meta(Meta::Rechecks)?.unwrap_or_default();
                tx.remove_meta(Meta::Rechecks)?;
                Ok((epoch, rechecks))
            })
            .await?;
        // From here on nothing is written or sent that the next engine has not seen.
        let store = store.of_epoch(epoch);
        let fenced = |network| Arc::new(FencedNetwork::<G>::new(network, store.clone()));
        let networks = Networks { intacct: fenced(networks.intacct), jaggaer: fenced(networks.jaggaer) };
        let jaggaer = build::client(&config, profile, &networks, &seams, credentials.jaggaer)?;
        let gateway = Arc::new(build::gateway(&config, &networks, &seams, credentials.intacct)?);
        let flows = super::flow::all(&config, &store).await?;
        let (gate, gate_receiver) = watch::channel(Gate::default());
        let lane_wake = Arc::new(Notify::new());
        let (again, lane_agains) = mpsc::unbounded_channel();
        let marker = super::vendors::payment_marker(&store, &cipher).await?;
        let base = super::vendors::Base::new(&config, jaggaer.profile());
        let vendors = VendorTools { form: base.form, comparing: base.comparing, marker: marker.clone() };
        let mut lane = Lane::<G>::new(
            gateway.clone(),
            store.clone(),
            seams.clone(),
            build::lane_options(&config, epoch, vendors),
            gate_receiver,
            lane_wake.clone(),
            lane_agains,
        );
        let publisher = Publisher::new(&config);
        let (snapshots, _) = watch::channel(Arc::new(publisher.empty(seams.clock.now())));
        let inner = Arc::new(Inner {
            config: RwLock::new(Arc::new(config)),
            store,
            vault: Mutex::new(vault),
            resealing: tokio::sync::Mutex::new(()),
            seams,
            networks,
            jaggaer: RwLock::new(Arc::new(jaggaer)),
            gateway,
            evaluator: RwLock::new(Arc::new(evaluator)),
            gate,
            lane_wake,
            supplier_wake: Notify::new(),
            supplier_rests: watch::channel(0).0,
            epoch,
            lane: lane.status(),
            lane_again: again,
            evaluate: Notify::new(),
            evaluated: watch::channel(0).0,
            flows: Mutex::new(flows),
            flow_changed: Notify::new(),
            posting: Mutex::new(posting),
            audited: Mutex::new(audited),
            snapshots,
            publish: Notify::new(),
            log,
            stop: CancellationToken::new(),
            failed: CancellationToken::new(),
            tasks: TaskTracker::new(),
            stopping: AtomicBool::new(false),
            polled: Polled::default(),
            suppliers_polled: AtomicBool::new(false),
            marker,
            vendors_started: Mutex::new(vendors_started),
            reference_news: AtomicU64::new(reference_news),
            schedules,
            reread,
        });
        let engine = Engine { inner, guards: PhantomData };
        lane.recover().await?;
        for id in rechecks_ordered {
            let _ = engine.inner.lane_again.send(Again::Differing(id));
        }
        engine.spawn("lane", lane.run(engine.inner.stop.clone()));
        let for_task = engine.clone();
        engine.spawn("evaluation", async move { for_task.evaluate_always().await });
        let for_task = engine.clone();
        engine.spawn("suppliers", async move { for_task.keep_suppliers().await });
        let for_task = engine.clone();
        engine.spawn("publisher", async move { publisher.run(for_task).await });
        let for_task = engine.clone();
        engine.spawn("watch", async move { for_task.watch_store().await });
        let for_task = engine.clone();
        engine.spawn("fence", async move { for_task.watch_fence().await });
        engine.reseal_in_background();
        if schedules {
            let (ring, rings) = mpsc::channel(1);
            let config = engine.config();
            let zone = config.schedule.timezone.clone();
            let patterns =
                lock(&engine.inner.flows).values().map(|f| (f.timetable.pattern().to_owned(), zone.clone())).collect();
            let stop = engine.inner.stop.clone();
            let sound = bell.start(patterns, ring);
            engine.spawn("bell", async move {
                tokio::select! { biased; () = sound => {}, () = stop.cancelled() => {} }
            });
            let for_task = engine.clone();
            engine.spawn("schedule", async move { for_task.keep_schedule(rings).await });
        }
        engine.open_gate();
        engine.inner.evaluate.notify_one();
        Ok(engine)
    }

    /// Ends the engine: no new work is begun, what is in flight is finished and written.
    pub async fn stop(&self) {
        if self.inner.stopping.swap(true, Ordering::AcqRel) {
            self.inner.tasks.wait().await;
            return;
        }
        self.inner.publish.notify_one();
        self.inner.stop.cancel();
        self.inner.lane_wake.notify_one();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
        let now = self.inner.seams.clock.now();
        let ended = self
            .inner
            .store
            .write(at::Stopped, move |tx| {
                tx.audit(&Entry::engine(now, Actor::Engine, "stopped", "the engine ended in order"))
            })
            .await;
        if let Err(error) = ended
            && self.lost().is_none()
        {
            tracing::error!(%error, "the end could not be written into the trail");
        }
        self.inner.store.close();
    }

    /// Whether the end has begun.
    pub fn is_stopping(&self) -> bool {
        self.inner.stopping.load(Ordering::Acquire)
    }

    /// Whether a person or time is needed, as of the last commit: something stands in front of a person or is unsettled, or waits
    /// in a paused queue. Answered after the end too.
    pub fn needs_attention(&self) -> bool {
        let totals = self.inner.store.totals().borrow().clone();
        let stands = |state: State| totals.count(state) > 0;
        let waits = self.posting().pause.is_some() && stands(State::Queued);
        let audited = lock(&self.inner.audited).as_ref().is_some_and(BillAudit::needs_attention);
        waits
            || audited
            || self.vendors_status().needs_attention()
            || State::ALL.into_iter().any(|state| state.needs_attention() && stands(state))
    }

    /// Whether anything is sent, as of now.
    pub fn mode(&self) -> crate::messages::PostingMode {
        super::publish::mode(&self.config(), self.posting().start.as_ref())
    }

    /// Waits until a task of the engine has failed, or the engine has lost its data directory.
    pub async fn failed(&self) {
        self.inner.failed.cancelled().await;
    }

    /// Whether one has, or the engine has lost its data directory.
    pub fn has_failed(&self) -> bool {
        self.inner.failed.is_cancelled()
    }

    /// That the data directory or the epoch is not this engine's any more: it has written and sent nothing since, and ends.
    pub fn lost(&self) -> Option<Lost> {
        self.inner.store.lost()
    }

    /// Starts a task of the engine. A task that panics stops the engine: what it did is recovered at the next start.
    pub(super) fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let (stop, failed) = (self.inner.stop.clone(), self.inner.failed.clone());
        let tracked = self.inner.tasks.track_future(async move {
            let guard = Panicked { name, stop, failed, done: false };
            task.await;
            guard.done();
        });
        self.inner.seams.tasks.start(Box::pin(tracked));
    }

    /// Whether flows run by themselves.
    pub(super) fn schedules(&self) -> bool {
        self.inner.schedules
    }

    pub(super) fn config(&self) -> Arc<Config> {
        self.inner.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn client(&self) -> Arc<Client> {
        self.inner.jaggaer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn evaluator(&self) -> Arc<Evaluator> {
        self.inner.evaluator.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes what documents are evaluated with. Done before the commit that says that they are to be evaluated again: who
    /// sees that commit evaluates with what is new.
    pub(super) fn change_evaluator(&self, change: impl FnOnce(&mut Evaluator)) {
        change(Arc::make_mut(&mut *self.inner.evaluator.write().unwrap_or_else(PoisonError::into_inner)));
    }

    pub(super) fn posting(&self) -> PostingControl {
        lock(&self.inner.posting).clone()
    }

    /// Tells the lane what it may do now.
    pub(super) fn open_gate(&self) {
        // Looked at while the gate is held: whoever looked before a pause cannot open it behind that.
        self.inner.gate.send_if_modified(|gate| {
            let config = self.config();
            let posting = self.posting();
            let may_send = config.posting.mode == Mode::Post
                && config.posting.from.is_some()
                && posting.start.is_some()
                && posting.pause.is_none()
                && (self.inner.polled.is_done() || !G::hold(Guard::PolledFirst))
                && !self.is_stopping();
            let may_write_vendors = config.posting.mode == Mode::Post
                && lock(&self.inner.vendors_started).is_some()
                && posting.pause.is_none()
                && self.inner.suppliers_polled.load(Ordering::Acquire)
                && !self.is_stopping();
            let changed = gate.may_send != may_send || gate.may_write_vendors != may_write_vendors;
            (gate.may_send, gate.may_write_vendors) = (may_send, may_write_vendors);
            changed
        });
        self.inner.lane_wake.notify_one();
        self.inner.publish.notify_one();
    }

    /// Learns from the store who let vendors be written.
    pub(super) async fn read_vendor_start(&self) -> Result<(), StoreError> {
        let start = self.inner.store.read(|reader| reader.meta(Meta::VendorStart)).await?;
        *lock(&self.inner.vendors_started) = start;
        Ok(())
    }

    /// Lets the lane try refused credentials again.
    pub(super) fn retry_lane(&self) {
        self.inner.gateway.sessions().retry_login();
        self.inner.gate.send_modify(|gate| gate.attempt += 1);
        self.inner.lane_wake.notify_one();
    }

    /// Ends the engine once another one has taken its place. One that has nothing to write looks for it every few seconds.
    async fn watch_fence(&self) {
        loop {
            tokio::select! {
                biased;
                () = self.inner.stop.cancelled() => return,
                () = self.inner.store.until_lost() => break,
                () = self.inner.seams.clock.sleep(LOOK_EVERY), if self.inner.store.is_locked() => {
                    // What is noticed ends the wait above; that it could not be looked at is no reason to end.
                    match self.inner.store.still_held() {
                        Ok(()) | Err(StoreError::Lost(_)) => {}
                        Err(error) => tracing::warn!(%error, "whether this engine still holds its data directory"),
                    }
                }
            }
        }
        if let Some(lost) = self.lost() {
            tracing::error!("{lost}. {}", lost.advice());
        }
        self.inner.failed.cancel();
        self.inner.stop.cancel();
    }

    /// Follows commits: a bill that stands twice pauses the queue in the store, and the gate must close with it.
    async fn watch_store(&self) {
        let mut lane = self.inner.lane.clone();
        let mut totals = self.inner.store.totals();
        let (mut marked, mut pended) = (0, 0);
        loop {
            tokio::select! {
                biased;
                () = self.inner.stop.cancelled() => return,
                changed = lane.changed() => if changed.is_err() { return },
                changed = totals.changed() => if changed.is_err() { return },
            }
            let (now_marked, now_pended) = {
                let totals = totals.borrow_and_update();
                (totals.marked, totals.pended)
            };
            if (now_marked, now_pended) != (marked, pended) {
                (marked, pended) = (now_marked, now_pended);
                self.inner.evaluate.notify_one();
            }
            self.inner.publish.notify_one();
            let alarmed = lane.borrow_and_update().doubled.is_some();
            if alarmed && self.posting().pause.is_none() {
                let pause = self.inner.store.read(|reader| reader.meta(Meta::Pause)).await.ok().flatten();
                // A pause that a person took back is none: to open the gate again for it would wake the lane, which wakes us.
                if pause.is_some() {
                    lock(&self.inner.posting).pause = pause;
                    self.open_gate();
                }
            }
        }
    }
}

/// A lock that a panic elsewhere does not poison: what it guards is replaced as a whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Panicked {
    name: &'static str,
    stop: CancellationToken,
    failed: CancellationToken,
    done: bool,
}

impl Panicked {
    fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Panicked {
    fn drop(&mut self) {
        if !self.done && std::thread::panicking() {
            tracing::error!(task = self.name, "a task of the engine failed; the engine stops, nothing is lost");
            self.failed.cancel();
            self.stop.cancel();
        }
    }
}

/// From this commit on documents are evaluated with what has this fingerprint: unsent ones again. Returns how many.
pub(super) fn evaluated_with(tx: &mut Tx<'_>, fingerprint: &str) -> Result<u64, StoreError> {
    tx.put_meta(Meta::Evaluator, &fingerprint)?;
    tx.evaluate_all(&super::orders::UNSENT)
}

/// A store belongs to one JAGGAER instance and one Intacct company: other identities would make other marks.
async fn claim(store: &Store, config: &Config, now: crate::model::Timestamp) -> Result<(), BuildError> {
    let company = build::company(config);
    let entity = company.entity.map(|entity| format!("/{entity}")).unwrap_or_default();
    let identity = format!("{} -> {}{entity}", config.jaggaer.instance, company.id);
    let wanted = identity.clone();
    let found = store
        .write(at::Claimed, move |tx| {
            let found: Option<String> = tx.meta(Meta::Identity)?;
            if found.is_none() {
                tx.put_meta(Meta::Identity, &wanted)?;
                tx.audit(&Entry::engine(now, Actor::Engine, "created", format!("store created for {wanted}")))?;
            }
            Ok(found)
        })
        .await?;
    match found {
        Some(found) if found != identity => Err(BuildError::Identity(format!(
            "this data directory belongs to {found}, but the configuration says {identity}: documents would be posted again under \
             other marks. Use a data directory of its own for each pair of systems"
        ))),
        _ => Ok(()),
    }
}

impl<G: Guards> Service for Engine<G> {
    fn ask(&self, question: Question) -> Boxed<'_, Result<Answer, Refusal>> {
        Box::pin(async move { self.answer(question).await })
    }

    fn tell(&self, order: Order, by: Person) -> Boxed<'_, Result<Outcome, Refusal>> {
        Box::pin(async move {
            if self.is_stopping() {
                return Err(Refusal::new(RefusalKind::Unavailable, "the engine is stopping; nothing was done"));
            }
            self.carry_out(order, by).await
        })
    }

    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.inner.snapshots.subscribe()
    }

    fn log(&self) -> broadcast::Receiver<LogLine> {
        self.inner.log.subscribe()
    }
}
