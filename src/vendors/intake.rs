//! What was read of the two masters, put into the store: each record with its matching keys, every pair that it concerns marked to
//! be evaluated, changes of bank and payment data as alerts.
//!
//! The one file of this room that knows the store. The work grows with what changed and with what looks like it, never with the
//! masters.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::Comparing;
use super::evaluate::Masters;
use super::matching::{COMMON, supplier_keys, tier, vendor_keys};
use super::merge::is_address;
use super::payment::{add_alerts, changes, contact_changed, contact_changes};
use crate::model::{
    Actor, MasterField, MasterSupplier, MasterValues, MasterVendor, MatchTier, Pair, PairId, PaymentMarks, RecordNo,
    ReferenceKind, ReferenceRecord, Required, Side, Timestamp,
};
use crate::store::{Entry, Reader, StoreError, Tx};

macro_rules! masters {
    ($store:ty) => {
        impl Masters for $store {
            type Error = StoreError;

            fn pair(&self, id: PairId) -> Result<Option<Pair>, StoreError> {
                <$store>::pair(self, id)
            }

            fn pair_of_supplier(&self, supplier: &str) -> Result<Option<PairId>, StoreError> {
                <$store>::pair_of_supplier(self, supplier)
            }

            fn pairs_of_vendor(&self, vendor: &str, limit: usize) -> Result<Vec<PairId>, StoreError> {
                <$store>::pairs_of_vendor(self, vendor, limit)
            }

            fn vendor(&self, id: &str) -> Result<Option<MasterVendor>, StoreError> {
                self.master_vendor(id)
            }

            fn matches(&self, key: &str, of: Side, limit: usize) -> Result<Vec<String>, StoreError> {
                <$store>::matches(self, key, of, limit)
            }
        }
    };
}

masters!(Tx<'_>);
masters!(Reader);

/// Who reads, when, and by which rules.
#[derive(Clone, Debug)]
pub struct Seeing {
    /// When it was read.
    pub at: Timestamp,
    /// Who is named in the trail.
    pub who: Actor,
    /// What is no difference.
    pub comparing: Comparing,
}

/// A vendor was read from Intacct. Returns whether it is new or changed.
pub fn vendor_seen(tx: &mut Tx<'_>, seeing: &Seeing, vendor: &MasterVendor) -> Result<bool, StoreError> {
    let known = tx.master_vendor(vendor.id.raw())?;
    let keys = vendor_keys(vendor);
    if known.as_ref() == Some(vendor) {
        return Ok(false);
    }
    let before = match &known {
        Some(known) => Some(known.record.clone()),
        None => tx.gone_vendor(vendor.id.raw())?,
    };
    if let Some(before) = before.filter(|record| *record != vendor.record) {
        replaced(tx, seeing, vendor, &before)?;
    }
    if let Some(known) = &known {
        for id in tx.pairs_of_vendor(vendor.id.raw(), usize::MAX)? {
            let Some(mut pair) = tx.pair(id)? else { continue };
            let version = pair.version;
            if pair.vendor.as_ref() == Some(&vendor.id) {
                if known.values != vendor.values {
                    // What was refused was about other values: what is to be written now is tried.
                    pair.faults.clear();
                }
                if vendor.paid_at_address && !known.paid_at_address {
                    drop_address_decisions(tx, seeing, &mut pair)?;
                }
                let (before, after) = ((&known.values, &known.payment), (&vendor.values, &vendor.payment));
                pair = watch(tx, seeing, pair, Side::Intacct, before, after)?;
            }
            // Who looks at the pair sees other values now: what was decided about the earlier ones is asked again.
            if pair.version == version && known.values != vendor.values {
                tx.save_pair(&mut pair)?;
            }
        }
    }
    tx.save_master_vendor(vendor, &keys)?;
    let before = known.as_ref().map(vendor_keys).unwrap_or_default();
    // Who looked like it and does no more, and who does now. Whom nothing of this changes is among its pairs.
    let keys = before.iter().filter(|key| !keys.contains(key)).chain(keys.iter().filter(|key| !before.contains(key)));
    pend_around(tx, vendor.id.raw(), keys)?;
    Ok(true)
}

/// Cheques go to the vendor's address from now on: who decided about it did so before, and is asked again.
fn drop_address_decisions(tx: &mut Tx<'_>, seeing: &Seeing, pair: &mut Pair) -> Result<(), StoreError> {
    let about: Vec<&str> = pair.decisions.iter().filter(|it| is_address(it.field)).map(|it| it.field.label()).collect();
    if about.is_empty() {
        return Ok(());
    }
    let what = format!("not decided any more: {}: cheques go to the vendor's address now", about.join(", "));
    tx.audit(&Entry::of_pair(pair, seeing.at, seeing.who.clone(), "decision_dropped", what))?;
    pair.decisions.retain(|decision| !is_address(decision.field));
    tx.save_pair(pair)
}

/// A vendor was deleted in Intacct, and another one stands under its id: what was agreed with the earlier one says nothing of it.
/// Nobody changed what it says; it is met for the first time.
fn replaced(tx: &mut Tx<'_>, seeing: &Seeing, vendor: &MasterVendor, before: &RecordNo) -> Result<(), StoreError> {
    for id in tx.pairs_linked_with(vendor.id.raw())? {
        let Some(mut pair) = tx.pair(id)? else { continue };
        if pair.agreed == MasterValues::default() {
            continue;
        }
        pair.agreed = MasterValues::default();
        let (id, now) = (vendor.id.safe(), &vendor.record.0);
        let what = format!(
            "vendor {id} is another record in Intacct now, {now} instead of {}: it is compared as at a first meeting",
            before.0
        );
        tx.audit(&Entry::of_pair(&pair, seeing.at, seeing.who.clone(), "vendor_replaced", what))?;
        tx.save_pair(&mut pair)?;
        tx.pend_pair(pair.id)?;
    }
    Ok(())
}

/// A vendor was read back or looked at by itself: as [`vendor_seen`], and what bills may name is known at once, so that invoices
/// that wait for it need not wait for the next reading of all vendors.
pub fn vendor_read_back(tx: &mut Tx<'_>, seeing: &Seeing, vendor: &MasterVendor) -> Result<bool, StoreError> {
    let filled = |field| Some(vendor.values.raw(field).trim().to_owned()).filter(|value| !value.is_empty());
    tx.put_reference(&ReferenceRecord {
        kind: ReferenceKind::Vendor,
        id: vendor.id.raw().to_owned(),
        name: vendor.values.get(MasterField::Name).cloned().unwrap_or_default(),
        active: vendor.values.raw(MasterField::Status).eq_ignore_ascii_case("active"),
        required: Required::default(),
        due_days: None,
        parent: filled(MasterField::Terms),
        currency: filled(MasterField::Currency),
        starts: None,
        ends: None,
    })?;
    vendor_seen(tx, seeing, vendor)
}

/// A reading: whatever it shows stood there at some moment of it, by our own clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reading {
    /// When it began, and so much earlier as lists take to show what was written.
    pub from: Timestamp,
    /// When it was taken in.
    pub to: Timestamp,
}

impl Reading {
    /// Whether it may be from before what was read back at that moment. What our clock calls later than the end of the reading was
    /// read back before the clock was set back.
    fn may_be_before(&self, settled: Option<Timestamp>) -> bool {
        settled.is_some_and(|settled| (self.from..=self.to).contains(&settled))
    }
}

/// What came of records that a flow read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Taken {
    /// New or changed.
    pub news: u64,
    /// Not taken, because they were read back since: they are to be read again.
    pub left_out: u64,
}

/// Vendors as a flow read them, but those that were read back after a write since its reading began: what it shows of them may
/// be from before the write, and would look as if somebody had taken it back, on both sides at once.
pub fn vendors_read(
    tx: &mut Tx<'_>,
    seeing: &Seeing,
    reading: Reading,
    vendors: &[MasterVendor],
) -> Result<Taken, StoreError> {
    let mut taken = Taken::default();
    for vendor in vendors {
        let known = tx.master_vendor(vendor.id.raw())?;
        let later = is_later(vendor.modified, known.and_then(|known| known.modified));
        match !later && is_vendor_from_before(tx, vendor.id.raw(), reading)? {
            true => taken.left_out += 1,
            false => taken.news += u64::from(vendor_seen(tx, seeing, vendor)?),
        }
    }
    Ok(taken)
}

/// Suppliers as a flow read them, as [`vendors_read`].
pub fn suppliers_read(
    tx: &mut Tx<'_>,
    seeing: &Seeing,
    reading: Reading,
    suppliers: &[MasterSupplier],
) -> Result<Taken, StoreError> {
    let mut taken = Taken::default();
    for supplier in suppliers {
        match is_supplier_from_before(tx, supplier, reading)? {
            true => taken.left_out += 1,
            false => taken.news += u64::from(supplier_seen(tx, seeing, supplier)?),
        }
    }
    Ok(taken)
}

/// Whether a record was changed after the one that is known, by the clock of its own system: then it is no older reading, whatever
/// our clock says, which may have been wrong when a write was read back.
fn is_later(now: Option<Timestamp>, known: Option<Timestamp>) -> bool {
    matches!((now, known), (Some(now), Some(known)) if now > known)
}

/// Vendors that a complete list does not have any more.
pub fn vendors_vanished(tx: &mut Tx<'_>, reading: Reading, vendors: &BTreeSet<String>) -> Result<(), StoreError> {
    for id in vendors {
        if !is_vendor_from_before(tx, id, reading)? {
            vendor_gone(tx, id)?;
        }
    }
    Ok(())
}

/// A complete list of the vendors that bills may name. One that was read back meanwhile stays as it was
/// read back: invoices that wait for it would be held again until the next list. Returns how many are new, changed or gone.
pub fn vendors_listed(tx: &mut Tx<'_>, reading: Reading, list: &[ReferenceRecord]) -> Result<u64, StoreError> {
    let listed: BTreeMap<&str, &ReferenceRecord> = list.iter().map(|record| (record.id.as_str(), record)).collect();
    let mut kept = tx.reference_of(ReferenceKind::Vendor)?;
    kept.retain(|record| listed.get(record.id.as_str()) != Some(&record));
    let mut news = tx.replace_reference(ReferenceKind::Vendor, list)?;
    for record in kept {
        if is_vendor_from_before(tx, &record.id, reading)? && tx.put_reference(&record)? {
            news = news.saturating_sub(1);
        }
    }
    Ok(news)
}

/// Whether a reading may show a vendor as it was before a write was read back.
fn is_vendor_from_before(tx: &Tx<'_>, id: &str, reading: Reading) -> Result<bool, StoreError> {
    for pair in tx.pairs_linked_with(id)? {
        if tx.pair(pair)?.is_some_and(|pair| reading.may_be_before(pair.settled)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The same of a supplier, unless what was read of it says itself that it is later.
fn is_supplier_from_before(tx: &Tx<'_>, supplier: &MasterSupplier, reading: Reading) -> Result<bool, StoreError> {
    let Some(pair) = tx.pair_of_supplier(supplier.id.raw())? else { return Ok(false) };
    let Some(pair) = tx.pair(pair)? else { return Ok(false) };
    let later = is_later(supplier.modified, pair.supplier.modified);
    Ok(!later && reading.may_be_before(pair.settled))
}

/// A vendor is not in Intacct any more. Returns whether it was known.
pub fn vendor_gone(tx: &mut Tx<'_>, id: &str) -> Result<bool, StoreError> {
    let Some(known) = tx.master_vendor(id)? else { return Ok(false) };
    tx.remove_master_vendor(&known)?;
    pend_around(tx, id, vendor_keys(&known).iter())?;
    Ok(true)
}

/// A supplier was read from JAGGAER: its pair begins, or says what it says now. Returns whether it is new or changed.
pub fn supplier_seen(tx: &mut Tx<'_>, seeing: &Seeing, supplier: &MasterSupplier) -> Result<bool, StoreError> {
    let known = match tx.pair_of_supplier(supplier.id.raw())? {
        Some(id) => tx.pair(id)?,
        None => None,
    };
    let mut around = BTreeSet::new();
    let mut keys = supplier_keys(supplier);
    let id = match known {
        Some(pair) if pair.supplier == *supplier => return Ok(false),
        Some(pair) => {
            around.extend(pair.supplier.merged_into.clone());
            let (before, id) = (pair.supplier.clone(), pair.id);
            around.extend(supplier.merged_into.clone());
            let old = supplier_keys(&before);
            let says = ((&before.values, &before.payment), (&supplier.values, &supplier.payment));
            let mut pair = watch(tx, seeing, pair, Side::Jaggaer, says.0, says.1)?;
            if before.values != supplier.values || before.number != supplier.number {
                pair.faults.clear();
            }
            pair.supplier = supplier.clone();
            tx.save_pair(&mut pair)?;
            tx.set_match_keys(Side::Jaggaer, supplier.id.raw(), &keys)?;
            keys.extend(old);
            // Who else has to do with its vendors hears of it: it may be inactive or merged now.
            for suggestion in &pair.suggestions {
                pend_named(tx, suggestion.vendor.raw(), id)?;
            }
            if let Some(vendor) = &pair.vendor {
                match before.merged_into != supplier.merged_into {
                    true => pend_taken(tx, vendor.raw())?,
                    false => pend_named(tx, vendor.raw(), id)?,
                }
            }
            id
        }
        None => {
            around.extend(supplier.merged_into.clone());
            let mut pair = Pair::new(tx.next_pair()?, supplier.clone(), seeing.at);
            tx.save_pair(&mut pair)?;
            let what = format!("supplier {} seen for the first time", pair.label());
            tx.audit(&Entry::of_pair(&pair, seeing.at, seeing.who.clone(), "supplier_seen", what))?;
            tx.set_match_keys(Side::Jaggaer, supplier.id.raw(), &keys)?;
            pair.id
        }
    };
    tx.pend_pair(id)?;
    for key in &keys {
        pend_matching(tx, key)?;
    }
    for other in around {
        if let Some(id) = tx.pair_of_supplier(other.raw())? {
            tx.pend_pair(id)?;
        }
    }
    pend_merged(tx, supplier.id.raw())?;
    Ok(true)
}

/// A pair changed whom it is linked with or what is suggested for it, or claims nothing any more: others that have to do with the
/// same vendors or look like it are to be evaluated.
pub fn pend_neighbours(tx: &mut Tx<'_>, before: &Pair, after: &Pair) -> Result<(), StoreError> {
    let vendors = |pair: &Pair| -> BTreeSet<String> {
        let suggested = pair.suggestions.iter().map(|suggestion| &suggestion.vendor);
        pair.vendor.iter().chain(suggested).chain(&pair.refused).map(|vendor| vendor.raw().to_owned()).collect()
    };
    let claims = |pair: &Pair| {
        let suggested: Vec<_> = pair.suggestions.iter().map(|suggestion| suggestion.vendor.clone()).collect();
        (pair.vendor.clone(), pair.basis.clone(), suggested, pair.refused.clone())
    };
    // A vendor that was suggested and is refused is the same vendor, and another claim.
    if claims(before) == claims(after) {
        return Ok(());
    }
    let relinked = (&before.vendor, &before.basis) != (&after.vendor, &after.basis);
    let waits = tx.is_pended(after.id)?;
    for vendor in vendors(before).union(&vendors(after)) {
        let its = [&before.vendor, &after.vendor].into_iter().flatten().any(|linked| linked.raw() == vendor);
        match relinked && its {
            true => pend_taken(tx, vendor)?,
            false => pend_named(tx, vendor, after.id)?,
        }
    }
    for key in supplier_keys(&after.supplier) {
        pend_matching(tx, &key)?;
    }
    if !waits {
        // It is what it comes to.
        tx.unpend_pair(after.id)?;
    }
    pend_merged(tx, after.supplier.id.raw())
}

/// A vendor was taken or set free: all of its pairs, and whoever looks like it, may be linked with it now, or no longer be made a new
/// one, also if it was not suggested to them so far.
fn pend_taken(tx: &mut Tx<'_>, vendor: &str) -> Result<(), StoreError> {
    let keys = tx.master_vendor(vendor)?.as_ref().map(vendor_keys).unwrap_or_default();
    pend_around(tx, vendor, keys.iter())
}

/// Something of a pair changed that others of the same vendor name in their reasons: as many of them as are named.
fn pend_named(tx: &mut Tx<'_>, vendor: &str, of: PairId) -> Result<(), StoreError> {
    let first = tx.pairs_of_vendor(vendor, COMMON + 1)?;
    // Nobody names one that stands behind so many.
    if first.len() > COMMON && !first.contains(&of) && first.last().is_some_and(|last| *last < of) {
        return Ok(());
    }
    first.into_iter().try_for_each(|id| tx.pend_pair(id))
}

/// Pairs whose suppliers were merged into this one, also by way of others.
fn pend_merged(tx: &mut Tx<'_>, supplier: &str) -> Result<(), StoreError> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![supplier.to_owned()]);
    while let Some(supplier) = next.pop() {
        for id in tx.pairs_merged_into(&supplier)? {
            if seen.insert(id) {
                tx.pend_pair(id)?;
                next.extend(tx.pair(id)?.map(|pair| pair.supplier.id.raw().to_owned()));
            }
        }
    }
    Ok(())
}

/// Pairs that have to do with a vendor, or look like it.
fn pend_around<'k>(tx: &mut Tx<'_>, vendor: &str, keys: impl Iterator<Item = &'k String>) -> Result<(), StoreError> {
    for id in tx.pairs_of_vendor(vendor, usize::MAX)? {
        tx.pend_pair(id)?;
    }
    let keys: BTreeSet<&String> = keys.collect();
    keys.into_iter().try_for_each(|key| pend_looking(tx, key))
}

/// All suppliers that look at a vendor's key. Of a key that more vendors share than are looked at, one more or less says nothing.
fn pend_looking(tx: &mut Tx<'_>, key: &str) -> Result<(), StoreError> {
    let counted = tier(key) != Some(MatchTier::Key);
    if counted && tx.matches(key, Side::Intacct, COMMON + 2)?.len() > COMMON + 1 {
        return Ok(());
    }
    pend_suppliers(tx, key, usize::MAX)
}

/// Suppliers with a supplier's key: as many as a supplier looks at to find out that they are too many.
fn pend_matching(tx: &mut Tx<'_>, key: &str) -> Result<(), StoreError> {
    pend_suppliers(tx, key, COMMON + 1)
}

fn pend_suppliers(tx: &mut Tx<'_>, key: &str, most: usize) -> Result<(), StoreError> {
    for supplier in tx.matches(key, Side::Jaggaer, most)? {
        if let Some(id) = tx.pair_of_supplier(&supplier)? {
            tx.pend_pair(id)?;
        }
    }
    Ok(())
}

/// What one side says of a record.
type Says<'a> = (&'a MasterValues, &'a PaymentMarks);

/// Looks for changes of contact data, and of bank and payment data. Returns the pair as it is saved then.
fn watch(
    tx: &mut Tx<'_>,
    seeing: &Seeing,
    mut pair: Pair,
    side: Side,
    before: Says<'_>,
    after: Says<'_>,
) -> Result<Pair, StoreError> {
    let contact = contact_changes(before.0, after.0, &pair.agreed, &seeing.comparing);
    let alerts = changes(side, before.1, after.1, seeing.at);
    if contact.is_empty() && alerts.is_empty() {
        return Ok(pair);
    }
    if !contact.is_empty() {
        contact_changed(&mut pair, seeing.at);
    }
    for alert in &alerts {
        let (place, item) = (side.label(), alert.item.label());
        let what = format!("{item} changed in {place}: {} instead of {}", alert.new.safe(), alert.old.safe());
        tx.audit(&Entry::of_pair(&pair, seeing.at, seeing.who.clone(), "payment_changed", what))?;
    }
    add_alerts(&mut pair, alerts);
    tx.save_pair(&mut pair)?;
    Ok(pair)
}
