//! Looking into the ledger: by number, by record and by mark.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::sighting::{Sighting, sight};
use crate::intacct::answer::Row;
use crate::intacct::ledger::{self, RowFault};
use crate::intacct::{Gateway, ReadError};
use crate::model::{Document, DocumentId, LedgerBill, Mark, RecordNo, Stem};
use crate::seams::Guards;
use crate::store::Frozen;

/// A document with its frozen posting.
#[derive(Clone, Debug)]
pub struct Item {
    /// The document as it was read.
    pub document: Document,
    /// The posting.
    pub frozen: Frozen,
    /// When it was looked up last, on the monotonic clock.
    pub looked: Duration,
}

impl Item {
    /// Its number.
    pub fn id(&self) -> DocumentId {
        self.document.id
    }

    fn stem(&self) -> Option<&Stem> {
        self.document.posting.as_ref().map(|posting| &posting.mark.stem)
    }
}

/// How thoroughly to look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// Before a send: by bill number, and what is missing by mark, because the number may have changed since a life of which
    /// the store knows nothing.
    Before,
    /// After an answer: what is missing also by the record number that was claimed.
    After,
}

/// Marks asked for in one query.
const MARKS: usize = 100;

/// Why a look told nothing.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The gateway could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A row could not be understood: it might be ours, so nothing is concluded from its page.
    #[error("a bill of the ledger cannot be understood: {0}")]
    Row(#[from] RowFault),
}

/// Bills that were read, each once, with their marks.
struct Found {
    bills: Vec<LedgerBill>,
    marks: Vec<Option<Mark>>,
    records: HashSet<RecordNo>,
}

impl Found {
    fn add(&mut self, rows: &[Row], mark_field: &str) -> Result<(), RowFault> {
        for row in rows {
            let bill = ledger::ledger_bill(row, mark_field)?;
            if self.records.insert(bill.record.clone()) {
                self.marks.push(Mark::find(bill.marked.raw()).or_else(|| Mark::parse(bill.marked.raw())));
                self.bills.push(bill);
            }
        }
        Ok(())
    }

    fn stems(&self) -> HashSet<&Stem> {
        self.marks.iter().flatten().map(|mark| &mark.stem).collect()
    }
}

/// Looks up to five hundred postings up in the ledger and says what was seen of each.
pub async fn look<G: Guards>(
    gateway: &Gateway,
    mark_field: &str,
    entity: Option<&str>,
    items: &[Item],
    depth: Depth,
) -> Result<HashMap<DocumentId, Sighting>, LookError> {
    let mut numbers: Vec<&str> = items.iter().map(|item| item.frozen.bill.number.as_str()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let mut found = Found { bills: Vec::new(), marks: Vec::new(), records: HashSet::new() };
    found.add(&gateway.query_all(&ledger::by_numbers(numbers, mark_field)).await?, mark_field)?;
    let known = found.stems();
    let missing: Vec<&Item> =
        items.iter().filter(|item| item.stem().is_some_and(|stem| !known.contains(stem))).collect();
    for some in missing.chunks(MARKS) {
        let marked = ledger::by_marks(some.iter().filter_map(|item| item.stem()), mark_field);
        found.add(&gateway.query_all(&marked).await?, mark_field)?;
    }
    let records: Vec<RecordNo> = missing.iter().filter_map(|item| item.document.record.clone()).collect();
    if depth == Depth::After && !records.is_empty() {
        found.add(&gateway.query_all(&ledger::by_records(records.iter(), mark_field)).await?, mark_field)?;
    }
    let wanted: HashSet<&Stem> = items.iter().filter_map(Item::stem).collect();
    let is_ours = |mark: &Option<Mark>| mark.as_ref().is_some_and(|mark| wanted.contains(&mark.stem));
    let ours: Vec<RecordNo> = found
        .bills
        .iter()
        .zip(&found.marks)
        .filter(|(_, mark)| is_ours(mark))
        .map(|(bill, _)| bill.record.clone())
        .collect();
    if !ours.is_empty() {
        let rows = gateway.query_all(&ledger::line_counts(ours.iter())).await?;
        let counts: HashMap<RecordNo, u32> = rows.iter().map(ledger::line_count).collect::<Result<_, _>>()?;
        for bill in &mut found.bills {
            bill.lines = counts.get(&bill.record).copied();
        }
    }
    let mut by_number: HashMap<&str, Vec<&LedgerBill>> = HashMap::new();
    let mut by_stem: HashMap<&Stem, Vec<&LedgerBill>> = HashMap::new();
    let mut by_record: HashMap<&RecordNo, &LedgerBill> = HashMap::new();
    for (bill, mark) in found.bills.iter().zip(&found.marks) {
        by_number.entry(bill.number.raw().trim()).or_default().push(bill);
        by_record.insert(&bill.record, bill);
        if let Some(mark) = mark {
            by_stem.entry(&mark.stem).or_default().push(bill);
        }
    }
    let mut seen = HashMap::with_capacity(items.len());
    for item in items {
        let mut rows: Vec<&LedgerBill> = by_number.get(item.frozen.bill.number.as_str()).cloned().unwrap_or_default();
        let marked = item.stem().and_then(|stem| by_stem.get(stem)).into_iter().flatten();
        for bill in marked.chain(item.document.record.as_ref().and_then(|record| by_record.get(record))) {
            if !rows.iter().any(|row| row.record == bill.record) {
                rows.push(bill);
            }
        }
        seen.insert(item.id(), sight::<G>(&item.document, &item.frozen, &rows, entity));
    }
    Ok(seen)
}
