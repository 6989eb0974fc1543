//! What a look into the ledger says about one posting.

use crate::intacct::ledger::is_in_general_ledger;
use crate::model::{Amount, Bill, BillAction, Date, Document, LedgerBill, LedgerState, Mark, RecordNo, Text};
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
    /// A row that could be its bill cannot be read: nothing is concluded.
    Unreadable(String),
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
                if mark_of(bill).is_none() && G::hold(Guard::OwnMark) {
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
///
/// What is filled and cannot be read always differs. What is empty differs where a bill that stands must have it:
///
/// | field | empty | because |
/// |---|---|---|
/// | VENDORID, RECORDID, TRX_TOTALENTERED, WHENCREATED | differs | each bill has them: the first and last are required to create one, the others were sent |
/// | number of lines | differs | a bill without lines cannot be created; it is asked for with each bill of ours |
/// | CURRENCY | differs where `base_currency` is set | a field of multi-currency companies |
/// | WHENPOSTED | differs once the bill is in the general ledger | it is the GL date; assumed: one that waits for approval may have none yet |
/// | WHENDUE | equal | nothing says that it is kept where a term is given |
/// | MEGAENTITYID | equal | empty at top level |
///
/// Source: developer.intacct.com/api/accounts-payable/bills/; that empty means missing and not unchanged is assumed.
pub fn differences(bill: &Bill, seen: &LedgerBill, entity: Option<&str>) -> Vec<String> {
    let mut found = Vec::new();
    let digits = bill.currency.digits();
    let in_general_ledger = is_in_general_ledger(seen.state_word.raw());
    let text = |text: &Text| Some(text.safe().into_owned()).filter(|text| !text.trim().is_empty());
    let fixed = |amount: Amount| amount.fixed(digits);
    let lines = u32::try_from(bill.lines.len()).unwrap_or(u32::MAX);
    let vendor = seen.vendor.raw().trim() == bill.vendor;
    let number = seen.number.raw().trim() == bill.number;
    // What it is called, whether it is equal, what was seen, what was frozen, and whether it must be filled.
    let compared = [
        ("vendor", vendor, text(&seen.vendor), bill.vendor.clone(), true),
        ("bill number", number, text(&seen.number), bill.number.clone(), true),
        ("total", seen.total == Some(bill.total()), seen.total.map(fixed), fixed(bill.total()), true),
        (
            "currency",
            seen.currency == Some(bill.currency),
            seen.currency.map(|currency| currency.to_string()),
            bill.currency.to_string(),
            bill.base_currency.is_some(),
        ),
        day("invoice date", seen.date, bill.date, true),
        day("posting date", seen.posting_date, bill.posting_date, in_general_ledger),
        day("due date", seen.due_date, bill.due_date, false),
        (
            "number of lines",
            seen.lines == Some(lines),
            seen.lines.map(|lines| lines.to_string()),
            lines.to_string(),
            true,
        ),
    ];
    for (what, equal, value, ours, required) in compared {
        let unreadable = seen.unreadable.iter().find(|(field, _)| field == what);
        let value = match (value, unreadable) {
            (Some(value), _) => value,
            (None, Some((_, text))) => format!("`{}`, which cannot be read", text.safe()),
            (None, None) if required => "empty".to_owned(),
            (None, None) => continue,
        };
        if !equal {
            found.push(format!("{what} is {value}, not {ours}"));
        }
    }
    if let Some(entity) = entity.filter(|entity| !seen.entity.is_blank() && seen.entity.raw().trim() != *entity) {
        found.push(format!("entity is {}, not {entity}", seen.entity.safe()));
    }
    match (seen.state, bill.action) {
        (LedgerState::Standing, _) | (LedgerState::Draft, BillAction::Draft) => {}
        _ => found.push(format!("state is {}, not posted", seen.state_word.safe())),
    }
    found
}

type Compared = (&'static str, bool, Option<String>, String, bool);

fn day(what: &'static str, seen: Option<Date>, ours: Date, required: bool) -> Compared {
    (what, seen == Some(ours), seen.map(|date| date.to_string()), ours.to_string(), required)
}
