//! Snapshots: what the overview shows, published when something changed, never faster than ten times a second.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::audit;
use super::core::{Engine, lock};
use super::flow::{AUDIT, DIMENSIONS, INVOICES, VENDORS};
use super::vendors;
use crate::config::{Config, Mode};
use crate::intacct::SessionError;
use crate::jaggaer::Profile;
use crate::lane::LaneStatus;
use crate::messages::{
    Alert, AlertLevel, DepthSample, EnginePhase, FailureGroup, Gateway, LaneState, PostingMode, QueuePause,
    RemoteState, Snapshot, Throughput, VendorsStatus,
};
use crate::model::{Date, MoneyTotals, ReasonCode, State, Text, Timestamp};
use crate::seams::Guards;
use crate::store::{ALARM, PauseRecord, StartRecord, Totals};

/// Samples kept of the depth.
const SAMPLES: usize = 120;
/// At most one sample in this time, unless the depth stands still.
const SAMPLE_EVERY: jiff::SignedDuration = jiff::SignedDuration::from_secs(2);
/// At least this often a snapshot says that it is still true.
const ALIVE: Duration = Duration::from_secs(8);
/// The shortest time between two snapshots.
const PACE: Duration = Duration::from_millis(100);

/// Makes snapshots.
pub struct Publisher {
    data_dir: String,
    jaggaer: String,
    intacct: String,
    revision: u64,
    history: VecDeque<DepthSample>,
    minutes: VecDeque<(i64, u32)>,
    posted: u64,
    trouble: Option<(String, Timestamp)>,
    told: Option<Told>,
}

/// What a commit says, put together once: it is the same until the next one, or until other rules hold.
struct Told {
    totals: Arc<Totals>,
    config: Arc<Config>,
    profile: Arc<Profile>,
    states: BTreeMap<State, MoneyTotals>,
    failures: Vec<FailureGroup>,
    vendors: VendorsStatus,
}

impl Publisher {
    /// A publisher that has seen nothing yet.
    pub fn new(config: &Config) -> Publisher {
        let entity = config.intacct.entity.as_ref().map(|entity| format!("/{entity}")).unwrap_or_default();
        Publisher {
            data_dir: config.data_dir.display().to_string(),
            jaggaer: config.jaggaer.instance.clone(),
            intacct: format!("{}{entity}", config.intacct.company_id),
            revision: 0,
            history: VecDeque::new(),
            minutes: VecDeque::new(),
            posted: 0,
            trouble: None,
            told: None,
        }
    }

    /// A snapshot before anything is known.
    pub fn empty(&self, at: Timestamp) -> Snapshot {
        Snapshot {
            data_dir: self.data_dir.clone(),
            jaggaer: self.jaggaer.clone(),
            intacct: self.intacct.clone(),
            states: states(&Totals::default()),
            ..Snapshot::blank(at)
        }
    }

    /// Publishes until the engine stops, and once more at the end.
    pub async fn run<G: Guards>(mut self, engine: Engine<G>) {
        loop {
            let mut snapshot = self.take(&engine);
            let changed = {
                let last = engine.inner.snapshots.borrow();
                !same(&last, &mut snapshot)
            };
            if changed {
                self.revision += 1;
                let revision = self.revision;
                engine.inner.snapshots.send_replace(Arc::new(Snapshot { revision, ..snapshot }));
            } else {
                // Nothing to draw, but faces see that somebody is at home.
                engine.inner.snapshots.send_modify(|last| Arc::make_mut(last).at = snapshot.at);
            }
            if engine.inner.stop.is_cancelled() {
                return;
            }
            engine.inner.seams.clock.sleep(PACE).await;
            tokio::select! {
                biased;
                () = engine.inner.stop.cancelled() => {}
                () = engine.inner.publish.notified() => {}
                () = engine.inner.seams.clock.sleep(ALIVE) => {}
            }
        }
    }

    fn take<G: Guards>(&mut self, engine: &Engine<G>) -> Snapshot {
        let inner = &engine.inner;
        let now = inner.seams.clock.now();
        let totals = inner.store.totals().borrow().clone();
        let lane = inner.lane.borrow().clone();
        let posting = engine.posting();
        let counts = inner.gateway.counts();
        self.sample(now, &totals);
        self.count(now, lane.counts.posted);
        let mut snapshot = Snapshot {
            data_dir: self.data_dir.clone(),
            jaggaer: self.jaggaer.clone(),
            intacct: self.intacct.clone(),
            ..Snapshot::blank(now)
        };
        let ends = engine.is_stopping() || inner.stop.is_cancelled();
        snapshot.phase = if ends { EnginePhase::Stopping } else { EnginePhase::Running };
        snapshot.mode = mode(&engine.config(), posting.start.as_ref());
        snapshot.pause = posting.pause.as_ref().map(pause);
        let told = self.told(engine, &totals);
        snapshot.states.clone_from(&told.states);
        snapshot.failures.clone_from(&told.failures);
        snapshot.vendors.clone_from(&told.vendors);
        snapshot.history = self.history.iter().copied().collect();
        snapshot.flows = engine.flow_statuses();
        snapshot.token = self.token(engine, now);
        snapshot.session = session(engine, &lane.state, now);
        snapshot.gateway = Gateway {
            lane: lane.state.clone(),
            requests: counts.requests.load(Ordering::Relaxed),
            functions: counts.functions.load(Ordering::Relaxed),
            transactions: counts.transactions.load(Ordering::Relaxed),
            logins: counts.logins.load(Ordering::Relaxed),
            functions_per_request: lane.functions_per_request,
            last_ms: lane.last.and_then(|last| u64::try_from(last.as_millis()).ok()),
        };
        snapshot.throughput =
            Throughput { per_minute: self.minutes.iter().map(|(_, count)| *count).collect(), posted: self.posted };
        snapshot.audit = lock(&inner.audited).clone();
        snapshot.alerts = alerts(engine, &snapshot, &totals, &lane, now);
        snapshot
    }

    /// What the last commit says.
    fn told<G: Guards>(&mut self, engine: &Engine<G>, totals: &Arc<Totals>) -> &Told {
        let (config, profile) = (engine.config(), engine.evaluator().profile.clone());
        let known = self.told.take().filter(|told| {
            Arc::ptr_eq(&told.totals, totals)
                && Arc::ptr_eq(&told.config, &config)
                && Arc::ptr_eq(&told.profile, &profile)
        });
        self.told.insert(known.unwrap_or_else(|| Told {
            totals: totals.clone(),
            config,
            profile,
            states: states(totals),
            failures: failures(totals),
            vendors: engine.vendors_status(),
        }))
    }

    fn sample(&mut self, at: Timestamp, totals: &Totals) {
        let unsettled = [State::Sent, State::Claimed, State::InDoubt].map(|state| totals.count(state)).iter().sum();
        let attention = [State::Held, State::Failed, State::Differs].map(|state| totals.count(state)).iter().sum();
        let sample = DepthSample { at, queued: totals.count(State::Queued), unsettled, attention };
        let due = self.history.back().is_none_or(|last| {
            let age = at.duration_since(last.at);
            let moved = (last.queued, last.unsettled, last.attention) != (sample.queued, unsettled, attention);
            moved && age >= SAMPLE_EVERY
        });
        if due {
            if self.history.len() >= SAMPLES {
                self.history.pop_front();
            }
            self.history.push_back(sample);
        }
    }

    fn count(&mut self, at: Timestamp, posted: u64) {
        let minute = at.as_second() / 60;
        while self.minutes.back().is_some_and(|(last, _)| *last < minute) && self.minutes.len() < 61 {
            let next = self.minutes.back().map_or(minute, |(last, _)| (*last + 1).max(minute - 59));
            self.minutes.push_back((next, 0));
            if self.minutes.len() > 60 {
                self.minutes.pop_front();
            }
        }
        if self.minutes.is_empty() {
            self.minutes.push_back((minute, 0));
        }
        let new = u32::try_from(posted.saturating_sub(self.posted)).unwrap_or(u32::MAX);
        self.posted = posted;
        if let Some((_, count)) = self.minutes.back_mut() {
            *count = count.saturating_add(new);
        }
    }

    fn token<G: Guards>(&mut self, engine: &Engine<G>, now: Timestamp) -> RemoteState {
        let client = engine.client();
        if let Some(refusal) = client.refusal() {
            let since = match &self.trouble {
                Some((what, since)) if *what == refusal.sentence() => *since,
                _ => now,
            };
            self.trouble = Some((refusal.sentence(), since));
            return RemoteState::Refused { why: refusal.sentence(), advice: refusal.advice().to_owned(), since };
        }
        self.trouble = None;
        if let Some((why, since)) = engine.out_of_reach(&[INVOICES]) {
            return RemoteState::Unreachable { why, since };
        }
        match client.token_remaining() {
            Some(left) if !left.is_zero() => RemoteState::Valid { until: round(now, left) },
            _ => RemoteState::None,
        }
    }
}

impl<G: Guards> Engine<G> {
    /// The last snapshot with what an order changes as it is now: snapshots follow a little later, and whoever asks right
    /// after an order must not be told what was before it.
    pub(super) fn fresh_snapshot(&self) -> Snapshot {
        let mut snapshot = (**self.inner.snapshots.borrow()).clone();
        let totals = self.inner.store.totals().borrow().clone();
        let posting = self.posting();
        snapshot.at = self.inner.seams.clock.now();
        if self.is_stopping() {
            snapshot.phase = EnginePhase::Stopping;
        }
        snapshot.mode = mode(&self.config(), posting.start.as_ref());
        snapshot.pause = posting.pause.as_ref().map(pause);
        snapshot.states = states(&totals);
        snapshot.audit = lock(&self.inner.audited).clone();
        snapshot.vendors = self.vendors_status();
        snapshot.failures = failures(&totals);
        snapshot.flows = self.flow_statuses();
        snapshot
    }
}

impl<G: Guards> Engine<G> {
    /// How the two masters stand; what cannot be read stays as it was shown last.
    pub(super) fn vendors_status(&self) -> VendorsStatus {
        let (base, creates) = (self.base(), self.config().vendors.create);
        let read = self.inner.store.read_now(|reader| vendors::answer::status(reader, Some(&base), creates));
        read.unwrap_or_else(|_| self.inner.snapshots.borrow().vendors.clone())
    }
}

/// Whether two snapshots show the same: only the moment and the revision differ.
fn same(last: &Snapshot, new: &mut Snapshot) -> bool {
    let at = std::mem::replace(&mut new.at, last.at);
    new.revision = last.revision;
    let same = *new == *last;
    new.at = at;
    same
}

/// The end of a life that is known as time left: rounded, so that the same end reads the same in each snapshot.
fn round(now: Timestamp, left: Duration) -> Timestamp {
    let end = jiff::SignedDuration::try_from(left).ok().and_then(|left| now.checked_add(left).ok()).unwrap_or(now);
    Timestamp::from_second((end.as_second() + 2) / 5 * 5).unwrap_or(end)
}

fn session<G: Guards>(engine: &Engine<G>, lane: &LaneState, now: Timestamp) -> RemoteState {
    let sessions = engine.inner.gateway.sessions();
    // The same trouble keeps its beginning.
    let last = engine.inner.snapshots.borrow().session.clone();
    if let Some(error) = sessions.latched() {
        let (why, advice) = (error.to_string(), error.advice().safe().into_owned());
        let since = match last {
            RemoteState::Refused { why: known, since, .. } if known == why => since,
            _ => now,
        };
        return RemoteState::Refused { why, advice, since };
    }
    let since = match last {
        RemoteState::Unreachable { since, .. } => since,
        _ => now,
    };
    // An open session is no sign of life.
    if let LaneState::CircuitOpen { why, .. } = lane {
        return RemoteState::Unreachable { why: why.clone(), since };
    }
    if let Some((why, since)) = engine.out_of_reach(&[DIMENSIONS, VENDORS, AUDIT]) {
        return RemoteState::Unreachable { why, since };
    }
    if let Some(left) = sessions.remaining() {
        return RemoteState::Valid { until: round(now, left) };
    }
    match sessions.last_error() {
        Some(error) => RemoteState::Unreachable { why: error.to_string(), since },
        None => RemoteState::None,
    }
}

/// Count and totals of every state.
pub fn states(totals: &Totals) -> BTreeMap<State, MoneyTotals> {
    State::ALL.into_iter().map(|state| (state, totals.states.get(&state).cloned().unwrap_or_default())).collect()
}

/// What stands in front of a person, grouped by cause, most first.
pub fn failures(totals: &Totals) -> Vec<FailureGroup> {
    let mut groups: Vec<FailureGroup> = totals
        .groups
        .iter()
        .filter(|(key, _)| key.code != ReasonCode::NotEvaluated)
        .map(|(key, (count, example))| FailureGroup {
            state: key.state,
            code: key.code,
            class: key.class,
            title: key.code.title().to_owned(),
            count: *count,
            example: *example,
        })
        .collect();
    groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.title.cmp(&b.title)));
    groups
}

/// Whether anything is sent.
pub fn mode(config: &Config, start: Option<&StartRecord>) -> PostingMode {
    match (config.posting.mode, start) {
        (Mode::Observe, _) => PostingMode::Observe,
        (Mode::Post, Some(start)) => {
            PostingMode::Post { from: config.posting.from, started: Some((start.by.clone(), start.at)) }
        }
        (Mode::Post, None) => PostingMode::WaitingForStart {
            from: config.posting.from,
            phrase: start_phrase(config, config.posting.from),
        },
    }
}

/// What a person types to start posting: company and cut-over, so that both were read.
pub fn start_phrase(config: &Config, from: Option<Date>) -> String {
    let from = from.map_or_else(|| "no date".to_owned(), |from| from.to_string());
    format!("post into {} from {from}", config.intacct.company_id)
}

/// A pause for the snapshot.
pub fn pause(record: &PauseRecord) -> QueuePause {
    QueuePause { by: record.by.clone(), at: record.at, why: record.why.clone() }
}

fn alerts<G: Guards>(
    engine: &Engine<G>,
    snapshot: &Snapshot,
    totals: &Totals,
    lane: &LaneStatus,
    now: Timestamp,
) -> Vec<Alert> {
    let mut alerts = Vec::new();
    let mut add = |level, what: String, advice: &str, since| {
        alerts.push(Alert { level, what: Text::new(what), advice: advice.to_owned(), since });
    };
    if let Some(lost) = engine.lost() {
        add(AlertLevel::Alarm, format!("this engine ends: {lost}"), lost.advice(), now);
    }
    if let Some(doubled) = &lane.doubled {
        let advice = "Reverse one of the bills in Intacct, then resume the queue.";
        add(AlertLevel::Alarm, format!("DOUBLED: {doubled}"), advice, now);
    }
    if let Some(unrecorded) = &lane.unrecorded {
        let what = format!("what Intacct said cannot be recorded: {unrecorded}");
        let advice = "It is read back by itself, and nothing of it is sent before. If this does not pass, its record in the store is \
                      damaged: restore the data directory from a backup.";
        add(AlertLevel::Alarm, what, advice, now);
    }
    if engine.inner.gateway.sessions().latched().as_ref().is_some_and(SessionError::is_security_event) {
        let why = "SECURITY EVENT: Intacct handed out a session endpoint that is not allowed; nothing is sent to it"
            .to_owned();
        add(AlertLevel::Alarm, why, "Check intacct.gateway_url and allowed_hosts, and who answers there.", now);
    }
    if let Some(what) = engine.inner.store.trouble() {
        let what = format!("the store in {} cannot be written: {what}", snapshot.data_dir);
        add(AlertLevel::Alarm, what, "Free or mend the disk. Nothing is sent meanwhile; work goes on by itself.", now);
    }
    if let Some(wrong) = engine.inner.gateway.sessions().wrong_clock() {
        add(AlertLevel::Warning, wrong.to_string(), wrong.advice(), now);
    }
    if let LaneState::CircuitOpen { why, .. } = &snapshot.gateway.lane {
        let count = |state| totals.count(state);
        let unsettled = count(State::Sent) + count(State::InDoubt);
        let queued = count(State::Queued);
        let what = format!("Intacct does not answer; bills that wait {queued}, in doubt {unsettled}: {why}");
        let advice = "Nothing is lost: it is asked again by itself, at once with `tollgate queue resume`; what is in doubt is \
                      read back before anything is sent again. `tollgate ping intacct` says what fails.";
        let since = match &snapshot.session {
            RemoteState::Unreachable { since, .. } => *since,
            _ => now,
        };
        add(AlertLevel::Warning, what, advice, since);
    }
    if let LaneState::Stopped { why, advice } = &snapshot.gateway.lane {
        add(AlertLevel::Alarm, format!("the gateway lane stopped: {why}"), advice, now);
    }
    if let Some(pause) = &snapshot.pause {
        let what = format!("posting is paused by {}: {}", pause.by, pause.why);
        let level = if pause.by == ALARM { AlertLevel::Alarm } else { AlertLevel::Warning };
        add(level, what, "Resume the queue when its cause is settled.", pause.at);
    }
    if let Some(audit) = &snapshot.audit {
        if audit.of_documents() > 0 && totals.count(State::Differs) > 0 {
            let advice = "`tollgate failures list` says which; each is for a person to decide.";
            add(AlertLevel::Warning, format!("the audit of the bills: {audit}"), advice, audit.at);
        }
        for line in audit.lines() {
            add(AlertLevel::Alarm, line, audit::ADVICE, audit.at);
        }
    }
    if snapshot.vendors.high > 0 {
        let whose = match snapshot.vendors.high {
            1 => "one supplier changed together with its".to_owned(),
            high => format!("{high} suppliers changed together with their"),
        };
        let what = format!("bank or payment data of {whose} contact data");
        let advice = "Ask the supplier, by a number that you knew before; nothing was carried over. `tollgate vendors list --alerted` says which.";
        add(AlertLevel::Alarm, what, advice, now);
    }
    for flow in &snapshot.flows {
        if let Some(Err(what)) = &flow.last_result {
            let level = if flow.failed_in_a_row >= 3 { AlertLevel::Alarm } else { AlertLevel::Warning };
            // The words change with each run, and it stands since the first of them.
            let begins = format!("flow {} failed", flow.name);
            let old = engine.inner.snapshots.borrow().alerts.iter().find_map(|old| {
                let same = old.what.raw().starts_with(&begins);
                same.then_some(old.since)
            });
            let since = old.or(flow.last_end).unwrap_or(now);
            let times = match flow.failed_in_a_row {
                0 | 1 => String::new(),
                times => format!(" {times} times in a row"),
            };
            add(level, format!("{begins}{times}: {what}"), "", since);
        }
    }
    let waits = matches!(snapshot.mode, PostingMode::Post { .. }) && !engine.inner.polled.is_done();
    if waits && totals.count(State::Queued) > 0 {
        let what = "nothing is sent before JAGGAER was polled once".to_owned();
        add(AlertLevel::Notice, what, "It goes on by itself after the next good run of the invoices flow.", now);
    }
    if let PostingMode::WaitingForStart { phrase, .. } = &snapshot.mode {
        let what = "the configuration says post, but nobody has started it".to_owned();
        add(AlertLevel::Notice, what, &format!("Start it with `tollgate posting start`, typing: {phrase}"), now);
    }
    alerts.sort_by_key(|alert| std::cmp::Reverse(alert.level));
    // An alert that stood before keeps its beginning.
    let known = &engine.inner.snapshots.borrow().alerts;
    for alert in &mut alerts {
        if let Some(old) = known.iter().find(|old| old.what == alert.what) {
            alert.since = old.since;
        }
    }
    alerts
}
