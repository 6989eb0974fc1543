//! What waits to be sent: checked postings in the queue's order, and halves of a request that was refused for its content.

use std::collections::VecDeque;
use std::time::Duration;

use super::look::Item;

/// Postings that passed the pre-flight, oldest first.
#[derive(Debug, Default)]
pub struct Ready {
    items: VecDeque<Item>,
    halves: VecDeque<Vec<Item>>,
}

impl Ready {
    /// Adds one that was looked up.
    pub fn push(&mut self, item: Item) {
        self.items.push_back(item);
    }

    /// Puts some to the front, each in the place of an earlier look at it.
    pub fn put_front(&mut self, items: Vec<Item>) {
        let ids: std::collections::HashSet<_> = items.iter().map(Item::id).collect();
        self.items.retain(|item| !ids.contains(&item.id()));
        for item in items.into_iter().rev() {
            self.items.push_front(item);
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

    /// The next batch; of those looked up before `stale`, none: they are dropped, and looked up again from the store.
    pub fn take(&mut self, most: usize, stale: Duration) -> Vec<Item> {
        while let Some(mut half) = self.halves.pop_front() {
            half.retain(|item| item.looked >= stale);
            if !half.is_empty() {
                return half;
            }
        }
        self.items.retain(|item| item.looked >= stale);
        let count = most.min(self.items.len());
        self.items.drain(..count).collect()
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
