//! The reader: a short look at one commit.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use redb::{ReadOnlyTable, ReadTransaction, ReadableTable, TableDefinition};
use serde::de::DeserializeOwned;

use super::StoreError;
use super::audit::Link;
use super::codec::decode;
use super::records::{ClosedPeriod, FlowRecord, Frozen, Meta};
use super::tables as t;
use super::totals::{GroupKey, Totals};
use super::write::read_meta;
use crate::model::{
    Document, DocumentId, DocumentKey, Generation, PairId, ReferenceKind, ReferenceRecord, State, Stem, Timestamp,
};

/// Reads as of one commit. Keep it short: an open reader pins pages.
pub struct Reader {
    txn: ReadTransaction,
}

/// A document with its latest raw version, sealed.
pub type WithRaw = (Document, Option<Vec<u8>>);

/// A raw version as stored.
pub struct RawRecord {
    /// Its document.
    pub id: DocumentId,
    /// Which version.
    pub version: u32,
    /// The document's key.
    pub key: DocumentKey,
    /// Sealed bytes.
    pub sealed: Vec<u8>,
}

/// An entry of the trail as stored.
pub struct StoredEntry {
    /// Number.
    pub number: u64,
    /// JSON text as it was hashed.
    pub record: String,
    /// Hash, hex.
    pub hash: String,
}

impl Reader {
    pub(super) fn new(txn: ReadTransaction) -> Self {
        Reader { txn }
    }

    pub(super) fn table<K: redb::Key, V: redb::Value>(
        &self,
        definition: TableDefinition<K, V>,
    ) -> Result<ReadOnlyTable<K, V>, StoreError> {
        Ok(self.txn.open_table(definition)?)
    }

    /// A document.
    pub fn document(&self, id: DocumentId) -> Result<Option<Document>, StoreError> {
        let table = self.txn.open_table(t::DOCUMENTS)?;
        table.get(id.0)?.map(|bytes| decode(bytes.value())).transpose()
    }

    /// Several documents; those that do not exist are left out.
    pub fn documents(&self, ids: &[DocumentId]) -> Result<Vec<Document>, StoreError> {
        let table = self.txn.open_table(t::DOCUMENTS)?;
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(bytes) = table.get(id.0)? {
                found.push(decode(bytes.value())?);
            }
        }
        Ok(found)
    }

    /// The number of the document with that key.
    pub fn find(&self, key: &DocumentKey) -> Result<Option<DocumentId>, StoreError> {
        Ok(self.txn.open_table(t::KEYS)?.get(key.as_str())?.map(|id| DocumentId(id.value())))
    }

    /// The documents whose marks have these stems: one walk over all keys, for any number of them.
    pub fn by_stems(&self, wanted: &HashSet<Stem>) -> Result<HashMap<Stem, DocumentId>, StoreError> {
        let mut found = HashMap::new();
        for entry in self.txn.open_table(t::KEYS)?.iter()? {
            let (key, id) = entry?;
            let stem = Stem::of_text(key.value());
            if wanted.contains(&stem) {
                found.insert(stem, DocumentId(id.value()));
            }
        }
        Ok(found)
    }

    /// Documents in a state, oldest first, behind `after`.
    pub fn in_state(&self, state: State, after: u64, limit: usize) -> Result<Vec<DocumentId>, StoreError> {
        let table = self.txn.open_table(t::STATES)?;
        let range = table.range((state.number(), after.saturating_add(1))..=(state.number(), u64::MAX))?;
        range.take(limit).map(|entry| Ok(DocumentId(entry?.0.value().1))).collect()
    }

    /// Documents in a state that wait for no evaluation, oldest first and behind a number, without those that `skip` names: what
    /// may be sent as it stands.
    pub fn evaluated_in_state(
        &self,
        state: State,
        behind: u64,
        limit: usize,
        skip: impl Fn(DocumentId) -> bool,
    ) -> Result<Vec<DocumentId>, StoreError> {
        let (table, pending) = (self.txn.open_table(t::STATES)?, self.txn.open_table(t::PENDING)?);
        let parts = self.sweep(state)?.map_or([(0, u64::MAX), (1, 0)], |sweep| sweep.beside());
        let mut found = Vec::new();
        let parts = parts.map(|(from, to)| (from.max(behind.saturating_add(1)), to));
        for (from, to) in parts.into_iter().filter(|(from, to)| from <= to) {
            for entry in table.range((state.number(), from)..=(state.number(), to))? {
                let id = DocumentId(entry?.0.value().1);
                if skip(id) || pending.get(id.0)?.is_some() {
                    continue;
                }
                found.push(id);
                if found.len() >= limit {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    /// Walks documents of the given states (all, if none) in one order, from `after` on and not before `since`, until the
    /// visitor says stop. States are merged, so the order is the arrival's across all of them.
    pub fn walk(
        &self,
        states: &[State],
        vendor: Option<&str>,
        range: Walk,
        mut visit: impl FnMut(Document) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let table = self.txn.open_table(t::DOCUMENTS)?;
        let (low, high) = range.bounds();
        if low > high {
            return Ok(());
        }
        let mut see = |id: u64| -> Result<bool, StoreError> {
            match table.get(id)? {
                Some(bytes) => visit(decode(bytes.value())?),
                None => Ok(true),
            }
        };
        if let Some(vendor) = vendor {
            let index = self.txn.open_table(t::VENDORS)?;
            let mut ids = index.range((vendor, low)..=(vendor, high))?;
            while let Some(entry) = if range.oldest_first { ids.next() } else { ids.next_back() } {
                if !see(entry?.0.value().1)? {
                    return Ok(());
                }
            }
            return Ok(());
        }
        if states.is_empty() {
            let mut ids = table.range(low..=high)?;
            while let Some(entry) = if range.oldest_first { ids.next() } else { ids.next_back() } {
                if !see(entry?.0.value())? {
                    return Ok(());
                }
            }
            return Ok(());
        }
        let index = self.txn.open_table(t::STATES)?;
        let mut heads = Vec::new();
        // A state that is named twice is walked once.
        let distinct: BTreeSet<State> = states.iter().copied().collect();
        for state in distinct {
            let mut ids = index.range((state.number(), low)..=(state.number(), high))?;
            let head = if range.oldest_first { ids.next() } else { ids.next_back() };
            if let Some(entry) = head {
                heads.push((entry?.0.value().1, ids));
            }
        }
        loop {
            let next = heads.iter().enumerate().map(|(place, (id, _))| (*id, place));
            let Some((id, place)) = (if range.oldest_first { next.min() } else { next.max() }) else { return Ok(()) };
            if !see(id)? {
                return Ok(());
            }
            let following = match heads.get_mut(place) {
                Some((_, ids)) => {
                    if range.oldest_first {
                        ids.next()
                    } else {
                        ids.next_back()
                    }
                }
                None => None,
            };
            match following {
                Some(entry) => {
                    let id = entry?.0.value().1;
                    if let Some(head) = heads.get_mut(place) {
                        head.0 = id;
                    }
                }
                None => drop(heads.swap_remove(place)),
            }
        }
    }

    /// The first document that was first seen at or after an instant, or the number behind the last: numbers ascend with time
    /// but where the wall clock had jumped back, so each stretch between two jumps is searched in halves.
    pub fn first_since(&self, since: Timestamp) -> Result<u64, StoreError> {
        let table = self.txn.open_table(t::DOCUMENTS)?;
        let Some(last) = table.last()? else { return Ok(1) };
        let end = last.0.value() + 1;
        let back: Vec<u64> = self.meta(Meta::SeenBack)?.unwrap_or_default();
        let mut low = 1;
        for stretch in back.into_iter().chain([end]) {
            let mut high = stretch;
            while low < high {
                let middle = low + (high - low) / 2;
                let seen: Option<Document> = match table.range(middle..high)?.next() {
                    Some(entry) => Some(decode(entry?.1.value())?),
                    None => None,
                };
                match seen {
                    Some(document) if document.first_seen < since => low = document.id.0 + 1,
                    _ => high = middle,
                }
            }
            if low < stretch {
                return Ok(low);
            }
        }
        Ok(end)
    }

    /// The latest raw versions, sealed, of several documents.
    pub fn raw(&self, id: DocumentId, version: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let table = self.txn.open_table(t::RAW)?;
        Ok(table.get((id.0, version))?.map(|bytes| bytes.value().to_vec()))
    }

    /// Raw versions behind `after`, in the order of their numbers, with the key of each one's document: at most `limit`, and
    /// about `bytes_limit` bytes of them.
    pub fn raw_after(
        &self,
        after: Option<(u64, u32)>,
        limit: usize,
        bytes_limit: usize,
    ) -> Result<Vec<RawRecord>, StoreError> {
        let (documents, raw) = (self.txn.open_table(t::DOCUMENTS)?, self.txn.open_table(t::RAW)?);
        let from = after.map_or((0, 0), |(id, version)| (id, version.saturating_add(1)));
        let (mut found, mut size) = (Vec::new(), 0usize);
        for entry in raw.range(from..)? {
            let (place, sealed) = entry?;
            let ((id, version), sealed) = (place.value(), sealed.value().to_vec());
            let Some(bytes) = documents.get(id)? else {
                return Err(StoreError::Record(format!("raw document {id} belongs to no document")));
            };
            let key = decode::<Document>(bytes.value())?.key;
            size = size.saturating_add(sealed.len());
            found.push(RawRecord { id: DocumentId(id), version, key, sealed });
            if found.len() >= limit || size >= bytes_limit {
                break;
            }
        }
        Ok(found)
    }

    /// Documents that were marked to be evaluated, with their latest raw versions.
    pub fn pending(&self, after: u64, limit: usize) -> Result<Vec<WithRaw>, StoreError> {
        let pending = self.txn.open_table(t::PENDING)?;
        let ids = pending.range(after.saturating_add(1)..)?.take(limit).map(|entry| Ok(entry?.0.value()));
        self.with_raw(ids.collect::<Result<Vec<u64>, StoreError>>()?)
    }

    /// Documents with their latest raw versions; those that do not exist are left out.
    pub(super) fn with_raw(&self, ids: impl IntoIterator<Item = u64>) -> Result<Vec<WithRaw>, StoreError> {
        let (documents, raw) = (self.txn.open_table(t::DOCUMENTS)?, self.txn.open_table(t::RAW)?);
        let mut found = Vec::new();
        for id in ids {
            if let Some(bytes) = documents.get(id)? {
                let document: Document = decode(bytes.value())?;
                let sealed = raw.get((id, document.raw_version))?.map(|bytes| bytes.value().to_vec());
                found.push((document, sealed));
            }
        }
        Ok(found)
    }

    /// Whether anything waits to be evaluated.
    pub fn has_pending(&self) -> Result<bool, StoreError> {
        Ok(self.txn.open_table(t::PENDING)?.first()?.is_some() || self.txn.open_table(t::SWEEPS)?.first()?.is_some())
    }

    /// A frozen posting.
    pub fn frozen(&self, id: DocumentId, generation: Generation) -> Result<Option<Frozen>, StoreError> {
        let table = self.txn.open_table(t::FROZEN)?;
        table.get((id.0, generation.0))?.map(|bytes| decode(bytes.value())).transpose()
    }

    /// Documents with their frozen postings, for the lane.
    pub fn with_frozen(&self, ids: &[DocumentId]) -> Result<Vec<(Document, Frozen)>, StoreError> {
        let (documents, frozen) = (self.txn.open_table(t::DOCUMENTS)?, self.txn.open_table(t::FROZEN)?);
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(bytes) = documents.get(id.0)? else { continue };
            let document: Document = decode(bytes.value())?;
            let Some(posting) = &document.posting else { continue };
            if let Some(bytes) = frozen.get((id.0, posting.generation.0))? {
                let frozen = decode(bytes.value())?;
                found.push((document, frozen));
            }
        }
        Ok(found)
    }

    /// Documents that occupy a natural key.
    pub fn occupants(&self, natural: &str) -> Result<Vec<DocumentId>, StoreError> {
        let table = self.txn.open_table(t::NATURAL)?;
        let range = table.range((natural, 0)..=(natural, u64::MAX))?;
        range.map(|entry| Ok(DocumentId(entry?.0.value().1))).collect()
    }

    /// All reference records.
    pub fn reference(&self) -> Result<Vec<ReferenceRecord>, StoreError> {
        let table = self.txn.open_table(t::REFERENCE)?;
        table.iter()?.map(|entry| decode(entry?.1.value())).collect()
    }

    /// All reference records of a kind.
    pub fn reference_of(&self, kind: ReferenceKind) -> Result<Vec<ReferenceRecord>, StoreError> {
        let table = self.txn.open_table(t::REFERENCE)?;
        let mut found = Vec::new();
        for entry in table.range((kind as u8, "")..)? {
            let (key, value) = entry?;
            if key.value().0 != kind as u8 {
                break;
            }
            found.push(decode(value.value())?);
        }
        Ok(found)
    }

    /// A flow's record.
    pub fn flow(&self, name: &str) -> Result<FlowRecord, StoreError> {
        let table = self.txn.open_table(t::FLOWS)?;
        Ok(table.get(name)?.map(|bytes| decode(bytes.value())).transpose()?.unwrap_or_default())
    }

    /// Closed periods by entity and month.
    pub fn closed_periods(&self) -> Result<BTreeMap<String, ClosedPeriod>, StoreError> {
        let table = self.txn.open_table(t::PERIODS)?;
        let mut periods = BTreeMap::new();
        for entry in table.iter()? {
            let (key, value) = entry?;
            periods.insert(key.value().to_owned(), decode(value.value())?);
        }
        Ok(periods)
    }

    /// A named value.
    pub fn meta<T: DeserializeOwned>(&self, name: Meta) -> Result<Option<T>, StoreError> {
        read_meta(&self.txn.open_table(t::META)?, name)
    }

    /// Number and hash of the last audit entry.
    pub fn audit_head(&self) -> Result<Link, StoreError> {
        let head: Option<(u64, [u8; 32])> = self.meta(Meta::AuditHead)?;
        Ok(head.map_or_else(Link::default, |(count, hash)| Link { count, hash }))
    }

    /// Entries from a number on.
    pub fn audit_from(&self, from: u64, limit: usize) -> Result<Vec<StoredEntry>, StoreError> {
        let table = self.txn.open_table(t::AUDIT)?;
        table
            .range(from..)?
            .take(limit)
            .map(|entry| entry.map_err(StoreError::from).and_then(|(n, v)| stored(n.value(), v.value())))
            .collect()
    }

    /// Entries of a document.
    pub fn audit_of(&self, id: DocumentId) -> Result<Vec<StoredEntry>, StoreError> {
        self.audit_by(t::AUDIT_BY_DOCUMENT, id.0)
    }

    /// Entries of a pair.
    pub fn audit_of_pair(&self, id: PairId) -> Result<Vec<StoredEntry>, StoreError> {
        self.audit_by(t::AUDIT_BY_PAIR, id.0)
    }

    fn audit_by(&self, index: TableDefinition<(u64, u64), ()>, id: u64) -> Result<Vec<StoredEntry>, StoreError> {
        let (index, table) = (self.txn.open_table(index)?, self.txn.open_table(t::AUDIT)?);
        let mut entries = Vec::new();
        for entry in index.range((id, 0)..=(id, u64::MAX))? {
            let number = entry?.0.value().1;
            if let Some(value) = table.get(number)? {
                entries.push(stored(number, value.value())?);
            }
        }
        Ok(entries)
    }

    /// Verifies the chain: the head, or the first broken entry and how it is broken.
    pub fn audit_verify(&self) -> Result<Result<Link, (u64, String)>, StoreError> {
        let head = self.audit_head()?;
        let table = self.txn.open_table(t::AUDIT)?;
        let mut link = Link::default();
        for entry in table.iter()? {
            let (number, value) = entry?;
            if number.value() != link.count {
                return Ok(Err((link.count, format!("entry {} is missing", link.count))));
            }
            let (hash, record) = value.value().split_at_checked(32).unwrap_or_default();
            link = link.chained(record);
            if link.hash != hash {
                return Ok(Err((number.value(), "its hash does not match its content".to_owned())));
            }
        }
        if link != head {
            return Ok(Err((link.count, format!("the trail ends here, but {} entries were written", head.count))));
        }
        Ok(Ok(link))
    }

    /// Counters as stored.
    pub(super) fn totals(&self) -> Result<Totals, StoreError> {
        let mut totals = Totals::default();
        let counters = self.txn.open_table(t::COUNTERS)?;
        for entry in counters.iter()? {
            let (number, value) = entry?;
            if let Some(state) = State::ALL.into_iter().find(|state| state.number() == number.value()) {
                totals.states.insert(state, decode(value.value())?);
            }
        }
        let groups = self.txn.open_table(t::GROUPS)?;
        for entry in groups.iter()? {
            let (key, value) = entry?;
            if let Some(key) = GroupKey::from_numbers(key.value()) {
                let (count, example) = value.value();
                totals.groups.insert(key, (count, DocumentId(example)));
            }
        }
        Ok(totals)
    }
}

fn stored(number: u64, value: &[u8]) -> Result<StoredEntry, StoreError> {
    let (hash, record) = value.split_at_checked(32).unwrap_or_default();
    let record = std::str::from_utf8(record).map_err(|error| StoreError::Record(error.to_string()))?;
    Ok(StoredEntry { number, record: record.to_owned(), hash: data_encoding::HEXLOWER.encode(hash) })
}

/// Where a walk begins, and which way it goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Walk {
    /// Behind this document in the walk's direction.
    pub after: Option<DocumentId>,
    /// Not before this number.
    pub from: u64,
    /// Oldest first instead of newest first.
    pub oldest_first: bool,
}

impl Walk {
    fn bounds(&self) -> (u64, u64) {
        match (self.after, self.oldest_first) {
            (Some(after), true) => (self.from.max(after.0.saturating_add(1)), u64::MAX),
            (Some(after), false) => (self.from, after.0.saturating_sub(1)),
            (None, _) => (self.from, u64::MAX),
        }
    }
}
