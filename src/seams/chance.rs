//! Randomness for jitter and fresh ids. Nonces and keys come from the vault's own source, never from here.

use std::sync::Mutex;

/// A source of random numbers.
pub trait Chance: Send + Sync {
    /// 64 random bits.
    fn bits(&self) -> u64;

    /// A number from 0 to 1.
    fn unit(&self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The machine's randomness.
pub struct SystemChance;

impl Chance for SystemChance {
    fn bits(&self) -> u64 {
        fastrand::u64(..)
    }
}

/// Everything drawn from one seed.
pub struct SeededChance(Mutex<fastrand::Rng>);

impl SeededChance {
    /// A source that draws the same numbers for the same seed.
    pub fn new(seed: u64) -> Self {
        SeededChance(Mutex::new(fastrand::Rng::with_seed(seed)))
    }
}

impl Chance for SeededChance {
    fn bits(&self) -> u64 {
        match self.0.lock() {
            Ok(mut rng) => rng.u64(..),
            Err(poisoned) => poisoned.into_inner().u64(..),
        }
    }
}
