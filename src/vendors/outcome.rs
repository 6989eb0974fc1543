//! What became of a write, as far as the record itself says, and what follows from it.

use super::compare::Comparing;
use super::settle::{ReadBack, forbidden, read_back};
use super::steps::{Change, ROUNDS, Seen};
use crate::model::{MasterStep, MasterVendor, MasterWrite, MasterWriteKind, Side};

/// What a record says of a write to it.
enum Fate {
    /// It says what was to be written.
    Written(Box<Seen>),
    /// It says what it said before; in words.
    Untouched(String),
    /// It says something else, or is not there any more (`None`); in words.
    Moved(Option<Box<Seen>>, String),
}

fn fate(write: &MasterWrite, now: Option<Seen>, comparing: &Comparing) -> Fate {
    let (values, other) = match &now {
        // Another record under the same id is another vendor.
        Some(Seen::Vendor(vendor)) => {
            (Some(&vendor.values), write.record.as_ref().is_some_and(|record| *record != vendor.record))
        }
        Some(Seen::Supplier(supplier)) => (Some(&supplier.values), false),
        None => (None, false),
    };
    let (read, id) = (read_back(write, values, comparing), write.target.safe());
    let now = now.map(Box::new);
    match (read, now) {
        (_, now) if other => Fate::Moved(now, format!("vendor {id} is another record now")),
        (ReadBack::Stands, Some(now)) => Fate::Written(now),
        (ReadBack::Untouched, Some(_)) => Fate::Untouched(format!("{id} still says what it said before")),
        (ReadBack::Untouched | ReadBack::Stands, None) => Fate::Untouched(format!("vendor {id} is not there")),
        (ReadBack::Gone, now) => Fate::Moved(now, format!("{id} is gone")),
        (ReadBack::Changed(_), now) if write.kind == MasterWriteKind::Create => {
            Fate::Moved(now, format!("vendor {id} is there, with other values"))
        }
        (ReadBack::Changed(fields), now) => {
            let fields: Vec<&str> = fields.into_iter().map(|field| field.word()).collect();
            Fate::Moved(now, format!("somebody changed {id} meanwhile: {}", fields.join(", ")))
        }
    }
}

/// What the record as it is now (`None`: there is none) means for a write that was not sent yet; `None` where it may go. `known` is
/// the vendor that it was made for.
pub fn before(
    write: &MasterWrite,
    now: Option<Seen>,
    known: Option<&MasterVendor>,
    comparing: &Comparing,
) -> Option<Change> {
    if let Some(Seen::Vendor(vendor)) = &now
        && let Some(why) = forbidden(write, vendor, known)
    {
        return Some(Change::Moved { now: now.map(Box::new), why });
    }
    match fate(write, now, comparing) {
        Fate::Untouched(_) => None,
        // One that was sent before, was found nowhere and queued again may show all the same.
        Fate::Written(now) if write.kind == MasterWriteKind::Create && write.attempts == 0 => {
            let why = format!("vendor {} is already in Intacct", write.target.safe());
            Some(Change::Moved { now: Some(now), why })
        }
        Fate::Written(now) => Some(Change::Done { now }),
        Fate::Moved(now, why) => Some(moved(write, now, why)),
    }
}

/// The record is another than the write was made for. A supplier that is gone leaves nothing to compare anew: the same write would
/// be made of it again, and again.
fn moved(write: &MasterWrite, now: Option<Box<Seen>>, why: String) -> Change {
    match (write.to, &now) {
        (Side::Jaggaer, None) => {
            Change::GivenUp { why: format!("supplier {} is not there any more", write.target.safe()) }
        }
        _ => Change::Moved { now, why },
    }
}

/// How long a write that was sent was waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waited {
    /// Whatever took effect is visible.
    pub lag: bool,
    /// It can no longer take effect.
    pub quiet: bool,
}

/// What the record as it is now means for a write that was sent. Until it can no longer take effect only seeing it done settles
/// anything, and `None` says to look again later; what the other side said yes to has taken effect already.
pub fn after(write: &MasterWrite, now: Option<Seen>, comparing: &Comparing, waited: Waited) -> Option<Change> {
    let claimed = write.step == MasterStep::Claimed;
    Some(match fate(write, now, comparing) {
        Fate::Written(now) => Change::Done { now },
        Fate::Moved(now, why) if claimed && waited.lag => moved(write, now, why),
        _ if !waited.quiet => return None,
        Fate::Moved(now, why) => moved(write, now, why),
        Fate::Untouched(why) if claimed => {
            Change::GivenUp { why: format!("{} said that it was done, and {why}", write.to.label()) }
        }
        Fate::Untouched(why) if write.rounds + 1 >= ROUNDS => {
            Change::GivenUp { why: format!("{why}, after {ROUNDS} rounds") }
        }
        Fate::Untouched(why) => Change::Absent { why },
    })
}
