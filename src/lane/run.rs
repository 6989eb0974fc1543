//! The lane's loop: settle what is in doubt, verify what is claimed, send what is ready; rest when there is nothing to do.

use std::collections::{BTreeMap, HashSet};
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
use crate::model::{Class, ControlId, DocumentId, ReasonCode, RecordNo, State, Timestamp};
use crate::seams::{NetError, Seams, Sent};
use crate::store::{Store, StoreError};

/// Postings looked up with one query.
const LOOKED_UP: usize = 500;
/// A pre-flight older than this is done again.
const STALE: Duration = Duration::from_secs(10 * 60);
/// How often something is looked for that a person must settle.
const SLOW_LOOK: Duration = Duration::from_secs(15 * 60);
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

/// One in doubt.
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
    observed: u64,
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
            observed: 0,
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
        self.flush().await?;
        for id in sent.into_iter().chain(doubtful) {
            self.doubts.insert(id, Doubt { since: now, next: now });
        }
        self.claimed = claimed.into_iter().map(|(document, frozen)| (Item { document, frozen }, now)).collect();
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
        if self.settle(now, gate.may_send).await? {
            return Ok(Step::Worked);
        }
        if self.recheck().await? {
            return Ok(Step::Worked);
        }
        if self.claimed.len() >= LOOKED_UP && self.verify(now).await {
            return Ok(Step::Worked);
        }
        if gate.may_send {
            self.observed = 0;
            if self.ready.len() == 0 && self.fill(0).await? {
                return Ok(Step::Worked);
            }
            if self.send(now).await? {
                return Ok(Step::Worked);
            }
        } else {
            self.ready.clear();
            if self.fill(self.observed).await? {
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

    /// Looks the queue's next postings up. Returns whether there was anything to look at.
    async fn fill(&mut self, after: u64) -> Result<bool, StoreError> {
        let known: HashSet<DocumentId> = self.carry.iter().map(Change::document).collect();
        let found = self
            .store
            .read(move |reader| {
                let ids = reader.in_state(State::Queued, after, LOOKED_UP)?;
                let ids: Vec<DocumentId> = ids.into_iter().filter(|id| !known.contains(id)).collect();
                reader.with_frozen(&ids)
            })
            .await?;
        if found.is_empty() {
            return Ok(false);
        }
        self.say(LaneState::Reading);
        let items: Vec<Item> = found.into_iter().map(|(document, frozen)| Item { document, frozen }).collect();
        let seen = match self.look(&items, Depth::Number).await {
            Ok(seen) => seen,
            Err(()) => return Ok(true),
        };
        let now = self.seams.clock.monotonic();
        for item in items {
            self.observed = self.observed.max(item.id().0);
            match seen.get(&item.id()).cloned().unwrap_or(Sighting::Absent) {
                Sighting::Absent => self.ready.push(item, now),
                sighting => self.learn(item.id(), sighting),
            }
        }
        Ok(true)
    }

    /// Sends the next batches, each in a request of its own, at most as many as may be in flight.
    async fn send(&mut self, now: Duration) -> Result<bool, StoreError> {
        let stale = now.saturating_sub(STALE);
        let mut batches = Vec::new();
        for _ in 0..self.options.max_in_flight.max(1) {
            let batch = self.ready.take(self.pace.size(), stale);
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
                self.ready.put_back(batch, now);
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
        for (_, batch) in &mut named {
            batch.retain(|item| intended.contains(&item.id()));
        }
        named.retain(|(_, batch)| !batch.is_empty());
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
        for (mut item, verdict) in batch.into_iter().zip(verdicts) {
            let id = item.id();
            match verdict {
                Verdict::Claimed { record, answer } => {
                    self.carry.push(Change::Claimed { id, record: record.clone(), answer });
                    item.document.state = State::Claimed;
                    item.document.record = Some(record);
                    self.claimed.push((item, now));
                }
                Verdict::NotExecuted { why, answer } => {
                    self.carry.push(Change::NotExecuted { id, why, answer, alone });
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
                    // About these alone: they wait a little, so that a temporary refusal can pass.
                    let pause = self.circuit.clone().failed(self.seams.chance.unit(), Some(Duration::from_secs(1)));
                    self.pause(now + pause.wait, pause.open, "some bills were not executed".to_owned());
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
                }
                self.trouble(class, why, advice, retry_after);
            }
        }
        self.ready.put_back(back, now);
    }

    /// Reads claimed ones back. Returns whether anything was learned.
    async fn verify(&mut self, now: Duration) -> bool {
        self.say(LaneState::Reading);
        let count = self.claimed.len().min(LOOKED_UP);
        let (items, since): (Vec<Item>, Vec<Duration>) = self.claimed.drain(..count).unzip();
        let Ok(seen) = self.look(&items, Depth::Thorough).await else {
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
        let items: Vec<Item> = found
            .into_iter()
            .filter(|(document, _)| document.state == State::InDoubt)
            .map(|(document, frozen)| Item { document, frozen })
            .collect();
        // A person may have settled some meanwhile.
        let still: HashSet<DocumentId> = items.iter().map(Item::id).collect();
        self.doubts.retain(|id, _| !due.contains(id) || still.contains(id));
        if items.is_empty() {
            return Ok(true);
        }
        self.say(LaneState::Reading);
        let Ok(seen) = self.look(&items, Depth::Thorough).await else { return Ok(true) };
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
            if asked || !may_send {
                self.doubts.insert(id, Doubt { next: now + SLOW_LOOK.min(self.options.quiet_time), ..doubt });
                continue;
            }
            let rounds = item.document.posting.as_ref().map_or(0, |posting| posting.rounds) + 1;
            let last = rounds >= ROUNDS;
            self.carry.push(Change::Round { id, last });
            if last {
                self.doubts.insert(id, Doubt { next: now + SLOW_LOOK, ..doubt });
            } else {
                self.doubts.remove(&id);
                again.push(item);
            }
        }
        self.ready.put_back(again, now);
        Ok(true)
    }

    /// Looks differing documents up again that a person mended. Returns whether there were any.
    async fn recheck(&mut self) -> Result<bool, StoreError> {
        let mut ids = Vec::new();
        while ids.len() < LOOKED_UP
            && let Ok(id) = self.rechecks.try_recv()
        {
            ids.push(id);
        }
        if ids.is_empty() {
            return Ok(false);
        }
        self.flush().await?;
        let found = self.store.read(move |reader| reader.with_frozen(&ids)).await?;
        let items: Vec<Item> = found
            .into_iter()
            .filter(|(document, _)| document.state == State::Differs)
            .map(|(document, frozen)| Item { document, frozen })
            .collect();
        if !items.is_empty()
            && let Ok(seen) = self.look(&items, Depth::Thorough).await
        {
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
        match class {
            Class::Refresh if self.refreshes < 2 => {
                self.refreshes += 1;
                tracing::info!(%why, "the session ended; a new one is opened and the request repeated");
                self.status.send_modify(|status| status.unreachable = false);
            }
            Class::Configuration | Class::Permission | Class::Refresh => {
                tracing::error!(%why, %advice, "the lane stops until a person acts");
                let attempt = self.gate.borrow().attempt;
                self.say(LaneState::Stopped { why: why.clone(), advice: advice.clone() });
                self.stopped = Some((why, advice, attempt));
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
        if result.is_err() {
            // Kept for the next try: these things did happen.
            self.carry = Arc::unwrap_or_clone(learned);
        }
        result
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
