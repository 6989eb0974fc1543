//! Two supplier masters in a store: all pairs compared, and after a poll those alone that changed.

use std::cell::Cell;
use std::path::Path;
use std::time::Instant;

use serde_json::json;
use tollgate::model::{MasterField, MasterVendor, Pair, PairId, Side, Text};
use tollgate::store::{Mode, Reader, Store, StoreError, Tx};
use tollgate::vendors::{Masters, evaluate, supplier_keys, vendor_keys};

use super::common::masters::{Ground, fresh, pair};
use super::{Kept, child, cpu_of, megabytes, say, status};

/// The store's cache, as configured where nothing is said.
const CACHE: usize = 16 << 20;
/// Pairs in one commit.
const PIECE: usize = 1_000;
/// Suppliers that a poll brings.
const CHANGED: usize = 100;

/// What evaluating looks into, with every look counted.
struct Books<'a, S> {
    store: &'a S,
    looks: Cell<u64>,
}

impl<'a, S> Books<'a, S> {
    fn new(store: &'a S) -> Self {
        Books { store, looks: Cell::new(0) }
    }

    fn look(&self) -> &'a S {
        self.looks.set(self.looks.get() + 1);
        self.store
    }
}

macro_rules! books {
    ($store:ty) => {
        impl Masters for Books<'_, $store> {
            type Error = StoreError;

            fn pair(&self, id: PairId) -> Result<Option<Pair>, StoreError> {
                self.look().pair(id)
            }

            fn pair_of_supplier(&self, supplier: &str) -> Result<Option<PairId>, StoreError> {
                self.look().pair_of_supplier(supplier)
            }

            fn pairs_of_vendor(&self, vendor: &str, limit: usize) -> Result<Vec<PairId>, StoreError> {
                self.look().pairs_of_vendor(vendor, limit)
            }

            fn vendor(&self, id: &str) -> Result<Option<MasterVendor>, StoreError> {
                self.look().master_vendor(id)
            }

            fn matches(&self, key: &str, of: Side, limit: usize) -> Result<Vec<String>, StoreError> {
                self.look().matches(key, of, limit)
            }
        }
    };
}

books!(Reader);
books!(Tx<'_>);

/// Fills a store and has it compared by a process of its own.
pub fn vendors(count: usize) {
    println!("\n## {count} suppliers linked with vendors");
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    fill(directory.path(), count);
    println!("  store file           {:8.1} MB", megabytes(&directory.path().join("tollgate.redb")));
    let (process, seen) = child(&["child-vendors", &directory.path().to_string_lossy(), &count.to_string()]);
    drop(Kept(process));
    let number = |name: &str| seen[name].as_f64().unwrap();
    println!("  opened               {:8.1} MB", number("started") / 1024.0);
    println!(
        "  all compared         {:8.2} s, {:.1} µs each, CPU {:.2} s",
        number("all"),
        number("all") / count as f64 * 1e6,
        number("cpu")
    );
    println!(
        "  peak (VmHWM)         {:8.1} MB, of it anonymous at rest {:.1} MB",
        number("peak") / 1024.0,
        number("anonymous") / 1024.0
    );
    println!(
        "  {CHANGED} changed          {:8.1} ms stored, {:.1} ms compared and saved",
        number("stored") * 1e3,
        number("changed") * 1e3
    );
    println!("  of that touched      {} pairs, {} looks into the store", seen["touched"], seen["looks"]);
}

/// Both masters, linked and compared once.
fn fill(directory: &Path, count: usize) {
    let store = Store::open(directory, CACHE, Mode::Inline, |_| {}).unwrap();
    let pieces = || (0..count).step_by(PIECE).map(|from| from..(from + PIECE).min(count));
    for piece in pieces() {
        let put = move |tx: &mut Tx<'_>| {
            for at in piece {
                let (supplier, vendor) = pair(at);
                let mut pair = fresh(tx.next_pair()?.0, supplier);
                tx.set_match_keys(Side::Jaggaer, pair.supplier.id.raw(), &supplier_keys(&pair.supplier))?;
                tx.save_master_vendor(&vendor, &vendor_keys(&vendor))?;
                tx.save_pair(&mut pair)?;
                tx.pend_pair(pair.id)?;
            }
            Ok(())
        };
        store.write_now(put).unwrap();
    }
    for _ in pieces() {
        store.write_now(|tx| merge(tx).map(|_| ())).unwrap();
    }
    let counts = store.read_now(Reader::pair_counts).unwrap();
    assert_eq!((counts.pairs(), counts.linked), (count as u64, count as u64));
    store.close();
}

/// Evaluates what waits, as the engine does: how many, and with how many looks.
fn merge(tx: &mut Tx<'_>) -> Result<(usize, u64), StoreError> {
    let (ground, mut looks) = (Ground::default(), 0);
    let ids = tx.pended_pairs(PIECE)?;
    for id in &ids {
        let books = Books::new(&*tx);
        let pair = tx.pair(*id)?.unwrap();
        let mut evaluated = evaluate(pair, &books, &ground.context())?;
        looks += books.looks.get();
        if evaluated.changed {
            tx.save_pair(&mut evaluated.pair)?;
        }
        tx.unpend_pair(*id)?;
    }
    Ok((ids.len(), looks))
}

/// Opens the store that was filled, compares everything, then what a poll changed.
pub fn worker(directory: &Path, count: usize) {
    let store = Store::open(directory, CACHE, Mode::Inline, |_| {}).unwrap();
    let opened = status("VmRSS");
    let (began, cpu) = (Instant::now(), cpu_of("/proc/self"));
    let compared = store
        .read_now(|reader| {
            let (books, ground) = (Books::new(reader), Ground::default());
            let (mut after, mut compared) = (0, 0);
            loop {
                let page = reader.pairs(after, PIECE)?;
                let Some(last) = page.last() else { return Ok(compared) };
                after = last.id.0;
                for pair in page {
                    assert!(!evaluate(pair, &books, &ground.context())?.changed);
                    compared += 1;
                }
            }
        })
        .unwrap();
    let (all, spent) = (began.elapsed().as_secs_f64(), cpu_of("/proc/self"));
    assert_eq!(compared, count);
    let (peak, anonymous) = (status("VmHWM"), status("RssAnon"));
    let step = count / CHANGED;
    let began = Instant::now();
    let take = move |tx: &mut Tx<'_>| {
        for at in (0..CHANGED).map(|at| at * step) {
            let mut pair = tx.pair(PairId(at as u64 + 1))?.unwrap();
            pair.supplier.values.set(MasterField::Email, Some(Text::new("new@supplier.example")));
            tx.set_match_keys(Side::Jaggaer, pair.supplier.id.raw(), &supplier_keys(&pair.supplier))?;
            tx.save_pair(&mut pair)?;
            tx.pend_pair(pair.id)?;
        }
        Ok(())
    };
    store.write_now(take).unwrap();
    let stored = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let (touched, looks) = store.write_now(merge).unwrap();
    let changed = began.elapsed().as_secs_f64();
    assert_eq!(touched, CHANGED, "these alone");
    say(&json!({
        "started": opened, "all": all, "cpu": spent.0 + spent.1 - cpu.0 - cpu.1, "peak": peak, "anonymous": anonymous,
        "stored": stored, "changed": changed, "touched": touched, "looks": looks,
    }));
    store.close();
}
