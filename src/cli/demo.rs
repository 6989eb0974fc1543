//! `tollgate demo`: both systems simulated on loopback, seeded data, a throw-away data directory.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::Value;

use super::compose::{self, Running};
use super::exit::{CliError, Exit};
use super::logging::{self, Verbosity};
use super::output::Terminal;
use super::starting::starting;
use super::{Global, Json};
use crate::config::Config;
use crate::control::this_person;
use crate::engine::Engine;
use crate::messages::{Answer, Command, Filter, LogRing, Order, PageRequest, PostingMode, Question, Service, Snapshot};
use crate::model::{Flag, Secret};
use crate::simulator::judge::judge;
use crate::simulator::server::{ServerOptions, Simulators};
use crate::simulator::world::World;

/// `demo`: needs no configuration, no credentials and no network beyond loopback. Without a terminal it behaves as with
/// --headless. It ends with exit code 3, because the demo's data hold some that need a person.
#[derive(Args, Clone, Debug, Default)]
pub struct DemoArgs {
    /// One full pass without the console, then the summary
    #[arg(long)]
    pub headless: bool,
    /// Seed of the data; the same seed gives the same data
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// Runs it.
pub fn run(args: &DemoArgs, global: &Global, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let headless = args.headless || args.json.json || !(terminal.interactive && std::io::stdout().is_terminal());
    let log = LogRing::new();
    let level = global.log_level.unwrap_or(if headless { Verbosity::Error } else { Verbosity::Info });
    logging::init(level, headless, Some(log.clone()), None);
    let runtime = compose::runtime()?;
    let result = runtime.block_on(play(args, global, headless, log, terminal));
    compose::finish(runtime);
    result
}

async fn play(
    args: &DemoArgs,
    global: &Global,
    headless: bool,
    log: LogRing,
    terminal: &mut Terminal,
) -> Result<Exit, CliError> {
    if headless {
        let demo = Demo::start(args.seed, true, log).await?;
        let exit = passes(&demo, args, terminal).await;
        demo.stop().await;
        return exit;
    }
    // The console stands first; the world is made behind it.
    let (service, starter) = starting(before_the_world(), log.clone());
    let seed = args.seed;
    let start = tokio::spawn(async move {
        let demo = Demo::start(seed, false, log).await?;
        let engine = Arc::new(demo.running.engine.clone());
        Ok::<_, CliError>((demo, tokio::spawn(starter.hand_over(engine))))
    });
    let exit = super::console::open_demo(Arc::new(service), global).await;
    // Who leaves at once waits for the start to end: what it made goes away in order. Its error explains why the console ended.
    let (demo, handing) = start.await.map_err(|error| CliError::Failed(error.to_string()))??;
    demo.stop().await;
    handing.abort();
    exit
}

/// What the console shows until the engine speaks.
fn before_the_world() -> Snapshot {
    let (jaggaer, intacct) = World::names();
    Snapshot { jaggaer, intacct, ..Snapshot::blank(jiff::Timestamp::now()) }
}

/// Both systems, and an engine that posts between them.
struct Demo {
    running: Running,
    simulators: Simulators,
    _directory: Throwaway,
}

impl Demo {
    /// Makes the world, with what should come out of it, and then starts what reads it.
    async fn start(seed: u64, headless: bool, log: LogRing) -> Result<Demo, CliError> {
        let failed = |error: std::io::Error| CliError::io("the demo", error);
        let directory = Throwaway::new().map_err(failed)?;
        let world = World::demo(seed);
        let options = ServerOptions { trickle: !headless, ..ServerOptions::default() };
        let simulators = Simulators::start(&world, &options).await.map_err(failed)?;
        let path = world.files(&directory.0, &simulators.addresses()).map_err(failed)?;
        let config = Config::load(&path, &|_| None)?;
        {
            let mut vault = compose::open_vault(&config)?;
            for (name, value) in world.secrets() {
                vault.set(name, &Secret::new(value), jiff::Timestamp::now())?;
            }
        }
        let running = compose::start(config, &path, log, !headless).await?;
        // The demo's own person starts posting, as an operator would by typing the phrase.
        if let PostingMode::WaitingForStart { phrase, .. } = running.engine.mode() {
            let order = Order { key: "demo-start".to_owned(), command: Command::StartPosting { phrase } };
            running.engine.tell(order, this_person()).await?;
        }
        Ok(Demo { running, simulators, _directory: directory })
    }

    async fn stop(self) {
        self.running.stop().await;
        self.simulators.stop().await;
    }
}

/// Two passes: the second sees what was amended after it was posted. Then the books are compared with what the generator said.
async fn passes(demo: &Demo, args: &DemoArgs, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let Demo { running, simulators, .. } = demo;
    let first = running.engine.pass(true).await;
    let mut pass = running.engine.pass(true).await;
    pass.summary.duration_ms += first.summary.duration_ms;
    pass.summary.flows = first.summary.flows;
    pass.unreachable.splice(0..0, first.unreachable);
    pass.failed.splice(0..0, first.failed);
    let documents = documents(&running.engine).await?;
    let findings = simulators.with(|stage| judge(&stage.expected, stage.gateway.ledger().bills(), &documents));
    let exit = super::run::report(pass, args.json.json, terminal)?;
    if findings.is_empty() {
        terminal.note("The books hold exactly what the generator said they should.");
        return Ok(exit);
    }
    for finding in &findings {
        terminal.note(&format!("differs from what the generator said: {}", crate::model::safe(&finding.sentence)));
    }
    Ok(exit.worse(Exit::Failed))
}

/// All documents as the judge reads them.
async fn documents(engine: &Engine) -> Result<Vec<Value>, CliError> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let request = PageRequest { filter: Filter::default(), after, limit: 1_000, oldest_first: true };
        let Answer::Documents(page) = engine.ask(Question::Documents(request)).await? else { return Ok(found) };
        found.extend(page.rows.iter().map(|row| {
            let changed = row.flags.iter().any(|flag| matches!(flag, Flag::ChangedAfterPosting(_)));
            serde_json::json!({
                "jaggaer_id": row.jaggaer_id, "state": row.state, "reasons": row.reasons, "class": row.class,
                "changed_after_posting": changed,
            })
        }));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

/// A directory that goes away with the demo.
struct Throwaway(PathBuf);

impl Throwaway {
    fn new() -> std::io::Result<Throwaway> {
        use std::os::unix::fs::DirBuilderExt;
        let name = format!("tollgate-demo-{}-{:08x}", std::process::id(), fastrand::u32(..));
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Throwaway(path))
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
