//! Every change to a document in every state is a step of the design or nothing: no change can ever keep a commit from others.

use super::world::{World, queued};
use crate::lane::apply::{Change, apply};
use crate::model::{
    Approval, Class, Date, DocumentId, Fault, LedgerBill, LedgerState, ReasonCode, RecordNo, State, Text,
};

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
    })
}

fn changes(hash: [u8; 32]) -> Vec<Change> {
    let id = DocumentId(1);
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
        Change::Unsettled { id, why: "not found".to_owned() },
        Change::Recovered { id },
    ]
}

#[test]
fn every_change_in_every_state_is_written_or_does_nothing() {
    for state in State::ALL {
        for approval in [Approval::Approved, Approval::NotApproved, Approval::Cancelled, Approval::Unknown] {
            let (mut document, frozen) = queued(DocumentId(1), crate::model::Timestamp::UNIX_EPOCH);
            let changes = changes(frozen.hash);
            document.state = state;
            document.approval = approval;
            for change in changes {
                for patience in [0, 4] {
                    let world = World::new(1, 1);
                    let mut document = document.clone();
                    document.posting.as_mut().unwrap().not_executed = patience;
                    let at = world.now();
                    let one = change.clone();
                    let frozen = frozen.clone();
                    world
                        .store
                        .write_now(move |tx| {
                            tx.create(document)?;
                            tx.put_frozen(DocumentId(1), &frozen)
                        })
                        .unwrap();
                    let before = world.document(1);
                    let applied = world.store.write_now(move |tx| apply(tx, at, &one));
                    let applied = applied.unwrap_or_else(|error| panic!("{change:?} in {state:?}: {error}"));
                    let after = world.document(1);
                    if !applied {
                        assert_eq!(after, before);
                        assert!(world.events(1).is_empty());
                    } else {
                        assert_eq!(world.events(1).len(), 1);
                        assert!(before.state == after.state || before.state.may_become(after.state));
                    }
                    if after.state == State::Sent && before.state != State::Sent {
                        assert_eq!(approval, Approval::Approved, "only what is approved is sent");
                    }
                    if matches!(after.state, State::Posted | State::Drafted) && after.state != before.state {
                        assert!(matches!(change, Change::Ours { .. }), "posted is only written from a read-back");
                    }
                }
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
    assert!(!world.store.write_now(move |tx| apply(tx, at, &intent)).unwrap());
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
    let refused = changes([0; 32]).swap_remove(3);
    assert!(world.store.write_now(move |tx| apply(tx, at, &refused)).unwrap());
    let pending = world.store.read_now(|reader| reader.pending(0, 9)).unwrap();
    assert_eq!(pending.iter().map(|(document, _)| document.id.0).collect::<Vec<_>>(), [2]);
}
