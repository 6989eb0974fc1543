//! The lane's loop: settle what is in doubt, verify what is claimed, send what is ready; rest when there is nothing to do.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::apply::Change;
use super::batch::Ready;
use super::circuit::Circuit;
use super::look::Item;
use super::masters::{Masters, VendorTools};
use super::observed::Observed;
use super::pace::Pace;
use super::record::Unrecorded;
use super::status::LaneStatus;
use crate::intacct::Gateway;
use crate::messages::LaneState;
use crate::model::{DocumentId, Timestamp};
use crate::seams::{Guards, Seams};
use crate::store::{Meta, PauseRecord, Store, StoreError};

/// Postings looked up with one query.
pub(super) const LOOKED_UP: usize = 500;
/// A pre-flight older than this is done again.
pub(super) const STALE: Duration = Duration::from_secs(10 * 60);

/// What the lane must know of the configuration.
#[derive(Clone, Debug)]
pub struct LaneOptions {
    /// Field that carries the mark.
    pub mark_field: String,
    /// Entity of the sessions.
    pub entity: Option<String>,
    /// After this long, what cannot be found was not executed.
    pub quiet_time: Duration,
    /// How long until a query sees what was committed.
    pub read_lag: Duration,
    /// Requests at once.
    pub max_in_flight: usize,
    /// Upper bound of writes in a request.
    pub functions_per_request: usize,
    /// Epoch of this engine.
    pub epoch: u64,
    /// How vendors are read and compared.
    pub vendors: VendorTools,
}

/// Whether the lane may send.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Gate {
    /// Sending is allowed: posting was started, is not paused, and JAGGAER was polled since.
    pub may_send: bool,
    /// Vendors may be written: their start was ordered, the queue is not paused, and JAGGAER's suppliers were polled since.
    pub may_write_vendors: bool,
    /// Raised to try refused credentials again.
    pub attempt: u64,
}

/// What is to be looked up again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Again {
    /// A person asked for it, because it differs.
    Differing(DocumentId),
    /// It was frozen before and is queued anew, so what was seen while nothing may be sent is of another bill.
    Requeued(DocumentId),
    /// Writes of vendors: some were queued or withdrawn.
    Vendors,
}

/// What a step did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Something: take the next one at once.
    Worked,
    /// Nothing can be done before the queue changes or this moment of the monotonic clock comes.
    Rest(Option<Duration>),
}

/// One in doubt. It is kept until the document is settled or its next intent is durable, so that nothing that is dropped on
/// the way (a batch that got old, a gate that closed, a commit that failed) is forgotten.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubt {
    /// The last byte left no later than this.
    pub(super) since: Duration,
    /// When to look next.
    pub(super) next: Duration,
}

/// The lane of one company.
pub struct Lane<G> {
    pub(super) gateway: Arc<Gateway>,
    pub(super) store: Store,
    pub(super) seams: Seams,
    pub(super) options: LaneOptions,
    pub(super) gate: watch::Receiver<Gate>,
    pub(super) wake: Arc<Notify>,
    pub(super) again: mpsc::UnboundedReceiver<Again>,
    pub(super) ready: Ready,
    pub(super) carry: Vec<Change>,
    pub(super) masters: Masters,
    pub(super) claimed: Vec<(Item, Duration)>,
    pub(super) next_verify: Duration,
    pub(super) doubts: BTreeMap<DocumentId, Doubt>,
    /// Queued ones that were looked up while nothing may be sent.
    pub(super) observed: Observed,
    /// Differing ones to be looked up again.
    pub(super) rechecking: BTreeSet<DocumentId>,
    /// A document stands twice: nothing is sent until the pause that was written with it is taken back.
    pub(super) halted: bool,
    /// What was learned of these and could not be written.
    pub(super) unrecorded: BTreeMap<DocumentId, Unrecorded>,
    /// A commit failed: it may be on the disk all the same, so the store is asked what it holds.
    pub(super) astray: bool,
    /// What a person had tried when this step began.
    pub(super) attempt: u64,
    /// Rounds of sending, and the last in which an ended session was counted.
    pub(super) sends: u64,
    pub(super) refreshed: u64,
    pub(super) pace: Pace,
    pub(super) circuit: Circuit,
    pub(super) wait: Option<(Duration, LaneState)>,
    pub(super) stopped: Option<(String, String, u64)>,
    pub(super) refreshes: u32,
    pub(super) requests: u64,
    pub(super) status: watch::Sender<LaneStatus>,
    pub(super) guards: PhantomData<fn() -> G>,
}

impl<G: Guards> Lane<G> {
    /// A lane that has not looked at the store yet: call [`Lane::recover`] first. `wake` is notified when the queue changed;
    /// `again` names documents that are to be looked up again.
    pub fn new(
        gateway: Arc<Gateway>,
        store: Store,
        seams: Seams,
        options: LaneOptions,
        gate: watch::Receiver<Gate>,
        wake: Arc<Notify>,
        again: mpsc::UnboundedReceiver<Again>,
    ) -> Self {
        let pace = Pace::new(options.functions_per_request);
        Lane {
            gateway,
            store,
            seams,
            options,
            gate,
            wake,
            again,
            ready: Ready::default(),
            carry: Vec::new(),
            masters: Masters::default(),
            claimed: Vec::new(),
            next_verify: Duration::ZERO,
            doubts: BTreeMap::new(),
            observed: Observed::default(),
            rechecking: BTreeSet::new(),
            halted: false,
            unrecorded: BTreeMap::new(),
            astray: false,
            attempt: 0,
            sends: 0,
            refreshed: 0,
            pace,
            circuit: Circuit::default(),
            wait: None,
            stopped: None,
            refreshes: 0,
            requests: 0,
            guards: PhantomData,
            status: watch::channel(LaneStatus::default()).0,
        }
    }

    /// The lane's state as it changes.
    pub fn status(&self) -> watch::Receiver<LaneStatus> {
        self.status.subscribe()
    }

    /// Works until it is told to stop; what is in flight is finished, what was learned is written.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            if stop.is_cancelled() {
                break;
            }
            // Registered before the step, so that a change that comes during it is not missed.
            let wake = self.wake.clone();
            let woken = wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let step = match self.step().await {
                Ok(step) => step,
                Err(error) => {
                    tracing::error!(%error, "the lane could not write what it knows; nothing more is sent until it can");
                    let until = self.seams.clock.monotonic() + Duration::from_secs(5);
                    self.say(LaneState::Waiting { until: self.wall(until), why: error.to_string() });
                    Step::Rest(Some(until))
                }
            };
            let Step::Rest(until) = step else { continue };
            let now = self.seams.clock.monotonic();
            let longest = until.map_or(Duration::from_secs(3600), |until| until.saturating_sub(now));
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = &mut woken => {}
                _ = self.gate.changed() => {}
                () = self.seams.clock.sleep(longest.max(Duration::from_millis(1))) => {}
            }
        }
        if let Err(error) = self.flush().await {
            tracing::error!(%error, "what the lane learned last could not be written; it is read back at the next start");
        }
    }

    /// One step.
    pub async fn step(&mut self) -> Result<Step, StoreError> {
        let now = self.seams.clock.monotonic();
        let gate = self.gate.borrow_and_update().clone();
        if self.attempt != gate.attempt {
            self.attempt = gate.attempt;
            self.wait = None;
        }
        self.look_for_unrecorded().await;
        if self.astray {
            self.take_over().await?;
        }
        if let Some((_, _, attempt)) = &self.stopped {
            if *attempt == gate.attempt {
                self.flush().await?;
                return Ok(self.rest(None));
            }
            self.stopped = None;
        }
        if let Some((until, state)) = &self.wait {
            if now < *until {
                let (until, state) = (*until, state.clone());
                self.flush().await?;
                self.say(state);
                return Ok(self.rest(Some(until)));
            }
            self.wait = None;
        }
        if self.circuit.is_open() && !self.probe().await {
            return Ok(Step::Worked);
        }
        // Asked also while nothing may be sent: an alarm that was taken back does not stay until the next poll.
        let halted = self.is_halted().await?;
        let may_send = gate.may_send && !halted;
        if self.settle(now, may_send).await? {
            return Ok(Step::Worked);
        }
        if self.recheck().await? {
            return Ok(Step::Worked);
        }
        // What bills refer to goes first.
        if self.keep_vendors(now, gate.may_write_vendors && !halted).await? {
            return Ok(Step::Worked);
        }
        if self.claimed.len() >= LOOKED_UP && self.verify(now).await {
            return Ok(Step::Worked);
        }
        if may_send {
            self.observed = Observed::default();
            if self.ready.len() == 0 && self.fill(true).await? {
                return Ok(Step::Worked);
            }
            if self.send(now).await? {
                return Ok(Step::Worked);
            }
        } else {
            self.ready.clear();
            if self.fill(false).await? {
                return Ok(Step::Worked);
            }
        }
        if !self.claimed.is_empty() && now >= self.next_verify && self.verify(now).await {
            return Ok(Step::Worked);
        }
        if !self.carry.is_empty() {
            self.flush().await?;
            return Ok(Step::Worked);
        }
        self.say(LaneState::Idle);
        let verify = (!self.claimed.is_empty()).then_some(self.next_verify);
        let doubt = self.doubts.values().map(|doubt| doubt.next).min();
        let vendors = self.masters.next();
        let until = verify.into_iter().chain(doubt).chain(vendors).chain(self.observed.owed()).min();
        // Nobody may take it for a rest as long as a part of the queue was not gone through.
        Ok(if self.observed.owed().is_some() { Step::Rest(until) } else { self.rest(until) })
    }

    /// Whether sending is stopped by an alarm. It ends with the pause that was written beside the alarm.
    pub(super) async fn is_halted(&mut self) -> Result<bool, StoreError> {
        if self.halted {
            self.flush().await?;
            let pause: Option<PauseRecord> = self.store.read(|reader| reader.meta(Meta::Pause)).await?;
            if pause.is_none() {
                self.halted = false;
                self.status.send_modify(|status| status.doubled = None);
            }
        }
        Ok(self.halted)
    }

    pub(super) fn rest(&mut self, until: Option<Duration>) -> Step {
        // Whoever wakes the lane may have queued a vendor's write.
        self.masters.stir();
        self.status.send_modify(|status| status.rests += 1);
        Step::Rest(until)
    }

    pub(super) fn say(&self, state: LaneState) {
        let functions = u32::try_from(self.pace.size()).unwrap_or(u32::MAX);
        self.status.send_if_modified(|status| {
            let changed = status.state != state || status.functions_per_request != functions;
            status.state = state;
            status.functions_per_request = functions;
            changed
        });
    }

    pub(super) fn wall(&self, until: Duration) -> Timestamp {
        let ahead = until.saturating_sub(self.seams.clock.monotonic());
        let now = self.seams.clock.now();
        jiff::SignedDuration::try_from(ahead).ok().and_then(|ahead| now.checked_add(ahead).ok()).unwrap_or(now)
    }
}
