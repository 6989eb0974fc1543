//! The gateway's way to write dates, instants and amounts (developer.intacct.com, "Parameter Formats").

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rust_decimal::{Decimal, RoundingStrategy};

/// `MM/DD/YYYY`.
pub fn date(date: Date) -> String {
    format!("{:02}/{:02}/{:04}", date.month(), date.day(), date.year())
}

/// `MM/DD/YYYY HH:MM:SS`, in UTC.
pub fn instant(at: Timestamp) -> String {
    at.strftime("%m/%d/%Y %H:%M:%S").to_string()
}

/// Without trailing zeros.
pub fn amount(amount: Decimal) -> String {
    amount.normalize().to_string()
}

/// Reads `MM/DD/YYYY`; leading zeros may be missing. Nothing else is a date.
pub fn read_date(text: &str) -> Option<Date> {
    let mut parts = text.split('/');
    let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
    let digits =
        |part: &str, most: usize| !part.is_empty() && part.len() <= most && part.bytes().all(|b| b.is_ascii_digit());
    if parts.next().is_some() || !digits(month, 2) || !digits(day, 2) || year.len() != 4 || !digits(year, 4) {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// Reads `MM/DD/YYYY` or `MM/DD/YYYY HH:MM:SS`.
pub fn read_instant(text: &str) -> Option<Timestamp> {
    let (day, time) = text.split_once(' ').unwrap_or((text, "00:00:00"));
    let day = read_date(day)?;
    let mut parts = time.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let time = jiff::civil::Time::new(hour, minute, second, 0).ok()?;
    Some(day.to_datetime(time).to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Reads a plain decimal number and rounds it to cents, half away from zero.
pub fn read_amount(text: &str) -> Option<Decimal> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    let number: Decimal = if plain { text.parse().ok()? } else { return None };
    Some(number.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero))
}
