//! Lists of any length: pages, the cursor, and what arrives or leaves meanwhile.

use jiff::Timestamp;
use proptest::prelude::*;

use super::fake;
use super::list::*;
use crate::messages::{DocumentRow, Filter, Refusal, RefusalKind};
use crate::model::DocumentId;

fn now(step: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + step).unwrap()
}

/// Asks until nothing more is wanted.
fn settle(list: &mut DocumentList, rows: &[DocumentRow], height: usize, step: &mut i64) {
    for _ in 0..2000 {
        *step += 1;
        let wants = list.wants(height, now(*step));
        if wants.is_empty() {
            return;
        }
        for (generation, number, request) in wants {
            list.take(generation, number, Ok(fake::page(rows, &request)), height);
        }
    }
    panic!("it never comes to rest");
}

fn shown(list: &DocumentList, height: usize) -> Vec<u64> {
    list.window(height).map(|(_, row)| row.map_or(0, |row| row.id.0)).collect()
}

#[test]
fn a_hundred_thousand_rows_scroll_with_few_in_memory() {
    let rows: Vec<_> = (1..=100_000).rev().map(fake::row).collect();
    let mut list = DocumentList::new(Some(Filter::default()), false);
    let mut step = 0;
    settle(&mut list, &rows, 40, &mut step);
    assert_eq!(shown(&list, 40), (99_961..=100_000).rev().collect::<Vec<_>>());
    list.go(Motion::Bottom, 40);
    settle(&mut list, &rows, 40, &mut step);
    assert_eq!(list.cursor, Some(DocumentId(1)));
    assert!(list.complete());
    assert!(list.loaded().count() <= 8000, "{}", list.loaded().count());
    list.go(Motion::Top, 40);
    settle(&mut list, &rows, 40, &mut step);
    assert_eq!(list.cursor, Some(DocumentId(100_000)));
    for _ in 0..30 {
        list.go(Motion::PageDown, 40);
        settle(&mut list, &rows, 40, &mut step);
    }
    assert_eq!(list.cursor, Some(DocumentId(100_000 - 30 * 39)));
}

#[test]
fn an_answer_to_an_earlier_filter_is_dropped() {
    let rows: Vec<_> = (1..=3).rev().map(fake::row).collect();
    let mut list = DocumentList::new(Some(Filter::default()), false);
    let (generation, number, request) = list.wants(10, now(0)).remove(0);
    list.set_query(Some(Filter { flagged: true, ..Filter::default() }));
    list.take(generation, number, Ok(fake::page(&rows, &request)), 10);
    assert_eq!(list.known(), 0);
}

#[test]
fn a_page_that_cannot_be_read_is_asked_for_again_at_leisure_and_what_is_there_stays() {
    let rows: Vec<_> = (1..=900).rev().map(fake::row).collect();
    let mut list = DocumentList::new(Some(Filter::default()), false);
    let mut step = 0;
    settle(&mut list, &rows, 40, &mut step);
    list.touch();
    let at = now(step + 10);
    for (generation, number, _) in list.wants(40, at) {
        let refusal = Refusal::new(RefusalKind::Unavailable, "the engine is busy");
        list.take(generation, number, Err(refusal), 40);
    }
    assert_eq!(list.fault.as_deref(), Some("the engine is busy"));
    assert!(list.wants(40, at).is_empty(), "not at once");
    let due = list.due().unwrap();
    assert!(due > at);
    assert_eq!(shown(&list, 40).len(), 40);
    for (generation, number, request) in list.wants(40, due) {
        list.take(generation, number, Ok(fake::page(&rows, &request)), 40);
    }
    assert_eq!((list.fault.clone(), list.due()), (None, None));
}

#[test]
fn when_the_document_under_the_cursor_leaves_the_cursor_says_so() {
    let mut rows: Vec<_> = (1..=5).rev().map(fake::row).collect();
    let mut list = DocumentList::new(Some(Filter::default()), false);
    let mut step = 0;
    settle(&mut list, &rows, 10, &mut step);
    list.go(Motion::Down, 10);
    assert_eq!(list.cursor, Some(DocumentId(4)));
    rows.remove(1);
    list.touch();
    settle(&mut list, &rows, 10, &mut step);
    assert!(list.lost);
    list.go(Motion::Down, 10);
    assert!(!list.lost);
}

proptest! {
    #[test]
    fn the_cursor_stays_on_its_document_whatever_arrives_or_leaves(
        first in proptest::collection::btree_set(1u64..2000, 1..900),
        come in proptest::collection::btree_set(2000u64..2600, 0..400),
        go in proptest::collection::btree_set(1u64..2000, 0..400),
        down in 0usize..900,
    ) {
        let height = 20;
        let mut step = 0;
        let rows: Vec<_> = first.iter().rev().copied().map(fake::row).collect();
        let mut list = DocumentList::new(Some(Filter::default()), false);
        settle(&mut list, &rows, height, &mut step);
        for _ in 0..down {
            list.go(Motion::Down, height);
            settle(&mut list, &rows, height, &mut step);
        }
        let chosen = list.cursor.unwrap();
        let stay = first.union(&come).copied().filter(|id| !go.contains(id) || *id == chosen.0);
        let mut rows: Vec<_> = stay.map(fake::row).collect();
        rows.reverse();
        list.touch();
        settle(&mut list, &rows, height, &mut step);
        prop_assert_eq!(list.cursor, Some(chosen));
        prop_assert_eq!(list.current().map(|row| row.id), Some(chosen));
        prop_assert!(list.shows(chosen, height));
        // From the top everything is there once, in order.
        list.go(Motion::Top, height);
        list.touch();
        settle(&mut list, &rows, height, &mut step);
        list.go(Motion::Bottom, height);
        settle(&mut list, &rows, height, &mut step);
        list.go(Motion::Bottom, height);
        prop_assert_eq!(list.cursor, rows.last().map(|row| row.id));
    }
}
