//! Evaluating what is pending, in batches: read, map outside the transaction, write what came of it.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::core::{Engine, lock};
use super::flow::{DIMENSIONS, VENDORS};
use crate::lane::{Again, due_periods, open_periods};
use crate::model::{ReferenceKind, ReferenceRecord};
use crate::posting::{Applied, apply_evaluation};
use crate::seams::Guards;
use crate::store::{Meta, Reader, StoreError, at};

/// Documents evaluated between two commits.
const BATCH: usize = 500;
/// A reference value that is missing is asked for again at most this often.
const ASK_AGAIN: jiff::SignedDuration = jiff::SignedDuration::from_mins(15);

impl<G: Guards> Engine<G> {
    /// Evaluates whenever something is pending.
    pub(super) async fn evaluate_always(self) {
        loop {
            match self.evaluate_round().await {
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

    /// Pairs first: what they come to may hold invoices or release them.
    async fn evaluate_round(&self) -> Result<u64, StoreError> {
        self.merge_pairs().await?;
        self.evaluate_pending().await
    }

    /// Vendors that were read back are known here before documents are evaluated that wait for them.
    fn take_reference_news(&self, news: Option<(u64, Vec<ReferenceRecord>)>) {
        if let Some((news, records)) = news {
            self.change_evaluator(|evaluator| evaluator.reference.load(ReferenceKind::Vendor, records));
            self.inner.reference_news.store(news, Ordering::Release);
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
            let known = self.inner.reference_news.load(Ordering::Acquire);
            let next = move |reader: &Reader| {
                let news = reader.meta::<u64>(Meta::ReferenceNews)?.filter(|news| *news != known);
                let news = match news {
                    Some(news) => Some((news, reader.reference_of(ReferenceKind::Vendor)?)),
                    None => None,
                };
                let marked = reader.pending(after, BATCH)?;
                if marked.is_empty() {
                    return Ok((reader.swept(BATCH)?.map(|(swept, progress)| (swept, Some(progress))), news));
                }
                Ok((Some((marked, None)), news))
            };
            let (next, news) = self.inner.store.read(next).await?;
            self.take_reference_news(news);
            let Some((pending, progress)) = next else { break };
            if let (Some((last, _)), None) = (pending.last(), &progress) {
                after = last.id.0;
            }
            seen += pending.len() as u64;
            let evaluator = self.evaluator();
            let evaluated: Vec<_> = pending.iter().map(|one| evaluator.evaluate(one)).collect();
            needs.extend(evaluated.iter().flat_map(|one| one.needs.iter().map(|(kind, _)| *kind)));
            let now = self.inner.seams.clock.now();
            let freeze = evaluator.freeze.clone();
            let (queued, requeued) = self
                .inner
                .store
                .write(at::Evaluated, move |tx| {
                    let (mut queued, mut requeued) = (false, Vec::new());
                    for one in evaluated {
                        let id = one.id;
                        let applied = apply_evaluation::<G>(tx, now, one, &freeze)?;
                        queued |= applied != Applied::NotQueued;
                        requeued.extend((applied == Applied::Requeued).then_some(id));
                    }
                    if let Some(progress) = &progress {
                        tx.progressed(progress)?;
                    }
                    Ok((queued, requeued))
                })
                .await?;
            for id in requeued {
                let _ = self.inner.lane_again.send(Again::Requeued(id));
            }
            if queued {
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
        let due = self.inner.store.read(move |reader| due_periods(reader, now)).await;
        let probed = match due {
            Ok(due) if due.is_empty() => return,
            Ok(due) => self.inner.store.write(at::PeriodsProbed, move |tx| open_periods(tx, &due, now)).await,
            Err(error) => Err(error),
        };
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
