//! The store opened for a moment, without an engine: it answers questions and records decisions for the next start.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, watch};

use super::answer::{Sources, answer};
use super::build::{self, BuildError};
use super::orders;
use super::publish::{self, Publisher};
use super::vendors::{self, Base, Deciding};
use crate::config::Config;
use crate::mapping::ReferenceTable;
use crate::messages::{
    Answer, BillAudit, Command, EnginePhase, FlowState, FlowStatus, LogLine, LogRing, Order, Outcome, Question,
    Refusal, RefusalKind, Service, Snapshot,
};
use crate::model::{Actor, DocumentId, Person, ReferenceKind, Timestamp};
use crate::posting::Evaluator;
use crate::seams::Boxed;
use crate::store::{Lock, LockError, Meta, Mode, PauseRecord, StartRecord, Store, Tx, at};
use crate::vault::Vault;

/// How long a command waits for another one's lock.
const PATIENCE: Duration = Duration::from_secs(5);

/// A store without an engine. The lock is held as long as this lives.
pub struct Offline {
    store: Store,
    config: Config,
    evaluator: Option<Arc<Evaluator>>,
    base: Option<Base>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    log: LogRing,
    _lock: Lock,
}

impl Offline {
    /// Takes the lock, opens the store (recovering it if it was left unclean) and looks at it.
    pub async fn open(config: Config, vault: Option<&Vault>) -> Result<Offline, BuildError> {
        let lock = take_lock(&config.data_dir).await?;
        let store = Store::open_locked(&lock, config.store.cache, Mode::Inline, |_| {})?;
        let reference = read_reference(&store)?;
        let evaluator = match (build::profile(&config), build::rules(&config), vault) {
            (Ok(profile), Ok(rules), Some(vault)) => {
                Some(Arc::new(build::evaluator(&config, profile, rules, reference, vault)))
            }
            _ => None,
        };
        let base = build::profile(&config).ok().map(|profile| Base::new(&config, &profile));
        let snapshot = snapshot(&store, &config, base.as_ref())?;
        let (snapshots, _) = watch::channel(Arc::new(snapshot));
        Ok(Offline { store, config, evaluator, base, snapshots, log: LogRing::new(), _lock: lock })
    }

    async fn carry_out(&self, order: Order, by: Person) -> Result<Outcome, Refusal> {
        let now = Timestamp::now();
        let key = order.key.clone();
        if let Some(before) = self.store.write(at::OrderSought, move |tx| tx.order(&key)).await? {
            return Ok(orders::repeated(&before));
        }
        let who = Actor::Person(by.clone());
        let later = "; it takes effect at the next start";
        let outcome = match order.command.clone() {
            Command::Replay(_)
            | Command::Dismiss { .. }
            | Command::Reopen(_)
            | Command::PostAnyway { .. }
            | Command::Adopt { .. } => {
                let (mut outcome, rechecks) = orders::decide_all(&self.store, order, by, None, now).await?;
                if !rechecks.is_empty() {
                    let add = move |tx: &mut Tx<'_>| {
                        let mut all: Vec<DocumentId> = tx.meta(Meta::Rechecks)?.unwrap_or_default();
                        all.extend(rechecks);
                        tx.put_meta(Meta::Rechecks, &all)
                    };
                    self.store.write(at::RechecksKept, add).await?;
                }
                if outcome.done > 0 {
                    outcome.message.push_str(later);
                }
                return Ok(outcome);
            }
            Command::PauseQueue { why } => {
                let record = orders::pause_record(&by, now, why);
                self.store.write(at::QueuePaused, move |tx| orders::pause_queue(tx, who, &record)).await?;
                orders::done(format!("posting is paused{later}"))
            }
            Command::ResumeQueue => {
                self.store.write(at::QueueResumed, move |tx| orders::resume_queue(tx, who, now)).await?;
                orders::done(format!("posting is no longer paused{later}"))
            }
            Command::StartPosting { phrase } => {
                orders::check_start(&self.config, &phrase)?;
                let (record, from) = (StartRecord { by: by.label(), at: now }, self.config.posting.from);
                self.store.write(at::PostingStarted, move |tx| orders::start(tx, who, &record, from)).await?;
                orders::done(format!("posting is started{later}"))
            }
            Command::StopPosting => {
                self.store.write(at::PostingStopped, move |tx| orders::stop(tx, who, now)).await?;
                orders::done(format!("back to observing{later}"))
            }
            Command::PauseFlow(name) | Command::ResumeFlow(name) => {
                let pause = matches!(order.command, Command::PauseFlow(_));
                let name = orders::flow_name(&name)?;
                let paused = pause.then(|| (by.label(), now));
                self.store.write(at::FlowPaused, move |tx| orders::set_flow_pause(tx, who, now, name, paused)).await?;
                orders::done(format!("flow {name} {}{later}", if pause { "is paused" } else { "goes on" }))
            }
            Command::Vendors(command) => {
                let deciding = Deciding { base: self.base.clone().ok_or_else(no_profile)?, by: by.clone(), at: now };
                let decided =
                    self.store.write(at::PairDecided, move |tx| vendors::offline(&deciding, tx, &command)).await?;
                orders::done(format!("{}{later}", decided?))
            }
            Command::SecretsChanged => {
                return Ok(orders::done("no engine runs: the credentials are read at the next start"));
            }
            Command::Reload => return Ok(orders::done("no engine runs: the configuration is read at the next start")),
            Command::RunFlow(_) => {
                let what = "no engine runs on this data directory: start one with `tollgate run`, or use `tollgate run --once`";
                return Err(Refusal::new(RefusalKind::Unavailable, what));
            }
        };
        orders::remember(&self.store, &order.key, &by, &outcome, now).await?;
        if let Ok(snapshot) = snapshot(&self.store, &self.config, self.base.as_ref()) {
            self.snapshots.send_replace(Arc::new(snapshot));
        }
        Ok(outcome)
    }
}

impl Drop for Offline {
    fn drop(&mut self) {
        self.store.close();
    }
}

fn no_profile() -> Refusal {
    let what = "vendors cannot be compared without configuration and profile; run `tollgate check`";
    Refusal::new(RefusalKind::Unavailable, what)
}

/// Takes the data directory's lock, waiting a little for a command that has it for a moment.
pub async fn take_lock(data_dir: &Path) -> Result<Lock, BuildError> {
    let started = std::time::Instant::now();
    loop {
        match Lock::take(data_dir) {
            Ok(lock) => return Ok(lock),
            Err(LockError::Held { pid }) if started.elapsed() >= PATIENCE => return Err(BuildError::Locked { pid }),
            Err(LockError::Held { .. }) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(LockError::Store(error)) => return Err(error.into()),
        }
    }
}

fn read_reference(store: &Store) -> Result<ReferenceTable, BuildError> {
    let (records, kinds) = store.read_now(|reader| {
        let mut kinds = Vec::new();
        for kind in ReferenceKind::ALL {
            if reader.meta::<Timestamp>(Meta::ReferenceRead(kind))?.is_some() {
                kinds.push(kind);
            }
        }
        Ok((reader.reference()?, kinds))
    })?;
    let mut table = ReferenceTable::new();
    for kind in kinds {
        table.load(kind, records.iter().filter(|record| record.kind == kind).cloned());
    }
    Ok(table)
}

fn snapshot(store: &Store, config: &Config, base: Option<&Base>) -> Result<Snapshot, BuildError> {
    let now = Timestamp::now();
    let totals = store.totals().borrow().clone();
    let (pause, start, audit): (Option<PauseRecord>, Option<StartRecord>, Option<BillAudit>) = store
        .read_now(|reader| Ok((reader.meta(Meta::Pause)?, reader.meta(Meta::Start)?, reader.meta(Meta::BillAudit)?)))?;
    let mut snapshot = Publisher::new(config).empty(now);
    snapshot.pid = 0;
    snapshot.revision = 1;
    snapshot.phase = EnginePhase::Absent;
    snapshot.mode = publish::mode(config, start.as_ref());
    snapshot.pause = pause.as_ref().map(publish::pause);
    snapshot.states = publish::states(&totals);
    snapshot.audit = audit;
    snapshot.vendors = store.read_now(|reader| vendors::answer::status(reader, base, config.vendors.create))?;
    snapshot.failures = publish::failures(&totals);
    for name in super::flow::ALL {
        let record = store.read_now(|reader| reader.flow(name))?;
        let table = super::flow::timetable(config, name).ok();
        snapshot.flows.push(FlowStatus {
            name: name.to_owned(),
            state: if record.paused.is_some() { FlowState::Paused } else { FlowState::Waiting },
            schedule: table.as_ref().map(|table| table.pattern().to_owned()).unwrap_or_default(),
            last_start: record.last_start,
            last_end: record.last_end,
            last_result: record.last_result,
            next: None,
            mark: record.mark,
            failed_in_a_row: record.failed_in_a_row,
        });
    }
    Ok(snapshot)
}

impl Service for Offline {
    fn ask(&self, question: Question) -> Boxed<'_, Result<Answer, Refusal>> {
        Box::pin(async move {
            let sources = Sources {
                store: self.store.clone(),
                evaluator: self.evaluator.clone(),
                base: self.base.clone(),
                instance: Some(self.config.jaggaer.instance.clone()),
                snapshot: self.snapshots.borrow().clone(),
                log: self.log.clone(),
                now: Timestamp::now(),
            };
            answer(sources, question).await
        })
    }

    fn tell(&self, order: Order, by: Person) -> Boxed<'_, Result<Outcome, Refusal>> {
        Box::pin(async move { self.carry_out(order, by).await })
    }

    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.subscribe()
    }

    fn log(&self) -> broadcast::Receiver<LogLine> {
        self.log.subscribe()
    }
}
