//! What the store promises: together or not at all, counted rightly, chained, and left alone where it is somebody else's.

use std::collections::BTreeMap;

use proptest::prelude::*;
use redb::ReadableTable;
use redb::backends::InMemoryBackend;

use super::*;
use crate::lane::tests::world::{approved, queued};
use crate::model::{
    Actor, Amount, Class, Currency, Document, DocumentId, Money, Reason, ReasonCode, State, Text, Timestamp,
};
use crate::simulator::disk::Disk;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + second).unwrap()
}

fn memory() -> Store {
    Store::on_backend(InMemoryBackend::new(), 1 << 20).unwrap()
}

fn entry(number: usize) -> Entry {
    Entry::engine(at(0), Actor::Engine, "test", format!("entry {number}")).fact("number", number)
}

fn add(store: &Store, change: impl FnOnce(&mut Document) + Send + 'static) -> DocumentId {
    store
        .write_now(move |tx| {
            let id = tx.next_id();
            let mut document = approved(id, at(i64::try_from(id.0).unwrap()));
            change(&mut document);
            tx.create(document)?;
            Ok(id)
        })
        .unwrap()
}

fn all(store: &Store) -> Vec<Document> {
    let mut all = Vec::new();
    let walk = Walk { oldest_first: true, ..Walk::default() };
    store
        .read_now(|reader| {
            reader.walk(&[], None, walk, |document| {
                all.push(document);
                Ok(true)
            })
        })
        .unwrap();
    all
}

/// Count and non-zero totals of each state, and the count of each cause, from the documents alone.
type Recount = (BTreeMap<State, (u64, BTreeMap<Currency, Amount>)>, BTreeMap<GroupKey, u64>);

fn recount(documents: &[Document]) -> Recount {
    let (mut states, mut groups) = (Recount::default().0, BTreeMap::new());
    for document in documents {
        let entry = states.entry(document.state).or_default();
        entry.0 += 1;
        if let Some(total) = document.amount() {
            *entry.1.entry(total.currency).or_default() += total.amount;
        }
        if let Some(key) = GroupKey::of(document) {
            *groups.entry(key).or_insert(0) += 1;
        }
    }
    states.values_mut().for_each(|(_, totals)| totals.retain(|_, amount| !amount.is_zero()));
    (states, groups)
}

fn counted(totals: &Totals) -> Recount {
    let states = totals.states.iter().filter(|(_, one)| one.count > 0).map(|(state, one)| {
        let sums = one.totals.iter().filter(|(_, amount)| !amount.is_zero());
        (*state, (one.count, sums.map(|(currency, amount)| (*currency, *amount)).collect()))
    });
    (states.collect(), totals.groups.iter().map(|(key, (count, _))| (*key, *count)).collect())
}

#[derive(Clone, Debug)]
struct Change {
    id: u64,
    state: usize,
    reason: Option<usize>,
    class: bool,
    total: Option<(i64, bool)>,
    supplier: u8,
    natural: u8,
    /// Looks at something in the middle, so that what is kept is written early.
    look: bool,
    /// Fails at the end, before or after having changed something.
    fails: Option<bool>,
}

fn change() -> impl Strategy<Value = Change> {
    let total = prop::option::of((-3i64..4, any::<bool>()));
    let reason = prop::option::of(0usize..4);
    let fails = prop_oneof![Just(None), Just(None), Just(None), Just(Some(true)), Just(Some(false))];
    (0u64..6, 0usize..13, reason, any::<bool>(), total, 0u8..3, 0u8..3, any::<bool>(), fails).prop_map(
        |(id, state, reason, class, total, supplier, natural, look, fails)| Change {
            id,
            state,
            reason,
            class,
            total,
            supplier,
            natural,
            look,
            fails,
        },
    )
}

fn make(tx: &mut Tx<'_>, change: &Change) -> Result<(), StoreError> {
    if change.fails == Some(false) {
        return Err(StoreError::Rule("before".to_owned()));
    }
    let known = tx.document(DocumentId(change.id))?;
    let fresh = known.is_none();
    let (mut document, _) = queued(tx.next_id(), at(0));
    document = known.unwrap_or(document);
    let state = State::ALL[change.state];
    if fresh || document.state.may_become(state) {
        document.state = state;
    }
    let code = |code: usize| if code == 3 { ReasonCode::DuplicateHere } else { ReasonCode::ALL[code] };
    document.reasons = change.reason.map(|reason| Reason::new(code(reason), "x")).into_iter().collect();
    document.class = change.class.then_some(Class::Data);
    let currency = |euro: bool| Currency::parse(if euro { "EUR" } else { "USD" }).unwrap();
    let amount = |whole: i64| Amount::parse(&whole.to_string()).unwrap();
    document.summary.total =
        change.total.map(|(whole, euro)| Money { amount: amount(whole), currency: currency(euro) });
    document.summary.supplier_number = (change.supplier > 0).then(|| Text::new(format!("S-{}", change.supplier)));
    if let Some(posting) = &mut document.posting {
        posting.natural = format!("n{}", change.natural);
    }
    if fresh {
        tx.create(document)?
    } else {
        tx.save(document)?
    }
    tx.audit(&entry(1))?;
    if change.look {
        tx.occupants("n1")?;
    }
    match change.fails {
        Some(_) => Err(StoreError::Rule("after".to_owned())),
        None => Ok(()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn counters_groups_and_indexes_are_what_a_recount_says(commits in prop::collection::vec(prop::collection::vec(change(), 1..5), 1..12)) {
        let store = memory();
        for commit in commits {
            let _ = store.write_now(move |tx| commit.iter().try_for_each(|change| make(tx, change)));
            let documents = all(&store);
            let wanted = recount(&documents);
            let totals = store.totals().borrow().clone();
            prop_assert_eq!(&counted(&totals), &wanted);
            let stored = store.read_now(|reader| reader.totals()).unwrap();
            prop_assert_eq!(&counted(&stored), &wanted);
            for state in State::ALL {
                let listed = store.read_now(|reader| reader.in_state(state, 0, usize::MAX)).unwrap();
                let wanted: Vec<DocumentId> =
                    documents.iter().filter(|document| document.state == state).map(|document| document.id).collect();
                prop_assert_eq!(listed, wanted);
            }
            for number in ["S-1", "S-2"] {
                let mut listed = Vec::new();
                store.read_now(|reader| reader.walk(&[], Some(number), Walk::default(), |document| {
                    listed.push(document.id);
                    Ok(true)
                })).unwrap();
                let of = |document: &&Document| document.summary.supplier_number.as_ref().is_some_and(|known| known.raw() == number);
                let wanted: Vec<DocumentId> = documents.iter().filter(of).map(|document| document.id).rev().collect();
                prop_assert_eq!(listed, wanted);
            }
            for natural in ["n0", "n1", "n2"] {
                let listed = store.read_now(|reader| reader.occupants(natural)).unwrap();
                let occupies = |state: State| state == State::Queued || state.is_unsettled() || state.is_in_ledger();
                let of = |document: &&Document| occupies(document.state) && document.posting.as_ref().unwrap().natural == natural;
                let wanted: Vec<DocumentId> = documents.iter().filter(of).map(|document| document.id).collect();
                prop_assert_eq!(listed, wanted);
            }
            for natural in ["n0", "n1", "n2"] {
                let waits = |document: &&Document| {
                    document.state == State::Held
                        && document.reasons.iter().any(|reason| reason.code == ReasonCode::DuplicateHere)
                        && document.posting.as_ref().unwrap().natural == natural
                };
                let wanted: Vec<DocumentId> = documents.iter().filter(waits).map(|document| document.id).collect();
                let all: Vec<DocumentId> = documents.iter().map(|document| document.id).collect();
                let released = move |tx: &mut Tx<'_>| {
                    all.iter().try_for_each(|id| tx.clear_pending(*id))?;
                    tx.mark_rivals_pending(natural)
                };
                store.write_now(released).unwrap();
                let pending = store.read_now(|reader| reader.pending(0, usize::MAX)).unwrap();
                prop_assert_eq!(pending.iter().map(|(document, _)| document.id).collect::<Vec<_>>(), wanted);
            }
            prop_assert!(store.read_now(|reader| reader.audit_verify()).unwrap().is_ok());
        }
    }

    #[test]
    fn a_walk_merges_its_states_in_one_order_and_its_pages_join_without_a_gap(
        states in prop::collection::vec(0usize..13, 1..40), wanted in prop::collection::vec(0usize..13, 0..6),
        page in 1usize..7, oldest_first in any::<bool>(), from in 0u64..30
    ) {
        let store = memory();
        let count = states.len();
        for state in states {
            add(&store, move |document| document.state = State::ALL[state]);
        }
        let wanted: Vec<State> = wanted.into_iter().map(|state| State::ALL[state]).collect();
        let mut expected: Vec<u64> = all(&store)
            .iter()
            .filter(|document| wanted.is_empty() || wanted.contains(&document.state))
            .map(|document| document.id.0)
            .filter(|id| *id >= from)
            .collect();
        if !oldest_first {
            expected.reverse();
        }
        let (mut seen, mut after) = (Vec::new(), None);
        for _ in 0..=count {
            let mut got = Vec::new();
            store.read_now(|reader| reader.walk(&wanted, None, Walk { after, from, oldest_first }, |document| {
                got.push(document.id);
                Ok(got.len() < page)
            })).unwrap();
            let Some(last) = got.last().copied() else { break };
            after = Some(last);
            seen.extend(got.iter().map(|id| id.0));
        }
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn the_first_since_an_instant_is_found_also_where_the_clock_jumped_back(
        gaps in prop::collection::vec(prop_oneof![6 => 0i64..4, 1 => -30i64..30], 0..30), since in -40i64..80
    ) {
        let store = memory();
        let mut second = 0;
        let mut expected = None;
        for gap in gaps {
            second += gap;
            let now = at(second);
            let id = add(&store, move |document| document.first_seen = now);
            if second >= since && expected.is_none() {
                expected = Some(id.0);
            }
        }
        let found = store.read_now(|reader| reader.first_since(at(since))).unwrap();
        prop_assert_eq!(found, expected.unwrap_or(all(&store).len() as u64 + 1));
    }
}

#[test]
fn a_flipped_byte_anywhere_in_the_trail_is_found_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), 1 << 20, Mode::Inline, |_| {}).unwrap();
    store.write_now(|tx| (0..6).try_for_each(|number| tx.audit(&entry(number)))).unwrap();
    assert_eq!(store.read_now(|reader| reader.audit_verify()).unwrap().unwrap().count, 6);
    store.close();
    let path = files::store_path(dir.path());
    for victim in 0u64..6 {
        let length = {
            let db = redb::Database::open(&path).unwrap();
            let txn = redb::ReadableDatabase::begin_read(&db).unwrap();
            txn.open_table(tables::AUDIT).unwrap().get(victim).unwrap().unwrap().value().len()
        };
        for place in (0..length).step_by(17).chain([31, 32, length - 1]) {
            let flip = || {
                let db = redb::Database::open(&path).unwrap();
                let txn = db.begin_write().unwrap();
                {
                    let mut table = txn.open_table(tables::AUDIT).unwrap();
                    let mut value = table.get(victim).unwrap().unwrap().value().to_vec();
                    value[place] ^= 1;
                    table.insert(victim, value.as_slice()).unwrap();
                }
                txn.commit().unwrap();
            };
            flip();
            let store = Store::open(dir.path(), 1 << 20, Mode::Inline, |_| {}).unwrap();
            let (named, what) = store.read_now(|reader| reader.audit_verify()).unwrap().unwrap_err();
            assert_eq!(named, victim, "byte {place}: {what}");
            store.close();
            drop(store);
            flip();
        }
    }
    // A missing entry, and a trail that was cut at its end.
    for (victim, named) in [(2u64, 2u64), (5, 5)] {
        let db = redb::Database::open(&path).unwrap();
        let txn = db.begin_write().unwrap();
        txn.open_table(tables::AUDIT).unwrap().remove(victim).unwrap();
        txn.commit().unwrap();
        drop(db);
        let store = Store::open(dir.path(), 1 << 20, Mode::Inline, |_| {}).unwrap();
        let (found, _) = store.read_now(|reader| reader.audit_verify()).unwrap().unwrap_err();
        assert_eq!(found, named.min(2));
        store.close();
    }
}

#[test]
fn an_export_verifies_without_the_store_and_a_changed_line_does_not() {
    let store = memory();
    store.write_now(|tx| (0..5).try_for_each(|number| tx.audit(&entry(number)))).unwrap();
    let lines = store.read_now(|reader| reader.audit_from(0, 9)).unwrap();
    let of = |lines: &[StoredEntry]| {
        verify_lines(lines.iter().map(|line| (line.number, line.record.as_str(), line.hash.as_str())))
    };
    assert_eq!(of(&lines).unwrap(), store.read_now(|reader| reader.audit_head()).unwrap());
    for victim in 0..5 {
        let mut changed = store.read_now(|reader| reader.audit_from(0, 9)).unwrap();
        changed[victim].record = changed[victim].record.replace("entry", "entrY");
        assert_eq!(of(&changed).unwrap_err().0, victim as u64);
        changed.remove(victim);
        assert_eq!(of(&changed).is_err(), victim < 4, "a cut end shows by the head");
    }
}

#[test]
fn a_foreign_file_a_damaged_one_and_a_newer_schema_are_refused_and_left_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = files::store_path(dir.path());
    let open = || Store::open(dir.path(), 1 << 20, Mode::Inline, |_| {});
    for content in [b"a letter to my aunt".to_vec(), vec![0; 5_000], b"redb".to_vec()] {
        std::fs::write(&path, &content).unwrap();
        assert!(matches!(open(), Err(StoreError::Foreign { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
    std::fs::remove_file(&path).unwrap();
    let store = open().unwrap();
    store.write_now(|tx| tx.audit(&entry(0))).unwrap();
    store.close();
    drop(store);
    let whole = std::fs::read(&path).unwrap();
    for (what, damaged) in [
        ("cut", whole[..whole.len() / 3].to_vec()),
        ("head gone", [&whole[..9], &vec![0xEE; 600][..], &whole[609..]].concat()),
    ] {
        std::fs::write(&path, &damaged).unwrap();
        assert!(matches!(open(), Err(StoreError::Damaged { .. })), "{what}");
        assert_eq!(std::fs::read(&path).unwrap(), damaged, "{what}: left as it is");
    }
    std::fs::write(&path, &whole).unwrap();
    let store = open().unwrap();
    store.write_now(|tx| tx.put_meta(Meta::Schema, &99u32)).unwrap();
    store.close();
    drop(store);
    assert!(matches!(open(), Err(StoreError::Newer { found: 99, known: 1 })));
}

#[test]
fn a_step_that_changed_nothing_fails_alone_and_one_that_did_leaves_nothing_behind() {
    let store = memory();
    add(&store, |_| {});
    let failed: Result<(), StoreError> = store.write_now(|tx| {
        let mut document = tx.document(DocumentId(1))?.unwrap();
        document.state = State::Posted;
        tx.audit(&entry(1))?;
        tx.save(document)?;
        let again = tx.document(DocumentId(1))?.unwrap();
        tx.save(Document { state: State::Sent, ..again })
    });
    assert!(matches!(failed, Err(StoreError::Rule(_))), "{failed:?}");
    assert_eq!(all(&store)[0].state, State::Held);
    assert_eq!(store.read_now(|reader| reader.audit_head()).unwrap().count, 0);
}

#[test]
fn of_steps_that_share_a_commit_a_failing_one_that_changed_nothing_leaves_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), 1 << 20, Mode::Threads, |_| {}).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let results = runtime.block_on(async {
        let steps = (0..300usize).map(|number| {
            let store = store.clone();
            async move {
                store
                    .write(at::Noted, move |tx| match number % 5 {
                        0 => Err(StoreError::Rule("no".to_owned())),
                        _ => tx.audit(&entry(number)),
                    })
                    .await
            }
        });
        futures_util::future::join_all(steps).await
    });
    for (number, result) in results.iter().enumerate() {
        assert_eq!(result.is_err(), number % 5 == 0, "{number}: {result:?}");
    }
    assert_eq!(store.read_now(|reader| reader.audit_verify()).unwrap().unwrap().count, 240);
    store.close();
    assert!(matches!(runtime.block_on(store.write(at::Noted, |tx| tx.audit(&entry(1)))), Err(StoreError::Closed)));
    assert!(matches!(store.read_now(|reader| reader.audit_head()), Err(StoreError::Closed)));
}

/// What came of steps that wait for the writer together: of the first, of one that fails behind it, and of eight behind that.
fn beside(
    store: &Store,
    failing: impl FnOnce(&mut Tx<'_>) -> Result<(), StoreError> + Send + 'static,
) -> (Result<(), StoreError>, StoreError, Vec<Result<(), StoreError>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (release, released) = std::sync::mpsc::channel::<()>();
    // The writer is held up until all others wait for it.
    let first = store.write(at::Noted, move |tx| {
        let _ = released.recv();
        tx.audit(&entry(0))
    });
    let failing = store.write(at::Noted, failing);
    let later = (2..10).map(|number| store.write(at::Noted, move |tx| tx.audit(&entry(number))));
    let later = futures_util::future::join_all(later);
    let (first, failed, later, ()) = runtime
        .block_on(async { tokio::join!(biased; first, failing, later, async move { release.send(()).unwrap() }) });
    (first, failed.unwrap_err(), later)
}

#[test]
fn those_behind_a_failing_step_that_changed_something_get_another_commit() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), 1 << 20, Mode::Threads, |_| {}).unwrap();
    let (_, failed, later) = beside(&store, |tx| {
        tx.audit(&entry(1))?;
        Err(StoreError::Rule("no".to_owned()))
    });
    assert!(matches!(failed, StoreError::Rule(_)), "{failed:?}");
    assert!(later.iter().all(Result::is_ok), "{later:?}");
}

#[test]
fn a_step_that_panics_fails_alone_and_the_next_one_works() {
    let disk = Disk::default();
    let backend = disk.clone();
    let store = Store::on_backends(move || backend.again(), 1 << 20, None).unwrap();
    for number in 0..3 {
        store.write_now(move |tx| tx.audit(&entry(number))).unwrap();
        let failed: Result<(), StoreError> = store.write_now(|tx| {
            tx.audit(&entry(9))?;
            panic!("a page is not as it was written")
        });
        let told = failed.unwrap_err();
        assert!(matches!(&told, StoreError::Record(what) if what.contains("a page is not")), "{told:?}");
        assert!(store.trouble().is_some_and(|why| why.contains("a page is not")));
    }
    add(&store, |_| {});
    assert_eq!(store.trouble(), None, "gone with the next good one");
    assert_eq!(store.read_now(|reader| reader.audit_verify()).unwrap().unwrap().count, 3);
    assert_eq!(counted(&store.totals().borrow()), recount(&all(&store)));
}

#[test]
fn those_behind_a_step_that_panics_get_another_commit_on_a_file_that_is_opened_anew() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), 1 << 20, Mode::Threads, |_| {}).unwrap();
    let (first, failed, later) = beside(&store, |tx| {
        tx.audit(&entry(1))?;
        panic!("a page is not as it was written")
    });
    assert!(matches!(failed, StoreError::Record(_)), "{failed:?}");
    assert!(later.iter().all(Result::is_ok), "{later:?}");
    let kept = u64::from(first.is_ok()) + 8;
    assert_eq!(store.read_now(|reader| reader.audit_verify()).unwrap().unwrap().count, kept);
    store.close();
    assert!(matches!(store.read_now(|reader| reader.audit_head()), Err(StoreError::Closed)));
}

#[test]
fn a_write_that_is_said_to_have_failed_is_whole_or_gone_and_work_resumes() {
    for kept in [false, true] {
        for after in 1..=6 {
            let disk = Disk::default();
            let backend = disk.clone();
            let store = Store::on_backends(move || backend.again(), 1 << 20, None).unwrap();
            add(&store, |_| {});
            disk.fail_sync(after, kept);
            let mut said = 0u64;
            for number in 0..8 {
                if store.write_now(move |tx| tx.audit(&entry(number))).is_ok() {
                    said += 1;
                }
            }
            assert!(said >= 6, "{kept} {after}: work resumes by itself");
            let head = store.read_now(|reader| reader.audit_verify()).unwrap().unwrap();
            assert!(head.count == said || (kept && head.count == said + 1), "{kept} {after}: {} of {said}", head.count);
            assert_eq!(counted(&store.totals().borrow()), recount(&all(&store)));
        }
    }
}

#[test]
fn a_full_disk_refuses_and_once_it_is_freed_work_resumes() {
    let disk = Disk::default();
    let backend = disk.clone();
    let store = Store::on_backends(move || backend.again(), 1 << 20, None).unwrap();
    store.write_now(|tx| tx.audit(&entry(0))).unwrap();
    disk.full(true);
    for _ in 0..3 {
        let refused = store.write_now(|tx| tx.audit(&entry(1))).unwrap_err();
        assert!(refused.is_disk(), "{refused}");
    }
    disk.full(false);
    store.write_now(|tx| tx.audit(&entry(2))).unwrap();
    assert_eq!(store.read_now(|reader| reader.audit_verify()).unwrap().unwrap().count, 2);
    // Closed is closed, also after a failure.
    disk.fail_sync(1, false);
    assert!(store.write_now(|tx| tx.audit(&entry(3))).is_err());
    store.close();
    assert!(matches!(store.write_now(|tx| tx.audit(&entry(4))), Err(StoreError::Closed)));
    assert!(matches!(store.read_now(|reader| reader.audit_head()), Err(StoreError::Closed)));
}

#[test]
fn what_waits_to_be_evaluated_is_not_among_what_may_be_sent() {
    let store = memory();
    for _ in 0..5 {
        add(&store, |document| document.state = State::Queued);
    }
    store.write_now(|tx| [1, 4].into_iter().try_for_each(|id| tx.mark_pending(DocumentId(id)))).unwrap();
    let found = |limit, skipped: u64| {
        let skip = move |id: DocumentId| id.0 == skipped;
        let found = store.read_now(|reader| reader.evaluated_in_state(State::Queued, 0, limit, skip)).unwrap();
        found.into_iter().map(|id| id.0).collect::<Vec<_>>()
    };
    assert_eq!(found(9, 0), [2, 3, 5]);
    assert_eq!(found(2, 2), [3, 5], "what is skipped takes nobody's place");
    let behind = store.read_now(|reader| reader.evaluated_in_state(State::Queued, 3, 9, |_| false)).unwrap();
    assert_eq!(behind, [DocumentId(5)]);
}

fn swept(store: &Store, limit: usize) -> Option<(Vec<u64>, Progress)> {
    let found = store.read_now(|reader| reader.swept(limit)).unwrap();
    found.map(|(documents, progress)| (documents.iter().map(|(document, _)| document.id.0).collect(), progress))
}

#[test]
fn states_to_be_evaluated_as_a_whole_are_gone_through_in_one_order_and_nobody_is_sent_before() {
    let disk = Disk::default();
    let store = Store::on_backend(disk.clone(), 1 << 20).unwrap();
    for number in 1..=9 {
        add(&store, move |document| document.state = if number % 3 == 0 { State::Held } else { State::Queued });
    }
    assert!(swept(&store, 4).is_none());
    assert_eq!(store.write_now(|tx| tx.evaluate_all(&[State::Queued, State::Held, State::Failed])).unwrap(), 9);
    // Who arrives later is no part of it.
    add(&store, |document| document.state = State::Queued);
    let sendable = |store: &Store| {
        let found = store.read_now(|reader| reader.evaluated_in_state(State::Queued, 0, 9, |_| false)).unwrap();
        found.into_iter().map(|id| id.0).collect::<Vec<_>>()
    };
    assert_eq!(sendable(&store), [10]);
    assert!(store.write_now(|tx| tx.is_pending(DocumentId(5), State::Queued)).unwrap());
    let (documents, progress) = swept(&store, 4).unwrap();
    assert_eq!(documents, [1, 2, 3, 4]);
    store.write_now(move |tx| tx.progressed(&progress)).unwrap();
    assert_eq!(sendable(&store), [1, 2, 4, 10]);
    assert!(!store.write_now(|tx| tx.is_pending(DocumentId(4), State::Queued)).unwrap());
    // A process that is killed goes on where it was.
    drop(store);
    let store = Store::on_backend(disk.again(), 1 << 20).unwrap();
    let (documents, progress) = swept(&store, 5).unwrap();
    assert_eq!(documents, [5, 6, 7, 8, 9]);
    store.write_now(move |tx| tx.progressed(&progress)).unwrap();
    assert!(swept(&store, 5).is_none() && !store.read_now(|reader| reader.has_pending()).unwrap());
    assert_eq!(sendable(&store), [1, 2, 4, 5, 7, 8, 10]);
}

#[test]
fn what_was_evaluated_before_a_new_order_does_not_count_for_it() {
    let store = memory();
    for number in 1..=6 {
        add(&store, move |document| document.state = if number % 2 == 0 { State::Held } else { State::Queued });
    }
    store.write_now(|tx| tx.evaluate_all(&[State::Queued, State::Held])).unwrap();
    let (_, progress) = swept(&store, 2).unwrap();
    // The order comes while the first batch is being evaluated with what was known before.
    store.write_now(|tx| tx.evaluate_all(&[State::Held])).unwrap();
    store.write_now(move |tx| tx.progressed(&progress)).unwrap();
    let (documents, progress) = swept(&store, 9).unwrap();
    assert_eq!(documents, [2, 3, 4, 5, 6], "held ones from the beginning, queued ones from where they were");
    store.write_now(|tx| tx.evaluate_all(&[State::Queued])).unwrap();
    store.write_now(move |tx| tx.progressed(&progress)).unwrap();
    assert_eq!(swept(&store, 9).unwrap().0, [1, 3, 5]);
}
