//! What the lane says of itself.

use std::time::Duration;

use crate::messages::LaneState;

/// Counts since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LaneCounts {
    /// Write requests sent.
    pub writes: u64,
    /// Bills posted by read-back.
    pub posted: u64,
}

/// The lane's state for the snapshot.
#[derive(Clone, PartialEq, Debug)]
pub struct LaneStatus {
    /// What it does.
    pub state: LaneState,
    /// Counts.
    pub counts: LaneCounts,
    /// Writes in a request now.
    pub functions_per_request: u32,
    /// How long the last write request took.
    pub last: Option<Duration>,
    /// A bill of ours that stands more than once: nothing is sent until the pause that came with it is taken back.
    pub doubled: Option<String>,
    /// Of which document something was learned that cannot be written into the store, and why.
    pub unrecorded: Option<String>,
    /// Rises each time the lane has nothing left that it could do now.
    pub rests: u64,
    /// Whether the last trouble was that the gateway could not be reached or refused the credentials.
    pub unreachable: bool,
}

impl Default for LaneStatus {
    fn default() -> Self {
        LaneStatus {
            state: LaneState::Idle,
            counts: LaneCounts::default(),
            functions_per_request: 0,
            last: None,
            doubled: None,
            unrecorded: None,
            rests: 0,
            unreachable: false,
        }
    }
}
