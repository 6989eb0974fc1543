//! What both benchmarks stand on: a world of five-line invoices, its configuration, an engine without schedules, and a
//! network that keeps what was answered.
//!
//! Benchmarks are not the product: they may unwrap.
#![allow(dead_code, clippy::unwrap_used, reason = "shared by two benchmarks, each of which uses its part")]

pub mod masters;

use std::path::Path;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tollgate::cli::compose;
use tollgate::config::{Config, Mode};
use tollgate::engine::{Engine, Networks, NoBell, Parts};
use tollgate::jaggaer::Profile;
use tollgate::messages::{Command, LogRing, Order, PostingMode, Service};
use tollgate::model::{Actor, DocumentKey, DocumentKind, Person, Secret, Text};
use tollgate::posting::{Arrival, intake, seal_raw};
use tollgate::seams::{Boxed, HttpNetwork, NetError, Network, Request, Response, Seams};
use tollgate::simulator::world::{Addresses, Document, World};
use tollgate::store::{Mode as StoreMode, Store};

/// Seed of all data.
pub const SEED: u64 = 7;
/// Lines of each invoice.
pub const LINES: usize = 5;

/// So many invoices of five lines.
pub fn world(invoices: usize) -> World {
    World::bulk(SEED, invoices, LINES)
}

/// Writes the world's configuration into a directory and reads it. JAGGAER's pace is left out of the measure.
pub fn configuration(world: &World, directory: &Path, addresses: &Addresses, mode: Mode) -> Config {
    let path = world.files(directory, addresses).unwrap();
    let mut config = Config::load(&path, &|_| None).unwrap();
    config.jaggaer.requests_per_second = 1_000_000;
    config.posting.mode = mode;
    config
}

/// Puts the world's secrets into the vault of a configuration.
pub fn secrets(world: &World, config: &Config) {
    let mut vault = compose::open_vault(config).unwrap();
    for (name, value) in world.secrets() {
        vault.set(name, &Secret::new(value), Timestamp::now()).unwrap();
    }
}

/// The store of a configuration, as a running engine has it.
pub fn store(config: &Config) -> Store {
    Store::open(&config.data_dir, config.store.cache, StoreMode::Threads, |_| {}).unwrap()
}

/// Starts an engine whose flows run only when a pass asks for them.
pub async fn engine(config: &Config, store: Store, networks: Networks) -> Engine {
    let parts = Parts {
        config: config.clone(),
        store,
        vault: compose::open_vault(config).unwrap(),
        seams: Seams::system(),
        networks,
        log: LogRing::new(),
        reread: Box::new(|| Err("a benchmark reads nothing again".to_owned())),
    };
    Engine::start(parts, Box::new(NoBell), false).await.unwrap()
}

/// A new data directory: reference data are read, and posting is started where the configuration says post.
pub async fn prime(world: &World, config: &Config, networks: Networks) {
    secrets(world, config);
    let engine = engine(config, store(config), networks).await;
    start_posting(&engine).await;
    let pass = engine.pass(false).await;
    assert!(pass.failed.is_empty() && pass.unreachable.is_empty(), "{:?} {:?}", pass.failed, pass.unreachable);
    engine.stop().await;
}

/// What a person does by typing the phrase.
pub async fn start_posting(engine: &Engine) {
    if let PostingMode::WaitingForStart { phrase, .. } = engine.mode() {
        let order = Order { key: "start".to_owned(), command: Command::StartPosting { phrase } };
        engine.tell(order, Person { uid: 0, name: "benchmark".to_owned(), as_stated: None }).await.unwrap();
    }
}

/// Puts raw documents into the store as a poll does.
pub fn fill(config: &Config, instance: &str, documents: &[Document]) {
    let store = Store::open(&config.data_dir, 64 << 20, StoreMode::Inline, |_| {}).unwrap();
    let profile = Profile::builtin().unwrap();
    let cipher = compose::open_vault(config).unwrap().cipher();
    let actor = Actor::Flow("invoices".to_owned());
    for some in documents.chunks(1_000) {
        let arrivals: Vec<Arrival> = some
            .iter()
            .map(|document| {
                let key = DocumentKey::new(instance, DocumentKind::Invoice, &document.id.to_string());
                let bytes = document.text.as_bytes();
                let (sealed, hash) = seal_raw(&cipher, &key, bytes).unwrap();
                Arrival { key, stamp: Some(Text::new("1")), hash, sealed, read: profile.read_detail(bytes) }
            })
            .collect();
        let actor = actor.clone();
        store.write_now(move |tx| intake(tx, Timestamp::now(), &actor, &arrivals)).unwrap();
    }
    store.close();
}

/// A network that keeps the bodies of what was answered.
pub struct Recorder {
    inner: HttpNetwork,
    /// Request and answer.
    pub kept: Mutex<Vec<(Vec<u8>, Vec<u8>)>>,
}

impl Recorder {
    /// Over real sockets.
    pub fn new() -> Arc<Recorder> {
        Arc::new(Recorder { inner: HttpNetwork::for_gateway(), kept: Mutex::default() })
    }

    /// The longest answer to a request in which this text stands.
    pub fn longest(&self, asked: &str) -> Vec<u8> {
        let kept = self.kept.lock().unwrap();
        let fitting = kept.iter().filter(|(request, _)| String::from_utf8_lossy(request).contains(asked));
        fitting.max_by_key(|(_, answer)| answer.len()).unwrap().1.clone()
    }
}

impl Network for Recorder {
    fn exchange(&self, request: Request) -> Boxed<'_, Result<Response, NetError>> {
        Box::pin(async move {
            let asked = request.body.clone();
            let answer = self.inner.exchange(request).await?;
            self.kept.lock().unwrap().push((asked, answer.body.clone()));
            Ok(answer)
        })
    }
}

/// Networks over real sockets.
pub fn networks() -> Networks {
    compose::networks()
}
