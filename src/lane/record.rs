//! What the lane knows, written into the store; and what an earlier life left there, taken over.

use std::collections::HashSet;
use std::sync::Arc;

use super::apply::{Change, apply, stop_posting};
use super::look::Item;
use super::run::{Doubt, Lane};
use crate::model::{Actor, DocumentId, State, Timestamp};
use crate::seams::{Guard, Guards};
use crate::store::at::{self, Commit};
use crate::store::{StoreError, Tx};

/// Something that was learned of a document and could not be written.
pub(super) struct Unrecorded {
    /// Its version then.
    version: Option<u64>,
    /// Why not.
    why: String,
}

impl<G: Guards> Lane<G> {
    /// Takes over what an earlier life left: whatever was sent is in doubt, and its quiet time begins now.
    pub async fn recover(&mut self) -> Result<(), StoreError> {
        self.take_over().await
    }

    /// Takes over whatever the store holds as unsettled and this lane does not know. Nothing is in flight between two steps, so
    /// what still stands as sent once everything learned is written has no outcome that anybody knows.
    pub(super) async fn take_over(&mut self) -> Result<(), StoreError> {
        self.flush().await?;
        if self.astray {
            // A store that failed shows what it held before, until a write has opened it anew.
            self.store.write(at::Reopened, |_| Ok(())).await?;
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
        self.carry.extend(sent.iter().map(|id| match G::hold(Guard::Recovery) {
            true => Change::Recovered { id: *id },
            false => Change::NotExecuted { id: *id, why: String::new(), answer: None, alone: false },
        }));
        if !self.carry.is_empty() {
            match self.commit(at::Recovered, Vec::new()).await {
                // Said already; the others were written one by one.
                Ok(_) | Err(StoreError::Rule(_) | StoreError::Record(_)) => {}
                Err(error) => return Err(error),
            }
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
        self.take_over_vendors().await?;
        self.astray = false;
        Ok(())
    }

    /// Writes what was learned.
    pub(super) async fn flush(&mut self) -> Result<(), StoreError> {
        if self.carry.is_empty() { Ok(()) } else { self.commit(at::Outcomes, Vec::new()).await.map(drop) }
    }

    /// One commit for everything learned so far and these intents. Returns the documents whose intent is durable.
    pub(super) async fn commit(
        &mut self,
        point: impl Commit,
        intents: Vec<Change>,
    ) -> Result<HashSet<DocumentId>, StoreError> {
        let at = self.seams.clock.now();
        let learned = Arc::new(std::mem::take(&mut self.carry));
        let in_step = learned.clone();
        let result = self
            .store
            .write(point, move |tx| {
                for change in in_step.iter() {
                    apply::<G>(tx, at, change)?;
                }
                let mut intended = HashSet::with_capacity(intents.len());
                for intent in &intents {
                    if apply::<G>(tx, at, intent)? {
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
    pub(super) async fn one_by_one(&mut self, at: Timestamp) -> Result<(), StoreError> {
        for change in std::mem::take(&mut self.carry) {
            let id = change.document();
            let step = change.clone();
            match self.store.write(at::OneOutcome, move |tx| apply::<G>(tx, at, &step)).await {
                Ok(_) => {}
                Err(error @ (StoreError::Rule(_) | StoreError::Record(_))) => {
                    tracing::error!("what was learned of document {id} cannot be recorded, it is read back: {error}");
                    if let Change::Doubled { records, .. } = &change {
                        let list: Vec<String> = records.iter().map(ToString::to_string).collect();
                        let why = format!("document {id}: records {} all carry its mark", list.join(", "));
                        let stop = move |tx: &mut Tx<'_>| stop_posting(tx, at, Actor::Lane, &why);
                        if self.store.write(at::OneOutcome, stop).await.is_err() {
                            self.carry.push(change);
                            continue;
                        }
                    }
                    let version = self.version(id).await;
                    self.unrecorded.insert(id, Unrecorded { version, why: error.to_string() });
                }
                Err(_) => self.carry.push(change),
            }
        }
        self.tell_unrecorded();
        Ok(())
    }

    /// Whatever was written about a document meanwhile, by the lane or by a person, nothing of it is missing any more. One that can be
    /// read again may still stand as sent: it is taken over like those of an earlier life.
    pub(super) async fn look_for_unrecorded(&mut self) {
        let ids: Vec<DocumentId> = self.unrecorded.keys().copied().collect();
        for id in ids {
            let now = self.version(id).await;
            let stays = |one: &Unrecorded| now.is_none() || one.version == now;
            self.unrecorded.retain(|known, one| *known != id || stays(one));
            self.astray |= !self.unrecorded.contains_key(&id);
        }
        self.tell_unrecorded();
    }

    /// Its version, if it can be read.
    async fn version(&self, id: DocumentId) -> Option<u64> {
        self.store.read(move |reader| reader.document(id)).await.ok().flatten().map(|document| document.version)
    }

    fn tell_unrecorded(&self) {
        let more = self.unrecorded.len().saturating_sub(1);
        let said = self.unrecorded.iter().next().map(|(id, one)| match more {
            0 => format!("document {id}: {}", one.why),
            more => format!("document {id}: {} ({more} more)", one.why),
        });
        self.status.send_if_modified(|status| {
            let changed = status.unrecorded != said;
            status.unrecorded = said;
            changed
        });
    }
}
