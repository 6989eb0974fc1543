//! `tollgate console`: the terminal interface, on the running engine or on one of its own.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::exit::{CliError, Exit};
use super::logging::{self, Verbosity};
use super::output::{Color, Terminal};
use super::{Global, compose, link};
use crate::config::{Config, process_environment};
use crate::console::{self, ColorChoice, ConsoleError, Ended, Options};
use crate::control::{InProcess, this_person};
use crate::messages::{LaneState, Link, LogRing, Service};

/// `console`: attaches to the engine that runs on this data directory; without one, runs the engine in this process for as long
/// as the console is open. `--read-only` shows everything and changes nothing.
#[derive(Args, Clone, Debug, Default)]
pub struct ConsoleArgs {}

/// Runs it.
pub fn run(_args: &ConsoleArgs, global: &Global, terminal: &mut Terminal) -> Result<Exit, CliError> {
    if !(terminal.interactive && std::io::stdout().is_terminal()) {
        return Err(CliError::Usage(
            "the console needs a terminal; without one use `tollgate run`, `tollgate status` or `tollgate --help`"
                .into(),
        ));
    }
    let log = LogRing::new();
    logging::init(global.log_level.unwrap_or(Verbosity::Info), false, Some(log.clone()), None);
    let place = link::place(global)?;
    let runtime = compose::runtime()?;
    let result = runtime.block_on(async {
        if let Some(attached) = link::attach(&place, global.read_only).await? {
            if let Some(notice) = attached.notice() {
                terminal.note(&format!("note: {notice}"));
            }
            return show(Arc::new(attached), place.config.as_ref(), global, state_file()).await;
        }
        let path = Config::find(global.config.as_deref(), &process_environment)?;
        let config = link::configuration(global)?;
        let running = compose::start(config.clone(), &path, log, true).await?;
        let link = in_process(Arc::new(running.engine.clone()), global);
        let exit = show(link, Some(&config), global, state_file()).await;
        if !matches!(running.engine.snapshots().borrow().gateway.lane, LaneState::Idle) {
            terminal.note("finishing the request in flight …");
        }
        let engine = running.engine.clone();
        running.stop().await;
        compose::lost(&engine)?;
        exit
    });
    compose::finish(runtime);
    result
}

/// Opens the console on the demo's engine; nothing is remembered of it, and nothing of earlier consoles comes up in it.
pub async fn open_demo(service: Arc<dyn Service>, global: &Global) -> Result<Exit, CliError> {
    show(in_process(service, global), None, global, None).await
}

fn in_process(service: Arc<dyn Service>, global: &Global) -> Arc<dyn Link> {
    Arc::new(InProcess { service, person: this_person(), read_only: global.read_only })
}

async fn show(
    link: Arc<dyn Link>,
    config: Option<&Config>,
    global: &Global,
    state_file: Option<PathBuf>,
) -> Result<Exit, CliError> {
    let keymap = keymap_path(config);
    let options = Options {
        keymap,
        color: match global.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        },
        read_only: global.read_only,
        state_file,
    };
    match console::run(link, options).await {
        Ok(Ended::LinkLost) => Err(CliError::Failed("the engine went away; the console ended".to_owned())),
        Ok(_) => Ok(Exit::Done),
        Err(error @ (ConsoleError::Keymap(..) | ConsoleError::KeymapFile { .. })) => {
            Err(CliError::Usage(error.to_string()))
        }
        Err(error) => Err(CliError::Failed(error.to_string())),
    }
}

/// Keys of the person's own: `keymap.toml` beside the configuration, or in the person's configuration directory.
fn keymap_path(config: Option<&Config>) -> Option<PathBuf> {
    let home = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")));
    let own = home.map(|home| home.join("tollgate/keymap.toml"));
    let beside = config.and_then(|config| Some(config.path.parent()?.join("keymap.toml")));
    own.into_iter().chain(beside).find(|path| path.exists())
}

/// Where the filter is kept for the next time.
fn state_file() -> Option<PathBuf> {
    let home = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))?;
    let directory = home.join("tollgate");
    std::fs::create_dir_all(&directory).ok()?;
    Some(directory.join("console"))
}
