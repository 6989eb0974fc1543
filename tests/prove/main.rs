//! The proof that nothing is lost and nothing doubled: `cargo test --release --test prove`.
//!
//! The real engine, lane, posting and store run on simulated time, network and disk, one thread a world, and are ended wherever
//! they can end. Without optimisation a small part of it runs. Sizes come from the environment:
//!
//! | variable | meaning |
//! |---|---|
//! | `TOLLGATE_PROVE_SEEDS` | how many seeds (2,000) |
//! | `TOLLGATE_PROVE_FIRST_SEED` | the first of them (1) |
//! | `TOLLGATE_PROVE_ONE_IN` | one of so many cases of the sweep (1) |
//! | `TOLLGATE_PROVE_THREADS` | worlds at once (as many as there are processors) |
//! | `TOLLGATE_PROVE_PAGE`, `TOLLGATE_PROVE_JSON` | files for the page |
//! | `TOLLGATE_PROVE_SEED` | plays this seed alone, twice, and prints every event |
//! | `TOLLGATE_PROVE_CASE` | plays the cases whose description contains this, and prints every event |
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used, reason = "a test")]

mod agreement;
mod clerks;
mod exec;
mod fate;
mod guard;
mod history;
mod oracle;
mod overwritten;
mod page;
mod partners;
mod replaced;
mod seeds;
mod sweep;
mod told;
mod vendors;
mod wires;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use page::{Missed, Page, Sum};
use tollgate::seams::{Guard, Purpose};

/// Seeds that are tried without a guard.
const SEEDS_PER_GUARD: u64 = 60;

pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn number(name: &str, default: u64) -> u64 {
    variable(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// Sizes of a run.
struct Sizes {
    one_in: usize,
    guards: bool,
    seeds: u64,
    first_seed: u64,
    replayed: u64,
}

fn sizes() -> Sizes {
    let small = cfg!(debug_assertions);
    Sizes {
        one_in: number("TOLLGATE_PROVE_ONE_IN", if small { 211 } else { 1 }) as usize,
        guards: !small,
        seeds: number("TOLLGATE_PROVE_SEEDS", if small { 2 } else { 2_000 }),
        first_seed: number("TOLLGATE_PROVE_FIRST_SEED", 1),
        replayed: if small { 1 } else { 20 },
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--list") {
        println!("prove: test");
        return ExitCode::SUCCESS;
    }
    let filters: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    if !filters.is_empty() && !filters.iter().any(|filter| "prove".contains(filter.as_str())) {
        println!("\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.00s\n");
        return ExitCode::SUCCESS;
    }
    let started = Instant::now();
    let failures = if let Some(seed) = variable("TOLLGATE_PROVE_SEED") {
        one_seed(seed.parse().unwrap())
    } else if let Some(text) = variable("TOLLGATE_PROVE_CASE") {
        some_cases(&text)
    } else {
        prove(&sizes())
    };
    let (passed, failed, word) = if failures == 0 { (1, 0, "ok") } else { (0, 1, "FAILED") };
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out; finished in {:.2}s\n",
        started.elapsed().as_secs_f64()
    );
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays a seed twice and prints what happened.
fn one_seed(seed: u64) -> usize {
    let (first, second) = (seeds::play(seed, true), seeds::play(seed, true));
    println!("{}", first.trace);
    println!(
        "{} ends, {} lives, {} requests to the gateway, {} hours",
        first.ends, first.lives, first.requests, first.hours
    );
    let mut failures = first.verdict.sentences();
    if first.trace != second.trace {
        failures.push("the seed did not replay to the same events".to_owned());
    }
    failures.iter().for_each(|failure| println!("{failure}"));
    failures.len()
}

/// Plays the cases whose description contains a text, and prints what happened in those that fail, or in the only one.
fn some_cases(text: &str) -> usize {
    let all: Vec<_> = sweep::cases().into_iter().filter(|case| case.to_string().contains(text)).collect();
    let mut failed = 0;
    for case in &all {
        let done = sweep::play(case, true);
        let faults = sweep::faults_of(case, &done);
        if !faults.is_empty() || all.len() == 1 {
            println!("== {case}\n{}\n{faults:?}", done.trace);
        }
        failed += usize::from(!faults.is_empty());
    }
    println!("{} cases, {failed} failed", all.len());
    failed
}

/// Works on so many items with as many threads as there are processors.
fn in_parallel(count: usize, work: impl Fn(usize) + Sync) {
    let threads = variable("TOLLGATE_PROVE_THREADS")
        .and_then(|text| text.parse().ok())
        .or_else(|| std::thread::available_parallelism().ok().map(Into::into))
        .unwrap_or(2);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        return;
                    }
                    work(at);
                }
            });
        }
    });
}

/// Runs what may panic; a panic is a failure in words.
fn tried<R>(what: impl Fn() -> String, failures: &Mutex<Vec<String>>, work: impl FnOnce() -> R) -> Option<R> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
        Ok(result) => Some(result),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            lock(failures).push(format!("{}: panicked: {}", what(), text.unwrap_or_default()));
            None
        }
    }
}

fn prove(sizes: &Sizes) -> usize {
    let failures = Mutex::new(Vec::new());
    let all = sweep::cases();
    let (inside, outside, cells) =
        (Mutex::new(Sum::default()), Mutex::new(Sum::default()), Mutex::new(BTreeMap::new()));
    let reached = Mutex::new(BTreeSet::new());
    let began = Instant::now();
    // A step that shares no factor with the number of ends in a row, so that a part of the cases is a fair sample.
    let chosen: Vec<&sweep::Case> = all.iter().step_by(sizes.one_in).collect();
    in_parallel(chosen.len(), |at| {
        let case = chosen[at];
        let Some(done) = tried(|| case.to_string(), &failures, || sweep::play(case, false)) else { return };
        lock(if case.way.outside { &outside } else { &inside }).add(&done.verdict, done.ends, done.left);
        let place = case.deaths.first().map_or_else(|| "nowhere".to_owned(), |death| death.point.to_string());
        *lock(&cells).entry((place, case.way.name, case.kind.words())).or_insert(0u64) += 1;
        lock(&reached).extend(done.reached.into_keys());
        let faults = sweep::faults_of(case, &sweep::Done { reached: BTreeMap::new(), ..done });
        lock(&failures).extend(faults.into_iter().map(|fault| format!("{case}: {fault}")));
    });
    lock(&failures).extend(tried(|| "what is told".to_owned(), &failures, told::faults).unwrap_or_default());
    let sweep_time = began.elapsed();
    println!("the sweep: {} cases in {:.0} s", chosen.len(), sweep_time.as_secs_f64());
    if sizes.one_in == 1 {
        lock(&failures).extend(unnamed(&lock(&reached)));
    }
    let began = Instant::now();
    let guards = Mutex::new(Vec::new());
    let tried_guards = if sizes.guards { Guard::ALL } else { &[] };
    in_parallel(tried_guards.len(), |at| {
        let guard = tried_guards[at];
        let missed = miss(guard, &all);
        if missed.case.is_none() {
            lock(&failures).push(format!("nothing fails without the guard '{guard}' in {} cases", missed.tried));
        }
        lock(&guards).push(missed);
    });
    let guard_time = began.elapsed();
    println!("the guards: {:.0} s", guard_time.as_secs_f64());
    let began = Instant::now();
    let (sum, replayed) = (Mutex::new(Sum::default()), AtomicU64::new(0));
    in_parallel(sizes.seeds as usize, |at| {
        let seed = sizes.first_seed + at as u64;
        let again = (at as u64) < sizes.replayed;
        let Some(run) = tried(|| format!("seed {seed}"), &failures, || seeds::play(seed, again)) else { return };
        lock(&sum).add(&run.verdict, run.ends, 0);
        let faults = run.verdict.sentences();
        lock(&failures).extend(faults.into_iter().map(|fault| format!("seed {seed}: {fault}")));
        if again {
            replayed.fetch_add(1, Ordering::Relaxed);
            let second = seeds::play(seed, true);
            if second.trace != run.trace {
                lock(&failures).push(format!("seed {seed} did not replay to the same events"));
            }
        }
    });
    let unlocked = |sum: Mutex<Sum>| sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut guards = guards.into_inner().unwrap();
    guards.sort_by_key(|missed: &Missed| missed.guard);
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    let page = Page {
        command: "cargo test --release --test prove".to_owned(),
        commit: commit(),
        profile: if cfg!(debug_assertions) { "debug" } else { "release" },
        inside: unlocked(inside),
        outside: unlocked(outside),
        cells: cells.into_inner().unwrap(),
        guards,
        seeds: unlocked(sum),
        first_seed: sizes.first_seed,
        replayed: replayed.into_inner(),
        sweep_time,
        guard_time,
        seed_time: began.elapsed(),
        failures,
    };
    println!("{}", page.text());
    if let Some(path) = variable("TOLLGATE_PROVE_PAGE") {
        std::fs::write(path, page.text()).unwrap();
    }
    if let Some(path) = variable("TOLLGATE_PROVE_JSON") {
        std::fs::write(path, format!("{:#}\n", page.json())).unwrap();
    }
    page.failures.len()
}

/// Commits and requests at which no case ended the process.
fn unnamed(reached: &BTreeSet<fate::Point>) -> Vec<String> {
    let names = sweep::names(reached.iter().copied());
    let mut missing: Vec<String> = tollgate::store::at::ALL
        .iter()
        .filter(|name| !names.contains(*name) && !sweep::ELSEWHERE.iter().any(|(known, _)| known == *name))
        .map(|name| format!("no case reaches the commit '{name}'"))
        .collect();
    for purpose in Purpose::ALL {
        if !reached.iter().any(|point| matches!(point, fate::Point::Wire(known, _) if *known == purpose)) {
            missing.push(format!("no case reaches a request of {purpose:?}"));
        }
    }
    missing
}

/// Leaves a guard out until a case or a seed fails.
fn miss(guard: Guard, all: &[sweep::Case]) -> Missed {
    let fitting = sweep::cases_for(guard, all);
    let seeds = 1..=if sweep::is_of_seeds(guard) { SEEDS_PER_GUARD } else { 0 };
    let cases = fitting.iter().map(|case| {
        let is_red = || !sweep::faults_of(case, &sweep::play(case, false)).is_empty();
        (case.to_string(), Box::new(is_red) as Box<dyn Fn() -> bool>)
    });
    let lives = seeds.map(|seed| {
        let is_red = move || !seeds::play(seed, false).verdict.sentences().is_empty();
        (format!("seed {seed}"), Box::new(is_red) as Box<dyn Fn() -> bool>)
    });
    let mut tried = 0;
    for (name, is_red) in cases.chain(lives) {
        tried += 1;
        // What fails with the guard as well says nothing of it.
        if is_red() {
            continue;
        }
        let without = std::panic::AssertUnwindSafe(|| guard::without(Some(guard), &is_red));
        // A world that cannot go on has failed as well.
        let red = std::panic::catch_unwind(without).unwrap_or(true);
        guard::without(None, || ());
        if red {
            return Missed { guard, case: Some(name), tried };
        }
    }
    Missed { guard, case: None, tried }
}

fn commit() -> String {
    let said = std::process::Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    said.ok().map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned()).unwrap_or_default()
}
