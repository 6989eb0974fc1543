//! What leaves, and what does not: a write that a decision overtook, a supplier that is gone, what waits for a pair.

use super::*;
use crate::lane::tests::world::approved;
use crate::model::{Document, FieldDecision, State};
use crate::vendors::write_to;
use MasterField::{Address1, Phone};

/// An intent to send what is queued to a side.
fn intends(world: &World, supplier: &str, to: Side) -> bool {
    let pair = world.pair(supplier);
    let write = match to {
        Side::Intacct => pair.to_intacct,
        Side::Jaggaer => pair.to_jaggaer,
    };
    let hash = write.expect("something is queued").hash;
    changes(world, pair.id, to, Change::Intent { hash, request: "r-1".to_owned(), epoch: 1 })
}

fn changes(world: &World, id: PairId, to: Side, change: Change) -> bool {
    let seeing = world.base.seeing(at(50), Actor::Engine);
    world.store.write_now(move |tx| apply::<Kept>(tx, &seeing, to, id, &change)).unwrap()
}

fn decides(world: &World, second: i64, command: VendorCommand, live: Live) {
    let deciding = Deciding { base: world.base.clone(), by: anna(), at: at(second) };
    world.store.write_now(move |tx| deciding.decide(tx, &command, &live)).unwrap().unwrap();
}

#[test]
fn what_both_sides_refused_is_not_tried_on_and_on() {
    let mut world = filled();
    world.base.writes_jaggaer = true;
    let jaggaer = |phone: &str| supplier("1", "V-1", &[(Name, "Harbor"), (Phone, phone), (Email, "a@harbor.example")]);
    let intacct = |email: &str| vendor("V-1", &[(Name, "Harbor"), (Phone, "1"), (Email, email)]);
    world.reads(1, vec![jaggaer("1")], vec![intacct("a@harbor.example")]);
    world.starts(10).unwrap();
    world.reads(20, vec![jaggaer("2")], vec![intacct("b@harbor.example")]);
    for (second, side) in [(21, Side::Intacct), (22, Side::Jaggaer)] {
        let pair = world.pair("1");
        let write = write_to(&pair, side).expect("each side changed something");
        let intent = Change::Intent { hash: write.hash, request: "r".to_owned(), epoch: 1 };
        let said = Text::new(format!("{}: no right to change it", side.label()));
        let fault = Fault { errorno: Text::from("403"), said };
        let (title, answer) = (String::new(), String::new());
        for change in [intent, Change::Refused { class: Class::Permission, fault, title, answer }] {
            let (seeing, id) = (world.base.seeing(at(second), Actor::Engine), pair.id);
            assert!(world.store.write_now(move |tx| apply::<Kept>(tx, &seeing, side, id, &change)).unwrap());
        }
        world.merge(second);
    }
    let pair = world.pair("1");
    assert_eq!((pair.state, &pair.to_intacct, &pair.to_jaggaer), (PairState::Failed, &None, &None));
    assert_eq!((pair.faults.len(), pair.reasons.len()), (2, 2));
    let shown = world.store.read_now(|reader| answer::detail(reader, &world.base, &pair, Vec::new())).unwrap();
    let error = shown.error.as_ref().expect("one is told at length");
    assert_eq!(error.said.raw(), "Intacct: no right to change it");
    let others: Vec<&str> = shown.other_reasons().map(|reason| reason.detail.raw()).collect();
    assert_eq!(others, ["JAGGAER: 403: JAGGAER: no right to change it"], "a person sees both");
    // Something else is said on one side: both are tried by what they say now.
    world.reads(30, vec![jaggaer("3")], vec![]);
    let pair = world.pair("1");
    assert!(pair.to_intacct.is_some() && pair.to_jaggaer.is_some());
}

#[test]
fn what_was_decided_about_an_address_ends_once_cheques_go_there() {
    let world = filled();
    let jaggaer = |street: &str| supplier("1", "V-1", &[(Name, "Harbor"), (Address1, street)]);
    let intacct = |cheques: bool| MasterVendor {
        paid_at_address: cheques,
        ..vendor("V-1", &[(Name, "Harbor"), (Address1, "1 Quay")])
    };
    world.reads(1, vec![jaggaer("1 Quay")], vec![intacct(false)]);
    world.starts(10).unwrap();
    let mut pair = world.pair("1");
    pair.decisions.push(FieldDecision {
        field: Address1,
        value: Text::from("2 Quay"),
        jaggaer: Text::from("2 Quay"),
        intacct: Text::from("1 Quay"),
        by: "anna".to_owned(),
        at: at(19),
    });
    world.store.write_now(move |tx| tx.save_pair(&mut pair)).unwrap();
    world.reads(20, vec![jaggaer("2 Quay")], vec![]);
    assert!(world.pair("1").to_intacct.is_some(), "decided");
    world.reads(30, vec![], vec![intacct(true)]);
    let pair = world.pair("1");
    assert_eq!((pair.state, pair.to_intacct, pair.decisions.len()), (PairState::Conflict, None, 0));
    assert!(world.trail(pair.id).contains("cheques go to the vendor's address now"));
}

#[test]
fn two_systems_that_rewrite_what_they_get_are_given_to_a_person_and_do_not_go_on_all_night() {
    let mut world = filled();
    world.base.writes_jaggaer = true;
    world.starts(10).unwrap();
    let phones = ("+1 207 555 0100", "ext 7");
    let jaggaer = |phone: &str| supplier("1", "V-1", &[(Name, "Harbor"), (Phone, phone)]);
    let intacct = |phone: &str| vendor("V-1", &[(Name, "Harbor"), (Phone, phone)]);
    let mut second = 20;
    let takes = |world: &World, second: i64, now: Seen| {
        let pair = world.pair("1");
        let side = if matches!(now, Seen::Vendor(_)) { Side::Intacct } else { Side::Jaggaer };
        let write = write_to(&pair, side).expect("it is to be written");
        let intent = Change::Intent { hash: write.hash, request: "r".to_owned(), epoch: 1 };
        let claimed = Change::Claimed { record: None, answer: String::new() };
        for change in [intent, claimed, Change::Done { now: Box::new(now) }] {
            let (seeing, id) = (world.base.seeing(at(second), Actor::Engine), pair.id);
            assert!(world.store.write_now(move |tx| apply::<Kept>(tx, &seeing, side, id, &change)).unwrap());
        }
        world.merge(second);
    };
    world.reads(second, vec![jaggaer(phones.0)], vec![intacct("")]);
    for round in 0..10 {
        if world.pair("1").state == PairState::Failed {
            assert_eq!(round, 3, "each of them took its value three times");
            break;
        }
        takes(&world, second, Seen::Vendor(intacct(phones.0)));
        // Intacct makes something else of it, JAGGAER takes that, and makes the first of it again.
        world.reads(second + 1, vec![], vec![intacct(phones.1)]);
        takes(&world, second + 2, Seen::Supplier(jaggaer(phones.1)));
        world.reads(second + 3, vec![jaggaer(phones.0)], vec![]);
        second += 10;
    }
    let pair = world.pair("1");
    assert_eq!((pair.state, &pair.to_intacct, &pair.to_jaggaer), (PairState::Failed, &None, &None));
    let said = pair.reasons[0].detail.raw();
    assert!(said.contains("phone") && said.contains("3 times within a day"), "{said}");
    let shown = world.store.read_now(|reader| answer::detail(reader, &world.base, &pair, Vec::new())).unwrap();
    assert_eq!(shown.error.unwrap().title, "given up, to Intacct", "nobody refused it");
    // Evaluated anew it stays; a person tries it again, or a day later.
    world.store.write_now(|tx| tx.pend_all_pairs()).unwrap();
    world.merge(second);
    assert_eq!(world.pair("1").state, PairState::Failed);
    let retry = VendorCommand::Retry { id: pair.id, version: None };
    world.tells(second, retry, Live::default()).unwrap();
    world.merge(second);
    assert_eq!(world.pair("1").to_intacct.expect("tried again").set.raw(Phone), phones.0);
}

#[test]
fn what_was_taken_back_or_stopped_is_not_sent_though_it_was_not_compared_anew_yet() {
    let world = filled();
    world.starts(10).unwrap();
    let (supplier, vendor) = tarn();
    let id = world.pair("3").id;
    world.tells(20, take(id, None, None, Take::Side(Side::Jaggaer), false), live(supplier, vendor)).unwrap();
    decides(&world, 30, VendorCommand::Undo { id, version: None, field: None }, Live::default());
    assert!(!intends(&world, "3", Side::Intacct), "taken back");
    world.merge(31);
    decides(&world, 40, VendorCommand::Stop, Live::default());
    assert!(!intends(&world, "2", Side::Intacct), "stopped");
    world.merge(41);
    assert!(world.all().iter().all(|pair| pair.to_intacct.is_none()));
}

#[test]
fn a_write_to_a_supplier_that_is_gone_is_given_to_a_person_and_not_tried_on_and_on() {
    let mut world = filled();
    world.base.writes_jaggaer = true;
    world.starts(10).unwrap();
    let terms = MasterField::Terms;
    world.reads(
        20,
        vec![supplier("1", "V-1", &[(Name, "Harbor"), (terms, "Net 30")])],
        vec![vendor("V-1", &[(Name, "Harbor"), (terms, "Net 45")])],
    );
    let pair = world.pair("1");
    let write = pair.to_jaggaer.clone().expect("Intacct's terms go to JAGGAER");
    let change = crate::vendors::before(&write, None, None, &world.base.comparing).expect("it is not there");
    assert!(changes(&world, pair.id, Side::Jaggaer, change));
    world.merge(51);
    let pair = world.pair("1");
    assert_eq!((pair.state, pair.to_jaggaer), (PairState::Failed, None));
    assert!(pair.reasons[0].detail.raw().contains("is not there any more"), "{:?}", pair.reasons);
    world.tells(60, VendorCommand::Retry { id: pair.id, version: None }, Live::default()).unwrap();
    assert_eq!(world.pair("1").state, PairState::Writing);
}

#[test]
fn a_conflict_that_ends_because_the_link_is_refused_lets_its_invoices_go() {
    let world = filled();
    world.starts(10).unwrap();
    let blocked = || world.store.read_now(|reader| reader.blocked_vendors()).unwrap();
    assert!(blocked().contains("V-3"));
    let hold = |tx: &mut Tx<'_>| tx.create(Document { state: State::Held, ..approved(tx.next_id(), at(11)) }).map(drop);
    world.store.write_now(hold).unwrap();
    let marked = || world.store.totals().borrow().marked;
    let before = marked();
    let refuse = VendorCommand::Refuse { id: world.pair("3").id, version: None, vendor: Text::from("V-3") };
    world.tells(20, refuse, Live::default()).unwrap();
    assert!(blocked().is_empty());
    assert!(marked() > before, "its invoices are evaluated again");
}

#[test]
fn a_rule_settles_a_conflict_also_where_the_pair_is_held() {
    let world = World::new();
    let euro = |id: &str, number: &str| supplier(id, number, &[(MasterField::Currency, "EUR")]);
    world.reads(0, vec![euro("1", "V-1"), euro("2", "V-2")], vec![vendor("V-1", &[]), vendor("V-2", &[])]);
    let mut merged = euro("2", "V-2");
    merged.merged_into = Some(Text::from("9"));
    world.reads(1, vec![merged], vec![]);
    world.starts(2).unwrap();
    assert_eq!(states(&world), [PairState::Conflict, PairState::Held]);
    let always = take(world.pair("1").id, None, None, Take::Side(Side::Jaggaer), true);
    world.tells(10, always, live(euro("1", "V-1"), vendor("V-1", &[]))).unwrap();
    let held = world.pair("2");
    assert_eq!((held.state, held.conflicts().count()), (PairState::Held, 0), "{:?}", held.differences);
    assert!(world.store.read_now(|reader| reader.blocked_vendors()).unwrap().is_empty());
}

#[test]
fn a_link_that_is_confirmed_keeps_what_was_agreed() {
    let mut world = filled();
    world.base.writes_jaggaer = true;
    world.starts(10).unwrap();
    let fax = MasterField::Fax;
    let ours = |value| supplier("1", "V-1", &[(Name, "Harbor"), (fax, value)]);
    let theirs = || vendor("V-1", &[(Name, "Harbor"), (fax, "207 555 0101")]);
    world.reads(20, vec![ours("207 555 0101")], vec![theirs()]);
    world.reads(21, vec![ours("")], vec![]);
    let wanted = |world: &World| world.pair("1").to_intacct.map(|write| write.set.get(fax).cloned());
    assert_eq!(wanted(&world), Some(Some(Text::default())), "JAGGAER took the number away");
    let link = VendorCommand::Link { id: world.pair("1").id, version: None, vendor: Text::from("V-1") };
    world.tells(30, link, live(ours(""), theirs())).unwrap();
    assert_eq!(wanted(&world), Some(Some(Text::default())), "a person confirmed the link, not the number");
    assert_eq!(world.pair("1").to_jaggaer, None);
}

#[test]
fn what_was_refused_before_a_link_says_nothing_of_what_is_written_after_it() {
    let world = filled();
    world.starts(10).unwrap();
    let id = world.pair("4").id;
    let refused = move |tx: &mut Tx<'_>| {
        let mut pair = tx.pair(id)?.unwrap();
        pair.to_intacct = None;
        pair.faults = vec![(Side::Intacct, Class::Data, Fault { errorno: Text::from("X"), said: Text::from("no") })];
        tx.save_pair(&mut pair)?;
        tx.pend_pair(id)
    };
    world.store.write_now(refused).unwrap();
    world.merge(20);
    assert_eq!(world.pair("4").state, PairState::Failed, "it was not created");
    let link = VendorCommand::Link { id, version: None, vendor: Text::from("P-9") };
    world.tells(30, link, live(supplier("4", "V-4", &[(Name, "Quay")]), vendor("P-9", &[(Name, "Nobody's")]))).unwrap();
    let pair = world.pair("4");
    assert_eq!((pair.state, pair.faults), (PairState::Writing, Vec::new()));
}

#[test]
fn a_write_that_was_passed_over_while_its_pair_waited_is_told_of_again() {
    let world = filled();
    world.starts(10).unwrap();
    let id = world.pair("2").id;
    world.store.write_now(move |tx| tx.pend_pair(id)).unwrap();
    let queued = || world.store.read_now(|reader| reader.queued_writes(Side::Intacct, 99, |_| false)).unwrap();
    assert!(queued().iter().all(|pair| pair.id != id), "it may come to something else");
    let base = world.base.clone();
    let done = world.store.write_now(move |tx| batch(tx, &base, &[id], at(20))).unwrap();
    assert!(queued().iter().any(|pair| pair.id == id) && done.queued, "{done:?}");
}
