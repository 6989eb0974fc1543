//! The write transaction: documents with their indexes, counters and audit entries, together or not at all.

use std::cell::RefCell;
use std::collections::BTreeMap;

use redb::{ReadableTable, Table, WriteTransaction};
use serde::{Serialize, de::DeserializeOwned};

use super::audit::{Entry, Link};
use super::codec::{decode, encode};
use super::pairs::Masters;
use super::records::{ClosedPeriod, FlowRecord, Frozen, Meta, OrderRecord};
use super::tables as t;
use super::totals::Totals;
use super::{GroupKey, StoreError};
use crate::model::{
    Document, DocumentId, DocumentKey, Generation, Money, PairId, Reason, ReasonCode, ReferenceKind, ReferenceRecord,
    State, Timestamp,
};

type Bytes<'t, K> = Table<'t, K, &'static [u8]>;

/// A write transaction.
///
/// Documents that it changes are kept until the end, so that several steps of one document in one commit cost one write.
pub struct Tx<'t> {
    documents: Bytes<'t, u64>,
    keys: Table<'t, &'static str, u64>,
    states: Table<'t, (u8, u64), ()>,
    vendors: Table<'t, (&'static str, u64), ()>,
    natural: Table<'t, (&'static str, u64), ()>,
    rivals: Table<'t, (&'static str, u64), ()>,
    raw: Bytes<'t, (u64, u32)>,
    frozen: Bytes<'t, (u64, u32)>,
    pending: Table<'t, u64, ()>,
    pub(super) sweeps: Table<'t, u8, (u64, u64, u64)>,
    audit: Bytes<'t, u64>,
    audit_by_document: Table<'t, (u64, u64), ()>,
    audit_by_pair: Table<'t, (u64, u64), ()>,
    reference: Bytes<'t, (u8, &'static str)>,
    flows: Bytes<'t, &'static str>,
    orders: Bytes<'t, &'static str>,
    counters: Bytes<'t, u8>,
    groups: Table<'t, (u8, u8, u8), (u64, u64)>,
    periods: Bytes<'t, &'static str>,
    pub(super) meta: Bytes<'t, &'static str>,
    /// The two supplier masters.
    pub(super) masters: Masters<'t>,
    dirty: BTreeMap<u64, Dirty>,
    /// The document that was read last, as it stands: who reads one usually saves it, and need not read it twice.
    read: RefCell<Option<(u64, Stood)>>,
    head: Link,
    epoch: Option<u64>,
    next_document: u64,
    /// When the document before the next was first seen, once that was asked.
    last_seen: Option<Timestamp>,
    pub(super) totals: Totals,
    pub(super) writes: u64,
    /// A change could be written only in part: the commit must not be made.
    pub(super) torn: bool,
}

struct Dirty {
    before: Option<Stood>,
    after: Document,
}

/// What indexes and counters say of a document that stands in the table.
struct Stood {
    state: State,
    version: u64,
    total: Option<Money>,
    group: Option<GroupKey>,
    supplier: Option<String>,
    natural: Option<String>,
    rival: Option<String>,
}

impl Stood {
    fn of(document: &Document) -> Stood {
        Stood {
            state: document.state,
            version: document.version,
            total: document.amount(),
            group: GroupKey::of(document),
            supplier: supplier(document).map(str::to_owned),
            natural: natural(document).map(str::to_owned),
            rival: rival(document).map(str::to_owned),
        }
    }
}

impl<'t> Tx<'t> {
    pub(super) fn open(txn: &'t WriteTransaction, totals: Totals) -> Result<Self, StoreError> {
        let meta = txn.open_table(t::META)?;
        let next_document = read_meta(&meta, Meta::NextDocument)?.unwrap_or(1);
        let head: Option<(u64, [u8; 32])> = read_meta(&meta, Meta::AuditHead)?;
        let epoch = read_meta(&meta, Meta::Epoch)?;
        Ok(Tx {
            documents: txn.open_table(t::DOCUMENTS)?,
            keys: txn.open_table(t::KEYS)?,
            states: txn.open_table(t::STATES)?,
            vendors: txn.open_table(t::VENDORS)?,
            natural: txn.open_table(t::NATURAL)?,
            rivals: txn.open_table(t::RIVALS)?,
            raw: txn.open_table(t::RAW)?,
            frozen: txn.open_table(t::FROZEN)?,
            pending: txn.open_table(t::PENDING)?,
            sweeps: txn.open_table(t::SWEEPS)?,
            audit: txn.open_table(t::AUDIT)?,
            audit_by_document: txn.open_table(t::AUDIT_BY_DOCUMENT)?,
            audit_by_pair: txn.open_table(t::AUDIT_BY_PAIR)?,
            reference: txn.open_table(t::REFERENCE)?,
            flows: txn.open_table(t::FLOWS)?,
            orders: txn.open_table(t::ORDERS)?,
            counters: txn.open_table(t::COUNTERS)?,
            groups: txn.open_table(t::GROUPS)?,
            periods: txn.open_table(t::PERIODS)?,
            masters: Masters::open(txn)?,
            meta,
            dirty: BTreeMap::new(),
            read: RefCell::new(None),
            head: head.map_or_else(Link::default, |(count, hash)| Link { count, hash }),
            epoch,
            next_document,
            last_seen: None,
            totals,
            writes: 0,
            torn: false,
        })
    }

    /// Changes made so far: a step that fails without having made any leaves the commit good for the others.
    pub(super) fn writes(&self) -> u64 {
        self.writes
    }

    /// The epoch that the store was in when this transaction began.
    pub(super) fn epoch(&self) -> Option<u64> {
        self.epoch
    }

    /// A document.
    pub fn document(&self, id: DocumentId) -> Result<Option<Document>, StoreError> {
        if let Some(dirty) = self.dirty.get(&id.0) {
            return Ok(Some(dirty.after.clone()));
        }
        let Some(bytes) = self.documents.get(id.0)? else { return Ok(None) };
        let document: Document = decode(bytes.value())?;
        self.read.replace(Some((id.0, Stood::of(&document))));
        Ok(Some(document))
    }

    /// The number of the document with that key.
    pub fn find(&self, key: &DocumentKey) -> Result<Option<DocumentId>, StoreError> {
        Ok(self.keys.get(key.as_str())?.map(|id| DocumentId(id.value())))
    }

    /// The number that the next created document gets.
    pub fn next_id(&self) -> DocumentId {
        DocumentId(self.next_document)
    }

    /// Adds a document; its `id` must be [`Tx::next_id`].
    pub fn create(&mut self, document: Document) -> Result<(), StoreError> {
        if document.id.0 != self.next_document || self.find(&document.key)?.is_some() {
            return Err(StoreError::Rule(format!("document {} exists already", document.key)));
        }
        if self.last_seen.is_none()
            && let Some(bytes) = self.documents.get(self.next_document.saturating_sub(1))?
        {
            self.last_seen = Some(decode::<Document>(bytes.value())?.first_seen);
        }
        self.writes += 1;
        if self.last_seen.is_some_and(|last| document.first_seen < last) {
            let mut back: Vec<u64> = read_meta(&self.meta, Meta::SeenBack)?.unwrap_or_default();
            back.push(document.id.0);
            self.put_meta(Meta::SeenBack, &back)?;
        }
        self.last_seen = Some(document.first_seen);
        self.next_document += 1;
        self.keys.insert(document.key.as_str(), document.id.0)?;
        self.dirty.insert(document.id.0, Dirty { before: None, after: document });
        Ok(())
    }

    /// Saves a changed document and raises its version. A step that the design does not allow is refused.
    pub fn save(&mut self, mut document: Document) -> Result<(), StoreError> {
        let id = document.id.0;
        let known = self.dirty.get(&id).map(|dirty| (dirty.after.state, dirty.after.version));
        let (before, (state, version)) = match (known, self.read.take()) {
            (Some(known), _) => (None, known),
            (None, Some((read, stood))) if read == id => {
                let known = (stood.state, stood.version);
                (Some(stood), known)
            }
            (None, _) => match self.documents.get(id)? {
                Some(bytes) => {
                    let stood = Stood::of(&decode(bytes.value())?);
                    let known = (stood.state, stood.version);
                    (Some(stood), known)
                }
                None => return Err(StoreError::Rule(format!("document {id} does not exist"))),
            },
        };
        if state != document.state && !state.may_become(document.state) {
            return Err(StoreError::Rule(format!(
                "document {id} may not go from {} to {}",
                state.label(),
                document.state.label()
            )));
        }
        self.writes += 1;
        document.version = version + 1;
        match self.dirty.get_mut(&id) {
            Some(dirty) => dirty.after = document,
            None => drop(self.dirty.insert(id, Dirty { before, after: document })),
        }
        Ok(())
    }

    /// Documents that occupy a natural key.
    pub fn occupants(&mut self, natural: &str) -> Result<Vec<DocumentId>, StoreError> {
        self.flush()?;
        let range = self.natural.range((natural, 0)..=(natural, u64::MAX))?;
        range.map(|entry| Ok(DocumentId(entry?.0.value().1))).collect()
    }

    /// Documents in a state, in the queue's order, from `after` on.
    pub fn in_state(&mut self, state: State, after: u64, limit: usize) -> Result<Vec<DocumentId>, StoreError> {
        self.flush()?;
        let from = (state.number(), after.saturating_add(1));
        let range = self.states.range(from..=(state.number(), u64::MAX))?;
        range.take(limit).map(|entry| Ok(DocumentId(entry?.0.value().1))).collect()
    }

    /// Keeps a raw version, already sealed.
    pub fn put_raw(&mut self, id: DocumentId, version: u32, sealed: &[u8]) -> Result<(), StoreError> {
        self.writes += 1;
        self.raw.insert((id.0, version), sealed)?;
        Ok(())
    }

    /// Puts the same raw version under another seal in the place of the earlier; whether it was still there as it was seen.
    pub fn replace_raw(
        &mut self,
        id: DocumentId,
        version: u32,
        seen: &[u8],
        sealed: &[u8],
    ) -> Result<bool, StoreError> {
        if self.raw.get((id.0, version))?.is_none_or(|bytes| bytes.value() != seen) {
            return Ok(false);
        }
        self.put_raw(id, version, sealed)?;
        Ok(true)
    }

    /// Freezes a posting. Inside a generation that was sent it never changes: [`Tx::save`]'s caller sees to the state.
    pub fn put_frozen(&mut self, id: DocumentId, frozen: &Frozen) -> Result<(), StoreError> {
        self.writes += 1;
        self.frozen.insert((id.0, frozen.generation.0), encode(frozen)?.as_slice())?;
        Ok(())
    }

    /// A frozen posting.
    pub fn frozen(&self, id: DocumentId, generation: Generation) -> Result<Option<Frozen>, StoreError> {
        self.frozen.get((id.0, generation.0))?.map(|bytes| decode(bytes.value())).transpose()
    }

    /// The document is to be evaluated.
    pub fn mark_pending(&mut self, id: DocumentId) -> Result<(), StoreError> {
        self.marked(1);
        self.pending.insert(id.0, ())?;
        Ok(())
    }

    /// It has been.
    pub fn clear_pending(&mut self, id: DocumentId) -> Result<(), StoreError> {
        self.writes += 1;
        self.pending.remove(id.0)?;
        Ok(())
    }

    /// Whether it alone was marked.
    pub(super) fn is_marked(&self, id: DocumentId) -> Result<bool, StoreError> {
        Ok(self.pending.get(id.0)?.is_some())
    }

    /// So many more documents are to be evaluated.
    pub(super) fn marked(&mut self, count: u64) {
        self.writes += 1;
        self.totals.marked += count;
    }

    /// Documents held because another one here has their vendor and number are to be evaluated: one that had this natural key
    /// gave it up.
    pub fn mark_rivals_pending(&mut self, natural: &str) -> Result<(), StoreError> {
        self.flush()?;
        let rivals = self.rivals.range((natural, 0)..=(natural, u64::MAX))?;
        let ids: Vec<u64> = rivals.map(|entry| Ok(entry?.0.value().1)).collect::<Result<_, StoreError>>()?;
        ids.into_iter().try_for_each(|id| self.mark_pending(DocumentId(id)))
    }

    /// Fills the index of rivals: stores of earlier versions have none.
    pub(super) fn index_rivals(&mut self) -> Result<(), StoreError> {
        for id in self.in_state(State::Held, 0, usize::MAX)? {
            if let Some(document) = self.document(id)? {
                moved(&mut self.rivals, id.0, None, rival(&document))?;
            }
        }
        Ok(())
    }

    /// The JSON text of the last entries about a pair, the newest first.
    pub fn audit_tail_of_pair(&self, id: PairId, limit: usize) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        for entry in self.audit_by_pair.range((id.0, 0)..=(id.0, u64::MAX))?.rev().take(limit) {
            let value = self.audit.get(entry?.0.value().1)?;
            let record = value.as_ref().and_then(|value| value.value().get(32..));
            found.extend(record.and_then(|record| String::from_utf8(record.to_vec()).ok()));
        }
        Ok(found)
    }

    /// Adds an entry to the audit trail.
    pub fn audit(&mut self, entry: &Entry) -> Result<(), StoreError> {
        self.writes += 1;
        let mut value = vec![0u8; 32];
        serde_json::to_writer(&mut value, entry).map_err(|error| StoreError::Record(error.to_string()))?;
        let number = self.head.count;
        self.head = self.head.chained(value.get(32..).unwrap_or_default());
        value.get_mut(..32).unwrap_or_default().copy_from_slice(&self.head.hash);
        self.audit.insert(number, value.as_slice())?;
        if let Some(id) = entry.document {
            self.audit_by_document.insert((id.0, number), ())?;
        }
        if let Some(id) = entry.pair {
            self.audit_by_pair.insert((id.0, number), ())?;
        }
        Ok(())
    }

    /// Reference records of a kind.
    pub fn reference_of(&self, kind: ReferenceKind) -> Result<Vec<ReferenceRecord>, StoreError> {
        let of_kind = (kind as u8, "")..(kind as u8 + 1, "");
        self.reference.range(of_kind)?.map(|entry| decode(entry?.1.value())).collect()
    }

    /// Puts a complete reading of a kind in the place of the earlier. Returns how many records are new, changed or gone.
    pub fn replace_reference(&mut self, kind: ReferenceKind, records: &[ReferenceRecord]) -> Result<u64, StoreError> {
        self.writes += 1;
        let mut changed = 0u64;
        let read: std::collections::HashSet<&str> = records.iter().map(|record| record.id.as_str()).collect();
        let mut gone = Vec::new();
        for entry in self.reference.range((kind as u8, "")..)? {
            let (key, _) = entry?;
            let (of, id) = key.value();
            if of != kind as u8 {
                break;
            }
            if !read.contains(id) {
                gone.push(id.to_owned());
            }
        }
        for id in gone {
            self.reference.remove((kind as u8, id.as_str()))?;
            changed += 1;
        }
        for record in records {
            let bytes = encode(record)?;
            let key = (kind as u8, record.id.as_str());
            let same = self.reference.get(key)?.is_some_and(|known| known.value() == bytes);
            if !same {
                self.reference.insert(key, bytes.as_slice())?;
                changed += 1;
            }
        }
        Ok(changed)
    }

    /// Puts one record of a kind that was read as a whole before, as it was seen since. If it is new or changed, documents that
    /// are held or queued are to be evaluated again, and [`Meta::ReferenceNews`] rises.
    pub fn put_reference(&mut self, record: &ReferenceRecord) -> Result<bool, StoreError> {
        let (bytes, key) = (encode(record)?, (record.kind as u8, record.id.as_str()));
        if self.meta::<Timestamp>(Meta::ReferenceRead(record.kind))?.is_none()
            || self.reference.get(key)?.is_some_and(|known| known.value() == bytes)
        {
            return Ok(false);
        }
        self.writes += 1;
        self.reference.insert(key, bytes.as_slice())?;
        let news: u64 = self.meta(Meta::ReferenceNews)?.unwrap_or(0);
        self.put_meta(Meta::ReferenceNews, &(news + 1))?;
        self.evaluate_all(&[State::Held, State::Queued])?;
        Ok(true)
    }

    /// A flow's record.
    pub fn flow(&self, name: &str) -> Result<FlowRecord, StoreError> {
        Ok(self.flows.get(name)?.map(|bytes| decode(bytes.value())).transpose()?.unwrap_or_default())
    }

    /// Puts a flow's record.
    pub fn put_flow(&mut self, name: &str, record: &FlowRecord) -> Result<(), StoreError> {
        self.writes += 1;
        self.flows.insert(name, encode(record)?.as_slice())?;
        Ok(())
    }

    /// What came of an order before.
    pub fn order(&self, key: &str) -> Result<Option<OrderRecord>, StoreError> {
        self.orders.get(key)?.map(|bytes| decode(bytes.value())).transpose()
    }

    /// Remembers what came of an order.
    pub fn put_order(&mut self, key: &str, record: &OrderRecord) -> Result<(), StoreError> {
        self.writes += 1;
        self.orders.insert(key, encode(record)?.as_slice())?;
        Ok(())
    }

    /// Closed periods by entity and month.
    pub fn closed_periods(&self) -> Result<BTreeMap<String, ClosedPeriod>, StoreError> {
        let mut periods = BTreeMap::new();
        for entry in self.periods.iter()? {
            let (key, value) = entry?;
            periods.insert(key.value().to_owned(), decode(value.value())?);
        }
        Ok(periods)
    }

    /// A closed period, by entity and month.
    pub fn closed_period(&self, key: &str) -> Result<Option<ClosedPeriod>, StoreError> {
        self.periods.get(key)?.map(|bytes| decode(bytes.value())).transpose()
    }

    /// Puts or removes a closed period.
    pub fn put_period(&mut self, key: &str, period: Option<&ClosedPeriod>) -> Result<(), StoreError> {
        self.writes += 1;
        match period {
            Some(period) => drop(self.periods.insert(key, encode(period)?.as_slice())?),
            None => drop(self.periods.remove(key)?),
        }
        Ok(())
    }

    /// A named value.
    pub fn meta<T: DeserializeOwned>(&self, name: Meta) -> Result<Option<T>, StoreError> {
        read_meta(&self.meta, name)
    }

    /// Puts a named value.
    pub fn put_meta<T: Serialize>(&mut self, name: Meta, value: &T) -> Result<(), StoreError> {
        self.writes += 1;
        self.meta.insert(name.key(), encode(value)?.as_slice())?;
        Ok(())
    }

    /// Puts other bytes in the place of a document's record, as a damaged file has them. Gives what stood there.
    #[cfg(test)]
    pub(crate) fn spoil(&mut self, id: DocumentId, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.writes += 1;
        let before = self.documents.insert(id.0, bytes)?;
        Ok(before.map(|before| before.value().to_vec()).unwrap_or_default())
    }

    /// Removes a named value.
    pub fn remove_meta(&mut self, name: Meta) -> Result<(), StoreError> {
        self.writes += 1;
        self.meta.remove(name.key())?;
        Ok(())
    }

    /// The counters as this transaction leaves them.
    pub fn totals(&mut self) -> Result<&Totals, StoreError> {
        self.flush()?;
        Ok(&self.totals)
    }

    /// Writes changed documents with their indexes and counters.
    fn flush(&mut self) -> Result<(), StoreError> {
        let written = self.write_dirty();
        self.torn |= written.is_err();
        written
    }

    fn write_dirty(&mut self) -> Result<(), StoreError> {
        for (id, Dirty { before, after }) in std::mem::take(&mut self.dirty) {
            match &before {
                None => {
                    self.states.insert((after.state.number(), id), ())?;
                    self.totals.enter(&after);
                }
                Some(before) => {
                    if before.state != after.state {
                        self.states.remove((before.state.number(), id))?;
                        self.states.insert((after.state.number(), id), ())?;
                    }
                    let group = GroupKey::of(&after);
                    if before.state != after.state || before.total != after.amount() || before.group != group {
                        self.totals.leave(before.state, before.total, before.group);
                        self.totals.enter(&after);
                    }
                }
            }
            let before = before.as_ref();
            moved(&mut self.vendors, id, before.and_then(|before| before.supplier.as_deref()), supplier(&after))?;
            moved(&mut self.natural, id, before.and_then(|before| before.natural.as_deref()), natural(&after))?;
            moved(&mut self.rivals, id, before.and_then(|before| before.rival.as_deref()), rival(&after))?;
            self.documents.insert(id, encode(&after)?.as_slice())?;
        }
        Ok(())
    }

    /// Writes everything that was kept; the transaction can then be committed.
    pub(super) fn finish(mut self) -> Result<Totals, StoreError> {
        self.flush()?;
        if self.torn {
            return Err(StoreError::Rule("an earlier step could be written only in part".to_owned()));
        }
        let next = self.next_document;
        self.put_meta(Meta::NextDocument, &next)?;
        let head = (self.head.count, self.head.hash);
        self.put_meta(Meta::AuditHead, &head)?;
        self.finish_pairs()?;
        for (state, totals) in &self.totals.states {
            self.counters.insert(state.number(), encode(totals)?.as_slice())?;
        }
        self.groups
            .retain(|key, _| GroupKey::from_numbers(key).is_some_and(|key| self.totals.groups.contains_key(&key)))?;
        for (key, (count, example)) in &self.totals.groups {
            self.groups.insert(key.numbers(), (*count, example.0))?;
        }
        Ok(self.totals)
    }
}

fn supplier(document: &Document) -> Option<&str> {
    document.summary.supplier_number.as_ref().map(|number| number.raw())
}

/// The natural key that a document occupies: while its posting is frozen and neither refused nor given up.
fn natural(document: &Document) -> Option<&str> {
    let occupies = matches!(
        document.state,
        State::Queued | State::Sent | State::Claimed | State::InDoubt | State::Posted | State::Drafted | State::Differs
    );
    document.posting.as_ref().filter(|_| occupies).map(|posting| posting.natural.as_str())
}

/// The natural key that a document is held for because another one here occupies it.
fn rival(document: &Document) -> Option<&str> {
    let waits = |reason: &Reason| reason.code == ReasonCode::DuplicateHere;
    let held = document.state == State::Held && document.reasons.iter().any(waits);
    document.posting.as_ref().filter(|_| held).map(|posting| posting.natural.as_str())
}

/// An index in which a document, or a pair, is under at most one key.
pub(super) fn moved(
    index: &mut Table<'_, (&'static str, u64), ()>,
    id: u64,
    was: Option<&str>,
    is: Option<&str>,
) -> Result<(), StoreError> {
    if was == is {
        return Ok(());
    }
    if let Some(key) = was {
        index.remove((key, id))?;
    }
    if let Some(key) = is {
        index.insert((key, id), ())?;
    }
    Ok(())
}

pub(super) fn read_meta<T: DeserializeOwned>(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    name: Meta,
) -> Result<Option<T>, StoreError> {
    table.get(name.key())?.map(|bytes| decode(bytes.value())).transpose()
}
