//! `tollgate queue`: stop and restart posting. It lasts until it is taken back, also over restarts.

use clap::{Args, Subcommand};

use super::Json;
use super::exit::{CliError, Exit};
use super::output::Terminal;
use super::select::tell;
use crate::messages::{Command, Link};

/// `queue …`
#[derive(Subcommand, Debug)]
pub enum QueueCommand {
    /// Send nothing more; what is in flight is finished, and documents go on being read and mapped
    Pause(PauseArgs),
    /// Send again
    Resume(ResumeArgs),
}

/// `queue pause`
#[derive(Args, Debug)]
pub struct PauseArgs {
    /// Why; shown to everybody and kept in the audit trail
    #[arg(long, value_name = "REASON", default_value = "no reason given")]
    pub reason: String,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// `queue resume`
#[derive(Args, Debug)]
pub struct ResumeArgs {
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// Runs it.
pub async fn run(command: &QueueCommand, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    match command {
        QueueCommand::Pause(args) => {
            tell(link, Command::PauseQueue { why: args.reason.clone() }, args.json.json, terminal).await
        }
        QueueCommand::Resume(args) => tell(link, Command::ResumeQueue, args.json.json, terminal).await,
    }
}
