//! Reading single values through the profile: text, amounts, dates, flags.

use std::borrow::Cow;

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::json::Json;
use super::path::{Found, Path};
use super::profile::{DatePattern, Number, Profile};
use crate::model::{Amount, Date, Text, Timestamp};

impl Profile {
    /// The text of a value, trimmed; `None` for whatever means "no value". Numbers keep their text, so ids and codes do.
    pub(super) fn scalar<'v>(&self, value: &'v Json<'_>) -> Option<Cow<'v, str>> {
        match value {
            Json::Null => None,
            Json::Bool(b) => Some(Cow::Borrowed(if *b { "true" } else { "false" })),
            Json::Number(text) => Some(Cow::Borrowed(text)),
            Json::Text(text) => {
                let text = text.trim();
                let nothing = text.is_empty() || self.null_words.iter().any(|word| word.eq_ignore_ascii_case(text));
                (!nothing).then_some(Cow::Borrowed(text))
            }
            Json::Array(items) => items.iter().find_map(|item| self.scalar(item)),
            Json::Object(_) => self.fields.text_members.iter().find_map(|name| match value.member(name, false)? {
                Json::Object(_) | Json::Array(_) => None,
                inner => self.scalar(inner),
            }),
        }
    }

    /// The first path that has a value, as text.
    pub(super) fn text(&self, node: &Json<'_>, paths: &[Path]) -> Option<Text> {
        self.find(node, paths).map(|(_, text)| Text::new(text))
    }

    /// The first path that has a value, and the value.
    pub(super) fn find<'v, 'p>(&self, node: &'v Json<'_>, paths: &'p [Path]) -> Option<(&'p Path, Cow<'v, str>)> {
        paths.iter().find_map(|path| Some((path, self.found(path.first(node)?)?)))
    }

    /// The text of what a path found.
    fn found<'v>(&self, value: Found<'v>) -> Option<Cow<'v, str>> {
        match value {
            Found::Borrowed(value) => self.scalar(value),
            Found::Owned(value) => self.scalar(&value).map(|text| Cow::Owned(text.into_owned())),
        }
    }

    /// An amount at the first path that has a value. `Err` names path and value.
    pub(super) fn amount(&self, node: &Json<'_>, paths: &[Path]) -> Result<Option<Amount>, String> {
        for path in paths {
            let Some(found) = path.first(node) else { continue };
            match self.amount_of(&found) {
                Ok(None) => {}
                Ok(amount) => return Ok(amount),
                Err(value) => return Err(format!("{}: `{value}` is no amount", path.as_str())),
            }
        }
        Ok(None)
    }

    fn amount_of(&self, value: &Json<'_>) -> Result<Option<Amount>, String> {
        match value {
            Json::Number(text) => Amount::parse(text).map(Some).ok_or_else(|| text.to_string()),
            Json::Text(_) => {
                let Some(text) = self.scalar(value) else { return Ok(None) };
                amount_text(&text, &self.number).map(Some).ok_or_else(|| text.into_owned())
            }
            Json::Object(_) if value.is_empty() => Ok(None),
            Json::Object(_) => match self.number.amount_members.iter().find_map(|name| value.member(name, false)) {
                Some(inner @ (Json::Number(_) | Json::Text(_) | Json::Null)) => self.amount_of(inner),
                _ => Err("{…}".to_owned()),
            },
            Json::Null => Ok(None),
            Json::Array(_) if value.is_empty() => Ok(None),
            other => Err(other.type_name().to_owned()),
        }
    }

    /// The currency that stands beside an amount: `{currency, value}`.
    pub(super) fn currency_beside<'v>(&self, node: &'v Json<'_>, paths: &[Path]) -> Option<Cow<'v, str>> {
        let names = &self.number.currency_members;
        paths.iter().find_map(|path| match path.first(node)? {
            Found::Borrowed(found) => self.scalar(names.iter().find_map(|name| found.member(name, false))?),
            Found::Owned(found) => {
                let text = self.scalar(names.iter().find_map(|name| found.member(name, false))?)?;
                Some(Cow::Owned(text.into_owned()))
            }
        })
    }

    /// A calendar date at the first path that has a value. `Err` names path and value.
    pub(super) fn date(&self, node: &Json<'_>, paths: &[Path]) -> Result<Option<Date>, String> {
        let Some((path, text)) = self.find(node, paths) else { return Ok(None) };
        match self.dates.patterns.iter().find_map(|pattern| date_of(&text, pattern, self.dates.zone.as_ref())) {
            Some(date) => Ok(Some(date)),
            None => Err(format!("{}: `{text}` is no date by the profile's patterns", path.as_str())),
        }
    }

    /// The instant of a modification stamp, if it can be read as one.
    pub(super) fn instant(&self, text: &str) -> Option<Timestamp> {
        let zone = self.dates.zone.clone().unwrap_or(TimeZone::UTC);
        self.dates.patterns.iter().find_map(|pattern| instant_of(text, pattern, &zone))
    }

    /// A flag, whatever it is written as. `Err` names path and value.
    pub(super) fn flag(&self, node: &Json<'_>, paths: &[Path]) -> Result<Option<bool>, String> {
        let Some((path, text)) = self.find(node, paths) else { return Ok(None) };
        if self.true_words.iter().any(|word| word.eq_ignore_ascii_case(&text)) {
            Ok(Some(true))
        } else if self.false_words.iter().any(|word| word.eq_ignore_ascii_case(&text)) {
            Ok(Some(false))
        } else {
            Err(format!("{}: `{text}` is neither yes nor no", path.as_str()))
        }
    }
}

/// Reads an amount written as text. Groups must be whole, so that `1,50` is never 150.
fn amount_text(text: &str, number: &Number) -> Option<Amount> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once(number.decimal).unwrap_or((digits, ""));
    let all_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole = match number.grouping {
        Some(grouping) if whole.contains(|c| same_group(c, grouping)) => {
            let groups: Vec<&str> = whole.split(|c| same_group(c, grouping)).collect();
            let (last, before) = groups.split_last()?;
            let (first, middle) = before.split_first()?;
            let sound =
                last.len() == 3 && (1..=3).contains(&first.len()) && middle.iter().all(|g| matches!(g.len(), 2 | 3));
            if !sound {
                return None;
            }
            groups.concat()
        }
        _ => whole.to_owned(),
    };
    if !all_digits(&whole) {
        return None;
    }
    let whole = if whole.is_empty() { "0" } else { &whole };
    Amount::parse(&if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

fn same_group(c: char, grouping: char) -> bool {
    c == grouping || (grouping == ' ' && matches!(c, '\u{a0}' | '\u{202f}')) || (grouping == '\'' && c == '’')
}

fn date_of(text: &str, pattern: &DatePattern, zone: Option<&TimeZone>) -> Option<Date> {
    let of_instant = |instant: Timestamp| {
        let utc = instant.to_zoned(TimeZone::UTC);
        match zone {
            // Midnight UTC is a calendar date in disguise: a zone would make it the evening before.
            Some(zone) if utc.time() != jiff::civil::Time::midnight() => instant.to_zoned(zone.clone()).date(),
            _ => utc.date(),
        }
    };
    match pattern {
        DatePattern::Iso => {
            let date = iso_day(text.get(..10)?)?;
            let rest = text.get(10..)?;
            if rest.is_empty() || rest == "T00:00:00.000Z" || rest == "T00:00:00Z" {
                return Some(date);
            }
            match text.parse::<Timestamp>() {
                Ok(instant) if zone.is_some() && !rest.get(1..).is_some_and(|t| t.starts_with("00:00:00")) => {
                    Some(of_instant(instant))
                }
                Ok(_) => Some(date),
                Err(_) => text.parse::<DateTime>().ok().map(|local| local.date()),
            }
        }
        DatePattern::Compact => {
            let digits = text.bytes().all(|b| b.is_ascii_digit()) && matches!(text.len(), 8 | 14);
            if !digits {
                return None;
            }
            if text.len() == 14 {
                strtime::parse("%Y%m%d%H%M%S", text).ok()?.to_datetime().ok().map(|local| local.date())
            } else {
                strtime::parse("%Y%m%d", text).ok()?.to_date().ok()
            }
        }
        DatePattern::EpochMs => epoch(text).and_then(|n| Timestamp::from_millisecond(n).ok()).map(of_instant),
        DatePattern::EpochS => epoch(text).and_then(|n| Timestamp::from_second(n).ok()).map(of_instant),
        DatePattern::Pattern(pattern) => strtime::parse(pattern, text).ok()?.to_date().ok(),
    }
}

fn instant_of(text: &str, pattern: &DatePattern, zone: &TimeZone) -> Option<Timestamp> {
    let local = |at: DateTime| at.to_zoned(zone.clone()).ok().map(|z| z.timestamp());
    match pattern {
        DatePattern::Iso => {
            iso_day(text.get(..10)?)?;
            match text.parse::<Timestamp>() {
                Ok(instant) => Some(instant),
                Err(_) => text.parse::<DateTime>().ok().and_then(local),
            }
        }
        DatePattern::Compact if text.len() == 14 => {
            local(strtime::parse("%Y%m%d%H%M%S", text).ok()?.to_datetime().ok()?)
        }
        DatePattern::EpochMs => epoch(text).and_then(|n| Timestamp::from_millisecond(n).ok()),
        DatePattern::EpochS => epoch(text).and_then(|n| Timestamp::from_second(n).ok()),
        DatePattern::Pattern(pattern) => {
            let broken = strtime::parse(pattern, text).ok()?;
            broken
                .to_timestamp()
                .ok()
                .or_else(|| broken.to_datetime().ok().and_then(local))
                .or_else(|| broken.to_date().ok().and_then(|date| local(date.at(0, 0, 0, 0))))
        }
        DatePattern::Compact => date_of(text, pattern, None).and_then(|date| local(date.at(0, 0, 0, 0))),
    }
}

/// `2025-03-10`, strictly: jiff alone would also take other ISO forms that JAGGAER was never seen to send.
fn iso_day(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let shape = parts.next().is_none() && year.len() == 4 && month.len() == 2 && day.len() == 2;
    let digits = [year, month, day].iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    if !shape || !digits {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// Seconds or milliseconds since 1970: at least nine digits, so that no year and no compact date is taken for one.
fn epoch(text: &str) -> Option<i64> {
    (text.len() >= 9 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}
