//! Every change to a document in every state is a step of the design or nothing: no change can ever keep a commit from others.

use super::world::{World, queued, revision};
use crate::lane::apply::{Change, apply};
use crate::model::{
    Approval, Class, Date, DocumentId, Fault, LedgerBill, LedgerState, ReasonCode, RecordNo, State, Text,
};
use crate::seams::Kept;

fn ledger_bill(state: LedgerState) -> Box<LedgerBill> {
    Box::new(LedgerBill {
        record: RecordNo("7".to_owned()),
        number: Text::from("INV-1"),
        vendor: Text::from("V-1"),
        total: None,
        currency: None,
        date: None,
        posting_date: None,
        due_date: None,
        marked: Text::default(),
        state_word: Text::from("Posted"),
        state,
        entity: Text::default(),
        lines: None,
        unreadable: Vec::new(),
    })
}

pub fn changes(id: DocumentId, hash: [u8; 32]) -> Vec<Change> {
    let refused = |class: Class| Change::Refused {
        id,
        class,
        fault: Fault { errorno: Text::from("X"), said: Text::from("no") },
        title: "refused".to_owned(),
        answer: "<result/>".to_owned(),
        period: (None, Date::constant(2026, 3, 2)),
    };
    vec![
        Change::Intent { id, hash, request: "tg-w-1-1".to_owned(), epoch: 1 },
        Change::Claimed { id, record: RecordNo("7".to_owned()), answer: String::new() },
        Change::NotExecuted { id, why: "busy".to_owned(), answer: None, alone: true },
        refused(Class::Data),
        refused(Class::Period),
        Change::InDoubt { id, why: "silence".to_owned(), answer: None },
        Change::Ours { id, bill: ledger_bill(LedgerState::Standing), differences: Vec::new(), twin: None },
        Change::Ours {
            id,
            bill: ledger_bill(LedgerState::Draft),
            differences: Vec::new(),
            twin: Some(RecordNo("8".to_owned())),
        },
        Change::Ours {
            id,
            bill: ledger_bill(LedgerState::Standing),
            differences: vec!["total".to_owned()],
            twin: None,
        },
        Change::Fallen { id, bill: ledger_bill(LedgerState::Fallen) },
        Change::Twin { id, bill: ledger_bill(LedgerState::Standing) },
        Change::Doubled { id, records: vec![RecordNo("7".to_owned()), RecordNo("8".to_owned())] },
        Change::Gone { id },
        Change::NotVisible { id },
        Change::Unreadable { id, why: "a bill has no record number".to_owned() },
        Change::Unsettled { id, why: "not found".to_owned() },
        Change::Recovered { id },
    ]
}

#[test]
fn every_change_in_every_state_is_written_or_does_nothing() {
    let world = World::new(1, 1);
    let at = world.now();
    for state in State::ALL {
        for approval in [Approval::Approved, Approval::NotApproved, Approval::Unknown] {
            for (which, patience) in
                (0..changes(DocumentId(0), [0; 32]).len()).flat_map(|which| [(which, 0), (which, 4)])
            {
                let (before, change) = world
                    .store
                    .write_now(move |tx| {
                        let (mut document, frozen) = queued(tx.next_id(), at);
                        (document.state, document.approval) = (state, approval);
                        document.posting.as_mut().unwrap().not_executed = patience;
                        tx.create(document.clone())?;
                        tx.put_frozen(document.id, &frozen)?;
                        let change = changes(document.id, frozen.hash).swap_remove(which);
                        Ok((document, change))
                    })
                    .unwrap();
                let one = change.clone();
                let applied = world.store.write_now(move |tx| apply::<Kept>(tx, at, &one));
                let applied = applied.unwrap_or_else(|error| panic!("{change:?} in {state:?}: {error}"));
                let after = world.document(before.id.0);
                let events = world.events(before.id.0).len();
                if applied {
                    assert_eq!(events, 1);
                    assert!(before.state == after.state || before.state.may_become(after.state));
                } else {
                    assert_eq!((events, &after), (0, &before));
                }
                if after.state == State::Sent && before.state != State::Sent {
                    assert_eq!(approval, Approval::Approved, "only what is approved is sent");
                }
                if matches!(after.state, State::Posted | State::Drafted) && after.state != before.state {
                    assert!(matches!(change, Change::Ours { .. }), "posted is only written from a read-back");
                }
                // The period and the queue of the next one are its own.
                world
                    .store
                    .write_now(move |tx| {
                        tx.put_period("* 2026-03", None)?;
                        tx.clear_pending(before.id)
                    })
                    .unwrap();
            }
        }
    }
}

#[test]
fn an_intent_for_other_bytes_than_are_frozen_is_refused() {
    let world = World::new(1, 1);
    world.queue(1);
    let at = world.now();
    let intent = Change::Intent { id: DocumentId(1), hash: [7; 32], request: String::new(), epoch: 1 };
    assert!(!world.store.write_now(move |tx| apply::<Kept>(tx, at, &intent)).unwrap());
    assert_eq!(world.states(), [State::Queued]);
}

#[test]
fn a_refused_one_lets_those_go_on_that_were_held_for_its_number() {
    let world = World::new(1, 1);
    world.queue(2);
    let at = world.now();
    world
        .store
        .write_now(move |tx| {
            let mut first = tx.document(DocumentId(1))?.unwrap();
            first.state = State::Sent;
            let natural = first.posting.as_ref().unwrap().natural.clone();
            tx.save(first)?;
            let mut second = tx.document(DocumentId(2))?.unwrap();
            second.state = State::Held;
            second.reasons = vec![crate::model::Reason::new(ReasonCode::DuplicateHere, "the same")];
            second.posting.as_mut().unwrap().natural = natural;
            tx.save(second)
        })
        .unwrap();
    let refused = changes(DocumentId(1), [0; 32]).swap_remove(3);
    assert!(world.store.write_now(move |tx| apply::<Kept>(tx, at, &refused)).unwrap());
    let pending = world.store.read_now(|reader| reader.pending(0, 9)).unwrap();
    assert_eq!(pending.iter().map(|(document, _)| document.id.0).collect::<Vec<_>>(), [2]);
}

#[test]
fn what_the_ledger_holds_and_keeps_its_bytes_is_not_evaluated_in_a_circle_when_it_was_amended() {
    for (unclear, pending) in [(true, false), (false, true)] {
        let world = World::new(1, 1);
        world.queue(1);
        let at = world.now();
        world
            .store
            .write_now(move |tx| {
                let mut document = tx.document(DocumentId(1))?.unwrap();
                document.revision = Some(revision(2));
                document.posting.as_mut().unwrap().unclear = unclear;
                tx.save(document)
            })
            .unwrap();
        let fallen =
            changes(DocumentId(1), [0; 32]).into_iter().find(|change| matches!(change, Change::Fallen { .. })).unwrap();
        assert!(world.store.write_now(move |tx| apply::<Kept>(tx, at, &fallen)).unwrap());
        assert_eq!(world.states(), [State::Held]);
        assert_eq!(world.store.read_now(|reader| reader.has_pending()).unwrap(), pending);
    }
}
