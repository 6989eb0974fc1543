//! What was learned of a write of master data, to either side, written into the store: every step with its entry in the trail,
//! in the commit that makes it true.

use super::intake::{Seeing, supplier_seen, vendor_gone, vendor_read_back};
use super::settle::agree;
use crate::model::{
    Attempt, Class, Fault, MasterStep, MasterSupplier, MasterVendor, MasterWrite, MasterWriteKind, Pair, PairId,
    PairState, Reason, ReasonCode, RecordNo, Side, Text, Timestamp,
};
use crate::seams::{Guard, Guards};
use crate::store::{Entry, StoreError, Tx};

/// A record of one side, as it was read back.
#[derive(Clone, Debug)]
pub enum Seen {
    /// Intacct's.
    Vendor(MasterVendor),
    /// JAGGAER's.
    Supplier(MasterSupplier),
}

/// A step that was taken or learned.
#[derive(Clone, Debug)]
pub enum Change {
    /// The intent of a send: durable before a byte leaves.
    Intent {
        /// Hash of the frozen function, to be sure that it is still the same write.
        hash: [u8; 32],
        /// Control id of the request.
        request: String,
        /// Epoch of this engine.
        epoch: u64,
    },
    /// The side said yes.
    Claimed {
        /// Intacct's record number.
        record: Option<RecordNo>,
        /// The answer.
        answer: String,
    },
    /// Certainly not executed: back to the queue.
    NotExecuted {
        /// Why.
        why: String,
        /// The answer.
        answer: Option<String>,
        /// Whether it was about this write alone: such refusals are counted.
        alone: bool,
    },
    /// Refused.
    Refused {
        /// Class.
        class: Class,
        /// The side's words.
        fault: Fault,
        /// Title.
        title: String,
        /// The answer.
        answer: String,
    },
    /// Unclear.
    InDoubt {
        /// Why.
        why: String,
        /// What there was of an answer.
        answer: Option<String>,
    },
    /// Read back: the record says what was to be written.
    Done {
        /// The record.
        now: Box<Seen>,
    },
    /// The record is another than the write was made for: the write is given up, and the pair compared anew.
    Moved {
        /// The record as it is now; `None`: there is none.
        now: Option<Box<Seen>>,
        /// Why.
        why: String,
    },
    /// Looked for after the quiet time and certainly without effect.
    Absent {
        /// What was seen.
        why: String,
    },
    /// A person must look.
    GivenUp {
        /// Why.
        why: String,
    },
}

/// Not executed this often in a row for reasons of its own, or without effect in so many rounds: a person looks at it.
const PATIENCE: u32 = 5;
pub(super) const ROUNDS: u32 = 3;

impl Change {
    /// Whether it may be applied to a write that is so far.
    fn fits(&self, step: MasterStep) -> bool {
        match self {
            Change::Intent { .. } => step == MasterStep::Queued,
            Change::Claimed { .. } | Change::NotExecuted { .. } | Change::Refused { .. } | Change::InDoubt { .. } => {
                step == MasterStep::Sent
            }
            Change::Done { .. } | Change::Moved { .. } | Change::GivenUp { .. } => step != MasterStep::Sent,
            Change::Absent { .. } => matches!(step, MasterStep::Claimed | MasterStep::InDoubt),
        }
    }
}

/// Applies a change to the write of a pair to one side. Returns whether it still fitted: a person or a poll may have been
/// quicker.
pub fn apply<G: Guards>(
    tx: &mut Tx<'_>,
    seeing: &Seeing,
    to: Side,
    id: PairId,
    change: &Change,
) -> Result<bool, StoreError> {
    let Some(mut pair) = tx.pair(id)? else { return Ok(false) };
    let place = match to {
        Side::Intacct => &mut pair.to_intacct,
        Side::Jaggaer => &mut pair.to_jaggaer,
    };
    let Some(mut write) = place.take().filter(|write| change.fits(write.step)) else { return Ok(false) };
    let (at, control, side) = (seeing.at, write.control_id.clone(), to.label());
    let entry =
        |pair: &Pair, event, what: String| Entry::of_pair(pair, at, seeing.who.clone(), event, what).control(&control);
    let target = write.target.clone();
    let what = match (to, write.kind) {
        (Side::Intacct, MasterWriteKind::Create) => "creating the vendor in Intacct",
        (Side::Intacct, MasterWriteKind::Update) => "changing the vendor in Intacct",
        (Side::Jaggaer, _) => "changing the supplier in JAGGAER",
    };
    let (entry, kept) = match change {
        Change::Intent { hash, request, epoch } => {
            // What waits to be compared anew may come to nothing: a decision was taken back, or vendors were stopped.
            if G::hold(Guard::StillWanted) && (*hash != write.hash || tx.is_pended(id)?) {
                return Ok(false);
            }
            write.attempts += 1;
            write.step = MasterStep::Sent;
            write.last_attempt = Some(Attempt { at, epoch: *epoch, request: request.clone() });
            let told = format!("{what}: about to be sent, attempt {}", write.attempts);
            let entry = entry(&pair, "master_intent", told).request(hash).fact("request", request).fact("epoch", epoch);
            (entry, Some(write))
        }
        Change::Claimed { record, answer } => {
            write.step = MasterStep::Claimed;
            write.not_executed = 0;
            write.record = write.record.or_else(|| record.clone());
            let told = match record {
                Some(record) => format!("{what}: {side} answered with record {record}; not yet read back"),
                None => format!("{what}: {side} said yes; not yet read back"),
            };
            (entry(&pair, "master_claimed", told).answered(Some(answer.clone())), Some(write))
        }
        Change::NotExecuted { why, answer, alone } => {
            write.step = MasterStep::Queued;
            write.not_executed += u32::from(*alone);
            if write.not_executed >= PATIENCE {
                let said = format!("not executed {} times in a row: {why}", write.not_executed);
                fail(&mut pair, at, to, Class::Backoff, Fault { errorno: Text::default(), said: Text::new(said) });
                let told = format!("{what}: given to a person: {why}");
                (entry(&pair, "master_failed", told).answered(answer.clone()), None)
            } else {
                let told = format!("{what}: certainly not executed, back in the queue: {why}");
                (entry(&pair, "master_not_executed", told).answered(answer.clone()), Some(write))
            }
        }
        Change::Refused { class, fault, title, answer } => {
            fail(&mut pair, at, to, *class, fault.clone());
            let told = format!("{what}: {title}: {}: {}", fault.errorno.raw(), fault.said.raw());
            (entry(&pair, "master_refused", told).answered(Some(answer.clone())), None)
        }
        Change::InDoubt { why, answer } => {
            write.step = MasterStep::InDoubt;
            let told = format!("{what}: no trustworthy answer: {why}");
            (entry(&pair, "master_in_doubt", told).answered(answer.clone()), Some(write))
        }
        Change::Done { .. } => {
            agree(&mut pair, &write, &seeing.comparing);
            if write.kind == MasterWriteKind::Create {
                tx.forget_gone_vendor(write.target.raw())?;
            }
            let names: Vec<&str> = write.set.iter().map(|(field, _)| field.word()).collect();
            let names = names.join(", ");
            let told = match (write.kind, write.attempts) {
                (MasterWriteKind::Create, _) => format!("vendor {} created, read back as written", write.target.safe()),
                (MasterWriteKind::Update, 0) => format!("{what}: it says so already, nothing was sent: {names}"),
                (MasterWriteKind::Update, _) => format!("{what}: read back as written: {names}"),
            };
            let event = match write.kind {
                MasterWriteKind::Create => "vendor_created",
                MasterWriteKind::Update => "master_changed",
            };
            (taken(entry(&pair, event, told), &write), None)
        }
        Change::Moved { now, why } => {
            // What the side took before somebody else changed it was agreed on: the other's change is then a change, and nobody
            // takes it for the state before.
            let took = now.as_ref().is_some_and(|now| took(&write, now));
            if took {
                agree(&mut pair, &write, &seeing.comparing);
                if write.kind == MasterWriteKind::Create {
                    tx.forget_gone_vendor(write.target.raw())?;
                }
            }
            let entry = entry(&pair, "master_moved", format!("{what}: given up, and compared anew: {why}"));
            (if took { taken(entry, &write) } else { entry }, None)
        }
        Change::Absent { why } => {
            write.rounds += 1;
            write.step = MasterStep::Queued;
            let told = format!("{what}: round {}: {why}; it is sent again under the same control id", write.rounds);
            (entry(&pair, "master_absent", told), Some(write))
        }
        Change::GivenUp { why } => {
            fail(&mut pair, at, to, Class::Backoff, Fault { errorno: Text::default(), said: Text::new(why.clone()) });
            (entry(&pair, "master_failed", format!("{what}: a person must look: {why}")), None)
        }
    };
    let settled = kept.is_none();
    match to {
        Side::Intacct => pair.to_intacct = kept,
        Side::Jaggaer => pair.to_jaggaer = kept,
    }
    if matches!(change, Change::Done { .. } | Change::Moved { .. }) {
        pair.settled = Some(at);
    }
    tx.audit(&entry)?;
    tx.save_pair(&mut pair)?;
    match change {
        Change::Done { now } | Change::Moved { now: Some(now), .. } => match &**now {
            Seen::Vendor(vendor) => drop(vendor_read_back(tx, seeing, vendor)?),
            Seen::Supplier(supplier) => drop(supplier_seen(tx, seeing, supplier)?),
        },
        Change::Moved { now: None, .. } if to == Side::Intacct => drop(vendor_gone(tx, target.raw())?),
        _ => {}
    }
    // What is back in the queue is compared anew as well: somebody may have stopped it meanwhile, or another vendor may look like
    // the supplier by now.
    if settled || matches!(change, Change::NotExecuted { .. } | Change::Absent { .. }) {
        tx.pend_pair(id)?;
    }
    Ok(true)
}

/// Tells what a side took.
fn taken(entry: Entry, write: &MasterWrite) -> Entry {
    let values = write.set.iter().map(|(field, value)| (field.word(), value.raw()));
    values.fold(entry.fact("to", write.to.word()), |entry, (field, value)| entry.fact(field, value))
}

/// Whether the side certainly took the write before the record became what it is now.
fn took(write: &MasterWrite, now: &Seen) -> bool {
    let same = match now {
        Seen::Vendor(vendor) => write.record.as_ref() == Some(&vendor.record),
        Seen::Supplier(_) => true,
    };
    write.step == MasterStep::Claimed && same
}

/// Why a pair stands in front of a person whose write was refused or given up.
pub fn refused(side: Side, fault: &Fault) -> Reason {
    let number = if fault.errorno.is_blank() { String::new() } else { format!("{}: ", fault.errorno.raw()) };
    Reason::new(ReasonCode::Refused, format!("{}: {number}{}", side.label(), fault.said.raw()))
}

/// A side refused a write, or it was given up: the pair stands in front of a person with it, beside what the other side refused.
pub fn fail(pair: &mut Pair, at: Timestamp, side: Side, class: Class, fault: Fault) {
    pair.faults.retain(|(known, ..)| *known != side);
    pair.faults.push((side, class, fault));
    pair.reasons = pair.faults.iter().map(|(side, _, fault)| refused(*side, fault)).collect();
    if pair.state != PairState::Failed {
        pair.since = at;
    }
    pair.state = PairState::Failed;
}
