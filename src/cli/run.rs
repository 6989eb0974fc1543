//! `tollgate run`: the engine without a console.

use clap::Args;

use super::exit::{CliError, Exit};
use super::output::Terminal;
use super::{Global, Json};
use crate::messages::RunSummary;

/// `run`: for systemd, containers and cron. SIGTERM and SIGINT finish the request in flight and stop; SIGHUP reads the
/// configuration again.
#[derive(Args, Clone, Debug, Default)]
pub struct RunArgs {
    /// Poll every flow once, post what can be posted, print a summary, and end
    #[arg(long)]
    pub once: bool,
    /// With --once: wait until nothing is in doubt any more
    #[arg(long, requires = "once")]
    pub settle: bool,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

// PLACEHOLDER for the composition: configuration (`link::configuration`), lock (pid of the holder: `CliError::Locked`), vault,
// store, engine, `control::Server::bind(…)` before anything is done and `Server::run` beside the engine, signals,
// `logging::init(verbosity, true, Some(ring), None)`; with `--once` the summary is printed by `print_summary`.
/// Runs it.
pub fn run(_args: &RunArgs, _global: &Global, _terminal: &mut Terminal) -> Result<Exit, CliError> {
    Err(CliError::Failed("the engine is not part of this build".to_owned()))
}

/// Prints what a pass did, as text or as one JSON value.
pub fn print_summary(summary: &RunSummary, json: bool, terminal: &mut Terminal) -> Result<(), CliError> {
    if json { terminal.json(summary) } else { terminal.print(&summary.text()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::testing::terminal;

    #[test]
    fn the_summary_is_one_json_value_on_one_line() {
        let (mut term, out, _) = terminal(None);
        print_summary(&RunSummary::default(), true, &mut term).unwrap();
        let value: serde_json::Value = serde_json::from_str(&out.text()).unwrap();
        assert_eq!(out.text().lines().count(), 1);
        assert_eq!(value["documents"].as_object().unwrap().len(), 13);
    }
}
