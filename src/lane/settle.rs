//! Settling: what is claimed is read back, what is in doubt is looked for, what differs is looked at again.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::apply::Change;
use super::look::{Item, look};
use super::run::{Again, Doubt, LOOKED_UP, Lane, STALE};
use super::sighting::Sighting;
use crate::messages::LaneState;
use crate::model::{Approval, DocumentId, LedgerBill, LedgerState, ReasonCode, RecordNo, State, Text};
use crate::seams::{Guard, Guards};
use crate::store::StoreError;

/// How often something is looked for that a person must settle.
const SLOW_LOOK: Duration = Duration::from_secs(15 * 60);
/// Rounds of resolving before a person is asked.
const ROUNDS: u32 = 3;

impl<G: Guards> Lane<G> {
    /// Reads claimed ones back. Returns whether anything was learned.
    pub(super) async fn verify(&mut self, now: Duration) -> bool {
        self.say(LaneState::Reading);
        let count = self.claimed.len().min(LOOKED_UP);
        let (items, since): (Vec<Item>, Vec<Duration>) = self.claimed.drain(..count).unzip();
        if !G::hold(Guard::ReadBack) {
            for item in items {
                let (id, bill) = (item.id(), believed(&item));
                self.learn(id, Sighting::Ours { bill: Box::new(bill), differences: Vec::new(), twin: None });
            }
            return true;
        }
        let Ok(seen) = self.look(&items).await else {
            self.claimed.extend(items.into_iter().zip(since));
            return true;
        };
        let mut learned = false;
        for (item, since) in items.into_iter().zip(since) {
            let id = item.id();
            match seen.get(&id).cloned().unwrap_or(Sighting::Absent) {
                // Not visible yet, or only somebody else's: ours must appear within the read lag.
                Sighting::Absent | Sighting::Twin(_) | Sighting::Unreadable(_)
                    if now.saturating_sub(since) <= self.options.read_lag =>
                {
                    self.claimed.push((item, since));
                    self.next_verify = now + (self.options.read_lag / 4).max(Duration::from_millis(200));
                }
                Sighting::Absent | Sighting::Twin(_) => {
                    self.carry.push(Change::NotVisible { id });
                    self.doubts.insert(id, Doubt { since, next: now });
                    learned = true;
                }
                sighting => {
                    if matches!(sighting, Sighting::Unreadable(_)) {
                        self.doubts.insert(id, Doubt { since, next: now + self.slow_look() });
                    }
                    self.learn(id, sighting);
                    learned = true;
                }
            }
        }
        learned
    }

    /// Looks for what is in doubt and due. Returns whether anything was done.
    pub(super) async fn settle(&mut self, now: Duration, may_send: bool) -> Result<bool, StoreError> {
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
        let Ok(seen) = self.look(&items).await else { return Ok(true) };
        let mut again = Vec::new();
        for item in items {
            let id = item.id();
            let Some(doubt) = self.doubts.get(&id).copied() else { continue };
            let quiet = match G::hold(Guard::QuietTime) {
                true => doubt.since + self.options.quiet_time,
                false => doubt.since,
            };
            let sighting = seen.get(&id).cloned().unwrap_or(Sighting::Absent);
            // Until the quiet time has passed, ours may still appear: only seeing it settles anything.
            if matches!(sighting, Sighting::Absent | Sighting::Twin(_) | Sighting::Unreadable(_)) && now < quiet {
                self.doubts.insert(id, Doubt { next: quiet, ..doubt });
                continue;
            }
            if let Sighting::Unreadable(why) = sighting {
                self.carry.push(Change::Unreadable { id, why });
                self.doubts.insert(id, Doubt { next: now + self.slow_look(), ..doubt });
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
            let claimed = item.document.record.as_ref();
            if !asked && (claimed.is_some() || lost || (may_send && rounds >= ROUNDS)) {
                let why = match (claimed, lost) {
                    (Some(record), _) => format!(
                        "Intacct answered with record {record}, and it is not there: somebody has probably deleted it. \
                         Replay posts it again, dismiss leaves it"
                    ),
                    (None, true) => {
                        "not found after the quiet time, and not sent again: JAGGAER does not approve it any more"
                            .to_owned()
                    }
                    (None, false) => format!("not found in {rounds} rounds, and Intacct did not execute it either"),
                };
                self.carry.push(Change::Unsettled { id, why });
            }
            if asked || claimed.is_some() || lost || !may_send || rounds >= ROUNDS {
                self.doubts.insert(id, Doubt { next: now + self.slow_look(), ..doubt });
                continue;
            }
            // Looked for again unless its intent is durable by then.
            self.doubts.insert(id, Doubt { next: now + STALE, ..doubt });
            again.push(item);
        }
        self.ready.put_front(again);
        Ok(true)
    }

    /// How long to wait before something is looked for again that a person must settle.
    fn slow_look(&self) -> Duration {
        SLOW_LOOK.min(self.options.quiet_time).max(Duration::from_secs(1))
    }

    /// Looks differing documents up again that a person mended. Returns whether there were any.
    pub(super) async fn recheck(&mut self) -> Result<bool, StoreError> {
        while let Ok(again) = self.again.try_recv() {
            match again {
                Again::Differing(id) => drop(self.rechecking.insert(id)),
                Again::Requeued(id) => self.observed.forget(id),
                Again::Vendors => self.masters.stir(),
            }
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
            let Ok(seen) = self.look(&items).await else { return Ok(true) };
            for item in &items {
                match seen.get(&item.id()).cloned().unwrap_or(Sighting::Absent) {
                    Sighting::Absent => self.carry.push(Change::Gone { id: item.id() }),
                    sighting @ (Sighting::Ours { .. }
                    | Sighting::Doubled(_)
                    | Sighting::Fallen(_)
                    | Sighting::Unreadable(_)) => {
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
    pub(super) fn learn(&mut self, id: DocumentId, sighting: Sighting) {
        self.carry.push(match sighting {
            Sighting::Absent => return,
            Sighting::Ours { bill, differences, twin } => {
                if differences.is_empty() {
                    // Told with the commit that makes it true: nobody is woken for each of five hundred.
                    self.status.send_if_modified(|status| {
                        status.counts.posted += 1;
                        false
                    });
                }
                Change::Ours { id, bill, differences, twin }
            }
            Sighting::Fallen(bill) => Change::Fallen { id, bill },
            Sighting::Twin(bill) => Change::Twin { id, bill },
            Sighting::Unreadable(why) => Change::Unreadable { id, why },
            Sighting::Doubled(records) => {
                let list: Vec<String> = records.iter().map(ToString::to_string).collect();
                let alarm =
                    format!("document {id} stands {} times in Intacct: records {}", list.len(), list.join(", "));
                tracing::error!("{alarm}");
                self.status.send_modify(|status| status.doubled = Some(alarm));
                self.halted = true;
                self.ready.clear();
                Change::Doubled { id, records }
            }
        });
    }

    /// Looks into the ledger; trouble makes the lane wait or stop.
    pub(super) async fn look(&mut self, items: &[Item]) -> Result<HashMap<DocumentId, Sighting>, ()> {
        let result = look::<G>(&self.gateway, &self.options.mark_field, self.options.entity.as_deref(), items).await;
        match result {
            Ok(seen) => {
                self.circuit.good();
                self.refreshes = 0;
                self.status.send_modify(|status| status.unreachable = false);
                Ok(seen)
            }
            Err(error) => {
                self.trouble(error.class(), error.to_string(), error.advice().safe().into_owned(), error.retry_after());
                Err(())
            }
        }
    }
}

/// The bill as the gateway's word alone would have it: what is never relied on.
fn believed(item: &Item) -> LedgerBill {
    let bill = &item.frozen.bill;
    LedgerBill {
        record: item.document.record.clone().unwrap_or(RecordNo(String::new())),
        number: Text::new(bill.number.clone()),
        vendor: Text::new(bill.vendor.clone()),
        total: Some(bill.total()),
        currency: Some(bill.currency),
        date: Some(bill.date),
        posting_date: Some(bill.posting_date),
        due_date: Some(bill.due_date),
        marked: Text::default(),
        state_word: Text::default(),
        state: LedgerState::Standing,
        entity: Text::default(),
        lines: None,
        unreadable: Vec::new(),
    }
}
