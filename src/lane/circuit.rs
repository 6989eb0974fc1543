//! The circuit: after repeated failures the lane stops knocking, waits, and asks with one read before it writes again.

use std::time::Duration;

/// Failures in a row that open it.
const LIMIT: u32 = 5;
/// The first wait of an open circuit.
const FIRST: Duration = Duration::from_secs(30);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// Counts failures and says how long to wait.
#[derive(Clone, Debug, Default)]
pub struct Circuit {
    failures: u32,
}

/// How to wait after a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pause {
    /// How long.
    pub wait: Duration,
    /// Whether the circuit is open: the next request is a probe.
    pub open: bool,
}

impl Circuit {
    /// Something went through.
    pub fn good(&mut self) {
        self.failures = 0;
    }

    /// Whether the next request must be a probe.
    pub fn is_open(&self) -> bool {
        self.failures >= LIMIT
    }

    /// Something failed: how long to wait. `jitter` is a random number from 0 to 1; `at_least` is what the other side asked for.
    pub fn failed(&mut self, jitter: f64, at_least: Option<Duration>) -> Pause {
        self.failures = self.failures.saturating_add(1);
        let open = self.is_open();
        let (base, exponent) = match open {
            false => (Duration::from_secs(1), self.failures - 1),
            true => (FIRST, self.failures - LIMIT),
        };
        let longest = if open { LONGEST } else { Duration::from_secs(120) };
        let wait = base.saturating_mul(2u32.saturating_pow(exponent.min(12))).min(longest);
        let wait = wait.mul_f64(0.5 + jitter / 2.0).max(at_least.unwrap_or_default());
        Pause { wait, open }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_cap_and_the_circuit_opens_after_five() {
        let mut circuit = Circuit::default();
        let pauses: Vec<Pause> = (0..14).map(|_| circuit.failed(1.0, None)).collect();
        assert!(pauses.iter().take(4).all(|pause| !pause.open));
        assert!(pauses.iter().skip(4).all(|pause| pause.open));
        assert!(pauses.windows(2).all(|pair| pair[0].wait <= pair[1].wait));
        assert_eq!(pauses.last().map(|pause| pause.wait), Some(LONGEST));
        circuit.good();
        assert!(!circuit.is_open());
    }

    #[test]
    fn what_the_other_side_asks_for_is_kept() {
        let asked = Duration::from_secs(60);
        assert!(Circuit::default().failed(0.0, Some(asked)).wait >= asked);
    }
}
