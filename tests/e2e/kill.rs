//! `kill -9` at random moments, with a gateway that loses answers: every bill stands once or in front of a person.
//!
//! `TOLLGATE_KILLS` says how often (14), `TOLLGATE_KILL_SEED` which moments. Many kills are shared by several sites at once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tollgate::simulator::faults::{Behaviour, Fault, Kind, Trigger};
use tollgate::simulator::gateway::Bill;
use tollgate::simulator::judge::judge_books;
use tollgate::simulator::world::World;

use crate::site::{PHRASE, Site};

/// Kills of one site, about.
const KILLS_A_SITE: u64 = 25;
/// Sites at once, at most: each is mostly waiting.
const SITES: u64 = 8;

fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().expect(variable))
}

/// What the books and the program say in the end.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    documents: usize,
    posted: usize,
    asked: usize,
    adopted: usize,
    doubled: usize,
    lost: usize,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.documents += other.documents;
        self.posted += other.posted;
        self.asked += other.asked;
        self.adopted += other.adopted;
        self.doubled += other.doubled;
        self.lost += other.lost;
    }
}

/// What goes wrong meanwhile, each in so many of 1000 requests.
fn faults() -> Vec<Fault> {
    let by_chance = |kind, per_mille, does| {
        Fault::always(Trigger::All(vec![Trigger::Kind(kind), Trigger::PerMille(per_mille)]), does)
    };
    vec![
        // Inside the fault model the promise holds without any help from the gateway.
        Fault::always(Trigger::Always, Behaviour::UniqueIdIgnored),
        by_chance(Kind::Write, 60, Behaviour::Drop),
        by_chance(Kind::Write, 40, Behaviour::BadGateway(502)),
        by_chance(Kind::Write, 40, Behaviour::CommitLate(400)),
        by_chance(Kind::Write, 40, Behaviour::Cut(700)),
        by_chance(Kind::Write, 20, Behaviour::Malformed),
        by_chance(Kind::Write, 20, Behaviour::MissingResult),
        by_chance(Kind::Write, 20, Behaviour::SwapAnswer),
        by_chance(Kind::Write, 20, Behaviour::Part(1)),
        by_chance(Kind::Write, 20, Behaviour::Throttle(Some(1))),
        by_chance(Kind::Write, 30, Behaviour::SessionExpired),
        by_chance(Kind::Read, 20, Behaviour::SessionExpired),
        by_chance(Kind::Read, 15, Behaviour::Drop),
        by_chance(Kind::Read, 10, Behaviour::BadGateway(502)),
    ]
}

#[test]
fn killed_at_any_moment_every_bill_stands_once_or_in_front_of_a_person() {
    let (kills, seed) = (number_from("TOLLGATE_KILLS", 14), number_from("TOLLGATE_KILL_SEED", 20_261_122));
    let started = Instant::now();
    let sites = (kills / KILLS_A_SITE).clamp(1, SITES);
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let one = |nth| move || killed_often(kills / sites + u64::from(nth < kills % sites), seed + nth);
        let running: Vec<_> = (0..sites).map(|nth| scope.spawn(one(nth))).collect();
        running.into_iter().map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let mut all = Tally::default();
    tallies.into_iter().for_each(|tally| all += tally);
    let Tally { documents, posted, asked, adopted, doubled, lost } = all;
    // Not by `println!`, which is kept back where a test is good.
    writeln!(
        std::io::stderr(),
        "{kills} kills at {sites} sites (seed {seed}): {documents} documents, {posted} posted ({adopted} adopted), \
         {asked} in front of a person, {doubled} doubled, {lost} lost, {:.1} s",
        started.elapsed().as_secs_f64()
    )
    .unwrap();
    assert_eq!((doubled, lost), (0, 0));
    assert!(adopted > 0, "no kill lost an answer: nothing was proved by it");
}

/// One site whose engine is killed so often, and what came of it.
fn killed_often(kills: u64, seed: u64) -> Tally {
    println!("kills: {kills}, seed: {seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    let invoices = 150.max(usize::try_from(kills).unwrap() * 11);
    let mut world = World::bulk(seed, invoices, 3);
    world.faults = faults();
    world.gateway.latency = Duration::from_millis(10);
    world.gateway.jitter = Duration::from_millis(20);
    world.gateway.read_lag = Duration::from_millis(200);
    let mut site = Site::new(world);
    site.set("TOLLGATE_INTACCT_FUNCTIONS_PER_REQUEST", "3");
    // The first of the lives is begun without a start of posting: it has to be given to a running engine.
    let first = site.engine();
    site.command(&["posting", "start", "--confirm", PHRASE]).exits(0);
    let mut engine = Some(first);
    for kill in 1..=kills {
        let alive = engine.take().unwrap_or_else(|| site.spawn("run"));
        let (begun, base, started) = (site.writes(), chance.u64(0..=4), Instant::now());
        // A kill is due after so many writes, and some while it is starting, recovering or settling.
        while site.writes() < begun + base && started.elapsed() < Duration::from_secs(6) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let last = if base == 0 { 900 } else { 40 };
        std::thread::sleep(Duration::from_micros(chance.u64(0..last * 1000)));
        println!("kill {kill}: after {} writes and {:?}", site.writes() - begun, started.elapsed());
        alive.kill();
    }
    let before = site.bills().len();
    assert!(before < invoices, "all of it was done before the last kill: nothing was proved by it");
    site.stage(|stage| stage.gateway.faults_mut().clear());
    site.unset("TOLLGATE_INTACCT_FUNCTIONS_PER_REQUEST");
    let done = site.settle();
    assert!(matches!(done.code, 0 | 3), "{}\n{}\n{}", done.code, done.out, done.err);
    println!("{before} of {invoices} bills stood after the last kill; {}", done.out);
    prove(&site, invoices)
}

fn prove(site: &Site, invoices: usize) -> Tally {
    // By hand: the books by vendor and number, and what the program says.
    let (bills, documents) = (site.bills(), site.documents());
    let mut books: BTreeMap<(&str, &str), Vec<&Bill>> = BTreeMap::new();
    for bill in bills.iter().filter(|bill| bill.state.stands()) {
        books.entry((&bill.vendor_id, &bill.record_id)).or_default().push(bill);
    }
    let mut tally = Tally { documents: documents.len(), adopted: trail(site, &bills), ..Tally::default() };
    assert_eq!(documents.len(), invoices, "lost or invented documents");
    for expected in &site.world.expected.invoices {
        let must = expected.bill.as_ref().unwrap();
        let document = &documents[&expected.jaggaer_id];
        let state = document["state"].as_str().unwrap();
        match books.remove(&(&*must.vendor, &*must.number)).unwrap_or_default().as_slice() {
            [] => {
                let asked = ["held", "failed", "differs", "in_doubt"].contains(&state);
                if asked && !document["reasons"].as_array().unwrap().is_empty() {
                    tally.asked += 1;
                } else {
                    println!("lost: {document}");
                    tally.lost += 1;
                }
            }
            [bill] => {
                assert_eq!(bill.total, must.total, "{document}");
                assert_eq!(bill.lines.iter().map(|line| line.amount).sum::<rust_decimal::Decimal>(), must.total);
                let record = bill.record_no.to_string();
                if state == "posted" {
                    assert_eq!(document["record"].as_str(), Some(record.as_str()), "{document}");
                    tally.posted += 1;
                } else {
                    assert!(["failed", "differs", "in_doubt"].contains(&state), "stands unseen: {document}");
                    tally.asked += 1;
                }
            }
            many => {
                println!("doubled: {many:#?}");
                tally.doubled += 1;
            }
        }
    }
    assert!(books.is_empty(), "strays: {books:?}");
    assert!(tally.asked * 20 <= invoices, "too many were given up to a person to be chance: {tally:?}");
    // The generator's own judge.
    let findings = site.judged();
    let grave = findings.iter().filter(|finding| finding.kind.is_grave()).count();
    assert_eq!(grave == 0, (tally.doubled, tally.lost) == (0, 0), "{findings:#?}");
    if tally.asked == 0 && grave == 0 {
        let clean = site.stage(|stage| judge_books(&stage.expected, stage.gateway.ledger().bills()));
        assert!(clean.is_empty(), "{clean:#?}");
    }
    tally
}

/// The trail verifies, by the program and by hand, and no bill is older than its intent. Returns how many were adopted.
fn trail(site: &Site, bills: &[Bill]) -> usize {
    site.run("audit verify").exits(0);
    let mut hash = [0_u8; 32];
    let mut intents: BTreeMap<String, jiff::Timestamp> = BTreeMap::new();
    let (mut numbers, mut adopted) = (BTreeSet::new(), BTreeSet::new());
    for line in site.run("audit export").exits(0).lines() {
        let record = line["record"].as_str().unwrap();
        let mut hasher = Sha256::new();
        hasher.update(hash);
        hasher.update(record.as_bytes());
        hash = hasher.finalize().into();
        assert_eq!(line["hash"].as_str().unwrap(), data_encoding::HEXLOWER.encode(&hash));
        assert!(numbers.insert(line["number"].as_u64().unwrap()));
        let record: Value = serde_json::from_str(record).unwrap();
        if record["event"] == "intent" {
            let at = record["at"].as_str().unwrap().parse().unwrap();
            intents.entry(record["control_id"].as_str().unwrap().to_owned()).or_insert(at);
        }
        if record["event"] == "adopted" {
            adopted.insert(record["document"].as_u64().unwrap());
        }
    }
    for bill in bills {
        let control_id = bill.control_id.as_ref().expect("nobody typed bills by hand");
        let intent = intents.get(control_id).unwrap_or_else(|| panic!("no intent for {bill:?}"));
        assert!(*intent <= bill.committed_at, "sent before the intent was written: {bill:?}");
    }
    adopted.len()
}
