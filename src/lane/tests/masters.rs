//! Vendors through the lane: created once and changed once whatever the gateway does, and never over somebody else's change.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::world::{Death, QUIET, World, lock};
use crate::intacct::vendor::VendorForm;
use crate::lane::Again;
use crate::model::{
    ControlId, LinkBasis, MasterField, MasterStep, MasterSupplier, MasterValues, MasterWrite, MasterWriteKind, Pair,
    PairId, PairState, PaymentMarks, RecordNo, Side, Text,
};
use crate::seams::Clock;
use crate::simulator::faults::{Behaviour, Fault, Kind, Trigger};
use crate::simulator::gateway::Person;

const NEW: &str = "S-1";
const KNOWN: &str = "V-1";

fn values(given: &[(MasterField, &str)]) -> MasterValues {
    given.iter().map(|(field, value)| (*field, Text::from(*value))).collect()
}

fn write(kind: MasterWriteKind, target: &str, set: MasterValues, expected: MasterValues) -> MasterWrite {
    let form = VendorForm::default();
    let record = (kind == MasterWriteKind::Update).then(|| RecordNo("9".to_owned()));
    let body = match &record {
        Some(record) => form.update_vendor(record, &set),
        None => form.create_vendor(target, &set),
    };
    MasterWrite {
        to: Side::Intacct,
        kind,
        target: Text::from(target),
        record,
        hash: Sha256::digest(&body).into(),
        control_id: ControlId::fresh(format!("tg-{}-{target}", kind.word())),
        set,
        expected,
        body,
        step: MasterStep::Queued,
        at: jiff::Timestamp::UNIX_EPOCH,
        attempts: 0,
        last_attempt: None,
        rounds: 0,
        not_executed: 0,
    }
}

fn creation() -> MasterWrite {
    let set = [(MasterField::Name, "Birch & Tarn"), (MasterField::Status, "active"), (MasterField::Phone, "555-0100")];
    write(MasterWriteKind::Create, NEW, values(&set), MasterValues::default())
}

fn change() -> MasterWrite {
    let (set, expected) = (values(&[(MasterField::Phone, "555-0199")]), values(&[(MasterField::Phone, "")]));
    write(MasterWriteKind::Update, KNOWN, set, expected)
}

fn queue(world: &World, write: MasterWrite) {
    let at = world.now();
    world
        .store
        .write_now(move |tx| {
            let id = tx.next_pair()?;
            let supplier = MasterSupplier {
                id: Text::new(format!("70{}", id.0)),
                number: write.target.clone(),
                values: write.set.clone(),
                merged_into: None,
                modified: None,
                token: None,
                payment: PaymentMarks::default(),
            };
            let mut pair = Pair {
                state: PairState::Writing,
                vendor: (write.kind == MasterWriteKind::Update).then(|| write.target.clone()),
                agreed: write.expected.clone(),
                to_intacct: Some(Box::new(write)),
                ..Pair::new(id, supplier, at)
            };
            tx.save_pair(&mut pair)
        })
        .unwrap();
    let _ = world.again.send(Again::Vendors);
}

fn pair(world: &World) -> Pair {
    world.store.read_now(|reader| reader.pair(PairId(1))).unwrap().unwrap()
}

fn events(world: &World) -> Vec<String> {
    let entries = world.store.read_now(|reader| reader.audit_of_pair(PairId(1))).unwrap();
    let event = |record: &str| record.split("\"event\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    entries.iter().map(|entry| event(&entry.record)).collect()
}

/// Lets time pass until the write is settled one way or another.
fn settle(world: &mut World) {
    for _ in 0..40 {
        let until = world.rest();
        if pair(world).to_intacct.is_none() {
            return;
        }
        let now = world.clock.monotonic();
        world.clock.pass(until.map_or(QUIET, |until| until.saturating_sub(now)).max(Duration::from_millis(1)));
    }
    panic!("the write never settles: {:?}, {:?}", pair(world).to_intacct.map(|write| write.step), events(world));
}

/// Vendors with this id, whatever its case.
fn standing(world: &World, id: &str) -> usize {
    world.gateway().masters().vendors.keys().filter(|known| known.eq_ignore_ascii_case(id)).count()
}

fn phone(world: &World) -> String {
    world.gateway().masters().vendors[KNOWN].contact.phone.clone()
}

fn edit(world: &World, field: &str, value: &str) {
    let fields = BTreeMap::from([(field.to_owned(), value.to_owned())]);
    let now = world.now();
    world.gateway().person(now, Person::EditVendor(KNOWN.to_owned(), fields)).unwrap();
}

/// Behaviours inside the fault model, each acting once.
fn behaviours() -> Vec<Behaviour> {
    vec![
        Behaviour::Normal,
        Behaviour::Drop,
        Behaviour::BadGateway(502),
        Behaviour::Silent,
        Behaviour::AnswerLate(301_000),
        Behaviour::CommitLate(500_000),
        Behaviour::Part(0),
        Behaviour::Refuse,
        Behaviour::Unavailable(503),
        Behaviour::HtmlOk,
        Behaviour::Throttle(Some(7)),
        Behaviour::SessionExpired,
        Behaviour::RolledBack,
        Behaviour::Offline,
        Behaviour::SwapAnswer,
        Behaviour::Cut(700),
        Behaviour::Malformed,
        Behaviour::Trickle(1, 1_000),
        Behaviour::ForeignControlId,
        Behaviour::MissingResult,
        Behaviour::UniqueIdIgnored,
    ]
}

#[test]
fn a_vendor_is_created_once_whatever_the_gateway_does_and_wherever_the_process_ends() {
    for does in behaviours() {
        for death in [None, Some(Death::BeforeWrite(1)), Some(Death::AfterWrite(1)), Some(Death::InRead(1))] {
            let mut world = World::new(10, 1);
            world.gateway().faults_mut().add(Fault::once(Trigger::NthWrite(1), does.clone()));
            if let Some(death) = death {
                world.die(death);
            }
            queue(&world, creation());
            settle(&mut world);
            let (pair, told) = (pair(&world), format!("{does:?}, {death:?}: {:?}", events(&world)));
            assert_eq!(standing(&world, NEW), 1, "{told}");
            assert_eq!(
                (pair.vendor.as_ref(), &pair.basis),
                (Some(&Text::from(NEW)), &Some(LinkBasis::Created)),
                "{told}"
            );
            assert_eq!(pair.agreed.raw(MasterField::Name), "Birch & Tarn", "{told}");
            assert!(lock(&world.network.broken).is_empty(), "{told}: {:?}", lock(&world.network.broken));
        }
    }
}

#[test]
fn a_vendor_is_changed_whatever_the_gateway_does_and_wherever_the_process_ends() {
    for does in behaviours() {
        for death in [None, Some(Death::BeforeWrite(1)), Some(Death::AfterWrite(1)), Some(Death::InRead(1))] {
            let mut world = World::new(10, 1);
            world.gateway().faults_mut().add(Fault::once(Trigger::NthWrite(1), does.clone()));
            if let Some(death) = death {
                world.die(death);
            }
            queue(&world, change());
            settle(&mut world);
            let told = format!("{does:?}, {death:?}: {:?}", events(&world));
            assert_eq!(phone(&world), "555-0199", "{told}");
            assert_eq!(pair(&world).agreed.raw(MasterField::Phone), "555-0199", "{told}");
        }
    }
}

#[test]
fn what_somebody_changed_before_the_send_is_not_overwritten() {
    let mut world = World::new(10, 1);
    edit(&world, "DISPLAYCONTACT.PHONE1", "555-0111");
    queue(&world, change());
    settle(&mut world);
    assert_eq!(phone(&world), "555-0111");
    assert_eq!(*lock(&world.network.writes), 0, "nothing was sent");
    let (pair, vendor) = (pair(&world), world.store.read_now(|reader| reader.master_vendor(KNOWN)).unwrap().unwrap());
    assert_eq!(pair.agreed.raw(MasterField::Phone), "", "what both agreed on stays");
    assert_eq!(vendor.values.raw(MasterField::Phone), "555-0111", "what it says now is known");
    assert!(world.store.read_now(|reader| reader.has_pended_pairs()).unwrap(), "and the pair is compared again");
}

#[test]
fn what_somebody_changed_while_the_outcome_was_unclear_is_not_overwritten_by_a_second_send() {
    let mut world = World::new(10, 1);
    world.gateway().faults_mut().add(Fault::once(Trigger::NthWrite(1), Behaviour::Part(0)));
    queue(&world, change());
    world.rest();
    assert_eq!(pair(&world).to_intacct.unwrap().step, MasterStep::InDoubt);
    edit(&world, "DISPLAYCONTACT.PHONE1", "555-0111");
    settle(&mut world);
    assert_eq!(phone(&world), "555-0111");
    assert_eq!(*lock(&world.network.writes), 1);
    assert!(events(&world).contains(&"master_moved".to_owned()), "{:?}", events(&world));
}

#[test]
fn what_somebody_changed_after_intacct_said_yes_counts_as_their_change() {
    let mut world = World::new(10, 1);
    queue(&world, change());
    // Sent and answered; before it is read back a person changes it.
    while pair(&world).to_intacct.is_some_and(|write| write.step == MasterStep::Queued) {
        world.step();
    }
    edit(&world, "DISPLAYCONTACT.PHONE1", "555-0111");
    settle(&mut world);
    assert_eq!(phone(&world), "555-0111");
    assert_eq!(pair(&world).agreed.raw(MasterField::Phone), "555-0199", "so that the other side follows");
}

#[test]
fn a_vendor_that_somebody_typed_first_is_not_taken_for_ours() {
    let mut world = World::new(10, 1);
    let typed = crate::simulator::gateway::Vendor {
        id: NEW.to_owned(),
        name: "Birch and Tarn, typed".to_owned(),
        active: true,
        ..Default::default()
    };
    let now = world.now();
    world.gateway().person(now, Person::TypeVendor(Box::new(typed))).unwrap();
    queue(&world, creation());
    settle(&mut world);
    let pair = pair(&world);
    assert_eq!((standing(&world, NEW), *lock(&world.network.writes)), (1, 0));
    assert_eq!((pair.vendor, pair.basis), (None, None), "whether they belong together is found by comparing");
    assert!(pair.agreed.is_empty());
}

#[test]
fn a_refusal_stands_in_front_of_a_person_and_is_not_sent_again() {
    let mut world = World::new(10, 1);
    let set = [(MasterField::Name, "Birch & Tarn"), (MasterField::Terms, "Net 999")];
    queue(&world, write(MasterWriteKind::Create, NEW, values(&set), MasterValues::default()));
    settle(&mut world);
    world.clock.pass(QUIET);
    world.rest();
    let pair = pair(&world);
    assert_eq!(pair.state, PairState::Failed);
    assert!(!pair.faults.is_empty() && !pair.reasons.is_empty());
    assert_eq!((standing(&world, NEW), *lock(&world.network.writes)), (0, 1));
}

#[test]
fn one_vendor_that_makes_the_gateway_refuse_a_whole_request_fails_alone() {
    let mut world = World::new(10, 1);
    for number in 1..=4 {
        let set = values(&[(MasterField::Name, "Birch & Tarn")]);
        let mut write = write(MasterWriteKind::Create, &format!("S-{number}"), set, MasterValues::default());
        if number == 3 {
            write.body = b"<create><VENDOR><VENDORID>S-3</VENDORID><NAME>\x01</NAME></VENDOR></create>".to_vec();
            write.hash = Sha256::digest(&write.body).into();
        }
        queue(&world, write);
    }
    for _ in 0..10 {
        world.rest();
        world.clock.pass(Duration::from_secs(20));
    }
    let pairs = world.store.read_now(|reader| reader.pairs(0, 9)).unwrap();
    let made: Vec<bool> = pairs.iter().map(|pair| pair.vendor.is_some()).collect();
    assert_eq!(made, [true, true, false, true], "{:?}", pairs.iter().map(|pair| pair.state).collect::<Vec<_>>());
    assert_eq!(pairs[2].state, PairState::Failed);
}

#[test]
fn vendors_go_before_the_bills_that_may_name_them_and_only_while_the_gate_is_open() {
    let mut world = World::new(10, 1);
    world.gate.send_replace(crate::lane::Gate { may_send: true, ..Default::default() });
    queue(&world, creation());
    world.rest();
    assert_eq!(standing(&world, NEW), 0, "the gate for vendors is closed");
    world.queue(1);
    world.gate.send_replace(crate::lane::Gate { may_send: true, may_write_vendors: true, ..Default::default() });
    while *lock(&world.network.writes) == 0 {
        world.step();
    }
    assert_eq!(standing(&world, NEW), 1, "the first request with writes had the vendor");
}

#[test]
fn where_vendors_cannot_be_asked_for_bills_go_on_and_vendors_later() {
    let mut world = World::new(10, 1);
    let refused = Behaviour::FunctionError {
        errorno: "Query Failed".to_owned(),
        text: "Object definition VENDOR not found".to_owned(),
        correction: String::new(),
    };
    world.gateway().faults_mut().add(Fault::once(Trigger::Kind(Kind::Read), refused));
    queue(&world, creation());
    world.queue(1);
    world.gate.send_replace(crate::lane::Gate { may_send: true, may_write_vendors: true, ..Default::default() });
    while *lock(&world.network.writes) == 0 {
        world.step();
    }
    assert_eq!((standing(&world, NEW), world.gateway().ledger().bills().count()), (0, 1), "the bill went first");
    settle(&mut world);
    assert_eq!(standing(&world, NEW), 1, "asked again a quarter of an hour later");
}

#[test]
fn what_is_without_effect_three_times_goes_to_a_person() {
    let mut world = World::new(10, 1);
    world.gateway().faults_mut().add(Fault::always(Trigger::Kind(Kind::Write), Behaviour::Part(0)));
    queue(&world, creation());
    settle(&mut world);
    assert_eq!((pair(&world).state, standing(&world, NEW)), (PairState::Failed, 0));
    assert_eq!(*lock(&world.network.writes), 3);
}

#[test]
fn a_commit_that_fails_anywhere_on_the_way_leaves_no_write_behind() {
    for does in [Behaviour::Normal, Behaviour::RolledBack, Behaviour::Refuse, Behaviour::Drop] {
        for nth in 1..=10 {
            for kept in [false, true] {
                for write in [creation(), change()] {
                    let kind = write.kind;
                    let mut world = World::new(10, 1);
                    world.gateway().faults_mut().add(Fault::once(Trigger::NthWrite(1), does.clone()));
                    queue(&world, write);
                    world.disk.fail_sync(nth, kept);
                    settle(&mut world);
                    let told = format!("{does:?}, sync {nth}, kept {kept}: {:?}", events(&world));
                    match kind {
                        MasterWriteKind::Create => assert_eq!(standing(&world, NEW), 1, "{told}"),
                        MasterWriteKind::Update => assert_eq!(phone(&world), "555-0199", "{told}"),
                    }
                    assert!(lock(&world.network.broken).is_empty(), "{told}: {:?}", lock(&world.network.broken));
                }
            }
        }
    }
}
