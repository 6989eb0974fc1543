//! What waits to be sent: checked postings in the queue's order, and halves of a request that was refused for its content.

use std::collections::VecDeque;
use std::time::Duration;

use super::look::Item;

/// Postings that passed the pre-flight, oldest first.
#[derive(Debug, Default)]
pub struct Ready {
    items: VecDeque<(Item, Duration)>,
    halves: VecDeque<Vec<Item>>,
}

impl Ready {
    /// Adds one that passed at that moment of the monotonic clock.
    pub fn push(&mut self, item: Item, at: Duration) {
        self.items.push_back((item, at));
    }

    /// Puts some back to the front: they were certainly not executed.
    pub fn put_back(&mut self, items: Vec<Item>, at: Duration) {
        for item in items.into_iter().rev() {
            self.items.push_front((item, at));
        }
    }

    /// Splits a refused request: its halves are sent next, each alone.
    pub fn split(&mut self, mut items: Vec<Item>) {
        let second = items.split_off(items.len() / 2);
        for half in [second, items] {
            if !half.is_empty() {
                self.halves.push_front(half);
            }
        }
    }

    /// The next batch; of those checked before `stale`, none: they are dropped and looked up again.
    pub fn take(&mut self, most: usize, stale: Duration) -> Vec<Item> {
        if let Some(half) = self.halves.pop_front() {
            return half;
        }
        self.items.retain(|(_, at)| *at >= stale);
        let count = most.min(self.items.len());
        self.items.drain(..count).map(|(item, _)| item).collect()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.items.len() + self.halves.iter().map(Vec::len).sum::<usize>()
    }

    /// Forgets everything: it is looked up again from the store.
    pub fn clear(&mut self) {
        self.items.clear();
        self.halves.clear();
    }
}
