//! What the lane keeps in mind through closed gates, old batches, people and troubles.

use std::time::Duration;

use super::world::{Ended, QUIET, World, bill, lock, queued, revision};
use crate::lane::{Again, Gate, Step};
use crate::messages::LaneState;
use crate::model::{Amount, Approval, Class, DocumentId, ReasonCode, State};
use crate::simulator::faults::{Behaviour, Fault, Kind, Trigger};
use crate::simulator::gateway::{Amendment, HandBill, Line, Person};

fn once(world: &World, nth: u64, does: Behaviour) {
    world.gateway().faults_mut().add(Fault::once(Trigger::NthWrite(nth), does));
}

fn gate(world: &World, may_send: bool) {
    world.gate.send_replace(Gate { may_send, ..Gate::default() });
}

fn pass(world: &World, seconds: u64) {
    world.clock.pass(Duration::from_secs(seconds));
}

/// A document whose first send was swallowed whole, at rest before its quiet time is over.
fn swallowed(functions: usize) -> World {
    let mut world = World::new(functions, 1);
    world.queue(1);
    once(&world, 1, Behaviour::Part(0));
    let deadline = world.rest();
    assert!(deadline.is_some());
    pass(&world, 30);
    world.rest();
    assert_eq!(world.states(), [State::InDoubt]);
    world
}

#[test]
fn what_is_due_to_be_sent_again_survives_a_gate_that_closes() {
    let mut world = swallowed(2);
    // The gate closes between the look and the send, in every possible place.
    world.clock.pass(QUIET);
    for _ in 0..3 {
        gate(&world, true);
        world.step();
        gate(&world, false);
        world.step();
    }
    gate(&world, true);
    world.settle(QUIET * 3);
    assert_eq!(world.states(), [State::Posted]);
    assert!(world.verdict().is_empty(), "{:?}", world.verdict());
}

#[test]
fn what_is_due_to_be_sent_again_survives_a_failed_commit_and_an_old_batch() {
    for fault in ["disk", "old"] {
        let mut world = swallowed(2);
        world.clock.pass(QUIET);
        assert!(matches!(world.step(), Ended::Did(Step::Worked)), "looked for, and ready to be sent again");
        match fault {
            "disk" => world.disk.fail_sync(1, false),
            _ => pass(&world, 11 * 60),
        }
        world.settle(QUIET * 4);
        assert_eq!(world.states(), [State::Posted], "{fault}: {:?}", world.events(1));
        assert!(world.verdict().is_empty(), "{fault}: {:?}", world.verdict());
    }
}

#[test]
fn after_three_rounds_a_person_is_asked_and_it_is_still_looked_for() {
    let mut world = World::new(1, 1);
    world.queue(1);
    world.gateway().faults_mut().add(Fault::always(Trigger::Kind(Kind::Write), Behaviour::Part(0)));
    world.settle(QUIET * 20);
    let document = world.document(1);
    assert_eq!((document.state, document.reasons[0].code), (State::InDoubt, ReasonCode::Unsettled));
    assert_eq!(document.posting.as_ref().unwrap().attempts, 3);
    assert_eq!(document.posting.as_ref().unwrap().rounds, 3);
    assert!(world.verdict().is_empty(), "{:?}", world.verdict());
    // It appears after all, against the model: it is adopted without anybody.
    world.gateway().faults_mut().clear();
    let description = format!("typed over [{}]", document.posting.unwrap().mark);
    hand_bill(&world, &description, "INV-1");
    for _ in 0..4 {
        world.rest();
        pass(&world, 16 * 60);
    }
    assert_eq!(world.document(1).state, State::Posted);
}

fn hand_bill(world: &World, description: &str, number: &str) -> u64 {
    hand_bill_of(world, "V-1", description, number)
}

fn hand_bill_of(world: &World, vendor: &str, description: &str, number: &str) -> u64 {
    let of = bill(1);
    let line = |amount: &Amount| Line {
        account: "6000".to_owned(),
        amount: amount.to_string().parse().unwrap(),
        ..Line::default()
    };
    let typed = HandBill {
        vendor_id: vendor.to_owned(),
        record_id: number.to_owned(),
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

#[test]
fn a_bill_typed_by_hand_is_held_before_sending_and_never_joined_by_a_second() {
    let mut world = World::new(2, 1);
    world.queue(2);
    hand_bill(&world, "typed", "INV-1");
    world.settle(QUIET);
    assert_eq!(world.states(), [State::Held, State::Posted]);
    assert_eq!(world.document(1).reasons[0].code, ReasonCode::TwinByHand);
    assert!(world.document(1).ledger.is_some());
    // Also where it is typed while ours is in doubt.
    let mut world = swallowed(1);
    hand_bill(&world, "typed", "INV-1");
    world.settle(QUIET * 3);
    assert_eq!(world.states(), [State::Held]);
    assert!(world.verdict().is_empty(), "{:?}", world.verdict());
}

/// Queries do not give the number of this record any more.
fn unname(world: &World, record: u64) {
    lock(&world.network.erased).push(format!("<RECORDNO>{record}</RECORDNO>"));
}

#[test]
fn a_row_without_a_record_number_holds_up_only_what_it_could_be() {
    let mut world = World::new(2, 1);
    world.queue(3);
    let typed = hand_bill(&world, "typed", "INV-2");
    unname(&world, typed);
    world.settle(QUIET);
    assert_eq!(world.states(), [State::Posted, State::Held, State::Posted]);
    let reason = &world.document(2).reasons[0];
    assert_eq!(reason.code, ReasonCode::LedgerUnreadable);
    assert!(reason.detail.raw().contains("vendor V-1, number INV-2"), "{:?}", reason.detail);
    assert!(world.verdict().is_empty(), "{:?}", world.verdict());
}

#[test]
fn a_row_that_says_neither_whose_it_is_could_be_that_of_all_that_were_asked_for() {
    for (erased, expected) in [
        (vec!["<VENDORID>V-2</VENDORID>", "<RECORDID>INV-2</RECORDID>"], [State::Held; 3]),
        (vec!["<RECORDID>INV-2</RECORDID>"], [State::Held; 3]),
        (vec!["<VENDORID>V-2</VENDORID>"], [State::Posted, State::Held, State::Posted]),
        // Another vendor's bill is nobody's here.
        (vec![], [State::Posted; 3]),
    ] {
        let mut world = World::new(3, 1);
        world.queue(3);
        let typed = hand_bill_of(&world, "V-2", "typed", "INV-2");
        unname(&world, typed);
        lock(&world.network.erased).extend(erased.iter().map(|text| (*text).to_owned()));
        world.settle(QUIET);
        assert_eq!(world.states(), expected, "{erased:?}");
        let sent = expected.iter().filter(|state| **state == State::Posted).count();
        assert_eq!(world.gateway().ledger().len(), sent + 1, "{erased:?}: what could be there is not sent");
    }
}

#[test]
fn a_bill_of_ours_that_cannot_be_read_is_neither_absent_nor_sent_again_and_found_once_it_can() {
    for answer in [Behaviour::Normal, Behaviour::Drop] {
        let mut world = World::new(1, 1);
        world.queue(2);
        once(&world, 1, answer.clone());
        while *lock(&world.network.writes) == 0 {
            world.step();
        }
        let record = world.gateway().ledger().bills().next().unwrap().record_no;
        unname(&world, record);
        for _ in 0..5 {
            world.rest();
            world.clock.pass(QUIET);
        }
        world.rest();
        assert_eq!(world.states(), [State::InDoubt, State::Posted], "{answer:?}");
        assert_eq!(world.document(1).reasons[0].code, ReasonCode::LedgerUnreadable);
        assert_eq!(world.gateway().ledger().len(), 2, "{answer:?}");
        let told = world.events(1).iter().filter(|event| *event == "unreadable").count();
        assert_eq!(told, 1, "{answer:?}: {:?}", world.events(1));
        lock(&world.network.erased).clear();
        world.settle(QUIET * 2);
        world.clock.pass(QUIET);
        world.rest();
        assert_eq!(world.states(), [State::Posted; 2], "{answer:?}");
        assert!(world.verdict().is_empty(), "{:?}", world.verdict());
    }
}

#[test]
fn a_line_count_that_cannot_be_read_settles_only_the_bills_that_have_theirs() {
    let mut world = World::new(2, 1);
    world.queue(2);
    while *lock(&world.network.writes) == 0 {
        world.step();
    }
    let first = world.standing(&world.document(1))[0].record_no;
    lock(&world.network.erased).push(format!("<RECORDKEY>{first}</RECORDKEY>"));
    for _ in 0..3 {
        world.rest();
        world.clock.pass(QUIET);
    }
    world.rest();
    assert_eq!(world.states(), [State::InDoubt, State::Posted]);
    let reason = &world.document(1).reasons[0];
    assert_eq!(reason.code, ReasonCode::LedgerUnreadable);
    assert!(reason.detail.raw().contains("RECORDKEY"), "{:?}", reason.detail);
    assert_eq!(world.gateway().ledger().len(), 2, "it is not sent again");
    lock(&world.network.erased).clear();
    world.settle(QUIET * 2);
    world.clock.pass(QUIET);
    world.rest();
    assert_eq!(world.states(), [State::Posted; 2]);
    assert!(world.verdict().is_empty(), "{:?}", world.verdict());
}

#[test]
fn what_an_earlier_life_posted_is_adopted_also_under_another_number() {
    for number in ["INV-1", "INV-1-OLD"] {
        let mut world = World::new(2, 1);
        world.queue(1);
        let mark = world.document(1).posting.unwrap().mark;
        hand_bill(&world, &format!("Pipette tips 1 [{mark}]"), number);
        world.settle(QUIET);
        let expected = if number == "INV-1" { State::Posted } else { State::Differs };
        assert_eq!(world.states(), [expected], "{number}");
        assert_eq!(world.gateway().ledger().len(), 1, "{number}: nothing was sent");
    }
}

#[test]
fn a_claimed_bill_whose_mark_and_number_somebody_changed_is_not_sent_again() {
    let mut world = World::new(1, 1);
    world.queue(1);
    while *lock(&world.network.writes) == 0 {
        world.step();
    }
    let record = world.gateway().ledger().bills().next().unwrap().record_no;
    let amendment = Amendment {
        description: Some("typed over".to_owned()),
        record_id: Some("ANOTHER".to_owned()),
        ..Amendment::default()
    };
    let now = world.now();
    world.gateway().person(now, Person::Amend(record, amendment)).unwrap();
    world.settle(QUIET * 4);
    assert_eq!(world.states(), [State::Differs]);
    assert_eq!(world.gateway().ledger().len(), 1);
}

#[test]
fn a_claimed_bill_that_is_gone_after_the_quiet_time_is_for_a_person_and_never_sent_again_by_itself() {
    let mut world = World::new(1, 1);
    world.queue(1);
    once(&world, 1, Behaviour::DeletedByHand);
    world.gateway().faults_mut().add(Fault::always(Trigger::Kind(Kind::Write), Behaviour::UniqueIdIgnored));
    world.rest();
    pass(&world, 60);
    world.rest();
    assert_eq!((world.states(), *lock(&world.network.writes)), (vec![State::InDoubt], 1));
    assert!(world.document(1).reasons.is_empty(), "it may still appear");
    for life in 0..3 {
        world.settle(QUIET * 3);
        let document = world.document(1);
        assert_eq!((document.state, document.reasons[0].code), (State::InDoubt, ReasonCode::Unsettled));
        let record = document.record.unwrap();
        assert!(document.reasons[0].detail.raw().contains(&format!("record {record}")), "{:?}", document.reasons);
        assert_eq!(*lock(&world.network.writes), 1, "life {life}");
        world.clock.pass(QUIET * 3);
        world.lane = None;
        world.live().unwrap();
    }
    assert!(world.verdict().is_empty(), "{:?}", world.verdict());
}

#[test]
fn what_a_record_was_named_for_is_not_sent_from_the_queue_either() {
    let mut world = World::new(1, 1);
    world.queue(1);
    let name = |tx: &mut crate::store::Tx<'_>| {
        let mut document = tx.document(DocumentId(1))?.unwrap();
        document.record = Some(crate::model::RecordNo("60001".to_owned()));
        tx.save(document)
    };
    world.store.write_now(name).unwrap();
    world.settle(QUIET);
    assert_eq!((world.states(), *lock(&world.network.writes)), (vec![State::Held], 0));
    assert_eq!(world.document(1).reasons[0].code, ReasonCode::LedgerGone);
}

#[test]
fn what_lost_its_approval_is_not_sent_and_not_sent_again() {
    let lose = |world: &World| {
        world
            .store
            .write_now(|tx| {
                let mut document = tx.document(DocumentId(1))?.unwrap();
                document.approval = Approval::NotApproved;
                tx.save(document)
            })
            .unwrap();
    };
    let mut world = World::new(1, 1);
    world.queue(1);
    world.step();
    lose(&world);
    for _ in 0..5 {
        world.step();
    }
    assert_eq!((world.states(), *lock(&world.network.writes)), (vec![State::Queued], 0));
    let mut world = swallowed(1);
    lose(&world);
    world.settle(QUIET * 5);
    let document = world.document(1);
    assert_eq!((document.state, document.reasons[0].code), (State::InDoubt, ReasonCode::Unsettled));
    assert_eq!(*lock(&world.network.writes), 1);
}

#[test]
fn what_waits_to_be_evaluated_is_not_sent_until_it_was() {
    let mut world = World::new(1, 1);
    world.queue(2);
    world.step();
    // Looked up and ready: now something of the second changes.
    world.store.write_now(|tx| tx.mark_pending(DocumentId(2))).unwrap();
    for _ in 0..20 {
        if !matches!(world.step(), Ended::Did(Step::Worked)) {
            pass(&world, 2);
        }
    }
    assert_eq!(world.states(), [State::Posted, State::Queued]);
    world.evaluate();
    world.settle(QUIET);
    assert_eq!(world.states(), [State::Posted, State::Posted]);
}

#[test]
fn while_nothing_may_be_sent_every_queued_one_is_looked_up_once_whatever_its_number() {
    let mut world = World::new(1, 1);
    gate(&world, false);
    world.queue(2);
    world.store.write_now(|tx| tx.mark_pending(DocumentId(1))).unwrap();
    world.rest();
    hand_bill(&world, "typed", "INV-1");
    world.evaluate();
    world.rest();
    assert_eq!(world.states(), [State::Held, State::Queued], "the first came later than the second");
    let requests = world.gateway().stats().requests;
    world.rest();
    assert_eq!(world.gateway().stats().requests, requests, "nothing is looked up over and over");
    assert_eq!(*lock(&world.network.writes), 0);
    gate(&world, true);
    world.settle(QUIET);
    assert_eq!(world.states(), [State::Held, State::Posted]);
}

#[test]
fn what_is_amended_while_nothing_may_be_sent_is_looked_up_again() {
    let mut world = World::new(1, 1);
    gate(&world, false);
    world.queue(1);
    hand_bill(&world, "typed", "INV-9");
    world.rest();
    assert_eq!(world.states(), [State::Queued]);
    let at = world.now();
    world
        .store
        .write_now(move |tx| {
            let mut document = tx.document(DocumentId(1))?.unwrap();
            let (_, frozen) = queued(DocumentId(9), at);
            document.posting.as_mut().unwrap().hash = frozen.hash[..16].try_into().unwrap();
            tx.put_frozen(document.id, &frozen)?;
            tx.save(document)
        })
        .unwrap();
    world.again.send(Again::Requeued(DocumentId(1))).unwrap();
    world.rest();
    assert_eq!(world.states(), [State::Held], "its new number is in Intacct already");
}

#[test]
fn a_session_that_ends_under_many_requests_is_opened_again_once() {
    let mut world = World::new(1, 4);
    world.queue(8);
    world.step();
    world.step();
    world.gateway().end_all_sessions();
    world.settle(QUIET);
    assert_eq!(world.states(), [State::Posted; 8]);
    assert!(!matches!(world.lane.as_ref().unwrap().status().borrow().state, LaneState::Stopped { .. }));
}

#[test]
fn a_refused_login_stops_the_lane_until_a_person_acts_and_nothing_is_lost() {
    let mut world = World::new(2, 1);
    world.queue(1);
    world.gateway().faults_mut().add(Fault::always(Trigger::Kind(Kind::Login), Behaviour::LoginRefused));
    assert_eq!(world.rest(), None);
    assert!(matches!(world.lane.as_ref().unwrap().status().borrow().state, LaneState::Stopped { .. }));
    assert_eq!(world.gateway().stats().logins_refused, 1, "the lock-out is not provoked");
    world.gateway().faults_mut().clear();
    pass(&world, 86_400);
    assert_eq!(world.rest(), None);
    world.lane = None;
    world.live().unwrap();
    world.settle(QUIET);
    assert_eq!(world.states(), [State::Posted]);
}

#[test]
fn a_login_that_is_remembered_as_refused_is_shown_as_stopped_and_not_as_waiting() {
    let mut world = World::new(1, 1);
    world.queue(1);
    let unheard = Behaviour::FunctionError {
        errorno: "XX-1".to_owned(),
        text: "unheard of".to_owned(),
        correction: String::new(),
    };
    world.gateway().faults_mut().add(Fault::always(Trigger::Kind(Kind::Login), unheard));
    for _ in 0..3 {
        world.rest();
        pass(&world, 1_000);
    }
    assert!(matches!(world.lane.as_ref().unwrap().status().borrow().state, LaneState::Stopped { .. }));
}

#[test]
fn logins_while_intacct_is_off_line_are_tried_again_until_it_is_back() {
    let mut world = World::new(1, 1);
    world.queue(1);
    world.gateway().faults_mut().add(Fault::always(Trigger::Kind(Kind::Login), Behaviour::Offline));
    for _ in 0..8 {
        assert!(world.rest().is_some());
        let state = world.lane.as_ref().unwrap().status().borrow().state.clone();
        assert!(matches!(state, LaneState::Waiting { .. } | LaneState::CircuitOpen { .. }), "{state:?}");
        pass(&world, 1_000);
    }
    world.gateway().faults_mut().clear();
    world.settle(QUIET);
    assert_eq!(world.states(), [State::Posted]);
}

#[test]
fn an_outage_of_minutes_puts_nothing_in_front_of_a_person() {
    let mut world = World::new(2, 1);
    world.queue(6);
    let (from, until) = (world.now(), world.now() + jiff::SignedDuration::from_mins(4));
    let writes = Trigger::All(vec![Trigger::Between(from, until), Trigger::Kind(Kind::Write)]);
    world.gateway().faults_mut().add(Fault::always(writes, Behaviour::Offline));
    world.settle(Duration::from_secs(3_600));
    assert_eq!(world.states(), [State::Posted; 6]);
}

#[test]
fn one_that_is_never_executed_is_given_to_a_person_and_keeps_nobody_waiting() {
    let mut world = World::new(4, 1);
    world.queue(4);
    let bad = Trigger::BillNumber("INV-2".to_owned());
    world.gateway().faults_mut().add(Fault::always(bad, Behaviour::Offline));
    world.settle(QUIET * 6);
    assert_eq!(world.states(), [State::Posted, State::Failed, State::Posted, State::Posted]);
    assert_eq!(world.document(2).class, Some(Class::Backoff));
}

#[test]
fn a_look_ordered_by_a_person_is_kept_through_troubles() {
    let mut world = World::new(1, 1);
    world.queue(1);
    once(&world, 1, Behaviour::WrongAmount(100));
    world.settle(QUIET);
    assert_eq!(world.states(), [State::Differs]);
    let record = world.gateway().ledger().bills().next().unwrap().record_no;
    let mended = Amendment { first_line: Some("1.25".parse().unwrap()), ..Amendment::default() };
    let now = world.now();
    world.gateway().person(now, Person::Amend(record, mended)).unwrap();
    world.gateway().faults_mut().add(Fault {
        when: Trigger::Kind(Kind::Read),
        skip: 0,
        times: Some(3),
        does: Behaviour::Unavailable(503),
    });
    world.again.send(Again::Differing(DocumentId(1))).unwrap();
    for _ in 0..6 {
        world.rest();
        pass(&world, 60);
    }
    assert_eq!(world.states(), [State::Posted]);
    // Deleted: a person hears that it is gone.
    let mut world = World::new(1, 1);
    world.queue(1);
    once(&world, 1, Behaviour::WrongAmount(100));
    world.settle(QUIET);
    let record = world.gateway().ledger().bills().next().unwrap().record_no;
    let now = world.now();
    world.gateway().person(now, Person::Delete(record)).unwrap();
    world.again.send(Again::Differing(DocumentId(1))).unwrap();
    world.rest();
    assert_eq!(world.document(1).reasons[0].code, ReasonCode::LedgerGone);
}

#[test]
fn a_refusal_for_its_period_makes_the_queue_be_evaluated_before_more_is_sent() {
    let mut world = World::new(1, 1);
    world.queue(3);
    once(
        &world,
        1,
        Behaviour::FunctionError {
            errorno: "BL01001973".to_owned(),
            text: "The accounting period for 03/31/2026 is closed".to_owned(),
            correction: String::new(),
        },
    );
    world.rest();
    assert_eq!(world.states(), [State::Held, State::Queued, State::Queued]);
    assert_eq!(*lock(&world.network.writes), 1, "the others wait to be evaluated");
    let closed = world.store.read_now(|reader| reader.closed_periods()).unwrap();
    assert_eq!(closed.keys().collect::<Vec<_>>(), ["* 2026-03"]);
}

#[test]
fn a_change_during_a_send_that_was_not_executed_is_not_overtaken_by_the_old_bytes() {
    let mut world = World::new(1, 1);
    world.queue(1);
    once(&world, 1, Behaviour::Throttle(Some(1)));
    while *lock(&world.network.writes) == 0 {
        world.step();
    }
    // The outcome is learned, not yet written; meanwhile an amendment arrives.
    world
        .store
        .write_now(|tx| {
            let mut document = tx.document(DocumentId(1))?.unwrap();
            assert_eq!(document.state, State::Sent);
            document.revision = Some(revision(2));
            tx.save(document)
        })
        .unwrap();
    for _ in 0..10 {
        world.step();
        pass(&world, 10);
    }
    assert_eq!((world.states(), *lock(&world.network.writes)), (vec![State::Queued], 1));
    assert!(world.store.read_now(|reader| reader.has_pending()).unwrap());
}
