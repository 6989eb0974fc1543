//! What a look into the ledger says about one posting.

use crate::model::{Bill, BillAction, Document, LedgerBill, LedgerState, Mark, RecordNo};
use crate::seams::{Guard, Guards};
use crate::store::Frozen;

/// What was seen of a posting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sighting {
    /// Nothing of ours, and nobody else's under its number.
    Absent,
    /// Ours stands; what differs from the frozen bill (nothing: it is the same), and an unmarked twin beside it.
    Ours {
        /// The bill.
        bill: Box<LedgerBill>,
        /// In words, `due date 04/09/2025, not 04/10/2025`.
        differences: Vec<String>,
        /// Somebody else's bill with the same vendor and number.
        twin: Option<RecordNo>,
    },
    /// Ours was reversed or declined.
    Fallen(Box<LedgerBill>),
    /// Somebody else's bill has its vendor and number.
    Twin(Box<LedgerBill>),
    /// Ours stands more than once.
    Doubled(Vec<RecordNo>),
}

/// Judges the rows that may concern a posting: those with its number or its mark.
///
/// A bill with our stem is ours, of whatever generation; a fallen one of an earlier generation was decided on by a person. The
/// bill that the gateway itself named as ours is ours as well if somebody took its mark away: it is never posted again.
pub fn sight<G: Guards>(document: &Document, frozen: &Frozen, rows: &[&LedgerBill], entity: Option<&str>) -> Sighting {
    let Some(posting) = &document.posting else { return Sighting::Absent };
    let stem = &posting.mark.stem;
    let mark_of = |row: &LedgerBill| Mark::find(row.marked.raw()).or_else(|| Mark::parse(row.marked.raw()));
    let is_known = |row: &LedgerBill| {
        document.record.as_ref() == Some(&row.record)
            || (!G::hold(Guard::OwnMark) && row.vendor.raw().trim() == frozen.bill.vendor)
    };
    let ours: Vec<(&LedgerBill, Mark)> = rows
        .iter()
        .filter_map(|row| match mark_of(row) {
            Some(mark) => (mark.stem == *stem).then_some((*row, mark)),
            None => is_known(row).then(|| (*row, posting.mark.clone())),
        })
        .collect();
    let is_ours = |row: &LedgerBill| ours.iter().any(|(known, _)| known.record == row.record);
    let standing: Vec<&LedgerBill> = ours
        .iter()
        .filter(|(row, _)| row.state != LedgerState::Fallen || !G::hold(Guard::Standing))
        .map(|(row, _)| *row)
        .collect();
    let twin = rows.iter().find(|row| {
        row.state != LedgerState::Fallen
            && row.vendor.raw().trim() == frozen.bill.vendor
            && row.number.raw().trim() == frozen.bill.number
            && !is_ours(row)
    });
    match standing.as_slice() {
        [] => {
            let fallen = ours.iter().find(|(_, mark)| mark.generation >= posting.generation);
            match (fallen, twin) {
                (Some((bill, _)), _) => Sighting::Fallen(Box::new(LedgerBill::clone(bill))),
                (None, Some(twin)) if !posting.despite_twin => Sighting::Twin(Box::new(LedgerBill::clone(twin))),
                _ => Sighting::Absent,
            }
        }
        [bill] => Sighting::Ours {
            bill: Box::new(LedgerBill::clone(bill)),
            differences: {
                let mut found = differences(&frozen.bill, bill, entity);
                if mark_of(bill).is_none() {
                    found.push(format!("mark is missing, not {}", posting.mark));
                }
                let fallen = bill.state == LedgerState::Fallen;
                if G::hold(Guard::Compared) && !fallen { found } else { Vec::new() }
            },
            twin: twin.map(|twin| twin.record.clone()),
        },
        [bill, ..] if !G::hold(Guard::DoubledStops) => {
            Sighting::Ours { bill: Box::new(LedgerBill::clone(bill)), differences: Vec::new(), twin: None }
        }
        several => Sighting::Doubled(several.iter().map(|bill| bill.record.clone()).collect()),
    }
}

/// What differs between the frozen bill and the ledger's, in words; values from the ledger are made safe.
pub fn differences(bill: &Bill, seen: &LedgerBill, entity: Option<&str>) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |what: &str, seen: String, ours: String| found.push(format!("{what} is {seen}, not {ours}"));
    if seen.vendor.raw().trim() != bill.vendor {
        differ("vendor", seen.vendor.safe().into_owned(), bill.vendor.clone());
    }
    if seen.number.raw().trim() != bill.number {
        differ("bill number", seen.number.safe().into_owned(), bill.number.clone());
    }
    let digits = bill.currency.digits();
    match seen.total {
        Some(total) if total == bill.total() => {}
        Some(total) => differ("total", total.fixed(digits), bill.total().fixed(digits)),
        None => differ("total", "unreadable".to_owned(), bill.total().fixed(digits)),
    }
    if let Some(currency) = seen.currency.filter(|currency| *currency != bill.currency) {
        differ("currency", currency.to_string(), bill.currency.to_string());
    }
    for (what, seen, ours) in [
        ("invoice date", seen.date, bill.date),
        ("posting date", seen.posting_date, bill.posting_date),
        ("due date", seen.due_date, bill.due_date),
    ] {
        if let Some(seen) = seen.filter(|seen| *seen != ours) {
            differ(what, seen.to_string(), ours.to_string());
        }
    }
    if let Some(lines) = seen.lines.filter(|lines| *lines as usize != bill.lines.len()) {
        differ("number of lines", lines.to_string(), bill.lines.len().to_string());
    }
    if let Some(entity) = entity.filter(|entity| !seen.entity.is_blank() && seen.entity.raw().trim() != *entity) {
        differ("entity", seen.entity.safe().into_owned(), entity.to_owned());
    }
    match (seen.state, bill.action) {
        (LedgerState::Standing, _) | (LedgerState::Draft, BillAction::Draft) => {}
        _ => differ("state", seen.state_word.safe().into_owned(), "posted".to_owned()),
    }
    found
}
