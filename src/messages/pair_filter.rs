//! The words in which a person writes which pairs of supplier and vendor a list shows: `state:conflict,held alerted harbor`.

use std::fmt;

use super::PairFilter;
use super::filter::{quoted, tokens, unknown};
use crate::model::{MasterField, PairState, safe};

/// The words that a filter of pairs knows, for help texts and error messages.
pub const PAIR_FILTER_WORDS: &str = "state:conflict,suggested  alerted  and any other words as text in number, id or name; quote what has \
                                     blanks or a colon";

impl PairFilter {
    /// Reads a filter. Words stand apart by blanks and all have to hold: `state:` one or several states with commas, `alerted`;
    /// everything else is text to look for. What has a colon is put in double quotes.
    pub fn parse(words: &str) -> Result<PairFilter, String> {
        let mut filter = PairFilter::default();
        let mut texts: Vec<String> = Vec::new();
        for token in tokens(words)? {
            match (token.key.as_deref(), token.value) {
                (None, word) if !token.quoted && word == "alerted" => filter.alerted = true,
                (None, word) | (Some("text"), word) => texts.push(word),
                (Some("state"), value) => {
                    for word in value.split(',').map(str::trim).filter(|word| !word.is_empty()) {
                        let state = parse_pair_state(word)?;
                        if !filter.states.contains(&state) {
                            filter.states.push(state);
                        }
                    }
                }
                (Some("is"), value) if value == "alerted" => filter.alerted = true,
                (Some(key), _) => {
                    return Err(format!(
                        "`{}:` is no filter word; known are {PAIR_FILTER_WORDS}. To look for it as text, put it in double quotes",
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

impl fmt::Display for PairFilter {
    /// The filter in its words: [`PairFilter::parse`] reads the same filter from it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<String> = Vec::new();
        if !self.states.is_empty() {
            let states: Vec<_> = self.states.iter().map(|state| state.word()).collect();
            words.push(format!("state:{}", states.join(",")));
        }
        if self.alerted {
            words.push("alerted".to_owned());
        }
        words.extend(self.text.iter().map(|text| if text == "alerted" { format!("\"{text}\"") } else { quoted(text) }));
        f.write_str(&words.join(" "))
    }
}

/// Reads a state of a pair.
pub fn parse_pair_state(word: &str) -> Result<PairState, String> {
    PairState::parse(word).ok_or_else(|| unknown("state of a supplier", word, &PairState::ALL.map(PairState::word)))
}

/// Reads a field by its word (`tax_id`), with dashes or as it is shown.
pub fn parse_master_field(word: &str) -> Result<MasterField, String> {
    MasterField::parse(&word.replace('-', "_"))
        .or_else(|| MasterField::ALL.into_iter().find(|field| field.label() == word))
        .ok_or_else(|| unknown("field of a supplier", word, &MasterField::ALL.map(MasterField::word)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_understood_is_an_error_that_names_it() {
        for (words, named) in [
            ("state:conflct", "did you mean `conflict`?"),
            ("stat:held", "`stat:`"),
            ("vendor:V-1", "known are state:conflict"),
            ("\"open", "never closed"),
        ] {
            let error = PairFilter::parse(words).unwrap_err();
            assert!(error.contains(named), "{words}: {error}");
        }
        assert!(parse_master_field("tax-id").is_ok() && parse_master_field("e-mail").is_ok());
        assert!(parse_master_field("phne").unwrap_err().contains("`phone`"));
    }

    proptest! {
        #[test]
        fn a_filter_is_read_back_from_its_own_words(
            states in prop::sample::subsequence(PairState::ALL.to_vec(), 0..=4),
            alerted: bool,
            text in prop::option::of("[^\\p{Cc}]{1,12}"),
        ) {
            let filter = PairFilter { states, alerted, text };
            prop_assert_eq!(PairFilter::parse(&filter.to_string()), Ok(filter));
        }
    }
}
