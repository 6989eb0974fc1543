//! Polling JAGGAER: details become arrivals, and the mark moves only when its documents are stored.

use std::sync::Arc;

use super::core::{Engine, lock};
use super::flow::{INVOICES, RunError};
use crate::jaggaer::{Detail, JaggaerError, PollError, changed_since};
use crate::messages::FlowCounts;
use crate::model::{Actor, DocumentKey, DocumentKind, State, Text, Timestamp};
use crate::posting::{Arrival, Intake, intake, raw_name, seal_raw};
use crate::seams::{Guard, Guards};
use crate::store::{StoreError, at};

impl From<JaggaerError> for RunError {
    fn from(error: JaggaerError) -> Self {
        RunError { what: error.told(), unreachable: error.is_unreachable(), stops: error.stops_flow(), second: None }
    }
}

impl<G: Guards> Engine<G> {
    /// One poll of the invoices.
    pub(super) async fn poll_invoices(&self) -> Result<FlowCounts, RunError> {
        let client = self.client();
        // A refusal is asked again at each run that is due: the schedule's own pause stands in front of it.
        client.retry();
        let begun = self.inner.polled.begin();
        let instance = self.config().jaggaer.instance.clone();
        let mark = self.inner.store.read(|reader| reader.flow(INVOICES)).await?.mark;
        let (store, name) = (self.inner.store.clone(), instance.clone());
        let is_known = move |id: &str, stamp: Option<&Text>| {
            let key = DocumentKey::new(&name, DocumentKind::Invoice, id);
            let stored = store.read_now(|reader| match reader.find(&key)? {
                Some(id) => Ok(reader.document(id)?.and_then(|document| document.stamp)),
                None => Ok(None),
            });
            // What cannot be looked up is fetched: the intake sees that it is known.
            stamp.is_some() && stored.is_ok_and(|stored| stored.as_ref() == stamp)
        };
        let taken = Arc::new(std::sync::Mutex::new(Intake::default()));
        let (engine, name) = (self.clone(), instance.clone());
        let counted = taken.clone();
        let sink = move |details: Vec<Detail>| {
            let (engine, name, counted) = (engine.clone(), name.clone(), counted.clone());
            async move {
                let done = engine.take_in(&name, details).await?;
                let mut sum = lock(&counted);
                sum.new += done.new;
                sum.changed += done.changed;
                sum.same += done.same;
                Ok::<(), StoreError>(())
            }
        };
        let outcome = match changed_since(&client, mark, &is_known, sink).await {
            Ok(outcome) => outcome,
            Err(PollError::Jaggaer(error)) => {
                if !G::hold(Guard::MarkBehindDocuments) {
                    self.move_mark(Some(self.inner.seams.clock.now())).await?;
                }
                return Err(error.into());
            }
            Err(PollError::Sink(error)) => return Err(error.into()),
        };
        if outcome.mark != mark {
            self.move_mark(outcome.mark).await?;
        }
        let taken = *lock(&taken);
        let new = taken.new + taken.changed;
        let counts = FlowCounts { read: outcome.read, new, unchanged: outcome.read.saturating_sub(new) };
        self.hold_unread(&instance, &outcome.failed).await?;
        // The list was read: whatever lost its approval is known, or held because nobody can tell.
        self.inner.polled.done(begun);
        self.open_gate();
        match RunError::unread("invoices", outcome.read, &outcome.failed) {
            Some(error) => Err(error),
            None if outcome.shifting => Err(RunError::shifted("invoices")),
            None => Ok(counts),
        }
    }

    /// Everything up to there was read and stored.
    async fn move_mark(&self, reached: Option<Timestamp>) -> Result<(), StoreError> {
        self.inner
            .store
            .write(at::MarkMoved, move |tx| {
                let mut record = tx.flow(INVOICES)?;
                record.mark = reached;
                tx.put_flow(INVOICES, &record)
            })
            .await?;
        if let Some(flow) = lock(&self.inner.flows).get_mut(INVOICES) {
            flow.record.mark = reached;
        }
        Ok(())
    }

    /// Holds what waits to be sent, or may come to that, and could not be read: it changed at the source, perhaps its approval. The
    /// next good answer releases it. One that cannot be read stops no other.
    async fn hold_unread(&self, instance: &str, failed: &[(String, JaggaerError)]) -> Result<(), RunError> {
        let cipher = self.evaluator().cipher.clone();
        let mut arrivals = Vec::new();
        for (id, error) in failed {
            let key = DocumentKey::new(instance, DocumentKind::Invoice, id);
            let wanted = key.clone();
            let waits = self.inner.store.read(move |reader| match reader.find(&wanted)? {
                Some(id) => Ok(reader.document(id)?.is_some_and(|document| {
                    let may_go = matches!(document.state, State::Queued | State::Held | State::Failed);
                    may_go && document.revision.is_some()
                })),
                None => Ok(false),
            });
            if waits.await? {
                let what = format!("it changed in JAGGAER and could not be read: {}", error.sentence());
                let (sealed, hash) =
                    seal_raw(&cipher, &key, b"").map_err(|error| StoreError::Rule(error.to_string()))?;
                let read = Err(crate::jaggaer::Unreadable { what: Text::new(what) });
                arrivals.push(Arrival { key, stamp: None, hash, sealed, read });
            }
        }
        if !arrivals.is_empty() {
            let (now, actor) = (self.inner.seams.clock.now(), Actor::Flow(INVOICES.to_owned()));
            self.inner.store.write(at::HeldUnread, move |tx| intake(tx, now, &actor, &arrivals)).await?;
        }
        Ok(())
    }

    /// Stores details as documents.
    async fn take_in(&self, instance: &str, details: Vec<Detail>) -> Result<Intake, StoreError> {
        let evaluator = self.evaluator();
        let (profile, cipher) = (evaluator.profile.clone(), evaluator.cipher.clone());
        let mut arrivals: Vec<Arrival> = Vec::with_capacity(details.len());
        for detail in details {
            let key = DocumentKey::new(instance, DocumentKind::Invoice, &detail.listed.id);
            let read = profile.read_detail(&detail.bytes).and_then(|converted| {
                // A document under another's id would be posted for the wrong one.
                if converted.invoice.id == detail.listed.id {
                    Ok(converted)
                } else {
                    let what =
                        format!("the list says id {}, the document says {}", detail.listed.id, converted.invoice.id);
                    Err(crate::jaggaer::Unreadable { what: Text::new(what) })
                }
            });
            let (sealed, hash) =
                seal_raw(&cipher, &key, &detail.bytes).map_err(|error| StoreError::Rule(error.to_string()))?;
            arrivals.push(Arrival { key, stamp: detail.listed.stamp, hash, sealed, read });
        }
        let now = self.inner.seams.clock.now();
        let actor = Actor::Flow(INVOICES.to_owned());
        let done = self
            .inner
            .store
            .write(at::Intake, move |tx| {
                // The data key may have been rotated since they were sealed: whoever encrypts the store anew begins behind
                // this commit or sees it, so nothing is left under a key that will be forgotten.
                for arrival in &mut arrivals {
                    let renewed = cipher.renew(&raw_name(&arrival.key), &arrival.sealed);
                    if let Some(sealed) = renewed.map_err(|error| StoreError::Rule(error.to_string()))? {
                        arrival.sealed = sealed;
                    }
                }
                intake(tx, now, &actor, &arrivals)
            })
            .await?;
        self.inner.evaluate.notify_one();
        Ok(done)
    }
}
