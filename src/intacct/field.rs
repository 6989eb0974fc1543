//! Values of fields as the gateway writes them: text for everything.

use crate::model::Date;

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
}
