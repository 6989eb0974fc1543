//! Carrying out what a person orders: once for each idempotency key, in the trail with the person's name.

use super::build;
use super::core::{Engine, evaluated_with, lock};
use super::flow::{ALL, INVOICES, timetable};
use super::publish::start_phrase;
use crate::intacct::ledger;
use crate::lane::Again;
use crate::messages::{Command, Order, Outcome, Refusal, RefusalKind, RowResult, Selection};
use crate::model::{Actor, DocumentId, Person, RecordNo, State, Timestamp, safe};
use crate::posting::{Decision, Evaluator, decide, expand};
use crate::seams::Guards;
use crate::store::{Entry, Meta, OrderRecord, PauseRecord, StartRecord, Store, StoreError, Tx, at};

/// States in which nothing was sent: another profile, mapping or cut-over may move them.
pub const UNSENT: [State; 5] = [State::Held, State::Queued, State::BeforeCutover, State::NotApproved, State::Withdrawn];
/// Documents decided in one commit.
const CHUNK: usize = 500;
/// Results of single documents that go back to a face.
const ROWS: usize = 1_000;

impl<G: Guards> Engine<G> {
    pub(super) async fn carry_out(&self, order: Order, by: Person) -> Result<Outcome, Refusal> {
        let key = order.key.clone();
        if let Some(before) = self.inner.store.write(at::OrderSought, move |tx| tx.order(&key)).await? {
            return Ok(repeated(&before));
        }
        tracing::info!(by = %by.label(), command = %name(&order.command), "order");
        let outcome = match order.command.clone() {
            Command::Replay(_)
            | Command::Dismiss { .. }
            | Command::Reopen(_)
            | Command::Adopt { .. }
            | Command::PostAnyway { .. } => return self.decide_all(order, by).await,
            Command::PauseQueue { why } => self.pause(&by, why).await?,
            Command::ResumeQueue => self.resume(&by).await?,
            Command::StartPosting { phrase } => self.start_posting(&by, &phrase).await?,
            Command::StopPosting => self.stop_posting(&by).await?,
            Command::RunFlow(flow) => {
                let flow = flow_name(&flow)?;
                if let Some(flow) = lock(&self.inner.flows).get_mut(flow) {
                    flow.stopped = None;
                }
                self.note(&by, "flow_run", format!("flow {flow} started by hand")).await?;
                self.start_flow(flow);
                done(format!("flow {flow} runs"))
            }
            Command::PauseFlow(flow) => self.pause_flow(&by, flow_name(&flow)?, true).await?,
            Command::ResumeFlow(flow) => self.pause_flow(&by, flow_name(&flow)?, false).await?,
            Command::Reload => self.reload(&by).await?,
            Command::SecretsChanged => self.secrets_changed(&by).await?,
            Command::Vendors(command) => self.order_vendors(&by, command).await?,
        };
        remember(&self.inner.store, &order.key, &by, &outcome, self.inner.seams.clock.now()).await?;
        self.inner.publish.notify_one();
        Ok(outcome)
    }

    /// Decisions about documents.
    async fn decide_all(&self, order: Order, by: Person) -> Result<Outcome, Refusal> {
        let decision = match &order.command {
            Command::Adopt { record, .. } => {
                let bill = self.read_bill(record).await?;
                Some(Decision::Adopt(Box::new(bill)))
            }
            _ => None,
        };
        let outcome = decide_all(&self.inner.store, order, by, decision, self.inner.seams.clock.now()).await?;
        for id in &outcome.1 {
            let _ = self.inner.lane_again.send(Again::Differing(*id));
        }
        self.inner.evaluate.notify_one();
        self.inner.lane_wake.notify_one();
        Ok(outcome.0)
    }

    /// Reads the bill that a person wants adopted: posted is only ever written from a read-back.
    async fn read_bill(&self, record: &RecordNo) -> Result<crate::model::LedgerBill, Refusal> {
        let field = self.config().posting.mark_field.clone();
        let failed = |what: String| Refusal::new(RefusalKind::Failed, what);
        let rows = self.inner.gateway.query_all(&ledger::by_records([record], &field)).await.map_err(|error| {
            failed(format!("record {record} could not be read from Intacct: {error}; nothing was done"))
        })?;
        let row = rows.first().ok_or_else(|| {
            Refusal::new(
                RefusalKind::NotFound,
                format!("Intacct has no bill with record number {record}; nothing was done"),
            )
        })?;
        ledger::ledger_bill(row, &field).map_err(|fault| failed(fault.to_string()))
    }

    async fn note(&self, by: &Person, event: &'static str, what: String) -> Result<(), StoreError> {
        let (at, who) = (self.inner.seams.clock.now(), Actor::Person(by.clone()));
        self.inner.store.write(at::Noted, move |tx| tx.audit(&Entry::engine(at, who, event, what))).await
    }

    async fn pause(&self, by: &Person, why: String) -> Result<Outcome, Refusal> {
        let at = self.inner.seams.clock.now();
        let record = pause_record(by, at, why);
        let (who, kept) = (Actor::Person(by.clone()), record.clone());
        self.inner.store.write(at::QueuePaused, move |tx| pause_queue(tx, who, &kept)).await?;
        lock(&self.inner.posting).pause = Some(record);
        self.open_gate();
        Ok(done("posting is paused; what is in flight is finished"))
    }

    async fn resume(&self, by: &Person) -> Result<Outcome, Refusal> {
        let (at, who) = (self.inner.seams.clock.now(), Actor::Person(by.clone()));
        self.inner.store.write(at::QueueResumed, move |tx| resume_queue(tx, who, at)).await?;
        // Approvals may have been lost meanwhile: JAGGAER is polled before anything is sent, by a poll that begins from now on.
        self.inner.polled.ask();
        lock(&self.inner.posting).pause = None;
        self.retry_lane();
        self.open_gate();
        if self.schedules() {
            self.start_flow(INVOICES);
        }
        Ok(done("posting goes on after JAGGAER was polled"))
    }

    async fn start_posting(&self, by: &Person, phrase: &str) -> Result<Outcome, Refusal> {
        let config = self.config();
        let at = self.inner.seams.clock.now();
        let (who, by_label) = (Actor::Person(by.clone()), by.label());
        check_start(&config, phrase)?;
        let record = StartRecord { by: by_label, at };
        let (kept, from) = (record.clone(), config.posting.from);
        self.inner.store.write(at::PostingStarted, move |tx| start(tx, who, &kept, from)).await?;
        lock(&self.inner.posting).start = Some(record);
        self.open_gate();
        if self.schedules() && !self.inner.polled.is_done() {
            self.start_flow(INVOICES);
        }
        Ok(done("posting has started"))
    }

    async fn stop_posting(&self, by: &Person) -> Result<Outcome, Refusal> {
        let (at, who) = (self.inner.seams.clock.now(), Actor::Person(by.clone()));
        self.inner.store.write(at::PostingStopped, move |tx| stop(tx, who, at)).await?;
        lock(&self.inner.posting).start = None;
        self.open_gate();
        Ok(done("nothing more is sent; what is in flight is finished"))
    }

    async fn pause_flow(&self, by: &Person, name: &'static str, pause: bool) -> Result<Outcome, Refusal> {
        let at = self.inner.seams.clock.now();
        let (who, label) = (Actor::Person(by.clone()), by.label());
        let paused = pause.then_some((label, at));
        let kept = paused.clone();
        self.inner.store.write(at::FlowPaused, move |tx| set_flow_pause(tx, who, at, name, kept)).await?;
        if let Some(flow) = lock(&self.inner.flows).get_mut(name) {
            flow.record.paused = paused;
        }
        self.inner.flow_changed.notify_one();
        Ok(done(if pause { format!("flow {name} is paused") } else { format!("flow {name} goes on") }))
    }

    /// Reads configuration, profile and mapping again. A faulty one is refused, and the old one stays.
    async fn reload(&self, by: &Person) -> Result<Outcome, Refusal> {
        let refused = |what: String| {
            Refusal::new(RefusalKind::Invalid, format!("nothing was changed, the old configuration stays:\n{what}"))
        };
        let old = self.config();
        let new = (self.inner.reread)().map_err(refused)?;
        let mut fixed = Vec::new();
        for (what, changed) in [
            ("data_dir", new.data_dir != old.data_dir),
            ("jaggaer.instance", new.jaggaer.instance != old.jaggaer.instance),
            ("intacct", format!("{:?}", new.intacct) != format!("{:?}", old.intacct)),
            ("posting.mark_field", new.posting.mark_field != old.posting.mark_field),
            ("posting.late_commit", new.posting.quiet_time() != old.posting.quiet_time()),
            // The lane reads vendors back by them.
            ("vendors.leave_out", new.vendors.leave_out != old.vendors.leave_out),
            ("vendors.country_code", new.vendors.country_code != old.vendors.country_code),
            ("vendors.compare", new.vendors.street_words != old.vendors.street_words),
            ("store", new.store.cache != old.store.cache),
            ("control.socket", new.control.socket != old.control.socket),
        ] {
            if changed {
                fixed.push(what);
            }
        }
        if !fixed.is_empty() {
            return Err(refused(format!("{} can only be changed by starting the engine anew", fixed.join(", "))));
        }
        let profile = build::profile(&new).map_err(|error| refused(error.to_string()))?;
        let rules = build::rules(&new).map_err(|error| refused(error.to_string()))?;
        let mut tables = Vec::new();
        for name in ALL {
            tables.push((name, timetable(&new, name).map_err(refused)?));
        }
        let evaluator = {
            let vault = lock(&self.inner.vault);
            build::evaluator(&new, profile.clone(), rules, self.evaluator().reference.clone(), &vault)
        };
        let secret =
            lock(&self.inner.vault).require("jaggaer.client_secret").map_err(|error| refused(error.to_string()))?;
        let client = build::client(&new, profile, &self.inner.networks, &self.inner.seams, secret)
            .map_err(|error| refused(error.to_string()))?;
        let version = evaluator.rules.version().to_owned();
        let fingerprint = evaluator.fingerprint();
        self.change_evaluator(|old| *old = Evaluator { reference: old.reference.clone(), ..evaluator });
        *self.inner.jaggaer.write().unwrap_or_else(std::sync::PoisonError::into_inner) = std::sync::Arc::new(client);
        *self.inner.config.write().unwrap_or_else(std::sync::PoisonError::into_inner) = std::sync::Arc::new(new);
        for (name, table) in tables {
            if let Some(flow) = lock(&self.inner.flows).get_mut(name) {
                flow.timetable = table;
            }
        }
        // Also where the disk fails now: what the configuration forbids from here on is not sent.
        self.open_gate();
        let (now, who) = (self.inner.seams.clock.now(), Actor::Person(by.clone()));
        let what = format!("configuration, profile and mapping read again, mapping {version}");
        let reloaded = move |tx: &mut Tx<'_>| {
            tx.audit(&Entry::engine(now, who, "reloaded", what))?;
            evaluated_with(tx, &fingerprint)
        };
        let marked = self.inner.store.write(at::Marked, reloaded).await?;
        self.inner.evaluate.notify_one();
        self.open_gate();
        self.inner.flow_changed.notify_one();
        Ok(done(format!("read again; {marked} documents are evaluated anew")))
    }

    async fn secrets_changed(&self, by: &Person) -> Result<Outcome, Refusal> {
        let credentials = {
            let mut vault = lock(&self.inner.vault);
            vault.reload().map_err(|error| Refusal::new(RefusalKind::Failed, error.to_string()))?;
            build::Credentials::from_vault(&vault)
                .map_err(|error| Refusal::new(RefusalKind::Invalid, error.to_string()))?
        };
        self.client().set_secret(credentials.jaggaer);
        self.inner.gateway.sessions().set_credentials(credentials.intacct);
        for flow in lock(&self.inner.flows).values_mut() {
            flow.stopped = None;
        }
        self.retry_lane();
        self.inner.flow_changed.notify_one();
        self.note(by, "secrets_read", "credentials read again".to_owned()).await?;
        let mut message = "credentials were read again; refused logins are tried again".to_owned();
        if self.reseal_in_background() {
            message.push_str("; the raw documents are being encrypted with the new data key");
        }
        Ok(done(message))
    }
}

/// Whether posting may be started with what was typed.
pub fn check_start(config: &crate::config::Config, phrase: &str) -> Result<(), Refusal> {
    let invalid = |what: String| Err(Refusal::new(RefusalKind::Invalid, what));
    if config.posting.mode != crate::config::Mode::Post {
        return invalid(
            "the configuration says posting.mode = \"observe\": set it to \"post\" and reload first".to_owned(),
        );
    }
    if config.posting.from.is_none() {
        return invalid("posting.from, the cut-over date, must be set before anything is sent".to_owned());
    }
    let wanted = start_phrase(config, config.posting.from);
    if phrase.trim() != wanted {
        return invalid(format!("nothing was started: type exactly `{wanted}`"));
    }
    Ok(())
}

/// The flow of that name.
pub fn flow_name(name: &str) -> Result<&'static str, Refusal> {
    ALL.into_iter().find(|known| *known == name).ok_or_else(|| {
        let what = format!("there is no flow `{}`; flows are {}", safe(name), ALL.join(", "));
        Refusal::new(RefusalKind::NotFound, what)
    })
}

/// The record of a pause by a person.
pub fn pause_record(by: &Person, at: Timestamp, why: String) -> PauseRecord {
    let why = if why.trim().is_empty() { "no reason given".to_owned() } else { why };
    PauseRecord { by: by.label(), at, why }
}

/// Pauses the queue.
pub fn pause_queue(tx: &mut Tx<'_>, who: Actor, record: &PauseRecord) -> Result<(), StoreError> {
    tx.put_meta(Meta::Pause, record)?;
    tx.audit(&Entry::engine(record.at, who, "queue_paused", format!("posting paused: {}", record.why)))
}

/// Resumes it.
pub fn resume_queue(tx: &mut Tx<'_>, who: Actor, at: Timestamp) -> Result<(), StoreError> {
    tx.remove_meta(Meta::Pause)?;
    tx.audit(&Entry::engine(at, who, "queue_resumed", "posting resumed"))
}

/// Starts posting.
pub fn start(
    tx: &mut Tx<'_>,
    who: Actor,
    record: &StartRecord,
    from: Option<crate::model::Date>,
) -> Result<(), StoreError> {
    tx.put_meta(Meta::Start, record)?;
    let from = from.map(|from| from.to_string()).unwrap_or_default();
    tx.audit(
        &Entry::engine(record.at, who, "posting_started", format!("posting started, cut-over {from}"))
            .fact("from", from),
    )
}

/// Goes back to observing.
pub fn stop(tx: &mut Tx<'_>, who: Actor, at: Timestamp) -> Result<(), StoreError> {
    tx.remove_meta(Meta::Start)?;
    tx.audit(&Entry::engine(at, who, "posting_stopped", "posting stopped; back to observing"))
}

/// Pauses a flow, or lets it go on.
pub fn set_flow_pause(
    tx: &mut Tx<'_>,
    who: Actor,
    at: Timestamp,
    name: &'static str,
    paused: Option<(String, Timestamp)>,
) -> Result<(), StoreError> {
    let mut record = tx.flow(name)?;
    let (event, what) = match &paused {
        Some(_) => ("flow_paused", format!("flow {name} paused")),
        None => ("flow_resumed", format!("flow {name} resumed")),
    };
    record.paused = paused;
    tx.put_flow(name, &record)?;
    tx.audit(&Entry::engine(at, who, event, what))
}

/// Decides about documents in chunks; returns the outcome and those that are to be looked up again in the ledger.
pub async fn decide_all(
    store: &Store,
    order: Order,
    by: Person,
    adopt: Option<Decision>,
    at: Timestamp,
) -> Result<(Outcome, Vec<DocumentId>), Refusal> {
    let (selection, decision) = match order.command {
        Command::Replay(selection) => (selection, Decision::Replay),
        Command::Dismiss { which, reason } => (which, Decision::Dismiss(reason)),
        Command::Reopen(selection) => (selection, Decision::Reopen),
        Command::Adopt { id, version, .. } => {
            let Some(adopt) = adopt else {
                let what = "adopting reads the bill from Intacct first: it needs a running engine";
                return Err(Refusal::new(RefusalKind::Unavailable, what));
            };
            (Selection::Ids(vec![(id, version)]), adopt)
        }
        Command::PostAnyway { id, version, reason } => {
            (Selection::Ids(vec![(id, version)]), Decision::PostAnyway(reason))
        }
        _ => return Err(Refusal::new(RefusalKind::Invalid, "that is no decision about documents")),
    };
    let targets = store.read(move |reader| expand(reader, &selection)).await?;
    let (mut outcome, mut recheck) = (done(String::new()), Vec::new());
    for chunk in targets.chunks(CHUNK) {
        let (chunk, decision, who) = (chunk.to_vec(), decision.clone(), Actor::Person(by.clone()));
        let results = store
            .write(at::Decided, move |tx| {
                let mut results = Vec::with_capacity(chunk.len());
                for (id, seen) in chunk {
                    let differs = tx.document(id)?.is_some_and(|document| document.state == State::Differs);
                    let result = decide(tx, at, &who, id, seen, &decision)?;
                    results.push((id, result, differs && decision == Decision::Replay));
                }
                Ok(results)
            })
            .await?;
        for (id, result, again) in results {
            let (is_done, message) = match result {
                Ok(message) => (true, message),
                Err(refused) => (false, refused),
            };
            if is_done {
                outcome.done += 1;
                if again {
                    recheck.push(id);
                }
            } else {
                outcome.refused += 1;
            }
            if outcome.rows.len() < ROWS {
                outcome.rows.push(RowResult { id, done: is_done, message });
            }
        }
    }
    outcome.rows.sort_by_key(|row| row.done);
    outcome.message = match (outcome.done, outcome.refused) {
        (0, 0) => "nothing matched, nothing was done".to_owned(),
        (done, 0) => format!("{done} done"),
        (done, refused) => format!("{done} done, {refused} refused"),
    };
    remember(store, &order.key, &by, &outcome, at).await?;
    Ok((outcome, recheck))
}

/// Remembers what came of an order under its key.
pub async fn remember(
    store: &Store,
    key: &str,
    by: &Person,
    outcome: &Outcome,
    at: Timestamp,
) -> Result<(), StoreError> {
    let record = OrderRecord {
        by: by.label(),
        at,
        message: outcome.message.clone(),
        done: outcome.done,
        refused: outcome.refused,
    };
    let key = key.to_owned();
    store.write(at::OrderKept, move |tx| tx.put_order(&key, &record)).await
}

/// The answer to an order that was carried out before.
pub fn repeated(before: &OrderRecord) -> Outcome {
    Outcome {
        message: format!("already done by {} at {}: {}", before.by, before.at, before.message),
        rows: Vec::new(),
        done: before.done,
        refused: before.refused,
        repeated: true,
    }
}

/// An outcome in one sentence.
pub fn done(message: impl Into<String>) -> Outcome {
    Outcome { message: message.into(), rows: Vec::new(), done: 0, refused: 0, repeated: false }
}

fn name(command: &Command) -> &'static str {
    match command {
        Command::PauseQueue { .. } => "pause queue",
        Command::ResumeQueue => "resume queue",
        Command::RunFlow(_) => "run flow",
        Command::PauseFlow(_) => "pause flow",
        Command::ResumeFlow(_) => "resume flow",
        Command::Reload => "reload",
        Command::SecretsChanged => "secrets changed",
        Command::StartPosting { .. } => "start posting",
        Command::StopPosting => "stop posting",
        Command::Replay(_) => "replay",
        Command::Dismiss { .. } => "dismiss",
        Command::Reopen(_) => "reopen",
        Command::Adopt { .. } => "adopt",
        Command::PostAnyway { .. } => "post anyway",
        Command::Vendors(_) => "vendors",
    }
}
