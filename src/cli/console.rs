//! `tollgate console`: the terminal interface, on the running engine or on one of its own.

use clap::Args;

use super::Global;
use super::exit::{CliError, Exit};
use super::output::Terminal;

/// `console`: attaches to the engine that runs on this data directory; without one, runs the engine in this process for as long
/// as the console is open. `--read-only` shows everything and changes nothing.
#[derive(Args, Clone, Debug, Default)]
pub struct ConsoleArgs {}

// PLACEHOLDER for the composition: attach (`link::place`, `link::attach`) or start an engine in this process, then open the
// console on the link; `Attached::notice` is shown in it. The log goes to the console's panel: `logging::init(…, false, …)`.
/// Runs it.
pub fn run(_args: &ConsoleArgs, _global: &Global, _terminal: &mut Terminal) -> Result<Exit, CliError> {
    Err(CliError::Failed("the console is not part of this build".to_owned()))
}
