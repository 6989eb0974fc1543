//! Values of fields as the gateway writes them: text for everything.

use jiff::tz::TimeZone;

use crate::model::{Date, Timestamp};

/// A calendar date: `MM/DD/YYYY`, also without leading zeros or with a time behind it, or `YYYY-MM-DD`. `None` for anything else.
pub fn date(text: &str) -> Option<Date> {
    let day = text.trim().split([' ', 'T']).next()?;
    if day.contains('-') {
        return day.parse().ok();
    }
    let mut parts = day.split('/');
    let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
    let digits =
        |text: &str, max: usize| !text.is_empty() && text.len() <= max && text.bytes().all(|b| b.is_ascii_digit());
    if parts.next().is_some() || !digits(month, 2) || !digits(day, 2) || year.len() != 4 || !digits(year, 4) {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// An instant in the form that filters want: `MM/DD/YYYY HH:MM:SS`, in UTC. That WHENMODIFIED is in UTC is assumed.
pub fn write_instant(at: Timestamp) -> String {
    at.strftime("%m/%d/%Y %H:%M:%S").to_string()
}

/// An instant: `MM/DD/YYYY HH:MM:SS` in UTC (assumed), a date alone as its midnight, or ISO 8601 with an offset.
pub fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    let (day, time) = text.split_once(' ').unwrap_or((text, "00:00:00"));
    let time: jiff::civil::Time = time.trim().parse().ok()?;
    Some(date(day)?.to_datetime(time).to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// A flag: `true` or `T`, whatever the case.
pub fn flag(text: Option<&str>) -> bool {
    text.is_some_and(|text| matches!(text.trim(), "true" | "True" | "TRUE" | "T" | "t"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_all_known_forms_are_read_and_nothing_else() {
        let day = jiff::civil::date(2026, 3, 2);
        for text in ["03/02/2026", "3/2/2026", " 03/02/2026 17:42:10", "2026-03-02", "2026-03-02T08:15:01+00:00"] {
            assert_eq!(date(text), Some(day), "{text}");
        }
        for text in ["", "02/30/2026", "13/01/2026", "03/02/26", "03/02/2026/1", "+3/02/2026", "2026", "today"] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn an_instant_is_read_as_it_is_written() {
        let at: Timestamp = "2026-03-02T17:42:10Z".parse().unwrap();
        assert_eq!(write_instant(at), "03/02/2026 17:42:10");
        for text in ["03/02/2026 17:42:10", "3/2/2026 17:42:10", "2026-03-02T17:42:10+00:00"] {
            assert_eq!(instant(text), Some(at), "{text}");
        }
        assert_eq!(instant("03/02/2026"), Some("2026-03-02T00:00:00Z".parse().unwrap()));
        for text in ["", "yesterday", "03/02/2026 25:00:00", "03/02/2026 soon"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }
}
