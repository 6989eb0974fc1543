//! The filter as a person types it: `state:held vendor:V-10 since:2026-11-01 pipette`.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::messages::Filter;
use crate::model::{Class, ReasonCode, State, safe};

const CLASSES: [Class; 10] = [
    Class::Refresh,
    Class::Backoff,
    Class::Data,
    Class::Period,
    Class::Duplicate,
    Class::Permission,
    Class::Configuration,
    Class::Bug,
    Class::Wrapper,
    Class::Unknown,
];

/// Why a filter cannot be understood.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FilterFault {
    /// A value that is none of the known ones.
    #[error("there is no {what} `{word}`: did you mean `{near}`?")]
    Unknown {
        /// State, reason or class.
        what: &'static str,
        /// What was typed.
        word: String,
        /// The nearest known word.
        near: &'static str,
    },
    /// A key that does not exist.
    #[error("there is no `{0}:`; known are state, vendor, reason, class, since (and `flagged`)")]
    Key(String),
    /// No date.
    #[error("`{0}` is no date: write since:2026-11-01, since:3d or since:2h")]
    Since(String),
    /// A key without a value.
    #[error("`{0}:` wants a value")]
    Empty(String),
}

/// Reads a filter. Dates begin at midnight of `zone`; `3d` and `2h` count back from `now`.
///
/// # Errors
/// The first word that cannot be understood.
pub fn parse(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Filter, FilterFault> {
    let mut filter = Filter::default();
    let mut free: Vec<String> = Vec::new();
    for word in words(text) {
        if word == "flagged" {
            filter.flagged = true;
            continue;
        }
        let Some((key, value)) = word.split_once(':').filter(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase()))
        else {
            free.push(word);
            continue;
        };
        if value.is_empty() {
            return Err(FilterFault::Empty(key.to_owned()));
        }
        match key {
            "state" => {
                for part in value.split(',').filter(|part| !part.is_empty()) {
                    let state =
                        State::parse(part).ok_or_else(|| unknown("state", part, State::ALL.map(State::word)))?;
                    if !filter.states.contains(&state) {
                        filter.states.push(state);
                    }
                }
            }
            "vendor" => filter.vendor = Some(value.to_owned()),
            "reason" => {
                let code = ReasonCode::ALL.iter().find(|code| code.word() == value);
                filter.reason = Some(
                    *code.ok_or_else(|| unknown("reason", value, ReasonCode::ALL.iter().map(|code| code.word())))?,
                );
            }
            "class" => {
                let class = CLASSES.into_iter().find(|class| class.word() == value || stable(*class) == value);
                filter.class = Some(class.ok_or_else(|| unknown("class", value, CLASSES.map(Class::word)))?);
            }
            "since" => filter.since = Some(since(value, now, zone)?),
            _ => return Err(FilterFault::Key(safe(key).into_owned())),
        }
    }
    if !free.is_empty() {
        filter.text = Some(free.join(" "));
    }
    Ok(filter)
}

/// The words of a filter, for people.
pub fn describe(filter: &Filter) -> String {
    let mut words = Vec::new();
    if !filter.states.is_empty() {
        let states: Vec<&str> = filter.states.iter().map(|state| state.word()).collect();
        words.push(format!("state:{}", states.join(",")));
    }
    words.extend(filter.reason.map(|code| format!("reason:{}", code.word())));
    words.extend(filter.class.map(|class| format!("class:{}", class.word())));
    words.extend(filter.vendor.as_ref().map(|vendor| format!("vendor:{}", quoted(vendor))));
    words.extend(filter.since.map(|since| format!("since:{since}")));
    if filter.flagged {
        words.push("flagged".to_owned());
    }
    words.extend(filter.text.as_ref().map(|text| safe(text).into_owned()));
    if words.is_empty() { "everything".to_owned() } else { words.join(" ") }
}

/// What both filters let through, or `None` where nothing can.
pub fn both(base: &Filter, own: &Filter) -> Option<Filter> {
    fn one<T: Clone + PartialEq>(a: &Option<T>, b: &Option<T>) -> Option<Option<T>> {
        match (a, b) {
            (Some(a), Some(b)) if a != b => None,
            (Some(a), _) => Some(Some(a.clone())),
            (None, b) => Some(b.clone()),
        }
    }
    let states = if base.states.is_empty() {
        own.states.clone()
    } else if own.states.is_empty() {
        base.states.clone()
    } else {
        let shared: Vec<State> = base.states.iter().copied().filter(|state| own.states.contains(state)).collect();
        if shared.is_empty() {
            return None;
        }
        shared
    };
    Some(Filter {
        states,
        vendor: one(&base.vendor, &own.vendor)?,
        since: base.since.max(own.since),
        text: one(&base.text, &own.text)?,
        reason: one(&base.reason, &own.reason)?,
        class: one(&base.class, &own.class)?,
        flagged: base.flagged || own.flagged,
    })
}

/// The word of a class in `--json` and scripts.
fn stable(class: Class) -> &'static str {
    match class {
        Class::Refresh => "refresh",
        Class::Backoff => "backoff",
        Class::Bug => "bug",
        other => other.word(),
    }
}

fn quoted(value: &str) -> String {
    let value = safe(value);
    if value.contains(' ') { format!("\"{value}\"") } else { value.into_owned() }
}

fn unknown(what: &'static str, word: &str, known: impl IntoIterator<Item = &'static str>) -> FilterFault {
    let near = known.into_iter().max_by(|a, b| strsim::jaro(a, word).total_cmp(&strsim::jaro(b, word)));
    FilterFault::Unknown { what, word: safe(word).into_owned(), near: near.unwrap_or("held") }
}

fn since(value: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, FilterFault> {
    let fault = || FilterFault::Since(safe(value).into_owned());
    if let Ok(instant) = value.parse::<Timestamp>() {
        return Ok(instant);
    }
    if let Ok(date) = value.parse::<Date>() {
        return date.to_zoned(zone.clone()).map(|zoned| zoned.timestamp()).map_err(|_| fault());
    }
    let hours = match (value.strip_suffix('d'), value.strip_suffix('h')) {
        (Some(days), _) => days.parse::<i64>().ok().and_then(|days| days.checked_mul(24)),
        (_, Some(hours)) => hours.parse::<i64>().ok(),
        _ => None,
    };
    let hours = hours.filter(|hours| (0..=240_000).contains(hours)).ok_or_else(fault)?;
    now.checked_sub(SignedDuration::from_hours(hours)).map_err(|_| fault())
}

/// Words, apart at blanks; quotes hold blanks together.
fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut word = String::new();
    let mut inside = false;
    for letter in text.chars() {
        match letter {
            '"' => inside = !inside,
            letter if letter.is_whitespace() && !inside => {
                if !word.is_empty() {
                    found.push(std::mem::take(&mut word));
                }
            }
            letter => word.push(letter),
        }
    }
    if !word.is_empty() {
        found.push(word);
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Filter, FilterFault> {
        parse(text, "2026-11-20T12:00:00Z".parse().unwrap(), &TimeZone::UTC)
    }

    #[test]
    fn each_word_narrows_what_it_names() {
        let filter = read(
            "state:held,in_doubt vendor:\"V 10\" reason:vendor_unknown class:busy since:2026-11-01 flagged two words",
        )
        .unwrap();
        assert_eq!(filter.states, [State::Held, State::InDoubt]);
        assert_eq!(filter.vendor.as_deref(), Some("V 10"));
        assert_eq!(filter.reason, Some(ReasonCode::VendorUnknown));
        assert_eq!(filter.class, Some(Class::Backoff));
        assert_eq!(filter.since, Some("2026-11-01T00:00:00Z".parse().unwrap()));
        assert_eq!(filter.text.as_deref(), Some("two words"));
        assert!(filter.flagged);
        assert_eq!(read("since:2d").unwrap().since, Some("2026-11-18T12:00:00Z".parse().unwrap()));
        assert_eq!(read("  ").unwrap(), Filter::default());
    }

    #[test]
    fn what_cannot_be_understood_is_named_with_the_nearest_word() {
        assert_eq!(read("state:hold").unwrap_err().to_string(), "there is no state `hold`: did you mean `held`?");
        assert!(read("colour:red").unwrap_err().to_string().contains("there is no `colour:`"));
        assert!(read("since:yesterday").is_err());
        assert!(read("since:99999999999999999d").is_err());
        assert!(read("vendor:").is_err());
    }

    #[test]
    fn two_filters_that_exclude_each_other_leave_nothing() {
        let both = |a: &str, b: &str| both(&read(a).unwrap(), &read(b).unwrap());
        assert_eq!(both("state:held", "state:failed"), None);
        assert_eq!(both("reason:refused", "reason:unreadable"), None);
        assert_eq!(both("state:held,failed", "state:failed acme").unwrap(), read("state:failed acme").unwrap());
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange_to_be_read_or_refused(text in "\\PC{0,60}") {
            if let Ok(filter) = read(&text) {
                prop_assert!(!describe(&filter).chars().any(char::is_control));
            }
        }
    }
}
