//! Bank and payment data: nothing of it is carried over; a change is shown, and graver beside a change of contact data.

use super::compare::{Comparing, same};
use crate::model::{
    MasterField, MasterValues, Pair, PaymentAlert, PaymentItem, PaymentMark, PaymentMarks, Side, Text, Timestamp,
};

/// Contact data that change within so many days of bank data make the alert high.
pub const HIGH_DAYS: i64 = 30;
/// Alerts that are kept of a pair.
pub const ALERTS: usize = 32;

/// What changed between two readings of one side's payment data. The first reading of a record is no change: pass it on both sides.
pub fn changes(side: Side, before: &PaymentMarks, after: &PaymentMarks, at: Timestamp) -> Vec<PaymentAlert> {
    let masked = |mark: Option<&PaymentMark>| mark.map(|mark| mark.masked.clone()).unwrap_or_default();
    PaymentItem::ALL
        .into_iter()
        .filter_map(|item| {
            let (old, new) = (before.get(item), after.get(item));
            let changed = old.map(|mark| mark.digest) != new.map(|mark| mark.digest);
            let (old, new) = (masked(old), masked(new));
            changed.then_some(PaymentAlert { at, side, item, old, new, high: false, seen: None })
        })
        .collect()
}

/// Adds alerts to a pair; each is high if contact data changed shortly before.
pub fn add_alerts(pair: &mut Pair, alerts: Vec<PaymentAlert>) {
    for mut alert in alerts {
        alert.high = alert.high || pair.contact_changed.is_some_and(|changed| is_near(changed, alert.at));
        pair.alerts.push(alert);
    }
    while pair.alerts.len() > ALERTS {
        // What somebody has looked at goes first.
        let oldest = pair.alerts.iter().position(|alert| alert.seen.is_some()).unwrap_or(0);
        pair.alerts.remove(oldest);
    }
}

/// Contact data changed: alerts of the days before become high, and are to be looked at again.
pub fn contact_changed(pair: &mut Pair, at: Timestamp) {
    pair.contact_changed = Some(at);
    for alert in pair.alerts.iter_mut().filter(|alert| !alert.high && is_near(alert.at, at)) {
        alert.high = true;
        alert.seen = None;
    }
}

/// Somebody looked at the alerts of a pair. Returns how many were new to them.
pub fn acknowledge(pair: &mut Pair, who: &str, at: Timestamp) -> usize {
    let mut count = 0;
    for alert in pair.alerts.iter_mut().filter(|alert| alert.seen.is_none()) {
        alert.seen = Some((who.to_owned(), at));
        count += 1;
    }
    count
}

/// The contact fields that changed between two readings of one side. A value that both sides agreed on meanwhile is our own
/// write coming back, and no change.
pub fn contact_changes(
    before: &MasterValues,
    after: &MasterValues,
    agreed: &MasterValues,
    comparing: &Comparing,
) -> Vec<MasterField> {
    let differs = |field: MasterField, one: Option<&Text>, other: Option<&Text>| match (one, other) {
        (Some(one), Some(other)) => !same(field, one, other, comparing),
        // A field that is newly offered, or no longer, says nothing about the supplier.
        _ => false,
    };
    MasterField::ALL
        .into_iter()
        .filter(|field| field.is_contact())
        .filter(|field| {
            let (before, after, agreed) = (before.get(*field), after.get(*field), agreed.get(*field));
            differs(*field, before, after) && (agreed.is_none() || differs(*field, agreed, after))
        })
        .collect()
}

fn is_near(one: Timestamp, other: Timestamp) -> bool {
    one.duration_since(other).abs() <= jiff::SignedDuration::from_hours(HIGH_DAYS * 24)
}
