//! One pass: every flow once, everything that can be posted, a summary.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::core::{Engine, lock};
use super::flow::{AUDIT, POLLED};
use super::publish::states;
use super::vendors::waits;
use crate::config::Posting;
use crate::messages::{BillAudit, GatewayCounts, LaneState, RunSummary};
use crate::model::{MasterStep, Pair, Side, State, Timestamp};
use crate::seams::Guards;
use crate::store::{Reader, StoreError};
use crate::vendors::write_to;

/// So much longer than the times that are configured a read-back is waited for.
const SLACK: Duration = Duration::from_secs(10);

/// What a pass did, and what kept it from doing more.
#[derive(Clone, Debug)]
pub struct Pass {
    /// The summary; its exit code is still to be set.
    pub summary: RunSummary,
    /// A remote system could not be reached or refused the credentials: what happened, one line each.
    pub unreachable: Vec<String>,
    /// Other errors of flows.
    pub failed: Vec<String>,
    /// Documents wait in a queue that is paused or may not be sent.
    pub waiting: bool,
    /// What the last audit found that no document here stands for, one line each.
    pub found: Vec<String>,
}

impl<G: Guards> Engine<G> {
    /// Polls every flow once, posts what can be posted and writes what is to be written of the two masters, then audits the bills if
    /// that is due; with `settle` it also waits until nothing is in doubt. A flow that fails does not keep the others from running.
    pub async fn pass(&self, settle: bool) -> Pass {
        let started = self.inner.seams.clock.monotonic();
        let (mut unreachable, mut failed) = (Vec::new(), Vec::new());
        for name in POLLED {
            let paused = lock(&self.inner.flows).get(name).is_some_and(|flow| flow.record.paused.is_some());
            if paused {
                continue;
            }
            if let Err(error) = self.run_flow(name).await {
                let line = format!("flow {name}: {}", error.what);
                if error.unreachable { unreachable.push(line) } else { failed.push(line) }
            }
        }
        match self.work_off(settle).await {
            Some(trouble) => unreachable.push(trouble),
            None if self.is_due(AUDIT, self.inner.seams.clock.now()) => {
                if let Err(error) = self.run_flow(AUDIT).await {
                    let line = format!("flow {AUDIT}: {}", error.what);
                    if error.unreachable { unreachable.push(line) } else { failed.push(line) }
                }
            }
            None => {}
        }
        let totals = self.inner.store.totals().borrow().clone();
        let counts = self.inner.gateway.counts();
        let flows = lock(&self.inner.flows).iter().map(|(name, flow)| ((*name).to_owned(), flow.counts)).collect();
        let elapsed = self.inner.seams.clock.monotonic().saturating_sub(started);
        let summary = RunSummary {
            flows,
            documents: states(&totals),
            vendors: self.vendors_status(),
            gateway: GatewayCounts {
                requests: counts.requests.load(Ordering::Relaxed),
                functions: counts.functions.load(Ordering::Relaxed),
                transactions: counts.transactions.load(Ordering::Relaxed),
                logins: counts.logins.load(Ordering::Relaxed),
            },
            duration_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            exit_code: 0,
        };
        let found = lock(&self.inner.audited).as_ref().map(BillAudit::lines).unwrap_or_default();
        Pass { summary, unreachable, failed, waiting: totals.count(State::Queued) > 0, found }
    }

    /// Waits until evaluation, lane and the writer of suppliers have nothing left to do. Returns what kept the lane from finishing.
    async fn work_off(&self, settle: bool) -> Option<String> {
        let mut lane = self.inner.lane.clone();
        let mut written = None;
        loop {
            self.finish_evaluation().await;
            self.finish_suppliers().await;
            let rests = lane.borrow_and_update().rests;
            self.inner.lane_wake.notify_one();
            // A step that began before may still be reading: two rests cover one whole look at everything.
            while lane.borrow().rests < rests + 2 {
                if self.inner.stop.is_cancelled() || lane.changed().await.is_err() {
                    return Some("the engine was told to stop".to_owned());
                }
                if lane.borrow().rests == rests + 1 {
                    self.inner.lane_wake.notify_one();
                }
            }
            let status = lane.borrow().clone();
            match &status.state {
                LaneState::Stopped { why, advice } => return Some(format!("{why} {advice}")),
                LaneState::CircuitOpen { why, .. } => return Some(why.clone()),
                _ => {}
            }
            let (now, posting) = (self.inner.seams.clock.now(), self.config().posting.clone());
            let look = move |reader: &Reader| {
                let pending = reader.has_pending()? || waits(reader)? || masters_settle(reader, &posting, settle, now)?;
                Ok((pending, reader.audit_head()?.count))
            };
            let (pending, head) = self.inner.store.read(look).await.unwrap_or_default();
            // What one of the three wrote may be work for another: nothing is left once a whole look wrote nothing.
            let wrote = written.replace(head) != Some(head);
            let totals = self.inner.store.totals().borrow().clone();
            let may_send = self.inner.gate.borrow().may_send;
            let busy = pending
                || wrote
                || totals.count(State::Sent) > 0
                || totals.count(State::Claimed) > 0
                || (may_send && totals.count(State::Queued) > 0)
                || (settle && may_send && self.open_doubts(totals.count(State::InDoubt)).await);
            if !busy {
                return None;
            }
            tokio::select! {
                biased;
                () = self.inner.stop.cancelled() => return Some("the engine was told to stop".to_owned()),
                _ = lane.changed() => {}
                () = self.inner.seams.clock.sleep(Duration::from_millis(100)) => {}
            }
        }
    }

    /// Whether something in doubt can still settle by itself.
    async fn open_doubts(&self, count: u64) -> bool {
        if count == 0 {
            return false;
        }
        let open = self
            .inner
            .store
            .read(|reader| {
                for id in reader.in_state(State::InDoubt, 0, usize::MAX)? {
                    if !reader.document(id)?.is_some_and(|document| document.asks_person()) {
                        return Ok(true);
                    }
                }
                Ok(false)
            })
            .await;
        open.unwrap_or(true)
    }

    /// Waits for a whole look of the writer of suppliers that began after now.
    async fn finish_suppliers(&self) {
        let mut rests = self.inner.supplier_rests.subscribe();
        // A step that began before may still be under way.
        for _ in 0..2 {
            rests.mark_unchanged();
            self.inner.supplier_wake.notify_one();
            tokio::select! {
                biased;
                () = self.inner.stop.cancelled() => return,
                changed = rests.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Waits for a whole round of evaluation that began after now.
    async fn finish_evaluation(&self) {
        let mut rounds = self.inner.evaluated.subscribe();
        let now = *rounds.borrow_and_update();
        self.inner.evaluate.notify_one();
        while *rounds.borrow() < now + 1 {
            tokio::select! {
                biased;
                () = self.inner.stop.cancelled() => return,
                changed = rounds.changed() => if changed.is_err() { return },
            }
        }
    }
}

/// Whether a write of master data is about to be read back; with `settle` also what is unclear. One that could not be read for
/// longer than that is looked at again later, and nobody waits for it.
fn masters_settle(reader: &Reader, posting: &Posting, settle: bool, now: Timestamp) -> Result<bool, StoreError> {
    let soon = |pair: &Pair, to: Side| {
        let Some(write) = write_to(pair, to) else { return false };
        let longest = match write.step {
            MasterStep::Claimed => posting.read_lag,
            _ if settle => posting.quiet_time(),
            _ => return false,
        };
        let until = write.last_attempt.as_ref().and_then(|last| last.at.checked_add(longest + SLACK).ok());
        until.is_some_and(|until| now < until)
    };
    for to in [Side::Intacct, Side::Jaggaer] {
        if reader.unsettled_writes(to)?.iter().any(|pair| soon(pair, to)) {
            return Ok(true);
        }
    }
    Ok(false)
}
