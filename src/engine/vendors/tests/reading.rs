//! What is read again, and when.

use std::sync::Arc;
use std::time::Duration;

use super::super::poll::{Begun, Mark, SUPPLIERS_READ, missing_vendors};
use super::*;
use crate::seams::Clock;

fn listed(id: &str) -> ReferenceRecord {
    ReferenceRecord {
        kind: ReferenceKind::Vendor,
        id: id.to_owned(),
        name: Text::default(),
        active: true,
        required: Required::default(),
        due_days: None,
        parent: None,
        currency: None,
        starts: None,
        ends: None,
    }
}

#[test]
fn a_vendor_that_is_on_the_list_again_is_asked_for_though_nobody_changed_it() {
    let world = filled();
    let missing = || world.store.read_now(missing_vendors).unwrap();
    let list = ["P-5", "P-9", "V-1", "V-2", "V-3"].map(listed);
    world.store.write_now(move |tx| vendors_listed(tx, reading(0, 1), &list).map(drop)).unwrap();
    assert_eq!(missing(), Vec::<String>::new());
    // For one reading it was not visible.
    world.store.write_now(|tx| vendor_gone(tx, "V-1").map(drop)).unwrap();
    world.merge(2);
    assert_eq!(world.pair("1").state, PairState::Held);
    assert_eq!(missing(), ["V-1"]);
    world.reads(3, vec![], vec![vendor("V-1", &[(Name, "Harbor")])]);
    assert_eq!((world.pair("1").state, missing()), (PairState::Agreed, Vec::new()));
}

#[test]
fn with_another_profile_suppliers_are_read_from_the_beginning() {
    let world = World::new();
    let mark = |by: &'static str| world.store.read_now(move |reader| Mark::of(reader, SUPPLIERS_READ, by)).unwrap();
    let reached = Some(at(7));
    world
        .store
        .write_now(move |tx| {
            tx.put_meta(Meta::SuppliersRead, &reached)?;
            tx.put_meta(Meta::SuppliersReadBy, &"one")
        })
        .unwrap();
    assert_eq!(mark("one").since(), reached);
    assert_eq!(
        (mark("other").since(), mark("other").known),
        (None, Some(reached)),
        "both masters were read all the same"
    );
}

#[test]
fn a_clock_that_was_wrong_when_a_write_was_read_back_hides_nothing() {
    let world = filled();
    let settle = |when: i64| {
        let mut pair = world.pair("2");
        pair.settled = Some(at(when));
        world.store.write_now(move |tx| tx.save_pair(&mut pair)).unwrap();
    };
    let birch = |email: &str, modified: i64| MasterVendor {
        modified: Some(at(modified)),
        ..vendor("V-2", &[(Name, "Birch"), (Email, email)])
    };
    world.reads(10, vec![], vec![birch("old@birch.example", 10)]);
    let read = |vendor: MasterVendor| {
        let seeing = world.base.seeing(at(30), Actor::Engine);
        world.store.write_now(move |tx| vendors_read(tx, &seeing, reading(20, 30), &[vendor])).unwrap()
    };
    settle(25);
    assert_eq!(read(birch("older@birch.example", 10)).left_out, 1, "it may be from before the write");
    assert_eq!(read(birch("new@birch.example", 11)), Taken { news: 1, left_out: 0 }, "changed since, by its own clock");
    let harbor = |email: &str, modified: i64| MasterSupplier {
        modified: Some(at(modified)),
        ..supplier("2", "V-2", &[(Name, "Birch"), (Email, email)])
    };
    world.reads(11, vec![harbor("a", 10)], vec![]);
    let read_supplier = |supplier: MasterSupplier| {
        let seeing = world.base.seeing(at(30), Actor::Engine);
        world.store.write_now(move |tx| suppliers_read(tx, &seeing, reading(20, 30), &[supplier])).unwrap()
    };
    assert_eq!(read_supplier(harbor("b", 10)).left_out, 1);
    assert_eq!(read_supplier(harbor("c", 11)).news, 1);
    // A year ahead: no reading of this year begins after that.
    settle(400 * DAY);
    assert_eq!(read(birch("typed@birch.example", 11)).news, 1, "typed in the second in which it was written");
    assert_eq!(read_supplier(harbor("d", 11)).news, 1);
    world.store.write_now(|tx| vendors_vanished(tx, reading(20, 30), &["V-2".to_owned()].into())).unwrap();
    world.merge(31);
    assert_eq!(world.pair("2").state, PairState::Held);
}

#[test]
fn another_vendor_under_the_same_id_has_changed_nothing() {
    // Deleted and typed anew between two readings, or gone for a while.
    for gone in [false, true] {
        let mut world = World::new();
        world.base.writes_jaggaer = true;
        let of = |id: &str, address: &str| supplier("1", id, &[(Name, "Harbor"), (Email, address)]);
        let with = |record: &str, address: &str| MasterVendor {
            record: RecordNo::parse(record).unwrap(),
            ..vendor("V-1", &[(Name, "Harbor"), (Email, address)])
        };
        world.reads(0, vec![of("V-1", "ap@harbor.example")], vec![with("7", "ap@harbor.example")]);
        world.starts(1).unwrap();
        assert_eq!(world.pair("1").state, PairState::Agreed);
        let read = |second: i64, vendor: MasterVendor| {
            if gone {
                world.store.write_now(|tx| vendor_gone(tx, "V-1").map(drop)).unwrap();
                world.merge(second);
                assert_eq!(world.pair("1").state, PairState::Held);
            }
            world.reads(second, vec![], vec![vendor]);
            world.pair("1")
        };
        let same = read(10, with("7", "desk@harbor.example"));
        assert_eq!(same.to_jaggaer.expect("somebody typed it").set.raw(Email), "desk@harbor.example");
        let back = read(20, with("7", "ap@harbor.example"));
        assert_eq!((back.state, back.to_jaggaer), (PairState::Agreed, None));
        let other = read(30, with("8", "new@harbor.example"));
        assert_eq!(other.to_jaggaer, None, "JAGGAER's address is nobody's old one");
        assert_eq!(other.to_intacct.expect("the policy decides").set.raw(Email), "ap@harbor.example");
    }
}

/// A clock that says what the test sets.
#[derive(Default)]
struct SetClock {
    wall: std::sync::atomic::AtomicI64,
    monotonic: std::sync::atomic::AtomicU64,
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        at(self.wall.load(std::sync::atomic::Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.monotonic.load(std::sync::atomic::Ordering::Relaxed))
    }

    fn sleep(&self, _: Duration) -> crate::seams::Boxed<'static, ()> {
        Box::pin(std::future::pending())
    }
}

proptest! {
    #[test]
    fn whatever_is_read_back_during_a_reading_lies_within_it(
        (begin, before, jump, after) in (0..100_000i64, 0..500u64, -50_000..50_000i64, 0..500u64), first in any::<bool>(),
    ) {
        use std::sync::atomic::Ordering::Relaxed;
        let clock = Arc::new(SetClock::default());
        clock.wall.store(begin, Relaxed);
        let begun = Begun::new(clock.clone(), Duration::from_secs(60));
        let pass = |seconds: u64| {
            clock.wall.fetch_add(i64::try_from(seconds).unwrap(), Relaxed);
            clock.monotonic.fetch_add(seconds, Relaxed);
        };
        // It is read back before the clock is set, or behind that.
        let mut settled = None;
        pass(before);
        if first {
            settled = Some(clock.now());
        }
        clock.wall.fetch_add(jump, Relaxed);
        pass(after);
        let settled = settled.unwrap_or_else(|| clock.now());
        let reading = begun.reading();
        prop_assert!(reading.from <= settled && settled <= reading.to, "{reading:?} {settled}");
    }
}

#[test]
fn who_comes_after_the_start_is_not_of_the_first_meeting_whatever_the_clock_says() {
    let world = World::new();
    let tax = (TaxId, "12-3456781");
    world.reads(0, vec![supplier("1", "V-1", &[(Name, "Harbor"), tax])], vec![]);
    world.starts(100).unwrap();
    let write = world.pair("1").to_intacct.expect("a vendor is made of it");
    let intent = Change::Intent { hash: write.hash, request: "r-1".to_owned(), epoch: 1 };
    let claimed = Change::Claimed { record: RecordNo::parse("7"), answer: String::new() };
    let done = Change::Done { now: Box::new(Seen::Vendor(vendor("V-1", &[(Name, "Harbor"), tax]))) };
    for change in [intent, claimed, done] {
        let (seeing, id) = (world.base.seeing(at(101), Actor::Engine), world.pair("1").id);
        assert!(world.store.write_now(move |tx| apply::<Kept>(tx, &seeing, Side::Intacct, id, &change)).unwrap());
    }
    // The clock was ahead, and is set back.
    world.reads(50, vec![supplier("2", "V-2", &[(Name, "Harbor"), tax])], vec![]);
    assert_eq!(world.pair("2").state, PairState::Suggested, "it may be the same one, entered again");
}
