//! Suppliers, changed in JAGGAER: one after the other, each read again before it is written and read back afterwards.
//!
//! The steps are those of the lane, and so is what they write into the store. It is the one thing that is ever written to
//! JAGGAER.

use std::collections::BTreeMap;
use std::time::Duration;

use super::core::Engine;
use crate::jaggaer::{JaggaerError, SupplierAnswer};
use crate::model::{Actor, Fault, MasterStep, MasterWrite, Pair, PairId, Side, Text};
use crate::seams::{Guard, Guards};
use crate::store::StoreError;
use crate::store::at::{self, Commit};
use crate::vendors::{Change, Seen, Waited, after, apply, before};

/// Who is named in the trail.
const WRITER: &str = "suppliers";
/// The first wait after JAGGAER did not answer; it grows up to the last.
const FIRST_WAIT: Duration = Duration::from_secs(15);
const LAST_WAIT: Duration = Duration::from_secs(15 * 60);
/// Writes looked at in one round.
const ROUND: usize = 50;

/// What the writer knows beside the store.
#[derive(Debug, Default)]
struct Writer {
    /// Sent ones that are not settled: since when they cannot have been sent again, and when to look next.
    doubts: BTreeMap<PairId, (Duration, Duration)>,
    /// Queued ones that are left alone until then.
    later: BTreeMap<PairId, Duration>,
    /// JAGGAER does not answer, or refused us.
    wait: Option<Duration>,
    failures: u32,
}

impl Writer {
    fn next(&self) -> Option<Duration> {
        let due = self.doubts.values().map(|(_, next)| *next).chain(self.later.values().copied()).min();
        self.wait.or(due)
    }

    fn failed(&mut self, now: Duration, asked: Option<Duration>) {
        self.failures = (self.failures + 1).min(7);
        let wait = FIRST_WAIT.saturating_mul(1 << (self.failures - 1)).min(LAST_WAIT);
        self.wait = Some(now + wait.max(asked.unwrap_or_default()));
    }
}

impl<G: Guards> Engine<G> {
    /// Carries out what is to be written to JAGGAER, until the engine stops.
    pub(super) async fn keep_suppliers(self) {
        let mut writer = Writer::default();
        let mut gate = self.inner.gate.subscribe();
        loop {
            let wake = self.inner.supplier_wake.notified();
            tokio::pin!(wake);
            wake.as_mut().enable();
            gate.mark_unchanged();
            match self.write_suppliers(&mut writer).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    if self.lost().is_none() {
                        tracing::error!(%error, "what became of a supplier's write could not be written down: it is read back");
                    }
                    writer.failed(self.inner.seams.clock.monotonic(), None);
                }
            }
            self.inner.supplier_rests.send_modify(|rests| *rests += 1);
            let now = self.inner.seams.clock.monotonic();
            let longest = writer.next().map_or(Duration::from_secs(3600), |next| next.saturating_sub(now));
            tokio::select! {
                biased;
                () = self.inner.stop.cancelled() => return,
                () = &mut wake => {}
                _ = gate.changed() => {}
                () = self.inner.seams.clock.sleep(longest.max(Duration::from_millis(1))) => {}
            }
        }
    }

    /// One step. Returns whether anything was done.
    async fn write_suppliers(&self, writer: &mut Writer) -> Result<bool, StoreError> {
        let now = self.inner.seams.clock.monotonic();
        if self.is_stopping() || writer.wait.is_some_and(|until| now < until) {
            return Ok(false);
        }
        writer.wait = None;
        writer.later.retain(|_, next| *next > now);
        let unsettled = self.inner.store.read(|reader| reader.unsettled_writes(Side::Jaggaer)).await?;
        writer.doubts.retain(|id, _| unsettled.iter().any(|pair| pair.id == *id));
        for pair in unsettled {
            let Some(write) = pair.to_jaggaer.as_deref() else { continue };
            let (since, next) = *writer.doubts.entry(pair.id).or_insert((now, now));
            // Nothing is in flight between two steps.
            if write.step == MasterStep::Sent {
                let why = "the engine ended while it was being sent".to_owned();
                let change = match G::hold(Guard::Recovery) {
                    true => Change::InDoubt { why, answer: None },
                    false => Change::NotExecuted { why, answer: None, alone: false },
                };
                self.supplier_change(at::SuppliersRecovered, pair.id, change).await?;
                return Ok(true);
            }
            if next <= now {
                self.settle_supplier(writer, &pair, write, since, now).await?;
                return Ok(true);
            }
        }
        if !self.inner.gate.borrow().may_write_vendors {
            return Ok(false);
        }
        let later: Vec<PairId> = writer.later.keys().copied().collect();
        let skip = move |id: PairId| later.contains(&id);
        let queued = self.inner.store.read(move |reader| reader.queued_writes(Side::Jaggaer, ROUND, skip)).await?;
        let worked = !queued.is_empty();
        for pair in queued {
            let Some(write) = pair.to_jaggaer.as_deref() else { continue };
            // A round takes its time, and a person may have paused or stopped it since.
            let may_write = self.inner.gate.borrow().may_write_vendors;
            if !may_write || self.is_stopping() || !self.send_supplier(writer, &pair, write).await? {
                return Ok(false);
            }
        }
        Ok(worked)
    }

    /// Reads back what was sent.
    async fn settle_supplier(
        &self,
        writer: &mut Writer,
        pair: &Pair,
        write: &MasterWrite,
        since: Duration,
        now: Duration,
    ) -> Result<(), StoreError> {
        let posting = self.config().posting.clone();
        let visible = since + posting.read_lag;
        let quiet = if G::hold(Guard::QuietTime) { since + posting.quiet_time() } else { since };
        let read = match self.read_supplier(writer, write).await {
            Reading::Is(read) => read,
            Reading::CannotTell => {
                writer.doubts.insert(pair.id, (since, now + LAST_WAIT));
                return Ok(());
            }
            Reading::NoAnswer => return Ok(()),
        };
        let waited = Waited { lag: now >= visible, quiet: now >= quiet };
        match after(write, read.map(|read| *read), &self.base().comparing, waited) {
            Some(change) => {
                self.supplier_change(at::SupplierSettled, pair.id, change).await?;
                writer.doubts.remove(&pair.id);
            }
            None => {
                let soon = now + (posting.read_lag / 4).max(Duration::from_millis(200));
                let claimed = write.step == MasterStep::Claimed && now < visible;
                let next = if claimed { soon.min(visible) } else { quiet };
                writer.doubts.insert(pair.id, (since, next));
            }
        }
        Ok(())
    }

    /// Looks the supplier up, writes the intent, sends once and judges. Returns whether the next one may be tried.
    async fn send_supplier(&self, writer: &mut Writer, pair: &Pair, write: &MasterWrite) -> Result<bool, StoreError> {
        let read = match self.read_supplier(writer, write).await {
            Reading::Is(read) => read,
            Reading::CannotTell => {
                writer.later.insert(pair.id, self.inner.seams.clock.monotonic() + LAST_WAIT);
                return Ok(true);
            }
            Reading::NoAnswer => return Ok(false),
        };
        let token = match read.as_deref() {
            Some(Seen::Supplier(supplier)) => supplier.token.clone(),
            _ => None,
        };
        if G::hold(Guard::RecordSeen)
            && let Some(change) = before(write, read.map(|read| *read), None, &self.base().comparing)
        {
            self.supplier_change(at::SupplierFound, pair.id, change).await?;
            return Ok(true);
        }
        let epoch = self.inner.epoch;
        let request = format!("tg-s-{epoch}-{}-{}", pair.id.0, write.attempts + 1);
        let intent = Change::Intent { hash: write.hash, request, epoch };
        if G::hold(Guard::Intent) && !self.supplier_change(at::SupplierIntent, pair.id, intent).await? {
            return Ok(true);
        }
        let answer = self.client().update_supplier(write.target.raw(), &write.set, token.as_ref()).await;
        let now = self.inner.seams.clock.monotonic();
        writer.doubts.insert(pair.id, (now, now));
        let not_executed = |why, alone| Change::NotExecuted { why, answer: None, alone };
        let (change, wait) = match answer {
            SupplierAnswer::Done { said } => (Change::Claimed { record: None, answer: said.raw().to_owned() }, None),
            SupplierAnswer::Refused { class, code, said } => {
                let (answer, title) = (said.raw().to_owned(), "JAGGAER refuses the change".to_owned());
                (Change::Refused { class, fault: Fault { errorno: code, said }, title, answer }, None)
            }
            SupplierAnswer::Stale { said } => {
                (not_executed(format!("it was changed in JAGGAER meanwhile: {}", said.safe()), true), None)
            }
            SupplierAnswer::NotExecuted { why, retry_after } => (not_executed(why, false), Some(retry_after)),
            SupplierAnswer::Unclear { why } if G::hold(Guard::SendOnce) => {
                (Change::InDoubt { why, answer: None }, Some(None))
            }
            SupplierAnswer::Unclear { why } => (not_executed(why, false), None),
        };
        self.supplier_change(at::SupplierOutcome, pair.id, change).await?;
        match wait {
            Some(asked) => writer.failed(now, asked),
            None => writer.failures = 0,
        }
        Ok(wait.is_none())
    }

    /// One commit. Returns whether the change still fitted.
    async fn supplier_change(&self, point: impl Commit, id: PairId, change: Change) -> Result<bool, StoreError> {
        let seeing = self.base().seeing(self.inner.seams.clock.now(), Actor::Flow(WRITER.to_owned()));
        self.inner.store.write(point, move |tx| apply::<G>(tx, &seeing, Side::Jaggaer, id, &change)).await
    }

    /// The supplier of a write as it is now.
    async fn read_supplier(&self, writer: &mut Writer, write: &MasterWrite) -> Reading {
        let client = self.client();
        let id = Text::new(write.target.raw());
        match super::vendors::supplier_by_id(&client, &id, &self.inner.marker).await {
            Ok(found) => Reading::Is(found.map(|found| Box::new(Seen::Supplier(found)))),
            // JAGGAER answers, and this one alone cannot be read: it stops no other.
            Err(
                error @ (JaggaerError::RecordRefused { .. }
                | JaggaerError::Status { .. }
                | JaggaerError::Code { .. }
                | JaggaerError::Page { .. }
                | JaggaerError::NotJson { .. }),
            ) => {
                tracing::warn!(supplier = %id.safe(), %error, "a supplier cannot be read: nothing is written to it or settled");
                Reading::CannotTell
            }
            Err(error) => {
                tracing::warn!(%error, "a supplier cannot be asked for; it is tried again");
                writer.failed(self.inner.seams.clock.monotonic(), None);
                Reading::NoAnswer
            }
        }
    }
}

/// What came of asking for a supplier.
enum Reading {
    /// It is so; `None`: it is not there.
    Is(Option<Box<Seen>>),
    /// The answer cannot be read.
    CannotTell,
    /// There was none.
    NoAnswer,
}
