//! What a look says holds for all rows.

use proptest::prelude::*;

use super::world::{key, queued};
use crate::lane::{Sighting, differences, sight};
use crate::model::{
    Amount, Bill, BillAction, Currency, DocumentId, Generation, LedgerBill, LedgerState, Mark, RecordNo, Text,
    Timestamp,
};
use crate::seams::Kept;

/// The bill as a query returns it once it stands.
fn read_back(bill: &Bill, record: u64) -> LedgerBill {
    LedgerBill {
        record: RecordNo(record.to_string()),
        number: Text::new(bill.number.clone()),
        vendor: Text::new(bill.vendor.clone()),
        total: Some(bill.total()),
        currency: Some(bill.currency),
        date: Some(bill.date),
        posting_date: Some(bill.posting_date),
        due_date: Some(bill.due_date),
        marked: Text::default(),
        state_word: Text::from("Posted"),
        state: LedgerState::Standing,
        entity: Text::default(),
        lines: Some(u32::try_from(bill.lines.len()).unwrap()),
        unreadable: Vec::new(),
    }
}

/// Whose mark a row carries: of another document, ours of a generation, none.
fn rows() -> impl Strategy<Value = Vec<LedgerBill>> {
    let state = prop_oneof![
        Just(LedgerState::Standing),
        Just(LedgerState::Standing),
        Just(LedgerState::Draft),
        Just(LedgerState::Fallen),
        Just(LedgerState::Unknown)
    ];
    let mark =
        prop_oneof![(0u32..4).prop_map(|generation| Some((1u64, generation))), Just(Some((2u64, 0u32))), Just(None)];
    let row = (state, mark, prop::bool::ANY, prop::bool::ANY, prop::bool::ANY);
    prop::collection::vec(row, 0..6).prop_map(|rows| {
        let (_, frozen) = queued(DocumentId(1), Timestamp::UNIX_EPOCH);
        rows.into_iter()
            .enumerate()
            .map(|(place, (state, mark, same_number, same_vendor, braces))| {
                let mut row = read_back(&frozen.bill, place as u64 + 1);
                row.state = state;
                if let Some((of, generation)) = mark {
                    let mark = Mark::of(&key(of), Generation(generation));
                    row.marked = Text::new(if braces { format!("tips{}", mark.suffix()) } else { mark.to_string() });
                }
                if !same_number {
                    row.number = Text::from("OTHER");
                }
                if !same_vendor {
                    row.vendor = Text::from("V-2");
                }
                row
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn ours_is_never_a_twin_and_doubled_means_that_two_stand(
        rows in rows(), generation in 0u32..4, despite in prop::bool::ANY, named in prop::option::of(1u64..7)
    ) {
        let (mut document, frozen) = queued(DocumentId(1), Timestamp::UNIX_EPOCH);
        {
            let posting = document.posting.as_mut().unwrap();
            posting.generation = Generation(generation);
            posting.mark = Mark::of(&key(1), Generation(generation));
            posting.despite_twin = despite;
        }
        document.record = named.map(|record| RecordNo(record.to_string()));
        let mark = |row: &LedgerBill| Mark::find(row.marked.raw()).or_else(|| Mark::parse(row.marked.raw()));
        let stem = Mark::of(&key(1), Generation(0)).stem;
        let ours = |row: &LedgerBill| match mark(row) {
            Some(mark) => mark.stem == stem,
            None => document.record.as_ref() == Some(&row.record),
        };
        let stands = |row: &&LedgerBill| row.state != LedgerState::Fallen;
        let standing: Vec<&LedgerBill> = rows.iter().filter(|row| ours(row)).filter(stands).collect();
        let natural = |row: &LedgerBill| row.vendor.raw() == "V-1" && row.number.raw() == "INV-1";
        let twins: Vec<&LedgerBill> = rows.iter().filter(|row| !ours(row) && natural(row)).filter(stands).collect();
        let fallen = rows.iter().any(|row| {
            ours(row) && row.state == LedgerState::Fallen && mark(row).is_none_or(|mark| mark.generation.0 >= generation)
        });
        let borrowed: Vec<&LedgerBill> = rows.iter().collect();
        match sight::<Kept>(&document, &frozen, &borrowed, None) {
            Sighting::Doubled(records) => {
                prop_assert!(standing.len() >= 2);
                prop_assert_eq!(records.len(), standing.len());
            }
            Sighting::Ours { bill, differences: found, twin } => {
                prop_assert_eq!(standing.len(), 1);
                prop_assert_eq!(&*bill, standing[0]);
                prop_assert_eq!(twin.is_some(), !twins.is_empty());
                prop_assert_eq!(found.is_empty(), differences(&frozen.bill, &bill, None).is_empty() && mark(&bill).is_some());
            }
            Sighting::Fallen(bill) => prop_assert!(standing.is_empty() && fallen && ours(&bill)),
            Sighting::Twin(bill) => {
                prop_assert!(standing.is_empty() && !fallen && !despite && !ours(&bill) && natural(&bill));
            }
            Sighting::Unreadable(what) => prop_assert!(false, "every row was read: {what}"),
            Sighting::Absent => {
                prop_assert!(standing.is_empty() && !fallen && (twins.is_empty() || despite));
            }
        }
    }

    #[test]
    fn there_are_differences_exactly_where_a_compared_field_differs(change in 0usize..17, draft in prop::bool::ANY) {
        let (_, mut frozen) = queued(DocumentId(1), Timestamp::UNIX_EPOCH);
        frozen.bill.base_currency = Currency::parse("EUR");
        frozen.bill.action = if draft { BillAction::Draft } else { BillAction::Submit };
        let mut row = read_back(&frozen.bill, 1);
        row.entity = Text::from("100");
        if draft {
            row.state = LedgerState::Draft;
        }
        prop_assert_eq!(differences(&frozen.bill, &row, Some("100")), Vec::<String>::new());
        let other = jiff::civil::date(2020, 1, 1);
        match change {
            0 => row.vendor = Text::from("V-2"),
            1 => row.number = Text::from("INV-1x"),
            2 => row.total = Some(row.total.unwrap() + Amount::parse("0.01").unwrap()),
            3 => row.total = None,
            4 => row.currency = Currency::parse("EUR"),
            5 => row.date = Some(other),
            6 => row.posting_date = Some(other),
            7 => row.due_date = Some(other),
            8 => row.lines = Some(1),
            9 => row.entity = Text::from("200"),
            10 => row.state = LedgerState::Unknown,
            11 => row.vendor = Text::default(),
            12 => row.number = Text::from(" "),
            13 => row.currency = None,
            14 => row.date = None,
            15 => row.lines = None,
            _ => row.state = LedgerState::Fallen,
        }
        prop_assert_eq!(differences(&frozen.bill, &row, Some("100")).len(), 1);
    }
}

#[test]
fn an_empty_field_differs_exactly_where_a_bill_that_stands_must_have_it() {
    let (_, frozen) = queued(DocumentId(1), Timestamp::UNIX_EPOCH);
    let with = |change: &dyn Fn(&mut LedgerBill)| {
        let mut row = read_back(&frozen.bill, 1);
        change(&mut row);
        differences(&frozen.bill, &row, None)
    };
    // No due date, no currency in a company of one currency, no GL date before it is approved.
    assert_eq!(with(&|row| (row.due_date, row.currency) = (None, None)), Vec::<String>::new());
    for word in ["Submitted", "Partially Approved"] {
        let waiting = with(&|row| (row.posting_date, row.state_word) = (None, Text::from(word)));
        assert_eq!(waiting, Vec::<String>::new());
    }
    for word in ["Posted", "Paid"] {
        let posted = with(&|row| (row.posting_date, row.state_word) = (None, Text::from(word)));
        assert_eq!(posted, ["posting date is empty, not 2026-03-02"]);
    }
    assert_eq!(with(&|row| row.lines = None), ["number of lines is empty, not 2"]);
    // What cannot be read is not empty.
    let unreadable = with(&|row| {
        row.due_date = None;
        row.unreadable = vec![("due date".to_owned(), Text::from("soon"))];
    });
    assert_eq!(unreadable, ["due date is `soon`, which cannot be read, not 2026-04-01"]);
}

#[test]
fn a_draft_stands_only_where_drafts_are_wanted() {
    let (_, frozen) = queued(DocumentId(1), Timestamp::UNIX_EPOCH);
    let mut row = read_back(&frozen.bill, 1);
    row.state = LedgerState::Draft;
    assert_eq!(differences(&frozen.bill, &row, None).len(), 1);
}
