//! Sending: looked up, intended, sent once, judged.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::apply::Change;
use super::classify::{Classified, Verdict, Whole, classify};
use super::look::Item;
use super::run::{Doubt, LOOKED_UP, Lane, STALE};
use super::sighting::Sighting;
use crate::intacct::{Exchange, Refusal, SendFailure};
use crate::messages::LaneState;
use crate::model::{Class, ControlId, DocumentId, State, Text};
use crate::seams::{Guard, Guards, NetError, Sent};
use crate::store::{StoreError, at};

/// The first wait after a request of which nothing was executed.
const ALL_REFUSED: Duration = Duration::from_secs(5);

impl<G: Guards> Lane<G> {
    /// Looks the queue's next postings up; those that wait to be evaluated are left until they were. Returns whether there was
    /// anything to look at.
    pub(super) async fn fill(&mut self, to_send: bool) -> Result<bool, StoreError> {
        let known: HashSet<DocumentId> = self.carry.iter().map(Change::document).collect();
        let began = self.seams.clock.monotonic();
        let (observed, behind) = (self.observed.clone(), if to_send { 0 } else { self.observed.begin(began) });
        let found = self
            .store
            .read(move |reader| {
                let skip = |id: DocumentId| known.contains(&id) || observed.contains(id);
                reader.with_frozen(&reader.evaluated_in_state(State::Queued, behind, LOOKED_UP, skip)?)
            })
            .await?;
        if !to_send {
            self.observed.ended(behind, began, self.seams.clock.monotonic());
        }
        if found.is_empty() {
            return Ok(false);
        }
        self.say(LaneState::Reading);
        let looked = self.seams.clock.monotonic();
        let items: Vec<Item> = found.into_iter().map(|(document, frozen)| Item { document, frozen, looked }).collect();
        let seen = match G::hold(Guard::PreFlight) {
            true => match self.look(&items).await {
                Ok(seen) => seen,
                Err(()) => return Ok(true),
            },
            false => HashMap::new(),
        };
        for item in items {
            match seen.get(&item.id()).cloned().unwrap_or(Sighting::Absent) {
                // A bill of its own was there once, so a person decides whether there shall be another.
                Sighting::Absent if item.document.record.is_some() => self.carry.push(Change::Gone { id: item.id() }),
                Sighting::Absent if to_send => self.ready.push(item),
                Sighting::Absent => self.observed.insert(item.id()),
                sighting => self.learn(item.id(), sighting),
            }
        }
        Ok(true)
    }

    /// Sends the next batches, each in a request of its own, at most as many as may be in flight.
    pub(super) async fn send(&mut self, now: Duration) -> Result<bool, StoreError> {
        let stale = now.saturating_sub(STALE);
        let mut batches = Vec::new();
        let mut once = HashSet::new();
        for _ in 0..self.options.max_in_flight.max(1) {
            let mut batch = self.ready.take(self.pace.size(), stale);
            batch.retain(|item| item.document.posting.is_some() && once.insert(item.id()));
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
                self.ready.put_front(batch);
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
        let intended = match G::hold(Guard::Intent) {
            true => self.commit(at::Intents, intents).await?,
            false => {
                let all = intents.iter().map(Change::document).collect();
                self.carry.extend(intents);
                all
            }
        };
        for id in &intended {
            self.doubts.remove(id);
        }
        self.sends += 1;
        for (_, batch) in &mut named {
            batch.retain(|item| intended.contains(&item.id()));
        }
        named.retain(|(_, batch)| !batch.is_empty());
        if named.is_empty() {
            // All were changed by somebody quicker: they are looked up anew, not in a circle.
            self.pause(now + Duration::from_secs(1), false, "the queue changed".to_owned());
            return Ok(true);
        }
        let bills = named.iter().map(|(_, batch)| batch.len()).sum::<usize>();
        self.say(LaneState::Sending { bills: u32::try_from(bills).unwrap_or(u32::MAX) });
        let gateway = self.gateway.clone();
        let exchanges = join_all(named.iter().map(|(request, batch)| {
            let functions: Vec<(ControlId, Arc<[u8]>)> = batch
                .iter()
                .filter_map(|item| {
                    Some((item.document.posting.as_ref()?.control_id.clone(), item.frozen.function.clone()))
                })
                .collect();
            let gateway = gateway.clone();
            async move { gateway.send_writes(request, &functions, G::hold(Guard::UniqueId)).await }
        }))
        .await;
        let ended = self.seams.clock.monotonic();
        for ((request, batch), exchange) in named.into_iter().zip(exchanges) {
            self.outcome(&request, batch, exchange, ended);
        }
        Ok(true)
    }

    /// What became of a request.
    pub(super) fn outcome(&mut self, request: &str, batch: Vec<Item>, mut exchange: Exchange, now: Duration) {
        let ids: Vec<ControlId> =
            batch.iter().filter_map(|item| Some(item.document.posting.as_ref()?.control_id.clone())).collect();
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
        let mut back = Vec::new();
        let mut patience = 0;
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
        let mut verdicts = verdicts.into_iter();
        for mut item in batch {
            let id = item.id();
            let none = || Verdict::Unclear { why: "the answer was not judged for it".to_owned(), answer: None };
            let verdict = verdicts.next().unwrap_or_else(none);
            match verdict {
                Verdict::Claimed { record, answer } => {
                    self.carry.push(Change::Claimed { id, record: record.clone(), answer });
                    item.document.state = State::Claimed;
                    item.document.record = Some(record);
                    self.claimed.push((item, now));
                }
                Verdict::NotExecuted { why, answer } => {
                    self.carry.push(Change::NotExecuted { id, why, answer, alone });
                    patience = patience.max(item.document.posting.as_ref().map_or(0, |posting| posting.not_executed));
                    back.push(item);
                }
                Verdict::Refused { class, fault, title, answer } => {
                    let period = (self.options.entity.clone(), item.frozen.bill.posting_date);
                    self.carry.push(Change::Refused { id, class, fault, title, answer, period });
                }
                Verdict::Unclear { why, answer } if !G::hold(Guard::SendOnce) => {
                    self.carry.push(Change::NotExecuted { id, why, answer, alone: false });
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
                    self.rest_after_refusal(back.len() == count, patience, now);
                }
            }
            Whole::ContentRefused { .. } => {
                self.circuit.good();
                self.ready.split(std::mem::take(&mut back));
            }
            whole => self.refused(whole, &exchange),
        }
        // What was not executed is back in the queue, and looked up again before it is sent.
    }

    /// Some of a request were not executed. One among others is given up soon; where none was executed it is Intacct that cannot:
    /// the waits grow, so that an outage of minutes does not put the whole queue in front of a person.
    pub(super) fn rest_after_refusal(&mut self, all: bool, patience: u32, now: Duration) {
        let wait = match all {
            true => ALL_REFUSED.saturating_mul(4u32.saturating_pow(patience.min(4))),
            false => Duration::from_secs(1),
        };
        let jitter = wait.mul_f64(self.seams.chance.unit() / 4.0);
        self.pause(now + wait + jitter, false, "part of the last request was not executed".to_owned());
    }

    /// A request that was not answered function by function: the lane waits, renews the session or stops.
    pub(super) fn refused(&mut self, whole: Whole, exchange: &Exchange) {
        match whole {
            Whole::Answered | Whole::ContentRefused { .. } => {}
            Whole::NotSent(why) | Whole::Unclear(why) => self.trouble(Class::Backoff, why, String::new(), None),
            Whole::NotExecuted { class, why, advice, retry_after } => {
                if let (Class::Refresh, Some(session)) = (class, &exchange.session) {
                    self.gateway.sessions().invalidate(session);
                    // Requests that were under way together shared the session that ended.
                    if std::mem::replace(&mut self.refreshed, self.sends) == self.sends {
                        return;
                    }
                }
                if let (Class::Configuration, Some(session)) = (class, &exchange.session) {
                    let (title, advice) = (why.as_str().into(), advice.as_str().into());
                    let refusal = Refusal { class, title, meaning: Text::default(), advice, error: None };
                    self.gateway.sessions().refuse(session, refusal);
                }
                self.trouble(class, why, advice, retry_after);
            }
        }
    }
}
