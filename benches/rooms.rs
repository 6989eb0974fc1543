//! The rooms, each by itself: J1P to canonical, mapping, bill to XML, answers, a durable posting step, and comparing suppliers with
//! vendors.
//!
//! `cargo bench --bench rooms`. Everything is about five-line invoices; figures per invoice are the item throughput.
#![allow(clippy::unwrap_used, reason = "a benchmark is not the product")]

mod common;

use std::sync::{Arc, OnceLock};

use common::masters::{Ground as Meeting, Memory};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use jiff::Timestamp;
use tollgate::config::{Config, Mode};
use tollgate::engine::Networks;
use tollgate::intacct::answer::parse;
use tollgate::intacct::bill::create_bill;
use tollgate::jaggaer::{Profile, RawDocument};
use tollgate::lane::{Change, Item, apply};
use tollgate::mapping::{MapOptions, RawFields, ReferenceTable, Rules};
use tollgate::model::{Invoice, MasterField, Pair, ReferenceKind, State, Text};
use tollgate::posting::{seal_raw, unseal_raw};
use tollgate::seams::{HttpNetwork, Kept};
use tollgate::simulator::server::{ServerOptions, Simulators};
use tollgate::simulator::world::World;
use tollgate::store::{Mode as StoreMode, Store, Tx};
use tollgate::vendors::evaluate;

/// Invoices that the rooms are shown in turn.
const INVOICES: usize = 200;
/// Writes in a full request.
const BATCH: usize = 50;
/// Linked suppliers and vendors.
const PAIRS: usize = 100_000;
/// Of these, changed in a poll.
const CHANGED: usize = 100;

struct Ground {
    _directory: tempfile::TempDir,
    texts: Vec<Arc<str>>,
    invoices: Vec<Invoice>,
    profile: Profile,
    rules: Rules,
    reference: ReferenceTable,
    options: MapOptions,
    items: Vec<Item>,
    /// A store of its own with a batch in the queue, for the durable step.
    posting: Store,
    batch: Vec<Item>,
    writes: Vec<u8>,
    bills: Vec<u8>,
    config: Config,
}

fn main() {
    ground();
    divan::main();
}

/// One engine has posted all invoices against the simulators; what it met is kept.
fn ground() -> &'static Ground {
    static GROUND: OnceLock<Ground> = OnceLock::new();
    GROUND.get_or_init(|| tollgate::cli::compose::runtime().unwrap().block_on(prepare()))
}

async fn prepare() -> Ground {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let world = common::world(INVOICES);
    let mut without_list = world.clone();
    without_list.invoices.clear();
    let simulators = Simulators::start(&without_list, &ServerOptions::default()).await.unwrap();
    // Before anything stands in the books, or it would be adopted.
    let (posting, batch) = queue(&directory.path().join("posting"), &world, &simulators).await;
    let config = common::configuration(&world, &directory.path().join("whole"), &simulators.addresses(), Mode::Post);
    common::prime(&world, &config, common::networks()).await;
    common::fill(&config, &world.instance, &world.invoices);
    let recorder = common::Recorder::new();
    let networks = Networks { jaggaer: Arc::new(HttpNetwork::new()), intacct: recorder.clone() };
    let engine = common::engine(&config, common::store(&config), networks).await;
    engine.pass(false).await;
    engine.stop().await;
    let store = Store::open(&config.data_dir, 16 << 20, StoreMode::Inline, |_| {}).unwrap();
    let (items, records) = store
        .read_now(|reader| {
            let ids = reader.in_state(State::Posted, 0, usize::MAX)?;
            let items = reader.with_frozen(&ids)?;
            Ok((items, reader.reference()?))
        })
        .unwrap();
    store.close();
    assert_eq!(items.len(), INVOICES, "every invoice was posted");
    let items: Vec<Item> =
        items.into_iter().map(|(document, frozen)| Item { document, frozen, looked: Default::default() }).collect();
    let mut reference = ReferenceTable::new();
    for kind in ReferenceKind::ALL {
        reference.load(kind, records.iter().filter(|record| record.kind == kind).cloned());
    }
    simulators.stop().await;
    let profile = Profile::builtin().unwrap();
    let texts: Vec<Arc<str>> = world.invoices.iter().map(|document| document.text.clone()).collect();
    Ground {
        invoices: texts.iter().map(|text| profile.read_detail(text.as_bytes()).unwrap().invoice).collect(),
        texts,
        profile,
        rules: Rules::load(&config.posting.mapping).unwrap(),
        reference,
        options: MapOptions { from: config.posting.from, ..MapOptions::default() },
        items,
        posting,
        batch,
        writes: recorder.longest("<create>"),
        bills: recorder.longest("<object>APBILL</object>"),
        config,
        _directory: directory,
    }
}

/// A store in which one batch waits to be sent: nothing is sent in observe mode.
async fn queue(directory: &std::path::Path, world: &World, simulators: &Simulators) -> (Store, Vec<Item>) {
    let config = common::configuration(world, directory, &simulators.addresses(), Mode::Observe);
    common::prime(world, &config, common::networks()).await;
    common::fill(&config, &world.instance, world.invoices.get(..BATCH).unwrap());
    let engine = common::engine(&config, common::store(&config), common::networks()).await;
    engine.pass(false).await;
    engine.stop().await;
    let store = Store::open(&config.data_dir, config.store.cache, StoreMode::Inline, |_| {}).unwrap();
    let batch = store
        .read_now(|reader| {
            let ids = reader.in_state(State::Queued, 0, BATCH)?;
            reader.with_frozen(&ids)
        })
        .unwrap();
    assert_eq!(batch.len(), BATCH, "a whole batch waits");
    (store, batch.into_iter().map(|(document, frozen)| Item { document, frozen, looked: Default::default() }).collect())
}

struct NoRaw;

impl RawFields for NoRaw {
    fn raw(&self, _: &str) -> Option<Text> {
        None
    }
}

/// J1P JSON to the canonical invoice, with its revision.
#[divan::bench]
fn j1p_to_canonical(bencher: Bencher) {
    let ground = ground();
    let bytes: usize = ground.texts.iter().map(|text| text.len()).sum();
    bencher.counter(ItemsCount::new(INVOICES)).counter(BytesCount::new(bytes)).bench_local(|| {
        for text in &ground.texts {
            black_box(ground.profile.read_detail(black_box(text.as_bytes())).unwrap());
        }
    });
}

/// The same document only parsed, as a measure of what the conversion adds.
#[divan::bench]
fn j1p_parsed_only(bencher: Bencher) {
    let ground = ground();
    bencher.counter(ItemsCount::new(INVOICES)).bench_local(|| {
        for text in &ground.texts {
            black_box(RawDocument::parse(black_box(text.as_bytes())).unwrap());
        }
    });
}

/// A sealed raw document opened and unpacked.
#[divan::bench]
fn raw_document_opened(bencher: Bencher) {
    let ground = ground();
    let cipher = tollgate::cli::compose::open_vault(&ground.config).unwrap().cipher();
    let sealed: Vec<_> = ground
        .items
        .iter()
        .zip(&ground.texts)
        .map(|(item, text)| {
            let key = item.document.key.clone();
            let sealed = seal_raw(&cipher, &key, text.as_bytes()).unwrap().0;
            (key, sealed)
        })
        .collect();
    bencher.counter(ItemsCount::new(INVOICES)).bench_local(|| {
        for (key, sealed) in &sealed {
            black_box(unseal_raw(&cipher, key, black_box(sealed)).unwrap());
        }
    });
}

/// Canonical invoice to bill, every value checked against the reference data.
#[divan::bench]
fn mapping(bencher: Bencher) {
    let ground = ground();
    bencher.counter(ItemsCount::new(INVOICES)).bench_local(|| {
        for invoice in &ground.invoices {
            let mapped = ground.rules.map(black_box(invoice), &NoRaw, &ground.reference, &ground.options);
            assert!(black_box(mapped).bill.is_some());
        }
    });
}

/// Bill to the function's XML.
#[divan::bench]
fn bill_to_xml(bencher: Bencher) {
    let ground = ground();
    bencher.counter(ItemsCount::new(INVOICES)).bench_local(|| {
        for item in &ground.items {
            let mark = &item.document.posting.as_ref().unwrap().mark;
            black_box(create_bill(black_box(&item.frozen.bill), mark, "DESCRIPTION", 1000));
        }
    });
}

/// The answer to a request with fifty writes.
#[divan::bench]
fn answer_to_fifty_writes(bencher: Bencher) {
    let ground = ground();
    let creates = parse(&ground.writes).unwrap().results.len();
    bencher.counter(ItemsCount::new(creates)).counter(BytesCount::new(ground.writes.len())).bench_local(|| {
        black_box(parse(black_box(&ground.writes)).unwrap());
    });
}

/// The answer to the query that reads bills back.
#[divan::bench]
fn answer_with_bills(bencher: Bencher) {
    let ground = ground();
    let rows = parse(&ground.bills).unwrap().results.iter().map(|result| result.data.rows.len()).sum::<usize>();
    bencher.counter(ItemsCount::new(rows)).counter(BytesCount::new(ground.bills.len())).bench_local(|| {
        black_box(parse(black_box(&ground.bills)).unwrap());
    });
}

/// The intents of fifty postings made durable in one commit, with their audit entries. The way back is not measured.
#[divan::bench(max_time = 10)]
fn durable_intents_of_fifty(bencher: Bencher) {
    let ground = ground();
    let changes: Arc<[Change]> = ground
        .batch
        .iter()
        .map(|item| Change::Intent { id: item.id(), hash: item.frozen.hash, request: "tg-w-1-1".to_owned(), epoch: 1 })
        .collect();
    let back: Arc<[Change]> = ground
        .batch
        .iter()
        .map(|item| Change::NotExecuted { id: item.id(), why: "benchmark".to_owned(), answer: None, alone: false })
        .collect();
    let carry_out = |changes: &Arc<[Change]>| {
        let changes = changes.clone();
        let step = move |tx: &mut Tx<'_>| {
            changes
                .iter()
                .try_fold(0, |done, change| Ok(done + usize::from(apply::<Kept>(tx, Timestamp::now(), change)?)))
        };
        ground.posting.write_now(step).unwrap()
    };
    // A change that does not fit does nothing: the first time there is no way back to go.
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| carry_out(&back))
        .bench_local_values(|_| assert_eq!(carry_out(&changes), BATCH));
}

/// Two masters in memory: linked, and compared once.
fn masters() -> &'static Memory {
    static MASTERS: OnceLock<Memory> = OnceLock::new();
    MASTERS.get_or_init(|| Memory::filled(PAIRS))
}

/// Every pair compared again: nothing is new.
#[divan::bench(max_time = 20)]
fn pairs_all_compared(bencher: Bencher) {
    let (memory, rules) = (masters(), Meeting::default());
    bencher.counter(ItemsCount::new(PAIRS)).bench_local(|| {
        for pair in memory.pairs.values() {
            let Ok(evaluated) = evaluate(black_box(pair).clone(), memory, &rules.context());
            assert!(!black_box(evaluated).changed);
        }
    });
}

/// After a poll with a hundred changed suppliers: these alone are compared.
#[divan::bench]
fn pairs_changed_in_a_poll(bencher: Bencher) {
    let (memory, rules) = (masters(), Meeting::default());
    let mut changed: Vec<Pair> = memory.pairs.values().step_by(PAIRS / CHANGED).cloned().collect();
    for pair in &mut changed {
        pair.supplier.values.set(MasterField::Email, Some(Text::new("new@supplier.example")));
    }
    bencher.counter(ItemsCount::new(CHANGED)).bench_local(|| {
        for pair in &changed {
            let Ok(evaluated) = evaluate(black_box(pair).clone(), memory, &rules.context());
            assert!(black_box(evaluated).changed);
        }
    });
}
