//! Load: a backlog is worked off, with memory, time and the answers to a face watched on the way; then more arrives, the engine
//! is killed in the midst of it, and its store opened again.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;
use tollgate::cli::compose;
use tollgate::config::{Config, Mode};
use tollgate::engine::Engine;
use tollgate::messages::{Filter, PageRequest, Question, Service};
use tollgate::model::{ReasonCode, State};
use tollgate::simulator::world::World;
use tollgate::store::{GroupKey, Totals};

use super::{Ground, Kept, blank, child, common, cpu_of, megabytes, say, status};

/// How many invoices, where the environment does not say.
const BACKLOG: usize = 100_000;
/// So many are put into the store at once.
const CHUNK: usize = 10_000;
/// One in so many is held.
const HELD: usize = 20;
/// So many more arrive, so that it can be killed while it works.
const MORE: usize = 5_000;
/// At rest after this time.
const REST: Duration = Duration::from_secs(5);

/// The backlog's size: `TOLLGATE_LOAD`, or one that takes a minute or two.
pub fn backlog(full: bool) -> usize {
    match std::env::var("TOLLGATE_LOAD") {
        Ok(text) => text.parse().unwrap(),
        Err(_) if full => BACKLOG,
        Err(_) => 1_000,
    }
}

/// Works a backlog off, kills the engine, opens its store.
pub fn load(invoices: usize) {
    println!("\n## a backlog of {invoices} invoices, one in {HELD} held");
    let ground = Ground::new(1, false, Mode::Post);
    fill(&ground, 0..invoices);
    println!("  store file before    {:8.1} MB", megabytes(&ground.config.data_dir.join("tollgate.redb")));
    let directory = ground.directory.path().to_string_lossy().into_owned();
    let (engine, seen) = child(&["child-load", &directory, &invoices.to_string()]);
    let file = ground.config.data_dir.join("tollgate.redb");
    report(&seen, megabytes(&file));
    // Dropped, it is killed.
    drop(Kept(engine));
    let more = MORE.min(invoices);
    for (round, (evicted, name)) in
        [(false, "killed at work, file cached"), (true, "killed at work, file not cached")].into_iter().enumerate()
    {
        let first = invoices + round * more;
        fill(&ground, first..first + more);
        let (engine, _) = child(&["child-busy", &directory, &(more / 4).to_string()]);
        drop(Kept(engine));
        if evicted {
            evict(&file);
        }
        let (engine, seen) = child(&["child-open", &directory]);
        drop(Kept(engine));
        let (open, start) = (number(&seen, "opened") * 1000.0, number(&seen, "started") * 1000.0);
        println!("  opened again         {open:8.1} ms, the engine started after {start:.1} ms more: {name}");
    }
}

/// Invoices in chunks of their own seed, so that no more than one chunk is in memory.
fn fill(ground: &Ground, invoices: Range<usize>) {
    for first in invoices.clone().step_by(CHUNK) {
        let seed = common::SEED + 1 + (first / CHUNK) as u64;
        let mut chunk = World::bulk(seed, CHUNK.min(invoices.end - first), common::LINES).invoices;
        for (place, document) in chunk.iter_mut().enumerate() {
            if (first + place) % HELD == 0 {
                let mut value = document.value();
                assert!(blank(&mut value, "supplierInvoiceNumber"));
                document.text = value.to_string().into();
            }
            // Those of a chunk are far apart: its own would meet another chunk's.
            let id = 100_000_000 + (first + place) as u64;
            let text = document.text.replacen(&document.id.to_string(), &id.to_string(), 1);
            (document.id, document.text) = (id, text.into());
        }
        common::fill(&ground.config, &ground.world.instance, &chunk);
    }
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap()
}

fn report(seen: &Value, file: f64) {
    let mega = |value: &Value, name: &str| number(value, name) / 1024.0;
    println!("       posted  evaluated   seconds   CPU s   resident   anonymous");
    for row in seen["rows"].as_array().unwrap() {
        println!(
            "    {:>9.0}  {:>9.0}  {:>8.1}  {:>6.1}  {:>6.1} MB   {:>6.1} MB",
            number(row, "posted"),
            number(row, "evaluated"),
            number(row, "seconds"),
            number(row, "cpu"),
            mega(row, "rss"),
            mega(row, "anonymous")
        );
    }
    println!("  peak (VmHWM)         {:8.1} MB", mega(seen, "peak"));
    println!("  at rest afterwards   {:8.1} MB, of it anonymous {:.1} MB", mega(seen, "rss"), mega(seen, "anonymous"));
    println!("  store file           {file:8.1} MB");
    for window in seen["windows"].as_array().unwrap() {
        println!(
            "  {:<52} {:7.4} ms each, {:.4} ms CPU",
            window["name"].as_str().unwrap(),
            number(window, "each") * 1000.0,
            number(window, "cpu") * 1000.0
        );
    }
    for question in seen["questions"].as_array().unwrap() {
        println!(
            "  asked meanwhile      {:<28} median {:.1} ms, 99 % under {:.1} ms, slowest {:.1} ms of {:.0}",
            question["name"].as_str().unwrap(),
            number(question, "median") * 1000.0,
            number(question, "most") * 1000.0,
            number(question, "slowest") * 1000.0,
            number(question, "count")
        );
    }
}

/// Gives the file's cached pages back, so that it is read from the disk; nothing else on the machine loses its own.
fn evict(file: &Path) {
    let file = std::fs::File::options().read(true).write(true).open(file).unwrap();
    file.sync_all().unwrap();
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
}

// ------------------------------------------------------------------------------------------------ the engine's process

/// A moment on the way.
#[derive(Clone, Copy)]
struct Sample {
    seconds: f64,
    cpu: f64,
    evaluated: f64,
    posted: f64,
    rss: u64,
    anonymous: u64,
}

/// What the watcher collects.
#[derive(Default)]
struct Watched {
    samples: Vec<Sample>,
    asked: [Vec<f64>; 3],
}

const ASKED: [&str; 3] = ["list of invoices", "list of what is held", "status"];

/// The engine that works the backlog off.
pub fn worker(directory: &Path, invoices: usize) {
    let mut config = Config::load(&directory.join("tollgate.toml"), &|_| None).unwrap();
    config.jaggaer.requests_per_second = 1_000_000;
    config.posting.mode = Mode::Post;
    let runtime = compose::runtime().unwrap();
    runtime.block_on(async {
        let store = common::store(&config);
        let totals = store.totals();
        let engine = common::engine(&config, store, common::networks()).await;
        let watched = Arc::new(Mutex::new(Watched::default()));
        let watcher =
            Watcher { engine: engine.clone(), totals: totals.clone(), invoices, started: Instant::now(), watched };
        common::start_posting(&engine).await;
        let (done, over) = watch::channel(false);
        let collected = watcher.watched.clone();
        let watching = tokio::spawn(watcher.watch(over));
        let pass = engine.pass(false).await;
        assert!(pass.failed.is_empty() && pass.unreachable.is_empty(), "{:?} {:?}", pass.failed, pass.unreachable);
        done.send_replace(true);
        watching.await.unwrap();
        tokio::time::sleep(REST).await;
        let left = invoices - invoices.div_ceil(HELD);
        assert_eq!(totals.borrow().count(State::Posted), left as u64, "all but the held ones are posted");
        let mut watched = collected.lock().unwrap_or_else(PoisonError::into_inner);
        say(&told(&mut watched, invoices));
        wait_for_the_end();
    });
}

struct Watcher {
    engine: Engine,
    totals: watch::Receiver<Arc<Totals>>,
    invoices: usize,
    started: Instant,
    watched: Arc<Mutex<Watched>>,
}

impl Watcher {
    async fn watch(self, over: watch::Receiver<bool>) {
        // Small against what is measured, and bounded: some two thousand samples whatever the size.
        let step = (self.invoices / 1_000).max(1) as f64;
        let mut last = 0.0;
        for round in 0u64.. {
            let sample = self.sample();
            let is_over = *over.borrow();
            if sample.evaluated + sample.posted >= last + step || round == 0 || is_over {
                last = sample.evaluated + sample.posted;
                self.watched.lock().unwrap().samples.push(sample);
            }
            if is_over {
                return;
            }
            if round % 10 == 0 {
                self.ask(round / 10).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn sample(&self) -> Sample {
        let waiting = GroupKey { state: State::Held, code: ReasonCode::NotEvaluated, class: None };
        let totals = self.totals.borrow().clone();
        let left = totals.groups.get(&waiting).map_or(0, |group| group.0);
        let (user, system) = cpu_of("/proc/self");
        Sample {
            seconds: self.started.elapsed().as_secs_f64(),
            cpu: user + system,
            evaluated: self.invoices as f64 - left as f64,
            posted: totals.count(State::Posted) as f64,
            rss: status("VmRSS"),
            anonymous: status("RssAnon"),
        }
    }

    /// What a console asks, one after the other.
    async fn ask(&self, round: u64) {
        let page = |states: Vec<State>| {
            Question::Documents(PageRequest {
                filter: Filter { states, ..Filter::default() },
                after: None,
                limit: 100,
                oldest_first: false,
            })
        };
        let which = (round % 3) as usize;
        let question = match which {
            0 => page(Vec::new()),
            1 => page(vec![State::Held, State::Failed, State::Differs]),
            _ => Question::Status,
        };
        let asked = Instant::now();
        self.engine.ask(question).await.unwrap();
        self.watched.lock().unwrap().asked[which].push(asked.elapsed().as_secs_f64());
    }
}

/// What is told of it all.
fn told(watched: &mut Watched, invoices: usize) -> Value {
    let samples = &watched.samples;
    let end = *samples.last().unwrap();
    let mut rows = vec![samples[0]];
    for tenth in 1..10 {
        rows.extend(samples.iter().find(|sample| sample.posted >= end.posted * f64::from(tenth) / 10.0));
    }
    rows.push(end);
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({"posted": row.posted, "evaluated": row.evaluated, "seconds": row.seconds, "cpu": row.cpu,
                "rss": row.rss, "anonymous": row.anonymous})
        })
        .collect();
    let size = (invoices / 5).min(10_000) as f64;
    // When so many were done: between two samples, evenly.
    let at = |count: &dyn Fn(&Sample) -> f64, wanted: f64| {
        let next = samples.partition_point(|sample| count(sample) < wanted).min(samples.len() - 1);
        let (before, after) = (&samples[next.saturating_sub(1)], &samples[next]);
        let part = (wanted - count(before)) / (count(after) - count(before)).max(1.0);
        let part = part.clamp(0.0, 1.0);
        (before.seconds + part * (after.seconds - before.seconds), before.cpu + part * (after.cpu - before.cpu))
    };
    let mut windows = Vec::new();
    let mut window = |name: String, count: &dyn Fn(&Sample) -> f64, from: f64| {
        let (a, b) = (at(count, from), at(count, from + size));
        windows.push(json!({"name": name, "each": (b.0 - a.0) / size, "cpu": (b.1 - a.1) / size}));
    };
    let (evaluated, posted) = (|sample: &Sample| sample.evaluated, |sample: &Sample| sample.posted);
    let alone = samples.iter().find(|sample| sample.evaluated >= end.evaluated).map_or(0.0, |sample| sample.posted);
    window(format!("the first {size} evaluated, others posted meanwhile"), &evaluated, samples[0].evaluated);
    window(format!("the last {size} evaluated, others posted meanwhile"), &evaluated, end.evaluated - size);
    window(format!("the first {size} posted, others evaluated meanwhile"), &posted, 0.0);
    if alone + 2.0 * size <= end.posted {
        window(format!("the first {size} posted after all were evaluated"), &posted, alone);
    }
    window(format!("the last {size} posted"), &posted, end.posted - size);
    let questions: Vec<Value> = ASKED
        .iter()
        .zip(&mut watched.asked)
        .filter(|(_, times)| !times.is_empty())
        .map(|(name, times)| {
            times.sort_by(f64::total_cmp);
            let part = |percent: usize| times[(times.len() - 1) * percent / 100];
            json!({"name": name, "count": times.len(), "median": part(50), "most": part(99), "slowest": part(100)})
        })
        .collect();
    json!({
        "rows": rows, "windows": windows, "questions": questions, "rss": status("VmRSS"),
        "anonymous": status("RssAnon"), "peak": status("VmHWM"),
    })
}

/// An engine that says so when it has posted so many more, and goes on.
pub fn busy(directory: &Path, count: u64) {
    let mut config = Config::load(&directory.join("tollgate.toml"), &|_| None).unwrap();
    config.jaggaer.requests_per_second = 1_000_000;
    config.posting.mode = Mode::Post;
    let runtime = compose::runtime().unwrap();
    runtime.block_on(async {
        let store = common::store(&config);
        let mut totals = store.totals();
        let wanted = totals.borrow().count(State::Posted) + count;
        let engine = common::engine(&config, store, common::networks()).await;
        let working = tokio::spawn(async move { engine.pass(false).await });
        totals.wait_for(|totals| totals.count(State::Posted) >= wanted).await.unwrap();
        say(&json!({"posted": totals.borrow().count(State::Posted)}));
        let _ = working.await;
        wait_for_the_end();
    });
}

/// An engine that opens what another left.
pub fn opener(directory: &Path) {
    let config = Config::load(&directory.join("tollgate.toml"), &|_| None).unwrap();
    let runtime = compose::runtime().unwrap();
    runtime.block_on(async {
        let started = Instant::now();
        let store = common::store(&config);
        let opened = started.elapsed().as_secs_f64();
        let _engine = common::engine(&config, store, common::networks()).await;
        let all = started.elapsed().as_secs_f64();
        say(&json!({"opened": opened, "started": all - opened}));
        wait_for_the_end();
    });
}

/// Until it is killed.
fn wait_for_the_end() {
    loop {
        std::thread::park();
    }
}
