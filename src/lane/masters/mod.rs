//! Vendors, created and changed through the lane.
//!
//! The order of the steps is that of bills: looked up, intended, sent once, judged, read back. Two things differ. A vendor is
//! found by its own id, which Intacct gives only once, so no mark is needed. And a change leaves the same whether it takes
//! effect once or twice; what must not happen is that it takes effect after somebody else's change and undoes it. So it is sent
//! only while the vendor still says what the change was made for, and what is unclear is left alone until it can no longer
//! take effect.

mod look;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::classify::{Classified, Verdict, Whole, classify};
use super::run::{Doubt, LOOKED_UP, Lane};
use crate::intacct::{Exchange, ReadError, SendFailure};
use crate::messages::LaneState;
use crate::model::{Actor, Class, ControlId, MasterStep, MasterVendor, MasterWrite, Pair, PairId, Side};
use crate::seams::{Guard, Guards, NetError, Sent};
use crate::store::{StoreError, at};
use crate::vendors::{Change, Seeing, Waited, after, apply, before};
use look::Look;
pub use look::VendorTools;

/// How long until something is looked at again that nobody can read.
const SLOW_LOOK: Duration = Duration::from_secs(15 * 60);

/// What the lane knows of vendors' writes beside the store.
#[derive(Debug, Default)]
pub struct Masters {
    /// The store may hold something that was not looked at: a start, an order, a merge.
    stirred: bool,
    /// Sent ones that are not settled.
    doubts: BTreeMap<PairId, Doubt>,
    /// The next requests hold one function each, because one of a batch made the gateway refuse it.
    single: usize,
    /// Queued ones whose vendor cannot be read, and when to try again.
    later: BTreeMap<PairId, Duration>,
    /// Whether anything could be written in the step before: a gate that opens is noticed.
    could_write: bool,
}

impl Masters {
    /// Something may be there to do.
    pub fn stir(&mut self) {
        self.stirred = true;
    }

    /// When something is to be looked at again.
    pub fn next(&self) -> Option<Duration> {
        self.doubts.values().map(|doubt| doubt.next).chain(self.later.values().copied()).min()
    }
}

/// A pair with its write to Intacct; while it is queued, with the vendor that it was made for.
#[derive(Clone, Debug)]
struct Job {
    id: PairId,
    write: MasterWrite,
    known: Option<MasterVendor>,
}

fn job(pair: Pair) -> Option<Job> {
    Some(Job { id: pair.id, write: *pair.to_intacct?, known: None })
}

impl<G: Guards> Lane<G> {
    /// Settles and sends what there is of vendors' writes. Returns whether anything was done.
    pub(super) async fn keep_vendors(&mut self, now: Duration, may_write: bool) -> Result<bool, StoreError> {
        self.masters.stirred |= may_write && !self.masters.could_write;
        self.masters.could_write = may_write;
        if self.settle_vendors(now).await? {
            return Ok(true);
        }
        let waiting = self.masters.later.len();
        self.masters.later.retain(|_, next| *next > now);
        self.masters.stirred |= self.masters.later.len() < waiting;
        if !self.masters.stirred || !may_write {
            return Ok(false);
        }
        self.send_vendors(now).await
    }

    /// Takes over what an earlier life, or a commit that failed, left unsettled: nothing is in flight between two steps.
    pub(super) async fn take_over_vendors(&mut self) -> Result<(), StoreError> {
        let now = self.seams.clock.monotonic();
        let left = self.store.read(|reader| reader.unsettled_writes(Side::Intacct)).await?;
        let mut changes = Vec::new();
        for pair in left {
            let Some(job) = job(pair) else { continue };
            self.masters.doubts.entry(job.id).or_insert(Doubt { since: now, next: now });
            if job.write.step == MasterStep::Sent {
                let why = "the engine ended while it was being sent".to_owned();
                changes.push((
                    job.id,
                    match G::hold(Guard::Recovery) {
                        true => Change::InDoubt { why, answer: None },
                        false => Change::NotExecuted { why, answer: None, alone: false },
                    },
                ));
            }
        }
        self.masters.stirred = true;
        if !changes.is_empty() {
            self.write_vendors(at::VendorsRecovered, changes).await?;
        }
        Ok(())
    }

    /// Looks at what was sent and is due.
    async fn settle_vendors(&mut self, now: Duration) -> Result<bool, StoreError> {
        let doubts = self.masters.doubts.iter();
        let due: Vec<PairId> =
            doubts.filter(|(_, doubt)| doubt.next <= now).map(|(id, _)| *id).take(LOOKED_UP).collect();
        if due.is_empty() {
            return Ok(false);
        }
        let asked = due.clone();
        let pairs = self.store.read(move |reader| reader.pairs_of(&asked)).await?;
        let jobs: Vec<Job> =
            pairs.into_iter().filter_map(job).filter(|job| job.write.step != MasterStep::Queued).collect();
        let still: HashSet<PairId> = jobs.iter().map(|job| job.id).collect();
        self.masters.doubts.retain(|id, _| !due.contains(id) || still.contains(id));
        if jobs.is_empty() {
            return Ok(true);
        }
        // A commit that failed left it so: what is sent has no outcome that anybody knows.
        let lost: Vec<(PairId, Change)> = jobs
            .iter()
            .filter(|job| job.write.step == MasterStep::Sent)
            .map(|job| (job.id, Change::InDoubt { why: "its outcome was not written".to_owned(), answer: None }))
            .collect();
        if !lost.is_empty() {
            self.write_vendors(at::VendorsRecovered, lost).await?;
            return Ok(true);
        }
        let Some(seen) = self.look_at_vendors(&jobs).await else { return Ok(true) };
        let comparing = self.options.vendors.comparing;
        let mut changes = Vec::new();
        for job in jobs {
            let Some(doubt) = self.masters.doubts.get(&job.id).copied() else { continue };
            let quiet = match G::hold(Guard::QuietTime) {
                true => doubt.since + self.options.quiet_time,
                false => doubt.since,
            };
            let record = match seen.of(&job.write) {
                Ok(record) => record,
                Err(why) => {
                    tracing::warn!(pair = %job.id, %why, "a vendor cannot be read back");
                    self.masters.doubts.insert(job.id, Doubt { next: now + SLOW_LOOK, ..doubt });
                    continue;
                }
            };
            let visible = doubt.since + self.options.read_lag;
            match after(&job.write, record, &comparing, Waited { lag: now >= visible, quiet: now >= quiet }) {
                Some(change) => changes.push((job.id, change)),
                None => {
                    let soon = now + (self.options.read_lag / 4).max(Duration::from_millis(200));
                    let claimed = job.write.step == MasterStep::Claimed && now < visible;
                    let next = if claimed { soon.min(visible) } else { quiet };
                    self.masters.doubts.insert(job.id, Doubt { next, ..doubt });
                }
            }
        }
        if !changes.is_empty() {
            let settled: Vec<PairId> = changes.iter().map(|(id, _)| *id).collect();
            self.write_vendors(at::VendorsSettled, changes).await?;
            for id in settled {
                self.masters.doubts.remove(&id);
            }
            self.masters.stirred = true;
        }
        Ok(true)
    }

    /// Sends the next writes: looked up, intended, sent once, judged.
    async fn send_vendors(&mut self, now: Duration) -> Result<bool, StoreError> {
        let most = if self.masters.single > 0 { 1 } else { self.pace.size().min(LOOKED_UP) };
        let later: HashSet<PairId> = self.masters.later.keys().copied().collect();
        let skip = move |id: PairId| later.contains(&id);
        let queued = self.store.read(move |reader| {
            let known = |job: Job| Ok(Job { known: reader.master_vendor(job.write.target.raw())?, ..job });
            let pairs = reader.queued_writes(Side::Intacct, most, skip)?;
            pairs.into_iter().filter_map(job).map(known).collect::<Result<Vec<Job>, StoreError>>()
        });
        let mut jobs = queued.await?;
        if jobs.is_empty() {
            self.masters.stirred = false;
            self.masters.single = 0;
            return Ok(false);
        }
        if let Err(error) = self.gateway.sessions().get().await {
            self.trouble(error.class(), error.to_string(), error.advice().safe().into_owned(), error.retry_after());
            return Ok(true);
        }
        if G::hold(Guard::RecordSeen) {
            let Some(seen) = self.look_at_vendors(&jobs).await else { return Ok(true) };
            let comparing = self.options.vendors.comparing;
            let mut found = Vec::new();
            let later = &mut self.masters.later;
            jobs.retain(|job| {
                match seen.of(&job.write).map(|record| before(&job.write, record, job.known.as_ref(), &comparing)) {
                    Ok(None) => return true,
                    Ok(Some(change)) => found.push((job.id, change)),
                    Err(why) => {
                        tracing::warn!(pair = %job.id, %why, "a vendor cannot be read, so nothing is written to it");
                        later.insert(job.id, now + SLOW_LOOK);
                    }
                }
                false
            });
            if !found.is_empty() {
                self.write_vendors(at::VendorsFound, found).await?;
            }
            if jobs.is_empty() {
                return Ok(true);
            }
        }
        self.requests += 1;
        let request = format!("tg-v-{}-{}", self.options.epoch, self.requests);
        let epoch = self.options.epoch;
        let intents =
            jobs.iter().map(|job| (job.id, Change::Intent { hash: job.write.hash, request: request.clone(), epoch }));
        if G::hold(Guard::Intent) {
            let intended = self.write_vendors(at::VendorIntents, intents.collect()).await?;
            jobs.retain(|job| intended.contains(&job.id));
            if jobs.is_empty() {
                return Ok(true);
            }
        }
        // Whatever happens from here on, they are looked at.
        let begun = self.seams.clock.monotonic();
        for job in &jobs {
            self.masters.doubts.insert(job.id, Doubt { since: begun, next: begun });
        }
        self.say(LaneState::Sending { bills: u32::try_from(jobs.len()).unwrap_or(u32::MAX) });
        let functions: Vec<(ControlId, Arc<[u8]>)> =
            jobs.iter().map(|job| (job.write.control_id.clone(), job.write.body.as_slice().into())).collect();
        let exchange = self.gateway.send_writes(&request, &functions, G::hold(Guard::UniqueId)).await;
        let ended = self.seams.clock.monotonic();
        self.vendors_answered(&request, jobs, exchange, ended).await?;
        Ok(true)
    }

    async fn vendors_answered(
        &mut self,
        request: &str,
        jobs: Vec<Job>,
        mut exchange: Exchange,
        now: Duration,
    ) -> Result<(), StoreError> {
        let ids: Vec<ControlId> = jobs.iter().map(|job| job.write.control_id.clone()).collect();
        let elapsed = exchange.elapsed;
        let nothing_sent = Err(SendFailure::Network(NetError { sent: Sent::No, what: String::new() }));
        let answer = std::mem::replace(&mut exchange.outcome, nothing_sent).map_err(|failure| match failure {
            SendFailure::Session(error) => NetError { sent: Sent::No, what: error.to_string() },
            SendFailure::Network(error) => error,
        });
        let Classified { whole, verdicts, session } = classify::<G>(self.gateway.catalogue(), request, &ids, &answer);
        if let Some(stated) = &session {
            self.gateway.touched(&exchange, stated);
        }
        self.status.send_modify(|status| {
            status.counts.writes += 1;
            status.last = Some(elapsed);
        });
        let count = jobs.len();
        let patience = jobs.iter().map(|job| job.write.not_executed).max().unwrap_or_default();
        let answered = whole == Whole::Answered;
        let mut changes = Vec::new();
        let mut verdicts = verdicts.into_iter();
        for job in jobs {
            let none = || Verdict::Unclear { why: "the answer was not judged for it".to_owned(), answer: None };
            let change = match (&whole, count, verdicts.next().unwrap_or_else(none)) {
                (Whole::ContentRefused { fault, answer }, 1, _) => Change::Refused {
                    class: Class::Bug,
                    fault: fault.clone(),
                    title: "the gateway refuses the whole request because of this vendor".to_owned(),
                    answer: answer.clone(),
                },
                (_, _, Verdict::Claimed { record, answer }) => Change::Claimed { record: Some(record), answer },
                (_, _, Verdict::NotExecuted { why, answer }) => Change::NotExecuted { why, answer, alone: answered },
                (_, _, Verdict::Refused { class, fault, title, answer }) => {
                    Change::Refused { class, fault, title, answer }
                }
                (_, _, Verdict::Unclear { why, answer }) => match G::hold(Guard::SendOnce) {
                    true => Change::InDoubt { why, answer },
                    false => Change::NotExecuted { why, answer, alone: false },
                },
            };
            match &change {
                Change::Claimed { .. } | Change::InDoubt { .. } => {
                    self.masters.doubts.insert(job.id, Doubt { since: now, next: now });
                }
                _ => drop(self.masters.doubts.remove(&job.id)),
            }
            changes.push((job.id, change));
        }
        match &whole {
            Whole::ContentRefused { .. } => self.masters.single = if count > 1 { count } else { self.masters.single },
            _ => self.masters.single = self.masters.single.saturating_sub(1),
        }
        self.masters.stirred = true;
        let back = changes.iter().filter(|(_, change)| matches!(change, Change::NotExecuted { .. })).count();
        match whole {
            Whole::Answered => {
                self.circuit.good();
                self.refreshes = 0;
                self.pace.took(count, elapsed);
                self.status.send_modify(|status| status.unreachable = false);
                if back > 0 {
                    self.rest_after_refusal(back == count, patience, now);
                }
            }
            Whole::ContentRefused { .. } => self.circuit.good(),
            whole => self.refused(whole, &exchange),
        }
        self.write_vendors(at::VendorOutcomes, changes).await.map(drop)
    }

    /// One commit for these changes. Returns the pairs whose change still fitted.
    async fn write_vendors(
        &mut self,
        point: impl at::Commit,
        changes: Vec<(PairId, Change)>,
    ) -> Result<HashSet<PairId>, StoreError> {
        let comparing = self.options.vendors.comparing;
        let seeing = Seeing { at: self.seams.clock.now(), who: Actor::Lane, comparing };
        let written = self
            .store
            .write(point, move |tx| {
                let mut done = HashSet::new();
                for (id, change) in &changes {
                    if apply::<G>(tx, &seeing, Side::Intacct, *id, change)? {
                        done.insert(*id);
                    }
                }
                Ok(done)
            })
            .await;
        // It may be on the disk all the same: the store is asked what it holds, and what stands as sent there is in doubt.
        self.astray |= written.is_err();
        written
    }

    /// Reads the vendors of these writes; trouble makes the lane wait or stop.
    async fn look_at_vendors(&mut self, jobs: &[Job]) -> Option<Look> {
        self.say(LaneState::Reading);
        let tools = self.options.vendors.clone();
        match Look::take(&self.gateway, &tools, jobs.iter().map(|job| &job.write)).await {
            Ok(seen) => {
                self.circuit.good();
                self.refreshes = 0;
                self.status.send_modify(|status| status.unreachable = false);
                Some(seen)
            }
            // Intacct is there and refuses the question: bills go on, and vendors are looked at later.
            Err(ReadError::Refused(refusal)) if !matches!(refusal.class, Class::Refresh | Class::Backoff) => {
                self.circuit.good();
                let (what, next) = (refusal.sentence(), self.seams.clock.monotonic() + SLOW_LOOK);
                tracing::warn!(%what, "vendors cannot be read, so none is written or read back; bills go on");
                for job in jobs {
                    match self.masters.doubts.get_mut(&job.id) {
                        Some(doubt) => doubt.next = next,
                        None => drop(self.masters.later.insert(job.id, next)),
                    }
                }
                None
            }
            Err(error) => {
                self.trouble(error.class(), error.to_string(), error.advice().safe().into_owned(), error.retry_after());
                None
            }
        }
    }
}
