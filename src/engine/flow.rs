//! Flows: what is polled, when it is due, and that it never overlaps itself.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;

use super::build::BuildError;
use super::core::{Engine, lock};
use super::schedule::Timetable;
use crate::config::Config;
use crate::jaggaer::JaggaerError;
use crate::messages::{BillAudit, FlowCounts, FlowState, FlowStatus};
use crate::model::{Actor, Timestamp, safe};
use crate::seams::Guards;
use crate::store::{Entry, FlowRecord, Store, StoreError, at};

/// Reference data other than vendors.
pub const DIMENSIONS: &str = "dimensions";
/// Vendors.
pub const VENDORS: &str = "vendors";
/// Invoices.
pub const INVOICES: &str = "invoices";
/// The audit of all bills.
pub const AUDIT: &str = "audit";
/// What one pass polls, in this order: what is referred to comes first.
pub const POLLED: [&str; 3] = [DIMENSIONS, VENDORS, INVOICES];
/// All flows.
pub const ALL: [&str; 4] = [DIMENSIONS, VENDORS, INVOICES, AUDIT];

/// A run that failed is tried again after this time, then after twice as long, and so on.
const FIRST_RETRY: Duration = Duration::from_secs(30);
/// But at least this often.
const LAST_RETRY: Duration = Duration::from_secs(15 * 60);
/// A refused flow is tried again after this long.
const RETRY_REFUSED: Duration = Duration::from_secs(15 * 60);

/// A flow in this process.
pub struct Flow {
    /// When it is due.
    pub timetable: Timetable,
    /// What the store knows of it.
    pub record: FlowRecord,
    /// It runs now.
    pub running: bool,
    /// It was asked for while it ran: it runs once more.
    pub again: bool,
    /// Credentials were refused: it stands until a person acts, or this instant.
    pub stopped: Option<(String, Timestamp)>,
    /// Since when the other side could not be reached.
    pub unreachable: Option<Timestamp>,
    /// The next due time.
    pub next: Option<Timestamp>,
    /// What the last run read.
    pub counts: FlowCounts,
}

/// How a run failed.
#[derive(Clone, Debug)]
pub struct RunError {
    /// What happened, and what to do.
    pub what: String,
    /// The other side did not answer, or refused the credentials.
    pub unreachable: bool,
    /// Nothing more is asked until a person acts.
    pub stops: bool,
    /// It is of the second system that the flow reads: the first one answered, with so much.
    pub second: Option<FlowCounts>,
}

impl RunError {
    /// A list that shifted both times it was read: all that it showed is stored, and the mark stays.
    pub fn shifted(what: &str) -> Self {
        let what = format!(
            "the list of {what} changed while it was read, and again while it was read once more; the next run reads it from \
             where this one began"
        );
        RunError { what, unreachable: false, stops: false, second: None }
    }

    /// Some of a list could not be read; the others were, so many.
    pub fn unread(what: &str, read: u64, failed: &[(String, JaggaerError)]) -> Option<Self> {
        let (id, error) = failed.first()?;
        let count = failed.len() as u64;
        let (id, all) = (safe(id), read + count);
        let what = format!("{count} of {all} {what} could not be read, the first is {id}: {}", error.told());
        Some(RunError { what, unreachable: error.is_unreachable(), stops: error.stops_flow(), second: None })
    }
}

impl From<StoreError> for RunError {
    fn from(error: StoreError) -> Self {
        RunError { what: error.to_string(), unreachable: false, stops: false, second: None }
    }
}

impl Flow {
    /// When a run that failed is tried again, whatever the schedule says: reference data may be read once a day, and one broken
    /// connection must not hold every invoice until tomorrow.
    fn retry_at(&self) -> Option<Timestamp> {
        let doublings = self.record.failed_in_a_row.checked_sub(1)?.min(5);
        let wait = FIRST_RETRY.saturating_mul(1 << doublings).min(LAST_RETRY);
        self.record.last_end?.checked_add(wait).ok()
    }
}

/// The flows of a configuration with what the store knows of them.
pub async fn all(config: &Config, store: &Store) -> Result<BTreeMap<&'static str, Flow>, BuildError> {
    let mut flows = BTreeMap::new();
    for name in ALL {
        let timetable = timetable(config, name).map_err(BuildError::Faults)?;
        let record = store.read(move |reader| reader.flow(name)).await?;
        let flow = Flow {
            timetable,
            record,
            running: false,
            again: false,
            stopped: None,
            unreachable: None,
            next: None,
            counts: FlowCounts::default(),
        };
        flows.insert(name, flow);
    }
    Ok(flows)
}

/// A flow's timetable.
pub fn timetable(config: &Config, name: &str) -> Result<Timetable, String> {
    let schedule = &config.schedule;
    let pattern = match name {
        DIMENSIONS => &schedule.dimensions,
        VENDORS => &schedule.vendors,
        AUDIT => &schedule.audit,
        _ => &schedule.invoices,
    };
    Timetable::parse(pattern, &schedule.timezone).map_err(|what| format!("schedule.{name}: {what}"))
}

/// An audit's counts in the words of the other flows.
fn counts(found: &BillAudit) -> FlowCounts {
    let new = found.found().min(found.bills);
    FlowCounts { read: found.bills, new, unchanged: found.bills - new }
}

impl<G: Guards> Engine<G> {
    /// Runs due flows until the engine stops. The bell only says that something may be due.
    pub(super) async fn keep_schedule(self, mut rings: mpsc::Receiver<()>) {
        // Nothing is sent before JAGGAER was polled, so a new life does not wait for the schedule.
        let paused = lock(&self.inner.flows).get(INVOICES).is_some_and(|flow| flow.record.paused.is_some());
        if !paused {
            self.start_flow(INVOICES);
        }
        // Nor is a vendor written before the suppliers were polled.
        let paused = lock(&self.inner.flows).get(VENDORS).is_some_and(|flow| flow.record.paused.is_some());
        if !paused && lock(&self.inner.vendors_started).is_some() {
            self.start_flow(VENDORS);
        }
        loop {
            let now = self.inner.seams.clock.now();
            let mut next = None;
            for name in ALL {
                if self.is_due(name, now) {
                    self.start_flow(name);
                }
                let due = lock(&self.inner.flows).get(name).and_then(|flow| flow.next);
                next = next.into_iter().chain(due).min();
            }
            let wait = next
                .and_then(|next| Duration::try_from(next.duration_since(now)).ok())
                .unwrap_or(Duration::from_secs(60))
                // A clock that jumps is noticed within a minute.
                .clamp(Duration::from_millis(20), Duration::from_secs(60));
            tokio::select! {
                biased;
                () = self.inner.stop.cancelled() => return,
                _ = rings.recv() => {}
                () = self.inner.flow_changed.notified() => {}
                () = self.inner.seams.clock.sleep(wait) => {}
            }
        }
    }

    /// Whether a flow is due: its last due time has not been served yet. A missed one is made up once, however many were missed.
    pub(super) fn is_due(&self, name: &'static str, now: Timestamp) -> bool {
        let mut flows = lock(&self.inner.flows);
        let Some(flow) = flows.get_mut(name) else { return false };
        let again = flow.retry_at();
        let around = flow.timetable.around(now);
        let next = around.next.into_iter().chain(again.filter(|again| *again > now)).min();
        if flow.next != next {
            flow.next = next;
            self.inner.publish.notify_one();
        }
        // A bill whose document was not fetched yet would look like nobody's.
        let waits = name == AUDIT && !self.inner.polled.is_done();
        if flow.record.paused.is_some() || waits {
            return false;
        }
        if let Some((_, until)) = &flow.stopped {
            // An end further away than it was ever set is of a clock that was set back since.
            if now < *until
                && until.duration_since(now) <= jiff::SignedDuration::try_from(RETRY_REFUSED).unwrap_or_default()
            {
                return false;
            }
            flow.stopped = None;
        }
        if !flow.running && again.is_some_and(|again| again <= now) {
            return true;
        }
        match (flow.record.last_due, around.previous) {
            // Never served: at once, so that a new installation shows something.
            (None, _) => true,
            // Served in a future that has not come: the clock was ahead and was set back.
            (Some(served), _) if served > now => true,
            (Some(served), Some(last)) => served < last,
            (Some(_), None) => false,
        }
    }

    /// Starts a flow in the background; if it runs already it runs once more afterwards.
    pub(super) fn start_flow(&self, name: &'static str) {
        {
            let mut flows = lock(&self.inner.flows);
            let Some(flow) = flows.get_mut(name) else { return };
            flow.record.last_due = Some(self.inner.seams.clock.now());
            if flow.running {
                flow.again = true;
                return;
            }
            flow.running = true;
        }
        self.inner.publish.notify_one();
        let engine = self.clone();
        self.spawn(name, async move {
            loop {
                let _ = engine.serve(name).await;
                let mut flows = lock(&engine.inner.flows);
                let Some(flow) = flows.get_mut(name) else { return };
                if !flow.again || engine.is_stopping() {
                    flow.running = false;
                    break;
                }
                flow.again = false;
            }
            engine.inner.publish.notify_one();
            engine.inner.flow_changed.notify_one();
        });
    }

    /// Runs a flow now and waits for it; if it runs already, waits for that run and runs once more.
    pub(super) async fn run_flow(&self, name: &'static str) -> Result<FlowCounts, RunError> {
        loop {
            let claimed = {
                let mut flows = lock(&self.inner.flows);
                match flows.get_mut(name) {
                    Some(flow) if !flow.running => {
                        flow.running = true;
                        flow.record.last_due = Some(self.inner.seams.clock.now());
                        true
                    }
                    _ => false,
                }
            };
            if claimed {
                break;
            }
            self.inner.seams.clock.sleep(Duration::from_millis(20)).await;
        }
        let result = self.serve(name).await;
        if let Some(flow) = lock(&self.inner.flows).get_mut(name) {
            flow.running = false;
        }
        self.inner.publish.notify_one();
        result
    }

    /// One run with its record and audit entry.
    async fn serve(&self, name: &'static str) -> Result<FlowCounts, RunError> {
        let started = self.inner.seams.clock.now();
        tracing::info!(flow = name, "run begins");
        let run = async {
            let counts = match name {
                DIMENSIONS => self.read_dimensions().await?,
                VENDORS => self.poll_vendors().await?,
                AUDIT => return self.audit_bills().await.map(|found| (counts(&found), found.to_string())),
                _ => self.poll_invoices().await?,
            };
            Ok::<_, RunError>((counts, format!("{} read, {} new or changed", counts.read, counts.new)))
        };
        // Flows only read: leaving off in the middle loses nothing, the mark has not moved, and what an audit said of a document it
        // had seen in full.
        let result = tokio::select! {
            biased;
            result = run => result,
            () = self.inner.stop.cancelled() => {
                return Err(RunError { what: "left off, the engine stops".to_owned(), unreachable: false, stops: false, second: None });
            }
        };
        let ended = self.inner.seams.clock.now();
        let said = result.as_ref().map(|(_, said)| said.clone()).map_err(|error| error.what.clone());
        let result = result.map(|(counts, _)| counts);
        match &said {
            Ok(done) => tracing::info!(flow = name, %done, "run ended"),
            Err(what) => tracing::warn!(flow = name, %what, "run failed; it is tried again soon"),
        }
        let record = {
            let mut flows = lock(&self.inner.flows);
            let Some(flow) = flows.get_mut(name) else { return result };
            flow.record.last_start = Some(started);
            flow.record.last_end = Some(ended);
            flow.record.last_result = Some(said.clone());
            flow.record.failed_in_a_row = if said.is_ok() { 0 } else { flow.record.failed_in_a_row.saturating_add(1) };
            flow.unreachable = match &result {
                Err(error) if error.unreachable && !error.stops && error.second.is_none() => {
                    flow.unreachable.or(Some(ended))
                }
                _ => None,
            };
            match &result {
                Ok(counts) => {
                    flow.counts = *counts;
                    flow.stopped = None;
                }
                Err(RunError { second: Some(counts), .. }) => flow.counts = *counts,
                Err(error) if error.stops => {
                    let until = jiff::SignedDuration::try_from(RETRY_REFUSED)
                        .ok()
                        .and_then(|wait| ended.checked_add(wait).ok())
                        .unwrap_or(ended);
                    flow.stopped = Some((error.what.clone(), until));
                }
                Err(_) => {}
            }
            flow.record.clone()
        };
        let entry_said = said.clone();
        let written = self
            .inner
            .store
            .write(at::FlowEnded, move |tx| {
                // The mark was written with the documents, a pause with its order: the record here must not move or end them.
                let FlowRecord { mark, paused, .. } = tx.flow(name)?;
                tx.put_flow(name, &FlowRecord { mark, paused, ..record })?;
                let (event, what) = match entry_said {
                    Ok(done) => ("flow_ended", format!("flow {name}: {done}")),
                    Err(what) => ("flow_failed", format!("flow {name}: {what}")),
                };
                tx.audit(&Entry::engine(ended, Actor::Flow(name.to_owned()), event, what))
            })
            .await;
        self.inner.publish.notify_one();
        if let Err(error) = written {
            tracing::error!(flow = name, %error, "the end of a run could not be written");
        }
        result
    }

    /// What keeps the first of these flows that cannot reach the other side from it, and since when.
    pub(super) fn out_of_reach(&self, names: &[&str]) -> Option<(String, Timestamp)> {
        let flows = lock(&self.inner.flows);
        names.iter().find_map(|name| {
            let flow = flows.get(name)?;
            let why = flow.record.last_result.clone()?.err()?;
            Some((why, flow.unreachable?))
        })
    }

    /// Flows for the snapshot.
    pub(super) fn flow_statuses(&self) -> Vec<FlowStatus> {
        let flows = lock(&self.inner.flows);
        ALL.iter()
            .filter_map(|name| Some((name, flows.get(name)?)))
            .map(|(name, flow)| FlowStatus {
                name: (*name).to_owned(),
                state: match flow {
                    Flow { running: true, .. } => FlowState::Running,
                    Flow { record: FlowRecord { paused: Some(_), .. }, .. } => FlowState::Paused,
                    Flow { stopped: Some(_), .. } => FlowState::Stopped,
                    _ => FlowState::Waiting,
                },
                schedule: flow.timetable.pattern().to_owned(),
                last_start: flow.record.last_start,
                last_end: flow.record.last_end,
                last_result: flow.record.last_result.clone(),
                next: flow.next,
                mark: flow.record.mark,
                failed_in_a_row: flow.record.failed_in_a_row,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_failed_is_tried_again_after_half_a_minute_then_less_often_and_at_least_every_quarter_hour() {
        let timetable = Timetable::parse("0 0 5 * * *", "UTC").unwrap();
        let record = FlowRecord { last_end: Some(Timestamp::UNIX_EPOCH), ..FlowRecord::default() };
        let counts = FlowCounts::default();
        let mut flow = Flow {
            timetable,
            record,
            running: false,
            again: false,
            stopped: None,
            unreachable: None,
            next: None,
            counts,
        };
        let mut after = |failed| {
            flow.record.failed_in_a_row = failed;
            flow.retry_at().map(Timestamp::as_second)
        };
        let seen = [0, 1, 2, 5, 6, 100, u32::MAX].map(&mut after);
        assert_eq!(seen, [None, Some(30), Some(60), Some(480), Some(900), Some(900), Some(900)]);
    }
}
