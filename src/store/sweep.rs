//! Evaluating whole states again: one record of a state stands for a mark on each of its documents.
//!
//! Ordering it costs the same for ten documents and for a million, and how far it came is written with each batch: a process
//! that ends in the middle goes on there.

use std::collections::BTreeSet;

use redb::ReadableTable;

use super::read::WithRaw;
use super::tables as t;
use super::{Reader, StoreError, Tx};
use crate::model::{DocumentId, State};

/// Documents of a state that wait to be evaluated: those with numbers from `from` to `through`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sweep {
    state: u8,
    /// Rises when it begins anew: what was evaluated before does not count for it.
    round: u64,
    from: u64,
    through: u64,
}

impl Sweep {
    fn covers(&self, id: u64) -> bool {
        (self.from..=self.through).contains(&id)
    }

    /// The numbers before and behind it.
    pub(super) fn beside(&self) -> [(u64, u64); 2] {
        [(0, self.from.saturating_sub(1)), (self.through.saturating_add(1), u64::MAX)]
    }
}

/// How far a batch gets. Written with what was evaluated.
#[derive(Debug)]
pub struct Progress {
    seen: Vec<Sweep>,
    /// Everything up to this number was looked at.
    reached: u64,
}

impl Reader {
    /// The next documents, oldest first, of the states that are to be evaluated as a whole, with their latest raw versions;
    /// `None` if there is no such state.
    pub fn swept(&self, limit: usize) -> Result<Option<(Vec<WithRaw>, Progress)>, StoreError> {
        let seen = all(&self.table(t::SWEEPS)?)?;
        if seen.is_empty() {
            return Ok(None);
        }
        let states = self.table(t::STATES)?;
        let mut ids = BTreeSet::new();
        for sweep in &seen {
            for entry in states.range((sweep.state, sweep.from)..=(sweep.state, sweep.through))?.take(limit) {
                ids.insert(entry?.0.value().1);
            }
        }
        // Of those found beyond the limit, others may lie between: they are for the next batch.
        let reached = ids.iter().nth(limit.saturating_sub(1)).copied().unwrap_or(u64::MAX);
        let documents = self.with_raw(ids.range(..=reached).copied())?;
        Ok(Some((documents, Progress { seen, reached })))
    }

    /// What of a state waits to be evaluated as a whole.
    pub(super) fn sweep(&self, state: State) -> Result<Option<Sweep>, StoreError> {
        sweep(&self.table(t::SWEEPS)?, state)
    }
}

impl Tx<'_> {
    /// All documents that stand in these states now are to be evaluated. Returns how many they are.
    pub fn evaluate_all(&mut self, states: &[State]) -> Result<u64, StoreError> {
        let through = self.next_id().0.saturating_sub(1);
        let mut marked = 0;
        for state in states {
            let count = self.totals()?.count(*state);
            if count > 0 {
                let round = sweep(&self.sweeps, *state)?.map_or(0, |sweep| sweep.round + 1);
                self.sweeps.insert(state.number(), (round, 1, through))?;
                marked += count;
            }
        }
        self.marked(marked);
        Ok(marked)
    }

    /// What [`Reader::swept`] gave was evaluated. A state that was ordered anew since is not the further for it.
    pub fn progressed(&mut self, progress: &Progress) -> Result<(), StoreError> {
        self.marked(0);
        let standing = all(&self.sweeps)?;
        for sweep in progress.seen.iter().filter(|sweep| standing.contains(sweep)) {
            if sweep.through <= progress.reached {
                self.sweeps.remove(sweep.state)?;
            } else {
                let from = sweep.from.max(progress.reached.saturating_add(1));
                self.sweeps.insert(sweep.state, (sweep.round, from, sweep.through))?;
            }
        }
        Ok(())
    }

    /// Whether a document that stands in this state waits to be evaluated.
    pub fn is_pending(&self, id: DocumentId, state: State) -> Result<bool, StoreError> {
        Ok(self.is_marked(id)? || sweep(&self.sweeps, state)?.is_some_and(|sweep| sweep.covers(id.0)))
    }
}

type Row = (u64, u64, u64);

fn sweep(table: &impl ReadableTable<u8, Row>, state: State) -> Result<Option<Sweep>, StoreError> {
    let row = table.get(state.number())?;
    Ok(row.map(|row| named(state.number(), row.value())))
}

fn all(table: &impl ReadableTable<u8, Row>) -> Result<Vec<Sweep>, StoreError> {
    table
        .iter()?
        .map(|entry| {
            let (state, row) = entry?;
            Ok(named(state.value(), row.value()))
        })
        .collect()
}

fn named(state: u8, (round, from, through): Row) -> Sweep {
    Sweep { state, round, from, through }
}
