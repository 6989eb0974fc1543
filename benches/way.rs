//! The whole way: from raw documents in the store to verified postings, against the simulators in a process of their own;
//! memory with many open invoices; the console's first frame; a backlog of up to a million; suppliers compared with vendors.
//!
//! `cargo bench --bench way` measures everything; `cargo bench --bench way -- post` (or `whole`, `memory`, `frame`, `load`, `vendors`) one
//! part.
//! Each engine that is measured has a process to itself, so that CPU time and peak memory are its own: this program starts
//! itself again under another role. Invoked without `--bench`, as by `cargo test --benches`, it makes small rounds.
#![allow(clippy::unwrap_used, reason = "a benchmark is not the product")]

mod common;
#[path = "way/load.rs"]
mod load;
#[path = "way/vendors.rs"]
mod vendors;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tollgate::cli::compose;
use tollgate::config::{Config, Mode};
use tollgate::model::State;
use tollgate::simulator::server::{ServerOptions, Simulators};
use tollgate::simulator::world::{Addresses, World};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).filter(|word| !word.starts_with("--")).collect();
    match words.as_slice() {
        ["child-simulators", count, listed] => simulators(count.parse().unwrap(), *listed == "listed"),
        ["child-engine", directory, mode] => engine(Path::new(directory), mode),
        ["child-load", directory, count] => load::worker(Path::new(directory), count.parse().unwrap()),
        ["child-busy", directory, count] => load::busy(Path::new(directory), count.parse().unwrap()),
        ["child-open", directory] => load::opener(Path::new(directory)),
        ["child-vendors", directory, count] => vendors::worker(Path::new(directory), count.parse().unwrap()),
        parts => {
            let full = arguments.iter().any(|word| word == "--bench");
            let size = if full { Size::FULL } else { Size::SMALL };
            let wanted = |part: &str| parts.is_empty() || parts.contains(&part);
            probe();
            if wanted("post") {
                post(&size);
            }
            if wanted("whole") {
                whole(&size);
            }
            if wanted("memory") {
                memory(&size);
            }
            if wanted("frame") {
                frame(&size);
            }
            if wanted("load") {
                load::load(load::backlog(full));
            }
            if wanted("vendors") {
                vendors::vendors(if full { 100_000 } else { 2_000 });
            }
        }
    }
}

/// How much of everything.
struct Size {
    posted: usize,
    whole: usize,
    open: usize,
    rounds: usize,
    starts: usize,
}

impl Size {
    const FULL: Size = Size { posted: 20_000, whole: 5_000, open: 100_000, rounds: 3, starts: 20 };
    const SMALL: Size = Size { posted: 200, whole: 100, open: 400, rounds: 1, starts: 1 };
}

// ------------------------------------------------------------------------------------------------ the parts

/// From raw documents in the store to verified postings.
fn post(size: &Size) {
    for round in 1..=size.rounds {
        let ground = Ground::new(size.posted, false, Mode::Post);
        common::fill(&ground.config, &ground.world.instance, &ground.world.invoices);
        let seen = ground.engine("post");
        ground.report(&format!("raw documents to verified posting, round {round}"), size.posted, &seen);
    }
}

/// The same from an empty store, with JAGGAER's list and detail calls.
fn whole(size: &Size) {
    let ground = Ground::new(size.whole, true, Mode::Post);
    let seen = ground.engine("post");
    ground.report("the whole way, with JAGGAER's list and detail calls", size.whole, &seen);
}

/// Memory of an engine that opens a store with many open invoices.
fn memory(size: &Size) {
    let ground = Ground::new(size.open, false, Mode::Observe);
    let mut documents = ground.world.invoices.clone();
    // Every fourth has no bill number, so it is held.
    for document in documents.iter_mut().step_by(4) {
        let mut value = document.value();
        assert!(blank(&mut value, "supplierInvoiceNumber"));
        document.text = value.to_string().into();
    }
    common::fill(&ground.config, &ground.world.instance, &documents);
    drop(documents);
    let first = ground.engine("observe");
    let open = |seen: &Value| seen["queued"].as_u64().unwrap() + seen["held"].as_u64().unwrap();
    assert_eq!(open(&first), size.open as u64, "{first}");
    let seen = ground.engine("observe");
    assert_eq!(open(&seen), size.open as u64, "{seen}");
    println!("\n## memory with {} open invoices ({} queued, {} held)", size.open, seen["queued"], seen["held"]);
    println!("  store file           {:8.1} MB", megabytes(&ground.config.data_dir.join("tollgate.redb")));
    for (name, seen) in [("while all are evaluated for the first time", &first), ("after opening it again", &seen)] {
        println!("  {name}");
        println!("    opened             {:8.1} MB", seen["rss_started_kb"].as_f64().unwrap() / 1024.0);
        println!("    at rest            {:8.1} MB", seen["rss_kb"].as_f64().unwrap() / 1024.0);
        println!("    of it anonymous    {:8.1} MB", seen["anonymous_kb"].as_f64().unwrap() / 1024.0);
        println!("    peak (VmHWM)       {:8.1} MB", seen["peak_kb"].as_f64().unwrap() / 1024.0);
        println!("    until at rest      {:8.2} s", seen["seconds"].as_f64().unwrap());
    }
}

/// Sets the first member of this name to nothing, wherever it stands.
fn blank(value: &mut Value, name: &str) -> bool {
    match value {
        Value::Object(members) => match members.get_mut(name) {
            Some(member) => {
                *member = Value::Null;
                true
            }
            None => members.values_mut().any(|value| blank(value, name)),
        },
        Value::Array(items) => items.iter_mut().any(|value| blank(value, name)),
        _ => false,
    }
}

/// From the start of the process to the first frame on a terminal.
fn frame(size: &Size) {
    println!("\n## first frame of the console, 120×40");
    let program = env!("CARGO_BIN_EXE_tollgate");
    let demo: Vec<Duration> = (0..size.starts).map(|_| first_frame(&[program, "demo"])).collect();
    print_times("tollgate demo", demo);
    let ground = Ground::new(500, false, Mode::Observe);
    common::fill(&ground.config, &ground.world.instance, &ground.world.invoices);
    let config = ground.config.path.to_string_lossy().into_owned();
    let running = Command::new(program).args(["--config", &config, "run"]).stderr(Stdio::null()).spawn();
    let mut running = Kept(running.unwrap());
    let socket = ground.config.data_dir.join("tollgate.sock");
    while std::os::unix::net::UnixStream::connect(&socket).is_err() {
        assert!(running.0.try_wait().unwrap().is_none(), "the engine ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    let attached: Vec<Duration> =
        (0..size.starts).map(|_| first_frame(&[program, "--config", &config, "console"])).collect();
    print_times("tollgate console, attached to a running engine", attached);
}

fn print_times(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1000.0;
    println!("  {name}: median {:.1} ms, slowest {:.1} ms of {}", at(50), at(100), times.len());
}

/// Runs a program on a terminal until something stands on its screen.
fn first_frame(words: &[&str]) -> Duration {
    use portable_pty::{CommandBuilder, PtySize, native_pty_system};
    let pair = native_pty_system().openpty(PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 }).unwrap();
    let mut command = CommandBuilder::new(words[0]);
    command.args(&words[1..]);
    command.env("TERM", "xterm-256color");
    let mut reader = pair.master.try_clone_reader().unwrap();
    let started = Instant::now();
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut screen = vt100::Parser::new(40.try_into().unwrap(), 120.try_into().unwrap(), 0);
    let mut buffer = [0; 16 * 1024];
    let took = loop {
        let count = reader.read(&mut buffer).unwrap();
        assert!(count > 0, "no frame: {}", screen.screen().contents());
        screen.process(&buffer[..count]);
        if screen.screen().alternate_screen() && !screen.screen().contents().trim().is_empty() {
            break started.elapsed();
        }
    };
    child.kill().unwrap();
    let _ = child.wait();
    took
}

// ------------------------------------------------------------------------------------------------ the ground

/// Simulators in a process of their own, a primed data directory, a configuration.
struct Ground {
    world: World,
    config: Config,
    simulators: Kept,
    admin: String,
    directory: tempfile::TempDir,
}

/// A process that ends with us.
struct Kept(Child);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Ground {
    fn new(invoices: usize, listed: bool, mode: Mode) -> Ground {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (simulators, said) =
            child(&["child-simulators", &invoices.to_string(), if listed { "listed" } else { "unlisted" }]);
        let text = |name: &str| said[name].as_str().unwrap().to_owned();
        let addresses =
            Addresses { jaggaer_base: text("jaggaer_base"), issuer: text("issuer"), gateway_url: text("gateway_url") };
        let world = common::world(invoices);
        let config = common::configuration(&world, directory.path(), &addresses, mode);
        let ground = Ground { world, config, simulators: Kept(simulators), admin: text("admin"), directory };
        if listed {
            common::secrets(&ground.world, &ground.config);
        } else {
            let runtime = compose::runtime().unwrap();
            runtime.block_on(common::prime(&ground.world, &ground.config, common::networks()));
        }
        ground
    }

    /// Runs an engine in a process of its own until there is nothing left to do.
    fn engine(&self, mode: &str) -> Value {
        let (engine, said) = child(&["child-engine", &self.directory.path().to_string_lossy(), mode]);
        drop(Kept(engine));
        said
    }

    fn report(&self, name: &str, invoices: usize, seen: &Value) {
        let number = |name: &str| seen[name].as_f64().unwrap_or_default();
        assert_eq!(number("posted") as usize, invoices, "{seen}");
        let (seconds, cpu) = (number("seconds"), number("user") + number("system"));
        let simulators = cpu_of(&format!("/proc/{}", self.simulators.0.id()));
        println!("\n## {name}");
        println!("  invoices             {invoices:8} of {} lines, all verified", common::LINES);
        println!("  time                 {seconds:8.2} s");
        println!("  rate                 {:8.0} /s", invoices as f64 / seconds);
        println!(
            "  engine's CPU         {:8.4} ms per invoice ({:.4} user, {:.4} system)",
            cpu * 1000.0 / invoices as f64,
            number("user") * 1000.0 / invoices as f64,
            number("system") * 1000.0 / invoices as f64
        );
        println!(
            "  simulators' CPU      {:8.4} ms per invoice",
            (simulators.0 + simulators.1) * 1000.0 / invoices as f64
        );
        let batches = self.stats()["gateway"]["writes"].as_f64().unwrap();
        println!("  requests             {:8} of which {batches} with writes", number("requests"));
        println!(
            "  commits              {:8} in all, {:.2} per request with writes",
            number("commits"),
            number("commits") / batches
        );
        println!("  peak memory (VmHWM)  {:8.1} MB", number("peak_kb") / 1024.0);
        println!("  at rest afterwards   {:8.1} MB", number("rss_kb") / 1024.0);
    }

    /// What the simulators counted.
    fn stats(&self) -> Value {
        let host = self.admin.trim_start_matches("http://");
        let mut stream = std::net::TcpStream::connect(host).unwrap();
        write!(stream, "GET /sim/stats HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

/// Starts this program under another role and reads the one line that it says.
fn child(words: &[&str]) -> (Child, Value) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let said = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{words:?} said {line:?}: {error}"));
    (child, said)
}

// ------------------------------------------------------------------------------------------------ the other roles

/// Both systems until the other side goes away. Without a list JAGGAER has nothing, and Intacct is as it would be.
fn simulators(invoices: usize, listed: bool) {
    let mut world = common::world(if listed { invoices } else { 0 });
    world.troubles.clear();
    let runtime = compose::runtime().unwrap();
    let running = runtime.block_on(Simulators::start(&world, &ServerOptions::default())).unwrap();
    drop(world);
    say(&json!({
        "jaggaer_base": running.jaggaer_base, "issuer": running.issuer, "gateway_url": running.gateway_url,
        "admin": running.admin_url,
    }));
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// One engine, one pass, and what it took.
fn engine(directory: &Path, mode: &str) {
    let path = directory.join("tollgate.toml");
    let mut config = Config::load(&path, &|_| None).unwrap();
    config.jaggaer.requests_per_second = 1_000_000;
    config.posting.mode = if mode == "post" { Mode::Post } else { Mode::Observe };
    let runtime = compose::runtime().unwrap();
    runtime.block_on(async {
        let (before, started) = (cpu_of("/proc/self"), Instant::now());
        let store = common::store(&config);
        let totals = store.totals();
        let engine = common::engine(&config, store, common::networks()).await;
        let rss_started = status("VmRSS");
        common::start_posting(&engine).await;
        let pass = engine.pass(false).await;
        let (seconds, after) = (started.elapsed().as_secs_f64(), cpu_of("/proc/self"));
        assert!(pass.failed.is_empty() && pass.unreachable.is_empty(), "{:?} {:?}", pass.failed, pass.unreachable);
        let totals = totals.borrow().clone();
        let (rss, peak, anonymous) = (status("VmRSS"), status("VmHWM"), status("RssAnon"));
        say(&json!({
            "seconds": seconds, "user": after.0 - before.0, "system": after.1 - before.1, "commits": totals.commits,
            "requests": pass.summary.gateway.requests,
            "posted": totals.count(State::Posted), "queued": totals.count(State::Queued),
            "held": totals.count(State::Held), "rss_started_kb": rss_started, "rss_kb": rss, "peak_kb": peak,
            "anonymous_kb": anonymous,
        }));
        engine.stop().await;
    });
}

fn say(value: &Value) {
    let mut out = std::io::stdout();
    writeln!(out, "{value}").unwrap();
    out.flush().unwrap();
}

// ------------------------------------------------------------------------------------------------ the machine

/// User and system time of a process in seconds: what `getrusage` says, as /proc tells it.
fn cpu_of(process: &str) -> (f64, f64) {
    let text = std::fs::read_to_string(format!("{process}/stat")).unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap() / 100.0;
    (ticks(11), ticks(12))
}

/// A figure of this process's status, in kB.
fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn megabytes(path: &Path) -> f64 {
    std::fs::metadata(path).unwrap().len() as f64 / 1e6
}

/// What an fdatasync of 4 KiB takes on this disk in this minute.
fn probe() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("probe-{}", std::process::id()));
    let mut file = File::create(&path).unwrap();
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            file.write_all(&[7; 4096]).unwrap();
            let started = Instant::now();
            file.sync_data().unwrap();
            started.elapsed()
        })
        .collect();
    std::fs::remove_file(&path).unwrap();
    times.sort();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1000.0;
    println!("fdatasync of 4 KiB: median {:.3} ms, 95 % under {:.3} ms", at(50), at(95));
}
