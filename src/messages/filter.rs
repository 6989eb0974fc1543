//! The words in which a person writes a filter: `state:failed class:data vendor:V-100 harbor`.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Filter;
use crate::model::{Class, ReasonCode, State, Timestamp, safe};

/// The words that a filter knows, for help texts and error messages.
pub const FILTER_WORDS: &str = "state:failed,held  vendor:SUPPLIER  since:2026-11-01 (or 3d, 2h)  reason:CODE  class:data  flagged  and any \
                                other words as text; quote what has blanks or a colon";

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

impl Filter {
    /// Reads a filter. Words stand apart by blanks and all have to hold: `state:` one or several states with commas, `vendor:`
    /// a supplier number, `since:` as [`parse_since`] has it, `reason:` a reason's code, `class:` a class of error, `flagged`;
    /// everything else is text to look for. What has blanks or a colon is put in double quotes.
    pub fn parse(words: &str, now: Timestamp, zone: &TimeZone) -> Result<Filter, String> {
        let mut filter = Filter::default();
        let mut texts: Vec<String> = Vec::new();
        for token in tokens(words)? {
            match (token.key.as_deref(), token.value) {
                (None, word) if !token.quoted && word == "flagged" => filter.flagged = true,
                (None, word) => texts.push(word),
                (Some("state"), value) => {
                    for word in value.split(',').map(str::trim).filter(|word| !word.is_empty()) {
                        let state = parse_state(word)?;
                        if !filter.states.contains(&state) {
                            filter.states.push(state);
                        }
                    }
                }
                (Some("vendor"), value) => filter.vendor = Some(filled("vendor", value)?),
                (Some("since"), value) => filter.since = Some(parse_since(&value, now, zone)?),
                (Some("reason"), value) => filter.reason = Some(parse_reason(&value)?),
                (Some("class"), value) => filter.class = Some(parse_class(&value)?),
                (Some("text"), value) => texts.push(value),
                (Some("is"), value) if value == "flagged" => filter.flagged = true,
                (Some(key), _) => {
                    return Err(format!(
                        "`{}:` is no filter word; known are {FILTER_WORDS}. To look for it as text, put it in double quotes",
                        safe(key)
                    ));
                }
            }
        }
        texts.retain(|text| !text.is_empty());
        if !texts.is_empty() {
            filter.text = Some(texts.join(" "));
        }
        Ok(filter)
    }
}

/// Reads a state by its word or label.
pub fn parse_state(word: &str) -> Result<State, String> {
    State::parse(word)
        .or_else(|| State::parse(&word.replace('-', "_")))
        .ok_or_else(|| unknown("state", word, &State::ALL.map(State::word)))
}

/// Reads a reason by its code.
pub fn parse_reason(word: &str) -> Result<ReasonCode, String> {
    ReasonCode::ALL.iter().copied().find(|code| code.word() == word).ok_or_else(|| {
        let known: Vec<_> = ReasonCode::ALL.iter().map(|code| code.word()).collect();
        unknown("reason's code", word, &known)
    })
}

/// Reads a class of error by the word that is shown (`busy`) or the one in JSON (`backoff`).
pub fn parse_class(word: &str) -> Result<Class, String> {
    CLASSES
        .into_iter()
        .find(|class| class.word() == word || json_word(*class) == word)
        .ok_or_else(|| unknown("class of errors", word, &CLASSES.map(Class::word)))
}

/// Names the nearest known word, or all where none is near.
pub(super) fn unknown(what: &str, word: &str, known: &[&'static str]) -> String {
    let near = known.iter().map(|known| (strsim::jaro_winkler(known, word), known)).max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((likeness, near)) if likeness > 0.7 => {
            format!("`{}` is no {what}: did you mean `{near}`?", safe(word))
        }
        _ => format!("`{}` is no {what}; known are {}", safe(word), known.join(", ")),
    }
}

/// Reads a date (from its midnight in `zone`), an instant, or days and hours back from `now`: `3d`, `2h`.
pub fn parse_since(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, String> {
    let fault =
        || format!("`{}` is no date: write 2026-11-01, an instant (2026-11-01T08:00:00Z), 3d or 2h", safe(text));
    if let Ok(instant) = Timestamp::from_str(text) {
        return Ok(instant);
    }
    if let Ok(date) = Date::from_str(text) {
        return date.to_zoned(zone.clone()).map(|zoned| zoned.timestamp()).map_err(|_| fault());
    }
    let hours = match (text.strip_suffix('d'), text.strip_suffix('h')) {
        (Some(days), _) => days.parse::<i64>().ok().and_then(|days| days.checked_mul(24)),
        (_, Some(hours)) => hours.parse::<i64>().ok(),
        _ => None,
    };
    let hours = hours.filter(|hours| (0..=240_000).contains(hours)).ok_or_else(fault)?;
    now.checked_sub(SignedDuration::from_hours(hours)).map_err(|_| fault())
}

fn json_word(class: Class) -> &'static str {
    match class {
        Class::Refresh => "refresh",
        Class::Backoff => "backoff",
        Class::Bug => "bug",
        other => other.word(),
    }
}

fn filled(key: &str, value: String) -> Result<String, String> {
    if value.is_empty() { Err(format!("`{key}:` needs a value behind the colon")) } else { Ok(value) }
}

impl fmt::Display for Filter {
    /// The filter in its words: [`Filter::parse`] reads the same filter from it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<String> = Vec::new();
        if !self.states.is_empty() {
            let states: Vec<_> = self.states.iter().map(|state| state.word()).collect();
            words.push(format!("state:{}", states.join(",")));
        }
        words.extend(self.vendor.iter().map(|vendor| format!("vendor:{}", quoted(vendor))));
        words.extend(self.since.iter().map(|since| format!("since:\"{since}\"")));
        words.extend(self.reason.iter().map(|reason| format!("reason:{}", reason.word())));
        words.extend(self.class.iter().map(|class| format!("class:{}", class.word())));
        if self.flagged {
            words.push("flagged".to_owned());
        }
        words.extend(self.text.iter().map(|text| quoted(text)));
        f.write_str(&words.join(" "))
    }
}

/// Puts a value in double quotes where it would be read otherwise without them.
pub(super) fn quoted(value: &str) -> String {
    let plain = !value.is_empty()
        && value != "flagged"
        && value.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
    if plain { value.to_owned() } else { format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")) }
}

pub(super) struct Token {
    pub(super) key: Option<String>,
    pub(super) value: String,
    pub(super) quoted: bool,
}

/// Splits at blanks outside quotes; a colon outside quotes ends a key.
pub(super) fn tokens(words: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = words.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.peek().is_none() {
            return Ok(tokens);
        }
        let mut token = Token { key: None, value: String::new(), quoted: false };
        while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
            match c {
                '"' => {
                    token.quoted = true;
                    loop {
                        match chars.next() {
                            Some('"') => break,
                            Some('\\') => token.value.extend(chars.next()),
                            Some(c) => token.value.push(c),
                            None => return Err("a double quote is opened and never closed".to_owned()),
                        }
                    }
                }
                ':' if token.key.is_none() && !token.quoted => token.key = Some(std::mem::take(&mut token.value)),
                c => token.value.push(c),
            }
        }
        tokens.push(token);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(words: &str) -> Result<Filter, String> {
        Filter::parse(words, "2026-11-20T12:00:00Z".parse().unwrap(), &TimeZone::UTC)
    }

    #[test]
    fn the_words_of_the_help_are_understood() {
        let filter = read("state:failed,held class:data vendor:\"V 100\" since:2026-11-01 harbor lab flagged");
        let filter = filter.unwrap();
        assert_eq!(filter.states, [State::Failed, State::Held]);
        assert_eq!(filter.class, Some(Class::Data));
        assert_eq!(filter.vendor.as_deref(), Some("V 100"));
        assert_eq!(filter.since.unwrap().to_string(), "2026-11-01T00:00:00Z");
        assert_eq!(filter.text.as_deref(), Some("harbor lab"));
        assert!(filter.flagged);
        assert_eq!(read("since:2d").unwrap().since, Some("2026-11-18T12:00:00Z".parse().unwrap()));
        assert_eq!(read("class:busy").unwrap().class, read("class:backoff").unwrap().class);
        assert_eq!(read("  ").unwrap(), Filter::default());
    }

    #[test]
    fn what_is_not_understood_is_an_error_that_names_it() {
        for (words, named) in [
            ("stat:failed", "`stat:`"),
            ("state:hold", "`hold` is no state: did you mean `held`?"),
            ("state:xyz", "known are not_approved, before_cutover, held"),
            ("since:99999999999999999d", "is no date"),
            ("reason:vendor_unknwn", "vendor_unknown"),
            ("class:odd", "`odd`"),
            ("since:yesterday", "`yesterday`"),
            ("vendor:", "`vendor:`"),
            ("\"open", "never closed"),
            ("\u{1b}[2J:x", "‹U+001B›"),
        ] {
            let error = read(words).unwrap_err();
            assert!(error.contains(named), "{words}: {error}");
        }
    }

    fn filters() -> impl Strategy<Value = Filter> {
        let word = prop::option::of("[^\\p{Cc}]{1,12}");
        let states = prop::sample::subsequence(State::ALL.to_vec(), 0..=4);
        let reason = prop::option::of(prop::sample::select(ReasonCode::ALL.to_vec()));
        let class = prop::option::of(prop::sample::select(CLASSES.to_vec()));
        let since = prop::option::of((0i64..4_000_000_000).prop_map(|s| Timestamp::from_second(s).unwrap()));
        (states, word.clone(), since, word, reason, class, any::<bool>()).prop_map(
            |(states, vendor, since, text, reason, class, flagged)| Filter {
                states,
                vendor,
                since,
                text,
                reason,
                class,
                flagged,
            },
        )
    }

    proptest! {
        #[test]
        fn a_filter_is_read_back_from_its_own_words(filter in filters()) {
            prop_assert_eq!(read(&filter.to_string()), Ok(filter));
        }

        #[test]
        fn no_words_make_it_panic(words in ".*") {
            let _ = read(&words);
        }
    }
}
