//! Pace: how many writes go into a request, so that it takes about twenty seconds at most.

use std::time::Duration;

/// Adapts the number of functions in a request.
#[derive(Clone, Debug)]
pub struct Pace {
    now: usize,
    most: usize,
}

/// The time that a request should take at most.
const TARGET: Duration = Duration::from_secs(20);

impl Pace {
    /// Starts at ten, or at the bound if that is lower.
    pub fn new(most: usize) -> Self {
        let most = most.max(1);
        Pace { now: most.min(10), most }
    }

    /// Writes in the next request.
    pub fn size(&self) -> usize {
        self.now
    }

    /// Learns from a request that was answered: grows while there is room, and shrinks in proportion when it was slow.
    pub fn took(&mut self, functions: usize, elapsed: Duration) {
        if elapsed > TARGET {
            let fitting = functions as f64 * TARGET.as_secs_f64() / elapsed.as_secs_f64();
            self.now = (fitting as usize).clamp(1, self.most);
        } else if elapsed * 2 < TARGET && functions >= self.now {
            self.now = (self.now * 2).min(self.most);
        }
    }

    /// The gateway said slow down.
    pub fn slow_down(&mut self) {
        self.now = (self.now / 2).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_to_the_bound_while_answers_are_quick() {
        let mut pace = Pace::new(50);
        let mut sizes = Vec::new();
        for _ in 0..4 {
            sizes.push(pace.size());
            pace.took(pace.size(), Duration::from_secs(1));
        }
        assert_eq!(sizes, [10, 20, 40, 50]);
    }

    #[test]
    fn a_slow_answer_shrinks_it_in_proportion_and_never_to_nothing() {
        let mut pace = Pace::new(50);
        pace.took(10, Duration::from_secs(200));
        assert_eq!(pace.size(), 1);
        pace.slow_down();
        assert_eq!(pace.size(), 1);
    }
}
