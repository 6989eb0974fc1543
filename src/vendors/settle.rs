//! A write that was read back: what the record says of it, and what both sides agree on since.

use super::compare::{Comparing, same};
use super::merge::{Owed, is_address, says_inactive};
use crate::model::{
    LinkBasis, MasterField, MasterStep, MasterValues, MasterVendor, MasterWrite, MasterWriteKind, Pair, Side,
};

/// What a record says of a write to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReadBack {
    /// It says what was to be written.
    Stands,
    /// It says what it said before; a vendor that was to be created is not there.
    Untouched,
    /// It says something else of these fields: somebody changed it, or a vendor with this id is there already.
    Changed(Vec<MasterField>),
    /// The record that was to be changed is not there.
    Gone,
}

/// Reads a write back from what its record says; `None` where there is no such record.
pub fn read_back(write: &MasterWrite, says: Option<&MasterValues>, comparing: &Comparing) -> ReadBack {
    let Some(says) = says else {
        return match write.kind {
            MasterWriteKind::Create => ReadBack::Untouched,
            MasterWriteKind::Update => ReadBack::Gone,
        };
    };
    let differing = |wanted: &MasterValues| -> Vec<MasterField> {
        let says = |field| says.get(field).cloned().unwrap_or_default();
        wanted.iter().filter(|(field, value)| !same(*field, value, &says(*field), comparing)).map(|it| it.0).collect()
    };
    let missing = differing(&write.set);
    match missing.is_empty() {
        true => ReadBack::Stands,
        false if write.kind == MasterWriteKind::Update && differing(&write.expected).is_empty() => ReadBack::Untouched,
        false => ReadBack::Changed(missing),
    }
}

/// Why a write to Intacct may not go any more, though its fields still say what it was made for: it would set a vendor inactive to
/// whom something is owed by now, or change an address to which cheques go by now. It is not sent, and the pair is compared anew.
/// `known` is the vendor that it was made for.
pub fn forbidden(write: &MasterWrite, vendor: &MasterVendor, known: Option<&MasterVendor>) -> Option<String> {
    let id = vendor.id.safe();
    if Owed::to(vendor) == Owed::Something && write.set.iter().any(|(field, value)| says_inactive(field, value)) {
        return Some(format!("something is owed to vendor {id} by now, so it is not set inactive"));
    }
    let new = vendor.paid_at_address && known.is_some_and(|known| !known.paid_at_address);
    (new && write.set.iter().any(|(field, _)| is_address(field)))
        .then(|| format!("cheques go to the address of vendor {id} by now, so it is not changed without a person"))
}

/// The side took a write: what was written is agreed on from now on, and a vendor that was created is linked. To be called where
/// the write was read back, and also where the side had said yes and the record was changed since: that change is then one side's
/// change, and not taken for the state before.
///
/// A value that a person made up is agreed on only once both sides say it.
pub fn agree(pair: &mut Pair, write: &MasterWrite, comparing: &Comparing) {
    for (field, value) in write.set.iter() {
        let of_a_person = pair.decisions.iter().any(|decision| {
            let other = match write.to {
                Side::Intacct => &decision.jaggaer,
                Side::Jaggaer => &decision.intacct,
            };
            decision.field == field
                && same(field, &decision.value, value, comparing)
                && !same(field, other, value, comparing)
        });
        let offered = write.to == Side::Jaggaer || pair.supplier.values.get(field).is_some();
        if offered && !of_a_person {
            pair.agreed.set(field, Some(value.clone()));
        }
    }
    if write.kind == MasterWriteKind::Create {
        pair.vendor = Some(write.target.clone());
        pair.basis = Some(LinkBasis::Created);
        pair.suggestions.clear();
    }
}

/// The write of a pair to a side.
pub fn write_to(pair: &Pair, side: Side) -> Option<&MasterWrite> {
    match side {
        Side::Intacct => pair.to_intacct.as_deref(),
        Side::Jaggaer => pair.to_jaggaer.as_deref(),
    }
}

/// The write of a pair to a side that may have left: nothing replaces it before it is settled.
pub fn under_way(pair: &Pair, side: Side) -> Option<&MasterWrite> {
    write_to(pair, side).filter(|write| write.step != MasterStep::Queued)
}
