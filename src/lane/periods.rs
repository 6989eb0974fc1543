//! Closed periods: which there are, and how one document each asks again whether they are open.

use std::collections::BTreeMap;

use crate::model::{Date, DocumentId, ReasonCode, State, Timestamp};
use crate::store::{ClosedPeriod, Meta, Reader, StoreError, Tx, Walk};

/// How long until Intacct is asked again whether a period that it called closed is open.
const PROBE: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// Entity and month, as the store keys closed periods: `100 2026-03`, `* 2026-03` at top level.
pub fn period_key(entity: Option<&str>, date: Date) -> String {
    format!("{} {:04}-{:02}", entity.unwrap_or("*"), date.year(), date.month())
}

/// Whether a date lies in the month of a period's key.
pub fn is_of_period(key: &str, date: Date) -> bool {
    let entity = key.split(' ').next().filter(|entity| *entity != "*");
    period_key(entity, date) == key
}

/// Intacct refused a bill because its period is closed: nothing else is sent into it, and nobody asks for it any more.
pub fn close_period(tx: &mut Tx<'_>, at: Timestamp, key: &str, said: &str) -> Result<(), StoreError> {
    if let Some(mut asking) = tx.meta::<Asking>(Meta::PeriodsAsked)?
        && asking.remove(key).is_some()
    {
        tx.put_meta(Meta::PeriodsAsked, &asking)?;
    }
    tx.put_period(key, Some(&ClosedPeriod { since: at, probed: at, said: said.to_owned() }))
}

/// Documents that ask whether a closed period is open again, by the period's key.
type Asking = BTreeMap<String, DocumentId>;

/// A document that a closed period holds asks again: it alone is not held for it. What else the period holds goes once it went in;
/// otherwise another one asks a day later. A period that holds nothing counts as open until it refuses something.
pub fn ask_period(tx: &mut Tx<'_>, at: Timestamp, key: &str, id: Option<DocumentId>) -> Result<(), StoreError> {
    let Some(period) = tx.closed_period(key)? else { return Ok(()) };
    let mut asking = tx.meta::<Asking>(Meta::PeriodsAsked)?.unwrap_or_default();
    match id {
        Some(id) => {
            asking.insert(key.to_owned(), id);
            tx.put_period(key, Some(&ClosedPeriod { probed: at, ..period }))?;
            tx.mark_pending(id)?;
        }
        None => {
            asking.remove(key);
            tx.put_period(key, None)?;
        }
    }
    tx.put_meta(Meta::PeriodsAsked, &asking)
}

/// Whether this document asks whether a closed period is open again.
pub fn asks_period(tx: &Tx<'_>, key: &str, id: DocumentId) -> Result<bool, StoreError> {
    Ok(tx.meta::<Asking>(Meta::PeriodsAsked)?.is_some_and(|asking| asking.get(key) == Some(&id)))
}

/// A bill went in that asked for its period: it is open, and what it holds may go too.
pub fn period_is_open(tx: &mut Tx<'_>, id: DocumentId) -> Result<(), StoreError> {
    let Some(mut asking) = tx.meta::<Asking>(Meta::PeriodsAsked)? else { return Ok(()) };
    let open: Vec<String> = asking.iter().filter(|(_, of)| **of == id).map(|(key, _)| key.clone()).collect();
    if open.is_empty() {
        return Ok(());
    }
    for key in open {
        asking.remove(&key);
        tx.put_period(&key, None)?;
    }
    tx.put_meta(Meta::PeriodsAsked, &asking)?;
    tx.evaluate_all(&[State::Held]).map(drop)
}

/// Closed periods that are to be asked again, each with a document that it holds: the one behind the one that asked last, which may
/// be held for another reason that nobody sees before this one.
pub fn due_periods(reader: &Reader, now: Timestamp) -> Result<BTreeMap<String, Option<DocumentId>>, StoreError> {
    let closed = reader.closed_periods()?.into_iter();
    let mut due: BTreeMap<_, _> =
        closed.filter(|(_, period)| is_due(period, now)).map(|(key, _)| (key, None)).collect();
    if due.is_empty() {
        return Ok(due);
    }
    let last = reader.meta::<Asking>(Meta::PeriodsAsked)?.unwrap_or_default();
    let is_next = |key: &str, id: DocumentId| last.get(key).is_none_or(|last| id > *last);
    let oldest_first = Walk { oldest_first: true, ..Walk::default() };
    reader.walk(&[State::Held], None, oldest_first, |document| {
        let waits = document.reasons.iter().any(|reason| reason.code == ReasonCode::PeriodClosed);
        let Some(posting) = document.posting.filter(|_| waits) else { return Ok(true) };
        let Some(frozen) = reader.frozen(document.id, posting.generation)? else { return Ok(true) };
        for (key, asks) in due.iter_mut().filter(|(key, _)| is_of_period(key, frozen.bill.posting_date)) {
            match *asks {
                None => *asks = Some(document.id),
                // It asked last; this one comes behind it.
                Some(first) if !is_next(key, first) && is_next(key, document.id) => *asks = Some(document.id),
                Some(_) => {}
            }
        }
        Ok(due.iter().any(|(key, asks)| asks.is_none_or(|id| !is_next(key, id))))
    })?;
    Ok(due)
}

/// Lets each of these periods be asked again by a document that it holds. Returns how many ask.
pub fn open_periods(
    tx: &mut Tx<'_>,
    due: &BTreeMap<String, Option<DocumentId>>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut asked = 0;
    for (key, first) in due {
        if tx.closed_period(key)?.is_some_and(|period| is_due(&period, now)) {
            ask_period(tx, now, key, *first)?;
            asked += u64::from(first.is_some());
        }
    }
    Ok(asked)
}

fn is_due(period: &ClosedPeriod, now: Timestamp) -> bool {
    now.duration_since(period.probed) >= PROBE
}
