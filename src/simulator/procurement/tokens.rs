//! Access tokens: opaque, and good for a while.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::simulator::wire::Chance;

/// All tokens that were given out.
#[derive(Debug)]
pub struct Tokens {
    good: BTreeMap<String, Timestamp>,
    chance: Chance,
}

impl Tokens {
    /// None yet.
    pub fn new(seed: u64) -> Self {
        Tokens { good: BTreeMap::new(), chance: Chance::new(seed ^ 0x70CE) }
    }

    /// Gives one.
    pub fn give(&mut self, now: Timestamp, life: Duration) -> String {
        self.good.retain(|_, until| *until > now);
        let token = format!(
            "sim.{:016x}{:016x}.{:016x}",
            self.chance.next_u64(),
            self.chance.next_u64(),
            self.chance.next_u64()
        );
        let until = jiff::SignedDuration::try_from(life)
            .ok()
            .and_then(|life| now.checked_add(life).ok())
            .unwrap_or(Timestamp::MAX);
        self.good.insert(token.clone(), until);
        token
    }

    /// Whether an `Authorization` header carries a good one.
    pub fn good(&self, authorization: Option<&str>, now: Timestamp) -> bool {
        authorization
            .and_then(|value| value.strip_prefix("Bearer "))
            .and_then(|token| self.good.get(token.trim()))
            .is_some_and(|until| *until > now)
    }

    /// Makes all worthless.
    pub fn forget(&mut self) {
        self.good.clear();
    }
}
