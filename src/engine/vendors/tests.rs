//! What the engine promises of the two masters: nothing before the start, exactly the plan after it, no decision on an outdated
//! view, and marks that lead to the same as comparing everything anew.

mod crowds;
mod leaving;
mod reading;

use std::collections::BTreeMap;

use proptest::prelude::*;
use redb::backends::InMemoryBackend;

use super::answer;
use super::decide::{Decided, Deciding, Live};
use super::merge::batch;
use super::rules::Base;
use crate::messages::{PairDecision, PairFilter, PairRequest, RefusalKind, Take, VendorCommand, VendorsPlan};
use crate::model::{
    Actor, Amount, Class, Course, Fault, MasterField, MasterStep, MasterSupplier, MasterValues, MasterVendor,
    MasterWriteKind, Pair, PairId, PairState, PaymentItem, PaymentMark, PaymentMarks, Person, RecordNo, ReferenceKind,
    ReferenceRecord, Required, Side, Text, Timestamp,
};
use crate::seams::Kept;
use crate::store::{Meta, Store, Tx};
use crate::vendors::{
    Change, Reading, Seen, Taken, apply, supplier_seen, suppliers_read, vendor_gone, vendor_read_back, vendor_seen,
    vendors_listed, vendors_read, vendors_vanished,
};

const DAY: i64 = 86_400;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + second).unwrap()
}

fn reading(from: i64, to: i64) -> Reading {
    Reading { from: at(from), to: at(to) }
}

fn anna() -> Person {
    Person { uid: 1000, name: "anna".to_owned(), as_stated: None }
}

fn values(given: &[(MasterField, &str)]) -> MasterValues {
    let mut all: BTreeMap<MasterField, &str> = [
        (MasterField::Status, "active"),
        (MasterField::Currency, "USD"),
        (MasterField::Email, ""),
        (MasterField::Zip, ""),
    ]
    .into();
    all.extend(given.iter().copied());
    all.into_iter().map(|(field, value)| (field, Text::from(value))).collect()
}

fn supplier(id: &str, number: &str, given: &[(MasterField, &str)]) -> MasterSupplier {
    MasterSupplier {
        id: Text::from(id),
        number: Text::from(number),
        values: values(given),
        merged_into: None,
        modified: None,
        token: None,
        payment: PaymentMarks::default(),
    }
}

fn vendor(id: &str, given: &[(MasterField, &str)]) -> MasterVendor {
    MasterVendor {
        id: Text::from(id),
        record: RecordNo::parse("7").unwrap(),
        values: values(given),
        modified: None,
        due: Some(Amount::ZERO),
        paid_at_address: false,
        payment: PaymentMarks::default(),
    }
}

/// A store into which both masters were read.
struct World {
    store: Store,
    base: Base,
}

impl World {
    fn new() -> World {
        let store = Store::on_backend(InMemoryBackend::new(), 1 << 20).unwrap();
        store
            .write_now(|tx| {
                tx.put_meta(Meta::VendorsRead, &None::<Timestamp>)?;
                tx.put_meta(Meta::SuppliersRead, &None::<Timestamp>)
            })
            .unwrap();
        World { store, base: Base::plain() }
    }

    fn reads(&self, second: i64, suppliers: Vec<MasterSupplier>, vendors: Vec<MasterVendor>) {
        let seeing = self.base.seeing(at(second), Actor::Engine);
        self.store
            .write_now(move |tx| {
                for vendor in &vendors {
                    vendor_seen(tx, &seeing, vendor)?;
                }
                for supplier in &suppliers {
                    supplier_seen(tx, &seeing, supplier)?;
                }
                Ok(())
            })
            .unwrap();
        self.merge(second);
    }

    /// Evaluates until nothing is marked. Returns how often pairs were looked at.
    fn merge(&self, second: i64) -> usize {
        let mut seen = 0;
        loop {
            let ids = self.store.read_now(|reader| reader.pended_pairs(2)).unwrap();
            if ids.is_empty() {
                return seen;
            }
            let base = self.base.clone();
            seen += self.store.write_now(move |tx| batch(tx, &base, &ids, at(second))).unwrap().seen;
            assert!(seen < 10_000, "it never comes to rest");
        }
    }

    fn tells(&self, second: i64, command: VendorCommand, live: Live) -> Decided {
        let deciding = Deciding { base: self.base.clone(), by: anna(), at: at(second) };
        let decided = self.store.write_now(move |tx| deciding.decide(tx, &command, &live)).unwrap();
        self.merge(second);
        decided
    }

    fn pair(&self, supplier: &str) -> Pair {
        self.store
            .read_now(|reader| {
                let id = reader.pair_of_supplier(supplier)?.unwrap();
                reader.pair(id)
            })
            .unwrap()
            .unwrap()
    }

    fn all(&self) -> Vec<Pair> {
        self.store.read_now(|reader| reader.pairs(0, usize::MAX)).unwrap()
    }

    fn plan(&self) -> VendorsPlan {
        self.store.read_now(|reader| answer::plan_now(reader, at(0))).unwrap().unwrap()
    }

    fn starts(&self, second: i64) -> Decided {
        let phrase = self.plan().phrase;
        self.tells(second, VendorCommand::Start { phrase, fields: Vec::new(), create: true }, Live::default())
    }

    fn trail(&self, id: PairId) -> String {
        let lines = self.store.read_now(|reader| reader.audit_of_pair(id)).unwrap();
        lines.into_iter().map(|line| line.record + "\n").collect()
    }
}

use MasterField::{Email, Name, Status, TaxId};

/// One of each: agreed, differing, in conflict, new, suggested, held.
fn filled() -> World {
    let world = World::new();
    world.reads(
        0,
        vec![
            supplier("1", "V-1", &[(Name, "Harbor")]),
            supplier("2", "V-2", &[(Name, "Birch"), (Email, "new@birch.example")]),
            supplier("3", "V-3", &[(Name, "Tarn"), (Status, "inactive")]),
            supplier("4", "V-4", &[(Name, "Quay")]),
            supplier("5", "V-5", &[(Name, "Pier"), (TaxId, "12-3456780")]),
            supplier("6", "V/6", &[(Name, "Dock")]),
        ],
        vec![
            vendor("V-1", &[(Name, "Harbor")]),
            vendor("V-2", &[(Name, "Birch"), (Email, "old@birch.example")]),
            vendor("V-3", &[(Name, "Tarn")]),
            vendor("P-5", &[(Name, "Pier Ltd"), (TaxId, "123456780")]),
            vendor("P-9", &[(Name, "Nobody's")]),
        ],
    );
    world
}

fn states(world: &World) -> Vec<PairState> {
    world.all().iter().map(|pair| pair.state).collect()
}

#[test]
fn the_first_meeting_writes_nothing_and_a_start_does_what_the_plan_said() {
    let world = filled();
    use PairState::{Agreed, Conflict, Differs, Held, New, Suggested, Writing};
    assert_eq!(states(&world), [Agreed, Differs, Conflict, New, Suggested, Held]);
    assert!(world.all().iter().all(|pair| pair.to_intacct.is_none() && pair.to_jaggaer.is_none()));
    let plan = world.plan();
    assert_eq!((plan.suppliers, plan.vendors, plan.linked, plan.unlinked_vendors), (6, 5, 3, 2));
    assert_eq!((plan.create, plan.update_intacct, plan.conflicts, plan.suggested), (1, 1, 1, 1));
    let no =
        world.tells(5, VendorCommand::Start { phrase: "go".into(), fields: vec![], create: true }, Live::default());
    assert!(no.unwrap_err().message.contains(&plan.phrase));
    world.starts(10).unwrap();
    assert_eq!(states(&world), [Agreed, Writing, Conflict, Writing, Suggested, Held]);
    let writes = world.store.read_now(|reader| reader.queued_writes(Side::Intacct, 99, |_| false)).unwrap();
    let kinds: Vec<MasterWriteKind> = writes.iter().map(|pair| pair.to_intacct.as_ref().unwrap().kind).collect();
    assert_eq!(kinds, [MasterWriteKind::Update, MasterWriteKind::Create]);
    let update = writes[0].to_intacct.as_ref().unwrap();
    assert_eq!(update.set, [(Email, Text::from("new@birch.example"))].into_iter().collect());
    assert!(String::from_utf8_lossy(&update.body).contains("new@birch.example"));
    assert!(world.trail(PairId(2)).contains("write_queued"));
    world.tells(20, VendorCommand::Stop, Live::default()).unwrap();
    assert_eq!(states(&world), [Agreed, Differs, Conflict, New, Suggested, Held]);
    assert!(world.all().iter().all(|pair| pair.to_intacct.is_none()), "what was queued is withdrawn");
    assert!(world.trail(PairId(2)).contains("write_withdrawn"));
}

#[test]
fn only_the_fields_that_were_started_are_carried_over() {
    let world = filled();
    let phrase = world.plan().phrase;
    let start = VendorCommand::Start { phrase, fields: vec![Name], create: false };
    world.tells(10, start, Live::default()).unwrap();
    assert!(world.all().iter().all(|pair| pair.to_intacct.is_none()), "{:?}", states(&world));
}

fn take(id: PairId, version: Option<u64>, field: Option<MasterField>, take: Take, always: bool) -> VendorCommand {
    VendorCommand::Resolve(PairDecision { id, version, field, take, always })
}

fn live(supplier: MasterSupplier, vendor: MasterVendor) -> Live {
    Live { supplier: Some(supplier), vendor: Some(vendor) }
}

fn tarn() -> (MasterSupplier, MasterVendor) {
    (supplier("3", "V-3", &[(Name, "Tarn"), (Status, "inactive")]), vendor("V-3", &[(Name, "Tarn")]))
}

#[test]
fn a_conflict_is_settled_by_a_person_and_taken_back_until_it_is_sent() {
    let world = filled();
    world.starts(10).unwrap();
    let (supplier, vendor) = tarn();
    let pair = world.pair("3");
    let resolve = take(pair.id, Some(pair.version), None, Take::Side(Side::Jaggaer), false);
    world.tells(20, resolve.clone(), live(supplier.clone(), vendor.clone())).unwrap();
    let pair = world.pair("3");
    assert_eq!(pair.state, PairState::Writing);
    assert_eq!(pair.to_intacct.as_ref().unwrap().set.raw(Status), "inactive");
    assert!(world.trail(pair.id).contains("anna"));
    let again = world.tells(21, resolve, live(supplier.clone(), vendor.clone()));
    assert!(again.unwrap_err().message.contains("look again"), "the version that was seen is another");
    world.tells(30, VendorCommand::Undo { id: pair.id, version: None, field: None }, Live::default()).unwrap();
    let pair = world.pair("3");
    assert_eq!((pair.state, pair.to_intacct), (PairState::Conflict, None));
    let none = world.tells(31, VendorCommand::Undo { id: pair.id, version: None, field: None }, Live::default());
    assert!(none.unwrap_err().message.contains("no decision"));
}

#[test]
fn a_decision_on_an_outdated_view_is_refused_and_what_was_read_is_kept() {
    let world = filled();
    world.starts(10).unwrap();
    let (supplier, _) = tarn();
    let now = vendor("V-3", &[(Name, "Tarn & Sons")]);
    let pair = world.pair("3");
    let resolve = take(pair.id, Some(pair.version), Some(Status), Take::Side(Side::Jaggaer), false);
    let refused = world.tells(20, resolve, live(supplier, now)).unwrap_err();
    assert!(refused.message.contains("Tarn & Sons") && refused.message.contains("look again"), "{}", refused.message);
    let known = world.store.read_now(|reader| reader.master_vendor("V-3")).unwrap().unwrap();
    assert_eq!(known.values.raw(Name), "Tarn & Sons");
    let pair = world.pair("3");
    assert!(pair.decisions.is_empty());
    assert_eq!(pair.state, PairState::Conflict);
}

#[test]
fn a_reading_from_before_a_write_does_not_take_the_write_back() {
    let mut world = filled();
    world.base.writes_jaggaer = true;
    let birch = |email: &str| vendor("V-2", &[(Name, "Birch"), (Email, email)]);
    let (old, new) = ("old@birch.example", "new@birch.example");
    world.starts(10).unwrap();
    let write = world.pair("2").to_intacct.expect("JAGGAER's address goes to Intacct");
    assert_eq!(write.set.raw(Email), new);
    let intent = Change::Intent { hash: write.hash, request: "r-1".to_owned(), epoch: 1 };
    let claimed = Change::Claimed { record: None, answer: String::new() };
    let done = Change::Done { now: Box::new(Seen::Vendor(birch(new))) };
    for (second, change) in [(20, intent), (21, claimed), (30, done)] {
        let (seeing, id) = (world.base.seeing(at(second), Actor::Engine), world.pair("2").id);
        let fits = move |tx: &mut Tx<'_>| apply::<Kept>(tx, &seeing, Side::Intacct, id, &change);
        assert!(world.store.write_now(fits).unwrap());
        world.merge(second);
    }
    let read = |second: i64, since: i64, email: &str| {
        let (seeing, vendor) = (world.base.seeing(at(second), Actor::Engine), birch(email));
        let taken =
            world.store.write_now(move |tx| vendors_read(tx, &seeing, reading(since, second), &[vendor])).unwrap();
        world.merge(second);
        (taken.left_out, world.pair("2"))
    };
    for since in [0, 29, 30] {
        let (left_out, pair) = read(31, since, old);
        assert_eq!((left_out, pair.state), (1, PairState::Agreed), "read from second {since} on");
        assert_eq!((pair.to_intacct, pair.to_jaggaer), (None, None));
    }
    let gone = |since: i64| {
        world.store.write_now(move |tx| vendors_vanished(tx, reading(since, since + 5), &["V-2".to_owned()].into()))
    };
    gone(30).unwrap();
    world.merge(32);
    assert_eq!(world.pair("2").state, PairState::Agreed, "nor does a list from before it");
    let (left_out, pair) = read(40, 31, old);
    assert_eq!(left_out, 0);
    assert_eq!(pair.to_jaggaer.expect("somebody typed it since").set.raw(Email), old);
    gone(31).unwrap();
    world.merge(41);
    assert_eq!(world.pair("2").state, PairState::Held);
}

#[test]
fn what_comes_back_to_the_queue_is_compared_anew() {
    // Stopped meanwhile, it is withdrawn; and where a vendor came that looks like the supplier, no other is made.
    for stopped in [true, false] {
        let world = filled();
        world.starts(10).unwrap();
        let write = world.pair("4").to_intacct.expect("a new supplier becomes a vendor");
        let step = |second: i64, change: Change| {
            let (seeing, id) = (world.base.seeing(at(second), Actor::Engine), world.pair("4").id);
            assert!(world.store.write_now(move |tx| apply::<Kept>(tx, &seeing, Side::Intacct, id, &change)).unwrap());
            world.merge(second);
            let pair = world.pair("4");
            (pair.state, pair.to_intacct.map(|write| write.step))
        };
        step(20, Change::Intent { hash: write.hash, request: "r-1".to_owned(), epoch: 1 });
        let doubt = step(21, Change::InDoubt { why: "no answer".to_owned(), answer: None });
        assert_eq!(doubt, (PairState::Writing, Some(MasterStep::InDoubt)));
        let meanwhile = |world: &World| match stopped {
            true => drop(world.tells(30, VendorCommand::Stop, Live::default()).unwrap()),
            false => world.reads(30, vec![], vec![vendor("v-4", &[(Name, "Quay")])]),
        };
        meanwhile(&world);
        let (state, still) = (world.pair("4").state, world.pair("4").to_intacct.map(|write| write.step));
        assert_eq!((state, still), (PairState::Writing, Some(MasterStep::InDoubt)), "what is under way is settled");
        let absent = step(40, Change::Absent { why: "there is none of it".to_owned() });
        assert_eq!(absent, (if stopped { PairState::New } else { PairState::Held }, None));
    }
}

#[test]
fn a_reading_from_before_a_write_to_jaggaer_does_not_take_it_back_either() {
    let world = filled();
    let read = |second: i64, since: i64, email: &str| {
        let seeing = world.base.seeing(at(second), Actor::Engine);
        let supplier = supplier("1", "V-1", &[(Name, "Harbor"), (Email, email)]);
        let taken =
            world.store.write_now(move |tx| suppliers_read(tx, &seeing, reading(since, second), &[supplier])).unwrap();
        world.merge(second);
        (taken, world.pair("1").supplier.values.raw(Email).to_owned())
    };
    let mut pair = world.pair("1");
    pair.settled = Some(at(20));
    world.store.write_now(move |tx| tx.save_pair(&mut pair)).unwrap();
    assert_eq!(read(21, 20, "old"), (Taken { news: 0, left_out: 1 }, String::new()));
    assert_eq!(read(22, 21, "new"), (Taken { news: 1, left_out: 0 }, "new".to_owned()));
}

#[test]
fn a_vendor_that_was_made_while_the_list_was_read_stays_on_it() {
    let world = filled();
    let names = |world: &World| -> Vec<String> {
        let all = world.store.read_now(|reader| reader.reference_of(ReferenceKind::Vendor)).unwrap();
        all.into_iter().map(|record| record.id).collect()
    };
    let record = |id: &str| ReferenceRecord {
        kind: ReferenceKind::Vendor,
        id: id.to_owned(),
        name: Text::from("Quay"),
        active: true,
        required: Required::default(),
        due_days: None,
        parent: None,
        currency: None,
        starts: None,
        ends: None,
    };
    let lists = |since: i64, list: Vec<ReferenceRecord>| {
        let take = move |tx: &mut Tx<'_>| {
            let news = vendors_listed(tx, reading(since, since + 10), &list)?;
            tx.put_meta(Meta::ReferenceRead(ReferenceKind::Vendor), &at(since))?;
            Ok((news, tx.meta::<u64>(Meta::ReferenceNews)?.unwrap_or_default()))
        };
        world.store.write_now(take).unwrap()
    };
    assert_eq!(lists(0, vec![record("V-1")]), (1, 0));
    // Read back as made at second 20, by the pair of supplier 1.
    let seeing = world.base.seeing(at(20), Actor::Engine);
    let mut pair = world.pair("1");
    pair.settled = Some(at(20));
    let made = move |tx: &mut Tx<'_>| {
        tx.save_pair(&mut pair)?;
        vendor_read_back(tx, &seeing, &vendor("V-1", &[(Name, "Harbor & Sons")])).map(drop)
    };
    world.store.write_now(made).unwrap();
    let (news, heard) = lists(15, vec![]);
    assert_eq!((news, names(&world)), (0, vec!["V-1".to_owned()]), "its list began before");
    assert!(heard > 1, "whoever has the list in memory hears that it has the vendor all the same");
    lists(20, vec![record("V-1"), record("V-7")]);
    let kept = world.store.read_now(|reader| reader.reference_of(ReferenceKind::Vendor)).unwrap();
    assert_eq!(kept[0].name.raw(), "Harbor & Sons");
    assert_eq!((lists(21, vec![record("V-7")]).0, names(&world)), (1, vec!["V-7".to_owned()]));
}

#[test]
fn a_poll_that_changes_what_a_person_sees_makes_the_view_outdated() {
    let world = filled();
    let before = world.pair("3");
    world.reads(
        20,
        vec![],
        vec![
            vendor("V-3", &[(Name, "Tarn"), (Email, "")]),
            vendor("V-2", &[(Name, "Birch"), (Email, "x@birch.example")]),
        ],
    );
    assert_eq!(world.pair("3").version, before.version, "nothing of it changed");
    let pair = world.pair("2");
    world.reads(30, vec![], vec![vendor("V-2", &[(Name, "Birch"), (Email, "y@birch.example")])]);
    assert!(world.pair("2").version > pair.version);
}

#[test]
fn nobody_sets_a_vendor_inactive_to_whom_something_is_owed_and_no_value_is_empty_that_is_needed() {
    let world = filled();
    let (supplier, mut vendor) = tarn();
    vendor.due = Amount::parse("12.50");
    let pair = world.pair("3");
    let owed = take(pair.id, None, Some(Status), Take::Side(Side::Jaggaer), false);
    let refused = world.tells(20, owed, live(supplier.clone(), vendor.clone())).unwrap_err();
    assert!(refused.message.contains("12.50"), "{}", refused.message);
    for (value, said) in [("", "cannot be empty"), ("closed", "`active` or `inactive`")] {
        let own = take(pair.id, None, Some(Status), Take::Value(Text::from(value)), false);
        let refused = world.tells(21, own, live(supplier.clone(), vendor.clone())).unwrap_err();
        assert!(refused.message.contains(said), "{}", refused.message);
    }
    let name = take(pair.id, None, Some(Name), Take::Value(Text::new("T".repeat(101))), false);
    let other = self::supplier("3", "V-3", &[(Name, "Tarn & Sons"), (Status, "inactive")]);
    world.reads(21, vec![other.clone()], vec![]);
    let refused = world.tells(21, name, live(other, vendor.clone())).unwrap_err();
    assert!(refused.message.contains("at most 100"), "{}", refused.message);
    world.reads(21, vec![supplier.clone()], vec![]);
    let same = take(pair.id, None, Some(Name), Take::Side(Side::Jaggaer), false);
    assert!(world.tells(22, same, live(supplier, vendor)).unwrap_err().message.contains("say the same"));
}

#[test]
fn a_rule_made_of_a_decision_settles_the_same_conflict_of_others() {
    let world = World::new();
    let names = |name| vec![supplier("1", "V-1", &[(TaxId, name)]), supplier("2", "V-2", &[(TaxId, name)])];
    world.reads(
        0,
        names("12-0000001"),
        vec![vendor("V-1", &[(TaxId, "12-0000002")]), vendor("V-2", &[(TaxId, "12-0000003")])],
    );
    assert_eq!(states(&world).len(), 2);
    assert!(world.all().iter().all(|pair| pair.conflicts().eq([TaxId])), "{:?}", world.all());
    let id = world.pair("1").id;
    let decision = take(id, None, Some(TaxId), Take::Side(Side::Intacct), true);
    let live = live(names("12-0000001").remove(0), vendor("V-1", &[(TaxId, "12-0000002")]));
    let said = world.tells(10, decision, live).unwrap();
    assert!(said.contains("from now on"), "{said}");
    let other = world.pair("2");
    assert_eq!(
        other.differences.iter().map(|it| it.course).collect::<Vec<_>>(),
        [Course::Left],
        "JAGGAER is not written"
    );
}

#[test]
fn a_suggestion_is_confirmed_or_refused_and_never_made_again() {
    let world = filled();
    let pier = || vendor("P-5", &[(Name, "Pier Ltd"), (TaxId, "123456780")]);
    let of = || supplier("5", "V-5", &[(Name, "Pier"), (TaxId, "12-3456780")]);
    let id = world.pair("5").id;
    let refuse = VendorCommand::Refuse { id, version: None, vendor: Text::from("P-5") };
    world.tells(10, refuse.clone(), Live::default()).unwrap();
    assert_eq!(world.pair("5").state, PairState::New);
    assert!(world.tells(11, refuse, Live::default()).unwrap_err().message.contains("already"));
    world.reads(12, vec![], vec![vendor("P-5", &[(Name, "Pier"), (TaxId, "123456780")])]);
    assert_eq!(world.pair("5").suggestions, [], "also when it changes");
    let link = VendorCommand::Link { id, version: None, vendor: Text::from("P-5") };
    let nobody = world.tells(13, link.clone(), live(of(), vendor("P-6", &[])));
    assert_eq!(nobody.unwrap_err().kind, RefusalKind::NotFound);
    world.reads(14, vec![], vec![pier()]);
    world.tells(20, link, live(of(), pier())).unwrap();
    let pair = world.pair("5");
    assert_eq!(
        (pair.vendor, pair.state),
        (Some(Text::from("P-5")), PairState::Differs),
        "its name goes to Intacct once started"
    );
    let other = VendorCommand::Link { id: world.pair("4").id, version: None, vendor: Text::from("P-5") };
    let taken = world.tells(21, other, live(supplier("4", "V-4", &[(Name, "Quay")]), pier()));
    assert!(taken.unwrap_err().message.contains("refuse it there first"));
}

#[test]
fn a_change_of_bank_data_is_an_alert_and_a_high_one_beside_contact_data() {
    let world = filled();
    let with = |digit: u8, email: &str| {
        let mut vendor = vendor("V-1", &[(Name, "Harbor"), (Email, email)]);
        let masked = Text::new(format!("••••{digit}"));
        vendor.payment.set(PaymentItem::Account, Some(PaymentMark { masked, digest: [digit; 16] }));
        vendor
    };
    world.reads(DAY, vec![], vec![with(1, "")]);
    world.reads(2 * DAY, vec![], vec![with(2, "")]);
    let pair = world.pair("1");
    assert!(pair.is_alerted() && pair.alerts.iter().all(|alert| !alert.high), "{:?}", pair.alerts);
    assert_eq!((pair.alerts[1].old.raw(), pair.alerts[1].new.raw()), ("••••1", "••••2"));
    assert!(pair.to_intacct.is_none() && world.trail(pair.id).contains("payment_changed"));
    world.reads(3 * DAY, vec![], vec![with(2, "pay@harbor.example")]);
    assert!(world.pair("1").alerts.iter().any(|alert| alert.high));
    let counts = world.store.read_now(|reader| reader.pair_counts()).unwrap();
    assert_eq!((counts.alerted, counts.high), (1, 1));
    let seen = VendorCommand::Seen { id: pair.id, version: None };
    world.tells(4 * DAY, seen.clone(), Live::default()).unwrap();
    assert!(!world.pair("1").is_alerted());
    assert!(world.tells(5 * DAY, seen, Live::default()).is_err());
}

#[test]
fn a_refused_write_is_tried_again_once_a_side_says_something_else() {
    let world = World::new();
    let says = |email| vec![supplier("1", "V-1", &[(MasterField::Name, "Tarn"), (MasterField::Email, email)])];
    let theirs = vendor("V-1", &[(MasterField::Name, "Tarn"), (MasterField::Email, "old@tarn.example")]);
    world.reads(1, says("no address"), vec![theirs]);
    world.starts(2).unwrap();
    assert_eq!(states(&world), [PairState::Writing]);
    let refused = |tx: &mut Tx<'_>| {
        let mut pair = tx.pair(PairId(1))?.unwrap();
        pair.to_intacct = None;
        let fault = Fault { errorno: Text::from("BL03000018"), said: Text::from("no e-mail address") };
        pair.faults = vec![(Side::Intacct, Class::Data, fault)];
        tx.save_pair(&mut pair)?;
        tx.pend_pair(pair.id)
    };
    world.store.write_now(refused).unwrap();
    world.merge(3);
    assert_eq!(states(&world), [PairState::Failed], "the same is not tried by itself");
    world.reads(4, says("new@tarn.example"), vec![]);
    assert_eq!(states(&world), [PairState::Writing]);
    assert_eq!(world.pair("1").faults, []);
}

#[test]
fn a_vendor_that_is_gone_is_told_and_a_person_is_found_by_any_name() {
    let world = filled();
    world.store.write_now(|tx| vendor_gone(tx, "V-1")).unwrap();
    world.merge(10);
    assert_eq!(world.pair("1").state, PairState::Held);
    world
        .store
        .read_now(|reader| {
            for (text, supplier) in [("p2", "2"), ("V-2", "2"), ("V/6", "6"), ("P-5", "5"), (" 4 ", "4")] {
                let id = answer::find(reader, text)?.unwrap();
                assert_eq!(reader.pair(id)?.unwrap().supplier.id.raw(), supplier, "{text}");
            }
            assert!(answer::find(reader, "P-9")?.unwrap_err().message.contains("no supplier"));
            assert_eq!(answer::find(reader, "p99")?.unwrap_err().kind, RefusalKind::NotFound);
            let detail = answer::detail(reader, &world.base, &reader.pair(PairId(3))?.unwrap(), Vec::new())?;
            let status = detail.fields.iter().find(|view| view.field == Status).unwrap();
            assert_eq!((status.course, detail.record.as_deref()), (Some(Course::Conflict), Some("7")));
            Ok(())
        })
        .unwrap();
}

#[test]
fn pages_join_without_a_gap_and_know_their_total() {
    let world = filled();
    let ask = |filter: PairFilter, after, limit| {
        let request = PairRequest { filter, after, limit };
        world.store.read_now(|reader| answer::page(reader, &request, at(0))).unwrap()
    };
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = ask(PairFilter::default(), after, 2);
        assert_eq!(page.total, Some(6));
        seen.extend(page.rows.iter().map(|row| row.id.0));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6]);
    let states = vec![PairState::Conflict, PairState::Held, PairState::Held];
    let page = ask(PairFilter { states, ..PairFilter::default() }, None, 10);
    assert_eq!((page.rows.len(), page.total, page.next), (2, Some(2), None));
    let page = ask(PairFilter { text: Some("BIRCH".into()), ..PairFilter::default() }, None, 10);
    assert_eq!(page.rows.iter().map(|row| row.id.0).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_merged_supplier_leaves_its_vendor_to_who_looks_like_it() {
    let world = World::new();
    let one = vendor("P-1", &[(Name, "Harbor"), (TaxId, "12-3456781")]);
    let two = vendor("V-2", &[(Name, "Harbor"), (TaxId, "12-3456781")]);
    world.reads(0, vec![supplier("2", "V-2", &[(Name, "Harbor")])], vec![one.clone(), two]);
    let first = supplier("1", "V-1", &[(Name, "Harbor"), (TaxId, "12-3456781")]);
    world.reads(1, vec![first.clone()], vec![]);
    let link = VendorCommand::Link { id: world.pair("1").id, version: None, vendor: Text::from("P-1") };
    world.tells(2, link, Live { supplier: Some(first), vendor: Some(one) }).unwrap();
    assert_eq!(world.pair("1").suggestions, [], "V-2 belongs to the other one");
    let mut merged = supplier("2", "V-2", &[(Name, "Harbor")]);
    merged.merged_into = Some(Text::from("9"));
    world.reads(3, vec![merged], vec![]);
    let suggested: Vec<Text> = world.pair("1").suggestions.into_iter().map(|it| it.vendor).collect();
    assert_eq!(suggested, [Text::from("V-2")], "the same vendor twice, and nobody else's now");
}

#[derive(Clone, Debug)]
enum Step {
    Supplier { id: u8, number: u8, tax: u8, inactive: bool, merged: u8 },
    Vendor { id: u8, tax: u8, inactive: bool },
    Gone(u8),
    Refuse { supplier: u8, vendor: u8 },
    Link { supplier: u8, vendor: u8 },
    Start,
    Stop,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..4, 0u8..4, 0u8..3, prop::bool::weighted(0.2), prop_oneof![4 => Just(9u8), 1 => 0u8..4])
            .prop_map(|(id, number, tax, inactive, merged)| Step::Supplier { id, number, tax, inactive, merged }),
        5 => (0u8..4, 0u8..3, prop::bool::weighted(0.2)).prop_map(|(id, tax, inactive)| Step::Vendor { id, tax, inactive }),
        1 => (0u8..4).prop_map(Step::Gone),
        2 => (0u8..4, 0u8..4).prop_map(|(supplier, vendor)| Step::Refuse { supplier, vendor }),
        2 => (0u8..4, 0u8..4).prop_map(|(supplier, vendor)| Step::Link { supplier, vendor }),
        1 => Just(Step::Start),
        1 => Just(Step::Stop),
    ]
}

const TAXES: [&str; 3] = ["", "12-3456781", "12-3456782"];
/// Two of the numbers differ in case alone.
const NUMBERS: [&str; 4] = ["V-1", "V-2", "v-2", "V-3"];

fn go(world: &World, second: i64, step: Step) {
    let status = |inactive| (Status, if inactive { "inactive" } else { "active" });
    match step {
        Step::Supplier { id, number, tax, inactive, merged } => {
            let given = [(Name, "Harbor"), (TaxId, TAXES[usize::from(tax)]), status(inactive)];
            let mut supplier = supplier(&id.to_string(), NUMBERS[usize::from(number)], &given);
            supplier.merged_into = (merged != 9 && merged != id).then(|| Text::new(merged.to_string()));
            world.reads(second, vec![supplier], vec![]);
        }
        Step::Vendor { id, tax, inactive } => {
            let given = [(Name, "Harbor"), (TaxId, TAXES[usize::from(tax)]), status(inactive)];
            world.reads(second, vec![], vec![vendor(NUMBERS[usize::from(id)], &given)]);
        }
        Step::Gone(id) => {
            world.store.write_now(move |tx| vendor_gone(tx, NUMBERS[usize::from(id)])).unwrap();
            world.merge(second);
        }
        Step::Refuse { supplier, vendor } | Step::Link { supplier, vendor } => {
            let vendor = NUMBERS[usize::from(vendor)];
            let id = world.store.read_now(|reader| reader.pair_of_supplier(&supplier.to_string())).unwrap();
            let (Some(id), Some(now)) = (id, world.store.read_now(|reader| reader.master_vendor(vendor)).unwrap())
            else {
                return;
            };
            let (version, vendor) = (None, Text::from(vendor));
            let command = match step {
                Step::Link { .. } => VendorCommand::Link { id, version, vendor },
                _ => VendorCommand::Refuse { id, version, vendor },
            };
            let _ = world.tells(second, command, Live { supplier: None, vendor: Some(now) });
        }
        Step::Start => drop(world.starts(second)),
        Step::Stop => drop(world.tells(second, VendorCommand::Stop, Live::default())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_marks_lead_to_the_same_as_comparing_everything_anew(steps in prop::collection::vec(step(), 1..25)) {
        let world = World::new();
        for (second, step) in steps.into_iter().enumerate() {
            go(&world, i64::try_from(second).unwrap(), step);
        }
        let before = world.all();
        world.store.write_now(|tx: &mut Tx<'_>| tx.pend_all_pairs()).unwrap();
        let seen = world.merge(1_000);
        prop_assert_eq!(seen, before.len(), "each is looked at once, and marks no other");
        prop_assert_eq!(world.all(), before);
    }
}
