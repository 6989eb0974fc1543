//! The late audit: what people do to bills that were posted is found, each thing once, and nothing else is.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::world::{QUIET, World, bill, company, lock};
use crate::lane::{AuditError, AuditOptions, audit};
use crate::messages::BillAudit;
use crate::model::{Actor, Company, DocumentId, Flag, LedgerState, ReasonCode, RecordNo, State};
use crate::posting::natural_key;
use crate::seams::{Kept, RuntimeTasks, Seams, SeededChance};
use crate::simulator::faults::{Behaviour, Fault, Kind, Trigger};
use crate::simulator::gateway::{Amendment, HandBill, Line, Person};
use crate::store::{Meta, PauseRecord};

/// A world in which so many documents are posted, longer ago than the quiet time.
fn posted(count: u64) -> World {
    let mut world = World::new(50, 1);
    world.queue(count);
    world.settle(QUIET);
    assert!(world.states().iter().all(|state| *state == State::Posted), "{:?}", world.states());
    world.clock.pass(QUIET);
    world
}

fn audited(world: &World, company: Company, page_size: usize) -> Result<BillAudit, AuditError> {
    let seams =
        Seams { clock: world.clock.clone(), chance: Arc::new(SeededChance::new(1)), tasks: Arc::new(RuntimeTasks) };
    let gateway = world.lane.as_ref().unwrap().gateway.clone();
    let options = AuditOptions {
        by: Actor::Flow("audit".to_owned()),
        company,
        natural_key,
        mark_field: world.options.mark_field.clone(),
        page_size,
        quiet_time: QUIET,
    };
    audit::<Kept>(&gateway, &world.store, &seams, options).now_or_never().expect("nothing waits")
}

fn found(world: &World) -> BillAudit {
    audited(world, company(), 2_000).unwrap()
}

fn person(world: &World, does: Person) -> u64 {
    let now = world.now();
    world.gateway().person(now, does).unwrap()
}

/// The record of a document's bill.
fn record(world: &World, id: u64) -> u64 {
    world.document(id).record.unwrap().0.parse().unwrap()
}

fn description(world: &World, id: u64) -> String {
    let record = record(world, id);
    world.gateway().ledger().get(record).unwrap().description.clone()
}

fn stands(world: &World, id: u64) -> (State, Vec<ReasonCode>) {
    let document = world.document(id);
    (document.state, document.reasons.iter().map(|reason| reason.code).collect())
}

/// A bill that a person types, with a number and a description of its own.
fn typed(number: &str, description: String) -> Person {
    let of = bill(1);
    Person::Type(HandBill {
        vendor_id: of.vendor,
        record_id: number.to_owned(),
        description,
        currency: "USD".to_owned(),
        invoice_date: of.date,
        gl_date: of.posting_date,
        due_date: of.due_date,
        entity: String::new(),
        lines: vec![Line { account: "6000".to_owned(), amount: 7.into(), ..Line::default() }],
    })
}

fn pause(world: &World) -> Option<PauseRecord> {
    world.store.read_now(|reader| reader.meta(Meta::Pause)).unwrap()
}

#[test]
fn what_stands_as_it_was_read_back_is_counted_and_left_alone() {
    let world = posted(4);
    person(&world, Person::Pay(record(&world, 1)));
    person(&world, Person::Approve(record(&world, 2)));
    // What only looks like a mark is nobody's.
    person(&world, typed("H-1", "Part TG-100 [TG-x]".to_owned()));
    let before = world.documents();
    let audit = found(&world);
    assert_eq!((audit.bills, audit.standing, audit.found()), (4, 4, 0), "{audit}");
    assert_eq!(world.documents(), before);
    assert_eq!(world.store.read_now(|reader| reader.meta(Meta::BillAudit)).unwrap(), Some(audit));
}

#[test]
fn each_thing_that_people_do_to_posted_bills_is_found_and_put_in_front_of_a_person() {
    let world = posted(9);
    let amend = |id: u64, amendment: Amendment| {
        person(&world, Person::Amend(record(&world, id), amendment));
    };
    person(&world, Person::Delete(record(&world, 1)));
    person(&world, Person::Reverse(record(&world, 2)));
    person(&world, Person::Decline(record(&world, 3)));
    person(&world, Person::Draft(record(&world, 4)));
    amend(5, Amendment { first_line: Some(99.into()), ..Amendment::default() });
    amend(6, Amendment { record_id: Some("OTHER".to_owned()), ..Amendment::default() });
    amend(7, Amendment { gl_date: Some(jiff::civil::date(2026, 3, 9)), ..Amendment::default() });
    amend(8, Amendment { description: Some("no mark any more".to_owned()), ..Amendment::default() });
    let audit = found(&world);
    assert_eq!((audit.gone, audit.fallen, audit.changed, audit.doubled), (1, 2, 5, 0), "{audit}");
    assert_eq!((audit.bills, audit.standing, audit.needs_attention()), (7, 1, false), "{audit}");
    let differs = |code| (State::Differs, vec![code]);
    assert_eq!(stands(&world, 1), differs(ReasonCode::LedgerGone));
    assert_eq!(stands(&world, 2), differs(ReasonCode::NotStanding));
    assert_eq!(stands(&world, 3), differs(ReasonCode::NotStanding));
    for id in 4..=8 {
        assert_eq!(stands(&world, id), differs(ReasonCode::LedgerDiffers), "{id}");
    }
    assert_eq!(stands(&world, 9), (State::Posted, vec![]));
    let said = |id: u64| world.document(id).reasons[0].detail.raw().to_owned();
    for (id, words) in
        [(4, "state is Draft"), (5, "total is 109.12, not 15.37"), (6, "bill number is OTHER"), (8, "mark is missing")]
    {
        assert!(said(id).contains(words), "{}", said(id));
    }
    assert!(said(7).contains("posting date is 2026-03-09, not 2026-03-02"), "{}", said(7));
    // It is in the trail, under the audit's name.
    let trail = world.store.read_now(|reader| reader.audit_of(DocumentId(1))).unwrap();
    let last = &trail.last().unwrap().record;
    assert!(last.contains("\"event\":\"gone\"") && last.contains("{\"flow\":\"audit\"}"), "{last}");
    // What stands in front of a person is not found again.
    let again = found(&world);
    assert_eq!((again.found(), again.standing), (0, 1), "{again}");
    assert!(world.verdict().is_empty(), "{:?}", world.verdict());
    assert_eq!(pause(&world), None);
}

#[test]
fn a_copied_mark_under_any_number_is_doubled_and_stops_the_queue() {
    for number in ["INV-1", "COPY"] {
        let world = posted(2);
        let copy = person(&world, typed(number, description(&world, 1)));
        let audit = found(&world);
        assert_eq!((audit.doubled, audit.standing, audit.bills), (1, 1, 3), "{audit}");
        assert_eq!(stands(&world, 1), (State::Differs, vec![ReasonCode::Doubled]));
        assert_eq!(stands(&world, 2), (State::Posted, vec![]));
        let why = pause(&world).expect("the queue is stopped").why;
        assert!(why.contains(&copy.to_string()) && why.contains(&record(&world, 1).to_string()), "{why}");
        // A person who resumes is not stopped again for the same.
        world.store.write_now(|tx| tx.remove_meta(Meta::Pause)).unwrap();
        assert_eq!((found(&world).found(), pause(&world)), (0, None));
    }
}

#[test]
fn a_document_that_differs_already_is_still_found_doubled() {
    let world = posted(1);
    person(
        &world,
        Person::Amend(record(&world, 1), Amendment { record_id: Some("X".to_owned()), ..Amendment::default() }),
    );
    assert_eq!(found(&world).changed, 1);
    person(&world, typed("COPY", description(&world, 1)));
    assert_eq!(found(&world).doubled, 0, "it changed a moment ago");
    world.clock.pass(QUIET);
    assert_eq!(found(&world).doubled, 1);
    assert_eq!(stands(&world, 1), (State::Differs, vec![ReasonCode::Doubled]));
}

#[test]
fn a_copy_in_the_place_of_the_bill_is_another_record() {
    let world = posted(1);
    let (gone, words) = (record(&world, 1), description(&world, 1));
    person(&world, Person::Delete(gone));
    let copy = person(&world, typed("INV-1", words));
    assert_eq!(found(&world).changed, 1);
    let said = world.document(1).reasons[0].detail.raw().to_owned();
    assert!(said.contains(&format!("record is {copy}, not {gone}")), "{said}");
}

#[test]
fn a_mark_that_no_document_knows_is_named_with_its_record_and_twice_it_stops_the_queue() {
    let world = posted(1);
    let mark = "TG-ABCDEFGHIJKLMNOP-0";
    let stray = person(&world, typed("S-1", format!("from elsewhere [{mark}]")));
    let audit = found(&world);
    assert_eq!((audit.found(), audit.standing, audit.needs_attention()), (1, 1, true), "{audit}");
    let [line] = &audit.lines()[..] else { panic!("{audit:?}") };
    assert!(line.contains(mark) && line.contains(&stray.to_string()), "{line}");
    assert_eq!(pause(&world), None);
    let trail = world.store.read_now(|reader| reader.audit_from(0, 1_000)).unwrap();
    assert!(trail.iter().any(|entry| entry.record.contains("\"event\":\"stray\"") && entry.record.contains(mark)));
    let other = person(&world, typed("S-2", format!("again [{mark}]")));
    let audit = found(&world);
    assert_eq!((audit.doubled, audit.lines().len()), (1, 2), "{audit}");
    let why = pause(&world).expect("the queue is stopped").why;
    assert!(why.contains(&stray.to_string()) && why.contains(&other.to_string()), "{why}");
    person(&world, Person::Reverse(stray));
    assert_eq!(found(&world).lines().len(), 1);
    person(&world, Person::Delete(other));
    assert!(!found(&world).needs_attention(), "settled, it is found no more");
}

#[test]
fn a_bill_of_another_entity_is_no_stray_of_this_one() {
    let world = posted(1);
    let typed_in = |entity: &str, number: &str, mark: &str| match typed(number, format!("from elsewhere [{mark}]")) {
        Person::Type(bill) => person(&world, Person::Type(HandBill { entity: entity.to_owned(), ..bill })),
        other => panic!("{other:?}"),
    };
    let lines = |entity: Option<&str>| {
        let company = Company { entity: entity.map(str::to_owned), ..company() };
        let mut lines = audited(&world, company, 2_000).unwrap().lines();
        lines.sort();
        lines
    };
    let north = typed_in("NORTH", "S-1", "TG-ABCDEFGHIJKLMNOP-0");
    let [line] = &lines(None)[..] else { panic!("the whole company has it") };
    assert!(line.contains(&north.to_string()), "{line}");
    assert_eq!(lines(Some("SOUTH")), [""; 0], "another entity's is not ours to name");
    assert_eq!(lines(Some("NORTH")).len(), 1);
    let south = typed_in("SOUTH", "S-2", "TG-BCDEFGHIJKLMNOPQ-0");
    let [line] = &lines(Some("SOUTH"))[..] else { panic!("its own is named") };
    assert!(line.contains(&south.to_string()), "{line}");
    // At top level it may be anybody's.
    let top = typed_in("", "S-3", "TG-CDEFGHIJKLMNOPQR-0");
    let found = lines(Some("SOUTH"));
    assert!(found.len() == 2 && found.iter().any(|line| line.contains(&top.to_string())), "{found:?}");
    assert_eq!(pause(&world), None);
}

#[test]
fn a_bill_that_stands_although_its_document_is_not_posted_is_named() {
    for state in [State::Failed, State::Held, State::Withdrawn, State::NotApproved, State::Dismissed] {
        let world = posted(1);
        let set = |record: Option<RecordNo>| {
            world
                .store
                .write_now(move |tx| {
                    // As a store has it that was lost or restored.
                    let mut document = tx.document(DocumentId(1))?.unwrap();
                    let id = tx.next_id();
                    (document.id, document.key) = (id, super::world::key(id.0));
                    (document.state, document.record) = (state, record);
                    document.posting.as_mut().unwrap().mark =
                        crate::model::Mark::of(&document.key, crate::model::Generation(0));
                    tx.create(document)
                })
                .unwrap();
        };
        set(None);
        let mark = world.document(2).posting.unwrap().mark;
        let bill = person(&world, typed("M-1", format!("x [{mark}]")));
        let audit = found(&world);
        let line = audit.lines().pop().unwrap_or_default();
        assert!(line.contains(&bill.to_string()) && line.contains(state.label()), "{state:?}: {line}");
        assert_eq!(world.document(2).state, state, "a person decides");
    }
}

#[test]
fn what_a_person_took_over_as_it_stood_is_compared_with_that() {
    let world = posted(1);
    let of = record(&world, 1);
    person(&world, Person::Amend(of, Amendment { first_line: Some(50.into()), ..Amendment::default() }));
    assert_eq!(found(&world).changed, 1);
    world
        .store
        .write_now(|tx| {
            let mut document = tx.document(DocumentId(1))?.unwrap();
            document.state = State::Posted;
            document.reasons.clear();
            document.flags.push(Flag::Adopted);
            assert_eq!(document.ledger.as_ref().unwrap().state, LedgerState::Standing);
            tx.save(document)
        })
        .unwrap();
    world.clock.pass(QUIET);
    let audit = found(&world);
    assert_eq!((audit.found(), audit.standing), (0, 1), "{audit}");
    // Paid and without its mark it is still that bill; with another amount it is not.
    person(&world, Person::Pay(of));
    person(&world, Person::Amend(of, Amendment { description: Some("plain".to_owned()), ..Amendment::default() }));
    assert_eq!((found(&world).found(), found(&world).standing), (0, 1));
    person(&world, Person::Amend(of, Amendment { first_line: Some(51.into()), ..Amendment::default() }));
    assert_eq!(found(&world).changed, 1);
    let said = world.document(1).reasons[0].detail.raw().to_owned();
    assert!(said.contains("total is 61.12, not 60.12 as it was taken over"), "{said}");
}

#[test]
fn nothing_is_concluded_within_the_quiet_time() {
    let mut world = World::new(50, 1);
    world.queue(2);
    world.settle(QUIET);
    let since = world.document(1).since;
    person(&world, Person::Delete(record(&world, 1)));
    let copy = description(&world, 2);
    person(&world, typed("COPY", copy));
    let young = QUIET - Duration::from_secs(1) - Duration::try_from(world.now().duration_since(since)).unwrap();
    world.clock.pass(young);
    assert_eq!((found(&world).found(), world.states()), (0, vec![State::Posted; 2]));
    world.clock.pass(Duration::from_secs(1));
    let audit = found(&world);
    assert_eq!((audit.gone, audit.doubled), (1, 1), "{audit}");
}

#[test]
fn what_cannot_be_read_to_its_end_concludes_nothing() {
    let world = posted(3);
    person(&world, Person::Delete(record(&world, 1)));
    let before = (world.documents(), world.store.read_now(|reader| reader.audit_head()).unwrap().count);
    for behaviour in [Behaviour::Drop, Behaviour::Cut(300), Behaviour::Unavailable(503), Behaviour::Malformed] {
        for nth in 1..=2 {
            world.gateway().faults_mut().clear();
            let reads = Fault { skip: nth - 1, ..Fault::once(Trigger::Kind(Kind::Read), behaviour.clone()) };
            world.gateway().faults_mut().add(reads);
            assert!(
                matches!(audited(&world, company(), 2_000), Err(AuditError::Read(_))),
                "{behaviour:?} at read {nth}"
            );
        }
    }
    let after = (world.documents(), world.store.read_now(|reader| reader.audit_head()).unwrap().count);
    assert_eq!(before, after);
    world.gateway().faults_mut().clear();
    assert_eq!(found(&world).gone, 1);
}

#[test]
fn what_somebody_settled_meanwhile_is_left_as_they_settled_it() {
    use crate::lane::{Change, apply_audited};
    let world = posted(1);
    let version = world.document(1).version;
    let (at, gone) = (world.now(), Change::Gone { id: DocumentId(1) });
    let write = |version: u64| {
        let gone = gone.clone();
        world.store.write_now(move |tx| apply_audited::<Kept>(tx, at, &Actor::Lane, version, &gone)).unwrap()
    };
    assert!(!write(version - 1));
    assert_eq!(world.states(), [State::Posted]);
    assert!(write(version));
    assert_eq!(world.states(), [State::Differs]);
    assert!(!write(version + 1), "it is no longer posted");
}

#[test]
fn a_row_without_a_record_number_is_named_and_its_document_is_not_called_gone() {
    let world = posted(2);
    let of = record(&world, 1);
    lock(&world.network.erased).push(format!("<RECORDNO>{of}</RECORDNO>"));
    let audit = found(&world);
    assert_eq!((audit.gone, audit.changed, audit.standing), (0, 0, 1), "{audit}");
    assert!(audit.lines().iter().any(|line| line.contains("no readable record number")), "{audit:?}");
    assert_eq!(world.states(), [State::Posted; 2]);
}

#[test]
fn many_pages_are_compared_one_after_the_other() {
    let world = posted(5);
    person(&world, Person::Delete(record(&world, 3)));
    let audit = audited(&world, company(), 1).unwrap();
    assert_eq!((audit.bills, audit.standing, audit.gone), (4, 4, 1), "{audit}");
}
