//! The pace of requests: so many a second, none while JAGGAER asks to wait.

use std::sync::Mutex;
use std::time::Duration;

use crate::seams::{Response, Seams};

/// The longest that an answer can make us wait.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// Hands out moments for requests, one after the other.
pub(super) struct Pace {
    interval: Duration,
    next: Mutex<Duration>,
}

impl Pace {
    pub(super) fn new(per_second: u32) -> Self {
        Pace { interval: Duration::from_secs(1) / per_second.max(1), next: Mutex::new(Duration::ZERO) }
    }

    /// Waits for the next free moment. Who comes while somebody was told to wait looks again afterwards.
    pub(super) async fn turn(&self, seams: &Seams) {
        loop {
            let now = seams.clock.monotonic();
            let wait = {
                let mut next = self.next.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                if *next <= now {
                    *next = now + self.interval;
                    return;
                }
                *next - now
            };
            seams.clock.sleep(wait).await;
        }
    }

    /// Nothing is asked for so long.
    pub(super) fn pause(&self, seams: &Seams, wait: Duration) {
        let until = seams.clock.monotonic() + wait;
        let mut next = self.next.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *next = (*next).max(until);
    }
}

/// What `Retry-After` asks for, in seconds or as an HTTP date, at most a quarter of an hour.
pub(super) fn retry_after(response: &Response, seams: &Seams) -> Option<Duration> {
    let value = response.header("retry-after")?.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
            Duration::try_from(at.duration_since(seams.clock.now())).unwrap_or(Duration::ZERO)
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

/// Exponential with jitter: from `first`, doubling, at most `longest`; half of it is chance.
pub(super) fn backoff(seams: &Seams, attempt: u32, first: Duration, longest: Duration) -> Duration {
    let full = first.saturating_mul(1u32.checked_shl(attempt.min(16)).unwrap_or(u32::MAX)).min(longest);
    full.mul_f64(0.5 + seams.chance.unit() / 2.0).max(first.min(longest).mul_f64(0.5))
}
