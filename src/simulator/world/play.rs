//! What happens by itself while the simulators run: invoices that come up, and changes that follow a bill.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::World;
use crate::simulator::gateway::{Gateway, Person};
use crate::simulator::procurement::{Change, Procurement};

/// A change in JAGGAER that follows once a bill stands in the books.
#[derive(Clone, Debug, PartialEq)]
pub struct Reaction {
    /// VENDORID of the bill.
    pub vendor: String,
    /// Its number.
    pub number: String,
    /// The change.
    pub change: Change,
}

/// What happens by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// In JAGGAER.
    Jaggaer(Change),
    /// A person does it in Intacct.
    Intacct(Person),
}

/// Something that happens so many milliseconds after the beginning.
#[derive(Clone, Debug, PartialEq)]
pub struct Later {
    /// Milliseconds.
    pub after_ms: i64,
    /// What.
    pub event: Event,
}

/// What is still to happen.
#[derive(Clone, Debug, Default)]
pub struct Play {
    arrivals: Vec<(Timestamp, Event)>,
    reactions: Vec<Reaction>,
}

/// Over so many milliseconds the later invoices come up, after so many in the beginning.
const SPREAD: (i64, i64) = (8_000, 1_000);

impl Play {
    pub(super) fn begin(world: &World, now: Timestamp, later: bool, procurement: &mut Procurement) -> Play {
        let first_later = if later { world.first_later.min(world.invoices.len()) } else { world.invoices.len() };
        let (first, rest) = world.invoices.split_at(first_later);
        first.iter().for_each(|document| procurement.put(Arc::clone(&document.text)));
        let mut arrivals = Vec::new();
        for (position, document) in rest.iter().enumerate() {
            let share = SPREAD.0 * position as i64 / rest.len().max(1) as i64;
            let at = now.checked_add(SignedDuration::from_millis(SPREAD.1 + share)).unwrap_or(now);
            let mut detail = document.value();
            let approved = detail.pointer("/header/paymentStatus") == Some(&json!("Payable"))
                && detail.pointer("/header/workflowStatus") == Some(&json!("Completed"));
            // Every other one is there before and is approved, the rest comes up approved.
            if approved && position % 2 == 0 {
                if let Some(status) = detail.pointer_mut("/header/paymentStatus") {
                    *status = json!("InProcess");
                }
                procurement.put(detail.to_string());
                arrivals.push((at, Event::Jaggaer(Change::Approve(document.id))));
            } else {
                arrivals.push((at, Event::Jaggaer(Change::Add(detail))));
            }
        }
        for Later { after_ms, event } in world.later.iter().filter(|_| later) {
            let at = now.checked_add(SignedDuration::from_millis(*after_ms)).unwrap_or(now);
            arrivals.push((at, event.clone()));
        }
        arrivals.sort_by_key(|(at, _)| *at);
        Play { arrivals, reactions: world.reactions.clone() }
    }

    /// Lets everything happen that is due.
    pub fn step(&mut self, now: Timestamp, gateway: &mut Gateway, procurement: &mut Procurement) {
        let due = self.arrivals.iter().take_while(|(at, _)| *at <= now).count();
        for (_, event) in self.arrivals.drain(..due) {
            match event {
                Event::Jaggaer(change) => drop(procurement.change(now, change)),
                // What a person cannot do any more is left.
                Event::Intacct(person) => drop(gateway.person(now, person)),
            }
        }
        self.reactions.retain(|reaction| {
            let ledger = gateway.ledger();
            let stands = ledger
                .with_number(&reaction.number)
                .filter_map(|record_no| ledger.get(record_no))
                .any(|bill| bill.vendor_id == reaction.vendor && bill.state.stands());
            if stands {
                procurement.change(now, reaction.change.clone());
            }
            !stands
        });
    }

    /// When the next thing happens.
    pub fn next(&self) -> Option<Timestamp> {
        self.arrivals.first().map(|(at, _)| *at)
    }

    /// Whether nothing more will happen by itself.
    pub fn is_over(&self) -> bool {
        self.arrivals.is_empty() && self.reactions.is_empty()
    }
}
