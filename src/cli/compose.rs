//! Composition: from a configuration to a running engine with its lock, vault, store, networks and socket.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::exit::{CliError, Exit};
use super::link::socket_of;
use crate::config::{Config, process_environment};
use crate::control::{Access, BindError, Server, this_person};
use crate::engine::{
    BuildError, Credentials, CronBell, Engine, Networks, Offline, Parts, Resealed, reseal as reseal_store, take_lock,
};
use crate::messages::LogRing;
use crate::model::Actor;
use crate::seams::{HttpNetwork, Seams};
use crate::store::{Lock, Mode, Store, StoreError};
use crate::vault::{KeySource, Vault};

/// An engine in this process, with what lives as long as it.
pub struct Running {
    /// The engine.
    pub engine: Engine,
    socket: tokio::task::JoinHandle<()>,
    stop: tokio_util::sync::CancellationToken,
    _lock: Lock,
}

impl Running {
    /// Ends the engine: what is in flight is finished and written, faces are told.
    pub async fn stop(self) {
        self.engine.stop().await;
        self.stop.cancel();
        let _ = self.socket.await;
    }
}

/// Starts an engine on a configuration. With `schedules` false only passes and orders make flows run.
pub async fn start(config: Config, config_path: &Path, log: LogRing, schedules: bool) -> Result<Running, CliError> {
    let vault = open_vault(&config)?;
    // Missing credentials are said before anything is opened.
    Credentials::from_vault(&vault)?;
    let lock = take_lock(&config.data_dir).await?;
    if let Some(pid) = lock.left_by().filter(|pid| is_one_of_us(*pid)) {
        tracing::warn!(
            "the lock file names process {pid}, which still runs but does not hold it: was the file deleted, or the \
             directory copied? If that is an engine of this directory, it ends before it writes or sends anything more"
        );
    }
    let store = Store::open_locked(&lock, config.store.cache, Mode::Threads, |done| {
        tracing::info!("the store was not closed in order; checking it: {:.0} %", done * 100.0);
    })
    .map_err(BuildError::from)?;
    let access = Access::new(config.control.roles.clone(), config.control.group.clone());
    let server = Server::bind(&socket_of(&config), access).map_err(|error| match error {
        BindError::Live(_) => CliError::Locked(error.to_string()),
        error => CliError::Failed(error.to_string()),
    })?;
    let (path, data_dir) = (config_path.to_owned(), config.data_dir.clone());
    let parts = Parts {
        config,
        store,
        vault,
        seams: Seams::system(),
        networks: networks(),
        log,
        reread: Box::new(move || {
            let mut config = Config::load(&path, &process_environment).map_err(|error| error.to_string())?;
            config.data_dir.clone_from(&data_dir);
            Ok(config)
        }),
    };
    let engine = Engine::start(parts, Box::new(CronBell), schedules).await?;
    let stop = tokio_util::sync::CancellationToken::new();
    let (service, token) = (Arc::new(engine.clone()), stop.clone());
    let socket = tokio::spawn(async move { server.run(service, token).await });
    Ok(Running { engine, socket, stop, _lock: lock })
}

/// The networks to the real systems.
pub fn networks() -> Networks {
    Networks { jaggaer: Arc::new(HttpNetwork::new()), intacct: Arc::new(HttpNetwork::for_gateway()) }
}

/// The vault of a configuration. It is created only where there is no store yet: a store's raw documents need the old one.
pub fn open_vault(config: &Config) -> Result<Vault, CliError> {
    let source = KeySource::find(config.key_file.as_deref(), &process_environment)?;
    let (vault, store) = (config.data_dir.join("vault.toml"), config.data_dir.join("tollgate.redb"));
    if Vault::exists(&config.data_dir) {
        return Ok(Vault::open(&config.data_dir, source)?);
    }
    if store.exists() {
        return Err(CliError::Usage(format!(
            "{} is missing, and only its keys open the documents in {}: put it back from the backup that goes with the \
             store. If there is none, move the store away as well and start anew: bills already in Intacct are found by \
             their marks, none is doubled",
            vault.display(),
            store.display()
        )));
    }
    Ok(Vault::open_or_create(&config.data_dir, source, jiff::Timestamp::now())?)
}

/// The store of a configuration without an engine.
pub async fn offline(config: Config) -> Result<Offline, CliError> {
    let vault = open_vault(&config).ok();
    Ok(Offline::open(config, vault.as_ref()).await?)
}

/// Encrypts the raw documents of a data directory with the current data key, without an engine.
pub async fn reseal(config: &Config, mut vault: Vault) -> Result<Resealed, CliError> {
    let lock = take_lock(&config.data_dir).await?;
    let store = Store::open_locked(&lock, config.store.cache, Mode::Inline, |_| {}).map_err(BuildError::from)?;
    let who = Actor::Person(this_person());
    let done = reseal_store(&store, &mut vault, who, jiff::Timestamp::now()).await;
    store.close();
    Ok(done?)
}

/// A runtime for an engine: two workers are enough for everything that waits.
pub fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    one_heap();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CliError::io("starting", error))
}

/// One heap for all threads. By itself glibc gives every thread its own, and each keeps what was freed in it: half as much
/// memory again.
fn one_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it takes two numbers, and the threads that it is about have not begun.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Ends a runtime without waiting for blocking calls that hang.
pub fn finish(runtime: tokio::runtime::Runtime) {
    runtime.shutdown_timeout(Duration::from_secs(5));
}

/// Whether that process runs this program.
fn is_one_of_us(pid: u32) -> bool {
    let name = |of: String| std::fs::read(format!("/proc/{of}/comm")).ok();
    pid != std::process::id() && name(pid.to_string()).is_some_and(|found| Some(found) == name("self".to_owned()))
}

/// What the end of an engine that lost its data directory comes to.
pub fn lost(engine: &Engine) -> Result<(), CliError> {
    engine.lost().map_or(Ok(()), |lost| Err(BuildError::Store(StoreError::Lost(lost)).into()))
}

impl From<BuildError> for CliError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Vault(error) => CliError::Vault(error),
            BuildError::Locked { .. } => CliError::Locked(error.to_string()),
            BuildError::Faults(_) | BuildError::Jaggaer(_) | BuildError::Identity(_) => {
                CliError::Usage(error.to_string())
            }
            BuildError::Store(StoreError::InUse { .. }) => CliError::Locked(error.to_string()),
            BuildError::Store(StoreError::Lost(lost)) => {
                let what = format!("{lost}. {}", lost.advice());
                if lost.taken { CliError::Locked(what) } else { CliError::Failed(what) }
            }
            BuildError::Store(error) => CliError::Failed(error.to_string()),
        }
    }
}

/// What a state of documents comes to.
pub fn attention(needs: bool) -> Exit {
    if needs { Exit::Attention } else { Exit::Done }
}
