//! Which queued postings were looked up while nothing may be sent: a bit each, because a paused queue may have a million.

use std::sync::Arc;
use std::time::Duration;

use crate::model::DocumentId;

/// After the queue was gone through from its head, that is not done again for so many times what it took,
const PATIENCE: u32 = 20;
/// but for no longer than this.
const LONGEST: Duration = Duration::from_secs(60);

/// What was looked up. The queue grows at its end, so mostly what follows on the last one is enough; what was released or
/// amended near its head is found by going through all of it.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    bits: Arc<Vec<u64>>,
    last: u64,
    /// When the queue may be gone through from its head again.
    whole: Duration,
    /// Since it was, only its end was gone through.
    partly: bool,
}

impl Observed {
    /// Behind which number to go on.
    pub fn begin(&self, now: Duration) -> u64 {
        if now < self.whole { self.last } else { 0 }
    }

    /// The queue behind this number was gone through from then until now.
    pub fn ended(&mut self, behind: u64, began: Duration, now: Duration) {
        self.partly = behind > 0;
        if !self.partly {
            let took = now.saturating_sub(began);
            self.whole = now + took.saturating_mul(PATIENCE).min(LONGEST);
        }
    }

    /// When to go through all of it, if that is still to be done.
    pub fn owed(&self) -> Option<Duration> {
        self.partly.then_some(self.whole)
    }

    /// Whether it was looked up.
    pub fn contains(&self, id: DocumentId) -> bool {
        let (word, bit) = place(id);
        self.bits.get(word).is_some_and(|word| word & bit != 0)
    }

    /// It is another bill than the one looked up.
    pub fn forget(&mut self, id: DocumentId) {
        let (word, bit) = place(id);
        if self.contains(id)
            && let Some(word) = Arc::make_mut(&mut self.bits).get_mut(word)
        {
            *word &= !bit;
        }
    }

    /// It was looked up.
    pub fn insert(&mut self, id: DocumentId) {
        let (word, bit) = place(id);
        let bits = Arc::make_mut(&mut self.bits);
        if bits.len() <= word {
            bits.resize(word.saturating_add(1), 0);
        }
        if let Some(word) = bits.get_mut(word) {
            *word |= bit;
        }
        self.last = self.last.max(id.0);
    }
}

fn place(id: DocumentId) -> (usize, u64) {
    (usize::try_from(id.0 / 64).unwrap_or(usize::MAX), 1 << (id.0 % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_looked_up_ones_take_an_eighth_of_a_megabyte() {
        let mut observed = Observed::default();
        (1..=1_000_000).for_each(|id| observed.insert(DocumentId(id)));
        assert!((1..=1_000_000).all(|id| observed.contains(DocumentId(id))));
        assert!(observed.bits.len() * size_of::<u64>() <= 125_008);
    }

    #[test]
    fn what_was_looked_up_is_known_and_all_of_a_long_queue_is_gone_through_now_and_then() {
        let second = Duration::from_secs;
        let mut observed = Observed::default();
        assert_eq!(observed.begin(second(0)), 0);
        for id in [3, 64, 700] {
            observed.insert(DocumentId(id));
        }
        let known: Vec<u64> = (0..1000).filter(|id| observed.contains(DocumentId(*id))).collect();
        assert_eq!(known, [3, 64, 700]);
        for id in [64, 65, 100_000] {
            observed.forget(DocumentId(id));
        }
        let known: Vec<u64> = (0..1000).filter(|id| observed.contains(DocumentId(*id))).collect();
        assert_eq!(known, [3, 700]);
        // It took no time: a short queue is always gone through from its head.
        observed.ended(0, second(1), second(1));
        assert_eq!((observed.begin(second(1)), observed.owed()), (0, None));
        observed.ended(0, second(1), second(2));
        assert_eq!((observed.begin(second(21)), observed.owed()), (700, None));
        observed.ended(700, second(21), second(21));
        assert_eq!((observed.begin(second(22)), observed.owed()), (0, Some(second(22))));
        observed.ended(0, second(22), second(99));
        assert_eq!((observed.begin(second(158)), observed.begin(second(159)), observed.owed()), (700, 0, None));
    }
}
