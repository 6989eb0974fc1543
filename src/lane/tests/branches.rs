//! Turns of looking and settling that only troubles, people and damage take.

use std::time::Duration;

use futures_util::FutureExt;

use super::world::{Ended, QUIET, World, bill, lock, queued};
use crate::lane::apply::{apply, apply_audited};
use crate::lane::{Again, Change, Sighting, sight};
use crate::model::{Actor, Amount, DocumentId, ReasonCode, RecordNo, State};
use crate::seams::Kept;
use crate::simulator::faults::{Behaviour, Fault, Kind, Trigger};
use crate::simulator::gateway::{HandBill, Line, Person};
use crate::store::{Meta, PauseRecord, StoreError};

fn once(world: &World, trigger: Trigger, does: Behaviour) {
    world.gateway().faults_mut().add(Fault::once(trigger, does));
}

/// The bill of document 1 as a person types it.
fn type_bill(world: &World, description: &str) -> u64 {
    let of = bill(1);
    let line = |amount: &Amount| Line {
        account: "6000".to_owned(),
        amount: amount.to_string().parse().unwrap(),
        ..Line::default()
    };
    let typed = HandBill {
        vendor_id: of.vendor.clone(),
        record_id: of.number.clone(),
        description: description.to_owned(),
        currency: "USD".to_owned(),
        invoice_date: of.date,
        gl_date: of.posting_date,
        due_date: of.due_date,
        entity: String::new(),
        lines: of.lines.iter().map(|one| line(&one.amount)).collect(),
    };
    world.gateway().type_bill_by_hand(world.now(), typed)
}

fn person(world: &World, does: Person) {
    let now = world.now();
    world.gateway().person(now, does).unwrap();
}

/// Document 1 differs, because its bill has another amount than was sent.
fn differing() -> (World, u64) {
    let mut world = World::new(1, 1);
    world.queue(1);
    once(&world, Trigger::NthWrite(1), Behaviour::WrongAmount(100));
    world.settle(QUIET);
    assert_eq!(world.states(), [State::Differs]);
    let record = world.standing(&world.document(1))[0].record_no;
    (world, record)
}

#[test]
fn a_bill_of_ours_beside_a_marked_row_that_cannot_be_read_may_be_doubled_so_nothing_is_concluded() {
    let mut world = World::new(1, 1);
    world.queue(1);
    let described = format!("from an earlier life [{}]", world.document(1).posting.unwrap().mark);
    type_bill(&world, &described);
    let second = type_bill(&world, &described);
    lock(&world.network.erased).push(format!("<RECORDNO>{second}</RECORDNO>"));
    world.settle(QUIET);
    assert_eq!(world.states(), [State::Held]);
    assert_eq!(world.document(1).reasons[0].code, ReasonCode::LedgerUnreadable);
    assert_eq!(*lock(&world.network.writes), 0);
}

#[test]
fn a_read_back_that_fails_is_made_again_and_nothing_is_sent_meanwhile() {
    for sent in [Behaviour::Normal, Behaviour::Drop] {
        let mut world = World::new(1, 1);
        world.queue(1);
        once(&world, Trigger::NthWrite(1), sent);
        while *lock(&world.network.writes) == 0 {
            world.step();
        }
        for _ in 0..3 {
            once(&world, Trigger::Kind(Kind::Read), Behaviour::Unavailable(503));
            world.rest();
            world.clock.pass(QUIET);
        }
        world.settle(QUIET);
        assert_eq!(world.states(), [State::Posted]);
        assert_eq!(*lock(&world.network.writes), 1);
        assert!(world.verdict().is_empty(), "{:?}", world.verdict());
    }
}

#[test]
fn what_a_person_settled_while_it_was_in_doubt_is_looked_for_no_more() {
    let mut world = World::new(1, 1);
    world.queue(2);
    for nth in 1..=2 {
        once(&world, Trigger::NthWrite(nth), Behaviour::Part(0));
    }
    world.rest();
    world.clock.pass(Duration::from_secs(30));
    world.rest();
    assert_eq!(world.states(), [State::InDoubt; 2]);
    for all in [vec![1], vec![2]] {
        world
            .store
            .write_now(move |tx| {
                for id in all {
                    let mut document = tx.document(DocumentId(id))?.unwrap();
                    document.state = State::Dismissed;
                    tx.save(document)?;
                }
                Ok(())
            })
            .unwrap();
        world.clock.pass(QUIET / 2 + Duration::from_secs(30));
        world.rest();
    }
    world.clock.pass(QUIET);
    world.rest();
    assert_eq!(world.states(), [State::Dismissed; 2]);
    assert!(world.lane.as_ref().unwrap().doubts.is_empty(), "nobody asks for them any more");
    assert_eq!(world.gateway().ledger().len(), 0);
}

#[test]
fn a_differing_bill_that_is_looked_at_again_and_differs_as_before_is_not_told_twice() {
    let (mut world, _) = differing();
    let (document, events) = (world.document(1), world.events(1));
    world.again.send(Again::Differing(DocumentId(1))).unwrap();
    world.rest();
    assert_eq!((world.document(1), world.events(1)), (document, events));
}

#[test]
fn a_differing_bill_that_was_deleted_and_typed_anew_by_hand_is_gone() {
    let (mut world, record) = differing();
    person(&world, Person::Delete(record));
    type_bill(&world, "typed anew");
    world.again.send(Again::Differing(DocumentId(1))).unwrap();
    world.rest();
    let document = world.document(1);
    assert_eq!((document.state, document.reasons[0].code), (State::Differs, ReasonCode::LedgerGone));
    assert_eq!(*lock(&world.network.writes), 1, "a person decides what becomes of it");
}

#[test]
fn an_outcome_that_cannot_be_recorded_is_an_alarm_of_its_own_until_its_document_goes_on() {
    let mut world = World::new(2, 1);
    world.queue(2);
    while !matches!(world.states()[..], [State::Sent, State::Sent]) {
        world.step();
    }
    let stood = world.store.write_now(|tx| tx.spoil(DocumentId(1), b"no record")).unwrap();
    let failed = (0..3).any(|_| matches!(world.step(), Ended::Failed(StoreError::Record(_))));
    assert!(failed, "what was learned of both is written, and cannot be");
    let status = |world: &World| world.lane.as_ref().unwrap().status().borrow().clone();
    let said = status(&world).unrecorded.expect("an alarm");
    assert!(said.starts_with("document 1: ") && !said.contains("more"), "{said}");
    assert_eq!(status(&world).doubled, None);
    assert_eq!(world.document(2).state, State::Posted, "the other one goes on");
    world.clock.pass(Duration::from_secs(5));
    assert!(matches!(world.step(), Ended::Failed(_)), "nothing is sent while it cannot be read");
    assert!(status(&world).unrecorded.is_some(), "its cause is still there");

    world.store.write_now(move |tx| tx.spoil(DocumentId(1), &stood)).unwrap();
    world.clock.pass(Duration::from_secs(5));
    world.settle(QUIET * 2);
    assert_eq!(world.states(), [State::Posted, State::Posted]);
    assert_eq!(status(&world).unrecorded, None);
    assert!(world.verdict().is_empty(), "{:?}", world.verdict());
}

#[test]
fn a_document_that_stands_twice_stops_posting_also_where_nothing_can_be_written_about_it() {
    let mut world = World::new(2, 1);
    world.queue(2);
    while !matches!(world.states()[..], [State::Sent, State::Sent]) {
        world.step();
    }
    world.store.write_now(|tx| tx.spoil(DocumentId(1), b"no record")).unwrap();
    let lane = world.lane.as_mut().unwrap();
    let records = ["7", "8"].map(|record| RecordNo::parse(record).unwrap());
    lane.learn(DocumentId(1), Sighting::Doubled(records.into()));
    assert!(matches!(lane.flush().now_or_never().unwrap(), Err(StoreError::Record(_))));
    let pause: Option<PauseRecord> = world.store.read_now(|reader| reader.meta(Meta::Pause)).unwrap();
    assert_eq!(pause.expect("posting is paused").why, "document 1: records 7, 8 all carry its mark");
    assert!(world.lane.as_mut().unwrap().is_halted().now_or_never().unwrap().unwrap());
}

#[test]
fn several_that_cannot_be_recorded_are_one_alarm_with_their_number() {
    let mut world = World::new(3, 1);
    world.queue(3);
    while !world.states().iter().all(|state| *state == State::Sent) {
        world.step();
    }
    for id in 1..=3 {
        world.store.write_now(move |tx| tx.spoil(DocumentId(id), b"no record")).unwrap();
    }
    while !matches!(world.step(), Ended::Failed(_)) {}
    let said = world.lane.as_ref().unwrap().status().borrow().unrecorded.clone().unwrap();
    assert!(said.starts_with("document 1: ") && said.ends_with("(2 more)"), "{said}");
}

#[test]
fn nothing_is_seen_of_or_written_about_a_document_without_a_posting() {
    let world = World::new(1, 1);
    let at = world.now();
    let (mut document, frozen) = queued(DocumentId(1), at);
    document.posting = None;
    assert_eq!(sight::<Kept>(&document, &frozen, &[], None), Sighting::Absent);
    document.state = State::Sent;
    let applied = world.store.write_now(move |tx| {
        tx.create(document)?;
        apply::<Kept>(tx, at, &Change::Recovered { id: DocumentId(1) })
    });
    assert!(!applied.unwrap());
    assert_eq!((world.states(), world.events(1).len()), (vec![State::Sent], 0));
}

#[test]
fn an_audit_changes_only_what_was_settled_as_it_was_looked_at() {
    let world = World::new(1, 1);
    let at = world.now();
    for state in State::ALL {
        for which in 0..super::apply::changes(DocumentId(0), [0; 32]).len() {
            for behind in [0, 1] {
                let (before, change, applied) = world
                    .store
                    .write_now(move |tx| {
                        let (mut document, frozen) = queued(tx.next_id(), at);
                        document.state = state;
                        tx.create(document.clone())?;
                        tx.put_frozen(document.id, &frozen)?;
                        let change = super::apply::changes(document.id, frozen.hash).swap_remove(which);
                        let by = Actor::Flow("audit".to_owned());
                        let version = document.version + behind;
                        let applied = apply_audited::<Kept>(tx, at, &by, version, &change)?;
                        Ok((document, change, applied))
                    })
                    .unwrap();
                let after = world.document(before.id.0);
                if applied {
                    assert_eq!((behind, after.state), (0, State::Differs), "{change:?} in {state:?}");
                    assert!(
                        matches!(state, State::Posted | State::Drafted | State::Differs),
                        "{change:?} in {state:?}"
                    );
                } else {
                    assert_eq!(after, before, "{change:?} in {state:?}");
                }
                let finds = matches!(change, Change::Fallen { .. } | Change::Gone { .. } | Change::Doubled { .. });
                assert!(applied || behind == 1 || state != State::Posted || !finds, "{change:?} is not written");
            }
        }
    }
}
