//! `tollgate reload`: read configuration, profile and mapping again.

use clap::Args;

use super::Json;
use super::exit::{CliError, Exit};
use super::output::Terminal;
use super::select::tell;
use crate::messages::{Command, Link};

/// `reload`: a faulty configuration is refused and the old one stays; held documents are evaluated again.
#[derive(Args, Debug)]
pub struct ReloadArgs {
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// Runs it.
pub async fn run(args: &ReloadArgs, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    tell(link, Command::Reload, args.json.json, terminal).await
}
