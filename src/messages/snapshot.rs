//! The snapshot: everything that the overview shows, as of one moment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BillAudit, FailureGroup, VendorsStatus};
use crate::model::{Date, MoneyTotals, State, Text, Timestamp};

/// The engine's state as of one moment. Cheap to share; never holds the store open.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// Rises with every change: draw only when it moved.
    pub revision: u64,
    /// When it was taken; panels show their age from it.
    pub at: Timestamp,
    /// Version of the program that took it.
    pub version: String,
    /// Process id of the engine, 0 without one.
    pub pid: u32,
    /// Data directory.
    pub data_dir: String,
    /// JAGGAER instance and Intacct company, for the title.
    pub jaggaer: String,
    /// Intacct company (and entity).
    pub intacct: String,
    /// What the engine does.
    pub phase: EnginePhase,
    /// Observe or post.
    pub mode: PostingMode,
    /// Whether a person paused posting.
    pub pause: Option<QueuePause>,
    /// Count and totals of every state, also of those that are empty.
    pub states: BTreeMap<State, MoneyTotals>,
    /// Depth over time, oldest first, at most 120 samples.
    pub history: Vec<DepthSample>,
    /// JAGGAER: the token.
    pub token: RemoteState,
    /// Intacct: the session.
    pub session: RemoteState,
    /// The flows.
    pub flows: Vec<FlowStatus>,
    /// The gateway lane.
    pub gateway: Gateway,
    /// How fast it goes.
    pub throughput: Throughput,
    /// What the last audit of all bills found; `None` before the first.
    #[serde(default)]
    pub audit: Option<BillAudit>,
    /// How the two supplier masters stand.
    #[serde(default)]
    pub vendors: VendorsStatus,
    /// What stands in front of a person, grouped by cause, most first.
    pub failures: Vec<FailureGroup>,
    /// What a person should know now, gravest first.
    pub alerts: Vec<Alert>,
}

impl Snapshot {
    /// Of an engine that starts, before it has said anything.
    pub fn blank(at: Timestamp) -> Snapshot {
        Snapshot {
            revision: 0,
            at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            data_dir: String::new(),
            jaggaer: String::new(),
            intacct: String::new(),
            phase: EnginePhase::Starting,
            mode: PostingMode::Observe,
            pause: None,
            states: BTreeMap::new(),
            history: Vec::new(),
            token: RemoteState::None,
            session: RemoteState::None,
            flows: Vec::new(),
            gateway: Gateway {
                lane: LaneState::Idle,
                requests: 0,
                functions: 0,
                transactions: 0,
                logins: 0,
                functions_per_request: 0,
                last_ms: None,
            },
            throughput: Throughput::default(),
            audit: None,
            vendors: VendorsStatus::default(),
            failures: Vec::new(),
            alerts: Vec::new(),
        }
    }
}

/// What the engine does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnginePhase {
    /// No engine runs: the store was opened for a moment.
    Absent,
    /// Recovering and settling what was unclear.
    Starting,
    /// Running.
    Running,
    /// Finishing what is in flight.
    Stopping,
}

/// Whether anything is sent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "mode")]
pub enum PostingMode {
    /// The configuration says observe.
    Observe,
    /// The configuration says post, but nobody has started it yet: nothing is sent.
    WaitingForStart {
        /// The cut-over date.
        from: Option<Date>,
        /// What has to be typed to start it.
        phrase: String,
    },
    /// Posting.
    Post {
        /// The cut-over date.
        from: Option<Date>,
        /// Who started it, when.
        started: Option<(String, Timestamp)>,
    },
}

/// A pause by a person or by an alarm.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct QueuePause {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: String,
}

/// One sample of the queue's depth.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DepthSample {
    /// When.
    pub at: Timestamp,
    /// Queued.
    pub queued: u64,
    /// Sent, claimed or in doubt.
    pub unsettled: u64,
    /// Held, failed or differing.
    pub attention: u64,
}

/// How a remote system's credentials stand.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum RemoteState {
    /// Nothing was needed yet.
    None,
    /// A token or session is held.
    Valid {
        /// When it ends, by our clock.
        until: Timestamp,
    },
    /// It could not be reached at the last try.
    Unreachable {
        /// What happened.
        why: String,
        /// When.
        since: Timestamp,
    },
    /// It refused us: nothing more is tried until a person acts.
    Refused {
        /// What was said.
        why: String,
        /// What to do.
        advice: String,
        /// When.
        since: Timestamp,
    },
}

/// One flow.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FlowStatus {
    /// Its name: `invoices`, `vendors`, `dimensions`, `audit`.
    pub name: String,
    /// What it does now.
    pub state: FlowState,
    /// Its cron pattern.
    pub schedule: String,
    /// Start of the last run.
    pub last_start: Option<Timestamp>,
    /// End of the last run.
    pub last_end: Option<Timestamp>,
    /// Whether the last run succeeded, and what it did or what went wrong.
    pub last_result: Option<Result<String, String>>,
    /// The next run.
    pub next: Option<Timestamp>,
    /// Up to where it has read.
    pub mark: Option<Timestamp>,
    /// Runs that failed in a row.
    pub failed_in_a_row: u32,
}

/// What a flow does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowState {
    /// Waits for its time.
    Waiting,
    /// Runs.
    Running,
    /// A person paused it.
    Paused,
    /// Stopped until a person acts: credentials refused.
    Stopped,
}

/// The gateway lane.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Gateway {
    /// What it does.
    pub lane: LaneState,
    /// Requests since the start.
    pub requests: u64,
    /// Functions in them.
    pub functions: u64,
    /// API transactions by the published way of counting.
    pub transactions: u64,
    /// Logins.
    pub logins: u64,
    /// Writes in a request now.
    pub functions_per_request: u32,
    /// Milliseconds of the last request.
    pub last_ms: Option<u64>,
}

/// What the lane does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum LaneState {
    /// Nothing to do.
    Idle,
    /// Reading.
    Reading,
    /// Sending so many bills.
    Sending {
        /// Bills in flight.
        bills: u32,
    },
    /// Waiting before it tries again.
    Waiting {
        /// Until when.
        until: Timestamp,
        /// Why.
        why: String,
    },
    /// The circuit is open after repeated failures: one probe at a time.
    CircuitOpen {
        /// When it tries again.
        until: Timestamp,
        /// Why.
        why: String,
    },
    /// Stopped until a person acts.
    Stopped {
        /// Why.
        why: String,
        /// What to do.
        advice: String,
    },
}

/// How fast it goes.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Throughput {
    /// Posted in each of the last minutes, oldest first, at most 60.
    pub per_minute: Vec<u32>,
    /// Posted since the start of the engine.
    pub posted: u64,
}

/// Something a person should know now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Alert {
    /// How grave.
    pub level: AlertLevel,
    /// What happened. May quote text from outside.
    pub what: Text,
    /// What to do.
    pub advice: String,
    /// Since when.
    pub since: Timestamp,
}

/// How grave an alert is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertLevel {
    /// Worth knowing.
    Notice,
    /// Something will go wrong.
    Warning,
    /// Something is wrong: money may be concerned.
    Alarm,
}
