//! `tollgate demo`: both systems simulated on loopback, seeded data, a throw-away data directory.

use clap::Args;

use super::exit::{CliError, Exit};
use super::output::Terminal;
use super::{Global, Json};

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

// PLACEHOLDER for the composition: simulators on loopback, temporary data directory, engine, console or one pass;
// `run::print_summary` prints what the pass did, `Terminal::interactive` says whether there is a terminal.
/// Runs it.
pub fn run(_args: &DemoArgs, _global: &Global, _terminal: &mut Terminal) -> Result<Exit, CliError> {
    Err(CliError::Failed("the demo is not part of this build".to_owned()))
}
