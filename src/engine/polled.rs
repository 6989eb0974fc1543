//! Whether JAGGAER was polled since somebody last asked for it: only then is anything sent.

use std::sync::atomic::{AtomicU64, Ordering};

/// How often a poll was asked for, and which of them was answered last. The start asks for the first.
#[derive(Debug)]
pub struct Polled {
    asked: AtomicU64,
    answered: AtomicU64,
}

impl Default for Polled {
    fn default() -> Self {
        Polled { asked: AtomicU64::new(1), answered: AtomicU64::new(0) }
    }
}

impl Polled {
    /// What was known so far is not enough: only a poll that begins from now on is.
    pub fn ask(&self) {
        self.asked.fetch_add(1, Ordering::AcqRel);
    }

    /// A poll begins; to be given back to [`Polled::done`].
    pub fn begin(&self) -> u64 {
        self.asked.load(Ordering::Acquire)
    }

    /// The poll that began then read the whole list.
    pub fn done(&self, begun: u64) {
        self.answered.fetch_max(begun, Ordering::AcqRel);
    }

    /// Whether a poll that began after the last demand has ended.
    pub fn is_done(&self) -> bool {
        self.answered.load(Ordering::Acquire) >= self.asked.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_that_began_before_it_was_asked_for_does_not_count() {
        let polled = Polled::default();
        assert!(!polled.is_done());
        let first = polled.begin();
        polled.ask();
        polled.done(first);
        assert!(!polled.is_done(), "what lost its approval since it began may have been read before");
        let second = polled.begin();
        polled.done(second);
        assert!(polled.is_done());
        polled.done(first);
        assert!(polled.is_done());
    }
}
