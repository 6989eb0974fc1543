//! What the store promises of pairs: indexes and counts say what a recount says, and nothing is overwritten unseen.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use redb::backends::InMemoryBackend;
use redb::{Database, ReadableDatabase, TableHandle};

use super::*;
use crate::model::{
    Actor, ControlId, Course, Difference, MasterField, MasterSupplier, MasterValues, MasterWrite, MasterWriteKind,
    MatchTier, PaymentAlert, PaymentItem, PaymentMarks, RecordNo, Suggestion, Text, Timestamp,
};
use crate::store::{Entry, Mode, Store, files, tables};

fn now() -> Timestamp {
    Timestamp::from_second(1_764_000_000).unwrap()
}

fn memory() -> Store {
    Store::on_backend(InMemoryBackend::new(), 1 << 20).unwrap()
}

fn vendor(id: &str) -> MasterVendor {
    MasterVendor {
        id: Text::new(id),
        record: RecordNo::parse("7").unwrap(),
        values: MasterValues::default(),
        modified: None,
        due: None,
        paid_at_address: false,
        payment: PaymentMarks::default(),
    }
}

fn pair(id: PairId, supplier: &str) -> Pair {
    let supplier = MasterSupplier {
        id: Text::new(supplier),
        number: Text::new(format!(" {supplier} ")),
        values: MasterValues::default(),
        merged_into: None,
        modified: None,
        token: None,
        payment: PaymentMarks::default(),
    };
    Pair::new(id, supplier, now())
}

fn write(to: Side, step: MasterStep) -> MasterWrite {
    MasterWrite {
        to,
        kind: MasterWriteKind::Update,
        target: Text::from("v1"),
        record: None,
        set: MasterValues::default(),
        expected: MasterValues::default(),
        body: Vec::new(),
        hash: [0; 32],
        control_id: ControlId::fresh("c".to_owned()),
        step,
        at: now(),
        attempts: 0,
        last_attempt: None,
        rounds: 0,
        not_executed: 0,
    }
}

fn alert(high: bool) -> PaymentAlert {
    let (old, new) = (Text::from("1"), Text::from("2"));
    PaymentAlert { at: now(), side: Side::Intacct, item: PaymentItem::Account, old, new, high, seen: None }
}

#[derive(Clone, Debug)]
enum Step {
    Pair {
        supplier: u8,
        state: usize,
        vendor: u8,
        suggested: Vec<u8>,
        step: Option<u8>,
        alert: Option<bool>,
        blocks: bool,
    },
    Vendor {
        id: u8,
        keys: Vec<u8>,
    },
    Gone(u8),
    Pend(u8),
    Fails,
}

fn step() -> impl Strategy<Value = Step> {
    let suggested = prop::collection::vec(0u8..4, 0..3);
    let pair =
        (0u8..5, 0..PAIR_STATES, 0u8..4, suggested, prop::option::of(0u8..4), any::<Option<bool>>(), any::<bool>());
    prop_oneof![
        6 => pair.prop_map(|(supplier, state, vendor, suggested, step, alert, blocks)| {
            Step::Pair { supplier, state, vendor, suggested, step, alert, blocks }
        }),
        3 => (1u8..4, prop::collection::vec(0u8..3, 0..3)).prop_map(|(id, keys)| Step::Vendor { id, keys }),
        1 => (1u8..4).prop_map(Step::Gone),
        1 => (0u8..5).prop_map(Step::Pend),
        1 => Just(Step::Fails),
    ]
}

const STEPS: [MasterStep; 4] = [MasterStep::Queued, MasterStep::Sent, MasterStep::Claimed, MasterStep::InDoubt];

fn take(tx: &mut Tx<'_>, step: Step) -> Result<(), StoreError> {
    match step {
        Step::Pair { supplier, state, vendor, suggested, step, alert: alerted, blocks } => {
            let supplier = format!("s{supplier}");
            let mut changed = match tx.pair_of_supplier(&supplier)? {
                Some(id) => tx.pair(id)?.unwrap(),
                None => pair(tx.next_pair()?, &supplier),
            };
            changed.state = PairState::ALL[state];
            changed.vendor = (vendor > 0).then(|| Text::new(format!("v{vendor}")));
            let suggestion = |vendor| Suggestion { tier: MatchTier::TaxId, vendor: Text::new(format!("v{vendor}")) };
            changed.suggestions = suggested.into_iter().map(suggestion).collect();
            let to = |side| step.map(|step| Box::new(write(side, STEPS[usize::from(step)])));
            (changed.to_intacct, changed.to_jaggaer) = (to(Side::Intacct), to(Side::Jaggaer).filter(|_| blocks));
            changed.alerts = alerted.map(alert).into_iter().collect();
            let difference = Difference { field: MasterField::Currency, course: Course::Conflict };
            changed.differences = blocks.then_some(difference).into_iter().collect();
            tx.save_pair(&mut changed)?;
            tx.audit(&Entry::of_pair(&changed, now(), Actor::Engine, "test", "changed"))
        }
        Step::Vendor { id, keys } => {
            let keys: Vec<String> = keys.into_iter().map(|key| format!("k{key}")).collect();
            tx.save_master_vendor(&vendor(&format!("v{id}")), &keys)
        }
        Step::Gone(id) => tx.remove_master_vendor(&vendor(&format!("v{id}"))),
        Step::Pend(supplier) => match tx.pair_of_supplier(&format!("s{supplier}"))? {
            Some(id) => tx.pend_pair(id),
            None => Ok(()),
        },
        Step::Fails => Err(StoreError::Rule("no".to_owned())),
    }
}

/// What the indexes should hold, from the pairs alone.
fn check(store: &Store) -> Result<(), TestCaseError> {
    let reader = |look: &dyn Fn(&Reader) -> Result<(), StoreError>| store.read_now(|reader| look(reader)).unwrap();
    let all = store.read_now(|reader| reader.pairs(0, usize::MAX)).unwrap();
    let vendors = store.read_now(Reader::master_vendor_ids).unwrap();
    let mut wanted = PairCounts { vendors: vendors.len() as u64, ..PairCounts::default() };
    for pair in &all {
        wanted.states[usize::from(pair.state.number())] += 1;
        wanted.alerted += u64::from(pair.is_alerted());
        wanted.high += u64::from(pair.alerts.iter().any(|alert| alert.high && alert.seen.is_none()));
    }
    let linked: BTreeSet<&str> = all.iter().filter_map(|pair| Some(pair.vendor.as_ref()?.raw())).collect();
    wanted.linked = linked.iter().filter(|vendor| vendors.contains(**vendor)).count() as u64;
    prop_assert_eq!(store.read_now(Reader::pair_counts).unwrap(), wanted);
    let ids = |found: &mut dyn Iterator<Item = &Pair>| found.map(|pair| pair.id).collect::<Vec<_>>();
    reader(&|reader| {
        for state in PairState::ALL {
            let found = reader.pairs_in_state(state, 0, usize::MAX)?;
            assert_eq!(ids(&mut found.iter()), ids(&mut all.iter().filter(|pair| pair.state == state)), "{state:?}");
        }
        assert_eq!(ids(&mut reader.alerted(0, 99)?.iter()), ids(&mut all.iter().filter(|pair| pair.is_alerted())));
        for pair in &all {
            assert_eq!(reader.pair_of_supplier(pair.supplier.id.raw())?, Some(pair.id));
            assert_eq!(reader.pairs_of_number(pair.supplier.id.raw())?, [pair.id]);
            assert_eq!(reader.audit_of_pair(pair.id)?.len() as u64, pair.version, "an entry for each change");
        }
        for vendor in ["v0", "v1", "v2", "v3"] {
            let is = |pair: &&Pair| pair.vendor.as_ref().is_some_and(|linked| linked.raw() == vendor);
            let looks = |pair: &&Pair| !is(pair) && pair.suggestions.iter().any(|found| found.vendor.raw() == vendor);
            assert_eq!(reader.pairs_linked_with(vendor)?, ids(&mut all.iter().filter(is)));
            let first = all.iter().filter(is);
            let found = ids(&mut first.chain(all.iter().filter(looks)));
            assert_eq!(reader.pairs_of_vendor(vendor, 2)?, found[..found.len().min(2)]);
            assert_eq!(reader.pairs_of_vendor(vendor, usize::MAX)?, found);
        }
        let blocked = all.iter().filter(|pair| pair.blocks_postings()).filter_map(|pair| pair.vendor.as_ref());
        assert_eq!(reader.blocked_vendors()?, blocked.map(|vendor| vendor.raw().to_owned()).collect());
        let pended: BTreeSet<PairId> = reader.pended_pairs(usize::MAX)?.into_iter().collect();
        for side in [Side::Jaggaer, Side::Intacct] {
            let step = |pair: &Pair| {
                let write = if side == Side::Intacct { &pair.to_intacct } else { &pair.to_jaggaer };
                write.as_ref().map(|write| write.step)
            };
            let queued = |pair: &&Pair| step(pair) == Some(MasterStep::Queued) && !pended.contains(&pair.id);
            let left = |pair: &&Pair| step(pair).is_some_and(|step| step != MasterStep::Queued);
            assert_eq!(
                ids(&mut reader.queued_writes(side, 99, |_| false)?.iter()),
                ids(&mut all.iter().filter(queued))
            );
            assert_eq!(ids(&mut reader.unsettled_writes(side)?.iter()), ids(&mut all.iter().filter(left)));
        }
        Ok(())
    });
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn indexes_and_counts_of_pairs_are_what_a_recount_says(commits in prop::collection::vec(prop::collection::vec(step(), 1..5), 1..12)) {
        let store = memory();
        let mut keys: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for commit in commits {
            let steps = commit.clone();
            if store.write_now(move |tx| steps.into_iter().try_for_each(|step| take(tx, step))).is_ok() {
                for step in commit {
                    match step {
                        Step::Vendor { id, keys: new } => drop(keys.insert(format!("v{id}"), new)),
                        Step::Gone(id) => drop(keys.remove(&format!("v{id}"))),
                        _ => {}
                    }
                }
            }
            check(&store)?;
            for key in 0u8..3 {
                let wanted: Vec<String> =
                    keys.iter().filter(|(_, keys)| keys.contains(&key)).map(|(vendor, _)| vendor.clone()).collect();
                let look = |side| store.read_now(|reader| reader.matches(&format!("k{key}"), side, 99)).unwrap();
                prop_assert_eq!(look(Side::Intacct), wanted);
                prop_assert_eq!(look(Side::Jaggaer), Vec::<String>::new(), "the same key of the other side is another");
            }
        }
    }
}

#[test]
fn a_pair_that_changed_since_it_was_read_is_not_overwritten() {
    let store = memory();
    let first = store
        .write_now(|tx| {
            let mut pair = pair(tx.next_pair()?, "s1");
            tx.save_pair(&mut pair)?;
            Ok(pair)
        })
        .unwrap();
    let mut newer = first.clone();
    newer.state = PairState::Held;
    store.write_now(move |tx| tx.save_pair(&mut newer)).unwrap();
    let mut older = first.clone();
    let refused = store.write_now(move |tx| tx.save_pair(&mut older));
    assert!(matches!(refused, Err(StoreError::Rule(_))), "{refused:?}");
    let stands = store.read_now(|reader| reader.pair(first.id)).unwrap().unwrap();
    assert_eq!((stands.state, stands.version), (PairState::Held, 2));
    let twice = store.write_now(|tx| tx.save_pair(&mut pair(tx.next_pair()?, "s1")));
    assert!(matches!(twice, Err(StoreError::Rule(_))), "one supplier, one pair: {twice:?}");
}

#[test]
fn a_supplier_that_gets_another_id_or_number_is_found_by_the_new_one_alone() {
    let store = memory();
    store
        .write_now(|tx| {
            let mut pair = pair(tx.next_pair()?, "s1");
            tx.save_pair(&mut pair)?;
            (pair.supplier.id, pair.supplier.number) = (Text::from("s2"), Text::from(""));
            tx.save_pair(&mut pair)
        })
        .unwrap();
    store
        .read_now(|reader| {
            assert_eq!(reader.pair_of_supplier("s1")?, None);
            assert_eq!(reader.pair_of_supplier("s2")?, Some(PairId(1)));
            assert_eq!(reader.pairs_of_number("s1")?, []);
            assert_eq!(reader.pairs_of_number("")?, [], "no number is none");
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_store_from_before_the_masters_opens_and_takes_them() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Store::open(dir.path(), 1 << 20, Mode::Inline, |_| {}).unwrap();
    let store = open();
    store.write_now(|tx| tx.audit(&Entry::engine(now(), Actor::Engine, "test", "before"))).unwrap();
    store.close();
    drop(store);
    let db = Database::open(files::store_path(dir.path())).unwrap();
    let txn = db.begin_write().unwrap();
    let newer = ["audit_by_pair", "master_vendors", "master_match", "master_keys"];
    let those: Vec<_> = txn
        .list_tables()
        .unwrap()
        .filter(|table| table.name().starts_with("pair") || newer.contains(&table.name()))
        .collect();
    assert_eq!(those.len(), 15);
    for table in those {
        txn.delete_table(table).unwrap();
    }
    txn.commit().unwrap();
    assert!(db.begin_read().unwrap().open_table(tables::PAIRS).is_err());
    drop(db);
    let store = open();
    assert_eq!(store.read_now(Reader::pair_counts).unwrap(), PairCounts::default());
    store.write_now(|tx| tx.save_pair(&mut pair(tx.next_pair()?, "s1"))).unwrap();
    assert_eq!(store.read_now(Reader::pair_counts).unwrap().pairs(), 1);
    assert!(store.read_now(|reader| reader.audit_verify()).unwrap().is_ok());
}

#[test]
fn a_store_from_before_the_index_of_links_gets_it_on_opening() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Store::open(dir.path(), 1 << 20, Mode::Inline, |_| {}).unwrap();
    let store = open();
    let link = |tx: &mut Tx<'_>| {
        let mut near = pair(tx.next_pair()?, "s1");
        near.suggestions = vec![Suggestion { tier: MatchTier::TaxId, vendor: Text::from("v1") }];
        tx.save_pair(&mut near)?;
        tx.save_pair(&mut Pair { vendor: Some(Text::from("v1")), ..pair(tx.next_pair()?, "s2") })
    };
    store.write_now(link).unwrap();
    store.close();
    drop(store);
    let db = Database::open(files::store_path(dir.path())).unwrap();
    let txn = db.begin_write().unwrap();
    txn.delete_table(tables::PAIR_LINKED).unwrap();
    txn.commit().unwrap();
    drop(db);
    let read = |reader: &Reader| Ok((reader.pairs_linked_with("v1")?, reader.pairs_of_vendor("v1", 9)?));
    assert_eq!(open().read_now(read).unwrap(), (vec![PairId(2)], vec![PairId(2), PairId(1)]));
}
