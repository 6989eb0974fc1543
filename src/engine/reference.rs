//! Reading reference data from Intacct: what a bill may name.

use super::core::Engine;
use super::flow::RunError;
use crate::intacct::{ReadError, reference};
use crate::messages::FlowCounts;
use crate::model::{Actor, Class, ReferenceKind, State};
use crate::seams::Guards;
use crate::store::{Entry, Meta, at};
use crate::vendors::vendors_listed;

impl From<ReadError> for RunError {
    fn from(error: ReadError) -> Self {
        let stops = matches!(error.class(), Class::Configuration | Class::Permission | Class::Refresh);
        RunError {
            what: format!("{}. {}", error.to_string().trim_end_matches('.'), error.advice().safe()),
            unreachable: stops
                || matches!(error, ReadError::Network(_) | ReadError::Busy { .. } | ReadError::Session(_)),
            stops,
            second: None,
        }
    }
}

impl<G: Guards> Engine<G> {
    /// Accounts, departments, locations, classes, projects and terms, and whatever else the mapping sets.
    pub(super) async fn read_dimensions(&self) -> Result<FlowCounts, RunError> {
        use ReferenceKind::{Account, Class, Department, Location, Project, Term, Vendor};
        let mut kinds = vec![Account, Department, Location, Class, Project, Term];
        kinds.extend(self.evaluator().rules.kinds().into_iter().filter(|kind| *kind != Vendor));
        kinds.sort_unstable();
        kinds.dedup();
        self.read_kinds(&kinds).await
    }

    /// Vendors.
    pub(super) async fn read_vendors(&self) -> Result<FlowCounts, RunError> {
        self.read_kinds(&[ReferenceKind::Vendor]).await
    }

    async fn read_kinds(&self, kinds: &[ReferenceKind]) -> Result<FlowCounts, RunError> {
        let mut counts = FlowCounts::default();
        let needed = self.evaluator().rules.kinds();
        for kind in kinds {
            let begun = self.begin_reading();
            let rows = match self.inner.gateway.query_all(&reference::query(*kind)).await {
                Ok(rows) => rows,
                // An object that the company has not subscribed to and no rule names does not stop the others.
                Err(error) if !needed.contains(kind) && matches!(error, ReadError::Refused(_)) => {
                    tracing::info!(kind = kind.word(), %error, "not read; no rule names it");
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let mut records = Vec::with_capacity(rows.len());
            for row in &rows {
                match reference::record(*kind, row) {
                    Ok(record) => records.push(record),
                    Err(fault) => tracing::warn!(%fault, "a reference record was left out"),
                }
            }
            counts.read += records.len() as u64;
            let (kind, now) = (*kind, self.inner.seams.clock.now());
            self.change_evaluator(|evaluator| evaluator.reference.load(kind, records.iter().cloned()));
            let (news, again) = self
                .inner
                .store
                .write(at::Reference, move |tx| {
                    let news = match kind {
                        ReferenceKind::Vendor => vendors_listed(tx, begun.reading(), &records)?,
                        _ => tx.replace_reference(kind, &records)?,
                    };
                    let first = tx.meta::<crate::model::Timestamp>(Meta::ReferenceRead(kind))?.is_none();
                    tx.put_meta(Meta::ReferenceRead(kind), &now)?;
                    if news == 0 && !first {
                        return Ok((0, 0));
                    }
                    let what = format!("{} records of {} read, {news} new or changed", records.len(), kind.word());
                    tx.audit(&Entry::engine(now, Actor::Flow("dimensions".to_owned()), "reference_read", what))?;
                    // Held ones may be released, queued ones may be held.
                    Ok((news, tx.evaluate_all(&[State::Held, State::Queued])?))
                })
                .await?;
            counts.new += news;
            if again > 0 {
                tracing::info!(kind = kind.word(), documents = again, "reference data changed: evaluated again");
                self.inner.evaluate.notify_one();
            }
        }
        counts.unchanged = counts.read.saturating_sub(counts.new);
        Ok(counts)
    }
}
