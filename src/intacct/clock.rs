//! Whether this machine's clock agrees with Intacct's, which stands in each answer.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;

use crate::model::Timestamp;
use crate::seams::Clock;

use super::answer::AuthPart;

/// Two clocks that are further apart do not agree.
const APART: SignedDuration = SignedDuration::from_mins(5);
/// A clock that is as wrong as before, give or take this, is no news.
const SAME: SignedDuration = SignedDuration::from_mins(1);

/// That this machine's clock is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrongClock {
    /// What it said when this was found.
    pub ours: Timestamp,
    /// What Intacct's clock said then.
    pub theirs: Timestamp,
    /// The same moment on the monotonic clock.
    found: Duration,
}

impl WrongClock {
    /// What to do.
    pub fn advice(&self) -> &'static str {
        "Set the clock of this machine, best by NTP. Until then schedules run at the wrong time. How long a bill in doubt waits does \
         not depend on it, nor do the dates of a bill."
    }

    fn ahead(&self) -> SignedDuration {
        self.ours.duration_since(self.theirs)
    }
}

impl fmt::Display for WrongClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the clock of this machine is wrong: it said {:.0} when Intacct's said {:.0}", self.ours, self.theirs)
    }
}

/// Compares the two clocks.
#[derive(Debug, Default)]
pub(super) struct ClockWatch(Mutex<Option<WrongClock>>);

impl ClockWatch {
    /// An answer to a request that was begun at `started` (monotonic) states Intacct's time.
    pub fn heard(&self, stated: &AuthPart, started: Duration, clock: &dyn Clock) {
        let Some(theirs) = stated.session_timestamp.as_deref().and_then(|text| text.parse().ok()) else { return };
        let new = WrongClock { ours: clock.now(), theirs, found: clock.monotonic() };
        // The answer may have been under way since the request was begun.
        let took = SignedDuration::try_from(new.found.saturating_sub(started)).unwrap_or(SignedDuration::MAX);
        let agrees = new.ahead() >= -APART && new.ahead() <= APART.saturating_add(took);
        let mut known = self.lock();
        match *known {
            None if agrees => {}
            Some(_) if agrees => {
                tracing::info!("the clock of this machine agrees with Intacct's again");
                *known = None;
            }
            Some(old) if old.ahead().saturating_sub(new.ahead()).abs() <= SAME.saturating_add(took) => {}
            _ => {
                tracing::warn!(advice = new.advice(), "{new}");
                *known = Some(new);
            }
        }
    }

    /// That the clock was wrong when Intacct was last heard, and was not set right since.
    pub fn wrong(&self, clock: &dyn Clock) -> Option<WrongClock> {
        let found = (*self.lock())?;
        let passed = clock.monotonic().saturating_sub(found.found);
        let shown = clock.now().duration_since(found.theirs);
        let ahead = shown.saturating_sub(SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX));
        (ahead.abs() > APART).then_some(found)
    }

    fn lock(&self) -> MutexGuard<'_, Option<WrongClock>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
