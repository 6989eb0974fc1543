//! The lane's loop: settle what is in doubt, verify what is claimed, send what is ready; rest when there is nothing to do.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::apply::{Change, apply};
use super::batch::Ready;
use super::circuit::Circuit;
use super::classify::{Classified, Verdict, Whole, classify};
use super::look::{Depth, Item, LookError, look};
use super::pace::Pace;
use super::sighting::Sighting;
use super::status::LaneStatus;
use crate::intacct::ledger;
use crate::intacct::{Exchange, Gateway, SendFailure};
use crate::messages::LaneState;
use crate::model::{Approval, Class, ControlId, DocumentId, ReasonCode, RecordNo, State, Timestamp};
use crate::seams::{NetError, Seams, Sent};
use crate::store::{Meta, PauseRecord, Store, StoreError};

/// Postings looked up with one query.
const LOOKED_UP: usize = 500;
/// A pre-flight older than this is done again.
const STALE: Duration = Duration::from_secs(10 * 60);
/// How often something is looked for that a person must settle.
const SLOW_LOOK: Duration = Duration::from_secs(15 * 60);
/// The first wait after a request of which nothing was executed.
const ALL_REFUSED: Duration = Duration::from_secs(5);
/// Rounds of resolving before a person is asked.
const ROUNDS: u32 = 3;

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
}

/// Whether the lane may send.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Gate {
    /// Sending is allowed: posting was started, is not paused, and JAGGAER was polled since.
    pub may_send: bool,
    /// Raised to try refused credentials again.
    pub attempt: u64,
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
struct Doubt {
    /// The last byte left no later than this.
    since: Duration,
    /// When to look next.
    next: Duration,
}

/// The lane of one company.
pub struct Lane {
    gateway: Arc<Gateway>,
    store: Store,
    seams: Seams,
    options: LaneOptions,
    gate: watch::Receiver<Gate>,
    wake: Arc<Notify>,
    rechecks: mpsc::UnboundedReceiver<DocumentId>,
    ready: Ready,
    carry: Vec<Change>,
    claimed: Vec<(Item, Duration)>,
    next_verify: Duration,
    doubts: BTreeMap<DocumentId, Doubt>,
    /// Queued ones that were looked up while nothing may be sent.
    observed: Arc<HashSet<DocumentId>>,
    /// Differing ones to be looked up again.
    rechecking: BTreeSet<DocumentId>,
    /// A document stands twice: nothing is sent until the pause that was written with it is taken back.
    halted: bool,
    /// A commit failed: it may be on the disk all the same, so the store is asked what it holds.
    astray: bool,
    /// What a person had tried when this step began.
    attempt: u64,
    /// Rounds of sending, and the last in which an ended session was counted.
    sends: u64,
    refreshed: u64,
    pace: Pace,
    circuit: Circuit,
    wait: Option<(Duration, LaneState)>,
    stopped: Option<(String, String, u64)>,
    refreshes: u32,
    requests: u64,
    status: watch::Sender<LaneStatus>,
}

impl Lane {
    /// A lane that has not looked at the store yet: call [`Lane::recover`] first. `wake` is notified when the queue changed;
    /// `rechecks` names documents that differ and that a person wants looked up again.
    pub fn new(
        gateway: Arc<Gateway>,
        store: Store,
        seams: Seams,
        options: LaneOptions,
        gate: watch::Receiver<Gate>,
        wake: Arc<Notify>,
        rechecks: mpsc::UnboundedReceiver<DocumentId>,
    ) -> Lane {
        let pace = Pace::new(options.functions_per_request);
        Lane {
            gateway,
            store,
            seams,
            options,
            gate,
            wake,
            rechecks,
            ready: Ready::default(),
            carry: Vec::new(),
            claimed: Vec::new(),
            next_verify: Duration::ZERO,
            doubts: BTreeMap::new(),
            observed: Arc::default(),
            rechecking: BTreeSet::new(),
            halted: false,
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
            status: watch::channel(LaneStatus::default()).0,
        }
    }

    /// The lane's state as it changes.
    pub fn status(&self) -> watch::Receiver<LaneStatus> {
        self.status.subscribe()
    }

    /// Takes over what an earlier life left: whatever was sent is in doubt, and its quiet time begins now.
    pub async fn recover(&mut self) -> Result<(), StoreError> {
        self.take_over().await
    }

    /// Takes over whatever the store holds as unsettled and this lane does not know. Nothing is in flight between two steps, so
    /// what still stands as sent once everything learned is written has no outcome that anybody knows.
    async fn take_over(&mut self) -> Result<(), StoreError> {
        self.flush().await?;
        if self.astray {
            // A store that failed shows what it held before, until a write has opened it anew.
            self.store.write(|_| Ok(())).await?;
        }
        let now = self.seams.clock.monotonic();
        let (sent, doubtful, claimed) = self
            .store
            .read(|reader| {
                let all = |state| reader.in_state(state, 0, usize::MAX);
                let claimed = all(State::Claimed)?;
                Ok((all(State::Sent)?, all(State::InDoubt)?, reader.with_frozen(&claimed)?))
            })
            .await?;
        self.carry.extend(sent.iter().map(|id| Change::Recovered { id: *id }));
        match self.flush().await {
            // Said already; the others were written one by one.
            Ok(()) | Err(StoreError::Rule(_) | StoreError::Record(_)) => {}
            Err(error) => return Err(error),
        }
        for id in sent {
            self.doubts.insert(id, Doubt { since: now, next: now });
        }
        for id in doubtful {
            self.doubts.entry(id).or_insert(Doubt { since: now, next: now });
        }
        let known: HashSet<DocumentId> = self.claimed.iter().map(|(item, _)| item.id()).collect();
        let unknown = claimed.into_iter().filter(|(document, _)| !known.contains(&document.id));
        self.claimed.extend(unknown.map(|(document, frozen)| (Item { document, frozen, looked: now }, now)));
        self.astray = false;
        Ok(())
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
        self.attempt = gate.attempt;
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
        let may_send = gate.may_send && !self.is_halted().await?;
        if self.settle(now, may_send).await? {
            return Ok(Step::Worked);
        }
        if self.recheck().await? {
            return Ok(Step::Worked);
        }
        if self.claimed.len() >= LOOKED_UP && self.verify(now).await {
            return Ok(Step::Worked);
        }
        if may_send {
            self.observed = Arc::default();
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
        Ok(self.rest(verify.into_iter().chain(doubt).min()))
    }

    /// Whether sending is stopped by an alarm. It ends with the pause that was written beside the alarm.
    async fn is_halted(&mut self) -> Result<bool, StoreError> {
        if self.halted {
            self.flush().await?;
            let pause: Option<PauseRecord> = self.store.read(|reader| reader.meta(Meta::Pause)).await?;
            if pause.is_none() {
                self.halted = false;
                self.status.send_modify(|status| status.alarm = None);
            }
        }
        Ok(self.halted)
    }

    /// Looks the queue's next postings up; those that wait to be evaluated are left until they were. Returns whether there was
    /// anything to look at.
    async fn fill(&mut self, to_send: bool) -> Result<bool, StoreError> {
        let known: HashSet<DocumentId> = self.carry.iter().map(Change::document).collect();
        let observed = self.observed.clone();
        let found = self
            .store
            .read(move |reader| {
                let skip = |id: DocumentId| known.contains(&id) || observed.contains(&id);
                reader.with_frozen(&reader.evaluated_in_state(State::Queued, LOOKED_UP, skip)?)
            })
            .await?;
        if found.is_empty() {
            return Ok(false);
        }
        self.say(LaneState::Reading);
        let looked = self.seams.clock.monotonic();
        let items: Vec<Item> = found.into_iter().map(|(document, frozen)| Item { document, frozen, looked }).collect();
        let seen = match self.look(&items, Depth::Before).await {
            Ok(seen) => seen,
            Err(()) => return Ok(true),
        };
        for item in items {
            match seen.get(&item.id()).cloned().unwrap_or(Sighting::Absent) {
                Sighting::Absent if to_send => self.ready.push(item),
                Sighting::Absent => drop(Arc::make_mut(&mut self.observed).insert(item.id())),
                sighting => self.learn(item.id(), sighting),
            }
        }
        Ok(true)
    }

    /// Sends the next batches, each in a request of its own, at most as many as may be in flight.
    async fn send(&mut self, now: Duration) -> Result<bool, StoreError> {
        let stale = now.saturating_sub(STALE);
        let mut batches = Vec::new();
        let mut once = HashSet::new();
        for _ in 0..self.options.max_in_flight.max(1) {
            let mut batch = self.ready.take(self.pace.size(), stale);
            batch.retain(|item| item.document.posting.is_some() && once.insert(item.id()));
            if batch.is_empty() {
                break;
            }
            batches.push(batch);
        }
        if batches.is_empty() {
            return Ok(false);
        }
        // Without a session nothing can be sent, so no intent is written.
        if let Err(error) = self.gateway.sessions().get().await {
            for batch in batches.into_iter().rev() {
                self.ready.put_front(batch);
            }
            self.trouble(error.class(), error.to_string(), error.advice().safe().into_owned(), error.retry_after());
            return Ok(true);
        }
        let mut intents = Vec::new();
        let mut named = Vec::new();
        for batch in batches {
            self.requests += 1;
            let request = format!("tg-w-{}-{}", self.options.epoch, self.requests);
            intents.extend(batch.iter().map(|item| Change::Intent {
                id: item.id(),
                hash: item.frozen.hash,
                request: request.clone(),
                epoch: self.options.epoch,
            }));
            named.push((request, batch));
        }
        let intended = self.commit(intents).await?;
        for id in &intended {
            self.doubts.remove(id);
        }
        self.sends += 1;
        for (_, batch) in &mut named {
            batch.retain(|item| intended.contains(&item.id()));
        }
        named.retain(|(_, batch)| !batch.is_empty());
        if named.is_empty() {
            // All were changed by somebody quicker: they are looked up anew, not in a circle.
            self.pause(now + Duration::from_secs(1), false, "the queue changed".to_owned());
            return Ok(true);
        }
        let bills = named.iter().map(|(_, batch)| batch.len()).sum::<usize>();
        self.say(LaneState::Sending { bills: u32::try_from(bills).unwrap_or(u32::MAX) });
        let gateway = self.gateway.clone();
        let exchanges = join_all(named.iter().map(|(request, batch)| {
            let functions: Vec<(ControlId, Arc<[u8]>)> = batch
                .iter()
                .filter_map(|item| {
                    Some((item.document.posting.as_ref()?.control_id.clone(), item.frozen.function.as_slice().into()))
                })
                .collect();
            let gateway = gateway.clone();
            async move { gateway.send_writes(request, &functions).await }
        }))
        .await;
        let ended = self.seams.clock.monotonic();
        for ((request, batch), exchange) in named.into_iter().zip(exchanges) {
            self.outcome(&request, batch, exchange, ended);
        }
        Ok(true)
    }

    /// What became of a request.
    fn outcome(&mut self, request: &str, batch: Vec<Item>, mut exchange: Exchange, now: Duration) {
        let ids: Vec<ControlId> =
            batch.iter().filter_map(|item| Some(item.document.posting.as_ref()?.control_id.clone())).collect();
        let elapsed = exchange.elapsed;
        let nothing_sent = Err(SendFailure::Network(NetError { sent: Sent::No, what: String::new() }));
        let answer = std::mem::replace(&mut exchange.outcome, nothing_sent).map_err(|failure| match failure {
            SendFailure::Session(error) => NetError { sent: Sent::No, what: error.to_string() },
            SendFailure::Network(error) => error,
        });
        let Classified { whole, verdicts, session } = classify(self.gateway.catalogue(), request, &ids, &answer);
        if let Some(stated) = &session {
            self.gateway.touched(&exchange, stated);
        }
        self.status.send_modify(|status| {
            status.counts.writes += 1;
            status.last = Some(elapsed);
        });
        let mut back = Vec::new();
        let mut patience = 0;
        let count = batch.len();
        let alone = whole == Whole::Answered;
        if let (Whole::ContentRefused { fault, answer }, 1) = (&whole, count) {
            for item in &batch {
                self.carry.push(Change::Refused {
                    id: item.id(),
                    class: Class::Bug,
                    fault: fault.clone(),
                    title: "the gateway refuses the whole request because of this document".to_owned(),
                    answer: answer.clone(),
                    period: (self.options.entity.clone(), item.frozen.bill.posting_date),
                });
            }
            self.circuit.good();
            return;
        }
        let mut verdicts = verdicts.into_iter();
        for mut item in batch {
            let id = item.id();
            let none = || Verdict::Unclear { why: "the answer was not judged for it".to_owned(), answer: None };
            let verdict = verdicts.next().unwrap_or_else(none);
            match verdict {
                Verdict::Claimed { record, answer } => {
                    self.carry.push(Change::Claimed { id, record: record.clone(), answer });
                    item.document.state = State::Claimed;
                    item.document.record = Some(record);
                    self.claimed.push((item, now));
                }
                Verdict::NotExecuted { why, answer } => {
                    self.carry.push(Change::NotExecuted { id, why, answer, alone });
                    patience = patience.max(item.document.posting.as_ref().map_or(0, |posting| posting.not_executed));
                    back.push(item);
                }
                Verdict::Refused { class, fault, title, answer } => {
                    let period = (self.options.entity.clone(), item.frozen.bill.posting_date);
                    self.carry.push(Change::Refused { id, class, fault, title, answer, period });
                }
                Verdict::Unclear { why, answer } => {
                    self.carry.push(Change::InDoubt { id, why, answer });
                    self.doubts.insert(id, Doubt { since: now, next: now });
                }
            }
        }
        match whole {
            Whole::Answered => {
                self.circuit.good();
                self.refreshes = 0;
                self.pace.took(count, elapsed);
                self.status.send_modify(|status| status.unreachable = false);
                if !back.is_empty() {
                    // One among others is given up soon. Where none was executed it is Intacct that cannot: the waits grow, so
                    // that an outage of minutes does not put the whole queue in front of a person.
                    let wait = match back.len() == count {
                        true => ALL_REFUSED.saturating_mul(4u32.saturating_pow(patience.min(4))),
                        false => Duration::from_secs(1),
                    };
                    let jitter = wait.mul_f64(self.seams.chance.unit() / 4.0);
                    self.pause(now + wait + jitter, false, "some bills were not executed".to_owned());
                }
            }
            Whole::ContentRefused { .. } => {
                self.circuit.good();
                self.ready.split(std::mem::take(&mut back));
            }
            Whole::NotSent(why) | Whole::Unclear(why) => self.trouble(Class::Backoff, why, String::new(), None),
            Whole::NotExecuted { class, why, advice, retry_after } => {
                if let (Class::Refresh, Some(session)) = (class, &exchange.session) {
                    self.gateway.sessions().invalidate(session);
                    // Requests that were under way together shared the session that ended.
                    if std::mem::replace(&mut self.refreshed, self.sends) == self.sends {
                        return;
                    }
                }
                self.trouble(class, why, advice, retry_after);
            }
        }
        // What was not executed is back in the queue, and looked up again before it is sent.
    }

    /// Reads claimed ones back. Returns whether anything was learned.
    async fn verify(&mut self, now: Duration) -> bool {
        self.say(LaneState::Reading);
        let count = self.claimed.len().min(LOOKED_UP);
        let (items, since): (Vec<Item>, Vec<Duration>) = self.claimed.drain(..count).unzip();
        let Ok(seen) = self.look(&items, Depth::After).await else {
            self.claimed.extend(items.into_iter().zip(since));
            return true;
        };
        let mut learned = false;
        for (item, since) in items.into_iter().zip(since) {
            let id = item.id();
            match seen.get(&id).cloned().unwrap_or(Sighting::Absent) {
                // Not visible yet, or only somebody else's: ours must appear within the read lag.
                Sighting::Absent | Sighting::Twin(_) if now.saturating_sub(since) <= self.options.read_lag => {
                    self.claimed.push((item, since));
                    self.next_verify = now + (self.options.read_lag / 4).max(Duration::from_millis(200));
                }
                Sighting::Absent | Sighting::Twin(_) => {
                    self.carry.push(Change::NotVisible { id });
                    self.doubts.insert(id, Doubt { since, next: now });
                    learned = true;
                }
                sighting => {
                    self.learn(id, sighting);
                    learned = true;
                }
            }
        }
        learned
    }

    /// Looks for what is in doubt and due. Returns whether anything was done.
    async fn settle(&mut self, now: Duration, may_send: bool) -> Result<bool, StoreError> {
        let due: Vec<DocumentId> =
            self.doubts.iter().filter(|(_, doubt)| doubt.next <= now).map(|(id, _)| *id).take(LOOKED_UP).collect();
        if due.is_empty() {
            return Ok(false);
        }
        self.flush().await?;
        let ids = due.clone();
        let found = self.store.read(move |reader| reader.with_frozen(&ids)).await?;
        let looked = self.seams.clock.monotonic();
        let items: Vec<Item> = found
            .into_iter()
            .filter(|(document, _)| document.state == State::InDoubt)
            .map(|(document, frozen)| Item { document, frozen, looked })
            .collect();
        // A person may have settled some meanwhile.
        let still: HashSet<DocumentId> = items.iter().map(Item::id).collect();
        for id in due.iter().filter(|id| !still.contains(id)) {
            self.doubts.remove(id);
        }
        if items.is_empty() {
            return Ok(true);
        }
        self.say(LaneState::Reading);
        let Ok(seen) = self.look(&items, Depth::After).await else { return Ok(true) };
        let mut again = Vec::new();
        for item in items {
            let id = item.id();
            let Some(doubt) = self.doubts.get(&id).copied() else { continue };
            let quiet = doubt.since + self.options.quiet_time;
            let sighting = seen.get(&id).cloned().unwrap_or(Sighting::Absent);
            // Until the quiet time has passed, ours may still appear: only seeing it settles anything.
            if matches!(sighting, Sighting::Absent | Sighting::Twin(_)) && now < quiet {
                self.doubts.insert(id, Doubt { next: quiet, ..doubt });
                continue;
            }
            if sighting != Sighting::Absent {
                self.doubts.remove(&id);
                self.learn(id, sighting);
                continue;
            }
            let asked = item.document.reasons.iter().any(|reason| reason.code == ReasonCode::Unsettled);
            let rounds = item.document.posting.as_ref().map_or(0, |posting| posting.rounds) + 1;
            let lost = item.document.approval != Approval::Approved;
            if !asked && (lost || (may_send && rounds >= ROUNDS)) {
                let why = match lost {
                    true => "not found after the quiet time, and not sent again: JAGGAER does not approve it any more"
                        .to_owned(),
                    false => format!("not found in {rounds} rounds, and Intacct did not execute it either"),
                };
                self.carry.push(Change::Unsettled { id, why });
            }
            if asked || lost || !may_send || rounds >= ROUNDS {
                let slow = SLOW_LOOK.min(self.options.quiet_time).max(Duration::from_secs(1));
                self.doubts.insert(id, Doubt { next: now + slow, ..doubt });
                continue;
            }
            // Looked for again unless its intent is durable by then.
            self.doubts.insert(id, Doubt { next: now + STALE, ..doubt });
            again.push(item);
        }
        self.ready.put_front(again);
        Ok(true)
    }

    /// Looks differing documents up again that a person mended. Returns whether there were any.
    async fn recheck(&mut self) -> Result<bool, StoreError> {
        while let Ok(id) = self.rechecks.try_recv() {
            self.rechecking.insert(id);
        }
        let ids: Vec<DocumentId> = self.rechecking.iter().copied().take(LOOKED_UP).collect();
        if ids.is_empty() {
            return Ok(false);
        }
        self.flush().await?;
        let asked = ids.clone();
        let found = self.store.read(move |reader| reader.with_frozen(&ids)).await?;
        let looked = self.seams.clock.monotonic();
        let items: Vec<Item> = found
            .into_iter()
            .filter(|(document, _)| document.state == State::Differs)
            .map(|(document, frozen)| Item { document, frozen, looked })
            .collect();
        if !items.is_empty() {
            // They stay on the list: a person was told that they are looked up again.
            let Ok(seen) = self.look(&items, Depth::After).await else { return Ok(true) };
            for item in &items {
                match seen.get(&item.id()).cloned().unwrap_or(Sighting::Absent) {
                    Sighting::Absent => self.carry.push(Change::Gone { id: item.id() }),
                    sighting @ (Sighting::Ours { .. } | Sighting::Doubled(_) | Sighting::Fallen(_)) => {
                        self.learn(item.id(), sighting);
                    }
                    Sighting::Twin(_) => self.carry.push(Change::Gone { id: item.id() }),
                }
            }
        }
        for id in asked {
            self.rechecking.remove(&id);
        }
        Ok(true)
    }

    /// Turns a sighting into a change.
    fn learn(&mut self, id: DocumentId, sighting: Sighting) {
        self.carry.push(match sighting {
            Sighting::Absent => return,
            Sighting::Ours { bill, differences, twin } => {
                if differences.is_empty() {
                    self.status.send_modify(|status| status.counts.posted += 1);
                }
                Change::Ours { id, bill, differences, twin }
            }
            Sighting::Fallen(bill) => Change::Fallen { id, bill },
            Sighting::Twin(bill) => Change::Twin { id, bill },
            Sighting::Doubled(records) => {
                let list: Vec<String> = records.iter().map(ToString::to_string).collect();
                let alarm =
                    format!("document {id} stands {} times in Intacct: records {}", list.len(), list.join(", "));
                tracing::error!("{alarm}");
                self.status.send_modify(|status| status.alarm = Some(alarm));
                self.halted = true;
                self.ready.clear();
                Change::Doubled { id, records }
            }
        });
    }

    /// Looks into the ledger; trouble makes the lane wait or stop.
    async fn look(
        &mut self,
        items: &[Item],
        depth: Depth,
    ) -> Result<std::collections::HashMap<DocumentId, Sighting>, ()> {
        let result = look(&self.gateway, &self.options.mark_field, self.options.entity.as_deref(), items, depth).await;
        match result {
            Ok(seen) => {
                self.circuit.good();
                self.refreshes = 0;
                self.status.send_modify(|status| status.unreachable = false);
                Ok(seen)
            }
            Err(LookError::Read(error)) => {
                self.trouble(error.class(), error.to_string(), error.advice().safe().into_owned(), error.retry_after());
                Err(())
            }
            Err(LookError::Row(fault)) => {
                self.trouble(Class::Backoff, fault.to_string(), String::new(), None);
                Err(())
            }
        }
    }

    /// One harmless read while the circuit is open. Returns whether it went through.
    async fn probe(&mut self) -> bool {
        let nothing = [RecordNo("0".to_owned())];
        match self.gateway.query_all(&ledger::by_records(nothing.iter(), &self.options.mark_field)).await {
            Ok(_) => {
                self.circuit.good();
                tracing::info!("the gateway answers again");
                self.status.send_modify(|status| status.unreachable = false);
                true
            }
            Err(error) => {
                self.trouble(error.class(), error.to_string(), error.advice().safe().into_owned(), error.retry_after());
                false
            }
        }
    }

    /// Something went wrong with the gateway as a whole: wait, or stop until a person acts.
    fn trouble(&mut self, class: Class, why: String, advice: String, retry_after: Option<Duration>) {
        let now = self.seams.clock.monotonic();
        self.status.send_modify(|status| status.unreachable = true);
        // A refused login that is remembered is not tried again by waiting, whatever its class.
        let class = if self.gateway.sessions().latched().is_some() { Class::Configuration } else { class };
        match class {
            Class::Refresh if self.refreshes < 2 => {
                self.refreshes += 1;
                tracing::info!(%why, "the session ended; a new one is opened and the request repeated");
                self.status.send_modify(|status| status.unreachable = false);
            }
            Class::Configuration | Class::Permission | Class::Refresh => {
                tracing::error!(%why, %advice, "the lane stops until a person acts");
                self.say(LaneState::Stopped { why: why.clone(), advice: advice.clone() });
                // As of the step's beginning: what a person mended meanwhile is tried at once.
                self.stopped = Some((why, advice, self.attempt));
            }
            _ => {
                self.pace.slow_down();
                let pause = self.circuit.failed(self.seams.chance.unit(), retry_after);
                tracing::warn!(%why, wait = ?pause.wait, open = pause.open, "the gateway is in trouble");
                self.pause(now + pause.wait, pause.open, why);
            }
        }
    }

    fn pause(&mut self, until: Duration, open: bool, why: String) {
        // Of several requests under way, the one that asks to wait longest is heard.
        if self.wait.as_ref().is_some_and(|(known, _)| *known >= until) {
            return;
        }
        let wall = self.wall(until);
        let state =
            if open { LaneState::CircuitOpen { until: wall, why } } else { LaneState::Waiting { until: wall, why } };
        self.say(state.clone());
        self.wait = Some((until, state));
    }

    /// Writes what was learned.
    async fn flush(&mut self) -> Result<(), StoreError> {
        if self.carry.is_empty() { Ok(()) } else { self.commit(Vec::new()).await.map(drop) }
    }

    /// One commit for everything learned so far and these intents. Returns the documents whose intent is durable.
    async fn commit(&mut self, intents: Vec<Change>) -> Result<HashSet<DocumentId>, StoreError> {
        let at = self.seams.clock.now();
        let learned = Arc::new(std::mem::take(&mut self.carry));
        let in_step = learned.clone();
        let result = self
            .store
            .write(move |tx| {
                for change in in_step.iter() {
                    apply(tx, at, change)?;
                }
                let mut intended = HashSet::with_capacity(intents.len());
                for intent in &intents {
                    if apply(tx, at, intent)? {
                        intended.insert(intent.document());
                    }
                }
                Ok(intended)
            })
            .await;
        if let Err(error) = &result {
            // Kept for the next try: these things did happen.
            self.carry = Arc::unwrap_or_clone(learned);
            self.astray = true;
            if matches!(error, StoreError::Rule(_) | StoreError::Record(_)) {
                self.one_by_one(at).await?;
            }
        }
        result
    }

    /// Something in a commit can never be written: each change gets a commit of its own, so that one document does not keep the
    /// outcome of all others from the disk. What cannot be written is in doubt, and is read back.
    async fn one_by_one(&mut self, at: Timestamp) -> Result<(), StoreError> {
        for change in std::mem::take(&mut self.carry) {
            let id = change.document();
            let step = change.clone();
            match self.store.write(move |tx| apply(tx, at, &step)).await {
                Ok(_) => {}
                Err(error @ (StoreError::Rule(_) | StoreError::Record(_))) => {
                    let alarm =
                        format!("what was learned of document {id} cannot be recorded, it is read back: {error}");
                    tracing::error!("{alarm}");
                    self.status.send_modify(|status| status.alarm = Some(alarm));
                }
                Err(_) => self.carry.push(change),
            }
        }
        Ok(())
    }

    fn rest(&self, until: Option<Duration>) -> Step {
        self.status.send_modify(|status| status.rests += 1);
        Step::Rest(until)
    }

    fn say(&self, state: LaneState) {
        let functions = u32::try_from(self.pace.size()).unwrap_or(u32::MAX);
        self.status.send_if_modified(|status| {
            let changed = status.state != state || status.functions_per_request != functions;
            status.state = state;
            status.functions_per_request = functions;
            changed
        });
    }

    fn wall(&self, until: Duration) -> Timestamp {
        let ahead = until.saturating_sub(self.seams.clock.monotonic());
        let now = self.seams.clock.now();
        jiff::SignedDuration::try_from(ahead).ok().and_then(|ahead| now.checked_add(ahead).ok()).unwrap_or(now)
    }
}
