//! Looking into the ledger: by number, by record and by mark.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::sighting::{Sighting, sight};
use crate::intacct::answer::Row;
use crate::intacct::ledger::{self, UnnamedBill};
use crate::intacct::{Gateway, ReadError};
use crate::model::{Document, DocumentId, LedgerBill, Mark, RecordNo, Stem, Text};
use crate::seams::{Guard, Guards};
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

/// Marks asked for in one query.
const MARKS: usize = 100;

/// Bills that were read, each once, with their marks; and which documents a row without a record number could belong to.
struct Found<'i> {
    items: &'i [Item],
    mark_field: &'i str,
    bills: Vec<LedgerBill>,
    marks: Vec<Option<Mark>>,
    records: HashSet<RecordNo>,
    suspects: HashMap<DocumentId, Suspicion>,
}

/// A row that cannot be told from a document's bill.
struct Suspicion {
    why: String,
    /// It carries the document's mark.
    marked: bool,
}

/// What rows were asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Number,
    MarkOrRecord,
}

fn mark_in(text: &Text) -> Option<Mark> {
    Mark::find(text.raw()).or_else(|| Mark::parse(text.raw()))
}

impl<'i> Found<'i> {
    /// Adds the rows of a query for some of the items.
    fn add(&mut self, rows: &[Row], by: By, asked: &[&'i Item]) {
        for row in rows {
            match ledger::ledger_bill(row, self.mark_field) {
                Ok(bill) if self.records.insert(bill.record.clone()) => {
                    self.marks.push(mark_in(&bill.marked));
                    self.bills.push(bill);
                }
                Ok(_) => {}
                Err(unnamed) => self.suspect(&unnamed, by, asked),
            }
        }
    }

    /// A row without a record number could be the bill of each document whose mark it carries, or whose vendor and number it
    /// does not contradict; and of all that were asked for where it is like none of them.
    fn suspect(&mut self, row: &UnnamedBill, by: By, asked: &[&'i Item]) {
        let mark = mark_in(&row.marked);
        let marked = |item: &Item| mark.as_ref().is_some_and(|mark| item.stem() == Some(&mark.stem));
        let open = |seen: &Text, ours: &str| seen.is_blank() || seen.raw() == ours;
        let natural =
            |item: &Item| open(&row.vendor, &item.frozen.bill.vendor) && open(&row.number, &item.frozen.bill.number);
        let fits = |item: &Item| marked(item) || natural(item);
        // The same number of another vendor is nobody's here.
        let another = by == By::Number
            && !row.vendor.is_blank()
            && asked.iter().any(|item| item.frozen.bill.number == row.number.raw());
        let mut suspects: Vec<&Item> = self.items.iter().filter(|item| fits(item)).collect();
        if !another && !asked.iter().any(|item| fits(item)) {
            suspects.extend(asked);
        }
        let why = format!("{row}: it could be the bill of this document, so nothing is sent or settled");
        for item in suspects {
            let suspicion =
                self.suspects.entry(item.id()).or_insert_with(|| Suspicion { why: why.clone(), marked: false });
            suspicion.marked |= marked(item);
        }
    }

    fn stems(&self) -> HashSet<&Stem> {
        self.marks.iter().flatten().map(|mark| &mark.stem).collect()
    }

    /// What was seen, as far as nothing unreadable stands against it: who could have a row that cannot be read is not absent,
    /// and who has a marked one besides may be doubled.
    fn certain(&self, id: DocumentId, seen: Sighting) -> Sighting {
        match (self.suspects.get(&id), &seen) {
            (Some(suspicion), Sighting::Absent) => Sighting::Unreadable(suspicion.why.clone()),
            (Some(Suspicion { why, marked: true }), Sighting::Ours { .. }) => Sighting::Unreadable(why.clone()),
            _ => seen,
        }
    }
}

/// Looks up to five hundred postings up in the ledger and says what was seen of each: by bill number; what is missing by mark,
/// because the number may have changed since a life of which the store knows nothing; and by the record number that was claimed.
pub async fn look<G: Guards>(
    gateway: &Gateway,
    mark_field: &str,
    entity: Option<&str>,
    items: &[Item],
) -> Result<HashMap<DocumentId, Sighting>, ReadError> {
    search::<G>(gateway, mark_field, entity, items, false).await
}

/// The same, but each is looked up by its mark and its record number as well, also where its bill number was found: a second
/// bill with its mark may have any number.
pub async fn look_closely<G: Guards>(
    gateway: &Gateway,
    mark_field: &str,
    entity: Option<&str>,
    items: &[Item],
) -> Result<HashMap<DocumentId, Sighting>, ReadError> {
    search::<G>(gateway, mark_field, entity, items, true).await
}

async fn search<G: Guards>(
    gateway: &Gateway,
    mark_field: &str,
    entity: Option<&str>,
    items: &[Item],
    closely: bool,
) -> Result<HashMap<DocumentId, Sighting>, ReadError> {
    let all: Vec<&Item> = items.iter().collect();
    let mut numbers: Vec<&str> = items.iter().map(|item| item.frozen.bill.number.as_str()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let mut found = Found {
        items,
        mark_field,
        bills: Vec::new(),
        marks: Vec::new(),
        records: HashSet::new(),
        suspects: HashMap::new(),
    };
    found.add(&gateway.query_all(&ledger::by_numbers(numbers, mark_field)).await?, By::Number, &all);
    let known = found.stems();
    let missing: Vec<&Item> =
        items.iter().filter(|item| item.stem().is_some_and(|stem| closely || !known.contains(stem))).collect();
    for some in missing.chunks(MARKS) {
        let marked = ledger::by_marks(some.iter().filter_map(|item| item.stem()), mark_field);
        found.add(&gateway.query_all(&marked).await?, By::MarkOrRecord, some);
    }
    let named: Vec<&Item> = missing.into_iter().filter(|item| item.document.record.is_some()).collect();
    if !named.is_empty() {
        let records = ledger::by_records(named.iter().filter_map(|item| item.document.record.as_ref()), mark_field);
        found.add(&gateway.query_all(&records).await?, By::MarkOrRecord, &named);
    }
    let wanted: HashSet<&Stem> = items.iter().filter_map(Item::stem).collect();
    let claimed: HashSet<&RecordNo> = named.iter().filter_map(|item| item.document.record.as_ref()).collect();
    let is_ours = |mark: &Option<Mark>| match mark {
        Some(mark) => wanted.contains(&mark.stem),
        None => !G::hold(Guard::OwnMark),
    };
    let ours: Vec<RecordNo> = found
        .bills
        .iter()
        .zip(&found.marks)
        .filter(|(bill, mark)| is_ours(mark) || claimed.contains(&bill.record))
        .map(|(bill, _)| bill.record.clone())
        .collect();
    let mut uncounted = None;
    if !ours.is_empty() {
        let mut counts: HashMap<RecordNo, u32> = HashMap::with_capacity(ours.len());
        for row in gateway.query_all(&ledger::line_counts(ours.iter())).await? {
            match ledger::line_count(&row) {
                Ok((record, lines)) => drop(counts.insert(record, lines)),
                Err(fault) => uncounted = Some(fault.to_string()),
            }
        }
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
        let sighting = match (sight::<G>(&item.document, &item.frozen, &rows, entity), &uncounted) {
            // The count that cannot be read may be this bill's.
            (Sighting::Ours { bill, .. }, Some(fault)) if bill.lines.is_none() => Sighting::Unreadable(fault.clone()),
            (sighting, _) => sighting,
        };
        seen.insert(item.id(), found.certain(item.id(), sighting));
    }
    Ok(seen)
}
