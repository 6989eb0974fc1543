//! The last lines of the log, for those who come later.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

use super::LogLine;

/// Lines kept.
const KEPT: usize = 1_000;

/// The last lines of the log, and those that come. Cheap to clone.
#[derive(Clone)]
pub struct LogRing {
    lines: Arc<Mutex<VecDeque<LogLine>>>,
    sender: broadcast::Sender<LogLine>,
}

impl Default for LogRing {
    fn default() -> Self {
        LogRing::new()
    }
}

impl LogRing {
    /// An empty one.
    pub fn new() -> Self {
        LogRing { lines: Arc::default(), sender: broadcast::Sender::new(KEPT) }
    }

    /// The last `count` lines, oldest first; never more than 1,000.
    pub fn last(&self, count: usize) -> Vec<LogLine> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().skip(lines.len().saturating_sub(count)).cloned().collect()
    }

    /// Lines as they come.
    pub fn subscribe(&self) -> broadcast::Receiver<LogLine> {
        self.sender.subscribe()
    }

    /// Adds a line.
    pub fn push(&self, line: LogLine) {
        {
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() >= KEPT {
                lines.pop_front();
            }
            lines.push_back(line.clone());
        }
        // Nobody listening is no error.
        let _ = self.sender.send(line);
    }
}
