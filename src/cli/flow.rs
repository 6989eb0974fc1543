//! `tollgate flow`: run a flow now, or stop it until it is resumed.

use clap::{Args, Subcommand};

use super::Json;
use super::exit::{CliError, Exit};
use super::output::Terminal;
use super::select::tell;
use crate::messages::{Command, Link};

/// `flow …`
#[derive(Subcommand, Debug)]
pub enum FlowCommand {
    /// Run a flow now, whatever its schedule
    Run(FlowArgs),
    /// Run it no more until it is resumed, also over restarts
    Pause(FlowArgs),
    /// Run it by its schedule again
    Resume(FlowArgs),
}

/// Which flow.
#[derive(Args, Debug)]
pub struct FlowArgs {
    /// Name of the flow: invoices, vendors, dimensions, audit; `tollgate status` lists them
    #[arg(value_name = "NAME")]
    pub name: String,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// Runs it.
pub async fn run(command: &FlowCommand, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let (order, json) = match command {
        FlowCommand::Run(args) => (Command::RunFlow(args.name.clone()), args.json),
        FlowCommand::Pause(args) => (Command::PauseFlow(args.name.clone()), args.json),
        FlowCommand::Resume(args) => (Command::ResumeFlow(args.name.clone()), args.json),
    };
    tell(link, order, json.json, terminal).await
}
