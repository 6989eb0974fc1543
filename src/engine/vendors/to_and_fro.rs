//! A value that is written again and again and never stays: two systems rewrite what they get, or two people type against each
//! other. After some times a person is asked, so that it does not go on all night.

use std::collections::BTreeMap;

use crate::model::{MasterField, PairId, Side, Timestamp};
use crate::store::{StoreError, Tx};
use crate::vendors::WantedWrite;

/// So often a side takes one value for one field within a day before a person is asked.
const OFTEN: usize = 3;
/// How long an earlier write counts.
const DAY: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
/// So many entries of a pair's trail are looked at, at most.
const ENTRIES: usize = 1_000;

/// What is read of an entry.
#[derive(serde::Deserialize)]
struct Told {
    at: Timestamp,
    event: String,
    #[serde(default)]
    facts: BTreeMap<String, String>,
}

/// Whether the side took a value of this write so often already that a person is asked, by the pair's trail since a person last
/// acted on it; in words.
pub fn comes_back(
    tx: &Tx<'_>,
    pair: PairId,
    to: Side,
    wanted: &WantedWrite,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let mut taken: BTreeMap<MasterField, usize> = BTreeMap::new();
    for record in tx.audit_tail_of_pair(pair, ENTRIES)? {
        let Ok(told) = serde_json::from_str::<Told>(&record) else { continue };
        let by_person = matches!(&*told.event, "write_retried" | "pair_resolved" | "pair_linked" | "vendor_replaced");
        if by_person || now.duration_since(told.at) > DAY {
            break;
        }
        let takes = matches!(&*told.event, "master_changed" | "master_moved")
            && told.facts.get("to").is_some_and(|side| side == to.word());
        for (field, value) in wanted.set.iter().filter(|_| takes) {
            if told.facts.get(field.word()).is_some_and(|taken| taken == value.raw()) {
                *taken.entry(field).or_default() += 1;
            }
        }
    }
    let often = taken.into_iter().find(|(_, count)| *count >= OFTEN);
    Ok(often.map(|(field, count)| {
        format!(
            "{}: {} took the same value {count} times within a day and said something else each time since; perhaps the two \
             systems rewrite each other's value: let a policy leave the field, or mend one of them, and retry",
            field.label(),
            to.label()
        )
    }))
}
