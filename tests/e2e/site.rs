//! A place to try the real program in: both systems simulated on real sockets, a configuration in real files, and the
//! program as a process of its own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tollgate::simulator::gateway::{Bill, Person};
use tollgate::simulator::judge::{Finding, judge};
use tollgate::simulator::procurement::Change;
use tollgate::simulator::server::{ServerOptions, Simulators, Stage};
use tollgate::simulator::world::World;

/// Nothing here takes so long; whatever does is stuck.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// What has to be typed to start posting into the simulated company.
pub const PHRASE: &str = "post into DEMOCO from 2025-09-01";

/// Waits until something holds, and fails with its name if it never does.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < DEADLINE, "still not so after {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(15));
    }
}

/// What a command came to.
#[derive(Debug)]
pub struct Done {
    pub line: String,
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Done {
    /// Asserts the exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Done {
        assert_eq!(self.code, code, "`{}` ended with {}:\n{}\n{}", self.line, self.code, self.out, self.err);
        self
    }

    /// Asserts that standard output or standard error has this text.
    #[track_caller]
    pub fn says(self, text: &str) -> Done {
        let there = self.out.contains(text) || self.err.contains(text);
        assert!(there, "`{}` does not say `{text}`:\n{}\n{}", self.line, self.out, self.err);
        self
    }

    /// Standard output as one JSON value on one line, and nothing else there.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "`{}`: one line of JSON: {}\n{}", self.line, self.out, self.err);
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("`{}`: {error}: {}", self.line, self.out))
    }

    /// Standard output as JSON Lines.
    #[track_caller]
    pub fn lines(&self) -> Vec<Value> {
        let read = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("`{}`: {error}: {line}", self.line));
        self.out.lines().map(read).collect()
    }
}

/// The program, running.
pub struct Running {
    child: Child,
    files: (PathBuf, PathBuf),
    line: String,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard error so far.
    pub fn log(&self) -> String {
        read_text(&self.files.1)
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Ends it as the power does.
    pub fn kill(mut self) {
        self.signal(rustix::process::Signal::KILL);
        self.child.wait().unwrap();
    }

    /// Stops it where it stands.
    pub fn freeze(&self) {
        self.signal(rustix::process::Signal::STOP);
        let stat = format!("/proc/{}/stat", self.pid());
        until("it is stopped", || fs::read_to_string(&stat).unwrap().contains(") T "));
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    /// Asks it to read its configuration again.
    pub fn hang_up(&self) {
        self.signal(rustix::process::Signal::HUP);
    }

    /// Asks it to end, and waits for it.
    pub fn terminate(self) -> Done {
        self.signal(rustix::process::Signal::TERM);
        self.finish()
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Done {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < DEADLINE, "`{}` does not end:\n{}", self.line, self.log());
            std::thread::sleep(Duration::from_millis(5));
        };
        let code = code_of(status);
        Done { line: self.line.clone(), code, out: read_text(&self.files.0), err: read_text(&self.files.1) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn code_of(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| -status.signal().unwrap_or(999))
}

fn read_text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// Both systems and a configuration for them.
pub struct Site {
    pub sim: Simulators,
    pub config: PathBuf,
    pub world: World,
    env: BTreeMap<String, String>,
    through: Vec<String>,
    counter: RefCell<u32>,
    dir: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Site {
    /// Starts both systems with a world and writes the configuration; nothing of the program runs yet.
    pub fn new(world: World) -> Site {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let sim = runtime.block_on(Simulators::start(&world, &ServerOptions::default())).unwrap();
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("said")).unwrap();
        let config = world.files(dir.path(), &sim.addresses()).unwrap();
        let secrets = world.secrets();
        let mut site = Site {
            sim,
            config,
            world,
            env: BTreeMap::new(),
            through: Vec::new(),
            counter: RefCell::new(0),
            dir,
            _runtime: runtime,
        };
        for (name, value) in secrets {
            site.set(&format!("TOLLGATE_{}", name.replace('.', "_").to_uppercase()), &value);
        }
        // What is in doubt settles quickly enough for a test, and slowly enough for what is played.
        site.set("TOLLGATE_POSTING_LATE_COMMIT", "700ms");
        site.set("TOLLGATE_POSTING_READ_LAG", "300ms");
        site
    }

    /// The same with everything polled once and posting started by a person, but nothing sent yet.
    pub fn started(world: World) -> Site {
        let site = Site::new(world);
        site.run("run --once");
        site.command(&["posting", "start", "--confirm", PHRASE]).exits(0);
        site
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Sets a variable for all commands from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.env.insert(name.to_owned(), value.to_owned());
    }

    /// From now on the program is started by a shell that takes over no other signals than before but for this one, which the
    /// program then does not hear.
    pub fn deaf_to(&mut self, signal: &str) {
        self.through = ["/bin/sh", "-c", &format!("trap '' {signal}; exec \"$0\" \"$@\"")].map(str::to_owned).to_vec();
    }

    /// Takes a variable away.
    pub fn unset(&mut self, name: &str) {
        self.env.remove(name);
    }

    fn start(&self, args: &[&str], input: Option<&[u8]>) -> Running {
        self.start_with(Some(&self.config), args, input)
    }

    fn start_with(&self, config: Option<&Path>, args: &[&str], input: Option<&[u8]>) -> Running {
        let number = {
            let mut counter = self.counter.borrow_mut();
            *counter += 1;
            *counter
        };
        let said = |ending: &str| self.dir.path().join(format!("said/{number:04}.{ending}"));
        let files = (said("out"), said("err"));
        let words: Vec<&str> =
            self.through.iter().map(String::as_str).chain([env!("CARGO_BIN_EXE_tollgate")]).collect();
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .args(args)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.dir.path().join("nobody"))
            .envs(config.map(|path| ("TOLLGATE_CONFIG", path)))
            .envs(&self.env)
            .current_dir(self.dir.path())
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(File::create(&files.0).unwrap())
            .stderr(File::create(&files.1).unwrap());
        let mut child = command.spawn().unwrap();
        if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
            stdin.write_all(input).unwrap();
        }
        Running { child, files, line: args.join(" ") }
    }

    /// Runs a command to its end.
    pub fn command(&self, args: &[&str]) -> Done {
        self.start(args, None).finish()
    }

    /// The same with another configuration, or with none named.
    pub fn with_config(&self, config: Option<&Path>, args: &[&str]) -> Done {
        self.start_with(config, args, None).finish()
    }

    /// The same, with the words in one text.
    pub fn run(&self, line: &str) -> Done {
        self.command(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// The same with something on standard input.
    pub fn with_input(&self, line: &str, input: &[u8]) -> Done {
        self.start(&line.split_whitespace().collect::<Vec<_>>(), Some(input)).finish()
    }

    /// Starts a command in the background.
    pub fn spawn(&self, line: &str) -> Running {
        self.start(&line.split_whitespace().collect::<Vec<_>>(), None)
    }

    /// Starts the engine and waits until it answers.
    pub fn engine(&self) -> Running {
        let mut engine = self.spawn("run");
        until("the engine answers", || {
            assert!(engine.runs(), "the engine ended: {}", engine.log());
            self.ask(json!("status")).is_some()
        });
        engine
    }

    /// Polls, posts and waits until nothing is in doubt.
    pub fn settle(&self) -> Done {
        self.run("run --once --settle --json")
    }

    /// Asks the running engine over its socket, without any of the program's own code.
    pub fn ask(&self, question: Value) -> Option<Value> {
        let frame = self.speak(json!({"id": 1, "ask": question}))?;
        frame.get("ok").and_then(|ok| ok.as_object()?.values().next().cloned())
    }

    /// Gives the running engine an order in the same way; the whole answer.
    pub fn tell(&self, order: Value) -> Option<Value> {
        self.speak(json!({"id": 1, "tell": order}))
    }

    fn speak(&self, frame: Value) -> Option<Value> {
        let stream = UnixStream::connect(self.data().join("tollgate.sock")).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut said = File::options().create(true).append(true).open(self.dir.path().join("said/socket")).unwrap();
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut line = || {
            let mut line = String::new();
            let read = reader.read_line(&mut line).ok()?;
            said.write_all(line.as_bytes()).unwrap();
            (read > 0).then_some(line)
        };
        line()?;
        let mut stream = stream;
        writeln!(stream, "{}\n{frame}", json!({"protocol": 1})).ok()?;
        loop {
            let answer: Value = serde_json::from_str(&line()?).ok()?;
            if answer["id"] == 1 {
                return Some(answer);
            }
        }
    }

    /// What stands in the simulated books.
    pub fn bills(&self) -> Vec<Bill> {
        self.sim.with(|stage| stage.gateway.ledger().bills().cloned().collect())
    }

    /// The bills with this number that stand.
    pub fn standing(&self, number: &str) -> Vec<Bill> {
        self.bills().into_iter().filter(|bill| bill.record_id == number && bill.state.stands()).collect()
    }

    /// Requests with writes that the gateway got.
    pub fn writes(&self) -> u64 {
        self.sim.with(|stage| stage.gateway.stats().writes)
    }

    /// A person does something in Intacct.
    pub fn person(&self, does: Person) -> u64 {
        self.sim.with(|stage| stage.gateway.person(jiff::Timestamp::now(), does)).unwrap()
    }

    /// Something happens to an invoice in JAGGAER.
    pub fn jaggaer(&self, change: Change) {
        assert!(self.sim.with(|stage| stage.procurement.change(jiff::Timestamp::now(), change)));
    }

    /// A new invoice with this id, of one ordinary line, comes up in JAGGAER, approved.
    pub fn jaggaer_gets(&self, id: u64) {
        let mut detail = World::bulk(id, 1, 1).invoices.remove(0).value();
        detail["header"]["invoiceId"] = json!(id);
        self.jaggaer(Change::Add(detail));
    }

    /// Looks at or changes what is simulated.
    pub fn stage<T>(&self, look: impl FnOnce(&mut Stage) -> T) -> T {
        self.sim.with(look)
    }

    /// All documents, by JAGGAER's id.
    pub fn documents(&self) -> BTreeMap<u64, Value> {
        let rows = self.run("invoices list --json").exits(0).lines();
        rows.into_iter().map(|row| (row["jaggaer_id"].as_str().unwrap().parse().unwrap(), row)).collect()
    }

    /// The document of the world's nth invoice.
    #[track_caller]
    pub fn document(&self, nth: usize) -> Value {
        let id = self.world.invoices[nth].id;
        let rows = self.run("invoices list --json").exits(0).lines();
        rows.into_iter().find(|row| row["jaggaer_id"] == json!(id.to_string())).expect("the product knows it")
    }

    /// State and reason codes of the world's nth invoice.
    #[track_caller]
    pub fn stands(&self, nth: usize) -> (String, Vec<String>) {
        state_of(&self.document(nth))
    }

    /// `jaggaer:…`, as commands take it.
    pub fn id(&self, nth: usize) -> String {
        format!("jaggaer:{}", self.world.invoices[nth].id)
    }

    /// The world's nth invoice's bill number.
    pub fn number(&self, nth: usize) -> String {
        self.world.expected.invoices[nth].number.clone().unwrap()
    }

    /// The trail of the world's nth invoice: each record as it is hashed.
    pub fn trail(&self, nth: usize) -> Vec<Value> {
        let lines = self.run(&format!("audit show {} --json", self.id(nth))).exits(0).lines();
        lines.iter().map(|line| serde_json::from_str(line["record"].as_str().unwrap()).unwrap()).collect()
    }

    /// Compares books and documents with what the generator said.
    pub fn judged(&self) -> Vec<Finding> {
        let documents: Vec<Value> = self.documents().into_values().map(for_judge).collect();
        self.stage(|stage| judge(&stage.expected, stage.gateway.ledger().bills(), &documents))
    }

    /// Every byte that the program wrote: its data directory, and what it said.
    pub fn everything_written(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        for part in ["data", "said"] {
            for entry in fs::read_dir(self.dir.path().join(part)).unwrap().flatten() {
                if entry.file_type().unwrap().is_file() {
                    found.push((entry.path(), fs::read(entry.path()).unwrap()));
                }
            }
        }
        found
    }
}

/// A row as the judge reads it.
fn for_judge(row: Value) -> Value {
    let changed = row["flags"].as_array().unwrap().iter().any(|flag| flag.get("changed_after_posting").is_some());
    json!({"jaggaer_id": row["jaggaer_id"], "state": row["state"], "reasons": row["reasons"], "class": row["class"],
        "changed_after_posting": changed})
}

/// State and reason codes of a row.
pub fn state_of(row: &Value) -> (String, Vec<String>) {
    let reasons = row["reasons"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    (row["state"].as_str().unwrap().to_owned(), reasons)
}

/// Changes a file's text; what is to be replaced has to be there.
#[track_caller]
pub fn edit_file(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{} has no `{from}`:\n{text}", path.display());
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// A small world of ordinary invoices, all of which must be posted.
pub fn plain(seed: u64, invoices: usize) -> World {
    World::bulk(seed, invoices, 2)
}

/// Changes the nth invoice of a world before anything starts.
pub fn change(world: &mut World, nth: usize, change: impl FnOnce(&mut Value)) {
    let mut detail = world.invoices[nth].value();
    change(&mut detail);
    world.invoices[nth].text = detail.to_string().into();
}

/// Held, for one reason alone.
pub fn held(reason: &str) -> (String, Vec<String>) {
    ("held".to_owned(), vec![reason.to_owned()])
}

/// Posted, without reasons.
pub fn posted() -> (String, Vec<String>) {
    ("posted".to_owned(), Vec::new())
}
