//! The console: state → update → view, and a shell that runs what they want done.
//!
//! Floor 5. It knows [`crate::messages`] and [`crate::model`] only: everything comes over an `Arc<dyn Link>`, so that it shows a
//! remote engine as it shows one in its own process. `update` and `view` are functions that neither wait nor touch the
//! world; `shell` has the one loop, `terminal` and `input` have the terminal. Nothing here blocks on a store, a file or the terminal.

mod actions;
mod clipboard;
mod dialog;
#[cfg(test)]
mod fake;
mod filter;
mod input;
mod keymap;
mod list;
#[cfg(test)]
mod list_tests;
mod logfeed;
mod memory;
mod message;
mod output;
mod painter;
mod shell;
#[cfg(test)]
mod shell_tests;
mod state;
mod terminal;
mod text;
mod theme;
mod update;
#[cfg(test)]
mod update_tests;
mod vendors;
#[cfg(test)]
mod vendors_tests;
mod view;
#[cfg(test)]
mod view_tests;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;

pub use actions::{Action, Scope};
pub use filter::describe as describe_filter;
pub use keymap::{Key, Keymap, KeymapFault};
pub use shell::Ended;
pub use theme::ColorChoice;

use crate::messages::Link;

/// How the console is opened.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A key file of the person's own, laid over the embedded one.
    pub keymap: Option<PathBuf>,
    /// Colours.
    pub color: ColorChoice,
    /// Show everything, change nothing. A link that is read-only is so in any case.
    pub read_only: bool,
    /// Where the filters are kept for the next time.
    pub state_file: Option<PathBuf>,
}

/// Why the console could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The key file could not be read.
    #[error("the key file {path} cannot be read: {source}. Mend it, or leave it out")]
    KeymapFile {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The key file has faults.
    #[error("the keys cannot be used:\n{}", .0.iter().map(|fault| format!("  {fault}")).collect::<Vec<_>>().join("\n"))]
    Keymap(Vec<KeymapFault>),
    /// There is no terminal.
    #[error("there is no terminal to open the console on ({0}). `tollgate status` and `tollgate run` work without one")]
    NoTerminal(std::io::Error),
    /// The terminal refused something.
    #[error("the terminal failed: {0}")]
    Terminal(std::io::Error),
}

/// Reads the keys as [`run`] does, so that a fault can be shown before anything is started.
///
/// # Errors
/// The file cannot be read, or has faults: all of them, with their lines.
pub fn load_keymap(path: Option<&std::path::Path>) -> Result<Keymap, ConsoleError> {
    let Some(path) = path else { return Keymap::load(None).map_err(ConsoleError::Keymap) };
    let text =
        std::fs::read_to_string(path).map_err(|source| ConsoleError::KeymapFile { path: path.to_owned(), source })?;
    let name = crate::model::safe(&path.display().to_string()).into_owned();
    Keymap::load(Some((&name, &text))).map_err(ConsoleError::Keymap)
}

/// Opens the console on this process's terminal and stays until the person leaves, the terminal or the link is gone, or a
/// signal ends it. Then the terminal is as it was found. Needs a tokio runtime with I/O and time.
///
/// # Errors
/// Faulty keys (before the screen opens), no terminal, or a terminal that cannot be set up.
pub async fn run(link: Arc<dyn Link>, options: Options) -> Result<Ended, ConsoleError> {
    let keymap = Arc::new(load_keymap(options.keymap.as_deref())?);
    let variable = |name: &str| std::env::var(name).ok();
    let color = options.color.decide(variable("NO_COLOR").as_deref(), variable("TERM").as_deref());
    // Otherwise crossterm would look at NO_COLOR by itself, and `--color always` would be half obeyed.
    ratatui::crossterm::style::force_color_output(color);
    let kept = options.state_file.as_deref().map(memory::read).unwrap_or_default();

    let (send, outside) = mpsc::unbounded_channel();
    let device = terminal::RealTerminal::open().map_err(ConsoleError::NoTerminal)?;
    let writer = device.writer().map_err(ConsoleError::NoTerminal)?;
    let size = terminal::Device::size(&device).map_err(ConsoleError::NoTerminal)?;
    let read_only = options.read_only || link.read_only();
    let start = state::Start {
        now: Timestamp::now(),
        zone: TimeZone::system(),
        snapshot: link.snapshots().borrow().clone(),
        size,
        theme: theme::Theme { color },
        keymap,
        read_only,
        owns_engine: link.owns_engine(),
        filter: kept.filter,
        vendors_filter: kept.vendors,
        seed: fastrand::u64(..),
    };
    let ui = state::Ui::new(start);
    let surroundings = shell::Surroundings {
        slow: variable("SSH_CONNECTION").is_some(),
        multiplexer: clipboard::Multiplexer::find(variable("TMUX").as_deref(), variable("TERM").as_deref()),
        state_file: options.state_file,
    };

    let _hook = terminal::PanicHook::install();
    let mut device = device;
    terminal::Device::enter(&mut device).map_err(ConsoleError::Terminal)?;
    let input = input::watch(send.clone()).map_err(ConsoleError::Terminal)?;
    let shell = shell::Shell::new(link, ui, surroundings, Box::new(device), Box::new(writer), (send, outside));
    let ended = terminal::on_screen(shell.run()).await;
    drop(input);
    Ok(ended)
}
