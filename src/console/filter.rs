//! What filters let through together, and how they are shown. Their words are read by [`Filter::parse`].

use crate::messages::Filter;
use crate::model::{State, safe};

/// The words of a filter, for people.
pub fn describe(filter: &Filter) -> String {
    let words = filter.to_string();
    if words.is_empty() { "everything".to_owned() } else { safe(&words).into_owned() }
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

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;

    fn read(words: &str) -> Result<Filter, String> {
        Filter::parse(words, "2026-11-20T12:00:00Z".parse().unwrap(), &TimeZone::UTC)
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
        fn no_filter_can_move_a_terminal(words in "\\PC{0,60}") {
            if let Ok(filter) = read(&words) {
                prop_assert!(!describe(&filter).chars().any(char::is_control));
            }
        }
    }
}
