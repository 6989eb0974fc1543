//! When flows are due: cron patterns with seconds in a named time zone.
//!
//! The engine computes due times itself, from the seam's clock; tokio-cron-scheduler is only the bell that wakes it. Daylight
//! saving follows croner: a fixed time that does not exist runs at the next instant, one that comes twice runs the first
//! time, interval patterns (`*/15`) are unaffected.

use std::str::FromStr;

use chrono::{DateTime, FixedOffset, Offset, TimeZone};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use tokio::sync::mpsc;
use tokio_cron_scheduler::{Job, JobScheduler};

use crate::model::Timestamp;

/// As long as an hour that comes twice, and another.
const MINUTES: i64 = 120;

/// One flow's timetable.
#[derive(Clone, Debug)]
pub struct Timetable {
    pattern: String,
    cron: Cron,
    zone: Tz,
    /// It runs in every hour, so it goes on through a change of the clock as if there were none.
    interval: bool,
    /// What was found last.
    known: Option<Around>,
}

/// The due times around an instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Around {
    at: Timestamp,
    /// The last one at or before it.
    pub previous: Option<Timestamp>,
    /// The next one strictly after it.
    pub next: Option<Timestamp>,
}

impl Timetable {
    /// Reads a pattern and a zone; the error says what is wrong.
    pub fn parse(pattern: &str, zone: &str) -> Result<Timetable, String> {
        let cron = CronParser::builder()
            .seconds(Seconds::Required)
            .dom_and_dow(true)
            .build()
            .parse(pattern)
            .map_err(|error| format!("`{pattern}` is no schedule: {error}"))?;
        let zone = Tz::from_str(zone).map_err(|_| format!("`{zone}` is no time zone"))?;
        let interval = pattern.split_whitespace().nth(2) == Some("*");
        Ok(Timetable { pattern: pattern.to_owned(), cron, zone, interval, known: None })
    }

    /// The pattern as written.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The next due time strictly after an instant.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        if !self.interval {
            // In the second pass of an hour that comes twice what is found is in the first one, and over: what is next is found
            // from a later minute.
            let minute = after.as_second() - after.as_second().rem_euclid(60);
            let later = (1..=MINUTES).filter_map(|minutes| Timestamp::from_second(minute + 60 * minutes).ok());
            return std::iter::once(after).chain(later).find_map(|from| {
                let found = self.cron.find_next_occurrence(&self.local(from)?, false).ok()?;
                from_chrono(&found).filter(|found| *found > after)
            });
        }
        self.steadily(after, |at| self.cron.find_next_occurrence(at, false).ok())
    }

    /// The last due time at or before an instant.
    pub fn previous(&self, until: Timestamp) -> Option<Timestamp> {
        if !self.interval {
            let found = from_chrono(&self.cron.find_previous_occurrence(&self.local(until)?, true).ok()?)?;
            return self.next(found).filter(|later| *later <= until).or(Some(found));
        }
        self.steadily(until, |at| self.cron.find_previous_occurrence(at, true).ok())
    }

    /// Both of an instant. They are looked for once and stay the same until the next one has come.
    pub fn around(&mut self, at: Timestamp) -> Around {
        match self.known {
            Some(known) if known.at <= at && known.next.is_some_and(|next| at < next) => known,
            _ => *self.known.insert(Around { at, previous: self.previous(at), next: self.next(at) }),
        }
    }

    /// Looks with the offset that is in force, and where the clock changes on the way, with the other one: both passes of an
    /// hour that comes twice are seen.
    fn steadily(
        &self,
        from: Timestamp,
        look: impl Fn(&DateTime<FixedOffset>) -> Option<DateTime<FixedOffset>>,
    ) -> Option<Timestamp> {
        let offset = self.local(from)?.offset().fix();
        let found = look(&offset.timestamp_opt(from.as_second(), 0).single()?)?;
        let there = self.local(from_chrono(&found)?)?.offset().fix();
        if there == offset {
            return from_chrono(&found);
        }
        from_chrono(&look(&there.timestamp_opt(from.as_second(), 0).single()?)?)
    }

    fn local(&self, at: Timestamp) -> Option<DateTime<Tz>> {
        self.zone.timestamp_opt(at.as_second(), 0).single()
    }
}

fn from_chrono<Z: TimeZone>(at: &DateTime<Z>) -> Option<Timestamp> {
    Timestamp::from_second(at.timestamp()).ok()
}

/// Whether a pattern and a zone can be used, for `check`.
pub fn validate(pattern: &str, zone: &str) -> Result<(), String> {
    Timetable::parse(pattern, zone).map(drop)
}

/// Something that wakes the engine when a flow may be due. It may ring too often, late or never: nothing depends on it but
/// promptness, for the engine also waits for the next due time itself.
pub trait Bell: Send {
    /// Rings into the channel from now on.
    fn start(
        self: Box<Self>,
        patterns: Vec<(String, String)>,
        ring: mpsc::Sender<()>,
    ) -> crate::seams::Boxed<'static, ()>;
}

/// No bell: the engine's own waiting is enough, as in simulations.
pub struct NoBell;

impl Bell for NoBell {
    fn start(self: Box<Self>, _: Vec<(String, String)>, ring: mpsc::Sender<()>) -> crate::seams::Boxed<'static, ()> {
        Box::pin(async move {
            // A closed channel would seem to ring for ever.
            let _kept = ring;
            std::future::pending().await
        })
    }
}

/// tokio-cron-scheduler.
pub struct CronBell;

impl Bell for CronBell {
    fn start(
        self: Box<Self>,
        patterns: Vec<(String, String)>,
        ring: mpsc::Sender<()>,
    ) -> crate::seams::Boxed<'static, ()> {
        Box::pin(async move {
            let scheduler = match JobScheduler::new().await {
                Ok(scheduler) => scheduler,
                Err(error) => {
                    tracing::warn!(%error, "the bell could not be hung; flows are woken by their own clock");
                    return std::future::pending().await;
                }
            };
            for (pattern, zone) in patterns {
                let ring = ring.clone();
                let zone = Tz::from_str(&zone).unwrap_or(Tz::UTC);
                let job = Job::new_async_tz(pattern.as_str(), zone, move |_, _| {
                    let ring = ring.clone();
                    // A channel of one: a ring that waits already is enough.
                    Box::pin(async move {
                        let _ = ring.try_send(());
                    })
                });
                match job {
                    Ok(job) => drop(scheduler.add(job).await),
                    Err(error) => {
                        tracing::warn!(%error, pattern, "a schedule has no bell; its flow is woken by its own clock")
                    }
                }
            }
            if let Err(error) = scheduler.start().await {
                tracing::warn!(%error, "the bell does not ring; flows are woken by their own clock");
            }
            // Lives until the engine ends; dropping the future ends its tasks.
            let _stop = StopOnDrop(Some(scheduler));
            std::future::pending().await
        })
    }
}

struct StopOnDrop(Option<JobScheduler>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        if let (Some(mut scheduler), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move { drop(scheduler.shutdown().await) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(pattern: &str, from: &str, count: usize) -> Vec<String> {
        let table = Timetable::parse(pattern, "America/Chicago").unwrap();
        let mut at: Timestamp = from.parse().unwrap();
        (0..count)
            .map(|_| {
                at = table.next(at).unwrap();
                at.to_string()
            })
            .collect()
    }

    #[test]
    fn a_time_that_does_not_exist_runs_at_the_next_instant() {
        // On 8 March 2026 02:30 does not exist in Chicago: clocks go from 02:00 CST to 03:00 CDT at 08:00 UTC.
        assert_eq!(
            times("0 30 2 * * *", "2026-03-07T12:00:00Z", 2),
            ["2026-03-08T08:00:00Z", "2026-03-09T07:30:00Z"],
            "the first instant that exists, then the usual time again"
        );
    }

    #[test]
    fn a_time_that_comes_twice_runs_the_first_time() {
        // On 1 November 2026 01:30 comes twice: 06:30 UTC (CDT) and 07:30 UTC (CST).
        assert_eq!(times("0 30 1 * * *", "2026-10-31T12:00:00Z", 2), ["2026-11-01T06:30:00Z", "2026-11-02T07:30:00Z"]);
    }

    #[test]
    fn in_the_second_pass_of_an_hour_the_time_of_the_first_one_is_the_last_and_not_the_next() {
        let table = Timetable::parse("0 10,30 1,2 * * *", "America/Chicago").unwrap();
        let at = "2026-11-01T07:15:00Z".parse().unwrap();
        let text = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        assert_eq!(text(table.previous(at)), "2026-11-01T06:30:00Z");
        assert_eq!(text(table.next(at)), "2026-11-01T08:10:00Z");
    }

    #[test]
    fn interval_patterns_go_on_through_the_change() {
        assert_eq!(
            times("0 */30 * * * *", "2026-11-01T05:45:00Z", 5),
            [
                "2026-11-01T06:00:00Z",
                "2026-11-01T06:30:00Z",
                "2026-11-01T07:00:00Z",
                "2026-11-01T07:30:00Z",
                "2026-11-01T08:00:00Z"
            ]
        );
    }

    #[test]
    fn patterns_of_the_shipped_configuration_are_read_and_bad_ones_are_named() {
        for pattern in ["0 0 5 * * *", "0 */15 * * * *", "0 5-59/15 * * * *", "0 10-59/15 * * * *"] {
            validate(pattern, "America/Chicago").unwrap();
        }
        assert!(validate("every minute", "UTC").unwrap_err().contains("every minute"));
        assert!(validate("0 0 5 * * *", "Mars/Olympus").unwrap_err().contains("Mars"));
    }

    #[test]
    fn the_due_times_around_an_instant_are_those_that_are_looked_for_also_where_the_clock_is_changed_or_set_back() {
        for pattern in ["0 30 1 * * *", "0 30 2 * * *", "0 */15 * * * *", "0 10-59/25 * * * *", "0 5 */6 * * *"] {
            let mut table = Timetable::parse(pattern, "America/Chicago").unwrap();
            for from in ["2026-03-08T05:00:00Z", "2026-11-01T04:00:00Z", "2026-10-31T22:00:00Z"] {
                let from: Timestamp = from.parse().unwrap();
                for minute in 0..600 {
                    let at = from + jiff::SignedDuration::from_secs(minute * 60 + minute % 7);
                    let found = table.around(at);
                    assert_eq!((found.previous, found.next), (table.previous(at), table.next(at)), "{pattern} at {at}");
                }
            }
        }
    }

    #[test]
    fn the_previous_due_time_is_found_for_making_up_a_missed_run() {
        let table = Timetable::parse("0 0 5 * * *", "UTC").unwrap();
        let at = "2026-11-22T05:00:00Z".parse().unwrap();
        assert_eq!(table.previous(at), Some(at));
        assert_eq!(
            table.previous("2026-11-22T04:59:59Z".parse().unwrap()).unwrap().to_string(),
            "2026-11-21T05:00:00Z"
        );
    }
}
