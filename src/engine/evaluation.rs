//! Evaluating what is pending, in batches: read, map outside the transaction, write what came of it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::core::{Engine, lock};
use super::flow::{DIMENSIONS, VENDORS};
use crate::lane::period_key;
use crate::model::{ReasonCode, ReferenceKind};
use crate::posting::apply_evaluation;
use crate::seams::Guards;
use crate::store::{Reader, StoreError, at};

/// Documents evaluated between two commits.
const BATCH: usize = 500;
/// A reference value that is missing is asked for again at most this often.
const ASK_AGAIN: jiff::SignedDuration = jiff::SignedDuration::from_mins(15);
/// A closed period is asked again daily.
const PROBE: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

impl<G: Guards> Engine<G> {
    /// Evaluates whenever something is pending.
    pub(super) async fn evaluate_always(self) {
        loop {
            match self.evaluate_pending().await {
                Ok(_) => self.inner.evaluated.send_modify(|rounds| *rounds += 1),
                Err(error) => {
                    tracing::error!(%error, "evaluation could not be written; it is tried again");
                    tokio::select! {
                        biased;
                        () = self.inner.stop.cancelled() => return,
                        () = self.inner.seams.clock.sleep(Duration::from_secs(5)) => continue,
                    }
                }
            }
            tokio::select! {
                biased;
                () = self.inner.stop.cancelled() => return,
                () = self.inner.evaluate.notified() => {}
                // What a lane's commit marked, and periods to be asked again.
                () = self.inner.seams.clock.sleep(Duration::from_secs(60)) => {}
            }
            self.probe_periods().await;
        }
    }

    /// One round over everything pending. Returns how many documents were looked at.
    async fn evaluate_pending(&self) -> Result<u64, StoreError> {
        let (mut after, mut seen) = (0, 0u64);
        let mut needs: BTreeSet<ReferenceKind> = BTreeSet::new();
        loop {
            if self.inner.stop.is_cancelled() {
                return Ok(seen);
            }
            let next = move |reader: &Reader| {
                let marked = reader.pending(after, BATCH)?;
                if marked.is_empty() {
                    return Ok(reader.swept(BATCH)?.map(|(swept, progress)| (swept, Some(progress))));
                }
                Ok(Some((marked, None)))
            };
            let Some((pending, progress)) = self.inner.store.read(next).await? else { break };
            if let (Some((last, _)), None) = (pending.last(), &progress) {
                after = last.id.0;
            }
            seen += pending.len() as u64;
            let evaluator = self.evaluator();
            let evaluated: Vec<_> = pending.iter().map(|one| evaluator.evaluate(one)).collect();
            needs.extend(evaluated.iter().flat_map(|one| one.needs.iter().map(|(kind, _)| *kind)));
            let now = self.inner.seams.clock.now();
            let freeze = evaluator.freeze.clone();
            let queued = self
                .inner
                .store
                .write(at::Evaluated, move |tx| {
                    let mut queued = 0u64;
                    for one in &evaluated {
                        queued += u64::from(apply_evaluation::<G>(tx, now, one, &freeze)?);
                    }
                    if let Some(progress) = &progress {
                        tx.progressed(progress)?;
                    }
                    Ok(queued)
                })
                .await?;
            if queued > 0 {
                self.inner.lane_wake.notify_one();
            }
        }
        if !needs.is_empty() {
            self.ask_again(&needs);
        }
        Ok(seen)
    }

    /// Something that held documents name is missing from the reference data: it may have been created since.
    fn ask_again(&self, kinds: &BTreeSet<ReferenceKind>) {
        let vendors = kinds.contains(&ReferenceKind::Vendor);
        let others = kinds.iter().any(|kind| *kind != ReferenceKind::Vendor);
        let now = self.inner.seams.clock.now();
        for (name, wanted) in [(VENDORS, vendors), (DIMENSIONS, others)] {
            let due = {
                let flows = lock(&self.inner.flows);
                flows.get(name).is_some_and(|flow| {
                    let rested = flow.record.last_start.is_none_or(|last| now.duration_since(last) >= ASK_AGAIN);
                    wanted && rested && !flow.running && flow.record.paused.is_none() && flow.stopped.is_none()
                })
            };
            if due && self.schedules() {
                self.start_flow(name);
            }
        }
    }

    /// Lets one document of each period that Intacct called closed ask again, once a day.
    async fn probe_periods(&self) {
        let now = self.inner.seams.clock.now();
        let probed = self
            .inner
            .store
            .write(at::PeriodsProbed, move |tx| {
                let mut released = 0u64;
                for (key, period) in tx.closed_periods()? {
                    if now.duration_since(period.probed) < PROBE {
                        continue;
                    }
                    let held = tx.in_state(crate::model::State::Held, 0, usize::MAX)?;
                    let mut first = None;
                    for id in held {
                        let Some(document) = tx.document(id)? else { continue };
                        let waits = document.reasons.iter().any(|reason| reason.code == ReasonCode::PeriodClosed);
                        let Some(posting) = document.posting.filter(|_| waits) else { continue };
                        let Some(frozen) = tx.frozen(id, posting.generation)? else { continue };
                        let entity = key.split(' ').next().filter(|entity| *entity != "*");
                        if period_key(entity, frozen.bill.posting_date) == key {
                            first = Some(id);
                            break;
                        }
                    }
                    // The period counts as open for this one; a refusal closes it again for all.
                    tx.put_period(&key, None)?;
                    if let Some(id) = first {
                        tx.mark_pending(id)?;
                        released += 1;
                    }
                }
                Ok(released)
            })
            .await;
        match probed {
            Ok(0) => {}
            Ok(count) => {
                tracing::info!(count, "closed periods are asked again, one document each");
                self.inner.evaluate.notify_one();
            }
            Err(error) => tracing::warn!(%error, "closed periods could not be asked again"),
        }
    }
}
