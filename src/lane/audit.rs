//! The late audit: every bill that carries our mark is counted and compared with what is known here, page by page.
//!
//! It only reads. A page says which documents are as they were read back; of those, one bit each is kept. Whatever is not so is
//! looked up once more, closely and by itself, before anything is said of it, and nothing is said before all pages were read. What
//! it finds is written as the lane writes it: a document whose bill is gone, fallen or another one differs, for a person.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use super::apply::{Change, apply_audited, stop_posting};
use super::look::{Item, look_closely};
use super::sighting::{Sighting, differences};
use crate::intacct::answer::Row;
use crate::intacct::{Gateway, ReadError, ledger};
use crate::messages::BillAudit;
use crate::model::{
    Actor, Bill, Company, Date, Document, DocumentId, LedgerBill, LedgerState, Mark, ReasonCode, RecordNo, State, Stem,
    Text, Timestamp,
};
use crate::seams::{Guards, Seams};
use crate::store::{Entry, Meta, Reader, Store, StoreError, at};

/// What an audit must know.
#[derive(Clone, Debug)]
pub struct AuditOptions {
    /// Who is named in the trail.
    pub by: Actor,
    /// Whose bills.
    pub company: Company,
    /// Makes a natural key of company, vendor and bill number.
    pub natural_key: fn(&Company, &str, &str) -> String,
    /// Field that carries the mark.
    pub mark_field: String,
    /// Bills in a page.
    pub page_size: usize,
    /// Of a document that changed later than this long ago nothing is concluded.
    pub quiet_time: Duration,
}

/// Why an audit came to no end.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Intacct could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Bills of which no document was found by vendor and number, looked for together by their marks.
const LOOSE: usize = 5_000;
/// Documents looked up closely at once, and read from an index at once.
const CHUNK: usize = 500;
/// Bills that no document stands for: so many are compared with each other and named in the trail.
const OPEN: usize = 1_000;
/// So many are named to people.
const NAMED: usize = 50;

/// Audits all bills of the company.
pub async fn audit<G: Guards>(
    gateway: &Gateway,
    store: &Store,
    seams: &Seams,
    options: AuditOptions,
) -> Result<BillAudit, AuditError> {
    let mut audit = Audit {
        gateway,
        store,
        seams,
        options,
        found: BillAudit::default(),
        seen: Seen::default(),
        suspects: BTreeSet::new(),
        open: Vec::new(),
    };
    audit.read_bills().await?;
    audit.miss_documents().await?;
    audit.look_closely::<G>().await?;
    audit.end().await
}

struct Audit<'a> {
    gateway: &'a Gateway,
    store: &'a Store,
    seams: &'a Seams,
    options: AuditOptions,
    found: BillAudit,
    /// Documents whose bill is as it was read back.
    seen: Seen,
    suspects: BTreeSet<DocumentId>,
    open: Vec<Open>,
}

/// A bill with our mark.
struct Marked {
    bill: LedgerBill,
    mark: Mark,
}

/// A bill that no document stands for, or a row that cannot be read.
struct Open {
    event: &'static str,
    /// Mark and record of a bill that stands.
    stands: Option<(Stem, RecordNo)>,
    what: Text,
}

/// What a bill says about its document.
enum Says {
    /// It is as it was read back.
    Same(DocumentId),
    /// It must be looked at.
    Suspect(DocumentId),
    /// It stands, and its document says otherwise.
    Open(Open),
    /// Nothing: it is on its way, just settled, or decided on.
    Nothing,
}

impl Audit<'_> {
    /// Reads all bills and sorts them.
    async fn read_bills(&mut self) -> Result<(), AuditError> {
        let mut loose = Vec::new();
        let query = ledger::marked(&self.options.mark_field).page_size(self.options.page_size);
        let mut pages = self.gateway.pages(&query);
        while let Some(rows) = pages.next().await? {
            let marked = self.marked(&rows);
            self.found.bills += marked.len() as u64;
            let (options, now) = (self.options.clone(), self.seams.clock.now());
            let (says, unknown) = self.store.read(move |reader| by_number(reader, &options, now, marked)).await?;
            says.into_iter().for_each(|says| self.hear(says));
            loose.extend(unknown);
            if loose.len() >= LOOSE {
                self.find_by_mark(std::mem::take(&mut loose)).await?;
            }
        }
        self.find_by_mark(loose).await
    }

    /// The bills of a page. A description that only looks like a mark is none.
    fn marked(&mut self, rows: &[Row]) -> Vec<Marked> {
        let mut marked = Vec::with_capacity(rows.len());
        for row in rows {
            match ledger::ledger_bill(row, &self.options.mark_field) {
                Ok(bill) => {
                    let mark = Mark::find(bill.marked.raw()).or_else(|| Mark::parse(bill.marked.raw()));
                    marked.extend(mark.map(|mark| Marked { bill, mark }));
                }
                Err(unnamed) => {
                    let what = Text::new(format!("{unnamed}: it cannot be compared with anything"));
                    self.hear(Says::Open(Open { event: "unreadable", stands: None, what }));
                }
            }
        }
        marked
    }

    /// Bills whose vendor or number is no document's any more, and those of documents that gave their number up.
    async fn find_by_mark(&mut self, loose: Vec<Marked>) -> Result<(), AuditError> {
        if loose.is_empty() {
            return Ok(());
        }
        let (options, now) = (self.options.clone(), self.seams.clock.now());
        let says = self.store.read(move |reader| by_mark(reader, &options, now, loose)).await?;
        says.into_iter().for_each(|says| self.hear(says));
        Ok(())
    }

    fn hear(&mut self, says: Says) {
        match says {
            Says::Same(id) => self.seen.add(id),
            Says::Suspect(id) => drop(self.suspects.insert(id)),
            Says::Open(open) if self.open.len() < OPEN => self.open.push(open),
            Says::Open(_) => self.found.more += 1,
            Says::Nothing => {}
        }
    }

    /// Posted documents whose bill was not among them, or not as it was.
    async fn miss_documents(&mut self) -> Result<(), StoreError> {
        for state in [State::Posted, State::Drafted] {
            let mut after = 0;
            loop {
                let ids = self.store.read(move |reader| reader.in_state(state, after, CHUNK)).await?;
                let Some(last) = ids.last() else { break };
                after = last.0;
                for id in ids {
                    if self.seen.has(id) {
                        self.found.standing += 1;
                    } else {
                        self.suspects.insert(id);
                    }
                }
            }
        }
        Ok(())
    }

    /// Looks at each suspect for itself, and writes what it says.
    async fn look_closely<G: Guards>(&mut self) -> Result<(), AuditError> {
        let suspects: Vec<DocumentId> = std::mem::take(&mut self.suspects).into_iter().collect();
        for some in suspects.chunks(CHUNK) {
            let ids = some.to_vec();
            let found = self.store.read(move |reader| reader.with_frozen(&ids)).await?;
            let (now, looked) = (self.seams.clock.now(), self.seams.clock.monotonic());
            let items: Vec<Item> = found
                .into_iter()
                .filter(|(document, _)| is_settled(document, now, self.options.quiet_time))
                .map(|(document, frozen)| Item { document, frozen, looked })
                .collect();
            if items.is_empty() {
                continue;
            }
            let entity = self.options.company.entity.clone();
            let entity = entity.as_deref();
            let seen = look_closely::<G>(self.gateway, &self.options.mark_field, entity, &items).await?;
            let mut changes = Vec::new();
            for item in &items {
                let sighting = seen.get(&item.id()).cloned().unwrap_or(Sighting::Absent);
                match conclude(item, sighting, entity) {
                    Concluded::Same => {
                        self.found.standing +=
                            u64::from(item.document.state != State::Differs && !self.seen.has(item.id()));
                    }
                    Concluded::Change(change) => changes.push((item.document.version, change)),
                    Concluded::Unreadable(why) => {
                        let what = Text::new(format!("document {}: {why}", item.document.label()));
                        self.hear(Says::Open(Open { event: "unreadable", stands: None, what }));
                    }
                }
            }
            self.write::<G>(changes).await?;
        }
        Ok(())
    }

    async fn write<G: Guards>(&mut self, changes: Vec<(u64, Change)>) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let (at, by) = (self.seams.clock.now(), self.options.by.clone());
        let written = self.store.write(at::Audited, move |tx| {
            let mut written = Vec::new();
            for (version, change) in changes {
                if apply_audited::<G>(tx, at, &by, version, &change)? {
                    written.push(change);
                }
            }
            Ok(written)
        });
        for change in written.await? {
            // Its own bill is as it was, and a second one stands beside it.
            let own = u64::from(self.seen.has(change.document()));
            self.found.standing = self.found.standing.saturating_sub(own);
            let count = match change {
                Change::Gone { .. } => &mut self.found.gone,
                Change::Fallen { .. } => &mut self.found.fallen,
                Change::Doubled { .. } => &mut self.found.doubled,
                _ => &mut self.found.changed,
            };
            *count += 1;
        }
        Ok(())
    }

    /// Writes what no document stands for into the trail, and the whole beside it. A mark of these that stands twice stops the
    /// queue as any other does.
    async fn end(mut self) -> Result<BillAudit, AuditError> {
        let (at, by) = (self.seams.clock.now(), self.options.by.clone());
        let mut marks: BTreeMap<&Stem, Vec<&RecordNo>> = BTreeMap::new();
        for (stem, record) in self.open.iter().filter_map(|open| open.stands.as_ref()) {
            marks.entry(stem).or_default().push(record);
        }
        let doubled: Vec<String> = marks
            .into_iter()
            .filter(|(_, records)| records.len() > 1)
            .map(|(stem, records)| {
                let list: Vec<String> = records.iter().map(ToString::to_string).collect();
                format!("records {} all carry the mark TG-{}", list.join(", "), stem.as_str())
            })
            .collect();
        self.found.at = at;
        self.found.doubled += doubled.len() as u64;
        self.found.more += self.open.len().saturating_sub(NAMED) as u64;
        self.found.open = self.open.iter().take(NAMED).map(|open| open.what.clone()).collect();
        let (found, open) = (self.found.clone(), self.open);
        self.store
            .write(at::AuditEnded, move |tx| {
                for open in &open {
                    tx.audit(&Entry::engine(at, by.clone(), open.event, open.what.safe()))?;
                }
                for why in &doubled {
                    tracing::error!("{why}");
                    stop_posting(tx, at, by.clone(), why)?;
                }
                tx.put_meta(Meta::BillAudit, &found)
            })
            .await?;
        Ok(self.found)
    }
}

/// One bit for each document.
#[derive(Default)]
struct Seen(Vec<u64>);

impl Seen {
    fn place(id: DocumentId) -> (usize, u64) {
        (usize::try_from(id.0 / 64).unwrap_or(usize::MAX), 1 << (id.0 % 64))
    }

    fn add(&mut self, id: DocumentId) {
        let (word, bit) = Seen::place(id);
        if self.0.len() <= word {
            self.0.resize(word.saturating_add(1), 0);
        }
        if let Some(bits) = self.0.get_mut(word) {
            *bits |= bit;
        }
    }

    fn has(&self, id: DocumentId) -> bool {
        let (word, bit) = Seen::place(id);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }
}

/// Whether it has stood as it is for the quiet time. A clock that was moved counts by how far it is off.
fn is_settled(document: &Document, now: Timestamp, quiet_time: Duration) -> bool {
    now.duration_since(document.since).unsigned_abs() >= quiet_time
}

/// What the bills say whose vendor and number their document has; and those that no document was found for.
fn by_number(
    reader: &Reader,
    options: &AuditOptions,
    now: Timestamp,
    bills: Vec<Marked>,
) -> Result<(Vec<Says>, Vec<Marked>), StoreError> {
    let (mut says, mut loose) = (Vec::with_capacity(bills.len()), Vec::new());
    for marked in bills {
        let (vendor, number) = (marked.bill.vendor.raw().trim(), marked.bill.number.raw().trim());
        let occupants = reader.occupants(&(options.natural_key)(&options.company, vendor, number))?;
        let has_mark = |document: &Document| {
            document.posting.as_ref().is_some_and(|posting| posting.mark.stem == marked.mark.stem)
        };
        match reader.documents(&occupants)?.iter().find(|document| has_mark(document)) {
            Some(document) => says.push(judge(reader, options, now, document, &marked)?),
            None => loose.push(marked),
        }
    }
    Ok((says, loose))
}

/// What the others say, by their marks alone.
fn by_mark(
    reader: &Reader,
    options: &AuditOptions,
    now: Timestamp,
    bills: Vec<Marked>,
) -> Result<Vec<Says>, StoreError> {
    let wanted: HashSet<Stem> = bills.iter().map(|marked| marked.mark.stem.clone()).collect();
    let known = reader.by_stems(&wanted)?;
    let mut says = Vec::with_capacity(bills.len());
    for marked in bills {
        let document = match known.get(&marked.mark.stem) {
            Some(id) => reader.document(*id)?,
            None => None,
        };
        says.push(match document {
            Some(document) => judge(reader, options, now, &document, &marked)?,
            None => stray(options, &marked),
        });
    }
    Ok(says)
}

/// A bill whose mark no document here has. One that does not stand is of no account; one of another entity is another's.
fn stray(options: &AuditOptions, marked: &Marked) -> Says {
    let Marked { bill, mark } = marked;
    let entity = options.company.entity.as_deref();
    let elsewhere = entity.is_some_and(|entity| !bill.entity.is_blank() && bill.entity.raw().trim() != entity);
    if bill.state == LedgerState::Fallen || elsewhere {
        return Says::Nothing;
    }
    let what = format!("{} carries the mark {mark}, which no document here has", named(bill));
    let stands = Some((mark.stem.clone(), bill.record.clone()));
    Says::Open(Open { event: "stray", stands, what: Text::new(what) })
}

fn named(bill: &LedgerBill) -> String {
    format!("record {} (bill {} of vendor {})", bill.record, bill.number.safe(), bill.vendor.safe())
}

/// What a bill says about its document.
fn judge(
    reader: &Reader,
    options: &AuditOptions,
    now: Timestamp,
    document: &Document,
    marked: &Marked,
) -> Result<Says, StoreError> {
    let Marked { bill, mark } = marked;
    let own = document.record.as_ref() == Some(&bill.record);
    let stands = bill.state != LedgerState::Fallen;
    if !is_settled(document, now, options.quiet_time) {
        return Ok(Says::Nothing);
    }
    Ok(match document.state {
        State::Posted | State::Drafted if own => {
            let frozen = match &document.posting {
                Some(posting) => reader.frozen(document.id, posting.generation)?,
                None => None,
            };
            // Lines are counted when it is looked at closely.
            let entity = options.company.entity.as_deref();
            let same = frozen.is_some_and(|frozen| {
                let lines = u32::try_from(frozen.bill.lines.len()).ok();
                changed(document, &frozen.bill, &LedgerBill { lines, ..bill.clone() }, entity).is_empty()
            });
            if same { Says::Same(document.id) } else { Says::Suspect(document.id) }
        }
        // A second one that stands, whatever became of the first.
        State::Posted | State::Drafted | State::Differs if !own && stands => Says::Suspect(document.id),
        State::Failed | State::Held | State::Withdrawn | State::NotApproved | State::Dismissed if !own && stands => {
            let what = format!(
                "{} carries the mark {mark} of document {}, which is {} here",
                named(bill),
                document.label(),
                document.state.label()
            );
            let stands = Some((mark.stem.clone(), bill.record.clone()));
            Says::Open(Open { event: "misplaced", stands, what: Text::new(what) })
        }
        _ => Says::Nothing,
    })
}

/// What the close look at a suspect comes to.
enum Concluded {
    Same,
    Change(Change),
    Unreadable(String),
}

fn conclude(item: &Item, sighting: Sighting, entity: Option<&str>) -> Concluded {
    let (id, document) = (item.id(), &item.document);
    let known = document.reasons.iter().any(|reason| reason.code == ReasonCode::Doubled);
    match sighting {
        Sighting::Doubled(records) if !known => Concluded::Change(Change::Doubled { id, records }),
        // It is in front of a person already.
        _ if document.state == State::Differs => Concluded::Same,
        Sighting::Doubled(records) => Concluded::Change(Change::Doubled { id, records }),
        Sighting::Absent | Sighting::Twin(_) => Concluded::Change(Change::Gone { id }),
        Sighting::Fallen(bill) => Concluded::Change(Change::Fallen { id, bill }),
        Sighting::Unreadable(why) => Concluded::Unreadable(why),
        Sighting::Ours { bill, differences, twin } => {
            let mut differences = match document.ledger {
                Some(_) => changed(document, &item.frozen.bill, &bill, entity),
                None => differences,
            };
            differences.extend(another_record(document, &bill).filter(|_| document.ledger.is_none()));
            match differences.is_empty() {
                true => Concluded::Same,
                false => Concluded::Change(Change::Ours { id, bill, differences, twin }),
            }
        }
    }
}

/// What changed since it was read back: against what was frozen, or against the bill that a person took over as it stood.
fn changed(document: &Document, frozen: &Bill, now: &LedgerBill, entity: Option<&str>) -> Vec<String> {
    let mut found = match &document.ledger {
        Some(taken) => since_taken(taken, now),
        None => differences(frozen, now, entity),
    };
    found.extend(another_record(document, now));
    found
}

fn another_record(document: &Document, now: &LedgerBill) -> Option<String> {
    let known = document.record.as_ref().filter(|known| **known != now.record)?;
    Some(format!("record is {}, not {known}", now.record))
}

/// What is another than it was when a person took the bill over. What was empty then may be filled now.
fn since_taken(taken: &LedgerBill, now: &LedgerBill) -> Vec<String> {
    let text = |text: &Text| Some(text.safe().trim().to_owned()).filter(|text| !text.is_empty());
    let day = |date: Option<Date>| date.map(|date| date.to_string());
    let amount = |bill: &LedgerBill| bill.total.map(|total| total.decimal().normalize().to_string());
    let currency = |bill: &LedgerBill| bill.currency.map(|currency| currency.to_string());
    let compared = [
        ("vendor", text(&taken.vendor), text(&now.vendor)),
        ("bill number", text(&taken.number), text(&now.number)),
        ("total", amount(taken), amount(now)),
        ("currency", currency(taken), currency(now)),
        ("invoice date", day(taken.date), day(now.date)),
        ("posting date", day(taken.posting_date), day(now.posting_date)),
        ("due date", day(taken.due_date), day(now.due_date)),
        ("entity", text(&taken.entity), text(&now.entity)),
    ];
    let mut found: Vec<String> = compared
        .into_iter()
        .filter(|(_, before, after)| before.is_some() && before != after)
        .map(|(what, before, after)| {
            let [before, after] = [before, after].map(|value| value.unwrap_or_else(|| "empty".to_owned()));
            format!("{what} is {after}, not {before} as it was taken over")
        })
        .collect();
    if now.state != LedgerState::Standing && now.state != taken.state {
        found.push(format!("state is {}, not {}", now.state_word.safe(), taken.state_word.safe()));
    }
    found
}
