//! The two supplier masters: pairs of a supplier and its vendor with their indexes and counts, Intacct's vendors, and the keys by
//! which they are matched.
//!
//! What is asked here is found by an index: after a poll the work grows with the changes, not with the masters.

use std::collections::{BTreeMap, BTreeSet};

use redb::{ReadableTable, Table, WriteTransaction};

use super::codec::{decode, encode};
use super::records::Meta;
use super::tables as t;
use super::write::{moved, read_meta};
use super::{Reader, StoreError, Tx};
use crate::model::{MasterStep, MasterVendor, PAIR_STATES, Pair, PairId, PairState, RecordNo, Side};

/// How many pairs stand where, as of one commit.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct PairCounts {
    /// Pairs in each state, by [`PairState::number`].
    pub states: [u64; PAIR_STATES],
    /// Pairs with a bank alert that nobody has looked at.
    pub alerted: u64,
    /// Pairs with a high one.
    pub high: u64,
    /// Vendors of Intacct.
    pub vendors: u64,
    /// Of these, with which a supplier is linked.
    pub linked: u64,
}

/// As it is stored: of a state added later there are none.
type StoredCounts = (Vec<u64>, [u64; 4]);

impl PairCounts {
    /// How many pairs stand in a state.
    pub fn of(&self, state: PairState) -> u64 {
        self.states.get(usize::from(state.number())).copied().unwrap_or(0)
    }

    /// How many pairs there are: one for each supplier.
    pub fn pairs(&self) -> u64 {
        self.states.iter().sum()
    }

    /// Vendors with which no supplier is linked.
    pub fn unlinked(&self) -> u64 {
        self.vendors.saturating_sub(self.linked)
    }

    fn read(table: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<PairCounts, StoreError> {
        let Some((states, rest)) = read_meta::<StoredCounts>(table, Meta::PairCounts)? else {
            return Ok(PairCounts::default());
        };
        let [alerted, high, vendors, linked] = rest;
        let mut counts = PairCounts { states: [0; PAIR_STATES], alerted, high, vendors, linked };
        counts.states.iter_mut().zip(states).for_each(|(place, count)| *place = count);
        Ok(counts)
    }

    fn stored(&self) -> StoredCounts {
        (self.states.to_vec(), [self.alerted, self.high, self.vendors, self.linked])
    }

    fn moves(&mut self, from: Option<PairState>, to: PairState) {
        let place = |state: PairState| usize::from(state.number());
        if let Some(count) = from.and_then(|from| self.states.get_mut(place(from))) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = self.states.get_mut(place(to)) {
            *count += 1;
        }
    }
}

/// The tables of the two masters in a write transaction.
pub(super) struct Masters<'t> {
    pairs: Table<'t, u64, &'static [u8]>,
    suppliers: Table<'t, &'static str, u64>,
    numbers: Table<'t, (&'static str, u64), ()>,
    merged: Table<'t, (&'static str, u64), ()>,
    vendors: Table<'t, (&'static str, u64), bool>,
    linked: Table<'t, (&'static str, u64), ()>,
    states: Table<'t, (u8, u64), ()>,
    writes: Table<'t, (u8, u64), u8>,
    alerted: Table<'t, u64, bool>,
    blocked: Table<'t, (&'static str, u64), ()>,
    pending: Table<'t, u64, ()>,
    master: Table<'t, &'static str, &'static [u8]>,
    gone: Table<'t, &'static str, &'static str>,
    matching: Table<'t, (&'static str, u8, &'static str), ()>,
    keys: Table<'t, (u8, &'static str), &'static [u8]>,
    /// The counts as this transaction leaves them, once something of them changed.
    counts: Option<PairCounts>,
}

impl<'t> Masters<'t> {
    pub(super) fn open(txn: &'t WriteTransaction) -> Result<Self, StoreError> {
        Ok(Masters {
            pairs: txn.open_table(t::PAIRS)?,
            suppliers: txn.open_table(t::PAIR_SUPPLIERS)?,
            numbers: txn.open_table(t::PAIR_NUMBERS)?,
            merged: txn.open_table(t::PAIR_MERGED)?,
            vendors: txn.open_table(t::PAIR_VENDORS)?,
            linked: txn.open_table(t::PAIR_LINKED)?,
            states: txn.open_table(t::PAIR_STATES)?,
            writes: txn.open_table(t::PAIR_WRITES)?,
            alerted: txn.open_table(t::PAIR_ALERTED)?,
            blocked: txn.open_table(t::PAIR_BLOCKED)?,
            pending: txn.open_table(t::PAIR_PENDING)?,
            master: txn.open_table(t::MASTER_VENDORS)?,
            gone: txn.open_table(t::GONE_VENDORS)?,
            matching: txn.open_table(t::MASTER_MATCH)?,
            keys: txn.open_table(t::MASTER_KEYS)?,
            counts: None,
        })
    }

    /// Whether a vendor is in Intacct and a supplier is linked with it.
    fn is_linked(&self, vendor: &str) -> Result<bool, StoreError> {
        Ok(self.master.get(vendor)?.is_some() && !under(&self.linked, vendor, 1)?.is_empty())
    }

    fn linked_among(&self, vendors: &BTreeSet<&str>) -> Result<u64, StoreError> {
        let mut count = 0;
        for vendor in vendors {
            count += u64::from(self.is_linked(vendor)?);
        }
        Ok(count)
    }
}

/// What the indexes say of a pair.
#[derive(Default)]
struct Stands {
    state: Option<PairState>,
    supplier: Option<String>,
    number: Option<String>,
    merged: Option<String>,
    /// VENDORID, and whether it is linked.
    vendors: BTreeMap<String, bool>,
    writes: BTreeMap<u8, u8>,
    /// Whether one of the alerts is high.
    alerted: Option<bool>,
    blocked: Option<String>,
}

impl Stands {
    fn of(pair: &Pair) -> Stands {
        let number = pair.supplier.number.raw().trim();
        let merged = pair.supplier.merged_into.as_ref().filter(|into| !into.is_blank());
        let suggested = pair.suggestions.iter().map(|suggestion| (suggestion.vendor.raw().to_owned(), false));
        let mut vendors: BTreeMap<String, bool> = suggested.collect();
        vendors.extend(pair.vendor.iter().map(|vendor| (vendor.raw().to_owned(), true)));
        let writes = [&pair.to_jaggaer, &pair.to_intacct].into_iter().zip([Side::Jaggaer, Side::Intacct]);
        let writes = writes.filter_map(|(write, to)| Some((side(to), write.as_ref()?.step as u8)));
        let high = pair.alerts.iter().any(|alert| alert.seen.is_none() && alert.high);
        let blocked = pair.vendor.as_ref().filter(|_| pair.blocks_postings());
        Stands {
            state: Some(pair.state),
            supplier: Some(pair.supplier.id.raw().to_owned()),
            number: (!number.is_empty()).then(|| number.to_owned()),
            merged: merged.map(|into| into.raw().to_owned()),
            vendors,
            writes: writes.collect(),
            alerted: pair.is_alerted().then_some(high),
            blocked: blocked.map(|vendor| vendor.raw().to_owned()),
        }
    }

    fn link(&self) -> Option<&str> {
        self.vendors.iter().find(|(_, linked)| **linked).map(|(vendor, _)| vendor.as_str())
    }
}

impl Tx<'_> {
    /// The number that the next new pair gets.
    pub fn next_pair(&self) -> Result<PairId, StoreError> {
        Ok(PairId(self.meta(Meta::NextPair)?.unwrap_or(1)))
    }

    /// A pair.
    pub fn pair(&self, id: PairId) -> Result<Option<Pair>, StoreError> {
        read(&self.masters.pairs, id.0)
    }

    /// The pair of a supplier, by JAGGAER's id.
    pub fn pair_of_supplier(&self, supplier: &str) -> Result<Option<PairId>, StoreError> {
        Ok(self.masters.suppliers.get(supplier)?.map(|id| PairId(id.value())))
    }

    /// Pairs whose supplier has this number, blanks around it aside.
    pub fn pairs_of_number(&self, number: &str) -> Result<Vec<PairId>, StoreError> {
        under(&self.masters.numbers, number.trim(), usize::MAX)
    }

    /// Pairs whose supplier was merged into this one, by JAGGAER's id.
    pub fn pairs_merged_into(&self, supplier: &str) -> Result<Vec<PairId>, StoreError> {
        under(&self.masters.merged, supplier, usize::MAX)
    }

    /// Pairs that are linked with this vendor, and after them those for which it is suggested: at most so many.
    pub fn pairs_of_vendor(&self, vendor: &str, limit: usize) -> Result<Vec<PairId>, StoreError> {
        linked_first(&self.masters.linked, &self.masters.vendors, vendor, limit)
    }

    /// Pairs that are linked with this vendor.
    pub fn pairs_linked_with(&self, vendor: &str) -> Result<Vec<PairId>, StoreError> {
        under(&self.masters.linked, vendor, usize::MAX)
    }

    /// Saves a pair and raises its version; a new one has the number of [`Tx::next_pair`] and version 0. One that was changed
    /// since it was read is refused, and nothing is written.
    pub fn save_pair(&mut self, pair: &mut Pair) -> Result<(), StoreError> {
        let known = self.pair(pair.id)?;
        let taken = self.pair_of_supplier(pair.supplier.id.raw())?;
        if taken.is_some_and(|taken| taken != pair.id) || (known.is_none() && pair.id != self.next_pair()?) {
            return Err(StoreError::Rule(format!("a pair of supplier {} exists already", pair.supplier.id.safe())));
        }
        if pair.version != known.as_ref().map_or(0, |known| known.version) {
            return Err(StoreError::Rule(format!("pair {} changed since it was read", pair.id)));
        }
        self.writes += 1;
        pair.version += 1;
        let written = self.write_pair(known.as_ref(), pair);
        self.torn |= written.is_err();
        written
    }

    fn write_pair(&mut self, known: Option<&Pair>, pair: &Pair) -> Result<(), StoreError> {
        if known.is_none() {
            self.put_meta(Meta::NextPair, &(pair.id.0 + 1))?;
        }
        let (was, is, id) = (known.map(Stands::of).unwrap_or_default(), Stands::of(pair), pair.id.0);
        let touched: BTreeSet<&str> = if was.link() == is.link() {
            BTreeSet::new()
        } else {
            [was.link(), is.link()].into_iter().flatten().collect()
        };
        let mut counts = self.counts()?;
        let tables = &mut self.masters;
        counts.linked = counts.linked.saturating_sub(tables.linked_among(&touched)?);
        if was.state != is.state {
            if let Some(state) = was.state {
                tables.states.remove((state.number(), id))?;
            }
            tables.states.insert((pair.state.number(), id), ())?;
            counts.moves(was.state, pair.state);
        }
        if was.supplier != is.supplier {
            if let Some(supplier) = &was.supplier {
                tables.suppliers.remove(supplier.as_str())?;
            }
            tables.suppliers.insert(pair.supplier.id.raw(), id)?;
        }
        moved(&mut tables.numbers, id, was.number.as_deref(), is.number.as_deref())?;
        moved(&mut tables.merged, id, was.merged.as_deref(), is.merged.as_deref())?;
        moved(&mut tables.blocked, id, was.blocked.as_deref(), is.blocked.as_deref())?;
        moved(&mut tables.linked, id, was.link(), is.link())?;
        for vendor in was.vendors.keys().filter(|vendor| !is.vendors.contains_key(*vendor)) {
            tables.vendors.remove((vendor.as_str(), id))?;
        }
        for (vendor, linked) in is.vendors.iter().filter(|(vendor, linked)| was.vendors.get(*vendor) != Some(linked)) {
            tables.vendors.insert((vendor.as_str(), id), *linked)?;
        }
        for side in was.writes.keys().filter(|side| !is.writes.contains_key(side)) {
            tables.writes.remove((*side, id))?;
        }
        for (side, step) in is.writes.iter().filter(|(side, step)| was.writes.get(side) != Some(step)) {
            tables.writes.insert((*side, id), *step)?;
        }
        if was.alerted != is.alerted {
            let (any, high) =
                (|alerted: Option<bool>| u64::from(alerted.is_some()), |alerted| u64::from(alerted == Some(true)));
            counts.alerted = (counts.alerted + any(is.alerted)).saturating_sub(any(was.alerted));
            counts.high = (counts.high + high(is.alerted)).saturating_sub(high(was.alerted));
            match is.alerted {
                Some(high) => drop(tables.alerted.insert(id, high)?),
                None => drop(tables.alerted.remove(id)?),
            }
        }
        tables.pairs.insert(id, encode(pair)?.as_slice())?;
        counts.linked += tables.linked_among(&touched)?;
        tables.counts = Some(counts);
        Ok(())
    }

    /// Fills the index of the links anew, of a store that was made before there was one.
    pub(super) fn index_links(&mut self) -> Result<(), StoreError> {
        self.writes += 1;
        for entry in self.masters.vendors.iter()? {
            let (key, linked) = entry?;
            if linked.value() {
                self.masters.linked.insert(key.value(), ())?;
            }
        }
        Ok(())
    }

    /// The pair is to be evaluated.
    pub fn pend_pair(&mut self, id: PairId) -> Result<(), StoreError> {
        self.writes += 1;
        self.totals.pended += 1;
        self.masters.pending.insert(id.0, ())?;
        Ok(())
    }

    /// All pairs are to be evaluated. Returns how many they are.
    pub fn pend_all_pairs(&mut self) -> Result<u64, StoreError> {
        self.writes += 1;
        let mut count = 0;
        for entry in self.masters.pairs.iter()? {
            self.masters.pending.insert(entry?.0.value(), ())?;
            count += 1;
        }
        self.totals.pended += count;
        Ok(count)
    }

    /// Whether the pair waits to be evaluated.
    pub fn is_pended(&self, id: PairId) -> Result<bool, StoreError> {
        Ok(self.masters.pending.get(id.0)?.is_some())
    }

    /// It has been.
    pub fn unpend_pair(&mut self, id: PairId) -> Result<(), StoreError> {
        self.writes += 1;
        self.masters.pending.remove(id.0)?;
        Ok(())
    }

    /// The first pairs that are to be evaluated.
    pub fn pended_pairs(&self, limit: usize) -> Result<Vec<PairId>, StoreError> {
        self.masters.pending.iter()?.take(limit).map(|entry| Ok(PairId(entry?.0.value()))).collect()
    }

    /// A vendor, by its VENDORID.
    pub fn master_vendor(&self, id: &str) -> Result<Option<MasterVendor>, StoreError> {
        read(&self.masters.master, id)
    }

    /// Puts a vendor with its matching keys in the place of the earlier.
    pub fn save_master_vendor(&mut self, vendor: &MasterVendor, keys: &[String]) -> Result<(), StoreError> {
        self.masters.gone.remove(vendor.id.raw())?;
        self.put_master_vendor(vendor.id.raw(), Some(vendor))?;
        self.set_match_keys(Side::Intacct, vendor.id.raw(), keys)
    }

    /// Removes a vendor that is no longer in Intacct, with its matching keys. Its record number is remembered.
    pub fn remove_master_vendor(&mut self, vendor: &MasterVendor) -> Result<(), StoreError> {
        let id = vendor.id.raw();
        self.masters.gone.insert(id, vendor.record.0.as_str())?;
        self.put_master_vendor(id, None)?;
        self.set_match_keys(Side::Intacct, id, &[])
    }

    /// Whatever stood under this id is forgotten: the next vendor is met as what it is.
    pub fn forget_gone_vendor(&mut self, id: &str) -> Result<(), StoreError> {
        self.masters.gone.remove(id)?;
        Ok(())
    }

    /// The record number of a vendor that is gone from Intacct.
    pub fn gone_vendor(&self, id: &str) -> Result<Option<RecordNo>, StoreError> {
        Ok(self.masters.gone.get(id)?.map(|record| RecordNo(record.value().to_owned())))
    }

    fn put_master_vendor(&mut self, id: &str, vendor: Option<&MasterVendor>) -> Result<(), StoreError> {
        self.writes += 1;
        let mut counts = self.counts()?;
        let tables = &mut self.masters;
        counts.linked = counts.linked.saturating_sub(u64::from(tables.is_linked(id)?));
        let there = match vendor {
            Some(vendor) => tables.master.insert(id, encode(vendor)?.as_slice())?.is_some(),
            None => tables.master.remove(id)?.is_some(),
        };
        counts.vendors = (counts.vendors + u64::from(vendor.is_some())).saturating_sub(u64::from(there));
        counts.linked += u64::from(tables.is_linked(id)?);
        tables.counts = Some(counts);
        Ok(())
    }

    /// Puts the matching keys of a supplier or vendor in the place of the earlier.
    pub fn set_match_keys(&mut self, of: Side, id: &str, keys: &[String]) -> Result<(), StoreError> {
        self.writes += 1;
        let tables = &mut self.masters;
        let known: Vec<String> = read(&tables.keys, (side(of), id))?.unwrap_or_default();
        if known == keys {
            return Ok(());
        }
        for key in &known {
            tables.matching.remove((key.as_str(), side(of), id))?;
        }
        for key in keys {
            tables.matching.insert((key.as_str(), side(of), id), ())?;
        }
        match keys {
            [] => drop(tables.keys.remove((side(of), id))?),
            keys => drop(tables.keys.insert((side(of), id), encode(&keys)?.as_slice())?),
        }
        Ok(())
    }

    /// Who of a side has this matching key: at most so many, in the order of their ids.
    pub fn matches(&self, key: &str, of: Side, limit: usize) -> Result<Vec<String>, StoreError> {
        matches(&self.masters.matching, key, of, limit)
    }

    /// All pairs in a state are to be evaluated. Returns how many they are.
    pub fn pend_pairs_in(&mut self, state: PairState) -> Result<u64, StoreError> {
        self.writes += 1;
        let mut count = 0;
        for entry in self.masters.states.range((state.number(), 0)..=(state.number(), u64::MAX))? {
            self.masters.pending.insert(entry?.0.value().1, ())?;
            count += 1;
        }
        self.totals.pended += count;
        Ok(count)
    }

    /// Pairs behind a number, in the order of their numbers.
    pub fn pairs(&self, after: u64, limit: usize) -> Result<Vec<Pair>, StoreError> {
        let range = self.masters.pairs.range(after.saturating_add(1)..)?;
        range.take(limit).map(|entry| decode(entry?.1.value())).collect()
    }

    /// Whether a vendor's invoices are held, because of a conflict on a field that postings need.
    pub fn is_blocked_vendor(&self, vendor: &str) -> Result<bool, StoreError> {
        let mut range = self.masters.blocked.range((vendor, 0)..=(vendor, u64::MAX))?;
        Ok(range.next().transpose()?.is_some())
    }

    /// How many pairs stand where, as this transaction leaves them.
    pub fn pair_counts(&self) -> Result<PairCounts, StoreError> {
        self.counts()
    }

    /// The counts as this transaction leaves them.
    fn counts(&self) -> Result<PairCounts, StoreError> {
        self.masters.counts.map_or_else(|| PairCounts::read(&self.meta), Ok)
    }

    pub(super) fn finish_pairs(&mut self) -> Result<(), StoreError> {
        match self.masters.counts.take() {
            Some(counts) => self.put_meta(Meta::PairCounts, &counts.stored()),
            None => Ok(()),
        }
    }
}

impl Reader {
    /// A pair.
    pub fn pair(&self, id: PairId) -> Result<Option<Pair>, StoreError> {
        read(&self.table(t::PAIRS)?, id.0)
    }

    /// Pairs in the order of their numbers, behind `after`.
    pub fn pairs(&self, after: u64, limit: usize) -> Result<Vec<Pair>, StoreError> {
        let table = self.table(t::PAIRS)?;
        table.range(after.saturating_add(1)..)?.take(limit).map(|entry| decode(entry?.1.value())).collect()
    }

    /// The pair of a supplier, by JAGGAER's id.
    pub fn pair_of_supplier(&self, supplier: &str) -> Result<Option<PairId>, StoreError> {
        Ok(self.table(t::PAIR_SUPPLIERS)?.get(supplier)?.map(|id| PairId(id.value())))
    }

    /// Pairs whose supplier has this number, blanks around it aside.
    pub fn pairs_of_number(&self, number: &str) -> Result<Vec<PairId>, StoreError> {
        under(&self.table(t::PAIR_NUMBERS)?, number.trim(), usize::MAX)
    }

    /// Pairs that are linked with this vendor, and after them those for which it is suggested: at most so many.
    pub fn pairs_of_vendor(&self, vendor: &str, limit: usize) -> Result<Vec<PairId>, StoreError> {
        linked_first(&self.table(t::PAIR_LINKED)?, &self.table(t::PAIR_VENDORS)?, vendor, limit)
    }

    /// Pairs that are linked with this vendor.
    pub fn pairs_linked_with(&self, vendor: &str) -> Result<Vec<PairId>, StoreError> {
        under(&self.table(t::PAIR_LINKED)?, vendor, usize::MAX)
    }

    /// Pairs in a state, in the order of their numbers, behind `after`.
    pub fn pairs_in_state(&self, state: PairState, after: u64, limit: usize) -> Result<Vec<Pair>, StoreError> {
        let (index, pairs) = (self.table(t::PAIR_STATES)?, self.table(t::PAIRS)?);
        let range = index.range((state.number(), after.saturating_add(1))..=(state.number(), u64::MAX))?;
        let found = range.take(limit).map(|entry| read(&pairs, entry?.0.value().1));
        Ok(found.collect::<Result<Vec<Option<Pair>>, StoreError>>()?.into_iter().flatten().collect())
    }

    /// Pairs with a bank alert that nobody has looked at, in the order of their numbers, behind `after`.
    pub fn alerted(&self, after: u64, limit: usize) -> Result<Vec<Pair>, StoreError> {
        let (index, pairs) = (self.table(t::PAIR_ALERTED)?, self.table(t::PAIRS)?);
        let range = index.range(after.saturating_add(1)..)?;
        let found = range.take(limit).map(|entry| read(&pairs, entry?.0.value()));
        Ok(found.collect::<Result<Vec<Option<Pair>>, StoreError>>()?.into_iter().flatten().collect())
    }

    /// Pairs with a write to a side that was sent and is not settled.
    pub fn unsettled_writes(&self, to: Side) -> Result<Vec<Pair>, StoreError> {
        let (index, pairs) = (self.table(t::PAIR_WRITES)?, self.table(t::PAIRS)?);
        let mut found = Vec::new();
        for entry in index.range((side(to), 0)..=(side(to), u64::MAX))? {
            let (key, step) = entry?;
            if step.value() != MasterStep::Queued as u8 {
                found.extend(read::<_, Pair>(&pairs, key.value().1)?);
            }
        }
        Ok(found)
    }

    /// The first pairs with a queued write to a side that nothing will replace: the pair does not wait to be evaluated.
    pub fn queued_writes(
        &self,
        to: Side,
        limit: usize,
        skip: impl Fn(PairId) -> bool,
    ) -> Result<Vec<Pair>, StoreError> {
        let (index, pending, pairs) =
            (self.table(t::PAIR_WRITES)?, self.table(t::PAIR_PENDING)?, self.table(t::PAIRS)?);
        let mut found = Vec::new();
        for entry in index.range((side(to), 0)..=(side(to), u64::MAX))? {
            let (key, step) = entry?;
            let id = key.value().1;
            if step.value() == MasterStep::Queued as u8 && !skip(PairId(id)) && pending.get(id)?.is_none() {
                found.extend(read::<_, Pair>(&pairs, id)?);
                if found.len() >= limit {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// These pairs, without those that do not exist.
    pub fn pairs_of(&self, ids: &[PairId]) -> Result<Vec<Pair>, StoreError> {
        let pairs = self.table(t::PAIRS)?;
        let found = ids.iter().map(|id| read(&pairs, id.0));
        Ok(found.collect::<Result<Vec<Option<Pair>>, StoreError>>()?.into_iter().flatten().collect())
    }

    /// The first pairs that are to be evaluated.
    pub fn pended_pairs(&self, limit: usize) -> Result<Vec<PairId>, StoreError> {
        self.table(t::PAIR_PENDING)?.iter()?.take(limit).map(|entry| Ok(PairId(entry?.0.value()))).collect()
    }

    /// How many pairs stand where.
    pub fn pair_counts(&self) -> Result<PairCounts, StoreError> {
        PairCounts::read(&self.table(t::META)?)
    }

    /// Whether a pair waits to be evaluated.
    pub fn has_pended_pairs(&self) -> Result<bool, StoreError> {
        Ok(self.table(t::PAIR_PENDING)?.first()?.is_some())
    }

    /// VENDORIDs of linked vendors whose invoices are held.
    pub fn blocked_vendors(&self) -> Result<BTreeSet<String>, StoreError> {
        self.table(t::PAIR_BLOCKED)?.iter()?.map(|entry| Ok(entry?.0.value().0.to_owned())).collect()
    }

    /// A vendor, by its VENDORID.
    pub fn master_vendor(&self, id: &str) -> Result<Option<MasterVendor>, StoreError> {
        read(&self.table(t::MASTER_VENDORS)?, id)
    }

    /// The VENDORIDs of all vendors.
    pub fn master_vendor_ids(&self) -> Result<BTreeSet<String>, StoreError> {
        self.table(t::MASTER_VENDORS)?.iter()?.map(|entry| Ok(entry?.0.value().to_owned())).collect()
    }

    /// Who of a side has this matching key: at most so many, in the order of their ids.
    pub fn matches(&self, key: &str, of: Side, limit: usize) -> Result<Vec<String>, StoreError> {
        matches(&self.table(t::MASTER_MATCH)?, key, of, limit)
    }
}

/// The number of a side in the keys.
fn side(side: Side) -> u8 {
    match side {
        Side::Jaggaer => 0,
        Side::Intacct => 1,
    }
}

fn read<'k, K, R>(
    table: &impl ReadableTable<K, &'static [u8]>,
    key: impl std::borrow::Borrow<K::SelfType<'k>>,
) -> Result<Option<R>, StoreError>
where
    K: redb::Key + 'static,
    R: serde::de::DeserializeOwned,
{
    table.get(key)?.map(|bytes| decode(bytes.value())).transpose()
}

/// The first pairs under a key of an index.
fn under(
    index: &impl ReadableTable<(&'static str, u64), ()>,
    key: &str,
    limit: usize,
) -> Result<Vec<PairId>, StoreError> {
    index.range((key, 0)..=(key, u64::MAX))?.take(limit).map(|entry| Ok(PairId(entry?.0.value().1))).collect()
}

/// The first pairs that have to do with a vendor, those before the others that are linked with it.
fn linked_first(
    linked: &impl ReadableTable<(&'static str, u64), ()>,
    all: &impl ReadableTable<(&'static str, u64), bool>,
    vendor: &str,
    limit: usize,
) -> Result<Vec<PairId>, StoreError> {
    let mut found = under(linked, vendor, limit)?;
    for entry in all.range((vendor, 0)..=(vendor, u64::MAX))? {
        if found.len() >= limit {
            break;
        }
        let (key, is_linked) = entry?;
        found.extend((!is_linked.value()).then(|| PairId(key.value().1)));
    }
    Ok(found)
}

fn matches(
    index: &impl ReadableTable<(&'static str, u8, &'static str), ()>,
    key: &str,
    of: Side,
    limit: usize,
) -> Result<Vec<String>, StoreError> {
    let range = index.range((key, side(of), "")..(key, side(of) + 1, ""))?;
    range.take(limit).map(|entry| Ok(entry?.0.value().2.to_owned())).collect()
}

#[cfg(test)]
#[path = "pairs_tests.rs"]
mod tests;
